"""Every remedy of repair: what it changes, what it leaves, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from glassgrad import losses, ops, optimizers
from glassgrad.initializers import RandomNormal
from glassgrad.layers import (
    GRU,
    LSTM,
    Activation,
    BatchNormalization,
    Bidirectional,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Lambda,
    Layer,
    Normalization,
    Rescaling,
    SimpleRNN,
    Softmax,
)
from glassgrad.lens.doctor.finding import ACTIONS, Remedy
from glassgrad.lens.doctor.repair.changes import changes_between
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.surgery import places_of
from glassgrad.lens.doctor.repair.treatment import TREATMENTS, treated
from glassgrad.lens.doctor.repair.ward import Refused, Ward, ward_for
from glassgrad.models import Model, Sequential
from glassgrad.models.cloning import layers_within
from glassgrad.optimizers import schedules
from glassgrad.optimizers.schedules import CosineDecay, LinearWarmup
from glassgrad.random_seed import seeded

RNG = np.random.default_rng(5)
X = (RNG.normal(size=(64, 6)) * [1, 1, 1, 1, 1, 500] + 3).astype("float32")
LABELS = np.arange(64) % 3
TABLE = {
    "classes": (X, LABELS),
    "one_hot": (X, np.eye(3, dtype="float32")[LABELS]),
    "binary": (X, (LABELS > 1).astype("float32")),
    "real": (X, (X[:, :1] * 100 + 1000)),
    "pictures": (RNG.integers(0, 256, (64, 5, 5, 1)).astype("uint8"), LABELS),
    "sequences": (RNG.normal(size=(64, 4, 2)).astype("float32"), LABELS),
    "tokens": (RNG.integers(0, 9, (64, 4)), LABELS),
}


class Own(Model):
    """Writes call itself."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name)
        self.hidden, self.end = Dense(4, "relu"), Dense(3, "softmax")

    def call(self, inputs: Any) -> Any:
        return self.end(self.hidden(inputs))


class Cut(Layer):
    """Lets nothing through on the way back."""

    def call(self, inputs: Any) -> Any:
        return ops.stop_gradient(inputs) * 1.0


def mlp(
    *layers: Layer, last: str | None = "softmax", units: int = 3, own_end: bool = False
) -> Sequential:
    hidden = layers or (Dense(5, "relu", name="a"), Dense(5, "relu", name="b"))
    if own_end:
        return Sequential([Input((6,)), *hidden])
    return Sequential([Input((6,)), *hidden, Dense(units, last, name="end")], name="net")


def symbolic() -> Model:
    x = Input((6,), name="x")
    hidden = Activation("sigmoid", name="s")(Dense(4, name="a")(x))
    return Model(x, Softmax(name="soft")(Dense(3, name="end")(hidden)), name="net")


def recurrent(layer: Layer) -> Sequential:
    return Sequential([Input((4, 2)), layer, Dense(3, "softmax", name="end")])


def cut_off() -> Model:
    x = Input((6,), name="x")
    hidden = Cut(name="cut")(Dense(4, name="a")(x))
    return Model(x, Dense(3, "softmax", name="end")(ops.stop_gradient(hidden)))


def convolutional() -> Sequential:
    layers = [
        Conv2D(2, 3, padding="same", activation="tanh", name="c"),
        Conv2D(2, 3, padding="same", activation="tanh", name="d"),
        Flatten(name="flat"),
        Dense(3, "softmax", name="end"),
    ]
    return Sequential([Input((5, 5, 1)), *layers])


@dataclass(frozen=True)
class Case:
    """A remedy, and what it does to a network.

    Args:
        action: of the remedy.
        make: makes the network.
        holds: whether the network after it is as it should be.
        data: those of the table.
        compiled: other arguments of ``compile``.
        remedy: its layer and value.
        name: of the case, where an action has several.
    """

    action: str
    make: Callable[[], Model]
    holds: Callable[[Regimen, Regimen], bool]
    data: str = "classes"
    compiled: dict[str, Any] = field(default_factory=dict)
    remedy: dict[str, Any] = field(default_factory=dict)
    name: str = ""


