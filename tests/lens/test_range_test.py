"""The learning-rate range test: what it suggests, what it refuses, and that it changes nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad import (
    Model,
    Sequential,
    Tensor,
    gradients,
    layers,
    lens,
    ops,
    optimizers,
    set_random_seed,
)
from glassgrad.errors import ArgumentError, DataError, NotBuiltError
from glassgrad.lens.range_test import RangeTest, lr_find
from glassgrad.lens.state import state_variables
from glassgrad.optimizers.schedules import CosineDecay

X = np.random.default_rng(1).normal(size=(200, 4)).astype("float32")
Y = np.tanh(X[:, :1] - 0.5 * X[:, 1:2]) + 0.3 * X[:, 2:3] ** 2


def network(optimizer: Any = "sgd", loss: Any = "mse") -> Sequential:
    """A small one, with all that has a state of its own."""
    set_random_seed(3)
    model = Sequential(
        [
            layers.Input((4,)),
            layers.Dense(16, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.1),
            layers.Dense(1),
        ],
        name="small",
    )
    model.compile(optimizer, loss, metrics=["mae"], executor="reference")
    return model


def line(**options: Any) -> Sequential:
    """y = w x with w = 0, whose learning rates can be told in advance."""
    model = Sequential(
        [layers.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )
    model.compile(optimizers.SGD(0.01), "mse", executor="reference", **options)
    return model


# ---- what it suggests


def test_a_parabola_whose_best_rate_is_known() -> None:
    """L = (w - 3)^2 has curvature 2: above a rate of 2 / 2 descent diverges."""
    x, noise = np.ones((256, 1)), np.random.default_rng(2).normal(size=(256, 1))
    found = lr_find(line(), x, 3 * x + noise, lowest=1e-4, steps=60)
    assert found.lowest is not None
    assert found.suggestion is not None
    assert 0.05 < found.lowest < 1.5
    assert 0.01 < found.suggestion < 0.5
    assert found.smoothed[0] == pytest.approx(10.0, rel=0.1)
    assert found.rates[-1] > 1.0
    assert "more than 4 times its best" in found.ending


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_a_training_with_the_suggestion_does_better_than_with_others(optimizer: str) -> None:
    found = lr_find(network(optimizer), X, Y)
    assert found.suggestion is not None

    def loss_after(rate: float) -> float:
        model = network(
            optimizers.get({"class_name": optimizer, "config": {"learning_rate": rate}})
        )
        with np.errstate(all="ignore"):
            loss = model.fit(X, Y, epochs=3, verbose=0).history["loss"][-1]
        return loss if math.isfinite(loss) else math.inf

    suggested = loss_after(found.suggestion)
    assert suggested < loss_after(found.suggestion / 100)
    assert suggested < loss_after(found.suggestion * 100)


def test_batches_that_differ_do_not_hide_what_the_rates_do() -> None:
    """The loss of single batches swings by far more than the first rates change it."""
    x = np.abs(X[:, :1]) ** 3
    found = lr_find(line(), x, x, batch_size=2, steps=50)
    first = slice(0, 10)
    assert found.losses[first].std() > 0.1
    assert found.smoothed[first].std() < 1e-4


def test_the_rates() -> None:
    found = lr_find(network(), X, Y, lowest=1e-6, highest=1e-3, steps=31)
    assert found.rates[:2] == pytest.approx([1e-6, 1e-6 * 10**0.1])
    assert found.rates[-1] == pytest.approx(1e-3)
    assert len(found.rates) == len(found.losses) == len(found.smoothed) == 31


def test_seeds_decide_the_order() -> None:
    one, same, other, unshuffled = (
        lr_find(network(), X, Y, seed=seed, steps=10).losses for seed in (5, 5, 6, None)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, unshuffled)


# ---- what is safe


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_model_is_as_it_was(optimizer: str) -> None:
    model = network(optimizer)
    model.fit(X, Y, verbose=0)
    before = {one: one.numpy() for one in state_variables(model)}
    rate, steps = float(model.optimizer.learning_rate.numpy()), model.steps.training
    lr_find(model, X, Y)
    assert model.steps.training is steps
    assert float(model.optimizer.learning_rate.numpy()) == rate
    assert list(before) == state_variables(model)
    for variable, value in before.items():
        assert np.array_equal(variable.numpy(), value), variable.name


def test_training_afterwards_is_the_same_to_the_last_bit() -> None:
    one, other = network("adam"), network("adam")
    lr_find(one, X, Y)
    for model in (one, other):
        model.fit(X, Y, epochs=2, verbose=0)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_it_is_as_it_was_after_an_error_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    from glassgrad.lens import range_sweep

    def interrupted(results: Any) -> float:
        raise KeyboardInterrupt

    model = network()
    before = model.get_weights()
    monkeypatch.setattr(range_sweep, "_loss_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lr_find(model, X, Y)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_schedule_stays_where_it_is() -> None:
    schedule = CosineDecay(0.1, 100)
    model = network(optimizers.Adam(schedule))
    before = model.get_weights()
    found = lr_find(model, X, Y)
    assert found.suggestion is not None
    assert found.now is None
    assert (model.optimizer.name, found.optimizer) == ("adam", "Adam")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert isinstance(model.optimizer.learning_rate, Tensor)


def flat(y: Tensor, p: Tensor) -> Tensor:
    """A loss that does not depend on anything."""
    return ops.mean(p * 0.0) + 1.0


def nothing(y: Tensor, p: Tensor) -> Tensor:
    """A loss that is 0 already."""
    return ops.mean(p * 0.0)


def rising(y: Tensor, p: Tensor) -> Tensor:
    """A loss whose gradient leads up."""
    return ops.mean(ops.square(y - p.detach()) * 1.0) - ops.mean(p - p.detach()) * 0.0


def below_zero(y: Tensor, p: Tensor) -> Tensor:
    """A loss that falls without an end."""
    return ops.mean(p)


def not_a_number(y: Tensor, p: Tensor) -> Tensor:
    """A loss that is NaN from the first step on."""
    return ops.mean(p * 0.0) / 0.0 * 0.0


@pytest.mark.parametrize(
    "loss,reason",
    [
        (flat, "the loss falls by 0.0% at most"),
        (nothing, "the loss falls by 0.0% at most"),
        (rising, "at most"),
        (not_a_number, "not finite before the first step"),
    ],
)
def test_there_is_no_suggestion_where_the_test_does_not_tell(
    loss: Callable[..., Tensor], reason: str, tmp_path: Path
) -> None:
    found = lr_find(network(loss=loss), X, Y)
    assert (found.suggestion, found.steepest, found.lowest) == (None, None, None)
    assert reason in found.reason
    assert f"No suggestion: {found.reason}" in str(found)
    json.loads(json.dumps(found.as_dict(), allow_nan=False))
    found.save(tmp_path / "none.svg")


def test_a_loss_below_zero() -> None:
    found = lr_find(network(loss=below_zero), X, Y, highest=1e-2)
    assert found.suggestion is not None
    assert "still falls at the highest rate" in found.ending


def test_losses_that_are_no_numbers_at_the_end() -> None:
    found = lr_find(network(), X * 1e3, Y, highest=1e6, steps=20)
    assert len(found.losses) < 20
    assert np.isfinite(found.smoothed[0])
    json.dumps(found.as_dict(), allow_nan=False)


def test_fewer_examples_than_a_batch() -> None:
    found = lr_find(network(), X[:5], Y[:5], steps=20)
    assert found.batch_size == 5


def test_smaller_batches_at_the_end_of_an_epoch_are_left_out() -> None:
    found = lr_find(line(), np.ones((70, 1)), np.ones((70, 1)), steps=10, highest=1e-6)
    assert found.losses == pytest.approx(np.ones(10), abs=1e-4)


def test_a_training_step_of_ones_own() -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__(name="own")
            self.dense = layers.Dense(1, kernel_initializer="zeros")

        def call(self, inputs: Tensor) -> Tensor:
            return self.dense(inputs)

        def train_step(self, data: Any) -> dict[str, Tensor]:
            x, y = data
            error = ops.mean(ops.square(y - self(x)))
            variables = self.trainable_variables
            self.optimizer.apply(gradients(error, variables), variables)
            return {"error": error}

    model = Own()
    model.compile("sgd", executor="reference")
    found = lr_find(model, X, Y, lowest=1e-5)
    assert found.suggestion is not None
    assert found.losses[0] == pytest.approx(float(np.square(Y).mean()), rel=1)


# ---- what is shown


@pytest.fixture(scope="module")
def found() -> RangeTest:
    """An ordinary one."""
    return lr_find(network("adam"), X, Y)


def test_the_text(found: RangeTest) -> None:
    text = str(found)
    assert text.startswith("Learning-rate range test of small with Adam,")
    assert f"Suggested learning rate: {found.suggestion:.2g}." in text
    for name in ("suggested", "steepest fall", "lowest loss", "the optimizer's now"):
        assert f"  {name}" in text


def test_the_numbers_in_files(found: RangeTest, tmp_path: Path) -> None:
    document = json.loads(found.save(tmp_path / "rates.json").read_text("utf-8"))
    assert document["suggestion"] == found.suggestion
    assert document["learning_rates"] == found.rates.tolist()
    rows = found.save(tmp_path / "rates.csv").read_text("utf-8").splitlines()
    assert rows[0] == "step,learning_rate,loss,smoothed_loss"
    assert len(rows) == len(found.rates) + 1


def test_the_picture(found: RangeTest, tmp_path: Path) -> None:
    svg = found.save(tmp_path / "rates.svg").read_text("utf-8")
    for text in ("learning rate", "smoothed", f"suggested: {found.suggestion:.2g}"):
        assert text in svg
    assert found.save(tmp_path / "again.svg").read_text("utf-8") == svg
    assert "<svg" in found.save(tmp_path / "rates.html").read_text("utf-8")
    assert "Suggested learning rate" in found.description()


# ---- what is refused


@pytest.mark.parametrize(
    "settings,message",
    [
        ({"steps": 9}, "steps"),
        ({"steps": 10**6}, "at most 100,000"),
        ({"lowest": 0.0}, "lowest must be a learning rate above 0"),
        ({"lowest": -1.0}, "lowest"),
        ({"lowest": math.nan}, "lowest"),
        ({"highest": math.inf}, "highest"),
        ({"highest": "fast"}, "highest"),
        ({"lowest": 1.0, "highest": 1.0}, "lowest must be smaller than highest"),
        ({"batch_size": 0}, "batch_size"),
        ({"seed": -1}, "seed"),
    ],
)
def test_numbers_outside_of_their_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        lr_find(network(), X, Y, **settings)


@pytest.mark.parametrize(
    "model,x,error,message",
    [
        (None, X, ArgumentError, "with a model"),
        (Sequential([layers.Dense(1)]), X, NotBuiltError, "compile"),
        (network(), X[:3], DataError, "equal lengths"),
        (network(), X * np.nan, DataError, "finite"),
    ],
)
def test_what_is_refused(model: Any, x: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        lr_find(model, x, Y)


def test_it_is_public() -> None:
    assert lens.lr_find is lr_find
    assert lens.RangeTest is RangeTest
