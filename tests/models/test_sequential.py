"""A model in which each layer takes what the one before gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad import float_type
from glassgrad.errors import ArgumentError, GlassgradError, NotBuiltError, ShapeError
from glassgrad.layers import Dense, Dropout, Flatten, Input, Reshape
from glassgrad.models import Sequential, load_model
from glassgrad.random_seed import seeded

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def test_with_an_input_it_is_built_at_once() -> None:
    model = Sequential([Input((4,)), Dense(3), Dense(2)])
    assert model.built
    assert [weight.shape for weight in model.weights] == [(4, 3), (3,), (3, 2), (2,)]
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))
    assert model.count_params() == 23


def test_layers_come_in_a_list() -> None:
    with pytest.raises(ArgumentError, match=r"must come in a list. .*write Sequential\(\[Input"):
        Sequential(Input((4,)), Dense(3))


@pytest.mark.parametrize("build", [
    lambda model: model.build((None, 4)),
    lambda model: model(X),
    lambda model: model.predict(X),
])  # fmt: skip
def test_without_one_the_first_data_build_it(build: Any) -> None:
    model = Sequential([Dense(3), Dense(2)])
    assert not model.built
    with pytest.raises(NotBuiltError, match="begin with Input"):
        _ = model.input_shape
    build(model)
    assert model.built
    assert model.input_shape == (None, 4)
    with pytest.raises(ShapeError, match=r"expected examples of shape \(4,\), found \(3,\)"):
        model.predict(X[:, :3])


def test_layers_can_be_added_one_by_one() -> None:
    with seeded(1):
        whole = Sequential([Input((4,)), Dense(3, "relu"), Dense(2)])
    with seeded(1):
        grown = Sequential()
        grown.add(Input((4,)))
        grown.add(Dense(3, "relu"))
        grown.add(Dense(2))
    np.testing.assert_array_equal(whole.predict(X), grown.predict(X))


def test_the_last_layer_can_be_taken_away() -> None:
    last = Dense(2)
    model = Sequential([Input((4,)), Dense(3), last])
    assert model.predict(X).shape == (6, 2)
    assert model.pop() is last
    assert model.predict(X).shape == (6, 3)
    assert len(model.weights) == 2
    model.pop()
    with pytest.raises(ArgumentError, match="no layer to take away"):
        model.pop()
    with pytest.raises(NotBuiltError, match="has no layers"):
        model.predict(X)


def test_the_list_of_layers_is_a_copy() -> None:
    model = Sequential([Input((4,)), Dense(3)])
    model.layers.clear()
    assert len(model.layers) == 1


@pytest.mark.parametrize(
    "layers, message",
    [
        (["relu"], "made of layers. Got 'relu' of type str"),
        ([Dense], "made of layers. Got <class"),
        ([Dense(1), Input((4,))], "An input comes first, and once. Got one after 1 layers"),
        ([Input((4,)), Input((4,))], "An input comes first"),
        ([Dense(1, name="a"), Dense(2, name="a")], "different names. Got 'a' twice"),
    ],
)
def test_what_cannot_be_added(layers: list[Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Sequential(layers)


def test_layers_that_do_not_fit() -> None:
    shared = Dense(3)
    with pytest.raises(ShapeError, match="expected last axis 4, found 3"):
        Sequential([Input((4,)), shared, shared])


def test_a_layer_used_twice_has_its_weights_once() -> None:
    shared = Dense(4, "tanh")
    model = Sequential([Input((4,)), shared, shared])
    assert len(model.weights) == 2
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0)


def test_the_seed_decides_the_weights_and_not_the_name() -> None:
    def weights(name: str) -> list[np.ndarray]:
        with seeded(3):
            return Sequential([Input((4,)), Dense(3, name=name)]).get_weights()

    np.testing.assert_array_equal(weights("a")[0], weights("b")[0])


def test_open_lengths() -> None:
    model = Sequential([Input((None, 4)), Dense(3)])
    assert model.output_shape == (None, None, 3)
    for length in (1, 5):
        assert model.predict(np.ones((2, length, 4))).shape == (2, length, 3)


def test_the_float_type_of_a_model() -> None:
    with float_type("float64"):
        model = Sequential([Input((4,)), Dense(3)])
    assert model.predict(X).dtype == np.float64
    assert Sequential([Input((4,)), Dense(3)]).predict(X.astype("float64")).dtype == np.float32


def test_a_model_inside_a_model() -> None:
    inner = Sequential([Input((4,)), Dense(3, "tanh"), Dropout(0.5)])
    model = Sequential([Input((2, 2)), Flatten(), inner, Dense(2)])
    assert len(model.weights) == 4
    model.compile("adam", "mse")
    x, y = np.ones((4, 2, 2)), np.zeros((4, 2))
    inner.trainable = False
    before = inner.get_weights()
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(before[0], inner.get_weights()[0])
    inner.trainable = True
    model.fit(x, y, verbose=0)
    assert not np.array_equal(before[0], inner.get_weights()[0])


def test_configuration_and_back() -> None:
    model = Sequential([Input((4,), name="image"), Dense(3, "relu"), Dense(2)], name="mine")
    other = Sequential.from_config(model.get_config())
    assert other.get_config() == model.get_config()
    assert other.name == "mine"
    assert other.built
    unbuilt = Sequential.from_config(Sequential([Dense(3)]).get_config())
    assert not unbuilt.built


@pytest.mark.parametrize("config", [{}, {"layers": 3}, {"layers": [3]}, {"layers": ["dense"]}])
def test_senseless_configurations(config: dict[str, Any]) -> None:
    with pytest.raises((GlassgradError, KeyError, TypeError)):
        Sequential.from_config(config)


@pytest.mark.parametrize(
    "first, expected",
    [
        (lambda: Dense(2, input_dim=4), (None, 4)),
        (lambda: Dense(2, input_shape=(4,)), (None, 4)),
        (lambda: Dense(2, input_shape=[3, 4]), (None, 3, 4)),
        (lambda: Flatten(input_shape=(None, 4)), (None, None, 4)),
    ],
)
def test_the_first_layer_may_know_the_shape_of_examples(first: Any, expected: Any) -> None:
    model = Sequential([first()])
    assert model.input_shape == expected
    again = Sequential.from_config(model.get_config())
    assert again.input_shape == expected


def test_only_the_first_layer_is_asked_for_the_shape_of_examples() -> None:
    model = Sequential([Input((4,)), Dense(2, input_dim=9), Dense(3, input_dim=7)])
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 3))


def test_without_layers_it_is_not_built() -> None:
    model = Sequential([Input((4,)), Dense(3)])
    model.pop()
    assert not model.built
    assert not model.is_functional
    model.add(Dense(2))
    assert model.predict(X, verbose=0).shape == (6, 2)


@pytest.mark.parametrize("first", [[], [Input((4,))]])
def test_it_takes_one_input(first: list[Any]) -> None:
    model = Sequential([*first, Dense(1)])
    with pytest.raises(ArgumentError, match=r"takes one input. Got 2; .* use Model\(inputs"):
        model([X, X])
    assert model([X]).shape == (6, 1)


def test_a_layer_that_comes_twice_comes_back_as_one(tmp_path: Path) -> None:
    twice = Dense(4, "tanh")
    model = Sequential([Input((4,)), twice, twice])
    model.save(tmp_path / "model")
    other = load_model(tmp_path / "model")
    assert len(other.weights) == 2
    np.testing.assert_array_equal(model.predict(X, verbose=0), other.predict(X, verbose=0))


def test_a_layer_that_does_not_fit_leaves_no_input_behind() -> None:
    model = Sequential()
    with pytest.raises(ShapeError):
        model.add(Reshape((7,), input_shape=(4,)))
    model.add(Input((5,)))
    model.add(Dense(2))
    assert model.input_shape == (None, 5)
