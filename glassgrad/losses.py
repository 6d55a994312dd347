"""What training makes small: the distance between predictions and targets, as one number.

A loss gives a value for each example (``call``) and then their mean (``__call__``). The functions
of the same names give the values alone.

Cross-entropies of probabilities are what Keras computes: probabilities are kept within
[1e-7, 1 - 1e-7]. Where they come straight from a softmax or a sigmoid, ``fuse_probabilities``
replaces them by the exact and stable form on the logits, before differentiation.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from glassgrad.errors import ArgumentError, DataError, ShapeError
from glassgrad.graph import Constant, Node, Tensor, as_tensor, rewrite, scope
from glassgrad.graph.operation import Array
from glassgrad.naming import snake_case
from glassgrad.ops import (
    binary_cross_entropy,
    cross_entropy,
    equal,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    sparse_cross_entropy,
    sparse_softmax_cross_entropy,
    where,
)
from glassgrad.ops.elementwise import Sigmoid
from glassgrad.ops.loss import BinaryCrossEntropy, CrossEntropy, Softmax, SparseCrossEntropy
from glassgrad.serialization import Configurable, Registry, serialize

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "as_loss",
    "binary_crossentropy",
    "categorical_crossentropy",
    "deserialize",
    "fuse_probabilities",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "register",
    "serialize",
    "sparse_categorical_crossentropy",
]

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


class Loss(Configurable):
    """The base: subclass it and write ``call``, which gives a value for each example.

    Args:
        reduction: how the values become one number: "sum_over_batch_size" or "mean" (their sum
            divided by how many they are), "mean_with_sample_weight" (divided by the sum of the
            weights), "sum", or "none" or ``None`` (they stay as they are).
        name: what the loss is called; its class in snake_case by default.

    Raises:
        ArgumentError: the reduction is unknown.

    Example:
        >>> class FourthPower(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return ((y_true - y_pred) ** 4).mean(axis=-1)
        >>> FourthPower()([[0.0]], [[2.0]]).item()
        16.0
    """

    def __init__(
        self, *, reduction: str | None = "sum_over_batch_size", name: str | None = None
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ArgumentError(f"The reduction must be one of {REDUCTIONS}. Got {reduction!r}.")
        self.reduction = reduction
        self.name = name or snake_case(type(self).__name__)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """The loss of a batch.

        Args:
            y_true: the targets, one for each example.
            y_pred: the predictions.
            sample_weight: a factor for each value, or for each example: axes that it has not
                are added on its right.

        Raises:
            ShapeError: the shapes do not fit each other.
        """
        with scope(self.name):
            values = self.call(as_tensor(y_true), as_tensor(y_pred))
            return reduce_values(values, sample_weight, self.reduction)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value for each example."""
        raise NotImplementedError(f"{type(self).__name__} must write call(y_true, y_pred).")


LossFunction: TypeAlias = Callable[[Any, Any], Tensor]
LossLike: TypeAlias = Loss | LossFunction

_registry: Registry[LossLike] = Registry("loss", Loss, takes_functions=True)
get, deserialize, register = _registry.get, _registry.deserialize, _registry.register


@register()
class LossFunctionWrapper(Loss):
    """A loss made of a function of (y_true, y_pred) that gives a value for each example.

    Args:
        fn: the function, or the name of a registered one.
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called; the function's name by default.

    Example:
        >>> LossFunctionWrapper("mse")([[0.0]], [[2.0]]).item()
        4.0
    """

    def __init__(
        self,
        fn: LossFunction | str,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        self.fn = _registry.require(fn)
        super().__init__(reduction=reduction, name=name or getattr(self.fn, "__name__", None))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """What the function gives."""
        return self.fn(y_true, y_pred)


def as_loss(identifier: Any) -> Loss:
    """The loss that an identifier means, functions and their names included.

    Args:
        identifier: a loss, a function of (y_true, y_pred), a name, or a configuration.

    Raises:
        UnknownNameError: there is none of that name.
        ArgumentError: the identifier is of another kind.

    Example:
        >>> as_loss("mse").name
        'mean_squared_error'
    """
    found = _registry.require(identifier)
    return found if isinstance(found, Loss) else LossFunctionWrapper(found)


# ---- functions: a value for each example


@register("mse", "MSE")
def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of squares over the last axis: mean_j (y_j - t_j)².

    Args:
        y_true: (…, n).
        y_pred: (…, n).

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]]).numpy()
        array([2.5], dtype=float32)
    """
    true, pred = _like_each_other(y_true, y_pred)
    return (pred - true).square().mean(axis=-1)


@register("mae", "MAE")
def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of distances over the last axis: mean_j |y_j - t_j|.

    Args:
        y_true: (…, n).
        y_pred: (…, n).

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.

    Example:
        >>> mean_absolute_error([[0.0, 1.0]], [[1.0, 3.0]]).numpy()
        array([1.5], dtype=float32)
    """
    true, pred = _like_each_other(y_true, y_pred)
    return (pred - true).abs().mean(axis=-1)


