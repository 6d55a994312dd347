"""Random numbers for layers and models of one's own, by Keras's names.

What is drawn follows from a key, the number of the step and the place in the graph, so that every
executor draws the same and a resumed run draws what the uninterrupted one would have drawn.

- ``seed=None`` takes the key of the model or function that is traced, which ``set_random_seed``
  decides; outside of them the next key of the process.
- An integer draws the same numbers every time.
- A ``SeedGenerator`` has a key of its own, and draws other numbers every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from glassgrad import ops
from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, DtypeError, ShapeError
from glassgrad.graph import Tensor, as_tensor, constant, current_trace
from glassgrad.graph.dtypes import INTEGERS, default_float, resolve_dtype
from glassgrad.graph.symbolic import recordable
from glassgrad.naming import unique_name
from glassgrad.ops.random import Dropout, RandomUniform, random_normal, random_truncated_normal
from glassgrad.random_seed import check_seed, current_stream, random_state_of_call
from glassgrad.serialization import Configurable

__all__ = [
    "SeedGenerator",
    "categorical",
    "dropout",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]


class SeedGenerator(Configurable):
    """A key of one's own for random numbers, to be kept in a layer and handed to each draw.

    In a program the step of the model or function counts the draws, outside of them the generator
    does. Keras keeps a variable instead.

    Args:
        seed: an integer from 0; ``None`` takes one from the seed under way.
        name: what it is called.

    Raises:
        ArgumentError: the seed is negative or no integer.

    Example:
        >>> seeds = SeedGenerator(7)
        >>> bool((uniform((4,), seed=seeds).numpy() == uniform((4,), seed=seeds).numpy()).any())
        False
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        given = check_seed(seed)
        self.seed = current_stream().next_key() if given is None else given
        self.name = name or unique_name("seed_generator")
        self.draws = 0

    def next_step(self) -> int:
        """The number of the next draw outside of programs."""
        self.draws += 1
        return self.draws - 1


Seed: TypeAlias = "int | SeedGenerator | None"


@dataclass(frozen=True)
class _Source:
    """Where one draw takes its numbers from."""

    seed: Tensor
    step: Tensor
    stream: int = 0

    def uniform(self, shape: Sequence[int], dtype: np.dtype[Any]) -> Tensor:
        drawn: Tensor = RandomUniform(tuple(shape), self.stream, str(dtype))(self.seed, self.step)
        return drawn


def _source(seed: Seed) -> _Source:
    if seed is not None and not isinstance(seed, SeedGenerator):
        return _Source(_word(check_seed(seed)), _word(0))
    trace = current_trace()
    if trace is None and seed is not None:
        return _Source(_word(seed.seed), _word(seed.next_step()))
    if trace is None:
        state, stream = random_state_of_call(), 0
    else:
        trace.random = state = trace.random or random_state_of_call()
        stream = trace.next_stream()
    key = state.seed.tensor if seed is None else _word(seed.seed)
    return _Source(key, state.step.tensor, stream)


def _word(number: int | None) -> Tensor:
    return constant((number or 0) % 2**32, "uint32")


@checked
def normal(
    shape: Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike | None = None,
    seed: Seed = None,
) -> Tensor:
    """Normal numbers.

    Args:
        shape: of the result.
        mean: where they are centred.
        stddev: their standard deviation.
        dtype: "float32" or "float64"; the default float unless given.
        seed: see the module.

    Raises:
        ArgumentError: the seed is negative or of another kind.
        DtypeError: the dtype is another.

    Example:
        >>> normal((2, 3), seed=1).shape
        (2, 3)
    """
    source = _source(seed)
    return random_normal(
        source.seed, source.step, shape, mean, stddev, source.stream, str(_float(dtype))
    )


@checked
def truncated_normal(
    shape: Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike | None = None,
    seed: Seed = None,
) -> Tensor:
    """Normal numbers of which those beyond two standard deviations are never drawn.

    Args:
        shape: of the result.
        mean: where they are centred.
        stddev: the standard deviation before the cut; after it, it is 0.88 times as large.
        dtype: "float32" or "float64"; the default float unless given.
        seed: see the module.

    Raises:
        ArgumentError, DtypeError: as ``normal``.

    Example:
        >>> truncated_normal((100,), seed=1).abs().max().item() < 2
        True
    """
    source = _source(seed)
    return random_truncated_normal(
        source.seed, source.step, shape, mean, stddev, source.stream, str(_float(dtype))
    )


@checked
def uniform(
    shape: Sequence[int],
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: DTypeLike | None = None,
    seed: Seed = None,
) -> Tensor:
    """Numbers that are equally likely everywhere between two bounds.

    Args:
        shape: of the result.
        minval: the lower bound, which may be drawn.
        maxval: the upper bound, which is not drawn, but for rounding.
        dtype: "float32" or "float64"; the default float unless given. ``randint`` draws integers.
        seed: see the module.

    Raises:
        ArgumentError, DtypeError: as ``normal``.

    Example:
        >>> numbers = uniform((100,), 2.0, 3.0, seed=1).numpy()
        >>> bool(2 <= numbers.min() < numbers.max() <= 3)
        True
    """
    return minval + (maxval - minval) * _source(seed).uniform(shape, _float(dtype))


