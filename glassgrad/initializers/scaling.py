"""Weights that begin as random numbers scaled to how many connections a unit has."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt

import numpy as np

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph.operation import Array
from glassgrad.initializers.initializer import Initializer, register
from glassgrad.initializers.random import truncated_standard_normal
from glassgrad.random_seed import check_seed

__all__ = [
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
    "VarianceScaling",
    "compute_fans",
]

#: The standard deviation of a standard normal distribution that is cut off at -2 and 2.
DEVIATION_OF_TRUNCATED_NORMAL = 0.87962566103423978


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
        input_axes: the axes of the weight that count what enters, where these are not those of a
            dense or convolution kernel; given together with ``output_axes``.
        output_axes: the axes that count what leaves.

    Raises:
        ArgumentError: the scale is not positive, mode or distribution is unknown, or only one of
            the two kinds of axes is given.
        ShapeError: on the call, the weight lacks such an axis.

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
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
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
        _require_both(input_axes, output_axes)
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.seed = check_seed(seed)
        self.input_axes, self.output_axes = input_axes, output_axes

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Numbers of the wanted variance."""
        deviation = sqrt(self.scale / max(1.0, self.connections(shape)))
        if self.distribution == "uniform":
            limit = sqrt(3.0) * deviation
            return generator.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return deviation * generator.standard_normal(shape)
        widened = deviation / DEVIATION_OF_TRUNCATED_NORMAL
        return truncated_standard_normal(shape, generator) * widened

    def connections(self, shape: tuple[int, ...]) -> float:
        """How many connections the mode counts."""
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        return {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]


@register()
class GlorotUniform(VarianceScaling):
    """Uniform on ±sqrt(6 / (fan_in + fan_out)); the default of kernels, made for tanh.

    Args:
        seed: an integer for numbers of its own; ``None`` follows the model's seed.
        input_axes: the axes that count what enters a unit, see ``VarianceScaling``.
        output_axes: the axes that count what leaves it.

    Example:
        >>> w = GlorotUniform(seed=1)((2, 4))
        >>> bool(abs(w).max() <= 1.0)
        True

    Source: Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", 2010.
    """

    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, input_axes, output_axes)


@register()
class GlorotNormal(VarianceScaling):
    """Truncated normal with variance 2 / (fan_in + fan_out); also called Xavier.

    Args:
        seed: an integer for numbers of its own; ``None`` follows the model's seed.
        input_axes: the axes that count what enters a unit, see ``VarianceScaling``.
        output_axes: the axes that count what leaves it.

    Example:
        >>> GlorotNormal(seed=1)((3, 2)).shape
        (3, 2)

    Source: Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", 2010.
    """

    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, input_axes, output_axes)


@register()
class HeNormal(VarianceScaling):
    """Truncated normal with variance 2 / fan_in; made for ReLU, which silences half of its input.

    Args:
        seed: an integer for numbers of its own; ``None`` follows the model's seed.
        input_axes: the axes that count what enters a unit, see ``VarianceScaling``.
        output_axes: the axes that count what leaves it.

    Example:
        >>> HeNormal(seed=1)((3, 2)).shape
        (3, 2)

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """

    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


@register()
class HeUniform(VarianceScaling):
    """Uniform on ±sqrt(6 / fan_in); made for ReLU.

    Args:
        seed: an integer for numbers of its own; ``None`` follows the model's seed.
        input_axes: the axes that count what enters a unit, see ``VarianceScaling``.
        output_axes: the axes that count what leaves it.

    Example:
        >>> HeUniform(seed=1)((3, 2)).shape
        (3, 2)

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """

    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed, input_axes, output_axes)


@register()
class LecunNormal(VarianceScaling):
    """Truncated normal with variance 1 / fan_in; made for SELU, which normalises itself by it.

    Args:
        seed: an integer for numbers of its own; ``None`` follows the model's seed.
        input_axes: the axes that count what enters a unit, see ``VarianceScaling``.
        output_axes: the axes that count what leaves it.

    Example:
        >>> LecunNormal(seed=1)((3, 2)).shape
        (3, 2)

    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998; for SELU:
    Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", 2017.
    """

    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


@register()
class LecunUniform(VarianceScaling):
    """Uniform on ±sqrt(3 / fan_in): sums of inputs of variance 1 keep variance 1.

    Args:
        seed: an integer for numbers of its own; ``None`` follows the model's seed.
        input_axes: the axes that count what enters a unit, see ``VarianceScaling``.
        output_axes: the axes that count what leaves it.

    Example:
        >>> w = LecunUniform(seed=1)((3, 2))
        >>> bool(abs(w).max() <= 1.0)
        True

    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998.
    """

    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed, input_axes, output_axes)


@checked
def compute_fans(
    shape: Sequence[int],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """How many connections enter and leave a unit.

    A dense kernel is (in, out); that of a convolution is (…, in, out), and each of its positions
    counts; a vector counts its length twice. Other weights name the axes that count.

    Args:
        shape: the shape of the weight.
        input_axes: the axes that count what enters; given together with ``output_axes``.
        output_axes: the axes that count what leaves.

    Raises:
        ArgumentError: only one of the two kinds of axes is given.
        ShapeError: the shape lacks such an axis.

    Example:
        >>> compute_fans((784, 128)), compute_fans((3, 3, 16, 32)), compute_fans((5,))
        ((784, 128), (144, 288), (5, 5))
        >>> compute_fans((64, 4, 16), input_axes=[0], output_axes=[1, 2])
        (64, 64)
    """
    _require_both(input_axes, output_axes)
    if input_axes is not None and output_axes is not None:
        return _lengths(shape, input_axes), _lengths(shape, output_axes)
    if len(shape) < 2:
        length = int(prod(shape))
        return length, length
    positions = prod(shape[:-2])
    return int(shape[-2] * positions), int(shape[-1] * positions)


def _lengths(shape: Sequence[int], axes: Sequence[int]) -> int:
    rank = len(shape)
    if any(not -rank <= axis < rank for axis in axes):
        raise ShapeError(f"A weight of shape {tuple(shape)} has no axes {list(axes)}.")
    return int(prod(shape[axis] for axis in axes))


def _require_both(input_axes: Sequence[int] | None, output_axes: Sequence[int] | None) -> None:
    if (input_axes is None) != (output_axes is None):
        raise ArgumentError(
            f"Give both kinds of axes or none. Got input_axes={input_axes} and "
            f"output_axes={output_axes}."
        )
