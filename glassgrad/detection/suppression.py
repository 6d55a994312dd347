"""One box for each object: the best of those that lie on one another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad.arguments import checked
from glassgrad.detection.bounding_boxes import as_numbers, corners_of, pairwise_iou
from glassgrad.errors import ArgumentError, DataError, ShapeError
from glassgrad.graph.operation import Array

__all__ = ["checked_labels", "checked_scores", "checked_threshold", "non_max_suppression"]


@checked
def non_max_suppression(
    boxes: Any,
    scores: Any,
    labels: Any = None,
    max_output_size: int | None = None,
    iou_threshold: float = 0.5,
    score_threshold: float = -math.inf,
    bounding_box_format: str = "xyxy",
) -> Array:
    """The places of the boxes that remain where of each heap only the best is kept.

    Greedily: the box of the highest score is taken, those of its class whose intersection over
    union with it is above the threshold are dropped, and so on with what is left.

    Args:
        boxes: (n, 4), of one image.
        scores: (n,), how sure each is; of equal ones the earlier box comes first.
        labels: (n,), the class of each; without them all are of one class.
        max_output_size: how many remain at most, over all classes; all by default.
        iou_threshold: in [0, 1]; how far two boxes of two objects may lie on one another.
        score_threshold: a box with a lower score is dropped at once.
        bounding_box_format: see ``convert_format``.

    Returns:
        (k,), int64, by falling score.

    Raises:
        ShapeError: there is not one score, or one label, for each box.
        DataError: a number is not finite.
        ArgumentError: a threshold or the number of boxes is outside its range.

    Example:
        >>> boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]]
        >>> non_max_suppression(boxes, [0.7, 0.9, 0.8])
        array([1, 2])
        >>> non_max_suppression(boxes, [0.7, 0.9, 0.8], labels=[3, 5, 5])
        array([1, 2, 0])
    """
    checked_threshold("iou_threshold", iou_threshold)
    if math.isnan(score_threshold):
        raise ArgumentError("score_threshold must be a number. Got nan.")
    if max_output_size is not None and max_output_size < 0:
        raise ArgumentError(f"max_output_size must not be negative. Got {max_output_size}.")
    corners = corners_of(boxes, bounding_box_format)
    if corners.ndim != 2:
        raise ShapeError(f"The boxes of one image have the shape (n, 4). Got {corners.shape}.")
    certainty = checked_scores(scores, len(corners))
    classes = checked_labels(np.zeros(len(corners)) if labels is None else labels, len(corners))
    left = np.argsort(-certainty, kind="stable")
    left = left[certainty[left] >= score_threshold]
    kept: list[int] = []
    while len(left) and (max_output_size is None or len(kept) < max_output_size):
        best, left = left[0], left[1:]
        kept.append(best)
        shares = pairwise_iou(corners[best][None], corners[left])[0]
        left = left[(shares <= iou_threshold) | (classes[left] != classes[best])]
    return np.array(kept, dtype="int64")


def checked_scores(scores: Any, count: int) -> Array:
    """A score for each box, as float64.

    Raises:
        ShapeError: there is not one for each.
        DataError: they are no numbers, or one is not.
    """
    found = as_numbers(scores, "Scores must be numbers, one for each box.")
    if found.shape != (count,):
        raise ShapeError(f"There must be one score for each of {count} boxes. Got {found.shape}.")
    if np.isnan(found).any():
        raise DataError("Scores must be numbers. Got nan among them.")
    return found


def checked_labels(labels: Any, count: int) -> Array:
    """A class for each box, as int64.

    Raises:
        ShapeError: there is not one for each.
        DataError: one is no whole number.
    """
    given = as_numbers(labels, "Labels must be whole numbers, one for each box.")
    if given.shape != (count,):
        raise ShapeError(f"There must be one label for each of {count} boxes. Got {given.shape}.")
    wrong = given[~(np.floor(given) == given) | np.isinf(given)]
    if wrong.size:
        raise DataError(f"Labels must be whole numbers. Got {wrong[0]}.")
    return given.astype("int64")


def checked_threshold(name: str, value: float) -> float:
    """How far boxes may lie on one another, or must.

    Raises:
        ArgumentError: it is outside [0, 1].
    """
    if not 0 <= value <= 1:
        raise ArgumentError(f"{name} must lie in [0, 1]. Got {value}.")
    return float(value)
