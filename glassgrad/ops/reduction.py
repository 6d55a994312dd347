"""Operations that make one number of many along some axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Composite, Notation, Primitive, Tensor, TensorSpec, as_tensor
from glassgrad.graph.dtypes import default_float
from glassgrad.ops.elementwise import cast, equal
from glassgrad.ops.movement import broadcast_to, reshape

__all__ = [
    "Argmax",
    "Argmin",
    "Axes",
    "Extreme",
    "Max",
    "Mean",
    "Min",
    "Place",
    "Reduction",
    "Sum",
    "argmax",
    "argmin",
    "expand_reduced",
    "max",
    "mean",
    "min",
    "normalize_axes",
    "over_axes",
    "reduced_shape",
    "sum",
    "sum_to",
]

Axes = int | Sequence[int] | None


def normalize_axes(axes: Axes, rank: int) -> tuple[int, ...]:
    """Axes as sorted numbers from 0; ``None`` means all.

    Raises:
        ArgumentError: an axis is outside the rank or given twice.
    """
    if axes is None:
        return tuple(range(rank))
    given = (axes,) if isinstance(axes, int) else tuple(axes)
    if any(not -rank <= axis < rank for axis in given):
        raise ArgumentError(f"Axes must lie in [{-rank}, {rank}). Got {given}.")
    normal = tuple(sorted(axis % rank for axis in given))
    if len(set(normal)) < len(normal):
        raise ArgumentError(f"Each axis may be given once. Got {given}.")
    return normal


def reduced_shape(shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """The shape after the axes have become 1 or have gone."""
    kept = [1 if axis in axes else length for axis, length in enumerate(shape)]
    return tuple(kept if keepdims else [n for a, n in enumerate(kept) if a not in axes])


def expand_reduced(y: Tensor, like: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Give a reduced tensor its axes of length 1 back, so that it broadcasts."""
    return reshape(y, reduced_shape(like.shape, axes, keepdims=True))


def over_axes(plain: str, latex: str, axes: tuple[int, ...], keepdims: bool) -> Notation:
    """The notation of a reduction, with no more arguments than it needs.

    Args:
        plain: ``<>`` stands for the arguments that say which axes go.
        latex: ``<>`` stands for the axes.
        axes: which axes go.
        keepdims: whether they stay as 1.

    Example:
        >>> over_axes("sum({x}, <>)", "", (0,), True).plain
        'sum({x}, axis=0, keepdims=True)'
    """
    one = axes[0] if len(axes) == 1 else axes
    options = f"axis={one}" + (", keepdims=True" if keepdims else "")
    word = r"\text{{axis }}" if len(axes) == 1 else r"\text{{axes }}"
    named = word + ",".join(map(str, axes)) if axes else ""
    return Notation(plain.replace("<>", options), latex.replace("<>", named))


@dataclass(frozen=True)
class Reduction(Primitive):
    """The base: which axes go, and whether they stay as 1."""

    axes: tuple[int, ...]
    keepdims: bool = False
    function: ClassVar[str]
    symbol: ClassVar[str]

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        latex = f"{self.symbol}_{{{{<>}}}}{{{{{{x}}}}}}"
        return over_axes(f"{self.function}({{x}}, <>)", latex, self.axes, self.keepdims)

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The input's shape without the reduced axes."""
        (x,) = inputs
        return TensorSpec(reduced_shape(x.shape, self.axes, self.keepdims), x.dtype)


