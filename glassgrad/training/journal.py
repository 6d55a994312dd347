"""What every step of training did, noted by its own program: loss, gradient norm, update ratio."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from math import isfinite
from operator import add
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError
from glassgrad.graph import Node, Tensor, TensorSpec, Variable, constant, scope, trace_graph
from glassgrad.ops import equal, maximum, where
from glassgrad.ops.mapping import ElementwiseMap
from glassgrad.optimizers.counting import whole_part
from glassgrad.optimizers.moves import Move, watching

__all__ = ["Entries", "Journal"]

SMALLEST_WEIGHT = 1e-3
"""A root mean square below which weights do not count as small: biases begin at 0."""

Build: TypeAlias = Callable[[Any], Mapping[str, Any]]


class Entries(NamedTuple):
    """What a journal hands out, an element for each step.

    Args:
        steps: their numbers; where one is missing, it was overwritten before it was taken.
        loss: of the batch, before the step; NaN where a step of one's own reports none. Where it
            reports several under other names ("d_loss", "g_loss"), their sum.
        gradient_norm: Euclidean norm of all gradients together, before they are clipped.
        update_ratio: norm of what was added to the weights over that of the weights.
    """

    steps: NDArray[np.int64]
    loss: NDArray[np.float64]
    gradient_norm: NDArray[np.float64]
    update_ratio: NDArray[np.float64]


class Journal:
    """The last steps of training, as their program noted them in its own memory.

    Set it as ``model.steps.journal``: the training programs made from then on note for each step
    the loss of the batch, the norm of the gradient g of all weights w that an optimizer changes,
    and the update ratio of these n weights::

        ‖g‖ = sqrt(Σ g²),    ‖Δw‖ / max(‖w‖, 0.001 sqrt(n))

    with Δw as it is in the end: clipped, accumulated, constrained. What is learnt is the same to
    the last bit; ``None`` in its place leads back to the programs without.

    Args:
        capacity: how many steps are kept until they are taken; older ones are overwritten.

    Attributes:
        reports_loss: whether the loss is known: a step of one's own may report none.

    Raises:
        ArgumentError: the capacity is below 1.

    Example:
        >>> import numpy as np
        >>> from glassgrad import Sequential, layers
        >>> model = Sequential([layers.Input((1,)), layers.Dense(1, kernel_initializer="ones")])
        >>> model.compile("sgd", "mse", executor="reference")
        >>> model.steps.journal = Journal()
        >>> model.train_on_batch(np.ones((4, 1)), np.zeros((4, 1)))
        1.0
        >>> model.steps.journal.take().gradient_norm.round(3)  # dL/dw = dL/db = 2
        array([2.828])
    """

    @checked
    def __init__(self, capacity: int = 1024) -> None:
        if capacity < 1:
            raise ArgumentError(f"A journal keeps at least one step. Got capacity={capacity}.")
        self.capacity = capacity
        self._count = _variable("count", 0, "int64")
        self._health = _variable("health", 0.0, "float64")
        self._rings = [
            _variable(name, np.zeros(capacity), "float64") for name in Entries._fields[1:]
        ]
        self._first, self._taken = 0, 0
        self.reports_loss = True

    @property
    def step(self) -> int:
        """The number of the next step; set it where a run is taken up again.

        Steps that were not taken before are forgotten then.
        """
        return self._first + self._noted

    @step.setter
    def step(self, number: int) -> None:
        self._taken = self._noted
        self._first = int(number) - self._noted
        self._health.assign(0.0)

    @property
    def room(self) -> int:
        """How many more steps fit until one is overwritten that was not taken."""
        return max(0, self.capacity - (self._noted - self._taken))

    @property
    def is_finite(self) -> bool:
        """Whether all that was noted since the last time something was taken is finite.

        The steps themselves see to it, so that it can be asked often.
        """
        return isfinite(self._health.storage)

    def take(self) -> Entries:
        """The steps since the last time, as far as they were not overwritten."""
        noted = self._noted
        numbers = np.arange(max(self._taken, noted - self.capacity), noted)
        self._taken = noted
        self._health.assign(0.0)
        places = numbers % self.capacity
        return Entries(numbers + self._first, *(ring.storage[places] for ring in self._rings))

    @property
    def _noted(self) -> int:
        return int(self._count.storage)

    def noting(self, build: Build) -> Build:
        """A graph of a training step that also notes what it does."""

        def noted(batch: Any) -> Mapping[str, Any]:
            with watching() as moves:
                results = build(batch)
            with scope("journal"):
                self._note(_loss_of(results), moves)
            return results

        return noted

    def _note(self, loss: Tensor | None, moves: Sequence[Move]) -> None:
        gradient, change, weight = _sums_of_squares(moves)
        floor = SMALLEST_WEIGHT * float(sum(move.before.size for move in moves)) ** 0.5
        ratio = change.sqrt() / maximum(weight.sqrt(), max(floor, np.finfo(float).tiny))
        self.reports_loss = loss is not None
        told = [gradient.sqrt(), ratio] if loss is None else [loss, gradient.sqrt(), ratio]
        values = [constant(np.nan, "float64"), *told] if loss is None else told
        self._health.assign(self._health + reduce(add, told) * 0.0)  # NaN for what is not finite
        turns = whole_part(self._count, self.capacity)
        place = self._count.cast("float64") - turns * float(self.capacity)
        places = constant(np.arange(self.capacity), "float64")
        rings = _put(len(values))(place, *values, places, *self._rings)
        for ring, tensor in zip(self._rings, rings, strict=True):
            ring.assign(tensor)
        self._count.assign(self._count + 1)


def _variable(name: str, value: Any, dtype: str) -> Variable:
    return Variable(value, name=f"journal/{name}", trainable=False, dtype=dtype)


def _loss_of(results: Mapping[str, Any]) -> Tensor | None:
    """What a step reports as its loss, or as its losses: the sum of all that are called so."""
    names = ["loss"] if "loss" in results else [one for one in results if one.endswith("loss")]
    losses = [results[name] for name in names if isinstance(results[name], Tensor)]
    return reduce(add, map(_as_number, losses)) if losses else None


def _as_number(loss: Tensor) -> Tensor:
    return (loss.mean() if loss.shape else loss).cast("float64")


def _put(count: int) -> ElementwiseMap:
    """Numbers into a place of lists: (place, *numbers; places, *lists) -> lists."""

    def body(place: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        numbers, here, lists = others[:count], others[count], others[count + 1 :]
        is_here = equal(here, place)
        return tuple(where(is_here, new, old) for new, old in zip(numbers, lists, strict=True))

    scalar = TensorSpec((), np.dtype("float64"))
    return ElementwiseMap(trace_graph(body, [scalar] * 2 * (count + 1)), 1, shared=count + 1)


def _sums_of_squares(moves: Sequence[Move]) -> list[Tensor]:
    """Of all gradients, of what is added to weights, and of the weights before, in float64."""
    sums = [_squares(group) for group in _walked_together(moves)]
    totals = [reduce(add, parts) for parts in zip(*sums, strict=True)]
    return totals or [constant(0.0, "float64")] * 3


def _walked_together(moves: Sequence[Move]) -> list[list[Move]]:
    """Those whose weights one formula changes, whose squares can be summed on the same walk."""
    groups: dict[tuple[Node | None, np.dtype[Any]], list[Move]] = {}
    for move in moves:
        maker = move.after.node
        is_map = isinstance(maker.operation, ElementwiseMap)
        groups.setdefault((maker if is_map else None, move.before.dtype), []).append(move)
    return list(groups.values())


def _squares(moves: Sequence[Move]) -> tuple[Tensor, ...]:
    def body(before: Tensor, gradient: Tensor, after: Tensor) -> tuple[Tensor, ...]:
        return gradient, after - before, before

    scalar = TensorSpec((), moves[0].before.dtype)
    graph = trace_graph(body, [scalar] * 3, ["before", "gradient", "after"])
    squares = ElementwiseMap(graph, len(moves), squares=3)
    lists = [[getattr(move, name) for move in moves] for name in ("before", "gradient", "after")]
    results: tuple[Tensor, ...] = squares(*(tensor for members in lists for tensor in members))
    return results
