"""A function held against one of PyTorch: what it gives, and its gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, ExecutionError, ShapeError, shown
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.graph import Read, Tensor, constant, float_type, walk
from glassgrad.graph.operation import Array
from glassgrad.lens.checking.hints import hint_of
from glassgrad.lens.checking.points import Point
from glassgrad.lens.checking.targets import Outcome
from glassgrad.lens.precision import in_float64

__all__ = ["Opinion", "opinions"]


@dataclass(frozen=True)
class Opinion:
    """One array, computed here and by PyTorch.

    Args:
        name: what it is: "the result", "dL/dx".
        absolute: the largest distance of two entries.
        relative: that distance by the largest entry.
        agrees: whether that is within the tolerance.
        worst: the entry, what is computed here and what PyTorch computes, in words.
        hint: what the difference says about the mistake, empty where it says nothing.
    """

    name: str
    absolute: float
    relative: float
    agrees: bool
    worst: str = ""
    hint: str = ""


def opinions(
    function: Callable[..., Any], outcome: Outcome, point: Point, tolerance: float
) -> tuple[Opinion, ...]:
    """Compare outputs and gradients with those of a function of PyTorch.

    Args:
        function: takes tensors of PyTorch, in the order of the arguments.
        outcome: what our function was given.
        point: where, with our gradients.
        tolerance: what relative error is allowed.

    Raises:
        ExecutionError: PyTorch is not installed, or the function fails.
        ArgumentError: the function gives no tensors of PyTorch.
        ShapeError: it gives other shapes.
    """
    torch = _torch()
    results = _results(outcome)
    names = point.graph.names
    gradients = dict(zip(names, point.gradients, strict=True))
    taken = [_tensor(torch, variable.numpy()) for variable in outcome.arguments.values()]
    try:
        given = function(*taken)
    except Exception as error:
        raise ExecutionError(f"The function of PyTorch failed: {error}") from error
    given = list(given) if isinstance(given, tuple | list) else [given]
    if not all(isinstance(tensor, torch.Tensor) for tensor in given):
        raise ArgumentError(
            f"torch must be a function that gives tensors of PyTorch. Got {shown(given)}."
        )
    if [tuple(tensor.shape) for tensor in given] != [array.shape for array in results]:
        raise ShapeError(
            "Both functions must give the same shapes. Here: "
            f"{[array.shape for array in results]}; PyTorch: {[tuple(t.shape) for t in given]}."
        )
    found = [
        _opinion(
            "the result" if len(given) == 1 else f"result {n}", ours, _array(theirs), tolerance
        )
        for n, (ours, theirs) in enumerate(zip(results, given, strict=True))
    ]
    weighed = [
        (theirs.double() * torch.tensor(weight)).sum()
        for theirs, weight in zip(given, outcome.weights, strict=True)
        if weight is not None and theirs.requires_grad
    ]
    if weighed:
        sum(weighed).backward()
    for name, tensor in zip(outcome.arguments, taken, strict=True):
        if name in gradients:
            theirs = np.zeros(tuple(tensor.shape)) if tensor.grad is None else _array(tensor.grad)
            found.append(_opinion(f"dL/d{name}", gradients[name], theirs, tolerance))
    return tuple(found)


def _results(outcome: Outcome) -> list[Array]:
    """What our function gives, in float64."""
    known = {
        node.outputs[0].key: _exactly(node.operation.variable.numpy())
        for node in walk(outcome.outputs)
        if isinstance(node.operation, Read)
    }
    with float_type("float64"):
        outputs = in_float64(outcome.outputs, known)
        return list(ReferenceExecutor().compile(outputs)())


def _exactly(array: Array) -> Tensor:
    return constant(array, "float64" if array.dtype.kind == "f" else array.dtype)


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise ExecutionError(
            "PyTorch is not installed, so there is nothing to compare with. Leave torch= out, or: "
            "pip install torch"
        ) from None
    return torch


def _tensor(torch: Any, array: Array) -> Any:
    if array.dtype.kind != "f":
        return torch.tensor(array.astype(np.int64) if array.dtype.kind in "iu" else array)
    return torch.tensor(array.astype(np.float64), requires_grad=True)


def _array(tensor: Any) -> Array:
    return np.asarray(tensor.detach().cpu().numpy(), np.float64)


def _opinion(name: str, ours: Array, theirs: Array, tolerance: float) -> Opinion:
    ours = np.asarray(ours, np.float64)
    if not ours.size:
        return Opinion(name, 0.0, 0.0, True)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(ours - theirs))
    apart = np.where(np.isnan(apart), np.inf, apart)
    absolute, size = (
        float(apart.max()),
        float(np.max(np.abs(theirs[np.isfinite(theirs)]), initial=0)),
    )
    relative = absolute / size if size > 0 else (np.inf if absolute else 0.0)
    if relative <= tolerance:
        return Opinion(name, absolute, relative, True)
    place = tuple(map(int, np.unravel_index(int(apart.argmax()), apart.shape)))
    index = f"[{', '.join(map(str, place))}]" if place else ""
    words = f"{name}{index}: {ours[place]:.6g} here, {theirs[place]:.6g} in PyTorch"
    wrong = apart > tolerance * size
    pairs = list(zip(ours[wrong].tolist(), theirs[wrong].tolist(), strict=True))
    return Opinion(name, absolute, relative, False, words, hint_of(pairs, None, ours))
