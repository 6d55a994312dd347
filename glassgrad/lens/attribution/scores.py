"""Which output is looked at: a class, a unit of a layer, or a function of the outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, shown
from glassgrad.graph import Tensor
from glassgrad.graph.operation import Array
from glassgrad.graph.trees import leaves_of, map_tree
from glassgrad.lens.derivatives import named_inputs, trace_under_way
from glassgrad.lens.places import Places
from glassgrad.models import Model
from glassgrad.ops.elementwise import Sigmoid
from glassgrad.ops.indexing import take_along_axis
from glassgrad.ops.loss import Softmax

__all__ = ["Score", "score_of"]


@dataclass(frozen=True)
class Score:
    """What is looked at, as the user said it; comparable, so that its program is found again.

    Args:
        place: of a unit, without the axis of examples.
        layer: whose output it is; that of the model without one.
        function: makes the score of the model's output, where one was given.
        by_label: whether each example has a class of its own, handed in beside the input.
        logits: whether to look at what goes into a softmax or sigmoid.
    """

    place: tuple[int, ...] = ()
    layer: str | None = None
    function: Callable[[Any], Any] | None = None
    by_label: bool = False
    logits: bool = False

    def of(self, model: Model, x: Any, labels: Tensor | None) -> Tensor:
        """The scores as graph."""
        predictions = model(x)
        if self.layer is not None:
            calls = trace_under_way().calls
            chosen = Places(model, named_inputs(x), calls).output(self.layer)
        elif self.function is not None:
            outputs = map_tree(_before_activation, predictions) if self.logits else predictions
            return _require_tensor(self.function(outputs))
        else:
            chosen = _only_output(predictions)
        if self.logits:
            chosen = _before_activation(chosen)
        if labels is not None:
            return take_along_axis(chosen, labels.reshape((len(labels), 1)), axis=-1)
        return chosen[(slice(None), *_within(self.place, chosen.shape))]


def score_of(model: Model, x: Any, output: Any, *, logits: bool) -> tuple[Score, Array | None]:
    """What the user means, and the class of each example where these differ."""
    if callable(output):
        return Score(function=output, logits=logits), None
    if isinstance(output, tuple) and output and isinstance(output[0], str):
        return Score(_place(output[1:], output), output[0], logits=logits), None
    if isinstance(output, int | np.integer | tuple) and not isinstance(output, bool):
        place = output if isinstance(output, tuple) else (output,)
        return Score(_place(place, output), logits=logits), None
    labels = None if output is None else _labels(output, len(leaves_of(x)[0]))
    predictions = model.predict_on_batch(x)
    if not isinstance(predictions, np.ndarray) or predictions.ndim != 2:
        raise ArgumentError(
            "Classes are clear where a model gives one row of numbers for each example. "
            f'Got {_shapes(predictions)}; say output=, such as ("layer", 3) or a function of '
            "the outputs."
        )
    if labels is None:
        labels = predictions.argmax(axis=1)
    if labels.min() < 0 or labels.max() >= predictions.shape[1]:
        raise ArgumentError(
            f"Classes are numbers from 0 to {predictions.shape[1] - 1}. "
            f"Got {labels.min()} to {labels.max()}."
        )
    return Score(by_label=True, logits=logits), labels.astype(np.int32)


def _shapes(predictions: Any) -> str:
    return " and ".join(f"shape {np.shape(one)}" for one in leaves_of(predictions))


def _place(numbers: Sequence[Any], given: Any) -> tuple[int, ...]:
    if any(isinstance(n, bool) or not isinstance(n, int | np.integer) for n in numbers):
        raise ArgumentError(
            'An output is a number, a tuple of numbers, a name and numbers such as ("hidden", '
            f"3), an array of classes, or a function of the model's output. Got {shown(given)}."
        )
    return tuple(int(number) for number in numbers)


def _labels(given: Any, examples: int) -> Array:
    try:
        labels = np.asarray(given)
    except ValueError:
        labels = np.asarray("ragged")
    if labels.dtype.kind not in "iu" or labels.shape != (examples,):
        raise ArgumentError(
            'An output is a number, a tuple of numbers, a name and numbers such as ("hidden", '
            "3), a function of the model's output, or a class for each example: integers of shape "
            f"({examples},). Got {shown(given)}."
        )
    return labels


def _within(place: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(place) >= len(shape) or any(
        not -length <= number < length for number, length in zip(place, shape[1:], strict=False)
    ):
        last = tuple(length - 1 for length in shape[1:])
        raise ArgumentError(
            f"An output of shape {shape} has no unit at the place {place}; its places go from "
            f"{(0,) * len(last)} to {last}."
        )
    return place


def _only_output(predictions: Any) -> Tensor:
    tensors = leaves_of(predictions)
    if len(tensors) != 1:
        raise ArgumentError(
            f"The model has {len(tensors)} outputs. Name the layer that makes the one you mean, "
            'such as output=("price", 0).'
        )
    return _require_tensor(tensors[0])


def _require_tensor(value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise ArgumentError(
            "The function of the model's output must give a tensor, made by operators and "
            f"functions of glassgrad.ops. Got {shown(value)}."
        )
    return value


def _before_activation(tensor: Tensor) -> Tensor:
    if not isinstance(tensor.node.operation, Softmax | Sigmoid):
        raise ArgumentError(
            "logits=True looks before a softmax or sigmoid at the end. Got an output of "
            f"{tensor.node.operation.name}; leave logits out."
        )
    return tensor.node.inputs[0]
