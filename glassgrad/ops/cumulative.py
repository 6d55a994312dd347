"""Operations that add up along an axis and keep every sum on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glassgrad.graph import Notation, Primitive, Tensor, TensorSpec, as_tensor
from glassgrad.ops.movement import ravel
from glassgrad.ops.reduction import Sum, normalize_axes

__all__ = ["CumulativeSum", "cumsum"]


@dataclass(frozen=True)
class CumulativeSum(Primitive):
    """Running sum along an axis, from its beginning or from its end."""

    axis: int
    reverse: bool = False

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        if self.reverse:
            return Notation(
                "flip(cumsum(flip({x}, {axis}), axis={axis}), {axis})",
                r"\sum_{{j \ge i}} {x:tight}_j",
            )
        return Notation("cumsum({x}, axis={axis})", r"\sum_{{j \le i}} {x:tight}_j")

    prepare = Sum.prepare

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The input's shape."""
        (x,) = inputs
        normalize_axes(self.axis, x.rank)
        return x

    def forward(self, xp, x):
        if not self.reverse:
            return xp.cumsum(x, axis=self.axis, dtype=x.dtype)
        sums = xp.cumsum(xp.flip(x, self.axis), axis=self.axis, dtype=x.dtype)
        return xp.flip(sums, self.axis)

    def chain_rule(self, gradients, outputs, inputs):
        (g,) = gradients  # an element is part of its own sum and of all that follow
        return (CumulativeSum(self.axis, not self.reverse)(g),)


def cumsum(x: Any, axis: int | None = None, *, reverse: bool = False) -> Tensor:
    """Running sum along an axis: y_i = x_0 + … + x_i.

    Args:
        x: numbers; booleans and bytes are counted as int32.
        axis: along which axis; ``None`` takes all elements as one line.
        reverse: whether to begin at the end: y_i = x_i + … + x_n.

    Raises:
        ArgumentError: there is no such axis.

    Example:
        >>> cumsum([1.0, 2.0, 3.0]).numpy()
        array([1., 3., 6.], dtype=float32)
    """
    x = as_tensor(x)
    if axis is None:
        return CumulativeSum(0, reverse)(ravel(x))
    return CumulativeSum(normalize_axes(axis, x.ndim)[0], reverse)(x)
