"""Truth, and what a float may be besides a number."""

from __future__ import annotations

from typing import Any

from glassgrad.graph import Binding, Notation, Tensor, as_tensor
from glassgrad.ops.elementwise import BOOL, Comparison, cast
from glassgrad.ops.reduction import Axes, Max, Min, normalize_axes

__all__ = [
    "IsFinite",
    "IsInf",
    "IsNan",
    "Logical",
    "LogicalAnd",
    "LogicalNot",
    "LogicalOr",
    "LogicalXor",
    "all",
    "any",
    "isfinite",
    "isinf",
    "isnan",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
]


class Logical(Comparison):
    """The base of the connectives: a number is true unless it is 0."""

    def prepare(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Take numbers as booleans."""
        return tuple(x if x.dtype == BOOL else cast(x, BOOL) for x in inputs)


class LogicalAnd(Logical):
    """Are both true?"""

    notation = Notation("logical_and({a}, {b})", r"{a:tight} \land {b:tight}", Binding.COMPARISON)

    def forward(self, xp, a, b):
        return xp.logical_and(a, b)


class LogicalOr(Logical):
    """Is one of them true, or both?"""

    notation = Notation("logical_or({a}, {b})", r"{a:tight} \lor {b:tight}", Binding.COMPARISON)

    def forward(self, xp, a, b):
        return xp.logical_or(a, b)


class LogicalXor(Logical):
    """Is exactly one of them true?"""

    notation = Notation("logical_xor({a}, {b})", r"{a:tight} \oplus {b:tight}", Binding.COMPARISON)

    def forward(self, xp, a, b):
        return xp.logical_xor(a, b)


class LogicalNot(Logical):
    """Is it false?"""

    notation = Notation("logical_not({x})", r"\lnot({x})")

    def forward(self, xp, x):
        return xp.logical_not(x)


class IsNan(Comparison):
    """Is it no number?"""

    notation = Notation("isnan({x})", r"\operatorname{{isnan}}({x})")

    def forward(self, xp, x):
        return xp.isnan(x)


class IsInf(Comparison):
    """Is it infinite?"""

    notation = Notation("isinf({x})", r"\operatorname{{isinf}}({x})")

    def forward(self, xp, x):
        return xp.isinf(x)


class IsFinite(Comparison):
    """Is it neither infinite nor no number?"""

    notation = Notation("isfinite({x})", r"\operatorname{{isfinite}}({x})")

    def forward(self, xp, x):
        return xp.isfinite(x)


logical_and, logical_or, logical_xor = LogicalAnd(), LogicalOr(), LogicalXor()
logical_not = LogicalNot()
isnan, isinf, isfinite = IsNan(), IsInf(), IsFinite()


def all(x: Any, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Are all elements true, that is, not 0?

    Args:
        x: any tensor with elements.
        axis: the axes to reduce; all of them by default.
        keepdims: whether they stay as 1.

    Raises:
        ArgumentError: there is no such axis.
        ShapeError: there are no elements.

    Example:
        >>> all([1.0, 0.0]).item(), all([[1.0, 0.0], [2.0, 3.0]], axis=1).numpy()
        (False, array([False,  True]))
    """
    x = cast(as_tensor(x), BOOL)
    return Min(normalize_axes(axis, x.ndim), keepdims)(x)


def any(x: Any, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Is one of the elements true, that is, not 0?

    Args:
        x: any tensor with elements.
        axis: the axes to reduce; all of them by default.
        keepdims: whether they stay as 1.

    Raises:
        ArgumentError: there is no such axis.
        ShapeError: there are no elements.

    Example:
        >>> any([1.0, 0.0]).item(), any([[1.0, 0.0], [0.0, 0.0]], axis=1).numpy()
        (True, array([ True, False]))
    """
    x = cast(as_tensor(x), BOOL)
    return Max(normalize_axes(axis, x.ndim), keepdims)(x)
