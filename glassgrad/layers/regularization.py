"""Layers that make learning harder, so that the network relies on no single unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad import ops, regularizers
from glassgrad.errors import ArgumentError, GraphError, ShapeError
from glassgrad.graph import Tensor, constant, current_trace
from glassgrad.layers.layer import Layer, Shape, register
from glassgrad.ops.activation import SELU_ALPHA, SELU_SCALE
from glassgrad.ops.random import Dropout as DropoutOperation
from glassgrad.ops.random import RandomNormal, RandomUniform
from glassgrad.random_seed import check_seed

__all__ = [
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
]


@dataclass(frozen=True)
class Source:
    """Where one call of a layer takes its random numbers from."""

    seed: Tensor
    step: Tensor
    stream: int

    def keeps(self, rate: float, shape: Sequence[int], dtype: np.dtype[Any]) -> Tensor:
        """True with probability 1 - rate, for each element of a shape."""
        drawn = RandomUniform(tuple(shape), self.stream, str(dtype))(self.seed, self.step)
        kept: Tensor = ops.greater_equal(drawn, rate)
        return kept

    def normal(self, shape: Sequence[int], dtype: np.dtype[Any]) -> Tensor:
        """Numbers of mean 0 and standard deviation 1."""
        drawn: Tensor = RandomNormal(tuple(shape), self.stream, str(dtype))(self.seed, self.step)
        return drawn

    def dropped(self, x: Tensor, rate: float, noise_shape: Sequence[int]) -> Tensor:
        """Inverted dropout; one decision holds for all elements along axes where the shape is 1."""
        if tuple(noise_shape) == x.shape:
            whole: Tensor = DropoutOperation(rate, self.stream)(x, self.seed, self.step)
            return whole
        kept = self.keeps(rate, noise_shape, x.dtype)
        masked: Tensor = ops.where(kept, x * (1 / (1 - rate)), 0.0)
        return masked


def source_of(layer: str, seed: int | None) -> Source:
    """Where a layer takes its random numbers from, in the call that is under way.

    Args:
        layer: its name, for the message.
        seed: of its own; ``None`` follows the model's.

    Raises:
        GraphError: the trace under way has no random state.
    """
    trace = current_trace()
    random = None if trace is None else trace.random
    if trace is None or random is None:
        raise GraphError(
            f"Layer {layer!r} draws random numbers in training, and the trace has no random "
            "state. Write Trace(training=True, random=new_random_state(seed))."
        )
    key = random.seed.tensor if seed is None else constant(seed % 2**32, "uint32")
    return Source(key, random.step.tensor, trace.next_stream())


class Noise(Layer):
    """The base: in training ``disturb`` changes the input at random, otherwise nothing happens.

    Args:
        seed: an integer for random numbers of its own; ``None`` follows the model's seed.
        kwargs: name, trainable and dtype, see ``Layer``.
    """

    strength = "rate"  # the attribute that says how much; 0 is nothing
    supports_masking = True

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = check_seed(seed)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or not getattr(self, self.strength):
            return inputs
        return self.disturb(inputs, self._source())

    def disturb(self, inputs: Tensor, source: Source) -> Tensor:
        """What training sees instead of the input."""
        raise NotImplementedError(f"{type(self).__name__} must write disturb(inputs, source).")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)

    def _source(self) -> Source:
        return source_of(self.name, self.seed)


@register()
class Dropout(Noise):
    """In training, silence each element with probability ``rate`` and divide the rest by 1 - rate.

    So the mean stays what it is, and outside training nothing happens (inverted dropout).

    Args:
        rate: the part of the elements that is silenced, in [0, 1). Keras also takes 1, which
            leaves nothing.
        noise_shape: the shape of the mask, one entry for each axis: 1 where all elements along an
            axis share their fate, ``None`` or the length elsewhere; by default each has its own.
        seed: an integer for masks of its own; ``None`` follows the model's seed.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the rate is outside [0, 1), the seed is no integer from 0, or the noise
            shape is made of something else than positive integers and ``None``.
        GraphError: on the call, the trace under way is for training and has no random state.
        ShapeError: on the call, the noise shape does not fit the input.

    Example:
        >>> from glassgrad.random_seed import set_random_seed
        >>> set_random_seed(1)
        >>> Dropout(0.5)([1.0, 1.0, 1.0, 1.0], training=True).numpy()
        array([0., 0., 2., 2.], dtype=float32)

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout", 2014.
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, **kwargs)
        self.rate = require_rate(rate)
        self.noise_shape = _noise_shape(noise_shape)

    def disturb(self, inputs: Tensor, source: Source) -> Tensor:
        """Zeros, and larger numbers elsewhere."""
        return source.dropped(inputs, self.rate, _fitted(self.name, self.noise_shape, inputs.shape))


@register()
class GaussianNoise(Noise):
    """In training, add noise: y = x + stddev z with z from N(0, 1).

    Args:
        stddev: the standard deviation of the noise. Keras takes no more than 1.
        seed: an integer for noise of its own; ``None`` follows the model's seed.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the standard deviation is negative or not finite, or the seed is no integer
            from 0.
        GraphError: on the call, the trace under way is for training and has no random state.

    Example:
        >>> from glassgrad.random_seed import set_random_seed
        >>> set_random_seed(1)
        >>> noisy = GaussianNoise(0.1)(np.zeros(1000), training=True).numpy()
        >>> round(float(noisy.std()), 2)
        0.1

    Source: Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995.
    """

    strength = "stddev"

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        given: Any = stddev  # whatever the type says
        if not isinstance(given, int | float | np.number) or not 0 <= given < math.inf:
            raise ArgumentError(f"stddev must be a finite number from 0 on. Got {stddev!r}.")
        self.stddev = float(stddev)

    def disturb(self, inputs: Tensor, source: Source) -> Tensor:
        """The input and noise."""
        x = inputs.cast(self.dtype)
        return x + source.normal(x.shape, x.dtype) * self.stddev


