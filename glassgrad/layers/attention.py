"""Attention between two sequences, without projections: what a decoder reads in an encoder."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad import ops
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, Variable, as_tensor
from glassgrad.layers.layer import Layer, Shape, register
from glassgrad.layers.regularization import source_of
from glassgrad.ops.attention import causal_mask, softmax_or_zeros
from glassgrad.random_seed import check_seed

__all__ = ["AdditiveAttention", "Attention"]


@register()
class Attention(Layer):
    """Each query's mean of the values, weighted by a score of its key: y = softmax(scores) V.

    The score of query q and key k is their product, q · k (Luong), or, with "concat",
    c sum(tanh(q + k)). It is not divided by the root of the length.

    Args:
        use_scale: whether scores are multiplied by a weight of the layer, which begins as 1; with
            "concat" q + k is.
        score_mode: "dot" or "concat".
        dropout: the part of the weights softmax(scores) that is dropped in training.
        seed: an integer for dropout of its own; ``None`` follows the model's seed.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes:
        [query (batch, T, dim), value (batch, S, dim')] or [query, value, key (batch, S, dim)] give
        (batch, T, dim'). Without a key the value is the key.

    Called with:
        the list; mask, a list of the mask of the query (batch, T), where the output becomes 0, and
        that of the value (batch, S), each True where there is something, or ``None``;
        return_attention_scores, to have softmax(scores) (batch, T, S) as a second output;
        use_causal_mask, so that a query sees no later keys.

    A query that sees no key gives zeros. (Keras: the mean of all values.)

    Raises:
        ArgumentError: the mode is unknown, or a rate is out of range.
        ShapeError: on the call, there is no list of two or three tensors, or they do not fit.

    Example:
        >>> import numpy as np
        >>> query, value = np.ones((1, 2, 3)), np.ones((1, 4, 3))
        >>> Attention()([query, value]).shape
        (1, 2, 3)

    Source: Luong, Pham, Manning, "Effective approaches to attention-based neural machine
    translation", 2015.
    """

    supports_masking = True

    scale: Variable | None
    concat_score_weight: Variable | None

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ArgumentError(f"score_mode must be 'dot' or 'concat'. Got {score_mode!r}.")
        if not 0 <= dropout < 1:
            raise ArgumentError(f"The rate of dropout must lie in [0, 1). Got {dropout}.")
        self.use_scale = bool(use_scale)
        self.score_mode = score_mode
        self.dropout = dropout
        self.seed = check_seed(seed)

    def build(self, input_shape: Any) -> None:
        self._require_list(input_shape)
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        self.concat_score_weight = None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._require_list(inputs)
        query, value, key = inputs[0], inputs[1], inputs[-1 if len(inputs) > 2 else 1]
        self._require_fit(query, value, key)
        of_query, of_value = self._masks(mask)
        scores = self.scores(query, key)  # (batch, T, S)
        if of_value is not None:
            scores = ops.where(ops.expand_dims(of_value, 1), scores, -np.inf)
        if use_causal_mask:
            scores = ops.where(causal_mask(*scores.shape[-2:]), scores, -np.inf)
        weights, _ = softmax_or_zeros(scores)
        kept = weights
        if training and self.dropout:
            kept = source_of(self.name, self.seed).dropped(weights, self.dropout, weights.shape)
        output = kept @ value
        if of_query is not None:
            output = ops.where(ops.expand_dims(of_query, -1), output, 0.0)
        return (output, weights) if return_attention_scores else output

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """How well each key (batch, S, dim) answers each query (batch, T, dim): (batch, T, S)."""
        if self.score_mode == "dot":
            products: Tensor = query @ key.transpose((0, 2, 1))
            return products if self.scale is None else products * self.scale
        sums = sums_of_pairs(query, key)
        total: Tensor = ops.tanh(sums if self.scale is None else sums * self.scale).sum(axis=-1)
        return total if self.concat_score_weight is None else total * self.concat_score_weight

    def compute_output_shape(self, input_shape: Any) -> Shape:
        self._require_list(input_shape)
        return (*input_shape[0][:-1], input_shape[1][-1])

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return previous_mask[0] if isinstance(previous_mask, list | tuple) else previous_mask

    def _masks(self, mask: Any) -> tuple[Tensor | None, Tensor | None]:
        """The masks of query and value."""
        if mask is None:
            return None, None
        if not isinstance(mask, list | tuple) or not 2 <= len(mask) <= 3:
            raise ArgumentError(
                f"The mask of layer {self.name!r} is a list, [mask of the query, mask of the "
                f"value], either of which may be None. Got {mask!r}."
            )
        of_query, of_value = (
            None if one is None else as_tensor(one).cast("bool") for one in mask[:2]
        )
        return of_query, of_value

    def _require_list(self, inputs: Any) -> None:
        if not isinstance(inputs, list | tuple) or not 2 <= len(inputs) <= 3:
            raise ShapeError(
                f"Layer {self.name!r} is called on a list, [query, value] or [query, value, key]. "
                f"Got {_named(inputs)}."
            )

    def _require_fit(self, query: Tensor, value: Tensor, key: Tensor) -> None:
        fits = (
            query.ndim == value.ndim == key.ndim == 3
            and query.shape[0] == value.shape[0]
            and value.shape[:-1] == key.shape[:-1]
            and query.shape[-1] == key.shape[-1]
            and key.shape[1] > 0
        )
        if not fits:
            raise ShapeError(
                f"Layer {self.name!r} expected query (batch, T, dim), value (batch, S, any) and "
                f"key (batch, S, dim) with at least one key. Got query {query.shape}, value "
                f"{value.shape}, key {key.shape}."
            )


@register()
class AdditiveAttention(Attention):
    """Attention whose scores are sums of a layer's outputs: q, k give sum(v tanh(q + k)).

    Args:
        use_scale: whether there is the weight v, one number for each feature; else it is 1.
        dropout: the part of the weights softmax(scores) that is dropped in training.
        kwargs: seed, name, trainable and dtype, see ``Attention``.

    Shapes, arguments of the call and errors are those of ``Attention``.

    Example:
        >>> import numpy as np
        >>> query, value = np.ones((1, 2, 3)), np.ones((1, 4, 3))
        >>> AdditiveAttention()([query, value]).numpy()
        array([[[1., 1., 1.],
                [1., 1., 1.]]], dtype=float32)

    Source: Bahdanau, Cho, Bengio, "Neural machine translation by jointly learning to align and
    translate", 2015.
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        self._require_list(input_shape)
        features = (input_shape[0][-1],)
        self.scale = self.add_weight(features, name="scale") if self.use_scale else None

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        activities: Tensor = ops.tanh(sums_of_pairs(query, key))
        weighed = activities if self.scale is None else activities * self.scale
        return weighed.sum(axis=-1)


def sums_of_pairs(query: Tensor, key: Tensor) -> Tensor:
    """Each query (batch, T, dim) plus each key (batch, S, dim): (batch, T, S, dim)."""
    return ops.expand_dims(query, 2) + ops.expand_dims(key, 1)


def _named(inputs: Any) -> str:
    if isinstance(inputs, list | tuple):
        return f"a list of {len(inputs)}"
    return f"a tensor of shape {inputs.shape}" if isinstance(inputs, Tensor) else repr(inputs)
