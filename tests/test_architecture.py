from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glassgrad import datasets, layers
from glassgrad.architecture import EXAMPLE, network_for, parse_layers
from glassgrad.errors import ArgumentError


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", []),
        ("  ", []),
        ("12", [(12, "linear")]),
        (" 256   relu ,dropout 0.2,\n128 tanh ", [(256, "relu"), 0.2, (128, "tanh")]),
        ("dropout 0", [0.0]),
        (EXAMPLE, [(256, "relu"), 0.3, (128, "relu")]),
    ],
)
def test_the_grammar(text: str, expected: list[object]) -> None:
    found = [
        layer.rate
        if isinstance(layer, layers.Dropout)
        else (layer.units, layer.activation.__name__)  # type: ignore[attr-defined]
        for layer in parse_layers(text)
    ]
    assert found == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("conv 4 relu", [("Conv2D", 4, "relu")]),
        ("conv 4,pool 2", [("Conv2D", 4, "linear"), ("MaxPooling2D", (2, 2))]),
        ("lstm 3, 5", [("LSTM", 3, False), ("Dense",)]),
        ("lstm 3, gru 4", [("LSTM", 3, True), ("GRU", 4, False)]),
        ("gru 4, dropout 0.1, gru 4", [("GRU", 4, True), ("Dropout",), ("GRU", 4, False)]),
    ],
)
def test_layers_that_read_images_and_sequences(text: str, expected: list[object]) -> None:
    asked = {
        "Conv2D": lambda layer: (layer.filters, layer.activation.__name__),
        "MaxPooling2D": lambda layer: (layer.pool_size,),
        "LSTM": lambda layer: (layer.units, layer.return_sequences),
        "GRU": lambda layer: (layer.units, layer.return_sequences),
    }
    found = []
    for layer in parse_layers(text):
        name = type(layer).__name__
        found.append((name, *asked.get(name, lambda layer: ())(layer)))
    assert found == expected


@pytest.mark.parametrize(
    "text, fragments",
    [
        ("256 relu,", ["Layer 2", "Got nothing", "Example: --layers"]),
        ("256 relu,,128", ["Layer 2", "Got nothing"]),
        ("relu", ["Layer 1", "UNITS ACTIVATION", "'relu'"]),
        ("relu 256", ["'relu 256'"]),
        ("256relu", ["'256relu'"]),
        ("256 relu tanh", ["'256 relu tanh'"]),
        ("dropuot 0.2", ["dropout RATE", "'dropuot 0.2'"]),
        ("dropout", ["dropout RATE", "'dropout'"]),
        ("dropout x", ["'dropout x'"]),
        ("conv", ["conv FILTERS", "'conv'"]),
        ("conv 3 relu relu", ["'conv 3 relu relu'"]),
        ("conv 0", ["Layer 1", "positive", "0"]),
        ("conv 3 rleu", ["Layer 1", "Did you mean 'relu'"]),
        ("pool 1.5", ["pool SIZE", "'pool 1.5'"]),
        ("pool 0", ["Layer 1", "0"]),
        ("lstm 8 relu", ["lstm UNITS", "'lstm 8 relu'"]),
        ("gru -1", ["Layer 1", "-1"]),
        ("12, dropout 1.5", ["Layer 2", "[0, 1)", "1.5"]),
        ("dropout nan", ["Layer 1", "[0, 1)"]),
        ("0 relu", ["Layer 1", "positive", "0"]),
        ("-3", ["Layer 1", "positive", "-3"]),
        ("1.5 relu", ["'1.5 relu'"]),
        ("256 rleu", ["Layer 1", "'rleu'", "Did you mean 'relu'"]),
    ],
)
def test_what_is_no_layer_is_refused(text: str, fragments: list[str]) -> None:
    with pytest.raises(ArgumentError) as error:
        parse_layers(text)
    assert all(fragment in str(error.value) for fragment in fragments), error.value


def test_a_network_takes_the_stored_pixels() -> None:
    digits = datasets.load("digits")
    network = network_for(digits, "5 tanh, dropout 0.5", seed=1)
    kinds = ["Rescaling", "Flatten", "Dense", "Dropout", "Dense"]
    assert [type(layer).__name__ for layer in network.layers] == kinds
    assert network.input_shape == (None, 8, 8)
    assert network.output_shape == (None, 10)
    assert network.predict(digits.x_test[:3]).sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "text, kinds",
    [
        ("", "Rescaling Flatten Dense"),
        ("dropout 0.1", "Rescaling Flatten Dropout Dense"),
        ("conv 2 relu, pool 2", "Rescaling Reshape Conv2D MaxPooling2D Flatten Dense"),
        (
            "conv 2, dropout 0.1, conv 2, dropout 0.1, 5",
            "Rescaling Reshape Conv2D Dropout Conv2D Flatten Dropout Dense Dense",
        ),
        ("lstm 3, gru 2, 5 relu", "Rescaling LSTM GRU Dense Dense"),
    ],
)
def test_layers_get_the_axes_that_they_read(text: str, kinds: str) -> None:
    network = network_for(datasets.load("digits"), text, seed=0)
    assert [type(layer).__name__ for layer in network.layers] == kinds.split()
    assert network.output_shape == (None, 10)


@pytest.mark.parametrize(
    "text, shape",
    [("conv 2", (4,)), ("lstm 2", (4,)), ("lstm 2", (8, 8, 3)), ("conv 2, lstm 2", (8, 8))],
)
def test_layers_that_cannot_read_the_data_are_refused(text: str, shape: tuple[int, ...]) -> None:
    data = replace(datasets.load("digits"), x_train=np.zeros((1437, *shape), "uint8"))
    with pytest.raises(ArgumentError) as error:
        network_for(data, text, seed=0)
    assert f"--layers {text!r} does not fit examples of shape {shape}" in str(error.value)


def test_the_seed_decides_the_first_weights() -> None:
    digits = datasets.load("digits")
    one, same, other = (network_for(digits, "5", seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize("shape, units", [((1437,), 1), ((1437, 3), 3)])
def test_targets_that_are_no_classes_get_a_linear_output(
    shape: tuple[int, ...], units: int
) -> None:
    digits = replace(datasets.load("digits"), classes=None, y_train=np.zeros(shape, "float32"))
    last = network_for(digits, "", seed=0).layers[-1]
    assert isinstance(last, layers.Dense)
    assert (last.units, last.activation.__name__) == (units, "linear")
