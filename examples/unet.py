"""A U-Net: which pixels of a cluttered canvas belong to a digit, and to which?

The picture is halved three times while the number of channels grows, and doubled three times;
each level on the way up also sees what was at its size on the way down. So every pixel is told by
what is around it (a stroke, or a part of a digit?) and still has its own sharp edge (Ronneberger,
Fischer and Brox, "U-Net", 2015).

    python examples/unet.py
    python examples/unet.py --full --data FOLDER
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from canvases import draw, sources
from command_line import run

from glassgrad import Tensor, layers, losses, ops, set_random_seed
from glassgrad.metrics import BinaryIoU, MeanIoU
from glassgrad.models import Model
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import CosineDecay

CLASSES = 11  # the background and ten digits


@dataclass(frozen=True)
class Settings:
    """What is drawn, and how long is learnt.

    Args:
        size: of a canvas, in pixels.
        filters: of each level, from the full size down.
        pictures: for training, and as many drawn anew for each round.
        rounds: how often canvases are drawn anew.
        test_pictures: canvases of digits that are not among those of the training.
    """

    size: int
    filters: Sequence[int]
    pictures: int
    rounds: int
    test_pictures: int


SETTINGS = {
    "small": Settings(32, (8, 16, 24), 800, 3, 50),
    "full": Settings(64, (12, 24, 48, 96), 4000, 8, 500),
}
BATCH = 16


def convolved(x: Tensor, filters: int) -> Tensor:
    """Two convolutions, each normalised over the batch."""
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return x


def network(settings: Settings) -> Model:
    """From a canvas to the probabilities of the classes at every pixel."""
    *upper, lowest = settings.filters
    inputs = layers.Input((settings.size, settings.size, 1))
    x = layers.Rescaling(1 / 255)(inputs)
    passed = []
    for filters in upper:
        x = convolved(x, filters)
        passed.append(x)
        x = layers.MaxPooling2D()(x)
    x = convolved(x, lowest)
    for filters in reversed(upper):
        x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
        x = convolved(layers.Concatenate()([x, passed.pop()]), filters)
    return Model(inputs, layers.Conv2D(CLASSES, 1, activation="softmax")(x))


def pixel_loss(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """The surprise at the pixels, and what the areas of each class do not share.

    Nearly all pixels are background: the second term lets small areas weigh as much.
    """
    surprise = losses.sparse_categorical_crossentropy(y_true, y_pred)
    apart = losses.dice(ops.one_hot(y_true, CLASSES), y_pred, axis=(0, 1, 2))
    return surprise.mean() + apart.mean()


def main(scale: str = "small", data: str | None = None, seed: int = 0) -> dict[str, float]:
    """Train, and give the mean intersection over union on unseen canvases."""
    settings = SETTINGS[scale]
    set_random_seed(seed)
    train, test = sources(scale, data)
    model = network(settings)
    steps = settings.rounds * -(-settings.pictures // BATCH)
    model.compile(Adam(CosineDecay(0.003, steps)), pixel_loss)
    for round_ in range(settings.rounds):
        canvases = draw(train, settings.pictures, settings.size, seed=seed + round_)
        model.fit(canvases.images, canvases.classes, batch_size=BATCH, verbose=0)
    unseen = draw(test, settings.test_pictures, settings.size, seed=seed + 1_000_000)
    found = model.predict(unseen.images, verbose=0).argmax(axis=-1)
    return {
        "mean intersection over union of the classes": MeanIoU(CLASSES)(unseen.classes, found),
        "the same of digit and background": BinaryIoU()(unseen.classes > 0, found > 0),
    }


if __name__ == "__main__":
    run(main)
