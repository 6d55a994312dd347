import math

import numpy as np
import pytest

import glassgrad
from glassgrad import Tensor, Variable
from glassgrad.errors import GradientError, ShapeError
from glassgrad.lens.explaining import shown


@pytest.fixture
def network():
    """One input, one sigmoid unit, one linear output, squared error, in float64."""
    values = {"x": 0.5, "target": 1.0, "w1": 0.8, "w2": -0.4}
    v = {
        name: Variable(value, name=name, trainable=name.startswith("w"), dtype="float64")
        for name, value in values.items()
    }
    return ((v["x"] * v["w1"]).sigmoid() * v["w2"] - v["target"]).square()


def rules(explained):
    lines = [line for step in explained.steps for line in step.lines if line.label == "rule"]
    return {line.name.plain: line for line in lines}


def test_numbers_agree_with_a_computation_by_hand(network):
    h = 1 / (1 + math.exp(-0.5 * 0.8))
    error = -0.4 * h - 1
    found = rules(glassgrad.explain(network))
    assert found["dL/dw2"].value == pytest.approx(2 * error * h, abs=1e-12)
    assert found["dL/dw1"].value == pytest.approx(2 * error * -0.4 * h * (1 - h) * 0.5, abs=1e-12)


def test_formulas_are_the_chain_rules(network):
    found = {name: line.formula.plain for name, line in rules(glassgrad.explain(network)).items()}
    assert found == {
        "dL/dt4": "2 * dL/dt5 * t4",
        "dL/dt3": "dL/dt4",
        "dL/dt2": "dL/dt3 * w2",
        "dL/dw2": "dL/dt3 * t2",
        "dL/dt1": "dL/dt2 * t2 * (1 - t2)",
        "dL/dw1": "dL/dt1 * x",
    }


def test_every_formula_evaluated_gives_its_number(network):
    explained = glassgrad.explain(network)
    numbers = {"x": 0.5, "target": 1.0, "w1": 0.8, "w2": -0.4, "exp": math.exp}
    lines = [line for step in explained.steps for line in step.lines]
    # What a formula needs stands in the lines of any step.
    given = {line.name.plain.replace("/", "_"): float(line.value) for line in lines}
    for line in lines:
        if line.formula is not None:
            text = line.formula.plain.replace("dL/d", "dL_d")
            assert eval(text, {**given, **numbers}) == pytest.approx(float(line.value), abs=1e-12)


def test_only_what_leads_to_a_variable_is_explained(network):
    assert not {"dL/dx", "dL/dtarget"} & set(rules(glassgrad.explain(network)))


def test_variables_can_be_chosen():
    a, b = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 4.0], requires_grad=True)
    explained = glassgrad.explain((a * b).sum(), [b])
    assert list(rules(explained)) == ["dL/dt2", "dL/dx"]
    np.testing.assert_array_equal(rules(explained)["dL/dx"].value, [1.0, 2.0])


def test_layers_are_named():
    dense = glassgrad.layers.Dense(2, name="hidden")
    explained = glassgrad.explain(dense(np.ones((1, 3), np.float32)).sum())
    assert "hidden" in {step.layer for step in explained.steps}


def test_nothing_to_differentiate_by_is_an_error():
    with pytest.raises(GradientError, match="requires_grad=True"):
        glassgrad.explain(Tensor(1.0) * 2)


def test_only_a_scalar_can_be_explained():
    with pytest.raises(ShapeError, match=r"\(2,\)"):
        glassgrad.explain(Tensor([1.0, 2.0], requires_grad=True) * 2)


@pytest.mark.parametrize(
    "value,text",
    [
        (np.float32(0.4), "0.4"),
        (np.array([[1.5]]), "1.5"),
        (np.array([1.0, -2.0]), "[ 1. -2.]"),
        (np.full((100, 100), 2.0), "2. 2. 2. 2. 2. 2. … of shape (100, 100), norm 200"),
    ],
)
def test_values_are_shown_as_short_as_they_can_be(value, text):
    assert shown(value) == text
