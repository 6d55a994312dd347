"""The first value that is not finite: layer, operation, line, rows, and the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from glassgrad import Model, Sequential, Tensor, layers, ops, optimizers, set_random_seed
from glassgrad.errors import ArgumentError, DataError, NotBuiltError
from glassgrad.lens.doctor.bad_value import BadValue, finding_of
from glassgrad.lens.doctor.finding import ACTIONS
from glassgrad.lens.doctor.first_bad_value import find_first_bad_value

BATCH = 8
X = np.random.default_rng(3).normal(size=(BATCH, 4)).astype("float32")
ONES = np.ones((BATCH, 1), "float32")


def with_row(row: int, value: float) -> np.ndarray[Any, Any]:
    """The inputs with one row of equal numbers."""
    x = X.copy()
    x[row] = value
    return x


class OverItsLength(layers.Layer):
    """Vectors divided by their length, carelessly."""

    def call(self, inputs: Tensor) -> Tensor:
        """0 / 0 for a vector of zeros."""
        length = ops.sqrt(ops.sum(inputs * inputs, axis=-1, keepdims=True))
        return inputs / length


class Length(layers.Layer):
    """The length of vectors, whose slope is infinite at 0."""

    def call(self, inputs: Tensor) -> Tensor:
        """Finite itself."""
        return ops.sqrt(ops.sum(inputs * inputs, axis=-1, keepdims=True))


class LogOfPositive(layers.Layer):
    """The logarithm where there is one: its slope is computed everywhere."""

    def call(self, inputs: Tensor) -> Tensor:
        """0 for zeros."""
        return ops.where(inputs > 0.0, ops.log(inputs), 0.0)


class Masked(layers.Layer):
    """Scores that are infinite on purpose, as behind a mask of attention."""

    def call(self, inputs: Tensor) -> Tensor:
        """The first entry is masked."""
        seen = Tensor([False, True, True])
        return ops.softmax(ops.where(seen, inputs, float("-inf")))


class AllMasked(layers.Layer):
    """Rows behind a mask that leaves nothing."""

    def call(self, inputs: Tensor) -> Tensor:
        """The softmax of nothing."""
        return ops.softmax(ops.where(inputs > 1e6, inputs, float("-inf")))


def careless_cross_entropy(y: Tensor, p: Tensor) -> Tensor:
    """Of probabilities that may be 0."""
    return ops.mean(-y * ops.log(ops.relu(p)))


def network(*inner: layers.Layer, loss: Any = "mse", **first: Any) -> Sequential:
    """A dense layer, what is to be looked at, and an output."""
    set_random_seed(1)
    hidden = layers.Dense(3, use_bias=False, name="hidden", **first)
    model = Sequential([layers.Input((4,)), hidden, *inner, layers.Dense(1, name="out")])
    model.compile(optimizers.SGD(0.1), loss, executor="reference")
    return model


class Case(NamedTuple):
    """A step, and what has to be found in it."""

    model: Callable[[], Model]
    x: np.ndarray[Any, Any]
    phase: str
    layer: str
    operation: str
    kind: str
    code: str
    rows: tuple[int, ...]
    cause: str


def exploded() -> Sequential:
    """A network whose weights are far too large."""
    model = network()
    for weight in model.trainable_weights:
        weight.assign(np.full(weight.shape, 1e25))
    return model


def poisoned() -> Sequential:
    """A network that has NaN among its weights."""
    model = network()
    kernel = model.trainable_weights[0].numpy()
    kernel[1, 2] = np.nan
    model.trainable_weights[0].assign(kernel)
    return model


def greedy() -> Sequential:
    """A network whose steps are larger than any number."""
    model = network()
    model.compile(optimizers.SGD(3e38), "mse", executor="reference")
    return model


FORWARD = {
    "log of 0 in a loss of one's own": Case(
        lambda: network(layers.Dense(3, "relu", kernel_initializer="zeros"),
                        loss=careless_cross_entropy),
        X, "forward", "loss", "Log", "-infinity",
        "return ops.mean(-y * ops.log(ops.relu(p)))", tuple(range(BATCH)),
        "log(0) is -infinity",
    ),
    "exp overflows": Case(
        lambda: network(activation="exponential", kernel_initializer="ones"), with_row(5, 100.0),
        "forward", "hidden", "Exp", "infinity",
        'hidden = layers.Dense(3, use_bias=False, name="hidden", **first)', (5,),
        "exp(400) is more than float32 holds: exp overflows above 88.7",
    ),
    "0 / 0 in a layer": Case(
        lambda: network(OverItsLength(name="normed")), with_row(2, 0.0),
        "forward", "normed", "Divide", "NaN", "return inputs / length", (2,),
        "0 / 0 is NaN: a division of 0 by 0",
    ),
    "sums overflow": Case(
        exploded, X, "forward", "out", "MatMul", "", "layers.Dense(1, name=", (),
        "products of numbers up to",
    ),
    "a softmax of nothing": Case(
        lambda: network(AllMasked(name="attention")), X, "forward", "attention", "Softmax", "NaN",
        "return ops.softmax(ops.where(inputs > 1e6, inputs, float(", tuple(range(BATCH)),
        "Softmax gives NaN",
    ),
}  # fmt: skip
OTHERS = {
    "the slope of a root at 0": Case(
        lambda: network(Length(name="length")), with_row(6, 0.0),
        "backward", "length", "Divide", "",
        "return ops.sqrt(ops.sum(inputs * inputs, axis=-1, keepdims=True))", (6,),
        "On the way back through sqrt(x):",
    ),
    "the slope of what was left out": Case(
        lambda: network(LogOfPositive(name="careful")), with_row(1, 0.0),
        "backward", "careful", "Divide", "NaN",
        "return ops.where(inputs > 0.0, ops.log(inputs), 0.0)", (),
        "On the way back through log(x): 0 / 0 is NaN",
    ),
    "weights that were bad before": Case(
        poisoned, X, "weights", "hidden/kernel", "", "NaN", "hidden = layers.Dense(", (),
        "hidden/kernel held NaN before the step",
    ),
    "steps that are too large": Case(
        greedy, X * 10, "update", "optimizer", "ElementwiseMap", "", "", (),
        "the step is larger than float32 holds",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*FORWARD, *OTHERS])
def test_it_is_named(name: str) -> None:
    case = {**FORWARD, **OTHERS}[name]
    found = find_first_bad_value(case.model(), case.x, ONES)
    assert found is not None
    assert (found.phase, found.layer, found.operation) == (case.phase, case.layer, case.operation)
    assert found.kind == (case.kind or found.kind)
    assert case.cause in found.cause
    assert case.code in found.code
    if case.code:
        assert found.line is not None
        assert found.line.split(":")[0] == __file__
    if case.rows:
        assert found.rows == case.rows
    assert found.batch_size == BATCH


@pytest.mark.parametrize("row", [0, 7])
def test_the_rows_are_those_of_the_batch(row: int) -> None:
    x = with_row(row, 0.0)
    found = find_first_bad_value(network(OverItsLength()), x, ONES)
    assert found is not None
    assert found.rows == (row,)


class OverItsLengthInARow(OverItsLength):
    """The same for steps in time, all of them in one row."""

    def call(self, inputs: Tensor) -> Tensor:
        """Batch and time are one axis for a while."""
        flat = ops.reshape(inputs, (-1, inputs.shape[-1]))
        return ops.reshape(super().call(flat), inputs.shape)


@pytest.mark.parametrize("over", [OverItsLength, OverItsLengthInARow])
def test_rows_of_steps_in_time(over: type[layers.Layer]) -> None:
    x = np.ones((3, 5, 2), "float32")
    x[1, 4] = 0.0
    dense = layers.Dense(3, use_bias=False)
    model = Sequential([layers.Input((5, 2)), dense, over(), layers.Dense(1)])
    model.compile("sgd", "mse", executor="reference")
    found = find_first_bad_value(model, x, np.ones((3, 5, 1)))
    assert found is not None
    assert (found.rows, found.count) == ((1,), 3)


@pytest.mark.parametrize("layer", ["attention", "memory"])
def test_recurrence_and_attention_are_one_thing_each(layer: str) -> None:
    inputs = layers.Input((6, 4))
    attended = layers.MultiHeadAttention(2, 4, name="attention")(inputs, inputs)
    memory = layers.LSTM(3, activation="exponential", name="memory")(attended)
    model = Model(inputs, layers.Dense(1)(memory))
    model.compile("sgd", "mse", executor="reference")
    large = model.get_layer(layer).weights
    for weight in model.weights:
        weight.assign(np.full(weight.shape, 1e30 if weight in large else 0.1))
    found = find_first_bad_value(model, np.ones((2, 6, 4)), np.ones((2, 1)))
    assert found is not None
    assert found.layer == layer
    assert found.rows == (0, 1)


def test_a_batch_as_long_as_a_layer_is_wide_has_rows_all_the_same() -> None:
    x = np.full((4, 4), 1e30, "float32")
    model = Sequential([layers.Input((4,)), layers.Dense(4, name="hidden")])
    model.compile("sgd", "mse", executor="reference")
    found = find_first_bad_value(model, x, np.ones((4, 4)))
    assert found is not None
    assert found.phase == "forward"
    assert found.rows == (0, 1, 2, 3)


@pytest.mark.parametrize("value,kind", [(np.nan, "NaN"), (-np.inf, "-infinity")])
@pytest.mark.parametrize("part", ["x", "y", "sample_weight"])
def test_data_that_are_bad_themselves(part: str, value: float, kind: str) -> None:
    parts = {"x": X.copy(), "y": ONES.copy(), "sample_weight": np.ones(BATCH, "float32")}
    parts[part][3] = value
    found = find_first_bad_value(network(), **parts)
    assert found is not None
    assert (found.phase, found.layer, found.kind, found.rows) == ("data", part, kind, (3,))
    assert finding_of(found).remedies[0].action == "data"


def test_the_second_of_two_inputs() -> None:
    a, b = layers.Input((2,)), layers.Input((2,))
    model = Model([a, b], layers.Dense(1)(layers.concatenate([a, b])))
    model.compile("sgd", "mse", executor="reference")
    x = [np.ones((3, 2)), np.full((3, 2), np.inf)]
    found = find_first_bad_value(model, x, np.ones((3, 1)))
    assert found is not None
    assert found.layer == "x1"


@pytest.mark.parametrize(
    "model,x",
    [
        (lambda: network(), X),
        (lambda: network(Masked(name="attention")), X),
        (lambda: network(layers.Dropout(0.5), layers.BatchNormalization()), X),
    ],
)
def test_nothing_is_found_where_all_is_well(model: Callable[[], Model], x: Any) -> None:
    assert find_first_bad_value(model(), x, ONES) is None


def test_nothing_is_learned_by_looking() -> None:
    model = network(layers.Dropout(0.5))
    before, step = model.get_weights(), int(model.random.step.numpy())
    find_first_bad_value(model, X, ONES)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert int(model.random.step.numpy()) == step


def test_a_metric_that_is_no_number_harms_nobody() -> None:
    def ratio(y: Tensor, p: Tensor) -> Tensor:
        return ops.mean(y / (p - p), axis=-1)

    model = network()
    model.compile("sgd", "mse", metrics=[ratio], executor="reference")
    assert find_first_bad_value(model, X, ONES) is None


def test_a_training_step_of_ones_own() -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__(name="own")
            self.dense = layers.Dense(1, name="dense", kernel_initializer="zeros")

        def call(self, inputs: Tensor) -> Tensor:
            return self.dense(inputs)

        def train_step(self, data: Any) -> dict[str, Tensor]:
            x, y = data
            loss = ops.mean(y * ops.log(self(x)))
            from glassgrad import gradients

            variables = self.trainable_variables
            self.optimizer.apply(gradients(loss, variables), variables)
            return {"loss": loss}

    model = Own()
    model.compile("sgd", executor="reference")
    found = find_first_bad_value(model, X, ONES)
    assert found is not None
    assert (found.operation, found.code) == ("Log", "loss = ops.mean(y * ops.log(self(x)))")


@pytest.mark.parametrize(
    "target,x,error,message",
    [
        (None, X, ArgumentError, "compiled model"),
        (Sequential([layers.Dense(1)]), X, NotBuiltError, "compile"),
        (network(), X[:0], DataError, "at least one"),
        (network(), None, DataError, "must be given"),
    ],
)
def test_what_is_refused(target: Any, x: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        find_first_bad_value(target, x, ONES)


# ---- what is said


@pytest.mark.parametrize("name", [*FORWARD, *OTHERS])
def test_it_can_be_written_down_and_read_again(name: str) -> None:
    case = {**FORWARD, **OTHERS}[name]
    found = find_first_bad_value(case.model(), case.x, ONES)
    assert found is not None
    text = json.dumps(found.as_dict(), allow_nan=False)
    assert BadValue.from_dict(json.loads(text)) == found


@pytest.mark.parametrize("name", [*FORWARD, *OTHERS])
def test_the_finding_has_evidence_and_remedies(name: str) -> None:
    case = {**FORWARD, **OTHERS}[name]
    found = find_first_bad_value(case.model(), case.x, ONES)
    assert found is not None
    finding = finding_of(found.at_step(12))
    assert (finding.code, finding.began) == ("non_finite", 12)
    assert finding.evidence
    assert finding.remedies
    assert {one.action for one in finding.remedies} <= set(ACTIONS)
    assert found.cause in finding.cause


def test_a_guard_comes_before_smaller_steps() -> None:
    found = find_first_bad_value(network(Length()), with_row(0, 0.0), ONES)
    assert found is not None
    actions = [one.action for one in finding_of(found).remedies]
    assert actions == ["guard", "roll_back", "learning_rate", "clip"]
    assert "sqrt(maximum(" in finding_of(found).remedies[0].sentence


@pytest.mark.parametrize(
    "rows,examples,sentence",
    [
        ((), (), ""),
        ((2,), (), "It concerns row 2 of the batch."),
        ((2, 5), (), "It concerns rows 2, 5 of the batch."),
        ((2, 5), (40, 41), "It concerns examples 40, 41."),
        (tuple(range(8)), (), "It concerns every example of the batch."),
    ],
)
def test_whom_it_concerns(rows: tuple[int, ...], examples: tuple[int, ...], sentence: str) -> None:
    value = BadValue("forward", "h", "Log", "log(x)", "NaN", "…", 1, 8, rows, batch_size=BATCH)
    cause = finding_of(value.at_step(1, examples).in_file("bad.safetensors")).cause
    assert sentence in cause
    assert ("It concerns" in cause) == bool(sentence)
    assert cause.endswith("glassgrad replay bad.safetensors")


def test_lines_below_the_current_folder_are_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = BadValue("forward", "h", "Log", "log(x)", "NaN", "…", 1, 8)
    here = replace(value, line=f"{tmp_path / 'train.py'}:12")
    assert f"at {tmp_path / 'train.py'}:12." in finding_of(here).cause
    monkeypatch.chdir(tmp_path)
    assert "at train.py:12." in finding_of(here).cause
    assert "  line: train.py:12" in str(here).splitlines()
    assert here.as_dict()["line"] == f"{tmp_path / 'train.py'}:12"


def test_the_text() -> None:
    found = find_first_bad_value(network(OverItsLength(name="normed")), with_row(2, 0.0), ONES)
    assert found is not None
    lines = str(found.at_step(7, (40,)).in_file("bad.safetensors")).splitlines()
    assert lines[0] == "NaN in step 7, in the forward pass, normed"
    assert "  rows of the batch: 2" in lines
    assert "  examples: 40" in lines
    assert any(line.startswith("  line: ") for line in lines)
    assert lines[-1] == "  repeat it: glassgrad replay bad.safetensors"
