"""Where in a sequence something stands: encodings of positions, which attention does not know."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad import initializers, ops
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, Variable, as_tensor, carry_mask, constant, mask_of
from glassgrad.graph.operation import Array
from glassgrad.layers.input_spec import axis_within
from glassgrad.layers.layer import Layer, Shape, register, require_count
from glassgrad.layers.reversible_embedding import ReversibleEmbedding

__all__ = [
    "PositionEmbedding",
    "RotaryEmbedding",
    "SinePositionEncoding",
    "TokenAndPositionEmbedding",
]


@register()
class PositionEmbedding(Layer):
    """A learned vector for each position: y_t = E[start_index + t], whatever the input is.

    The result is added to what stands at the positions: ``x + PositionEmbedding(length)(x)``.

    Args:
        sequence_length: how many positions there are at most.
        initializer: how E begins.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes:
        (batch, …, T, features) gives the same shape; E is (sequence_length, features).

    Called with:
        the input; start_index, the position of its first entry, 0 by default; or positions,
        integers (T,) or (batch, T), where they do not follow each other.

    Raises:
        ArgumentError: sequence_length is no positive integer.
        ShapeError: on the call, a position is beyond the last.

    Example:
        >>> layer = PositionEmbedding(5, initializer="ones")
        >>> layer([[[0.0, 0.0], [0.0, 0.0]]]).numpy()
        array([[[1., 1.],
                [1., 1.]]], dtype=float32)

    Source: Gehring et al., "Convolutional sequence to sequence learning", 2017.
    """

    supports_masking = True

    position_embeddings: Variable

    def __init__(
        self, sequence_length: int, initializer: Any = "glorot_uniform", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.sequence_length = require_count("sequence_length", sequence_length)
        self.initializer = initializers.require(initializer)

    def build(self, input_shape: Shape) -> None:
        require_sequence(self.name, input_shape)
        self.position_embeddings = self.add_weight(
            (self.sequence_length, input_shape[-1]), self.initializer, name="embeddings"
        )

    def call(self, inputs: Tensor, start_index: Any = 0, positions: Any = None) -> Tensor:
        require_sequence(self.name, inputs.shape)
        known = known_positions(inputs.shape[-2], start_index, positions)
        if known is None:
            asked = asked_positions(inputs.shape[-2], start_index, positions)
            return ops.broadcast_to(ops.take(self.position_embeddings, asked), inputs.shape)
        first, end = start_index, start_index + len(known)
        if first < 0 or end > self.sequence_length:
            raise ShapeError(
                f"Layer {self.name!r} has {self.sequence_length} positions. Got those from {first} "
                f"to {end - 1}; make sequence_length larger, or the sequences shorter."
            )
        return ops.broadcast_to(self.position_embeddings.tensor[first:end], inputs.shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)


@register()
class SinePositionEncoding(Layer):
    """Waves of different lengths for each position: y_tj = sin(t w_j) or cos(t w_j).

    w_j = max_wavelength^(-2 floor(j / 2) / features); even features are sines, odd ones cosines.
    The result is added to what stands at the positions.

    Args:
        max_wavelength: the length of the slowest wave, divided by 2 π.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes:
        (batch, …, T, features) gives the same shape.

    Called with:
        the input; start_index, the position of its first entry, 0 by default; or positions, (T,)
        or (batch, T).

    Raises:
        ArgumentError: max_wavelength is not positive.
        ShapeError: on the call, the input has less than two axes.

    Example:
        >>> SinePositionEncoding()([[[0.0, 0.0], [0.0, 0.0]]]).numpy().round(2)
        array([[[0.  , 1.  ],
                [0.84, 0.54]]], dtype=float32)

    Source: Vaswani et al., "Attention is all you need", 2017.
    """

    supports_masking = True

    def __init__(self, max_wavelength: float = 10000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_wavelength = require_positive("max_wavelength", max_wavelength)

    def call(self, inputs: Tensor, start_index: Any = 0, positions: Any = None) -> Tensor:
        require_sequence(self.name, inputs.shape)
        *_, length, features = inputs.shape
        feature = np.arange(features)
        frequencies = self.max_wavelength ** (-(2 * (feature // 2)) / features)
        angles = angles_of(frequencies, length, start_index, positions, self.dtype)
        waves = ops.where(constant(feature % 2 == 0), sines(angles), cosines(angles))
        return ops.broadcast_to(waves.cast(self.dtype), inputs.shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)


@register()
class RotaryEmbedding(Layer):
    """Turn pairs of features by an angle that grows with the position, as queries and keys need.

    The product of a query and a key that are turned depends on their distance alone. Feature j of
    the first half and feature j of the second are a pair (a, b), and with the angle
    φ = t / scaling_factor · max_wavelength^(-2 j / features) they become
    (a cos φ - b sin φ, b cos φ + a sin φ).

    Args:
        max_wavelength: the length of the slowest wave, divided by 2 π.
        scaling_factor: positions are divided by it, to reach beyond the lengths that were learnt.
        sequence_axis: the axis of the positions.
        feature_axis: the axis of the features, an even number.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes:
        any shape with these axes, such as (batch, T, heads, size), stays.

    Called with:
        the input; start_index, the position of its first entry, 0 by default; or positions, (T,)
        or (batch, T).

    Raises:
        ArgumentError: a number is not positive.
        ShapeError: on the call, there are no such axes, or the features are odd.

    Example:
        >>> import numpy as np
        >>> turned = RotaryEmbedding()(np.ones((1, 2, 2)))
        >>> turned.numpy().round(2)
        array([[[ 1.  ,  1.  ],
                [-0.3 ,  1.38]]], dtype=float32)

    Source: Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021.
    """

    supports_masking = True

    def __init__(
        self,
        max_wavelength: float = 10000,
        scaling_factor: float = 1.0,
        sequence_axis: int = 1,
        feature_axis: int = -1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_wavelength = require_positive("max_wavelength", max_wavelength)
        self.scaling_factor = require_positive("scaling_factor", scaling_factor)
        self.sequence_axis, self.feature_axis = sequence_axis, feature_axis

    def call(self, inputs: Tensor, start_index: Any = 0, positions: Any = None) -> Tensor:
        sequence, feature = (
            axis_within(self.name, axis, inputs.shape)
            for axis in (self.sequence_axis, self.feature_axis)
        )
        half, is_odd = divmod(inputs.shape[feature], 2)
        if is_odd or sequence == feature:
            raise ShapeError(
                f"Layer {self.name!r} turns pairs of features, so their number must be even, and "
                f"they stand along another axis than the positions. Got axes {sequence} and "
                f"{feature} of shape {inputs.shape}."
            )
        frequencies = self.max_wavelength ** (-np.arange(half) / half) / self.scaling_factor
        angles = angles_of(frequencies, inputs.shape[sequence], start_index, positions, self.dtype)
        cosine, sine = (
            _along(table.cast(self.dtype), inputs.ndim, sequence, feature)
            for table in (cosines(angles), sines(angles))
        )
        a, b = ops.split(inputs, 2, axis=feature)
        return ops.concatenate([a * cosine - b * sine, b * cosine + a * sine], axis=feature)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)


@register()
class TokenAndPositionEmbedding(Layer):
    """A vector for each token plus one for its position: y_t = E[x_t] + P[t].

    Args:
        vocabulary_size: how many tokens there are; they are numbered from 0.
        sequence_length: how many positions there are at most.
        embedding_dim: the length of the vectors.
        tie_weights: whether ``token_embedding(y, reverse=True)`` multiplies by E itself.
        embeddings_initializer: how E and P begin.
        mask_zero: whether token 0 is padding, which a mask tells the layers that follow.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes:
        integers (batch, T) give (batch, T, embedding_dim).

    Called with:
        the tokens; start_index and positions as in ``PositionEmbedding``.

    Raises:
        ArgumentError: a number is no positive integer.
        ShapeError: on the call, the sequence is too long.

    Example:
        >>> import numpy as np
        >>> layer = TokenAndPositionEmbedding(10, 4, 3)
        >>> layer(np.array([[1, 5, 9]])).shape
        (1, 3, 3)
    """

    supports_masking = True

    def __init__(
        self,
        vocabulary_size: int,
        sequence_length: int,
        embedding_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        mask_zero: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = require_count("vocabulary_size", vocabulary_size)
        self.sequence_length = require_count("sequence_length", sequence_length)
        self.embedding_dim = require_count("embedding_dim", embedding_dim)
        self.tie_weights, self.mask_zero = bool(tie_weights), bool(mask_zero)
        self.embeddings_initializer = initializers.require(embeddings_initializer)
        self.token_embedding = ReversibleEmbedding(
            vocabulary_size,
            embedding_dim,
            tie_weights,
            embeddings_initializer,
            mask_zero=mask_zero,
            dtype=self.dtype,
            name="token_embedding",
        )
        self.position_embedding = PositionEmbedding(
            sequence_length, embeddings_initializer, dtype=self.dtype, name="position_embedding"
        )

    def build(self, input_shape: Shape) -> None:
        self.token_embedding.build(input_shape)
        self.position_embedding.build((*input_shape, self.embedding_dim))

    def call(self, inputs: Tensor, start_index: Any = 0, positions: Any = None) -> Tensor:
        tokens = self.token_embedding(inputs)
        places = self.position_embedding(tokens, start_index, positions)
        return carry_mask(tokens + places, mask_of(tokens))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.embedding_dim)


# ---- positions


def known_positions(length: int, start_index: Any, positions: Any) -> Array | None:
    """The positions as numbers, unless tensors say what they are."""
    if positions is not None or not isinstance(start_index, int):
        return None
    return np.arange(start_index, start_index + length)


def asked_positions(length: int, start_index: Any, positions: Any) -> Tensor:
    """The positions as a tensor, (T,) or (batch, T)."""
    if positions is not None:
        return as_tensor(positions)
    return constant(np.arange(length, dtype=np.int32)) + as_tensor(start_index)


def angles_of(
    frequencies: Array, length: int, start_index: Any, positions: Any, dtype: Any
) -> Array | Tensor:
    """Position times frequency: numbers (T, n), or a tensor that may begin with the batch."""
    known = known_positions(length, start_index, positions)
    if known is not None:
        return known[:, None] * frequencies
    asked = asked_positions(length, start_index, positions).cast(dtype)
    return ops.expand_dims(asked, -1) * constant(frequencies, dtype)


def sines(angles: Array | Tensor) -> Tensor:
    """Sines; of numbers at once, and in float64."""
    return ops.sin(angles) if isinstance(angles, Tensor) else constant(np.sin(angles), "float64")


def cosines(angles: Array | Tensor) -> Tensor:
    """Cosines; of numbers at once, and in float64."""
    return ops.cos(angles) if isinstance(angles, Tensor) else constant(np.cos(angles), "float64")


def _along(table: Tensor, rank: int, sequence: int, feature: int) -> Tensor:
    """A table (T, n) or (batch, T, n) with its axes where an input of a rank has them."""
    lengths = [1] * rank
    lengths[sequence], lengths[feature] = table.shape[-2:]
    if table.ndim == 3:
        lengths[0] = table.shape[0]
    ordered = table if sequence < feature else ops.swapaxes(table, -1, -2)
    return ordered.reshape(tuple(lengths))


def require_sequence(layer: str, shape: Shape) -> None:
    """An input has positions and features.

    Raises:
        ShapeError: it has less than two axes, or the number of features is open.
    """
    if len(shape) < 2 or shape[-1] is None:
        raise ShapeError(
            f"Layer {layer!r} expected (…, length, features) with a known number of features. Full "
            f"shape received: {tuple(shape)}."
        )


def require_positive(name: str, value: float) -> float:
    """A length or a factor.

    Raises:
        ArgumentError: it is not above 0.
    """
    if not value > 0:
        raise ArgumentError(f"{name} must be positive. Got {value}.")
    return value
