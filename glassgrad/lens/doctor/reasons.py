"""Why an operation gave a value that is not finite, in one sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from glassgrad.graph import Formula, Leaf, Node
from glassgrad.graph.notation import Binding
from glassgrad.graph.operation import Array, Operation
from glassgrad.ops.contraction import Einsum
from glassgrad.ops.convolution import Convolution
from glassgrad.ops.linear import MatMul
from glassgrad.ops.mapping import ElementwiseMap
from glassgrad.ops.reduction import Mean, Sum

if TYPE_CHECKING:
    from glassgrad.lens.doctor.step_graph import StepGraph

__all__ = ["formula_of", "kind_of", "reason_of", "through_of"]

SUMS: tuple[type[Operation], ...] = (Convolution, Einsum, MatMul, Mean, Sum)


def kind_of(value: float) -> str:
    """NaN, infinity or -infinity.

    Example:
        >>> kind_of(float("nan")), kind_of(float("-inf"))
        ('NaN', '-infinity')
    """
    if math.isnan(value):
        return "NaN"
    return "infinity" if value > 0 else "-infinity"


def formula_of(node: Node) -> str:
    """How the operation is written, on the names that its notation gives to its inputs."""
    plain = _written(node.operation, len(node.inputs))
    through = None if node.source is None else node.source.behind
    if through is None:
        return plain
    return f"{plain}, in the gradient of {_written(through.operation, len(through.inputs))}"


def through_of(node: Node) -> str:
    """The operation of the forward pass whose gradient a node is part of, empty for others."""
    through = None if node.source is None else node.source.behind
    return "" if through is None else through.operation.name


def reason_of(
    graph: StepGraph, node: Node, index: int, inputs: Sequence[Array], output: Array
) -> str:
    """The sentence.

    Args:
        graph: knows what tensors are called.
        node: makes a value that is not finite.
        index: which of its outputs that is.
        inputs: the values of its inputs.
        output: the value.
    """
    place = tuple(np.argwhere(~np.isfinite(output))[0].tolist())
    kind = kind_of(float(output[place]))
    operation = node.operation
    name = graph.name_of(node.outputs[index])
    if isinstance(operation, Leaf):
        return {
            "data": f"The data themselves hold {kind}: {name}{list(place)}.",
            "weights": f"{name} held {kind} before the step.",
        }.get(graph.phase_of(node), f"{name} is {kind}.")
    reason = _of_operation(graph, node, index, place, inputs, output)
    through = None if node.source is None else node.source.behind
    if through is None:
        return reason
    way = _written(through.operation, len(through.inputs))
    return f"On the way back through {way}: {reason}"


def _of_operation(
    graph: StepGraph,
    node: Node,
    index: int,
    place: tuple[int, ...],
    inputs: Sequence[Array],
    output: Array,
) -> str:
    operation, kind = node.operation, kind_of(float(output[place]))
    held = _held(output.dtype)
    if isinstance(operation, ElementwiseMap):
        member = node.inputs[operation.shared + index % operation.length]
        return (
            f"The new value of {graph.name_of(member)} is {kind}: the step is larger than {held}, "
            "or is divided by 0."
        )
    if operation.is_elementwise:
        numbers = [float(np.broadcast_to(one, output.shape)[place]) for one in inputs]
        return _of_numbers(operation, numbers, kind, output.dtype)
    if isinstance(operation, SUMS):
        sizes = " and ".join(f"{_size(one):.3g}" for one in inputs)
        what = "numbers" if len(inputs) == 1 else "products of numbers"
        return f"The sums are more than {held}: {what} up to {sizes} are added up."
    largest = max(inputs, key=_size, default=np.zeros(0))
    sizes = f"{_lowest(largest):.4g} to {_highest(largest):.4g}"
    return f"{operation.name} gives {kind} for finite inputs, the largest from {sizes}."


def _of_numbers(
    operation: Operation, numbers: Sequence[float], kind: str, dtype: np.dtype[np.generic]
) -> str:
    """What the operation made of these numbers, and why."""
    written = _written(operation, len(numbers), [f"{number:.4g}" for number in numbers])
    explain = EXPLANATIONS.get(operation.name)
    why = None if explain is None else explain(numbers, dtype)
    if why is not None:
        return f"{written} is {why}."
    if kind != "NaN":
        return f"{written} is more than {_held(dtype)}."
    return f"{written} is {kind}."


# ---- operations with limits of their own


def _exp(numbers: Sequence[float], dtype: np.dtype[np.generic]) -> str:
    limit = math.log(float(np.finfo(dtype).max))  # type: ignore[type-var]
    return f"more than {dtype} holds: exp overflows above {limit:.1f}"


def _log(numbers: Sequence[float], dtype: np.dtype[np.generic]) -> str:
    kind = "-infinity" if numbers[0] == 0 else "NaN"
    return f"{kind}: a logarithm wants an argument above 0"


def _log1p(numbers: Sequence[float], dtype: np.dtype[np.generic]) -> str:
    kind = "-infinity" if numbers[0] == -1 else "NaN"
    return f"{kind}: log1p wants an argument above -1"


def _sqrt(numbers: Sequence[float], dtype: np.dtype[np.generic]) -> str:
    return "NaN: a square root wants an argument from 0"


def _divide(numbers: Sequence[float], dtype: np.dtype[np.generic]) -> str | None:
    above, below = numbers
    if below != 0:
        return None
    return (
        "NaN: a division of 0 by 0"
        if above == 0
        else f"{kind_of(math.copysign(math.inf, above))}: a division by 0"
    )


def _power(numbers: Sequence[float], dtype: np.dtype[np.generic]) -> str | None:
    base, exponent = numbers
    if base == 0 and exponent < 0:
        return "infinity: a division by 0"
    if base < 0 and not exponent.is_integer():
        return "NaN: a negative number has no real power with a fraction"
    return None


EXPLANATIONS: Mapping[str, Callable[[Sequence[float], np.dtype[np.generic]], str | None]] = {
    "Exp": _exp,
    "Expm1": _exp,
    "Log": _log,
    "Log1p": _log1p,
    "Sqrt": _sqrt,
    "Divide": _divide,
    "Power": _power,
}


# ---- how things are written


def _written(operation: Operation, count: int, numbers: Sequence[str] | None = None) -> str:
    """The operation on numbers, or on the names that its notation has for its inputs."""
    if numbers is None:
        names = _names(operation)
        letters = [*names, *(f"x{number}" for number in range(len(names), count))]
    else:
        letters = list(numbers)
    operands = [Formula(one, one, _binding(one)) for one in letters]
    return operation.formula(operands).plain


def _names(operation: Operation) -> list[str]:
    if not operation.is_written():
        return []
    parameters = {field.name for field in fields(operation)}
    return [n for n in operation.notation.operands if n not in parameters and n != "inputs"]


def _binding(written: str) -> Binding:
    return Binding.SIGN if written.startswith("-") else Binding.ATOM


def _held(dtype: np.dtype[np.generic]) -> str:
    return f"{dtype} holds ({np.finfo(dtype).max:.2g})"  # type: ignore[type-var]


def _size(array: Array) -> float:
    return float(np.abs(array).max(initial=0.0))


def _lowest(array: Array) -> float:
    return float(array.min()) if array.size else 0.0


def _highest(array: Array) -> float:
    return float(array.max()) if array.size else 0.0