@register("bce", "BCE")
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0
) -> Tensor:
    """The mean over the last axis of -t ln y - (1 - t) ln(1 - y).

    Args:
        y_true: (…, n), 0 or 1, or probabilities.
        y_pred: (…, n), probabilities; with ``from_logits`` what goes into the sigmoid.
        from_logits: which of the two ``y_pred`` is.
        label_smoothing: how far the targets are drawn to 0.5, in [0, 1].

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.
        ArgumentError: the smoothing is outside [0, 1].

    Example:
        >>> binary_crossentropy([[1.0]], [[0.5]]).numpy()
        array([0.6931472], dtype=float32)
    """
    true, pred = _like_each_other(y_true, y_pred)
    smoothing = _checked_smoothing(label_smoothing)
    if smoothing:
        true = true * (1 - smoothing) + 0.5 * smoothing
    values = (sigmoid_cross_entropy if from_logits else binary_cross_entropy)(true, pred)
    return values.mean(axis=-1)


@register()
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0
) -> Tensor:
    """The cross-entropy over the classes of the last axis: -sum_j t_j ln y_j.

    Args:
        y_true: (…, classes), a 1 at the class of each example, or probabilities.
        y_pred: (…, classes), probabilities; with ``from_logits`` what goes into the softmax.
        from_logits: which of the two ``y_pred`` is.
        label_smoothing: the part of each target that is spread over all classes, in [0, 1].

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ.
        ArgumentError: the smoothing is outside [0, 1].

    Example:
        >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy()
        array([0.6931472], dtype=float32)
    """
    pred = as_tensor(y_pred)
    true = as_tensor(y_true).cast(pred.dtype)
    _require_same_shape(true, pred, "; for integer labels use sparse_categorical_crossentropy")
    _warn_of_single_class(pred)
    smoothing = _checked_smoothing(label_smoothing)
    if smoothing:
        true = true * (1 - smoothing) + smoothing / true.shape[-1]
    return (softmax_cross_entropy if from_logits else cross_entropy)(true, pred)


@register()
def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Tensor:
    """The cross-entropy for labels given as integers: -ln y_label.

    Args:
        y_true: (…) or (…, 1), labels from 0 to classes - 1.
        y_pred: (…, classes), probabilities; with ``from_logits`` what goes into the softmax.
        from_logits: which of the two ``y_pred`` is.

    Returns:
        (…).

    Raises:
        ShapeError: there is not one label for each prediction.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).numpy()
        array([0.6931472], dtype=float32)
    """
    pred = as_tensor(y_pred)
    labels = labels_of(as_tensor(y_true), pred).cast("int32")
    _warn_of_single_class(pred)
    return (sparse_softmax_cross_entropy if from_logits else sparse_cross_entropy)(labels, pred)


# ---- classes: one number


@register()
class MeanSquaredError(Loss):
    """The mean of squares: (y - t)², over the last axis and then over the batch, without a half.

    Args:
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.

    Example:
        >>> MeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]]).item()
        2.5
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value for each example."""
        return mean_squared_error(y_true, y_pred)


@register()
class MeanAbsoluteError(Loss):
    """The mean of distances: |y - t|, over the last axis and then over the batch.

    Args:
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.

    Example:
        >>> MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 3.0]]).item()
        1.5
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value for each example."""
        return mean_absolute_error(y_true, y_pred)


