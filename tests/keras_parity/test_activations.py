"""Every activation, in values and gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from glassgrad import activations
from tests.keras_parity.comparison import (
    Array,
    Case,
    Precision,
    evaluate,
    evaluate_keras,
    weights_of,
)

CASES = (
    *map(Case, ("linear", "sigmoid", "hard_sigmoid", "tanh", "relu", "relu6", "leaky_relu")),
    *map(Case, ("elu", "selu", "gelu", "silu", "swish", "mish", "softplus", "softsign")),
    *map(Case, ("exponential", "softmax", "log_softmax")),
    Case("relu", {"negative_slope": 0.1, "max_value": 2.0, "threshold": 0.5}),
    Case("relu", {"negative_slope": 0.2}),
    Case("leaky_relu", {"negative_slope": 0.4}),
    Case("elu", {"alpha": 0.5}),
    Case("gelu", {"approximate": True}),
    Case("softmax", {"axis": 1}),
    Case("log_softmax", {"axis": 0}),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_activation_is_that_of_keras(case: Case, keras: Any, precision: Precision) -> None:
    x = precision.floats(np.random.default_rng(0).normal(size=(3, 4, 5)) * 3)
    ours, theirs = both(keras, case.name, case.arguments)
    value, slopes = evaluate(ours, [x])
    their_value, their_slopes = evaluate_keras(theirs, [x])
    precision = precision.about(f"activations.{case.name}")
    precision.require_same(value, their_value, "value")
    precision.require_same(slopes[0], their_slopes[0], "gradient")


def both(keras: Any, name: str, arguments: Mapping[str, Any]) -> tuple[Any, Any]:
    """An activation in both libraries, as a function of a tensor."""
    ours = getattr(activations, name)
    theirs = keras.activations.get(name)  # "swish" is a name there, but no function
    return lambda x: ours(x, **arguments), lambda x: theirs(x, **arguments)


def slopes_of(keras: Any, name: str, x: Array) -> tuple[Array, Array]:
    """The derivative of an activation in both libraries."""
    ours, theirs = both(keras, name, {})
    factors = weights_of(x.shape)
    slopes, their_slopes = evaluate(ours, [x])[1], evaluate_keras(theirs, [x])[1]
    return slopes[0] / factors, their_slopes[0] / factors
