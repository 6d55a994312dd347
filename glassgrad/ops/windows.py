"""How windows slide over space: where each lies, what it sees, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from types import ModuleType
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import TensorSpec
from glassgrad.graph.operation import Array

__all__ = ["COUNTED", "PLACED", "PaddingWidths", "Windows", "spatial"]

#: Zeros before and after, for each axis of space.
PaddingWidths = tuple[tuple[int, int], ...]

MOST_AXES = 3
COUNTED, PLACED = "ijk", "uvw"  # the letters of windows and of the places within them


@dataclass(frozen=True)
class Windows:
    """Windows over the axes of space of a tensor (batch, *space, channels).

    The window number i along an axis begins at i * stride - padding before, and its element u
    lies u * dilation further. In what follows "place" means a place within the window.

    Args:
        window: the lengths of a window.
        strides: how far the next one is.
        padding: how many elements are added before and after each axis.
        dilation: the distance of neighbours within a window.

    Example:
        >>> two_by_two = Windows((2, 2), (2, 2), ((0, 0), (0, 1)), (1, 1))
        >>> two_by_two.count((4, 5))
        (2, 3)
    """

    window: tuple[int, ...]
    strides: tuple[int, ...]
    padding: PaddingWidths
    dilation: tuple[int, ...]

    @property
    def span(self) -> tuple[int, ...]:
        """From the first element of a window to its last, both counted."""
        return tuple((w - 1) * d + 1 for w, d in zip(self.window, self.dilation, strict=True))

    def count(self, space: tuple[int, ...]) -> tuple[int, ...]:
        """How many windows there are along each axis."""
        padded = (a + n + b for n, (a, b) in zip(space, self.padding, strict=True))
        axes = zip(padded, self.span, self.strides, strict=True)
        return tuple((length - span) // stride + 1 for length, span, stride in axes)

    def require(self, operation: str, space: tuple[int, ...]) -> None:
        """Refuse windows that cannot lie in this space.

        Raises:
            ArgumentError: a parameter does not fit the others.
            ShapeError: the space has other axes than the windows, or is too small for one.
        """
        lengths = {len(self.window), len(self.strides), len(self.padding), len(self.dilation)}
        if lengths != {len(space)} or not 1 <= len(space) <= MOST_AXES:
            raise ShapeError(
                f"{operation} wants (batch, *space, channels) with as many axes of space as its "
                f"windows have, 1 to {MOST_AXES}. Got space {space} for window {self.window}, "
                f"strides {self.strides}, padding {self.padding} and dilation {self.dilation}."
            )
        if min(*self.window, *self.strides, *self.dilation) < 1:
            raise ArgumentError(
                f"The lengths, strides and dilation of windows are 1 or more. Got {self.window}, "
                f"{self.strides} and {self.dilation}."
            )
        if min(width for pair in self.padding for width in pair) < 0:
            raise ArgumentError(f"Padding adds 0 elements or more. Got {self.padding}.")
        if min(self.count(space)) < 1:
            raise ShapeError(
                f"{operation} wants room for one window at least. Got space {space} with padding "
                f"{self.padding} for windows that span {self.span}."
            )

    def places(self) -> Iterator[tuple[int, ...]]:
        """The places within a window, in row-major order."""
        return product(*map(range, self.window))

    def elements(self, place: tuple[int, ...], count: tuple[int, ...]) -> tuple[slice, ...]:
        """Where the elements at one place of all windows lie, in the padded tensor."""
        axes = zip(place, self.dilation, self.strides, count, strict=True)
        along = (slice(u * d, u * d + (n - 1) * s + 1, s) for u, d, s, n in axes)
        return (slice(None), *along)

    def views(self, xp: ModuleType, x: Array) -> Iterator[Array]:
        """What lies at each place of the windows, in row-major order: (batch, *count, channels)."""
        count = self.count(x.shape[1:-1])
        padded = xp.pad(x, ((0, 0), *self.padding, (0, 0))) if self.is_padded else x
        return (padded[self.elements(place, count)] for place in self.places())

    def spread(self, xp: ModuleType, values: Iterable[Array], space: tuple[int, ...]) -> Array:
        """Add what each place of the windows holds where it lies: the adjoint of ``views``."""
        count = self.count(space)
        lengths = tuple(a + n + b for n, (a, b) in zip(space, self.padding, strict=True))
        total: Any = None
        for place, value in zip(self.places(), values, strict=True):
            if total is None:
                total = xp.zeros((value.shape[0], *lengths, value.shape[-1]), value.dtype)
            elements = self.elements(place, count)
            if xp is np:
                total[elements] += value
            else:  # arrays of JAX are never changed
                total = total.at[elements].add(value)
        inner = (slice(a, a + n) for n, (a, _) in zip(space, self.padding, strict=True))
        result: Array = total[(slice(None), *inner)]
        return result

    def is_real(self, space: tuple[int, ...]) -> Iterator[Array]:
        """Whether each place of the windows holds an element, not padding: (1, *count, 1)."""
        return self.views(np, np.ones((1, *space, 1), bool))

    @property
    def is_padded(self) -> bool:
        """Whether anything is added."""
        return any(width for pair in self.padding for width in pair)

    @property
    def size(self) -> int:
        """The number of places within a window."""
        return prod(self.window)

    @property
    def options(self) -> str:
        """The arguments of ``windows`` and ``add_windows`` in a plain notation, but for defaults.

        ``windows(x, window)`` is (batch, *count, channels, *window), what each window sees;
        ``add_windows(values, space)`` adds such values where they lie.
        """
        rank = len(self.strides)
        settings = {
            "strides": (self.strides, (1,) * rank),
            "padding": (self.padding, ((0, 0),) * rank),
            "dilation": (self.dilation, (1,) * rank),
        }
        return "".join(f", {k}={v}" for k, (v, default) in settings.items() if v != default)

    @property
    def index(self) -> str:
        """In LaTeX, which element lies at place (u, v, w) of window (i, j, k)."""
        axes = zip(COUNTED, PLACED, self.strides, self.dilation, self.padding, strict=False)
        return ",".join(
            f"{_times(s, i)}+{_times(d, u)}" + (f"-{before}" if before else "")
            for i, u, s, d, (before, _) in axes
        )


def _times(factor: int, letter: str) -> str:
    return letter if factor == 1 else f"{factor}{letter}"


def spatial(operation: str, spec: TensorSpec) -> tuple[int, ...]:
    """The axes between the batch and the channels.

    Raises:
        ShapeError: there are none, or too many.
    """
    if not 3 <= spec.rank <= MOST_AXES + 2:
        raise ShapeError(
            f"{operation} wants (batch, *space, channels) with 1 to {MOST_AXES} axes of space. "
            f"Got shape {spec.shape}."
        )
    return spec.shape[1:-1]
