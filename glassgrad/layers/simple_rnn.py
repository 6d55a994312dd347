"""The plain recurrent network."""

from __future__ import annotations

from typing import Any

from glassgrad.graph import Tensor
from glassgrad.layers.layer import register
from glassgrad.layers.recurrent_cell import CellOfUnits, as_list
from glassgrad.layers.recurrent_layer import LayerOfUnits, cell_options
from glassgrad.ops.recurrent import SimpleRecurrence

__all__ = ["SimpleRNN", "SimpleRNNCell"]


@register()
class SimpleRNNCell(CellOfUnits):
    """One step of the plain recurrent network: h_t = f(x_t W + h_{t-1} U + b).

    Args:
        units: how many there are.
        activation: f.
        use_bias: whether there is a bias.
        kernel_initializer: how the kernel W begins.
        recurrent_initializer: how the recurrent kernel U begins.
        bias_initializer: how the bias begins.
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
        Called on the inputs (batch, features) and a list of the state (batch, units), it gives the
        output (batch, units) and a list of the new state.

    Raises:
        ArgumentError: units is no positive integer, a rate is outside [0, 1), or the seed is no
            integer from 0.
        UnknownNameError: an activation, initializer, regularizer or constraint has an unknown name.

    Example:
        >>> import numpy as np
        >>> y, (h,) = SimpleRNNCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
        >>> y.shape, h.shape
        ((2, 4), (2, 4))

    Source: Elman, "Finding structure in time", 1990.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
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

    def call(
        self, sequence: Tensor, states: Any, training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        (h,) = as_list(states)
        of_inputs, of_state = self.masks(sequence, training)
        z = self.product(sequence, self.kernel, of_inputs)
        z = z if self.bias is None else z + self.bias
        after = self.activation(z + self.product(h, self.recurrent_kernel, of_state))
        return after, [after]

    def operation(self, reverse: bool, *names: Any) -> Any:
        """The recurrence over whole sequences."""
        return SimpleRecurrence(reverse, *names)


@register()
class SimpleRNN(LayerOfUnits):
    """The plain recurrent network: h_t = f(x_t W + h_{t-1} U + b), and h_t is the output.

    Its gradient shrinks or grows with every step that it goes back; ``LSTM`` and ``GRU`` remember
    for longer. A mask that the input carries leaves steps out, see ``RNN``.

    Args:
        units: how many there are.
        activation: f.
        use_bias: whether there is a bias.
        kernel_initializer: how the kernel W begins.
        recurrent_initializer: how the recurrent kernel U begins.
        bias_initializer: how the bias begins.
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
        return_sequences: whether the outputs of all steps are given, or that of the last alone.
        return_state: whether the last state is given as well, after the output.
        go_backwards: whether time runs backwards; outputs come in the order in which they are
            made.
        stateful: whether a call begins with the state that the last one has ended with; see
            ``RNN``.
        unroll: accepted as in Keras; the result is the same.
        seed: an integer for masks of its own; ``None`` follows the model's seed.
        kwargs: name, trainable and dtype, see ``Layer``; ``zero_output_for_mask``, see ``RNN``; and
            ``implementation``, 1 or 2, accepted as in Keras.

    Shapes:
        (batch, time, features) gives (batch, units), or (batch, time, units) with
        ``return_sequences``; with ``return_state`` a tuple of it and the state (batch, units).

    Raises:
        ArgumentError: units is no positive integer, a rate is outside [0, 1), or the seed is no
            integer from 0.
        ShapeError: on the call, the input has not three axes, an initial state or mask does not
            fit, or a stateful layer meets a batch of another length.
        UnknownNameError: an activation, initializer, regularizer or constraint has an unknown name.

    Example:
        >>> import numpy as np
        >>> SimpleRNN(4, return_sequences=True)(np.ones((2, 5, 3))).shape
        (2, 5, 4)

    Source: Elman, "Finding structure in time", 1990.
    """

    cell: SimpleRNNCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        cell = SimpleRNNCell(
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