class Sum(Reduction):
    """Sum over axes; booleans and bytes are counted as int32."""

    function, symbol = "sum", r"\sum"

    def prepare(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Sums of bytes would overflow, and sums of booleans would be booleans."""
        (x,) = inputs
        return (cast(x, "int32") if x.dtype in ("bool", "uint8") else x,)

    def forward(self, xp, x):
        return xp.sum(x, axis=self.axes, keepdims=self.keepdims, dtype=x.dtype)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (broadcast_to(expand_reduced(g, x, self.axes), x.shape),)


class Extreme(Reduction):
    """The base of the largest and the least element; equal ones share the gradient."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """Refuse to look among none."""
        (x,) = inputs
        if any(x.shape[axis] == 0 for axis in self.axes):
            raise ShapeError(f"The {self.name} of no elements does not exist. Got shape {x.shape}.")
        return super().shape(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,), (x,) = gradients, outputs, inputs
        winners = cast(equal(x, expand_reduced(y, x, self.axes)), x.dtype)
        shares = winners / Sum(self.axes, keepdims=True)(winners)
        return (expand_reduced(g, x, self.axes) * shares,)


class Max(Extreme):
    """Largest element along axes; equal ones share the gradient."""

    function, symbol = "max", r"\max"

    def forward(self, xp, x):
        return xp.max(x, axis=self.axes, keepdims=self.keepdims)


class Min(Extreme):
    """Least element along axes; equal ones share the gradient."""

    function, symbol = "min", r"\min"

    def forward(self, xp, x):
        return xp.min(x, axis=self.axes, keepdims=self.keepdims)


@dataclass(frozen=True)
class Mean(Composite):
    """Arithmetic mean over axes."""

    axes: tuple[int, ...]
    keepdims: bool = False

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        latex = r"\operatorname{{mean}}_{{<>}}({x})"
        return over_axes("mean({x}, <>)", latex, self.axes, self.keepdims)

    def prepare(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The mean of whole numbers is a float."""
        (x,) = inputs
        return (x if x.dtype.kind == "f" else cast(x, default_float()),)

    def definition(self, x):
        return Sum(self.axes, self.keepdims)(x) / self.count(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        share = expand_reduced(g / self.count(x), x, self.axes)
        return (broadcast_to(share, x.shape),)

    def count(self, x: Tensor) -> float:
        """How many elements are averaged."""
        return float(np.prod([x.shape[axis] for axis in self.axes]))


@dataclass(frozen=True)
class Place(Primitive):
    """The base of what says where along an axis an element lies."""

    axis: int = -1

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The input's shape without the axis, int32."""
        (x,) = inputs
        axes = normalize_axes(self.axis, x.rank)
        if x.shape[axes[0]] == 0:
            raise ShapeError(f"{self.name} of no elements does not exist. Got shape {x.shape}.")
        return TensorSpec(reduced_shape(x.shape, axes, keepdims=False), np.dtype("int32"))

    def chain_rule(self, gradients, outputs, inputs):
        return (None,)


class Argmax(Place):
    """Index of the largest element along an axis, the first of equal ones."""

    notation = Notation("argmax({x}, axis={axis})", r"\arg\max_{{{axis}}}({x})")

    def forward(self, xp, x):
        return xp.asarray(xp.argmax(x, axis=self.axis), dtype="int32")


class Argmin(Place):
    """Index of the least element along an axis, the first of equal ones."""

    notation = Notation("argmin({x}, axis={axis})", r"\arg\min_{{{axis}}}({x})")

    def forward(self, xp, x):
        return xp.asarray(xp.argmin(x, axis=self.axis), dtype="int32")


def sum(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Sum over axes; all of them by default."""
    x = as_tensor(x)
    return Sum(normalize_axes(axis, x.ndim), keepdims)(x)


def mean(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Arithmetic mean over axes; all of them by default."""
    x = as_tensor(x)
    return Mean(normalize_axes(axis, x.ndim), keepdims)(x)


def max(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Largest element along axes; all of them by default."""
    x = as_tensor(x)
    return Max(normalize_axes(axis, x.ndim), keepdims)(x)


def min(x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Least element along axes; all of them by default."""
    x = as_tensor(x)
    return Min(normalize_axes(axis, x.ndim), keepdims)(x)


def argmax(x: Tensor, axis: int = -1) -> Tensor:
    """Index of the largest element along an axis."""
    return Argmax(axis)(x)


def argmin(x: Tensor, axis: int = -1) -> Tensor:
    """Index of the least element along an axis."""
    return Argmin(axis)(x)


def sum_to(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Undo broadcasting: sum a gradient over the axes along which its input was repeated.

    Where the gradient itself is 1 long, it stays so, and still has to be broadcast to ``shape``.
    """
    if g.shape == shape:
        return g
    added = g.ndim - len(shape)
    repeated = [a + added for a, n in enumerate(shape) if n == 1 and g.shape[a + added] != 1]
    axes = (*range(added), *repeated)
    kept = tuple(1 if n == 1 else g.shape[a + added] for a, n in enumerate(shape))
    return reshape(Sum(axes)(g) if axes else g, kept)
