"""The network that one can compute by hand, and others whose tensors are single numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import Tensor, Variable, layers, ops
from glassgrad.lens import Explanation, explain
from glassgrad.lens.explanation import ExplainedWeight
from glassgrad.lens.numpy_program import Identifiers
from tests.lens.proof import FUNCTIONS

X, TARGET, W1, W2, RATE = 0.5, 1.0, 0.8, -0.4, 0.01

# By hand: z = w1 x, h = sigmoid(z), y = w2 h, L = (y - t)²
H = 1 / (1 + math.exp(-W1 * X))
Y = W2 * H
SLOPES = {"y": 2 * (Y - TARGET), "h": W2, "z": H * (1 - H), "w1": X, "w2": H}
GRADIENTS = {
    "w1": SLOPES["y"] * SLOPES["h"] * SLOPES["z"] * SLOPES["w1"],
    "w2": SLOPES["y"] * SLOPES["w2"],
}


def model() -> Explanation:
    with glassgrad.float_type("float64"):
        network = glassgrad.Sequential(
            [
                layers.Input((1,)),
                layers.Dense(1, "sigmoid", use_bias=False, name="hidden"),
                layers.Dense(1, use_bias=False, name="output"),
            ]
        )
        network.compile(glassgrad.optimizers.SGD(RATE), "mse")
        network.set_weights([[[W1]], [[W2]]])
        return explain(network, [[X]], [[TARGET]])


def variables() -> Explanation:
    given = {"x": X, "target": TARGET, "w1": W1, "w2": W2}
    v = {
        name: Variable(value, name=name, trainable=name.startswith("w"), dtype="float64")
        for name, value in given.items()
    }
    return explain(((v["x"] * v["w1"]).sigmoid() * v["w2"] - v["target"]).square())


NETWORKS = {
    model: {
        "hidden.kernel": [
            ("dL/doutput", "2 * (output - y)", "y"),
            ("doutput/dhidden", "output.kernel", "h"),
            ("dhidden/dhidden.z", "hidden * (1 - hidden)", "z"),
            ("dhidden.z/dhidden.kernel", "x", "w1"),
        ],
        "output.kernel": [
            ("dL/doutput", "2 * (output - y)", "y"),
            ("doutput/doutput.kernel", "hidden", "w2"),
        ],
    },
    variables: {
        "w1": [
            ("dL/dt3", "2 * t3", "y"),
            ("dt3/dt2", "w2", "h"),
            ("dt2/dt1", "t2 * (1 - t2)", "z"),
            ("dt1/dw1", "x", "w1"),
        ],
        "w2": [("dL/dt3", "2 * t3", "y"), ("dt3/dw2", "t2", "w2")],
    },
}


@pytest.mark.parametrize("network", NETWORKS, ids=lambda one: one.__name__)
def test_one_product_of_local_derivatives_for_each_weight(
    network: Callable[[], Explanation],
) -> None:
    found = {weight.name.plain: weight for weight in network().weights}
    assert list(found) == list(NETWORKS[network])
    for number, (name, factors) in enumerate(NETWORKS[network].items(), 1):
        weight = found[name]
        (product,) = weight.products
        written = [(one.name.plain, one.formula.plain) for one in product.factors]
        assert written == [(name, formula) for name, formula, _ in factors]
        for one, (_, _, slope) in zip(product.factors, factors, strict=True):
            assert one.value == pytest.approx(SLOPES[slope], abs=1e-12)
        gradient = GRADIENTS[f"w{number}"]
        assert weight.gradient.plain == f"dL/d{name}"
        assert product.value == pytest.approx(gradient, abs=1e-12)
        assert weight.value == pytest.approx(gradient, abs=1e-12)
        assert weight.difference == pytest.approx(gradient, rel=1e-8)


def test_forward_values_and_updates_agree_with_a_computation_by_hand() -> None:
    explanation = model()
    values = {line.name.plain: line.value.item() for line in explanation.lines}
    wanted = {"hidden.z": X * W1, "hidden": H, "output": Y, "L": (Y - TARGET) ** 2}
    for name, value in wanted.items():
        assert values[name] == pytest.approx(value, abs=1e-12)
    for update, weight, gradient in zip(
        explanation.updates, (W1, W2), GRADIENTS.values(), strict=True
    ):
        last = update.lines[-1]
        assert last.formula is not None
        name = update.name.plain
        assert last.formula.plain == f"{name} - learning_rate * dL/d{name}"
        assert update.after.item() == pytest.approx(weight - RATE * gradient, abs=1e-12)
        assert last.value is update.after or last.value == update.after


def w(value: float, name: str = "w") -> Variable:
    return Variable(value, name=name, dtype="float64")


def recurrent() -> tuple[Any, ...]:
    network = glassgrad.Sequential(
        [layers.Input((4, 1)), layers.SimpleRNN(1, name="rnn"), layers.Dense(1, name="output")]
    )
    network.compile("sgd", "mae")
    network.set_weights([[[0.7]], [[-1.3]], [0.1], [[0.9]], [0.2]])
    return network, np.array([[[0.3], [-0.2], [0.8], [0.5]]]), np.array([[2.0]])


def spatial() -> tuple[Any, ...]:
    network = glassgrad.Sequential(
        [
            layers.Input((1, 1, 1)),
            layers.Conv2D(1, 1, activation="tanh"),
            layers.MaxPooling2D(1),
            layers.Flatten(),
            layers.Dense(1, "softplus", kernel_regularizer="l2"),
        ]
    )
    network.compile("sgd", "huber")
    network.set_weights([np.full(one.shape, 0.4) for one in network.weights])
    return network, np.array([[[[0.6]]]]), np.array([[3.0]])


def several_paths() -> tuple[Any, ...]:
    one, other = w(0.8), w(-0.4, "v")
    h = (one * 0.5).tanh()
    return ((h * h + one * one * h) / other + 0.01 * one * one,)


def residual() -> tuple[Any, ...]:
    one = w(0.7)
    h = one * 1.5
    return (((h.sigmoid() + h) - 0.2).square(),)


LOSSES: dict[str, tuple[Callable[[], tuple[Any, ...]], int]] = {
    "several paths": (several_paths, 3),
    "a residual": (residual, 1),
    "a quotient": (lambda: ((w(0.7).exp() / (w(0.2, "v") + 3.0)).log() ** 3.0,), 1),
    "a matrix": (lambda: ((ops.reshape(w(0.7), (1, 1)) @ [[3.0]]).sum().sqrt(),), 1),
    "gelu": (lambda: (ops.gelu(w(0.7) * 1.5),), 1),
    "time": (recurrent, 4),
    "space": (spatial, 1),
}


@pytest.mark.parametrize("name", LOSSES)
def test_products_sum_up_to_the_gradient_and_to_the_quotient_of_differences(name: str) -> None:
    make, paths = LOSSES[name]
    explanation = explain(*make())
    assert max(len(weight.products) for weight in explanation.weights) >= paths
    known = _known(explanation)
    for weight in explanation.weights:
        assert weight.value == pytest.approx(known[weight.gradient.plain], rel=1e-12)
        assert sum(one.value for one in weight.products) == pytest.approx(weight.value, rel=1e-12)
        assert weight.difference == pytest.approx(weight.value, rel=1e-8)
        _evaluate_factors(weight, known)


def _known(explanation: Explanation) -> dict[str, Any]:
    lines = [*explanation.given, *explanation.lines]
    return {line.name.plain: np.asarray(line.value) for line in lines}


def _evaluate_factors(weight: ExplainedWeight, known: Mapping[str, Any]) -> None:
    """Each formula, evaluated by NumPy, is its number."""
    named = Identifiers(known)
    values = {named[name]: value for name, value in known.items()}
    for product in weight.products:
        assert product.value == pytest.approx(math.prod(one.value for one in product.factors))
        for one in product.factors:
            value = np.asarray(eval(named.written(one.formula.plain), FUNCTIONS, values))
            assert value.item() == pytest.approx(one.value, rel=1e-12)


def test_too_many_paths_are_counted_and_not_listed() -> None:
    one = w(0.7)
    h = one * 1.5
    for _ in range(7):
        t = h.tanh()
        h = t * t + h
    explanation = explain(h.square())
    (weight,) = explanation.weights
    assert weight.products == ()
    assert weight.difference == pytest.approx(weight.value, rel=1e-8)
    assert any("More than 64 paths" in note and " w:" in note for note in explanation.notes)


@pytest.mark.parametrize(
    "make",
    [
        lambda: (Variable([1.0, 2.0]) * 2.0).sum(),
        lambda: (Variable([1.0]) * Tensor([1.0, 2.0])).sum(),
        lambda: Variable(1.0).tensor,
    ],
)
def test_there_are_no_products_where_tensors_have_more_elements(
    make: Callable[[], Tensor],
) -> None:
    assert explain(make()).weights == ()


NUMBER = r"(-?\d[\d.e-]*)"
PRODUCT = r"((?:[(]?-?\d[\d.e-]*[)]? · )+[(]?-?\d[\d.e-]*[)]?)"


@pytest.mark.parametrize("network", NETWORKS, ids=lambda one: one.__name__)
def test_the_text_shows_it_to_the_last_digits(network: Callable[[], Explanation]) -> None:
    text = network().text()
    for number, (weight, factors) in enumerate(NETWORKS[network].items(), 1):
        start = text.index(f"── dL/d{weight}, symbol by symbol")
        section = " ".join(text[start : text.find("── ", start + 3)].split())
        assert f"dL/d{weight} = {' · '.join(name for name, _, _ in factors)}" in section
        for name, formula, slope in factors:
            (written,) = re.findall(re.escape(f"{name} = {formula} = ") + NUMBER, section)
            assert float(written) == pytest.approx(SLOPES[slope], abs=1e-12)
        ((numbers, result),) = re.findall(PRODUCT + " = " + NUMBER, section)
        values = [float(one.strip("()")) for one in numbers.split(" · ")]
        assert math.prod(values) == pytest.approx(GRADIENTS[f"w{number}"], abs=1e-12)
        assert float(result) == pytest.approx(GRADIENTS[f"w{number}"], abs=1e-12)
        (difference,) = re.findall("central difference of the loss: " + NUMBER, section)
        assert float(difference) == pytest.approx(GRADIENTS[f"w{number}"], rel=1e-8)
