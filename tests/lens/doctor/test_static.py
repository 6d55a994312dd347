"""Static examination: each fault is found before the first step, and its healthy twin is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from glassgrad import losses, ops
from glassgrad.initializers import Constant
from glassgrad.layers import (
    LSTM,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Input,
    Lambda,
    PositionEmbedding,
    ReLU,
    Rescaling,
)
from glassgrad.lens.doctor.case import DataFacts, Facts, LayerFacts, ParameterFacts, Reading
from glassgrad.lens.doctor.facts import facts_of
from glassgrad.lens.doctor.finding import ACTIONS, Finding
from glassgrad.lens.doctor.rules.static import STATIC_RULES, examine_facts
from glassgrad.models import Model, Sequential
from glassgrad.optimizers import SGD, Adam, Optimizer
from glassgrad.optimizers.schedules import LinearWarmup
from glassgrad.training.streams import data_from

Array = np.ndarray[Any, Any]

N = 240
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 6)).astype(np.float32)
LINEAR = X @ RNG.normal(size=6)  # both signs, standard deviation about 2
LABELS = np.arange(N) % 3
BITS = np.arange(N) % 2
VECTORS = np.eye(3)[LABELS]
SEVERAL = (RNG.random((N, 3)) > 0.4).astype(float)
IMAGES = RNG.random((N, 5, 5, 1)).astype(np.float32)
WORDS = RNG.integers(0, 9, (N, 5))

SPARSE, VECTOR, BINARY = (
    losses.SparseCategoricalCrossentropy,
    losses.CategoricalCrossentropy,
    losses.BinaryCrossentropy,
)


def mlp(units: int = 1, last: Any = None, kernel: Any = "he_normal") -> Sequential:
    return Sequential(
        [
            Input((6,)),
            Dense(8, activation="relu", kernel_initializer=kernel, name="one"),
            Dense(8, activation="relu", kernel_initializer=kernel, name="two"),
            Dense(units, activation=last, name="last"),
        ]
    )


def examined(
    model: Model,
    x: Any = X,
    y: Any = LINEAR,
    loss: Any = "mse",
    optimizer: Any = "adam",
    steps: int | None = None,
) -> list[Finding]:
    model.compile(optimizer, loss, executor="reference")
    return examine_facts(facts_of(model, (x, y), batch_size=24, steps=steps))


def clusters(classes: int = 8) -> tuple[Array, Array]:
    """Classes whose numbers are names."""
    names = np.arange(N) % classes
    centres = np.random.default_rng(7).normal(size=(classes, 6)) * 3
    return centres[names] + np.random.default_rng(8).normal(size=(N, 6)), names


# ---- the last layer, the loss and the targets


@dataclass(frozen=True)
class Pair:
    """An end of a network that cannot learn its targets, and one that can."""

    name: str
    sick: tuple[int, str | None, Any]
    healthy: tuple[int, str | None, Any]
    y: Array
    x: Array | None = None
    y_of_healthy: Array | None = None

    @property
    def inputs(self) -> Array:
        return X if self.x is None else self.x


PAIRS = [
    Pair("softmax on one unit", (1, "softmax", BINARY()), (1, "sigmoid", BINARY()), BITS),
    Pair("one class", (1, "sigmoid", SPARSE()), (2, "softmax", SPARSE()), BITS),
    Pair("sigmoids for classes", (3, "sigmoid", SPARSE()), (3, "softmax", SPARSE()), LABELS),
    Pair("sigmoids for vectors", (3, "sigmoid", VECTOR()), (3, "softmax", VECTOR()), VECTORS),
    Pair("softmax for questions", (3, "softmax", BINARY()), (3, "sigmoid", BINARY()), SEVERAL),
    Pair("softmax, one at a time", (3, "softmax", BINARY()), (3, "sigmoid", BINARY()), VECTORS),
    Pair("softmax, several at a time", (3, "softmax", VECTOR()), (3, "sigmoid", BINARY()), SEVERAL),
    Pair("two softmaxes", (3, "softmax", SPARSE(True)), (3, None, SPARSE(True)), LABELS),
    Pair("two sigmoids", (1, "sigmoid", BINARY(True)), (1, None, BINARY(True)), BITS),
    Pair("bounded logits", (3, "tanh", SPARSE(True)), (3, None, SPARSE(True)), LABELS),
    Pair("logits of one sign", (1, "relu", BINARY(True)), (1, None, BINARY(True)), BITS),
    Pair("positive logits", (3, "relu", SPARSE(True)), (3, "elu", SPARSE(True)), LABELS),
    Pair("logits for shares", (3, None, SPARSE()), (3, None, SPARSE(True)), LABELS),
    Pair("logits for a share", (1, None, BINARY()), (1, None, BINARY(True)), BITS),
    Pair("relu for shares", (3, "relu", VECTOR()), (3, "softmax", VECTOR()), VECTORS),
    Pair("tanh for a share", (1, "tanh", BINARY()), (1, "sigmoid", BINARY()), BITS),
    Pair("labels from 1", (3, "softmax", SPARSE()), (4, "softmax", SPARSE()), LABELS + 1),
    Pair(
        "negative labels",
        (3, "softmax", SPARSE()),
        (3, "softmax", SPARSE(ignore_class=-1)),
        LABELS - 1,
    ),
    Pair("labels under yes or no", (1, "sigmoid", BINARY()), (1, None, "mse"), LABELS),
    Pair("signs under yes or no", (1, "sigmoid", BINARY()), (1, "tanh", "hinge"), 2 * BITS - 1),
    Pair("shapes that differ", (3, "softmax", "mse"), (3, "softmax", SPARSE()), LABELS),
    Pair("vectors as labels", (3, "softmax", SPARSE()), (3, "softmax", VECTOR()), VECTORS),
    Pair("relu for both signs", (1, "relu", "mse"), (1, None, "mse"), LINEAR),
    Pair(
        "softplus for both signs",
        (1, "softplus", "mae"),
        (1, "softplus", "mae"),
        LINEAR,
        None,
        abs(LINEAR),
    ),
    Pair("sigmoid for prices", (1, "sigmoid", "mse"), (1, "relu", "mse"), abs(LINEAR) * 100),
    Pair("tanh for pixels", (1, "tanh", "huber"), (1, None, "huber"), abs(LINEAR) * 100),
    Pair("softmax for numbers", (1, "softmax", "mse"), (1, "sigmoid", "mse"), RNG.random(N)),
    Pair("margins of one sign", (1, "sigmoid", "hinge"), (1, "tanh", "hinge"), BITS),
    Pair("negative rates", (1, None, "poisson"), (1, "exponential", "poisson"), LABELS),
    Pair("names as numbers", (1, None, "mse"), (8, "softmax", SPARSE()), *clusters()[::-1]),
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_an_end_that_does_not_fit_is_found(pair: Pair) -> None:
    units, last, loss = pair.sick
    found = examined(mlp(units, last), pair.inputs, pair.y, loss)
    assert [finding.code for finding in found] == ["wrong_output_or_loss"]
    (finding,) = found
    assert finding.layer == "last"
    assert finding.began is None
    assert finding.confidence >= 0.85
    assert len(finding.evidence) == 1


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_an_end_that_fits_is_not(pair: Pair) -> None:
    units, last, loss = pair.healthy
    y = pair.y if pair.y_of_healthy is None else pair.y_of_healthy
    assert examined(mlp(units, last), pair.inputs, y, loss) == []


REMEDIES = [
    (mlp(1, "softmax"), BINARY(), BITS, ("binary_crossentropy", "sigmoid", 1)),
    (mlp(2), SPARSE(), BITS, ("sparse_categorical_crossentropy", "softmax", 2)),
    (mlp(3), VECTOR(), VECTORS, ("categorical_crossentropy", "softmax", 3)),
    (mlp(3, "softmax"), SPARSE(), LABELS + 1, ("sparse_categorical_crossentropy", "softmax", 4)),
    (mlp(3, "softmax"), "mse", LABELS, ("sparse_categorical_crossentropy", "softmax", 3)),
    (mlp(1, "relu"), "mae", LINEAR, ("mean_absolute_error", "linear", 1)),
    (mlp(1), "poisson", LABELS, ("poisson", "exponential", 1)),
    (mlp(3, "softmax"), BINARY(), SEVERAL, ("binary_crossentropy", "sigmoid", 3)),
]


@pytest.mark.parametrize("model, loss, y, pair", REMEDIES, ids=range(len(REMEDIES)))
def test_the_remedy_names_the_right_pair(
    model: Model, loss: Any, y: Array, pair: tuple[str, str, int]
) -> None:
    (remedy,) = examined(model, X, y, loss)[0].remedies
    assert remedy.action == "loss_and_output"
    assert tuple(remedy.value[key] for key in ("loss", "activation", "units")) == pair
    assert all(str(one) in remedy.sentence for one in pair if one != "linear")


def test_every_output_is_examined() -> None:
    inputs = Input((6,))
    heads = [Dense(1, "relu", name="a")(inputs), Dense(3, name="b")(inputs), Dense(1)(inputs)]
    found = examined(Model(inputs, heads), X, [LINEAR, LABELS, LINEAR], ["mse", SPARSE(), "mse"])
    assert [(one.code, one.layer) for one in found] == [
        ("wrong_output_or_loss", "a"),
        ("wrong_output_or_loss", "b"),
    ]


# ---- traps: ends that are healthy


class OwnStep(Model):
    def train_step(self, data: Any) -> Any:
        return {"loss": self.compute_loss(data[0], data[1], self(data[0]))}


def own_loss(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def functional(end: Callable[[Any], Any], kind: type[Model] = Model) -> Model:
    inputs = Input((6,))
    return kind(inputs, end(Dense(8, activation="relu")(inputs)))


GRADES = np.digitize(LINEAR, np.quantile(LINEAR, [0.2, 0.4, 0.6, 0.8]))
HEALTHY_ENDS: list[tuple[str, Model, Any, Array]] = [
    ("counts", mlp(), "mse", RNG.poisson(np.exp(LINEAR / 4))),
    ("ages", mlp(), "mae", np.round(40 + 8 * LINEAR)),
    ("grades", mlp(), "mse", GRADES),
    ("grades of nothing", mlp(), "mse", RNG.integers(0, 5, N)),
    ("three kinds as numbers", mlp(), "mse", LABELS),
    ("yes or no by squares", mlp(1, "sigmoid"), "mse", BITS),
    ("vectors by squares", mlp(3, "softmax"), "mse", VECTORS),
    ("two shares, two questions", mlp(2, "softmax"), BINARY(), np.eye(2)[BITS]),
    ("vectors as questions", mlp(3, "sigmoid"), BINARY(), VECTORS),
    ("soft labels", mlp(3, "softmax"), VECTOR(), (VECTORS + 0.1) / 1.3),
    ("log-probabilities as logits", mlp(3, "log_softmax"), SPARSE(True), LABELS),
    ("sigmoid for shares of one", mlp(1, "sigmoid"), BINARY(), RNG.random(N)),
    ("a little noise beyond", mlp(1, "sigmoid"), "mse", BITS + RNG.normal(0, 0.03, N)),
    ("more units than classes", mlp(9, "softmax"), SPARSE(), LABELS),
    (
        "scaled afterwards",
        functional(lambda h: Rescaling(99.0)(Dense(1, "tanh")(h))),
        "mse",
        LINEAR * 40,
    ),
    (
        "shares by hand",
        functional(lambda h: ops.exp(ops.log_softmax(Dense(3)(h)))),
        SPARSE(),
        LABELS,
    ),
    ("a loss of one's own", mlp(1, "relu"), own_loss, LINEAR),
    ("a step of one's own", functional(Dense(3), OwnStep), SPARSE(), LABELS),
]


@pytest.mark.parametrize("name, model, loss, y", HEALTHY_ENDS, ids=[row[0] for row in HEALTHY_ENDS])
def test_a_healthy_end_raises_no_alarm(name: str, model: Model, loss: Any, y: Array) -> None:
    assert examined(model, X, y, loss) == []


# ---- a start that is symmetric


def chain(*layers: Any, x: Array = X) -> Model:
    return Sequential([Input(x.shape[1:]), *layers])


def dense(kernel: Any, activation: str | None = "relu", **more: Any) -> Dense:
    return Dense(8, activation=activation, kernel_initializer=kernel, **more)


def residual(kernel: Any, activation: str | None = None) -> Model:
    inputs = Input((6,))
    stream = dense("glorot_uniform", None)(inputs)
    for _ in range(2):
        branch = dense(kernel, activation)(dense("he_normal")(stream))
        stream = Add()([stream, branch])
    return Model(inputs, Dense(1, kernel_initializer="zeros")(stream))


ALIKE: list[tuple[str, Model, Array, str | None, float]] = [
    ("zeros everywhere", mlp(1, None, "zeros"), X, None, 0.95),
    ("ones everywhere", mlp(1, None, "ones"), X, None, 0.95),
    (
        "one layer of zeros at rest",
        chain(dense("zeros", name="z"), dense("he_normal"), Dense(1)),
        X,
        "z",
        0.95,
    ),
    ("zeros, then relu", chain(dense("zeros", None, name="z"), ReLU(), Dense(1)), X, "z", 0.95),
    (
        "zeros before zeros",
        chain(dense("zeros", "tanh", name="z"), Dense(1, kernel_initializer="zeros")),
        X,
        "z",
        0.95,
    ),
    ("one layer of a half", chain(dense(Constant(0.5), "tanh", name="c"), Dense(1)), X, "c", 0.85),
    (
        "masked in between",
        chain(dense("ones", "tanh"), Dropout(0.5), dense("ones", "tanh"), Dense(1)),
        X,
        None,
        0.85,
    ),
    (
        "filters",
        chain(Conv2D(4, 3, kernel_initializer="ones", name="c"), Flatten(), Dense(1), x=IMAGES),
        IMAGES,
        "c",
        0.85,
    ),
    (
        "cells",
        chain(
            LSTM(4, kernel_initializer="ones", recurrent_initializer="ones", name="r"),
            Dense(1),
            x=IMAGES[..., 0],
        ),
        IMAGES[..., 0],
        "r",
        0.85,
    ),
]


@pytest.mark.parametrize("name, model, x, layer, confidence", ALIKE, ids=[row[0] for row in ALIKE])
def test_units_that_stay_alike_are_found(
    name: str, model: Model, x: Array, layer: str | None, confidence: float
) -> None:
    found = examined(model, x)
    assert [(one.code, one.layer, one.confidence) for one in found] == [
        ("bad_initialization", layer, confidence)
    ]


HEALTHY_STARTS: list[tuple[str, Model, Any]] = [
    ("a last layer of zeros", chain(dense("he_normal"), Dense(1, kernel_initializer="zeros")), X),
    ("branches that begin at zero", residual("zeros"), X),
    (
        "gains of zero",
        chain(dense("he_normal"), BatchNormalization(gamma_initializer="zeros"), Dense(1)),
        X,
    ),
    (
        "tanh of zeros between random layers",
        chain(dense("glorot_uniform", "tanh"), dense("zeros", "tanh"), Dense(1)),
        X,
    ),
    ("one unit", chain(dense("he_normal"), Dense(1, kernel_initializer="ones"), Dense(1)), X),
    ("biases of one", chain(dense("he_normal", bias_initializer="ones"), Dense(1)), X),
    (
        "identity recurrence",
        chain(LSTM(4, recurrent_initializer="identity"), Dense(1), x=IMAGES[..., 0]),
        IMAGES[..., 0],
    ),
    ("orthogonal", mlp(1, None, "orthogonal"), X),
    (
        "places that begin alike",
        chain(PositionEmbedding(5, initializer="zeros"), Flatten(), Dense(1), x=IMAGES[..., 0]),
        IMAGES[..., 0],
    ),
]


@pytest.mark.parametrize("name, model, x", HEALTHY_STARTS, ids=[row[0] for row in HEALTHY_STARTS])
def test_a_healthy_start_raises_no_alarm(name: str, model: Model, x: Any) -> None:
    assert examined(model, x) == []


def words(table: Any, size: int = 3) -> Model:
    return Sequential([Embedding(9, size, table, name="words"), GlobalAveragePooling1D(), Dense(1)])


def test_words_that_all_begin_alike_are_found() -> None:
    found = examined(words("zeros"), WORDS)
    assert [(one.code, one.layer) for one in found] == [("bad_initialization", "words")]
    assert examined(words("uniform"), WORDS) == []


def test_a_number_for_each_word_may_begin_at_zero() -> None:
    assert examined(words("zeros", 1), WORDS) == []


@pytest.mark.parametrize("deviation, is_found", [(0.0, True), (None, True), (0.3, False)])
def test_predictions_that_differ_clear_a_table(deviation: float | None, is_found: bool) -> None:
    model = words("zeros")
    model.compile("adam", "mse", executor="reference")
    first = Reading(0, 1.0, output_deviation=deviation)
    assert bool(examine_facts(facts_of(model, (WORDS, LINEAR)), first)) == is_found


# ---- what nothing teaches


def stopped(x: Any) -> Any:
    return ops.stop_gradient(x)


def test_layers_that_the_loss_does_not_reach_are_found() -> None:
    model = chain(
        dense("he_normal", name="a"), dense("he_normal", name="b"), Lambda(stopped), Dense(1)
    )
    (finding,) = examined(model)
    assert (finding.code, finding.layer, finding.confidence) == ("frozen_parameters", "a", 1.0)
    assert "a and b" in finding.cause
    assert [one.action for one in finding.remedies] == ["connect"]
    assert examined(chain(dense("he_normal"), dense("he_normal"), Dense(1))) == []


def test_a_step_function_lets_nothing_through() -> None:
    model = chain(dense("he_normal", None, name="a"), Lambda(lambda x: ops.sign(x)), Dense(1))
    assert [one.code for one in examined(model)] == ["frozen_parameters"]


def test_many_layers_are_told_in_short() -> None:
    layers = [dense("he_normal", name=f"layer_{n}") for n in range(5)]
    (finding,) = examined(chain(*layers, Lambda(stopped), Dense(1)))
    assert "layer_0, layer_1, layer_2 and 2 more layers" in finding.cause


def test_a_frozen_backbone_is_no_fault_and_a_frozen_network_is() -> None:
    model = mlp()
    model.get_layer("one").trainable = model.get_layer("two").trainable = False
    assert examined(model) == []
    model.trainable = False
    (finding,) = examined(model)
    assert (finding.code, finding.remedies[0].action) == ("frozen_parameters", "thaw")


def test_a_bias_before_a_normalisation_is_no_fault() -> None:
    assert examined(chain(dense("he_normal", None), BatchNormalization(), ReLU(), Dense(1))) == []


# ---- data


def test_constant_targets_are_found() -> None:
    (finding,) = examined(mlp(3, "softmax"), X, LABELS * 0 + 2, SPARSE())
    assert (finding.code, finding.remedies[0].action) == ("loss_not_decreasing", "labels")
    assert [one.code for one in examined(mlp(), X, LINEAR * 0)] == ["loss_not_decreasing"]


def test_a_single_target_that_differs_is_enough() -> None:
    y = np.zeros(50_000, int)
    y[33_333] = 1
    assert examined(mlp(2, "softmax"), np.zeros((50_000, 6)), y, SPARSE()) == []


def test_a_batch_of_one_class_is_no_fault() -> None:
    model = mlp(3, "softmax")
    model.compile("adam", SPARSE(), executor="reference")
    data = data_from(iter([(X, LABELS * 0)] * 2))
    assert examine_facts(facts_of(model, data)) == []


def test_zeros_that_something_of_ones_own_is_to_come_to_are_no_labels() -> None:
    model = functional(lambda h: ops.square(Dense(1)(h)) - 1.0)
    assert examined(model, X, np.zeros((N, 1))) == []


def test_bad_numbers_are_found() -> None:
    x = X.copy()
    x[3, 2] = np.nan
    found = examined(mlp(), x)
    assert [(one.code, one.evidence[0].value) for one in found] == [("non_finite", 1)]


@pytest.mark.parametrize("scale", [20.0, 255.0])
def test_large_inputs_alone_are_no_certain_fault(scale: float) -> None:
    assert examined(mlp(), RNG.random((N, 6)) * scale) == []


# ---- steps

RATES: list[tuple[str, Optimizer, int | None, str | None]] = [
    ("nothing", SGD(0.0), None, "learning_rate_too_low"),
    ("nowhere", Adam(1e-9), 1000, "learning_rate_too_low"),
    ("slow, for long", Adam(1e-5), 1000, None),
    ("slow, for who knows how long", Adam(1e-9), None, None),
    ("small steps of gradients of any size", SGD(1e-9), 1000, None),
    ("beyond", Adam(30.0), 100, "learning_rate_too_high"),
    ("large", Adam(0.1), 100, None),
    ("large gradients, perhaps", SGD(10.0), 100, None),
    ("beyond, in the end", Adam(LinearWarmup(30.0, warmup_steps=10)), 100, None),
    ("usual", Adam(), 100, None),
]


@pytest.mark.parametrize("name, optimizer, steps, code", RATES, ids=[row[0] for row in RATES])
def test_learning_rates(
    name: str, optimizer: Optimizer, steps: int | None, code: str | None
) -> None:
    found = examined(mlp(), optimizer=optimizer, steps=steps)
    assert [one.code for one in found] == ([] if code is None else [code])


def test_a_line_may_learn_in_large_steps() -> None:
    assert examined(chain(Dense(1)), optimizer=Adam(30.0), steps=100) == []


# ---- the rules as such


def test_without_facts_nothing_is_found() -> None:
    assert examine_facts(Facts("model", (), (), DataFacts(100, (4,)))) == []


def test_facts_made_by_hand_are_judged_by_the_same_rules() -> None:
    data = DataFacts(1000, (4,), target_kind="binary", target_range=(0, 1))
    facts = Facts("m", (), (), data, "binary_crossentropy", output_shape=(1,))
    assert [one.code for one in examine_facts(facts)] == ["wrong_output_or_loss"]
    assert examine_facts(replace(facts, output_activation="sigmoid")) == []
    assert examine_facts(replace(facts, output_activation="other")) == []


def test_findings_are_complete() -> None:
    every = [
        *(f for p in PAIRS for f in examined(mlp(*p.sick[:2]), p.inputs, p.y, p.sick[2])),
        *examined(mlp(1, None, "ones"), optimizer=SGD(0.0)),
        *examined(mlp(), X, LINEAR * 0, optimizer=Adam(30.0)),
    ]
    assert len({finding.cause for finding in every}) > 25
    for finding in every:
        assert finding.cause.endswith(".")
        assert finding.remedies
        assert all(remedy.action in ACTIONS for remedy in finding.remedies)
        assert all(remedy.sentence.endswith((".", "?")) for remedy in finding.remedies)
        assert all(np.isfinite(one.value) for one in finding.evidence)
        assert "None" not in str(finding)


def test_every_rule_says_what_it_looks_for() -> None:
    assert all(rule.__doc__ for rule in STATIC_RULES)


def test_parameters_of_layers_that_are_not_listed_do_no_harm() -> None:
    layers = (LayerFacts("a", "Dense", "relu", "hidden", 4, (), ("a/kernel", "a/gone")),)
    kernel = ParameterFacts("a/kernel", "a", "kernel", (4, 4), 4, 4, 0.5)
    assert examine_facts(Facts("m", layers, (kernel,), DataFacts(100, (4,)))) == []
