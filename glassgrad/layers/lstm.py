"""The long short-term memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad import activations, ops
from glassgrad.graph import Tensor
from glassgrad.graph.operation import Array
from glassgrad.initializers import Initializer, initialize
from glassgrad.layers.layer import register
from glassgrad.layers.recurrent_cell import CellOfUnits, as_list
from glassgrad.layers.recurrent_layer import LayerOfUnits, cell_options, require_cudnn
from glassgrad.ops.recurrent import LongShortTermMemory

__all__ = ["LSTM", "LSTMCell"]


@register()
class LSTMCell(CellOfUnits):
    """One step of the long short-term memory, with gates that decide what is kept.

    i, f, o = s(x_t W + h_{t-1} U + b) and c~ = a(x_t W + h_{t-1} U + b), four blocks of columns in
    the order i, f, c~, o; c_t = f c_{t-1} + i c~; h_t = o a(c_t), which is the output.

    Args:
        units: how many there are.
        activation: a, of what goes into the state and out of the cell.
        recurrent_activation: s, of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: how the kernel W begins.
        recurrent_initializer: how the recurrent kernel U begins.
        bias_initializer: how the bias begins.
        unit_forget_bias: whether the bias of the forget gate begins at 1, so that cells keep
            what they hold until they have learnt to let it go.
        kernel_regularizer: a penalty on the kernel.
        recurrent_regularizer: a penalty on the recurrent kernel.
        bias_regularizer: a penalty on the bias.
        kernel_constraint: a rule that the kernel keeps after each step.
        recurrent_constraint: a rule that the recurrent kernel keeps.
        bias_constraint: a rule that the bias keeps.
        dropout: the part of the inputs that is silenced in training, in [0, 1); the same one at
            all time steps.
        recurrent_dropout: the part of the state that is silenced in training, in [0, 1); the same
            one at all time steps.
        seed: an integer for masks of its own; ``None`` follows the model's seed.
        kwargs: name, trainable and dtype, see ``Layer``; and ``implementation``, 1 or 2, accepted
            as in Keras.

    Shapes:
        Called on the inputs (batch, features) and a list of h and c, (batch, units) each, it gives
        the output (batch, units) and a list of the new h and c.

    Raises:
        ArgumentError: units is no positive integer, a rate is outside [0, 1), or the seed is no
            integer from 0.
        UnknownNameError: an activation, initializer, regularizer or constraint has an unknown name.

    Example:
        >>> import numpy as np
        >>> y, (h, c) = LSTMCell(4)(np.ones((2, 3)), [np.zeros((2, 4))] * 2)
        >>> y.shape, h.shape, c.shape
        ((2, 4), (2, 4), (2, 4))

    Source: Hochreiter, Schmidhuber, "Long short-term memory", 1997; Gers, Schmidhuber, Cummins,
    "Learning to forget", 2000.
    """

    gates = 4

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
            dropout,
            recurrent_dropout,
            seed,
            **kwargs,
        )
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = bool(unit_forget_bias)

    @property
    def state_size(self) -> list[int]:
        """The lengths of h and c."""
        return [self.units, self.units]

    @property
    def first_bias(self) -> Any:
        """As the others begin, but for the forget gate."""
        return (
            OpenForgetGate(self.bias_initializer)
            if self.unit_forget_bias
            else self.bias_initializer
        )

    def call(
        self, inputs: Tensor, states: Any, training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        h, c = as_list(states)
        of_inputs, of_state = self.masks(inputs, training)
        z = self.product(inputs, self.kernel, of_inputs)
        z = z if self.bias is None else z + self.bias
        z = z + self.product(h, self.recurrent_kernel, of_state)
        i, f, candidate, o = ops.split(z, 4, axis=1)
        kept = self.recurrent_activation(f) * c
        kept = kept + self.recurrent_activation(i) * self.activation(candidate)
        shown = self.recurrent_activation(o) * self.activation(kept)
        return shown, [shown, kept]

    @property
    def own_activations(self) -> list[Any]:
        """Of the state and of the gates."""
        return [self.activation, self.recurrent_activation]

    def operation(self, reverse: bool, *names: Any) -> Any:
        """The recurrence over whole sequences."""
        return LongShortTermMemory(reverse, *names)


@register()
class LSTM(LayerOfUnits):
    """Long short-term memory: gates decide what a cell takes in, keeps and shows.

    i, f, o = s(x_t W + h_{t-1} U + b) and c~ = a(x_t W + h_{t-1} U + b), four blocks of columns in
    the order i, f, c~, o; c_t = f c_{t-1} + i c~; h_t = o a(c_t), which is the output.
    A mask that the input carries leaves steps out, see ``RNN``. PyTorch has the gates in the order
    i, f, c~, o as well, two biases that add up, and no forget bias of 1.

    Args:
        units: how many there are.
        activation: a, of what goes into the state and out of the cell.
        recurrent_activation: s, of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: how the kernel W begins.
        recurrent_initializer: how the recurrent kernel U begins.
        bias_initializer: how the bias begins.
        unit_forget_bias: whether the bias of the forget gate begins at 1, so that cells keep
            what they hold until they have learnt to let it go.
        kernel_regularizer: a penalty on the kernel.
        recurrent_regularizer: a penalty on the recurrent kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output, divided by the length of the batch.
        kernel_constraint: a rule that the kernel keeps after each step.
        recurrent_constraint: a rule that the recurrent kernel keeps.
        bias_constraint: a rule that the bias keeps.
        dropout: the part of the inputs that is silenced in training, in [0, 1); the same one at
            all time steps.
        recurrent_dropout: the part of the state that is silenced in training, in [0, 1); the same
            one at all time steps.
        seed: an integer for masks of its own; ``None`` follows the model's seed.
        return_sequences: whether the outputs of all steps are given, or that of the last alone.
        return_state: whether the last states are given as well, after the output.
        go_backwards: whether time runs backwards; outputs come in the order in which they are
            made.
        stateful: whether a call begins with the state that the last one has ended with; see
            ``RNN``.
        unroll: accepted as in Keras; the result is the same.
        use_cudnn: "auto", True or False, accepted as in Keras: there is one way to compute it.
        kwargs: name, trainable and dtype, see ``Layer``; ``zero_output_for_mask``, see ``RNN``; and
            ``implementation``, 1 or 2, accepted as in Keras.

    Shapes:
        (batch, time, features) gives (batch, units), or (batch, time, units) with
        ``return_sequences``; with ``return_state`` a tuple of it and h and c,
        (batch, units) each.

    Raises:
        ArgumentError: units is no positive integer, a rate is outside [0, 1), or the seed is no
            integer from 0.
        ShapeError: on the call, the input has not three axes, an initial state or mask does not
            fit, or a stateful layer meets a batch of another length.
        UnknownNameError: an activation, initializer, regularizer or constraint has an unknown name.

    Example:
        >>> layer = LSTM(4, return_sequences=True, return_state=True)
        >>> y, h, c = layer(np.ones((2, 5, 3)))
        >>> y.shape, h.shape, c.shape
        ((2, 5, 4), (2, 4), (2, 4))

    Source: Hochreiter, Schmidhuber, "Long short-term memory", 1997; Gers, Schmidhuber, Cummins,
    "Learning to forget", 2000; Jozefowicz, Zaremba, Sutskever, "An empirical exploration of
    recurrent network architectures", 2015, for the forget bias; Gal, Ghahramani, "A theoretically
    grounded application of dropout in recurrent neural networks", 2016.
    """

    cell: LSTMCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        cell = LSTMCell(
            units,
            activation,
            recurrent_activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            unit_forget_bias,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
            dropout,
            recurrent_dropout,
            seed,
            **cell_options(self, kwargs),
        )
        super().__init__(
            cell,
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.use_cudnn = require_cudnn(use_cudnn)


class OpenForgetGate(Initializer):
    """The bias of four gates, of which that of the forget gate begins at 1.

    Args:
        others: how the others begin.
    """

    def __init__(self, others: Any) -> None:
        self.others = others

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """The blocks i, f, c~, o."""
        units = shape[0] // 4
        first, last = (
            initialize(self.others, (count,), "float64", generator) for count in (units, 2 * units)
        )
        return np.concatenate([first, np.ones(units), last])
