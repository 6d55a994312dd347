"""Symbolic tensors: a recipe that records calls of layers and operations.

The shapes of a graph are numbers; those of a recipe may be open. A recorded call is therefore
tried on two samples, tensors of different sizes: a length that differs between them is open.
Running the calls again on tensors of given sizes makes a graph.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NoReturn, TypeAlias, TypeVar

import numpy as np

from glassgrad.errors import ArgumentError, GlassgradError, GraphError
from glassgrad.graph.sources import Line, line_of_caller, standing_at
from glassgrad.graph.tensor import Tensor, Variable, as_tensor, placeholder
from glassgrad.graph.trace import RandomState, Trace, tracing
from glassgrad.graph.trees import flatten, map_tree, rebuild

__all__ = [
    "Call",
    "OpenShape",
    "SymbolicTensor",
    "attach_symbolic_methods",
    "has_symbols",
    "name_of_recordable",
    "record",
    "recordable",
    "recordable_named",
    "source",
]

OpenShape: TypeAlias = "tuple[int | None, ...]"
AnyFunction = TypeVar("AnyFunction", bound="Callable[..., Any]")

# The lengths of the two samples: of the batch, and of other axes, which filters and windows
# make shorter.
BATCHES, LENGTHS = (2, 3), (32, 64)

_numbers = count()


class SymbolicTensor:
    """A tensor that will be: shape, dtype, and the call that makes it.

    ``Input`` makes the first ones; layers, operations and operators applied to them make more.
    ``Model(inputs, outputs)`` runs from the ones to the others.

    Args:
        samples: what stands for it when a call is tried.
        call: the call that makes it.
        place: which of the call's results it is.
        name: what it is called.
    """

    def __init__(self, samples: tuple[Tensor, Tensor], call: Call, place: int, name: str) -> None:
        small, large = samples
        self.samples = samples
        self.call = call
        self.place = place
        self.name = name
        self.shape: OpenShape = tuple(
            a if a == b else None for a, b in zip(small.shape, large.shape, strict=True)
        )
        self.dtype: np.dtype[Any] = small.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    def _refuse(self, *arguments: Any, **options: Any) -> NoReturn:
        raise GraphError(
            f"The symbolic tensor {self.name!r} has no numbers: they come when the model runs. "
            "Write what is done to it with layers, operators and functions of glassgrad.ops, or "
            "in a layer of its own."
        )

    numpy = item = __array__ = __bool__ = __float__ = __int__ = _refuse

    def __len__(self) -> int:
        return self._refuse()

    def __iter__(self) -> Iterator[Any]:
        return self._refuse()

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        shape = ", ".join(map(str, self.shape))
        return f"<SymbolicTensor {self.name!r} {self.dtype}[{shape}]>"


@dataclass(eq=False)
class Call:
    """A function applied to arguments, some of them symbolic, to be run again.

    Args:
        function: a layer, or a function that was declared recordable.
        arguments: by position; symbolic tensors may stand in lists and dictionaries.
        options: by name.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    outputs: Any = field(default=None, init=False)  # a tree of symbolic tensors
    number: int = field(default_factory=lambda: next(_numbers), init=False)
    line: Line | None = field(default_factory=line_of_caller, init=False)  # that called it

    @property
    def name(self) -> str:
        """The name of the layer or function."""
        name = getattr(self.function, "name", None) or self.function.__name__.strip("_")
        return str(name)

    @functools.cached_property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic tensors among the arguments, in order."""
        leaves, _ = flatten((self.arguments, dict(self.options)))
        return [leaf for leaf in leaves if isinstance(leaf, SymbolicTensor)]

    def run(self, value_of: Callable[[SymbolicTensor], Any]) -> Any:
        """Call the function with values in the place of symbolic tensors."""

        def valued(leaf: Any) -> Any:
            return value_of(leaf) if isinstance(leaf, SymbolicTensor) else leaf

        arguments, options = map_tree(valued, (self.arguments, dict(self.options)))
        with standing_at(getattr(self.function, "line_of_code", None) or self.line):
            return self.function(*arguments, **options)

    def __repr__(self) -> str:
        return f"<Call of {self.name} on {', '.join(one.name for one in self.inputs)}>"


def source(shape: Sequence[int | None], dtype: Any, layer: Callable[..., Any]) -> SymbolicTensor:
    """A symbolic tensor that is made of no others: its call has no inputs.

    Args:
        shape: with the batch in front; ``None`` for open lengths.
        dtype: of the elements.
        layer: what stands for it in a model, and has its name.
    """
    call = Call(layer, (), {})
    small, large = (placeholder(filled(shape, sample), dtype, call.name) for sample in (0, 1))
    symbol = SymbolicTensor((small, large), call, 0, call.name)
    call.outputs = symbol
    return symbol


def filled(shape: Sequence[int | None], sample: int) -> tuple[int, ...]:
    """A shape whose open lengths are those of one of the two samples."""
    return tuple(
        length if length is not None else (LENGTHS if axis else BATCHES)[sample]
        for axis, length in enumerate(shape)
    )


def record(
    function: Callable[..., Any], arguments: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Note a call, and give its results as symbolic tensors.

    Args:
        function: what is called.
        arguments: by position, with symbolic tensors among them.
        options: by name.

    Raises:
        GlassgradError: the function refuses such arguments.
    """
    call = Call(function, tuple(arguments), dict(options))
    results = [_tried(call, sample) for sample in (0, 1)]
    (small, structure), (large, _) = (flatten(result) for result in results)
    if len(small) != len(large):
        raise ArgumentError(
            f"{call.name} gives one result for each example, and their number is open. Work along "
            "another axis, or on tensors of a known length."
        )
    pairs = zip(map(as_tensor, small), map(as_tensor, large), strict=True)
    names = (call.name if len(small) == 1 else f"{call.name}[{place}]" for place in count())
    symbols = [
        SymbolicTensor(pair, call, place, name)
        for place, (pair, name) in enumerate(zip(pairs, names, strict=False))
    ]
    call.outputs = rebuild(structure, symbols)
    return call.outputs


