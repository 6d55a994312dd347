"""What every step of training notes of itself, and that nothing else depends on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad import optimizers
from glassgrad.callbacks import Callback
from glassgrad.constraints import MaxNorm
from glassgrad.errors import ArgumentError
from glassgrad.execute.cpu.program import CpuExecutor, CpuProgram
from glassgrad.execute.executor import Executor
from glassgrad.gradients import gradients
from glassgrad.layers import (
    LSTM,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    LayerNormalization,
    MaxPooling2D,
)
from glassgrad.models import Model, Sequential
from glassgrad.optimizers import SGD, Adam, AdamW, LossScaleOptimizer, Optimizer, RMSprop
from glassgrad.random_seed import seeded
from glassgrad.training.data import as_data
from glassgrad.training.journal import Entries, Journal
from tests.training.small import assert_identical, compiled, inputs, labels, single_threaded

EXAMPLES, BATCH = 22, 4  # five whole batches and a smaller one


def line(optimizer: Optimizer, executor: str | Executor = "reference") -> Sequential:
    """Three inputs, one output, and a squared error."""
    with seeded(3):
        model = Sequential([Input((3,)), Dense(1)])
    model.compile(optimizer, "mse", executor=executor)
    return model


def points(count: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    return rng.normal(size=(count, 3)).astype("float32"), rng.normal(size=(count, 1))


def journal_of(model: Model, capacity: int = 1024) -> Journal:
    model.steps.journal = journal = Journal(capacity)
    return journal


# ---- the numbers, by hand


def slopes(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Loss and gradient of a line; the last weight is its bias."""
    error = x @ w[:-1] + w[-1] - y[:, 0]
    return float((error**2).mean()), 2 * np.append(error @ x, error.sum()) / len(x)


def descend(w: np.ndarray, g: np.ndarray, step: int, slots: dict[str, np.ndarray]) -> np.ndarray:
    return w - 0.1 * g


def adapt(w: np.ndarray, g: np.ndarray, step: int, slots: dict[str, np.ndarray]) -> np.ndarray:
    slots["m"] = 0.9 * slots.get("m", 0.0) + 0.1 * g
    slots["v"] = 0.999 * slots.get("v", 0.0) + 0.001 * g**2
    rate = 0.01 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    return w - rate * slots["m"] / (np.sqrt(slots["v"]) + 1e-7)


@pytest.mark.parametrize("executor", ["reference", "cpu"])
@pytest.mark.parametrize(
    "optimizer, rule",
    [(lambda: SGD(0.1), descend), (lambda: Adam(0.01), adapt)],
    ids=["sgd", "adam"],
)
def test_loss_gradient_norm_and_update_ratio_are_those_of_the_formulas(
    optimizer: Callable[[], Optimizer],
    rule: Callable[[np.ndarray, np.ndarray, int, dict[str, np.ndarray]], np.ndarray],
    executor: str,
) -> None:
    x, y = points()
    model = line(optimizer(), single_threaded(executor))
    journal = journal_of(model)
    w = np.concatenate([one.ravel() for one in model.get_weights()]).astype("float64")
    model.fit(x, y, batch_size=8, epochs=4, shuffle=False, verbose=0)
    found, slots = journal.take(), {}
    for step in range(4):
        loss, g = slopes(w, x, y)
        new = rule(w, g, step + 1, slots)
        expected = loss, np.linalg.norm(g), np.linalg.norm(new - w) / np.linalg.norm(w)
        np.testing.assert_allclose([one[step] for one in found[1:]], expected, rtol=1e-5)
        w = new
    assert found.steps.tolist() == [0, 1, 2, 3]
    assert {one.dtype for one in found} == {np.dtype("int64"), np.dtype("float64")}


def test_weights_of_zero_have_a_floor_under_their_norm() -> None:
    x, y = points()
    model = line(SGD(0.1))
    model.set_weights([np.zeros((3, 1)), np.zeros(1)])
    journal = journal_of(model)
    model.train_on_batch(x, y)
    change = np.concatenate([one.ravel() for one in model.get_weights()])
    expected = np.linalg.norm(change) / (1e-3 * np.sqrt(4))
    assert journal.take().update_ratio[0] == pytest.approx(expected, rel=1e-5)


def test_a_gradient_is_noted_before_it_is_clipped_and_a_change_as_it_is_made() -> None:
    x, y = points()
    free, bound = line(SGD(0.1)), line(SGD(0.1, global_clipnorm=0.01))
    one, other = journal_of(free), journal_of(bound)
    free.train_on_batch(x, y)
    bound.train_on_batch(x, y)
    plain, clipped = one.take(), other.take()
    assert clipped.gradient_norm == plain.gradient_norm
    shortened = clipped.update_ratio / plain.update_ratio
    assert shortened == pytest.approx(0.01 / plain.gradient_norm, rel=1e-3)


