"""How weights begin: constants, and random numbers scaled to the size of a layer.

An initializer is called with a shape and a NumPy generator; the layer hands the generator over,
so that one seed decides all weights of a model. A ``seed`` of the initializer's own overrides it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from math import prod, sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph.dtypes import default_float, resolve_dtype
from glassgrad.graph.operation import Array
from glassgrad.random_seed import check_seed, next_generator
from glassgrad.serialization import Configurable, Registry, serialize

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "Ones",
    "RandomNormal",
    "RandomUniform",
    "VarianceScaling",
    "Zeros",
    "compute_fans",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "initialize",
    "ones",
    "random_normal",
    "random_uniform",
    "register",
    "require",
    "serialize",
    "variance_scaling",
    "zeros",
]

#: The standard deviation of a standard normal distribution that is cut off at -2 and 2.
DEVIATION_OF_TRUNCATED_NORMAL = 0.87962566103423978


class Initializer(Configurable):
    """The base: subclass it and write ``draw``.

    Example:
        >>> class Diagonal(Initializer):
        ...     def draw(self, shape, generator):
        ...         return np.eye(*shape)
        >>> Diagonal()((2, 2))
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """

    #: Those that draw have a seed of their own; ``None`` leaves the choice to the caller.
    seed: int | None = None

    def __call__(
        self,
        shape: Sequence[int],
        dtype: DTypeLike | None = None,
        *,
        generator: np.random.Generator | None = None,
    ) -> Array:
        """The first value of a weight.

        Args:
            shape: its shape.
            dtype: its dtype; the default float (float32) if ``None``.
            generator: where random numbers come from, unless the initializer has a ``seed``;
                ``None`` takes the next one of the seed under way.

        Raises:
            ArgumentError: no memory could ever hold it.
        """
        if self.seed is not None:
            generator = np.random.default_rng(self.seed)
        _require_address(tuple(shape))
        drawn = self.draw(tuple(shape), generator or next_generator())
        return np.asarray(drawn).astype(default_float() if dtype is None else resolve_dtype(dtype))

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Numbers of the given shape, in float64."""
        raise NotImplementedError(f"{type(self).__name__} must write draw(shape, generator).")


InitializerLike: TypeAlias = Initializer | Callable[..., Any]

_registry: Registry[InitializerLike] = Registry("initializer", Initializer, takes_functions=True)
get, require = _registry.get, _registry.require
deserialize, register = _registry.deserialize, _registry.register


def initialize(
    initializer: InitializerLike,
    shape: Sequence[int],
    dtype: DTypeLike | None,
    generator: np.random.Generator,
) -> Array:
    """The first value of a weight; a plain function is called with shape and dtype.

    Raises:
        ShapeError: a function gave another shape.
    """
    if isinstance(initializer, Initializer):
        return initializer(shape, dtype, generator=generator)
    array = np.asarray(initializer(tuple(shape), dtype=dtype))
    if array.shape != tuple(shape):
        raise ShapeError(f"The initializer must give shape {tuple(shape)}. Got {array.shape}.")
    return array


@register()
class Zeros(Initializer):
    """Zeros, as biases begin.

    Example:
        >>> Zeros()((2,))
        array([0., 0.], dtype=float32)
    """

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Zeros."""
        return np.zeros(shape)


@register()
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


@register()
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
        if not stddev >= 0:
            raise ArgumentError(f"The deviation must be at least 0. Got stddev={stddev}.")
        self.mean, self.stddev, self.seed = mean, stddev, check_seed(seed)

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Normal numbers."""
        return self.mean + self.stddev * generator.standard_normal(shape)


