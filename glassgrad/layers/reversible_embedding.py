"""The embedding that also turns vectors back into scores of the things they stand for."""

from __future__ import annotations

from typing import Any

from numpy.typing import DTypeLike

from glassgrad import ops
from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor, Variable, carry_mask
from glassgrad.graph.dtypes import resolve_dtype
from glassgrad.layers.embedding import Embedding
from glassgrad.layers.layer import Shape, register

__all__ = ["ReversibleEmbedding"]


@register()
class ReversibleEmbedding(Embedding):
    """A vector for each of n things, and back: y = E[x], and with ``reverse`` y = x Eᵀ.

    A language model that reads and writes with one matrix has fewer weights, and learns a token's
    vector wherever it occurs.

    Args:
        input_dim: how many things there are; they are numbered from 0.
        output_dim: the length of the vectors.
        tie_weights: whether the way back uses E; else it has a matrix (output_dim, input_dim) of
            its own.
        embeddings_initializer: how the matrices begin.
        embeddings_regularizer: a penalty on E.
        embeddings_constraint: a rule that E keeps after each step.
        mask_zero: whether 0 is padding, which a mask tells the layers that follow.
        reverse_dtype: of the scores; that of the layer by default.
        logit_soft_cap: scores are softly kept within (-c, c): c tanh(score / c).
        kwargs: weights, name, trainable and dtype, see ``Embedding``.

    Shapes:
        integers (batch, …) give (batch, …, output_dim); with ``reverse`` (batch, …, output_dim)
        gives (batch, …, input_dim).

    Raises:
        ArgumentError: a number is no positive integer, or the cap is not positive.
        ShapeError: weights have another shape, or the vectors another length.

    Example:
        >>> import numpy as np
        >>> layer = ReversibleEmbedding(3, 2, weights=[[0.0, 0.0], [1.0, 10.0], [2.0, 20.0]])
        >>> layer(layer(np.array([1])), reverse=True).numpy()
        array([[  0., 101., 202.]], dtype=float32)

    Source: Press, Wolf, "Using the output embedding to improve language models", 2017.
    """

    reverse_embeddings: Variable

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: DTypeLike | None = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        self.tie_weights = bool(tie_weights)
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
            mask_zero,
            **kwargs,
        )
        if logit_soft_cap is not None and not logit_soft_cap > 0:
            raise ArgumentError(f"logit_soft_cap must be positive. Got {logit_soft_cap}.")
        self.reverse_dtype = None if reverse_dtype is None else resolve_dtype(reverse_dtype)
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Shape | None = None) -> None:
        if self.built:
            return
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                (self.output_dim, self.input_dim),
                self.embeddings_initializer,
                name="reverse_embeddings",
            )

    def call(self, inputs: Tensor, reverse: bool = False) -> Tensor:
        if not reverse:
            return carry_mask(super().call(inputs), super().compute_mask(inputs))
        matrix = self.embeddings.tensor.transpose() if self.tie_weights else self.reverse_embeddings
        vectors, kernel = inputs, matrix
        if self.reverse_dtype is not None:
            vectors, kernel = (x.cast(self.reverse_dtype) for x in (vectors, kernel))
        logits = ops.matmul(vectors, kernel)
        cap = self.logit_soft_cap
        return logits if cap is None else ops.tanh(logits / cap) * cap

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None  # only one of the two directions makes a mask, and ``call`` knows which

    def compute_output_shape(self, input_shape: Shape, reverse: bool = False) -> Shape:
        if reverse:
            return (*input_shape[:-1], self.input_dim)
        return (*input_shape, self.output_dim)
