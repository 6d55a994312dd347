"""What the cells of recurrent networks share: weights, dropout, and runs over whole sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from glassgrad import activations, constraints, initializers, ops, regularizers
from glassgrad.errors import ArgumentError, shown
from glassgrad.graph import Tensor, Variable, current_trace, scope
from glassgrad.layers.layer import Layer, Shape, require_count
from glassgrad.layers.regularization import require_rate, source_of
from glassgrad.ops.gating import ACTIVATIONS
from glassgrad.random_seed import check_seed

__all__ = ["CellOfUnits", "RecurrentCell", "Whole", "as_list", "zero_states"]

Whole = tuple[Tensor, list[Any]]
"""The outputs of all steps, (batch, time, …) in the order of time, and the last states."""

IMPLEMENTATIONS = (1, 2)


class RecurrentCell(Layer):
    """The base of the cells that are here: one step, called on (inputs, states).

    A cell of one's own may be any ``Layer`` with ``state_size``, an integer or several, whose
    ``call(inputs, states)`` gives (output, new states).
    """

    def draw_masks(self, batch: int, features: int) -> list[Any]:
        """What dropout keeps in one run over a sequence; nothing where there is none.

        Args:
            batch: how many examples there are.
            features: the length of the input of one step.
        """
        return []

    @contextmanager
    def holding(self, masks: Sequence[Any]) -> Iterator[None]:
        """Let the calls inside the block use these masks instead of drawing their own."""
        yield

    def run_whole(
        self,
        sequences: Tensor,
        states: Sequence[Any],
        mask: Tensor | None,
        reverse: bool,
        training: bool,
    ) -> Whole | None:
        """All steps by one operation; ``None`` where there is none for what the cell computes.

        Args:
            sequences: (batch, time, features).
            states: those before the first step.
            mask: (batch, time); where it is False states are carried on.
            reverse: whether time runs backwards.
            training: whether it learns just now.
        """
        return None


class CellOfUnits(RecurrentCell):
    """The base of cells with a kernel, a recurrent kernel and a bias for one gate or several.

    Args:
        units: how many there are.
        activation: of what goes into the state.
        use_bias: whether there is a bias.
        kernel_initializer: how the kernel begins.
        recurrent_initializer: how the recurrent kernel begins.
        bias_initializer: how the bias begins.
        kernel_regularizer: a penalty on the kernel.
        recurrent_regularizer: a penalty on the recurrent kernel.
        bias_regularizer: a penalty on the bias.
        kernel_constraint: a rule that the kernel keeps after each step.
        recurrent_constraint: a rule that the recurrent kernel keeps.
        bias_constraint: a rule that the bias keeps.
        dropout: the part of the inputs that is silenced in training, in [0, 1).
        recurrent_dropout: the part of the state that is silenced in training, in [0, 1).
        seed: an integer for masks of its own; ``None`` follows the model's seed.
        kwargs: name, trainable and dtype, see ``Layer``; and ``implementation``, 1 or 2, accepted
            as in Keras.
    """

    gates = 1
    bias: Variable | None

    def __init__(
        self,
        units: int,
        activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        recurrent_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        recurrent_regularizer: Any,
        bias_regularizer: Any,
        kernel_constraint: Any,
        recurrent_constraint: Any,
        bias_constraint: Any,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        _check_implementation(kwargs.pop("implementation", 2))
        super().__init__(**kwargs)
        self.units = require_count("units", units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.require(kernel_initializer)
        self.recurrent_initializer = initializers.require(recurrent_initializer)
        self.bias_initializer = initializers.require(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = require_rate(dropout, "dropout")
        self.recurrent_dropout = require_rate(recurrent_dropout, "recurrent_dropout")
        self.seed = check_seed(seed)
        self._held: Sequence[Tensor | None] | None = None

    @property
    def state_size(self) -> Any:
        """The lengths of the states."""
        return self.units

    @property
    def output_size(self) -> int:
        """The length of the output."""
        return self.units

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """One number for each unit of each gate."""
        return (self.gates * self.units,)

    def build(self, input_shape: Shape) -> None:
        width = self.gates * self.units
        self.kernel = self.add_weight(
            (input_shape[-1], width),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.recurrent_kernel = self.add_weight(
            (self.units, width),
            self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
            name="recurrent_kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                self.bias_shape,
                self.first_bias,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    @property
    def first_bias(self) -> Any:
        """The initializer of the whole bias."""
        return self.bias_initializer

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """Zeros, a tensor for each state."""
        return zero_states(self, batch_size, self.dtype)

    # ---- dropout

    def draw_masks(self, batch: int, features: int) -> list[Tensor | None]:
        """For the inputs and for the state; of one more axis where each gate has its own."""
        gates = (self.gates,) if self.recurrent_dropout and self.gates > 1 else ()
        return [
            self._drawn(self.dropout, (*gates, batch, features)),
            self._drawn(self.recurrent_dropout, (*gates, batch, self.units)),
        ]

    def _drawn(self, rate: float, shape: tuple[int, ...]) -> Tensor | None:
        if not rate:
            return None
        source = source_of(self.name, self.seed)
        return source.dropped(ops.ones(shape, self.dtype), rate, shape)

    @contextmanager
    def holding(self, masks: Sequence[Any]) -> Iterator[None]:
        """Let the calls inside the block use these masks."""
        before, self._held = self._held, masks
        try:
            yield
        finally:
            self._held = before

    def masks(self, inputs: Tensor, training: bool) -> Sequence[Tensor | None]:
        """The masks of this step: those held, or new ones."""
        if not training:
            return (None, None)
        if self._held is not None:
            return self._held
        return self.draw_masks(inputs.shape[0], inputs.shape[-1])

    def product(self, x: Tensor, weights: Any, mask: Tensor | None) -> Tensor:
        """The product with the columns of all gates, each of what dropout has left to it."""
        if mask is None or mask.ndim == x.ndim:
            kept = x if mask is None else x * mask
            return ops.matmul(kept, weights)
        gates, (features, width) = mask.shape[0], weights.shape
        columns = ops.transpose(ops.reshape(weights, (features, gates, width // gates)), (1, 0, 2))
        each = ops.matmul(x * mask, columns)  # (gates, batch, units)
        return ops.reshape(ops.transpose(each, (1, 0, 2)), (x.shape[0], width))

    # ---- whole sequences

    def run_whole(
        self,
        sequences: Tensor,
        states: Sequence[Any],
        mask: Tensor | None,
        reverse: bool,
        training: bool,
    ) -> Whole | None:
        """All steps by the operation of this cell, if it is just this cell."""
        names = [NAMES.get(activation) for activation in self.own_activations]
        if None in names or sequences.ndim != 3 or (training and self.recurrent_dropout):
            return None
        with scope(self.name):
            if training and self.dropout:
                batch, _, features = sequences.shape
                kept, _ = self.draw_masks(batch, features)
                sequences = sequences * ops.expand_dims(kept, 1)
            bias = ops.zeros(self.bias_shape, self.dtype) if self.bias is None else self.bias
            weights = (self.kernel, self.recurrent_kernel, bias)
            masks = () if mask is None else (mask,)
            results = self.operation(reverse, *names)(sequences, *states, *weights, *masks)
            trace = current_trace()
            if trace is not None:
                self._add_penalties(trace)
        results = results if isinstance(results, tuple) else (results,)
        stacked = results[: len(states)]
        return stacked[0], [last_step(one, reverse) for one in stacked]

    @property
    def own_activations(self) -> list[Any]:
        """The functions that the operation of this cell is told."""
        return [self.activation]

    def operation(self, reverse: bool, *names: Any) -> Any:
        """What computes all steps, with activations of these names.

        Its first outputs are the states after each step.
        """
        raise NotImplementedError(f"{type(self).__name__} must write operation(reverse, …).")


NAMES = {activations.get(name): name for name in ACTIVATIONS}
"""The activations that the operations over whole sequences know."""


def last_step(states: Tensor, reverse: bool) -> Tensor:
    """The state after the last step that was taken."""
    return states[:, 0] if reverse else states[:, states.shape[1] - 1]


def zero_states(cell: Any, batch: int | None, dtype: Any) -> list[Any]:
    """Zeros for each state of a cell, whose length, or shape, is in ``state_size``."""
    count = require_count("batch_size", batch, least=0)
    return [ops.zeros((count, *as_list(size)), dtype) for size in as_list(cell.state_size)]


def as_list(value: Any) -> list[Any]:
    """A list, also of a single thing."""
    return list(value) if isinstance(value, list | tuple) else [value]


def _check_implementation(value: Any) -> None:
    if value not in IMPLEMENTATIONS:
        raise ArgumentError(f"implementation must be 1 or 2. Got {shown(value)}.")
