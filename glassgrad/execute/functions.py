"""Python functions as graphs: traced once for each shape, compiled, and run from then on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, DtypeError, GradientError, ShapeError
from glassgrad.execute.executor import (
    PROGRAMS,
    Executor,
    Program,
    Shapes,
    executor_named,
    shapes_of,
)
from glassgrad.gradients import gradients, jacobians
from glassgrad.graph import (
    RandomState,
    Tensor,
    Trace,
    Variable,
    as_tensor,
    constant,
    current_trace,
    placeholder,
    tracing,
)
from glassgrad.graph.dtypes import to_array
from glassgrad.graph.operation import Array
from glassgrad.graph.trees import flatten, rebuild
from glassgrad.ops.movement import broadcast_to

__all__ = [
    "Function",
    "function",
    "grad",
    "hessian",
    "hessian_vector_product",
    "install_random_states",
    "jacobian",
    "value_and_grad",
]


@checked
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


@checked
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
        value, numbers, tensors = _called(function, chosen, arguments, options)
        found = _all_present(gradients(value, tensors), numbers)
        return value, (found[0] if isinstance(argnums, int) else tuple(found))

    return both


@checked
def jacobian(
    function: Callable[..., Tensor], argnums: int | Sequence[int] = 0
) -> Callable[..., Any]:
    """Give the function that computes all partial derivatives of a function.

    Formula: J[i, j] = df_i / dx_j, with all axes of the result before all axes of the argument.

    Args:
        function: takes tensors and gives a tensor of any shape.
        argnums: by which arguments to differentiate; one number gives one Jacobian, several
            give a tuple.

    Raises:
        ArgumentError: on the call, there is no such argument, or the result is no tensor.
        DtypeError: on the call, the argument or the result holds integers.
        GradientError: on the call, the result does not depend on one of these arguments.

    Example:
        >>> jacobian(lambda x: x * x)([1.0, 2.0]).numpy()
        array([[2., 0.],
               [0., 4.]], dtype=float32)
    """
    chosen = _as_numbers(argnums)

    @functools.wraps(function)
    def slopes(*arguments: Any, **options: Any) -> Any:
        value, numbers, tensors = _called(function, chosen, arguments, options)
        found = _all_present(jacobians(value, tensors), numbers)
        return found[0] if isinstance(argnums, int) else tuple(found)

    return slopes


@checked
def hessian(
    function: Callable[..., Tensor], argnums: int | Sequence[int] = 0
) -> Callable[..., Any]:
    """Give the function that computes all second derivatives of a scalar function.

    Formula: H[i, j] = d²f / (dx_i dx_j); the Jacobian of the gradient.

    Args:
        function: takes tensors and gives a scalar tensor.
        argnums: by which arguments to differentiate; one number gives one Hessian, several give
            a tuple of tuples, in which row m and column n belong to the m-th and n-th of them.

    Raises:
        ArgumentError, DtypeError, GradientError, ShapeError: on the call, as ``value_and_grad``.

    Example:
        >>> hessian(lambda x: x[0] * x[0] * x[1])([1.0, 2.0]).numpy()
        array([[4., 2.],
               [2., 0.]], dtype=float32)
    """
    chosen = _as_numbers(argnums)

    @functools.wraps(function)
    def curvature(*arguments: Any, **options: Any) -> Any:
        value, numbers, tensors = _called(function, chosen, arguments, options)
        found = _all_present(gradients(value, tensors), numbers)
        rows = [
            tuple(
                _or_zeros(block, (*slope.shape, *tensor.shape), slope)
                for block, tensor in zip(jacobians(slope, tensors), tensors, strict=True)
            )
            for slope in found
        ]
        return rows[0][0] if isinstance(argnums, int) else tuple(rows)

    return curvature


@checked
def hessian_vector_product(
    function: Callable[..., Tensor], argnums: int | Sequence[int] = 0
) -> Callable[..., Any]:
    """Give the function that multiplies the Hessian of a scalar function with a vector.

    Formula: H v = the gradient of (gradient of f) · v, without ever building H.

    Args:
        function: takes tensors and gives a scalar tensor.
        argnums: by which arguments to differentiate; one number gives one product, several give
            a tuple.

    Returns:
        A function of the vectors and of the arguments: ``product(vectors, *arguments)``. The
        vectors are one tensor of the argument's shape, or a sequence where argnums is one.

    Raises:
        ArgumentError: on the call, there are not as many vectors as argnums.
        DtypeError, GradientError, ShapeError: on the call, as ``value_and_grad``; a vector has
            another shape than its argument.

    Example:
        >>> product = hessian_vector_product(lambda x: (x * x * x).sum())
        >>> product([1.0, 10.0], [1.0, 2.0]).numpy()
        array([  6., 120.], dtype=float32)

    Source: Pearlmutter, "Fast exact multiplication by the Hessian", 1994.
    """
    chosen = _as_numbers(argnums)

    @functools.wraps(function)
    def product(vectors: Any, *arguments: Any, **options: Any) -> Any:
        value, numbers, tensors = _called(function, chosen, arguments, options)
        found = _all_present(gradients(value, tensors), numbers)
        directions = _vectors([vectors] if isinstance(argnums, int) else vectors, tensors)
        along = constant(0.0, value.dtype)
        for slope, direction in zip(found, directions, strict=True):
            along = along + (slope * direction).sum().cast(value.dtype)
        curved = [
            _or_zeros(second, tensor.shape, tensor)
            for second, tensor in zip(gradients(along, tensors), tensors, strict=True)
        ]
        return curved[0] if isinstance(argnums, int) else tuple(curved)

    return product


def _called(
    function: Callable[..., Tensor],
    chosen: Sequence[int],
    arguments: Sequence[Any],
    options: dict[str, Any],
) -> tuple[Tensor, list[int], list[Tensor]]:
    """The result, the positions of the arguments that matter, and these as tensors of their own."""
    numbers = [_position(number, len(arguments)) for number in chosen]
    tensors = [as_tensor(argument) for argument in arguments]
    for number in numbers:
        tensors[number] = _differentiable(arguments[number], number)
    value = function(*tensors, **options)
    if not isinstance(value, Tensor):
        raise ArgumentError(
            f"A function to be differentiated gives a tensor. Got {type(value).__name__}."
        )
    return value, numbers, [tensors[number] for number in numbers]


def _all_present(found: Sequence[Tensor | None], numbers: Sequence[int]) -> list[Tensor]:
    present = []
    for number, slope in zip(numbers, found, strict=True):
        if slope is None:
            raise GradientError(
                f"The result does not depend on argument {number}. Leave it out of argnums, or "
                "compute with the tensor instead of its numpy()."
            )
        present.append(slope)
    return present


def _or_zeros(found: Tensor | None, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Second derivatives of what is linear are zero."""
    return found if found is not None else broadcast_to(constant(0.0, like.dtype), shape)


