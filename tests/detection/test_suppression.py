"""Non-maximum suppression, against a plain loop over all pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad.detection import non_max_suppression
from glassgrad.errors import ArgumentError, DataError, ShapeError

LEFT, SHIFTED, FAR = [0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]


def share(a: Any, b: Any) -> float:
    """Intersection over union of two boxes by their corners."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    sizes = sum((one[2] - one[0]) * (one[3] - one[1]) for one in (a, b))
    union = sizes - width * height
    return float(width * height / union) if union > 0 else 0.0


def by_hand(boxes: Any, scores: Any, labels: Any, most: int, iou: float, least: float) -> list[int]:
    """Every box in turn, held against all that were kept."""
    order = sorted(range(len(boxes)), key=lambda n: (-scores[n], n))
    kept: list[int] = []
    for n in order:
        if scores[n] < least or len(kept) == most:
            continue
        if all(labels[n] != labels[k] or share(boxes[n], boxes[k]) <= iou for k in kept):
            kept.append(n)
    return kept


@pytest.mark.parametrize("seed", range(20))
def test_the_same_boxes_remain_as_in_a_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 40))
    places, sizes = rng.integers(0, 20, (count, 2)), rng.integers(0, 15, (count, 2))
    boxes = np.concatenate([places, places + sizes], axis=1)
    scores = rng.integers(0, 10, count) / 10  # many are equal
    labels = rng.integers(0, 3, count)
    most, iou, least = int(rng.integers(1, 20)), float(rng.choice([0.0, 0.3, 0.5, 1.0])), 0.15
    found = non_max_suppression(boxes, scores, labels, most, iou, least)
    assert found.tolist() == by_hand(boxes, scores, labels, most, iou, least)
    assert found.dtype == "int64"
    alone = non_max_suppression(boxes, scores, iou_threshold=iou)
    assert alone.tolist() == by_hand(boxes, scores, np.zeros(count), count, iou, -np.inf)


@pytest.mark.parametrize(
    "name, boxes, scores, arguments, kept",
    [
        ("no boxes", [], [], {}, []),
        ("one", [LEFT], [0.1], {}, [0]),
        ("the better of two", [LEFT, SHIFTED], [0.5, 0.6], {}, [1]),
        ("the first of two equally good", [LEFT, SHIFTED], [0.5, 0.5], {}, [0]),
        ("at the threshold both stay", [LEFT, [0, 0, 10, 5]], [0.5, 0.6], {}, [1, 0]),
        ("a chain", [LEFT, [4, 0, 14, 10], [8, 0, 18, 10]], [0.8, 0.9, 0.7],
         {"iou_threshold": 0.4}, [1]),
        ("a chain whose middle is weakest", [LEFT, [4, 0, 14, 10], [8, 0, 18, 10]],
         [0.9, 0.7, 0.8], {"iou_threshold": 0.4}, [0, 2]),
        ("a score at the threshold stays", [LEFT, FAR], [0.5, 0.4], {"score_threshold": 0.5}, [0]),
        ("none allowed", [LEFT, FAR], [0.5, 0.4], {"max_output_size": 0}, []),
        ("points", [[3, 3, 3, 3], [3, 3, 3, 3]], [0.5, 0.4], {}, [0, 1]),
        ("other format", [[5, 5, 10, 10], [6, 5, 10, 10]], [0.5, 0.6],
         {"bounding_box_format": "center_xywh"}, [1]),
        ("sure beyond doubt", [LEFT, SHIFTED], [np.inf, -np.inf], {}, [0]),
    ],
)  # fmt: skip
def test_cases(
    name: str, boxes: Any, scores: Any, arguments: dict[str, Any], kept: list[int]
) -> None:
    assert non_max_suppression(boxes, scores, **arguments).tolist() == kept


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: non_max_suppression([LEFT], [0.5, 0.6]), ShapeError, "each of 1 boxes. Got"),
        (lambda: non_max_suppression([LEFT], [np.nan]), DataError, "nan"),
        (lambda: non_max_suppression([LEFT], ["sure"]), DataError, "must be numbers"),
        (lambda: non_max_suppression([LEFT], [0.5], [1, 2]), ShapeError, "one label for each"),
        (lambda: non_max_suppression([LEFT], [0.5], [1.5]), DataError, "whole numbers. Got 1.5"),
        (lambda: non_max_suppression([LEFT], [0.5], [np.nan]), DataError, "Got nan"),
        (lambda: non_max_suppression([LEFT], [0.5], ["cat"]), DataError, "whole numbers, one"),
        (lambda: non_max_suppression([[LEFT]], [0.5]), ShapeError, r"\(n, 4\). Got \(1, 1, 4\)"),
        (lambda: non_max_suppression([LEFT], [0.5], iou_threshold=1.5), ArgumentError, "Got 1.5"),
        (lambda: non_max_suppression([LEFT], [0.5], max_output_size=-1), ArgumentError, "negative"),
        (lambda: non_max_suppression([LEFT], [0.5], score_threshold=np.nan), ArgumentError, "nan"),
    ],
)
def test_bad_input_is_refused(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()
