"""The base of all metrics, their registry, and how a result becomes a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from glassgrad.graph import (
    Constant,
    Leaf,
    Tensor,
    Trace,
    Variable,
    current_trace,
    scope,
    trace_graph,
    tracing,
)
from glassgrad.graph.dtypes import resolve_dtype
from glassgrad.graph.operation import Array, Operation
from glassgrad.graph.tensor import evaluate_leaf
from glassgrad.initializers import initialize
from glassgrad.initializers import require as require_initializer
from glassgrad.naming import snake_case
from glassgrad.serialization import Configurable, Registry

__all__ = [
    "Metric",
    "MetricFunction",
    "MetricLike",
    "Result",
    "as_number",
    "deserialize",
    "functions",
    "get",
    "register",
]

Result: TypeAlias = Any  # a float or an array; inside a trace a tensor
STATE = "float64"


class Reading:
    """A graph of variables as a list of steps, so that reading it after every batch costs little.

    Args:
        value: builds the graph.
        states: the variables that it may read; others are read as well.
    """

    def __init__(self, value: Callable[[], Tensor], states: Sequence[Variable]) -> None:
        def of_states(*tensors: Tensor) -> Tensor:
            with tracing(Trace(updates=dict(zip(states, tensors, strict=True)))):
                return value()

        self.states = list(states)
        graph = trace_graph(of_states, [variable.spec for variable in states])
        placeholders = {tensor.node for tensor in graph.inputs}
        leaves = [n for n in graph.nodes if isinstance(n.operation, Leaf) and n not in placeholders]
        computed = [node for node in graph.nodes if not isinstance(node.operation, Leaf)]
        self._leaves = [node.operation for node in leaves]
        order = [*(tensor.node for tensor in graph.inputs), *leaves, *computed]
        places = {node: place for place, node in enumerate(order)}
        self._steps = [
            (node.operation.evaluate, [(places[t.node], t.index) for t in node.inputs])
            for node in computed
        ]
        (output,) = graph.outputs
        self._output = places[output.node], output.index

    def __call__(self) -> Result:
        """The number for the state as it is now."""
        values: list[tuple[Array, ...]] = [(variable.storage,) for variable in self.states]
        values += [(_value_of(operation),) for operation in self._leaves]
        with np.errstate(all="ignore"):  # infinities and NaN are results, not accidents
            for evaluate, inputs in self._steps:
                values.append(evaluate(np, *[values[place][index] for place, index in inputs]))
        place, index = self._output
        return as_number(values[place][index])


def _value_of(operation: Operation) -> Array:
    if isinstance(operation, Constant):
        return operation.value
    return evaluate_leaf(operation, np)


def as_number(result: Any) -> Any:
    """A float where the result is one number, else an array of its own.

    Example:
        >>> as_number(Tensor(0.5)), as_number([1.0, 2.0])
        (0.5, array([1., 2.]))
    """
    array = np.array(result)
    return array if array.ndim else float(array)


class Metric(Configurable):
    """The base: subclass it, add variables, and write ``update_state`` and ``value``.

    ``value`` makes a graph of the state; ``result`` gives its number, and inside a traced step
    the graph itself. A subclass may write ``result`` instead, as in Keras.

    Args:
        dtype: in which float type values are computed; that of the predictions by default. The
            state is float64 in any case.
        name: what the metric is called in logs; its class in snake_case by default.

    Raises:
        DtypeError: the dtype is unknown.

    Example:
        >>> from glassgrad import ops
        >>> class Largest(Metric):
        ...     def __init__(self, name="largest", dtype=None):
        ...         super().__init__(dtype, name)
        ...         self.largest = self.add_variable((), "zeros", name="largest")
        ...     def update_state(self, values):
        ...         self.largest.assign(ops.maximum(self.largest, ops.max(values)))
        ...     def value(self):
        ...         return self.largest.tensor
        >>> largest = Largest()
        >>> largest.update_state([1.0, 3.0])
        >>> largest.result()
        3.0
    """

    def __init__(self, dtype: DTypeLike | None = None, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.dtype = None if dtype is None else str(resolve_dtype(dtype))
        self._states: list[tuple[Variable, Any]] = []
        self._reading: Reading | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Result:
        """Take a batch in, and give the result so far; for loops of one's own."""
        self.update_state(*args, **kwargs)
        return self.result()

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: DTypeLike | None = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """A part of the state, which ``reset_state`` brings back to its first value.

        Args:
            shape: the length of every dimension.
            initializer: how it begins.
            dtype: the dtype; float64 by default, in which counts stay exact up to 2^53.
            aggregation: taken as Keras has it; there are no replicas whose states would be added.
            name: what it is called.
        """
        chosen = STATE if dtype is None else str(resolve_dtype(dtype))
        made = initialize(
            require_initializer(initializer),
            tuple(shape),
            chosen,
            generator=np.random.default_rng(0),
        )
        label = f"{self.name}/{name or 'variable'}"
        variable = Variable(made, name=label, trainable=False, dtype=chosen)
        self._states.append((variable, made))
        return variable

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "zeros",
        dtype: DTypeLike | None = None,
        name: str | None = None,
    ) -> Variable:
        """The same as ``add_variable``, a single number by default."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """The state."""
        return [variable for variable, _ in self._states]

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take a batch in."""
        raise NotImplementedError(f"{type(self).__name__} must write update_state(…).")

    def value(self) -> Tensor:
        """The result, as graph of the state."""
        raise NotImplementedError(f"{type(self).__name__} must write value().")

    def result(self) -> Result:
        """What is known of everything since the last reset.

        Returns:
            A float, or an array where there are several numbers. While a graph is traced, a
            tensor that counts what the step has taken in until then.
        """
        if current_trace() is not None:
            with scope(self.name):
                return self.value()
        if self._reading is None or len(self._reading.states) != len(self._states):
            self._reading = Reading(self.value, self.variables)
        return self._reading()

    def reset_state(self) -> None:
        """Forget everything; what an epoch begins with."""
        for variable, first in self._states:
            variable.assign(first)


MetricFunction: TypeAlias = Callable[..., Tensor]
MetricLike: TypeAlias = Metric | MetricFunction

_registry: Registry[MetricLike] = Registry("metric", Metric, takes_functions=True)
get, deserialize, register = _registry.get, _registry.deserialize, _registry.register

#: Where a name means the function, not the class of the same name.
functions: Registry[MetricFunction] = Registry("metric function", Metric, takes_functions=True)
