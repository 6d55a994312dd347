"""Attention in several heads, each with its own projections of queries, keys and values."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from glassgrad import constraints, initializers, ops, regularizers
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, Trace, as_tensor, constant
from glassgrad.layers.einsum_dense import EinsumDense
from glassgrad.layers.input_spec import axis_within
from glassgrad.layers.layer import Layer, Shape, register, require_count
from glassgrad.layers.regularization import source_of
from glassgrad.ops.attention import Attention
from glassgrad.random_seed import check_seed

__all__ = ["GroupQueryAttention", "MultiHeadAttention"]


class AttentionInHeads(Layer):
    """The base: projections into heads, attention in each, and one projection of all of them.

    A subclass keeps its arguments under their own names, and says here what they come to.
    """

    supports_masking = True

    heads: int
    key_heads: int
    size_of_keys: int
    size_of_values: int
    attention_axes: tuple[int, ...] | None = None

    query_dense: EinsumDense
    key_dense: EinsumDense
    gate_dense: EinsumDense | None
    value_dense: EinsumDense
    output_dense: EinsumDense

    def __init__(
        self,
        *,
        dropout: float,
        use_bias: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        use_gate: bool,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if not 0 <= dropout < 1:
            raise ArgumentError(f"The rate of dropout must lie in [0, 1). Got {dropout}.")
        if sliding_window is not None:
            require_count("sliding_window", sliding_window)
        self.dropout = dropout
        self.use_bias = bool(use_bias)
        self.sliding_window = sliding_window
        self.flash_attention = flash_attention
        self.kernel_initializer = initializers.require(kernel_initializer)
        self.bias_initializer = initializers.require(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.use_gate = bool(use_gate)
        self.seed = check_seed(seed)

    # ---- weights

    def build(  # type: ignore[override]  # a layer of several inputs, by Keras's names
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        self._require_fit(query_shape, value_shape, key_shape)
        self.query_dense = self._into_heads("query", self.heads, self.size_of_keys)
        self.key_dense = self._into_heads("key", self.key_heads, self.size_of_keys)
        self.gate_dense = None
        if self.use_gate:
            self.gate_dense = self._into_heads("gate", self.heads, self.size_of_values, "sigmoid")
        self.value_dense = self._into_heads("value", self.key_heads, self.size_of_values)
        lengths = self._lengths_of_output(query_shape)
        letters = string.ascii_lowercase[2 : 2 + len(lengths)]
        self.output_dense = self._projection(
            "attention_output", f"...ab,ab{letters}->...{letters}", lengths, letters
        )
        for projection, shape in (
            (self.query_dense, query_shape),
            (self.key_dense, key_shape),
            (self.gate_dense, query_shape),
            (self.value_dense, value_shape),
            (self.output_dense, (*query_shape[:-1], self.heads, self.size_of_values)),
        ):
            if projection is not None:
                projection.build(shape)

    def _into_heads(
        self, name: str, heads: int, size: int, activation: str | None = None
    ) -> EinsumDense:
        return self._projection(name, "...a,abc->...bc", (heads, size), "bc", activation)

    def _projection(
        self,
        name: str,
        equation: str,
        output_shape: Sequence[int | None],
        axes: str,
        activation: str | None = None,
    ) -> EinsumDense:
        return EinsumDense(
            equation,
            output_shape,
            activation,
            bias_axes=axes if self.use_bias else None,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self.activity_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            name=name,
            dtype=self.dtype,
            trainable=self.trainable,
        )

    def _lengths_of_output(self, query_shape: Shape) -> Shape:
        return (query_shape[-1],)

    def _add_activity_penalties(self, outputs: Any, trace: Trace) -> None:
        """The projections have the penalties on activities, and not the layer as a whole."""

    # ---- the call

    def call(
        self,
        query: Tensor,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        value = self._enter(value)
        key = value if key is None else self._enter(key)
        self._require_fit(query.shape, value.shape, key.shape)
        axes = self._axes(query.shape)
        seen = self._seen(
            query.shape, value.shape, query_mask, [value_mask, key_mask], attention_mask
        )
        if query.ndim != 3 and (seen is not None or use_causal_mask):
            raise ArgumentError(
                f"Layer {self.name!r} takes masks where there is one axis to attend over, as in "
                f"(batch, length, features). Got a query of shape {query.shape}."
            )
        queries, keys, values = (
            _folded(projection(x), axes)
            for projection, x in (
                (self.query_dense, query),
                (self.key_dense, key),
                (self.value_dense, value),
            )
        )
        random: tuple[Tensor, ...] = ()
        rate, stream = 0.0, 0
        if training and self.dropout:
            source = source_of(self.name, self.seed)
            rate, stream, random = self.dropout, source.stream, (source.seed, source.step)
        masks = () if seen is None else (seen,)
        attention = Attention(
            1 / math.sqrt(self.size_of_keys), use_causal_mask, bool(masks), rate, stream
        )
        y, log_sum_exp = attention(queries, keys, values, *masks, *random)
        result = _unfolded(y, axes, query.shape)
        if self.gate_dense is not None:
            result = result * self.gate_dense(query)
        output = self.output_dense(result)
        if not return_attention_scores:
            return output
        weights = attention.weights(queries, keys, log_sum_exp, attention.extras(masks))
        return output, _as_scores(weights, axes, query.shape, key.shape)

    def _seen(
        self,
        query_shape: tuple[int, ...],
        value_shape: tuple[int, ...],
        query_mask: Any,
        key_masks: Sequence[Any],
        attention_mask: Any,
    ) -> Tensor | None:
        """What all masks allow together, with axes (batch, heads, queries, keys)."""
        allowed = []
        if query_mask is not None:
            allowed.append(ops.expand_dims(_booleans(query_mask), (1, 3)))
        allowed += [ops.expand_dims(_booleans(m), (1, 2)) for m in key_masks if m is not None]
        if attention_mask is not None:
            given = _booleans(attention_mask)
            lacking = (1,) if given.ndim == 3 else tuple(range(4 - given.ndim))
            allowed.append(ops.expand_dims(given, lacking))
        if self.sliding_window is not None:
            rows, columns = (np.arange(shape[1]) for shape in (query_shape, value_shape))
            distances = np.abs(rows[:, None] - columns)
            allowed.append(constant((distances < self.sliding_window)[None, None]))
        return reduce(ops.logical_and, allowed) if allowed else None

    def compute_output_shape(  # type: ignore[override]  # as build
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> Shape:
        key_shape = value_shape if key_shape is None else key_shape
        self._require_fit(query_shape, value_shape, key_shape)
        return (*query_shape[:-1], *self._lengths_of_output(query_shape))

    def _axes(self, query_shape: Shape) -> tuple[int, ...]:
        """The axes that queries attend over, counted from 0."""
        if self.attention_axes is None:
            return tuple(range(1, len(query_shape) - 1))
        return tuple(axis_within(self.name, axis, query_shape) for axis in self.attention_axes)

    def _require_fit(self, query_shape: Shape, value_shape: Shape, key_shape: Shape) -> None:
        ranks = {len(shape) for shape in (query_shape, value_shape, key_shape)}
        if len(ranks) > 1 or min(ranks) < 3 or tuple(value_shape[:-1]) != tuple(key_shape[:-1]):
            raise ShapeError(
                f"Layer {self.name!r} expected query (batch, …, features) with at least three "
                "axes, and as many of value and key, which differ in their features alone. Got "
                f"query {tuple(query_shape)}, value {tuple(value_shape)}, key {tuple(key_shape)}."
            )


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


# ---- axes to attend over, as one axis, and back


def _folded(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """(batch, …, heads, size) as (batch · other axes, length of the axes, heads, size)."""
    if x.ndim == 4 and axes == (1,):
        return x
    rows = _others(x.ndim - 1, axes)
    arranged = x.transpose((*rows, *axes, x.ndim - 2, x.ndim - 1))
    lengths = (prod(x.shape[axis] for axis in some) for some in (rows, axes))
    return arranged.reshape((*lengths, *x.shape[-2:]))


def _unfolded(y: Tensor, axes: tuple[int, ...], query_shape: tuple[int, ...]) -> Tensor:
    """The way back, to the axes of the query."""
    if len(query_shape) == 3 and axes == (1,):
        return y
    order = (*_others(len(query_shape), axes), *axes)
    apart = y.reshape((*(query_shape[axis] for axis in order), *y.shape[-2:]))
    back = [order.index(axis) for axis in range(len(order))]
    return apart.transpose((*back, len(order), len(order) + 1))


def _as_scores(
    weights: Tensor, axes: tuple[int, ...], query_shape: Shape, key_shape: Shape
) -> Tensor:
    """Weights (rows, heads, T, S) as (batch, other axes, heads, axes of queries, axes of keys)."""
    if len(query_shape) == 3 and axes == (1,):
        return weights
    rows = [query_shape[axis] for axis in _others(len(query_shape), axes)]
    of_queries, of_keys = ([shape[axis] for axis in axes] for shape in (query_shape, key_shape))
    return weights.reshape((*rows, weights.shape[1], *of_queries, *of_keys))


def _others(rank: int, axes: Sequence[int]) -> tuple[int, ...]:
    """The axes that are not attended over, without the features."""
    return tuple(axis for axis in range(rank - 1) if axis not in axes)


def _booleans(mask: Any) -> Tensor:
    return as_tensor(mask).cast("bool")


def _as_tuple(numbers: int | Sequence[int]) -> tuple[int, ...]:
    return (numbers,) if isinstance(numbers, int) else tuple(numbers)


def _tuple_of(name: str, lengths: int | Sequence[int] | None) -> tuple[int, ...] | None:
    if lengths is None:
        return None
    return tuple(require_count(name, length) for length in _as_tuple(lengths))
