"""Python functions as graphs: traced once for each shape, compiled, and run from then on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from glassgrad.errors import ArgumentError, DtypeError, GradientError
from glassgrad.execute.executor import (
    PROGRAMS,
    Executor,
    Program,
    Shapes,
    executor_named,
    shapes_of,
)
from glassgrad.gradients import gradients
from glassgrad.graph import (
    RandomState,
    Tensor,
    Trace,
    Variable,
    as_tensor,
    current_trace,
    placeholder,
    tracing,
)
from glassgrad.graph.dtypes import to_array
from glassgrad.graph.operation import Array

__all__ = ["Function", "function", "grad", "install_random_states", "value_and_grad"]


def grad(function: Callable[..., Tensor], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Give the function that computes the gradient of a scalar function.

    Args:
        function: takes tensors and gives a scalar tensor.
        argnums: by which arguments to differentiate; one number gives one gradient, several
            give a tuple.

    Raises:
        ArgumentError, DtypeError, GradientError, ShapeError: on the call, as ``value_and_grad``.

    Example:
        >>> slope = grad(lambda x: x * x * x)
        >>> slope(2.0).item(), grad(slope)(2.0).item()
        (12.0, 12.0)
    """
    with_value = value_and_grad(function, argnums)

    @functools.wraps(function)
    def slope(*arguments: Any, **options: Any) -> Any:
        return with_value(*arguments, **options)[1]

    return slope


def value_and_grad(
    function: Callable[..., Tensor], argnums: int | Sequence[int] = 0
) -> Callable[..., tuple[Tensor, Any]]:
    """Give the function that computes a scalar function and its gradient together.

    Args:
        function: takes tensors and gives a scalar tensor; arguments by keyword are handed on.
        argnums: by which arguments to differentiate, by position; negative ones from the end.

    Raises:
        ArgumentError: there is no such argument, or the result is no tensor.
        DtypeError: the argument holds integers.
        GradientError: the result does not depend on one of these arguments.
        ShapeError: the result is no scalar.

    Example:
        >>> value, slope = value_and_grad(lambda x: x * x)(3.0)
        >>> value.item(), slope.item()
        (9.0, 6.0)
    """
    chosen = _as_numbers(argnums)

    @functools.wraps(function)
    def both(*arguments: Any, **options: Any) -> tuple[Tensor, Any]:
        numbers = [_position(number, len(arguments)) for number in chosen]
        tensors = [as_tensor(argument) for argument in arguments]
        for number in numbers:
            tensors[number] = _differentiable(arguments[number], number)
        value = function(*tensors, **options)
        if not isinstance(value, Tensor):
            raise ArgumentError(
                "A function to be differentiated gives a scalar tensor. "
                f"Got {type(value).__name__}."
            )
        found = gradients(value, [tensors[number] for number in numbers])
        for number, slope in zip(numbers, found, strict=True):
            if slope is None:
                raise GradientError(
                    f"The result does not depend on argument {number}. Leave it out of argnums, or "
                    "compute with the tensor instead of its numpy()."
                )
        return value, (found[0] if isinstance(argnums, int) else tuple(found))

    return both


def _as_numbers(argnums: int | Sequence[int]) -> tuple[int, ...]:
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if not numbers or any(isinstance(n, bool) or not isinstance(n, int) for n in numbers):
        raise ArgumentError(
            f"argnums must be a position or several, such as 0 or (0, 1). Got {argnums!r}."
        )
    return numbers


def _position(number: int, count: int) -> int:
    if not -count <= number < count:
        raise ArgumentError(
            f"argnums must name arguments by position, and there are {count}. Got {number}."
        )
    return number % count


def _differentiable(value: Any, number: int) -> Tensor:
    """A tensor of its own for an argument: the same one may be given twice."""
    tensor = as_tensor(float(value) if isinstance(value, int) else value)
    if tensor.dtype.kind != "f":
        raise DtypeError(
            f"Only floats can have a gradient. Got {tensor.dtype} as argument "
            f"{number}; write the numbers with a decimal point."
        )
    return tensor * 1.0


