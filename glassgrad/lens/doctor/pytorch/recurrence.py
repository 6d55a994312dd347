"""The gradient of the loss by the state after each time step of a recurrent module.

PyTorch's recurrent functions show what they give, not the states as the way back sees them. So the
steps are computed once more, cell by cell and aside, and the gradient that came back to the result
is sent through them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from glassgrad.lens.doctor.case import RecurrenceReading

__all__ = ["Recurrence", "recurrence_of"]

CELLS = {
    "lstm": "lstm_cell",
    "gru": "gru_cell",
    "rnn_tanh": "rnn_tanh_cell",
    "rnn_relu": "rnn_relu_cell",
}


@dataclass
class Recurrence:
    """One call of a recurrent function, with the gradients of its results as they come.

    Args:
        layer: its name.
        cell: the function of one step.
        inputs: (time, batch, features).
        states: the first state of each layer: (h,) or (h, c).
        weights: for each layer its weights.
        is_batch_first: whether the first axis of results is that of examples.
        gradients: by the number of a result: of each state of the sequence, of the last ones.
    """

    layer: str
    cell: str
    inputs: Any
    states: Sequence[tuple[Any, ...]]
    weights: Sequence[Sequence[Any]]
    is_batch_first: bool
    gradients: dict[int, list[Any]] = field(default_factory=dict)

    def listen(self, results: Sequence[Any]) -> None:
        """Keep the gradients of the results when they come."""

        def keeper(number: int) -> Any:
            is_turned = self.is_batch_first and number == 0

            def keep(gradient: Any) -> None:
                self.gradients[number] = list(gradient.transpose(0, 1) if is_turned else gradient)

            return keep

        for number, result in enumerate(results):
            if result.requires_grad:
                result.register_hook(keeper(number))

    def reading(self) -> RecurrenceReading:
        """The RMS of dL/dh of the last layer, time step by time step."""
        import torch

        with torch.enable_grad():
            states, ends = self._unrolled()
        if not self.gradients:
            return RecurrenceReading(self.layer, (0.0,) * len(states))
        outgoing: list[Any] = []
        incoming: list[Any] = []
        results = [states, *zip(*ends, strict=True)]  # the sequence, the last h, the last c
        for number, gradient in self.gradients.items():
            outgoing += results[number]
            incoming += gradient
        found: Sequence[Any] = torch.autograd.grad(outgoing, states, incoming, allow_unused=True)
        sizes = [0.0 if one is None else float(one.square().mean().sqrt()) for one in found]
        return RecurrenceReading(self.layer, tuple(sizes))

    def _unrolled(self) -> tuple[list[Any], list[tuple[Any, ...]]]:
        """The states of the last layer after each step, and the last state of every layer."""
        import torch

        step = getattr(torch, self.cell)
        sequence = list(self.inputs)
        ends = []
        for first, weights in zip(self.states, self.weights, strict=True):
            state = tuple(part.detach().requires_grad_() for part in first)
            given = []
            for x in sequence:
                found = step(x, state if len(state) > 1 else state[0], *weights)
                state = found if isinstance(found, tuple) else (found,)
                given.append(state[0])
            sequence = given
            ends.append(state)
        return sequence, ends


def recurrence_of(
    layer: str, function: str, arguments: Sequence[Any], result: Sequence[Any]
) -> Recurrence | None:
    """A call that can be followed in time: one direction, without packing and without dropout.

    Args:
        layer: the name of the layer.
        function: "lstm", "gru", "rnn_tanh" or "rnn_relu".
        arguments: as PyTorch hands them: inputs, first states, weights, and six settings.
        result: the sequence, and the last states.
    """
    if len(arguments) != 9 or not isinstance(arguments[2], list | tuple):
        return None  # packed sequences
    inputs, first, weights, has_biases, layers, dropout, _, both_ways, batch_first = arguments
    if both_ways or dropout or not result[0].requires_grad:
        return None
    given = inputs.detach()
    parts = first if isinstance(first, list | tuple) else (first,)
    each = len(weights) // layers
    plain = 4 if has_biases else 2
    if each != plain:
        return None  # a projection of the state
    found = Recurrence(
        layer,
        CELLS[function],
        given.transpose(0, 1) if batch_first else given,
        [tuple(part[number] for part in parts) for number in range(layers)],
        [
            [one.detach().clone() for one in weights[n * each : (n + 1) * each]]
            for n in range(layers)
        ],
        bool(batch_first),
    )
    found.listen(result)
    return found
