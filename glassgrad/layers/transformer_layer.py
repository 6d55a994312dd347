"""What the layers of a transformer share: their parts, and how what they make is added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glassgrad import activations, initializers, ops
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, as_tensor, mask_of
from glassgrad.layers.dense import Dense
from glassgrad.layers.layer import Layer, Shape, require_count
from glassgrad.layers.multi_head_attention import MultiHeadAttention
from glassgrad.layers.normalization import LayerNormalization
from glassgrad.layers.regularization import Dropout

__all__ = ["TransformerLayer", "merged"]


class TransformerLayer(Layer):
    """The base: how attention and the network are made, normalised, dropped out and added."""

    supports_masking = True
    use_bias = True
    normalize_first = True

    self_attention: MultiHeadAttention
    self_attention_norm: LayerNormalization
    self_attention_dropout: Dropout
    intermediate_dense: Dense
    output_dense: Dense
    feedforward_norm: LayerNormalization
    feedforward_dropout: Dropout

    def __init__(
        self,
        *,
        intermediate_dim: int | None,
        num_heads: int,
        dropout: float,
        activation: Any,
        layer_norm_epsilon: float,
        kernel_initializer: Any,
        bias_initializer: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= dropout < 1:
            raise ArgumentError(f"The rate of dropout must lie in [0, 1). Got {dropout}.")
        self.intermediate_dim = (
            None
            if intermediate_dim is None
            else require_count("intermediate_dim", intermediate_dim)
        )
        self.num_heads = require_count("num_heads", num_heads)
        self.dropout = dropout
        self.activation = activations.get(activation)
        self.layer_norm_epsilon = layer_norm_epsilon
        self.kernel_initializer = initializers.require(kernel_initializer)
        self.bias_initializer = initializers.require(bias_initializer)

    # ---- weights

    def _build_self_attention(self, shape: Shape) -> None:
        self.self_attention = self._attention("self_attention", shape)
        self.self_attention.build(shape, shape)
        self.self_attention_norm = self._norm("self_attention_layer_norm", shape)
        self.self_attention_dropout = self._dropout("self_attention_dropout")

    def _build_norm_of_network(self, shape: Shape) -> None:
        self.feedforward_norm = self._norm("feedforward_layer_norm", shape)

    def _build_network(self, shape: Shape) -> None:
        width = shape[-1] or 1
        units = self.intermediate_dim or 4 * width
        self.intermediate_dense = self._dense(
            "feedforward_intermediate_dense", units, self.activation
        )
        self.intermediate_dense.build(shape)
        self.output_dense = self._dense("feedforward_output_dense", width)
        self.output_dense.build((*shape[:-1], units))
        self.feedforward_dropout = self._dropout("feedforward_dropout")

    def _attention(self, name: str, shape: Shape) -> MultiHeadAttention:
        width = shape[-1] if len(shape) == 3 else None
        if width is None or width < self.num_heads:
            raise ShapeError(
                f"Layer {self.name!r} expected (batch, length, features) with at least one feature "
                f"for each of {self.num_heads} heads. Full shape received: {tuple(shape)}."
            )
        return MultiHeadAttention(
            self.num_heads,
            width // self.num_heads,
            dropout=self.dropout,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            name=name,
            dtype=self.dtype,
            trainable=self.trainable,
        )

    def _dense(self, name: str, units: int, activation: Any = None) -> Dense:
        return Dense(
            units,
            activation,
            self.use_bias,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            name=name,
            dtype=self.dtype,
            trainable=self.trainable,
        )

    def _norm(self, name: str, shape: Shape) -> LayerNormalization:
        norm = LayerNormalization(
            epsilon=self.layer_norm_epsilon, name=name, dtype=self.dtype, trainable=self.trainable
        )
        norm.build(shape)
        return norm

    def _dropout(self, name: str) -> Dropout:
        return Dropout(self.dropout, name=name, dtype=self.dtype)

    # ---- the call

    def _past(
        self, x: Tensor, norm: LayerNormalization, function: Callable[[Tensor], Any], drop: Dropout
    ) -> Tensor:
        """What goes past a function plus what it makes of it, normalised before or after."""
        made = drop(function(norm(x) if self.normalize_first else x))
        total: Tensor = x + made
        return total if self.normalize_first else norm(total)

    def _network(self, x: Tensor) -> Any:
        return self.output_dense(self.intermediate_dense(x))

    def compute_output_shape(self, *shapes: Any) -> Shape:
        return tuple(shapes[0])


def merged(sequence: Tensor, padding: Any, attention: Any) -> Tensor | None:
    """What padding and a mask of attention allow together: (batch, 1 or T, S)."""
    present = mask_of(sequence) if padding is None else as_tensor(padding).cast("bool")
    rows = None if present is None else ops.expand_dims(present, 1)
    if attention is None:
        return rows
    allowed = as_tensor(attention).cast("bool")
    return allowed if rows is None else ops.logical_and(allowed, rows)
