"""What is printed of convolution and pooling is what is computed, forward and backward."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import layers
from glassgrad.graph import float_type
from glassgrad.random_seed import seeded
from tests.ops import spatial_oracles

FUNCTIONS = {
    **vars(np),
    "windows": spatial_oracles.windows,
    "add_windows": spatial_oracles.add_windows,
    "block_diagonal": spatial_oracles.block_diagonal,
    "diagonal_blocks": spatial_oracles.diagonal_blocks,
}


LAYERS = ("first", "second", "back", "each")


def network() -> list[layers.Layer]:
    return [
        layers.Conv2D(4, 3, padding="same", groups=2, activation="tanh", name="first"),
        layers.MaxPooling2D((2, 3), strides=2, padding="same"),
        layers.Conv2D(3, (2, 1), dilation_rate=2, name="second"),
        layers.Conv2DTranspose(2, 3, strides=2, padding="same", name="back"),
        layers.AveragePooling2D(2, strides=1, padding="same"),
        layers.DepthwiseConv2D(2, depth_multiplier=2, name="each"),
    ]


def test_every_formula_evaluated_gives_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSGRAD_EXECUTOR", "reference")
    values: dict[str, Any] = {"x": np.random.default_rng(0).normal(size=(2, 7, 6, 2))}
    with float_type("float64"), seeded(0):
        y = glassgrad.Tensor(values["x"], requires_grad=True)
        for layer in network():
            y = layer(y)
            values |= {weight.name: weight.numpy() for weight in layer.weights}
        explained = glassgrad.explain((y * y).sum())
    lines = [explained.loss, *(line for step in explained.steps for line in step.lines)]
    values |= {line.name.plain: line.value for line in lines}
    letters = {name: f"v{number}" for number, name in enumerate(values)}
    names = "|".join(map(re.escape, sorted(values, key=len, reverse=True)))
    known = {letters[name]: value for name, value in values.items()}
    evaluated = set()
    for line in lines:
        if line.formula is None or "MaxPool[1]" in line.formula.plain:  # a place, not a formula
            continue
        text = re.sub(rf"(?<![\w/])({names})(?![\w/])", lambda m: letters[m[0]], line.formula.plain)
        found = np.asarray(eval(text, dict(FUNCTIONS), known))
        if found.shape != line.value.shape:  # the sum over a broadcast axis is the caller's
            found = found.sum(tuple(range(found.ndim - line.value.ndim)))
        np.testing.assert_allclose(found, line.value, rtol=1e-10, atol=1e-12, err_msg=str(line))
        evaluated.add(line.name.plain)
    weights = {f"{layer}/{kind}" for layer in LAYERS for kind in ("kernel", "bias")}
    assert {f"dL/d{name}" for name in ("x", *weights)} <= evaluated
