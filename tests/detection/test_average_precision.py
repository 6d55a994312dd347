"""Mean average precision, against plain loops over detections, objects and recalls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad.detection import MeanAveragePrecision, average_precision, mean_average_precision
from glassgrad.errors import ArgumentError, DataError, ShapeError
from tests.detection.test_suppression import share

NONE = {"boxes": [], "labels": []}
NO_GUESS = {"boxes": [], "labels": [], "scores": []}
A, B = [0, 0, 10, 10], [20, 0, 30, 10]
TWO = {"boxes": [A, B], "labels": [1, 2]}


def area_by_hand(hits: list[bool], objects: int) -> float:
    """The best precision at or beyond each recall, over all recalls that are reached."""
    points = []
    for k in range(1, len(hits) + 1):
        found = sum(hits[:k])
        points.append((found / objects, found / k))
    area, before = 0.0, 0.0
    for recall in sorted({recall for recall, _ in points}):
        area += (recall - before) * max(p for r, p in points if r >= recall)
        before = recall
    return area


def by_hand(truths: Any, guesses: Any, threshold: float) -> float:
    """All detections of a class over all images by falling score, each given its object."""
    precisions = []
    for label in sorted({one for truth in truths for one in truth["labels"]}):
        objects = sum(list(truth["labels"]).count(label) for truth in truths)
        detections = [
            (score, image, box)
            for image, guess in enumerate(guesses)
            for box, score, of in zip(
                *(guess[k] for k in ("boxes", "scores", "labels")), strict=True
            )
            if of == label
        ]
        taken, hits = set(), []
        for _, image, box in sorted(detections, key=lambda one: -one[0]):
            best, which = -1.0, -1
            for n, (other, of) in enumerate(
                zip(truths[image]["boxes"], truths[image]["labels"], strict=True)
            ):
                if of == label and (image, n) not in taken and share(box, other) > best:
                    best, which = share(box, other), n
            hits.append(best >= threshold)
            if hits[-1]:
                taken.add((image, which))
        precisions.append(area_by_hand(hits, objects))
    return float(np.mean(precisions)) if precisions else 0.0


def some_images(seed: int, count: int = 12) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Objects, and guesses near them, beside them, twice, or not at all."""
    rng = np.random.default_rng(seed)
    truths, guesses = [], []
    for _ in range(count):
        objects = int(rng.integers(0, 5))
        places, sizes = rng.integers(0, 30, (objects, 2)), rng.integers(3, 12, (objects, 2))
        boxes, labels = np.concatenate([places, places + sizes], 1), rng.integers(0, 3, objects)
        repeats = rng.integers(0, 3, objects)
        near = np.repeat(boxes, repeats, axis=0)
        near = near + rng.integers(-1, 2, near.shape)
        found = np.repeat(labels, repeats)
        is_wrong = rng.random(len(found)) < 0.2
        truths.append({"boxes": boxes, "labels": labels})
        guesses.append(
            {
                "boxes": near,
                "labels": np.where(is_wrong, rng.integers(0, 4, len(found)), found),
                "scores": rng.random(len(found)),
            }
        )
    return truths, guesses


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7])
@pytest.mark.parametrize("seed", range(6))
def test_plain_loops_find_the_same(seed: int, threshold: float) -> None:
    truths, guesses = some_images(seed)
    expected = by_hand(truths, guesses, threshold)
    assert 0.0 < expected < 1.0
    found = mean_average_precision(truths, guesses, threshold)
    assert found == pytest.approx(expected, abs=1e-12)


def test_images_may_come_in_batches_and_thresholds_are_averaged() -> None:
    truths, guesses = some_images(9)
    metric = MeanAveragePrecision([0.5, 0.75])
    assert metric.result() == 0.0
    for part in (slice(0, 5), slice(5, 6), slice(6, None)):
        metric.update_state(truths[part], guesses[part])
    expected = np.mean([by_hand(truths, guesses, threshold) for threshold in (0.5, 0.75)])
    assert metric.result() == pytest.approx(expected, abs=1e-12)
    assert np.mean(list(metric.result_by_class().values())) == pytest.approx(metric.result())
    metric.reset_state()
    assert metric.result() == 0.0
    assert metric.result_by_class() == {}


