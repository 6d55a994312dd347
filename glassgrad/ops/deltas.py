"""Chain rules of recurrence: backpropagation through time.

A scan against the direction of time gives the deltas δ = dL/dz of the pre-activations z, as in
every other layer; a composite by itself, so that a kernel can take the loop alone. The gradients
of the weights are products of the deltas over all time steps at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glassgrad.graph import Composite, Tensor, constant
from glassgrad.ops.arrangement import split, stack
from glassgrad.ops.gating import activation_named, let_pass, over_time, previous
from glassgrad.ops.linear import MatMul, matmul
from glassgrad.ops.movement import broadcast_to, concatenate, reshape, transpose
from glassgrad.ops.reduction import sum as total

__all__ = [
    "GatedRecurrentUnitDelta",
    "GatedRecurrentUnitGradient",
    "LongShortTermMemoryDelta",
    "LongShortTermMemoryGradient",
    "SimpleRecurrenceDelta",
    "SimpleRecurrenceGradient",
]


@dataclass(frozen=True)
class SimpleRecurrenceDelta(Composite):
    """Deltas of a plain recurrence: δ_t = f'(z_t) (g_t + U δ_{t+1}).

    Inputs: the gradients of the states, the recurrent kernel, the states, perhaps the mask.
    Outputs: the deltas (batch, time, units), and the gradient of the first state.

    Source: Werbos, "Backpropagation through time", 1990.
    """

    reverse: bool = False
    activation: str = "tanh"

    def definition(self, gradient, recurrent_kernel, h, *mask):
        slope = activation_named(self.activation).slope

        def step(states, elements, constants, here):
            (later,), (g, y), (back,) = states, elements, constants
            to_step, to_past = let_pass(here, later + g)
            delta = to_step * slope(y)
            return [_sum(matmul(delta, back), to_past)], [delta]

        back = transpose(recurrent_kernel)
        (first,), (delta,) = over_time(
            step, [_zeros(h)], [gradient, h], [back], mask, not self.reverse
        )
        return delta, first


@dataclass(frozen=True)
class SimpleRecurrenceGradient(Composite):
    """The chain rule of ``SimpleRecurrence``.

    Inputs: the gradients of the states; x, h before the first step, W, U; the states; perhaps the
    mask. Outputs: the gradients of x, the first h, W, U and b.
    """

    reverse: bool = False
    activation: str = "tanh"

    def definition(self, gradient, x, h0, kernel, recurrent_kernel, h, *mask):
        deltas = SimpleRecurrenceDelta(self.reverse, self.activation)
        delta, to_h0 = deltas(gradient, recurrent_kernel, h, *mask)
        to_recurrent = _rows_product(previous(h0, h, self.reverse), delta)
        to_x, to_kernel, to_bias = _of_input(x, kernel, delta)
        return to_x, to_h0, to_kernel, to_recurrent, to_bias


@dataclass(frozen=True)
class LongShortTermMemoryDelta(Composite):
    """Deltas of a long short-term memory, in the order of its gates: i, f, c~, o.

    With the gradients g of h_t and e of c_t, which later steps have added to:
    e' = e + g o a'(c_t), then δ_i = e' c~ s'(i), δ_f = e' c_{t-1} s'(f), δ_c~ = e' i a'(c~) and
    δ_o = g a(c_t) s'(o), and back in time go δ U^T to h_{t-1} and e' f to c_{t-1}.

    Inputs: the gradients of those outputs (h, c, gates) that have one, as ``given`` says; the
    recurrent kernel, c before the first step, c after each, the gates, perhaps the mask.
    Outputs: the deltas (batch, time, 4 units), and the gradients of the first h and c.
    """

    reverse: bool = False
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    given: tuple[bool, bool, bool] = (True, True, True)

    def definition(self, *tensors):
        present, (recurrent_kernel, c0, c, gates, *mask) = _taken(tensors, self.given)
        activate, slope = activation_named(self.activation)
        slope_of_gate = activation_named(self.recurrent_activation).slope

        def step(states, elements, constants, here):
            c, before, gates, *arriving = elements
            of_h, of_c, of_gates = _placed(arriving, self.given)
            to_h, past_h = let_pass(here, _sum(states[0], of_h))
            to_c, past_c = let_pass(here, _sum(states[1], of_c))
            i, f, candidate, o = split(gates, 4, axis=1)
            shown = activate(c)
            to_c = to_c + to_h * o * slope(shown)
            to_gates = [to_c * candidate, to_c * before, to_c * i, to_h * shown]
            slopes = [slope_of_gate(i), slope_of_gate(f), slope(candidate), slope_of_gate(o)]
            further = _blocks(of_gates, 4)
            deltas = [
                _sum(g, more) * s for g, more, s in zip(to_gates, further, slopes, strict=True)
            ]
            delta = concatenate(deltas, 1)
            to_past = matmul(delta, constants[0])
            return [_sum(to_past, past_h), _sum(to_c * f, past_c)], [delta]

        sequences = [c, previous(c0, c, self.reverse), gates, *present]
        zeros, back = _zeros(c), transpose(recurrent_kernel)
        (to_h0, to_c0), (delta,) = over_time(
            step, [zeros, zeros], sequences, [back], mask, not self.reverse
        )
        return delta, to_h0, to_c0


@dataclass(frozen=True)
class LongShortTermMemoryGradient(Composite):
    """The chain rule of ``LongShortTermMemory``.

    Inputs: the gradients of those outputs (h, c, gates) that have one, as ``given`` says; x, h and
    c before the first step, W, U; the outputs h, c, gates; perhaps the mask.
    Outputs: the gradients of x, the first h and c, W, U and b.
    """

    reverse: bool = False
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    given: tuple[bool, bool, bool] = (True, True, True)

    def definition(self, *tensors):
        present, (x, h0, c0, kernel, recurrent_kernel, h, c, gates, *mask) = _taken(
            tensors, self.given
        )
        deltas = LongShortTermMemoryDelta(
            self.reverse, self.activation, self.recurrent_activation, self.given
        )
        delta, to_h0, to_c0 = deltas(*present, recurrent_kernel, c0, c, gates, *mask)
        to_recurrent = _rows_product(previous(h0, h, self.reverse), delta)
        to_x, to_kernel, to_bias = _of_input(x, kernel, delta)
        return to_x, to_h0, to_c0, to_kernel, to_recurrent, to_bias


@dataclass(frozen=True)
class GatedRecurrentUnitDelta(Composite):
    """Deltas of a gated recurrent unit, in the order of its gates: z, r, h~.

    With the gradient g of h_t, which later steps have added to: δ_h~ = g (1 - z) a'(h~),
    δ_z = g (h_{t-1} - h~) s'(z), δ_r = δ_h~ q s'(r) with q = h_{t-1} U + b', and back in time go
    g z and the product of (δ_z, δ_r, r δ_h~) with U^T. Without ``reset_after``, p = δ_h~ U^T takes
    the place of δ_h~ in the last two: δ_r = p h_{t-1} s'(r), and r p goes back in time.

    Inputs: the gradients of those outputs (h, gates) that have one, as ``given`` says; the
    recurrent kernel, h before the first step, h after each, the gates, perhaps the mask.
    Outputs: the deltas (batch, time, 3 units); with ``reset_after`` those of the recurrent
    pre-activations (δ_z, δ_r, r δ_h~); and the gradient of the first h.
    """

    reverse: bool = False
    reset_after: bool = True
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    given: tuple[bool, bool] = (True, True)

    def definition(self, *tensors):
        present, (recurrent_kernel, h0, h, gates, *mask) = _taken(tensors, self.given)
        slope = activation_named(self.activation).slope
        slope_of_gate = activation_named(self.recurrent_activation).slope

        blocks = 4 if self.reset_after else 3
        width = 2 * h.shape[2]

        def step(states, elements, constants, here):
            before, gates, *arriving = elements
            back_gates, back_candidate = constants
            of_h, of_gates = _placed(arriving, self.given)
            of_z, of_r, of_candidate, *of_inner = _blocks(of_gates, blocks)
            to_h, past = let_pass(here, _sum(states[0], of_h))
            z, r, candidate, *inner = split(gates, blocks, axis=1)
            to_z = _sum(to_h * (before - candidate), of_z) * slope_of_gate(z)
            to_candidate = _sum(to_h * (1.0 - z), of_candidate) * slope(candidate)
            if self.reset_after:
                to_inner = [_sum(to_candidate * r, of_inner[0])]
                through, to_r = matmul(to_inner[0], back_candidate), to_candidate * inner[0]
            else:
                to_inner, to_reset = [], matmul(to_candidate, back_candidate)
                through, to_r = to_reset * r, to_reset * before
            gate_deltas = concatenate([to_z, _sum(to_r, of_r) * slope_of_gate(r)], 1)
            to_past = to_h * z + matmul(gate_deltas, back_gates) + through
            deltas = [concatenate([gate_deltas, d], 1) for d in (to_candidate, *to_inner)]
            return [_sum(to_past, past)], deltas

        sequences = [previous(h0, h, self.reverse), gates, *present]
        back = transpose(recurrent_kernel)
        (to_h0,), deltas = over_time(
            step, [_zeros(h)], sequences, [back[:width], back[width:]], mask, not self.reverse
        )
        return (*deltas, to_h0)


@dataclass(frozen=True)
class GatedRecurrentUnitGradient(Composite):
    """The chain rule of ``GatedRecurrentUnit``.

    Inputs: the gradients of those outputs (h, gates) that have one, as ``given`` says; x, h before
    the first step, W, U; the outputs h and gates; perhaps the mask.
    Outputs: the gradients of x, the first h, W, U and the biases.
    """

    reverse: bool = False
    reset_after: bool = True
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    given: tuple[bool, bool] = (True, True)

    def definition(self, *tensors):
        present, (x, h0, kernel, recurrent_kernel, h, gates, *mask) = _taken(tensors, self.given)
        deltas = GatedRecurrentUnitDelta(
            self.reverse, self.reset_after, self.activation, self.recurrent_activation, self.given
        )
        delta, *of_recurrent, to_h0 = deltas(*present, recurrent_kernel, h0, h, gates, *mask)
        before, width = previous(h0, h, self.reverse), 2 * h.shape[2]
        to_x, to_kernel, to_bias = _of_input(x, kernel, delta)
        if self.reset_after:
            to_recurrent = _rows_product(before, of_recurrent[0])
            to_bias = stack([to_bias, total(of_recurrent[0], (0, 1))])
        else:
            reset = gates[:, :, width // 2 : width] * before
            parts = [(before, delta[:, :, :width]), (reset, delta[:, :, width:])]
            to_recurrent = concatenate([_rows_product(a, b) for a, b in parts], 1)
        return to_x, to_h0, to_kernel, to_recurrent, to_bias


def _of_input(x: Tensor, kernel: Tensor, delta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, W and b, where z = x W + b."""
    to_x = matmul(delta, transpose(kernel))
    return to_x, _rows_product(x, delta), total(delta, (0, 1))