@register()
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
        if not minval <= maxval:
            raise ArgumentError(
                f"The lower end must not lie above the upper one. Got [{minval}, {maxval})."
            )
        self.minval, self.maxval, self.seed = minval, maxval, check_seed(seed)

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Uniform numbers."""
        return generator.uniform(self.minval, self.maxval, shape)


@register()
class VarianceScaling(Initializer):
    """Random numbers whose variance is ``scale / n``, n being the number of a unit's connections.

    With inputs of variance 1, sums over n inputs then have variance ``scale``: signals neither
    vanish nor explode on their way through the layers.

    Args:
        scale: the factor, above 0.
        mode: what n is: "fan_in" (connections that enter a unit), "fan_out" (that leave one) or
            "fan_avg" (their mean).
        distribution: "truncated_normal" (cut off at two standard deviations, and widened by
            1 / 0.8796… so that the variance is kept), "untruncated_normal" or "uniform"
            (on ±sqrt(3 scale / n)).
        seed: an integer for numbers of its own; ``None`` follows the model's seed.

    Raises:
        ArgumentError: the scale is not positive, or mode or distribution is unknown.

    Example:
        >>> w = VarianceScaling(2.0, seed=1)((400, 100))
        >>> bool(abs(w.var() - 2.0 / 400) < 1e-4)
        True
    """

    MODES = ("fan_in", "fan_out", "fan_avg")
    DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        if not scale > 0:
            raise ArgumentError(f"The scale must be positive. Got {scale}.")
        if mode not in self.MODES:
            raise ArgumentError(f"The mode must be one of {self.MODES}. Got {mode!r}.")
        if distribution == "normal":  # Keras's older name
            distribution = "truncated_normal"
        if distribution not in self.DISTRIBUTIONS:
            raise ArgumentError(
                f"The distribution must be one of {self.DISTRIBUTIONS}. Got {distribution!r}."
            )
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.seed = check_seed(seed)

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Numbers of the wanted variance."""
        deviation = sqrt(self.scale / max(1.0, self.connections(shape)))
        if self.distribution == "uniform":
            limit = sqrt(3.0) * deviation
            return generator.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return deviation * generator.standard_normal(shape)
        return truncated_normal(shape, generator) * (deviation / DEVIATION_OF_TRUNCATED_NORMAL)

    def connections(self, shape: tuple[int, ...]) -> float:
        """How many connections the mode counts."""
        fan_in, fan_out = compute_fans(shape)
        return {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]


@register()
class GlorotUniform(VarianceScaling):
    """Uniform on ±sqrt(6 / (fan_in + fan_out)); the default of kernels, made for tanh.

    Args:
        seed: an integer for numbers of its own; ``None`` follows the model's seed.

    Example:
        >>> w = GlorotUniform(seed=1)((2, 4))
        >>> bool(abs(w).max() <= 1.0)
        True

    Source: Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", 2010.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed)


@register()
class GlorotNormal(VarianceScaling):
    """Truncated normal with variance 2 / (fan_in + fan_out); also called Xavier.

    Args:
        seed: an integer for numbers of its own; ``None`` follows the model's seed.

    Example:
        >>> GlorotNormal(seed=1)((3, 2)).shape
        (3, 2)

    Source: Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", 2010.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed)


@register()
class HeNormal(VarianceScaling):
    """Truncated normal with variance 2 / fan_in; made for ReLU, which silences half of its input.

    Args:
        seed: an integer for numbers of its own; ``None`` follows the model's seed.

    Example:
        >>> HeNormal(seed=1)((3, 2)).shape
        (3, 2)

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed)


@register()
class HeUniform(VarianceScaling):
    """Uniform on ±sqrt(6 / fan_in); made for ReLU.

    Args:
        seed: an integer for numbers of its own; ``None`` follows the model's seed.

    Example:
        >>> HeUniform(seed=1)((3, 2)).shape
        (3, 2)

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed)


def compute_fans(shape: Sequence[int]) -> tuple[int, int]:
    """How many connections enter and leave a unit.

    A dense kernel is (in, out); that of a convolution is (…, in, out), and each of its positions
    counts; a vector counts its length twice.

    Example:
        >>> compute_fans((784, 128)), compute_fans((3, 3, 16, 32)), compute_fans((5,))
        ((784, 128), (144, 288), (5, 5))
    """
    if len(shape) < 2:
        length = int(prod(shape))
        return length, length
    positions = prod(shape[:-2])
    return int(shape[-2] * positions), int(shape[-1] * positions)


def _require_address(shape: tuple[int, ...]) -> None:
    """Refuse a shape beyond any address, for which NumPy has errors of its own."""
    if prod(shape) > sys.maxsize // 8:  # the draws are float64
        raise ArgumentError(
            f"A weight must fit into memory. Got shape {shape}; choose fewer units, or make its "
            "input smaller."
        )


def truncated_normal(shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    """Standard normal numbers between -2 and 2: what lies outside is drawn again."""
    numbers = generator.standard_normal(shape)
    while (outside := np.abs(numbers) > 2).any():
        numbers = np.where(outside, 0.0, numbers)
        numbers[outside] = generator.standard_normal(int(outside.sum()))
    return numbers


# Keras's lower-case names of the same classes.
zeros, ones, constant = Zeros, Ones, Constant
random_normal, random_uniform, variance_scaling = RandomNormal, RandomUniform, VarianceScaling
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
