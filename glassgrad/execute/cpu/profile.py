"""Where the time of a step goes: each launch of a plan alone, and each layer."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from glassgrad.errors import UnknownNameError
from glassgrad.execute.cpu.describe import counted, in_units

__all__ = ["NARROWEST", "ORDERS", "Profile", "Timing", "measured"]

LONG_ENOUGH = 2e-3
"""Seconds of one measurement: many times what the clock and a call from Python take."""

TRIALS = 5
GROWTH = 4
MOST_REPEATS = GROWTH**5

NARROWEST = 80
NUMBERS = (("us", 10), ("step %", 8), ("GFLOP/s", 9), ("peak %", 8), ("GB/s", 8))
"""The columns of numbers with their widths; names take what is left of a line."""


@dataclass(frozen=True)
class Timing:
    """What was measured: a launch, or several together.

    Args:
        kind: what computes it, as `Program.describe` names it.
        layer: the scope of its first node that has one, with " backward" after it for the chain
            rule; empty outside layers.
        flop: how many floating-point operations it does.
        moved: bytes that it reads and writes, each value once.
        seconds: how long it takes, the wait after it included.
    """

    kind: str
    layer: str
    flop: int
    moved: int
    seconds: float

    @property
    def flop_per_second(self) -> float:
        """How fast it computes."""
        return self.flop / self.seconds if self.seconds else 0.0

    @property
    def bytes_per_second(self) -> float:
        """How fast it reads and writes; from the caches this can be more than memory gives."""
        return self.moved / self.seconds if self.seconds else 0.0


ORDERS: Mapping[str, Callable[[Timing], float]] = MappingProxyType(
    {
        "order": lambda timing: 0,
        "time": lambda timing: -timing.seconds,
        "flop": lambda timing: -timing.flop,
        "bytes": lambda timing: -timing.moved,
    }
)
"""By what the rows of a table may be sorted."""


@dataclass(frozen=True)
class Profile:
    """The launches of a step in their order, and what they are compared with.

    Args:
        timings: one for each launch, measured alone.
        step_seconds: how long a whole step takes, with all barriers, and values that another
            thread or launch has left outside the nearest cache.
        call_seconds: how long a step takes that is called from Python.
        peak: operations a second of the fastest large float32 matrix product on these threads.
    """

    timings: Sequence[Timing]
    step_seconds: float
    call_seconds: float
    peak: float

    @property
    def launches(self) -> Timing:
        """The launches together, as if they followed each other."""
        return _sum("all", "", self.timings)

    @property
    def step(self) -> Timing:
        """The whole step as it runs."""
        launches = self.launches
        return Timing("step", "", launches.flop, launches.moved, self.step_seconds)

    @property
    def layers(self) -> dict[str, Timing]:
        """The launches of each layer together, by the layer's name."""
        return self._together(lambda timing: timing.layer)

    @property
    def kinds(self) -> dict[str, Timing]:
        """The launches of each kind together, by the kind's name."""
        return self._together(lambda timing: timing.kind)

    def _together(self, name_of: Callable[[Timing], str]) -> dict[str, Timing]:
        groups: dict[str, list[Timing]] = {}
        for timing in self.timings:
            groups.setdefault(name_of(timing), []).append(timing)
        return {name: _sum(name, name, timings) for name, timings in groups.items()}

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain data, in seconds, bytes and operations."""
        groups = {"kinds": self.kinds, "layers": self.layers}
        return {
            "step_seconds": self.step_seconds,
            "call_seconds": self.call_seconds,
            "launches_seconds": self.launches.seconds,
            "flop": self.launches.flop,
            "peak_flop_per_second": self.peak,
            "share_of_peak": self._share_of_peak(self.step),
            "launches": [asdict(timing) for timing in self.timings],
            **{
                name: {
                    key: {"flop": one.flop, "moved": one.moved, "seconds": one.seconds}
                    for key, one in group.items()
                }
                for name, group in groups.items()
            },
        }

    def table(self, width: int = NARROWEST, sort: str = "order") -> str:
        """The launches, kinds and layers as text.

        Args:
            width: columns of a line, 80 at least; long names of layers are cut.
            sort: "order" as they run, or the largest first by "time", "flop" or "bytes".

        Raises:
            UnknownNameError: there is no such order.
        """
        if sort not in ORDERS:
            raise UnknownNameError("order", sort, ORDERS)
        room = max(width, NARROWEST) - 1 - sum(length for _, length in NUMBERS)
        launches = ((f"{n:>3} {t.kind:<10} ", t.layer, t) for n, t in enumerate(self.timings, 1))
        kinds = (("", name, timing) for name, timing in self.kinds.items())
        layers = (("", name or "(none)", timing) for name, timing in self.layers.items())
        tables = {"  # launch     layer": launches, "kind": kinds, "layer": layers}
        lines = [self._heading(), ""]
        for title, rows in tables.items():
            ordered = sorted(rows, key=lambda row: ORDERS[sort](row[-1]))
            lines += [*self._rows(title, ordered, room), ""]
        together = (("", "all launches, each alone", self.launches), ("", "the step", self.step))
        return "\n".join([*lines, *self._rows("together", together, room)])

    def __str__(self) -> str:
        return self.table()

    def _heading(self) -> str:
        return (
            f"a step: {_microseconds(self.step_seconds)} us, called from Python "
            f"{_microseconds(self.call_seconds)} us; "
            f"{counted(len(self.timings), 'launch', 'launches')}\n"
            f"{in_units(self.launches.flop)}FLOP, {in_units(self.step.flop_per_second)}FLOP/s: "
            f"{100 * self._share_of_peak(self.step):.1f} % of the peak, "
            f"{in_units(self.peak)}FLOP/s by a float32 matrix product"
        )

    def _rows(
        self, title: str, rows: Iterable[tuple[str, str, Timing]], room: int
    ) -> Iterator[str]:
        yield f"{title:<{room}}" + "".join(f"{name:>{length}}" for name, length in NUMBERS)
        for start, name, timing in rows:
            yield f"{start + _fitted(name, room - len(start)):<{room}}{self._numbers(timing)}"

    def _numbers(self, timing: Timing) -> str:
        share = timing.seconds / self.step_seconds if self.step_seconds else 0.0
        texts = (
            _microseconds(timing.seconds),
            f"{100 * share:.1f}",
            f"{timing.flop_per_second / 1e9:.2f}",
            f"{100 * self._share_of_peak(timing):.1f}",
            f"{timing.bytes_per_second / 1e9:.2f}",
        )
        return "".join(
            f"{text:>{length}}" for text, (_, length) in zip(texts, NUMBERS, strict=True)
        )

    def _share_of_peak(self, timing: Timing) -> float:
        return timing.flop_per_second / self.peak if self.peak else 0.0


def _sum(kind: str, layer: str, timings: Sequence[Timing]) -> Timing:
    return Timing(
        kind,
        layer,
        sum(timing.flop for timing in timings),
        sum(timing.moved for timing in timings),
        sum(timing.seconds for timing in timings),
    )


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.{2 if seconds < 1e-3 else 0}f}"


def _fitted(name: str, room: int) -> str:
    """The end of a name, since that is what tells layers apart."""
    return name if len(name) < room else f"…{name[len(name) - room + 2 :]}"


def measured(run: Callable[[int], object]) -> float:
    """Seconds of one repeat of ``run(repeats)``: the least of several trials.

    As many repeats are made as are long enough together; the first ones wake the threads.
    """
    clocked = functools.partial(_clocked, run)
    repeats = 1
    while repeats < MOST_REPEATS and clocked(repeats) < LONG_ENOUGH:
        repeats *= GROWTH
    return min(clocked(repeats) / repeats for _ in range(TRIALS))


def _clocked(run: Callable[[int], object], repeats: int) -> float:
    start = time.perf_counter()
    run(repeats)
    return time.perf_counter() - start