class _SmoothedCrossentropy(Loss):
    """The base of cross-entropies whose targets are probabilities, and can be smoothed."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.from_logits = from_logits
        self.label_smoothing = _checked_smoothing(label_smoothing)


@register()
class BinaryCrossentropy(_SmoothedCrossentropy):
    """Cross-entropy for yes or no: -t ln y - (1 - t) ln(1 - y), averaged.

    Args:
        from_logits: whether ``y_pred`` is what goes into the sigmoid instead of probabilities.
        label_smoothing: how far the targets are drawn to 0.5, in [0, 1].
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.

    Raises:
        ArgumentError: the smoothing is outside [0, 1], or the reduction is unknown.

    Example:
        >>> round(BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]]).item(), 4)
        0.6931
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value for each example."""
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)


@register()
class CategoricalCrossentropy(_SmoothedCrossentropy):
    """Cross-entropy for one class of several, targets as vectors: -sum_j t_j ln y_j, averaged.

    Args:
        from_logits: whether ``y_pred`` is what goes into the softmax instead of probabilities.
            PyTorch's ``cross_entropy`` always wants logits.
        label_smoothing: the part of each target that is spread over all classes, in [0, 1].
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.

    Raises:
        ArgumentError: the smoothing is outside [0, 1], or the reduction is unknown.

    Example:
        >>> round(CategoricalCrossentropy(from_logits=True)([[0.0, 1.0]], [[0.0, 0.0]]).item(), 4)
        0.6931
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value for each example."""
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)


@register()
class SparseCategoricalCrossentropy(Loss):
    """Cross-entropy for one class of several, targets as integers: -ln y_label, averaged.

    Args:
        from_logits: whether ``y_pred`` is what goes into the softmax instead of probabilities.
            PyTorch's ``cross_entropy`` always wants logits.
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.

    Raises:
        ArgumentError: the reduction is unknown.

    Example:
        >>> round(SparseCategoricalCrossentropy(from_logits=True)([1], [[0.0, 0.0]]).item(), 4)
        0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        self.from_logits = from_logits

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value for each example."""
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits)


# ---- the pass


def fuse_probabilities(outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Replace cross-entropies of a softmax's or sigmoid's result by the form on its logits.

    -ln softmax(x)_j = ln sum_k exp(x_k) - x_j is finite for every x, and its gradient
    softmax(x) - t does not vanish where the probability rounds to 0 or 1. Run it on the whole
    graph (loss, predictions, new values of metrics) before differentiating. Everything else,
    the probabilities as outputs included, stays the same tensors.

    Args:
        outputs: tensors of one graph.

    Example:
        >>> from glassgrad.graph import Tensor
        >>> sure = Tensor([[-200.0, 200.0]])
        >>> loss = sparse_categorical_crossentropy([0], sure.softmax())
        >>> loss.numpy(), fuse_probabilities([loss])[0].numpy()
        (array([16.118095], dtype=float32), array([400.], dtype=float32))
    """
    return rewrite(outputs, _fuse)


