"""Chain rules that need differentiation themselves: of composites and of scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from glassgrad.gradients.reverse import chain_rule, differentiate
from glassgrad.graph import (
    Composite,
    Graph,
    Operation,
    Tensor,
    TensorSpec,
    constant,
    placeholder,
    substitute,
)
from glassgrad.graph.operation import Gradients
from glassgrad.ops.elementwise import add
from glassgrad.ops.movement import broadcast_to
from glassgrad.ops.scan import Scan, scan

__all__ = ["CompositeGradient"]


@dataclass(frozen=True)
class CompositeGradient(Composite):
    """The chain rule of a composite, itself a composite: a kernel can attach to it by type.

    Inputs: the inputs of ``of``, its outputs, and the gradients of those outputs that have one.
    Outputs: the gradients of those inputs that have one.
    """

    of: Composite
    given: tuple[bool, ...]

    @property
    def name(self) -> str:
        """Whose gradient it is."""
        return f"{self.of.name}Gradient"

    def definition(self, *tensors):
        """Differentiate the definition of ``of``."""
        count = len(tensors) - len(self.given) - sum(self.given)
        specs = tuple(tensor.spec for tensor in tensors[:count])
        return backward_graph(self.of, specs, self.given)[0](*tensors)


@lru_cache(maxsize=4096)
def backward_graph(
    operation: Composite, specs: tuple[TensorSpec, ...], given: tuple[bool, ...]
) -> tuple[Graph, tuple[bool, ...]]:
    """Differentiate a composite's definition; say which inputs have a gradient."""
    forward = operation.graph(*specs)
    known = [placeholder(t.shape, t.dtype, "y") for t in forward.outputs]
    incoming = [
        placeholder(t.shape, t.dtype, "g") if g else None
        for t, g in zip(forward.outputs, given, strict=True)
    ]
    found = differentiate(forward.outputs, incoming, forward.inputs)
    present = [tensor for tensor in found if tensor is not None]
    # What the forward pass computed is read, not computed again.
    computed = {
        old.key: new for old, new in zip(forward.outputs, known, strict=True) if old.node.inputs
    }
    inputs = (*forward.inputs, *known, *(tensor for tensor in incoming if tensor is not None))
    graph = Graph(inputs, substitute(present, computed))
    return graph, tuple(tensor is not None for tensor in found)


@chain_rule.register
def _composite(
    operation: Composite,
    gradients: Gradients,
    outputs: tuple[Tensor, ...],
    inputs: tuple[Tensor, ...],
) -> Gradients:
    if type(operation).chain_rule is not Operation.chain_rule:
        return operation.chain_rule(gradients, outputs, inputs)
    given = tuple(gradient is not None for gradient in gradients)
    _, reached = backward_graph(operation, tuple(t.spec for t in inputs), given)
    if not any(reached):
        return (None,) * len(inputs)
    present = [gradient for gradient in gradients if gradient is not None]
    result = CompositeGradient(operation, given)(*inputs, *outputs, *present)
    results = iter(result if isinstance(result, tuple) else (result,))
    return tuple(next(results) if is_reached else None for is_reached in reached)


@chain_rule.register
def _scan(
    operation: Scan,
    gradients: Gradients,
    outputs: tuple[Tensor, ...],
    inputs: tuple[Tensor, ...],
) -> Gradients:
    """A scan in the other direction, whose body is the gradient of the body.

    It carries the gradient of the state, and adds up the gradients of the constants.
    """
    carries, sequences, constants = operation.split(inputs)
    last, stacked, history_gradients = operation.split_outputs(gradients)
    if not operation.length:
        return (*last, *(None for _ in (*sequences, *constants)))
    histories = operation.split_outputs(outputs)[2]
    floats = [tensor.dtype.kind == "f" for tensor in inputs]
    given = [gradient for gradient in (*stacked, *history_gradients) if gradient is not None]
    elements = (*histories, *sequences, *given)
    moving = [number for number, is_float in enumerate(floats[: len(carries)]) if is_float]
    fixed = [number for number, tensor in enumerate(constants) if tensor.dtype.kind == "f"]
    sliced = [number for number, tensor in enumerate(sequences) if tensor.dtype.kind == "f"]
    reached: list[bool] = []

    def body(
        state: Sequence[Tensor], element: Sequence[Tensor], seen: Sequence[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        before = element[: len(carries)]
        values = element[len(carries) : len(carries) + len(sequences)]
        arriving = iter(element[len(carries) + len(sequences) :])
        results = [None if gradient is None else next(arriving) for gradient in stacked]
        added = [None if gradient is None else next(arriving) for gradient in history_gradients]
        incoming: list[Tensor | None] = [None] * len(carries)
        for number, gradient in zip(moving, state, strict=False):
            incoming[number] = gradient
        made = operation.body(*before, *values, *seen)
        found = differentiate(made, [*incoming, *results], (*before, *values, *seen))
        total = [_sum(a, b) for a, b in zip(found, [*added, *[None] * len(found)], strict=False)]
        reached[:] = [gradient is not None for gradient in total]
        to_carries, to_sequences, to_constants = operation.split(total)
        next_state: list[Tensor] = [_or_zeros(to_carries[n], before[n]) for n in moving]
        sums = [
            _or_zeros(_sum(one, to_constants[n]), one)
            for n, one in zip(fixed, state[len(moving) :], strict=True)
        ]
        return next_state + sums, [_or_zeros(to_sequences[n], values[n]) for n in sliced]

    start = [_or_zeros(last[n], carries[n]) for n in moving]
    sums = [_or_zeros(None, constants[n]) for n in fixed]
    finals, per_step = scan(
        body,
        start + sums,
        elements,
        constants,
        length=operation.length,
        reverse=not operation.reverse,
    )
    result: list[Tensor | None] = [None] * len(inputs)
    places = [
        *moving,
        *(len(carries) + len(sequences) + n for n in fixed),
        *(len(carries) + n for n in sliced),
    ]
    for place, gradient in zip(places, (*finals, *per_step), strict=True):
        result[place] = gradient if reached[place] else None
    return tuple(result)


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    if a is None or b is None:
        return b if a is None else a
    return add(a, b)


def _or_zeros(gradient: Tensor | None, like: Tensor) -> Tensor:
    if gradient is not None:
        return gradient
    return broadcast_to(constant(0.0, like.dtype), like.shape)
