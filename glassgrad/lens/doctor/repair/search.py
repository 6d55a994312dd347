"""The search for what mends a network: short runs of remedies, long runs of what helped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from glassgrad.lens.doctor.finding import Finding, Remedy
from glassgrad.lens.doctor.repair.candidates import (
    BUNDLES,
    DECAY,
    GENERAL,
    firsts,
    longer,
    prescribed,
    rates,
)
from glassgrad.lens.doctor.repair.clinic import Outcome
from glassgrad.lens.doctor.repair.trials import Trials

__all__ = ["Search"]

AS_GOOD_AS_PERFECT = 0.985  # nothing is sought any more from this grade on
WELL_ON_ITS_WAY = 0.5  # a grade from which no more is changed at once
COMES_LATE = 0.15  # by how much a short run is better than a full one in which all goes wrong
MOST_AT_ONCE = 6  # remedies of one round
FACTOR_OF_RATES = 3.0
LONGEST_LADDER = 3
ROUNDS = 3
MUCH_LONGER, BARELY_LONGER = 3.0, 1.5
#: Faults that short runs do not show, and remedies that they cannot judge.
LATE = "overfitting"
SLOW = ("underfitting", "learning_rate_too_low", "loss_not_decreasing")
ONLY_LONG = ("early_stopping", "regularization", "longer_training")


@dataclass
class Search:
    """Looks for what mends a network.

    A round begins with what the doctor has found in a full run. The remedies, and what often
    helps, are tried in short runs on top of what helps already; then the best of them is trained
    at full length and examined. It is kept where it is better on what was held out. Networks that
    have not learnt anything in short runs are tried in full ones.
    """

    trials: Trials
    _useless: set[Remedy] = field(default_factory=set)  # of those that often help

    def mend(self, sick: Outcome) -> Outcome:
        """The best that was found, after a full run."""
        best = sick
        for _ in range(ROUNDS):
            found = self._round(best)
            if found is None or not self.trials.is_better(found, best, 0.5):
                break
            best = found
            if best.value >= AS_GOOD_AS_PERFECT:
                break
        best = best if best is sick else self._refined(best)
        self.trials.mark_the_way_to(best)
        return best

    def _round(self, best: Outcome) -> Outcome | None:
        """Something better after a full run, or nothing."""
        if best.findings and best.findings[0].code == LATE:
            late = [one for one in best.findings if one.code == LATE]
            found = self._best_of_full_runs(best, _alone_and_together(prescribed(late)))
            if found is not None:
                return found
        now = self._best_of_short_runs(best)
        if now.regimen is not best.regimen:
            found = self._at_full_length(best, now)
            if self.trials.is_better(found, best, 0.5):
                return found
        return self._best_of_full_runs(best, self._for_full_runs(best))

    def _at_full_length(self, best: Outcome, now: Outcome) -> Outcome:
        """What was best in short runs; where they tell little, what is prescribed comes first."""
        if now.value < WELL_ON_ITS_WAY:
            simple = self.trials.full(best.regimen, firsts(best.findings))
            if simple.value >= WELL_ON_ITS_WAY:
                return simple
        return self.trials.full(now.regimen)

    # ---- short runs

    def _best_of_short_runs(self, best: Outcome) -> Outcome:
        """Step by step from a network to a better one; itself if there is none."""
        start = self.trials.short(best.regimen)
        if start.value > max(best.value, 0.0) + COMES_LATE:
            return start  # what is wrong comes later
        now = self._first_step(start, best.findings)
        if now is start and start.value < WELL_ON_ITS_WAY:
            return start  # short runs do not tell
        for remedy in self._general():
            if now.value >= AS_GOOD_AS_PERFECT:
                break
            found = self.trials.short(now.regimen, [remedy])
            if self.trials.is_better(found, now):
                now = self.trials.keep(found)
            elif now.value > WELL_ON_ITS_WAY:
                self._useless.add(remedy)
        return self._best_rate(now)

    def _general(self) -> Iterator[Remedy]:
        for remedy in GENERAL:
            if remedy not in self._useless and (remedy.action, None) not in self.trials.kept:
                yield remedy

    def _first_step(self, start: Outcome, findings: Sequence[Finding]) -> Outcome:
        """The earliest of the prescribed remedies that is about as good as the best of them.

        Where none has learnt much, everything usual is tried at once: there may be two faults.
        """
        remedies = [one for one in prescribed(findings) if one.action not in ONLY_LONG]
        begin = firsts(findings)
        sets = [*((one,) for one in remedies[:MOST_AT_ONCE]), begin]
        tried = [self.trials.short(start.regimen, one) for one in sets if one]
        for bundle in BUNDLES:
            if max(one.value for one in (start, *tried)) < WELL_ON_ITS_WAY:
                tried.append(self.trials.short(start.regimen, (*begin, *bundle)))
        highest = max((one.value for one in tried), default=start.value)
        good = (one for one in tried if one.value >= highest - self.trials.margin(one) / 2)
        chosen = next(good, start)
        return self.trials.keep(chosen) if self.trials.is_better(chosen, start) else start

    def _best_rate(self, now: Outcome) -> Outcome:
        """Up or down a ladder of learning rates, as long as it helps."""
        for factor in (FACTOR_OF_RATES, 1 / FACTOR_OF_RATES):
            begun = now
            for _ in range(LONGEST_LADDER):
                found = self.trials.short(now.regimen, [rates(factor)])
                if not self.trials.is_better(found, now):
                    break
                now = self.trials.keep(found)
            if now is not begun:
                break
        return now

    # ---- full runs

    def _for_full_runs(self, best: Outcome) -> list[tuple[Remedy, ...]]:
        """What is tried at full length, because short runs have shown nothing."""
        if best.value >= WELL_ON_ITS_WAY:
            return []
        alone = [(one,) for one in prescribed(best.findings)]
        begin = firsts(best.findings)
        usual, *others = ((*begin, *bundle) for bundle in BUNDLES)
        return [*alone[:1], others[0], usual, *others[1:], *alone[1:]]

    def _best_of_full_runs(
        self, best: Outcome, sets: Sequence[tuple[Remedy, ...]]
    ) -> Outcome | None:
        """The best of full runs; the first one that has come far, where others had not."""
        found = best
        for remedies in sets:
            outcome = self.trials.full(best.regimen, remedies)
            if outcome.value > found.value:
                found = outcome
            if best.value < WELL_ON_ITS_WAY <= found.value:
                break
        return self.trials.keep(found) if self.trials.is_better(found, best, 0.5) else None

    def _refined(self, best: Outcome) -> Outcome:
        """With what is left of the budget: how the learning rate ends, and how large it is."""
        for remedy in (DECAY, rates(1 / FACTOR_OF_RATES), rates(FACTOR_OF_RATES)):
            if best.value >= AS_GOOD_AS_PERFECT:
                return best
            found = self.trials.full(best.regimen, [remedy])
            if found.value > best.value:
                best = self.trials.keep(found)
        return self._trained_longer(best)

    def _trained_longer(self, best: Outcome) -> Outcome:
        """More epochs for what is still learning, if the budget has room for them."""
        if not any(finding.code in SLOW for finding in best.findings):
            return best
        clinic = self.trials.clinic
        once = clinic.cost_of(best.regimen) + clinic.cost_of_last(best.regimen)
        factor = min(MUCH_LONGER, (clinic.budget - clinic.cost) / once)
        if factor < BARELY_LONGER:
            return best
        found = self.trials.full(best.regimen, [longer(factor)])
        return self.trials.keep(found) if self.trials.is_better(found, best, 0.5) else best


def _alone_and_together(remedies: Sequence[Remedy]) -> list[tuple[Remedy, ...]]:
    """Each remedy, and all of them at once."""
    return [*((one,) for one in remedies), *([tuple(remedies)] if len(remedies) > 1 else [])]
