from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from glassgrad import ops
from glassgrad.errors import ArgumentError, ExecutionError, GraphError
from glassgrad.graph import (
    Graph,
    Node,
    Primitive,
    Tensor,
    TensorSpec,
    Variable,
    constant,
    evaluate,
    placeholder,
    rewrite,
    scope,
    substitute,
    trace_graph,
    walk,
)
from glassgrad.ops.elementwise import Add, Clip, Exp, Multiply

SCALAR = TensorSpec((), np.dtype("float32"))
PAIR = TensorSpec((2,), np.dtype("float32"))


def value(tensor: Tensor) -> Any:
    return evaluate([tensor], np, {})[0]


# ---- walking


def test_inputs_come_before_their_users_and_once() -> None:
    x = placeholder((2,))
    y = x * x
    z = y + y.exp()
    nodes = walk([z, y])
    assert len(nodes) == len(set(nodes)) == 4
    for node in nodes:
        assert all(nodes.index(t.node) < nodes.index(node) for t in node.inputs)


def test_a_deep_graph_needs_no_deep_stack() -> None:
    x = y = constant(1.0)
    for _ in range(5000):
        y = y + x
    assert len(walk([y])) == 5001
    assert value(y) == 5001


def test_walking_stops_at_what_is_known() -> None:
    x = placeholder((2,))
    y = x * 2
    assert walk([y + 1], lambda tensor: tensor is y)[-1].operation == Add()
    assert x.node not in walk([y + 1], lambda tensor: tensor.key == y.key)


# ---- rewriting


def test_substitute_replaces_a_tensor_and_shares_the_rest() -> None:
    x, z = placeholder((2,)), placeholder((2,))
    kept = z.exp()
    y = x * 2 + kept
    (replaced,) = substitute([y], {x.key: z})
    assert replaced is not y
    assert replaced.node.inputs[1] is kept
    assert x.node not in walk([replaced])
    assert substitute([kept], {x.key: z})[0] is kept


def test_a_rule_replaces_nodes() -> None:
    x = constant([1.0, 2.0])
    y = x.exp() + x

    def doubling(node: Node, inputs: tuple[Tensor, ...]) -> list[Tensor] | None:
        return [inputs[0] * 2] if node.operation == Exp() else None

    (changed,) = rewrite([y], doubling)
    np.testing.assert_array_equal(value(changed), [3.0, 6.0])
    np.testing.assert_allclose(value(y), np.exp([1.0, 2.0]) + np.array([1.0, 2.0]), rtol=1e-6)


def test_a_rewritten_node_keeps_its_scope() -> None:
    x, z = placeholder((2,)), placeholder((2,))
    with scope("layer"), scope("inner"):
        y = x * 2
    (replaced,) = substitute([y], {x.key: z})
    assert y.node.scope == replaced.node.scope == "layer/inner"
    assert (x + 1).node.scope == ""


def test_an_unneeded_part_is_not_visited() -> None:
    x = placeholder((2,))
    middle = x.exp()
    visited = []

    def record(node: Node, inputs: tuple[Tensor, ...]) -> None:
        visited.append(node)

    rewrite([middle + 1], record, {middle.key: x})
    assert middle.node not in visited


# ---- graphs as values


def cube(x: Tensor) -> Tensor:
    return x * x * x


def test_graphs_that_compute_the_same_are_equal() -> None:
    one, other = trace_graph(cube, [PAIR]), trace_graph(cube, [PAIR])
    assert one == other
    assert hash(one) == hash(other)
    assert {one: "found"}[other] == "found"


@pytest.mark.parametrize(
    "function, specs",
    [
        (cube, [SCALAR]),
        (cube, [TensorSpec((2,), np.dtype("float64"))]),
        (lambda x, unused: cube(x), [PAIR, PAIR]),
        (lambda x: x * (x * x), [PAIR]),
        (lambda x: x * x * x + 0.0, [PAIR]),
        (lambda x: (x * x * x, x), [PAIR]),
    ],
)
def test_graphs_that_differ_are_not_equal(function: Any, specs: list[TensorSpec]) -> None:
    assert trace_graph(cube, [PAIR]) != trace_graph(function, specs)


def test_parameters_and_constants_count() -> None:
    def clipped(high: float, shift: float) -> Graph:
        return trace_graph(lambda x: Clip(0.0, high)(x) + shift, [PAIR])

    assert clipped(1.0, 2.0) == clipped(1.0, 2.0)
    assert clipped(1.0, 2.0) != clipped(1.5, 2.0)
    assert clipped(1.0, 2.0) != clipped(1.0, 2.5)
    assert clipped(1.0, 2.0) != "a graph"


def test_the_variables_that_are_read_count() -> None:
    v, w = Variable([1.0, 2.0]), Variable([1.0, 2.0])
    assert trace_graph(lambda x: x + v, [PAIR]) == trace_graph(lambda x: x + v, [PAIR])
    assert trace_graph(lambda x: x + v, [PAIR]) != trace_graph(lambda x: x + w, [PAIR])


