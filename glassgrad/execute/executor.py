"""The protocol of executors, and the choice among them."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from glassgrad.arguments import checked
from glassgrad.errors import DtypeError, ExecutionError, GraphError, ShapeError, UnknownNameError
from glassgrad.graph import Placeholder, Tensor, TensorSpec, Variable, walk
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import require_update

if TYPE_CHECKING:
    from glassgrad.execute.cpu.profile import Profile

__all__ = [
    "PROGRAMS",
    "Executor",
    "Program",
    "Shapes",
    "current_executor",
    "executor_named",
    "register_executor",
    "shapes_of",
    "use",
]

PROGRAMS = 32  # kept for each function or kind of step; the one longest unused gives way

# Shape and dtype of several arrays, as a key: tuples are hashed several times as fast as specs.
Shapes: TypeAlias = tuple[tuple[tuple[int, ...], np.dtype[Any]], ...]


def shapes_of(arrays: Iterable[Array | TensorSpec]) -> Shapes:
    """What tells which program fits: shape and dtype of each array.

    Example:
        >>> shapes_of([np.zeros((2, 3))])
        (((2, 3), dtype('float64')),)
    """
    return tuple([(array.shape, array.dtype) for array in arrays])


class Program(ABC):
    """A compiled step: arrays in, arrays out, and the updates applied to the variables.

    A step is pure: it reads every variable as it was before, and all updates apply after it.
    When it fails, no variable has changed.

    Args:
        outputs: the tensors whose values a call returns.
        inputs: the placeholders whose values a call takes, in order.
        updates: for each variable that the step changes, its value after the step.

    Raises:
        GraphError: a placeholder is missing, or an update does not fit its variable.
    """

    def __init__(
        self,
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor],
        updates: Mapping[Variable, Tensor],
    ) -> None:
        self.outputs = tuple(outputs)
        self.inputs = tuple(inputs)
        self.updates = dict(updates)
        self._check()

    def __call__(self, *arrays: Any) -> list[Array]:
        """Run one step.

        Raises:
            ShapeError: there are not as many arrays as inputs, or one has another shape than the
                program was compiled for.
            DtypeError: an array of floats is given where integers are wanted.
        """
        if len(arrays) != len(self.inputs):
            raise ShapeError(f"The program wants {len(self.inputs)} arrays. Got {len(arrays)}.")
        given = [_as_input(a, t.spec) for a, t in zip(arrays, self.inputs, strict=True)]
        return self.run(given)

    def prepare(self) -> None:  # noqa: B027 -- some programs are ready as they are
        """Do now what the first run would have to do before it can compute."""

    @abstractmethod
    def run(self, arrays: Sequence[Array], times: int = 1) -> list[Array]:
        """Run the step on arrays of the right shapes and dtypes, once or several times.

        Each time the variables are as the time before has left them; the outputs are the last's.
        """

    @abstractmethod
    def describe(self) -> str:
        """The program as text, for reading."""

    def profile(self, *arrays: Any) -> Profile:
        """Measure where the time of a step goes; nothing is changed by it.

        Args:
            arrays: as for a step.

        Raises:
            ExecutionError: the executor does not divide a step into parts that can be measured.
        """
        raise ExecutionError(
            "Only programs of the cpu executor can be profiled: choose it by executor='cpu' or "
            f"glassgrad.use('cpu'). Got {type(self).__name__}."
        )

    @property
    def roots(self) -> tuple[Tensor, ...]:
        """Everything that the program computes: outputs and new values."""
        return (*self.outputs, *self.updates.values())

    def _check(self) -> None:
        given = {tensor.node for tensor in self.inputs}
        for tensor in self.inputs:
            if not isinstance(tensor.node.operation, Placeholder):
                raise GraphError(f"Inputs of a program are placeholders. Got {tensor!r}.")
        for node in walk(self.roots):
            if isinstance(node.operation, Placeholder) and node not in given:
                raise GraphError(
                    f"The program needs {node.operation.describe()}, which is not among its inputs."
                )
        for variable, value in self.updates.items():
            require_update(variable, value)


class Executor(ABC):
    """Turns graphs into programs."""

    name: str

    @abstractmethod
    def compile(
        self,
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor] = (),
        updates: Mapping[Variable, Tensor] | None = None,
    ) -> Program:
        """Compile a graph.

        Args:
            outputs: the tensors whose values a call returns.
            inputs: the placeholders whose values a call takes, in order.
            updates: for each variable that the step changes, its value after the step.

        Raises:
            GraphError: a placeholder is missing, or an update does not fit its variable.
        """

    def settings(self) -> dict[str, int]:
        """What decides the last bit of results, to be kept with a checkpoint."""
        return {}

    def with_settings(self, settings: Mapping[str, int]) -> Executor:
        """An executor of this kind that computes with the settings of another."""
        return self


_makers: dict[str, Callable[[], Executor]] = {}
_made: dict[str, Executor] = {}
_chosen: list[str] = []


def register_executor(name: str, maker: Callable[[], Executor]) -> None:
    """Make an executor available under a name.

    Args:
        name: what ``use`` will be told.
        maker: makes it, when it is first used.
    """
    _makers[name] = maker


def executor_named(name: str | Executor | None) -> Executor:
    """The executor of a name; ``None`` means the current one.

    Raises:
        UnknownNameError: there is none of that name.

    Example:
        >>> executor_named("reference").name
        'reference'
    """
    if isinstance(name, Executor):
        return name
    if name is None:
        return current_executor()
    if name not in _makers:
        raise UnknownNameError("executor", name, _makers)
    if name not in _made:
        _made.setdefault(name, _makers[name]())  # where two threads come at once, one wins
    return _made[name]


@checked
def use(name: str) -> None:
    """Let ``name`` be the executor of everything that is compiled from now on.

    Args:
        name: "cpu" for compiled kernels, "reference" for NumPy, to be read.

    Raises:
        UnknownNameError: there is no such executor.

    Example:
        >>> use("reference")
        >>> current_executor().name
        'reference'
        >>> use("cpu")
    """
    if name not in _makers:
        raise UnknownNameError("executor", name, _makers)
    _chosen[:] = [name]


def current_executor() -> Executor:
    """The one chosen by ``use``, else by ``GLASSGRAD_EXECUTOR``, else "cpu".

    Raises:
        UnknownNameError: the environment names none that exists.
    """
    return executor_named(_chosen[0] if _chosen else os.environ.get("GLASSGRAD_EXECUTOR") or "cpu")


def _as_input(value: Any, spec: TensorSpec) -> Array:
    array = value.numpy() if isinstance(value, Tensor | Variable) else np.asarray(value)
    if array.shape != spec.shape:
        raise ShapeError(f"The program was compiled for shape {spec.shape}. Got {array.shape}.")
    if array.dtype != spec.dtype:
        if array.dtype.kind == "f" and spec.dtype.kind != "f":
            raise DtypeError(f"The program wants {spec.dtype}. Got {array.dtype}.")
        array = array.astype(spec.dtype)
    return array
