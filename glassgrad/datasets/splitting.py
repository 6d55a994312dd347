"""Dividing examples into a part for training and a part for testing, as a seed decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from glassgrad.errors import ArgumentError, DataError
from glassgrad.random_seed import check_seed

__all__ = ["scarce_classes", "split", "split_rows"]

Array = npt.NDArray[Any]
_FEWEST_OF_A_CLASS = 5  # for training; with fewer, a network learns the rows and no rule
_CLASSES_SHOWN = 6
_SPLITTING = 5  # tells the generator of splits apart from those of weights and shuffling


def split(
    x: Any, y: Any, test_size: float = 0.2, stratify: bool = False, seed: int = 0
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Divide examples into a part for training and a part for testing.

    Args:
        x: Inputs, (examples, …).
        y: Labels or targets, (examples, …).
        test_size: Which share of the examples is for testing, between 0 and 1.
        stratify: Whether each label has its share in both parts; a label with one example goes to
            training.
        seed: Decides which examples.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, each in the order of the original.

    Raises:
        ArgumentError: The share is not between 0 and 1, or leaves one part empty.
        DataError: Lengths differ, or `stratify` was asked for with targets that are no labels.

    Examples:
        >>> x, y = np.arange(10), np.array([0] * 8 + [1] * 2)
        >>> (x_train, y_train), (x_test, y_test) = split(x, y, 0.5, stratify=True)
        >>> y_train, y_test
        (array([0, 0, 0, 0, 1]), array([0, 0, 0, 0, 1]))
    """
    x, y = np.asarray(x), np.asarray(y)
    if not x.ndim or not y.ndim or len(x) != len(y):
        raise DataError(f"x and y must have equal lengths. Got shapes {x.shape} and {y.shape}.")
    if stratify and (y.ndim != 1 or y.dtype.kind == "f"):
        raise DataError(
            "Only labels, one integer or text for each example, can have shares in both parts. "
            f"Got {y.dtype} of shape {y.shape}; leave stratify out."
        )
    train, test = split_rows(len(x), test_size, seed, y if stratify else None)
    return (x[train], y[train]), (x[test], y[test])


def split_rows(
    count: int, test_size: float, seed: int, labels: Array | None = None
) -> tuple[Array, Array]:
    """The numbers of the rows for training and of those for testing, each in ascending order.

    Args:
        count: How many rows there are.
        test_size: Which share of them is for testing, between 0 and 1.
        seed: Decides which rows.
        labels: Where given, each label has its share in both parts, and one row at least for
            training.

    Raises:
        ArgumentError: The share is not between 0 and 1, or leaves one part empty.

    Examples:
        >>> split_rows(5, 0.4, seed=1)
        (array([0, 2, 3]), array([1, 4]))
    """
    wanted = _checked_count(count, test_size)
    generator = np.random.default_rng([check_seed(seed) or 0, _SPLITTING])
    order = generator.permutation(count)
    if labels is None:
        test = order[:wanted]
    else:
        test = _with_shares(order, np.unique(labels, return_inverse=True)[1], wanted)
    is_test = np.zeros(count, bool)
    is_test[test] = True
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def scarce_classes(names: Sequence[str], train: Array, test: Array) -> list[str]:
    """What is to be said where a class has too few examples, in words.

    Args:
        names: What the classes are called.
        train: The labels for training, (examples,).
        test: Those for testing.

    Returns:
        A remark on the classes with fewer than five examples for training, and one on those
        without any for testing, where there are such.

    Examples:
        >>> train, test = np.array([0] * 9 + [1]), np.array([0, 0])
        >>> for remark in scarce_classes(["no", "yes"], train, test):
        ...     print(remark)
        classes with fewer than 5 examples for training: 'yes' (1). Bring more, ...
        classes without an example in the test part: 'yes'. Their recall is not known; bring more
    """
    learned, tested = (
        np.bincount(labels, minlength=len(names)).tolist() for labels in (train, test)
    )
    few = [
        f"{name!r} ({count})"
        for name, count in zip(names, learned, strict=True)
        if count < _FEWEST_OF_A_CLASS
    ]
    none = [repr(name) for name, count in zip(names, tested, strict=True) if not count]
    found = []
    if few:
        them = "it" if len(few) == 1 else "them"
        found.append(
            f"classes with fewer than {_FEWEST_OF_A_CLASS} examples for training: {_listed(few)}. "
            f"Bring more, or expect little of {them}"
        )
    if none:
        found.append(
            f"classes without an example in the test part: {_listed(none)}. Their recall is not "
            "known; bring more"
        )
    return found


def _listed(words: Sequence[str]) -> str:
    more = len(words) - _CLASSES_SHOWN
    return ", ".join(words[:_CLASSES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _checked_count(count: int, test_size: Any) -> int:
    if isinstance(test_size, bool) or not isinstance(test_size, int | float):
        raise ArgumentError(f"test_size must be a number between 0 and 1. Got {test_size!r}.")
    wanted = round(count * test_size) if 0 < test_size < 1 else 0
    if not 0 < wanted < count:
        raise ArgumentError(
            f"test_size must lie between 0 and 1, and leave examples on both sides. Got "
            f"{test_size} of {count} examples."
        )
    return wanted


def _with_shares(order: Array, labels: Array, wanted: int) -> Array:
    """Rows for testing, so many of each label as its share is, the largest remainders first."""
    counts = np.bincount(labels)
    exact = counts * (wanted / len(order))
    shares = np.minimum(np.floor(exact).astype(int), counts - 1)
    by_remainder = np.argsort(shares - exact, kind="stable")
    for label in by_remainder:
        if shares.sum() == wanted:
            break
        shares[label] += shares[label] < counts[label] - 1
    place = np.zeros(len(order), int)  # of each row among those of its label, in the drawn order
    by_label = order[np.argsort(labels[order], kind="stable")]
    starts = np.cumsum(counts) - counts
    place[by_label] = np.arange(len(order)) - np.repeat(starts, counts)
    return np.flatnonzero(place < shares[labels])
