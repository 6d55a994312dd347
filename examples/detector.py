"""A one-stage detector: where on a cluttered canvas are digits, and which?

The network looks at a canvas once. For each cell of a grid it says whether the center of a digit
lies there, where in the cell, how large the digit is, and which of the ten; one loss teaches all
of it. Of boxes that lie on one another the surest remains (Redmon et al., "You only look once",
2016).

    python examples/detector.py
    python examples/detector.py --full --data FOLDER
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from canvases import Array, Canvases, draw, sources
from command_line import run

from glassgrad import Tensor, losses, set_random_seed
from glassgrad.detection import mean_average_precision, non_max_suppression
from glassgrad.layers import BatchNormalization, Conv2D, Input, MaxPooling2D, ReLU, Rescaling
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import CosineDecay


@dataclass(frozen=True)
class Settings:
    """What is drawn, and how long is learnt.

    Args:
        size: of a canvas, in pixels.
        levels: how many filters and convolutions there are at each size of the picture; it is
            halved between two levels.
        pictures: for training, and as many drawn anew for each round.
        rounds: how often canvases are drawn anew.
        test_pictures: canvases of digits that are not among those of the training.
    """

    size: int
    levels: Sequence[tuple[int, int]]
    pictures: int
    rounds: int
    test_pictures: int

    @property
    def cell(self) -> int:
        """The side of a cell of the grid, in pixels."""
        return int(2 ** (len(self.levels) - 1))


SETTINGS = {
    "small": Settings(32, ((8, 1), (16, 2), (24, 2)), 1600, 3, 50),
    "full": Settings(64, ((16, 1), (32, 2), (64, 5)), 4000, 8, 500),
}
BATCH = 32


def network(settings: Settings) -> Sequential:
    """From a canvas to 15 numbers for each cell: is one there, 4 of its box, 10 of its class."""
    model = Sequential([Input((settings.size, settings.size, 1)), Rescaling(1 / 255)])
    for level, (filters, convolutions) in enumerate(settings.levels):
        if level:
            model.add(MaxPooling2D())
        for _ in range(convolutions):
            model.add(Conv2D(filters, 3, padding="same", use_bias=False))
            model.add(BatchNormalization(momentum=0.9))
            model.add(ReLU())
    model.add(Conv2D(15, 1))
    return model


def targets(canvases: Canvases, cell: int) -> Array:
    """What each cell should say: 1 where a center is, x, y, ln width, ln height, the class."""
    side = canvases.images.shape[1] // cell
    grid = np.zeros((len(canvases.images), side, side, 6), dtype="float32")
    for picture, (boxes, labels) in enumerate(zip(canvases.boxes, canvases.labels, strict=True)):
        for box, label in zip(boxes / cell, labels, strict=True):
            x, y = (box[:2] + box[2:]) / 2
            width, height = box[2:] - box[:2]
            place = (picture, int(y), int(x))
            grid[place] = [1, x % 1, y % 1, np.log(width), np.log(height), label]
    return grid


def grid_loss(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Is one there (every cell is asked), where and which (only where one is)."""
    is_there = y_true[..., 0]
    surprise = losses.binary_crossentropy(y_true[..., :1], y_pred[..., :1], from_logits=True)
    misplaced = losses.huber(y_true[..., 1:5], y_pred[..., 1:5])
    confused = losses.sparse_categorical_crossentropy(
        y_true[..., 5], y_pred[..., 5:], from_logits=True
    )
    values = surprise + is_there * (8.0 * misplaced + confused)
    return values.sum(axis=(1, 2))


def detections(grids: Array, cell: int) -> list[dict[str, Array]]:
    """Boxes, scores and labels of each picture, from what the network says of its cells."""
    return [in_one_picture(grid, cell) for grid in grids.astype("float64")]


def in_one_picture(grid: Array, cell: int) -> dict[str, Array]:
    """What is found in one picture, each digit once."""
    rows, columns = np.indices(grid.shape[:2])
    center = grid[..., 1:3] + np.stack([columns, rows], axis=-1)
    half = np.exp(grid[..., 3:5].clip(-5, 5)) / 2
    boxes = cell * np.concatenate([center - half, center + half], axis=-1).reshape(-1, 4)
    powers = np.exp(grid[..., 5:] - grid[..., 5:].max(axis=-1, keepdims=True))
    shares = powers / powers.sum(axis=-1, keepdims=True)
    scores = (shares.max(axis=-1) / (1 + np.exp(-grid[..., 0]))).reshape(-1)
    labels = shares.argmax(axis=-1).reshape(-1)
    kept = non_max_suppression(boxes, scores, iou_threshold=0.5, score_threshold=0.05)
    return {"boxes": boxes[kept], "scores": scores[kept], "labels": labels[kept]}


def of_one_class(pictures: list[dict[str, Array]]) -> list[dict[str, Array]]:
    """The same boxes, whichever digit is in them."""
    return [{**picture, "labels": np.zeros_like(picture["labels"])} for picture in pictures]


def main(scale: str = "small", data: str | None = None, seed: int = 0) -> dict[str, float]:
    """Train, and give the mean average precision on unseen canvases."""
    settings = SETTINGS[scale]
    set_random_seed(seed)
    train, test = sources(scale, data)
    model = network(settings)
    steps = settings.rounds * -(-settings.pictures // BATCH)
    model.compile(Adam(CosineDecay(0.003, steps)), grid_loss)
    for round_ in range(settings.rounds):
        canvases = draw(train, settings.pictures, settings.size, seed=seed + round_)
        grids = targets(canvases, settings.cell)
        model.fit(canvases.images, grids, batch_size=BATCH, verbose=0)
    unseen = draw(test, settings.test_pictures, settings.size, seed=seed + 1_000_000)
    truth = [
        {"boxes": boxes, "labels": labels}
        for boxes, labels in zip(unseen.boxes, unseen.labels, strict=True)
    ]
    found = detections(model.predict(unseen.images, verbose=0), settings.cell)
    return {
        "mean average precision": mean_average_precision(truth, found),
        "the same if all digits were one class": mean_average_precision(
            of_one_class(truth), of_one_class(found)
        ),
    }


if __name__ == "__main__":
    run(main)
