"""The layer in which every unit sees every input."""

from __future__ import annotations

from typing import Any

from glassgrad import activations, constraints, initializers, regularizers
from glassgrad.errors import ShapeError
from glassgrad.graph import Tensor, Variable
from glassgrad.layers.layer import Layer, Shape, register, require_count

__all__ = ["Dense"]


@register()
class Dense(Layer):
    """Every output is a weighted sum of all inputs: y = activation(x W + b).

    Args:
        units: how many outputs there are.
        activation: a name such as "relu", or a function of a tensor; none by default.
        use_bias: whether b is added.
        kernel_initializer: how W begins.
        bias_initializer: how b begins.
        kernel_regularizer: a penalty on W, such as ``L2(0.01)``.
        bias_regularizer: a penalty on b.
        activity_regularizer: a penalty on the output, divided by the length of the batch.
        kernel_constraint: a rule that W keeps after each step, such as ``MaxNorm(2)``.
        bias_constraint: a rule that b keeps.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes:
        (batch, …, in) gives (batch, …, units); W is (in, units), b is (units,). PyTorch keeps
        the transposed matrix, (out, in).

    Raises:
        ArgumentError: units is no positive integer.
        ShapeError: on the call, the last axis is not that of the first call.

    Example:
        >>> layer = Dense(2, activation="relu", kernel_initializer="ones")
        >>> layer([[1.0, 2.0, -4.0], [1.0, 2.0, 3.0]]).numpy()
        array([[0., 0.],
               [6., 6.]], dtype=float32)
    """

    kernel: Variable
    bias: Variable | None

    supports_masking = True

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = require_count("units", units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.require(kernel_initializer)
        self.bias_initializer = initializers.require(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Shape) -> None:
        length = input_shape[-1] if len(input_shape) > 1 else None
        if length is None:
            raise ShapeError(
                f"Layer {self.name!r} expected at least two axes, (batch, in), and a known last "
                f"one. Full shape received: {tuple(input_shape)}."
            )
        self.kernel = self.add_weight(
            (length, self.units),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def call(self, inputs: Tensor) -> Tensor:
        self._check(inputs)
        rows = inputs.reshape(-1, inputs.shape[-1]) if inputs.ndim > 2 else inputs  # (batch, in)
        sums = rows @ self.kernel  # (batch, units)
        if self.bias is not None:
            sums = sums + self.bias
        return self.activation(sums.reshape(*inputs.shape[:-1], self.units))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def _check(self, inputs: Tensor) -> None:
        expected = self.kernel.shape[0]
        if inputs.ndim < 2:
            mismatch = f"at least two axes, found {inputs.ndim}"
        elif inputs.shape[-1] != expected:
            mismatch = f"last axis {expected}, found {inputs.shape[-1]}"
        else:
            return
        raise ShapeError(
            f"Layer {self.name!r} expected {mismatch}. Full shape received: {inputs.shape}."
        )
