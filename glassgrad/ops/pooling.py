"""Pooling: one number for what each window sees, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Binding, Notation, Primitive, Tensor, TensorSpec, default_float
from glassgrad.graph.operation import Array
from glassgrad.ops.elementwise import cast, require_floats
from glassgrad.ops.indexing import require_indices
from glassgrad.ops.windows import COUNTED, PLACED, PaddingWidths, Windows, spatial

__all__ = ["AveragePool", "AveragePoolGradient", "MaxPool", "MaxPoolGradient", "MaxPoolTake"]


@dataclass(frozen=True)
class Pooling(Primitive):
    """The base: what slides over (batch, *space, channels) and gives (batch, *count, channels)."""

    window: tuple[int, ...]
    strides: tuple[int, ...]
    padding: PaddingWidths

    @property
    def windows(self) -> Windows:
        """How the windows lie."""
        return Windows(self.window, self.strides, self.padding, (1,) * len(self.window))

    def shape(self, *inputs: TensorSpec) -> Any:
        """(batch, *count, channels)."""
        x = inputs[0]
        space = spatial(self.name, x)
        require_windows(self.name, self.windows, space)
        return TensorSpec((x.shape[0], *self.windows.count(space), x.shape[-1]), x.dtype)

    @property
    def seen(self) -> str:
        """In plain notation, what each window sees."""
        return f"windows({{x}}, {self.window}{self.windows.options})"


class MaxPool(Pooling):
    """The largest element that each window sees, and its place in the window.

    NaN counts as the largest; of equal elements the first wins. Places are counted in row-major
    order, as uint8 where the window has at most 255 elements, else as int32.
    """

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        places = ",".join(PLACED[: len(self.window)])
        return Notation(
            f"max({self.seen_or_less}, axis={_last(self.window)})",
            f"\\max_{{{{{places}}}}} {{x:tight}}_{{{{b,{self.windows.index},c}}}}",
        )

    @property
    def further_notations(self) -> tuple[Notation, ...]:  # type: ignore[override]  # as above
        seen, size = self.seen_or_less, prod(self.window)
        places = ",".join(PLACED[: len(self.window)])
        in_a_row = f"shape({seen})[:-{len(self.window)}] + ({size},)"
        return (
            Notation(
                f"argmax(reshape({seen}, {in_a_row}), axis=-1)",
                rf"\arg\max_{{{{{places}}}}} {{x:tight}}_{{{{b,{self.windows.index},c}}}}",
            ),
        )

    @property
    def seen_or_less(self) -> str:
        """What each window sees, and minus infinity where it sees padding."""
        fill = ", fill=-inf" if self.windows.is_padded else ""
        return f"{self.seen[:-1]}{fill})"

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
        """The largest elements, and their places."""
        y = super().shape(*inputs)
        return y, TensorSpec(y.shape, place_dtype(self.windows))

    def forward(self, xp, x):
        windows = self.windows
        places = windows.views(xp, x)
        is_real = windows.is_real(x.shape[1:-1])
        best, is_found = next(places), next(is_real)
        winner = xp.zeros(best.shape, place_dtype(windows))
        for place, (seen, is_there) in enumerate(zip(places, is_real, strict=True), start=1):
            is_larger = (seen > best) | ((seen != seen) & (best == best))  # NaN differs from itself
            wins = is_there & (~is_found | is_larger)
            best = xp.where(wins, seen, best)
            winner = xp.where(wins, xp.asarray(place, winner.dtype), winner)
            is_found = is_found | is_there
        return best, winner

    def chain_rule(self, gradients, outputs, inputs):
        (g, _), (_, places), (x,) = gradients, outputs, inputs
        back = MaxPoolGradient(x.shape[1:-1], self.window, self.strides, self.padding)
        return (back(g, places),)


class MaxPoolTake(Pooling):
    """From each window, the element at a given place: of x and places, as ``MaxPool`` gives them.

    A place in the padding gives 0.
    """

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        return Notation(
            f"sum({self.seen} * {_chosen(self.window)}, axis={_last(self.window)})",
            f"{{x:tight}}_{{{{b,{self.windows.index},c}}}}"
            rf"\Big|_{{{{({','.join(PLACED[: len(self.window)])})={{places}}}}}}",
        )

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """As the places."""
        x, places = inputs
        y: TensorSpec = super().shape(x)
        require_places(self.name, places, y.shape)
        return y

    def forward(self, xp, x, places):
        zero = xp.zeros((), x.dtype)
        views = self.windows.views(xp, x)
        return sum(xp.where(places == place, seen, zero) for place, seen in enumerate(views))

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x, places) = gradients, inputs
        back = MaxPoolGradient(x.shape[1:-1], self.window, self.strides, self.padding)
        return back(g, places), None


class AveragePool(Pooling):
    """The mean of what each window sees; padding does not count."""

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        axes, places = _last(self.window), ",".join(PLACED[: len(self.window)])
        seen_there = f"{{x:tight}}_{{{{b,{self.windows.index},c}}}}"
        latex = rf"\operatorname{{{{mean}}}}_{{{{{places}}}}} {seen_there}"
        if not self.windows.is_padded:
            return Notation(f"mean({self.seen}, axis={axes})", latex)
        there = self.seen.replace("{x}", "ones_like({x})")
        mean = f"sum({self.seen}, axis={axes}) / sum({there}, axis={axes})"
        return Notation(mean, latex, Binding.PRODUCT)

    def prepare(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Means of whole numbers are fractions."""
        (x,) = inputs
        return (x if x.dtype.kind == "f" else cast(x, default_float()),)

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """(batch, *count, channels)."""
        require_floats(self.name, inputs[0])
        return super().shape(*inputs)

    def forward(self, xp, x):
        return sum(self.windows.views(xp, x)) / shares(self.windows, x.shape[1:-1], x.dtype)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        back = AveragePoolGradient(x.shape[1:-1], self.window, self.strides, self.padding)
        return (back(g),)


