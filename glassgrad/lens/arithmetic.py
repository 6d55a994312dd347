"""Formulas as a person writes them: without factors of 1, terms of 0, and idle steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any

import numpy as np

from glassgrad.graph import Constant, Leaf, Node, Tensor, TensorSpec, constant, rewrite
from glassgrad.ops.elementwise import (
    Add,
    Cast,
    Divide,
    Multiply,
    Negative,
    Power,
    Subtract,
    multiply,
    negative,
)
from glassgrad.ops.movement import BroadcastTo, Reshape, Transpose, broadcast_to
from glassgrad.ops.reduction import Mean, Sum

__all__ = ["number_of", "simplified"]

MOVEMENTS = (BroadcastTo, Reshape, Transpose)


def simplified(outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Rebuild a graph without what changes nothing.

    A factor or a divisor of 1, a term of 0, two signs in a row, a cast to the same dtype, a sum
    along axes of length 1: they are left out. What is made of single numbers is computed, and what
    would be computed twice in a layer is computed once.

    Args:
        outputs: the tensors of the graph that are wanted; they keep shape and dtype.

    Example:
        >>> from glassgrad import Tensor
        >>> from glassgrad.graph import formula_of, Formula, Names
        >>> x = Tensor([1.0, 2.0])
        >>> (y,) = simplified([-(1.0 * -x + 0.0) / 1.0 * (2.0 * 3.0)])
        >>> formula_of(y, Names({x.key: Formula("x", "x")})).plain
        'x * 6'
    """
    made: dict[object, tuple[Tensor, ...]] = {}

    def simpler(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        found = _simplified(node, inputs)
        return found if found is not None else _once(node, inputs, made)

    return rewrite(outputs, simpler)


def number_of(tensor: Tensor) -> float | None:
    """The number that a tensor consists of, as a constant of one element, else ``None``."""
    while isinstance(tensor.node.operation, MOVEMENTS):
        (tensor,) = tensor.node.inputs
    operation = tensor.node.operation
    if not isinstance(operation, Constant) or operation.value.size != 1:
        return None
    return float(operation.value.item())


def _once(
    node: Node, inputs: tuple[Tensor, ...], made: dict[object, tuple[Tensor, ...]]
) -> tuple[Tensor, ...] | None:
    """The node, or one before it that computes the same in the same layer."""
    operation = node.operation
    identity: tuple[object, ...] = (node.scope, operation, *(tensor.key for tensor in inputs))
    if isinstance(operation, Constant):
        array = operation.value
        identity = (array.dtype, array.shape, array.tobytes())
    elif isinstance(operation, Leaf):
        return None
    try:
        known = made.get(identity)
    except TypeError:  # an operation of the user's that holds an array, say
        return None
    if known is None:
        is_kept = all(map(is_, inputs, node.inputs))
        kept = node if is_kept else Node(operation, inputs, node.specs)
        kept.scope = node.scope
        known = made[identity] = kept.outputs
    return known


def _simplified(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
    if isinstance(node.operation, Leaf):
        return None
    found = _folded(node, inputs)
    rule = RULES.get(type(node.operation))
    if found is None and rule is not None:
        found = rule(node.operation, *inputs)
    # Broadcasting may have made the result larger than the operand that remains.
    fits = found is not None and found.spec == node.specs[0]
    return (found,) if found is not None and fits else None


def _folded(node: Node, inputs: tuple[Tensor, ...]) -> Tensor | None:
    """The value of a function of numbers."""
    numbers = [number_of(tensor) for tensor in inputs]
    if not node.operation.is_elementwise or None in numbers:
        return None
    arrays = [np.asarray(n, t.dtype) for n, t in zip(numbers, inputs, strict=True)]
    with np.errstate(all="ignore"):
        (value,) = node.operation.evaluate(np, *arrays)
    return _number(float(value), node.specs[0])


def _number(value: float, spec: TensorSpec) -> Tensor:
    made = constant(np.asarray(value, spec.dtype), str(spec.dtype))
    return broadcast_to(made, spec.shape) if spec.shape else made


def _sum(_: Any, a: Tensor, b: Tensor) -> Tensor | None:
    if number_of(a) == 0:
        return b
    if number_of(b) == 0:
        return a
    if a.key != b.key:
        return None
    twice: Tensor = multiply(constant(2.0, str(a.dtype)), a)
    return twice


def _difference(_: Any, a: Tensor, b: Tensor) -> Tensor | None:
    if number_of(b) == 0:
        return a
    return _opposite(b) if number_of(a) == 0 else None


def _product(_: Any, a: Tensor, b: Tensor) -> Tensor | None:
    for one, other in ((a, b), (b, a)):
        number = number_of(one)
        if number == 1:
            return other
        if number == -1:
            return _opposite(other)
    return None


def _quotient(_: Any, a: Tensor, b: Tensor) -> Tensor | None:
    return a if number_of(b) == 1 else None


def _power(_: Any, a: Tensor, b: Tensor) -> Tensor | None:
    return a if number_of(b) == 1 else None


def _opposite(x: Tensor) -> Tensor:
    """The number with its sign turned: of a number that has one, it goes."""
    if isinstance(x.node.operation, Negative):
        (found,) = x.node.inputs
        return found
    turned: Tensor = negative(x)
    return turned


def _negative(_: Any, x: Tensor) -> Tensor:
    return _opposite(x)


def _moved(operation: Any, x: Tensor) -> Tensor | None:
    """Nothing happens where shape and dtype stay; `_simplified` compares them."""
    keeps_order = not isinstance(operation, Transpose) or sum(n != 1 for n in x.shape) < 2
    return x if keeps_order else None


def _reduced(operation: Any, x: Tensor) -> Tensor | None:
    return x if all(x.shape[axis] == 1 for axis in operation.axes) else None


RULES: dict[type[Any], Callable[..., Tensor | None]] = {
    Add: _sum,
    BroadcastTo: _moved,
    Cast: _moved,
    Divide: _quotient,
    Mean: _reduced,
    Multiply: _product,
    Negative: _negative,
    Power: _power,
    Reshape: _moved,
    Subtract: _difference,
    Sum: _reduced,
    Transpose: _moved,
}
