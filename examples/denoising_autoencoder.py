"""A denoising autoencoder: digits under heavy noise, cleaned.

The picture is pressed into a quarter of its height and width and drawn anew from that. Only what
digits have in common passes; noise, which has nothing in common, does not (Vincent et al.,
"Extracting and composing robust features with denoising autoencoders", 2008). It is never shown the
same noise twice, and never a test digit.

    python examples/denoising_autoencoder.py
    python examples/denoising_autoencoder.py --full --data FOLDER
"""

from __future__ import annotations

from typing import Any

import numpy as np
from command_line import run

from glassgrad import datasets, set_random_seed
from glassgrad.layers import Conv2D, Conv2DTranspose, GaussianNoise, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import CosineDecay

Array = np.ndarray[Any, Any]

NOISE = 0.5  # its standard deviation; black is 0, white is 1
BATCH = 128
EPOCHS = {"small": 15, "full": 5}


def network(side: int) -> Sequential:
    """From noisy pictures (side, side, 1) to clean ones; noise is added while it trains."""
    return Sequential(
        [
            Input((side, side, 1)),
            GaussianNoise(NOISE),
            Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            Conv2D(64, 3, strides=2, padding="same", activation="relu"),
            Conv2D(64, 3, padding="same", activation="relu"),
            Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu"),
            Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
            Conv2D(1, 3, padding="same", activation="sigmoid"),
        ]
    )


def pictures(images: Array) -> Array:
    """Images (n, side, side) with values from 0 on, as (n, side, side, 1) from 0 to 1."""
    return (images[..., None] / images.max()).astype("float32")


def main(scale: str = "small", data: str | None = None, seed: int = 0) -> dict[str, float]:
    """Train, and give how far noisy and cleaned test digits are from what they were."""
    set_random_seed(seed)
    loaded = datasets.mnist.load_data(data) if scale == "full" else datasets.digits.load_data()
    train, test = (pictures(images) for images, _ in loaded)
    model = network(train.shape[1])
    steps = EPOCHS[scale] * -(-len(train) // BATCH)
    model.compile(Adam(CosineDecay(2e-3, steps)), "mse")
    model.fit(train, train, BATCH, EPOCHS[scale], verbose=0)
    noise = np.random.default_rng(seed).normal(0, NOISE, test.shape)
    noisy = test + noise.astype("float32")
    cleaned = model.predict(noisy, 500, verbose=0)
    return {
        "mean squared error of the noisy digits": float(np.mean((noisy - test) ** 2)),
        "mean squared error of the cleaned digits": float(np.mean((cleaned - test) ** 2)),
    }


if __name__ == "__main__":
    run(main)
