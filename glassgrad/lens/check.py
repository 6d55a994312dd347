"""Gradients checked: the chain rule held against what the loss does when its inputs move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, GradientError
from glassgrad.graph import Operation, Tensor
from glassgrad.layers import Layer
from glassgrad.lens.checking.comparing import (
    Comparison,
    Comparisons,
    Effort,
    Points,
    Verdict,
    compared,
)
from glassgrad.lens.checking.culprits import culprits
from glassgrad.lens.checking.directions import places_of
from glassgrad.lens.checking.hints import hint_of, region_of
from glassgrad.lens.checking.localizing import entries_around, worst_entry
from glassgrad.lens.checking.results import GradientCheck, ParameterCheck, WorstEntry
from glassgrad.lens.checking.targets import target_of
from glassgrad.lens.checking.torch_opinion import Opinion, opinions
from glassgrad.random_seed import check_seed

if TYPE_CHECKING:
    from glassgrad.models import Model

__all__ = ["GradientCheck", "check_gradients"]


@checked
def check_gradients(
    target: Model | Layer | Operation | Tensor | Callable[..., Any],
    x: Any = None,
    y: Any = None,
    *more: Any,
    sample_weight: Any = None,
    parameters: str | Sequence[str] | None = None,
    directions: int = 64,
    entries: int = 256,
    seed: int = 0,
    tolerance: float = 1e-6,
    training: bool = False,
    order: int = 1,
    torch: Callable[..., Any] | None = None,
) -> GradientCheck:
    """Hold the gradients of the chain rule against central differences, all in float64.

    Formula: dL/dw d ~ (4 c(h/2) - c(h)) / 3 with c(h) = (L(w + h d) - L(w - h d)) / (2 h), for
    directions d that move one entry, or one slice of a large array.

    Steps are made smaller until no operation decides otherwise within one (a unit of ReLU that
    wakes up, another maximum). What stands at a kink itself has no derivative; it is left out,
    said so, and the rule is tried at a point beside it instead. What ``detach()`` holds is held.

    Args:
        target: a compiled model; a loss, which is a scalar tensor; or an operation, a layer or
            any function of tensors, whose float outputs are weighted and summed.
        x: for a model the inputs of a batch, for a function its first argument.
        y: for a model the targets, for a function its second argument.
        more: the further arguments of a function.
        sample_weight: for a model, how much each example counts.
        parameters: by which of them, by name ("hidden/kernel"; "x" for the inputs of a model);
            by default all trainable ones and all float arguments.
        directions: into how many slices each axis of a large array is cut.
        entries: arrays of up to so many elements are measured entry by entry; of larger ones, an
            eighth of so many entries besides the slices.
        seed: decides directions, dropout masks and the first weights of a layer.
        tolerance: the relative error that is allowed.
        training: whether layers behave as in training (dropout, batch statistics).
        order: 1 for gradients; 2 checks the gradient of the gradient along a fixed direction.
        torch: for a function of tensors, the function of PyTorch that should do the same; results
            and gradients are compared.

    Returns:
        A ``GradientCheck``: print it, look at ``passed``, or ``raise_if_failed()``.

    Raises:
        ArgumentError: the target is none of these, or an argument does not fit it.
        GradientError: the loss is not finite, or there is nothing to differentiate by.
        UnknownNameError: there is no such parameter.
        ExecutionError: PyTorch is to be asked and is not installed.
        NotBuiltError, DataError, DtypeError, ShapeError: the data do not fit the target.

    Example:
        >>> from glassgrad import ops
        >>> check_gradients(ops.tanh, [[0.5, -1.0], [2.0, 0.1]]).passed
        True
        >>> from glassgrad.graph import Primitive
        >>> class Cube(Primitive):
        ...     def shape(self, x):
        ...         return x
        ...
        ...     def forward(self, xp, x):
        ...         return x * x * x
        ...
        ...     def chain_rule(self, gradients, outputs, inputs):
        ...         (g,), (x,) = gradients, inputs
        ...         return (g * 2 * x * x,)  # wrong
        >>> result = check_gradients(Cube(), [1.0])
        >>> result.passed, round(result.failed[0].worst.ratio, 6)
        (False, 0.666667)

    Source: Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", 1982; Griewank and Walther,
    "Evaluating derivatives", 2008.
    """
    _require(directions=directions, entries=entries, order=order, tolerance=tolerance)
    seed = check_seed(seed) or 0
    data = _given(x, y, more)
    found = target_of(target, data, sample_weight, training, seed)
    if torch is not None and found.outcome is None:
        raise ArgumentError("torch= goes with an operation, a layer or a function of tensors.")
    names = [parameters] if isinstance(parameters, str) else parameters
    point = found.point(names, order, seed)
    if not np.isfinite(point.loss):
        raise GradientError(
            f"Gradients are checked where the loss is finite. Here it is {point.loss}; give "
            "other numbers."
        )
    effort = Effort(tolerance, entries, directions)
    points = Points(point, seed)
    batch = found.examples
    results = [_checked(points, number, effort, batch) for number in range(len(point.graph.names))]
    results += [
        ParameterCheck(name, shape, 0, 0, 0.0, 0.0, Verdict.AGREES.value)
        for name, shape in found.unreached.items()
        if names is None or name in names
    ]
    theirs: tuple[Opinion, ...] = ()
    if torch is not None and found.outcome is not None:
        theirs = opinions(torch, found.outcome, point, tolerance)
    is_wrong = any(one.verdict == Verdict.WRONG.value for one in results)
    return GradientCheck(
        found.title,
        point.loss,
        order,
        tolerance,
        tuple(results),
        theirs,
        tuple(culprits(point, tolerance, seed)) if is_wrong else (),
    )


def _require(*, directions: int, entries: int, order: int, tolerance: float) -> None:
    for name, number in {"directions": directions, "entries": entries, "order": order}.items():
        if number < 1:
            raise ArgumentError(f"{name} must be at least 1. Got {number}.")
    if not 0 < tolerance < 1:
        raise ArgumentError(f"tolerance must be a number within (0, 1). Got {tolerance}.")


def _given(x: Any, y: Any, more: tuple[Any, ...]) -> list[Any]:
    """The arguments without those that were left out at the end."""
    data = [x, y, *more]
    while data and data[-1] is None:
        data.pop()
    return data


def _checked(points: Points, number: int, effort: Effort, batch: int | None) -> ParameterCheck:
    found = list(compared(points, number, effort))
    name, shape = points.base.graph.names[number], points.base.at(number).shape
    single = [one for one in found if len(one.numbers) == 1]
    verdicts = Counter(one.verdict for one in found)
    told = [one for one in found if one.verdict in (Verdict.AGREES, Verdict.WRONG)]
    kinks = Counter(
        kink for one in found if one.verdict is Verdict.KINK for kink in one.kinks or ("",)
    )
    result = ParameterCheck(
        name,
        shape,
        entries=len(single),
        directions=len(found) - len(single),
        relative=max((one.relative for one in told), default=0.0),
        absolute=max((one.absolute for one in told if len(one.numbers) == 1), default=0.0),
        verdict=_overall(verdicts).value,
        kinks=tuple(kinks.items()),
        unmeasured=verdicts[Verdict.UNMEASURED],
    )
    if not verdicts[Verdict.WRONG]:
        return result
    comparisons = Comparisons(points, number, effort.tolerance)
    return _localized(result, comparisons, found, batch)


def _overall(verdicts: Counter[Verdict]) -> Verdict:
    if verdicts[Verdict.WRONG]:
        return Verdict.WRONG
    is_told = verdicts[Verdict.AGREES] or verdicts[Verdict.KINK] or not verdicts
    return Verdict.AGREES if is_told and not verdicts[Verdict.UNMEASURED] else Verdict.UNMEASURED


def _localized(
    result: ParameterCheck,
    comparisons: Comparisons,
    found: list[Comparison],
    batch: int | None,
) -> ParameterCheck:
    """Name the worst entry, how far the mistake reaches, and what it may be."""
    worst = worst_entry(comparisons, found)
    if len(worst.numbers) > 1:
        name = f"{result.name} along {len(worst.numbers)} entries together"
        return replace(result, worst=WorstEntry(name, worst.derived, worst.measured))
    single = [one for one in found if len(one.numbers) == 1]
    if result.directions:
        single += [worst, *entries_around(comparisons, int(worst.numbers[0]))]
    numbers = np.array([one.numbers[0] for one in single])
    places = places_of(numbers, result.shape)
    wrong = [one.verdict is Verdict.WRONG for one in single]
    (place,) = places_of(worst.numbers, result.shape)
    index = f"[{', '.join(map(str, place))}]" if place else ""
    pairs = [(one.derived, one.measured) for one, bad in zip(single, wrong, strict=True) if bad]
    return replace(
        result,
        absolute=worst.absolute,
        worst=WorstEntry(f"{result.name}{index}", worst.derived, worst.measured),
        region=region_of(dict(zip(places, wrong, strict=True)), place),
        hint=hint_of(pairs, batch, comparisons.gradient),
    )
