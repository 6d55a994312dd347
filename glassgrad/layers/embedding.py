"""The layer that turns numbers of things into vectors."""

from __future__ import annotations

from typing import Any

from glassgrad import constraints, initializers, ops, regularizers
from glassgrad.graph import Tensor, Variable
from glassgrad.layers.layer import Layer, Shape, register, require_count

__all__ = ["Embedding"]


@register()
class Embedding(Layer):
    """A vector for each of n things: y = E[x], a row of the matrix E.

    The gradient of E is zero but for the rows that were read, and adds up where one was read
    several times.

    Args:
        input_dim: how many things there are; they are numbered from 0.
        output_dim: the length of the vectors.
        embeddings_initializer: how E begins; "uniform" is U(-0.05, 0.05).
        embeddings_regularizer: a penalty on E.
        embeddings_constraint: a rule that E keeps after each step.
        mask_zero: whether 0 stands for the absence of a thing: then the output carries a mask that
            is False there, and the first of the things has the number 1.
        weights: the first value of E, an array of (input_dim, output_dim) or a list of it.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes:
        Integers (batch, …) give (batch, …, output_dim). Floats are taken for integers and lose
        their fractions.

    Raises:
        ArgumentError: input_dim or output_dim is no positive integer.
        ShapeError: weights have another shape.
        ExecutionError: while a program runs, a number is outside [0, input_dim).

    Example:
        >>> import numpy as np
        >>> layer = Embedding(3, 2, weights=[[0.0, 0.0], [1.0, 10.0], [2.0, 20.0]])
        >>> layer(np.array([2, 1])).numpy()
        array([[ 2., 20.],
               [ 1., 10.]], dtype=float32)

    Source: Bengio, Ducharme, Vincent, Jauvin, "A neural probabilistic language model", 2003.
    """

    embeddings: Variable

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.input_dim = require_count("input_dim", input_dim)
        self.output_dim = require_count("output_dim", output_dim)
        self.embeddings_initializer = initializers.require(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = bool(mask_zero)
        self.supports_masking = self.mask_zero
        if weights is not None:
            self.build()
            self.set_weights(
                weights if isinstance(weights, list) and len(weights) == 1 else [weights]
            )

    def build(self, input_shape: Shape | None = None) -> None:
        if self.built:
            return
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            name="embeddings",
        )

    def call(self, inputs: Tensor) -> Tensor:
        indices = inputs if inputs.dtype in ("int32", "int64") else inputs.cast("int32")
        return ops.take(self.embeddings, indices)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.output_dim)

    def _argument(self, name: str) -> Any:
        return None if name == "weights" else super()._argument(name)  # they are state
