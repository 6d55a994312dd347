"""Images as the arrays that a network takes: of one size, and of one number of channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.errors import ShapeError
from glassgrad.preprocessing import targets
from glassgrad.preprocessing.base import Preprocessing, register
from glassgrad.preprocessing.column import Array
from glassgrad.preprocessing.targets import Target

__all__ = ["ImageEncoder"]


@register()
class ImageEncoder(Preprocessing):
    """The size that images are brought to, and the classes that they belong to.

    Args:
        height: In pixels.
        width: In pixels.
        channels: 1 for shades of grey, 3 for red, green and blue.
        target: The classes.

    Examples:
        >>> from glassgrad.preprocessing.targets import ClassTarget
        >>> encoder = ImageEncoder(8, 8, 1, ClassTarget("class", ["cat", "dog"]))
        >>> encoder.shape
        (8, 8)
    """

    def __init__(self, height: int, width: int, channels: int, target: Any) -> None:
        self.height, self.width, self.channels = height, width, channels
        self.target = target if isinstance(target, Target) else targets.deserialize(target)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: (height, width), and (…, 3) with colours."""
        size = (self.height, self.width)
        return size if self.channels == 1 else (*size, self.channels)

    def report(self) -> list[tuple[str, str]]:
        """What is done to an image, and the classes."""
        colours = "shades of grey" if self.channels == 1 else "colours"
        size = f"{self.width} x {self.height} pixels, in {colours}"
        return [("images", size), (self.target.name, self.target.described())]

    def inputs(self, data: Any) -> Array:
        """The images, once their shape is known to be right.

        Args:
            data: The images, (images, *shape).

        Raises:
            ShapeError: It is not.
        """
        images: Array = np.asarray(data)
        if images.shape[1:] != self.shape:
            raise ShapeError(
                f"The network takes images of shape {self.shape}. Got {images.shape[1:]}."
            )
        return images
