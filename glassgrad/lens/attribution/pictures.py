"""Images beside what a model looks at in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, DataError, ShapeError, shown
from glassgrad.graph.operation import Array
from glassgrad.lens.charts import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["saliency_picture"]

COLOUR_CHANNELS = (1, 3, 4)  # grey; red, green, blue; and how opaque


@checked
def saliency_picture(image: Any, saliency: Any, *, titles: Sequence[str] | None = None) -> Figure:
    """Images, what the outputs look at, and both on top of each other, by Matplotlib.

    Args:
        image: one of shape (height, width) or (height, width, channels), or several.
        saliency: of the same shape; over channels the largest magnitude is shown.
        titles: a text for each image.

    Returns:
        A figure of Matplotlib: ``figure.savefig(path)``, or `charts.save_chart`.

    Raises:
        ShapeError: the shapes differ, or are none of images.
        DataError: there is a value that is no finite number.
        ArgumentError: there are not as many titles as images.
        ExecutionError: Matplotlib is not installed.

    Example:
        >>> chart = saliency_picture(np.ones((4, 4)), np.ones((4, 4)))
        >>> len(chart.axes)
        3
    """
    images, values = _images("image", image), _images("saliency", saliency)
    if images.shape[:3] != values.shape[:3]:
        raise ShapeError(
            f"Images and saliency have the same shape. Got {np.shape(image)} and "
            f"{np.shape(saliency)}."
        )
    names = [""] * len(images) if titles is None else list(titles)
    if len(names) != len(images):
        raise ArgumentError(f"Each image has a title. Got {len(names)} for {len(images)}.")
    chart, axes = figure(6.0, 2.1 * len(images) + 0.2, nrows=len(images), ncols=3, squeeze=False)
    strength = np.abs(values).max(axis=-1)
    for row, (picture, amount, name) in enumerate(zip(images, strength, names, strict=True)):
        grey = {"cmap": "gray", "interpolation": "nearest"}
        heat = {"cmap": "inferno", "interpolation": "nearest", "vmin": 0}
        shown_image = _in_unit_range(picture)
        axes[row, 0].imshow(shown_image, **grey)
        axes[row, 1].imshow(amount, **heat)
        axes[row, 2].imshow(shown_image, **grey)
        axes[row, 2].imshow(amount, **heat, alpha=0.6)
        for axis in axes[row]:
            axis.set_axis_off()
        axes[row, 0].set_title(name)
    for axis, title in zip(axes[0], (names[0] or "image", "saliency", "both"), strict=True):
        axis.set_title(title)
    return chart


def _images(name: str, given: Any) -> Array:
    """Several images with channels: (images, height, width, channels)."""
    try:
        found = np.asarray(given)
    except ValueError:  # lists of unequal lengths
        found = np.asarray("ragged")
    if found.dtype.kind not in "biuf":
        raise DataError(f"{name} must be an array of real numbers. Got {shown(given)}.")
    found = found.astype(np.float64)
    if not np.isfinite(found).all():
        raise DataError(f"{name} must be made of finite numbers. Got NaN or infinity.")
    if found.ndim == 2 or (found.ndim == 3 and found.shape[-1] in COLOUR_CHANNELS):
        found = found[None]
    if found.ndim == 3:
        found = found[..., None]
    if found.ndim != 4 or not found.size:
        raise ShapeError(
            f"{name} must be one image, (height, width) or (height, width, channels), or several. "
            f"Got shape {np.shape(given)}."
        )
    return found


def _in_unit_range(picture: Array) -> Array:
    """Pixels between 0 and 1, grey unless there are three or four channels."""
    low, high = picture.min(), picture.max()
    scaled = (picture - low) / (high - low) if high > low else np.zeros_like(picture)
    return scaled if picture.shape[-1] in COLOUR_CHANNELS[1:] else scaled.mean(axis=-1)
