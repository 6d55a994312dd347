"""When training ends: by patience, by a target, by the clock, by a loss that is not finite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.callbacks import (
    Callback,
    EarlyStopping,
    LambdaCallback,
    StopAtTarget,
    TerminateOnNaN,
    TimeLimit,
)
from glassgrad.errors import ArgumentError, ExecutionError
from tests.training.callbacks.fake import FakeModel, run
from tests.training.small import compiled, inputs, labels

NAN = float("nan")

# What Keras 3 does: arguments, values of the quantity, epochs that are run, the best epoch.
STOPPING: dict[str, tuple[dict[str, Any], list[float], int, int]] = {
    "improves": ({}, [5, 4, 3, 2], 4, 3),
    "patience 0": ({"patience": 0}, [3, 2, 2.5, 1], 3, 1),
    "patience 1 is as 0": ({"patience": 1}, [3, 2, 2.5, 1], 3, 1),
    "patience 2": ({"patience": 2}, [3, 2, 2.5, 2.4, 1], 4, 1),
    "patience begins anew": ({"patience": 2}, [3, 2, 2.5, 1, 2, 2, 0], 6, 3),
    "equal is no improvement": ({"patience": 1}, [3, 3, 1], 2, 0),
    "the first epoch never stops": ({"patience": 0}, [NAN, 2, 1], 3, 2),
    "nan is no improvement": ({"patience": 1}, [3, NAN, 1], 2, 0),
    "nan from the beginning": ({"patience": 1}, [NAN, NAN, 1], 2, 0),
    "min_delta": ({"patience": 1, "min_delta": 0.5}, [3, 2.6, 1], 2, 0),
    "negative min_delta": ({"patience": 1, "min_delta": -0.5}, [3, 2.6, 1], 2, 0),
    "min_delta is exceeded": ({"patience": 1, "min_delta": 0.5}, [3, 2.4, 2.3], 3, 1),
    "max": ({"patience": 1, "mode": "max"}, [1, 2, 1.5, 3], 3, 1),
    "baseline is not reached": ({"patience": 2, "baseline": 1.0}, [3, 2, 2.5, 0], 3, 1),
    "below the baseline improvement goes on": (
        {"patience": 1, "baseline": 1.0}, [5, 4, 3, 2], 4, 3,
    ),
    "baseline is reached": ({"patience": 2, "baseline": 2.5}, [3, 2, 2.5, 2.4, 0], 4, 1),
    "start_from_epoch": ({"patience": 1, "start_from_epoch": 2}, [1, 5, 5, 4, 6], 5, 3),
}  # fmt: skip


@pytest.mark.parametrize("name", STOPPING)
@pytest.mark.parametrize("restores", [True, False])
def test_early_stopping(name: str, restores: bool) -> None:
    options, values, epochs, best = STOPPING[name]
    stopping = EarlyStopping(**options, restore_best_weights=restores)
    assert run(stopping, values) == (epochs, best if restores else epochs - 1)


def test_early_stopping_can_be_used_again() -> None:
    stopping = EarlyStopping(patience=1, restore_best_weights=True)
    assert run(stopping, [1, 2, 3]) == (2, 0)
    assert run(stopping, [9, 8, 9]) == (3, 1)


@pytest.mark.parametrize(
    "monitor, mode",
    [
        ("loss", "min"), ("val_loss", "min"), ("val_mse", "min"), ("mean_absolute_error", "min"),
        ("val_accuracy", "max"), ("acc", "max"), ("val_auc", "max"), ("precision", "max"),
    ],
)  # fmt: skip
def test_the_direction_follows_from_the_name(monitor: str, mode: str) -> None:
    assert EarlyStopping(monitor).mode == mode


def test_a_direction_that_nobody_knows() -> None:
    with pytest.raises(
        ArgumentError, match="Nothing tells whether a better 'score' is less or mor"
    ):
        EarlyStopping("score")
    assert EarlyStopping("score", mode="max").mode == "max"


def test_an_unknown_mode() -> None:
    with pytest.raises(ArgumentError, match=r"'auto', 'min' or 'max'. Got 'maximum'"):
        EarlyStopping(mode="maximum")


def test_a_quantity_that_is_not_there() -> None:
    with pytest.warns(UserWarning, match=r"'val_loss', .* they have 'loss'. Pass validation data"):
        assert run(EarlyStopping(), [2, 3, 4], "loss") == (3, 2)


def test_early_stopping_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    run(EarlyStopping(verbose=1), [2, 3])
    captured = capsys.readouterr()
    assert captured.err == "epoch 2: stopped, for val_loss has not improved since epoch 1\n"
    assert not captured.out
    run(EarlyStopping(verbose=1, restore_best_weights=True), [2, 3])
    assert capsys.readouterr().err.endswith("the weights are those of epoch 1, the best one\n")


# ---- a target

TARGETS: dict[str, tuple[dict[str, Any], list[float], int]] = {
    "reached": ({"target": 2}, [4, 3, 1, 0], 3),
    "reached exactly": ({"target": 2}, [4, 2, 1], 2),
    "reached at once": ({"target": 2}, [2, 1], 1),
    "never": ({"target": 0.5}, [4, 3, 2], 3),
    "never by nan": ({"target": 0.5}, [NAN, 3], 2),
    "upwards": ({"target": 2, "mode": "max"}, [1, 1.5, 2.5, 3], 3),
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_target(name: str) -> None:
    options, values, epochs = TARGETS[name]
    assert run(StopAtTarget(**options), values)[0] == epochs


def test_the_direction_of_a_target_follows_from_its_name() -> None:
    assert run(StopAtTarget(0.9, "accuracy"), [0.5, 0.95, 0.99], "accuracy")[0] == 2
    with pytest.raises(ArgumentError, match="Nothing tells"):
        StopAtTarget(0.9, "score")


def test_a_target_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    run(StopAtTarget(2, verbose=1), [3, 1.5])
    assert capsys.readouterr().err == "epoch 2: stopped, for val_loss is 1.5\n"


@pytest.mark.parametrize("target", [NAN, float("inf")])
def test_a_target_that_is_none(target: float) -> None:
    with pytest.raises(ArgumentError, match="target of 'val_loss' must be finite"):
        StopAtTarget(target)


# ---- the clock


def ticking(start: float = 0.0) -> Callable[[], float]:
    """A clock on which every look takes a second."""
    now = [start - 1.0]

    def look() -> float:
        now[0] += 1
        return now[0]

    return look


@pytest.mark.parametrize("seconds, batches", [(1, 1), (2.5, 3), (4, 4), (1e9, 20)])
def test_a_time_limit_ends_training_after_a_batch(seconds: float, batches: int) -> None:
    model = compiled()
    limit = TimeLimit(seconds, clock=ticking(100))
    limit.sees_each_batch = True  # looks at the clock each time, not every 50 ms
    model.fit(inputs(8), labels(8), 2, 5, verbose=0, callbacks=[limit])
    assert int(model.optimizer.iterations.numpy()) == batches
    assert limit.is_reached == (batches < 20)


def test_a_time_limit_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    limit = TimeLimit(2, verbose=1, clock=ticking())
    compiled().fit(inputs(8), labels(8), 8, 5, verbose=0, callbacks=[limit])
    assert capsys.readouterr().err == "epoch 2: stopped, for 2 seconds are over\n"


def fit_with_limit(path: Path, seconds: float, *others: Callback) -> Any:
    model = compiled()
    limit = TimeLimit(seconds, clock=ticking())
    model.fit(inputs(8), labels(8), 8, 9, verbose=0, callbacks=[limit, *others], checkpoint=path)
    return model


def test_the_seconds_before_an_interruption_count(tmp_path: Path) -> None:
    def interrupt(epoch: int, logs: Any) -> None:
        if epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_with_limit(tmp_path / "run", 5, LambdaCallback(on_epoch_begin=interrupt))
    model = fit_with_limit(tmp_path / "run", 5)
    assert len(model.history.epoch) == 5


def test_a_greater_limit_takes_the_end_back(tmp_path: Path) -> None:
    assert len(fit_with_limit(tmp_path / "run", 3).history.epoch) == 3
    assert len(fit_with_limit(tmp_path / "run", 3).history.epoch) == 3
    assert len(fit_with_limit(tmp_path / "run", 5).history.epoch) == 5
    assert len(fit_with_limit(tmp_path / "run", 100).history.epoch) == 9


@pytest.mark.parametrize("seconds", [0, -1, NAN])
def test_a_limit_that_is_none(seconds: float) -> None:
    with pytest.raises(ArgumentError, match="must be above 0 seconds"):
        TimeLimit(seconds)


# ---- a loss that is not finite


class Breaks(Callback):
    """The weights are lost before a batch."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch == 1:
            for weight in self.model.weights:
                weight.assign(np.full(weight.shape, NAN))


