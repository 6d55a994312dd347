from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import layers
from glassgrad.errors import ArgumentError
from glassgrad.execute.executor import executor_named
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Trace, placeholder, tracing

PIXELS = np.array([[0, 51, 255], [1, 2, 3]], np.uint8)


@pytest.mark.parametrize(
    "scale, offset",
    [(1 / 255, 0.0), (1 / 127.5, -1), (2, 3), ([1.0, 2.0, 3.0], 0.5), (-1.0, [1, 2, 3])],
)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_the_formula(scale: Any, offset: Any, dtype: str) -> None:
    layer = layers.Rescaling(scale, offset)
    y = layer(PIXELS.astype(dtype)).numpy()
    assert y.dtype == "float32"
    assert y == pytest.approx(PIXELS * np.asarray(scale) + np.asarray(offset), rel=1e-6)
    assert layer.compute_output_shape((None, 3)) == (None, 3)
    assert layer.weights == []


def test_the_layer_has_the_last_word_on_the_dtype() -> None:
    assert layers.Rescaling(0.1, dtype="float64")(PIXELS).dtype == "float64"


@pytest.mark.parametrize("name", ["cpu", "reference"])
def test_executors_take_stored_pixels(name: str) -> None:
    x = placeholder(PIXELS.shape, "uint8")
    with tracing(Trace()):
        y = layers.Rescaling(1 / 255, -0.5)(x)
    (found,) = executor_named(name).compile([y], [x])(PIXELS)
    assert found == pytest.approx(PIXELS / 255 - 0.5, abs=1e-6)


def test_the_gradient_of_floats_is_the_scale() -> None:
    x = Tensor(np.ones((2, 3), "float32"))
    (slope,) = gradients(layers.Rescaling([1.0, 2.0, 3.0])(x).sum(), [x])
    assert slope is not None
    assert np.array_equal(slope.numpy(), [[1, 2, 3], [1, 2, 3]])


@pytest.mark.parametrize(
    "scale", [float("nan"), float("inf"), "a", None, [], [[1.0]], [1.0, float("nan")]]
)
def test_what_is_no_number_is_refused(scale: Any) -> None:
    with pytest.raises(ArgumentError, match="scale must be a finite number"):
        layers.Rescaling(scale)
    with pytest.raises(ArgumentError, match="offset must be a finite number"):
        layers.Rescaling(1.0, scale)
