"""What is looked at: a loss in float64, with everything that enters it by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import Tensor, Variable, layers
from glassgrad.errors import ArgumentError, DataError, GlassgradError
from glassgrad.graph import Placeholder, Read, constant, walk
from glassgrad.layers import Dense, Input
from glassgrad.lens.subject import Subject, subject_of
from glassgrad.models import Model, Sequential
from glassgrad.ops.random import RandomUniform
from glassgrad.random_seed import seeded

X, Y = np.linspace(-1, 1, 12).reshape(4, 3), np.ones((4, 2))


def compiled(*parts: Any, loss: str = "mse", **options: Any) -> Model:
    with seeded(1):
        model = Sequential([Input((3,)), *parts], **options)
    model.compile("sgd", loss)
    return model


def loss_of(subject: Subject) -> float:
    return float(subject.evaluate([subject.loss])[0])


def test_all_floats_are_float64_and_all_leaves_have_names() -> None:
    subject = subject_of(compiled(Dense(4, "relu"), Dense(2)), X, Y)
    for node in walk([subject.loss]):
        assert not isinstance(node.operation, Read)
        assert all(spec.dtype != np.float32 for spec in node.specs)
        if isinstance(node.operation, Placeholder):
            assert node.outputs[0].key in {tensor.key for tensor in subject.inputs}
    assert subject.names[0] == "x"
    assert subject.names[-1] == "y"
    assert len(subject.parameters) == 4
    assert set(subject.variables) == set(subject.names) - {"x", "y"}


def test_parameters_of_one_name_are_called_by_their_paths() -> None:
    inner = Sequential([Input((3,)), Dense(3, name="same")], name="inner")
    names = set(subject_of(compiled(inner, Dense(2, name="same")), X, Y).variables)
    assert names == {"inner/same/kernel", "inner/same/bias", "same/kernel", "same/bias"}


def test_the_loss_is_the_model_s() -> None:
    model = compiled(Dense(4, "relu", kernel_regularizer="l2"), Dense(2))
    expected = model.evaluate(X, Y, verbose=0)
    assert loss_of(subject_of(model, X, Y)) == pytest.approx(expected, rel=1e-5)
    weights = np.array([0.0, 1.0, 2.0, 0.5])
    expected = model.evaluate(X, Y, sample_weight=weights, verbose=0)
    assert loss_of(subject_of(model, X, Y, weights)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Dropout(0.5, seed=3),
        lambda: layers.SpatialDropout1D(0.5, seed=3),
        lambda: layers.GaussianNoise(0.5, seed=3),
        lambda: layers.AlphaDropout(0.25, seed=3),
        lambda: layers.MultiHeadAttention(1, 2, dropout=0.5, seed=3),
    ],
)
def test_what_is_drawn_is_drawn_in_float32(layer: Any) -> None:
    """A step of training on the same data has the same loss, to float32."""
    with seeded(1):
        inputs = Input((4, 3))
        drawing = layer()
        two = [inputs, inputs] if isinstance(drawing, layers.MultiHeadAttention) else [inputs]
        model = Model(inputs, Dense(1)(drawing(*two)))
    model.compile("sgd", "mse")
    x, y = np.random.default_rng(0).normal(size=(5, 4, 3)), np.zeros((5, 4, 1))
    subject = subject_of(model, x, y)
    drawn = [n for n in walk([subject.loss]) if isinstance(n.operation, RandomUniform)]
    assert {node.operation.dtype for node in drawn} == {"float32"}
    assert loss_of(subject) == pytest.approx(float(model.train_on_batch(x, y)), rel=1e-5)


def test_a_model_in_float64_draws_in_float64() -> None:
    model = compiled(layers.Dropout(0.5, seed=3, dtype="float64"), Dense(2, dtype="float64"))
    drawn = [
        node.operation.dtype
        for node in walk([subject_of(model, X, Y).loss])
        if isinstance(node.operation, RandomUniform)
    ]
    assert not drawn  # within its composite, which needs not be opened


def test_several_data_have_names() -> None:
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model({"a": a, "b": b}, [Dense(2, name="one")(a), Dense(2, name="two")(b)])
    model.compile("sgd", "mse")
    subject = subject_of(model, {"a": X, "b": X}, [Y, Y])
    assert {"x/a", "x/b", "y0", "y1"} <= set(subject.names)


def test_names_are_unique() -> None:
    a, b = Variable(1.0, name="w"), Variable(2.0, name="w")
    assert subject_of(a * b).names == ("w", "w_2")


def test_tensors_can_be_watched() -> None:
    number = constant(2.0)
    inner = number * 3.0
    subject = subject_of(inner.exp(), watched=[number, inner])
    assert [tensor.shape for tensor in subject.watched] == [(), ()]
    assert subject.names == ("x",)
    assert subject.watched[0].key == subject.inputs[0].key
    assert float(subject.evaluate([subject.watched[1]])[0]) == 6.0


def test_parameters_are_what_can_be_trained() -> None:
    model = compiled(Dense(3, trainable=False, name="frozen"), Dense(2, name="free"))
    subject = subject_of(model, X, Y)
    assert [subject.name_of(one) for one in subject.parameters] == ["free/kernel", "free/bias"]
    number = Tensor(2.0, requires_grad=True)
    assert len(subject_of(number * number).parameters) == 1


@pytest.mark.parametrize(
    "x,y", [(X[:, :2], Y), (X, Y[:3]), (None, Y), (X, None), (np.zeros((0, 3)), np.zeros((0, 2)))]
)
def test_data_that_do_not_fit_are_refused(x: Any, y: Any) -> None:
    with pytest.raises((DataError, GlassgradError)):
        subject_of(compiled(Dense(2)), x, y)


def test_only_models_and_scalars_are_looked_at() -> None:
    with pytest.raises(ArgumentError, match="a compiled model or a loss"):
        subject_of([1.0])  # type: ignore[arg-type]
