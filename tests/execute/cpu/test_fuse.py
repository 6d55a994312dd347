from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.execute.cpu.expressions import has_expression
from glassgrad.execute.cpu.fuse import (
    Group,
    Kind,
    Pattern,
    _broadcast_columns,
    _Fusion,
    _needs,
    fuse,
    source_of,
    sources_of,
    spread,
)
from glassgrad.execute.cpu.simplify import merge_equal, simplify
from glassgrad.gradients import gradients
from glassgrad.graph import Leaf, Node, Tensor, Variable, constant, placeholder, walk
from glassgrad.ops import softmax, sparse_softmax_cross_entropy, stop_gradient
from glassgrad.ops.elementwise import Cast, Greater
from tests.execute.cpu.networks import training_step
from tests.execute.cpu.random_graphs import large_graph


def groups_of(*outputs: Tensor) -> list[Group]:
    return fuse(merge_equal(spread(simplify(outputs, has_expression))))


def kinds(*outputs: Tensor) -> list[Kind]:
    return [group.kind for group in groups_of(*outputs)]


def stored(groups: list[Group]) -> set[Node]:
    """Nodes whose values travel through memory."""
    return {
        source.node
        for group in groups
        for node in group.nodes
        for source in sources_of(node)
        if source.node not in group.nodes and not isinstance(source.node.operation, Leaf)
    }


# ---- patterns


@pytest.mark.parametrize(
    "shape, target, columns",
    [
        ((3,), (4, 3), 3),
        ((4, 1), (4, 3), 3),
        ((3, 1), (3, 3), 3),
        ((4, 1, 1), (4, 2, 3), 6),
        ((2, 3), (4, 2, 3), 6),
        ((4, 2, 1), (4, 2, 3), 3),
        ((1, 3), (1, 4, 1, 3), 3),
        ((2, 1, 3), (2, 4, 3), None),
        ((1, 4, 1), (2, 4, 3), None),
    ],
)
def test_the_row_length_of_a_broadcast(
    shape: tuple[int, ...], target: tuple[int, ...], columns: int | None
) -> None:
    assert _broadcast_columns(shape, target) == columns


def test_the_patterns_of_a_loop() -> None:
    x, bias, scale, row = (
        placeholder((4, 3)),
        placeholder((3,)),
        placeholder(()),
        placeholder((4, 1)),
    )
    (group,) = groups_of((x + bias) * scale - row)
    assert (group.kind, group.rows, group.columns) == (Kind.LOOP, 4, 3)
    found = [group.readings[node, place] for node in group.nodes for place in range(2)]
    full = Pattern.FULL
    assert found == [full, Pattern.COLUMN, full, Pattern.SCALAR, full, Pattern.ROW]


def test_flat_chains_do_not_care_where_rows_end() -> None:
    (group,) = groups_of((placeholder((4, 3)).tanh().reshape(2, 6) * 2.0).reshape(12))
    assert (group.rows, group.columns) == (1, None)


def test_a_vector_seen_as_a_column_of_one() -> None:
    x, row = placeholder((4, 3)), placeholder((4,))
    (group,) = groups_of(x / x.sum(1).exp().reshape(4, 1) - row.reshape(4, 1))
    _, exponential, quotient, difference = group.nodes
    assert group.patterns[exponential] is Pattern.ROW
    assert group.readings[quotient, 1] is Pattern.ROW
    assert group.readings[difference, 1] is Pattern.ROW


def test_in_a_square_a_row_is_not_taken_for_a_column() -> None:
    """Both are four long; the value of a row must not be read as that of a column."""
    x, v = placeholder((4, 4)), placeholder((4,))
    total = x.exp().sum(axis=1)
    assert kinds(x * total.tanh()) == [Kind.LOOP, Kind.LOOP]
    assert kinds(x * v.tanh()) == [Kind.LOOP, Kind.LOOP]
    assert kinds(x * total.tanh().reshape(4, 1)) == [Kind.LOOP]


