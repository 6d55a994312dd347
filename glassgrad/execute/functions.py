"""Python functions as graphs: traced once for each shape, compiled, and run from then on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, GradientError
from glassgrad.execute.executor import Executor, Program, executor_named
from glassgrad.gradients import gradients
from glassgrad.graph import (
    Tensor,
    TensorSpec,
    Trace,
    Variable,
    as_tensor,
    current_trace,
    placeholder,
    tracing,
)
from glassgrad.graph.operation import Array

__all__ = ["Function", "function", "grad", "value_and_grad"]


def grad(function: Callable[..., Tensor], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Give the function that computes the gradient of a scalar function.

    Args:
        function: takes tensors and gives a scalar tensor.
        argnums: by which arguments to differentiate; one number gives one gradient, several
            give a tuple.

    Raises:
        GradientError: the result does not depend on one of these arguments.

    Example:
        >>> slope = grad(lambda x: x * x * x)
        >>> slope(2.0).item(), grad(slope)(2.0).item()
        (12.0, 12.0)
    """
    with_value = value_and_grad(function, argnums)

    @functools.wraps(function)
    def slope(*arguments: Any) -> Any:
        return with_value(*arguments)[1]

    return slope


def value_and_grad(
    function: Callable[..., Tensor], argnums: int | Sequence[int] = 0
) -> Callable[..., tuple[Tensor, Any]]:
    """Give the function that computes a scalar function and its gradient together.

    Args:
        function: takes tensors and gives a scalar tensor.
        argnums: by which arguments to differentiate.

    Raises:
        GradientError: the result does not depend on one of these arguments.

    Example:
        >>> value, slope = value_and_grad(lambda x: x * x)(3.0)
        >>> value.item(), slope.item()
        (9.0, 6.0)
    """
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @functools.wraps(function)
    def both(*arguments: Any) -> tuple[Tensor, Any]:
        tensors = [_as_float(argument) for argument in arguments]
        # A tensor of its own for each argument: the same one may be given twice.
        tensors = [tensor if tensor.node.inputs else _alias(tensor) for tensor in tensors]
        value = function(*tensors)
        found = gradients(value, [tensors[number] for number in numbers])
        for number, slope in zip(numbers, found, strict=True):
            if slope is None:
                raise GradientError(f"The result does not depend on argument {number}.")
        return value, (found[0] if isinstance(argnums, int) else tuple(found))

    return both


def _as_float(value: Any) -> Tensor:
    return as_tensor(float(value) if isinstance(value, int) else value)


def _alias(tensor: Tensor) -> Tensor:
    return tensor.reshape(tensor.shape) if tensor.ndim else tensor + 0.0


class Function:
    """A Python function of tensors, traced once for each combination of shapes.

    While it is traced, ``variable.assign(tensor)`` becomes an update of the step, and an
    optimizer's ``apply`` becomes part of it; so a whole training step runs as one program.
    """

    def __init__(
        self, function: Callable[..., Any], training: bool, executor: str | Executor | None
    ) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._training = training
        self._executor = executor
        self._programs: dict[object, tuple[Program, Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        """Run on arrays or tensors; gives tensors in the structure that the function returns.

        Raises:
            ArgumentError: the function returns something other than tensors.
        """
        if current_trace() is not None:
            return self._function(*arguments)
        arrays = [_array(argument) for argument in arguments]
        program, structure = self._program(arrays)
        results = iter(program(*arrays))
        return _rebuilt(structure, results)

    def _program(self, arrays: Sequence[Array]) -> tuple[Program, Any]:
        specs = tuple(TensorSpec(array.shape, array.dtype) for array in arrays)
        executor = executor_named(self._executor)
        key = (id(executor), specs)
        if key not in self._programs:
            inputs = [placeholder(s.shape, s.dtype, f"x{n}") for n, s in enumerate(specs)]
            with tracing(Trace(training=self._training)) as trace:
                returned = self._function(*inputs)
            outputs: list[Tensor] = []
            structure = _taken_apart(returned, outputs)
            program = executor.compile(outputs, inputs, trace.updates)
            self._programs[key] = program, structure
        return self._programs[key]


def function(
    function: Callable[..., Any] | None = None,
    *,
    training: bool = False,
    executor: str | Executor | None = None,
) -> Any:
    """Compile a Python function of tensors; a decorator, with or without arguments.

    Args:
        function: takes tensors and returns a tensor, or tuples, lists and dictionaries of them.
        training: whether layers inside behave as in training.
        executor: "cpu" or "reference"; the current one by default.

    Example:
        >>> @function(executor="reference")
        ... def length(x):
        ...     return (x * x).sum().sqrt()
        >>> length([3.0, 4.0]).item()
        5.0
    """
    if function is None:
        return functools.partial(Function, training=training, executor=executor)
    return Function(function, training, executor)


def _array(value: Any) -> Array:
    if isinstance(value, Tensor | Variable):
        return value.numpy()
    tensor = as_tensor(value)
    return tensor.numpy() if tensor.node.inputs else np.asarray(tensor.numpy())


def _taken_apart(value: Any, outputs: list[Tensor]) -> Any:
    """Collect the tensors of a nested result, and keep their places."""
    if isinstance(value, Tensor | Variable):
        outputs.append(as_tensor(value))
        return len(outputs) - 1
    if isinstance(value, dict):
        return {key: _taken_apart(entry, outputs) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_taken_apart(entry, outputs) for entry in value)
    if value is None:
        return None
    raise ArgumentError("A compiled function returns tensors, or tuples, lists and dictionaries "
                        f"of them. Got {type(value).__name__}.")  # fmt: skip


def _rebuilt(structure: Any, results: Any) -> Any:
    if isinstance(structure, int):
        array = next(results)
        return Tensor(array, dtype=array.dtype)
    if isinstance(structure, dict):
        return {key: _rebuilt(entry, results) for key, entry in structure.items()}
    if isinstance(structure, list | tuple):
        return type(structure)(_rebuilt(entry, results) for entry in structure)
    return None
