"""What an operation prints is what it computes: the plain notation is evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy.special import erf, erfinv

from glassgrad.graph import Binding, Formula, Operation
from glassgrad.ops import elementwise
from tests.ops import oracles, spatial_oracles
from tests.ops.cases import CASES, Case
from tests.ops.samples import Array

WINDOWS = (
    spatial_oracles.windows,
    spatial_oracles.add_windows,
    spatial_oracles.block_diagonal,
    spatial_oracles.diagonal_blocks,
)


class Called:
    """What the name of an operation without notation stands for: its oracle.

    ``Scan(...)`` is the first output, ``Scan[1](...)`` the second.
    """

    def __init__(self, oracle: Any, output: int = 0) -> None:
        self.oracle, self.output = oracle, output

    def __getitem__(self, output: int) -> Called:
        return Called(self.oracle, output)

    def __call__(self, *arrays: Array) -> Any:
        results = self.oracle(*arrays)
        return (results if isinstance(results, tuple) else (results,))[self.output]


def evaluate(formula: Formula, case: Case, names: dict[str, Any]) -> Any:
    """Evaluate a plain form among NumPy's functions and the few names of our own."""
    operation = case.build("float64")
    known = {
        **vars(np),
        "uniform": oracles.uniform,
        "erf": erf,
        "erfinv": erfinv,
        **{function.__name__: function for function in WINDOWS},
        operation.name: Called(case.oracle),
    }
    return eval(formula.plain, known, names)


def symbols(arrays: Sequence[Array]) -> tuple[list[Formula], dict[str, Any]]:
    """An operand is a single letter."""
    letters = [f"v{number}" for number in range(len(arrays))]
    return [Formula(letter, letter) for letter in letters], dict(zip(letters, arrays, strict=True))


def expressions(arrays: Sequence[Array]) -> tuple[list[Formula], dict[str, Any]]:
    """An operand is an expression that falls apart without parentheses."""
    formulas, names = [], {}
    for number, array in enumerate(arrays):
        left, right = f"a{number}", f"b{number}"
        if array.dtype.kind == "b":
            formulas.append(Formula(f"{left} > {right}", left, Binding.COMPARISON))
            names |= {left: array.astype(float), right: 1.0 - array}
            continue
        formulas.append(Formula(f"{left} + {right}", left, Binding.SUM))
        part = np.asarray(array // 2 if array.dtype.kind in "iu" else array - 0.25, array.dtype)
        names |= {left: part, right: array - part}
    return formulas, names


def results(case: Case) -> list[Array]:
    return list(case.build("float64").evaluate(np, *case.arrays("float64")))


def assert_equal(found: Any, expected: Array) -> None:
    assert np.shape(found) == expected.shape
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("operands", [symbols, expressions])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_plain_form_computes_the_operation(case: Case, operands: Any) -> None:
    formulas, names = operands(case.arrays("float64"))
    operation = case.build("float64")
    for output, expected in enumerate(results(case)):
        assert_equal(evaluate(operation.formula(formulas, output), case, names), expected)


USERS = {
    "square": (elementwise.Square(), lambda v, c: [v], lambda v, c: v**2),
    "difference": (elementwise.Subtract(), lambda v, c: [c, v], lambda v, c: c - v),
    "product": (elementwise.Multiply(), lambda v, c: [c, v], lambda v, c: c * v),
    "negative": (elementwise.Negative(), lambda v, c: [v], lambda v, c: -v),
    "power": (elementwise.Power(), lambda v, c: [c, v], lambda v, c: c**v),
    "cast": (elementwise.Cast("int32"), lambda v, c: [v], lambda v, c: v.astype("int32")),
}


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("case", [c for c in CASES if results(c)[0].dtype.kind == "f"], ids=str)
def test_the_plain_form_holds_together_inside_another(case: Case, user: str) -> None:
    """Its binding says when it needs parentheses."""
    outer, arrange, meaning = USERS[user]
    formulas, names = symbols(case.arrays("float64"))
    expected = results(case)[0]
    factor = np.random.default_rng(0).uniform(0.5, 1.5, expected.shape)
    inner = case.build("float64").formula(formulas)
    written = outer.formula(arrange(inner, Formula("c", "c")))
    found = evaluate(written, case, {**names, "c": factor})
    assert_equal(found, np.asarray(meaning(expected, factor)))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_latex_form_is_balanced(case: Case) -> None:
    operation: Operation = case.build("float64")
    formulas, _ = symbols(case.arrays("float64"))
    compound = [Formula("a + b", "a + b", Binding.SUM)] * len(formulas)
    for operands in (formulas, compound):
        for output in range(len(results(case))):
            latex = operation.formula(operands, output).latex
            assert latex.strip()
            assert_balanced(latex)


def assert_balanced(latex: str) -> None:
    depth = 0
    bare = latex.replace(r"\{", "").replace(r"\}", "")
    for character in bare:
        depth += (character == "{") - (character == "}")
        assert depth >= 0, latex
    assert depth == 0, latex
    assert latex.count(r"\left") == latex.count(r"\right"), latex
    assert latex.count(r"\begin") == latex.count(r"\end"), latex
