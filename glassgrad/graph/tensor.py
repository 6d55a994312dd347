"""Tensors, the nodes that make them, and the leaves where values enter."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, DtypeError, GraphError, ShapeError
from glassgrad.graph.dtypes import default_float, promote, resolve_dtype, to_array
from glassgrad.graph.operation import Array, Operation, TensorSpec, as_specs
from glassgrad.graph.sources import Source, asked_source, behind
from glassgrad.graph.trace import current_trace

if TYPE_CHECKING:  # the methods of a tensor are operations, and are attached by `ops`
    from glassgrad.ops.methods import TensorMethods
else:

    class TensorMethods:
        """Filled by `glassgrad.ops.methods`."""

        __slots__ = ()


__all__ = [
    "Constant",
    "Evaluator",
    "Key",
    "Leaf",
    "Node",
    "Placeholder",
    "Read",
    "Tensor",
    "TensorLike",
    "Variable",
    "apply",
    "as_tensor",
    "constant",
    "current_scope",
    "evaluate_leaf",
    "evaluator",
    "install_evaluator",
    "placeholder",
    "require_update",
    "scope",
    "scope_of",
]

MOST_ELEMENTS = 2**40

PYTHON_SCALARS = (bool, int, float)

_scope: ContextVar[str] = ContextVar("scope", default="")


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Name the part of a network (a layer, the loss) that the nodes made inside belong to.

    Args:
        name: what the part is called; inside another part it is added to that one's name.

    Example:
        >>> with scope("encoder"), scope("dense"):
        ...     (constant(1.0) + 1).node.scope
        'encoder/dense'
    """
    token = _scope.set(f"{_scope.get()}/{name}" if _scope.get() else name)
    try:
        yield
    finally:
        _scope.reset(token)


def current_scope() -> str:
    """The name of the part under way, empty outside of all."""
    return _scope.get()


@contextmanager
def scope_of(node: Node, suffix: str) -> Iterator[None]:
    """Let nodes belong where another node belongs; the suffix says to which side of it."""
    token = _scope.set(f"{node.scope} {suffix}".strip())
    try:
        if node.source is None:
            yield
            return
        with behind(node):
            yield
    finally:
        _scope.reset(token)