def names(regimen: Regimen) -> list[str]:
    return [layer.name for layer in regimen.model.layers if type(layer).__name__ != "InputLayer"]


def layer(regimen: Regimen, name: str) -> Any:
    return next(one for one in layers_within(regimen.model) if one.name == name)


def activations_of(regimen: Regimen) -> list[str]:
    return [place.activation for place in places_of(regimen.model)]


def is_kept(before: Regimen, after: Regimen, *names: str) -> bool:
    """Whether layers begin with the same weights."""
    pairs = [(layer(before, name).weights, layer(after, name).weights) for name in names]
    return all(
        np.array_equal(old.numpy(), new.numpy())
        for olds, news in pairs
        for old, new in zip(olds, news, strict=True)
    )


def rate(regimen: Regimen) -> Any:
    return regimen.optimizer["learning_rate"]


def last_rate(regimen: Regimen) -> float:
    """At the end of a run of 40 steps."""
    config = regimen.compiled(40).optimizer.get_config()["learning_rate"]
    return config if isinstance(config, float) else float(schedules.deserialize(config)(39).numpy())


WIDE = RandomNormal(stddev=9.0, seed=1)
CASES = (
    Case(
        "initializer",
        lambda: mlp(Dense(5, "relu", kernel_initializer=WIDE, name="a"), Dense(5, "tanh")),
        lambda b, a: (
            type(layer(a, "a").kernel_initializer).__name__ == "HeNormal"
            and abs(layer(a, "a").kernel.numpy()).max() < 3
        ),
    ),
    Case(
        "initializer",
        lambda: mlp(Dense(5, "relu", name="a"), Dense(5, "relu", name="b")),
        lambda b, a: is_kept(b, a, "b", "end") and not is_kept(b, a, "a"),
        remedy={"layer": "a"},
        name="of one layer",
    ),
    Case(
        "initializer",
        lambda: recurrent(LSTM(3, unit_forget_bias=False, recurrent_initializer="zeros", name="r")),
        lambda b, a: (
            layer(a, "r").unit_forget_bias and bool(layer(a, "r").weights[1].numpy().any())
        ),
        data="sequences",
        name="of gates",
    ),
    Case(
        "unit_variance",
        lambda: mlp(Dense(5, "relu", kernel_initializer=WIDE, name="a")),
        lambda b, a: abs((X[:50] @ layer(a, "a").kernel.numpy()).var() - 1) < 0.5,
    ),
    Case(
        "learning_rate",
        mlp,
        lambda b, a: rate(a) == pytest.approx(3e-4) and is_kept(b, a, "a", "b", "end"),
        compiled={"optimizer": optimizers.Adam(3e-3)},
        remedy={"value": 0.1},
    ),
    Case(
        "learning_rate",
        mlp,
        lambda b, a: rate(a)["config"]["initial_learning_rate"] == pytest.approx(0.02),
        compiled={"optimizer": optimizers.SGD(CosineDecay(0.2, 100))},
        remedy={"value": 0.1},
        name="of a schedule",
    ),
    Case(
        "warm_up",
        mlp,
        lambda b, a: isinstance(a.compiled(40).optimizer.get_config()["learning_rate"], dict),
        compiled={"optimizer": optimizers.SGD(0.5)},
    ),
    Case("decay", mlp, lambda b, a: last_rate(a) < last_rate(b) / 50),
    Case(
        "clip",
        mlp,
        lambda b, a: (a.optimizer["global_clipnorm"], a.optimizer["clipvalue"]) == (1.0, None),
        compiled={"optimizer": optimizers.SGD(0.5, clipvalue=3.0)},
    ),
    Case(
        "optimizer",
        mlp,
        lambda b, a: a.optimizer_name == "Adam" and rate(a) == pytest.approx(1e-3),
        compiled={"optimizer": optimizers.SGD(7.0, momentum=0.5)},
    ),
    Case(
        "activation",
        lambda: mlp(Dense(4, "sigmoid", name="a"), Dense(4, "tanh", name="b")),
        lambda b, a: activations_of(a) == ["relu", "relu", "softmax"] and is_kept(b, a, "end"),
    ),
    Case(
        "activation",
        symbolic,
        lambda b, a: activations_of(a) == ["relu", "softmax"],
        name="of a layer of its own",
    ),
    Case(
        "activation",
        mlp,
        lambda b, a: activations_of(a) == ["leaky_relu", "leaky_relu", "softmax"],
        remedy={"value": "leaky_relu"},
        name="for dead units",
    ),
    Case(
        "normalization",
        mlp,
        lambda b, a: (
            names(a) == ["a", "a_normalization", "a_relu", "b", "b_normalization", "b_relu", "end"]
        ),
    ),
    Case(
        "normalization",
        symbolic,
        lambda b, a: names(a) == ["a", "a_normalization", "s", "end", "soft"],
        name="before a layer of its own",
    ),
    Case(
        "normalization",
        convolutional,
        lambda b, a: type(layer(a, "c_normalization")) is BatchNormalization,
        data="pictures",
        name="of convolutions",
    ),
    Case(
        "residual",
        lambda: mlp(*(Dense(6, "tanh", name=name) for name in "abc")),
        lambda b, a: names(a) == ["a_residual", "b_residual", "c_residual", "end"],
    ),
    Case(
        "loss_and_output",
        lambda: mlp(last="sigmoid", units=1),
        lambda b, a: (
            (activations_of(a)[-1], layer(a, "end").units) == ("softmax", 3)
            and isinstance(a.loss, losses.SparseCategoricalCrossentropy)
        ),
        compiled={"loss": "mse"},
        name="classes",
    ),
    Case(
        "loss_and_output",
        lambda: mlp(last=None),
        lambda b, a: (
            activations_of(a)[-1] == "softmax"
            and isinstance(a.loss, losses.CategoricalCrossentropy)
        ),
        data="one_hot",
        compiled={"loss": "mse"},
        name="one-hot",
    ),
    Case(
        "loss_and_output",
        lambda: mlp(last="softmax", units=1),
        lambda b, a: activations_of(a)[-1] == "sigmoid" and is_kept(b, a, "a", "b"),
        data="binary",
        compiled={"loss": "binary_crossentropy"},
        name="yes or no",
    ),
    Case(
        "loss_and_output",
        lambda: mlp(last="sigmoid", units=1),
        lambda b, a: activations_of(a)[-1] == "linear" and a.loss is b.loss,
        data="real",
        compiled={"loss": "mse"},
        name="numbers",
    ),
    Case(
        "loss_and_output",
        lambda: mlp(Dense(4), Lambda(lambda x: ops.softmax(x[:, :3])), last=None, own_end=True),
        lambda b, a: (
            names(a) == names(b) and isinstance(a.loss, losses.SparseCategoricalCrossentropy)
        ),
        compiled={"loss": lambda y, p: -ops.log(p).sum(axis=-1)},
        name="behind a layer of one's own",
    ),
    Case(
        "scale_targets",
        lambda: mlp(last=None, units=1),
        lambda b, a: type(a.model.layers[-1]) is Rescaling and 0 < a.loss_weights < 1,
        data="real",
        compiled={"loss": "mse"},
    ),
    Case(
        "standardize",
        mlp,
        lambda b, a: (
            names(a)[0] == "standardization"
            and is_kept(b, a, "a", "b", "end")
            and abs(layer(a, "standardization")(X).numpy().std(0) - 1).max() < 0.3
        ),
    ),
    Case(
        "standardize",
        convolutional,
        lambda b, a: type(a.model.layers[0]) is Normalization,
        data="pictures",
        name="of pictures",
    ),
    Case(
        "standardize",
        lambda: Own("own"),
        lambda b, a: [type(one).__name__ for one in a.model.layers] == ["Normalization", "Own"],
        name="around a model of one's own",
    ),
    Case("early_stopping", mlp, lambda b, a: a.patience == 5),
    Case("longer_training", mlp, lambda b, a: a.epochs == 12),
    Case("larger_batch", mlp, lambda b, a: a.batch_size == 12, remedy={"value": 4}),
    Case(
        "regularization",
        mlp,
        lambda b, a: (
            names(a) == ["a", "a_dropout", "b", "b_dropout", "end"]
            and layer(a, "a").kernel_regularizer is not None
        ),
    ),
    Case(
        "recurrent_layer",
        lambda: recurrent(SimpleRNN(3, go_backwards=True, name="r")),
        lambda b, a: type(layer(a, "r")) is LSTM and layer(a, "r").go_backwards,
        data="sequences",
    ),
    Case(
        "recurrent_layer",
        lambda: recurrent(Bidirectional(SimpleRNN(3), name="r")),
        lambda b, a: type(layer(a, "r").layer) is GRU,
        data="sequences",
        remedy={"value": "GRU"},
        name="in both directions",
    ),
    Case(
        "more_units",
        lambda: mlp(Dense(2, "relu", name="a"), Dense(40, "relu", name="b")),
        lambda b, a: [place.units for place in places_of(a.model)] == [16, 160, 3],
    ),
    Case(
        "thaw",
        lambda: mlp(Dense(4, trainable=False, name="a")),
        lambda b, a: layer(a, "a").trainable and is_kept(b, a, "a", "end"),
    ),
    Case(
        "connect",
        cut_off,
        lambda b, a: (
            "cut" not in names(a) and len(a.model.recipe.calls) == 2 and is_kept(b, a, "a", "end")
        ),
    ),
)