def test_a_loss_that_is_not_finite_ends_training(capsys: pytest.CaptureFixture[str]) -> None:
    model = compiled()
    model.fit(inputs(8), labels(8), 2, 5, verbose=0, callbacks=[Breaks(), TerminateOnNaN()])
    assert int(model.optimizer.iterations.numpy()) == 2
    assert model.history.epoch == [0]
    assert capsys.readouterr().err == "batch 1: stopped, for the loss is nan\n"


def test_a_loss_that_is_not_finite_may_be_an_error() -> None:
    ended: list[Any] = []
    raising = TerminateOnNaN(raise_error=True)
    watch = LambdaCallback(on_train_end=ended.append)
    with pytest.raises(ExecutionError, match=r"The loss is nan after batch 1. Try a lower learn"):
        compiled().fit(inputs(8), labels(8), 2, verbose=0, callbacks=[Breaks(), raising, watch])
    assert not ended


@pytest.mark.parametrize("loss, stops", [(NAN, True), (float("-inf"), True), (1e38, False)])
def test_what_is_not_finite(loss: float, stops: bool) -> None:
    callback, model = TerminateOnNaN(), FakeModel()
    callback.set_model(model)  # type: ignore[arg-type]
    callback.on_train_batch_end(0, {"loss": loss})
    assert model.stop_training == stops
    callback.on_train_batch_end(0)  # a loop of one's own may give no logs
