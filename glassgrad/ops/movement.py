"""Operations that move elements without changing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from types import EllipsisType
from typing import Any, TypeAlias

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, DtypeError, ShapeError
from glassgrad.graph import Notation, Primitive, Tensor, TensorSpec, as_tensor
from glassgrad.ops.elementwise import broadcast_shapes

__all__ = [
    "BroadcastTo",
    "Concatenate",
    "Flip",
    "Index",
    "Pad",
    "Reshape",
    "Slice",
    "Transpose",
    "broadcast_to",
    "concatenate",
    "flip",
    "normal_axis",
    "pick",
    "ravel",
    "reshape",
    "transpose",
]


Index: TypeAlias = (
    "int | slice | EllipsisType | tuple[int | slice | EllipsisType | None, ...] | None"
)


@dataclass(frozen=True)
class Reshape(Primitive):
    """The same elements in row-major order under another shape."""

    target: tuple[int, ...]
    notation = Notation("reshape({x}, {target})", r"\operatorname{{reshape}}({x}, {target})")

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The target, of equal size."""
        (x,) = inputs
        if prod(self.target) != x.size or any(length < 0 for length in self.target):
            raise ShapeError(
                f"Reshape keeps the number of elements. Got {x.shape} with {x.size} "
                f"and a target {self.target} with {prod(self.target)}."
            )
        return TensorSpec(self.target, x.dtype)

    def forward(self, xp, x):
        return xp.reshape(x, self.target)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (reshape(g, x.shape),)


@dataclass(frozen=True)
class Transpose(Primitive):
    """The axes in another order."""

    order: tuple[int, ...]
    notation = Notation("transpose({x}, {order})", r"\operatorname{{transpose}}({x}, {order})")

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The lengths in the new order."""
        (x,) = inputs
        if sorted(self.order) != list(range(x.rank)):
            raise ShapeError(f"The order must name each of {x.rank} axes once. Got {self.order}.")
        return TensorSpec(tuple(x.shape[axis] for axis in self.order), x.dtype)

    def forward(self, xp, x):
        return xp.transpose(x, self.order)

    def chain_rule(self, gradients, outputs, inputs):
        (g,) = gradients
        back = sorted(range(len(self.order)), key=self.order.__getitem__)
        return (Transpose(tuple(back))(g),)


@dataclass(frozen=True)
class BroadcastTo(Primitive):
    """Repeat along axes of length 1 and along new axes on the left."""

    target: tuple[int, ...]
    notation = Notation("broadcast_to({x}, {target})", r"\operatorname{{broadcast}}({x}, {target})")

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The target, which the input must broadcast to."""
        (x,) = inputs
        if broadcast_shapes(x.shape, self.target) != self.target:
            raise ShapeError(
                "A shape broadcasts to a larger one whose lengths, counted from the right, are its "
                f"own, or anything where it has 1. Got {x.shape} and the target {self.target}."
            )
        return TensorSpec(self.target, x.dtype)

    def forward(self, xp, x):
        return xp.broadcast_to(x, self.target)

    def chain_rule(self, gradients, outputs, inputs):
        return gradients  # the caller sums over what was repeated


@dataclass(frozen=True)
class Slice(Primitive):
    """A range of each axis: start and stop, in steps of 1."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        ranges = ", ".join(f"{a}:{b}" for a, b in zip(self.starts, self.stops, strict=True))
        return Notation(f"{{x:tight}}[{ranges}]", f"{{x:tight}}_{{{{[{ranges}]}}}}")

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The lengths of the ranges."""
        (x,) = inputs
        if not x.rank == len(self.starts) > 0 or any(
            not 0 <= a <= b <= n for a, b, n in zip(self.starts, self.stops, x.shape, strict=True)
        ):
            raise ShapeError(
                f"The ranges from {self.starts} to {self.stops} do not lie within shape {x.shape}."
            )
        lengths = tuple(b - a for a, b in zip(self.starts, self.stops, strict=True))
        return TensorSpec(lengths, x.dtype)

    def forward(self, xp, x):
        return x[tuple(slice(a, b) for a, b in zip(self.starts, self.stops, strict=True))]

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        after = tuple(n - b for n, b in zip(x.shape, self.stops, strict=True))
        return (Pad(self.starts, after)(g),)


