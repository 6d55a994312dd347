"""Boxes around objects: the ways to write them down, and how far two of them are the same.

Every format is a linear map of the corners, so a table of matrices holds all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, DataError, DtypeError, ShapeError, UnknownNameError
from glassgrad.graph.dtypes import resolve_dtype, to_array
from glassgrad.graph.operation import Array

__all__ = ["clip_to_image_size", "compute_iou", "convert_format", "corners_of", "pairwise_iou"]

# Left, top, right and bottom of a box, as sums of its four numbers.
CORNERS = {
    "xyxy": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
    "yxyx": [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]],
    "xywh": [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1]],
    "center_xywh": [[1, 0, -0.5, 0], [0, 1, 0, -0.5], [1, 0, 0.5, 0], [0, 1, 0, 0.5]],
    "center_yxhw": [[0, 1, 0, -0.5], [1, 0, -0.5, 0], [0, 1, 0, 0.5], [1, 0, 0.5, 0]],
}
RELATIVE = "rel_"
FORMATS = (*CORNERS, *(RELATIVE + name for name in CORNERS))


@checked
def convert_format(
    boxes: Any,
    source: str,
    target: str,
    height: float | None = None,
    width: float | None = None,
    dtype: DTypeLike = "float32",
) -> Any:
    """The same boxes in another format.

    The formats are "xyxy" (left, top, right, bottom), "yxyx" (top, left, bottom, right), "xywh"
    (left, top, width, height), "center_xywh" and "center_yxhw" (center and size); each of them
    with "rel_" before it is relative to the size of the image: from 0 to 1.

    Args:
        boxes: (…, 4), or a mapping that has them under "boxes", and keeps the rest.
        source: the format that they have, in lower case or not.
        target: the format that they get.
        height: of the image; needed where just one of the formats is relative.
        width: of the image.
        dtype: a float type.

    Returns:
        (…, 4), or the mapping with them.

    Raises:
        UnknownNameError: there is no such format.
        ShapeError: a box has not four numbers.
        DataError: a number is not finite.
        ArgumentError: the size of the image is needed and missing, or not above 0.

    Example:
        >>> convert_format([[10, 20, 30, 60]], "xyxy", "center_xywh")
        array([[20., 40., 20., 40.]], dtype=float32)
        >>> convert_format([[10, 20, 30, 60]], "xyxy", "rel_yxyx", height=100, width=50)
        array([[0.2, 0.2, 0.6, 0.6]], dtype=float32)
    """
    if isinstance(boxes, Mapping):
        if "boxes" not in boxes:
            raise ArgumentError(f'A mapping must have "boxes". Got the keys {sorted(boxes)}.')
        converted = convert_format(boxes["boxes"], source, target, height, width, dtype)
        return {**boxes, "boxes": converted}
    chosen = resolve_dtype(dtype)
    if chosen.kind != "f":
        raise DtypeError(f"Boxes have a float type. Got {chosen}.")
    from_source, source_is_relative = _format(source)
    from_target, target_is_relative = _format(target)
    corners = checked_boxes(boxes) @ from_source.T
    if source_is_relative != target_is_relative:
        size = _size(height, width)
        corners = corners * size if source_is_relative else corners / size
    return to_array(corners @ np.linalg.inv(from_target).T, chosen)


@checked
def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Sequence[int] | None = None,
) -> Array:
    """Intersection over union of every box of one set with every box of another.

    The area that two boxes have in common, divided by the area of both together: 1 for the same
    box, 0 for boxes apart, and 0 where neither has an area.

    Args:
        boxes1: (…, n, 4).
        boxes2: (…, m, 4); the leading axes broadcast.
        bounding_box_format: see ``convert_format``.
        use_masking: whether pairs with a box whose numbers are all negative get ``mask_val``:
            such boxes fill up the rows of a batch.
        mask_val: what they get.
        image_shape: (height, width, channels) of the image; relative boxes are the same without.

    Returns:
        (…, n, m), float64.

    Raises:
        UnknownNameError: there is no such format.
        ShapeError: the shapes do not fit.
        DataError: a number is not finite.

    Example:
        >>> compute_iou([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 3, 2]], "xyxy").round(4)
        array([[1.    , 0.3333]])
    """
    scale = np.ones(4)
    if image_shape is not None and _format(bounding_box_format)[1]:
        scale = _size(*_height_and_width(image_shape))
    first, second = (corners_of(boxes, bounding_box_format) * scale for boxes in (boxes1, boxes2))
    if first.ndim < 2 or second.ndim < 2:
        raise ShapeError(f"Boxes have the shape (…, n, 4). Got {first.shape} and {second.shape}.")
    found = pairwise_iou(first, second)
    if use_masking:
        fills = [checked_boxes(boxes).max(axis=-1) < 0 for boxes in (boxes1, boxes2)]
        found = np.where(fills[0][..., :, None] | fills[1][..., None, :], mask_val, found)
    return found


@checked
def clip_to_image_size(
    bounding_boxes: Mapping[str, Any],
    height: float | None = None,
    width: float | None = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Any]:
    """Boxes cut at the edges of the image; a label whose box vanishes becomes -1.

    Args:
        bounding_boxes: "boxes" (…, 4), and where there are any "labels" (…).
        height: of the image; not needed for relative boxes.
        width: of the image.
        bounding_box_format: see ``convert_format``.

    Raises:
        ArgumentError: there are no boxes, or the size of the image is missing.

    Example:
        >>> clip_to_image_size({"boxes": [[-1.0, 2.0, 5.0, 9.0]]}, height=4, width=8)["boxes"]
        array([[0., 2., 5., 4.]], dtype=float32)
    """
    if "boxes" not in bounding_boxes:
        raise ArgumentError(f'There must be "boxes". Got the keys {sorted(bounding_boxes)}.')
    is_relative = _format(bounding_box_format)[1]
    corner_format = RELATIVE + "xyxy" if is_relative else "xyxy"
    size = np.ones(4) if is_relative else _size(height, width)
    corners = corners_of(bounding_boxes["boxes"], bounding_box_format).clip(0, size)
    cut = {
        **bounding_boxes,
        "boxes": convert_format(corners, corner_format, bounding_box_format),
    }
    if "labels" in cut:
        is_left = area_of(corners) > 0
        if np.shape(cut["labels"]) != is_left.shape:
            raise ShapeError(
                f"There must be a label for each box, of shape {is_left.shape}. Got labels of "
                f"shape {np.shape(cut['labels'])}."
            )
        cut["labels"] = np.where(is_left, cut["labels"], -1)
    return cut


def corners_of(boxes: Any, bounding_box_format: str) -> Array:
    """Left, top, right and bottom of boxes, in float64; relative ones stay so."""
    return checked_boxes(boxes) @ _format(bounding_box_format)[0].T


def pairwise_iou(first: Array, second: Array) -> Array:
    """Intersection over union of corners (…, n, 4) and (…, m, 4): (…, n, m)."""
    a, b = first[..., :, None, :], second[..., None, :, :]
    inner = np.concatenate(
        [np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])], -1
    )
    common = area_of(inner)
    union = area_of(a) + area_of(b) - common
    shares: Array = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return shares


def area_of(corners: Array) -> Array:
    """Width times height; 0 where an edge lies on the wrong side of its opposite."""
    sides: Array = (corners[..., 2:] - corners[..., :2]).clip(min=0)
    area: Array = sides[..., 0] * sides[..., 1]
    return area


def checked_boxes(boxes: Any) -> Array:
    """Boxes as float64.

    Raises:
        ShapeError: a box has not four numbers.
        DataError: they are no numbers, or not finite.
    """
    found = as_numbers(boxes, "Boxes must be numbers, four for each.")
    if found.size == 0 and found.ndim == 1:
        found = found.reshape(0, 4)  # an empty list
    if found.shape[-1:] != (4,):
        raise ShapeError(f"Boxes have the shape (…, 4). Got {found.shape}.")
    if not np.isfinite(found).all():
        raise DataError("The numbers of boxes must be finite. Got inf or nan among them.")
    return found


def as_numbers(values: Any, rule: str) -> Array:
    """Values as float64.

    Raises:
        DataError: they are no numbers; the rule begins the message.
    """
    try:
        return to_array(values, "float64")
    except DtypeError as error:
        raise DataError(f"{rule} {error}") from None


def _format(name: str) -> tuple[Array, bool]:
    """The matrix of a format, and whether it is relative."""
    lower = name.lower()
    if lower not in FORMATS:
        raise UnknownNameError("format of boxes", name, FORMATS)
    return np.array(CORNERS[lower.removeprefix(RELATIVE)], dtype=float), lower.startswith(RELATIVE)


def _size(height: float | None, width: float | None) -> Array:
    """By what corners relative to an image are multiplied."""
    if height is None or width is None:
        raise ArgumentError(
            f"The height and the width of the image are needed. Got {height} and {width}."
        )
    if not (0 < height < np.inf and 0 < width < np.inf):
        raise ArgumentError(f"An image has a size above 0. Got {height} and {width}.")
    return np.array([width, height, width, height], dtype=float)


def _height_and_width(image_shape: Sequence[int]) -> tuple[int, int]:
    if len(image_shape) != 3:
        raise ArgumentError(f"image_shape is (height, width, channels). Got {tuple(image_shape)}.")
    return image_shape[0], image_shape[1]
