"""The gated recurrent unit."""

from __future__ import annotations

from typing import Any

from glassgrad import activations, ops
from glassgrad.graph import Tensor
from glassgrad.layers.layer import register
from glassgrad.layers.recurrent_cell import CellOfUnits, as_list
from glassgrad.layers.recurrent_layer import LayerOfUnits, cell_options, require_cudnn
from glassgrad.ops.recurrent import GatedRecurrentUnit

__all__ = ["GRU", "GRUCell"]


@register()
class GRUCell(CellOfUnits):
    """One step of the gated recurrent unit, which mixes old and new.

    z, r = s(x_t W + b + h_{t-1} U + b'), h~ = a(x_t W + b + r (h_{t-1} U + b')), three blocks of
    columns in the order z, r, h~; h_t = z h_{t-1} + (1 - z) h~, which is the output. Without
    ``reset_after`` there is no b', and h~ = a(x_t W + b + (r h_{t-1}) U).

    Args:
        units: how many there are.
        activation: a, of what goes into the state.
        recurrent_activation: s, of the gates.
        use_bias: whether there are biases.
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
        reset_after: whether r is applied after the recurrent product, or before it.
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
        >>> y, (h,) = GRUCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
        >>> y.shape, h.shape
        ((2, 4), (2, 4))

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014.
    """

    gates = 3

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
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
        reset_after: bool = True,
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
        self.reset_after = bool(reset_after)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """One bias beside x W, and with ``reset_after`` another beside h U."""
        width = self.gates * self.units
        return (2, width) if self.reset_after else (width,)

    def call(
        self, inputs: Tensor, states: Any, training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        (h,) = as_list(states)
        of_inputs, of_state = self.masks(inputs, training)
        own, inner = self._biases()
        from_x = self.product(inputs, self.kernel, of_inputs) + own
        z_x, r_x, candidate_x = ops.split(from_x, 3, axis=1)
        if self.reset_after:
            from_h = self.product(h, self.recurrent_kernel, of_state) + inner
            z_h, r_h, candidate_h = ops.split(from_h, 3, axis=1)
            z, r = self.recurrent_activation(z_x + z_h), self.recurrent_activation(r_x + r_h)
            update = r * candidate_h
        else:
            of_gates, of_candidate = _parts(of_state)
            gates, candidate = ops.split(self.recurrent_kernel, [2 * self.units], axis=1)
            z_h, r_h = ops.split(self.product(h, gates, of_gates), 2, axis=1)
            z, r = self.recurrent_activation(z_x + z_h), self.recurrent_activation(r_x + r_h)
            update = self.product(r * h, candidate, of_candidate)
        after = z * h + (1.0 - z) * self.activation(candidate_x + update)
        return after, [after]

    def _biases(self) -> tuple[Any, Any]:
        if self.bias is None:
            return 0.0, 0.0
        return (self.bias[0], self.bias[1]) if self.reset_after else (self.bias, 0.0)

    @property
    def own_activations(self) -> list[Any]:
        """Of the state and of the gates."""
        return [self.activation, self.recurrent_activation]

    def operation(self, reverse: bool, *names: Any) -> Any:
        """The recurrence over whole sequences."""
        return GatedRecurrentUnit(reverse, self.reset_after, *names)


@register()
class GRU(LayerOfUnits):
    """The gated recurrent unit: one gate mixes old and new, another resets what the new one sees.

    z, r = s(x_t W + b + h_{t-1} U + b'), h~ = a(x_t W + b + r (h_{t-1} U + b')), three blocks of
    columns in the order z, r, h~; h_t = z h_{t-1} + (1 - z) h~, which is the output. Without
    ``reset_after`` there is no b', and h~ = a(x_t W + b + (r h_{t-1}) U).
    A mask that the input carries leaves steps out, see ``RNN``. PyTorch has the columns in the
    order r, z, h~, and computes what is here with ``reset_after``.

    Args:
        units: how many there are.
        activation: a, of what goes into the state.
        recurrent_activation: s, of the gates.
        use_bias: whether there are biases.
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
        seed: an integer for masks of its own; ``None`` follows the model's seed.
        return_sequences: whether the outputs of all steps are given, or that of the last alone.
        return_state: whether the last state is given as well, after the output.
        go_backwards: whether time runs backwards; outputs come in the order in which they are
            made.
        stateful: whether a call begins with the state that the last one has ended with; see
            ``RNN``.
        unroll: accepted as in Keras; the result is the same.
        reset_after: whether r is applied after the recurrent product, or before it.
        use_cudnn: "auto", True or False, accepted as in Keras: there is one way to compute it.
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
        >>> y, h = GRU(4, return_sequences=True, return_state=True)(np.ones((2, 5, 3)))
        >>> y.shape, h.shape
        ((2, 5, 4), (2, 4))

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014.
    """

    cell: GRUCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
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
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        cell = GRUCell(
            units,
            activation,
            recurrent_activation,
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
            reset_after,
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


def _parts(mask: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """The masks of both gates, and that of the candidate, which may be one for all."""
    if mask is None or mask.ndim == 2:
        return mask, mask
    return mask[:2], mask[2]
