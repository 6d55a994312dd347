"""The gate of the alarms: what counts as harm, and when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.lens.doctor.case import Case
from glassgrad.lens.doctor.harm import Harm, harm_of
from glassgrad.lens.doctor.view import View
from tests.lens.doctor.synthetic import STEPS, TRIVIAL, case, course, falling, resting, seen, stack


def lost_again() -> Any:
    """It learns, and in the end it has forgotten half of it."""
    return np.concatenate([falling(steps=300), np.linspace(0.1, 1.6, 100)])


HARMS = {
    "learnt": (case(), Harm.NONE),
    "nothing learnt": (case(losses=resting()), Harm.NOTHING),
    "worse than a constant": (case(losses=falling(50.0, 3.0)), Harm.NOTHING),
    "worse than before": (case(losses=np.geomspace(TRIVIAL, 100, STEPS)), Harm.RUNAWAY),
    "lost again": (case(losses=lost_again()), Harm.RUNAWAY),
    "no number": (case(losses=[TRIVIAL, np.nan]), Harm.RUNAWAY),
    "too few steps": (case(losses=resting(steps=10)), Harm.NONE),
    "far above simple methods": (
        case(stack(reference_loss=0.3), falling(end=1.0)),
        Harm.POOR,
    ),
    "as good as simple methods": (case(stack(reference_loss=1.0), falling(end=1.1)), Harm.NONE),
    "as good as noise allows": (
        case(stack(trivial_loss=1.0, reference_loss=0.85), falling(1.5, 0.91)),
        Harm.POOR,
    ),
    "no loss that is known": (
        case(stack(trivial_loss=None, reference_loss=None), falling()),
        Harm.NONE,
    ),
    "a loss that may be negative": (case(stack(trivial_loss=-1.0), resting()), Harm.NONE),
}


@pytest.mark.parametrize("name", HARMS)
def test_harm_at_the_end(name: str) -> None:
    given, harm = HARMS[name]
    assert harm_of(View(given)) is harm


def test_nothing_is_said_of_the_first_half_unless_it_is_no_number() -> None:
    facts = stack(steps=STEPS)
    early = case(facts, resting(steps=150), seen(facts), ended=False)
    assert harm_of(View(early)) is Harm.NONE
    later = case(facts, resting(steps=250), seen(facts), ended=False)
    assert harm_of(View(later)) is Harm.NOTHING
    broken = case(facts, [TRIVIAL, np.inf], seen(facts), ended=False)
    assert harm_of(View(broken)) is Harm.RUNAWAY


def test_without_a_plan_only_the_end_is_judged() -> None:
    facts = stack(steps=None)
    assert harm_of(View(case(facts, resting(), ended=False))) is Harm.NONE
    assert harm_of(View(case(facts, resting()))) is Harm.NOTHING


def test_a_training_that_goes_on_counts_its_own_steps() -> None:
    facts = stack(steps=STEPS)
    way = course(resting(steps=150))
    way.steps = way.steps + 10_000
    given = Case(facts, way, [seen(facts, 10_000)])
    assert View(given).steps == 150
    assert View(given).share_done == pytest.approx(150 / STEPS)
    assert View(given).first is None


def test_a_view_of_nothing_knows_nothing() -> None:
    view = View(Case(stack()))
    assert (view.start, view.now, view.remaining, view.excess, view.steps) == (
        None,
        None,
        None,
        None,
        0,
    )
    assert view.is_finite
    assert harm_of(view) is Harm.NONE


def test_activation_and_normalization_are_found_behind_a_layer() -> None:
    facts = stack(2)
    kinds = {one.name: (one.activation, one.is_normalized) for one in View(Case(facts)).hidden}
    assert kinds == {"hidden_0": ("relu", False), "hidden_1": ("relu", False)}
