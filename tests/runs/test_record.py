from __future__ import annotations

import pytest

from glassgrad.runs import RunRecord

NAN = float("nan")


def test_epochs_last_and_best() -> None:
    run = RunRecord("a", "a", "ended", metrics={"loss": {0: 3.0, 1: 1.0, 4: 2.0}, "none": {}})
    assert run.epochs == 5
    assert run.last("loss") == 2.0
    assert run.best("loss") == (1, 1.0)
    assert run.last("none") is run.best("none") is run.last("missing") is None
    assert RunRecord("a", "a", "running").epochs == 0


@pytest.mark.parametrize("metric, best", [("loss", 1), ("val_accuracy", 2), ("r2", 2), ("mae", 1)])
def test_what_is_best_follows_from_the_name(metric: str, best: int) -> None:
    run = RunRecord("a", "a", "ended", metrics={metric: {0: 0.5, 1: 0.2, 2: 0.9, 3: NAN}})
    assert run.best(metric) == (best, run.metrics[metric][best])


def test_nothing_finite_is_no_best() -> None:
    run = RunRecord("a", "a", "failed", metrics={"loss": {0: NAN, 1: float("inf")}})
    assert run.best("loss") is None
