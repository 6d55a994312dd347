"""The learning rate between epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.callbacks import LearningRateScheduler, ReduceLROnPlateau
from glassgrad.errors import ArgumentError
from glassgrad.optimizers import SGD
from tests.training.callbacks.fake import FakeModel, Interrupt
from tests.training.small import assert_identical, compiled, inputs, labels

NAN = float("nan")


def rates(callback: ReduceLROnPlateau, values: list[float], rate: float = 0.1) -> list[float]:
    """The learning rate after each epoch."""
    model = FakeModel(SGD(rate))
    callback.set_model(model)  # type: ignore[arg-type]
    callback.on_train_begin()
    found = []
    for epoch, value in enumerate(values):
        logs = {"val_loss": value}
        callback.on_epoch_end(epoch, logs)
        assert logs["learning_rate"] == pytest.approx(found[-1] if found else rate)  # before it
        found.append(float(model.optimizer.learning_rate.numpy()))
    return found


# What Keras 3 does: arguments, values of the quantity, learning rates after the epochs.
PLATEAUS: dict[str, tuple[dict[str, Any], list[float], list[float]]] = {
    "patience": ({"patience": 2}, [3, 2, 2, 2, 2], [0.1, 0.1, 0.1, 0.01, 0.01]),
    "patience 0 is as 1": ({"patience": 0}, [3, 3, 3], [0.1, 0.01, 0.001]),
    "improvement": ({"patience": 1}, [4, 3, 2, 1], [0.1] * 4),
    "waiting begins anew": (
        {"patience": 2}, [3, 3, 3, 3, 3], [0.1, 0.1, 0.01, 0.01, 0.001],
    ),
    "factor": ({"patience": 1, "factor": 0.5}, [1, 1, 1], [0.1, 0.05, 0.025]),
    "min_lr": ({"patience": 1, "min_lr": 0.03}, [1, 1, 1], [0.1, 0.03, 0.03]),
    "cooldown": (
        {"patience": 1, "cooldown": 2}, [1, 1, 1, 1, 1, 1], [0.1, 0.01, 0.01, 0.001, 0.001, 1e-4],
    ),
    "min_delta": ({"patience": 1, "min_delta": 0.5}, [3, 2.6, 2], [0.1, 0.01, 0.01]),
    "max": ({"patience": 1, "mode": "max"}, [1, 2, 1.5], [0.1, 0.1, 0.01]),
    "nan is no improvement": ({"patience": 1}, [3, NAN, 2], [0.1, 0.01, 0.01]),
}  # fmt: skip


@pytest.mark.parametrize("name", PLATEAUS)
def test_plateaus(name: str) -> None:
    options, values, expected = PLATEAUS[name]
    callback = ReduceLROnPlateau(**options)
    assert rates(callback, values) == pytest.approx(expected, rel=1e-6)
    assert rates(callback, values) == pytest.approx(expected, rel=1e-6)  # it can be used again


def test_a_reduction_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    rates(ReduceLROnPlateau(patience=1, verbose=1), [1, 1])
    assert capsys.readouterr().err == (
        "epoch 2: the learning rate is reduced to 0.01, for val_loss has stopped improving\n"
    )


@pytest.mark.parametrize(
    "options, message",
    [
        ({"factor": 1.0}, "factor must be above 0 and below 1"),
        ({"factor": 0}, "factor must be above 0 and below 1"),
        ({"factor": NAN}, "factor must be above 0 and below 1"),
        ({"min_lr": -1}, "min_lr must be a finite number from 0 on"),
        ({"min_lr": NAN}, "min_lr must be a finite number from 0 on"),
        ({"patience": -1}, "patience must be an integer from 0"),
        ({"cooldown": 1.5}, "cooldown must be an integer from 0"),
        ({"mode": "down"}, "mode must be"),
    ],
)
def test_plateaus_that_are_none(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        ReduceLROnPlateau(**options)


def test_a_quantity_that_is_not_there_changes_nothing() -> None:
    callback = ReduceLROnPlateau(patience=1)
    callback.set_model(FakeModel(SGD(0.1)))  # type: ignore[arg-type]
    for epoch in range(3):
        with pytest.warns(UserWarning, match="ReduceLROnPlateau watches 'val_loss'"):
            callback.on_epoch_end(epoch, {"loss": 1.0})
    assert callback.model.optimizer.learning_rate.numpy() == pytest.approx(0.1)


@pytest.mark.parametrize("interrupted_at", [(1, 0), (3, 1), (4, 2)])
def test_a_resumed_run_reduces_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted_at: tuple[int, int]
) -> None:
    monkeypatch.setattr("glassgrad.training.loop.SECONDS_BETWEEN_CHECKPOINTS", -1.0)

    def train(name: str, *others: Any) -> Any:
        model = compiled(dropout=0.3)
        plateau = ReduceLROnPlateau("loss", 0.5, 2, min_delta=0.5, cooldown=2)
        model.fit(
            inputs(), labels(), 4, 8, verbose=0, callbacks=[plateau, *others],
            checkpoint=tmp_path / name,
        )  # fmt: skip
        return model

    with pytest.raises(KeyboardInterrupt):
        train("resumed", Interrupt(*interrupted_at))
    resumed, whole = train("resumed"), train("whole")
    assert_identical(resumed, whole)
    assert resumed.history.history == whole.history.history
    assert len(set(whole.history.history["learning_rate"])) > 1


# ---- a function of the epoch


def scheduled(schedule: Any, **options: Any) -> list[float]:
    model = compiled(optimizer=SGD(0.1))
    scheduler = LearningRateScheduler(schedule, **options)
    model.fit(inputs(), labels(), epochs=3, verbose=0, callbacks=[scheduler])
    return model.history.history["learning_rate"]


@pytest.mark.parametrize(
    "schedule, expected",
    [
        (lambda epoch, rate: rate / 2, [0.05, 0.025, 0.0125]),
        (lambda epoch: 1 / (1 + epoch), [1, 1 / 2, 1 / 3]),
        (lambda epoch, rate, scale=3: epoch * scale, [0, 3, 6]),
        (lambda epoch, rate: np.float32(0.5), [0.5] * 3),
        (lambda epoch, rate: np.array(0.5), [0.5] * 3),
        (max, [0.1, 1, 2]),
    ],
)
def test_schedules(schedule: Any, expected: list[float]) -> None:
    assert scheduled(schedule) == pytest.approx(expected, rel=1e-6)


def test_a_schedule_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    scheduled(lambda epoch: 0.5, verbose=1)
    assert capsys.readouterr().err.splitlines()[0] == "epoch 1: the learning rate is 0.5"


@pytest.mark.parametrize("wrong", [None, "0.1", True, [0.1], np.array([0.1]), NAN, -1.0])
def test_what_is_no_learning_rate(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match=r"schedule must give|learning.rate must be"):
        scheduled(lambda epoch: wrong)


def test_an_error_in_a_schedule_is_not_mistaken_for_another_signature() -> None:
    def wrong(epoch: int, rate: float) -> float:
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        scheduled(wrong)


def test_what_is_no_schedule() -> None:
    with pytest.raises(ArgumentError, match="must be a function of epoch and learning rate"):
        LearningRateScheduler(0.1)  # type: ignore[arg-type]