class Node:
    """An operation applied to inputs. Immutable, compared by identity."""

    __slots__ = ("__weakref__", "inputs", "operation", "scope", "source", "specs", "values")

    def __init__(
        self, operation: Operation, inputs: tuple[Tensor, ...], specs: tuple[TensorSpec, ...]
    ) -> None:
        self.operation = operation
        self.inputs = inputs
        self.specs = specs
        self.scope = _scope.get()
        self.source: Source | None = asked_source()
        self.values: tuple[Array, ...] | None = None  # kept once somebody has looked

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The tensors that the node makes."""
        return tuple([Tensor.of_node(self, index) for index in range(len(self.specs))])

    def __repr__(self) -> str:
        specs = ", ".join(map(str, self.specs))
        return f"<{self.operation.describe()} -> {specs}>"


Key: TypeAlias = tuple[Node, int]


class TensorLike(TensorMethods):
    """What tensors and variables share: a shape, a dtype and a value that can be looked at."""

    __slots__ = ()

    @property
    def spec(self) -> TensorSpec:
        """Shape and dtype."""
        raise NotImplementedError(f"{type(self).__name__} must write spec.")

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every dimension."""
        return self.spec.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the elements."""
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.spec.rank

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.spec.size

    def numpy(self) -> Array:
        """A copy of the value."""
        raise NotImplementedError(f"{type(self).__name__} must write numpy().")

    def item(self) -> bool | int | float:
        """The value of a single element as a Python number.

        Raises:
            ShapeError: there are more elements than one, or none.
        """
        if self.size != 1:
            raise ShapeError(
                f"Only a single element is a Python number. Got shape {self.shape}; take its "
                "sum or mean, one of its elements, or numpy()."
            )
        number: bool | int | float = self.numpy().item()
        return number

    def __str__(self) -> str:
        try:
            return str(self.numpy())
        except GraphError:  # a place in a graph, that numbers come to later
            return repr(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self.numpy(), dtype)  # a value without axes may be a NumPy scalar

    def __float__(self) -> float:
        return float(self.item())


class Tensor(TensorLike):
    """One output of a node: a value that is known once the graph is evaluated.

    Made from numbers it is a leaf; operations on tensors make more of them, lazily.
    ``numpy()`` evaluates; ``backward()`` leaves in ``grad`` of every leaf that was made with
    ``requires_grad=True`` the gradient of a scalar, added to what was there.

    Args:
        data: numbers, nested lists or an array; copied.
        requires_grad: whether ``backward()`` reaches this leaf.
        dtype: the dtype; floats default to float32, integers to int32.

    Raises:
        DtypeError: the data are not numbers, or the dtype is unknown.

    Example:
        >>> x = Tensor([[1.0, 2.0]], requires_grad=True)
        >>> y = (x * x).sum()
        >>> y.backward()
        >>> x.grad.numpy()
        array([[2., 4.]], dtype=float32)
    """

    __slots__ = ("__weakref__", "grad", "index", "node", "requires_grad")

    node: Node
    index: int
    requires_grad: bool
    grad: Tensor | None

    @checked
    def __init__(
        self, data: Any, requires_grad: bool = False, dtype: DTypeLike | None = None
    ) -> None:
        if isinstance(data, Tensor | Variable):
            data = data.numpy()
        array = to_array(data, dtype)
        if requires_grad and array.dtype.kind != "f":
            raise DtypeError(
                f"Only floats can have a gradient. Got dtype {array.dtype}; "
                "write the numbers with a decimal point or pass a float dtype."
            )
        self.node, self.index = _leaf(Constant(array), array.shape, array.dtype), 0
        self.requires_grad, self.grad = requires_grad, None

    @classmethod
    def of_node(cls, node: Node, index: int) -> Tensor:
        """One output of a node."""
        tensor = cls.__new__(cls)
        tensor.node, tensor.index = node, index
        tensor.requires_grad, tensor.grad = False, None
        return tensor

    @property
    def key(self) -> Key:
        """What identifies the tensor: its node and the number of the output."""
        return (self.node, self.index)

    @property
    def spec(self) -> TensorSpec:
        """Shape and dtype."""
        return self.node.specs[self.index]

    # Asked of every tensor many times while a graph is built: no way over the specification.

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every dimension."""
        return self.node.specs[self.index].shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the elements."""
        return self.node.specs[self.index].dtype

    def numpy(self) -> Array:
        """The value, evaluated now if it was not before; a copy."""
        return evaluator().evaluate([self])[0].copy()

    def backward(self) -> None:
        """Add the gradient of this scalar to ``grad`` of every leaf that wants one.

        Raises:
            ShapeError: the tensor is no scalar.
            GradientError: no leaf was made with ``requires_grad=True``.
        """
        evaluator().backward(self)

    def __bool__(self) -> bool:
        return bool(self.item())

    def __len__(self) -> int:
        if not self.shape:
            raise ShapeError("A scalar tensor has no length: it has no axis. Its size is 1.")
        return self.shape[0]

    def __hash__(self) -> int:
        return hash((id(self.node), self.index))

    def __repr__(self) -> str:
        return f"<Tensor {self.spec} of {self.node.operation.describe()}>"


class Leaf(Operation):
    """A node without inputs: where values enter a graph."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """A leaf's shape is given when it is made."""
        raise GraphError(f"{self.name} is made by its own function, not by applying it.")


@dataclass(frozen=True)
class Placeholder(Leaf):
    """A value that is handed in when the graph is evaluated."""

    label: str = "input"


@dataclass(frozen=True, eq=False)
class Constant(Leaf):
    """A value that is part of the graph."""

    value: Array

    def describe(self) -> str:
        """The value itself where it is one number."""
        return f"Constant({self.value.item()!r})" if self.value.size == 1 else "Constant"


@dataclass(frozen=True, eq=False)
class Read(Leaf):
    """The value of a variable before the step."""

    variable: Variable

    def describe(self) -> str:
        """The variable's name."""
        return f"Read({self.variable.name})"


