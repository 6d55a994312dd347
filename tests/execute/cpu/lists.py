"""Formulas over lists of tensors, such as optimizers make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.graph import Tensor, TensorSpec, Variable, constant, trace_graph
from glassgrad.ops.mapping import ElementwiseMap


def momentum(length: int, dtype: str = "float32") -> ElementwiseMap:
    """(rate; parameters, gradients, speeds) -> (parameters, speeds)."""

    def body(rate: Tensor, w: Tensor, g: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
        speed = 0.5 * m + g
        return w - rate * speed, speed

    scalar = TensorSpec((), np.dtype(dtype))
    graph = trace_graph(body, [scalar] * 4, ["rate", "parameter", "gradient", "speed"])
    return ElementwiseMap(graph, length=length, shared=1)


class Descent:
    """Parameters with their speeds, and what a step makes of them."""

    def __init__(self, *shapes: tuple[int, ...], dtype: str = "float32", seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.dtype = dtype
        self.parameters, self.speeds = (
            [
                Variable(rng.normal(size=shape), name=f"{name}{number}", dtype=dtype)
                for number, shape in enumerate(shapes)
            ]
            for name in ("w", "m")
        )

    @property
    def variables(self) -> list[Variable]:
        return [*self.parameters, *self.speeds]

    def results(self, gradients: Sequence[Any]) -> tuple[list[Tensor], list[Tensor]]:
        """New parameters and new speeds."""
        operation = momentum(len(self.parameters), self.dtype)
        rate = constant(0.1, self.dtype)
        results = list(operation(rate, *self.parameters, *gradients, *self.speeds))
        return results[: len(self.parameters)], results[len(self.parameters) :]

    def updates(self, gradients: Sequence[Any]) -> dict[Variable, Tensor]:
        """All of them as updates."""
        parameters, speeds = self.results(gradients)
        return dict(zip(self.variables, (*parameters, *speeds), strict=True))
