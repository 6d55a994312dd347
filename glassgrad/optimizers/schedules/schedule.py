"""What every schedule is: the learning rate as a function of the step, written as graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.errors import GraphError, ShapeError
from glassgrad.graph import Tensor, TensorSpec, Variable, as_tensor, constant, trace_graph
from glassgrad.serialization import Configurable, Registry

__all__ = ["LearningRateSchedule", "deserialize", "get", "register", "require"]

STEP = TensorSpec((), np.dtype("float64"))


class LearningRateSchedule(Configurable):
    """The base: subclass it, and write ``rate``, which makes a learning rate of a step.

    The step is a float64 tensor, 0 at first; the rate is computed by operations such as ``+`` and
    ``ops.where``, so that it is part of the program of a training step. As in Keras, ``__call__``
    can be written instead.

    Called with numbers outside of training, a schedule gives the rates of these steps.

    Raises:
        GraphError: in training, Python decides by the number of the step: use ``ops.where``.
        ShapeError: in training, the rate is no single number.

    Example:
        >>> class Halving(LearningRateSchedule):
        ...     def __init__(self, first):
        ...         self.first = first
        ...     def rate(self, step):
        ...         return self.first * 0.5**step
        >>> schedule = Halving(0.5)
        >>> schedule([0, 1, 2]).numpy()
        array([0.5  , 0.25 , 0.125])
        >>> from glassgrad.optimizers import SGD
        >>> w = Variable([1.0])
        >>> sgd = SGD(schedule)
        >>> for _ in range(2):
        ...     sgd.apply([[1.0]], [w])
        >>> float(w), float(sgd.learning_rate)
        (0.25, 0.125)
    """

    def __call__(self, step: Any) -> Any:
        """The rates of steps.

        Args:
            step: a number, several of them in an array, or a tensor; the first step is 0.
        """
        is_part_of_graph = isinstance(step, Tensor | Variable)
        return self.rate(step.cast("float64") if is_part_of_graph else constant(step, "float64"))

    def rate(self, step: Tensor) -> Any:
        """The rate, by operations that serve one step and several."""
        raise NotImplementedError(f"{type(self).__name__} must write rate(step).")

    def at(self, step: Tensor | Variable) -> Tensor:
        """The rate of one step of training.

        The function is traced on a placeholder: with a value at hand, a decision of Python's
        would be taken once, for all steps.
        """
        graph = trace_graph(lambda number: as_rate(self(number)), [STEP], ["step"])
        (rate,) = graph(step.cast("float64"))
        if rate.shape:
            raise ShapeError(f"{self!r} must give one number for a step. Got shape {rate.shape}.")
        return rate


def as_rate(value: Any) -> Tensor:
    """A float64 tensor of what a schedule gave.

    Raises:
        GraphError: it is no number.
    """
    if value is None:
        raise GraphError("A schedule must give the rate of a step. Got None; is a return missing?")
    is_part_of_graph = isinstance(value, Tensor | Variable)
    return as_tensor(value).cast("float64") if is_part_of_graph else constant(value, "float64")


_registry: Registry[LearningRateSchedule] = Registry("schedule", LearningRateSchedule)
get, deserialize, register = _registry.get, _registry.deserialize, _registry.register
require = _registry.require
