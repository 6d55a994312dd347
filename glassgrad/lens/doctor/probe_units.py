"""Which axes of a parameter count units, of whatever layer it is."""

from __future__ import annotations

from collections.abc import Iterator

from glassgrad.graph import Variable
from glassgrad.layers import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    EinsumDense,
    Embedding,
    Layer,
)

__all__ = ["unit_axes_of"]

DEPTHWISE = (DepthwiseConv1D, DepthwiseConv2D)
TRANSPOSED = (Conv1DTranspose, Conv2DTranspose, Conv3DTranspose)


def unit_axes_of(model: Layer) -> dict[Variable, tuple[int, ...]]:
    """For each weight the axes along which its units are counted, none for vectors and numbers.

    A unit of a kernel is one of its outputs, a unit of a table is one of its rows.

    Example:
        >>> from glassgrad.layers import Dense, Input
        >>> from glassgrad.models import Sequential
        >>> model = Sequential([Input((6,)), Embedding(9, 2), Dense(3)])
        >>> list(unit_axes_of(model).values())
        [(0,), (1,), ()]
    """
    return {weight: axes for layer in _all_layers(model) for weight, axes in _own(layer)}


def _all_layers(layer: Layer) -> Iterator[Layer]:
    yield layer  # first, so that the innermost layer of a weight has the last word
    for inner in layer.sublayers:
        yield from _all_layers(inner)


def _own(layer: Layer) -> Iterator[tuple[Variable, tuple[int, ...]]]:
    for weight in layer.weights:
        rank = len(weight.shape)
        yield weight, () if rank < 2 else tuple(axis % rank for axis in _axes(layer, weight, rank))


def _axes(layer: Layer, weight: Variable, rank: int) -> tuple[int, ...]:
    if isinstance(layer, Embedding):
        return (0,)
    if isinstance(layer, DEPTHWISE):
        return (-2, -1)
    if isinstance(layer, TRANSPOSED):
        return (-2,)
    if isinstance(layer, EinsumDense) and weight is layer.kernel:
        letters = layer.letters
        return tuple(n for n, letter in enumerate(letters.kernel) if letter in letters.output)
    return (-1,)
