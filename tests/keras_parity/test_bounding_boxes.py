"""Boxes as Keras's ``utils.bounding_boxes`` has them."""

from __future__ import annotations

import inspect
from itertools import product
from typing import Any

import numpy as np
import pytest

from glassgrad.utils import bounding_boxes
from tests.keras_parity.comparison import as_array

FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx",
           "rel_xywh", "rel_center_xywh")  # fmt: skip
PLACES = np.random.default_rng(0).uniform(0, 50, (2, 5, 2))
BOXES = np.concatenate([PLACES, PLACES + np.random.default_rng(1).uniform(1, 50, (2, 5, 2))], -1)
NAMES = ("convert_format", "compute_iou", "clip_to_image_size")


@pytest.mark.parametrize("name", NAMES)
def test_arguments(name: str, keras: Any) -> None:
    ours, theirs = (
        [(one.name, one.default) for one in inspect.signature(function).parameters.values()]
        for function in (
            getattr(bounding_boxes, name),
            getattr(keras.utils.bounding_boxes, name),
        )
    )
    assert ours == theirs


@pytest.mark.parametrize("source, target", list(product(FORMATS, FORMATS)))
def test_formats(source: str, target: str, keras: Any) -> None:
    given = bounding_boxes.convert_format(BOXES, "xyxy", source, height=80, width=120)
    ours, theirs = (
        as_array(module.convert_format(given, source, target, height=80, width=120))
        for module in (bounding_boxes, keras.utils.bounding_boxes)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("boxes_format", ["xyxy", "yxyx", "center_xywh"])
def test_intersections_over_unions(boxes_format: str, keras: Any) -> None:
    boxes = BOXES.astype("float32")
    ours, theirs = (
        as_array(module.compute_iou(boxes, boxes[:, :3], boxes_format))
        for module in (bounding_boxes, keras.utils.bounding_boxes)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_edges(keras: Any) -> None:
    given = {"boxes": (BOXES * 2 - 30).astype("float32"), "labels": np.arange(10).reshape(2, 5)}
    ours, theirs = (
        module.clip_to_image_size(dict(given), height=80, width=60)
        for module in (bounding_boxes, keras.utils.bounding_boxes)
    )
    for key in given:
        np.testing.assert_allclose(as_array(ours[key]), as_array(theirs[key]), atol=1e-5)
    assert (ours["labels"] == -1).any()