@dataclass(frozen=True)
class PoolingGradient(Primitive):
    """The base: from (batch, *count, channels) back to (batch, *space, channels)."""

    space: tuple[int, ...]
    window: tuple[int, ...]
    strides: tuple[int, ...]
    padding: PaddingWidths

    @property
    def windows(self) -> Windows:
        """How the windows lie."""
        return Windows(self.window, self.strides, self.padding, (1,) * len(self.window))

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """(batch, *space, channels)."""
        g = inputs[0]
        spatial(self.name, g)
        require_windows(self.name, self.windows, self.space)
        if self.windows.count(self.space) != g.shape[1:-1]:
            raise ShapeError(
                f"{self.name} wants g (batch, *{self.windows.count(self.space)}, channels), an "
                f"element for each window over {self.space}. Got {g.shape}."
            )
        return TensorSpec((g.shape[0], *self.space, g.shape[-1]), g.dtype)


class MaxPoolGradient(PoolingGradient):
    """Each window's number added to the element at its place: of g and places.

    What is at a place in the padding is lost.
    """

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        spread = ", ".join(["None"] * len(self.window))
        values = f"{{g}}[..., {spread}] * {_chosen(self.window)}"
        return Notation(
            f"add_windows({values}, {self.space}{self.windows.options})",
            r"\sum_{{{places:tight}_{{b,i,c}}=u}} {g:tight}_{{b,i,c}}",
        )

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """(batch, *space, channels)."""
        g, places = inputs
        require_places(self.name, places, g.shape)
        return super().shape(g)

    def forward(self, xp, g, places):
        zero = xp.zeros((), g.dtype)
        values = (xp.where(places == place, g, zero) for place in range(self.windows.size))
        return self.windows.spread(xp, values, self.space)

    def chain_rule(self, gradients, outputs, inputs):
        (h,), (_, places) = gradients, inputs
        return MaxPoolTake(self.window, self.strides, self.padding)(h, places), None


class AveragePoolGradient(PoolingGradient):
    """Each window's number shared evenly by the elements that it sees."""

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        options, rank = self.windows.options, len(self.window)
        spread = ", ".join(["None"] * rank)
        there = f"windows(ones({(1, *self.space, 1)}), {self.window}{options})"
        count = f"sum({there}, axis={_last(self.window)})"
        return Notation(
            f"add_windows(({{g}} / {count})[..., {spread}] * ones({self.window}), "
            f"{self.space}{options})",
            f"\\sum_{{{{({self.windows.index})=({','.join('mno'[:rank])})}}}} "
            f"{{g:tight}}_{{{{b,{','.join(COUNTED[:rank])},c}}}}"
            f"/n_{{{{{','.join(COUNTED[:rank])}}}}}",
        )

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """(batch, *space, channels)."""
        require_floats(self.name, inputs[0])
        return super().shape(*inputs)

    def forward(self, xp, g):
        values = [g / shares(self.windows, self.space, g.dtype)] * self.windows.size
        return self.windows.spread(xp, values, self.space)

    def chain_rule(self, gradients, outputs, inputs):
        return (AveragePool(self.window, self.strides, self.padding)(*gradients),)


def place_dtype(windows: Windows) -> np.dtype[Any]:
    """What holds a place within a window."""
    return np.dtype("uint8" if windows.size <= np.iinfo("uint8").max else "int32")


def shares(windows: Windows, space: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """How many elements each window sees, padding left out: (1, *count, 1)."""
    counts = sum(there.astype(dtype) for there in windows.is_real(space))
    return np.asarray(counts)


# ---- what must fit


def require_windows(operation: str, windows: Windows, space: tuple[int, ...]) -> None:
    """Windows that lie in the space, none of them in the padding alone.

    Raises:
        ArgumentError: a parameter does not fit the others.
        ShapeError: the space is too small for one window.
    """
    windows.require(operation, space)
    for length, pair in zip(windows.window, windows.padding, strict=True):
        if max(pair) >= length:
            raise ArgumentError(
                f"{operation} wants padding below the window's length: a window sees one element "
                f"at least. Got padding {windows.padding} for window {windows.window}."
            )


def require_places(operation: str, places: TensorSpec, shape: tuple[int, ...]) -> None:
    """A place for each window.

    Raises:
        DtypeError: they are no whole numbers.
        ShapeError: there is not one for each window.
    """
    require_indices(operation, places)
    if places.shape != shape:
        raise ShapeError(
            f"{operation} wants a place for each window, {shape}. Got places {places.shape}."
        )


# ---- notation


def _last(window: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of places, after the channels."""
    return tuple(range(-len(window), 0))


def _chosen(window: tuple[int, ...]) -> str:
    """Which place of each window is meant: 1 there and 0 elsewhere."""
    size = prod(window)
    return f"eye({size}).reshape({(size, *window)})[{{places}}]"
