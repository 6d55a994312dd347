"""What all attention in heads shares: projections, masks, and the axes that are attended over."""

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
from glassgrad.layers.layer import Layer, Shape, require_count
from glassgrad.layers.regularization import source_of
from glassgrad.ops.attention import Attention
from glassgrad.random_seed import check_seed

__all__ = ["AttentionInHeads"]


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
