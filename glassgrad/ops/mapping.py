"""One element-wise formula applied to lists of tensors: what an optimizer's update is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Composite, Graph, Tensor, TensorSpec, apply, rewrite
from glassgrad.graph.tensor import Leaf
from glassgrad.ops.elementwise import broadcast_shapes

__all__ = ["TOTAL", "ElementwiseMap"]


TOTAL = np.dtype("float64")
"""Of sums over all elements."""


@dataclass(frozen=True)
class ElementwiseMap(Composite):
    """Apply a graph of element-wise operations to the corresponding members of lists.

    The inputs are ``shared`` scalars, then the lists one after the other, each of ``length``
    tensors: all parameters, then all gradients, then all first moments and so on. The outputs
    are lists too, one for each output of the body; but of the last ``squares`` outputs nothing
    is kept besides one number each: the sum of the squares of all elements of all members, in
    float64.

    The body is a graph on scalars: one placeholder for each shared scalar and each list.
    """

    body: Graph
    length: int
    shared: int = 0
    squares: int = 0

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ArgumentError(f"The lists must not be empty. Got length {self.length}.")
        if not 0 <= self.squares <= len(self.body.outputs):
            raise ArgumentError(
                f"The body has {len(self.body.outputs)} outputs, so the squares of as many can be "
                f"summed. Got {self.squares}."
            )
        wrong = [
            node
            for node in self.body.nodes
            if not (isinstance(node.operation, Leaf) or node.operation.is_elementwise)
        ]
        if wrong or any(tensor.shape for tensor in self.body.inputs):
            named = wrong[0].operation.describe() if wrong else "an input that is no scalar"
            raise ArgumentError(
                f"The body must be element-wise operations on scalars. Got {named}."
            )

    @property
    def lists(self) -> int:
        """How many lists go in."""
        return len(self.body.inputs) - self.shared

    @property
    def mapped(self) -> tuple[Tensor, ...]:
        """The outputs of the body that become lists."""
        return self.body.outputs[: len(self.body.outputs) - self.squares]

    def split(self, tensors: Sequence[Any]) -> tuple[Sequence[Any], list[Sequence[Any]]]:
        """The shared scalars, and for each member the tensors of its lists."""
        lists = tensors[self.shared :]
        members = [lists[number :: self.length] for number in range(self.length)]
        return tensors[: self.shared], members

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """Each output has the shape of its member of the first list; sums are scalars."""
        expected = self.shared + self.lists * self.length
        if len(inputs) != expected:
            raise ArgumentError(
                f"{self.lists} lists of {self.length} tensors and {self.shared} "
                f"scalars make {expected} inputs. Got {len(inputs)}."
            )
        first = inputs[self.shared : self.shared + self.length]
        wanted = [tensor.dtype for tensor in self.body.inputs]
        shared, members = self.split(inputs)
        for member, spec in zip(members, first, strict=True):
            specs = (*shared, *member)
            fits = broadcast_shapes(*(one.shape for one in specs)) == spec.shape
            if not fits or [one.dtype for one in specs] != wanted:
                raise ShapeError(
                    f"The members of the lists must fit the first list's {spec} and the body's "
                    f"{', '.join(map(str, wanted))}. Got {', '.join(map(str, specs))}."
                )
        lists = [TensorSpec(spec.shape, output.dtype) for output in self.mapped for spec in first]
        return (*lists, *[TensorSpec((), TOTAL)] * self.squares)

    def definition(self, *inputs):
        shared, members = self.split(inputs)
        results = [self._replay((*shared, *member)) for member in members]
        lists = list(zip(*results, strict=True))
        kept = len(self.mapped)
        made = [output for outputs in lists[:kept] for output in outputs]
        return (*made, *(_sum_of_squares(outputs) for outputs in lists[kept:]))

    def _replay(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The body on tensors of any shape: every operation is applied anew."""
        known = {old.key: new for old, new in zip(self.body.inputs, tensors, strict=True)}
        return rewrite(
            self.body.outputs,
            lambda node, inputs: apply(node.operation, inputs) if inputs else None,
            known,
        )


def _sum_of_squares(tensors: Sequence[Tensor]) -> Tensor:
    first, *others = [tensor.cast(TOTAL).square().sum() for tensor in tensors]
    return sum(others, start=first)