def test_softmax_is_one_loop_also_for_one_row() -> None:
    assert kinds(softmax(placeholder((5, 3)))) == [Kind.LOOP]
    assert kinds(softmax(placeholder((1, 3)))) == [Kind.LOOP]


def test_broadcasts_along_middle_axes_are_made_in_memory() -> None:
    a, b, bias = placeholder((2, 1, 3)), placeholder((4, 1)), placeholder((4, 3))
    assert kinds((a + b).tanh()) == [Kind.KERNEL, Kind.KERNEL, Kind.LOOP]
    assert kinds((a + bias).tanh()) == [Kind.KERNEL, Kind.LOOP]  # only one of the two


# ---- what joins what


def test_what_follows_a_product_is_part_of_it() -> None:
    x, w, b = placeholder((8, 4)), placeholder((4, 6)), placeholder((6,))
    (group,) = groups_of((x @ w + b).relu().reshape(6, 8))
    assert group.kind is Kind.PRODUCT
    assert [node.operation.name for node in group.nodes] == ["MatMul", "Add", "Relu"]


@pytest.mark.parametrize(
    "a, b, kind",
    [
        ((5, 8, 4), (5, 4, 6), Kind.BATCH),
        ((2, 3, 8, 4), (1, 1, 4, 6), Kind.BATCH),
        ((8, 4), (5, 4, 6), Kind.BATCH),
        ((5, 8, 4), (4, 6), Kind.PRODUCT),
    ],
)
def test_batches_of_matrices(a: tuple[int, ...], b: tuple[int, ...], kind: Kind) -> None:
    assert kinds(placeholder(a) @ placeholder(b)) == [kind]


def test_matrices_of_a_batch_are_repeated_along_some_axes() -> None:
    product = placeholder((2, 1, 8, 4)) @ placeholder((3, 4, 6))
    assert kinds(product) == [Kind.KERNEL, Kind.LOOP, Kind.BATCH]


def test_axes_that_lie_apart_are_reduced_in_turns() -> None:
    x = placeholder((2, 3, 4, 5))
    assert kinds(x.sum((0, 2))) == [Kind.KERNEL, Kind.COLUMN_SUM]
    assert kinds(x.max((1, 3))) == [Kind.LOOP, Kind.KERNEL]


def test_a_reduction_is_no_part_of_a_product() -> None:
    assert kinds((placeholder((8, 4)) @ placeholder((4, 6))).sum(1)) == [Kind.PRODUCT, Kind.LOOP]


def test_products_that_need_a_product_do_not_join_it() -> None:
    x, w = placeholder((4, 4)), placeholder((4, 4))
    first = x @ w
    assert kinds(first + first @ w) == [Kind.PRODUCT, Kind.PRODUCT]


def test_a_node_between_two_groups_closes_no_circle() -> None:
    x = placeholder((4, 4))
    a = x.exp()
    b = a @ x
    groups = groups_of(a + b.exp())
    assert [group.kind for group in groups] == [Kind.LOOP, Kind.PRODUCT]
    assert len(groups[1].nodes) == 3


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint32", "int64"])
def test_sums_of_columns(dtype: str) -> None:
    x = placeholder((5, 2, 3), dtype)
    assert kinds(x.sum((0, 1))) == [Kind.COLUMN_SUM]
    assert kinds(x.sum(1)) == [Kind.KERNEL]


@pytest.mark.parametrize("shape, axis", [((5, 1), 0), ((1, 5), 1), ((1, 5, 1), 1)])
def test_axes_of_one_do_not_matter_to_a_reduction(shape: tuple[int, ...], axis: int) -> None:
    assert kinds(placeholder(shape).sum(axis)) == [Kind.LOOP]