def _fuse(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
    operation = node.operation
    if isinstance(operation, SparseCrossEntropy) and _is_output_of(Softmax, inputs[0]):
        fused = sparse_softmax_cross_entropy(inputs[1], inputs[0].node.inputs[0])
    elif isinstance(operation, CrossEntropy) and _is_output_of(Softmax, inputs[1]):
        fused = softmax_cross_entropy(inputs[0], inputs[1].node.inputs[0])
    elif isinstance(operation, BinaryCrossEntropy) and _is_output_of(Sigmoid, inputs[1]):
        fused = sigmoid_cross_entropy(inputs[0], inputs[1].node.inputs[0])
    else:
        return None
    fused.node.scope = node.scope
    return (fused,)


def _is_output_of(kind: type, tensor: Tensor) -> bool:
    return isinstance(tensor.node.operation, kind)


# ---- shapes and weights


def match_ranks(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Where one tensor has one axis more, of length 1 and on the right, give or take it.

    Example:
        >>> a, b = match_ranks(as_tensor([1.0, 2.0]), as_tensor([[1.0], [2.0]]))
        >>> a.shape, b.shape
        ((2, 1), (2, 1))
    """
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b.reshape(*b.shape, 1)) if b.ndim == 1 else (a.reshape(a.shape[:-1]), b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        b, a = match_ranks(b, a)
    return a, b


def labels_of(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Integer labels of shape (…), given as (…) or (…, 1), for predictions (…, classes).

    Raises:
        ShapeError: the shapes do not fit.
        DataError: a label that is known already is no class.
    """
    labels = y_true
    if labels.ndim == y_pred.ndim and labels.shape[-1:] == (1,):
        labels = labels.reshape(labels.shape[:-1])
    if labels.shape != y_pred.shape[:-1] or not y_pred.shape:
        hint = (
            "; for targets as vectors use the categorical form instead of the sparse one"
            if y_true.shape == y_pred.shape
            else ""
        )
        raise ShapeError(
            f"Predictions of shape {y_pred.shape} want one label each, of shape "
            f"{y_pred.shape[:-1]}. Got y_true of shape {y_true.shape}{hint}."
        )
    if isinstance(y_true.node.operation, Constant):
        _require_labels(y_true.node.operation.value, y_pred.shape[-1])
    return labels


def _require_labels(values: Array, classes: int) -> None:
    """Labels that are known when the graph is built are checked then."""
    wrong = values[~((values >= 0) & (values < classes) & (values == np.floor(values)))]
    if wrong.size:
        raise DataError(f"Labels must be whole numbers in [0, {classes}). Got {wrong.flat[0]}.")


def reduce_values(values: Tensor, sample_weight: Any, reduction: str | None) -> Tensor:
    """Weight the values of a batch and make one number of them, see ``Loss``."""
    weights = None
    if sample_weight is not None:
        weights = _weights_for(values, as_tensor(sample_weight).cast(values.dtype))
        values = values * weights
    if reduction in (None, "none"):
        return values
    total = values.sum()
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weights is not None:
        return divide_no_nan(total, (weights + 0.0 * values).sum())
    return total / float(max(values.size, 1))


def divide_no_nan(a: Tensor, b: Tensor) -> Tensor:
    """The quotient, and 0 where the divisor is 0."""
    is_zero: Tensor = equal(b, 0.0)
    quotient: Tensor = where(is_zero, 0.0, a / where(is_zero, 1.0, b))
    return quotient


def _weights_for(values: Tensor, weights: Tensor) -> Tensor:
    values_axes, weights_axes = values.shape, weights.shape
    if weights.ndim == values.ndim + 1 and weights_axes[-1] == 1:
        weights_axes = weights_axes[:-1]
    padded = weights_axes + (1,) * (len(values_axes) - len(weights_axes))
    fits = len(padded) == len(values_axes) and all(
        w in (1, v) for w, v in zip(padded, values_axes, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"The sample weights must have the shape of the loss's values {values.shape}, or its "
            f"beginning. Got {weights.shape}."
        )
    return weights.reshape(padded)


def _like_each_other(y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    pred = as_tensor(y_pred)
    true, pred = match_ranks(as_tensor(y_true).cast(pred.dtype), pred)
    _require_same_shape(true, pred)
    return true, pred


def _require_same_shape(true: Tensor, pred: Tensor, hint: str = "") -> None:
    if true.shape != pred.shape:
        raise ShapeError(
            f"Targets and predictions must have one shape. Got y_true of shape {true.shape} and "
            f"y_pred of shape {pred.shape}{hint}."
        )


def _checked_smoothing(value: float) -> float:
    if not 0 <= value <= 1:
        raise ArgumentError(f"label_smoothing must lie in [0, 1]. Got {value}.")
    return float(value)


def _warn_of_single_class(pred: Tensor) -> None:
    if pred.shape[-1:] == (1,):
        warnings.warn(
            f"A cross-entropy over one class is constant: y_pred has shape {pred.shape}. "
            "For yes or no use one output with a sigmoid and binary_crossentropy, or two with a "
            "softmax.",
            stacklevel=3,
        )
