"""What an output looks at: its gradient with respect to the input, in four forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from glassgrad.arguments import checked
from glassgrad.errors import (
    ArgumentError,
    DataError,
    GlassgradError,
    GradientError,
    ShapeError,
    UnknownNameError,
    shown,
)
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor
from glassgrad.graph.operation import Array
from glassgrad.graph.trees import flatten, leaves_of, map_tree, rebuild
from glassgrad.layers.layer import require_count
from glassgrad.lens.attribution.scores import Score, score_of
from glassgrad.lens.derivatives import step_of
from glassgrad.models import Model
from glassgrad.ops.creation import zeros_like
from glassgrad.training.data import Batch, as_data

__all__ = ["METHODS", "saliency"]

#: Gives for inputs the gradients of the scores of all examples.
Looking: TypeAlias = Callable[[Sequence[Array]], list[Array]]

METHODS = ("gradient", "gradient_times_input", "integrated", "smooth")


@checked
def saliency(
    model: Model,
    x: Any,
    output: Any = None,
    *,
    method: str = "gradient",
    logits: bool = False,
    baseline: Any = 0.0,
    steps: int = 50,
    samples: int = 25,
    noise: float = 0.15,
    seed: int = 0,
) -> Any:
    """How much each number of the input matters to an output, for each example by itself.

    Formulas, for the score S of an example x:

    - "gradient": dS/dx.
    - "gradient_times_input": x dS/dx.
    - "integrated": (x - x0) times the mean of dS/dx on the straight way from the baseline x0 to x;
      the sum over all numbers is S(x) - S(x0), but for the error of the sum over ``steps`` places.
    - "smooth": the mean of dS/dx over ``samples`` inputs x + e, e normal with the standard
      deviation ``noise`` (max x - min x).

    Args:
        model: built; it need not be compiled.
        x: inputs, (examples, …), as ``predict`` takes them; integers are taken as floats.
        output: whose score. ``None``: of the class with the largest prediction. A number: of the
            unit at that place, or a tuple of numbers for outputs with several axes; axes that are
            left out are summed over. An array of integers, one for each example: of these
            classes. A name and a place, ("hidden", 3): of a unit of that layer. A function: it
            gets the model's output as tensors and gives a tensor, (examples, …).
        method: one of the four.
        logits: whether to look at what goes into the softmax or sigmoid at the end of the model,
            which does not vanish where the model is sure.
        baseline: for "integrated" the input that says nothing: a number, or an array that has the
            shape of x or of one example.
        steps: for "integrated", how many places on the way; their middles are taken.
        samples: for "smooth", how many inputs.
        noise: for "smooth", the spread in units of the range of each example.
        seed: for "smooth", of the noise.

    Returns:
        An array of the shape of x; for several inputs in their structure.

    Raises:
        UnknownNameError: there is no such method or layer.
        ArgumentError: there is no such output, or a number is out of its range.
        GradientError: the output does not depend on the input, or only through integers.
        DataError, ShapeError: the data do not fit the model.

    Example:
        >>> from glassgrad.layers import Dense, Input
        >>> x = Input((2,))
        >>> model = Model(x, Dense(2, use_bias=False, name="out")(x))
        >>> model.set_weights([[[1.0, 2.0], [3.0, 4.0]]])
        >>> model.saliency([[1.0, 1.0]], 0).tolist()
        [[1.0, 3.0]]
        >>> model.saliency([[2.0, 1.0]], method="integrated").tolist()
        [[4.0, 4.0]]

    Source: Simonyan, Vedaldi, Zisserman, "Deep inside convolutional networks", 2013;
    Sundararajan, Taly, Yan, "Axiomatic attribution for deep networks", 2017; Smilkov, Thorat, Kim,
    Viegas, Wattenberg, "SmoothGrad: removing noise by adding noise", 2017.
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    require_count("steps", steps)
    require_count("samples", samples)
    if not 0 <= noise < np.inf:
        raise ArgumentError(f"noise must be a number from 0. Got {noise!r}.")
    if not 0 <= seed < 2**63:
        raise ArgumentError(f"seed must be a whole number from 0. Got {seed!r}.")
    data = as_data(x, dtype=model.dtype)
    arrays, structure = flatten(map_tree(lambda one: one.astype(model.dtype), data.x))
    look = _looking(model, data.x, output, logits=logits)
    if method == "integrated":
        found = _integrated(look, arrays, _baselines(baseline, arrays), steps)
    elif method == "smooth":
        found = _smooth(look, arrays, samples, noise, np.random.default_rng(seed))
    else:
        found = look(arrays)
        if method == "gradient_times_input":
            found = [slope * array for slope, array in zip(found, arrays, strict=True)]
    return rebuild(structure, found)


