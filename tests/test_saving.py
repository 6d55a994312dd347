"""Names for what is one's own, and weights that are handed on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad import (
    activations,
    constraints,
    initializers,
    losses,
    metrics,
    optimizers,
    regularizers,
    saving,
)
from glassgrad.errors import ArgumentError, FileError, UnknownNameError
from glassgrad.graph import Tensor
from glassgrad.layers import Dense, Input, Layer
from glassgrad.layers import get as layer_of
from glassgrad.models import Model, Sequential, clone_model, model_from_json
from glassgrad.serialization import serialize

X = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")


class Shifted(Layer):
    def __init__(self, by: float, **options: Any) -> None:
        super().__init__(**options)
        self.by = by

    def call(self, inputs: Tensor) -> Tensor:
        return inputs + self.by


def cube(x: Tensor) -> Tensor:
    return x * x * x


def fourth(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return ((y_true - y_pred) ** 4).mean(axis=-1)


OWN = {"Shifted": Shifted, "cube": cube, "fourth": fourth}


def own() -> Sequential:
    return Sequential([Input((3,)), Dense(2, cube), Shifted(1.0)])


def test_objects_of_ones_own_are_given_when_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with saving.custom_object_scope(OWN):
        model = own()
        model.compile("sgd", fourth, executor="reference")
        model.save(path)
    with pytest.raises(FileError, match=r"Unknown (layer|activation) '(Shifted|cube)'"):
        saving.load_model(path)
    loaded = saving.load_model(path, custom_objects=OWN)
    np.testing.assert_allclose(loaded.predict(X), model.predict(X), rtol=1e-5)
    assert loaded.loss.fn is fourth


def largest(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return (y_true - y_pred).max()


def test_functions_are_saved_by_name_and_handed_over_where_the_file_is_read(tmp_path: Path) -> None:
    path, y = tmp_path / "model", X[:, :2]
    model = own()
    model.compile("sgd", fourth, metrics=[largest, "mae"], executor="reference")
    model.save(path)
    loaded = saving.load_model(path, custom_objects=OWN | {"largest": largest})
    found, expected = (one.evaluate(X, y, verbose=0, return_dict=True) for one in (loaded, model))
    assert found == pytest.approx(expected)
    assert list(found) == ["loss", "largest", "mae"]


def test_what_is_not_handed_over_is_told_when_the_file_is_read(tmp_path: Path) -> None:
    model = own()
    model.compile("sgd", fourth, metrics=[largest], executor="reference")
    model.save(tmp_path / "model")
    with pytest.raises(FileError, match=r"Unknown metric 'largest'.*custom_objects"):
        saving.load_model(tmp_path / "model", custom_objects=OWN)


def test_a_function_without_a_name_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"register_keras_serializable"):
        Sequential([Input((3,)), Dense(2, lambda x: x * 2)]).save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_registered_for_good(tmp_path: Path) -> None:
    @saving.register_keras_serializable("tests", "Moved")
    class Other(Shifted):
        pass

    model = Sequential([Input((3,)), Other(2.0)])
    saving.save_model(model, tmp_path / "model")
    np.testing.assert_array_equal(saving.load_model(tmp_path / "model").predict(X), X + 2)
    assert saving.get_custom_objects()["tests>Moved"] is Other
    assert serialize(Other(1.0, name="o"))["class_name"] == "tests>Moved"


def test_a_name_is_that_of_the_right_family_alone() -> None:
    with saving.custom_object_scope({"sgd": Shifted, "cube": cube}):
        assert isinstance(optimizers.get("sgd"), optimizers.SGD)  # a layer is no optimizer
        assert activations.get("cube") is cube
        with pytest.raises(UnknownNameError, match=r"Unknown loss 'Shifted'"):
            losses.get("Shifted")


@pytest.mark.parametrize("copy", [clone_model, lambda model: model_from_json(model.to_json())])
def test_the_architecture_alone(copy: Any) -> None:
    x = Input((3,))
    for model in (Sequential([Input((3,)), Dense(2)]), Model(x, Dense(2)(x) + 1.0)):
        made = copy(model)
        assert made.count_params() == 8
        assert not np.array_equal(made.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("text", ["", "{", "3", '{"class_name": "Dense", "config": {"units": 2}}'])
def test_text_that_is_no_model(text: str) -> None:
    with pytest.raises(ArgumentError, match=r"describe"):
        model_from_json(text)


# ---- weights by name


def network(units: int = 4, last: str = "last") -> Sequential:
    return Sequential([Input((3,)), Dense(units, name="first"), Dense(2, name=last)])


def test_weights_by_name(tmp_path: Path) -> None:
    one, other = network(last="a"), network(last="b")
    saving.save_weights(one, tmp_path / "weights")
    before = other.get_weights()
    read = saving.load_weights(other, tmp_path / "weights", by_name=True)
    assert read == ["first/kernel", "first/bias"]
    np.testing.assert_array_equal(other.get_weights()[0], one.get_weights()[0])
    np.testing.assert_array_equal(other.get_weights()[2], before[2])


def test_weights_of_other_shapes_are_refused_or_left_out(tmp_path: Path) -> None:
    one, other = network(4), network(5)
    one.save(tmp_path / "model")
    before = other.get_weights()
    with pytest.raises(FileError, match=r"another architecture.*Pass skip_mismatch=True"):
        other.load_weights(tmp_path / "model", by_name=True)
    with pytest.warns(
        UserWarning,
        match=r"'first/kernel' has shape \(3, 5\), in the file \(3, 4\); .* as they are",
    ):
        read = other.load_weights(tmp_path / "model", skip_mismatch=True)
    assert read == ["last/bias"]
    np.testing.assert_array_equal(other.get_weights()[0], before[0])


def test_more_weights_than_the_model_has(tmp_path: Path) -> None:
    network().save_weights(tmp_path / "weights")
    small = Sequential([Input((3,)), Dense(4, name="first")])
    with pytest.raises(FileError, match=r"has 2 weights, the file 4. Pass by_name=True"):
        small.load_weights(tmp_path / "weights")
    assert small.load_weights(tmp_path / "weights", by_name=True) == ["first/kernel", "first/bias"]


def test_a_file_that_is_to_stay(tmp_path: Path) -> None:
    network().save(tmp_path / "model")
    for save in (network().save, network().save_weights):
        with pytest.raises(FileError, match=r"is there already, and overwrite is False"):
            save(tmp_path / "model", overwrite=False)


MEMBERS = [
    Dense(3, kernel_regularizer="l2", name="one"),
    initializers.HeNormal(seed=3),
    regularizers.L1L2(0.1, 0.2),
    constraints.MaxNorm(3),
    losses.MeanSquaredError(),
    metrics.MeanSquaredError(),
    optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)),
    optimizers.schedules.CosineDecay(0.1, 100),
    network(),
]


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: type(member).__name__)
def test_members_of_every_family_become_plain_data_and_come_back(member: Any) -> None:
    config = json.loads(json.dumps(saving.serialize_keras_object(member)))
    again = saving.deserialize_keras_object(config)
    assert type(again) is type(member)
    assert saving.serialize_keras_object(again) == saving.serialize_keras_object(member)
    assert isinstance(member, Model) or type(member).__module__.startswith(config["module"])


def test_lists_dictionaries_and_plain_values() -> None:
    given = {"a": [regularizers.L1(0.5), 1], "b": (None, "relu"), "c": {"d": losses.Huber(2.0)}}
    again = saving.deserialize_keras_object(saving.serialize_keras_object(given))
    assert (again["a"][0].l1, again["a"][1], again["b"]) == (0.5, 1, (None, "relu"))
    assert again["c"]["d"].delta == 2.0


def test_without_a_module_every_family_is_searched() -> None:
    again = saving.deserialize_keras_object({"class_name": "Adam", "config": {}})
    assert isinstance(again, optimizers.Adam)


def test_own_classes_are_passed_or_registered() -> None:
    config = {"class_name": "Shifted", "config": {"by": 2.0}}
    with pytest.raises(ArgumentError, match=r"class 'Shifted'.*register_keras_serializable"):
        saving.deserialize_keras_object(config)
    assert saving.deserialize_keras_object(config, {"Shifted": Shifted}).by == 2.0


def test_what_get_config_of_ones_own_leaves_as_objects_becomes_plain_data() -> None:
    class Wrapping(Layer):
        def __init__(self, inner: Layer, **options: Any) -> None:
            super().__init__(**options)
            self.inner = inner

        def get_config(self) -> dict[str, Any]:
            return {"inner": self.inner, "penalty": regularizers.L1(0.5)}

    config = serialize(Wrapping(Dense(2, name="kept")))["config"]
    assert config["inner"]["config"]["name"] == "kept"
    assert json.loads(json.dumps(config)) == config


def relu(x: Any) -> Any:
    """The name of another function, which a file would bring back instead."""
    return x


@pytest.mark.parametrize("value", [object(), lambda x: x, relu])
def test_what_cannot_be_plain_data(value: Any) -> None:
    with pytest.raises(ArgumentError, match=r"numbers, strings and registered objects"):
        saving.serialize_keras_object(value)


def test_a_configuration_without_symbolic_tensors_finds_custom_objects() -> None:
    class Holding(Model):
        def __init__(self, inner: Any = None, **options: Any) -> None:
            super().__init__(**options)
            self.inner = layer_of(inner)

        def call(self, inputs: Tensor) -> Tensor:
            output: Tensor = self.inner(inputs)
            return output

    config = Holding(Shifted(1.0)).get_config()
    again = Holding.from_config(config, custom_objects={"Shifted": Shifted})
    assert isinstance(again.inner, Shifted)
