"""What is collected while a graph is built: updates of variables, extra losses, random streams."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glassgrad.graph.tensor import Tensor, Variable

__all__ = ["LayerCall", "RandomState", "Trace", "current_trace", "tracing"]


@dataclass(frozen=True)
class RandomState:
    """Where random operations take their key from: a seed and the number of the step."""

    seed: Variable
    step: Variable


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer, for those who look at what was built: where, on what, and its results.

    Inputs and outputs are tensors, or trees of them.
    """

    layer: object
    scope: str
    inputs: object
    outputs: object


@dataclass
class Trace:
    """The surroundings of a graph while Python code builds it.

    Args:
        training: whether layers behave as in training.
        random: the key of random operations; without one they refuse to draw.
        updates: for each variable that was assigned to, its value after the step.
        added: what layers add to the loss, penalties and what ``add_loss`` was given, each with
            the layer that adds it.
        penalized: the variables whose penalty is among the losses.
        streams: how many places draw random numbers.
        runs: whether the graph is made to be run, and not only to find shapes; what a layer learns
            from data before training must be there then.
        calls: every call of a layer, in the order in which they ended.
    """

    training: bool = False
    random: RandomState | None = None
    updates: dict[Variable, Tensor] = field(default_factory=dict)
    added: list[tuple[object, Tensor]] = field(default_factory=list)
    penalized: set[Variable] = field(default_factory=set)
    streams: int = 0
    runs: bool = False
    calls: list[LayerCall] = field(default_factory=list)

    @property
    def losses(self) -> list[Tensor]:
        """What layers add to the loss."""
        return [loss for _, loss in self.added]

    def next_stream(self) -> int:
        """A number for the next place that draws random numbers."""
        self.streams += 1
        return self.streams


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current_trace() -> Trace | None:
    """The trace under way, if any."""
    return _current.get()


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Collect in ``trace`` what is built inside the ``with`` block.

    Args:
        trace: gains the updates of variables and the extra losses.

    Example:
        >>> from glassgrad import Variable
        >>> count = Variable(1.0, name="count")
        >>> with tracing(Trace()) as trace:
        ...     count.assign(count + 1.0)
        >>> [variable.name for variable in trace.updates]
        ['count']
    """
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)
