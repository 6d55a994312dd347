"""Gradient flow: how large the gradient of each layer's kernel is, from the first to the last."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from glassgrad.gradients import gradients
from glassgrad.lens.subject import subject_of
from glassgrad.models import Sequential

__all__ = ["Flow", "flow_ratio", "gradient_flow"]

#: For each layer that learns, from the first to the last, the size of its kernel's gradient.
Flow: TypeAlias = tuple[float, ...]


def gradient_flow(model: Sequential, x: Any, y: Any) -> Flow:
    """The size of the gradient in every layer that learns, for one batch, without dropout.

    Of each layer the kernel is looked at. Its size is the root mean square of the gradient's
    elements, which does not depend on how many there are.

    Args:
        model: a compiled model.
        x: inputs, (examples, …).
        y: targets.

    Example:
        >>> from glassgrad import Sequential, layers
        >>> model = Sequential([layers.Input((1,)), layers.Dense(1, kernel_initializer="ones")])
        >>> model.compile("sgd", "mse")
        >>> gradient_flow(model, [[1.0]], [[0.0]])
        (2.0,)
    """
    kernels = [layer.trainable_weights[0] for layer in model.layers if layer.trainable_weights]
    subject = subject_of(model, x, y, training=False)
    names = {id(variable): name for name, variable in subject.variables.items()}
    places = {subject.name_of(tensor): tensor for tensor in subject.parameters}
    wanted = [places[names[id(kernel)]] for kernel in kernels]
    with np.errstate(all="ignore"):  # of a training that has diverged
        chained = [one for one in gradients(subject.loss, wanted) if one is not None]
        found = subject.evaluate(chained)
        return tuple(float(np.sqrt(np.mean(np.square(gradient)))) for gradient in found)


def flow_ratio(flow: Sequence[float]) -> float:
    """The first layer's gradient as a multiple of the last one's; NaN where that means nothing.

    Below 1 the gradient shrinks on its way back to the first layer, above 1 it grows.

    Example:
        >>> flow_ratio([0.5, 1.0, 2.0])
        0.25
    """
    if len(flow) < 2:
        return math.nan
    first, last = flow[0], flow[-1]
    return first / last if last and math.isfinite(first) and math.isfinite(last) else math.nan
