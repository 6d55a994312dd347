"""The loss of a network that has learnt nothing: of the best prediction that is the same for all.

The constant is the same for all examples and positions, with an entry for each output: what the
bias of the last layer can do alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np

from glassgrad import losses
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.graph import float_type, placeholder
from glassgrad.graph.operation import Array
from glassgrad.losses import Loss
from glassgrad.ops.movement import broadcast_to

__all__ = ["trivial_loss"]

#: The least value of a loss, for targets (rows, outputs) and the weights of the rows.
Least: TypeAlias = Callable[[Loss, Array, Array], float]

#: The best constant of every output, for the same.
Best: TypeAlias = Callable[[Array, Array], Array]

SEARCHED = 2**14  # numbers with which a constant without a formula is searched
NARROWINGS = 40  # of the interval in which it lies, to two thirds each
AVERAGES = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


def trivial_loss(
    loss: Loss, function: Any, y: Array, outputs: int, weights: Array | None = None
) -> float | None:
    """The least value of a loss over constant predictions; ``None`` where that is not known.

    Args:
        loss: what compares.
        function: the function of it, such as ``losses.mean_squared_error``.
        y: targets as the loss takes them, (examples, …).
        outputs: the size of the last axis of predictions.
        weights: of the examples, (examples,).

    Example:
        >>> y = np.array([0, 1, 2, 3])
        >>> loss = losses.SparseCategoricalCrossentropy()
        >>> round(trivial_loss(loss, loss.fn, y, 4), 4)  # ln 4
        1.3863
        >>> mse = losses.MeanSquaredError()
        >>> trivial_loss(mse, mse.fn, np.array([[1.0], [3.0]]), 1)
        1.0
    """
    least = LEAST.get(function)
    is_plain = loss.reduction in AVERAGES and getattr(loss, "axis", -1) == -1
    if least is None or not is_plain or (weights is not None and weights.ndim > 1):
        return None
    columns = 1 if function is losses.sparse_categorical_crossentropy else outputs
    if y.size % (len(y) * columns):
        return None
    rows = y.reshape(-1, columns)
    each = np.ones(len(y)) if weights is None else weights.astype(np.float64)
    counts = np.repeat(each, len(rows) // len(y))
    if not counts.sum() > 0:
        return None
    share = 1.0 if loss.reduction == "mean_with_sample_weight" else float(counts.mean())
    value = least(loss, rows, counts) * share
    return value if np.isfinite(value) else None


# ---- classes


def _of_labels(loss: Loss, labels: Array, counts: Array) -> float:
    """The entropy of how often each class comes."""
    flat, ignored = labels.reshape(-1), getattr(loss, "ignore_class", None)
    counted = flat >= 0 if ignored is None else (flat >= 0) & (flat != ignored)
    return _entropy(np.bincount(flat[counted].astype(np.int64), counts[counted]))


def _of_vectors(loss: Loss, targets: Array, counts: Array) -> float:
    shares = np.average(targets, axis=0, weights=counts)
    smoothing = float(getattr(loss, "label_smoothing", 0.0))
    return _entropy(shares * (1 - smoothing) + smoothing / len(shares), shares.sum())


def _of_bits(loss: Loss, targets: Array, counts: Array) -> float:
    """The entropy of yes and no, as mean over outputs."""
    smoothing = float(getattr(loss, "label_smoothing", 0.0))
    shares = np.average(targets, axis=0, weights=counts) * (1 - smoothing) + smoothing / 2
    return float(np.mean([_entropy(np.array([share, 1 - share])) for share in shares]))


def _entropy(shares: Array, total: float = 1.0) -> float:
    """-sum_j p_j ln p_j, for shares that are made to sum to 1, times a total."""
    positive = shares[shares > 0] / shares.sum()
    return float(-(positive * np.log(positive)).sum() * total)


# ---- numbers


def _with(best: Best) -> Least:
    """The value of a loss of single numbers at the best constant."""

    def least(loss: Loss, targets: Array, counts: Array) -> float:
        constant = best(targets.astype(np.float64), counts)
        return float(_means(loss, targets, counts)(constant).mean())

    return least


def _mean(targets: Array, counts: Array) -> Array:
    return np.asarray(np.average(targets, axis=0, weights=counts))


def _median(targets: Array, counts: Array) -> Array:
    """The least number with at least half of the weight up to it, column by column."""
    order = np.argsort(targets, axis=0)
    weights = counts if counts.ndim > 1 else np.broadcast_to(counts[:, None], targets.shape)
    upto = np.take_along_axis(weights, order, axis=0).cumsum(axis=0)
    place = (upto < upto[-1] / 2).sum(axis=0)
    ordered = np.take_along_axis(targets, order, axis=0)
    return np.asarray(ordered[place, np.arange(targets.shape[1])])


def _logarithmic_mean(targets: Array, counts: Array) -> Array:
    return np.asarray(np.expm1(_mean(np.log1p(np.maximum(targets, 0)), counts)))


def _relative_median(targets: Array, counts: Array) -> Array:
    return _median(targets, counts[:, None] / np.maximum(np.abs(targets), 1e-7))


def _searched(loss: Loss, targets: Array, counts: Array) -> float:
    """By narrowing the interval of targets: these losses fall and then rise with the constant."""
    step = max(1, targets.size // SEARCHED)
    few = targets[::step].astype(np.float64)
    means = _means(loss, few, counts[::step])
    low, high = few.min(axis=0), few.max(axis=0)
    for _ in range(NARROWINGS):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        is_left_better = means(left) < means(right)
        low = np.where(is_left_better, low, left)
        high = np.where(is_left_better, right, high)
    return float(means((low + high) / 2).mean())


def _means(loss: Loss, targets: Array, counts: Array) -> Callable[[Array], Array]:
    """The mean loss of every column, as function of constants for the columns."""
    rows, columns = targets.shape
    exact = targets.astype(np.float64)[..., None]
    with float_type("float64"):
        true = placeholder(exact.shape, "float64")
        pred = placeholder((1, columns, 1), "float64")
        # Losses average over the last axis: with one of length 1 every number keeps its own.
        values = loss.call(true, broadcast_to(pred, (rows, columns, 1)))
    program = ReferenceExecutor().compile([values], [true, pred])

    def means(constants: Array) -> Array:
        (found,) = program(exact, constants.reshape(1, columns, 1))
        return np.asarray(np.average(found, axis=0, weights=counts))

    return means


LEAST: Final[dict[Any, Least]] = {
    losses.sparse_categorical_crossentropy: _of_labels,
    losses.categorical_crossentropy: _of_vectors,
    losses.binary_crossentropy: _of_bits,
    losses.mean_squared_error: _with(_mean),
    losses.mean_absolute_error: _with(_median),
    losses.mean_squared_logarithmic_error: _with(_logarithmic_mean),
    losses.mean_absolute_percentage_error: _with(_relative_median),
    losses.poisson: _with(_mean),
    losses.huber: _searched,
    losses.log_cosh: _searched,
}
"""By the function of the loss; where there is none, the best constant makes no sense."""