# ---- the methods


def _integrated(
    look: Looking, arrays: Sequence[Array], baselines: Sequence[Array], steps: int
) -> list[Array]:
    ways = [array - start for array, start in zip(arrays, baselines, strict=True)]
    totals = [np.zeros(array.shape) for array in arrays]  # sums of many in float64
    for step in range(steps):
        part = (step + 0.5) / steps
        between = [s + np.asarray(part, w.dtype) * w for s, w in zip(baselines, ways, strict=True)]
        for total, slope in zip(totals, look(between), strict=True):
            total += slope / steps
    pairs = zip(ways, totals, strict=True)
    return [(way * total).astype(way.dtype) for way, total in pairs]


def _smooth(
    look: Looking,
    arrays: Sequence[Array],
    samples: int,
    noise: float,
    random: np.random.Generator,
) -> list[Array]:
    spreads = [
        noise * np.ptp(array, tuple(range(1, array.ndim)), keepdims=True)
        if array.ndim > 1
        else np.zeros_like(array)
        for array in arrays
    ]
    totals = [np.zeros(array.shape) for array in arrays]  # sums of many in float64
    for _ in range(samples):
        disturbed = [
            array + (spread * random.standard_normal(array.shape)).astype(array.dtype)
            for array, spread in zip(arrays, spreads, strict=True)
        ]
        for total, slope in zip(totals, look(disturbed), strict=True):
            total += slope / samples
    return [t.astype(a.dtype) for t, a in zip(totals, arrays, strict=True)]


def _baselines(given: Any, arrays: Sequence[Array]) -> list[Array]:
    """The baseline for each input, of its shape."""
    values = leaves_of(given) if isinstance(given, list | tuple | dict) else [given]
    if len(arrays) == 1 or len(values) != len(arrays):
        values = [given] * len(arrays)
    found = []
    for value, array in zip(values, arrays, strict=True):
        try:
            start = np.asarray(value, array.dtype)
            if not np.isfinite(start).all():
                raise DataError("A baseline must be made of finite numbers. Got NaN or infinity.")
            found.append(np.broadcast_to(start, array.shape))
        except (TypeError, ValueError) as error:
            if isinstance(error, GlassgradError):
                raise
            raise ShapeError(
                f"A baseline is a number, or has the shape of the inputs, {array.shape}, or of one "
                f"example, {array.shape[1:]}. Got {shown(value)}."
            ) from error
    return found


# ---- the gradient of the score


def _looking(model: Model, x: Any, output: Any, *, logits: bool) -> Looking:
    """What computes scores and gradients, by one program for all calls."""
    score, labels = score_of(model, x, output, logits=logits)
    structure = flatten((x, labels, None))[1]
    further = [] if labels is None else [labels]

    def build(alive: Model) -> Callable[[Any], Any]:
        return lambda batch: _slopes(score, alive, batch)

    step = step_of(model, ("saliency", score), build)

    def look(arrays: Sequence[Array]) -> list[Array]:
        found: list[Array] = step(Batch([*arrays, *further], structure))
        return found

    return look


def _slopes(score: Score, model: Model, batch: Any) -> list[Tensor]:
    """The gradients of all scores by the inputs; each example has its own score."""
    x, labels, _ = batch
    inputs = leaves_of(x)
    found = gradients(score.of(model, x, labels).sum(), inputs)
    if all(slope is None for slope in found):
        raise GradientError(
            "The output does not depend on the input in a way that has a gradient. Where the "
            "model takes integers, such as words, ask for the gradient of the loss by the layer "
            "after them: model.gradients(x, y, of=['embedding'])."
        )
    return [
        zeros_like(tensor) if slope is None else slope
        for tensor, slope in zip(inputs, found, strict=True)
    ]
