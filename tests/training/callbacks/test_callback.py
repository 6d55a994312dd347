"""Callbacks of one's own: who is called when, with what."""

from __future__ import annotations

from typing import Any

import pytest

from glassgrad.callbacks import Callback, EarlyStopping, History
from glassgrad.errors import ArgumentError
from tests.training.small import compiled, inputs, labels


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


def test_evaluation_and_prediction_are_accompanied() -> None:
    events: list[Any] = []

    class Watch(Callback):
        def on_test_begin(self, logs: Any = None) -> None:
            events.append("test begin")

        def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
            events.append(f"test batch {batch} begin")

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            events.append((f"test batch {batch} end", sorted(logs)))

        def on_test_end(self, logs: Any = None) -> None:
            events.append(("test end", sorted(logs)))

        def on_predict_begin(self, logs: Any = None) -> None:
            events.append("predict begin")

        def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
            events.append(f"predict batch {batch} begin")

        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
            events.append((f"predict batch {batch} end", logs["outputs"].shape))

        def on_predict_end(self, logs: Any = None) -> None:
            events.append("predict end")

    def tested(*batches: int) -> list[Any]:
        names = ["accuracy", "loss"]
        within = [
            event
            for batch in batches
            for event in (f"test batch {batch} begin", (f"test batch {batch} end", names))
        ]
        return ["test begin", *within, ("test end", names)]

    model = compiled()
    model.evaluate(inputs(6), labels(6), 4, verbose=0, callbacks=[Watch()])
    assert events == tested(0, 1)
    events.clear()
    model.predict(inputs(6), 4, callbacks=Watch())
    assert events == [
        "predict begin",
        "predict batch 0 begin", ("predict batch 0 end", (4, 3)),
        "predict batch 1 begin", ("predict batch 1 end", (2, 3)),
        "predict end",
    ]  # fmt: skip
    events.clear()
    model.fit(
        inputs(6), labels(6), verbose=0, callbacks=[Watch()], validation_data=(inputs(3), labels(3))
    )
    assert events == tested(0)


def test_the_older_names_of_the_batches() -> None:
    events: list[Any] = []

    class Watch(Callback):
        def on_batch_begin(self, batch: int, logs: Any = None) -> None:
            events.append(batch)

        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            events.append(sorted(logs))

    compiled().fit(inputs(6), labels(6), 4, verbose=0, callbacks=[Watch()])
    assert events == [0, ["accuracy", "loss"], 1, ["accuracy", "loss"]]
