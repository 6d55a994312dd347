"""Several callbacks as one."""

from __future__ import annotations

from typing import Any

import pytest

from glassgrad.callbacks import Callback, CallbackList, History, LambdaCallback
from glassgrad.errors import ArgumentError
from glassgrad.training.progress import PlainProgress
from tests.training.small import compiled


def test_all_are_called_in_order() -> None:
    events: list[str] = []
    callbacks = CallbackList(
        [
            LambdaCallback(on_train_begin=lambda logs, name=name: events.append(name))
            for name in "ab"
        ]
    )
    callbacks.append(LambdaCallback(on_train_begin=lambda logs: events.append("c")))
    callbacks.on_train_begin({})
    assert events == ["a", "b", "c"]


def test_what_joins() -> None:
    model = compiled()
    callbacks = CallbackList(None, add_history=True, add_progbar=True, model=model, verbose=2)
    assert [type(one) for one in callbacks.callbacks] == [PlainProgress, History]
    assert all(one.model is model and one.params == {"verbose": 2} for one in callbacks.callbacks)
    history = History()
    assert CallbackList(history, add_history=True).callbacks == [history]
    assert CallbackList(add_progbar=True, verbose=0).callbacks == []


def test_who_has_nothing_to_do_is_not_called() -> None:
    assert not CallbackList([History()]).listens("on_train_batch_begin", "on_train_batch_end")
    watching = LambdaCallback(on_batch_end=print)
    assert CallbackList([History(), watching]).listens("on_train_batch_end")


@pytest.mark.parametrize("event", [name for name in vars(Callback) if name.startswith("on_")])
def test_every_event_is_handed_on(event: str) -> None:
    seen: list[Any] = []
    callbacks = CallbackList([LambdaCallback(**{event: lambda *given, **logs: seen.append(event)})])
    arguments = {"on_epoch_resume": (0, 0)}.get(
        event, (0, {}) if "epoch" in event or "batch" in event else ({},)
    )
    if event in ("on_batch_begin", "on_batch_end"):  # they are called by their newer names
        event = event.replace("on_", "on_train_")
    getattr(callbacks, event)(*arguments)
    assert len(seen) == 1


def test_what_is_no_callback() -> None:
    with pytest.raises(ArgumentError, match="Got <built-in function print>"):
        CallbackList([print])
    with pytest.raises(ArgumentError, match="Got the class History"):
        CallbackList().append(History)  # type: ignore[arg-type]
