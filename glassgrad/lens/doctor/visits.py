"""When the probe visits: before the first step, now and then, and at the end."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FEWEST_VISITS", "Visits"]

#: Short trainings are visited so often whatever it costs, which is a fraction of a second.
FEWEST_VISITS = 20


@dataclass
class Visits:
    """The steps before which the probe visits, decided by counting operations, never by a clock.

    Args:
        interval: steps between two visits that keep within the share of operations.
        begin: the step before which training begins.
        steps: how many steps are planned; ``None`` where nobody knows.

    Example:
        >>> visits = Visits(interval=50, begin=0, steps=10_000)
        >>> visits.until_next(at=0), visits.is_due(49), visits.is_due(50)
        (50, False, True)
        >>> Visits(interval=50, begin=0, steps=200).until_next(at=0)  # 20 visits at least
        10
    """

    interval: int
    begin: int = 0
    steps: int | None = None

    def __post_init__(self) -> None:
        if self.steps is not None:
            self.interval = min(self.interval, max(1, self.steps // FEWEST_VISITS))
        self.next = self.begin + self.interval

    def until_next(self, at: int) -> int:
        """How many steps may be taken until the next visit."""
        return max(1, self.next - at)

    def is_due(self, at: int) -> bool:
        """Whether it is time for a visit; if so, the next one is an interval later."""
        if at < self.next:
            return False
        self.next = at + self.interval
        return True
