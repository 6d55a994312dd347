"""Unit variance by the data: kernels are scaled, layer by layer, until their outputs fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from math import isfinite, sqrt
from typing import Any

import numpy as np

from glassgrad.arguments import checked_before
from glassgrad.errors import ArgumentError, DataError
from glassgrad.execute.executor import Executor, executor_named
from glassgrad.graph import Tensor, Trace, Variable, tracing, walk
from glassgrad.graph.operation import Operation
from glassgrad.graph.symbolic import has_symbols
from glassgrad.graph.tensor import Read
from glassgrad.graph.trees import leaves_of
from glassgrad.initializers import Orthogonal
from glassgrad.layers import Layer
from glassgrad.layers.layer import require_count
from glassgrad.ops.contraction import Einsum
from glassgrad.ops.convolution import Convolution, ConvolutionInputGradient
from glassgrad.ops.elementwise import Cast
from glassgrad.ops.linear import MatMul
from glassgrad.ops.movement import Reshape, Transpose
from glassgrad.ops.statistics import var
from glassgrad.random_seed import check_seed, next_generator

__all__ = ["PASSAGES", "PRODUCTS", "Scaling", "lsuv"]

NO_VARIANCE = 1e-12  # what rounding makes of outputs that are equal, relative to their squares

#: What makes a layer's sums of its inputs and its kernel.
PRODUCTS: tuple[type[Operation], ...] = (Einsum, MatMul, Convolution, ConvolutionInputGradient)
#: What a kernel may pass on its way into a product.
PASSAGES: tuple[type[Operation], ...] = (Cast, Reshape, Transpose)


@dataclass(frozen=True)
class Scaling:
    """What was done to one kernel.

    Args:
        name: the kernel's name.
        before: the variance of its outputs as found, after the orthonormal start if there was one.
        after: the variance at the end.
        factor: by what the kernel was multiplied.
        attempts: how often it was scaled.
    """

    name: str
    before: float
    after: float
    factor: float
    attempts: int


@checked_before
def lsuv(
    model: Layer,
    x: Any,
    tolerance: float = 0.1,
    max_attempts: int = 10,
    orthonormal: bool = True,
    seed: int | None = None,
    executor: str | Executor | None = None,
) -> list[Scaling]:
    """Let every layer begin with outputs of variance 1 on a batch of data.

    Layer-sequential unit-variance initialisation: each kernel begins orthonormal; then, from the
    first layer to the last, W <- W / sqrt(Var(x W)) until |Var(x W) - 1| <= tolerance. The
    variance is taken over all examples, positions and units, before the bias and the activation.
    Kernels are the trainable weights of two axes or more that enter a product with their layer's
    inputs, whether the model is a ``Sequential``, nested, or a class of one's own; a kernel that is
    used several times fits on average over its uses. Biases, embeddings and frozen weights stay as
    they are.

    Args:
        model: a model or layer; it is built by ``x`` where that is still to be done.
        x: a batch of inputs, some hundreds of examples.
        tolerance: how far from 1 a variance may stay, above 0.
        max_attempts: how often one kernel is scaled at most.
        orthonormal: whether kernels begin as orthonormal matrices; else they are scaled as found.
        seed: an integer that decides the orthonormal matrices; ``None`` follows the seed under way.
        executor: "cpu" or "reference"; the current one by default.

    Returns:
        What was done to each kernel, in the order in which data meet them.

    Raises:
        ArgumentError: the tolerance is not positive, the attempts are no positive integer, or the
            model has no such kernel.
        DataError: the outputs of a layer do not vary or are not finite; the model then stays as it
            was.

    Example:
        >>> from glassgrad.layers import Dense
        >>> from glassgrad.models import Sequential
        >>> model = Sequential([Dense(8, activation="relu"), Dense(3)])
        >>> x = np.random.default_rng(0).normal(size=(100, 5))
        >>> done = lsuv(model, x, seed=1)
        >>> [round(one.after, 3) for one in done]
        [1.0, 1.0]

    Source: Mishkin, Matas, "All you need is a good init", 2016.
    """
    if not tolerance > 0:
        raise ArgumentError(f"The tolerance must be above 0. Got {tolerance}.")
    attempts, checked = require_count("max_attempts", max_attempts), check_seed(seed)
    if has_symbols(x):
        raise ArgumentError(
            "Variances are those of numbers: x must be a batch of data. Got a symbolic tensor."
        )
    uses = _uses_of_kernels(model, x)
    if not uses:
        raise ArgumentError(
            "Only kernels that are multiplied with inputs can be scaled. Got a model in which no "
            "trainable weight is; add a Dense layer, or thaw one that is frozen."
        )
    measured = [figure for outputs in uses.values() for figure in _figures(outputs)]
    program = executor_named(executor).compile(measured)

    def variance_of(kernel: Variable, place: int) -> float:
        total, of_units = program()[2 * place : 2 * place + 2]
        return _checked_variance(kernel, float(total), float(of_units))

    before = [kernel.numpy() for kernel in uses]
    try:
        if orthonormal:
            _orthonormalize(uses, checked)
        return [
            _scale(kernel, partial(variance_of, kernel, place), tolerance, attempts)
            for place, kernel in enumerate(uses)
        ]
    except DataError:
        for kernel, value in zip(uses, before, strict=True):
            kernel.assign(value)
        raise


def _uses_of_kernels(model: Layer, x: Any) -> dict[Variable, list[Tensor]]:
    """For each kernel the products it takes part in, in the order in which data meet them."""
    with tracing(Trace()):
        outputs = model(x)
    trainable = set(model.trainable_weights)
    uses: dict[Variable, list[Tensor]] = {}
    for node in walk(leaves_of(outputs)):
        if isinstance(node.operation, PRODUCTS):
            weights = [weight for one in node.inputs if (weight := _weight_behind(one)) is not None]
            is_kernel = len(weights) == 1 < len(node.inputs) and weights[0].ndim > 1
            if is_kernel and weights[0] in trainable:
                uses.setdefault(weights[0], []).extend(node.outputs)
    return uses


def _weight_behind(tensor: Tensor) -> Variable | None:
    while isinstance(tensor.node.operation, PASSAGES):
        (tensor,) = tensor.node.inputs
    operation = tensor.node.operation
    return operation.variable if isinstance(operation, Read) else None


def _figures(outputs: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The variance of a kernel's outputs, and the part of it that is not between units."""
    total = [var(output) for output in outputs]
    of_units = [var(output, tuple(range(output.ndim - 1))).mean() for output in outputs]
    return sum(total[1:], total[0]) / len(outputs), sum(of_units[1:], of_units[0]) / len(outputs)


