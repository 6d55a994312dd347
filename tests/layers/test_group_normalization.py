"""Groups of channels, each with a mean and a spread of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from glassgrad import layers
from glassgrad.errors import ArgumentError, ShapeError

IMAGE = np.random.default_rng(0).normal(2.0, 3.0, (2, 5, 4, 6)).astype("float32")


@pytest.mark.parametrize("groups", [1, 2, 3, 6, -1])
def test_is_that_of_pytorch(groups: int) -> None:
    layer = layers.GroupNormalization(groups, epsilon=1e-5)
    found = layer(IMAGE).numpy()
    count = 6 if groups == -1 else groups
    given = torch.tensor(IMAGE.transpose(0, 3, 1, 2))
    expected = functional.group_norm(given, count, eps=1e-5).permute(0, 2, 3, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert layer.get_config()["groups"] == groups


@pytest.mark.parametrize("axis", [1, 2, 3, -1, -2])
def test_any_axis_can_be_that_of_the_channels(axis: int) -> None:
    last = layers.GroupNormalization(2)(IMAGE).numpy()
    moved = layers.GroupNormalization(2, axis)(np.moveaxis(IMAGE, -1, axis)).numpy()
    np.testing.assert_allclose(np.moveaxis(moved, axis, -1), last, rtol=1e-5, atol=1e-6)


def test_other_examples_do_not_matter() -> None:
    layer = layers.GroupNormalization(3)
    together, alone = layer(IMAGE).numpy()[:1], layer(IMAGE[:1]).numpy()
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(layer(IMAGE, training=True).numpy()[:1], together)


@pytest.mark.parametrize(
    "build, kind, message",
    [
        (lambda: layers.GroupNormalization(0), ArgumentError, "groups .* Got 0"),
        (lambda: layers.GroupNormalization(-2), ArgumentError, "groups .* Got -2"),
        (lambda: layers.GroupNormalization(4)(IMAGE), ShapeError, "4 groups. Got axis 3 .* 6"),
        (lambda: layers.GroupNormalization(12)(IMAGE), ShapeError, "12 groups"),
        (lambda: layers.GroupNormalization(2, 0)(IMAGE), ShapeError, "after the batch"),
        (lambda: layers.GroupNormalization(2, 4)(IMAGE), ShapeError, "axis"),
        (lambda: layers.GroupNormalization(2, epsilon=-1.0), ArgumentError, "epsilon"),
    ],
)
def test_is_refused(build: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        build()
