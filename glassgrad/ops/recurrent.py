"""Recurrence over time: one composite for each layer, which keeps what its chain rule reads.

Each is defined by a scan over the time steps. Its chain rule is one composite too, in ``deltas``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glassgrad.graph import Composite, Tensor
from glassgrad.ops.arrangement import split
from glassgrad.ops.deltas import (
    GatedRecurrentUnitGradient,
    LongShortTermMemoryGradient,
    SimpleRecurrenceGradient,
)
from glassgrad.ops.gating import activation_named, held, over_time, require_shapes
from glassgrad.ops.linear import matmul
from glassgrad.ops.movement import concatenate

__all__ = [
    "GatedRecurrentUnit",
    "LongShortTermMemory",
    "SimpleRecurrence",
    "gated_recurrent_unit",
    "long_short_term_memory",
    "simple_recurrence",
]


@dataclass(frozen=True)
class SimpleRecurrence(Composite):
    """The plain recurrent network: h_t = f(x_t W + h_{t-1} U + b).

    Inputs: x (batch, time, features), h before the first step (batch, units), W (features, units),
    U (units, units), b (units,), and perhaps a mask (batch, time): where it is False the state is
    carried on. Output: the states after each step (batch, time, units). With ``reverse`` time runs
    backwards, and the state of a step stands at its place all the same.

    Source: Elman, "Finding structure in time", 1990.
    """

    reverse: bool = False
    activation: str = "tanh"

    def shape(self, *inputs):
        """One state after each step."""
        require_shapes(self.name, inputs, states=1, gates=1)
        return super().shape(*inputs)

    def definition(self, x, h0, kernel, recurrent_kernel, bias, *mask):
        activate = activation_named(self.activation).function

        def step(states, elements, constants, here):
            (h,), (z,), (u,) = states, elements, constants
            after = held(here, activate(z + matmul(h, u)), h)
            return (after,), (after,)

        z = matmul(x, kernel) + bias
        _, (h,) = over_time(step, [h0], [z], [recurrent_kernel], mask, self.reverse)
        return h

    def chain_rule(self, gradients, outputs, inputs):
        x, h0, kernel, recurrent_kernel, _, *mask = inputs
        rule = SimpleRecurrenceGradient(self.reverse, self.activation)
        slopes = rule(*gradients, x, h0, kernel, recurrent_kernel, *outputs, *mask)
        return (*slopes, *(None for _ in mask))


@dataclass(frozen=True)
class LongShortTermMemory(Composite):
    """Long short-term memory: gates decide what a cell takes in, keeps and shows.

    i, f, o = s(x_t W + h_{t-1} U + b) and c~ = a(x_t W + h_{t-1} U + b), four blocks of columns in
    the order i, f, c~, o; c_t = f c_{t-1} + i c~; h_t = o a(c_t).

    Inputs: x (batch, time, features), h and c before the first step (batch, units), W (features,
    4 units), U (units, 4 units), b (4 units,), and perhaps a mask (batch, time): where it is False
    both states are carried on. Outputs: h and c after each step (batch, time, units), and the
    gates after their activations (batch, time, 4 units), which the chain rule reads.

    Source: Hochreiter, Schmidhuber, "Long short-term memory", 1997; Gers, Schmidhuber, Cummins,
    "Learning to forget", 2000.
    """

    reverse: bool = False
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"

    def shape(self, *inputs):
        """Both states after each step, and the gates."""
        require_shapes(self.name, inputs, states=2, gates=4)
        return super().shape(*inputs)

    def definition(self, x, h0, c0, kernel, recurrent_kernel, bias, *mask):
        activate = activation_named(self.activation).function
        squash = activation_named(self.recurrent_activation).function

        def step(states, elements, constants, here):
            (h, c), (z,), (u,) = states, elements, constants
            i, f, candidate, o = split(z + matmul(h, u), 4, axis=1)
            i, f, candidate, o = squash(i), squash(f), activate(candidate), squash(o)
            kept = f * c + i * candidate
            after = held(here, o * activate(kept), h), held(here, kept, c)
            return after, (*after, concatenate([i, f, candidate, o], 1))

        z = matmul(x, kernel) + bias
        _, results = over_time(step, [h0, c0], [z], [recurrent_kernel], mask, self.reverse)
        return results

    def chain_rule(self, gradients, outputs, inputs):
        x, h0, c0, kernel, recurrent_kernel, _, *mask = inputs
        of_h, of_c, of_gates = (gradient is not None for gradient in gradients)
        rule = LongShortTermMemoryGradient(
            self.reverse, self.activation, self.recurrent_activation, (of_h, of_c, of_gates)
        )
        present = [gradient for gradient in gradients if gradient is not None]
        slopes = rule(*present, x, h0, c0, kernel, recurrent_kernel, *outputs, *mask)
        return (*slopes, *(None for _ in mask))


@dataclass(frozen=True)
class GatedRecurrentUnit(Composite):
    """The gated recurrent unit: one gate mixes old and new, another resets what the new one sees.

    z, r = s(x_t W + b + h_{t-1} U + b'), h~ = a(x_t W + b + r (h_{t-1} U + b')), three blocks of
    columns in the order z, r, h~; h_t = z h_{t-1} + (1 - z) h~. Without ``reset_after`` there is
    no b', and h~ = a(x_t W + b + (r h_{t-1}) U).

    Inputs: x (batch, time, features), h before the first step (batch, units), W (features,
    3 units), U (units, 3 units), the biases b and b' (2, 3 units), or b alone (3 units,) without
    ``reset_after``, and perhaps a mask (batch, time): where it is False the state is carried on.
    Outputs: h after each step (batch, time, units), and what the chain rule reads: z, r and h~
    side by side, and with ``reset_after`` the recurrent part of h~, which is h_{t-1} U + b' before
    r, as a fourth block (batch, time, 4 units).

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014; with
    ``reset_after``, Appleyard, Kocisky, Blunsom, "Optimizing performance of recurrent neural
    networks on GPUs", 2016.
    """

    reverse: bool = False
    reset_after: bool = True
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"

    def shape(self, *inputs):
        """The state after each step, and the gates."""
        bias = (2,) if self.reset_after else ()
        require_shapes(self.name, inputs, states=1, gates=3, bias=bias)
        return super().shape(*inputs)

    def definition(self, x, h0, kernel, recurrent_kernel, bias, *mask):
        activate = activation_named(self.activation).function
        squash = activation_named(self.recurrent_activation).function
        units = h0.shape[1]

        def step(states, elements, constants, here):
            (h,), (from_x,) = states, elements
            from_h = matmul(h, constants[0])
            if self.reset_after:
                from_h = from_h + constants[1]
            z, r = split(squash(from_x[:, : 2 * units] + from_h[:, : 2 * units]), 2, axis=1)
            if self.reset_after:
                inner = from_h[:, 2 * units :]
                kept = [inner]
                update = r * inner
            else:
                kept = []
                update = matmul(r * h, constants[1])
            candidate = activate(from_x[:, 2 * units :] + update)
            after = held(here, z * h + (1.0 - z) * candidate, h)
            return (after,), (after, concatenate([z, r, candidate, *kept], 1))

        if self.reset_after:
            from_x = matmul(x, kernel) + bias[0]
            constants = [recurrent_kernel, bias[1]]
        else:
            from_x = matmul(x, kernel) + bias
            constants = [recurrent_kernel[:, : 2 * units], recurrent_kernel[:, 2 * units :]]
        _, results = over_time(step, [h0], [from_x], constants, mask, self.reverse)
        return results

    def chain_rule(self, gradients, outputs, inputs):
        x, h0, kernel, recurrent_kernel, _, *mask = inputs
        of_h, of_gates = (gradient is not None for gradient in gradients)
        rule = GatedRecurrentUnitGradient(
            self.reverse,
            self.reset_after,
            self.activation,
            self.recurrent_activation,
            (of_h, of_gates),
        )
        present = [gradient for gradient in gradients if gradient is not None]
        slopes = rule(*present, x, h0, kernel, recurrent_kernel, *outputs, *mask)
        return (*slopes, *(None for _ in mask))


def simple_recurrence(
    x: Any,
    h0: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    mask: Any = None,
    reverse: bool = False,
    activation: str = "tanh",
) -> Tensor:
    """The states of a plain recurrent network, h_t = f(x_t W + h_{t-1} U + b), after each step.

    Args:
        x: of shape (batch, time, features).
        h0: the state before the first step, (batch, units).
        kernel: W, (features, units).
        recurrent_kernel: U, (units, units).
        bias: b, (units,).
        mask: booleans (batch, time); the state is carried on where it is False.
        reverse: whether time runs backwards.
        activation: f: "tanh", "relu", "sigmoid", "hard_sigmoid" or "linear".

    Raises:
        ShapeError: a shape does not fit the others.
        UnknownNameError: there is no such activation.

    Example:
        >>> simple_recurrence([[[1.0], [1.0]]], [[0.0]], [[1.0]], [[2.0]], [0.0],
        ...                   activation="linear").numpy()
        array([[[1.],
                [3.]]], dtype=float32)
    """
    inputs = (x, h0, kernel, recurrent_kernel, bias, *_given(mask))
    states: Tensor = SimpleRecurrence(reverse, activation)(*inputs)
    return states


def long_short_term_memory(
    x: Any,
    h0: Any,
    c0: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    mask: Any = None,
    reverse: bool = False,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
) -> tuple[Tensor, Tensor]:
    """The states h and c of a long short-term memory after each step, see the operation.

    Args:
        x: of shape (batch, time, features).
        h0: what the cells show before the first step, (batch, units).
        c0: what they hold before the first step, (batch, units).
        kernel: (features, 4 units), its columns in the order i, f, c~, o.
        recurrent_kernel: (units, 4 units).
        bias: (4 units,).
        mask: booleans (batch, time); both states are carried on where it is False.
        reverse: whether time runs backwards.
        activation: of c~ and of the cell: "tanh", "relu", "sigmoid", "hard_sigmoid", "linear".
        recurrent_activation: of the gates, one of the same.

    Raises:
        ShapeError: a shape does not fit the others.
        UnknownNameError: there is no such activation.

    Example:
        >>> h, c = long_short_term_memory([[[1.0]]], [[0.0]], [[0.0]], [[9.0, 9.0, 9.0, 9.0]],
        ...                               [[0.0, 0.0, 0.0, 0.0]], [0.0, 0.0, 0.0, 0.0])
        >>> c.numpy()
        array([[[0.99987656]]], dtype=float32)
    """
    operation = LongShortTermMemory(reverse, activation, recurrent_activation)
    h, c, _ = operation(x, h0, c0, kernel, recurrent_kernel, bias, *_given(mask))
    return h, c


def gated_recurrent_unit(
    x: Any,
    h0: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    mask: Any = None,
    reverse: bool = False,
    reset_after: bool = True,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
) -> Tensor:
    """The states of a gated recurrent unit after each step, see the operation.

    Args:
        x: of shape (batch, time, features).
        h0: the state before the first step, (batch, units).
        kernel: (features, 3 units), its columns in the order z, r, h~.
        recurrent_kernel: (units, 3 units).
        bias: (2, 3 units), or (3 units,) without ``reset_after``.
        mask: booleans (batch, time); the state is carried on where it is False.
        reverse: whether time runs backwards.
        reset_after: whether r is applied after the recurrent product, or before it.
        activation: of h~: "tanh", "relu", "sigmoid", "hard_sigmoid" or "linear".
        recurrent_activation: of z and r, one of the same.

    Raises:
        ShapeError: a shape does not fit the others.
        UnknownNameError: there is no such activation.

    Example:
        >>> import numpy as np
        >>> gated_recurrent_unit(np.ones((1, 2, 3)), np.ones((1, 1)), np.zeros((3, 3)),
        ...                      np.zeros((1, 3)), np.zeros((2, 3))).numpy()
        array([[[0.5 ],
                [0.25]]], dtype=float32)
    """
    operation = GatedRecurrentUnit(reverse, reset_after, activation, recurrent_activation)
    states: Tensor = operation(x, h0, kernel, recurrent_kernel, bias, *_given(mask))[0]
    return states


def _given(mask: Any) -> tuple[Any, ...]:
    return () if mask is None else (mask,)
