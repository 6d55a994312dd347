"""Names of quantities: short, different from each other, and safe in LaTeX."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import Variable, layers
from glassgrad.graph import Formula
from glassgrad.layers import Dense, Input
from glassgrad.lens.explanation import Explanation
from glassgrad.lens.naming import gradient_of, plain_path, share_of, time_of
from glassgrad.models import Sequential


def explained(*parts: Any, inputs: tuple[int, ...] = (3,)) -> Explanation:
    model = Sequential([Input(inputs), *parts])
    model.compile("sgd", "mse")
    outputs = model.compute_output_shape((2, *inputs))
    return glassgrad.explain(model, np.ones((2, *inputs)), np.ones(outputs))


def latex(explanation: Explanation) -> dict[str, str]:
    lines = [*explanation.given, *explanation.lines]
    return {line.name.plain: line.name.latex for line in lines}


def test_symbols_of_a_layer() -> None:
    found = latex(explained(Dense(2, "tanh", name="hidden_1")))
    assert found["hidden_1.kernel"] == r"{W_{\mathrm{hidden\_1}}}"
    assert found["hidden_1.bias"] == r"{b_{\mathrm{hidden\_1}}}"
    assert found["hidden_1.z"] == r"{z_{\mathrm{hidden\_1}}}"
    assert found["hidden_1"] == r"{y_{\mathrm{hidden\_1}}}"
    expected = r"\frac{\partial L}{\partial {W_{\mathrm{hidden\_1}}}}"
    assert found["dL/dhidden_1.kernel"] == expected
    assert found["x"] == "x"


def test_symbols_of_steps_in_time() -> None:
    found = latex(explained(layers.LSTM(2, name="lstm"), inputs=(3, 2)))
    assert found["lstm_cell[1].h"] == r"{h_{\mathrm{lstm\_cell},1}}"
    assert found["lstm_cell[1].candidate"] == r"{\tilde{c}_{\mathrm{lstm\_cell},1}}"
    assert found["lstm_cell[1].t1"] == r"{t^{(1)}_{\mathrm{lstm\_cell},1}}"
    assert {f"lstm_cell[0].{one}" for one in ("z", "i", "f", "candidate", "o", "c")} <= set(found)


def test_a_penalty_belongs_to_its_layer() -> None:
    explanation = explained(Dense(2, kernel_regularizer="l2", name="out"))
    (penalty,) = (layer for layer in explanation.layers if "penalty" in layer.name)
    assert (penalty.name, penalty.kind) == ("out.penalty", "")
    written = [line.formula.plain for line in penalty.forward if line.formula is not None]
    assert any(text.endswith("* 0.01") for text in written)  # and not what float32 makes of it


def test_numbers_are_indices() -> None:
    w = Variable(1.0, name="w1")
    found = latex(glassgrad.explain((w * 2.0).exp()))
    assert (found["w1"], found["t1"]) == ("{w_{1}}", "{t_{1}}")


@pytest.mark.parametrize(
    "name,expected", [("my weight", "my_weight"), ("1st", "_1st"), ("a-b/c", "a_b.c"), ("L", "L_2")]
)
def test_any_name_of_a_variable_can_stand_in_a_formula(name: str, expected: str) -> None:
    w = Variable(2.0, name=name)
    explanation = glassgrad.explain(w.square())
    assert explanation.given[0].name.plain == expected
    space: dict[str, Any] = {}
    exec(explanation.program(), space)
    assert space["backpropagate"](2.0)[1][expected] == 4.0


@pytest.mark.parametrize(
    "name,expected",
    [
        ("a b", "a_b"),
        ("1st", "_1st"),
        ("$", "_"),
        ("h[0]", "h_0_"),
        ("d(1)", "d_1_"),
        ("W_{x}", "W__x_"),
        ("a.b", "a_b"),
        ("größe", "größe"),
        ("lambda", "lambda"),
    ],
)
def test_any_name_of_a_layer_can_stand_in_a_formula(name: str, expected: str) -> None:
    explanation = explained(Dense(2, "tanh", name=name), Dense(1))
    assert explanation.layers[2].name == expected
    assert explanation.layers[2].time is None
    space: dict[str, Any] = {}
    exec(explanation.program(), space)
    given = [line.value for line in explanation.given]
    found = space["backpropagate"](*given)[1][f"{expected}.kernel"]
    np.testing.assert_allclose(found, explanation.gradients[f"{expected}.kernel"], rtol=1e-12)


def test_words_of_other_alphabets_stand_as_text() -> None:
    found = latex(explained(Dense(2, name="größe"), Dense(1, name="size")))
    assert found["größe.kernel"] == r"{W_{\text{größe}}}"
    assert found["size.kernel"] == r"{W_{\mathrm{size}}}"


def test_layers_whose_names_would_be_written_alike_are_told_apart() -> None:
    parts = [Dense(2, name=name) for name in ("a b", "a-b", "a_b")]
    explanation = explained(*parts)
    assert [layer.name for layer in explanation.layers[1:]] == ["a_b", "a_b_3", "a_b_2"]


def test_variables_of_one_name_are_told_apart() -> None:
    a, b = Variable(1.0, name="w"), Variable(2.0, name="w")
    found = glassgrad.explain(a * b).gradients
    assert {"w", "w_2"} <= set(found)


def test_no_name_carries_two_indices_or_powers() -> None:
    explanation = explained(
        layers.GRU(2, return_sequences=True), layers.LSTM(2), Dense(1), inputs=(3, 2)
    )
    for text in latex(explanation).values():
        assert not re.search(r"\}_\{[^{}]*\}_|\}\^\{[^{}]*\}\^", text)
        if "_" in text or "^" in text:
            assert text.startswith(("{", r"\frac"))


def test_names_of_gradients() -> None:
    one = Formula("a.z", "z")
    assert gradient_of(one).plain == "dL/da.z"
    assert share_of(gradient_of(one), 2).plain == "dL/da.z(2)"


@pytest.mark.parametrize(
    "scope,time,path",
    [
        ("a/b", None, "a/b"),
        ("a/[3]", 3, "a"),
        ("a/[1]/b/[12]", 12, "a/b"),
        ("", None, ""),
        ("a[3]", None, "a[3]"),  # a layer may be called so
    ],
)
def test_steps_in_scopes(scope: str, time: int | None, path: str) -> None:
    assert (time_of(scope), plain_path(scope)) == (time, path)
