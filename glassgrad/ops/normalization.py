"""Operations that give numbers a mean and a spread, as batch and layer normalisation do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

from glassgrad.graph import Binding, Composite, Notation, Tensor, as_tensor
from glassgrad.ops.elementwise import add, maximum, require_floats, sqrt, square
from glassgrad.ops.movement import broadcast_to
from glassgrad.ops.reduction import Axes, mean, normalize_axes, over_axes
from glassgrad.ops.reduction import sum as sum_

__all__ = ["Standardize", "normalized", "standardize"]


@dataclass(frozen=True)
class Standardize(Composite):
    """Mean 0 and variance 1 over axes: y = (x - m) / sqrt(v + ε).

    m and v, the mean and the biased variance, are outputs as well, with axes of length 1.

    Source: Ioffe, Szegedy, "Batch normalization", 2015, with the chain rule of its section 3.
    """

    axes: tuple[int, ...]
    epsilon: float = 1e-3

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        center, variance = self.further_notations
        plain = f"({{x}} - {center.plain}) / sqrt({variance.plain} + {{epsilon}})"
        latex = over_axes("", r"\operatorname{{standardize}}_{{<>}}({x})", self.axes, True).latex
        return Notation(plain, latex, Binding.PRODUCT)

    @property
    def further_notations(self) -> tuple[Notation, ...]:  # type: ignore[override]  # as above
        return (
            over_axes("mean({x}, <>)", r"\operatorname{{mean}}_{{<>}}({x})", self.axes, True),
            over_axes("var({x}, <>)", r"\operatorname{{var}}_{{<>}}({x})", self.axes, True),
        )

    def shape(self, *inputs):
        """Refuse what has no fractions."""
        require_floats(self.name, inputs[0])
        return super().shape(*inputs)

    def definition(self, x):
        center = mean(x, self.axes, keepdims=True)
        apart = x - center
        variance = mean(square(apart), self.axes, keepdims=True)
        return apart / sqrt(variance + self.epsilon), center, variance

    def chain_rule(self, gradients, outputs, inputs):
        (to_y, to_center, to_variance), (y, center, variance), (x,) = gradients, outputs, inputs
        count = max(x.size / max(center.size, 1), 1)  # no elements have no slopes either
        slopes = []
        if to_y is not None:  # (g - mean(g) - y mean(g y)) / sqrt(v + ε)
            shift = mean(to_y, self.axes, keepdims=True)
            stretch = mean(to_y * y, self.axes, keepdims=True)
            slopes.append((to_y - shift - y * stretch) / sqrt(variance + self.epsilon))
        if to_center is not None:
            slopes.append(broadcast_to(to_center / count, x.shape))
        if to_variance is not None:
            slopes.append(to_variance * (x - center) * (2 / count))
        return (reduce(add, slopes),)


def standardize(x: Any, axis: Axes, epsilon: float = 1e-3) -> tuple[Tensor, Tensor, Tensor]:
    """Mean 0 and variance 1 over axes; with the mean and the variance that there were."""
    x = as_tensor(x)
    y, center, variance = Standardize(normalize_axes(axis, x.ndim), epsilon)(x)
    return y, center, variance


def normalized(x: Any, axis: Axes, epsilon: float = 1e-7) -> Tensor:
    """Length 1 along axes: x / max(|x|, ε); the zero vector stays, with a finite gradient.

    Example:
        >>> normalized([3.0, 4.0], 0).numpy()
        array([0.6, 0.8], dtype=float32)
    """
    tensor = as_tensor(x)
    # The limit stands inside the root, whose slope at 0 is infinite.
    length: Tensor = sqrt(maximum(sum_(square(tensor), axis, keepdims=True), epsilon**2))
    return tensor / length
