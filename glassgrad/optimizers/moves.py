"""What optimizers do in a step, for those who look on: gradients, and weights before and after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from glassgrad.graph import Tensor

__all__ = ["Move", "tell", "watching"]


@dataclass(frozen=True)
class Move:
    """What becomes of one variable.

    Args:
        gradient: of the loss as it was before it was scaled; not yet accumulated or clipped.
        before: the variable's value before the step.
        after: its value after the step, constraints and all.
    """

    gradient: Tensor
    before: Tensor
    after: Tensor


_watched: ContextVar[list[Move] | None] = ContextVar("moves", default=None)


@contextmanager
def watching() -> Iterator[list[Move]]:
    """Collect the moves of all optimizers that are applied inside the ``with`` block.

    Example:
        >>> from glassgrad import Variable
        >>> from glassgrad.optimizers import SGD
        >>> w = Variable([1.0, 2.0])
        >>> with watching() as moves:
        ...     SGD(0.5).apply([[2.0, 0.0]], [w])
        >>> moves[0].after.numpy()
        array([0., 2.], dtype=float32)
    """
    moves: list[Move] = []
    token = _watched.set(moves)
    try:
        yield moves
    finally:
        _watched.reset(token)


def tell(moves: Iterator[Move]) -> None:
    """Let those who watch know; where nobody does, nothing is computed."""
    watched = _watched.get()
    if watched is not None:
        watched += moves
