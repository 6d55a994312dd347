"""Trials: runs with some more remedies, within the budget, and the record of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Any

from glassgrad.lens.doctor.finding import Remedy
from glassgrad.lens.doctor.repair.candidates import in_short
from glassgrad.lens.doctor.repair.clinic import Clinic, Outcome
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.treatment import treated, treated_where_possible
from glassgrad.lens.doctor.repair.ward import Refused

__all__ = ["Trial", "Trials"]

SHORT = 0.25  # of a full run
LARGEST_MARGIN = 0.03
NOTHING_LEARNT = 0.03  # grades up to this one are all alike


@dataclass(frozen=True)
class Trial:
    """What was tried.

    Args:
        remedies: on top of what was kept before.
        share: the length of the run, of a full one.
        grade: on what was held out; ``None`` where it was not run.
        measure: the number that a person reads: accuracy or R².
        is_kept: whether it is a step on the way to the best network.
        refused: why it does not apply, or could not be trained.
    """

    remedies: tuple[Remedy, ...]
    share: float
    grade: float | None = None
    measure: float | None = None
    is_kept: bool = False
    refused: str | None = None

    @property
    def title(self) -> str:
        """What was done, in a few words."""
        return " + ".join(map(in_short, self.remedies)) or "as it is"


@dataclass
class Trials:
    """Runs networks with some more remedies, as long as the budget lasts.

    Args:
        clinic: where they are trained.
        record: what was tried so far.
        kept: the actions of remedies that were kept, with the layers they were meant for.
    """

    clinic: Clinic
    record: list[Trial] = field(default_factory=list)
    kept: set[tuple[str, str | None]] = field(default_factory=set)
    _made_by: dict[int, tuple[int, int]] = field(default_factory=dict)
    _known: dict[tuple[Any, ...], Outcome] = field(default_factory=dict)

    def short(self, regimen: Regimen, remedies: Sequence[Remedy] = ()) -> Outcome:
        """A short run, without the doctor."""
        found = self._run(regimen, remedies, SHORT)
        if found.error is None:
            self._known[_key(found.regimen, (), SHORT)] = found
        return found

    def full(self, regimen: Regimen, remedies: Sequence[Remedy] = ()) -> Outcome:
        """A run of full length, with the doctor."""
        return self._run(regimen, remedies, 1.0)

    def affords(self, regimen: Regimen, share: float = 1.0) -> bool:
        """Whether a run is within the budget, with those that must follow it."""
        clinic = self.clinic
        cost = clinic.cost_of(regimen, share) + clinic.cost_of_last(regimen)
        return clinic.affords(cost + (clinic.cost_of(regimen) if share < 1 else 0.0))

    def keep(self, outcome: Outcome) -> Outcome:
        """Note that the search goes on from here."""
        if outcome.trial is not None:
            remedies = self.record[outcome.trial].remedies
            self.kept |= {(remedy.action, remedy.layer) for remedy in remedies}
        return outcome

    def mark_the_way_to(self, best: Outcome) -> None:
        """Tell the trials by which the best network was made from all the others."""
        made = id(best.regimen)
        while made in self._made_by:
            made, number = self._made_by[made]
            self.record[number] = replace(self.record[number], is_kept=True)

    def is_better(self, new: Outcome, old: Outcome, margins: float = 1.0) -> bool:
        """Whether a run is better by more than chance."""
        return new.value > max(old.value, NOTHING_LEARNT) + margins * self.margin(old)

    def margin(self, outcome: Outcome) -> float:
        """By what a grade must be better to be more than chance."""
        examples = len(self.clinic.ward.held_out)
        share = min(max(outcome.value, 0.0), 1.0)
        return min(0.5 * sqrt(max(share * (1 - share), 0.01) / examples), LARGEST_MARGIN)

    def _run(self, regimen: Regimen, remedies: Sequence[Remedy], share: float) -> Outcome:
        """What does not apply, or is too costly, is as bad as can be."""
        clinic = self.clinic
        try:
            changed, applied = self._treated(regimen, remedies)
        except Refused as reason:
            refused = clinic.failure(regimen, share, str(reason))
            return self._noted(refused, tuple(remedies), regimen)
        key = _key(regimen, applied, share)
        if key not in self._known:
            if not self.affords(changed, share):
                return clinic.failure(regimen, share, "the budget is spent")
            run = clinic.run(changed, share, is_examined=share >= 1)
            self._known[key] = self._noted(run, applied, regimen)
        return self._known[key]

    def _treated(
        self, regimen: Regimen, remedies: Sequence[Remedy]
    ) -> tuple[Regimen, tuple[Remedy, ...]]:
        """One remedy must apply; of several those are taken that do."""
        ward = self.clinic.ward
        if len(remedies) > 1:
            return treated_where_possible(regimen, remedies, ward)
        return treated(regimen, remedies, ward), tuple(remedies)

    def _noted(self, outcome: Outcome, remedies: tuple[Remedy, ...], before: Regimen) -> Outcome:
        was_run = outcome.error is None
        self.record.append(
            Trial(
                remedies,
                outcome.share,
                outcome.value if was_run else None,
                outcome.grade.measure if was_run else None,
                refused=outcome.error,
            )
        )
        number = len(self.record) - 1
        if outcome.regimen is not before:
            self._made_by[id(outcome.regimen)] = id(before), number
        return replace(outcome, trial=number)


def _key(regimen: Regimen, remedies: Sequence[Remedy], share: float) -> tuple[Any, ...]:
    """What tells a run from others; regimens are kept by their outcomes, so that ids differ."""
    actions = tuple((one.action, one.layer, repr(one.value)) for one in remedies)
    return id(regimen), actions, share
