"""The scale on which gradients are large or small: steps of colour and width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from glassgrad.lens.picturing.style import STEPS

__all__ = ["Scale", "kind_of_gradient", "width_of_step"]

LEAST_DECADES = 3


@dataclass(frozen=True)
class Scale:
    """Sizes of gradients in steps, by their logarithm."""

    lowest: int
    highest: int

    @classmethod
    def of(cls, sizes: Sequence[float]) -> Scale:
        """From the decade of the smallest to that of the largest.

        It spans some decades at least, so that what differs by little looks alike.
        """
        logarithms = [math.log10(size) for size in sizes if size > 0 and math.isfinite(size)]
        highest = math.ceil(max(logarithms, default=0))
        return cls(min(math.floor(min(logarithms, default=0)), highest - LEAST_DECADES), highest)

    def step(self, size: float) -> int:
        """From 0, the smallest, to the last."""
        part = (math.log10(size) - self.lowest) / (self.highest - self.lowest)
        return min(int(part * STEPS), STEPS - 1)


def kind_of_gradient(size: float, scale: Scale) -> tuple[str, float]:
    """The class of a line, and its width."""
    if not math.isfinite(size):
        return "broken", 3.0
    if size == 0:
        return "zero", 1.6
    step = scale.step(size)
    return f"g{step}", width_of_step(step)


def width_of_step(step: int) -> float:
    """The width of a line, in pixels."""
    return 1.6 + 0.6 * step
