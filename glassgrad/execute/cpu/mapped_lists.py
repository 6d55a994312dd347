"""Passes over formulas on lists: what reads a list is computed while the list is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from glassgrad.execute.cpu.lowered import DividedMap
from glassgrad.graph import Graph, Node, Operation, Tensor, placeholder, rewrite, substitute, walk
from glassgrad.graph.operation import as_specs
from glassgrad.graph.tensor import Key
from glassgrad.ops.mapping import ElementwiseMap
from glassgrad.ops.reduction import Sum

__all__ = ["divide_squares", "join_maps"]

Members: TypeAlias = Sequence[Tensor]
"""A list that a map reads or makes."""


def join_maps(outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Let a map that reads lists of another one be computed with it, element by element.

    So the squares of what an optimizer changes are summed where it is at hand.
    """
    joined = tuple(outputs)
    while (pair := _pair(joined)) is not None:
        joined = substitute(joined, _joined(*pair))
    return joined


def divide_squares(outputs: Sequence[Tensor], parts: int) -> tuple[Tensor, ...]:
    """Let each part sum the squares of its elements, member by member, and then add them up."""

    def divide(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        operation = node.operation
        if type(operation) is not ElementwiseMap or not operation.squares:
            return None
        divided = DividedMap(
            operation.body, operation.length, operation.shared, operation.squares, parts
        )
        made = _applied(divided, inputs, node)
        kept = len(made) - operation.squares
        return (*made[:kept], *(_applied(Sum((0, 1)), (one,), node)[0] for one in made[kept:]))

    return rewrite(outputs, divide)


def _pair(outputs: Sequence[Tensor]) -> tuple[Node, Node] | None:
    """A map, and one that reads what it makes and nothing that comes later."""
    maps = [node for node in walk(outputs) if type(node.operation) is ElementwiseMap]
    return next(((a, b) for a in maps for b in maps if _can_join(a, b)), None)


def _can_join(first: Node, then: Node) -> bool:
    made = {_keys(members) for members in _made(first)}
    read = [_keys(members) for members in _read(then)]
    common = [keys for keys in read if keys in made]
    others = [tensor for tensor in then.inputs if tensor.node is not first]
    is_all = len(then.inputs) - len(others) == sum(map(len, common))
    return bool(common) and is_all and first not in walk(others)


def _joined(first: Node, then: Node) -> dict[Key, Tensor]:
    """By their keys, what takes the place of the results of both."""
    one, other = _map_of(first), _map_of(then)
    lists = [*_read(first), *_made(first)]
    known = dict(zip(map(_keys, lists), (*one.body.inputs[one.shared :], *one.mapped), strict=True))
    numbers = [placeholder((), tensor.dtype) for tensor in other.body.inputs[: other.shared]]
    further: list[Members] = []
    for members in _read(then):
        if _keys(members) not in known:
            known[_keys(members)] = placeholder((), members[0].dtype)
            further.append(members)
    results = other.body(*numbers, *(known[_keys(members)] for members in _read(then)))
    kept = len(other.mapped)
    body = Graph(
        (
            *one.body.inputs[: one.shared],
            *numbers,
            *one.body.inputs[one.shared :],
            *(known[_keys(members)] for members in further),
        ),
        (*one.mapped, *results[:kept], *one.body.outputs[len(one.mapped) :], *results[kept:]),
    )
    operation = ElementwiseMap(
        body, one.length, one.shared + other.shared, one.squares + other.squares
    )
    inputs = (
        *first.inputs[: one.shared],
        *then.inputs[: other.shared],
        *first.inputs[one.shared :],
        *(tensor for members in further for tensor in members),
    )
    made = iter(_applied(operation, inputs, first))
    lists_of_both = [one_list for node in (first, then) for one_list in _made(node)]
    wanted = [tensor for members in lists_of_both for tensor in members]
    wanted += [tensor for node in (first, then) for tensor in _sums(node)]
    return {tensor.key: new for tensor, new in zip(wanted, made, strict=True)}


def _map_of(node: Node) -> ElementwiseMap:
    assert isinstance(node.operation, ElementwiseMap)
    return node.operation


def _read(node: Node) -> list[Members]:
    """The lists that go into a map."""
    operation = _map_of(node)
    return _divided(node.inputs[operation.shared :], operation.length)


def _made(node: Node) -> list[Members]:
    """The lists that come out of a map."""
    operation = _map_of(node)
    return _divided(node.outputs[: len(operation.mapped) * operation.length], operation.length)


def _sums(node: Node) -> Sequence[Tensor]:
    """The sums of squares that come out of a map."""
    operation = _map_of(node)
    return node.outputs[len(operation.mapped) * operation.length :]


def _divided(tensors: Sequence[Tensor], length: int) -> list[Members]:
    return [tensors[first : first + length] for first in range(0, len(tensors), length)]


def _keys(members: Members) -> tuple[Key, ...]:
    return tuple(tensor.key for tensor in members)


def _applied(operation: Operation, inputs: tuple[Tensor, ...], like: Node) -> tuple[Tensor, ...]:
    """The outputs of an operation in the place of a node."""
    node = Node(operation, inputs, as_specs(operation.shape(*(one.spec for one in inputs))))
    node.scope = like.scope
    return node.outputs
