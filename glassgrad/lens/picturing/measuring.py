"""How large gradients are: on each line of a picture, and of all parameters of a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from glassgrad.gradients import Step
from glassgrad.graph import Tensor
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.lens.picturing.picture import Flow
from glassgrad.lens.picturing.sketching import Part, Shares

__all__ = ["Evaluate", "Values", "all_of", "flow", "gradients_of_parameters", "norm_of"]

Evaluate: TypeAlias = Callable[[Sequence[Tensor]], Sequence[Array]]


class Values:
    """Values of tensors, each computed once."""

    def __init__(self, evaluate: Evaluate) -> None:
        self._evaluate = evaluate
        self._known: dict[Key, Array] = {}

    def learn(self, tensors: Sequence[Tensor]) -> None:
        """Compute what will be asked for."""
        missing = list({t.key: t for t in tensors if t.key not in self._known}.values())
        arrays = self._evaluate(missing) if missing else []
        self._known.update(zip((t.key for t in missing), arrays, strict=True))

    def of(self, tensors: Sequence[Tensor]) -> list[Array]:
        """The values."""
        self.learn(tensors)
        return [self._known[tensor.key] for tensor in tensors]

    def sums(self, gradients: Mapping[Key, Sequence[Tensor]]) -> list[Array]:
        """For each tensor the sum of what was added to its gradient."""
        return [
            np.asarray(np.sum(self.of(several), axis=0, dtype=np.float64))
            for several in gradients.values()
            if several
        ]


def gradients_of_parameters(
    parameters: Sequence[Tensor], record: Sequence[Step]
) -> dict[Key, list[Tensor]]:
    """For each parameter all that is added to its gradient, by whatever reads it."""
    found: dict[Key, list[Tensor]] = {tensor.key: [] for tensor in parameters}
    for step in record:
        for tensor, gradient in zip(step.node.inputs, step.outgoing, strict=True):
            if gradient is not None and tensor.key in found:
                found[tensor.key].append(gradient)
    return found


def all_of(gradients: Mapping[Key, Sequence[Tensor]]) -> list[Tensor]:
    """Everything that is added to some gradient."""
    return [tensor for several in gradients.values() for tensor in several]


def norm_of(arrays: Sequence[Array]) -> float | None:
    """The Euclidean norm of all numbers together, ``None`` where there are none."""
    if not arrays:
        return None
    return float(np.sqrt(sum(float(np.linalg.norm(array)) ** 2 for array in arrays)))


def flow(source: Part, target: Part, shares: Shares, seen: Values) -> Flow:
    """The line from one part to another, with what it carries of the gradient."""
    found = seen.sums(shares.gradients)
    elements = sum(tensor.size for tensor in shares.tensors.values())
    alone = found[0].item() if len(found) == 1 and found[0].size == 1 else None
    return Flow(source.name, target.name, elements, norm_of(found), alone)