def _rows_product(a: Tensor, b: Tensor) -> Tensor:
    """A^T B over all rows: (batch, time, n) and (batch, time, m) give (n, m)."""
    rows = a.shape[0] * a.shape[1]
    product: Tensor = MatMul(transpose_a=True)(
        reshape(a, (rows, a.shape[2])), reshape(b, (rows, b.shape[2]))
    )
    return product


def _taken(
    tensors: tuple[Tensor, ...], given: tuple[bool, ...]
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The gradients that there are, and the tensors that follow them."""
    return tensors[: sum(given)], tensors[sum(given) :]


def _placed(present: Sequence[Tensor], given: tuple[bool, ...]) -> Iterator[Tensor | None]:
    """A gradient for each output, ``None`` where there is none."""
    arriving = iter(present)
    return (next(arriving) if is_given else None for is_given in given)


def _blocks(gradient: Tensor | None, count: int) -> Sequence[Tensor | None]:
    return [None] * count if gradient is None else split(gradient, count, axis=1)


def _sum(a: Tensor, b: Tensor | None) -> Tensor:
    return a if b is None else a + b


def _zeros(states: Tensor) -> Tensor:
    """What the last state gets from later ones: (batch, units)."""
    batch, _, units = states.shape
    return broadcast_to(constant(0.0, states.dtype), (batch, units))
