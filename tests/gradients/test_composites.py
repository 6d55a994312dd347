from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.gradients import CompositeGradient, gradients
from glassgrad.graph import Composite, Tensor, constant, float_type, placeholder, walk
from glassgrad.ops import stop_gradient
from tests.differences import check_gradients


class Swish(Composite):
    """y = x σ(x), without a chain rule of its own."""

    def definition(self, x: Any) -> Any:
        return x * x.sigmoid()


@dataclass(frozen=True)
class Moments(Composite):
    """Mean and variance along an axis: two outputs."""

    axis: int = -1

    def definition(self, x: Any) -> Any:
        mean = x.mean(self.axis, keepdims=True)
        return mean, (x - mean).square().mean(self.axis, keepdims=True)


class Standardized(Composite):
    """A composite made of a composite, with an input that it passes by."""

    def definition(self, x: Any, scale: Any, unused: Any) -> Any:
        mean, variance = Moments()(x)
        return (x - mean) / (variance + 1e-3).sqrt() * scale


class Mixed(Composite):
    """Whole numbers among the inputs, and an output that is an input."""

    def definition(self, x: Any, n: Any) -> Any:
        return x * n.cast(x.dtype), x, stop_gradient(x) * 2


RNG = np.random.default_rng(5)
X = RNG.normal(size=(3, 4))

CASES = {
    "swish": (lambda x: [Swish()(x)], [X]),
    "both outputs": (lambda x: Moments()(x), [X]),
    "the first output": (lambda x: Moments()(x)[:1], [X]),
    "the second output": (lambda x: Moments()(x)[1:], [X]),
    "another axis": (lambda x: Moments(0)(x), [X]),
    "nested": (lambda x, s, u: [Standardized()(x, s, u)], [X, RNG.normal(size=4), X]),
    "mixed": (lambda x, n: Mixed()(x, n)[:2], [X, np.arange(4, dtype=np.int32)]),
    "twice": (lambda x: [Swish()(Swish()(x))], [X]),
}


@pytest.mark.parametrize("name", CASES)
def test_rules_follow_from_the_definition(name: str) -> None:
    build, arrays = CASES[name]
    check_gradients(build, arrays, order=3, seed=2)


def test_what_does_not_reach_has_none() -> None:
    x, s, u = placeholder((2, 3)), placeholder((3,)), placeholder((2, 3))
    slopes = gradients(Standardized()(x, s, u).sum(), [x, s, u])
    assert [slope is None for slope in slopes] == [False, False, True]
    assert gradients(Mixed()(x, placeholder((3,), "int32"))[2].sum(), [x]) == [None]


def test_the_gradient_is_one_node_that_reads_the_outputs() -> None:
    """A kernel can attach to it, and what forward has computed is not computed again."""
    x = placeholder((2, 3))
    mean, variance = Moments()(x)
    (slope,) = gradients((mean + variance).sum(), [x])
    assert slope is not None
    (node,) = [n for n in walk([slope]) if isinstance(n.operation, CompositeGradient)]
    assert node.operation == CompositeGradient(Moments(), (True, True))
    assert [t.key for t in node.inputs[:3]] == [x.key, mean.key, variance.key]
    inner = node.operation.graph(*(t.spec for t in node.inputs))  # type: ignore[attr-defined]
    assert "Mean" not in [n.operation.name for n in inner.nodes]
    assert node.operation.name == "MomentsGradient"


def test_a_definition_is_traced_once_for_each_shape() -> None:
    traced = []

    class Counted(Composite):
        def definition(self, x: Any) -> Any:
            traced.append(x.shape)
            return x * 2

    operation = Counted()
    for shape in ((2,), (3,), (2,), (2,)):
        x = placeholder(shape)
        y = operation(x)
        ReferenceExecutor().compile([y], [x])(np.ones(shape))
    assert traced == [(2,), (3,)]


def test_the_value_is_that_of_the_definition() -> None:
    x = constant(X, "float64")
    whole: Tensor = Swish()(x)
    np.testing.assert_allclose(
        ReferenceExecutor().compile([whole])()[0], X / (1 + np.exp(-X)), rtol=1e-14
    )


class Halved(Composite):
    """y = x / 2, whose one half is a float of the policy."""

    def definition(self, x: Any) -> Any:
        return x * 0.5


@pytest.mark.parametrize("policy", ["float32", "float64"])
def test_a_definition_follows_the_float_policy(policy: str) -> None:
    with float_type(policy):
        assert Halved()(Tensor([1, 2])).dtype == policy
