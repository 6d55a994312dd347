"""Chain rules that need differentiation themselves: of composites and of scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest

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
    last, stacked, of_histories = operation.split_outputs(gradients)
    if not operation.length:
        return (*last, *(None for _ in (*sequences, *constants)))
    histories = operation.split_outputs(outputs)[2]
    given = [gradient for gradient in (*stacked, *of_histories) if gradient is not None]
    places = operation.split(range(len(inputs)))
    moving, sliced, fixed = ([n for n in some if inputs[n].dtype.kind == "f"] for some in places)
    reached: set[int] = set()

    def body(
        state: Sequence[Tensor], element: Sequence[Tensor], seen: Sequence[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        own = len(carries) + len(sequences)
        here, arriving = (*element[:own], *seen), iter(element[own:])
        of_carries = dict(zip(moving, state, strict=False))
        of_results = [None if gradient is None else next(arriving) for gradient in stacked]
        of_values = [None if gradient is None else next(arriving) for gradient in of_histories]
        incoming = [*map(of_carries.get, places[0]), *of_results]
        found = differentiate(operation.body(*here), incoming, here)
        total = [_sum(a, b) for a, b in zip_longest(found, of_values)]
        reached.update(n for n, gradient in enumerate(total) if gradient is not None)
        sums = state[len(moving) :]
        return (
            [_or_zeros(total[n], here[n]) for n in moving]
            + [_or_zeros(_sum(one, total[n]), one) for n, one in zip(fixed, sums, strict=True)],
            [_or_zeros(total[n], here[n]) for n in sliced],
        )

    finals, per_step = scan(
        body,
        [_or_zeros(last[n], inputs[n]) for n in moving]
        + [_or_zeros(None, inputs[n]) for n in fixed],
        (*histories, *sequences, *given),
        constants,
        length=operation.length,
        reverse=not operation.reverse,
    )
    result = dict(zip((*moving, *fixed, *sliced), (*finals, *per_step), strict=True))
    return tuple(result[n] if n in reached else None for n in range(len(inputs)))


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    if a is None or b is None:
        return b if a is None else a
    return add(a, b)


def _or_zeros(gradient: Tensor | None, like: Tensor) -> Tensor:
    if gradient is not None:
        return gradient
    return broadcast_to(constant(0.0, like.dtype), like.shape)