def test_which_input_is_which_counts() -> None:
    assert trace_graph(lambda x, y: x - y, [PAIR] * 2) != trace_graph(
        lambda x, y: y - x, [PAIR] * 2
    )


def test_a_graph_is_a_function() -> None:
    graph = trace_graph(lambda x, y: (x - y, x * y), [PAIR] * 2)
    arrays = np.array([3.0, 4.0], np.float32), np.array([1.0, 2.0], np.float32)
    difference, product = graph.evaluate(np, arrays)
    np.testing.assert_array_equal(difference, [2.0, 2.0])
    np.testing.assert_array_equal(product, [3.0, 8.0])
    copied = graph(constant(arrays[1]), constant(arrays[0]))
    np.testing.assert_array_equal(value(copied[0]), [-2.0, -2.0])
    assert str(graph) == "graph of 4 nodes"


def test_a_graph_names_what_it_lacks() -> None:
    stranger = placeholder((2,), label="stranger")
    with pytest.raises(GraphError, match="stranger"):
        trace_graph(lambda x: x + stranger, [PAIR])


def test_an_input_may_be_unused_or_an_output() -> None:
    graph = trace_graph(lambda x, y: x, [PAIR] * 2)
    arrays = np.ones(2, np.float32), np.zeros(2, np.float32)
    np.testing.assert_array_equal(graph.evaluate(np, arrays)[0], [1, 1])


# ---- evaluating


@dataclass(frozen=True)
class Wrong(Primitive):
    """Declares one thing and computes another."""

    computed: Any = (0.0,)

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        return TensorSpec((2,), np.dtype("float32"))

    def forward(self, xp: Any, x: Any) -> Any:
        shape, dtype, count = self.computed
        made = tuple(xp.zeros(shape, dtype) for _ in range(count))
        return made if count > 1 else made[0]


@pytest.mark.parametrize(
    "computed, found",
    [
        (((3,), "float32", 1), r"\(3,\), 'float32'"),
        (((2,), "float64", 1), "float64"),
        (((2,), "float32", 2), r"'float32'\), \(\(2,\), 'float32'"),
    ],
)
def test_an_operation_computes_what_it_declares(computed: Any, found: str) -> None:
    with pytest.raises(ExecutionError, match=f"declared .* computed .*{found}.*Mend"):
        value(Wrong(computed)(constant(1.0)))


def test_a_placeholder_needs_a_value() -> None:
    with pytest.raises(GraphError, match=r"value of Placeholder.* is not known while"):
        value(placeholder((2,), label="features") + 1)


def test_what_is_given_is_not_computed() -> None:
    x = placeholder((2,))
    y = x.exp()
    given = {y.node: (np.array([1.0, 2.0], np.float32),)}
    (doubled,) = evaluate([y * 2], np, given)
    np.testing.assert_array_equal(doubled, [2.0, 4.0])
    assert x.node not in given


def test_values_gain_what_was_computed() -> None:
    y = constant([1.0, 2.0]) * 3
    values: Any = {}
    evaluate([y + 1], np, values)
    np.testing.assert_array_equal(values[y.node][0], [3.0, 6.0])


# ---- tensors


def test_scalars_and_tensors_meet_in_a_node() -> None:
    x = placeholder((2,), "float64")
    y = 2 * x
    assert y.node.operation == Multiply()
    assert [t.spec for t in y.node.inputs] == [TensorSpec((), np.dtype("float64")), x.spec]
    assert repr(y) == "<Tensor float64[2] of Multiply>"
    assert str(y) == repr(y)  # no numbers yet


def test_a_tensor_knows_its_form() -> None:
    x = placeholder((2, 3), "int32")
    assert (x.shape, x.ndim, x.size, len(x), x.dtype) == ((2, 3), 2, 6, 2, np.dtype("int32"))
    assert str(x.spec) == "int32[2, 3]"
    assert placeholder(()).size == 1


def test_two_handles_of_one_output_are_one_key() -> None:
    x = placeholder((2,))
    one, other = x.node.outputs[0], x.node.outputs[0]
    assert one is not other
    assert one.key == other.key
    assert hash(one) == hash(other)


@pytest.mark.parametrize("shape", [(-1,), (2, -3)])
def test_a_length_is_not_negative(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=str(shape[-1])):
        placeholder(shape)


def test_a_leaf_is_not_applied() -> None:
    leaf = placeholder((2,)).node.operation
    with pytest.raises(GraphError, match="made by its own function"):
        leaf(ops.exp(constant(1.0)))


def test_a_call_gives_every_input() -> None:
    graph = trace_graph(lambda x, y: x + y, [PAIR, PAIR])
    with pytest.raises(ArgumentError, match=r"wants 2 inputs\. Got 1"):
        graph(constant([1.0, 2.0]))
