"""Attention: each query reads a mean of values, weighted by how well their keys answer it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple

import numpy as np

from glassgrad.errors import ArgumentError, DtypeError, ShapeError
from glassgrad.graph import Composite, Tensor, TensorSpec, as_tensor, constant
from glassgrad.ops.elementwise import (
    BOOL,
    Elementwise,
    add,
    cast,
    equal,
    exp,
    greater_equal,
    log,
    require_floats,
    stop_gradient,
    tanh,
    where,
)
from glassgrad.ops.linear import MatMul
from glassgrad.ops.logic import logical_and
from glassgrad.ops.movement import reshape, transpose
from glassgrad.ops.random import Dropout
from glassgrad.ops.reduction import max as largest
from glassgrad.ops.reduction import sum as total
from glassgrad.ops.statistics import finite

__all__ = [
    "Attention",
    "AttentionGradient",
    "attend",
    "attention_scores",
    "causal_mask",
    "dot_product_attention",
]


class Extras(NamedTuple):
    """The inputs that only some forms of attention have."""

    mask: Tensor | None
    random: tuple[Tensor, ...]


@dataclass(frozen=True)
class OverKeys(Composite):
    """The base: what the weights of the values depend on.

    Args:
        scale: what the products of queries and keys are multiplied by.
        causal: whether query i sees the keys from 0 to i alone.
        masked: whether a mask is among the inputs.
        rate: with which probability a weight is dropped; the others are divided by 1 - rate.
        stream: tells apart the places of a graph that draw.
    """

    scale: float
    causal: bool = False
    masked: bool = False
    rate: float = 0.0
    stream: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise ArgumentError(f"The rate of dropout must lie in [0, 1). Got {self.rate}.")

    def extras(self, rest: Sequence[Tensor]) -> Extras:
        """Tell apart what follows the inputs that every form has."""
        return Extras(rest[0] if self.masked else None, tuple(rest[self.masked :]))

    def scores(self, query: Tensor, key: Tensor, extras: Extras) -> Tensor:
        """How well each key answers each query: minus infinity where it is not seen."""
        scores = attention_scores(query, key) * self.scale  # (batch, heads, T, S)
        return self.seen(scores, extras)

    def seen(self, scores: Tensor, extras: Extras) -> Tensor:
        """Minus infinity in place of the scores of what a query does not see."""
        mask = extras.mask
        if self.causal:
            earlier = causal_mask(*scores.shape[-2:])
            mask = earlier if mask is None else logical_and(mask, earlier)
        return scores if mask is None else where(mask, scores, -math.inf)

    def weights(self, query: Tensor, key: Tensor, log_sum_exp: Tensor, extras: Extras) -> Tensor:
        """The softmax of the scores over the keys, where its logarithmic sum is known."""
        of_rows = reshape(log_sum_exp, (*log_sum_exp.shape, 1))
        return exp(self.scores(query, key, extras) - finite(of_rows))

    def dropped(self, weights: Tensor, extras: Extras) -> Tensor:
        """Some of the weights dropped; linear, and so its own chain rule."""
        if self.rate == 0:
            return weights
        result: Tensor = Dropout(self.rate, self.stream)(weights, *extras.random)
        return result


class Attention(OverKeys):
    """Each query's mean of the values: y = softmax(scale Q Kᵀ) V, for each head of each example.

    Inputs: query (batch, T, heads, d), key (batch, S, key_heads, d), value (batch, S, key_heads,
    dv), where ``key_heads`` divides ``heads``: query head h meets key head h // (heads /
    key_heads). Then, if masked, booleans that broadcast to (batch, heads, T, S), True where a
    query sees a key; then, if the rate is above 0, seed and step of the random generator.

    Outputs: y (batch, T, heads, dv), and the logarithm of the sum of the exponentials of the
    scores (batch, heads, T), from which the backward pass finds the weights again. A query that
    sees no key gives 0, and minus infinity.

    Source: Vaswani et al., "Attention is all you need", 2017; heads that share keys: Ainslie et
    al., "GQA: training generalized multi-query transformer models", 2023; the weights are not
    kept but found again, as in Dao et al., "FlashAttention", 2022.
    """

    def prepare(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Bring query, key and value to one dtype, and a mask to four axes."""
        read, rest = Elementwise.prepare(self, inputs[:3]), inputs[3:]  # type: ignore[arg-type]
        if not self.masked or not rest or rest[0].ndim >= 4:
            return *read, *rest
        mask = rest[0]
        return *read, reshape(mask, (*[1] * (4 - mask.ndim), *mask.shape)), *rest[1:]

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """Refuse what does not fit together."""
        query, key, value, *rest = inputs
        for name, spec in zip(("query", "key", "value"), inputs[:3], strict=True):
            require_floats("Attention", spec)
            if spec.rank != 4:
                raise ShapeError(
                    f"The {name} of an attention is (batch, length, heads, size). Got shape "
                    f"{spec.shape}."
                )
        self.require_fit(query, key, value)
        if self.masked:
            require_mask(rest[0], (query.shape[0], query.shape[2], query.shape[1], key.shape[1]))
        return super().shape(*inputs)

    def require_fit(self, query: TensorSpec, key: TensorSpec, value: TensorSpec) -> None:
        """Every key has its value, and can be met by the queries.

        Raises:
            ShapeError: the lengths contradict each other, or there is no key.
        """
        shapes = f"Got query {query.shape}, key {key.shape} and value {value.shape}."
        if key.shape[:-1] != value.shape[:-1]:
            raise ShapeError(f"Each key has one value. {shapes}")
        if (query.shape[0], query.shape[3]) != (key.shape[0], key.shape[3]):
            raise ShapeError(f"Queries and keys have one batch and one size. {shapes}")
        if not key.shape[1]:
            raise ShapeError(f"There must be a key to attend to. {shapes}")
        heads, key_heads = query.shape[2], key.shape[2]
        if not key_heads or heads % key_heads:
            raise ShapeError(
                f"The number of key heads must divide the number of query heads. {shapes}"
            )

    def definition(self, query, key, value, *rest):
        extras = self.extras(rest)
        weights, log_sum_exp = softmax_or_zeros(self.scores(query, key, extras))
        return attend(self.dropped(weights, extras), value), log_sum_exp

    def chain_rule(self, gradients, outputs, inputs):
        (to_y, to_sum), (y, log_sum_exp), (query, key, value, *rest) = gradients, outputs, inputs
        slopes: list[Tensor | None] = [None, None, None]
        if to_y is not None:
            backward = AttentionGradient(*astuple(self))
            slopes = list(backward(to_y, query, key, value, y, log_sum_exp, *rest))
        if to_sum is not None:  # d log_sum_exp / d score is the weight
            weights = self.weights(query, key, log_sum_exp, self.extras(rest))
            to_scores = weights * reshape(to_sum, (*to_sum.shape, 1))
            found = through_scores(to_scores * self.scale, query, key)
            slopes[:2] = [
                new if old is None else add(old, new)
                for old, new in zip(slopes[:2], found, strict=True)
            ]
        return *slopes, *[None] * len(rest)


