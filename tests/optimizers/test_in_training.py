"""What optimizers keep decides the future: it is in files, and a run goes on from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.models import load_model
from glassgrad.optimizers import SGD, Adam, LossScaleOptimizer, Optimizer
from glassgrad.optimizers.schedules import (
    CosineDecayRestarts,
    ExponentialDecay,
    LinearWarmup,
    OneCycle,
)
from glassgrad.training import loop as loop_module
from glassgrad.training.callbacks import Callback
from tests.training.small import compiled, everything, inputs, labels, single_threaded

MAKERS: dict[str, Callable[[], Optimizer]] = {
    "schedule": lambda: SGD(LinearWarmup(ExponentialDecay(0.1, 2, 0.5), 3), momentum=0.9),
    "restarts": lambda: Adam(CosineDecayRestarts(0.1, 2), amsgrad=True),
    "average": lambda: Adam(OneCycle(0.1, 9), use_ema=True, ema_momentum=0.5),
    "overwriting": lambda: SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
    "accumulation": lambda: Adam(0.05, gradient_accumulation_steps=2, weight_decay=0.01),
    "loss scale": lambda: LossScaleOptimizer(Adam(0.05), 2.0**120, 2),
}


class Interrupted(Exception):  # noqa: N818 -- no error, but what the user did
    """What the test throws into the run."""


class Throw(Callback):
    """Raises after so many batches."""

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches -= 1
        if not self.batches:
            raise Interrupted


def fit(make: Callable[[], Optimizer], name: str, path: Path | None, *callbacks: Callback) -> Any:
    model = compiled(1, 0.3, single_threaded(name), optimizer=make())
    model.fit(
        inputs(), labels(), 4, 3, verbose=0, callbacks=list(callbacks), checkpoint=path
    )  # three batches an epoch
    return model


def assert_identical(one: Any, other: Any) -> None:
    left, right = everything(one), everything(other)
    assert left.keys() == right.keys()
    for key, value in left.items():
        np.testing.assert_array_equal(value, right[key], err_msg=key)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_a_run_that_is_interrupted_ends_with_the_same_bits(
    name: str, make: Callable[[], Optimizer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)  # after every batch
    whole = fit(make, name, None)
    for batches in (1, 4, 5, 9) if name == "reference" else (5,):
        path = tmp_path / str(batches)
        with pytest.raises(Interrupted):
            fit(make, name, path, Throw(batches))
        assert_identical(whole, fit(make, name, path))


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_saved_model_learns_on_as_the_first_one(
    make: Callable[[], Optimizer], tmp_path: Path
) -> None:
    path = tmp_path / "model.glassgrad"
    model = compiled(1, 0.3, optimizer=make())
    model.fit(inputs(), labels(), 4, 1, verbose=0)
    model.save(path)
    again = load_model(path)
    again.compile(again.optimizer, again.loss, metrics=["accuracy"], executor="reference")
    for one, other in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert float(again.optimizer.learning_rate) == float(model.optimizer.learning_rate)
    for one in (model, again):
        one.fit(inputs(), labels(), 4, 1, verbose=0)
    assert_identical(model, again)


def test_at_the_end_of_fit_the_averages_are_the_weights() -> None:
    averaged = compiled(1, optimizer=SGD(0.1, use_ema=True, ema_momentum=1.0))
    first = compiled(1, optimizer=SGD(0.1))
    averaged.fit(inputs(), labels(), 10, 3, verbose=0)
    first.fit(inputs(), labels(), 10, 1, verbose=0)
    for one, other in zip(averaged.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)  # the average has stayed at the first value


def test_the_scaled_loss_is_not_what_is_reported() -> None:
    plain, scaled = (
        compiled(1, optimizer=SGD(0.1, loss_scale_factor=scale)) for scale in (None, 1024.0)
    )
    histories = [
        model.fit(inputs(), labels(), 4, 2, verbose=0).history["loss"] for model in (plain, scaled)
    ]
    assert histories[0] == pytest.approx(histories[1], rel=1e-6)


def test_a_scale_that_is_too_large_comes_down_and_nothing_breaks() -> None:
    model = compiled(1, optimizer=LossScaleOptimizer(Adam(0.05), 2.0**127))
    heavy = np.full(10, 100.0)
    history = model.fit(inputs(), labels(), 4, 20, sample_weight=heavy, verbose=0).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert float(model.optimizer.dynamic_scale) < 2.0**127
    assert 0 < model.optimizer.iterations.numpy() < 60


def test_gradients_of_small_batches_add_up_to_those_of_a_large_one() -> None:
    small = compiled(1, optimizer=SGD(0.1, gradient_accumulation_steps=2))
    large = compiled(1, optimizer=SGD(0.1))
    small.fit(inputs(8), labels(8), 4, 3, verbose=0, shuffle=False)
    large.fit(inputs(8), labels(8), 8, 3, verbose=0, shuffle=False)
    for one, other in zip(small.get_weights(), large.get_weights(), strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-6)
