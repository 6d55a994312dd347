"""Attention in several heads, each with its own projections of queries, keys and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassgrad.errors import ArgumentError
from glassgrad.layers.attention_in_heads import AttentionInHeads
from glassgrad.layers.layer import Shape, register, require_count

__all__ = ["GroupQueryAttention", "MultiHeadAttention"]


@register()
class MultiHeadAttention(AttentionInHeads):
    """Attention in several heads: concat(head_1, …, head_h) W + b.

    head_i = softmax(Q_i K_iᵀ / sqrt(key_dim)) V_i, where Q_i, K_i, V_i are projections of query,
    key and value, each with a kernel and a bias of its own. With query = value it is
    self-attention.

    Args:
        num_heads: how many heads there are.
        key_dim: the length of the projected queries and keys of a head.
        value_dim: the length of the projected values of a head; key_dim by default.
        dropout: the part of the weights that is dropped in training; the rest is divided by 1 -
            dropout.
        use_bias: whether the projections have biases.
        output_shape: the lengths of the output's last axes; that of the query by default.
        attention_axes: the axes to attend over; by default all but the batch and the features.
        sliding_window: a query sees the keys less than this number of places away; all by default.
        flash_attention: accepted for Keras's sake: wherever the executor has a kernel, as the CPU
            has, the memory is linear in the lengths. Keras refuses it together with dropout or
            returned weights; here all go together.
        kernel_initializer: how the kernels begin.
        bias_initializer: how the biases begin.
        kernel_regularizer: a penalty on the kernels.
        bias_regularizer: a penalty on the biases.
        activity_regularizer: a penalty on the outputs of the projections.
        kernel_constraint: a rule that the kernels keep.
        bias_constraint: a rule that the biases keep.
        use_gate: whether the heads are multiplied by sigmoid(query G + c) before their projection.
        seed: an integer for dropout of its own; ``None`` follows the model's seed.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes:
        query (batch, T, dim), value and key (batch, S, dim') give (batch, T, dim). Kernels are
        (features, num_heads, key_dim) for query and key, (features, num_heads, value_dim) for
        value, (num_heads, value_dim, dim) for the output.

    Called with:
        query, value; key, by default the value; query_mask (batch, T), value_mask and key_mask
        (batch, S), True where there is something; attention_mask (batch, T, S) or (batch, heads,
        T, S), True where a query sees a key; return_attention_scores, to have the weights (batch,
        heads, T, S) before dropout as a second output; use_causal_mask, so that a query sees no
        later keys. A query that sees no key gets zeros from the heads. (Keras: zeros or the mean
        of all values, depending on the path that it takes.)

    Raises:
        ArgumentError: a number is none or out of range.
        ShapeError: on the call, the shapes do not fit together.

    Example:
        >>> from glassgrad import ops
        >>> layer = MultiHeadAttention(num_heads=2, key_dim=3)
        >>> x = ops.ones((1, 5, 4))
        >>> layer(x, x, use_causal_mask=True).shape
        (1, 5, 4)
        >>> layer.query_dense.kernel.shape
        (4, 2, 3)

    Source: Vaswani et al., "Attention is all you need", 2017; the gate: Qiu et al., "Gated
    attention for large language models", 2025.
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            use_gate=use_gate,
            seed=seed,
            **kwargs,
        )
        self.num_heads = require_count("num_heads", num_heads)
        self.key_dim = require_count("key_dim", key_dim)
        self.value_dim = (
            self.key_dim if value_dim is None else require_count("value_dim", value_dim)
        )
        self.output_shape = _tuple_of("output_shape", output_shape)
        self.attention_axes = None if attention_axes is None else _as_tuple(attention_axes)
        self.heads = self.key_heads = self.num_heads
        self.size_of_keys, self.size_of_values = self.key_dim, self.value_dim

    def _lengths_of_output(self, query_shape: Shape) -> Shape:
        return self.output_shape or super()._lengths_of_output(query_shape)


@register()
class GroupQueryAttention(AttentionInHeads):
    """Multi-head attention in which groups of query heads share one head of keys and values.

    With as many key heads as query heads it is ``MultiHeadAttention``, with one it is multi-query
    attention. The fewer there are, the less has to be kept of the past when a sequence is written.

    Args:
        head_dim: the length of a projected query, key or value.
        num_query_heads: how many heads of queries there are.
        num_key_value_heads: how many heads of keys and values; divides ``num_query_heads``.
        dropout: the part of the weights that is dropped in training.
        use_bias: whether the projections have biases.
        sliding_window: a query sees the keys less than this number of places away; all by default.
        flash_attention: accepted for Keras's sake, see ``MultiHeadAttention``.
        kernel_initializer: how the kernels begin.
        bias_initializer: how the biases begin.
        kernel_regularizer: a penalty on the kernels.
        bias_regularizer: a penalty on the biases.
        activity_regularizer: a penalty on the outputs of the projections.
        kernel_constraint: a rule that the kernels keep.
        bias_constraint: a rule that the biases keep.
        use_gate: whether the heads are multiplied by sigmoid(query G + c) before their projection.
        seed: an integer for dropout of its own; ``None`` follows the model's seed.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes and arguments of the call are those of ``MultiHeadAttention``.

    Raises:
        ArgumentError: a number is none or out of range, or the heads cannot be shared evenly.
        ShapeError: on the call, the shapes do not fit together.

    Example:
        >>> from glassgrad import ops
        >>> layer = GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)
        >>> x = ops.ones((1, 5, 8))
        >>> layer(x, x).shape
        (1, 5, 8)
        >>> layer.key_dense.kernel.shape
        (8, 2, 3)

    Source: Ainslie et al., "GQA: training generalized multi-query transformer models from
    multi-head checkpoints", 2023.
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            use_gate=use_gate,
            seed=seed,
            **kwargs,
        )
        self.head_dim = require_count("head_dim", head_dim)
        self.num_query_heads = require_count("num_query_heads", num_query_heads)
        self.num_key_value_heads = require_count("num_key_value_heads", num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ArgumentError(
                "num_key_value_heads must divide num_query_heads. Got "
                f"{num_key_value_heads} and {num_query_heads}."
            )
        self.heads, self.key_heads = self.num_query_heads, self.num_key_value_heads
        self.size_of_keys = self.size_of_values = self.head_dim


def _as_tuple(numbers: int | Sequence[int]) -> tuple[int, ...]:
    return (numbers,) if isinstance(numbers, int) else tuple(numbers)


def _tuple_of(name: str, lengths: int | Sequence[int] | None) -> tuple[int, ...] | None:
    if lengths is None:
        return None
    return tuple(require_count(name, length) for length in _as_tuple(lengths))