class Function:
    """A Python function of tensors, traced once for each combination of shapes.

    While it is traced, ``variable.assign(tensor)`` becomes an update of the step, and an
    optimizer's ``apply`` becomes part of it; so a whole training step runs as one program. What
    else the function does (printing, changing Python objects, reading plain numbers from outside)
    happens at the tracing alone. Inside another function that is traced it is part of that one.

    Args:
        function: takes tensors and returns tensors, in tuples, lists and dictionaries.
        training: whether layers inside behave as in training.
        executor: what compiles it; the current one by default.
        random: what layers inside draw random numbers from.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        training: bool = False,
        executor: str | Executor | None = None,
        random: RandomState | None = None,
    ) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._training = training
        self._executor = executor
        self._random = random
        self._traced = functools.lru_cache(PROGRAMS)(self._trace)

    def __call__(self, *arguments: Any) -> Any:
        """Run on arrays or tensors; gives tensors in the structure that the function returns.

        Raises:
            ArgumentError: the function returns something other than tensors.
        """
        if current_trace() is not None:
            return self._function(*arguments)
        arrays = [_array(argument) for argument in arguments]
        program, structure = self._traced(executor_named(self._executor), shapes_of(arrays))
        return _rebuilt(structure, iter(program.run(arrays)))

    def __get__(self, owner: object, kind: type | None = None) -> Any:
        """As a method: the object is the first argument, and is not traced."""
        if owner is None:
            return self
        method = self._function.__get__(owner)
        bound = Function(method, self._training, self._executor, self._random)
        vars(owner)[self._function.__name__] = bound  # so that its programs are kept
        return bound

    def _trace(self, executor: Executor, shapes: Shapes) -> tuple[Program, Any]:
        inputs = [placeholder(*spec, f"x{number}") for number, spec in enumerate(shapes)]
        outputs: list[Tensor] = []
        with tracing(Trace(self._training, self._random_state())) as trace:
            structure = _taken_apart(self._function(*inputs), outputs)
            if trace.streams and trace.random is not None:
                step = trace.random.step
                step.assign(step.tensor + 1)  # the next call draws other numbers
        return executor.compile(outputs, inputs, trace.updates), structure

    def _random_state(self) -> RandomState | None:
        """One key for all programs of the function; its step counts the calls."""
        if self._training and self._random is None and _random_states:
            self._random = _random_states[0]()
        return self._random


def function(
    function: Callable[..., Any] | None = None,
    *,
    training: bool = False,
    executor: str | Executor | None = None,
    random: RandomState | None = None,
) -> Any:
    """Compile a Python function of tensors; a decorator, with or without arguments.

    Args:
        function: takes tensors and returns a tensor, or tuples, lists and dictionaries of them.
        training: whether layers inside behave as in training.
        executor: "cpu" or "reference"; the current one by default.
        random: what layers inside draw random numbers from, such as ``model.random``, and whose
            step each call that draws moves on; by default one of its own, from the seed.

    Raises:
        ArgumentError: on the call, the function returns something other than tensors.
        UnknownNameError: on the call, there is no such executor.

    Example:
        >>> @function(executor="reference")
        ... def length(x):
        ...     return (x * x).sum().sqrt()
        >>> length([3.0, 4.0]).item()
        5.0
    """
    if function is None:
        return functools.partial(Function, training=training, executor=executor, random=random)
    return Function(function, training, executor, random)


_random_states: list[Callable[[], RandomState]] = []


def install_random_states(maker: Callable[[], RandomState]) -> None:
    """Let functions that behave as in training take their random numbers from here."""
    _random_states[:] = [maker]


def _array(value: Any) -> Array:
    return value.numpy() if isinstance(value, Tensor | Variable) else to_array(value)


@dataclass(frozen=True)
class _Place:
    """Where an output belongs in a nested result."""

    number: int


def _taken_apart(value: Any, outputs: list[Tensor]) -> Any:
    """Collect the tensors of a nested result, and keep their places."""
    if isinstance(value, Tensor | Variable):
        outputs.append(as_tensor(value))
        return _Place(len(outputs) - 1)
    if isinstance(value, dict):
        return {key: _taken_apart(entry, outputs) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return _like(value, [_taken_apart(entry, outputs) for entry in value])
    if value is None:
        return None
    raise ArgumentError(
        "A compiled function returns tensors, or tuples, lists and dictionaries "
        f"of them. Got {type(value).__name__}."
    )


def _rebuilt(structure: Any, results: Iterator[Array]) -> Any:
    if isinstance(structure, _Place):
        array = next(results)
        return Tensor(array, dtype=array.dtype)
    if isinstance(structure, dict):
        return {key: _rebuilt(entry, results) for key, entry in structure.items()}
    if isinstance(structure, list | tuple):
        return _like(structure, [_rebuilt(entry, results) for entry in structure])
    return None


def _like(example: Any, entries: list[Any]) -> Any:
    """A list, tuple or named tuple with other entries."""
    kind = type(example)
    return kind(*entries) if hasattr(example, "_fields") else kind(entries)