@register()
class GaussianDropout(Noise):
    """In training, multiply by noise: y = x (1 + s z) with z from N(0, 1), s² = rate / (1 - rate).

    The noise has the mean and the variance of dropout's, and nothing is silenced altogether.

    Args:
        rate: as that of dropout, in [0, 1).
        seed: an integer for noise of its own; ``None`` follows the model's seed.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the rate is outside [0, 1), or the seed is no integer from 0.
        GraphError: on the call, the trace under way is for training and has no random state.

    Example:
        >>> from glassgrad.random_seed import set_random_seed
        >>> set_random_seed(1)
        >>> noisy = GaussianDropout(0.5)(np.ones(1000), training=True).numpy()
        >>> round(float(noisy.std()), 1)
        1.0

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout", 2014, section 10.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = require_rate(rate)

    def disturb(self, inputs: Tensor, source: Source) -> Tensor:
        """The input times noise of mean 1."""
        x = inputs.cast(self.dtype)
        spread = math.sqrt(self.rate / (1 - self.rate))
        return x * (1 + source.normal(x.shape, x.dtype) * spread)


@register()
class AlphaDropout(Noise):
    """Dropout for selu: what is silenced takes selu's limit far below 0, and the rest makes up.

    y = a x + b for what is kept and a l + b else, with l = -1.7581,
    a = ((1 - rate) (1 + rate l²))^(-1/2) and b = -a l rate, so that mean 0 and variance 1 stay.

    Args:
        rate: the part of the elements that is silenced, in [0, 1).
        noise_shape: the shape of the mask, as in ``Dropout``.
        seed: an integer for masks of its own; ``None`` follows the model's seed.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the rate is outside [0, 1), the seed is no integer from 0, or the noise
            shape is made of something else than positive integers and ``None``.
        GraphError: on the call, the trace under way is for training and has no random state.
        ShapeError: on the call, the noise shape does not fit the input.

    Example:
        >>> from glassgrad.random_seed import set_random_seed
        >>> set_random_seed(1)
        >>> AlphaDropout(0.5)([1.0, 1.0, 1.0, 1.0], training=True).numpy()
        array([-0.7791938, -0.7791938,  1.6655989,  1.6655989], dtype=float32)

    Source: Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", 2017.
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, **kwargs)
        self.rate = require_rate(rate)
        self.noise_shape = _noise_shape(noise_shape)

    def disturb(self, inputs: Tensor, source: Source) -> Tensor:
        """Selu's limit in some places, and all of it stretched and shifted."""
        x = inputs.cast(self.dtype)
        limit = -SELU_ALPHA * SELU_SCALE
        stretch = 1 / math.sqrt((1 - self.rate) * (1 + self.rate * limit**2))
        kept = source.keeps(self.rate, _fitted(self.name, self.noise_shape, x.shape), x.dtype)
        mixed: Tensor = ops.where(kept, x, limit)
        return mixed * stretch - stretch * limit * self.rate


@register()
class ActivityRegularization(Layer):
    """Add a penalty on what comes through: l1 sum |x| + l2 sum x², divided by the batch's length.

    Args:
        l1: the factor of the absolute values.
        l2: the factor of the squares.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: a factor is negative or no number.

    Example:
        >>> layer = ActivityRegularization(l1=0.5)
        >>> layer([[1.0, -3.0]]).numpy()
        array([[ 1., -3.]], dtype=float32)
        >>> layer.losses[0].item()
        2.0
    """

    supports_masking = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**{"activity_regularizer": regularizers.L1L2(l1, l2), **kwargs})
        self.l1, self.l2 = float(l1), float(l2)

    def call(self, inputs: Tensor) -> Tensor:
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)


def require_rate(rate: Any, name: str = "The rate of dropout") -> float:
    """The part of something that is silenced.

    Raises:
        ArgumentError: it is no number from 0, below 1.
    """
    if not isinstance(rate, int | float | np.number) or not 0 <= rate < 1:
        raise ArgumentError(f"{name} must lie in [0, 1). Got {rate!r}; a rate of 1 leaves nothing.")
    return float(rate)


def _noise_shape(shape: Any) -> tuple[int | None, ...] | None:
    if shape is None:
        return None
    lengths = tuple(shape) if isinstance(shape, list | tuple) else (0,)
    if any(n is not None and (not isinstance(n, int) or n < 1) for n in lengths):
        raise ArgumentError(
            "noise_shape must be a sequence of positive integers and None, one for each axis, "
            f"such as (None, 1, None). Got {shape!r}."
        )
    return lengths


def _fitted(
    layer: str, noise_shape: tuple[int | None, ...] | None, shape: tuple[int, ...]
) -> tuple[int, ...]:
    """The noise shape for an input, with its open lengths filled in."""
    if noise_shape is None:
        return shape
    if len(noise_shape) == len(shape):
        pairs = zip(noise_shape, shape, strict=True)
        fitted = tuple(n if own is None else own for own, n in pairs)
        if all(own in (1, n) for own, n in zip(fitted, shape, strict=True)):
            return fitted
    raise ShapeError(
        f"Layer {layer!r} has noise_shape {noise_shape}: each entry must be 1, None or the length "
        f"of that axis. Full shape received: {shape}."
    )
