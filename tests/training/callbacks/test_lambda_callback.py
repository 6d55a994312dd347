from __future__ import annotations

from typing import Any

import pytest

from glassgrad.callbacks import LambdaCallback
from glassgrad.errors import ArgumentError, UnknownNameError
from tests.training.small import compiled, inputs, labels


def test_functions_are_called_as_methods_are() -> None:
    events: list[Any] = []
    callback = LambdaCallback(
        lambda epoch, logs: events.append(("epoch begin", epoch)),
        lambda epoch, logs: events.append(("epoch end", epoch, sorted(logs))),
        lambda logs: events.append("train begin"),
        lambda logs: events.append("train end"),
        lambda batch, logs: events.append(("batch begin", batch)),
        lambda batch, **logs: events.append(("batch end", batch, *logs)),
        on_test_begin=lambda logs: events.append("test begin"),
        on_test_end=None,
    )
    data = (inputs(6), labels(6))
    compiled().fit(*data, 4, verbose=0, callbacks=[callback], validation_data=data)
    assert events == [
        "train begin", ("epoch begin", 0), ("batch begin", 0), ("batch end", 0, "logs"),
        ("batch begin", 1), ("batch end", 1, "logs"), "test begin",
        ("epoch end", 0, ["accuracy", "loss", "val_accuracy", "val_loss"]), "train end",
    ]  # fmt: skip


def test_a_method_that_does_not_exist() -> None:
    with pytest.raises(
        UnknownNameError, match=r"method of a callback 'on_epoch_edn'\. Did you mean"
    ):
        LambdaCallback(on_epoch_edn=print)
    with pytest.raises(UnknownNameError):
        LambdaCallback(state=dict)


def test_what_is_no_function() -> None:
    with pytest.raises(ArgumentError, match=r"on_epoch_end must be a function\. Got 3"):
        LambdaCallback(on_epoch_end=3)  # type: ignore[arg-type]
