"""One quantity by itself, as a function of the quantities that its formula names."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.gradients import differentiate
from glassgrad.graph import Formula, Leaf, Tensor, placeholder, substitute, walk
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.lens.arithmetic import simplified
from glassgrad.lens.opening import Opening
from glassgrad.lens.writing import literal, written

__all__ = ["Part", "operands_of", "part_of", "written_out"]


@dataclass(frozen=True, eq=False)
class Part:
    """A tensor computed from places, which stand for the named tensors of its formula.

    Args:
        tensor: the tensor of the whole graph.
        alone: the same computed from the places.
        operands: the named tensors of the whole graph that the formula ends at, and those that
            its node makes beside it (the places of maxima), which its rule reads.
        places: the placeholders in their stead, in the same order.
        result: a placeholder for the tensor itself, which rules read as well.
    """

    tensor: Tensor
    alone: Tensor
    operands: tuple[Tensor, ...]
    places: tuple[Tensor, ...]
    result: Tensor

    def back(self, incoming: Tensor) -> dict[Key, Tensor]:
        """The chain rule through this part alone: what each operand gets of a gradient."""
        found = differentiate([self.alone], [incoming], self.places)
        pairs = zip(self.operands, found, strict=True)
        reached = {tensor.key: gradient for tensor, gradient in pairs if gradient is not None}
        rules = Opening()(substitute(list(reached.values()), self._results()))
        return dict(zip(reached, simplified(rules), strict=True))

    def _results(self) -> dict[Key, Tensor]:
        """What stands in rules for the outputs of the tensor's own node."""
        if not self.alone.node.inputs:
            return {}
        places = {one.key: place for one, place in zip(self.operands, self.places, strict=True)}
        places[self.tensor.key] = self.result
        made = zip(self.tensor.node.outputs, self.alone.node.outputs, strict=False)
        return {new.key: places[old.key] for old, new in made if old.key in places}

    def formula(
        self,
        tensor: Tensor,
        named: Mapping[Key, Formula],
        more: Mapping[Key, Formula] | None = None,
    ) -> Formula:
        """Write something that is computed from the places by the names of the whole graph."""
        pairs = zip(self.operands, self.places, strict=True)
        known = {place.key: named[tensor.key] for tensor, place in pairs}
        own = {self.result.key: named[self.tensor.key]}
        return written_out(tensor, {**known, **own, **(more or {})})

    def evaluate(
        self,
        outputs: Sequence[Tensor],
        values: Mapping[Key, Array],
        changed: Mapping[Key, Array] | None = None,
    ) -> list[Array]:
        """Values of what is computed from the places.

        Args:
            outputs: the tensors.
            values: by key, those of the operands and of the tensor itself.
            changed: values that take the place of some of them.
        """
        now = {**values, **(changed or {})}
        program = ReferenceExecutor().compile(list(outputs), [*self.places, self.result])
        return list(program(*(now[one.key] for one in (*self.operands, self.tensor))))


def part_of(tensor: Tensor, named: Container[Key]) -> Part:
    """Cut a tensor off from the named ones below it.

    Args:
        tensor: where the formula stands.
        named: the keys of the tensors at which it ends.

    Example:
        >>> x = placeholder((2,), label="x")
        >>> y = x.exp()
        >>> part = part_of((y * 2.0).log() + x, {x.key, y.key})
        >>> names = {x.key: Formula("x", "x"), y.key: Formula("y", "y")}
        >>> names[part.tensor.key] = Formula("z", "z")
        >>> g = placeholder((2,))
        >>> slopes = part.back(g)
        >>> more = {g.key: Formula("g", "g")}
        >>> [part.formula(slope, names, more).plain for slope in slopes.values()]
        ['g / (y * 2) * 2', 'g']
    """
    beside = [t for t in tensor.node.outputs if t.key in named and t.index != tensor.index]
    operands = (*operands_of(tensor, named), *beside)
    places = {one.key: placeholder(one.shape, one.dtype) for one in operands}
    (alone,) = simplified(substitute([tensor], places))
    result = placeholder(tensor.shape, tensor.dtype)
    return Part(tensor, alone, operands, tuple(places.values()), result)


def operands_of(tensor: Tensor, named: Container[Key]) -> tuple[Tensor, ...]:
    """The named tensors at which the formula of a tensor ends, in order.

    Args:
        tensor: where the formula stands.
        named: their keys.
    """
    nodes = walk([tensor], lambda one: one.key in named and one.key != tensor.key)
    used = {t.key: t for node in nodes for t in node.inputs if t.key in named}
    return tuple(used.values())


def written_out(tensor: Tensor, names: Mapping[Key, Formula]) -> Formula:
    """One formula of those tensors that have a name, however long it becomes.

    Args:
        tensor: what is written.
        names: of tensors below it; numbers need none.
    """
    node = tensor.node
    if tensor.key in names:
        return names[tensor.key]
    if isinstance(node.operation, Leaf):
        return literal(tensor)
    operands = [written_out(operand, names) for operand in node.inputs]
    return written(node.operation, node, operands, tensor.index)