def test_chains_that_meet_are_one_group() -> None:
    a, b, row = placeholder((4, 3)), placeholder((4, 3)), placeholder((4,))
    assert kinds(a.exp() + b.tanh()) == [Kind.LOOP]
    assert kinds(a + row.exp().reshape(4, 1)) == [Kind.LOOP]
    assert kinds(a @ b.reshape(3, 4) + placeholder((4, 4)).tanh()) == [Kind.PRODUCT]


def test_chains_do_not_meet_across_a_group_between_them() -> None:
    a, b = placeholder((4, 4)), placeholder((4, 4))
    x = a.exp()
    groups = groups_of((x @ b).sum(1, keepdims=True).exp() + x.tanh() + b.exp())
    assert not ordering_faults(groups)
    assert [group.kind for group in groups] == [Kind.LOOP, Kind.PRODUCT, Kind.LOOP]


def test_scalars_gather() -> None:
    step = Variable(1.0)
    assert kinds(step + 1.0, (Variable(2.0) * 3.0).exp()) == [Kind.LOOP]


def test_large_groups_are_cut() -> None:
    x = placeholder((3,))
    for _ in range(100):
        x = x.tanh()
    assert [len(group.nodes) for group in groups_of(x)] == [48, 48, 4]


# ---- aliases


def test_what_moves_nothing_is_no_node() -> None:
    x = placeholder((4, 3))
    y = stop_gradient(Cast("float32")(x.reshape(12)))
    assert source_of(y).key == x.key
    assert groups_of(y) == []
    assert source_of(Cast("float64")(x)).key != x.key


class Reversed(Cast):
    """A user's operation that inherits from one that moves nothing."""

    def forward(self, xp: Any, x: Any) -> Any:
        return x[::-1]


def test_what_inherits_from_an_alias_is_none() -> None:
    y = Reversed("float32")(placeholder((3,)))
    assert source_of(y).key == y.key
    assert kinds(y) == [Kind.REFERENCE]


# ---- what is computed again


def test_the_mask_of_relu_is_not_stored() -> None:
    x, w1, w2 = placeholder((8, 4)), Variable(np.ones((4, 4))), Variable(np.ones((4, 4)))
    loss = ((x @ w1).relu() @ w2).sum()
    groups = groups_of(*[slope for slope in gradients(loss, [w1, w2]) if slope is not None])
    assert not any(isinstance(node.operation, Greater) for node in stored(groups))


def test_a_forward_kernel_is_the_same_with_and_without_training() -> None:
    """A mask in it would make it another one."""
    case = training_step([6, 5, 3], 4)
    loss, logits = case.outputs
    alone = [[n.operation.name for n in group.nodes] for group in groups_of(logits)]
    training = [
        [node.operation.name for node in group.nodes]
        for group in groups_of(loss, *case.updates.values())
    ]
    assert all(group in training for group in alone)


def test_whole_chains_move() -> None:
    """1 - y² is made from y, where it is needed."""
    x, w = placeholder((8, 4)), placeholder((4, 4))
    y = (x @ w).tanh()
    z = (y @ w) * (1.0 - y.square())
    groups = groups_of(z)
    assert [len(group.nodes) for group in groups] == [2, 4]
    assert {node.operation.name for node in stored(groups)} == {"Tanh"}


def test_what_is_expensive_is_stored() -> None:
    x, w = placeholder((8, 4)), placeholder((4, 4))
    y = (x @ w).tanh()
    groups = groups_of(y @ w * y.exp())
    assert {node.operation.name for node in stored(groups)} == {"Tanh", "Exp"}


def test_results_stay_where_they_were_made() -> None:
    x, w = placeholder((8, 4)), placeholder((4, 4))
    y = (x @ w).tanh()
    doubled = y * 2.0
    groups = groups_of(doubled, (y @ w) * doubled)
    assert doubled.node.operation in [node.operation for node in groups[0].nodes]


def test_what_a_product_multiplies_does_not_move() -> None:
    x, w = placeholder((4, 4)), placeholder((4, 4))
    y = (x @ w).tanh()
    groups = groups_of((y * 2.0) @ w)
    assert [len(group.nodes) for group in groups] == [3, 1]


