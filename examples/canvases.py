"""Canvases with several handwritten digits among clutter: what there is to find, and where.

Fragments of digits, strokes and noise lie about: they look like parts of digits, and are none. On
top of them are whole digits, of several scales, each in a box that it shares with nothing else.

    python examples/canvases.py
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad import datasets

Array = np.ndarray[Any, Any]

INK = 128  # from here on a pixel belongs to a digit
TRIES = 20  # places that are tried for a digit before it is left out


@dataclass(frozen=True)
class Canvases:
    """Pictures, and what is on them.

    Args:
        images: (pictures, size, size, 1), uint8.
        classes: (pictures, size, size), 0 for the background, else 1 + the digit.
        boxes: for each picture (digits, 4): left, top, right, bottom, in pixels.
        labels: for each picture (digits,).
    """

    images: Array
    classes: Array
    boxes: list[Array]
    labels: list[Array]


def draw(
    digits: tuple[Array, Array],
    pictures: int,
    size: int,
    most: int = 5,
    clutter: int = 6,
    seed: int = 0,
) -> Canvases:
    """Draw pictures.

    Args:
        digits: images (n, height, width) with values from 0 to 255, and their labels.
        pictures: how many are drawn.
        size: their height and width.
        most: the largest number of digits on a picture; the smallest is 2, if there is room.
        clutter: how many fragments, and half as many strokes.
        seed: of everything that is random.
    """
    rng = np.random.default_rng(seed)
    images, labels = digits
    canvases = [Canvas(size) for _ in range(pictures)]
    for canvas in canvases:
        for _ in range(clutter):
            canvas.add_fragment(images[rng.integers(len(images))], rng)
        for _ in range(clutter // 2):
            canvas.add_stroke(rng)
        for _ in range(rng.integers(2, most + 1)):
            chosen = rng.integers(len(images))
            canvas.add_digit(images[chosen], int(labels[chosen]), rng)
        canvas.add_noise(rng)
    return Canvases(
        np.stack([canvas.image for canvas in canvases])[..., None],
        np.stack([canvas.classes for canvas in canvases]),
        [np.array(canvas.boxes, dtype="float32").reshape(-1, 4) for canvas in canvases],
        [np.array(canvas.labels, dtype="int32") for canvas in canvases],
    )


class Canvas:
    """One picture while it is drawn."""

    def __init__(self, size: int) -> None:
        self.image = np.zeros((size, size), dtype="uint8")
        self.classes = np.zeros((size, size), dtype="uint8")
        self.boxes: list[tuple[int, int, int, int]] = []
        self.labels: list[int] = []

    def add_fragment(self, image: Array, rng: np.random.Generator) -> None:
        """A piece of a digit, too small to be one: a quarter as high and as wide."""
        side = len(image) // 4
        left, top = rng.integers(side, len(image) - 2 * side + 1, 2)
        self._paint(image[top : top + side, left : left + side], *self._place(side, side, rng))

    def add_stroke(self, rng: np.random.Generator) -> None:
        """A straight line, one pixel thick, from somewhere to somewhere else."""
        size = len(self.image)
        start, end = rng.uniform(0, size, (2, 2))
        points = (start + np.linspace(0, 1, size)[:, None] * (end - start)).astype(int)
        self.image[points[:, 0], points[:, 1]] = 200

    def add_digit(self, image: Array, label: int, rng: np.random.Generator) -> None:
        """A digit of some scale where no other is; none if there seems to be no such place."""
        digit = scaled(cropped(image), rng.uniform(0.8, 1.25))
        height, width = digit.shape
        for _ in range(TRIES):
            top, left = self._place(height, width, rng)
            box = (left, top, left + width, top + height)
            if not any(overlap(box, other) for other in self.boxes):
                place = slice(top, top + height), slice(left, left + width)
                self.image[place] = digit
                self.classes[place][digit >= INK] = 1 + label
                self.boxes.append(box)
                self.labels.append(label)
                return

    def add_noise(self, rng: np.random.Generator) -> None:
        """Every pixel a little lighter or darker."""
        noisy = self.image + rng.normal(0, 8, self.image.shape)
        self.image = np.clip(noisy, 0, 255).astype("uint8")

    def _place(self, height: int, width: int, rng: np.random.Generator) -> tuple[int, int]:
        size = len(self.image)
        return int(rng.integers(size - height + 1)), int(rng.integers(size - width + 1))

    def _paint(self, patch: Array, top: int, left: int) -> None:
        area = self.image[top : top + patch.shape[0], left : left + patch.shape[1]]
        np.maximum(area, patch, out=area)


def cropped(image: Array) -> Array:
    """The part with ink."""
    rows, columns = (np.flatnonzero((image >= INK).any(axis)) for axis in (1, 0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def scaled(image: Array, factor: float) -> Array:
    """Every pixel of the result is its nearest one in the image."""
    rows, columns = (
        np.arange(max(1, round(length * factor))) * length // max(1, round(length * factor))
        for length in image.shape
    )
    return image[rows[:, None], columns]


def overlap(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two boxes have a pixel in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def sources(scale: str, path: str | None) -> Iterator[tuple[Array, Array]]:
    """The digits to train with, and those to test with: MNIST, or the small ones of 8x8 pixels."""
    if scale == "full":
        yield from datasets.mnist.load_data(path)
        return
    for images, labels in datasets.digits.load_data():
        yield (np.minimum(images * 16.0, 255)).astype("uint8"), labels


def main() -> str:
    """One picture, in characters."""
    train, _ = sources("small", None)
    canvases = draw(train, pictures=1, size=32, most=3, seed=3)
    rows = canvases.images[0, ..., 0] // 52
    return "\n".join("".join(" .:*#"[shade] * 2 for shade in row) for row in rows)


if __name__ == "__main__":
    print(main())
