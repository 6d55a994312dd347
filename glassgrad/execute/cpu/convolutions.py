"""A pass: convolutions become what kernels compute well.

- A window of one element that sees all in turn makes a product of matrices.
- The gradient of the input wants the weights turned: filters before channels.
- The gradient of the kernel is a sum over all windows, which the parts share: each has a sum of
  its own, and these are added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np

from glassgrad.execute.cpu.lowered import (
    ConvolutionKernelSums,
    ConvolutionSpread,
    WinogradConvolution,
    WinogradKernel,
    WinogradKernelSums,
    WinogradWeights,
)
from glassgrad.graph import Node, Operation, Tensor, TensorSpec, rewrite
from glassgrad.ops.convolution import (
    Convolution,
    ConvolutionInputGradient,
    ConvolutionKernelGradient,
)
from glassgrad.ops.linear import MatMul
from glassgrad.ops.movement import Flip, Reshape, Transpose
from glassgrad.ops.pooling import MaxPoolGradient
from glassgrad.ops.reduction import Sum
from glassgrad.ops.windows import PaddingWidths

__all__ = ["lower"]

LARGEST_SUMS = 1 << 22
"""Elements of all sums of a kernel's gradient together."""

FEWEST_CHANNELS = 16
"""And filters: below, transforming tiles takes longer than the products that it saves."""

Sliding: TypeAlias = Convolution | ConvolutionInputGradient | ConvolutionKernelGradient
Rule: TypeAlias = "Callable[[Node, tuple[Tensor, ...], Terms], Any]"


@dataclass(frozen=True)
class Terms:
    """What decides how convolutions are computed, besides their shapes.

    Args:
        parts: among how many the sums of a kernel's gradient are divided.
        exact: whether each sum is computed as it is written, and none by tiles.
    """

    parts: int
    exact: bool = False


def lower(outputs: Sequence[Tensor], parts: int, exact: bool = False) -> tuple[Tensor, ...]:
    """Rewrite every convolution in a graph for so many parts; if exact, with plain sums."""
    terms = Terms(parts, exact)

    def replace(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        rule = RULES.get(type(node.operation))
        made = rule(node, inputs, terms) if rule is not None else None
        if made is None:
            return None
        return _of_layer(made, inputs, node.scope).node.outputs

    return rewrite(outputs, replace)


def _of_layer(result: Tensor, inputs: tuple[Tensor, ...], scope: str) -> Tensor:
    """Let what was made of the inputs belong to a layer."""
    known = {node for tensor in inputs for node in (tensor.node, *_makers(tensor.node))}
    pending = [result.node]
    while pending:
        node = pending.pop()
        if node not in known:
            known.add(node)
            node.scope = scope
            pending += _makers(node)
    return result


def _makers(node: Node) -> list[Node]:
    return [tensor.node for tensor in node.inputs]


def _convolution(node: Node, inputs: tuple[Tensor, ...], terms: Terms) -> Any:
    x, kernel = inputs
    operation = node.operation
    assert isinstance(operation, Convolution)
    if not terms.exact and _is_for_tiles(operation, kernel.spec):
        return WinogradConvolution(operation.padding)(x, WinogradWeights()(kernel))
    if not _is_pointwise(operation, kernel.shape[:-2]):
        return None
    product = MatMul()(_as_matrix(x), _as_matrix(kernel))
    return Reshape(node.specs[0].shape)(product)


def _input_gradient(node: Node, inputs: tuple[Tensor, ...], terms: Terms) -> Any:
    g, kernel = inputs
    operation = node.operation
    assert isinstance(operation, ConvolutionInputGradient)
    *window, channels, filters = kernel.shape
    if _is_pointwise(operation, window):
        product = MatMul(False, True)(_as_matrix(g), _as_matrix(kernel))
        return Reshape(node.specs[0].shape)(product)
    if not terms.exact and _is_for_tiles(operation, kernel.spec):
        turned = Transpose((0, 1, 3, 2))(Flip((0, 1))(kernel))
        weights, padding = WinogradWeights()(turned), _turned(operation.padding)
        if _is_unpooled(g):
            back, places = g.node.inputs
            return WinogradConvolution(padding, g.shape[1:3])(back, weights, places)
        return WinogradConvolution(padding)(g, weights)
    groups = operation.groups
    by_place = Reshape((prod(window), channels, groups, filters // groups))(kernel)
    spread = ConvolutionSpread(
        operation.space, tuple(window), operation.strides, operation.padding,
        operation.dilation, groups,
    )  # fmt: skip
    if channels == 1 and groups > 1:
        return spread(g, Reshape((kernel.size, 1))(kernel))
    return spread(g, Transpose((2, 3, 0, 1))(by_place))


def _kernel_gradient(node: Node, inputs: tuple[Tensor, ...], terms: Terms) -> Any:
    operation = node.operation
    assert isinstance(operation, ConvolutionKernelGradient)
    spec = node.specs[0]
    pieces = max(1, min(terms.parts, LARGEST_SUMS // max(spec.size, 1)))
    if not terms.exact and _is_for_tiles(operation, spec):
        x, g = inputs
        unpooled = g.shape[1:3] if _is_unpooled(g) else ()
        given = g.node.inputs if unpooled else (g,)
        sums = WinogradKernelSums(operation.padding, pieces, unpooled)(x, *given)
        return WinogradKernel()(Sum((0,))(sums))
    sums = ConvolutionKernelSums(
        operation.window, operation.strides, operation.padding, operation.dilation,
        operation.groups, pieces,
    )  # fmt: skip
    return Sum((0,))(sums(*inputs))


def _is_for_tiles(operation: Sliding, kernel: TensorSpec) -> bool:
    """Whether tiles of results are worth making together."""
    return (
        kernel.dtype == np.float32
        and kernel.shape[:-2] == (3, 3)
        and operation.strides == operation.dilation == (1, 1)
        and operation.groups == 1
        and min(kernel.shape[-2:]) >= FEWEST_CHANNELS
        and max(width for pair in operation.padding for width in pair) <= 2
    )


def _is_unpooled(g: Tensor) -> bool:
    """Whether a max pooling of two by two gives it back: that is done again for each tile."""
    operation = g.node.operation
    return (
        type(operation) is MaxPoolGradient
        and operation.window == operation.strides == (2, 2)
        and not any(width for pair in operation.padding for width in pair)
        and g.node.inputs[1].dtype == np.uint8
    )


def _turned(padding: PaddingWidths) -> PaddingWidths:
    """The padding with which what comes back is seen from each element of the input."""
    return tuple((2 - before, 2 - after) for before, after in padding)


def _is_pointwise(operation: Convolution | ConvolutionInputGradient, window: Sequence[int]) -> bool:
    """Whether each window sees one element, and all do in turn."""
    is_one_each = prod(window) == prod(operation.strides) == operation.groups == 1
    return is_one_each and not any(width for pair in operation.padding for width in pair)


def _as_matrix(tensor: Tensor) -> Any:
    return Reshape((prod(tensor.shape[:-1]), tensor.shape[-1]))(tensor)


RULES: dict[type[Operation], Rule] = {
    Convolution: _convolution,
    ConvolutionInputGradient: _input_gradient,
    ConvolutionKernelGradient: _kernel_gradient,
}