@pytest.mark.parametrize(
    "optimizer",
    [lambda: SGD(0.1, loss_scale_factor=1024.0), lambda: LossScaleOptimizer(SGD(0.1))],
    ids=["fixed", "dynamic"],
)
def test_a_gradient_is_noted_as_it_is_without_the_scale_of_the_loss(
    optimizer: Callable[[], Optimizer],
) -> None:
    x, y = points()
    plain, scaled = line(SGD(0.1)), line(optimizer())
    one, other = journal_of(plain), journal_of(scaled)
    plain.train_on_batch(x, y)
    scaled.train_on_batch(x, y)
    np.testing.assert_allclose(one.take(), other.take(), rtol=1e-5)


def test_between_updates_of_accumulated_gradients_nothing_changes() -> None:
    x, y = points()
    model = line(SGD(0.1, gradient_accumulation_steps=2))
    journal = journal_of(model)
    model.fit(x, y, batch_size=2, shuffle=False, verbose=0)
    found = journal.take()
    assert (found.gradient_norm > 0).all()
    assert (found.update_ratio > 0).tolist() == [False, True, False, True]


def test_frozen_layers_count_neither_as_gradients_nor_as_weights() -> None:
    def norms(freeze: bool) -> Entries:
        model = compiled(optimizer=SGD(0.05))
        model.layers[-1].trainable = not freeze
        journal = journal_of(model)
        model.train_on_batch(inputs(), labels())
        return journal.take()

    assert norms(freeze=True).gradient_norm < norms(freeze=False).gradient_norm


def test_a_model_without_anything_to_learn_moves_nothing() -> None:
    model = line(SGD(0.1))
    model.trainable = False
    journal = journal_of(model)
    with pytest.warns(UserWarning, match="trainable"):
        model.train_on_batch(*points())
    found = journal.take()
    assert found.loss > 0
    assert found.gradient_norm == found.update_ratio == 0


@pytest.mark.parametrize("executor", ["reference", "cpu"])
def test_what_is_not_finite_is_noted_as_it_is(executor: str) -> None:
    x, y = points()
    model = line(SGD(0.1), single_threaded(executor))
    journal = journal_of(model)
    model.train_on_batch(x, y)
    assert journal.is_finite
    model.train_on_batch(x * 1e30, y)
    assert not journal.is_finite
    found = journal.take()
    assert [np.isfinite(one).tolist() for one in found[1:]] == [[True, False]] * 3
    assert journal.is_finite


# ---- nothing depends on it


def dense(**how: Any) -> Sequential:
    return Sequential(
        [
            Input((6,)),
            Dense(37, "relu", **how),
            Dropout(0.3),
            Dense(19, "tanh", kernel_regularizer="l2"),
            Dense(3),
        ]
    )


def frozen() -> Sequential:
    model = dense()
    model.layers[0].trainable = False
    return model


def normalized() -> Sequential:
    return Sequential([Input((6,)), Dense(20, use_bias=False), BatchNormalization(), Dense(3)])


def recurrent() -> Sequential:
    return Sequential([Input((5, 6)), LSTM(8, dropout=0.2), LayerNormalization(), Dense(3)])


def stateful() -> Sequential:
    return Sequential(
        [Input(batch_shape=(BATCH, 5, 6)), LSTM(8, stateful=True), LayerNormalization(), Dense(3)]
    )


def convolutional() -> Sequential:
    layers = [Conv2D(4, 3, activation="relu"), MaxPooling2D(), Flatten(), Dense(3)]
    return Sequential([Input((8, 8, 1)), *layers])


def embedded() -> Sequential:
    return Sequential([Input((5,), dtype="int32"), Embedding(11, 6), Flatten(), Dense(3)])


