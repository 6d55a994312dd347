"""Operations that put elements in order along an axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError
from glassgrad.graph import Composite, Notation, Primitive, Tensor, TensorSpec, as_tensor
from glassgrad.ops.indexing import TakeAlongAxis
from glassgrad.ops.movement import Slice, ravel
from glassgrad.ops.reduction import normalize_axes

__all__ = ["Argsort", "Sort", "TopK", "argsort", "sort", "top_k"]


@dataclass(frozen=True)
class Argsort(Primitive):
    """The indices that would sort along an axis; equal elements keep their order, NaN is last."""

    axis: int
    descending: bool = False

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        if not self.descending:
            return Notation(
                "argsort({x}, axis={axis}, stable=True)", r"\arg\operatorname{{sort}}({x})"
            )
        return Notation(
            "shape({x})[{axis}] - 1 - flip(argsort(flip({x}, {axis}), axis={axis}, stable=True), "
            "{axis})",
            r"\arg\operatorname{{sort}}(-{x:tight})",
        )

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The input's shape, int32."""
        (x,) = inputs
        normalize_axes(self.axis, x.rank)
        return TensorSpec(x.shape, np.dtype("int32"))

    def forward(self, xp, x):
        if not self.descending:
            return xp.asarray(xp.argsort(x, axis=self.axis, stable=True), dtype="int32")
        order = xp.argsort(xp.flip(x, self.axis), axis=self.axis, stable=True)
        return xp.asarray(x.shape[self.axis] - 1 - xp.flip(order, self.axis), dtype="int32")

    def chain_rule(self, gradients, outputs, inputs):
        return (None,)


@dataclass(frozen=True)
class Sort(Primitive):
    """The elements of each line along an axis in ascending order, NaN last."""

    axis: int
    notation = Notation("sort({x}, axis={axis})", r"\operatorname{{sort}}_{{{axis}}}({x})")

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The input's shape."""
        (x,) = inputs
        normalize_axes(self.axis, x.rank)
        return x

    def forward(self, xp, x):
        return xp.sort(x, axis=self.axis)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        # The order of the order is the rank of each element: where its gradient lies.
        ranks = Argsort(self.axis)(Argsort(self.axis)(x))
        return (TakeAlongAxis(self.axis)(g, ranks),)


@dataclass(frozen=True)
class TopK(Composite):
    """The k largest elements along the last axis, the largest first, and their indices."""

    k: int

    def definition(self, x):
        order = Argsort(x.ndim - 1, descending=True)(x)
        ranges = (*x.shape[:-1], self.k)
        indices = Slice((0,) * x.ndim, ranges)(order)
        return TakeAlongAxis(x.ndim - 1)(x, indices), indices


def sort(x: Any, axis: int | None = -1) -> Tensor:
    """The elements of each line along an axis in ascending order; NaN comes last.

    Args:
        x: numbers.
        axis: along which axis; ``None`` sorts all elements as one line.

    Raises:
        ArgumentError: there is no such axis.

    Example:
        >>> sort([3.0, 1.0, 2.0]).numpy()
        array([1., 2., 3.], dtype=float32)
    """
    x, number = _line(x, axis)
    return Sort(number)(x)


def argsort(x: Any, axis: int | None = -1) -> Tensor:
    """The indices, int32, that would sort each line along an axis.

    Args:
        x: numbers; equal ones keep their order, NaN comes last.
        axis: along which axis; ``None`` sorts all elements as one line.

    Raises:
        ArgumentError: there is no such axis.

    Example:
        >>> argsort([3.0, 1.0, 2.0]).numpy()
        array([1, 2, 0], dtype=int32)
    """
    x, number = _line(x, axis)
    return Argsort(number)(x)


def top_k(x: Any, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The k largest elements along the last axis, and their indices.

    Args:
        x: numbers of shape (…, n); NaN counts as the largest.
        k: how many, from 0 to n.
        sorted: the result is in descending order in any case; the name is Keras's.

    Returns:
        Values and int32 indices of shape (…, k); of equal elements the first comes first.

    Raises:
        ArgumentError: there are no k elements.

    Example:
        >>> values, indices = top_k([1.0, 5.0, 3.0], 2)
        >>> values.numpy(), indices.numpy()
        (array([5., 3.], dtype=float32), array([1, 2], dtype=int32))
    """
    x = as_tensor(x)
    available = x.shape[-1] if x.ndim else 0
    if not x.ndim or k != int(k) or not 0 <= k <= available:
        raise ArgumentError(
            f"k must be a whole number from 0 to the length of the last axis. Got {k!r} for shape "
            f"{x.shape}."
        )
    return TopK(int(k))(x)


def _line(x: Any, axis: int | None) -> tuple[Tensor, int]:
    """A tensor and the number of an axis from 0."""
    x = as_tensor(x)
    if axis is None:
        return ravel(x), 0
    return x, normalize_axes(axis, x.ndim)[0]