def _checked_variance(kernel: Variable, total: float, of_units: float) -> float:
    if not (isfinite(total) and isfinite(of_units)):
        raise DataError(
            f"The outputs of {kernel.name!r} are not finite: their variance is {total}. Look for "
            "NaN and infinities in the data, and for layers before it that explode."
        )
    if of_units <= NO_VARIANCE * total or total == 0:
        raise DataError(
            f"The outputs of {kernel.name!r} are the same for every example, so no factor gives "
            "them variance 1. Pass a batch of different examples; where the data vary, the kernel "
            "is zero (let it begin with orthonormal=True) or a layer before it is silent, such as "
            "a relu whose sums are all negative."
        )
    return total


def _orthonormalize(kernels: Iterable[Variable], seed: int | None) -> None:
    generator = next_generator() if seed is None else np.random.default_rng(seed)
    for kernel in kernels:
        kernel.assign(Orthogonal()(kernel.shape, kernel.dtype, generator=generator))


def _scale(
    kernel: Variable, variance_of: Callable[[], float], tolerance: float, max_attempts: int
) -> Scaling:
    begin, before = kernel.numpy(), variance_of()
    after, factor, attempts = before, 1.0, 0
    while abs(after - 1.0) > tolerance and attempts < max_attempts:
        factor /= sqrt(after)
        kernel.assign(begin * factor)
        after, attempts = variance_of(), attempts + 1
    return Scaling(kernel.name, before, after, factor, attempts)