def _vectors(given: Any, tensors: Sequence[Tensor]) -> list[Tensor]:
    """A vector for each argument, of its shape and dtype."""
    if not isinstance(given, list | tuple) or len(given) != len(tensors):
        count = len(given) if isinstance(given, list | tuple) else 1
        raise ArgumentError(
            f"Each of {len(tensors)} arguments named by argnums needs a vector. Got {count}."
        )
    vectors = [as_tensor(vector) for vector in given]
    for vector, tensor in zip(vectors, tensors, strict=True):
        if vector.shape != tensor.shape:
            raise ShapeError(
                f"A vector has the shape of its argument, {tensor.shape}. Got {vector.shape}."
            )
    return [vector.cast(tensor.dtype) for vector, tensor in zip(vectors, tensors, strict=True)]


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
        results = program.run(arrays)
        return rebuild(structure, (Tensor(array, dtype=array.dtype) for array in results))

    def describe(self, *arguments: Any) -> str:
        """What the executor has made of the function, for arguments of these shapes.

        Example:
            >>> double = function(lambda x: x + x, executor="reference")
            >>> print(double.describe([1.0, 2.0]))
            x0 = placeholder                             float32[2]
            t1 = x0 + x0                                 float32[2]
            return t1
        """
        shapes = shapes_of([_array(argument) for argument in arguments])
        program, _ = self._traced(executor_named(self._executor), shapes)
        return program.describe()

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
        with tracing(Trace(self._training, self._random_state(), runs=True)) as trace:
            results, structure = flatten(self._function(*inputs))
            _require_tensors(results)
            outputs = [as_tensor(result) for result in results]
            if trace.streams and trace.random is not None:
                step = trace.random.step
                step.assign(step.tensor + 1)  # the next call draws other numbers
        return executor.compile(outputs, inputs, trace.updates), structure

    def _random_state(self) -> RandomState | None:
        """One key for all programs of the function; its step counts the calls."""
        if self._training and self._random is None and _random_states:
            self._random = _random_states[0]()
        return self._random


@checked
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


def _require_tensors(results: Sequence[Any]) -> None:
    for result in results:
        if not isinstance(result, Tensor | Variable):
            raise ArgumentError(
                "A compiled function returns tensors, or tuples, lists and dictionaries "
                f"of them. Got {type(result).__name__}."
            )
