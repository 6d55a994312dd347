"""Operations that only plans have: forms of others in which kernels compute them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from glassgrad.graph import Operation, TensorSpec
from glassgrad.ops.mapping import TOTAL, ElementwiseMap
from glassgrad.ops.windows import PaddingWidths

__all__ = [
    "ConvolutionKernelSums",
    "ConvolutionSpread",
    "DividedMap",
    "PartialSums",
    "WinogradConvolution",
    "WinogradKernel",
    "WinogradKernelSums",
    "WinogradWeights",
]


@dataclass(frozen=True)
class ConvolutionSpread(Operation):
    """`ConvolutionInputGradient` of g and of the kernel's turned weights.

    They have shape (groups, filters / groups, places, channels / groups), or as they lie, in one
    column, where each group has one channel.
    """

    space: tuple[int, ...]
    window: tuple[int, ...]
    strides: tuple[int, ...]
    padding: PaddingWidths
    dilation: tuple[int, ...]
    groups: int

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """(batch, *space, channels)."""
        g, turned = inputs
        return TensorSpec((g.shape[0], *self.space, self.groups * turned.shape[-1]), g.dtype)


@dataclass(frozen=True)
class ConvolutionKernelSums(Operation):
    """`ConvolutionKernelGradient` of each of so many pieces of all windows: their sum is meant."""

    window: tuple[int, ...]
    strides: tuple[int, ...]
    padding: PaddingWidths
    dilation: tuple[int, ...]
    groups: int
    pieces: int

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """(pieces, *window, channels / groups, filters)."""
        x, g = inputs
        shape = self.pieces, *self.window, x.shape[-1] // self.groups, g.shape[-1]
        return TensorSpec(shape, x.dtype)

    @property
    def is_plain(self) -> bool:
        """Whether each window sees one element, and all do in turn."""
        return (
            prod(self.window) == prod(self.strides) == self.groups == 1
            and not any(width for pair in self.padding for width in pair)
        )  # fmt: skip


@dataclass(frozen=True)
class WinogradWeights(Operation):
    """The weights (36, channels, filters) of `WinogradConvolution`, from a kernel (3, 3, …)."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """A matrix for each point of a tile."""
        (kernel,) = inputs
        return TensorSpec((36, *kernel.shape[2:]), kernel.dtype)


@dataclass(frozen=True)
class WinogradConvolution(Operation):
    """`Convolution` with windows of three by three, of x and transformed weights.

    With ``unpooled``, x is what comes back to the windows of a max pooling of two by two, over a
    space of that size; a third input says to which place of each.
    """

    padding: PaddingWidths
    unpooled: tuple[int, ...] = ()

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """(batch, *count, filters)."""
        x, weights = inputs[:2]
        space = self.unpooled or x.shape[1:3]
        count = (
            n + before + after - 2 for n, (before, after) in zip(space, self.padding, strict=True)
        )
        return TensorSpec((x.shape[0], *count, weights.shape[-1]), x.dtype)


@dataclass(frozen=True)
class WinogradKernelSums(Operation):
    """The gradient of transformed weights, of x and g, for each of so many pieces of all tiles.

    ``unpooled`` and a third input say the same of g as they do in `WinogradConvolution` of x.
    """

    padding: PaddingWidths
    pieces: int
    unpooled: tuple[int, ...] = ()

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """(pieces, 36, channels, filters)."""
        x, g = inputs[:2]
        return TensorSpec((self.pieces, 36, x.shape[-1], g.shape[-1]), x.dtype)


@dataclass(frozen=True)
class WinogradKernel(Operation):
    """The gradient (3, 3, channels, filters) of a kernel, from that of its transformed weights."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """A matrix for each place of the window."""
        (weights,) = inputs
        return TensorSpec((3, 3, *weights.shape[1:]), weights.dtype)


@dataclass(frozen=True)
class PartialSums(Operation):
    """The sums of columns (…, columns) over the rows of each part: their sum is meant."""

    parts: int

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """(parts, columns)."""
        (x,) = inputs
        return TensorSpec((self.parts, x.shape[-1]), x.dtype)


@dataclass(frozen=True)
class DividedMap(ElementwiseMap):
    """`ElementwiseMap` with the sums of squares of each part: their sum is meant."""

    parts: int = 1

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """(length, parts) for each sum."""
        specs = super().shape(*inputs)
        sums = TensorSpec((self.length, self.parts), TOTAL)
        return (*specs[: len(specs) - self.squares], *[sums] * self.squares)
