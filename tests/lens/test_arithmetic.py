from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from glassgrad import Tensor, ops
from glassgrad.graph import Formula, Names, evaluate, formula_of, placeholder, walk
from glassgrad.lens.arithmetic import number_of, simplified
from glassgrad.ops import broadcast_to, reshape, transpose

CASES: list[tuple[Callable[[Tensor], Tensor], str]] = [
    (lambda x: x * 1.0, "x"),
    (lambda x: 1.0 * x / 1.0, "x"),
    (lambda x: 0.0 + x + 0.0, "x"),
    (lambda x: x - 0.0, "x"),
    (lambda x: 0.0 - x, "-x"),
    (lambda x: ops.negative(-x), "x"),
    (lambda x: -1.0 * x, "-x"),
    (lambda x: x * -1.0 * -1.0, "x"),
    (lambda x: x + x, "2 * x"),
    (lambda x: x**1.0, "x"),
    (lambda x: (2.0 * Tensor(3.0) - 5.0) * x, "x"),
    (lambda x: 2.0 * Tensor(3.0) * x, "6 * x"),
    (lambda x: x * 0.0, "x * 0"),  # no number where x is infinite
    (lambda x: x.cast("float32"), "x"),
    (lambda x: reshape(x, (2, 1)).sum(axis=1, keepdims=True), "reshape(x, (2, 1))"),
    (lambda x: broadcast_to(x, (2,)), "x"),
    (lambda x: transpose(x, (0,)).mean(axis=0, keepdims=True), "mean(x, axis=0, keepdims=True)"),
]


@pytest.mark.parametrize("make, text", CASES, ids=lambda one: one if isinstance(one, str) else "")
def test_what_changes_nothing_goes(make: Callable[[Tensor], Tensor], text: str) -> None:
    x = placeholder((2,), label="x")
    before = make(x)
    (after,) = simplified([before])
    found = formula_of(after, Names({x.key: Formula("x", "x")})).plain
    assert found == text
    assert after.spec == before.spec
    given = {x.node: (np.array([3.0, -2.0], "float32"),)}
    old, new = (evaluate([one], np, dict(given))[0] for one in (before, after))
    np.testing.assert_allclose(old, new, rtol=1e-6)


def test_what_is_computed_twice_is_computed_once() -> None:
    x = placeholder((2,))
    (y,) = simplified([x.exp() * 3.0 + x.exp() * 3.0])
    assert [node.operation.name for node in walk([y])].count("Exp") == 1


def test_the_number_behind_a_movement() -> None:
    assert number_of(broadcast_to(Tensor(2.0), (3, 4))) == 2.0
    assert number_of(Tensor([1.0, 2.0])) is None
    assert number_of(placeholder(())) is None