def test_a_broadcast_constant_is_not_stored() -> None:
    x, labels = placeholder((6, 3)), placeholder((6,), "int32")
    w = Variable(np.ones((3, 3)))
    loss = sparse_softmax_cross_entropy(labels, x @ w).mean()
    (slope,) = gradients(loss, [w])
    assert slope is not None
    names = {node.operation.name for node in stored(groups_of(loss, slope))}
    assert "BroadcastTo" not in names
    assert "Equal" not in names


# ---- the order


def ordering_faults(groups: list[Group]) -> list[Group]:
    """Groups that come before something that they need."""
    made: set[Node] = set()
    faults = []
    for group in groups:
        made |= set(group.nodes)
        sources = {source.node for node in group.nodes for source in sources_of(node)}
        if not all(isinstance(node.operation, Leaf) or node in made for node in sources):
            faults.append(group)
    return faults


@pytest.mark.parametrize("seed", range(60))
def test_groups_of_any_graph_are_whole_and_in_order(seed: int) -> None:
    graph = large_graph(seed)
    roots = [*graph.outputs, *graph.updates.values()]
    roots = list(merge_equal(spread(simplify(roots, has_expression))))
    groups = fuse(roots)
    assert not ordering_faults(groups)
    homes = [node for group in groups for node in group.nodes]
    computed = {
        node
        for node in walk(roots)
        if not isinstance(node.operation, Leaf) and source_of(node.outputs[0]).node is node
    }
    assert set(homes) == computed
    for group in groups:  # inputs before their users, within a group as well
        places = {node: number for number, node in enumerate(group.nodes)}
        assert all(
            places[source.node] < places[node]
            for node in group.nodes
            for source in sources_of(node)
            if source.node in places
        )


def needed_by(groups: list[Group], home: dict[Node, Group]) -> dict[Group, set[Group]]:
    """For each group all that must run before it, found from the nodes alone."""
    needed = {
        group: {
            home[source.node]
            for node in group.nodes
            for source in sources_of(node)
            if source.node in home and home[source.node] is not group
        }
        for group in groups
    }
    for middle in groups:
        for group in groups:
            if middle in needed[group]:
                needed[group] |= needed[middle]
    return needed


@pytest.mark.parametrize("seed", range(20))
def test_groups_know_at_any_time_what_they_need(seed: int) -> None:
    graph = large_graph(seed)
    roots = [*graph.outputs, *graph.updates.values()]
    roots = list(merge_equal(spread(simplify(roots, has_expression))))
    nodes = [
        node
        for node in walk(roots)
        if not isinstance(node.operation, Leaf) and source_of(node.outputs[0]).node is node
    ]
    fusion = _Fusion(nodes)
    for number, node in enumerate(nodes):
        fusion.place(node)
        if number % 4 == 0 or node is nodes[-1]:
            groups = [group for group in fusion.groups if group.nodes]
            known = {a: {b for b in groups if _needs(a, b)} for a in groups}
            assert known == needed_by(groups, fusion.home)


def test_updates_come_last() -> None:
    case = training_step([6, 5, 3], 4)
    order = kinds(*case.outputs, *case.updates.values())
    assert order.count(Kind.UPDATE) == 1
    assert order[-1] is Kind.UPDATE


def test_groups_that_need_not_wait_come_together() -> None:
    """Of a layer: the gradients of input, weights and bias, all made of the same gradient."""
    case = training_step([6, 5, 4, 3], 4)
    groups = groups_of(*case.updates.values())
    backward = [g for g in groups if "dense_1 backward" in g.nodes[0].scope]
    numbers = sorted(groups.index(group) for group in backward)
    assert numbers == list(range(numbers[0], numbers[0] + 3))


def test_a_constant_is_a_group_of_nobody() -> None:
    assert groups_of(constant(1.0), placeholder((2,))) == []
