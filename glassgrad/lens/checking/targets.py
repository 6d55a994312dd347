"""What can be checked (a model, a loss, a layer, an operation, a function), as one scalar."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.errors import (
    ArgumentError,
    DtypeError,
    GlassgradError,
    GradientError,
    UnknownNameError,
    shown,
)
from glassgrad.graph import (
    Composite,
    Operation,
    Primitive,
    Tensor,
    Trace,
    Variable,
    constant,
    tracing,
)
from glassgrad.graph.dtypes import to_array
from glassgrad.graph.operation import Array
from glassgrad.graph.trees import flatten, rebuild
from glassgrad.layers import Layer
from glassgrad.lens.checking.points import Differentiated, Point, differentiated, signed
from glassgrad.lens.subject import Subject, subject_of
from glassgrad.random_seed import new_random_state, seeded

__all__ = ["Outcome", "Target", "outcome_of", "target_of"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """A function applied: what it was given, what it gave, and the scalar made of that.

    Args:
        arguments: what it was given, by name.
        outputs: the tensors that it gave.
        weights: for each output how much each of its elements counts in the scalar; ``None`` for
            outputs that are no floats.
        loss: the weighted sum of the outputs, and what layers add to a loss.
    """

    arguments: dict[str, Variable]
    outputs: tuple[Tensor, ...]
    weights: tuple[Array | None, ...]
    loss: Tensor


@dataclass(frozen=True, eq=False)
class Target:
    """What is checked, where.

    Args:
        title: what it is called.
        subject: the scalar in float64, with all that enters it.
        names: what is checked, each with the name that the subject has for it.
        outcome: for a function what it was given and gave.
        unreached: shapes of float arguments that the scalar does not depend on, by name.
    """

    title: str
    subject: Subject
    names: dict[str, str]
    outcome: Outcome | None = None
    unreached: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def point(self, names: Sequence[str] | None, order: int, seed: int) -> Point:
        """The point that the subject stands at, differentiated by some of its inputs.

        Args:
            names: by which; by default all that is checked.
            order: the derivative of which order is checked: before the last, derivatives along
                fixed directions take the place of the scalar.
            seed: decides these directions.

        Raises:
            UnknownNameError: there is no such input.
            DtypeError: it holds no floats.
            GradientError: the chain rule of an operation fails.
        """
        subject = self.subject
        chosen = dict(self.names if names is None else (self._named(name) for name in names))
        tensors = dict(zip(subject.names, subject.inputs, strict=True))
        variables = tuple(tensors[name] for name in chosen.values())
        graph = differentiated(subject.loss, subject.inputs, variables, tuple(chosen))
        rng = np.random.default_rng(seed)
        for _ in range(order - 1):
            graph = _along(graph, rng)
        arrays = {t.key: a for t, a in zip(subject.inputs, subject.arrays, strict=True)}
        return Point(graph, arrays)

    @property
    def examples(self) -> int | None:
        """How many examples there are, where that is known: the length of what comes first."""
        if self.outcome is not None:
            shapes = [variable.shape for variable in self.outcome.arguments.values()]
        else:
            named = zip(self.subject.names, self.subject.inputs, strict=True)
            shapes = [tensor.shape for name, tensor in named if name in ("x", "x0")]
        return shapes[0][0] if shapes and shapes[0] else None

    def _named(self, name: str) -> tuple[str, str]:
        """An input by its name, in which dots and slashes mean the same."""
        tensors = dict(zip(self.subject.names, self.subject.inputs, strict=True))
        known = self.names if self.outcome else {**{own: own for own in tensors}, **self.names}
        for candidate in (name, name.replace(".", "/")):
            if candidate in known:
                dtype = tensors[known[candidate]].dtype
                if dtype.kind == "f":
                    return candidate, known[candidate]
                raise DtypeError(f"Only floats have a gradient. {name!r} has dtype {dtype}.")
        floats = [one for one, own in known.items() if tensors[own].dtype.kind == "f"]
        raise UnknownNameError("parameter", name, floats)


def _along(graph: Differentiated, rng: np.random.Generator) -> Differentiated:
    """The derivative along a direction in the place of the scalar."""
    total = constant(0.0, "float64")
    for slope in graph.slopes:
        if slope is not None:
            total = total + (slope * constant(signed(rng, slope.shape), "float64")).sum()
    return differentiated(total, graph.inputs, graph.variables, graph.names)


def target_of(
    target: Any, data: Sequence[Any], sample_weight: Any, training: bool, seed: int
) -> Target:
    """Bring what is to be checked into the form of a scalar in float64.

    Raises:
        ArgumentError: it is none of what can be checked, or data are missing.
        DtypeError: there is no float among the arguments of a function.
        GradientError: nothing that could be differentiated by enters.
        NotBuiltError, ShapeError, DataError: as ``subject_of``.
    """
    is_built = not isinstance(target, type)
    is_model = (
        is_built and hasattr(target, "compute_loss") and (target.is_compiled or len(data) > 1)
    )
    if is_model or isinstance(target, Tensor):
        if len(data) > 2:
            raise ArgumentError(f"A model takes x and y. Got {len(data)} arguments after it.")
        x, y = [*data, None, None][:2]
        subject = subject_of(target, x, y, sample_weight, training=training, same_draws=False)
        names = {name: name for name in map(subject.name_of, subject.parameters)}
        _require_some(names)
        return Target(subject.title, subject, names)
    if sample_weight is not None:
        raise ArgumentError("sample_weight is for a model with a loss. Leave it out.")
    if not callable(target):
        raise ArgumentError(
            "What is checked is a compiled model, a loss (a scalar tensor), an operation, a layer "
            f"or a function of tensors. Got {shown(target)}."
        )
    outcome = outcome_of(target, data, training, seed)
    subject = subject_of(outcome.loss, same_draws=False)
    own = {variable: name for name, variable in subject.variables.items()}
    floats = {name: v for name, v in outcome.arguments.items() if v.trainable}
    names = {name: own[variable] for name, variable in floats.items() if variable in own}
    given = set(outcome.arguments.values())
    names |= {
        f"variable {name}" if name in names else name: name
        for name, variable in subject.variables.items()
        if variable.trainable and variable not in given
    }
    unreached = {name: v.shape for name, v in floats.items() if v not in own}
    if not unreached:
        _require_some(names)
    return Target(_title(target), subject, names, outcome, unreached)


def _require_some(names: dict[str, str]) -> None:
    if not names:
        raise GradientError(
            "The loss depends on nothing that has a gradient: no trainable variable, no tensor "
            "made with requires_grad=True, no float argument."
        )


def outcome_of(
    function: Callable[..., Any], data: Sequence[Any], training: bool, seed: int
) -> Outcome:
    """Apply a function to numbers, and weigh what it gives."""
    if not data:
        raise ArgumentError(
            f"A function is checked at a point: check_gradients({_title(function)}, x). "
            "Got no arguments."
        )
    arguments, variables = _arguments(function, data)
    rng = np.random.default_rng(seed)
    with seeded(seed), tracing(Trace(training, new_random_state(seed), runs=True)) as trace:
        results, _ = flatten(_applied(function, arguments))
    if not all(isinstance(result, Tensor) for result in results):
        raise ArgumentError(
            f"What is checked gives tensors. {_title(function)} gave {shown(results)}."
        )
    if not any(result.dtype.kind == "f" for result in results):
        kinds = ", ".join(str(result.dtype) for result in results)
        raise DtypeError(
            f"Only floats can be differentiated. {_title(function)} gave {kinds or 'nothing'}."
        )
    weights = tuple(
        signed(rng, y.shape).astype(np.float32) if y.dtype.kind == "f" else None for y in results
    )
    total = constant(0.0)
    for output, weight in zip(results, weights, strict=True):
        if weight is not None:
            total = total + (output * constant(weight, output.dtype)).sum().cast("float32")
    for penalty in trace.losses:
        total = total + penalty.cast("float32")
    return Outcome(variables, tuple(results), weights, total)


def _applied(function: Callable[..., Any], arguments: list[Any]) -> Any:
    try:
        return function(*arguments)
    except GlassgradError:
        raise
    except (TypeError, ValueError) as error:
        number = f"{len(arguments)} argument{'s' if len(arguments) > 1 else ''}"
        raise ArgumentError(f"{_title(function)} failed on {number}: {error}") from error


def _arguments(
    function: Callable[..., Any], data: Sequence[Any]
) -> tuple[list[Any], dict[str, Variable]]:
    """Every array as a variable of its own, so that it has a name and can be moved."""
    arguments, variables = [], {}
    for name, value in zip(_names(function, len(data)), data, strict=True):
        leaves, structure = flatten(value, is_leaf=_is_array)
        named = [name] if len(leaves) == 1 else [f"{name}{n}" for n in range(len(leaves))]
        made = [_variable(leaf, own) for leaf, own in zip(leaves, named, strict=True)]
        variables.update({variable.name: variable for variable in made})
        arguments.append(rebuild(structure, [variable.tensor for variable in made]))
    if not any(variable.trainable for variable in variables.values()) and not isinstance(
        function, Layer
    ):
        kinds = ", ".join(str(variable.dtype) for variable in variables.values())
        raise DtypeError(
            f"Only floats have a gradient. Got {kinds}; write the numbers with a decimal point."
        )
    return arguments, variables


def _is_array(value: Any) -> bool:
    """Numbers in lists are one array; arrays in a list are several."""
    if not isinstance(value, list | tuple | dict):
        return True
    return not isinstance(value, dict) and not any(hasattr(one, "shape") for one in value)


def _variable(value: Any, name: str) -> Variable:
    array = value.numpy() if isinstance(value, Tensor | Variable) else to_array(value)
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
    return Variable(array, name=name, trainable=array.dtype.kind == "f", dtype=array.dtype)


def _names(function: Callable[..., Any], count: int) -> list[str]:
    """What the first arguments of a function are called."""
    if isinstance(function, Layer):
        return ["x", *(f"x{n}" for n in range(1, count))]
    function = _meant(function)
    meaning: Callable[..., Any] = function
    if isinstance(function, Primitive):
        meaning = function.forward
    elif isinstance(function, Composite):
        meaning = function.definition
    try:
        parameters = list(inspect.signature(meaning).parameters.values())
    except (TypeError, ValueError):  # some functions of compiled modules say nothing
        parameters = []
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if isinstance(function, Primitive):
        named = named[1:]  # the array module
    return [named[n] if n < len(named) else f"x{n}" for n in range(count)]


def _meant(function: Any) -> Any:
    """The operation behind a function of ``glassgrad.ops``."""
    inner = getattr(function, "__wrapped__", None)
    return inner if isinstance(inner, Operation) else function


def _title(function: Any) -> str:
    function = _meant(function)
    if isinstance(function, Operation):
        return function.describe()
    if isinstance(function, Layer):
        return f"{type(function).__name__} {function.name!r}"
    return getattr(function, "__name__", None) or type(function).__name__
