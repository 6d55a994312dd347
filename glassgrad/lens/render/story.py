"""What every form of an explanation tells in the same way: which steps, in which words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from glassgrad.lens.explanation import ExplainedLayer, Explanation, FollowedEntry, Line

__all__ = [
    "FLOW",
    "Passage",
    "Skipped",
    "change_in_words",
    "flow",
    "norm_of",
    "shortened",
    "sum_in_words",
]

FLOW = ("layer", "parameters", "comes in", "goes out", "factor")
FIRST_TIMES, LAST_TIMES = 2, 1
SAME = 0.02  # within this share a gradient has kept its size


@dataclass(frozen=True)
class Skipped:
    """Layers that are alike and left out.

    Args:
        layers: what is left out.
        sentence: what is said in their place.
    """

    layers: tuple[ExplainedLayer, ...]
    sentence: str


@dataclass(frozen=True)
class Passage:
    """The size of the gradient before and behind a layer; ``None`` where there is none."""

    name: str
    parameters: float | None
    incoming: float | None
    outgoing: float | None
    factor: float | None

    @property
    def numbers(self) -> tuple[float | None, ...]:
        """What stands behind the name in a row of a table, in the order of ``FLOW``."""
        return (self.parameters, self.incoming, self.outgoing, self.factor)


def norm_of(lines: Sequence[Line]) -> float | None:
    """The norm of several gradients together."""
    return float(np.sqrt(sum(line.norm**2 for line in lines))) if lines else None


def flow(explanation: Explanation) -> list[Passage]:
    """The size of the gradient, from the loss back."""
    return [
        Passage(
            layer.name,
            norm_of(layer.parameters),
            norm_of(layer.incoming),
            norm_of(layer.outgoing),
            layer.factor,
        )
        for layer in explanation.layers
    ]


def change_in_words(layer: ExplainedLayer) -> str:
    """What became of the size of the gradient."""
    before, after, factor = norm_of(layer.incoming), norm_of(layer.outgoing), layer.factor
    if factor is None or before is None or after is None:
        return ""
    sizes = f"norm {before:.4g} comes in, {after:.4g} goes out"
    if abs(factor - 1) <= SAME:
        return f"the gradient kept its size: {sizes}"
    if factor > 1:
        return f"the gradient grew to {factor:.3g} times its size: {sizes}"
    return f"the gradient shrank to {factor:.3g} of its size: {sizes}"


def sum_in_words(entry: FollowedEntry) -> str:
    """How many products make up an entry of a gradient; behind silent units it may be none."""
    count, zeros = len(entry.contributions), entry.zeros
    if count:
        besides = f", and {zeros:,} that {'is' if zeros == 1 else 'are'} zero" if zeros else ""
        return f"the sum of {count:,} product{'' if count == 1 else 's'}{besides}"
    if zeros > 1:
        return f"all of its {zeros:,} products are zero"
    return "its only product is zero" if zeros else "there is nothing to add"


def shortened(layers: Sequence[ExplainedLayer]) -> Iterator[ExplainedLayer | Skipped]:
    """Layers as they are told: of many time steps in a row the first two and the last."""
    for is_timed, run in groupby(layers, key=lambda layer: layer.time is not None):
        steps = [*run]
        times = list(dict.fromkeys(layer.time for layer in steps))
        if not is_timed or len(times) <= FIRST_TIMES + LAST_TIMES + 1:
            yield from steps
            continue
        told = {*times[:FIRST_TIMES], *times[-LAST_TIMES:]}
        for is_told, part in groupby(steps, key=lambda layer: layer.time in told):
            if is_told:
                yield from part
            else:
                yield _skipped([*part])


def _skipped(layers: Sequence[ExplainedLayer]) -> Skipped:
    times = list(dict.fromkeys(layer.time for layer in layers))
    before, after = norm_of(layers[0].incoming), norm_of(layers[-1].outgoing)
    sizes = f": norm {before:.4g} comes in, {after:.4g} goes out" if before and after else ""
    return Skipped(
        tuple(layers), f"{len(times)} time steps, {times[0]} to {times[-1]}, go the same way{sizes}"
    )
