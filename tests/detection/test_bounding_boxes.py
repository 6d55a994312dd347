"""Boxes in every format, and their overlaps, against pixels counted one by one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from glassgrad import utils
from glassgrad.detection import clip_to_image_size, compute_iou, convert_format
from glassgrad.detection.bounding_boxes import FORMATS
from glassgrad.errors import ArgumentError, DataError, DtypeError, ShapeError, UnknownNameError

# The box from 10 to 30 across and from 20 to 60 down, of an image 200 wide and 100 high.
SAME: dict[str, list[float]] = {
    "xyxy": [10, 20, 30, 60],
    "yxyx": [20, 10, 60, 30],
    "xywh": [10, 20, 20, 40],
    "center_xywh": [20, 40, 20, 40],
    "center_yxhw": [40, 20, 40, 20],
    "rel_xyxy": [0.05, 0.2, 0.15, 0.6],
    "rel_yxyx": [0.2, 0.05, 0.6, 0.15],
    "rel_xywh": [0.05, 0.2, 0.1, 0.4],
    "rel_center_xywh": [0.1, 0.4, 0.1, 0.4],
    "rel_center_yxhw": [0.4, 0.1, 0.4, 0.1],
}


def test_the_table_has_every_format() -> None:
    assert set(SAME) == set(FORMATS)


@pytest.mark.parametrize("source, target", list(product(SAME, SAME)))
def test_a_box_is_the_same_in_every_format(source: str, target: str) -> None:
    boxes = np.array([[SAME[source]] * 3] * 2)
    found = convert_format(boxes, source, target, height=100, width=200, dtype="float64")
    assert found.shape == (2, 3, 4)
    assert found == pytest.approx(np.broadcast_to(SAME[target], (2, 3, 4)), abs=1e-12)


def test_the_size_is_needed_only_between_relative_and_absolute() -> None:
    found = convert_format([SAME["rel_xywh"]], "rel_xywh", "REL_yxyx")
    assert found[0] == pytest.approx(SAME["rel_yxyx"])
    assert found.dtype == "float32"
    with pytest.raises(ArgumentError, match="height and the width of the image are needed"):
        convert_format([SAME["xyxy"]], "xyxy", "rel_xyxy", height=100)


def test_a_mapping_keeps_the_rest() -> None:
    given = {"boxes": [SAME["xyxy"]], "labels": [7]}
    found = convert_format(given, "xyxy", "xywh")
    assert found["labels"] == [7]
    assert found["boxes"].tolist() == [SAME["xywh"]]
    assert given["boxes"] == [SAME["xyxy"]]


def test_no_boxes_stay_none() -> None:
    for none in ([], np.zeros((0, 4)), np.zeros((2, 0, 4))):
        found = convert_format(none, "xyxy", "center_yxhw")
        assert found.size == 0
        assert found.shape[-1] == 4
    assert compute_iou([], [SAME["xyxy"]], "xyxy").shape == (0, 1)


def pixels(box: Any, size: int = 12) -> Any:
    left, top, right, bottom = box
    picture = np.zeros((size, size), dtype=bool)
    picture[top:bottom, left:right] = True
    return picture


def test_overlaps_are_counted_in_pixels() -> None:
    rng = np.random.default_rng(0)
    first, second = (np.sort(rng.integers(0, 12, (n, 2, 2)), axis=1).reshape(n, 4) for n in (9, 7))
    found = compute_iou(first, second, "xyxy")
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            both = (pixels(a) & pixels(b)).sum()
            either = (pixels(a) | pixels(b)).sum()
            assert found[i, j] == pytest.approx(both / either if either else 0.0)
    assert found.max() > 0.4
    assert compute_iou(second, first, "xyxy") == pytest.approx(found.T)


@pytest.mark.parametrize(
    "name, a, b, share",
    [
        ("the same", [0, 0, 2, 2], [0, 0, 2, 2], 1.0),
        ("side by side", [0, 0, 2, 2], [2, 0, 4, 2], 0.0),
        ("at a corner", [0, 0, 2, 2], [2, 2, 4, 4], 0.0),
        ("one inside the other", [0, 0, 4, 4], [1, 1, 3, 3], 0.25),
        ("a line", [0, 0, 4, 0], [0, 0, 4, 4], 0.0),
        ("a point and itself", [1, 1, 1, 1], [1, 1, 1, 1], 0.0),
        ("inside out", [3, 3, 1, 1], [1, 1, 3, 3], 0.0),
        ("outside the image", [-4, -4, -2, -2], [-4, -4, -2, -3], 0.5),
        ("huge", [-1e30, -1e30, 1e30, 1e30], [0, 0, 1e30, 1e30], 0.25),
    ],
)
def test_overlaps_at_the_ends(name: str, a: Any, b: Any, share: float) -> None:
    assert compute_iou([a], [b], "xyxy") == pytest.approx(np.array([[share]]))


def test_batches_broadcast_and_fillings_are_masked() -> None:
    batch = np.array([[[0, 0, 2, 2], [-1, -1, -1, -1]], [[0, 0, 4, 4], [1, 1, 3, 3]]])
    single = np.array([[0, 0, 2, 2], [-1, -1, -1, -1], [2, 2, 4, 4]])
    found = compute_iou(batch, single, "xyxy", use_masking=True)
    assert found.tolist() == [
        [[1, -1, 0], [-1, -1, -1]],
        [[0.25, -1, 0.25], [1 / 7, -1, 1 / 7]],
    ]
    assert compute_iou(single, batch, "xyxy").shape == (2, 3, 2)


def test_relative_boxes_overlap_as_absolute_ones_do() -> None:
    boxes = [[0.0, 0.0, 0.5, 0.5], [0.25, 0.0, 0.75, 0.5]]
    plain = compute_iou(boxes, boxes, "rel_xyxy")
    assert plain == pytest.approx(compute_iou(boxes, boxes, "rel_xyxy", image_shape=(100, 50, 3)))
    assert plain[0, 1] == pytest.approx(1 / 3)


def test_boxes_are_cut_at_the_edges() -> None:
    cut = clip_to_image_size(
        {"boxes": np.array([[-5.0, 1, 3, 9], [9, 9, 12, 12], [1, 1, 2, 2]]), "labels": [4, 5, 6]},
        height=8,
        width=8,
    )
    assert cut["boxes"].tolist() == [[0, 1, 3, 8], [8, 8, 8, 8], [1, 1, 2, 2]]
    assert cut["labels"].tolist() == [4, -1, 6]
    relative = clip_to_image_size({"boxes": [[0.5, 0.5, 1.0, 0.2]]}, None, None, "rel_center_xywh")
    assert relative["boxes"] == pytest.approx(np.array([[0.5, 0.5, 1.0, 0.2]]))


def test_the_module_is_where_keras_has_it() -> None:
    assert utils.bounding_boxes.compute_iou is compute_iou


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda: convert_format([[1, 2, 3]], "xyxy", "xywh"),
            ShapeError,
            r"\(…, 4\). Got \(1, 3\)",
        ),
        (lambda: convert_format(7, "xyxy", "xywh"), ShapeError, r"Got \(\)"),
        (lambda: convert_format([[0, 0, 1, np.nan]], "xyxy", "xywh"), DataError, "finite"),
        (lambda: convert_format([["a", 0, 1, 1]], "xyxy", "xywh"), DataError, "must be numbers"),
        (lambda: convert_format([[0, 0, 1, 1], [1]], "xyxy", "xywh"), DataError, "four for each"),
        (lambda: convert_format([SAME["xyxy"]], "xyxy", "xyhw"), UnknownNameError, "'xywh'"),
        (
            lambda: convert_format([SAME["xyxy"]], "xyxy", "xywh", dtype="int32"),
            DtypeError,
            "int32",
        ),
        (lambda: convert_format({"box": []}, "xyxy", "xywh"), ArgumentError, r"\['box'\]"),
        (
            lambda: convert_format([SAME["xyxy"]], "xyxy", "rel_xyxy", height=0, width=5),
            ArgumentError,
            "above 0. Got 0",
        ),
        (lambda: compute_iou([0, 0, 1, 1], [[0, 0, 1, 1]], "xyxy"), ShapeError, r"\(…, n, 4\)"),
        (
            lambda: compute_iou([[0, 0, 1, 1]], [[0, 0, 1, 1]], "rel_xyxy", image_shape=(5, 5)),
            ArgumentError,
            r"\(height, width, channels\)",
        ),
        (lambda: clip_to_image_size({"boxes": [[0, 0, 1, 1]]}), ArgumentError, "are needed"),
        (lambda: clip_to_image_size({"labels": []}, 5, 5), ArgumentError, r"\['labels'\]"),
    ],
)
def test_bad_input_is_refused(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


def test_there_is_a_label_for_each_box_that_is_cut() -> None:
    with pytest.raises(ShapeError, match=r"a label for each box, of shape \(1,\)"):
        clip_to_image_size({"boxes": [[0.0, 0.0, 1.0, 1.0]], "labels": [0, 1]}, height=4, width=4)


@pytest.mark.parametrize("boxes", [np.ones((1, 4), complex), [[1.0, 2.0], [3.0]]])
def test_boxes_are_real_numbers(boxes: Any) -> None:
    with pytest.raises(DataError, match="four for each"):
        convert_format(boxes, "xyxy", "xywh")


def test_numbers_too_large_for_the_dtype_are_refused() -> None:
    with pytest.raises(DtypeError, match="float32"):
        convert_format([[0.0, 0.0, 1e300, 1e300]], "xyxy", "xywh")
