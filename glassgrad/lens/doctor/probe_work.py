"""What a visit costs, in operations that are counted and never by the clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import ceil

from glassgrad.errors import ArgumentError
from glassgrad.execute.cpu.costs import flop, flop_of
from glassgrad.graph import Composite, Node, Operation, Tensor, TensorSpec, walk
from glassgrad.ops.scan import Scan

__all__ = ["interval_between", "operations", "work_of_visit"]

OPERATIONS_OF_LOOKING = 500
"""What it takes to hand out one number and to put it into the statistics, in operations of a
product, of which a core does so many meanwhile. Measured: 2.5 to 6 ns."""

OPERATIONS_OF_A_VISIT = 100_000_000
"""What it takes beside that to call the program, to put the reading together and to apply the
rules to it, a millisecond or so, in the same measure."""

LOOP = 2
"""A loop that is run step by step takes about twice as long as the same in one kernel."""


def operations(tensors: Iterable[Tensor], loop: int = 1) -> int:
    """Floating-point operations of the graph of some tensors, see ``flop_of``.

    Operations that stand for several are counted by their definitions, loops by their steps.

    Args:
        tensors: what is computed.
        loop: how often an operation within a loop counts.

    Example:
        >>> from glassgrad.graph import placeholder
        >>> operations([(placeholder((8, 4)) @ placeholder((4, 2))).relu()])
        144
    """
    return sum(_of_node(node, loop) for node in walk(tensors))


def _of_node(node: Node, loop: int) -> int:
    operation = node.operation
    if isinstance(operation, Scan):
        steps = loop * operation.length
        return steps * sum(_of_node(inner, 1) for inner in operation.body.nodes)
    if isinstance(operation, Composite) and not _is_counted(type(operation)):
        return _of_definition(operation, tuple(tensor.spec for tensor in node.inputs), loop)
    return flop_of(node)


def _is_counted(kind: type[Operation]) -> bool:
    """Whether there is a count for this kind of operation as a whole."""
    return flop.dispatch(kind) is not flop.dispatch(Operation)


@lru_cache(maxsize=1024)
def _of_definition(operation: Composite, specs: tuple[TensorSpec, ...], loop: int) -> int:
    return sum(_of_node(node, loop) for node in operation.graph(*specs).nodes)


def work_of_visit(tensors: Sequence[Tensor]) -> int:
    """What it takes to compute some tensors and to look at them."""
    return operations(tensors, LOOP) + OPERATIONS_OF_LOOKING * sum(one.size for one in tensors)


def interval_between(visit: float, step: float, share: float = 0.01) -> int:
    """How many steps of training there are to be from one visit to the next.

    Formula: ceil(visit / (share step)).

    Args:
        visit: what a visit costs, in operations.
        step: what a step of training costs.
        share: the part of training's operations that visits may cost, above 0.

    Raises:
        ArgumentError: the share is not above 0.

    Example:
        >>> interval_between(2e6, 1e6)
        200
    """
    if not share > 0:
        raise ArgumentError(f"The share of the work must be above 0. Got {share}.")
    return max(1, ceil(visit / (share * max(step, 1.0))))
