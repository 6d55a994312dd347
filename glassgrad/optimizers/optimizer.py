"""What every optimizer is: a formula for one element, applied to all weights at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from math import isfinite, nan
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, GradientError, ShapeError
from glassgrad.graph import (
    Tensor,
    TensorSpec,
    Variable,
    as_tensor,
    current_trace,
    scope,
    trace_graph,
)
from glassgrad.graph.tensor import evaluator
from glassgrad.naming import snake_case
from glassgrad.ops.mapping import ElementwiseMap
from glassgrad.optimizers.clipping import CLIPPINGS, check_limits
from glassgrad.serialization import Configurable, Registry

__all__ = ["Optimizer", "check_epsilon", "check_fraction", "deserialize", "get", "register"]


class Optimizer(Configurable):
    """The base: subclass it, name the slots, and write ``update`` for one element.

    Each variable has for every slot (a momentum, say) a variable of its own shape. The formula is
    traced once on scalars and becomes one node for all variables; what is the same for all
    elements is computed once for each step, in ``shared``.

    Args:
        learning_rate: the size of the steps, at least 0; kept in a variable, so that it can be
            changed between steps: ``optimizer.learning_rate = 0.1``.
        weight_decay: the part of each weight, times the learning rate, that is taken from it
            before a step: w <- w - lr weight_decay w. This is decoupled from the gradient; in
            PyTorch's SGD, Adam and others it is an L2 term, added to the gradient.
        clipnorm: the norm to which each gradient is shortened.
        clipvalue: the size to which each element of the gradients is cut.
        global_clipnorm: the norm to which all gradients together are shortened.
        name: what the optimizer is called; its class in lower case by default.

    Raises:
        ArgumentError: the learning rate or the weight decay is negative or not finite, a limit is
            not above 0, or there is more than one limit.

    Example:
        >>> class SignDescent(Optimizer):
        ...     def update(self, parameter, gradient, slots, shared):
        ...         (learning_rate,) = shared
        ...         return parameter - learning_rate * (gradient / gradient.abs()), ()
        >>> w = Variable([1.0, 2.0])
        >>> SignDescent(0.5).apply([[3.0, -4.0]], [w])
        >>> w.numpy()
        array([0.5, 2.5], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        *,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.weight_decay = _checked_decay(weight_decay)
        check_limits(clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm)
        self.clipnorm, self.clipvalue = clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self._learning_rate = Variable(
            _checked_rate(learning_rate), name="learning_rate", trainable=False, dtype="float32"
        )
        self.iterations = Variable(0, name="iterations", trainable=False, dtype="int64")
        self._slots: dict[Variable, tuple[Variable, ...]] = {}

    # ---- what a subclass writes

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of what is kept for each parameter."""
        return ()

    def first_slot(self, slot: str) -> float:
        """The number with which a slot begins."""
        return 0.0

    def shared(self, learning_rate: Tensor, step: Tensor) -> tuple[Tensor, ...]:
        """Scalars that the formula needs and that are the same for all elements.

        Args:
            learning_rate: a scalar.
            step: the number of the step as a float scalar; the first one is 1.
        """
        return (learning_rate,)

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: tuple[Tensor, ...],
        shared: tuple[Tensor, ...],
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The formula: the new parameter and its new slots, by element-wise operations."""
        raise NotImplementedError(f"{type(self).__name__} must write update(…).")

    # ---- state

    @property
    def learning_rate(self) -> Variable:
        """The size of the steps, as a variable; a number can be assigned to it."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate.assign(_checked_rate(value))

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of variables that have none yet; ``apply`` does it by itself."""
        for variable in variables:
            if variable not in self._slots:
                self._slots[variable] = tuple(
                    Variable(
                        np.full(variable.shape, self.first_slot(slot)),
                        name=f"{variable.name}/{slot}",
                        trainable=False,
                        dtype=variable.dtype,
                    )
                    for slot in self.slots
                )

    @property
    def variables(self) -> list[Variable]:
        """What a checkpoint has to hold: the steps done, the learning rate, all slots."""
        slots = [slot for slots in self._slots.values() for slot in slots]
        return [self.iterations, self._learning_rate, *slots]

    # ---- a step

    def apply(
        self, gradients: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Change variables along their gradients.

        Where a graph is traced, the new values become updates of the step, else they are assigned
        at once. Variables that are frozen (``trainable`` is False) stay as they are; those
        without a gradient as well, with a warning.

        Args:
            gradients: for each variable a tensor or an array of its shape, or ``None``.
            trainable_variables: the variables; those of ``build`` by default.

        Raises:
            ArgumentError: there are not as many gradients as variables, or a variable is given
                twice.
            GradientError: no variable has a gradient.
            ShapeError: a gradient has another shape than its variable.

        Example:
            >>> from glassgrad.optimizers import SGD
            >>> w = Variable([1.0, 2.0])
            >>> SGD(0.5).apply([[2.0, 0.0]], [w])
            >>> w.numpy()
            array([0., 2.], dtype=float32)
        """
        variables = list(self._slots) if trainable_variables is None else list(trainable_variables)
        pairs = _changed(_paired(list(gradients), variables))
        self.build(variables)
        with scope(self.name):
            new_values = self._new_values(self._clipped(pairs))
            new_values.append((self.iterations, self.iterations + 1))
        _assign(new_values)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """As ``apply``, for pairs of a gradient and a variable."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])

    def _clipped(self, pairs: list[tuple[Tensor, Variable]]) -> list[tuple[Tensor, Variable]]:
        """The pairs, with gradients within the limit that is set."""
        gradients = [gradient for gradient, _ in pairs]
        for name, clip in CLIPPINGS.items():
            limit = getattr(self, name)
            if limit is not None and gradients:
                gradients = clip(gradients, limit)
        return [(gradient, pair[1]) for gradient, pair in zip(gradients, pairs, strict=True)]

    def _new_values(self, pairs: list[tuple[Tensor, Variable]]) -> list[tuple[Variable, Tensor]]:
        new_values: list[tuple[Variable, Tensor]] = []
        for dtype in dict.fromkeys(variable.dtype for _, variable in pairs):
            group = [
                (gradient, variable) for gradient, variable in pairs if variable.dtype == dtype
            ]
            new_values += self._new_values_of(group, dtype)
        return new_values

    def _new_values_of(
        self, group: list[tuple[Tensor, Variable]], dtype: np.dtype[Any]
    ) -> list[tuple[Variable, Tensor]]:
        """One node for all variables of one dtype."""
        step = (self.iterations + 1).cast(dtype)
        learning_rate = self._learning_rate.tensor.cast(dtype)
        decay = [learning_rate * self.weight_decay] if self.weight_decay else []
        shared = [*decay, *self.shared(learning_rate, step)]
        gradients, parameters = zip(*group, strict=True)
        slots = list(zip(*(self._slots[parameter] for parameter in parameters), strict=True))
        lists, count = [parameters, gradients, *slots], len(shared)

        def body(*scalars: Tensor) -> tuple[Tensor, ...]:
            same, (parameter, gradient, *state) = scalars[:count], scalars[count:]
            new, new_state = self._decayed_and_updated(parameter, gradient, tuple(state), same)
            return (new, *new_state)

        scalar = TensorSpec((), dtype)
        rates = ["rate", *(f"rate_{number}" for number in range(2, count + 1))]
        rates = [*(["decay"] if decay else []), *rates][:count]
        labels = [*rates, "parameter", "gradient", *self.slots]
        graph = trace_graph(body, [scalar] * len(labels), labels)
        operation = ElementwiseMap(graph, length=len(group), shared=count)
        result = operation(*shared, *(one for members in lists for one in members))
        results = result if isinstance(result, tuple) else (result,)
        changed = [variable for members in (parameters, *slots) for variable in members]
        return list(zip(changed, results, strict=True))

    def _decayed_and_updated(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: tuple[Tensor, ...],
        shared: tuple[Tensor, ...],
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The formula on what weight decay, if there is any, leaves of the parameter."""
        if self.weight_decay:
            decay, *rest = shared
            parameter, shared = parameter - parameter * decay, tuple(rest)
        return self.update(parameter, gradient, slots, shared)


_registry: Registry[Optimizer] = Registry("optimizer", Optimizer)
get, deserialize, register = _registry.get, _registry.deserialize, _registry.register


def check_fraction(name: str, value: float) -> float:
    """A factor of decay or momentum.

    Raises:
        ArgumentError: it is outside [0, 1).
    """
    if not 0 <= value < 1:
        raise ArgumentError(f"{name} must lie in [0, 1). Got {value}.")
    return float(value)


def check_epsilon(epsilon: float) -> float:
    """A number that keeps a division defined.

    Raises:
        ArgumentError: it is negative.
    """
    if not epsilon >= 0:
        raise ArgumentError(f"epsilon must be at least 0. Got {epsilon}.")
    return float(epsilon)


def _checked_rate(value: float) -> float:
    return _from_zero("The learning rate", value)


def _checked_decay(value: float | None) -> float | None:
    return None if value is None else _from_zero("weight_decay", value)


def _from_zero(name: str, value: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):  # None, text
        number = nan
    if not (isfinite(number) and number >= 0):
        raise ArgumentError(f"{name} must be a number from 0. Got {value!r}.")
    return number


def _paired(gradients: list[Any], variables: list[Variable]) -> list[tuple[Any, Variable]]:
    if len(gradients) != len(variables):
        raise ArgumentError(
            f"There must be one gradient for each variable. Got {len(gradients)} gradients and "
            f"{len(variables)} variables."
        )
    if len(set(variables)) < len(variables):
        twice = next(variable for variable in variables if variables.count(variable) > 1)
        raise ArgumentError(
            f"Each variable may be given once. Got {twice.name!r} again; add its gradients up."
        )
    return list(zip(gradients, variables, strict=True))


def _changed(pairs: list[tuple[Any, Variable]]) -> list[tuple[Tensor, Variable]]:
    """Those that are to be changed: not frozen, and with a gradient."""
    pairs = [(gradient, variable) for gradient, variable in pairs if variable.trainable]
    missing = [variable.name for gradient, variable in pairs if gradient is None]
    if pairs and len(missing) == len(pairs):
        raise GradientError(
            "No gradients provided for any variable: the loss depends on none of "
            f"{', '.join(missing)}."
        )
    if missing:
        warnings.warn(
            f"The loss does not depend on {', '.join(missing)}, which therefore stay as they are.",
            stacklevel=3,
        )
    return [(_gradient_of(v, g), v) for g, v in pairs if g is not None]


def _gradient_of(variable: Variable, gradient: Any) -> Tensor:
    tensor = as_tensor(gradient)
    if tensor.shape != variable.shape:
        raise ShapeError(
            f"The gradient of {variable.name!r} must have its shape {variable.shape}. "
            f"Got {tensor.shape}."
        )
    return tensor if tensor.dtype == variable.dtype else tensor.cast(variable.dtype)


def _assign(new_values: list[tuple[Variable, Tensor]]) -> None:
    if current_trace() is not None:
        for variable, tensor in new_values:
            variable.assign(tensor)
        return
    arrays = evaluator().evaluate([tensor for _, tensor in new_values])
    for (variable, _), array in zip(new_values, arrays, strict=True):
        variable.assign(array)