@dataclass(frozen=True)
class Pad(Primitive):
    """Zeros before and after, along each axis."""

    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        widths = tuple(zip(self.before, self.after, strict=True))
        return Notation(f"pad({{x}}, {widths})", rf"\operatorname{{{{pad}}}}({{x}}, {widths})")

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The lengths with what was added."""
        (x,) = inputs
        is_full = len(self.before) == len(self.after) == x.rank > 0
        if not is_full or min(*self.before, *self.after) < 0:
            raise ShapeError(
                f"Pad wants two widths of at least 0 for each of {x.rank} axes, and one axis at "
                f"least. Got {self.before} and {self.after}."
            )
        widths = zip(self.before, x.shape, self.after, strict=True)
        return TensorSpec(tuple(a + n + b for a, n, b in widths), x.dtype)

    def forward(self, xp, x):
        return xp.pad(x, tuple(zip(self.before, self.after, strict=True)))

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        stops = tuple(a + n for a, n in zip(self.before, x.shape, strict=True))
        return (Slice(self.before, stops)(g),)


@dataclass(frozen=True)
class Concatenate(Primitive):
    """Join tensors end to end along an axis."""

    axis: int = 0
    notation = Notation(
        "concatenate(({inputs},), axis={axis})", r"\left[{inputs}\right]_{{{axis}}}"
    )

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """Equal but for the axis, along which lengths add up."""
        first = inputs[0]
        rest = [spec.shape[: self.axis] + spec.shape[self.axis + 1 :] for spec in inputs]
        if any(shape != rest[0] for shape in rest) or not 0 <= self.axis < first.rank:
            shapes = ", ".join(str(spec.shape) for spec in inputs)
            raise ShapeError(f"Shapes must be equal but for axis {self.axis}. Got {shapes}.")
        if any(spec.dtype != first.dtype for spec in inputs):
            raise DtypeError(
                "Tensors to be joined must have one dtype. "
                f"Got {', '.join(str(spec.dtype) for spec in inputs)}."
            )
        total = sum(spec.shape[self.axis] for spec in inputs)
        shape = (*first.shape[: self.axis], total, *first.shape[self.axis + 1 :])
        return TensorSpec(shape, first.dtype)

    def forward(self, xp, *arrays):
        return xp.concatenate(arrays, axis=self.axis)

    def chain_rule(self, gradients, outputs, inputs):
        (g,) = gradients
        pieces, begin = [], 0
        for x in inputs:
            starts, stops = [0] * g.ndim, list(g.shape)
            starts[self.axis], stops[self.axis] = begin, begin + x.shape[self.axis]
            pieces.append(Slice(tuple(starts), tuple(stops))(g))
            begin = stops[self.axis]
        return tuple(pieces)


@dataclass(frozen=True)
class Flip(Primitive):
    """The elements in reverse order along some axes."""

    axes: tuple[int, ...]
    notation = Notation("flip({x}, {axes})", r"\operatorname{{flip}}_{{{axes}}}({x})")

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The input's shape."""
        (x,) = inputs
        if len(set(self.axes)) < len(self.axes) or not set(self.axes) <= set(range(x.rank)):
            raise ShapeError(
                f"Flip wants different axes from 0 to {x.rank - 1}. Got {self.axes} for shape "
                f"{x.shape}."
            )
        return x

    def forward(self, xp, x):
        return xp.flip(x, self.axes)

    def chain_rule(self, gradients, outputs, inputs):
        (g,) = gradients
        return (Flip(self.axes)(g),)


