"""An opened graph computes the same, and every node of it has a formula and a rule of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import Tensor, ops
from glassgrad.graph import Composite, Formula, Operation, float_type, scope, walk
from glassgrad.lens.naming import time_of
from glassgrad.lens.opening import Opening
from glassgrad.lens.tidying import tidied
from glassgrad.lens.writing import Writer
from glassgrad.ops.elementwise import Exp
from glassgrad.ops.movement import Concatenate, Reshape, Slice, Transpose
from glassgrad.ops.scan import Scan, scan


def real(*shape: int) -> Tensor:
    return Tensor(np.random.default_rng(len(shape)).normal(size=shape), dtype="float64")


def cumulative(reverse: bool) -> Tensor:
    def step(carries: Any, elements: Any, constants: Any) -> Any:
        total = carries[0] * 0.5 + elements[0] @ constants[0]
        return (total,), (total.exp(),)

    last, (sums,) = scan(step, [real(2, 3)], [real(4, 2, 2)], [real(2, 3)], reverse=reverse)
    return (sums.sum(axis=0) * last[0]).sum()


def weights(gates: int) -> list[Tensor]:
    return [real(3, 2 * gates), real(2, 2 * gates), real(2 * gates)]


COMPUTED: dict[str, Callable[[], Tensor]] = {
    "composite": lambda: ops.approximate_gelu(real(2, 3)).sum(),
    "attention": lambda: ops.dot_product_attention(*[real(2, 3, 2, 4)] * 3, is_causal=True),
    "masked attention": lambda: ops.dot_product_attention(
        *[real(2, 3, 1, 4)] * 3, mask=np.eye(3, dtype=bool)
    ),
    "einsum": lambda: ops.einsum("abc,dc->adb", real(2, 3, 4), real(5, 4)),
    "scan": lambda: cumulative(False),
    "scan backwards": lambda: cumulative(True),
    "simple": lambda: ops.simple_recurrence(real(2, 4, 3), real(2, 2), *weights(1)),
    "long": lambda: ops.long_short_term_memory(
        real(2, 4, 3), real(2, 2), real(2, 2), *weights(4), reverse=True
    )[1],
    "gated": lambda: ops.gated_recurrent_unit(
        real(2, 4, 3),
        real(2, 2),
        real(3, 6),
        real(2, 6),
        real(2, 6),
        mask=np.array([[True, True, False, True], [True, False, False, False]]),
    ),
    "top k": lambda: ops.top_k(real(3, 5), 2)[0],
    "probabilities": lambda: ops.binary_cross_entropy([[0.0, 1.0]], [[0.25, 0.5]]),
}


@pytest.mark.parametrize("name", COMPUTED)
def test_an_opened_graph_computes_the_same(name: str) -> None:
    with float_type("float64"):
        whole = COMPUTED[name]()
        (opened,) = Opening()([whole])
    np.testing.assert_allclose(opened.numpy(), whole.numpy(), rtol=1e-12, atol=1e-14)
    for node in walk([opened]):
        operation = node.operation
        assert not isinstance(operation, Scan)
        if isinstance(operation, Composite):
            assert operation.is_written()
            assert type(operation).chain_rule is not Operation.chain_rule


def test_steps_of_time_are_parts_of_the_scope() -> None:
    with scope("net"), scope("rnn"):
        h = ops.simple_recurrence(real(1, 3, 3), real(1, 2), *weights(1))
    (opened,) = Opening()([h])
    scopes = {node.scope for node in walk([opened]) if node.inputs}
    assert scopes == {"net/rnn", "net/rnn/[0]", "net/rnn/[1]", "net/rnn/[2]"}
    assert {time_of(one) for one in scopes} == {None, 0, 1, 2}


def test_a_scope_stays_within_a_loop() -> None:
    def step(carries: Any, elements: Any, constants: Any) -> Any:
        with scope("cell"):
            return (carries[0] + elements[0],), ()

    with scope("rnn"):
        last, _ = scan(step, [real(2)], [real(3, 2)])
    (opened,) = Opening()(list(last))
    found = {node.scope for node in walk([opened]) if node.operation.name == "Add"}
    assert found == {"rnn/cell/[0]", "rnn/cell/[1]", "rnn/cell/[2]"}


def test_what_needs_no_opening_stays_the_same_node() -> None:
    y = (real(2, 3) @ real(3, 2)).tanh().sum()
    (opened,) = Opening()([y])
    assert opened.key == y.key


@pytest.mark.parametrize("fused", [True, False])
def test_two_steps_in_place_of_one(fused: bool) -> None:
    x, p = real(4, 3), ops.softmax(real(4, 3))
    (opened,) = Opening(fused=fused)([ops.softmax_cross_entropy(p, x).sum()])
    names = {node.operation.name for node in walk([opened])}
    assert ("SoftmaxCrossEntropy" in names) is fused
    assert ({"Log", "Softmax"} <= names) is not fused


def test_a_loss_in_two_steps_reads_the_activation_of_the_layer() -> None:
    x = real(4, 3)
    q = ops.softmax(x)
    loss = ops.sparse_softmax_cross_entropy([0, 1, 2, 0], x).sum()
    activation, opened = Opening(fused=False)([q, loss])
    assert activation.node in set(walk([opened]))


# ---- movements


def simplified(x: Tensor) -> Tensor:
    return Opening()([x])[0]


@pytest.mark.parametrize(
    "make,expected",
    [
        (lambda x: Reshape((6,))(Reshape((3, 2))(x)), ["Reshape"]),
        (lambda x: Reshape((2, 3))(x), []),
        (lambda x: Transpose((0, 1))(x), []),
        (lambda x: Transpose((1, 0, 2))(Reshape((1, 2, 3))(x)), ["Reshape"]),
        (lambda x: Transpose((1, 0))(Transpose((1, 0))(x)), []),
        (lambda x: Slice((0, 0), (2, 3))(x), []),
        (lambda x: Slice((1, 0), (2, 3))(Concatenate(0)(x, x * 2)), ["Slice"]),
        (lambda x: Slice((2, 0), (4, 3))(Concatenate(0)(x, x * 2)), ["Constant", "Multiply"]),
        (lambda x: Slice((1, 0), (3, 2))(Transpose((1, 0))(x)), ["Slice", "Transpose"]),
        (lambda x: Concatenate(0)(x), []),
        (lambda x: x.cast("float64"), []),
        (lambda x: x * 1.0 / 1.0, []),
        (lambda x: Reshape((2, 1))(x.sum(axis=1)), ["Sum"]),
        (lambda x: ops.broadcast_to(Reshape((1, 2, 3))(x), (4, 2, 3)), ["BroadcastTo"]),
        (lambda x: Reshape((2, 3))(Reshape((2, 1, 3))(x) + real(3)), ["Constant", "Add"]),
        (lambda x: x * Reshape((1, 3))(real(3)), ["Constant", "Multiply"]),
        (
            lambda x: Reshape((1, 1, 3))(real(3)) + Reshape((1, 3))(real(3)),
            ["Constant"] * 2 + ["Add", "Reshape"],
        ),
        (lambda x: real(2, 4, 2) @ x + real(3), ["Constant"] * 2 + ["Add", "MatMul"]),
    ],
)
def test_movements_in_their_simplest_form(
    make: Callable[[Tensor], Tensor], expected: list[str]
) -> None:
    x = real(2, 3)
    with float_type("float64"):
        whole = make(x)
    found = simplified(whole)
    names = [node.operation.name for node in walk([found]) if node is not x.node]
    assert sorted(names) == sorted(expected)
    np.testing.assert_array_equal(found.numpy(), whole.numpy())


def test_nothing_is_simpler_than_what_computes() -> None:
    x = real(2, 3)
    shop = Writer({}, lambda tensor: Formula("t", "t"))
    assert tidied(Exp(), (x,), shop) is None
    assert tidied(Reshape((3, 2)), (x,), shop) is None


def test_what_has_a_name_is_not_looked_into() -> None:
    x = real(2, 3)
    row = Reshape((6,))(x)
    named = {row.key: Formula("row", "row")}
    shop = Writer(named, lambda tensor: Formula("t", "t"))
    assert shop.formula(shop.tidy(Reshape((3, 2))(row))).plain == "reshape(row, (3, 2))"
