"""Weights that begin as random numbers of a given size, and as orthogonal matrices of them."""

from __future__ import annotations

from math import inf, prod

import numpy as np

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph.operation import Array
from glassgrad.initializers.initializer import Initializer, register
from glassgrad.random_seed import check_seed

__all__ = [
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "truncated_standard_normal",
]


@register("normal")
class RandomNormal(Initializer):
    """Normal distribution with given mean and standard deviation.

    Where deep networks begin with a fixed small deviation such as 0.01, which some texts call
    Xavier or He initialisation, activations and gradients vanish: those scale with the layer.

    Args:
        mean: the mean.
        stddev: the standard deviation, at least 0.
        seed: an integer for numbers of its own; ``None`` follows the model's seed.

    Raises:
        ArgumentError: the deviation is negative.

    Example:
        >>> RandomNormal(stddev=0.1, seed=1)((2,))
        array([0.03455842, 0.08216181], dtype=float32)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean, self.stddev, self.seed = mean, _deviation(stddev), check_seed(seed)

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Normal numbers."""
        return self.mean + self.stddev * generator.standard_normal(shape)


@register()
class TruncatedNormal(Initializer):
    """Normal distribution, cut off at two standard deviations from the mean.

    What lies outside is drawn again, so that no unit begins with an extreme weight. The deviation
    of what is left is 0.8796 times ``stddev``.

    Args:
        mean: the mean.
        stddev: the standard deviation before the cut, at least 0.
        seed: an integer for numbers of its own; ``None`` follows the model's seed.

    Raises:
        ArgumentError: the deviation is negative.

    Example:
        >>> w = TruncatedNormal(stddev=0.1, seed=1)((1000,))
        >>> bool(abs(w).max() <= 0.2)
        True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean, self.stddev, self.seed = mean, _deviation(stddev), check_seed(seed)

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Normal numbers within the limits."""
        return self.mean + self.stddev * truncated_standard_normal(shape, generator)


@register("uniform")
class RandomUniform(Initializer):
    """Uniform distribution on [minval, maxval).

    Args:
        minval: the lower end.
        maxval: the upper end, above the lower one.
        seed: an integer for numbers of its own; ``None`` follows the model's seed.

    Raises:
        ArgumentError: the ends are in the wrong order.

    Example:
        >>> RandomUniform(0.0, 1.0, seed=1)((2,))
        array([0.5118216, 0.9504637], dtype=float32)
    """

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        if not 0 <= maxval - minval < inf:
            raise ArgumentError(
                "The ends must be finite, and the lower one not above the upper one. "
                f"Got [{minval}, {maxval})."
            )
        self.minval, self.maxval, self.seed = minval, maxval, check_seed(seed)

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Uniform numbers."""
        return generator.uniform(self.minval, self.maxval, shape)


@register("OrthogonalInitializer")
class Orthogonal(Initializer):
    """A random matrix with orthonormal columns, or rows where there are more columns, times a gain.

    The product with such a matrix keeps lengths and angles, forward and backward, however deep the
    network. It is the Q of a decomposition A = Q R, A being a matrix of normal numbers, with the
    signs of R's diagonal moved into Q: only then every rotation is equally likely. A kernel of a
    higher rank, (…, out), is seen as a matrix of the last axis and all others.

    Args:
        gain: the factor; sqrt(2) suits ReLU, which silences half of its input.
        seed: an integer for numbers of its own; ``None`` follows the model's seed.

    Raises:
        ShapeError: on the call, the weight has fewer axes than two.

    Example:
        >>> q = Orthogonal(seed=1)((4, 3))
        >>> bool(abs(q.T @ q - np.eye(3)).max() < 1e-6)
        True

    Source: Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks", 2014; the signs: Mezzadri, "How to generate random matrices from
    the classical compact groups", 2007.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain, self.seed = gain, check_seed(seed)

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """An orthogonal matrix under the given shape."""
        if len(shape) < 2:
            raise ShapeError(
                f"Only a weight of two axes at least can be orthogonal. Got shape {shape}; "
                "initialize a vector with 'zeros' or 'random_normal', for example."
            )
        rows, columns = prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        q, r = np.linalg.qr(generator.standard_normal(tall))
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
        return self.gain * (q.T if rows < columns else q).reshape(shape)


def truncated_standard_normal(shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    """Standard normal numbers between -2 and 2: what lies outside is drawn again."""
    numbers = generator.standard_normal(shape)
    while (outside := np.abs(numbers) > 2).any():
        numbers = np.where(outside, 0.0, numbers)
        numbers[outside] = generator.standard_normal(int(outside.sum()))
    return numbers


def _deviation(stddev: float) -> float:
    if not stddev >= 0:
        raise ArgumentError(f"The deviation must be at least 0. Got stddev={stddev}.")
    return stddev
