"""A graph as text: one line for each node, in the order of evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from glassgrad.graph.graph import walk
from glassgrad.graph.notation import Formula
from glassgrad.graph.tensor import Constant, Key, Leaf, Node, Placeholder, Read, Tensor

__all__ = ["Names", "formula_of", "show"]


class Names:
    """Gives every tensor a short name that is unique within one text."""

    def __init__(self, given: dict[Key, Formula] | None = None) -> None:
        self._formulas: dict[Key, Formula] = dict(given or {})
        self._taken = {formula.plain for formula in self._formulas.values()}

    def __getitem__(self, tensor: Tensor) -> Formula:
        """The name of a tensor, made up at the first question."""
        if tensor.key not in self._formulas:
            self._formulas[tensor.key] = self._name(tensor)
        return self._formulas[tensor.key]

    def __contains__(self, key: Key) -> bool:
        return key in self._formulas

    def _name(self, tensor: Tensor) -> Formula:
        operation = tensor.node.operation
        if isinstance(operation, Constant) and operation.value.size == 1:
            text = f"{operation.value.item():g}"
            return Formula(text, text)
        if isinstance(operation, Placeholder):
            return self._unique(operation.label)
        if isinstance(operation, Read):
            return self._unique(operation.variable.name)
        return self._numbered()

    def _unique(self, wanted: str) -> Formula:
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}_{count}"
        self._taken.add(name)
        escaped = name.replace("_", r"\_")
        return Formula(name, rf"\mathrm{{{escaped}}}")

    def _numbered(self) -> Formula:
        number = 1
        while f"t{number}" in self._taken:
            number += 1
        self._taken.add(f"t{number}")
        return Formula(f"t{number}", f"t_{{{number}}}")


def formula_of(tensor: Tensor, names: Names) -> Formula:
    """Write a tensor as one formula of those tensors that have a name.

    Example:
        >>> from glassgrad import Tensor
        >>> x = Tensor([[1.0, 2.0]])
        >>> names = Names({x.key: Formula("x", "x")})
        >>> formula_of((x * x + 1).exp(), names).plain
        'exp(x * x + 1)'
    """
    node = tensor.node
    if tensor.key in names or isinstance(node.operation, Leaf):
        return names[tensor]
    operands = [formula_of(operand, names) for operand in node.inputs]
    return node.operation.formula(operands, tensor.index)


def show(outputs: Sequence[Tensor], names: Names | None = None) -> str:
    """Write a graph, one node a line: name, formula, shape and dtype, layer.

    Example:
        >>> from glassgrad import Tensor
        >>> x = Tensor([[1.0, 2.0]])
        >>> print(show([(x * x + 1).sum()]))
        t1 = constant                                float32[1, 2]
        t2 = t1 * t1                                 float32[1, 2]
        t3 = t2 + 1                                  float32[1, 2]
        t4 = sum(t3, axis=(0, 1))                    float32[]
        return t4
    """
    names = names or Names()
    lines = [_line(node, names) for node in walk(outputs) if not _is_inline(node)]
    returned = ", ".join(names[tensor].plain for tensor in outputs)
    return "\n".join([*lines, f"return {returned}"])


def _is_inline(node: Node) -> bool:
    return isinstance(node.operation, Constant) and node.operation.value.size == 1


def _line(node: Node, names: Names) -> str:
    if isinstance(node.operation, Leaf):
        right = node.operation.name.lower()
    else:
        right = node.operation.formula([names[tensor] for tensor in node.inputs]).plain
    left = ", ".join(names[tensor].plain for tensor in node.outputs)
    specs = ", ".join(map(str, node.specs))
    return f"{f'{left} = {right}':<44} {specs:<20} {node.scope}".rstrip()
