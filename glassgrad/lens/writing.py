"""Writing tensors as formulas: named where they have a name, cut where they grow too long."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np

from glassgrad.graph import (
    Binding,
    Composite,
    Constant,
    Formula,
    Leaf,
    Node,
    Operation,
    Tensor,
    walk,
)
from glassgrad.graph.tensor import Key
from glassgrad.lens.tidying import tidied
from glassgrad.ops.linear import MatMul
from glassgrad.ops.movement import Reshape, Slice, Transpose

__all__ = ["Writer", "is_range", "literal", "written"]

LONGEST = 100  # characters of a formula
LONGEST_NUMBER = 10  # characters of a constant in LaTeX; the plain form has all its digits
SHORT = 16  # what is shorter is written twice rather than named
LONG_COMPOSITE = 32  # a composite that is longer, inside a formula, is named


class Writer:
    """Writes formulas of those tensors that have a name.

    Args:
        names: of tensors, by key; gains what gets a name on the way.
        name: makes a new name, for what is used more than once or would be too long.

    What gets a name on the way is kept in ``parts``: tensor, name and formula, in the order in
    which they are computed.
    """

    def __init__(
        self, names: MutableMapping[Key, Formula], name: Callable[[Tensor], Formula]
    ) -> None:
        self.names = names
        self.parts: list[tuple[Tensor, Formula, Formula]] = []
        self._name = name
        self._written: dict[Key, Formula] = {}
        self._tidy: dict[Key, Tensor] = {}
        self._made: dict[object, Tensor] = {}

    def expression(self, tensor: Tensor) -> Formula:
        """How a tensor is computed, though it may have a name."""
        node = tensor.node
        if (cut := self._picked(node)) is not None:
            return _indexed(self.formula(cut.inputs[0]), _places(cut))
        operands = [self.formula(operand) for operand in node.inputs]
        repeated = _repeated(node.operation, tensor.index, len(operands))
        for n, operand in enumerate(node.inputs):
            if self._is_part(operand) and (
                (n in repeated and operands[n].binding < Binding.ATOM)
                or _is_long_composite(operand, operands[n])
            ):
                operands[n] = self._part(operand, operands[n])
        formula = written(node.operation, node, operands, tensor.index)
        while len(formula.plain) > LONGEST:
            parts = [n for n, one in enumerate(node.inputs) if self._is_part(one)]
            if not parts:
                break
            longest = max(parts, key=lambda n: len(operands[n].plain))
            operands[longest] = self._part(node.inputs[longest], operands[longest])
            formula = written(node.operation, node, operands, tensor.index)
        return formula

    def formula(self, tensor: Tensor) -> Formula:
        """The name of a tensor, or how it is computed."""
        if tensor.key in self.names:
            return self.names[tensor.key]
        if isinstance(tensor.node.operation, Leaf):
            return literal(tensor)
        if tensor.key not in self._written:
            self._written[tensor.key] = self.expression(tensor)
        return self._written[tensor.key]

    def tidy(self, tensor: Tensor) -> Tensor:
        """The same of simpler movements, and what is computed twice computed once."""
        if tensor.key in self.names or isinstance(tensor.node.operation, Leaf):
            return tensor
        if tensor.key not in self._tidy:
            inputs = tuple(self.tidy(operand) for operand in tensor.node.inputs)
            self._tidy[tensor.key] = self._made_once(tensor.node.operation, inputs, tensor)
        return self._tidy[tensor.key]

    def make(self, operation: Operation, *inputs: Tensor) -> Tensor:
        """The output of an operation on tensors, in its simplest form."""
        return self._made_once(operation, inputs)

    def sees_into(self, tensor: Tensor) -> bool:
        """Whether a tensor has no name, and is written as it is made."""
        return tensor.key not in self.names

    def _made_once(
        self, operation: Operation, inputs: tuple[Tensor, ...], like: Tensor | None = None
    ) -> Tensor:
        """An operation on tensors in its simplest form; the tensor it is like, if it can be."""
        simpler = tidied(operation, inputs, self)
        if simpler is not None:
            return simpler
        index = 0 if like is None else like.index
        key = (operation, index, *map(_identity, inputs))
        if key not in self._made:
            if like is not None and all(map(_is_same, inputs, like.node.inputs)):
                self._made[key] = like
            else:
                made = operation(*inputs)
                self._made[key] = made[index] if isinstance(made, tuple) else made
        return self._made[key]

    def name_shared(self, tensors: Sequence[Tensor]) -> None:
        """Give a name to what is used more than once in the formulas of some tensors."""
        nodes = walk(tensors, lambda tensor: tensor.key in self.names)
        uses = Counter(one.key for one in (*tensors, *(t for n in nodes for t in n.inputs)))
        # What is shared is named before it is written into what uses it.
        for tensor in (output for node in nodes for output in node.outputs):
            if uses[tensor.key] > 1 and self._is_part(tensor):
                formula = self.formula(tensor)
                if len(formula.plain) > SHORT:
                    self._part(tensor, formula)

    def _picked(self, node: Node) -> Node | None:
        """The cut, where a reshape does no more than drop the axes of which one place was cut."""
        if not isinstance(node.operation, Reshape) or not self._is_part(node.inputs[0]):
            return None
        cut = node.inputs[0].node
        if not isinstance(cut.operation, Slice):
            return None
        kept = [b - a for a, b in zip(cut.operation.starts, cut.operation.stops, strict=True)]
        is_whole = [n == length for n, length in zip(kept, cut.inputs[0].shape, strict=True)]
        rest = [n for n, whole in zip(kept, is_whole, strict=True) if n != 1 or whole]
        return cut if node.operation.target == tuple(rest) else None

    def _is_part(self, tensor: Tensor) -> bool:
        return tensor.key not in self.names and not isinstance(tensor.node.operation, Leaf)

    def _part(self, tensor: Tensor, formula: Formula) -> Formula:
        self.names[tensor.key] = self._name(tensor)
        self.parts.append((tensor, self.names[tensor.key], formula))
        return self.names[tensor.key]


def _is_same(one: Tensor, other: Tensor) -> bool:
    return one.key == other.key


def _identity(tensor: Tensor) -> object:
    """What is equal for the same number, though it stands in two constants."""
    operation = tensor.node.operation
    if isinstance(operation, Constant) and tensor.size == 1:
        return ("constant", tensor.spec, operation.value.tobytes())
    return tensor.key


def _is_long_composite(tensor: Tensor, formula: Formula) -> bool:
    is_composite = isinstance(tensor.node.operation, Composite)
    return is_composite and len(formula.plain) > LONG_COMPOSITE


def literal(tensor: Tensor) -> Formula:
    """A constant as a number, exactly, or as a range of numbers.

    Example:
        >>> from glassgrad.graph import constant
        >>> literal(constant(2.0)).plain, literal(constant(0.1, "float64")).plain
        ('2', '0.1')
        >>> literal(constant([0, 1, 2])).plain, literal(constant([0.5, 2.0])).plain
        ('arange(3)', 'array([0.5, 2. ], dtype=float32)')
    """
    operation = tensor.node.operation
    value = operation.value if isinstance(operation, Constant) else np.array(np.nan)
    if value.size != 1:
        return _array(value)
    number: Any = value.item()
    if isinstance(number, float) and number.is_integer() and abs(number) < 1e15:
        number = int(number)
    plain = repr(number)
    shown = f"{number:.6g}" if len(plain) > LONGEST_NUMBER else plain
    mantissa, _, exponent = shown.partition("e") if isinstance(number, float) else (shown, "", "")
    mantissa = mantissa.replace("inf", r"\infty")
    latex = rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa
    is_negative = plain.startswith("-")
    binding = Binding.PRODUCT if exponent else Binding.SIGN if is_negative else Binding.ATOM
    return Formula(plain, latex, binding)


def _array(value: np.ndarray[Any, Any]) -> Formula:
    if is_range(value):
        return Formula(f"arange({value.size})", rf"(0, \ldots, {value.size - 1})")
    with np.printoptions(threshold=sys.maxsize, floatmode="unique", linewidth=sys.maxsize):
        plain = " ".join(repr(value).split())
    lengths = r" \times ".join(map(str, value.shape))
    return Formula(plain, rf"\text{{constants of shape }} {lengths}")


def is_range(value: np.ndarray[Any, Any]) -> bool:
    """Whether an array is 0, 1, 2 and so on."""
    counted = np.arange(value.size, dtype=value.dtype) if value.dtype.kind in "iu" else None
    return value.ndim == 1 and counted is not None and np.array_equal(value, counted)


@singledispatch
def written(
    operation: Operation, node: Node, operands: Sequence[Formula], output: int = 0
) -> Formula:
    """An operation on written operands; where shapes are known some are written shorter."""
    return _safe(operation.formula(operands, output))


@written.register
def _slice(operation: Slice, node: Node, operands: Sequence[Formula], output: int = 0) -> Formula:
    return _indexed(operands[0], _ranges(node))


def _ranges(cut: Node) -> list[str]:
    """The index of a cut: a range for each axis."""
    operation, lengths = cut.operation, cut.inputs[0].shape
    starts, stops = getattr(operation, "starts", ()), getattr(operation, "stops", ())
    cuts = zip(starts, stops, lengths, strict=True)
    return [":" if (a, b) == (0, n) else f"{a}:{b}" for a, b, n in cuts]


def _places(cut: Node) -> list[str]:
    """The same with a number where there is one place: that axis goes."""
    numbers = zip(_ranges(cut), cut.specs[0].shape, strict=True)
    return [text.partition(":")[0] if n == 1 and text != ":" else text for text, n in numbers]


def _indexed(x: Formula, index: Sequence[str]) -> Formula:
    kept = [*index]
    while kept[-1] == ":" and len(kept) > 1:
        kept.pop()
    x, written = _enclosed(x), ", ".join(kept)
    return Formula(f"{x.plain}[{written}]", f"{{{x.latex}_{{[{written}]}}}}")


@written.register
def _transpose(
    operation: Transpose, node: Node, operands: Sequence[Formula], output: int = 0
) -> Formula:
    """Matrices that are transposed, all else being left in its place."""
    axes = tuple(range(len(operation.order)))
    if operation.order != (*axes[:-2], *axes[:-3:-1]):
        return _safe(operation.formula(operands, output))
    x = _enclosed(operands[0])
    return Formula(f"{x.plain}.mT", rf"{{{x.latex}^\top}}")


@written.register
def _matmul(operation: MatMul, node: Node, operands: Sequence[Formula], output: int = 0) -> Formula:
    flags = (operation.transpose_a, operation.transpose_b)
    kept = [_enclosed(one) if flag else one for one, flag in zip(operands, flags, strict=True)]
    return operation.formula(kept, output)


def _enclosed(formula: Formula) -> Formula:
    """What is sure to stand together: a name, a call, or something in parentheses."""
    if formula.binding == Binding.ATOM:
        return formula
    return Formula(f"({formula.plain})", rf"\left({formula.latex}\right)")


def _safe(formula: Formula) -> Formula:
    """In braces what has an index or a power: LaTeX allows no second one."""
    if formula.binding == Binding.ATOM and any(mark in formula.latex for mark in "_^"):
        return replace(formula, latex=f"{{{formula.latex}}}")
    return formula


def _repeated(operation: Operation, output: int, count: int) -> set[int]:
    """Which operands a notation names more than once."""
    marks = [Formula(f"<{n}>", "") for n in range(count)]
    text = operation.formula(marks, output).plain
    return {n for n in range(count) if text.count(f"<{n}>") > 1}
