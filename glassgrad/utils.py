"""What a script needs besides a model: labels as vectors, a seed, batches of one's own."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from glassgrad.arguments import checked, checked_before
from glassgrad.detection import bounding_boxes
from glassgrad.errors import ArgumentError, DataError, shown
from glassgrad.graph.operation import Array
from glassgrad.naming import forget_names
from glassgrad.random_seed import set_random_seed
from glassgrad.serialization import (
    custom_object_scope,
    get_custom_objects,
    register_keras_serializable,
)
from glassgrad.training.data import pack, unpack
from glassgrad.training.streams import PyDataset

__all__ = [
    "CustomObjectScope",
    "PyDataset",
    "Sequence",
    "bounding_boxes",
    "clear_session",
    "custom_object_scope",
    "get_custom_objects",
    "normalize",
    "pack_x_y_sample_weight",
    "plot_model",
    "register_keras_serializable",
    "set_random_seed",
    "to_categorical",
    "unpack_x_y_sample_weight",
]

INNERMOST = 100  # so deep do no layers stand in each other
MOST_CLASSES = 2**31 - 1  # labels are int32 wherever they are used

CustomObjectScope = custom_object_scope
Sequence = PyDataset


@checked
def to_categorical(x: Any, num_classes: int | None = None) -> Array:
    """Labels as vectors that are 1 at the class and 0 elsewhere.

    Args:
        x: labels from 0, of any shape; a last axis of length 1 is dropped.
        num_classes: how many there are; one more than the largest label by default.

    Returns:
        float32, with an axis of length ``num_classes`` at the end.

    Raises:
        DataError: a label is no integer, negative, or not below ``num_classes``.

    Example:
        >>> to_categorical([0, 2])
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    given = _rectangular(x)
    is_numeric = given.dtype.kind in "biuf"
    if not is_numeric or not (np.isfinite(given) & (given == np.floor(given))).all():
        raise DataError(f"Labels must be integers, from 0. Got {given.dtype}: {_first(given)}.")
    strange = given[(given < 0) | (given.astype(np.float64) >= MOST_CLASSES)]
    if strange.size:
        raise DataError(
            f"Labels count classes from 0, of which there are at most {MOST_CLASSES}. "
            f"Got {strange[0]}."
        )
    labels = given.astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    classes = num_classes or (int(labels.max()) + 1 if labels.size else 0)
    if not 0 <= classes <= MOST_CLASSES:
        raise ArgumentError(f"num_classes must lie in [0, {MOST_CLASSES}]. Got {num_classes}.")
    outside = labels[labels >= classes]
    if outside.size:
        raise DataError(f"Labels must lie in [0, {classes}). Got {outside[0]}.")
    return np.equal(labels[..., None], np.arange(classes)).astype(np.float32)


def _rectangular(x: Any) -> Array:
    try:
        return np.asarray(x)
    except ValueError as error:  # lists of unequal lengths
        raise DataError(f"Values must form a rectangular array: {error}.") from error


def _first(array: Array) -> Any:
    return array.flat[0] if array.size else array


@checked
def normalize(x: Any, axis: int = -1, order: int = 2) -> Array:
    """Vectors along an axis divided by their length; the zero vector stays.

    Args:
        x: an array.
        axis: along which the vectors lie.
        order: of the norm: 2 is the Euclidean length.

    Raises:
        ArgumentError: the order is not above 0, or there is no such axis.
        DataError: a value is no finite number.

    Example:
        >>> normalize([[3.0, 4.0]])
        array([[0.6, 0.8]])
    """
    if not order > 0:
        raise ArgumentError(f"The order of a norm must be above 0. Got {order!r}.")
    array = np.atleast_1d(_rectangular(x))
    if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        raise DataError(f"Only finite numbers have a norm. Got {array.dtype}: {_first(array)}.")
    if not -array.ndim <= axis < array.ndim:
        raise ArgumentError(f"There is no axis {axis} in shape {array.shape}.")
    largest = np.abs(array).max(axis, keepdims=True, initial=0)
    array = array / np.where(largest == 0, 1, largest)  # so that no square overflows
    length = np.atleast_1d(np.linalg.norm(array, order, axis, keepdims=True))
    return array / np.where(length == 0, 1, length)


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """What ``fit`` hands to a step: x, (x, y) or (x, y, sample_weight).

    Example:
        >>> pack_x_y_sample_weight(1, 2)
        (1, 2)
    """
    return pack(x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """x, y and sample_weight of what is handed to a step, ``None`` for what is not there.

    Raises:
        ArgumentError: there are more than three.

    Example:
        >>> unpack_x_y_sample_weight((1, 2))
        (1, 2, None)
    """
    return unpack(tuple(data) if isinstance(data, list) else data)


@checked_before
def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] | None = "model.svg",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Any:
    """Draw a model as SVG, by Keras's name; ``model.plot`` draws the backward pass as well.

    Args:
        model: a model that is built.
        to_file: a name that ends in .svg; ``None`` writes nothing.
        show_shapes: whether boxes say the shape of what they give.
        show_dtype: accepted as in Keras.
        show_layer_names: accepted; boxes always say the name of the layer.
        rankdir: "TB", from top to bottom, or "LR", from left to right.
        expand_nested: whether the layers inside of models and layers are drawn as well.
        dpi: accepted; an SVG is sharp at every size.
        show_layer_activations: accepted; boxes always say the activation.
        show_trainable: accepted; boxes always say what is frozen.
        splines: accepted as in Keras.

    Returns:
        The picture, which notebooks show.

    Raises:
        ArgumentError: the model is none, or the name ends otherwise.
        NotBuiltError: the model is not built.
        FileError: the file cannot be written.

    Example:
        >>> from glassgrad.layers import Dense, Input
        >>> from glassgrad.models import Sequential
        >>> plot_model(Sequential([Input((2,)), Dense(3)], name="small"), to_file=None)
        <Picture of small: 2 boxes, 1 line>
    """
    if not hasattr(model, "plot"):
        raise ArgumentError(f"What is drawn is a model. Got {shown(model)}.")
    depth = INNERMOST if expand_nested else 1
    return model.plot(to_file, show_shapes=show_shapes, rankdir=rankdir, depth=depth)


@checked
def clear_session(free_memory: bool = True) -> None:
    """Let the numbering of names begin anew; models that live go on living.

    Args:
        free_memory: accepted as in Keras; what nobody holds is freed by itself.
    """
    forget_names()
