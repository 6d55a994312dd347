"""A variational autoencoder: a network that learns to draw digits of its own.

The encoder gives a normal distribution of a few numbers z for each picture, the decoder draws a
picture from z. What is made small is the number of nats it takes to send a picture through z: the
surprise at its pixels, given z, and the distance of the distribution of z from N(0, 1) (Kingma and
Welling, "Auto-encoding variational Bayes", 2013). So z drawn from N(0, 1) give new digits.

    python examples/variational_autoencoder.py
    python examples/variational_autoencoder.py --full --data FOLDER
"""

from __future__ import annotations

from typing import Any

import numpy as np
from command_line import run

from glassgrad import Tensor, datasets, losses, ops, random, set_random_seed
from glassgrad.layers import Conv2D, Conv2DTranspose, Dense, Flatten, Input, Layer, Reshape
from glassgrad.models import Model, Sequential
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import CosineDecay

Array = np.ndarray[Any, Any]

NUMBERS = 10  # how many stand for a picture
BATCH = 128
EPOCHS = {"small": 40, "full": 8}


class Sample(Layer):
    """z = mean + exp(log_variance / 2) · noise: random, and yet with a gradient.

    Its distance from N(0, 1), -1/2 sum(1 + log_variance - mean² - exp(log_variance)), is added to
    the loss.
    """

    def call(self, inputs: Tensor) -> Tensor:
        """From (batch, 2 · numbers) to (batch, numbers)."""
        mean, log_variance = ops.split(inputs, 2, axis=-1)
        nats = -0.5 * (1 + log_variance - ops.square(mean) - ops.exp(log_variance)).sum(axis=-1)
        self.add_loss(nats.mean())
        return mean + ops.exp(0.5 * log_variance) * random.normal(mean.shape)


def encoder(side: int) -> Sequential:
    """From pictures (side, side, 1) to means and logarithms of variances."""
    return Sequential(
        [
            Input((side, side, 1)),
            Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            Conv2D(64, 3, strides=2, padding="same", activation="relu"),
            Flatten(),
            Dense(128, activation="relu"),
            Dense(2 * NUMBERS),
        ]
    )


def decoder(side: int) -> Sequential:
    """From z to the logits of the pixels."""
    quarter = side // 4
    return Sequential(
        [
            Input((NUMBERS,)),
            Dense(quarter * quarter * 64, activation="relu"),
            Reshape((quarter, quarter, 64)),
            Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu"),
            Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
            Conv2D(1, 3, padding="same"),
        ]
    )


def surprise(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Nats for the pixels of each picture, from their logits."""
    return losses.binary_crossentropy(y_true, y_pred, from_logits=True).sum(axis=(1, 2))


def pictures(images: Array) -> Array:
    """Images (n, side, side) with values from 0 on, as (n, side, side, 1) from 0 to 1."""
    return (images[..., None] / images.max()).astype("float32")


def drawn(draw: Sequential, count: int, seed: int) -> str:
    """New digits side by side, in characters."""
    z = np.random.default_rng(seed).normal(size=(count, NUMBERS)).astype("float32")
    shades = 1 / (1 + np.exp(-draw.predict(z, verbose=0)[..., 0]))  # (count, side, side)
    rows = (4.99 * np.concatenate(list(shades), axis=1)).astype(int)
    return "\n".join("".join(" .:*#"[shade] * 2 for shade in row).rstrip() for row in rows)


def main(scale: str = "small", data: str | None = None, seed: int = 0) -> dict[str, float]:
    """Train, draw, and give the nats for a test digit."""
    set_random_seed(seed)
    loaded = datasets.mnist.load_data(data) if scale == "full" else datasets.digits.load_data()
    train, test = (pictures(images) for images, _ in loaded)
    side = train.shape[1]
    inputs, draw = Input((side, side, 1)), decoder(side)
    model = Model(inputs, draw(Sample()(encoder(side)(inputs))))
    steps = EPOCHS[scale] * -(-len(train) // BATCH)
    model.compile(Adam(CosineDecay(2e-3, steps)), surprise, metrics=[surprise])
    model.fit(train, train, BATCH, EPOCHS[scale], verbose=0)
    total, of_pixels = model.evaluate(test, test, 500, verbose=0)
    print(drawn(draw, 4, seed))
    return {
        "nats for a test digit": total,
        "of these for its pixels": of_pixels,
        "and for its numbers": total - of_pixels,
    }


if __name__ == "__main__":
    run(main)
