"""Formulas as they are written: short indices, exact numbers, cuts where they grow long."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest

from glassgrad import Tensor, ops
from glassgrad.graph import Binding, Formula, constant, float_type, placeholder
from glassgrad.lens.writing import Writer, is_range, literal
from glassgrad.ops.linear import MatMul

X, Y = placeholder((4, 5), "float64", "x"), placeholder((5, 3), "float64", "y")


def writer(**names: Tensor) -> Writer:
    numbers = count(1)
    known = {tensor.key: Formula(name, name) for name, tensor in names.items()}

    def name(_: Tensor) -> Formula:
        number = next(numbers)
        return Formula(f"t{number}", f"t_{{{number}}}")

    return Writer(known, name)


@pytest.mark.parametrize(
    "make,expected",
    [
        (lambda x, y: x[1:3], "x[1:3]"),
        (lambda x, y: x[:, 2:4], "x[:, 2:4]"),
        (lambda x, y: x[:, 2], "x[:, 2]"),
        (lambda x, y: x[0, 2], "x[0, 2]"),
        (lambda x, y: (x * 2.0)[0], "(x * 2)[0]"),
        (lambda x, y: x[1:2], "x[1:2]"),
        (lambda x, y: ops.reshape(x[0:2], (10,)), "reshape(x[0:2], (10,))"),
        (lambda x, y: MatMul(False, True)(y, x @ y), "y @ (x @ y).mT"),
        (lambda x, y: ops.transpose(x), "x.mT"),
        (lambda x, y: ops.transpose(x * 2.0), "(x * 2).mT"),
        (lambda x, y: MatMul(True, False)(x**2.0, x), "(x ** 2).mT @ x"),
        (lambda x, y: (x @ y) ** 2.0, "(x @ y) ** 2"),
        (lambda x, y: x.sum(axis=0), "sum(x, axis=0)"),
        (lambda x, y: x.mean(axis=(0, 1), keepdims=True), "mean(x, axis=(0, 1), keepdims=True)"),
        (lambda x, y: x * 0.1 + math.inf, "x * 0.1 + inf"),
        (lambda x, y: x - -0.5, "x - -0.5"),
        (lambda x, y: ops.take(x, np.arange(3)), "take(x, arange(3), axis=0)"),
    ],
)
def test_formulas(make: Callable[[Tensor, Tensor], Tensor], expected: str) -> None:
    with float_type("float64"):
        made = make(X, Y)
    text = writer(x=X, y=Y).expression(made)
    assert text.plain == expected
    assert text.latex.count("{") == text.latex.count("}")


@pytest.mark.parametrize(
    "value,plain,latex,binding",
    [
        (2.0, "2", "2", Binding.ATOM),
        (-2.0, "-2", "-2", Binding.SIGN),
        (1 / 3, "0.3333333333333333", "0.333333", Binding.ATOM),
        (1e-7, "1e-07", r"1 \cdot 10^{-7}", Binding.PRODUCT),
        (math.inf, "inf", r"\infty", Binding.ATOM),
        (-math.inf, "-inf", r"-\infty", Binding.SIGN),
        (True, "True", "True", Binding.ATOM),
        (3, "3", "3", Binding.ATOM),
    ],
)
def test_numbers_are_exact(value: Any, plain: str, latex: str, binding: Binding) -> None:
    made = literal(constant(value, "float64" if isinstance(value, float) else None))
    assert made == Formula(plain, latex, binding)
    assert eval(made.plain, {"inf": math.inf}) == value


def test_ranges() -> None:
    assert is_range(np.arange(4))
    assert not is_range(np.array([0, 2]))
    assert not is_range(np.zeros((1, 1), int))
    assert not is_range(np.array([0.0, 1.0]))


def test_long_formulas_are_cut_where_they_are_longest() -> None:
    total = X
    for _ in range(30):
        total = (total + X).tanh()
    one = writer(x=X)
    formula = one.expression(total)
    assert len(formula.plain) <= 100
    assert one.parts
    assert all(len(text.plain) <= 100 for _, _, text in one.parts)
    names = [name.plain for _, name, _ in one.parts]
    assert names == [f"t{n}" for n in range(1, len(names) + 1)]


def test_what_a_notation_says_twice_is_named() -> None:
    one = writer(x=X)
    formula = one.expression(ops.softmax(X * 2.0 + 1.0))
    assert formula.plain == "exp(t1) / sum(exp(t1), axis=-1, keepdims=True)"
    assert [text.plain for _, _, text in one.parts] == ["x * 2 + 1"]


def test_what_several_formulas_share_is_named() -> None:
    shared = (X * 2.0 + 1.25).tanh()
    one = writer(x=X)
    made = [one.tidy(shared * 3.0), one.tidy((X * 2.0 + 1.25).tanh() * 4.0)]
    one.name_shared(made)
    assert [one.formula(tensor).plain for tensor in made] == ["t1 * 3", "t1 * 4"]
    assert [text.plain for _, _, text in one.parts] == ["tanh(x * 2 + 1.25)"]


def test_what_is_tidy_already_stays() -> None:
    made = (X * 2.0).tanh()
    assert writer(x=X).tidy(made).key == made.key


def test_a_one_with_a_name_is_not_left_out() -> None:
    one = constant(1.0, "float64")
    made = X * one
    assert writer(x=X).formula(writer(x=X).tidy(made)).plain == "x"
    named = writer(x=X, g=one)
    assert named.formula(named.tidy(made)).plain == "x * g"
