"""One integer decides every random number; this is where it is kept while layers are built."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import index

import numpy as np

from glassgrad.errors import ArgumentError
from glassgrad.graph import RandomState, Variable

__all__ = [
    "SeedStream",
    "check_seed",
    "current_stream",
    "new_random_state",
    "next_generator",
    "random_state_of_call",
    "seeded",
    "set_random_seed",
]

_KEYS = 1  # tells the keys of random operations apart from the generators of weights


def check_seed(seed: int | None) -> int | None:
    """The seed as a Python integer.

    Raises:
        ArgumentError: it is negative or no integer.
    """
    if seed is None:
        return None
    try:
        number = index(seed)
    except TypeError:
        number = -1
    if number < 0 or isinstance(seed, bool):
        raise ArgumentError(f"A seed must be an integer from 0, or None. Got {seed!r}.")
    return number


class SeedStream:
    """Generators made of one seed: the first, the second and so on.

    What a place draws depends on the seed and on how many places came before it, not on names.

    Args:
        seed: an integer from 0; ``None`` takes one from the operating system.

    Raises:
        ArgumentError: the seed is negative or no integer.

    Example:
        >>> a, b = SeedStream(7), SeedStream(7)
        >>> bool(a.next_generator().random() == b.next_generator().random())
        True
    """

    def __init__(self, seed: int | None = None) -> None:
        checked = check_seed(seed)
        self.seed = secrets.randbits(63) if checked is None else checked
        self.generators = 0
        self.keys = 0

    def next_generator(self) -> np.random.Generator:
        """The generator for the next weight."""
        self.generators += 1
        return np.random.default_rng([self.seed, self.generators - 1])

    def next_key(self) -> int:
        """32 bits for the next seed of random operations; weights are not disturbed by it."""
        self.keys += 1
        generator = np.random.default_rng([self.seed, self.keys - 1, _KEYS])
        return int(generator.integers(2**32))


_of_process: list[SeedStream] = []
_of_block: ContextVar[SeedStream | None] = ContextVar("seed_stream", default=None)


def set_random_seed(seed: int) -> None:
    """Let ``seed`` decide all initial weights and masks from now on.

    Raises:
        ArgumentError: the seed is negative or no integer.

    Example:
        >>> set_random_seed(1)
        >>> first = next_generator().random()
        >>> set_random_seed(1)
        >>> bool(next_generator().random() == first)
        True
    """
    _of_process[:] = [SeedStream(seed)]


@contextmanager
def seeded(seed: int | SeedStream | None) -> Iterator[SeedStream]:
    """Let a seed of its own decide inside a ``with`` block, as a model does while it is built.

    Args:
        seed: an integer; a stream that is to be continued; ``None`` for a random seed.

    Example:
        >>> with seeded(3):
        ...     a = next_generator().random()
        >>> with seeded(3):
        ...     b = next_generator().random()
        >>> bool(a == b)
        True
    """
    stream = seed if isinstance(seed, SeedStream) else SeedStream(seed)
    token = _of_block.set(stream)
    try:
        yield stream
    finally:
        _of_block.reset(token)


def current_stream() -> SeedStream:
    """The stream of the ``with`` block, else that of the process."""
    stream = _of_block.get()
    if stream is not None:
        return stream
    if not _of_process:
        _of_process.append(SeedStream())
    return _of_process[0]


def next_generator() -> np.random.Generator:
    """A NumPy generator for the next weight of the stream under way."""
    return current_stream().next_generator()


def new_random_state(seed: int | None = None) -> RandomState:
    """A key for random operations of a graph, at step 0.

    Args:
        seed: its lowest 32 bits are the key; ``None`` takes the key from the stream under way.
    """
    checked = check_seed(seed)
    return _random_state(current_stream().next_key() if checked is None else checked % 2**32, 0)


def random_state_of_call() -> RandomState:
    """A key of its own for one call outside a program; the step counts such calls."""
    stream = current_stream()
    return _random_state(stream.next_key(), stream.keys % 2**32)


def _random_state(key: int, step: int) -> RandomState:
    return RandomState(
        seed=Variable(np.uint32(key), name="random/seed", trainable=False, dtype="uint32"),
        step=Variable(np.uint32(step), name="random/step", trainable=False, dtype="uint32"),
    )
