"""Facts: what is known of a model and its data before the first step, and that nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import losses, ops
from glassgrad.errors import DataError, ShapeError
from glassgrad.graph import Tensor
from glassgrad.layers import (
    LSTM,
    Add,
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Input,
    Lambda,
    Layer,
    LayerNormalization,
    MultiHeadAttention,
    Normalization,
    ReLU,
    Rescaling,
    concatenate,
)
from glassgrad.lens.doctor.case import Facts, LayerFacts, ParameterFacts
from glassgrad.lens.doctor.facts import facts_of
from glassgrad.lens.doctor.facts.features import scales_of
from glassgrad.lens.doctor.facts.steps import steps_of
from glassgrad.lens.doctor.facts.targets import ordering, targets_like
from glassgrad.models import Model, Sequential
from glassgrad.optimizers import SGD, Adam
from glassgrad.optimizers.schedules import CosineDecay, LearningRateSchedule, LinearWarmup
from glassgrad.training.streams import data_from

Array = np.ndarray[Any, Any]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4)).astype(np.float32)
LABELS = np.arange(200) % 3


def compiled(model: Model, loss: Any = "mse", optimizer: Any = "adam") -> Model:
    model.compile(optimizer, loss, executor="reference")
    return model


def network(units: int = 1, last: str | None = None, features: int = 4) -> Sequential:
    return Sequential(
        [
            Input((features,)),
            Dense(8, activation="relu", kernel_initializer="he_normal", name="hidden"),
            Dense(units, activation=last, name="last"),
        ]
    )


def of(
    layers: list[Any], x: Array, y: Array | None = None, loss: Any = "mse", **more: Any
) -> Facts:
    targets = np.zeros(len(x)) if y is None else y
    return facts_of(compiled(Sequential(layers), loss), (x, targets), **more)


def parameter(facts: Facts, name: str) -> ParameterFacts:
    return next(one for one in facts.parameters if one.name == name)


def layer(facts: Facts, name: str) -> LayerFacts:
    found = facts.layer(name)
    assert found is not None
    return found


# ---- layers and parameters


def test_layers_come_in_order_with_role_activation_and_weights() -> None:
    facts = facts_of(compiled(network()), (X, X[:, :1]), batch_size=32, steps=70)
    assert [(one.name, one.role, one.activation, one.inputs) for one in facts.layers] == [
        ("hidden", "hidden", "relu", ()),
        ("last", "output", None, ("hidden",)),
    ]
    assert layer(facts, "hidden").parameters == ("hidden/kernel", "hidden/bias")
    assert (facts.batch_size, facts.steps, facts.data.examples) == (32, 70, 200)


def test_a_kernel_has_fans_size_and_initializer() -> None:
    model = compiled(network())
    kernel = parameter(facts_of(model, (X, X[:, :1])), "hidden/kernel")
    assert (kernel.kind, kernel.shape, kernel.fan_in, kernel.fan_out) == ("kernel", (4, 8), 4, 8)
    assert kernel.initializer == "he_normal"
    assert kernel.rms == pytest.approx(np.sqrt(np.mean(model.get_weights()[0] ** 2)))
    assert kernel.reached
    assert kernel.trainable
    assert not kernel.identical_units
    bias = parameter(facts_of(model, (X, X[:, :1])), "hidden/bias")
    assert (bias.kind, bias.fan_in, bias.initializer) == ("bias", None, "zeros")


IMAGES = RNG.normal(size=(6, 8, 8, 3)).astype(np.float32)
SERIES = RNG.normal(size=(6, 5, 4)).astype(np.float32)
FANS = [
    ("conv/kernel", Conv2D(7, 3, name="conv"), IMAGES, (27, 63)),
    ("conv/kernel", Conv2DTranspose(7, 3, name="conv"), IMAGES, (27, 63)),
    ("conv/kernel", DepthwiseConv2D(3, depth_multiplier=2, name="conv"), IMAGES, (9, 18)),
    ("query/kernel", MultiHeadAttention(2, 3, name="look"), SERIES, (4, 6)),
    ("attention_output/kernel", MultiHeadAttention(2, 3, name="look"), SERIES, (6, 4)),
    ("lstm_cell/recurrent_kernel", LSTM(3, name="lstm"), SERIES, (3, 12)),
]


@pytest.mark.parametrize("name, one, x, fans", FANS, ids=lambda v: getattr(v, "name", ""))
def test_fans_are_those_of_the_layer(
    name: str, one: Layer, x: Array, fans: tuple[int, int]
) -> None:
    inputs = Input(x.shape[1:])
    seen = one(inputs, inputs) if isinstance(one, MultiHeadAttention) else one(inputs)
    model = compiled(Model(inputs, Dense(1)(Flatten()(seen))))
    found = next(
        one
        for one in facts_of(model, (x, np.zeros(len(x)))).parameters
        if one.name.endswith(name.rpartition("/")[2])
        and (one.name == name or name.split("/")[0] in ("lstm_cell",))
    )
    assert (found.fan_in, found.fan_out) == fans


KINDS = [
    (Embedding(5, 3, name="one"), "one/embeddings", "embedding"),
    (BatchNormalization(name="one"), "one/gamma", "gain"),
    (LayerNormalization(name="one"), "one/beta", "shift"),
    (Dense(3, name="one"), "one/bias", "bias"),
    (Dense(3, name="one"), "one/kernel", "kernel"),
]


@pytest.mark.parametrize("one, name, kind", KINDS, ids=lambda v: str(v))
def test_a_weight_is_of_a_kind(one: Layer, name: str, kind: str) -> None:
    x = np.ones((4, 5), np.int32) if isinstance(one, Embedding) else X[:4]
    facts = of([one, Flatten(), Dense(1)], x)
    assert parameter(facts, name).kind == kind


def test_statistics_are_no_parameters() -> None:
    facts = of([Input((4,)), BatchNormalization(name="norm"), Dense(1)], X)
    assert [one.name for one in facts.parameters if one.layer == "norm"] == [
        "norm/gamma",
        "norm/beta",
    ]


@pytest.mark.parametrize(
    "initializer, is_alike, is_constant",
    [("zeros", True, True), ("ones", True, True), ("glorot_uniform", False, False)],
)
def test_units_that_begin_equal(initializer: str, is_alike: bool, is_constant: bool) -> None:
    facts = of([Input((4,)), Dense(5, kernel_initializer=initializer, name="one"), Dense(1)], X)
    kernel = parameter(facts, "one/kernel")
    assert (kernel.identical_units, kernel.constant) == (is_alike, is_constant)


def test_equal_rows_are_not_equal_units() -> None:
    model = compiled(network())
    kernel = np.tile(np.arange(8.0), (4, 1))
    model.set_weights([kernel, *model.get_weights()[1:]])
    assert not parameter(facts_of(model, (X, X[:, :1])), "hidden/kernel").identical_units
    model.set_weights([np.tile(np.arange(4.0)[:, None], 8), *model.get_weights()[1:]])
    assert parameter(facts_of(model, (X, X[:, :1])), "hidden/kernel").identical_units


def test_a_single_unit_is_not_alike() -> None:
    facts = of([Input((4,)), Dense(1, kernel_initializer="zeros", name="one")], X)
    assert not parameter(facts, "one/kernel").identical_units


def test_nested_and_shared_layers_have_paths() -> None:
    inner = Sequential([Input((4,)), Dense(4, name="dense"), ReLU(name="relu")], name="block")
    inputs = Input((4,))
    facts = facts_of(
        compiled(Model(inputs, Dense(1, name="out")(inner(inner(inputs))))), (X, X[:, 0])
    )
    assert [one.name for one in facts.layers] == [
        "block/dense",
        "block/relu",
        "block/dense (2)",
        "block/relu (2)",
        "out",
    ]
    assert [one.layer for one in facts.parameters] == ["block/dense"] * 2 + ["out"] * 2


# ---- what the loss reaches


def stopped(x: Tensor) -> Tensor:
    return ops.stop_gradient(x)


def test_weights_behind_a_stopped_gradient_are_not_reached() -> None:
    facts = of([Input((4,)), Dense(3, name="cut"), Lambda(stopped), Dense(1, name="last")], X)
    assert {one.layer: one.reached for one in facts.parameters} == {"cut": False, "last": True}


def test_frozen_weights_are_reached_and_may_not_learn() -> None:
    model = network()
    model.get_layer("hidden").trainable = False
    facts = facts_of(compiled(model), (X, X[:, :1]))
    kernel = parameter(facts, "hidden/kernel")
    assert (kernel.trainable, kernel.reached) == (False, True)
    assert not layer(facts, "hidden").trainable


def test_an_output_without_a_loss_is_somebody_elses_business() -> None:
    inputs = Input((4,))
    hidden = Dense(4, name="hidden")(inputs)
    model = Model(inputs, [Dense(1, name="a")(hidden), Dense(1, name="b")(Dense(2)(hidden))])
    facts = facts_of(compiled(model, {"a": "mse"}), (X, {"a": X[:, 0]}))
    assert all(one.reached for one in facts.parameters)
    assert [one.loss for one in facts.every_output] == ["mean_squared_error", None]


class Averaged(Layer):
    """A weight that follows the inputs by an update of its own."""

    def build(self, input_shape: Any) -> None:
        self.mean = self.add_weight((input_shape[-1],), "zeros", name="mean")

    def call(self, inputs: Tensor) -> Tensor:
        self.mean.assign(self.mean * 0.9 + ops.mean(inputs, axis=0) * 0.1)
        return inputs


def test_a_weight_with_an_update_of_its_own_learns_by_that() -> None:
    assert all(one.reached for one in of([Input((4,)), Averaged(), Dense(1)], X).parameters)


class OwnStep(Model):
    def train_step(self, data: Any) -> Any:
        x, y = data
        return {"loss": self.compute_loss(x, y, self(x))}


class OwnLoss(Model):
    def compute_loss(self, *arguments: Any, **more: Any) -> Any:
        return ops.mean(self.predicted(arguments[2]))

    def predicted(self, y_pred: Tensor) -> Tensor:
        return y_pred * y_pred


@pytest.mark.parametrize("kind", [OwnStep, OwnLoss])
def test_steps_and_losses_of_ones_own_say_nothing(kind: type[Model]) -> None:
    inputs = Input((4,))
    facts = facts_of(compiled(kind(inputs, Dense(1, activation="softmax")(inputs))), (X, X[:, 0]))
    assert (facts.loss, facts.trivial_loss, facts.data.target_kind) == (None, None, None)
    assert all(one.reached for one in facts.parameters)


def test_without_compile_only_the_network_is_known() -> None:
    facts = facts_of(network(), (X, X[:, :1]))
    assert (facts.optimizer, facts.loss, facts.learning_rate) == (None, None, None)
    assert len(facts.layers) == 2


# ---- what enters


PIXELS = (RNG.random((50, 6, 6)) * 255).astype(np.uint8)
RAW = PIXELS.astype(np.float64)
FRONTS: list[tuple[str, list[Any], float]] = [
    ("raw", [Flatten()], float(np.sqrt((RAW**2).mean()))),
    ("rescaled", [Rescaling(1 / 255), Flatten()], float(np.sqrt((RAW**2).mean())) / 255),
    ("batch norm", [Flatten(), BatchNormalization()], 1.0),
    (
        "standardised",
        [Normalization(axis=None, mean=RAW.mean(), variance=RAW.var()), Flatten()],
        1.0,
    ),
]


@pytest.mark.parametrize("name, front, rms", FRONTS, ids=[row[0] for row in FRONTS])
def test_inputs_count_as_they_enter_the_first_layer_with_weights(
    name: str, front: list[Layer], rms: float
) -> None:
    facts = of([Input((6, 6)), *front, Dense(3, activation="relu"), Dense(1)], PIXELS)
    assert facts.data.input_kind == "real"
    assert facts.data.input_rms == pytest.approx(rms, rel=2e-3)


def test_a_frozen_network_is_entered_behind_its_statistics() -> None:
    scaling = Normalization(axis=None)
    scaling.adapt(RAW)
    model = Sequential([Input((6, 6)), scaling, Flatten(), BatchNormalization(), Dense(3)])
    model.trainable = False
    inputs = Input((6, 6))
    whole = compiled(Model(inputs, Dense(1)(model(inputs))))
    assert facts_of(whole, (PIXELS, np.zeros(50))).data.input_rms == pytest.approx(1.0, abs=0.01)


def test_channels_are_the_features_of_images() -> None:
    x = RNG.normal(size=(40, 5, 5, 2)).astype(np.float32) * np.float32([1, 300])
    facts = of([Input((5, 5, 2)), Conv2D(2, 3), Flatten(), Dense(1)], x)
    assert facts.data.feature_deviations == pytest.approx((1, 300), rel=0.1)


def test_indices_have_no_scale() -> None:
    x = RNG.integers(0, 900, (20, 5))
    facts = of([Embedding(900, 3), GlobalAveragePooling1D(), Dense(1)], x)
    assert (facts.data.input_kind, facts.data.input_rms) == ("indices", None)


def test_numbers_beside_indices_have_one() -> None:
    words, numbers = Input((5,), dtype="int32"), Input((2,))
    seen = GlobalAveragePooling1D()(Embedding(9, 3)(words))
    x = [RNG.integers(0, 9, (20, 5)), np.full((20, 2), 7.0)]
    for together in (concatenate([seen, numbers]), Dense(3)(seen) + Dense(3)(numbers)):
        data = facts_of(
            compiled(Model([words, numbers], Dense(1)(together))), (x, np.zeros(20))
        ).data
        assert (data.input_kind, data.input_rms) == ("real", pytest.approx(7.0))


def test_rare_values_do_not_make_a_scale() -> None:
    x = RNG.normal(size=(1000, 3))
    x[:, 1] = 0
    x[5, 1] = 1e-3  # one pixel at the border, once
    x[:, 2] = np.where(RNG.random(1000) < 0.1, 1.0, 0.0)  # a rare word
    scales = scales_of([x])
    assert scales is not None
    assert scales.deviations == pytest.approx((1.0, 1.0), abs=0.1)


def test_constant_inputs_have_no_deviation() -> None:
    scales = scales_of([np.ones((10, 2))])
    assert scales is not None
    assert scales.deviations is None
    assert scales_of([]) is None
    assert scales_of([np.array([[np.nan]])]) is None


# ---- targets


TARGETS = [
    ("yes or no", np.array([0, 1, 1, 0]), "binary"),
    ("yes or no of floats", np.array([[0.0], [1.0]]), "binary"),
    ("several questions", np.array([[0, 1, 1], [0, 0, 0]]), "binary"),
    ("vectors", np.eye(3)[[0, 1, 2, 1]], "one_hot"),
    ("numbers", np.array([0.5, 3.0]), "real"),
    ("classes", LABELS, "classes"),
    ("classes from 1", LABELS + 1.0, "classes"),
    ("counts with gaps", np.array([0, 1, 2, 7] * 20), "real"),
    ("ages", np.arange(20, 80), "real"),
    ("images", RNG.integers(0, 3, (20, 4, 4)), "real"),
]


@pytest.mark.parametrize("name, y, kind", TARGETS, ids=[row[0] for row in TARGETS])
def test_targets_are_of_a_kind(name: str, y: Array, kind: str) -> None:
    found = targets_like(y)
    assert found is not None
    assert found.kind == kind
    assert found.range == (y.min(), y.max())


def test_classes_that_never_come_count_zero() -> None:
    found = targets_like(np.array([0, 2, 2]), labels_of=4)
    assert found is not None
    assert found.class_counts == (1, 0, 2, 0)


def test_all_targets_count_and_not_a_sample_of_them() -> None:
    x, y = np.zeros((9000, 80), np.float32), np.zeros(9000, np.int32)
    y[4501] = 1
    facts = facts_of(compiled(network(2, "softmax", 80), "sparse_categorical_crossentropy"), (x, y))
    assert facts.data.class_counts == (8999, 1)


def test_ignored_labels_do_not_count() -> None:
    y = np.where(np.arange(200) % 4 == 3, -1, np.arange(200) % 4)
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    facts = facts_of(compiled(network(3, "softmax"), loss), (X, y))
    assert facts.data.class_counts == (50, 50, 50)
    assert facts.trivial_loss == pytest.approx(np.log(3))


def clustered(names: Array) -> tuple[Array, Array]:
    centres = np.random.default_rng(7).normal(size=(8, 6)) * 3
    x = centres[names] + np.random.default_rng(8).normal(size=(len(names), 6))
    return x, names


def test_names_have_no_order_and_grades_have_one() -> None:
    names = np.arange(400) % 8
    of_names, of_grades = ordering(*clustered(names)), ordering(names[:, None] / 2.0, names)
    assert of_names is not None
    assert of_grades is not None
    assert abs(of_names) < 0.35 < 0.9 < of_grades


@pytest.mark.parametrize(
    "x, y",
    [
        pytest.param(X[:, :1], X[:, 0] > 0, id="two classes"),
        pytest.param(X, LABELS, id="three classes of noise"),
        pytest.param(X, np.arange(200) % 8, id="noise"),
        pytest.param(np.ones((200, 2)), np.arange(200) % 8, id="constant inputs"),
    ],
)
def test_an_order_that_cannot_be_told(x: Array, y: Array) -> None:
    assert ordering(x, y) is None


# ---- outputs


ENDS: list[tuple[str, Callable[[Any], Any], str]] = [
    ("in the layer", lambda x: Dense(2, activation="softmax")(x), "softmax"),
    (
        "a layer of its own",
        lambda x: glassgrad.layers.Activation("sigmoid")(Dense(2)(x)),
        "sigmoid",
    ),
    ("a function", lambda x: ops.tanh(Dense(2)(x)), "tanh"),
    ("none", lambda x: Dense(2)(x), "linear"),
    ("none, and reshaped", lambda x: glassgrad.layers.Reshape((2,))(Dense(2)(x)), "linear"),
    ("scaled afterwards", lambda x: Rescaling(255.0)(Dense(2, activation="tanh")(x)), "other"),
    ("a sum", lambda x: Add()([Dense(2)(x), Dense(2)(x)]), "other"),
    ("recurrent", lambda x: LSTM(2)(glassgrad.layers.Reshape((2, 2))(x)), "other"),
]


@pytest.mark.parametrize("name, end, activation", ENDS, ids=[row[0] for row in ENDS])
def test_the_last_activation(name: str, end: Callable[[Any], Any], activation: str) -> None:
    inputs = Input((4,))
    facts = facts_of(compiled(Model(inputs, end(inputs))), (X, X[:, :2]))
    assert facts.output_activation == activation
    assert facts.output_shape == (2,)


def test_several_outputs_are_known_one_by_one() -> None:
    inputs = Input((4,))
    heads = [Dense(3, "softmax", name="kind")(inputs), Dense(1, name="size")(inputs)]
    model = Model(inputs, heads)
    model.compile(
        "sgd",
        ["sparse_categorical_crossentropy", "mse"],
        loss_weights=[1.0, 0.5],
        executor="reference",
    )
    facts = facts_of(model, (X, [LABELS, X[:, 0]]))
    assert facts.loss is None
    assert [(one.layer, one.loss, one.output_activation) for one in facts.every_output] == [
        ("kind", "sparse_categorical_crossentropy", "softmax"),
        ("size", "mean_squared_error", "linear"),
    ]
    assert [one.data.target_kind for one in facts.every_output] == ["classes", "real"]
    shares = np.bincount(LABELS) / 200
    whole = -(shares * np.log(shares)).sum() + 0.5 * np.var(X[:, 0], dtype=np.float64)
    assert facts.trivial_loss == pytest.approx(whole, rel=1e-5)


def test_a_single_output_stands_for_itself_where_none_are_listed() -> None:
    only = Facts("m", (), (), of([Dense(1)], X).data, loss="huber", output_shape=(3,)).every_output
    assert [(one.loss, one.output_shape) for one in only] == [("huber", (3,))]


def test_out_of_reach_is_a_part_of_the_variance() -> None:
    y = np.array([-1.0, 1.0] * 100)
    relu = facts_of(compiled(network(1, "relu")), (X, y)).every_output[0]
    assert relu.out_of_reach == pytest.approx(0.5)
    assert facts_of(compiled(network(1, "tanh")), (X, y)).every_output[0].out_of_reach == 0
    assert facts_of(compiled(network(1)), (X, y * 1e6)).every_output[0].out_of_reach == 0


def test_a_loss_that_refuses_says_why() -> None:
    facts = facts_of(compiled(network(3, "softmax")), (X, LABELS))
    assert "one shape" in str(facts.every_output[0].refusal)
    assert (facts.trivial_loss, facts.loss) == (None, "mean_squared_error")
    assert all(one.reached for one in facts.parameters)


# ---- the loss of who has learnt nothing

Y = np.exp(RNG.normal(size=41))

#: Losses with their formula for targets and one constant.
FORMULAS: list[tuple[losses.Loss, Callable[[Array, float], Array]]] = [
    (losses.MeanSquaredError(), lambda y, c: (y - c) ** 2),
    (losses.MeanAbsoluteError(), lambda y, c: abs(y - c)),
    (losses.MeanSquaredLogarithmicError(), lambda y, c: (np.log1p(y) - np.log1p(c)) ** 2),
    (losses.MeanAbsolutePercentageError(), lambda y, c: 100 * abs(y - c) / y),
    (
        losses.Huber(delta=0.5),
        lambda y, c: np.where(abs(y - c) < 0.5, (y - c) ** 2 / 2, abs(y - c) / 2 - 0.125),
    ),
    (losses.LogCosh(), lambda y, c: np.log(np.cosh(y - c))),
    (losses.Poisson(), lambda y, c: c - y * np.log(c)),
]


@pytest.mark.parametrize("loss, formula", FORMULAS, ids=[row[0].name for row in FORMULAS])
def test_the_trivial_loss_of_numbers_is_the_least_over_constants(
    loss: losses.Loss, formula: Callable[[Array, float], Array]
) -> None:
    least = min(formula(Y, c).mean() for c in np.linspace(Y.min(), Y.max(), 4001))
    assert facts_of(compiled(network(), loss), (X[:41], Y)).trivial_loss == pytest.approx(
        least, rel=1e-4
    )


def entropy(*shares: float) -> float:
    return -sum(share * np.log(share) for share in shares if share)


BITS = (np.arange(200) % 4 == 0).astype(int)
ENTROPIES: list[tuple[str, Model, Any, Array, float]] = [
    (
        "labels",
        network(3, "softmax"),
        "sparse_categorical_crossentropy",
        np.array([0, 0, 1, 2] * 50),
        entropy(0.5, 0.25, 0.25),
    ),
    (
        "logits",
        network(2),
        losses.SparseCategoricalCrossentropy(from_logits=True),
        BITS,
        entropy(0.75, 0.25),
    ),
    (
        "vectors, smoothed",
        network(2, "softmax"),
        losses.CategoricalCrossentropy(label_smoothing=0.2),
        np.eye(2)[BITS],
        entropy(0.7, 0.3),
    ),
    ("yes or no", network(1, "sigmoid"), "binary_crossentropy", BITS, entropy(0.75, 0.25)),
    (
        "questions",
        network(2, "sigmoid"),
        "binary_crossentropy",
        np.stack([BITS, np.ones(200, int)], axis=1),
        entropy(0.75, 0.25) / 2,
    ),
    ("by its shapes", network(1, "sigmoid"), "crossentropy", BITS, entropy(0.75, 0.25)),
]


@pytest.mark.parametrize(
    "name, model, loss, y, value", ENTROPIES, ids=[row[0] for row in ENTROPIES]
)
def test_the_trivial_loss_of_classes_is_an_entropy(
    name: str, model: Model, loss: Any, y: Array, value: float
) -> None:
    assert facts_of(compiled(model, loss), (X, y)).trivial_loss == pytest.approx(value, rel=1e-6)


def test_weights_of_examples_change_the_trivial_loss() -> None:
    weights = np.where(BITS, 3.0, 1.0)  # both classes weigh 150
    data = (X, BITS, weights)
    found = facts_of(compiled(network(1, "sigmoid"), "binary_crossentropy"), data).trivial_loss
    assert found == pytest.approx(np.log(2) * 1.5)


def own_loss(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


@pytest.mark.parametrize(
    "loss", [own_loss, "cosine_similarity", losses.MeanSquaredError(reduction="sum")]
)
def test_where_a_trivial_loss_makes_no_sense_there_is_none(loss: Any) -> None:
    facts = facts_of(compiled(network(2), loss), (X, X[:, :2]))
    assert facts.trivial_loss is None
    assert (facts.loss is None) == (loss is own_loss)


def test_penalties_at_the_start_are_told() -> None:
    model = compiled(Sequential([Input((4,)), Dense(1, kernel_regularizer="l2")]))
    kernel = model.get_weights()[0]
    assert facts_of(model, (X, X[:, 0])).penalty == pytest.approx(0.01 * (kernel**2).sum())
    assert facts_of(compiled(network()), (X, X[:, 0])).penalty == 0


# ---- steps


class OneByOne(LearningRateSchedule):
    """A schedule that does not take several steps at once."""

    def rate(self, step: Tensor) -> Tensor:
        return ops.where(ops.reshape(step, ()) < 3, 0.1, 0.01)


STEPS = [
    (Adam(0.002, global_clipnorm=2.0), ("adam", 0.002, False, 2.0)),
    (SGD(0.1, momentum=0.9, clipvalue=0.5), ("sgd", 0.1, False, 0.5)),
    (SGD(CosineDecay(0.3, 100)), ("sgd", 0.3, True, None)),
    (SGD(LinearWarmup(0.2, warmup_steps=50)), ("sgd", 0.2, True, None)),
    (SGD(OneByOne()), ("sgd", None, True, None)),
]


@pytest.mark.parametrize("optimizer, expected", STEPS, ids=range(5))
def test_an_optimizer_is_known(optimizer: Any, expected: tuple[Any, ...]) -> None:
    found = steps_of(optimizer, 100)
    rate = found.learning_rate
    got = (found.optimizer, rate if rate is None else round(rate, 6), found.has_schedule)
    assert (*got, found.clipping) == expected


def test_momentum_is_known() -> None:
    assert steps_of(SGD(0.1, momentum=0.9)).momentum == 0.9
    assert steps_of(Adam()).momentum == 0


# ---- nothing changes, and nothing is taken


def test_looking_changes_nothing() -> None:
    glassgrad.set_random_seed(3)
    model = compiled(
        Sequential([Input((4,)), Dense(8), BatchNormalization(), Dropout(0.5), Dense(1)])
    )
    before, random = model.get_weights(), model.random.step.numpy()
    facts_of(model, (X, X[:, 0]), batch_size=10)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    assert model.random.step.numpy() == random
    history = model.fit(X, X[:, 0], batch_size=50, verbose=0).history
    glassgrad.set_random_seed(3)
    twin = compiled(
        Sequential([Input((4,)), Dense(8), BatchNormalization(), Dropout(0.5), Dense(1)])
    )
    assert twin.fit(X, X[:, 0], batch_size=50, verbose=0).history == history


def test_a_model_that_is_not_built_gets_the_weights_of_its_seed() -> None:
    glassgrad.set_random_seed(3)
    model = compiled(Sequential([Dense(8), Dense(1)]))
    facts_of(model, (X, X[:, 0]))
    glassgrad.set_random_seed(3)
    twin = compiled(Sequential([Dense(8), Dense(1)]))
    twin.build((None, 4))
    assert all((a == b).all() for a, b in zip(model.get_weights(), twin.get_weights(), strict=True))


def test_a_batch_of_a_stream_is_looked_at_and_not_used_up() -> None:
    batches = iter([(X[:20], X[:20, 0]), (X[20:40], X[20:40, 0])])
    data = data_from(batches)
    facts = facts_of(compiled(network()), data)
    assert facts.data.examples == 20
    assert len(list(data.batches(20))) == 2


def test_models_that_take_one_size_of_batches_are_looked_at_with_that() -> None:
    model = Sequential([Input(batch_shape=(10, 5, 4)), LSTM(3, stateful=True), Dense(1)])
    facts = facts_of(compiled(model), (np.ones((60, 5, 4)), np.zeros(60)), batch_size=10)
    assert (facts.data.examples, len(facts.layers)) == (60, 2)


def test_bad_numbers_are_counted() -> None:
    x, y = X.copy(), X[:, 0].copy()
    x[3, 1], y[5] = np.nan, np.inf
    data = facts_of(compiled(network()), (x, y)).data
    assert (data.finite, data.bad_numbers) == (False, 2)


def test_data_that_do_not_fit_the_model_are_refused() -> None:
    with pytest.raises(ShapeError, match="examples of shape"):
        facts_of(compiled(network()), (X[:, :3], X[:, 0]))
    with pytest.raises(DataError, match="equal lengths"):
        facts_of(compiled(network()), (X, X[:10, 0]))


class StepsAlone(Model):
    """A model without a way from inputs to outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = Dense(2, name="one"), Dense(2, name="other")
        self.one.build((None, 4))

    def train_step(self, data: Any) -> Any:
        x, _ = data
        return {"loss": ops.mean(self.one(x))}


def test_of_a_model_that_writes_its_steps_alone_the_weights_are_known() -> None:
    facts = facts_of(compiled(StepsAlone()), (X, X[:, 0]))
    assert (facts.layers, facts.outputs, facts.output_shape) == ((), (), ())
    assert [(one.name, one.layer) for one in facts.parameters] == [
        ("one/kernel", "one"),
        ("one/bias", "one"),
    ]