@checked
def randint(
    shape: Sequence[int],
    minval: int,
    maxval: int,
    dtype: DTypeLike = "int32",
    seed: Seed = None,
) -> Tensor:
    """Integers that are equally likely: floor(u (maxval - minval)) + minval, with u on [0, 1).

    Args:
        shape: of the result.
        minval: the smallest one.
        maxval: above the largest one.
        dtype: an integer dtype.
        seed: see the module.

    Raises:
        ArgumentError: there is no integer between the bounds, or the seed is of another kind.
        DtypeError: the dtype is not one of integers.

    Example:
        >>> sorted(set(randint((100,), 2, 5, seed=1).numpy().tolist()))
        [2, 3, 4]
    """
    chosen = resolve_dtype(dtype)
    if chosen not in INTEGERS:
        raise DtypeError(f"Random integers have an integer dtype. Got {chosen}; see uniform.")
    if not minval < maxval:
        raise ArgumentError(f"minval must be below maxval. Got {minval} and {maxval}.")
    drawn = _source(seed).uniform(shape, np.dtype("float64"))
    return ops.cast(ops.floor(drawn * float(maxval - minval)) + float(minval), chosen)


@recordable
@checked
def categorical(
    logits: Any, num_samples: int, dtype: DTypeLike = "int32", seed: Seed = None
) -> Tensor:
    """Classes, drawn with probabilities softmax(logits).

    The class with the largest logit + g is taken, where g = -log(-log(u)) is Gumbel noise.

    Args:
        logits: (batch, classes), floats.
        num_samples: how many are drawn for each example.
        dtype: of the result.
        seed: see the module.

    Returns:
        (batch, num_samples), integers from 0.

    Raises:
        ArgumentError: the seed is negative or of another kind.
        ShapeError: the logits do not have two axes.

    Example:
        >>> categorical([[0.0, 50.0], [50.0, 0.0]], 3, seed=1).numpy()
        array([[1, 1, 1],
               [0, 0, 0]], dtype=int32)

    Source: Gumbel, "Statistical theory of extreme values and some practical applications", 1954.
    """
    scores = as_tensor(logits)
    if scores.ndim != 2:
        raise ShapeError(f"The logits must be (batch, classes). Got shape {scores.shape}.")
    batch, classes = scores.shape
    drawn = _source(seed).uniform((batch, num_samples, classes), scores.dtype)
    noise = -ops.log(-ops.log(ops.maximum(drawn, _ABOVE_ZERO)))
    return ops.cast(ops.argmax(ops.expand_dims(scores, 1) + noise, axis=-1), dtype)


_ABOVE_ZERO = 2.0**-25  # less than any other number that is drawn in float32


@recordable
@checked
def dropout(
    inputs: Any, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Seed = None
) -> Tensor:
    """Silence each element with probability ``rate`` and divide the rest by 1 - rate.

    Args:
        inputs: floats of any shape.
        rate: in [0, 1).
        noise_shape: the shape of the mask: 1 where all elements along an axis share their fate,
            ``None`` or the length elsewhere; by default each has its own.
        seed: see the module.

    Raises:
        ArgumentError: the rate is outside [0, 1), or the seed is of another kind.
        ShapeError: the noise shape does not fit the input.

    Example:
        >>> dropout([1.0, 1.0, 1.0, 1.0], 0.5, seed=2).numpy()
        array([2., 0., 2., 2.], dtype=float32)

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout", 2014.
    """
    x, source = as_tensor(inputs), _source(seed)
    operation = Dropout(rate, source.stream)
    if noise_shape is None:
        silenced: Tensor = operation(x, source.seed, source.step)
        return silenced
    mask = ops.ones(_mask_shape(noise_shape, x), x.dtype)
    factors = operation(mask, source.seed, source.step)
    kept: Tensor = ops.where(factors > 0, x * factors, 0.0)  # 0 also where x is infinite
    return kept


def _mask_shape(noise_shape: Sequence[int | None], x: Tensor) -> tuple[int, ...]:
    fits = len(noise_shape) == x.ndim and all(
        length in (None, 1, own) for length, own in zip(noise_shape, x.shape, strict=True)
    )
    if not fits:
        raise ShapeError(
            "A noise shape has an entry for each axis: 1, None, or the length of the axis. Got "
            f"{tuple(noise_shape)} for an input of shape {x.shape}."
        )
    pairs = zip(noise_shape, x.shape, strict=True)
    return tuple(own if length is None else length for length, own in pairs)


@recordable
@checked
def shuffle(x: Any, axis: int = 0, seed: Seed = None) -> Tensor:
    """The slices along an axis in random order.

    Args:
        x: any tensor.
        axis: along which the slices change places.
        seed: see the module.

    Raises:
        ArgumentError: there is no such axis, or the seed is of another kind.

    Example:
        >>> sorted(shuffle([3.0, 1.0, 2.0], seed=1).numpy().tolist())
        [1.0, 2.0, 3.0]
    """
    tensor = as_tensor(x)
    if not -tensor.ndim <= axis < tensor.ndim:
        raise ArgumentError(f"A tensor of shape {tensor.shape} has no axis {axis}.")
    keys = _source(seed).uniform((tensor.shape[axis],), np.dtype("float64"))
    return ops.take(tensor, ops.argsort(keys), axis=axis)


def _float(dtype: DTypeLike | None) -> np.dtype[Any]:
    return default_float() if dtype is None else resolve_dtype(dtype)