@pytest.mark.parametrize(
    "name, truths, guesses, found",
    [
        ("nothing to find, nothing found", [NONE], [NO_GUESS], 0.0),
        ("no images", [], [], 0.0),
        ("nothing found", [TWO], [NO_GUESS], 0.0),
        ("all found", [TWO], [{**TWO, "scores": [0.2, 0.1]}], 1.0),
        ("one class found", [TWO], [{"boxes": [A], "labels": [1], "scores": [0.1]}], 0.5),
        ("a class that is not there does not count", [TWO],
         [{"boxes": [A, B, B], "labels": [1, 2, 3], "scores": [0.2, 0.1, 0.9]}], 1.0),
        ("the wrong class", [TWO],
         [{"boxes": [A, B], "labels": [2, 1], "scores": [0.2, 0.1]}], 0.0),
        ("found in another image", [TWO, NONE], [NO_GUESS, {**TWO, "scores": [0.2, 0.1]}], 0.0),
        ("found twice, the second time with less", [{"boxes": [A], "labels": [1]}],
         [{"boxes": [A, A], "labels": [1, 1], "scores": [0.9, 0.8]}], 1.0),
        ("a mistake before the hit", [{"boxes": [A], "labels": [1]}],
         [{"boxes": [B, A], "labels": [1, 1], "scores": [0.9, 0.8]}], 0.5),
        ("a mistake as sure as the hit, and after it", [{"boxes": [A], "labels": [1]}],
         [{"boxes": [A, B], "labels": [1, 1], "scores": [0.9, 0.9]}], 1.0),
        ("exactly at the threshold", [{"boxes": [A], "labels": [1]}],
         [{"boxes": [[0, 0, 10, 5]], "labels": [1], "scores": [0.9]}], 1.0),
        ("a box without an area", [{"boxes": [A], "labels": [1]}],
         [{"boxes": [[5, 5, 5, 5]], "labels": [1], "scores": [0.9]}], 0.0),
        ("an object without an area", [{"boxes": [[5, 5, 5, 5]], "labels": [1]}],
         [{"boxes": [[5, 5, 5, 5]], "labels": [1], "scores": [0.9]}], 0.0),
        ("the surer one takes the object that both want",
         [{"boxes": [A, [0, 0, 10, 14]], "labels": [1, 1]}],
         [{"boxes": [A, [0, 0, 10, 9]], "labels": [1, 1], "scores": [0.9, 0.8]}], 1.0),
    ],
)  # fmt: skip
def test_cases(name: str, truths: Any, guesses: Any, found: float) -> None:
    assert mean_average_precision(truths, guesses) == pytest.approx(found)


def test_a_threshold_of_0_takes_what_is_apart() -> None:
    far = {"boxes": [B], "labels": [1], "scores": [0.9]}
    assert mean_average_precision([{"boxes": [A], "labels": [1]}], [far], 0.0) == 1.0


def test_formats() -> None:
    truth = {"boxes": [[5, 5, 10, 10]], "labels": [1]}
    guess = {"boxes": [[5, 5, 10, 6]], "labels": [1], "scores": [0.3]}
    assert mean_average_precision([truth], [guess], 0.6, "center_xywh") == 1.0
    assert mean_average_precision([truth], [guess], 0.61, "center_xywh") == 0.0


def test_the_curve_is_made_falling() -> None:
    hits = [True, False, False, True, True, False]
    scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    assert average_precision(hits, scores, 4) == pytest.approx((1 + 0.6 + 0.6) / 4)
    order = np.random.default_rng(0).permutation(6)
    assert average_precision(np.array(hits)[order], np.array(scores)[order], 4) == pytest.approx(
        area_by_hand(hits, 4)
    )
    assert average_precision([], [], 0) == 0.0
    assert average_precision([], [], 3) == 0.0
    assert average_precision([False], [0.5], 0) == 0.0


GUESS = {**TWO, "scores": [0.2, 0.1]}


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: mean_average_precision([TWO], []), ShapeError, "Got 0 for 1 images"),
        (lambda: mean_average_precision([TWO], [TWO]), ArgumentError, "none of the name scores"),
        (lambda: mean_average_precision([{}], [GUESS]), ArgumentError, "none of the name boxes"),
        (lambda: mean_average_precision([A], [GUESS]), ArgumentError, "mapping"),
        (
            lambda: mean_average_precision([{"boxes": [A], "labels": [1, 2]}], [GUESS]),
            ShapeError,
            "one label for each of 1 boxes",
        ),
        (
            lambda: mean_average_precision([TWO], [{**GUESS, "scores": [np.nan, 0.1]}]),
            DataError,
            "nan",
        ),
        (
            lambda: mean_average_precision([TWO], [{**GUESS, "boxes": [A, [0, 0, 1, np.inf]]}]),
            DataError,
            "finite",
        ),
        (
            lambda: mean_average_precision([{"boxes": [[A]], "labels": [1]}], [GUESS]),
            ShapeError,
            r"\(n, 4\). Got \(1, 1, 4\)",
        ),
        (lambda: MeanAveragePrecision(1.5), ArgumentError, "Got 1.5"),
        (lambda: MeanAveragePrecision([]), ArgumentError, "Got none"),
        (lambda: average_precision([True], [0.5], 0), ArgumentError, "more hits than objects"),
        (lambda: average_precision([True], [0.5, 0.4], 2), ShapeError, "one score"),
        (lambda: average_precision([[True]], [0.5], 2), ShapeError, r"\(n,\)"),
        (lambda: average_precision([0.5], [0.5], 2), DataError, "true or false"),
    ],
)
def test_bad_input_is_refused(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_mistake_in_one_image_leaves_no_half() -> None:
    metric = MeanAveragePrecision()
    with pytest.raises(ArgumentError):
        metric.update_state([TWO, TWO], [GUESS, {}])
    assert metric.result_by_class() == {}
