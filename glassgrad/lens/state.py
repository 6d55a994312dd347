"""The state of a model: everything that its steps read and write, to be brought back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from glassgrad.graph import Variable

if TYPE_CHECKING:
    from glassgrad.models import Model

__all__ = ["kept_state", "state_variables"]


def state_variables(model: Model) -> list[Variable]:
    """All variables that a training step reads or writes, each once."""
    groups = model.state_variables()
    return list(dict.fromkeys(one for group in groups.values() for one in group))


@contextmanager
def kept_state(model: Model) -> Iterator[None]:
    """Let weights, slots, metrics and the random state be afterwards what they were before.

    Args:
        model: whatever is done to it in the ``with`` block.

    Example:
        >>> from glassgrad.layers import Dense, Input
        >>> from glassgrad.models import Sequential
        >>> model = Sequential([Input((1,)), Dense(1, kernel_initializer="ones")])
        >>> model.compile("sgd", "mse")
        >>> with kept_state(model):
        ...     model.weights[0].assign([[5.0]])
        >>> model.weights[0].numpy().item()
        1.0
    """
    before = [(one, one.numpy()) for one in state_variables(model)]
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)