class Variable(TensorLike):
    """A named value that outlives a step and that a program's updates change.

    Args:
        value: the first value; copied.
        name: what it is called in summaries, checkpoints and explanations.
        trainable: whether an optimizer may change it.
        dtype: the dtype; floats default to float32.
        constraint: what an optimizer makes of each new value: a function of a tensor.

    Example:
        >>> w = Variable([1.0, 2.0], name="w")
        >>> w.assign([3.0, 4.0])
        >>> w.numpy()
        array([3., 4.], dtype=float32)
    """

    #: Counts moves of any variable's memory; a program that holds addresses looks here.
    moves = 0

    @checked
    def __init__(
        self,
        value: Any,
        *,
        name: str = "variable",
        trainable: bool = True,
        dtype: DTypeLike | None = None,
        constraint: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        if isinstance(value, Tensor | Variable):
            value = value.numpy()
        self.storage = to_array(value, dtype)
        self.name = name
        self.trainable = trainable
        self.constraint = constraint
        self.grad: Tensor | None = None
        self._read: weakref.ref[Tensor] | None = None

    @property
    def spec(self) -> TensorSpec:
        """Shape and dtype."""
        return TensorSpec(self.storage.shape, self.storage.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every dimension."""
        shape: tuple[int, ...] = self.storage.shape
        return shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the elements."""
        dtype: np.dtype[Any] = self.storage.dtype
        return dtype

    @property
    def tensor(self) -> Tensor:
        """The tensor that reads the variable, with the updates of the trace under way."""
        trace = current_trace()
        if trace is not None and self in trace.updates:
            return trace.updates[self]
        alive = self._read() if self._read is not None else None
        if alive is None:
            alive = Tensor.of_node(_leaf(Read(self), self.shape, self.dtype), 0)
            self._read = weakref.ref(alive)
        return alive

    def numpy(self) -> Array:
        """A copy of the value."""
        return self.storage.copy()

    def assign(self, value: Any) -> None:
        """Replace the value; shape and dtype stay.

        While a graph is traced, a tensor becomes the variable's update after the step.

        Raises:
            ShapeError: the new value has another shape.
            DtypeError: it is not made of numbers, or cannot be kept in the variable's dtype.
        """
        trace = current_trace()
        if trace is not None and isinstance(value, Tensor | Variable):
            value = as_tensor(value)
            require_update(self, value)
            trace.updates[self] = value
            return
        if isinstance(value, Tensor | Variable):
            value = value.numpy()
        array = to_array(value, self.dtype)
        if array.shape != self.shape:
            raise ShapeError(
                f"Variable {self.name!r} has shape {self.shape}. "
                f"Got a value of shape {array.shape}."
            )
        self.storage[...] = array

    def assign_add(self, value: Any) -> None:
        """Add to the value, as ``assign(variable + value)``.

        Raises:
            ShapeError, DtypeError: as ``assign``.

        Example:
            >>> total = Variable([1.0, 2.0])
            >>> total.assign_add([0.5, 0.5])
            >>> total.numpy()
            array([1.5, 2.5], dtype=float32)
        """
        self.assign(self + value)

    def assign_sub(self, value: Any) -> None:
        """Subtract from the value, as ``assign(variable - value)``.

        Raises:
            ShapeError, DtypeError: as ``assign``.
        """
        self.assign(self - value)

    def move(self, storage: Array) -> None:
        """Let the value live in other memory, where programs find it from now on."""
        storage[...] = self.storage
        self.storage = storage
        Variable.moves += 1

    def __repr__(self) -> str:
        frozen = "" if self.trainable else ", not trainable"
        return f"<Variable {self.name!r} {self.spec}{frozen}>"


def require_update(variable: Variable, value: Tensor) -> None:
    """Check that a tensor can become the value of a variable.

    Raises:
        GraphError: shape or dtype differ.
    """
    if value.spec != variable.spec:
        raise GraphError(
            f"The update of {variable.name!r} must be {variable.spec}. Got {value.spec}."
        )


def apply(operation: Operation, inputs: Sequence[Any]) -> tuple[Tensor, ...]:
    """Add a node: convert the inputs, check shapes, and give the outputs.

    Args:
        operation: what the node computes.
        inputs: tensors, variables or numbers; a Python scalar takes the dtype of the tensors
            beside it.

    Raises:
        ShapeError, DtypeError: the operation refuses such inputs.

    Example:
        >>> from glassgrad.ops.elementwise import Add
        >>> apply(Add(), [Tensor([1.0, 2.0]), 1])
        (<Tensor float32[2] of Add>,)
    """
    tensors = operation.prepare(_as_tensors(inputs))
    specs = as_specs(operation.shape(*[tensor.spec for tensor in tensors]))
    for spec in specs:
        if spec.size > MOST_ELEMENTS:
            shapes = " and ".join(str(spec.shape) for spec in specs)
            raise ShapeError(
                "A tensor has at most 2**40 elements: no memory holds more. "
                f"{operation.name} would give shape {shapes}."
            )
    return Node(operation, tensors, specs).outputs


def _as_tensors(values: Sequence[Any]) -> tuple[Tensor, ...]:
    """Python scalars take the dtype of the tensors beside them."""
    if {type(value) for value in values} <= {Tensor}:
        return tuple(values)
    tensors = [None if isinstance(v, PYTHON_SCALARS) else as_tensor(v) for v in values]
    present = [tensor.dtype for tensor in tensors if tensor is not None]
    common = promote(*present) if present else None
    pairs = zip(values, tensors, strict=True)
    return tuple([_scalar(value, common) if t is None else t for value, t in pairs])


def _scalar(value: bool | int | float, beside: np.dtype[Any] | None) -> Tensor:
    if isinstance(value, float) and (beside is None or beside.kind != "f"):
        return constant(value, default_float())
    return constant(value) if beside is None or beside.kind == "b" else constant(value, beside)


def as_tensor(value: Any) -> Tensor:
    """Make a tensor of a tensor, a variable or numbers.

    Raises:
        DtypeError: the value is not made of numbers.

    Example:
        >>> as_tensor(Variable([1.0, 2.0], name="w"))
        <Tensor float32[2] of Read(w)>
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Variable):
        return value.tensor
    return constant(value)


def constant(value: Any, dtype: DTypeLike | None = None) -> Tensor:
    """A leaf that holds a value.

    Args:
        value: numbers, nested lists or an array; copied.
        dtype: the dtype; floats default to float32, integers to int32.

    Raises:
        DtypeError: the value is not made of numbers, or the dtype is unknown.

    Example:
        >>> constant([1, 2]).spec
        TensorSpec(shape=(2,), dtype=dtype('int32'))
    """
    array = to_array(value, dtype)
    return Tensor.of_node(_leaf(Constant(array), array.shape, array.dtype), 0)


def placeholder(
    shape: Sequence[int], dtype: DTypeLike | None = None, label: str = "input"
) -> Tensor:
    """A leaf whose value is handed in at evaluation.

    Args:
        shape: the length of every dimension.
        dtype: the dtype; the default float (float32) by default.
        label: what it is called in formulas and messages.

    Raises:
        ArgumentError: a dimension is negative.
        DtypeError: the dtype is unknown.

    Example:
        >>> placeholder((2, 3), label="image")
        <Tensor float32[2, 3] of Placeholder(label=image)>
    """
    if any(length < 0 for length in shape):
        raise ArgumentError(f"Dimensions must not be negative. Got shape {tuple(shape)}.")
    chosen = default_float() if dtype is None else resolve_dtype(dtype)
    return Tensor.of_node(_leaf(Placeholder(label), tuple(shape), chosen), 0)


def _leaf(operation: Leaf, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Node:
    return Node(operation, (), (TensorSpec(shape, dtype),))


class Evaluator(Protocol):
    """What gives tensors their values outside a program; the package installs one."""

    def evaluate(self, tensors: Sequence[Tensor]) -> list[Array]:
        """The values of tensors."""

    def backward(self, loss: Tensor) -> None:
        """Add gradients to the leaves of a scalar."""


_evaluators: list[Evaluator] = []


def install_evaluator(evaluator: Evaluator) -> None:
    """Let an evaluator serve ``Tensor.numpy`` and ``Tensor.backward``."""
    _evaluators[:] = [evaluator]


def evaluator() -> Evaluator:
    """The installed evaluator."""
    if not _evaluators:
        raise GraphError("No evaluator is installed: import glassgrad instead of its parts.")
    return _evaluators[0]


def evaluate_leaf(operation: Operation, xp: ModuleType) -> Array:
    """The value of a leaf that needs nothing from outside."""
    if isinstance(operation, Constant):
        value: Array = xp.asarray(operation.value)
    elif isinstance(operation, Read):
        # A copy: the value read stays what it was when the variable changes.
        value = xp.array(operation.variable.storage)
    else:
        raise GraphError(
            f"The value of {operation.describe()} is not known while a graph is built, so Python "
            "cannot decide by it. Use ops.where instead of if, and look at numbers afterwards."
        )
    return value
