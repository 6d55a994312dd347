"""Where the time of a step goes: each launch of a plan alone, and each layer."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Profile", "Timing", "measured"]

LONG_ENOUGH = 2e-3
"""Seconds of one measurement: many times what the clock and a call from Python take."""

TRIALS = 3
MOST_REPEATS = 1000


@dataclass(frozen=True)
class Timing:
    """One launch.

    Args:
        kind: what computes it, as `Program.describe` names it.
        layer: the scope of its first node that has one; empty outside layers.
        operations: how many arithmetic operations it does.
        seconds: how long it takes, the wait after it included.
    """

    kind: str
    layer: str
    operations: int
    seconds: float


@dataclass(frozen=True)
class Profile:
    """The launches of a step in their order, and the peak they are compared with.

    Args:
        timings: one for each launch.
        peak: operations a second of a large float32 matrix product on the same threads.
    """

    timings: Sequence[Timing]
    peak: float

    @property
    def seconds(self) -> float:
        """The launches together; a step also has about 5 us of Python."""
        return sum(timing.seconds for timing in self.timings)

    @property
    def layers(self) -> dict[str, Timing]:
        """The launches of each layer together, by the layer's name."""
        return self._together(lambda timing: timing.layer)

    @property
    def kinds(self) -> dict[str, Timing]:
        """The launches of each kind together, by the kind's name."""
        return self._together(lambda timing: timing.kind)

    def _together(self, name: Callable[[Timing], str]) -> dict[str, Timing]:
        found: dict[str, Timing] = {}
        for timing in self.timings:
            sum_so_far = found.get(name(timing), Timing(name(timing), name(timing), 0, 0.0))
            found[name(timing)] = Timing(
                sum_so_far.kind,
                sum_so_far.layer,
                sum_so_far.operations + timing.operations,
                sum_so_far.seconds + timing.seconds,
            )
        return found

    def __str__(self) -> str:
        total = Timing("all", "", sum(t.operations for t in self.timings), self.seconds)
        lines = [
            f"{self.seconds * 1e6:,.1f} us a step in {len(self.timings)} launches; "
            f"peak of a float32 matrix product: {self.peak / 1e9:,.1f} GFLOP/s",
            "",
            *self._table(
                "launch", [(f"{n:>3} {t.kind}", t) for n, t in enumerate(self.timings, 1)]
            ),
            *self._table("kind", list(self.kinds.items())),
            *self._table("layer", [(name or "(none)", t) for name, t in self.layers.items()]),
            self._line("all", total),
        ]
        return "\n".join(lines)

    def _table(self, title: str, rows: Sequence[tuple[str, Timing]]) -> list[str]:
        head = f"{title:<28}{'us':>12}{'% of step':>11}{'GFLOP/s':>10}{'% of peak':>11}"
        return [head, *(self._line(name, timing) for name, timing in rows), ""]

    def _line(self, name: str, timing: Timing) -> str:
        rate = timing.operations / timing.seconds if timing.seconds else 0.0
        share = timing.seconds / self.seconds if self.seconds else 0.0
        of_peak = rate / self.peak if self.peak else 0.0
        layer = f"   [{timing.layer}]" if timing.layer and timing.layer != name else ""
        return (
            f"{name:<28}{timing.seconds * 1e6:>12.2f}{100 * share:>11.1f}"
            f"{rate / 1e9:>10.2f}{100 * of_peak:>11.1f}{layer}"
        )


def measured(run: Callable[[int], None]) -> float:
    """Seconds of one repeat of ``run(repeats)``: the least of several trials."""
    clocked = functools.partial(_clocked, run)
    repeats = max(1, min(MOST_REPEATS, int(LONG_ENOUGH / max(clocked(1), 1e-9))))
    return min(clocked(repeats) / repeats for _ in range(TRIALS))


def _clocked(run: Callable[[int], None], repeats: int) -> float:
    start = time.perf_counter()
    run(repeats)
    return time.perf_counter() - start
