"""The one loop: a body graph run along a leading axis, with carried state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from glassgrad.arguments import is_iterable
from glassgrad.errors import ArgumentError, ShapeError, shown
from glassgrad.graph import (
    Graph,
    Primitive,
    Read,
    Tensor,
    TensorSpec,
    as_tensor,
    placeholder,
    substitute,
    trace_graph,
)

__all__ = ["Scan", "scan"]


@dataclass(frozen=True)
class Scan(Primitive):
    """Run ``body`` once for each element of the leading axis.

    Inputs: the first carries, then sequences of shape (length, …), then constants that every
    step sees. The body gets (carries, elements, constants) and gives (next carries, results).
    Outputs: the last carries, the results of all steps stacked, and for each carry its history,
    the value before each step, which the backward pass needs. Its chain rule, a scan in the
    other direction, is in ``gradients``.
    """

    body: Graph
    carries: int
    sequences: int
    length: int
    reverse: bool = False

    @property
    def results(self) -> int:
        """How many results each step gives."""
        return len(self.body.outputs) - self.carries

    def split(self, values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        """Inputs as carries, sequences, constants."""
        end = self.carries + self.sequences
        return values[: self.carries], values[self.carries : end], values[end:]

    def split_outputs(
        self, values: Sequence[Any]
    ) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        """Outputs as last carries, stacked results, histories."""
        end = self.carries + self.results
        return values[: self.carries], values[self.carries : end], values[end:]

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """Check the inputs against the body; stacked outputs get the length in front."""
        carries, sequences, constants = self.split(inputs)
        for spec in sequences:
            if spec.shape[:1] != (self.length,):
                raise ShapeError(
                    f"Every sequence must have a leading axis of {self.length}. "
                    f"Got shape {spec.shape}."
                )
        elements = [TensorSpec(spec.shape[1:], spec.dtype) for spec in sequences]
        wanted = [tensor.spec for tensor in self.body.inputs]
        if [*carries, *elements, *constants] != wanted:
            raise ShapeError(
                f"The body of the scan wants {', '.join(map(str, wanted))}. Got "
                f"{', '.join(map(str, (*carries, *elements, *constants)))}."
            )
        made = [tensor.spec for tensor in self.body.outputs]
        if made[: self.carries] != list(carries):
            raise ShapeError(
                "The body must give carries of the shapes that it gets: "
                f"{', '.join(map(str, carries))}. It gives "
                f"{', '.join(map(str, made[: self.carries]))}."
            )
        stacked = (*made[self.carries :], *carries)
        return (*carries, *(TensorSpec((self.length, *s.shape), s.dtype) for s in stacked))

    def forward(self, xp, *arrays):
        carries, sequences, constants = self.split(arrays)
        steps = range(self.length)[::-1] if self.reverse else range(self.length)
        rows = []
        for step in steps:
            elements = [sequence[step] for sequence in sequences]
            outputs = self.body.evaluate(xp, (*carries, *elements, *constants))
            rows.append((*outputs[self.carries :], *carries))
            carries = outputs[: self.carries]
        if self.reverse:
            rows.reverse()
        if not rows:
            specs = [
                tensor.spec
                for tensor in (
                    *self.body.outputs[self.carries :],
                    *self.body.inputs[: self.carries],
                )
            ]
            return (*carries, *(xp.zeros((0, *s.shape), s.dtype) for s in specs))
        return (*carries, *(xp.stack(column) for column in zip(*rows, strict=True)))


def scan(
    function: Callable[..., tuple[Sequence[Tensor], Sequence[Tensor]]],
    carries: Sequence[Any],
    sequences: Sequence[Any] = (),
    constants: Sequence[Any] = (),
    *,
    length: int | None = None,
    reverse: bool = False,
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Run a function along the leading axis of sequences, carrying state from step to step.

    Args:
        function: gets (carries, elements, constants) as three tuples and gives
            (next carries, results).
        carries: the state before the first step.
        sequences: tensors of shape (length, …).
        constants: tensors that every step sees.
        length: the number of steps; needed only without sequences.
        reverse: whether to start at the end.

    Returns:
        The last carries, and the stacked results.

    Raises:
        ArgumentError: neither sequences nor a length are given.
        ShapeError: lengths differ, or the function changes the shape of a carry.

    Example:
        >>> from glassgrad import Tensor
        >>> def add(carries, elements, constants):
        ...     total = carries[0] + elements[0]
        ...     return (total,), (total,)
        >>> (last,), (sums,) = scan(add, [0.0], [Tensor([1.0, 2.0, 3.0])])
        >>> sums.numpy()
        array([1., 3., 6.], dtype=float32)
    """
    carries, sequences, constants = list(carries), list(sequences), list(constants)
    inputs = [as_tensor(value) for value in (*carries, *sequences, *constants)]
    first, rows = len(carries), len(carries) + len(sequences)
    if length is None and not sequences:
        raise ArgumentError("A scan without sequences needs a length. Got none.")
    if any(tensor.ndim == 0 for tensor in inputs[first:rows]):
        raise ShapeError("Every sequence must have a leading axis. Got a scalar.")
    steps = inputs[first].shape[0] if length is None else length
    specs = [
        TensorSpec(tensor.shape[1:] if first <= number < rows else tensor.shape, tensor.dtype)
        for number, tensor in enumerate(inputs)
    ]

    def body(*tensors: Tensor) -> tuple[Tensor, ...]:
        made: Any = function(tensors[:first], tensors[first:rows], tensors[rows:])
        if not (isinstance(made, tuple) and len(made) == 2 and all(map(is_iterable, made))):
            raise ArgumentError(
                "The function of a scan gives (next carries, results), two tuples. "
                f"Got {shown(made)}."
            )
        return (*made[0], *made[1])

    closed, captured = _close(trace_graph(body, specs))
    operation = Scan(closed, first, len(sequences), steps, reverse)
    outputs = operation(*inputs, *captured)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    last, stacked, _ = operation.split_outputs(outputs)
    return tuple(last), tuple(stacked)


def _close(body: Graph) -> tuple[Graph, list[Tensor]]:
    """Make constants of the leaves that a body uses from outside, so that gradients reach them."""
    used = [*body.outputs, *(tensor for node in body.nodes for tensor in node.inputs)]
    captured = {
        tensor.key: tensor
        for tensor in used
        if isinstance(tensor.node.operation, Read) or tensor.requires_grad
    }
    inner = {key: placeholder(t.shape, t.dtype, "outer") for key, t in captured.items()}
    outputs = substitute(body.outputs, inner)
    return Graph((*body.inputs, *inner.values()), outputs), list(captured.values())
