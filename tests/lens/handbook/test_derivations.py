"""What the pages print is computed: by NumPy, and compared with the engine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import erf, erfinv
from torch.nn import functional as torch_nn

from glassgrad.gradients import differentiate
from glassgrad.graph import apply, constant, evaluate, float_type
from glassgrad.graph.operation import Array
from glassgrad.lens.handbook import (
    Derivation,
    Example,
    FormulaLine,
    curve_of,
    derivation_of,
    examples,
)
from tests.ops import oracles, spatial_oracles

EXAMPLES = examples()
DIFFERENTIABLE = [name for name, one in EXAMPLES.items() if derivation_of(one).rules]
WITHOUT_RULES = {
    "it is flat": {"Ceil", "Floor", "Round", "Sign"},
    "it is refused": {"Heaviside"},
    "it gives no float": {
        *("Argmax", "Argmin", "Argsort", "Cast", "OneHot"),
        *("Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual"),
        *("IsFinite", "IsInf", "IsNan", "LogicalAnd", "LogicalNot", "LogicalOr", "LogicalXor"),
    },
    "nothing flows, which is what it is for": {"StopGradient"},
    "it has no float among its inputs": {"RandomUniform", "RandomNormal"},
    "it is a chain rule": {
        *("AttentionGradient", "CompositeGradient"),
        *(f"{kind}{part}" for kind in ("SimpleRecurrence", "LongShortTermMemory",
                                       "GatedRecurrentUnit") for part in ("Gradient", "Delta")),
    },
}  # fmt: skip
KNOWN = {
    **vars(np),
    "uniform": oracles.uniform,
    "erf": erf,
    "erfinv": erfinv,
    "windows": spatial_oracles.windows,
    "add_windows": spatial_oracles.add_windows,
}


def identifier(text: str) -> str:
    """``dL/dx`` as a name that Python takes."""
    return text.replace("dL/d", "dL_d")


def computed(lines: tuple[FormulaLine, ...], given: dict[str, Any]) -> dict[str, Any]:
    """The lines, evaluated one after the other."""
    names = {identifier(name): value for name, value in given.items()}
    for line in lines:
        names[identifier(line.name.plain)] = eval(identifier(line.formula.plain), KNOWN, names)
    return names


def by_the_engine(example: Example) -> tuple[dict[str, Array], dict[str, Array | None]]:
    """Outputs, and gradients of the inputs for a gradient of the first output."""
    with float_type("float64"):
        inputs = {name: constant(array) for name, array in example.arrays().items()}
        outputs = apply(example.operation, tuple(inputs.values()))
        values = evaluate(outputs, np, {})
        made = dict(zip(example.outputs, values, strict=True))
        if values[0].dtype.kind != "f" or example.name not in DIFFERENTIABLE:
            return made, {}
        incoming = [constant(slope(values[0])), *(None for _ in outputs[1:])]
        found = differentiate(outputs, incoming, list(inputs.values()))
        slopes = {
            name: None if one is None else evaluate([one], np, {})[0]
            for name, one in zip(inputs, found, strict=True)
        }
    return made, slopes


def slope(y: Array) -> Array:
    """A gradient without a pattern."""
    return np.cos(np.arange(y.size) + 1.0).reshape(y.shape)


def assert_equal(found: Any, expected: Array) -> None:
    """Equal to rounding."""
    assert np.shape(found) == expected.shape
    tolerance = 1e-6 if expected.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    """Formulas are not made for the extremes that some examples show."""
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_formula_computes_the_outputs(name: str) -> None:
    example = EXAMPLES[name]
    found = computed(derivation_of(example).forward, example.arrays())
    for output, expected in by_the_engine(example)[0].items():
        assert_equal(found[output], expected)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_the_derivation_computes_the_gradients(name: str) -> None:
    example = EXAMPLES[name]
    derivation = derivation_of(example)
    outputs, slopes = by_the_engine(example)
    first = example.outputs[0]
    given = {**example.arrays(), **outputs, f"dL/d{first}": slope(outputs[first])}
    found = computed(derivation.rules, given)
    for of, expected in slopes.items():
        if expected is None:
            assert of in derivation.without
        else:
            assert_equal(found[f"dL_d{of}"], expected)


def test_an_operation_without_rules_has_its_reason() -> None:
    assert set().union(*WITHOUT_RULES.values()) == EXAMPLES.keys() - set(DIFFERENTIABLE)


def test_a_wrong_line_is_found() -> None:
    rules = derivation_of(EXAMPLES["Tanh"]).rules
    names = {"x": np.ones(2), "y": np.tanh(np.ones(2)), "dL/dy": np.ones(2)}
    right = computed(rules, names)["dL_dx"]
    assert right[0] == pytest.approx(1 - math.tanh(1) ** 2)


def test_no_operation_is_named_where_a_formula_should_stand() -> None:
    for name, example in EXAMPLES.items():
        derivation = derivation_of(example)
        for line in (*derivation.forward, *derivation.rules):
            named = [known for known in EXAMPLES if f"{known}(" in line.formula.plain]
            assert not named, f"{name}: {line.formula.plain}"


def test_a_refusal_is_told() -> None:
    derivation: Derivation = derivation_of(EXAMPLES["Heaviside"])
    assert "no useful gradient" in derivation.refusal
    assert derivation.without == ("x",)


# ---- what is drawn

TORCH: dict[str, Any] = {
    "Absolute": torch.abs,
    "ApproximateGelu": lambda x: torch_nn.gelu(x, approximate="tanh"),
    "Clip": lambda x: torch.clip(x, -1.0, 1.0),
    "Elu": torch_nn.elu,
    "Gelu": torch_nn.gelu,
    "HardSigmoid": lambda x: torch.clamp(x + 3, 0, 6) / 6,  # torch's own slope is a float32
    "LeakyRelu": lambda x: torch_nn.leaky_relu(x, 0.2),
    "Mish": torch_nn.mish,
    "Negative": torch.neg,
    "Relu6": torch_nn.relu6,
    "Selu": torch_nn.selu,
    "Silu": torch_nn.silu,
    "Softplus": torch_nn.softplus,
    "Softsign": torch_nn.softsign,
    "ThresholdRelu": lambda x: torch.where(x > 1.0, x.clamp(max=3.0), 0.1 * (x - 1.0)),
}


@pytest.mark.parametrize("name", [name for name, one in EXAMPLES.items() if one.drawn])
def test_a_curve_and_its_slope_are_those_of_torch(name: str) -> None:
    curve = curve_of(EXAMPLES[name])
    x = torch.tensor(curve.x, requires_grad=True)
    if name == "Heaviside":
        expected = torch.heaviside(x.detach(), torch.ones((), dtype=x.dtype))
    else:
        expected = TORCH.get(name, getattr(torch, name.lower(), None))(x)
    np.testing.assert_allclose(curve.y, expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    if curve.slope is None:
        assert name in WITHOUT_RULES["it is flat"] | WITHOUT_RULES["it is refused"]
        return
    expected.sum().backward()
    assert x.grad is not None
    # At a kink, of which there are two at most, any slope between those of both sides is right.
    apart = ~np.isclose(curve.slope, x.grad.numpy(), rtol=1e-9, atol=1e-12)
    assert apart.sum() <= 2
    kinks = np.flatnonzero(apart)
    for place in kinks:
        sides = sorted((curve.slope[place - 1], curve.slope[place + 1]))
        assert sides[0] <= curve.slope[place] <= sides[1]