class TwoOptimizers(Model):
    """Each layer has its own; the second one sees what the first has changed."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Dense(9, "relu"), Dense(3)
        self.own = Adam(0.01)
        self(np.zeros((1, 6), "float32"))

    def call(self, x: Any) -> Any:
        return self.second(self.first(x))

    def train_step(self, data: Any) -> Mapping[str, Any]:
        x, y = data
        loss = (self(x) - y).square().mean()
        variables = self.first.trainable_variables
        self.own.apply(gradients(loss, variables), variables)
        again = (self(x) - y).square().mean()
        variables = self.second.trainable_variables
        self.optimizer.apply(gradients(again, variables), variables)
        return {"loss": loss, "again": again}


def without_decay_of_biases() -> Optimizer:
    optimizer = AdamW(0.01)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


NETWORKS: dict[str, Callable[[], Model]] = {
    "dense": dense,
    "frozen": frozen,
    "constrained": lambda: dense(kernel_constraint=MaxNorm(0.5)),
    "float64": lambda: dense(dtype="float64"),
    "normalized": normalized,
    "recurrent": recurrent,
    "stateful": stateful,
    "convolutional": convolutional,
    "embedded": embedded,
    "two optimizers": TwoOptimizers,
}
OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "sgd": lambda: SGD(0.01, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda: Adam(0.01),
    "clipnorm": lambda: Adam(0.01, clipnorm=0.1),
    "clipvalue": lambda: SGD(0.01, clipvalue=0.01),
    "global_clipnorm": lambda: Adam(0.01, global_clipnorm=0.1),
    "adamw": without_decay_of_biases,
    "rmsprop": lambda: RMSprop(0.01, momentum=0.5, centered=True),
    "lamb": lambda: optimizers.Lamb(0.01, weight_decay=0.01),
    "lion": lambda: optimizers.Lion(0.01),
    "accumulated": lambda: Adam(0.01, gradient_accumulation_steps=3),
    "averaged": lambda: SGD(0.01, use_ema=True, ema_overwrite_frequency=4),
    "scaled": lambda: SGD(0.01, loss_scale_factor=128.0),
    "dynamic scale": lambda: LossScaleOptimizer(Adam(0.01), dynamic_growth_steps=4),
    "schedule": lambda: Adam(optimizers.schedules.ExponentialDecay(0.01, 5, 0.9)),
}
ROWS = [("dense", name) for name in OPTIMIZERS] + [(n, "adam") for n in NETWORKS if n != "dense"]


def data_of(model: Model, examples: int = EXAMPLES) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    shape = (6,) if isinstance(model, TwoOptimizers) else model.input_shape[1:]
    is_text = isinstance(model, Sequential) and isinstance(model.layers[0], Embedding)
    x = rng.integers(0, 11, (examples, *shape)) if is_text else rng.normal(size=(examples, *shape))
    return x.astype("int32" if is_text else "float32"), rng.normal(size=(examples, 3))


def trained(
    network: str, optimizer: str, executor: Executor, capacity: int | None = 1024
) -> tuple[Model, Entries | None]:
    """After two epochs; with a journal, if it has a capacity."""
    with seeded(3):
        model = NETWORKS[network]()
        model.compile(OPTIMIZERS[optimizer](), "mse", executor=executor)
    journal = None if capacity is None else journal_of(model, capacity)
    examples = 5 * BATCH if network == "stateful" else EXAMPLES
    model.fit(*data_of(model, examples), BATCH, 2, verbose=0)
    return model, None if journal is None else journal.take()


@pytest.mark.parametrize("network, optimizer", ROWS)
def test_a_journal_changes_no_bit_of_what_is_learnt(network: str, optimizer: str) -> None:
    executor = CpuExecutor(threads=1)
    with_it, found = trained(network, optimizer, executor)
    assert_identical(trained(network, optimizer, executor, None)[0], with_it)
    _, expected = trained(network, optimizer, single_threaded("reference"))
    assert found is not None
    assert expected is not None
    np.testing.assert_array_equal(found.steps, expected.steps)
    np.testing.assert_allclose(found[1:], expected[1:], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "clipnorm", "adamw", "scaled"])
def test_the_squares_are_summed_on_the_way_of_the_update(optimizer: str) -> None:
    with seeded(3):
        model = dense()
    model.compile(OPTIMIZERS[optimizer](), "mse", executor=CpuExecutor(threads=1))
    data = as_data(*data_of(model))
    model.build_optimizer()

    def walks() -> list[int]:
        """How many lists of weights are walked, and how many sums are taken of each."""
        program = model.steps.training.program(next(iter(data.stretches(BATCH))))
        assert isinstance(program, CpuProgram)
        operations = [launch.nodes[0].operation for launch in program.plan.launches]
        maps = [one for one in operations if hasattr(one, "squares") and one.length > 1]
        return [one.squares for one in maps]

    before = walks()
    journal_of(model)
    assert walks() == [3] * len(before)


def test_two_threads_note_the_same_as_one() -> None:
    both = [trained("dense", "adam", CpuExecutor(threads=n, parts=4)) for n in (1, 2)]
    (one, first), (other, second) = both
    assert_identical(one, other)
    np.testing.assert_array_equal(first, second)


def test_switched_off_the_programs_of_before_come_back() -> None:
    model = compiled()
    plain = model.steps.training
    journal = journal_of(model)
    noting = model.steps.training
    assert noting is not plain
    assert model.steps.training is noting
    model.steps.journal = None
    assert model.steps.training is plain
    model.train_on_batch(inputs(), labels())
    assert journal.step == 0


def test_the_journal_stays_where_the_programs_are_made_anew() -> None:
    model = compiled()
    journal = journal_of(model)
    model.forget_programs()
    model.train_on_batch(inputs(), labels())
    assert journal.take().steps.tolist() == [0]


# ---- taking


class Taking(Callback):
    """Takes what there is whenever it is called."""

    def __init__(self, journal: Journal, sees_each_batch: bool) -> None:
        self.sees_each_batch = sees_each_batch
        self.journal, self.taken = journal, list[Entries]()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.taken.append(self.journal.take())


@pytest.mark.parametrize("executor", ["reference", "cpu"])
def test_single_batches_note_the_same_as_whole_stretches(executor: str) -> None:
    def found(sees_each_batch: bool) -> tuple[list[int], np.ndarray]:
        model = compiled(dropout=0.3, executor=single_threaded(executor))
        taking = Taking(journal_of(model), sees_each_batch)
        model.fit(inputs(), labels(), 2, 6, verbose=0, callbacks=[taking])
        lengths = [len(one.steps) for one in taking.taken]
        return lengths, np.concatenate([np.array(one) for one in taking.taken], axis=1)

    (single, one), (several, other) = found(True), found(False)
    assert set(single) == {1}
    assert sum(several) == 30
    np.testing.assert_array_equal(one, other)


def test_what_is_not_taken_in_time_is_overwritten_and_leaves_a_gap() -> None:
    _, everything = trained("dense", "sgd", single_threaded("reference"))
    model, last = trained("dense", "sgd", single_threaded("reference"), 5)
    assert everything is not None
    assert last is not None
    assert model.steps.journal is not None
    assert model.steps.journal.room == 5
    assert last.steps.tolist() == [7, 8, 9, 10, 11]
    np.testing.assert_array_equal(np.array(last), np.array(everything)[:, -5:])
    assert model.steps.journal.take().steps.size == 0


def test_steps_go_on_from_the_number_that_is_set() -> None:
    model = compiled()
    journal = journal_of(model)
    model.train_on_batch(inputs(), labels())
    journal.step = 100
    model.train_on_batch(inputs(), labels())
    assert journal.step == 101
    assert journal.take().steps.tolist() == [100]


def test_a_run_that_began_without_a_journal_is_taken_up_with_one(tmp_path: Path) -> None:
    def fit(model: Model, epochs: int) -> Model:
        model.fit(inputs(), labels(), 4, epochs, verbose=0, checkpoint=tmp_path / "run.ckpt")
        return model

    fit(compiled(dropout=0.3), 1)
    resumed = compiled(dropout=0.3)
    journal = journal_of(resumed)
    fit(resumed, 3)
    whole = compiled(dropout=0.3)
    whole.fit(inputs(), labels(), 4, 3, verbose=0)
    assert_identical(resumed, whole)
    assert len(journal.take().steps) == 6


# ---- steps of one's own


class OwnStep(Model):
    """Reports its loss in its own way."""

    def __init__(self, report: Callable[[Any], Mapping[str, Any]]) -> None:
        super().__init__()
        self.layer, self.report = Dense(1), report
        self(np.zeros((1, 3), "float32"))

    def call(self, x: Any) -> Any:
        return self.layer(x)

    def train_step(self, data: Any) -> Mapping[str, Any]:
        x, y = data
        each = (self(x) - y).square()
        variables = self.trainable_variables
        self.optimizer.apply(gradients(each.mean(), variables), variables)
        return self.report(each)


@pytest.mark.parametrize(
    "report, is_known",
    [
        (lambda each: {"loss": each.mean()}, True),
        (lambda each: {"loss": each}, True),
        (lambda each: {"a_loss": 0.25 * each, "b_loss": 0.75 * each.mean()}, True),
        (lambda each: {"error": each.mean()}, False),
    ],
    ids=["number", "each", "several", "another-name"],
)
def test_a_step_of_ones_own_notes_the_loss_that_it_reports(
    report: Callable[[Any], Mapping[str, Any]], is_known: bool
) -> None:
    x, y = points()
    with seeded(3):
        model = OwnStep(report)
    model.compile(SGD(0.1), executor="reference")
    journal = journal_of(model)
    expected = float((model.predict(x, verbose=0) - y).__pow__(2).mean())
    model.train_on_batch(x, y)
    assert journal.is_finite
    assert journal.reports_loss == is_known
    found = journal.take()
    assert found.gradient_norm > 0
    assert found.loss == pytest.approx(expected, rel=1e-5) if is_known else np.isnan(found.loss)


@pytest.mark.parametrize("capacity", [0, -3, 2.5, "many"])
def test_a_capacity_is_a_number_of_steps(capacity: Any) -> None:
    with pytest.raises(ArgumentError, match="capacity"):
        Journal(capacity)
