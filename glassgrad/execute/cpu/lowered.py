"""Operations that only plans have: forms of others in which kernels compute them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from glassgrad.graph import Operation, TensorSpec
from glassgrad.ops.windows import PaddingWidths

__all__ = ["ConvolutionKernelSums", "ConvolutionSpread"]


@dataclass(frozen=True)
class ConvolutionSpread(Operation):
    """`ConvolutionInputGradient` of g and of the kernel's turned weights.

    They have shape (places, groups, filters / groups, channels / groups).
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
