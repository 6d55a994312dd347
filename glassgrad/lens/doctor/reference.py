"""What simple methods make of the same data: the loss that a network ought to reach.

A loss alone does not say whether it is high. The measure is what two methods without any training
reach on examples that they have not seen: ridge regression, and the nearest neighbours. A network
whose loss on its own training data ends far above that has not learnt what the data hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.lens.doctor.case import Case, Facts
from glassgrad.lens.doctor.facts.sample import sample_of
from glassgrad.lens.doctor.view import View
from glassgrad.training.data import ArrayData, Data

if TYPE_CHECKING:
    from glassgrad.models import Model

__all__ = ["reference_loss", "reference_share", "with_reference"]

EXAMPLES = 300
FEATURES = 1024
CLASSES = 64
NUMBERS = 8
FEWEST = 60
"""How many examples, features, classes and numbers as targets are looked at most, and how many
examples at least."""

SUSPICIOUS = 0.1
"""The share of a constant prediction's loss below which nobody asks what simple methods reach."""

NEIGHBOURS = 7
PENALTIES = (0.01, 1.0)
"""Of ridge regression, as shares of the mean square of an example."""

SHARPNESS = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
"""By what ridge regression's scores are multiplied to become logits: the best one counts."""

Numbers = NDArray[np.float64]

PLACE_BY_PLACE = "sparse_categorical_crossentropy"
"""Of what stands in a place, its class is told: of a character the next one."""

OF_CLASSES = frozenset({"sparse_categorical_crossentropy", "binary_crossentropy"})
OF_NUMBERS: dict[str, Callable[[Numbers], Numbers]] = {
    "mean_squared_error": np.square,
    "mean_absolute_error": np.abs,
}


def with_reference(case: Case, model: Model, data: Data) -> Facts:
    """The facts of a case with the loss that simple methods reach, where that is worth its time.

    It takes some milliseconds, and is left out where the network has learnt nearly everything, or
    where the loss is another one than it says: with label smoothing, or weighted examples.

    Args:
        case: at the end of training.
        model: that was trained.
        data: that it was trained on.
    """
    facts = case.facts
    remaining = View(case).remaining
    is_plain = not getattr(model.loss, "label_smoothing", 0.0)
    if remaining is None or remaining < SUSPICIOUS or facts.loss is None or not is_plain:
        return facts
    if not isinstance(data, ArrayData) or data.weights is not None:
        return facts
    sample = sample_of(data, model.dtype).data
    x, y = sample.x, sample.y
    if not (has_numbers(x) and has_numbers(y)):
        return facts
    share = reference_share(x, y, facts.loss, facts.data.input_kind == "indices")
    if share is None or facts.trivial_loss is None:
        return facts
    return replace(facts, reference_loss=share * facts.trivial_loss)


def has_numbers(tree: Any) -> bool:
    """Whether it is one array of numbers."""
    return isinstance(tree, np.ndarray) and tree.dtype.kind in "biuf"


def reference_share(
    x: NDArray[Any], y: NDArray[Any], loss: str, are_indices: bool = False
) -> float | None:
    """The loss of simple methods over that of a constant prediction, both on unseen examples.

    Each third of the examples is judged by what was learnt from the others; the best method counts.

    Args:
        x: inputs (examples, …).
        y: targets (examples, …): classes, one-hot vectors, 0 and 1, or real numbers.
        loss: by Keras's name.
        are_indices: whether inputs are names of things, such as tokens, and no quantities.

    Returns:
        The share; ``None`` where there are too few examples, too many outputs, or a loss of which
        this is not known.

    Example:
        >>> x = np.linspace(-1, 1, 300).reshape(-1, 1)
        >>> reference_share(x, 3 * x, "mean_squared_error") < 0.01
        True
    """
    losses = losses_in_turn(x, y, loss, are_indices)
    if losses is None or not losses[0] > 0:
        return None
    return min(losses[1:]) / losses[0]


def reference_loss(
    x: NDArray[Any], y: NDArray[Any], loss: str, are_indices: bool = False
) -> float | None:
    """The loss that simple methods reach on unseen examples; arguments as ``reference_share``."""
    losses = losses_in_turn(x, y, loss, are_indices)
    return None if losses is None else min(losses[1:])