def _tried(call: Call, sample: int) -> Any:
    """The result for one of the samples; nothing is drawn or learnt by it."""
    key = [Variable(np.uint32(0), trainable=False, dtype="uint32") for _ in range(2)]
    try:
        with tracing(Trace(random=RandomState(*key))):
            return call.run(lambda symbol: symbol.samples[sample])
    except GlassgradError as error:
        given = ", ".join(map(str, call.inputs))
        error.add_note(
            f"In the call of {call.name!r} on {given}, tried on a batch of "
            f"{BATCHES[sample]} examples."
        )
        raise


def has_symbols(*values: Any) -> bool:
    """Whether a symbolic tensor is among values, or in lists and dictionaries among them."""
    return any(map(_holds_symbols, values))


def _holds_symbols(value: Any) -> bool:
    if isinstance(value, SymbolicTensor):
        return True
    if isinstance(value, dict):
        return any(map(_holds_symbols, value.values()))
    # Long lists of numbers hold no symbols, and need not be walked.
    return isinstance(value, list | tuple) and any(
        _holds_symbols(entry) for entry in value if not isinstance(entry, int | float)
    )


_recordable: dict[str, Callable[..., Any]] = {}
_names: dict[Callable[..., Any], str] = {}


def recordable(function: AnyFunction, name: str | None = None) -> AnyFunction:
    """Let a function of tensors also take symbolic ones, and be found by its name in files.

    Args:
        function: makes tensors of tensors, and does nothing else.
        name: under which a model file names it; its own by default.

    Example:
        >>> @recordable
        ... def twice(x):
        ...     return x + x
        >>> from glassgrad.layers import Input
        >>> twice(Input((3,)))
        <SymbolicTensor 'twice' float32[None, 3]>
    """

    @functools.wraps(function)
    def recorded(*arguments: Any, **options: Any) -> Any:
        if has_symbols(*arguments) or (options and has_symbols(*options.values())):
            return record(recorded, arguments, options)
        return function(*arguments, **options)

    chosen = name or function.__name__
    _recordable[chosen] = recorded
    _names[recorded] = chosen
    return recorded  # type: ignore[return-value]


def name_of_recordable(function: Callable[..., Any]) -> str | None:
    """The name of a function in files, ``None`` if it was not declared."""
    return _names.get(function)


def recordable_named(name: str) -> Callable[..., Any] | None:
    """The function of a name, ``None`` if there is none."""
    return _recordable.get(name)


def attach_symbolic_methods(methods: type) -> None:
    """Give symbolic tensors the methods and operators of tensors, recorded; called once.

    Args:
        methods: the class that lists them.
    """
    for name, method in vars(methods).items():
        if name in ("__iter__", "__module__", "__doc__"):
            continue
        if isinstance(method, property) and method.fget is not None:
            getter = recordable(method.fget, f"tensor.{name}")
            setattr(SymbolicTensor, name, property(getter))
        elif callable(method):
            setattr(SymbolicTensor, name, recordable(method, f"tensor.{name}"))
    # NumPy arrays on the left of an operator leave the work to the tensor.
    setattr(SymbolicTensor, "__array_ufunc__", None)  # noqa: B010 -- unknown to mypy
