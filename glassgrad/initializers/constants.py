"""Weights that begin as given numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.errors import ShapeError
from glassgrad.graph.dtypes import to_array
from glassgrad.graph.operation import Array
from glassgrad.initializers.initializer import Initializer, register

__all__ = ["Constant", "Identity", "Ones", "Zeros"]


@register("zero")
class Zeros(Initializer):
    """Zeros, as biases begin.

    Example:
        >>> Zeros()((2,))
        array([0., 0.], dtype=float32)
    """

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Zeros."""
        return np.zeros(shape)


@register("one")
class Ones(Initializer):
    """Ones, as factors of normalisation begin.

    Example:
        >>> Ones()((2,))
        array([1., 1.], dtype=float32)
    """

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Ones."""
        return np.ones(shape)


@register()
class Constant(Initializer):
    """Given numbers.

    Args:
        value: one number, or an array that broadcasts to the shape of the weight.

    Raises:
        ShapeError: on the call, the array does not broadcast to the shape.

    Example:
        >>> Constant([1.0, 2.0])((2, 2))
        array([[1., 2.],
               [1., 2.]], dtype=float32)
    """

    def __init__(self, value: Any = 0.0) -> None:
        to_array(value, "float64")
        self.value = value

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """The value, repeated."""
        try:
            return np.broadcast_to(np.asarray(self.value, dtype=np.float64), shape)
        except ValueError:
            raise ShapeError(
                f"The value of Constant has shape {np.shape(self.value)} and does not broadcast "
                f"to {shape}."
            ) from None


@register("IdentityInitializer")
class Identity(Initializer):
    """Ones on the diagonal of a matrix, zeros elsewhere, times a gain: a layer that copies.

    Args:
        gain: the number on the diagonal.

    Raises:
        ShapeError: on the call, the weight is no matrix.

    Example:
        >>> Identity(2.0)((2, 3))
        array([[2., 0., 0.],
               [0., 2., 0.]], dtype=float32)

    Source: Le, Jaitly, Hinton, "A simple way to initialize recurrent networks of rectified linear
    units", 2015.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """The diagonal."""
        if len(shape) != 2:
            raise ShapeError(
                f"Only a matrix begins as the identity. Got shape {shape}; initialize weights of "
                "other ranks with 'orthogonal', for example."
            )
        return np.where(np.eye(*shape) == 1, self.gain, 0.0)
