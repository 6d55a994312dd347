"""Remedies for models whose class calls its layers itself: the loss, and layers in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import losses, ops
from glassgrad.layers import Activation, BatchNormalization, Dense, Input, Lambda
from glassgrad.lens.doctor.finding import Remedy
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.surgery import copy_of
from glassgrad.lens.doctor.repair.treatment import treated
from glassgrad.lens.doctor.repair.ward import Refused, Ward, ward_for
from glassgrad.models import Model, Sequential
from glassgrad.random_seed import seeded

X = np.random.default_rng(2).normal(size=(48, 5)).astype("float32")
LABELS = np.arange(48) % 3
BITS = (LABELS > 1).astype("float32")
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
LOGITS = {"from_logits": True}
SPARSE, CATEGORICAL, BINARY = (
    losses.SparseCategoricalCrossentropy,
    losses.CategoricalCrossentropy,
    losses.BinaryCrossentropy,
)


class Own(Model):
    """Two hidden layers, one with an activation that is a layer, and an end."""

    def __init__(
        self, units: int = 3, last: str | None = "softmax", hidden: str = "sigmoid", **options: Any
    ) -> None:
        super().__init__(**options)
        self.units, self.last, self.hidden = units, last, hidden
        self.first = Dense(4, hidden, name="first")
        self.second, self.bend = Dense(4, name="second"), Activation(hidden, name="bend")
        self.end = Dense(units, last, name="end")

    def call(self, inputs: Any) -> Any:
        return self.end(self.bend(self.second(self.first(inputs))))


class WrittenOut(Own):
    """A softmax that is no operation of its own."""

    def call(self, inputs: Any) -> Any:
        powers = ops.exp(super().call(inputs))
        return powers / powers.sum(axis=-1, keepdims=True)


def begun(model: Model, loss: Any, y: Any = LABELS) -> tuple[Regimen, Ward]:
    model(X[:1])
    model.compile("adam", loss, executor="reference")
    return Regimen.of(model, 2, 8, seed=1), ward_for((X, y), None, model.steps.objective.name, 8, 0)


def after(model: Model, loss: Any, action: str, y: Any = LABELS, **remedy: Any) -> Regimen:
    regimen, ward = begun(model, loss, y)
    return treated(regimen, [Remedy(action, "", **remedy)], ward)


def behind(function: Any) -> Model:
    """A model of symbolic tensors with a function at its end."""
    x = Input((5,))
    return Model(x, function(Dense(3, name="end")(x)))


def wrapped() -> Model:
    inner = Own()
    inner(X[:1])
    return Sequential([Input((5,)), BatchNormalization(), inner])


# ---- the loss


@pytest.mark.parametrize(
    "make, loss, y, kind, from_logits",
    [
        (lambda: Own(last=None), SPARSE(), LABELS, SPARSE, True),
        (lambda: Own(), SPARSE(**LOGITS), LABELS, SPARSE, False),
        (lambda: WrittenOut(last=None), SPARSE(**LOGITS), LABELS, SPARSE, False),
        (lambda: Own(), "mse", LABELS, SPARSE, False),
        (lambda: Own(4, None), "mse", LABELS, SPARSE, True),
        (lambda: Own(last=None), CATEGORICAL(), ONE_HOT, CATEGORICAL, True),
        (lambda: Own(1, None), BINARY(), BITS, BINARY, True),
        (lambda: Own(1, "sigmoid"), BINARY(**LOGITS), BITS, BINARY, False),
        (lambda: Own(2), BINARY(), BITS, SPARSE, False),
        (lambda: Own(1, None), "mae", X[:, :1] * 2, losses.MeanSquaredError, False),
        (lambda: behind(ops.softmax), SPARSE(**LOGITS), LABELS, SPARSE, False),
        (lambda: behind(Lambda(lambda x: x * 2)), SPARSE(), LABELS, SPARSE, True),
        (wrapped, SPARSE(**LOGITS), LABELS, SPARSE, False),
    ],
)
def test_the_loss_becomes_that_of_what_comes_out(
    make: Any, loss: Any, y: Any, kind: type, from_logits: bool
) -> None:
    found = after(make(), loss, "loss_and_output", y)
    assert type(found.loss) is kind
    assert getattr(found.loss, "from_logits", False) is from_logits
    assert np.isfinite(found.compiled(4).fit(X, y, verbose=0).history["loss"]).all()


def test_other_settings_of_a_loss_stay() -> None:
    loss = CATEGORICAL(label_smoothing=0.1)
    found = after(Own(last=None), loss, "loss_and_output", ONE_HOT)
    assert (found.loss.label_smoothing, found.loss.from_logits) == (0.1, True)
    assert loss.from_logits is False


@pytest.mark.parametrize(
    "make, loss, y, why",
    [
        (Own, SPARSE(), LABELS, "already"),
        (lambda: Own(last=None), SPARSE(**LOGITS), LABELS, "already"),
        (lambda: Own(2), SPARSE(), LABELS, "2 numbers come out, and 3 are needed"),
    ],
)
def test_a_loss_is_left_that_cannot_be_better(make: Any, loss: Any, y: Any, why: str) -> None:
    with pytest.raises(Refused, match=why):
        after(make(), loss, "loss_and_output", y)


# ---- layers


def activations_of(model: Any) -> list[str]:
    layers = (model.first, model.second, model.bend, model.end)
    return [layer.activation.__name__ for layer in layers]


def test_hidden_activations_change_in_every_copy() -> None:
    model = Own()
    regimen, ward = begun(model, SPARSE())
    found = treated(regimen, [Remedy("activation", "", value="relu")], ward)
    trained = found.compiled(4)
    for one in (found.model, trained, copy_of(trained, 3)):
        assert activations_of(one) == ["relu", "linear", "relu", "softmax"]
    for one in (model, regimen.model):
        assert activations_of(one) == ["sigmoid", "linear", "sigmoid", "softmax"]
    hidden = np.maximum(X @ trained.first.kernel.numpy(), 0)
    np.testing.assert_allclose(trained.first(X).numpy(), hidden, rtol=1e-5, atol=1e-6)
    trained.fit(X, LABELS, verbose=0)
    assert (trained.first(X).numpy() > 1).any()  # no sigmoid was compiled


def test_weights_are_drawn_for_the_activation_and_others_stay() -> None:
    regimen, ward = begun(Own(), SPARSE())
    found = treated(regimen, [Remedy("activation", "", value="relu")], ward)
    pairs = zip(regimen.model.get_weights(), found.model.get_weights(), strict=True)
    same = [np.array_equal(old, new) for old, new in pairs]
    assert same == [False, True, False, True, True, True]  # biases are 0


@pytest.mark.parametrize(
    "remedy, expected",
    [
        ({"layer": "first", "value": "tanh"}, ["tanh", "linear", "sigmoid", "softmax"]),
        ({"layer": "own/bend", "value": "elu"}, ["sigmoid", "linear", "elu", "softmax"]),
        ({"value": "leaky_relu"}, ["leaky_relu", "linear", "leaky_relu", "softmax"]),
    ],
)
def test_which_layers_change(remedy: dict[str, Any], expected: list[str]) -> None:
    found = after(Own(name="own"), SPARSE(), "activation", **remedy)
    assert activations_of(found.model) == expected


@pytest.mark.parametrize("remedy", [{"layer": "end"}, {"layer": "none"}, {"value": "tanh"}])
def test_the_last_layer_and_good_ones_stay(remedy: dict[str, Any]) -> None:
    model = Own(hidden="selu")
    with pytest.raises(Refused, match="no hidden layer has an activation"):
        after(model, SPARSE(), "activation", **remedy)


def test_one_layer_is_drawn_anew() -> None:
    regimen, ward = begun(Own(), SPARSE())
    found = treated(regimen, [Remedy("initializer", "", layer="second")], ward)
    pairs = zip(regimen.model.get_weights(), found.model.get_weights(), strict=True)
    assert [np.array_equal(old, new) for old, new in pairs] == [True, True, False, True, True, True]


def test_a_wrapped_model_keeps_weights_and_changes() -> None:
    with seeded(4):
        regimen, ward = begun(wrapped(), SPARSE())
    copy = copy_of(regimen.model, seed=9)
    for old, new in zip(regimen.model.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    found = treated(regimen, [Remedy("activation", "")], ward).compiled(4)
    assert activations_of(found.layers[-1]) == ["relu", "linear", "relu", "softmax"]


@pytest.mark.parametrize("action", ["normalization", "more_units", "residual", "regularization"])
def test_what_needs_other_layers_is_refused_of_a_wrapped_model(action: str) -> None:
    with pytest.raises(Refused, match=r"no hidden layer|no such layer"):
        after(wrapped(), SPARSE(), action)


def test_layers_that_were_frozen_later_stay_frozen_in_copies() -> None:
    model = Own()
    model(X[:1])
    model.first.trainable = False
    copy: Any = copy_of(model, 0)
    assert [copy.first.trainable, copy.second.trainable] == [False, True]
    assert len(copy.trainable_weights) == 4
    found: Any = after(model, SPARSE(), "thaw").compiled(4)
    assert len(found.trainable_weights) == 6
