"""Models made again, with other layers in the place of some."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import activations, ops
from glassgrad.errors import ArgumentError
from glassgrad.graph.symbolic import name_of_recordable
from glassgrad.initializers import RandomNormal
from glassgrad.layers import (
    LSTM,
    Activation,
    Bidirectional,
    Dense,
    Dropout,
    Input,
    Lambda,
    Layer,
)
from glassgrad.models import Model, Sequential, clone_model
from glassgrad.models.cloning import Rebuilding, is_made_of_layers, layers_within, twin
from glassgrad.random_seed import seeded

X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")


def straight() -> Sequential:
    return Sequential([Input((3,)), Dense(4, "relu", name="a"), Dense(2, name="b")], name="net")


def branched() -> Model:
    x = Input((3,), name="x")
    shared = Dense(3, "tanh", name="shared")
    once = shared(x)
    twice = shared(once * 2.0)
    return Model(x, Dense(1, name="end")(ops.concatenate([once, twice], axis=-1)), name="net")


def nested() -> Model:
    x = Input((3,), name="x")
    return Model(x, Dense(1, name="end")(straight()(x)), name="outer")


class Own(Model):
    """Writes call itself."""

    def __init__(self, units: int = 2, name: str | None = None) -> None:
        super().__init__(name=name)
        self.units = units
        self.dense = Dense(units)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


def doubled(layer: Layer) -> Layer:
    """Twice as many units, where there are units."""
    if not isinstance(layer, Dense):
        return twin(layer)
    return Dense(2 * layer.units, layer.activation, name=layer.name)


@pytest.mark.parametrize("make", [straight, branched, nested])
def test_a_clone_has_the_same_recipe_and_other_weights(make: Any) -> None:
    model = make()
    with seeded(7):
        clone = clone_model(model)
    assert clone.name == model.name
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]
    assert not set(layers_within(clone)) & set(layers_within(model))
    before = model.predict(X, verbose=0)
    assert not np.allclose(clone.predict(X, verbose=0), before)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict(X, verbose=0), before)


def test_other_layers_as_in_keras() -> None:
    assert clone_model(straight(), clone_function=doubled).output_shape == (None, 4)
    clone = clone_model(
        branched(), clone_function=lambda layer: (doubled if layer.name == "end" else twin)(layer)
    )
    assert clone.output_shape == (None, 2)


def test_a_shared_layer_is_asked_for_once() -> None:
    asked: list[str] = []

    def noting(layer: Layer) -> Layer:
        asked.append(layer.name)
        return twin(layer)

    clone = clone_model(branched(), clone_function=noting)
    assert asked == ["shared", "end"]
    assert len(clone.get_layer("shared").calls) == 2


@pytest.mark.parametrize("recursive, width", [(False, 2), (True, 4)])
def test_models_inside_are_one_layer_unless_asked(recursive: bool, width: int) -> None:
    clone = clone_model(nested(), clone_function=doubled, recursive=recursive)
    assert clone.get_layer("net").output_shape == (None, width)
    assert clone.output_shape == (None, 2)


def test_a_layer_that_is_given_back_is_shared_by_both_models() -> None:
    model = straight()
    clone = clone_model(model, clone_function=lambda layer: layer)
    np.testing.assert_array_equal(clone.predict(X, verbose=0), model.predict(X, verbose=0))
    assert clone.layers[0] is model.layers[0]


@pytest.mark.parametrize("make", [straight, branched])
def test_on_other_inputs(make: Any) -> None:
    model = make()
    begin = Input((3,), name="begin")
    assert clone_model(model, begin).inputs == [begin]
    with pytest.raises(ArgumentError, match=r"as many as the inputs of the model, 1. Got 2"):
        clone_model(branched(), [begin, Input((3,))])


def test_calls_of_ones_own() -> None:
    called: list[str] = []

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        called.append(layer.name)
        return layer(*arguments, **options)

    clone_model(branched(), call_function=call)
    assert called == ["shared", "shared", "end"]


def test_a_model_with_a_call_of_its_own_is_made_by_its_constructor() -> None:
    model = Own(4, name="own")
    model(X)
    clone = clone_model(model)
    assert (clone.name, clone.count_params()) == ("own", 16)
    assert not is_made_of_layers(model)
    with pytest.raises(ArgumentError, match=r"'own' writes call\(\) itself.*without"):
        clone_model(model, clone_function=twin)


def test_a_model_of_ones_own_keeps_what_it_was_given() -> None:
    class Given(Model):
        def __init__(self, start: Any = "zeros", name: str | None = None) -> None:
            super().__init__(name=name)
            self.start = start

        def build(self, input_shape: Any) -> None:
            self.dense = Dense(2, kernel_initializer=self.start)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = Given(RandomNormal(stddev=3.0))
    model(X)
    again = clone_model(clone_model(model))  # the first has what configurations become
    again(X)
    assert again.dense.kernel_initializer.stddev == 3.0


def test_what_is_no_layer_is_refused() -> None:
    wrong: Any = lambda layer: None  # noqa: E731
    with pytest.raises(ArgumentError, match=r"must give a layer for each layer. Got None"):
        clone_model(straight(), clone_function=wrong)


# ---- several layers, or none, in the place of one


def test_several_layers_in_the_place_of_one() -> None:
    def with_dropout(layer: Layer) -> list[Layer]:
        return [twin(layer), Dropout(0.5, name=f"{layer.name}_dropout")]

    made = Rebuilding(with_dropout).of(straight())
    assert [one.name for one in made.layers] == ["a", "a_dropout", "b", "b_dropout"]
    made = Rebuilding(with_dropout).of(branched())
    assert len(made.get_layer("shared_dropout").calls) == 2


@pytest.mark.parametrize("make", [straight, branched])
def test_no_layer_in_the_place_of_one(make: Any) -> None:
    gone = {"a", "shared"}
    made = Rebuilding(lambda layer: None if layer.name in gone else twin(layer)).of(make())
    assert gone.isdisjoint(layer.name for layer in made.layers)


def test_functions_are_left_out() -> None:
    x = Input((3,))
    model = Model(x, activations.relu(x))
    made = Rebuilding(leaves_out=lambda function: name_of_recordable(function) == "relu").of(model)
    np.testing.assert_array_equal(made.predict(X, verbose=0), X)


@pytest.mark.parametrize("make", [straight, branched, nested])
def test_inputs_pass_an_entrance_once(make: Any) -> None:
    made = Rebuilding(entrance=lambda _: [Activation("relu", name="entrance")]).of(make())
    names = [layer.name for layer in layers_within(made)]
    assert names.count("entrance") == 1
    made.set_weights(make().get_weights())


def test_a_twin_keeps_what_it_wraps() -> None:
    layer = Bidirectional(LSTM(3, return_sequences=True), name="both")
    copy = twin(layer)
    assert (copy.name, copy.layer.units, copy.return_sequences) == ("both", 3, True)
    assert copy.layer is not layer.layer


def test_functions_of_ones_own_need_no_names() -> None:
    def cube(x: Any) -> Any:
        return x * x * x

    layers = [Input((3,)), Lambda(lambda x: x + 1.0), Lambda(cube), Dense(3, cube)]
    model = Sequential(layers)
    clone = clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict(X, verbose=0), model.predict(X, verbose=0))
