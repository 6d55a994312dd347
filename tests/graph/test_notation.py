from __future__ import annotations

import pytest

from glassgrad.graph import Binding, Formula, Notation, placeholder
from glassgrad.graph.notation import latex_of_number
from glassgrad.ops import elementwise, linear
from glassgrad.ops.indexing import Take
from glassgrad.ops.loss import Softmax
from glassgrad.ops.movement import Concatenate, Slice

A, B = Formula("a", "a"), Formula("b", "b")
SUM = Formula("a + b", "a + b", Binding.SUM)
PRODUCT = Formula("a * b", r"a \cdot b", Binding.PRODUCT)
NEGATIVE = Formula("-a", "-a", Binding.SIGN)
POWER = Formula("a ** b", "a^{b}", Binding.POWER)
COMPARISON = Formula("a > b", "a > b", Binding.COMPARISON)
FRACTION = elementwise.Divide().formula([A, B])
LABELS = Formula("labels", r"\mathrm{labels}")
INDEXED = Formula("t1", "t_{1}")


@pytest.mark.parametrize(
    "operation, operands, plain",
    [
        (elementwise.Add(), [A, B], "a + b"),
        (elementwise.Add(), [SUM, PRODUCT], "a + b + a * b"),
        (elementwise.Add(), [COMPARISON, A], "(a > b) + a"),
        (elementwise.Subtract(), [SUM, SUM], "a + b - (a + b)"),
        (elementwise.Subtract(), [A, PRODUCT], "a - a * b"),
        (elementwise.Multiply(), [SUM, A], "(a + b) * a"),
        (elementwise.Multiply(), [PRODUCT, B], "a * b * b"),
        (elementwise.Multiply(), [A, PRODUCT], "a * (a * b)"),
        (elementwise.Multiply(), [A, NEGATIVE], "a * -a"),
        (elementwise.Divide(), [PRODUCT, PRODUCT], "a * b / (a * b)"),
        (elementwise.Negative(), [SUM], "-(a + b)"),
        (elementwise.Negative(), [POWER], "-a ** b"),
        (elementwise.Power(), [NEGATIVE, A], "(-a) ** a"),
        (elementwise.Power(), [POWER, POWER], "(a ** b) ** (a ** b)"),
        (elementwise.Square(), [A], "a ** 2"),
        (elementwise.Exp(), [SUM], "exp(a + b)"),
        (elementwise.Maximum(), [SUM, COMPARISON], "maximum(a + b, a > b)"),
        (elementwise.Less(), [SUM, COMPARISON], "a + b < (a > b)"),
        (elementwise.Clip(-1.0, 2.0), [A], "clip(a, -1.0, 2.0)"),
        (linear.MatMul(), [A, SUM], "a @ (a + b)"),
        (linear.MatMul(True, False), [SUM, B], "(a + b).mT @ b"),
        (Concatenate(1), [A, SUM, B], "concatenate((a, a + b, b,), axis=1)"),
        (Slice((0,), (2,)), [INDEXED], "t1[0:2]"),
        (Slice((0,), (2,)), [SUM], "(a + b)[0:2]"),
        (Slice((0,), (2,)), [Formula("-1", "-1")], "(-1)[0:2]"),
        (Slice((0,), (2,)), [elementwise.Exp().formula([A])], "(exp(a))[0:2]"),
    ],
)
def test_parentheses_where_they_are_needed(
    operation: elementwise.Elementwise, operands: list[Formula], plain: str
) -> None:
    assert operation.formula(operands).plain == plain


def test_latex_has_parentheses_of_its_own() -> None:
    assert elementwise.Multiply().formula([SUM, B]).latex == r"\left(a + b\right) \cdot b"
    assert elementwise.Divide().formula([SUM, B]).latex == r"\frac{a + b}{b}"
    assert elementwise.Power().formula([SUM, SUM]).latex == r"\left(a + b\right)^{a + b}"


@pytest.mark.parametrize(
    "operation, operands, latex",
    [
        (elementwise.Multiply(), [A, FRACTION], r"a \cdot \frac{a}{b}"),
        (elementwise.Square(), [FRACTION], r"\left(\frac{a}{b}\right)^2"),
        (
            elementwise.Multiply(),
            [A, elementwise.Sigmoid().formula([SUM])],
            r"a \cdot \sigma(a + b)",
        ),
        (
            elementwise.Where(),
            [COMPARISON, SUM, PRODUCT],
            r"\begin{cases}a + b&a > b\\a \cdot b&\text{else}\end{cases}",
        ),
        (Take(), [A, LABELS], r"a_{\mathrm{labels}}"),
        (Take(), [LABELS, A], r"\mathrm{labels}_{a}"),
        (Take(), [FRACTION, A], r"\left(\frac{a}{b}\right)_{a}"),
        (Take(), [INDEXED, A], r"\left(t_{1}\right)_{a}"),
        (elementwise.Clip(1e-07, 2.0), [A], r"\operatorname{clip}(a, 10^{-7}, 2.0)"),
    ],
)
def test_latex_binds_in_its_own_way(
    operation: elementwise.Elementwise, operands: list[Formula], latex: str
) -> None:
    assert operation.formula(operands).latex == latex


@pytest.mark.parametrize(
    "number, latex",
    [(0.5, "0.5"), (-2.0, "-2.0"), (1e-07, "10^{-7}"), (2.5e-10, r"2.5 \cdot 10^{-10}"),
     (1e20, "10^{20}"), (float("inf"), r"\infty")],
)  # fmt: skip
def test_numbers_in_latex(number: float, latex: str) -> None:
    assert latex_of_number(number) == latex


def test_the_result_knows_its_binding() -> None:
    assert elementwise.Add().formula([A, B]).binding is Binding.SUM
    assert Softmax().formula([A]).binding is Binding.PRODUCT


def test_parameters_print_as_they_are() -> None:
    notation = Notation("f({x}, axis={axis})", "f_{{{axis}}}({x})")
    written = notation.write({"x": SUM}, {"axis": (0, 1)})
    assert written.latex == "f_{(0, 1)}(a + b)"
    assert written.plain == "f(a + b, axis=(0, 1))"


def test_operands_in_order_of_appearance() -> None:
    assert Notation("{b} + {a} * {b}", "").operands == ("b", "a")


def test_what_has_no_notation_is_written_as_a_call() -> None:
    class Mystery_Function(elementwise.Elementwise):  # noqa: N801 - shows that LaTeX is escaped
        pass

    written = Mystery_Function().formula([A, SUM])
    assert written.plain == "Mystery_Function(a, a + b)"
    assert written.latex == r"\operatorname{Mystery\_Function}(a, a + b)"


def test_a_later_output_is_written_with_its_number() -> None:
    assert Softmax().formula([A], 1).plain == "Softmax[1](a)"


def test_a_missing_parameter_is_an_error() -> None:
    with pytest.raises(KeyError):
        Notation("{x} + {y}", "{x} + {y}").write({"x": A})


def test_formulas_of_a_graph_nest() -> None:
    x = placeholder((2,), label="x")
    y = -(x + 1) * x
    (negative, _), symbol = y.node.inputs, Formula("x", "x")
    inner = negative.node.inputs[0].node.operation.formula([symbol, Formula("1", "1")])
    outer = negative.node.operation.formula([inner])
    assert y.node.operation.formula([outer, symbol]).plain == "-(x + 1) * x"