@checked
def reshape(x: Tensor, shape: Sequence[int]) -> Tensor:
    """The same elements under another shape; one length may be -1 and follows from the rest.

    Raises:
        ShapeError: the sizes differ.
    """
    x = as_tensor(x)
    target = tuple(int(length) for length in shape)
    if target.count(-1) == 1:
        known = -prod(target)
        if known == 0 or x.size % known:
            raise ShapeError(
                f"Shape {x.shape} does not fit {target}: {x.size} elements do not "
                f"divide by {known}."
            )
        target = tuple(x.size // known if length == -1 else length for length in target)
    return x if target == x.shape else Reshape(target)(x)


@checked
def transpose(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """The axes in another order; reversed by default."""
    x = as_tensor(x)
    if axes is None:
        return Transpose(tuple(range(x.ndim))[::-1])(x)
    return Transpose(tuple(normal_axis(axis, x.ndim) for axis in axes))(x)


def broadcast_to(x: Tensor, shape: Sequence[int]) -> Tensor:
    """Repeat a tensor to a larger shape."""
    x = as_tensor(x)
    return x if x.shape == tuple(shape) else BroadcastTo(tuple(shape))(x)


def concatenate(xs: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Join tensors end to end along an axis."""
    joined = [as_tensor(tensor) for tensor in xs]
    if not joined:
        raise ArgumentError("At least one tensor is needed to concatenate. Got none.")
    return Concatenate(normal_axis(axis, joined[0].ndim))(*joined)


def flip(x: Tensor, axis: int | Sequence[int] | None = None) -> Tensor:
    """The elements in reverse order along an axis, or several; along all by default.

    Raises:
        ArgumentError: there is no such axis.
        ShapeError: an axis is named twice.

    Example:
        >>> flip([[1.0, 2.0], [3.0, 4.0]], axis=1).numpy()
        array([[2., 1.],
               [4., 3.]], dtype=float32)
    """
    x = as_tensor(x)
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return Flip(tuple(normal_axis(one, x.ndim) for one in axes))(x)


def ravel(x: Tensor) -> Tensor:
    """All elements in one row, in row-major order."""
    x = as_tensor(x)
    return reshape(x, (x.size,))


def pick(x: Tensor, index: Index) -> Tensor:
    """What ``x[index]`` means: integers and ranges in steps of 1, ``...`` and ``None``.

    Raises:
        ArgumentError: the index is of another kind, or outside the tensor.

    Example:
        >>> x = as_tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        >>> pick(x, (..., 1)).numpy(), pick(x, (0, None, slice(1, 3))).numpy()
        (array([2., 5.], dtype=float32), array([[2., 3.]], dtype=float32))
    """
    full = _full(index if isinstance(index, tuple) else (index,), x.ndim)
    own = [one for one in full if one is not None]
    ranges = [_range(one, length) for one, length in zip(own, x.shape, strict=True)]
    if all(a == 0 and b == n for (a, b), n in zip(ranges, x.shape, strict=True)):
        picked = x
    else:
        picked = Slice(tuple(a for a, _ in ranges), tuple(b for _, b in ranges))(x)
    lengths = iter(picked.shape)
    places = [(one, 1 if one is None else next(lengths)) for one in full]
    return reshape(picked, [n for one, n in places if one is None or isinstance(one, slice)])


def _full(given: tuple[Any, ...], rank: int) -> list[Any]:
    """An index for each axis; ``None`` makes a new one."""
    named = sum(one is not None and one is not Ellipsis for one in given)
    if named > rank:
        raise ArgumentError(f"A tensor of {rank} axes takes at most as many indices. Got {named}.")
    ellipses = [place for place, one in enumerate(given) if one is Ellipsis]
    if len(ellipses) > 1:
        raise ArgumentError(f"An index has one '...' at most. Got {len(ellipses)}.")
    place = ellipses[0] if ellipses else len(given)
    rest = [slice(None)] * (rank - named)
    return [*given[:place], *rest, *given[place + 1 :]]


def normal_axis(axis: int, rank: int) -> int:
    """An axis as a number from 0.

    Raises:
        ArgumentError: it is outside the rank.
    """
    if not -rank <= axis < rank:
        raise ArgumentError(f"Axes must lie in [{-rank}, {rank}). Got {axis}.")
    return axis % rank


def _range(index: int | slice, length: int) -> tuple[int, int]:
    if isinstance(index, slice):
        start, stop, step = index.indices(length)
        if step != 1:
            raise ArgumentError(f"Ranges must have step 1. Got {index}.")
        return start, max(start, stop)
    if not isinstance(index, int):
        raise ArgumentError(f"An index must be an integer or a range. Got {index!r}.")
    if not -length <= index < length:
        raise ArgumentError(
            f"An index into an axis of length {length} must lie in [{-length}, {length}). "
            f"Got {index}."
        )
    return index % length, index % length + 1
