"""Real numbers as whole numbers; the results stay floats."""

from __future__ import annotations

from typing import Any

from glassgrad.graph import Notation, Tensor, as_tensor
from glassgrad.ops.elementwise import FloatOnly

__all__ = ["Ceil", "Floor", "Round", "Rounding", "ceil", "floor", "round"]


class Rounding(FloatOnly):
    """The base of all: flat almost everywhere, so it has no gradient."""

    def chain_rule(self, gradients, outputs, inputs):
        """Nothing flows through a step."""
        return (None,)


class Floor(Rounding):
    """The largest whole number that is not above x."""

    notation = Notation("floor({x})", r"\lfloor{{{x}}}\rfloor")

    def forward(self, xp, x):
        return xp.floor(x)


class Ceil(Rounding):
    """The smallest whole number that is not below x."""

    notation = Notation("ceil({x})", r"\lceil{{{x}}}\rceil")

    def forward(self, xp, x):
        return xp.ceil(x)


class Round(Rounding):
    """The nearest whole number; of two equally near ones, the even one."""

    notation = Notation("rint({x})", r"\operatorname{{round}}({x})")

    def forward(self, xp, x):
        return xp.rint(x)


floor, ceil = Floor(), Ceil()


def round(x: Any, decimals: int = 0) -> Tensor:
    """The nearest number with so many decimals; of two equally near ones, the even one.

    Args:
        x: floats.
        decimals: how many digits after the point stay; negative ones count before it.

    Raises:
        DtypeError: the numbers are no floats.

    Example:
        >>> round([0.5, 1.5, 2.25], 0).numpy(), round([0.123], 2).numpy()
        (array([0., 2., 2.], dtype=float32), array([0.12], dtype=float32))
    """
    x = as_tensor(x)
    if decimals == 0:
        return Round()(x)
    scale = 10.0 ** abs(decimals)
    return Round()(x * scale) / scale if decimals > 0 else Round()(x / scale) * scale
