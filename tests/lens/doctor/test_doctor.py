"""The doctor as a callback: it sees what is wrong, says it once, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import Sequential, ops, set_random_seed
from glassgrad.callbacks import Callback
from glassgrad.errors import ArgumentError
from glassgrad.initializers import RandomNormal
from glassgrad.layers import LSTM, BatchNormalization, Dense, Dropout, Input
from glassgrad.lens.doctor import Doctor
from glassgrad.optimizers import SGD, Adam

EXAMPLES, CLASSES = 192, 3


def data() -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of points."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, CLASSES, EXAMPLES)
    centres = generator.normal(size=(CLASSES, 8))
    return (centres[y] + generator.normal(0, 0.7, (EXAMPLES, 8))).astype(np.float32), y


def network(
    optimizer: Any = "adam", *hidden: Any, loss: Any = None, executor: str = "reference"
) -> Any:
    set_random_seed(0)
    layers = hidden or (Dense(16, "relu", name="hidden"),)
    model = Sequential([Input((8,)), *layers, Dense(CLASSES, "softmax", name="output")])
    model.compile(optimizer, loss or "sparse_categorical_crossentropy", executor=executor)
    return model


def trained(model: Any, *callbacks: Callback, epochs: int = 8, **options: Any) -> Any:
    x, y = data()
    return model.fit(x, y, 16, epochs, verbose=0, callbacks=list(callbacks), **options)


def test_a_healthy_network_has_no_findings(capsys: Any) -> None:
    doctor = Doctor()
    trained(network(Adam(0.01)), doctor)
    assert doctor.findings == []
    assert capsys.readouterr().err.startswith("doctor: nothing is wrong with")


def test_every_step_is_in_the_course_and_visits_are_spread() -> None:
    doctor = Doctor(verbose=0)
    history = trained(network(), doctor)
    case = doctor.case
    assert case is not None
    assert case.course.steps.tolist() == list(range(8 * 12))
    assert [epoch.loss for epoch in case.course.epochs] == history.history["loss"]
    steps = [reading.step for reading in case.readings]
    assert steps[0] == 0
    assert steps[-1] == 96
    assert len(steps) >= 20
    assert case.ended


def test_what_is_wrong_is_said_once_and_in_full_at_the_end(capsys: Any) -> None:
    doctor = Doctor()
    trained(network(Adam(10.0)), doctor)
    assert doctor.findings[0].code == "learning_rate_too_high"
    lines = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("doctor: learning_rate_too_high") for line in lines) == 1
    assert any(line.startswith("1. learning_rate_too_high") for line in lines)
    assert any("remedy 1: Divide the learning rate" in line for line in lines)


def test_stop_ends_training_when_something_is_found() -> None:
    doctor = Doctor("stop", verbose=0)
    history = trained(network(Adam(10.0)), doctor, epochs=50)
    assert len(history.epoch) < 50
    assert doctor.findings


def test_repair_mends_a_copy_and_leaves_the_model_alone() -> None:
    start = RandomNormal(stddev=0.01)
    model = network(Adam(0.01), *(Dense(16, "tanh", kernel_initializer=start) for _ in range(8)))
    doctor = Doctor("repair", verbose=0)
    trained(model, doctor, epochs=8)
    assert doctor.findings[0].code == "bad_initialization"
    assert doctor.repaired is not None
    assert doctor.repaired.is_mended
    assert doctor.repaired.model is not model
    x, y = data()
    of_mended, of_model = (
        float((one.predict(x, verbose=0).argmax(-1) == y).mean())
        for one in (doctor.repaired.model, model)
    )
    assert of_mended > 0.8
    assert of_model < 0.7


def test_nothing_is_repaired_where_nothing_is_wrong() -> None:
    doctor = Doctor("repair", verbose=0)
    trained(network(Adam(0.01)), doctor)
    assert doctor.repaired is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: network("adam"),
        lambda: network(SGD(0.05, momentum=0.9, global_clipnorm=1.0)),
        lambda: network("rmsprop", Dense(16), BatchNormalization(), Dropout(0.3)),
    ],
    ids=["adam", "clipping", "dropout and batch statistics"],
)
@pytest.mark.parametrize("executor", ["reference", "cpu"])
def test_training_with_the_doctor_is_training_without(make: Any, executor: str) -> None:
    with_doctor, without = make(), make()
    for model, callbacks in ((with_doctor, [Doctor(verbose=0)]), (without, [])):
        model.compile(model.optimizer, model.loss, executor=executor)
        trained(model, *callbacks, epochs=3)
    for one, other in zip(with_doctor.get_weights(), without.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()


def test_the_first_bad_value_is_named(tmp_path: Path) -> None:
    def own_loss(y_true: Any, y_pred: Any) -> Any:
        return ops.log(y_pred[:, 0] - y_true * 0.5)

    doctor = Doctor(verbose=0, folder=tmp_path)
    with np.errstate(all="ignore"):
        trained(network("sgd", loss=own_loss), doctor, epochs=1)
    first = doctor.findings[0]
    assert first.code == "non_finite"
    assert "log" in first.cause
    assert "test_doctor.py" in first.cause
    assert [path.name for path in tmp_path.iterdir()] == ["bad_step.safetensors"]


def test_data_that_come_in_batches_can_be_looked_at() -> None:
    x, y = data()

    def batches() -> Iterator[Any]:
        while True:
            for begin in range(0, EXAMPLES, 16):
                yield x[begin : begin + 16], y[begin : begin + 16]

    doctor = Doctor(verbose=0)
    network(Adam(0.01)).fit(batches(), epochs=6, steps_per_epoch=12, verbose=0, callbacks=[doctor])
    assert doctor.findings == []
    assert doctor.case is not None
    assert len(doctor.case.readings) > 10


def test_a_training_that_goes_on_is_no_beginning() -> None:
    model, doctor = network(Adam(0.01)), Doctor(verbose=0)
    trained(model)
    trained(model, doctor)
    assert doctor.findings == []
    assert doctor.case is not None
    assert doctor.case.readings[0].step == 96


def test_the_journal_is_put_away_afterwards() -> None:
    model = network()
    trained(model, Doctor(verbose=0), epochs=1)
    assert model.steps.journal is None


class Interruption(Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        raise KeyboardInterrupt


def test_the_journal_is_put_away_after_an_interruption() -> None:
    model = network()
    with pytest.raises(KeyboardInterrupt):
        trained(model, Doctor(verbose=0), Interruption())
    assert model.steps.journal is None


def test_one_doctor_is_enough() -> None:
    first, second = Doctor(verbose=0), Doctor(verbose=0)
    with pytest.warns(UserWarning, match="one doctor is enough"):
        trained(network(Adam(0.01)), first, second, epochs=2)
    assert first.case is not None
    assert len(first.case.course.steps) == 24
    assert second.case is None


def test_without_a_place_for_its_file_the_first_bad_value_is_named_all_the_same(
    tmp_path: Path,
) -> None:
    def own_loss(y_true: Any, y_pred: Any) -> Any:
        return ops.log(y_pred[:, 0] - y_true * 0.5)

    doctor = Doctor(verbose=0, folder=tmp_path / "missing")
    with np.errstate(all="ignore"), pytest.warns(UserWarning, match="no file to repeat it"):
        trained(network("sgd", loss=own_loss), doctor, epochs=1)
    assert "log" in doctor.findings[0].cause


def test_a_step_of_ones_own_is_looked_at() -> None:
    class Own(glassgrad.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = Dense(CLASSES, "softmax")

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

        def train_step(self, batch: Any) -> Any:
            x, y = batch
            loss = self.compute_loss(x, y, self(x))
            variables = self.trainable_variables
            self.optimizer.apply(glassgrad.gradients(loss, variables), variables)
            return {"loss": loss}

    set_random_seed(0)
    model = Own()
    model.compile(Adam(0.01), "sparse_categorical_crossentropy", executor="reference")
    doctor = Doctor(verbose=0)
    trained(model, doctor)
    assert doctor.case is not None
    assert np.isfinite(doctor.case.course.loss).all()


def test_without_data_of_a_loop_nothing_is_looked_at() -> None:
    doctor = Doctor(verbose=0)
    doctor.set_model(network())
    doctor.on_train_begin()
    doctor.on_train_batch_end(0)
    doctor.on_train_end()
    assert doctor.report() == "doctor: no training was looked at."


def test_a_recurrent_network_is_looked_at_over_time() -> None:
    set_random_seed(0)
    model = Sequential([Input((6, 2)), LSTM(4, name="memory"), Dense(1)])
    model.compile(Adam(0.01), "mse", executor="reference")
    x = np.random.default_rng(0).normal(size=(64, 6, 2)).astype(np.float32)
    doctor = Doctor(verbose=0)
    model.fit(x, x[:, -1, :1], 16, 4, verbose=0, callbacks=[doctor])
    assert doctor.case is not None
    (recurrence,) = doctor.case.readings[0].recurrences
    assert recurrence.layer == "memory"
    assert len(recurrence.gradient_rms) == 6


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"action": "mend"}, "action must be one of report, stop, repair. Got 'mend'."),
        ({"share": 0}, "share must lie above 0, and be 1 at most. Got 0."),
        ({"share": 1.5}, "share must lie above 0, and be 1 at most. Got 1.5."),
        ({"examples": 0}, "examples must be at least 1. Got 0."),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        Doctor(**arguments)
    assert str(error.value) == message
