"""Gradients against differences: directional derivatives, measured in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, constant, placeholder, verify

Array = np.ndarray[Any, Any]

STEP = 4e-3  # leaves 1e-13 for rounding and the 6th power of itself for truncation
RELATIVE = 1e-6
ABSOLUTE = 1e-9  # for derivatives that are zero


def run(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], arrays: Sequence[Array]
) -> list[Array]:
    """Evaluate a graph by the reference, after verifying it."""
    verify(outputs)
    return list(ReferenceExecutor().compile(outputs, inputs)(*arrays))


def placeholders(arrays: Sequence[Array]) -> list[Tensor]:
    return [placeholder(array.shape, array.dtype, f"x{n}") for n, array in enumerate(arrays)]


def projection(outputs: Sequence[Tensor], rng: np.random.Generator) -> Tensor:
    """A scalar that every element of every float output enters with a weight of its own."""
    parts = [
        (output * constant(rng.uniform(0.5, 1.5, output.shape), output.dtype)).sum()
        for output in outputs
        if output.dtype.kind == "f"
    ]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def directions(arrays: Sequence[Array], rng: np.random.Generator) -> list[Array | None]:
    return [rng.uniform(-1, 1, a.shape) if a.dtype.kind == "f" else None for a in arrays]


def difference(
    function: Callable[[list[Array]], float], at: Sequence[Array], along: Sequence[Array | None]
) -> float:
    """The derivative along a direction: central differences, extrapolated twice."""

    def central(step: float) -> float:
        ahead, behind = (
            function([a if v is None else a + s * v for a, v in zip(at, along, strict=True)])
            for s in (step, -step)
        )
        return (ahead - behind) / (2 * step)

    coarse, middle, fine = (central(STEP / 2**level) for level in range(3))
    first, second = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
    return (16 * second - first) / 15


def check_gradients(
    build: Callable[..., Sequence[Tensor]],
    arrays: Sequence[Array],
    *,
    order: int = 1,
    seed: int = 0,
) -> None:
    """Compare derivatives up to ``order`` along random directions with differences.

    The derivative along a direction is itself a graph, whose derivative is the next order's.
    """
    rng = np.random.default_rng(seed)
    inputs = placeholders(arrays)
    value = projection(build(*inputs), rng)
    for number in range(1, order + 1):
        along = directions(arrays, rng)
        slopes = gradients(value, inputs)
        for slope, tensor in zip(slopes, inputs, strict=True):
            assert slope is None or slope.spec == tensor.spec, (slope, tensor)
            assert slope is None or tensor.dtype.kind == "f"
        measured = difference(lambda at, v=value: run([v], inputs, at)[0].item(), arrays, along)
        steps = [
            (slope * constant(v, "float64")).sum()
            for slope, v in zip(slopes, along, strict=True)
            if slope is not None and v is not None
        ]
        if not steps:
            assert abs(measured) <= ABSOLUTE, f"order {number}: no gradient, measured {measured}"
            return
        value = sum(steps[1:], steps[0])
        derived = run([value], inputs, arrays)[0].item()
        bound = ABSOLUTE + RELATIVE * max(abs(measured), abs(derived))
        assert abs(derived - measured) <= bound, f"order {number}: {derived} against {measured}"
