"""Examples made up for a model, where only their shapes matter: to plan a step, or to time it."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad import losses
from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor, Trace, placeholder, tracing
from glassgrad.graph.operation import Array
from glassgrad.graph.symbolic import filled
from glassgrad.graph.trees import flatten, map_tree, rebuild
from glassgrad.losses import Loss
from glassgrad.training.objective import Objective, Outputs
from glassgrad.training.step import Trainable

__all__ = ["made_up_input", "made_up_targets"]

SEED = 0  # of numbers that nobody looks at
SMALL = 0  # which of the sample lengths stands for an open one


def made_up_input(shape: tuple[int | None, ...], dtype: np.dtype[Any], batch_size: int) -> Array:
    """Examples of a shape: normal numbers, or zeros where only whole numbers may stand.

    Args:
        shape: with the batch first; open lengths become small ones.
        dtype: of the elements.
        batch_size: how many examples.

    Example:
        >>> made_up_input((None, 3), np.dtype("int32"), 2)
        array([[0, 0, 0],
               [0, 0, 0]], dtype=int32)
    """
    lengths = (batch_size, *filled(shape, SMALL)[1:])
    if dtype.kind != "f":
        return np.zeros(lengths, dtype)
    return np.random.default_rng(SEED).standard_normal(lengths).astype(dtype)


def made_up_targets(model: Trainable, objective: Objective, x: Any) -> Any:
    """Zeros of the shapes that the losses expect: labels, or what the outputs look like.

    Args:
        model: gives the outputs.
        objective: says by what they are compared with targets.
        x: its inputs.

    Returns:
        Arrays in the structure of the outputs.
    """
    with tracing(Trace(random=model.random)):
        tensors = map_tree(lambda array: placeholder(array.shape, array.dtype), x)
        predictions = model(tensors)
    outputs = Outputs(predictions, model.output_names)
    compared = objective.losses_of(outputs)
    targets = [_target(loss, t) for loss, t in zip(compared, outputs.tensors, strict=True)]
    return rebuild(flatten(predictions)[1], targets)


def _target(loss: Loss | None, prediction: Tensor) -> Array:
    if getattr(loss, "fn", None) is not losses.sparse_categorical_crossentropy:
        return np.zeros(prediction.shape, prediction.dtype)
    if not prediction.shape:
        raise ArgumentError("Sparse labels need an output with an axis of classes. Got a number.")
    axis = getattr(loss, "axis", -1) % prediction.ndim
    shape = prediction.shape[:axis] + prediction.shape[axis + 1 :]
    return np.zeros(shape, np.int32)