def losses_in_turn(
    x: NDArray[Any], y: NDArray[Any], loss: str, are_indices: bool
) -> list[float] | None:
    """The losses of a constant and of simple methods, the thirds of the examples judged in turn."""
    if loss == PLACE_BY_PLACE and y.ndim > 1 and y.shape[1] > 1 and x.shape[:2] == y.shape[:2]:
        x, y = (one.reshape(-1, *one.shape[2:]) for one in (x, y))
    if len(x) < FEWEST:
        return None
    rows = np.unique(np.linspace(0, len(x) - 1, EXAMPLES).astype(int))
    if not (np.isfinite(x[rows]).all() and np.isfinite(y[rows]).all()):
        return None
    inputs = one_hot(x[rows]) if are_indices else standardized(x[rows])
    targets = as_targets(y[rows], loss)
    if inputs is None or targets is None:
        return None
    products = inputs @ inputs.T
    parts = [losses_of(products, targets, np.arange(len(rows)) % 3 == n, loss) for n in range(3)]
    return [float(one) for one in np.mean(parts, axis=0)]


def losses_of(
    products: Numbers, targets: Numbers, judged: NDArray[np.bool_], loss: str
) -> list[float]:
    """The losses of a constant, of ridge regressions and of the neighbours on some examples.

    Args:
        products: of all pairs of inputs (examples, examples).
        targets: (examples, outputs).
        judged: which examples are not learnt from.
        loss: by Keras's name.
    """
    known, asked = products[np.ix_(~judged, ~judged)], products[np.ix_(judged, ~judged)]
    squares = np.diag(products)
    distances = squares[judged][:, None] + squares[~judged] - 2 * asked
    learnt, truth = targets[~judged], targets[judged]
    constant = np.broadcast_to(learnt.mean(axis=0), truth.shape)
    near = neighbours(distances, learnt)
    lines = [ridge(known, asked, learnt, penalty) for penalty in PENALTIES]
    if loss in OF_NUMBERS:
        return [float(OF_NUMBERS[loss](one - truth).mean()) for one in (constant, near, *lines)]
    return [surprise(constant, truth), surprise(near, truth), *(sharpened(s, truth) for s in lines)]


def one_hot(x: NDArray[Any]) -> Numbers | None:
    """Which index stands at which place, and how often it comes; ``None`` for too many of them."""
    table = x.reshape(len(x), -1)
    values = np.unique(table)
    if len(values) * (table.shape[1] + 1) > FEATURES:
        return None
    places = (table[:, :, None] == values).astype(np.float64)  # (examples, places, values)
    return np.concatenate([places.reshape(len(table), -1), places.sum(axis=1)], axis=1)


def standardized(x: NDArray[Any]) -> Numbers:
    """Columns of mean 0 and deviation 1; of very many, some."""
    table = x.reshape(len(x), -1)
    numbers = table[:, :: -(-table.shape[1] // FEATURES)].astype(np.float64)
    deviations = numbers.std(axis=0)
    told = deviations > 0
    return np.asarray((numbers[:, told] - numbers[:, told].mean(axis=0)) / deviations[told])


def as_targets(y: NDArray[Any], loss: str) -> Numbers | None:
    """Targets as columns of numbers, one-hot for classes; ``None`` where they are not suitable."""
    table = y.reshape(len(y), -1)
    if loss in OF_NUMBERS:
        return table.astype(np.float64) if table.shape[1] <= NUMBERS else None
    if loss == "categorical_crossentropy":
        is_one_answer = y.ndim == 2 and table.shape[1] <= CLASSES
        return table.astype(np.float64) if is_one_answer else None
    if loss not in OF_CLASSES or table.shape[1] > 1:
        return None
    values = np.unique(table)
    return (table == values).astype(np.float64) if 2 <= len(values) <= CLASSES else None


def ridge(known: Numbers, asked: Numbers, targets: Numbers, penalty: float) -> Numbers:
    """Ridge regression in its dual form: K (K + λ)⁻¹ y, about the mean."""
    mean = targets.mean(axis=0)
    strength = penalty * np.trace(known) / len(known) + 1e-9
    weights = np.linalg.solve(known + strength * np.eye(len(known)), targets - mean)
    return np.asarray(asked @ weights + mean)


def neighbours(distances: Numbers, targets: Numbers) -> Numbers:
    """The mean of the nearest examples, with a part of the mean of all."""
    nearest = np.argpartition(distances, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    return np.asarray((targets[nearest].sum(axis=1) + targets.mean(axis=0)) / (NEIGHBOURS + 1))


def surprise(probabilities: Numbers, truth: Numbers) -> float:
    """The cross-entropy of the classes."""
    hit = np.sum(probabilities * truth, axis=1)
    return float(-np.log(np.clip(hit, 1e-7, 1.0)).mean())


def sharpened(scores: Numbers, truth: Numbers) -> float:
    """The cross-entropy of scores that are multiplied by the factor that suits them best."""
    logits = SHARPNESS[:, None, None] * scores
    logits -= logits.max(axis=-1, keepdims=True)
    chosen = np.sum(logits * truth, axis=-1) - np.log(np.exp(logits).sum(axis=-1))
    return float((-chosen).mean(axis=1).min())
