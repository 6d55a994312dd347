"""How good detections are: the mean over classes of the area under precision and recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.arguments import checked
from glassgrad.detection.bounding_boxes import as_numbers, corners_of, pairwise_iou
from glassgrad.detection.suppression import checked_labels, checked_scores, checked_threshold
from glassgrad.errors import ArgumentError, DataError, ShapeError, shown
from glassgrad.graph.operation import Array

__all__ = ["MeanAveragePrecision", "average_precision", "mean_average_precision"]

Images = Sequence[Mapping[str, Any]]


@checked
def average_precision(hits: Any, scores: Any, objects: int) -> float:
    """The area under the curve of precision over recall, made falling first.

    The detections are taken by falling score. After k of them, r_k is the share of the objects
    that are found, and p_k the share of the k that are hits; the sum over k of
    (r_k - r_(k-1)) max_(j >= k) p_j is the area, with every point of the curve counted.

    Args:
        hits: (n,), whether each detection is one of an object that no better one had found.
        scores: (n,), how sure each is; of equal ones the earlier comes first.
        objects: how many objects there are to find.

    Returns:
        From 0 to 1; 0 where there are no objects.

    Raises:
        ShapeError: there is not one score for each.
        DataError: a score is no number.
        ArgumentError: there are more hits than objects.

    Example:
        >>> average_precision([True, False, True], [0.9, 0.8, 0.7], objects=2)  # 1/2 + 2/3 · 1/2
        0.8333333333333333

    Source: M. Everingham and others, "The PASCAL Visual Object Classes Challenge: A
    Retrospective", 2015; every point of the curve since the challenge of 2010.
    """
    are_hits = as_numbers(hits, "Hits are true or false.")
    if are_hits.ndim != 1:
        raise ShapeError(f"Hits have the shape (n,). Got {are_hits.shape}.")
    if not np.isin(are_hits, (0, 1)).all():
        raise DataError(f"Hits are true or false. Got {shown(hits)}.")
    order = np.argsort(-checked_scores(scores, len(are_hits)), kind="stable")
    found = np.cumsum(are_hits[order].astype(bool))
    if objects < 0 or (found.size and found[-1] > objects):
        raise ArgumentError(f"There are more hits than objects. Got {objects} objects.")
    if not objects or not found.size:
        return 0.0
    precision = found / np.arange(1, len(found) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(found, prepend=0) * falling).sum() / objects)


@checked
def mean_average_precision(
    y_true: Images,
    y_pred: Images,
    iou_thresholds: float | Sequence[float] = 0.5,
    bounding_box_format: str = "xyxy",
) -> float:
    """The mean average precision of all images at once, see ``MeanAveragePrecision``.

    Args:
        y_true: for each image "boxes" (n, 4) and "labels" (n,).
        y_pred: for each image "boxes" (m, 4), "scores" (m,) and "labels" (m,).
        iou_thresholds: from where on a detection may be a hit: one or several in [0, 1].
        bounding_box_format: see ``convert_format``.

    Raises:
        ShapeError, DataError, ArgumentError: an image is not as described.

    Example:
        >>> truth = {"boxes": [[0, 0, 10, 10]], "labels": [3]}
        >>> guess = {"boxes": [[0, 0, 9, 10]], "labels": [3], "scores": [0.8]}
        >>> mean_average_precision([truth], [guess])
        1.0
        >>> mean_average_precision([truth], [guess], iou_thresholds=[0.5, 0.95])
        0.5
    """
    metric = MeanAveragePrecision(iou_thresholds, bounding_box_format)
    metric.update_state(y_true, y_pred)
    return metric.result()


@dataclass
class _OfOneClass:
    """What is known of a class: how many objects there are, and its detections."""

    objects: int = 0
    scores: list[float] = field(default_factory=list)
    hits: list[Array] = field(default_factory=list)  # each (thresholds,)


class MeanAveragePrecision:
    """The mean over classes, and over thresholds, of the average precision of detections.

    Within an image and a class the detections are taken by falling score; each gets the object
    with which it has the largest intersection over union of those that are still free, and is a
    hit if that is at the threshold or above. This is how COCO counts; a second detection of an
    object is a mistake, and so is one of the wrong class. Classes without an object are left out.

    It is used like a metric, on what is left after ``non_max_suppression``: outside the graph, so
    not in ``compile``.

    Args:
        iou_thresholds: from where on a detection may be a hit: one or several in [0, 1]. COCO's
            "AP" has 0.5, 0.55, … 0.95.
        bounding_box_format: see ``convert_format``.
        name: what it is called.

    Raises:
        ArgumentError: a threshold is outside [0, 1], or there are none.

    Example:
        >>> metric = MeanAveragePrecision()
        >>> truth = {"boxes": [[0, 0, 10, 10], [20, 0, 30, 10]], "labels": [3, 7]}
        >>> guess = {"boxes": [[0, 0, 9, 10]], "labels": [3], "scores": [0.8]}
        >>> metric.update_state([truth], [guess])
        >>> metric.result(), metric.result_by_class()
        (0.5, {3: 1.0, 7: 0.0})
    """

    @checked
    def __init__(
        self,
        iou_thresholds: float | Sequence[float] = 0.5,
        bounding_box_format: str = "xyxy",
        name: str | None = "mean_average_precision",
    ) -> None:
        self.name = name
        self.iou_thresholds = iou_thresholds
        self.bounding_box_format = bounding_box_format
        given = np.atleast_1d(np.array(iou_thresholds, dtype=float))
        self._thresholds = np.array([checked_threshold("iou_thresholds", one) for one in given])
        if not self._thresholds.size:
            raise ArgumentError("There must be a threshold. Got none in iou_thresholds.")
        self._classes: dict[int, _OfOneClass] = {}

    def update_state(self, y_true: Images, y_pred: Images) -> None:
        """Take images in.

        Args:
            y_true: for each image "boxes" (n, 4) and "labels" (n,).
            y_pred: for each image "boxes" (m, 4), "scores" (m,) and "labels" (m,).

        Raises:
            ShapeError: there is not one prediction for each image, or one label for each box.
            DataError: a number is not finite, or a label no whole number.
            ArgumentError: an image lacks something.
        """
        if len(y_true) != len(y_pred):
            raise ShapeError(
                "There must be as many predictions as images. "
                f"Got {len(y_pred)} for {len(y_true)} images."
            )
        # All images are read before any counts, so that a mistake in one leaves no half.
        pairs = [
            (self._read(true, "boxes", "labels"), self._read(pred, "boxes", "labels", "scores"))
            for true, pred in zip(y_true, y_pred, strict=True)
        ]
        for true, pred in pairs:
            self._add_image(true, pred)

    def _read(self, image: Any, *keys: str) -> dict[str, Array]:
        missing = [key for key in keys if not isinstance(image, Mapping) or key not in image]
        if missing:
            raise ArgumentError(
                f"An image is a mapping with {', '.join(keys)}. Got none of the name {missing[0]}."
            )
        corners = corners_of(image["boxes"], self.bounding_box_format)
        if corners.ndim != 2:
            raise ShapeError(f"The boxes of one image have the shape (n, 4). Got {corners.shape}.")
        read = {"boxes": corners, "labels": checked_labels(image["labels"], len(corners))}
        if "scores" in keys:
            read["scores"] = checked_scores(image["scores"], len(corners))
        return read

    def _add_image(self, true: dict[str, Array], pred: dict[str, Array]) -> None:
        for label in np.union1d(true["labels"], pred["labels"]):
            state = self._classes.setdefault(int(label), _OfOneClass())
            objects = true["boxes"][true["labels"] == label]
            is_own = pred["labels"] == label
            order = np.argsort(-pred["scores"][is_own], kind="stable")
            shares = pairwise_iou(pred["boxes"][is_own][order], objects)
            state.objects += len(objects)
            state.scores.extend(pred["scores"][is_own][order])
            state.hits.extend(matches(shares, self._thresholds))

    def result(self) -> float:
        """The mean over the classes that have objects; 0 where there are none."""
        found = list(self.result_by_class().values())
        return float(np.mean(found)) if found else 0.0

    def result_by_class(self) -> dict[int, float]:
        """The average precision of each class that has objects, its mean over the thresholds."""
        return {
            label: float(np.mean(self._precisions(state)))
            for label, state in sorted(self._classes.items())
            if state.objects
        }

    def _precisions(self, state: _OfOneClass) -> list[float]:
        hits = np.array(state.hits, dtype=bool).reshape(-1, len(self._thresholds))
        return [average_precision(column, state.scores, state.objects) for column in hits.T]

    def reset_state(self) -> None:
        """Forget everything."""
        self._classes = {}


def matches(shares: Array, thresholds: Array) -> Array:
    """Which detections are hits, at each threshold.

    Args:
        shares: (detections, objects), intersections over unions, the surest detection first.
        thresholds: (thresholds,).

    Returns:
        (detections, thresholds), booleans.

    Example:
        >>> matches(np.array([[0.6, 0.0], [0.9, 0.0]]), np.array([0.5, 0.7])).tolist()
        [[True, False], [False, True]]
    """
    hits = np.zeros((len(shares), len(thresholds)), dtype=bool)
    if not shares.size:
        return hits
    for column, threshold in enumerate(thresholds):
        free = np.ones(shares.shape[1], dtype=bool)
        for detection, row in enumerate(shares):
            best = np.argmax(np.where(free, row, -1.0))
            if free[best] and row[best] >= threshold:
                hits[detection, column], free[best] = True, False
    return hits
