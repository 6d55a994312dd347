"""What an operation declares: shapes, meaning, chain rule and notation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from math import prod
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

from glassgrad.errors import GradientError, GraphError
from glassgrad.graph.dtypes import default_float
from glassgrad.graph.notation import Binding, Formula, Notation

if TYPE_CHECKING:
    from glassgrad.graph.graph import Graph
    from glassgrad.graph.tensor import Tensor

__all__ = ["Array", "Composite", "Gradients", "Operation", "Primitive", "TensorSpec", "as_specs"]

Array: TypeAlias = np.ndarray[Any, Any]
Gradients: TypeAlias = "tuple[Tensor | None, ...]"


class TensorSpec(NamedTuple):
    """The shape and dtype of a tensor.

    Example:
        >>> spec = TensorSpec((2, 3), np.dtype("float32"))
        >>> str(spec), spec.size
        ('float32[2, 3]', 6)
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class Operation:
    """A function of tensors; its parameters are the fields of a frozen dataclass.

    Subclass ``Primitive`` or ``Composite``. Calling an operation on tensors adds a node.

    Example:
        >>> from glassgrad import Tensor
        >>> from glassgrad.ops.elementwise import Clip
        >>> Clip(0.0, 1.0)(Tensor([-1.0, 0.5])).numpy()
        array([0. , 0.5], dtype=float32)
    """

    notation: ClassVar[Notation]
    further_notations: ClassVar[tuple[Notation, ...]] = ()  # of the outputs after the first
    is_elementwise: ClassVar[bool] = False

    def __call__(self, *inputs: Any) -> Any:
        """Apply the operation; one output gives a tensor, several give a tuple."""
        from glassgrad.graph.tensor import apply  # a node needs operations to be defined first

        outputs = apply(self, inputs)
        return outputs[0] if len(outputs) == 1 else outputs

    @property
    def name(self) -> str:
        """The name under which the operation is printed."""
        return type(self).__name__

    def prepare(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Bring the inputs into the form that the operation wants, such as one common dtype."""
        return inputs

    def shape(self, *inputs: TensorSpec) -> TensorSpec | tuple[TensorSpec, ...]:
        """Give shape and dtype of every output, or raise ``ShapeError`` or ``DtypeError``."""
        raise NotImplementedError(f"{self.name} must write shape(*inputs).")

    def evaluate(self, xp: ModuleType, *arrays: Array) -> tuple[Array, ...]:
        """Compute the outputs with the array module ``xp``."""
        raise NotImplementedError(f"{self.name} must derive from Primitive or Composite.")

    def chain_rule(
        self, gradients: Gradients, outputs: tuple[Tensor, ...], inputs: tuple[Tensor, ...]
    ) -> Gradients:
        """Give the gradient of every input as graph, ``None`` where there is none.

        ``gradients`` are those of the outputs, ``None`` for an output that the loss does not
        reach; at least one is given. Broadcasting is undone by the caller.
        """
        raise GradientError(
            f"{self.name} has no chain rule. Write chain_rule(gradients, outputs, inputs), or "
            "detach() what goes in."
        )

    def describe(self) -> str:
        """Name and parameters on one line."""
        parameters = ", ".join(f"{f.name}={getattr(self, f.name)}" for f in fields(self))
        return f"{self.name}({parameters})" if parameters else self.name

    def formula(self, operands: Sequence[Formula], output: int = 0) -> Formula:
        """Write the operation on named operands.

        An output without notation of its own is written as a call by the operation's name.
        """
        if not self.is_written(output):
            return _written_as_call(f"{self.name}[{output}]" if output else self.name, operands)
        notation = self.further_notations[output - 1] if output else self.notation
        parameters = {f.name: getattr(self, f.name) for f in fields(self)}
        names = [name for name in notation.operands if name not in parameters]
        if names == ["inputs"]:
            joined = Formula(
                ", ".join(o.plain for o in operands), ", ".join(o.latex for o in operands)
            )
            return notation.write({"inputs": joined}, parameters)
        return notation.write(dict(zip(names, operands, strict=False)), parameters)

    def is_written(self, output: int = 0) -> bool:
        """Whether an output has a notation."""
        return hasattr(self, "notation") and output <= len(self.further_notations)


class Primitive(Operation):
    """An operation defined by arrays: ``forward`` is its meaning, ``chain_rule`` its gradient.

    Example:
        >>> class Cube(Primitive):
        ...     def shape(self, x):
        ...         return x
        ...
        ...     def forward(self, xp, x):
        ...         return x * x * x
        ...
        ...     def chain_rule(self, gradients, outputs, inputs):
        ...         (g,), (x,) = gradients, inputs
        ...         return (g * 3 * x * x,)
        >>> from glassgrad import grad
        >>> grad(Cube())(2.0).item()
        12.0
    """

    # Any keyword: a subclass names its own arrays.
    def forward(self, *arrays: Any, **named: Any) -> Any:
        """Compute the operation; numerically stable and free of warnings on its whole domain."""
        raise NotImplementedError(f"{self.name} must write forward(xp, *arrays).")

    def evaluate(self, xp: ModuleType, *arrays: Array) -> tuple[Array, ...]:
        """Compute the outputs as a tuple."""
        result = self.forward(xp, *arrays)
        return result if isinstance(result, tuple) else (result,)


class Composite(Operation):
    """An operation defined by simpler ones.

    Forward, chain rule to any order, kernels, and explanation follow from ``definition``.
    A composite may still state its ``chain_rule`` where a person would, as softmax does.

    Example:
        >>> class Swish(Composite):
        ...     def definition(self, x):
        ...         return x * x.sigmoid()
        >>> from glassgrad import grad
        >>> grad(Swish())(0.0).item()
        0.5
    """

    # Any keyword: a subclass names its own tensors.
    def definition(self, *inputs: Any, **named: Any) -> Any:
        """Build the graph of simpler operations."""
        raise NotImplementedError(f"{self.name} must write definition(*inputs).")

    def graph(self, *inputs: TensorSpec) -> Graph:
        """The definition on placeholders of the given shapes, traced once for each."""
        return _definition_graph(self, inputs, default_float())

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """Shapes follow from the definition."""
        return tuple(output.spec for output in self.graph(*inputs).outputs)

    def evaluate(self, xp: ModuleType, *arrays: Array) -> tuple[Array, ...]:
        """Evaluate the definition node by node."""
        graph = self.graph(*(TensorSpec(tuple(a.shape), np.dtype(str(a.dtype))) for a in arrays))
        return graph.evaluate(xp, arrays)


@lru_cache(maxsize=4096)
def _definition_graph(
    operation: Composite, specs: tuple[TensorSpec, ...], _float: np.dtype[Any]
) -> Graph:
    """Trace a definition; numbers in it take the default float, which is part of the key."""
    # Tracing makes nodes, which hold operations.
    from glassgrad.graph.graph import trace_graph
    from glassgrad.graph.tensor import Read

    graph = trace_graph(operation.definition, specs)
    for node in graph.nodes:
        if isinstance(node.operation, Read):
            raise GraphError(
                f"A definition is made of its inputs alone: {operation.name} also reads variable "
                f"{node.operation.variable.name!r}. Pass it as an input, or it has no gradient."
            )
    return graph


def _written_as_call(name: str, operands: Sequence[Formula]) -> Formula:
    plain = ", ".join(operand.plain for operand in operands)
    latex = ", ".join(operand.latex for operand in operands)
    escaped = name.replace("_", r"\_")
    return Formula(f"{name}({plain})", rf"\operatorname{{{escaped}}}({latex})", Binding.ATOM)


def as_specs(result: TensorSpec | tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    """One output or several, as a tuple."""
    return (result,) if isinstance(result, TensorSpec) else result