def begun(case: Case) -> tuple[Regimen, Ward]:
    with seeded(3):
        model = case.make()
    settings = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", **case.compiled}
    model.compile(**settings, executor="reference")
    data = TABLE[case.data]
    if not model.built:
        model(data[0][:1])
    ward = ward_for(data, None, model.steps.objective.name, 8, 0)
    return Regimen.of(model, 4, 8, seed=1), ward


def title(case: Case) -> str:
    return f"{case.action} {case.name}".strip()


@pytest.mark.parametrize("case", CASES, ids=title)
def test_what_a_remedy_does(case: Case) -> None:
    before, ward = begun(case)
    weights = before.model.get_weights()
    after = treated(before, [Remedy(case.action, "", **case.remedy)], ward)
    assert case.holds(before, after)
    assert changes_between(before, after, ward)
    for old, new in zip(weights, before.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.action not in ("longer_training",)], ids=title
)
def test_what_it_gives_can_be_trained(case: Case) -> None:
    before, ward = begun(case)
    model = treated(before, [Remedy(case.action, "", **case.remedy)], ward).compiled(4)
    few = ward.learning.part(slice(0, 8))
    history = model.fit(few.x, few.y, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_every_action_but_advice_has_a_case() -> None:
    assert set(TREATMENTS) == {case.action for case in CASES}
    assert set(ACTIONS) - set(TREATMENTS) == {"roll_back", "labels", "data", "guard"}


@pytest.mark.parametrize(
    "action, make, why, data",
    [
        ("labels", mlp, "for a person", "classes"),
        ("residual", mlp, "no hidden layers of equal width", "classes"),
        ("residual", Own, r"writes call\(\) itself", "classes"),
        ("activation", mlp, "no hidden layer has an activation", "classes"),
        ("recurrent_layer", mlp, "no such layer", "classes"),
        ("thaw", mlp, "no layer is frozen", "classes"),
        ("connect", mlp, "no layer stops the gradient", "classes"),
        ("scale_targets", mlp, "the targets are classes", "classes"),
        ("loss_and_output", mlp, "already", "classes"),
        ("optimizer", mlp, "Adam at its usual rate is what", "classes"),
        (
            "standardize",
            lambda: Sequential([Input((4,)), Embedding(9, 3), Flatten(), Dense(3, "softmax")]),
            "indices",
            "tokens",
        ),
        (
            "standardize",
            lambda: mlp(Normalization(mean=0.0, variance=1.0, axis=None), Dense(3)),
            "already",
            "classes",
        ),
        ("normalization", lambda: mlp(Dense(4), Dropout(0.5)), "no hidden layer", "classes"),
        ("larger_batch", mlp, "large for", "classes"),
    ],
)
def test_why_a_remedy_does_not_apply(action: str, make: Any, why: str, data: str) -> None:
    before, ward = begun(Case(action, make, lambda b, a: True, data))
    remedy = Remedy(action, "", value=1 if action == "larger_batch" else None)
    with pytest.raises(Refused, match=why):
        treated(before, [remedy], ward)


@pytest.mark.parametrize("action", ["initializer", "clip", "optimizer", "learning_rate", "warm_up"])
def test_models_with_a_call_of_their_own_take_what_leaves_layers(action: str) -> None:
    case = Case(action, Own, lambda b, a: True, compiled={"optimizer": optimizers.SGD(0.3)})
    before, ward = begun(case)
    after = treated(before, [Remedy(action, "")], ward)
    assert type(after.model) is Own
    same = np.array_equal(after.model.get_weights()[0], before.model.get_weights()[0])
    assert same is (action != "initializer")


def test_layers_are_widened_once() -> None:
    before, ward = begun(Case("more_units", mlp, lambda b, a: True))
    wide = treated(before, [Remedy("more_units", "")], ward)
    with pytest.raises(Refused, match="have got more units already"):
        treated(wide, [Remedy("more_units", "")], ward)


def test_a_warm_up_is_not_put_before_another() -> None:
    schedule = LinearWarmup(0.1, 10)
    before, ward = begun(
        Case("", mlp, lambda b, a: True, compiled={"optimizer": optimizers.SGD(schedule)})
    )
    with pytest.raises(Refused, match="begins with a warm-up"):
        treated(before, [Remedy("warm_up", "")], ward)
    found = treated(before, [Remedy("learning_rate", "", value=3.0)], ward)
    assert rate(found)["config"]["schedule"] == pytest.approx(0.3)


class Magnitude(Layer):
    """The logarithm of the first column, which is an amount."""

    def call(self, inputs: Any) -> Any:
        return ops.concatenate([ops.log(inputs[:, :1]), inputs[:, 1:]], axis=1)


def test_inputs_are_standardized_behind_what_wants_them_as_they_are() -> None:
    amounts = np.abs(X) + 0.1
    inputs = Input((6,))
    model = Model(inputs, Dense(3, "softmax")(Dense(4, name="first")(Magnitude()(inputs))))
    model.compile("adam", "sparse_categorical_crossentropy", executor="reference")
    ward = ward_for((amounts, LABELS), None, "sparse_categorical_crossentropy", 16, 0)
    regimen = treated(Regimen.of(model, 1, 16, 0), [Remedy("standardize", "")], ward)
    kinds = [type(layer).__name__ for layer in regimen.model.layers]
    assert kinds.index("Magnitude") < kinds.index("Normalization") < kinds.index("Dense")
    first = Model(regimen.model.inputs, regimen.model.layers[kinds.index("Normalization")].output)
    standardized = first.predict(np.asarray(ward.learning.x), verbose=0)
    np.testing.assert_allclose(standardized.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(standardized.std(0), 1, atol=1e-2)


@pytest.mark.parametrize("activation, name", [("relu", "Identity"), ("tanh", "Orthogonal")])
def test_recurrent_kernels_begin_as_their_activation_wants(activation: str, name: str) -> None:
    memory = SimpleRNN(4, activation, recurrent_initializer="random_normal", name="memory")
    model = Sequential([Input((4, 2)), memory, Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", executor="reference")
    ward = ward_for(TABLE["sequences"], None, "sparse_categorical_crossentropy", 16, 0)
    regimen = treated(Regimen.of(model, 1, 16, 0), [Remedy("initializer", "")], ward)
    assert type(regimen.model.get_layer("memory").recurrent_initializer).__name__ == name
