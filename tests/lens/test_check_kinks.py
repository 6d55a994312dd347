"""Kinks are recognized and said, are no errors, and hide none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import check_gradients, layers, models, ops
from glassgrad.graph import Composite, Primitive
from glassgrad.ops.elementwise import Absolute, Add, Maximum, Relu
from tests.lens.mutants import first, only_at, spoilt, times


class Bent(Primitive):
    """A kink that nobody declares."""

    def shape(self, x):
        return x

    def forward(self, xp, x):
        return xp.maximum(x, 2 * x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (ops.where(x > 0, 2 * g, g),)


class Folded(Composite):
    """A kink inside a definition."""

    def definition(self, x):
        return (x - 1.0).abs()


KINKS: list[tuple[str, Callable[..., Any], list[Any], dict[str, int]]] = [
    ("Relu", ops.relu, [[0.0, 1.0, 0.0]], {"Relu": 2}),
    ("Absolute", ops.absolute, [[0.0, -3.0]], {"Absolute": 1}),
    ("Clip", lambda x: ops.clip(x, -1.0, 1.0), [[-1.0, 1.0, 0.5, 7.0]], {"Clip": 2}),
    ("Maximum", ops.maximum, [[1.0, 2.0], [1.0, 3.0]], {"Maximum": 1}),
    ("Minimum", ops.minimum, [[1.0, 2.0], [1.0, 3.0]], {"Minimum": 1}),
    ("Max", ops.max, [[2.0, 2.0, 1.0]], {"Max": 2}),
    ("Sort", ops.sort, [[2.0, 2.0, 1.0]], {"Sort": 2}),
    ("TopK", lambda x: ops.top_k(x, 1)[0], [[2.0, 2.0, 1.0]], {"TopK": 2}),
    ("Where", lambda x: ops.where(x > 0, x, 0.5 * x), [[0.0, 1.0]], {"Greater": 1}),
    ("LeakyRelu", ops.leaky_relu, [[0.0, -1.0]], {"LeakyRelu": 1}),
    ("MaxPool", lambda x: ops.max_pool(x, 2), [np.ones((1, 2, 1))], {"MaxPool": 2}),
    ("a composite", Folded(), [[1.0, 2.0]], {"Folded": 1}),
    ("a step", ops.floor, [[2.0, 2.5]], {"Floor": 1}),
    ("a cancelled kink", lambda x: ops.relu(x) - ops.relu(-x), [[0.0]], {"Relu": 1}),
    ("an undeclared one", Bent(), [[0.0, 1.0]], {"": 1}),
    ("one that agrees by chance", lambda x: ops.relu(x) + ops.relu(-x), [[0.0]], {"Relu": 1}),
]  # fmt: skip


@pytest.mark.parametrize("name, function, arguments, expected", KINKS,
                         ids=[row[0] for row in KINKS])  # fmt: skip
def test_a_kink_is_recognized_and_is_no_error(
    name: str, function: Any, arguments: list[Any], expected: dict[str, int]
) -> None:
    result = check_gradients(function, *arguments)
    assert result.passed, str(result)
    assert dict(result.parameters[0].kinks) == expected
    if "" not in expected:
        assert f"at a kink of {next(iter(expected))}" in str(result)


def test_how_many_stand_at_a_kink_is_said() -> None:
    text = str(check_gradients(ops.relu, [0.0, 1.0, 0.0]))
    assert "x: 2 entries stand at a kink of Relu; beside it the gradient is right." in text
    assert "agrees, 2 kinks" in text
    assert "1 entry stands at a kink of Relu" in str(check_gradients(ops.relu, [0.0, 1.0]))


@pytest.mark.parametrize("distance", [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7])
@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_near_a_kink_there_is_a_gradient(distance: float, side: float) -> None:
    result = check_gradients(lambda x: ops.relu(x) + x * x, [side * distance, 0.7])
    assert result.passed
    assert result.parameters[0].kinks == ()


WRONG_RELU = spoilt(Relu(), first(lambda passed: passed.incoming[0]))


@pytest.mark.parametrize(
    "wrong, arguments",
    [
        (WRONG_RELU, [[0.0, -1.0, 0.0]]),  # beside kinks
        (WRONG_RELU, [[0.0, 0.0]]),  # at kinks alone
        (WRONG_RELU, [[-1e-6, 1.0]]),  # near one
        (spoilt(Relu(), times(0.5)), [[0.0, 0.0]]),
        (spoilt(Absolute(), times(-1.0)), [[0.0]]),
        (spoilt(Maximum(), times(0.5, 1)), [[1.0, 1.0], [1.0, 1.0]]),
    ],
)
def test_a_kink_hides_no_mistake(wrong: Any, arguments: list[Any]) -> None:
    assert not check_gradients(wrong, *arguments).passed


def dark_network(add: Any) -> models.Sequential:
    """On black images every unit of a ReLU with zero bias stands at its kink."""
    model = models.Sequential(
        [
            layers.Input((9,)),
            layers.Dense(5, use_bias=False),
            Biased(add),
            layers.Activation("relu"),
            layers.Dense(2),
        ]
    )
    model.compile("sgd", "mse")
    return model


class Biased(layers.Layer):
    def __init__(self, add: Any) -> None:
        super().__init__(name="biased")
        self.add = add

    def build(self, shape: Any) -> None:
        self.bias = self.add_weight((shape[-1],), initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        return self.add(x, self.bias)


def test_where_all_entries_stand_at_kinks_mistakes_are_found_nevertheless() -> None:
    x, y = np.zeros((4, 9)), np.ones((4, 2))
    right = check_gradients(dark_network(Add()), x, y)
    assert right.passed
    (bias,) = (one for one in right.parameters if one.name == "biased/bias")
    assert bias.kinks == (("Relu", 5),)
    wrong = check_gradients(dark_network(spoilt(Add(), times(0.5, 1))), x, y)
    assert [one.name for one in wrong.failed] == ["biased/bias"]
    only_one = check_gradients(dark_network(spoilt(Add(), only_at(2, 0.5, 1))), x, y)
    assert only_one.failed[0].worst is not None
    assert only_one.failed[0].worst.name == "biased/bias[2]"


def test_a_large_network_of_relus_has_no_false_alarm() -> None:
    model = models.Sequential(
        [layers.Input((30,)), layers.Dense(200, "relu"), layers.Dense(150, "relu"),
         layers.Dense(1)]
    )  # fmt: skip
    model.compile("sgd", "mae")  # whose absolute value has kinks, too
    rng = np.random.default_rng(0)
    result = check_gradients(
        model, rng.normal(size=(40, 30)), rng.normal(size=(40, 1)), directions=16
    )
    assert result.passed, str(result)


def test_what_is_detached_is_held() -> None:
    assert check_gradients(lambda x: x * x.detach() + x, [1.0, 2.0]).passed
    straight_through = check_gradients(lambda x: x + (ops.round(x) - x).detach(), [0.4, 1.7])
    assert straight_through.passed


@pytest.mark.parametrize("function, at", [(ops.sqrt, [0.0, 1.0]), (ops.arccosh, [1.0, 2.0])])
def test_at_an_edge_of_the_domain_the_inner_side_decides(function: Any, at: list[float]) -> None:
    result = check_gradients(function, at)
    assert result.passed
    assert "1 entry stands at a kink or an edge of the domain" in str(result)
    wrong = spoilt(function.__wrapped__, times(0.5))
    assert not check_gradients(wrong, at[:1]).passed


def test_what_cannot_be_measured_does_not_pass() -> None:
    result = check_gradients(ops.power, [-2.0, -0.5], [2.0, 3.0])
    assert not result
    assert [one.verdict for one in result.parameters] == ["agrees", "not measured"]
    assert "Not measured: 1 of 2 gradients, by b." in result.verdict
    assert "2 entries could not be measured" in str(result)
