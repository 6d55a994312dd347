"""Any equation means to ``einsum`` what it means to NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgrad import ops
from glassgrad.graph import walk
from glassgrad.ops.linear import MatMul
from tests.differences import check_gradients, placeholders, run

LENGTHS = {"a": 2, "b": 3, "c": 1, "d": 4, "e": 2}


@st.composite
def equations(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    """One to three tensors with repeated, shared and lonely letters, and maybe an ellipsis."""
    sides = draw(st.lists(st.text("abcde", min_size=0, max_size=4), min_size=1, max_size=3))
    hidden = draw(st.sampled_from([(), (2,), (2, 3)]))
    shapes, written = [], []
    for side in sides:
        shape = [LENGTHS[letter] for letter in side]
        if hidden:
            place = draw(st.integers(0, len(side)))
            shown = [draw(st.sampled_from([1, n])) for n in hidden[draw(st.integers(0, 2)) :]]
            shape[place:place] = shown
            side = f"{side[:place]}...{side[place:]}"
        shapes.append(tuple(shape))
        written.append(side)
    letters = sorted({letter for side in sides for letter in side})
    kept = draw(st.permutations(letters))[: draw(st.integers(0, len(letters)))]
    output = f"->{'...' if hidden else ''}{''.join(kept)}"
    return ",".join(written) + output, shapes


@settings(max_examples=150, deadline=None, derandomize=True)
@given(equations())
def test_agrees_with_numpy(case: tuple[str, list[tuple[int, ...]]]) -> None:
    equation, shapes = case
    rng = np.random.default_rng(len(equation))
    arrays = [rng.normal(size=shape) for shape in shapes]
    inputs = placeholders(arrays)
    (found,) = run([ops.einsum(equation, *inputs)], inputs, arrays)
    np.testing.assert_allclose(found, np.einsum(equation, *arrays), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "equation, shapes",
    [
        ("ab,bc", [(2, 3), (3, 2)]),
        ("ba", [(2, 3)]),
        ("aab", [(2, 2, 3)]),
        (" a b , b -> a ", [(2, 3), (3,)]),
        ("...", [(2, 3)]),
        ("a...->...", [(2, 3)]),
        ("ab,b->ab", [(2, 3), (1,)]),
        ("a,ab,abc->c", [(1,), (1, 3), (2, 3, 4)]),
        ("aa,aa->a", [(3, 3), (3, 3)]),
    ],
)
def test_short_forms(equation: str, shapes: list[tuple[int, ...]]) -> None:
    arrays = [np.random.default_rng(1).normal(size=shape) for shape in shapes]
    inputs = placeholders(arrays)
    (found,) = run([ops.einsum(equation, *inputs)], inputs, arrays)
    np.testing.assert_allclose(found, np.einsum(equation, *arrays), rtol=1e-12, strict=True)
    check_gradients(lambda *xs: (ops.einsum(equation, *xs),), arrays, order=1)


@pytest.mark.parametrize(
    "equation, a, b",
    [("bqd,bkd->bqk", (2, 3, 4), (2, 5, 4)), ("ji,jk->ik", (4, 3), (4, 2)),
     ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 3, 4))],
)  # fmt: skip
def test_matrices_are_multiplied_as_they_lie(
    equation: str, a: tuple[int, ...], b: tuple[int, ...]
) -> None:
    """No axis is moved in memory where the product takes a transposed side."""
    inputs = placeholders([np.zeros(a), np.zeros(b)])
    result = ops.einsum(equation, *inputs).node.operation
    nodes = walk(result.graph(*(x.spec for x in inputs)).outputs)
    assert not any(node.operation.name == "Transpose" for node in nodes)
    assert sum(isinstance(node.operation, MatMul) for node in nodes) == 1


def test_many_matrices_times_one_are_one_product() -> None:
    a, b = placeholders([np.zeros((5, 4, 3)), np.zeros((3, 2))])
    (product,) = [n for n in walk([ops.matmul(a, b)]) if isinstance(n.operation, MatMul)]
    assert product.specs[0].shape == (20, 2)