class AttentionGradient(OverKeys):
    """The chain rule of ``Attention``, which finds the weights again from the sums of their rows.

    P = exp(scores - log_sum_exp), and W is P after dropout: dV = Wᵀ g, dW = g Vᵀ,
    dS = P (dW after the same dropout - sum(g y)), dQ = scale dS K, dK = scale dSᵀ Q.

    Inputs: the gradient of y, then query, key, value, y and log_sum_exp, then mask, seed and step
    where ``Attention`` has them. Outputs: the gradients of query, key and value.

    Source: Dao et al., "FlashAttention", 2022, appendix B.
    """

    def definition(self, g, query, key, value, y, log_sum_exp, *rest):
        extras = self.extras(rest)
        weights = self.weights(query, key, log_sum_exp, extras)
        kept = self.dropped(weights, extras)
        to_weights = self.dropped(attention_scores(g, value), extras)
        shared = transpose(total(g * y, axis=-1), (0, 2, 1))  # (batch, heads, T)
        to_scores = weights * (to_weights - reshape(shared, (*shared.shape, 1))) * self.scale
        return *through_scores(to_scores, query, key), gather(kept, g, value.shape[2])


def softmax_or_zeros(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax over the last axis, and ln sum exp; 0 where all scores are minus infinity."""
    shift = finite(stop_gradient(largest(scores, axis=-1, keepdims=True)))
    powers = exp(scores - shift)
    sums = total(powers, axis=-1, keepdims=True)
    weights = powers / where(equal(sums, 0.0), 1.0, sums)
    return weights, reshape(log(sums) + shift, sums.shape[:-1])


# ---- heads as batches of matrices


def by_head(x: Tensor, shared_by: int) -> Tensor:
    """(batch, T, heads, d) as (batch, shared_by, heads / shared_by · T, d): one matrix a key head.

    The query heads that read one key head are rows of one matrix, below each other.
    """
    batch, length, heads, size = x.shape
    rows = heads // shared_by * length
    return reshape(transpose(x, (0, 2, 1, 3)), (batch, shared_by, rows, size))


def from_heads(rows: Tensor, length: int, heads: int) -> Tensor:
    """The way back: (batch, shared_by, heads / shared_by · T, d) as (batch, T, heads, d)."""
    batch, size = rows.shape[0], rows.shape[-1]
    return transpose(reshape(rows, (batch, heads, length, size)), (0, 2, 1, 3))


def _per_key_head(x: Tensor, key_heads: int) -> Tensor:
    """(batch, heads, T, S) as (batch, key_heads, heads / key_heads · T, S)."""
    batch, heads, length, keys = x.shape
    return reshape(x, (batch, key_heads, heads // key_heads * length, keys))


def attention_scores(query: Tensor, key: Tensor) -> Tensor:
    """Products of every query (batch, T, heads, d) and key (batch, S, key_heads, d).

    Returns:
        (batch, heads, T, S).
    """
    batch, length, heads, _ = query.shape
    key_heads = key.shape[2]
    products = MatMul(False, True)(by_head(query, key_heads), by_head(key, key_heads))
    return reshape(products, (batch, heads, length, key.shape[1]))


def attend(weights: Tensor, value: Tensor) -> Tensor:
    """Weighted sums of the values: weights (batch, heads, T, S), value (batch, S, key_heads, dv).

    Returns:
        (batch, T, heads, dv).
    """
    _, heads, length, _ = weights.shape
    key_heads = value.shape[2]
    rows = MatMul()(_per_key_head(weights, key_heads), by_head(value, key_heads))
    return from_heads(rows, length, heads)


def gather(weights: Tensor, rows: Tensor, key_heads: int) -> Tensor:
    """What each key collects from the queries: ``attend`` in the other direction.

    Args:
        weights: (batch, heads, T, S).
        rows: (batch, T, heads, d).
        key_heads: how many heads the keys have.

    Returns:
        (batch, S, key_heads, d).
    """
    collected = MatMul(True, False)(_per_key_head(weights, key_heads), by_head(rows, key_heads))
    return from_heads(collected, weights.shape[-1], key_heads)


def through_scores(to_products: Tensor, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of query and key, from that of their products (batch, heads, T, S)."""
    return attend(to_products, key), gather(to_products, query, key.shape[2])


# ---- masks


def causal_mask(queries: int, keys: int) -> Tensor:
    """True where query i sees key j: j <= i, as booleans (queries, keys).

    Example:
        >>> causal_mask(2, 3).numpy()
        array([[ True, False, False],
               [ True,  True, False]])
    """
    rows = constant(np.arange(queries, dtype=np.int32).reshape(queries, 1))
    columns = constant(np.arange(keys, dtype=np.int32))
    return greater_equal(rows, columns)


def require_mask(mask: TensorSpec, scores: tuple[int, ...]) -> None:
    """A mask says of every query and key whether they meet.

    Raises:
        DtypeError: it is not boolean.
        ShapeError: it does not broadcast to the scores.
    """
    if mask.dtype != BOOL:
        raise DtypeError(f"The mask of an attention must be boolean. Got {mask.dtype}.")
    fits = mask.rank == len(scores) and all(
        length in (1, own) for length, own in zip(mask.shape, scores, strict=True)
    )
    if not fits:
        raise ShapeError(
            "The mask of an attention must broadcast to (batch, heads, queries, keys), here "
            f"{scores}. Got shape {mask.shape}."
        )


# ---- the function


def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """Each query's mean of the values, weighted by how well their keys answer it.

    Formula: y = softmax(scale Q Kᵀ + bias) V, for each head of each example.

    Args:
        query: (batch, T, heads, d).
        key: (batch, S, key_heads, d), where key_heads divides heads.
        value: (batch, S, key_heads, dv).
        bias: is added to the scores; broadcasts to (batch, heads, T, S). Then the weights of all
            queries and keys are kept in memory.
        mask: True where a query sees a key; broadcasts to (batch, heads, T, S). A query that sees
            no key gives 0. (Keras gives there the mean of all values, or 0, depending on the
            path that it takes.)
        scale: 1 / sqrt(d) by default.
        is_causal: whether query i sees the keys from 0 to i alone.
        flash_attention: accepted for Keras's sake. Memory is linear in T and S wherever the
            executor has a kernel, as the CPU has.
        attn_logits_soft_cap: scores are softly kept within (-c, c): c tanh(score / c). Then the
            weights of all queries and keys are kept in memory.

    Returns:
        (batch, T, heads, dv).

    Raises:
        ArgumentError: both bias and mask are given, or the cap is not positive.
        DtypeError: the mask is not boolean, or query, key and value are no floats.
        ShapeError: the shapes do not fit together, or there is no key.

    Example:
        >>> from glassgrad import ops
        >>> x = ops.ones((1, 3, 2, 4))
        >>> ops.dot_product_attention(x, x, x, is_causal=True).shape
        (1, 3, 2, 4)

    Source: Vaswani et al., "Attention is all you need", 2017.
    """
    query, key, value = as_tensor(query), as_tensor(key), as_tensor(value)
    if bias is not None and mask is not None:
        raise ArgumentError(
            "Give either a bias or a mask. To have both, put minus infinity into the bias where "
            "nothing shall be seen. Got both."
        )
    if attn_logits_soft_cap is not None and not attn_logits_soft_cap > 0:
        raise ArgumentError(f"The cap of scores must be positive. Got {attn_logits_soft_cap}.")
    size = query.shape[-1] if query.ndim else 1
    factor = 1 / math.sqrt(max(size, 1)) if scale is None else float(scale)
    masks = () if mask is None else (cast(as_tensor(mask), BOOL),)
    operation = Attention(factor, is_causal, bool(masks))
    y, _ = operation(query, key, value, *masks)
    if bias is None and attn_logits_soft_cap is None:
        whole: Tensor = y
        return whole
    scores = attention_scores(query, key) * factor
    if attn_logits_soft_cap is not None:
        scores = tanh(scores / attn_logits_soft_cap) * attn_logits_soft_cap
    if bias is not None:
        scores = scores + bias
    return attend(softmax_or_zeros(operation.seen(scores, operation.extras(masks)))[0], value)
