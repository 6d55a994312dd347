from __future__ import annotations

from glassgrad.graph import Formula, Names, Variable, constant, placeholder, scope, show
from glassgrad.ops.scan import scan


def test_a_line_for_each_node() -> None:
    x, w = placeholder((2, 3), label="x"), Variable([[1.0], [2.0], [3.0]], name="w")
    with scope("dense"):
        y = x @ w
    lines = [line.split() for line in show([(y - 1).sum()]).splitlines()]
    assert lines == [
        ["x", "=", "placeholder", "float32[2,", "3]"],
        ["w", "=", "read", "float32[3,", "1]", "dense"],
        ["t1", "=", "x", "@", "w", "float32[2,", "1]", "dense"],
        ["t2", "=", "t1", "-", "1", "float32[2,", "1]"],
        ["t3", "=", "sum(t2,", "axis=(0,", "1))", "float32[]"],
        ["return", "t3"],
    ]


def test_names_are_unique() -> None:
    names = Names()
    one, other = placeholder((2,), label="x"), placeholder((2,), label="x")
    assert [names[one].plain, names[other].plain, names[one].plain] == ["x", "x_2", "x"]
    assert names[other].latex == r"\mathrm{x\_2}"
    taken = Names({one.key: Formula("t1", "t_1")})
    assert taken[constant([1.0, 2.0])].plain == "t2"


def test_a_number_is_its_own_name() -> None:
    assert Names()[constant(2.5)].plain == "2.5"
    assert show([constant(2.5)]) == "return 2.5"


def test_every_output_of_a_node_is_named() -> None:
    x = placeholder((3, 2), label="x")
    (last,), (sums,) = scan(lambda c, e, k: ((c[0] + e[0],), (c[0],)), [constant([0.0, 0.0])], [x])
    text = show([last, sums])
    assert "t2, t3, t4 = Scan(t1, x)" in text
    assert text.endswith("return t2, t3")
