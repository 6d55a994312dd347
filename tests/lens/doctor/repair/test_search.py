"""The order in which remedies are tried and kept, on networks whose grades are made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from glassgrad.lens.doctor.finding import Finding, Remedy
from glassgrad.lens.doctor.repair.candidates import firsts, in_short, prescribed
from glassgrad.lens.doctor.repair.clinic import Outcome
from glassgrad.lens.doctor.repair.search import Search
from glassgrad.lens.doctor.repair.task import Grade
from glassgrad.lens.doctor.repair.trials import Trials

Grades = Callable[[frozenset[str], float], float]


class Clinic:
    """Costs as on a network of one epoch, and a hundred examples held out."""

    def __init__(self, budget: float) -> None:
        self.budget, self.cost = budget, 0.8
        self.ward = self
        self.held_out = range(100)

    def affords(self, cost: float) -> bool:
        return self.cost + cost <= self.budget

    def cost_of(self, regimen: Any, share: float = 1.0) -> float:
        return 0.8 * share

    def cost_of_last(self, regimen: Any) -> float:
        return 1.0


class MadeUp(Trials):
    """A network is the set of what was done to it, and its grade is told by a function."""

    def __init__(self, grades: Grades, finds: Sequence[Finding] = (), budget: float = 8.0) -> None:
        clinic: Any = Clinic(budget)
        super().__init__(clinic)
        self.grades, self.finds = grades, tuple(finds)
        self.alive: list[Outcome] = []  # so that networks are told apart by their ids

    def _run(self, regimen: Any, remedies: Sequence[Remedy], share: float) -> Outcome:
        changed: Any = regimen | {in_short(one) for one in remedies} if remedies else regimen
        clinic: Any = self.clinic
        if not self.affords(changed, share):
            return Outcome(
                changed, Grade(-1.0, "accuracy", 0.0), share, error="the budget is spent"
            )
        clinic.cost += clinic.cost_of(changed, share)
        value = self.grades(changed, share)
        outcome = Outcome(changed, Grade(value, "accuracy", value), share, self.finds)
        self.alive.append(outcome)
        return self._noted(outcome, tuple(remedies), regimen)


def finding(code: str, *actions: str) -> Finding:
    return Finding(code, "because", remedies=tuple(Remedy(one, one) for one in actions))


def mended(
    grades: Grades, findings: Sequence[Finding], budget: float = 8.0
) -> tuple[set[str], MadeUp]:
    """What was done to the best network that is found."""
    trials = MadeUp(grades, budget=budget)
    begun: Any = frozenset()
    sick = Outcome(begun, Grade(grades(begun, 1.0), "accuracy", 0.0), 1.0, tuple(findings))
    regimen: Any = Search(trials).mend(sick).regimen
    return set(regimen), trials


VANISHING = finding("vanishing_gradient", "activation", "initializer", "normalization", "residual")


def test_the_first_remedy_that_is_about_as_good_as_the_best() -> None:
    def grades(done: frozenset[str], share: float) -> float:
        return max(
            [0.0, *({"initializer": 0.988, "normalization": 0.99}.get(one, 0) for one in done)]
        )

    assert mended(grades, [VANISHING])[0] == {"initializer"}


def test_a_way_that_leads_nowhere_is_not_marked() -> None:
    def grades(done: frozenset[str], share: float) -> float:
        later = 0.2 * ("optimizer adam" in done) if share < 1 else -0.9 * (len(done) > 1)
        return 0.7 * ("activation" in done) + later

    done, trials = mended(grades, [VANISHING])
    assert done == {"activation"}
    kept = [(trial.title, trial.share) for trial in trials.record if trial.is_kept]
    assert kept == [("activation", 1.0)]


def test_what_helps_by_chance_alone_is_not_kept() -> None:
    def grades(done: frozenset[str], share: float) -> float:
        return 0.6 + 0.001 * len(done)

    done, trials = mended(grades, [VANISHING])
    assert done == set()
    assert not any(trial.is_kept for trial in trials.record)


def test_two_faults_that_hide_each_other() -> None:
    def grades(done: frozenset[str], share: float) -> float:
        return 0.99 if {"standardize", "optimizer adam"} <= done else 0.0

    done, _ = mended(grades, [finding("unscaled_input", "standardize")])
    assert {"standardize", "optimizer adam"} <= done


def test_all_first_remedies_at_once() -> None:
    def grades(done: frozenset[str], share: float) -> float:
        return 0.99 if done == {"thaw", "standardize"} else 0.0

    found = [finding("frozen_parameters", "thaw"), finding("unscaled_input", "standardize")]
    assert mended(grades, found)[0] == {"thaw", "standardize"}


def test_what_short_runs_do_not_show_is_tried_at_full_length() -> None:
    def grades(done: frozenset[str], share: float) -> float:
        return 0.99 if share == 1 and "activation" in done else 0.0

    assert mended(grades, [VANISHING])[0] == {"activation"}


def test_what_is_prescribed_comes_first_where_short_runs_tell_little() -> None:
    def grades(done: frozenset[str], share: float) -> float:
        return (0.2 if len(done) > 1 else 0.1) if share < 1 else 0.99 * ("activation" in done)

    assert mended(grades, [VANISHING])[0] == {"activation"}


def test_what_goes_wrong_late_is_tried_at_full_length() -> None:
    def grades(done: frozenset[str], share: float) -> float:
        return 0.9 if share < 1 or "optimizer adam" in done else -1.0

    found = [finding("divergence", "optimizer"), finding("learning_rate_too_high", "clip")]
    found[0] = Finding("divergence", "", remedies=(Remedy("optimizer", "", value="adam"),))
    assert "optimizer adam" in mended(grades, found)[0]


def test_overfitting_is_judged_by_full_runs() -> None:
    def grades(done: frozenset[str], share: float) -> float:
        return 0.6 + 0.3 * ("early stopping" in done) + 0.09 * ("regularization" in done)

    found = [finding("overfitting", "early_stopping", "regularization", "data")]
    done, trials = mended(grades, found)
    assert {"early stopping", "regularization"} <= done
    assert all(trial.share == 1 for trial in trials.record[:3])


def test_a_ladder_of_learning_rates() -> None:
    def grades(done: frozenset[str], share: float) -> float:
        return 0.6 + 0.2 * ("learning rate × 3" in done) + 0.15 * ("optimizer adam" in done)

    assert mended(grades, [VANISHING])[0] == {"learning rate × 3", "optimizer adam"}


def test_how_the_learning_rate_ends_is_looked_at_last() -> None:
    def grades(done: frozenset[str], share: float) -> float:
        return 0.7 * ("activation" in done) + 0.1 * ("decay" in done and share == 1)

    done, trials = mended(grades, [VANISHING])
    assert done == {"activation", "decay"}
    assert [trial.title for trial in trials.record if trial.is_kept] == ["activation", "decay"]


def test_what_learns_slowly_gets_the_rest_of_the_budget() -> None:
    def grades(done: frozenset[str], share: float) -> float:
        return 0.7 * ("activation" in done) + 0.2 * any("longer" in one for one in done)

    slow = finding("underfitting", "more_units")
    trials = MadeUp(grades, [slow], budget=12.0)
    begun: Any = frozenset()
    sick = Outcome(begun, Grade(0.0, "accuracy", 0.0), 1.0, (VANISHING,))
    regimen: Any = Search(trials).mend(sick).regimen
    assert any("longer training" in one for one in regimen)


@pytest.mark.parametrize("budget", [2.0, 3.0, 4.5, 8.0])
def test_the_budget_has_room_for_what_must_follow(budget: float) -> None:
    def grades(done: frozenset[str], share: float) -> float:
        return min(0.1 * len(done), 0.9)

    _, trials = mended(grades, [VANISHING], budget)
    assert trials.clinic.cost + 1.0 <= budget + 1e-9


def test_remedies_in_the_order_of_findings_and_each_once() -> None:
    found = [finding("dead_units", "initializer", "labels", "clip"), finding("divergence", "clip")]
    assert [one.action for one in prescribed(found)] == ["initializer", "clip"]
    assert [one.action for one in firsts(found)] == ["initializer", "clip"]
    assert [one.action for one in firsts(found[:1])] == ["initializer"]
