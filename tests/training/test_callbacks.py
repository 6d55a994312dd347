"""Callbacks: who is called when, with what; and the two that decide something."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.callbacks import Callback, EarlyStopping, History, ModelCheckpoint
from glassgrad.errors import ArgumentError, FileError
from glassgrad.models import load_model
from tests.training.small import compiled, inputs, labels

NAN = float("nan")


class FakeModel:
    """Its weights are the number of the epoch."""

    def __init__(self) -> None:
        self.stop_training = False
        self.weights = -1.0

    def get_weights(self) -> list[np.ndarray]:
        return [np.array(self.weights)]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.weights = float(weights[0])


def run(callback: Callback, values: list[float], name: str = "val_loss") -> tuple[int, float]:
    """The number of epochs, and the weights at the end."""
    model = FakeModel()
    callback.set_model(model)  # type: ignore[arg-type]
    callback.on_train_begin()
    epochs = 0
    for epoch, value in enumerate(values):
        model.weights, epochs = epoch, epoch + 1
        callback.on_epoch_end(epoch, {name: value})
        if model.stop_training:
            break
    callback.on_train_end({})
    return epochs, model.weights


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


# ---- saving


def fit(tmp_path: Path, *, epochs: int = 3, **options: Any) -> Any:
    model = compiled()
    checkpoint = ModelCheckpoint(tmp_path / options.pop("name", "model"), **options)
    data = (inputs(), labels())
    model.fit(*data, epochs=epochs, verbose=0, callbacks=[checkpoint], validation_data=data)
    return model


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_names_with_epoch_and_logs(tmp_path: Path) -> None:
    model = fit(tmp_path, name="{epoch:02d}-{val_loss:.3f}.safetensors")
    losses = model.history.history["val_loss"]
    assert files(tmp_path) == sorted(
        f"{number:02d}-{loss:.3f}.safetensors" for number, loss in enumerate(losses, 1)
    )


def test_the_folder_is_made(tmp_path: Path) -> None:
    fit(tmp_path, name="a/{epoch}/model", epochs=2)
    assert files(tmp_path / "a") == ["1", "2"]


def test_whole_models_and_weights(tmp_path: Path) -> None:
    model = fit(tmp_path, name="whole")
    np.testing.assert_array_equal(
        load_model(tmp_path / "whole").predict(inputs()), model.predict(inputs())
    )
    model = fit(tmp_path, name="weights", save_weights_only=True)
    other = compiled(seed=2)
    other.load_weights(tmp_path / "weights")
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    with pytest.raises(FileError, match="It is a weights"):
        load_model(tmp_path / "weights")


@pytest.mark.parametrize(
    "options, saved",
    [
        ({"monitor": "loss"}, [1, 2, 4]),
        ({"monitor": "loss", "initial_value_threshold": 2.0}, [4]),
        ({"monitor": "loss", "mode": "max"}, [1]),
        ({"monitor": "loss", "save_best_only": False}, [1, 2, 3, 4]),
    ],
)
def test_best_only(tmp_path: Path, options: dict[str, Any], saved: list[int]) -> None:
    options = {"save_best_only": True, **options}
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}", save_weights_only=True, **options)
    checkpoint.set_model(compiled())
    for epoch, loss in enumerate([4.0, 3.0, 3.5, 1.0]):
        checkpoint.on_epoch_end(epoch, {"loss": loss})
    assert files(tmp_path) == [str(number) for number in saved]


def test_best_only_without_the_quantity_saves(tmp_path: Path) -> None:
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}", save_best_only=True)
    checkpoint.set_model(compiled())
    with pytest.warns(UserWarning, match="ModelCheckpoint watches 'val_loss'"):
        checkpoint.on_epoch_end(0, {"loss": 1.0})
    assert files(tmp_path) == ["1"]


@pytest.mark.parametrize("name", ["{accuracy_of_nothing}", "{}", "{epoch:z}", "{epoch"])
def test_a_name_that_cannot_be_filled_in(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArgumentError, match=r"cannot be filled in.*What there is: epoch, loss"):
        fit(tmp_path, name=name)
    assert not files(tmp_path)


def test_a_failing_disk_stops_training_and_keeps_the_last_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FillDisk(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                monkeypatch.setattr("os.fsync", full)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    model = compiled()
    checkpoint = ModelCheckpoint(tmp_path / "model")
    with pytest.raises(FileError, match=r"No space left on device. Free some room"):
        model.fit(inputs(), labels(), epochs=5, verbose=0, callbacks=[FillDisk(), checkpoint])
    assert files(tmp_path) == ["model"]
    assert load_model(tmp_path / "model").epochs_seen == 0  # saved while epoch 0 was ending


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="Cannot make the folder"):
        fit(tmp_path, name="file/model")


def test_saving_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(tmp_path, epochs=1, verbose=1)
    assert capsys.readouterr().err == f"epoch 1: saved {tmp_path / 'model'}\n"


# ---- callbacks of one's own


class Recorder(Callback):
    def __init__(self, name: str, events: list[Any]) -> None:
        self.name, self.events = name, events

    def note(self, event: str, number: int | None, logs: Any) -> None:
        assert self.model is not None
        self.events.append((self.name, event, number, sorted(logs or {})))

    def on_train_begin(self, logs: Any = None) -> None:
        self.note("train begin", None, logs)

    def on_train_end(self, logs: Any = None) -> None:
        self.note("train end", None, logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.note("epoch begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.note("epoch end", epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.note("batch begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.note("batch end", batch, logs)


def test_order_and_logs() -> None:
    events: list[Any] = []
    model = compiled()
    recorders = [Recorder("a", events), Recorder("b", events)]
    data = (inputs(6), labels(6))
    model.fit(*data, 4, 2, verbose=0, callbacks=recorders, validation_data=data)
    training = ["accuracy", "loss"]
    both = [*training, "val_accuracy", "val_loss"]
    expected: list[Any] = [("train begin", None, [])]
    for epoch in range(2):
        expected += [("epoch begin", epoch, [])]
        for batch in range(2):
            expected += [("batch begin", batch, []), ("batch end", batch, training)]
        expected += [("epoch end", epoch, both)]
    expected += [("train end", None, both)]
    assert events == [(name, *event) for event in expected for name in ("a", "b")]
    assert recorders[0].params == {"epochs": 2, "steps": 2, "verbose": 0}


def test_what_a_callback_adds_to_the_logs_is_recorded() -> None:
    class Rate(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["rate"] = 0.5

    history = compiled().fit(inputs(), labels(), epochs=2, verbose=0, callbacks=Rate())
    assert history.history["rate"] == [0.5, 0.5]


def test_the_logs_of_a_batch_are_those_of_the_epoch_so_far() -> None:
    seen: list[float] = []

    class Watch(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(logs["loss"])

    history = compiled().fit(inputs(), labels(), 4, verbose=0, callbacks=[Watch()])
    assert len(seen) == 3
    assert seen[-1] == history.history["loss"][0]


@pytest.mark.parametrize("event", ["on_train_batch_begin", "on_train_batch_end"])
def test_training_can_be_stopped_after_a_batch(event: str) -> None:
    class Stop(Callback):
        def stop(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 1

    setattr(Stop, event, Stop.stop)
    model = compiled()
    history = model.fit(inputs(), labels(), 2, 5, verbose=0, callbacks=[Stop()])
    assert int(model.optimizer.iterations.numpy()) == 2
    assert history.epoch == [0]  # the epoch ends as others do, with its logs
    model.fit(inputs(), labels(), 2, 1, verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 7


def test_a_history_of_ones_own_is_used() -> None:
    history = History()
    model = compiled()
    assert model.fit(inputs(), labels(), verbose=0, callbacks=[history]) is history
    assert model.history is history
    model.fit(inputs(), labels(), initial_epoch=1, epochs=3, verbose=0, callbacks=[history])
    assert history.epoch == [0, 1, 2]


@pytest.mark.parametrize("wrong, message", [
    (EarlyStopping, r"Got the class EarlyStopping; write EarlyStopping\(\)"),
    ([EarlyStopping], r"Got the class EarlyStopping; write EarlyStopping\(\)"),
    ([print], "derived from Callback. Got <built-in function print>"),
    ("early", "Got 'early'"),
])  # fmt: skip
def test_what_is_no_callback(wrong: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        compiled().fit(inputs(), labels(), verbose=0, callbacks=wrong)


def test_an_error_in_a_callback_comes_out() -> None:
    class Fail(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            raise ZeroDivisionError

        def on_train_end(self, logs: Any = None) -> None:
            raise AssertionError("training did not end")

    with pytest.raises(ZeroDivisionError):
        compiled().fit(inputs(), labels(), verbose=0, callbacks=[Fail()])
