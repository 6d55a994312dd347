"""Who uses an operation: functions, methods of tensors, and layers, found in their code."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from glassgrad import layers, ops
from glassgrad.graph import Operation
from glassgrad.ops.catalogue import operations
from glassgrad.ops.methods import TensorMethods

__all__ = ["Uses", "uses"]

OPERATORS = {
    "__abs__": "abs(x)",
    "__add__": "a + b",
    "__and__": "a & b",
    "__ge__": "a >= b",
    "__getitem__": "x[…]",
    "__gt__": "a > b",
    "__invert__": "~x",
    "__le__": "a <= b",
    "__lt__": "a < b",
    "__matmul__": "a @ b",
    "__mul__": "a * b",
    "__neg__": "-x",
    "__or__": "a | b",
    "__pow__": "a ** b",
    "__sub__": "a - b",
    "__truediv__": "a / b",
    "__xor__": "a ^ b",
}
"""What a method of a tensor looks like where it has a sign of its own."""

Uses = dict[str, tuple[str, ...]]


@cache
def uses() -> dict[str, Uses]:
    """For each kind of user the operations that it names in its code, by their class names.

    What is looked up by name while the program runs, such as an activation, is not found.

    Example:
        >>> uses()["functions"]["Softmax"]
        ('ops.softmax',)
        >>> "Conv2D" in uses()["layers"]["Convolution"]
        True
    """
    functions = ((f"ops.{name}", [getattr(ops, name)]) for name in ops.__all__)
    methods = (
        (OPERATORS.get(name, f"x.{name}()"), [method])
        for name, method in vars(TensorMethods).items()
        if name in OPERATORS or not name.startswith("_")
    )
    kinds = {getattr(layers, name) for name in layers.__all__}  # some have several names
    of_layers = ((kind.__name__, list(_methods_of(kind))) for kind in kinds)
    return {
        "functions": _by_operation(functions),
        "methods": _by_operation(methods),
        "layers": _by_operation(of_layers),
    }


def _by_operation(users: Iterable[tuple[str, Sequence[Any]]]) -> Uses:
    found: dict[str, list[str]] = {}
    for user, code in users:
        for operation in {kind for one in code for kind in _operations_of(one)}:
            found.setdefault(operation.__name__, []).append(user)
    return {name: tuple(sorted(listed)) for name, listed in found.items()}


def _methods_of(kind: Any) -> Iterator[Any]:
    """What a layer and the layers that it derives from define, ``Layer`` itself left out."""
    if inspect.isclass(kind):
        for one in kind.__mro__:
            if one.__module__.startswith("glassgrad.layers") and one is not layers.Layer:
                yield from vars(one).values()


def _operations_of(user: Any) -> set[type[Operation]]:
    """The operations that code names: itself, or through one function of ``ops``."""
    seen: set[Any] = set()
    found: set[type[Operation]] = set()
    pending = [user]
    while pending:
        named = _bare(pending.pop())
        if isinstance(named, Operation):
            found.add(type(named))
        elif inspect.isclass(named) and issubclass(named, Operation):
            found.add(named)
        elif isinstance(named, FunctionType) and named not in seen:
            seen.add(named)
            pending += [one for one in _named_in(named) if _is_followed(named, one)]
    return {kind for kind in found if kind.__name__ in operations()}


def _is_followed(user: FunctionType, named: Any) -> bool:
    """Into one's own package, and from outside into ``ops``; within ``ops`` one's module alone."""
    bare = _bare(named)
    if inspect.isclass(bare):
        return issubclass(bare, Operation)
    home, target = user.__module__, getattr(bare, "__module__", "") or ""
    if home.startswith("glassgrad.ops.") and home != TensorMethods.__module__:
        return target == home and not isinstance(bare, Operation)
    return target.startswith(("glassgrad.ops.", home.rpartition(".")[0]))


def _bare(user: Any) -> Any:
    """Without decorators; an operation is callable too, and stays what it is."""
    return inspect.unwrap(user) if callable(user) else user


def _named_in(function: FunctionType) -> Iterator[Any]:
    """What the code of a function names: ``matmul``, and ``ops.matmul``."""
    known = function.__globals__
    pending = [function.__code__]
    while pending:
        code = pending.pop()
        pending += [one for one in code.co_consts if isinstance(one, CodeType)]
        before: Any = None
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_ATTR", "LOAD_METHOD") and isinstance(before, ModuleType):
                before = getattr(before, str(step.argval), None)
                yield before
            elif step.opname == "LOAD_GLOBAL":
                before = known.get(str(step.argval))
                yield before
            else:
                before = None
