"""What every optimizer is: a formula for one element, applied to all weights at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any, TypeAlias

import numpy as np

from glassgrad.arguments import checked_before
from glassgrad.errors import ArgumentError, shown
from glassgrad.graph import (
    Tensor,
    TensorSpec,
    Variable,
    as_tensor,
    constant,
    current_trace,
    scope,
    trace_graph,
)
from glassgrad.graph.tensor import evaluator
from glassgrad.naming import snake_case
from glassgrad.ops import where
from glassgrad.ops.mapping import ElementwiseMap
from glassgrad.optimizers import schedules
from glassgrad.optimizers.checks import check_count, check_from_zero, check_positive, check_share
from glassgrad.optimizers.clipping import CLIPPINGS, check_limits
from glassgrad.optimizers.counting import is_multiple, whole_part
from glassgrad.optimizers.moves import Move, tell
from glassgrad.optimizers.pairs import Pairs, changed_pairs, require_variables
from glassgrad.optimizers.schedules import LearningRateSchedule
from glassgrad.optimizers.signatures import show_handed_on
from glassgrad.serialization import Configurable, Registry

__all__ = ["NewValues", "Optimizer", "Rate", "choose", "deserialize", "get", "register", "require"]

AVERAGE, ACCUMULATOR = "average", "gradient_accumulator"

NewValues: TypeAlias = dict[Variable, Tensor]
Rate: TypeAlias = float | LearningRateSchedule | Mapping[str, Any]
"""A learning rate: a number, a schedule, or the configuration of one."""


class Optimizer(Configurable):
    """The base: subclass it, name the slots, and write ``update`` for one element.

    Each variable has for every slot (a momentum, say) a variable of its own shape. The formula is
    traced once on scalars and becomes one node for all variables; what is the same for all
    elements is computed once for each step, in ``shared``.

    A step divides the gradients by the loss scale, adds them up if they are accumulated, clips
    them, takes the weight decay from the weights, updates them, averages them, and applies their
    constraints, in this order. What is not asked for costs nothing: it is not in the graph.

    A constructor that ends in ``*common, **kwargs`` and hands both on takes the arguments from
    ``weight_decay`` on as well, and shows them as its own.

    Args:
        learning_rate: the size of the steps, at least 0, or a schedule. A number is kept in a
            variable, so that it can be changed between steps: ``optimizer.learning_rate = 0.1``.
        weight_decay: the part of each weight, times the learning rate, that is taken from it
            before a step: w <- w - lr weight_decay w. This is decoupled from the gradient; in
            PyTorch's SGD, Adam and others it is an L2 term, added to the gradient.
        clipnorm: the norm to which each gradient is shortened.
        clipvalue: the size to which each element of the gradients is cut.
        global_clipnorm: the norm to which all gradients together are shortened.
        use_ema: whether to keep an exponential moving average of each weight:
            a <- ema_momentum a + (1 - ema_momentum) w, with a = w after the first step.
            ``finalize_variable_values`` puts it in the place of the weight; ``fit`` does so at
            its end.
        ema_momentum: how much of the average is kept, in [0, 1].
        ema_overwrite_frequency: after so many steps the averages take the place of the weights;
            ``None`` means at the end alone.
        loss_scale_factor: a number above 0 by which ``scale_loss`` multiplies the loss; gradients
            are divided by it again.
        gradient_accumulation_steps: from how many steps, at least 2, the mean gradient makes one
            update; between updates the weights stay. ``iterations`` counts updates, while a
            schedule of learning rates and the average of weights go on at every step.
        name: what the optimizer is called; its class in lower case by default.

    Raises:
        ArgumentError: a number is outside its range, or there is more than one limit.

    Example:
        >>> class SignDescent(Optimizer):
        ...     def update(self, parameter, gradient, slots, shared):
        ...         (learning_rate,) = shared
        ...         return parameter - learning_rate * (gradient / gradient.abs()), ()
        >>> w = Variable([1.0, 2.0])
        >>> SignDescent(0.5).apply([[3.0, -4.0]], [w])
        >>> w.numpy()
        array([0.5, 2.5], dtype=float32)

    Source: Polyak, Juditsky, "Acceleration of stochastic approximation by averaging", 1992, for
    averages of weights; Micikevicius et al., "Mixed precision training", 2018, for the scale.
    """

    def __init__(
        self,
        learning_rate: Rate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.weight_decay = _if_given(check_from_zero, "weight_decay", weight_decay)
        check_limits(clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm)
        self.clipnorm, self.clipvalue = clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = bool(use_ema)
        self.ema_momentum = check_share("ema_momentum", ema_momentum)
        self.ema_overwrite_frequency = _if_given(
            check_count, "ema_overwrite_frequency", ema_overwrite_frequency, 1
        )
        self.loss_scale_factor = _if_given(check_positive, "loss_scale_factor", loss_scale_factor)
        self.gradient_accumulation_steps = _if_given(
            check_count, "gradient_accumulation_steps", gradient_accumulation_steps, 2
        )
        self._learning_rate = _as_rate(learning_rate)
        self._iterations = Variable(0, name="iterations", trainable=False, dtype="int64")
        self._state: dict[Variable, dict[str, Variable]] = {}
        self._undecayed: frozenset[Variable] = frozenset()
        self._undecayed_names: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        show_handed_on(cls)

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
            step: the number of the update as a float scalar; the first one is 1.
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
    def learning_rate(self) -> Variable | Tensor:
        """The size of the next step: a variable, or what the schedule says.

        A number can be assigned to it, or, before the first step, a schedule.

        Raises:
            ArgumentError: a number is assigned where a schedule decides, or is negative; or a
                schedule is assigned after the first step.
        """
        if isinstance(self._learning_rate, Variable):
            return self._learning_rate
        return self._learning_rate.at(self._iterations)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(value, LearningRateSchedule):
            if self._state:
                raise ArgumentError(
                    "A schedule must be set before the first step, since programs were made "
                    "without it. Make a new optimizer, and compile the model with it."
                )
            self._learning_rate = value
        elif isinstance(self._learning_rate, LearningRateSchedule):
            raise ArgumentError(
                f"The learning rate follows {self._learning_rate!r}, so no number can be set. "
                f"Got {value!r}; make the optimizer with a number to change it between steps."
            )
        else:
            self._learning_rate.assign(_checked_rate(value))

    @property
    def schedule(self) -> LearningRateSchedule | None:
        """What decides the learning rate; ``None`` where it is a number."""
        rate = self._learning_rate
        return rate if isinstance(rate, LearningRateSchedule) else None

    @property
    def iterations(self) -> Variable | Tensor:
        """How many updates have been made: steps, or with accumulation whole groups of them."""
        if self.gradient_accumulation_steps is None:
            return self._iterations
        return whole_part(self._iterations, self.gradient_accumulation_steps).cast("int64")

    @checked_before
    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of variables that have none yet; ``apply`` does it by itself."""
        for variable in require_variables(variables):
            if variable not in self._state:
                self._state[variable] = {
                    slot: Variable(
                        first,
                        name=f"{variable.name}/{slot}",
                        trainable=False,
                        dtype=variable.dtype,
                    )
                    for slot, first in self._first_state(variable).items()
                }

    def standing_in(self, others: Mapping[Variable, Variable]) -> Optimizer:
        """The same optimizer as it is now, for other variables in the place of its own.

        It has slots of its own with the same values, and whatever it does to them changes nothing
        here. The learning rate and the count of steps are this one's.

        Args:
            others: for each variable the one in its place, of equal shape.

        Example:
            >>> from glassgrad.optimizers import SGD
            >>> w, exact = Variable(1.0), Variable(1.0, dtype="float64")
            >>> SGD(0.5).standing_in({w: exact}).built_for == [exact]
            True
        """
        undecayed = frozenset(others.get(one, one) for one in self._undecayed)
        twin = copy(self)
        vars(twin).update(_state={}, _undecayed=undecayed)
        twin.build(others.values())
        for one, other in others.items():
            new = twin.slots_of(other)
            for slot, variable in self.slots_of(one).items():
                new[slot].assign(variable.numpy().astype(other.dtype))
        return twin

    def slots_of(self, variable: Variable) -> dict[str, Variable]:
        """What is kept for a variable, by name; nothing before ``build`` has met it."""
        return dict(self._state.get(variable, {}))

    def _first_state(self, variable: Variable) -> dict[str, np.ndarray[Any, Any]]:
        """What is kept for a variable, as it begins."""
        first = {slot: np.full(variable.shape, self.first_slot(slot)) for slot in self.slots}
        if self.use_ema:
            first[AVERAGE] = variable.numpy()
        if self.gradient_accumulation_steps:
            first[ACCUMULATOR] = np.zeros(variable.shape)
        return first

    @property
    def built_for(self) -> list[Variable]:
        """The variables that have their slots, in the order in which they came."""
        return list(self._state)

    @property
    def variables(self) -> list[Variable]:
        """What a checkpoint has to hold: the steps done, the learning rate, all slots."""
        rate = [self._learning_rate] if isinstance(self._learning_rate, Variable) else []
        slots = [slot for state in self._state.values() for slot in state.values()]
        return [self._iterations, *rate, *slots]

    @property
    def averages(self) -> dict[Variable, Variable]:
        """The exponential moving average of each weight, if averages are kept."""
        return {one: state[AVERAGE] for one, state in self._state.items() if AVERAGE in state}

    def exclude_from_weight_decay(
        self,
        var_list: Iterable[Variable] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        """Let some weights keep their size, such as biases; as in Keras, not part of a file.

        Args:
            var_list: the weights.
            var_names: texts; a weight with one of them in its name is meant as well.

        Raises:
            ArgumentError: a step was made before, with programs that cannot change any more.

        Example:
            >>> from glassgrad.optimizers import SGD
            >>> kernel, bias = Variable(1.0, name="kernel"), Variable(1.0, name="bias")
            >>> sgd = SGD(0.5, weight_decay=0.5)
            >>> sgd.exclude_from_weight_decay(var_names=["bias"])
            >>> sgd.apply([0.0, 0.0], [kernel, bias])
            >>> kernel.item(), bias.item()
            (0.75, 1.0)
        """
        if self._state:
            raise ArgumentError(
                "Weights must be excluded from weight decay before the first step. Make a new "
                "optimizer, and compile the model with it."
            )
        self._undecayed = frozenset(var_list or ())
        self._undecayed_names = tuple(var_names or ())

    def _argument(self, name: str) -> Any:
        return self._learning_rate if name == "learning_rate" else super()._argument(name)

    # ---- a step

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss whose gradients ``apply`` expects: multiplied by ``loss_scale_factor``."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    @checked_before
    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Change variables along their gradients.

        Where a graph is traced, the new values become updates of the step, else they are assigned
        at once. Variables that are frozen (``trainable`` is False) stay as they are; those
        without a gradient as well, with a warning.

        Args:
            grads: for each variable a tensor or an array of its shape, or ``None``.
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
        given = self.built_for if trainable_variables is None else trainable_variables
        variables = list(given)
        pairs = changed_pairs(grads, variables)
        self.build(variables)
        with scope(self.name):
            new_values = self.new_values(pairs, variables)
            tell(Move(g, one.tensor, new_values[one]) for g, one in self._unscaled(pairs))
        _assign(new_values)

    @checked_before
    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """As ``apply``, for pairs of a gradient and a variable."""
        pairs: list[Any] = list(grads_and_vars)
        if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
            raise ArgumentError(
                f"Pairs of a gradient and a variable are wanted. Got {shown(pairs)}; write "
                "zip(gradients, variables)."
            )
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Put the averages in the place of weights, if averages are kept.

        Args:
            var_list: the weights.

        Raises:
            ArgumentError: the optimizer has never met one of them.
        """
        if not self.use_ema:
            return
        variables = list(var_list)
        unknown = [variable.name for variable in variables if variable not in self._state]
        if unknown:
            raise ArgumentError(
                f"The optimizer has averages of the variables it was built for. Got "
                f"{', '.join(unknown)} as well; call build() with all variables first."
            )
        if self._iterations.numpy() > 0:
            for variable in variables:
                variable.assign(self._state[variable][AVERAGE].numpy())

    def new_values(self, pairs: Pairs, variables: Sequence[Variable]) -> NewValues:
        """What a step makes of weights and slots, for which ``build`` was called.

        Args:
            pairs: gradients and the weights that change along them.
            variables: all weights that are optimized.
        """
        pairs = self._unscaled(pairs)
        steps = self.gradient_accumulation_steps
        new = self._accumulated(pairs, steps) if steps else self._updated(pairs)
        if self.use_ema:
            new = self._averaged(new, variables)
        new |= {
            variable: as_tensor(variable.constraint(new[variable]))
            for _, variable in pairs
            if variable.constraint is not None
        }
        return new | {self._iterations: self._iterations + 1}

    def _unscaled(self, pairs: Pairs) -> Pairs:
        """The pairs, with gradients of the loss as it was before it was scaled."""
        if self.loss_scale_factor is None:
            return pairs
        return [(gradient / self.loss_scale_factor, variable) for gradient, variable in pairs]

    def _accumulated(self, pairs: Pairs, steps: int) -> NewValues:
        """An update by the mean gradient at the last step of a group; the others only add up."""
        sums = [(self._state[variable][ACCUMULATOR] + g, variable) for g, variable in pairs]
        is_last = is_multiple(self._iterations + 1, steps)
        new = choose(is_last, self._updated([(s / float(steps), v) for s, v in sums]))
        return new | {
            self._state[variable][ACCUMULATOR]: where(is_last, 0.0, total)
            for total, variable in sums
        }

    def _averaged(self, new: NewValues, variables: Sequence[Variable]) -> NewValues:
        """The new values, with the averages of the weights, and from time to time in their place.

        As in Keras, the average of the first steps, until the first update is counted, is the
        weight itself, and the constraint comes afterwards.
        """
        updates = self.iterations
        kept = where(updates > 0, constant(self.ema_momentum, "float64"), 0.0)
        averages: NewValues = {}
        for variable in variables:
            weight, share = new.get(variable, variable.tensor), kept.cast(variable.dtype)
            averages[variable] = self._state[variable][AVERAGE] * share + weight * (1.0 - share)
        stored = {self._state[variable][AVERAGE]: mean for variable, mean in averages.items()}
        if self.ema_overwrite_frequency is None:
            return new | stored
        is_due = is_multiple(updates + 1, self.ema_overwrite_frequency)
        return new | stored | choose(is_due, averages, new)

    def _clipped(self, pairs: Pairs) -> Pairs:
        """The pairs, with gradients within the limit that is set."""
        gradients = [gradient for gradient, _ in pairs]
        for name, clip in CLIPPINGS.items():
            limit = getattr(self, name)
            if limit is not None and gradients:
                gradients = clip(gradients, limit)
        return [(gradient, pair[1]) for gradient, pair in zip(gradients, pairs, strict=True)]

    def _updated(self, pairs: Pairs) -> NewValues:
        """One node for all variables of one dtype that lose the same by weight decay."""
        groups: dict[tuple[np.dtype[Any], float], Pairs] = {}
        for gradient, variable in self._clipped(pairs):
            kind = variable.dtype, self._decay_of(variable)
            groups.setdefault(kind, []).append((gradient, variable))
        new: NewValues = {}
        for (dtype, decay), group in groups.items():
            new |= self._updated_group(group, dtype, decay)
        return new

    def _decay_of(self, variable: Variable) -> float:
        is_excluded = variable in self._undecayed or any(
            name in variable.name for name in self._undecayed_names
        )
        return 0.0 if is_excluded else self.weight_decay or 0.0

    def _updated_group(self, group: Pairs, dtype: np.dtype[Any], decay: float) -> NewValues:
        step = (self.iterations + 1).cast(dtype)
        learning_rate = self.learning_rate.cast(dtype)
        decays = [learning_rate * decay] if decay else []
        shared = [*decays, *self.shared(learning_rate, step)]
        gradients, parameters = zip(*group, strict=True)
        slots = [[self._state[one][slot] for one in parameters] for slot in self.slots]
        lists, count = [parameters, gradients, *slots], len(shared)

        def body(*scalars: Tensor) -> tuple[Tensor, ...]:
            same, (parameter, gradient, *state) = scalars[:count], scalars[count:]
            if decays:
                parameter, same = parameter - parameter * same[0], same[1:]
            new, new_state = self.update(parameter, gradient, tuple(state), same)
            return (new, *new_state)

        scalar = TensorSpec((), dtype)
        rates = ["rate", *(f"rate_{number}" for number in range(2, count + 1))]
        rates = [*(["decay"] if decays else []), *rates][:count]
        labels = [*rates, "parameter", "gradient", *self.slots]
        graph = trace_graph(body, [scalar] * len(labels), labels)
        operation = ElementwiseMap(graph, length=len(group), shared=count)
        result = operation(*shared, *(one for members in lists for one in members))
        results = result if isinstance(result, tuple) else (result,)
        changed = [variable for members in (parameters, *slots) for variable in members]
        return dict(zip(changed, results, strict=True))


_registry: Registry[Optimizer] = Registry("optimizer", Optimizer)
get, deserialize, register = _registry.get, _registry.deserialize, _registry.register
require = _registry.require


def choose(
    condition: Tensor, new: NewValues, old: Mapping[Variable, Tensor] | None = None
) -> NewValues:
    """New values where a condition holds, else those of before.

    Args:
        condition: a boolean scalar.
        new: the new values.
        old: what takes their place; by default the variables as they are.
    """
    before = old or {}
    return {
        variable: where(condition, value, before.get(variable, variable.tensor))
        for variable, value in new.items()
    }


def _as_rate(value: Any) -> Variable | LearningRateSchedule:
    if isinstance(value, LearningRateSchedule | Mapping):
        return schedules.require(value)
    return Variable(_checked_rate(value), name="learning_rate", trainable=False, dtype="float64")


def _checked_rate(value: Any) -> float:
    try:
        return check_from_zero("The learning rate", value)
    except ArgumentError as error:
        raise ArgumentError(f"{error} Besides numbers, schedules are known here.") from None


def _if_given(check: Callable[..., Any], name: str, value: Any, *limits: Any) -> Any:
    return None if value is None else check(name, value, *limits)


def _assign(new_values: NewValues) -> None:
    if current_trace() is not None:
        for variable, tensor in new_values.items():
            variable.assign(tensor)
        return
    arrays = evaluator().evaluate(list(new_values.values()))
    for variable, array in zip(new_values, arrays, strict=True):
        variable.assign(array)
