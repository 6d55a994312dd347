"""Every object with a configuration can be written to JSON and made again from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glassgrad import (
    activations,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
)
from glassgrad.serialization import Configurable

FAMILIES: dict[str, Any] = {
    "activations": activations,
    "initializers": initializers,
    "layers": layers,
    "losses": losses,
    "metrics": metrics,
    "optimizers": optimizers,
    "regularizers": regularizers,
}
OBJECTS: tuple[Any, ...] = (
    initializers.Zeros(),
    initializers.Ones(),
    initializers.Constant([1.0, 2.0]),
    initializers.RandomNormal(1.0, 0.1, seed=3),
    initializers.RandomUniform(-1.0, 1.0),
    initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=4),
    initializers.GlorotUniform(seed=1),
    initializers.GlorotNormal(),
    initializers.HeNormal(),
    initializers.HeUniform(),
    regularizers.L1(0.1),
    regularizers.L2(0.2),
    regularizers.L1L2(0.1, 0.2),
    losses.MeanSquaredError(reduction="sum"),
    losses.MeanAbsoluteError(name="distance"),
    losses.BinaryCrossentropy(True, 0.1),
    losses.CategoricalCrossentropy(label_smoothing=0.1),
    losses.SparseCategoricalCrossentropy(from_logits=True),
    losses.LossFunctionWrapper("mse", name="error"),
    metrics.Mean("loss"),
    metrics.MeanSquaredError(),
    metrics.MeanAbsoluteError(),
    metrics.Accuracy(),
    metrics.BinaryAccuracy("acc", threshold=0.25),
    metrics.CategoricalAccuracy(),
    metrics.SparseCategoricalAccuracy(),
    metrics.MeanMetricWrapper("binary_crossentropy"),
    layers.InputLayer((None, 3), batch_size=2, name="in"),
    layers.Dense(
        3,
        "relu",
        use_bias=False,
        kernel_initializer=initializers.HeNormal(seed=1),
        kernel_regularizer=regularizers.L2(0.1),
        activity_regularizer="l1",
        name="d",
        trainable=False,
        dtype="float64",
    ),
    layers.Flatten(name="f"),
    layers.Dropout(0.5, seed=1, name="drop"),
    layers.Activation("tanh", name="act"),
    layers.ReLU(6.0, 0.1, 0.5, name="limited"),
    layers.LeakyReLU(0.1, name="leaky"),
    layers.ELU(0.5, name="soft"),
    layers.Softmax(axis=1, name="shares"),
    layers.Rescaling(1 / 255, [0.5, -1.0], name="scaled"),
    models.Sequential([layers.Dense(2, name="only")], name="net"),
    optimizers.SGD(0.1, momentum=0.5, nesterov=True),
    optimizers.RMSprop(0.002, 0.8, 0.5, 1e-6, centered=True),
    optimizers.Adam(0.002, 0.8, 0.99, 1e-6, name="a"),
    optimizers.Adagrad(0.002, 0.2, 1e-6),
    optimizers.Adadelta(0.002, 0.8, 1e-6),
    optimizers.Adamax(0.002, 0.8, 0.99, 1e-6),
    optimizers.Nadam(0.002, 0.8, 0.99, 1e-6),
    optimizers.AdamW(0.002, 0.01, 0.8, 0.99, 1e-6, clipnorm=0.5),
    optimizers.Lion(0.002, 0.8, 0.98),
)


def family_of(thing: Any) -> Any:
    if isinstance(thing, models.Model):
        return layers
    for family in FAMILIES.values():
        if type(thing).__module__.startswith(family.__name__):
            return family
    raise AssertionError(thing)


def attributes(thing: Any) -> dict[str, Any]:
    return {key: value for key, value in vars(thing).items() if isinstance(value, str | float)}


@pytest.mark.parametrize("thing", OBJECTS, ids=lambda thing: type(thing).__name__)
def test_an_object_survives_json(thing: Any) -> None:
    family = family_of(thing)
    written = json.loads(json.dumps(family.serialize(thing)))
    again = family.deserialize(written)
    assert type(again) is type(thing)
    assert again.get_config() == thing.get_config()
    assert attributes(again) == attributes(thing)
    assert json.loads(json.dumps(family.serialize(again))) == written


def test_every_registered_class_is_in_the_table() -> None:
    from glassgrad.layers.layer import _registry as of_layers
    from glassgrad.optimizers.optimizer import _registry as of_optimizers

    registries = [
        family._registry
        for name, family in FAMILIES.items()
        if name not in ("layers", "optimizers")
    ]
    registered = {
        entry
        for registry in (*registries, of_layers, of_optimizers)
        for entry in registry.entries.values()
        if isinstance(entry, type) and issubclass(entry, Configurable)
        if entry.__module__.startswith("glassgrad.") and entry.__qualname__ in dir_of(entry)
    }
    assert registered == {type(thing) for thing in OBJECTS}


def dir_of(entry: type) -> list[str]:
    """The names of the module: classes of its doctests are not among them."""
    import sys

    return dir(sys.modules[entry.__module__])


@pytest.mark.parametrize(
    "name", [name for name in activations.__all__ if name in activations._registry.entries]
)
def test_an_activation_survives_as_its_name(name: str) -> None:
    function = activations.get(name)
    assert activations.serialize(function) == {"swish": "silu"}.get(name, name)
    assert activations.deserialize(json.loads(json.dumps(name))) is function
    assert function is getattr(activations, name)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_public_names_exist(family: Any) -> None:
    assert all(hasattr(family, name) for name in family.__all__)
    assert sorted(family.__all__) == sorted(set(family.__all__))
