from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glassgrad import datasets, layers
from glassgrad.cli.architecture import EXAMPLE, network_for, parse_layers
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
