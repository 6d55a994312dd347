"""The recipe that all jobs follow: the same network, optimizer, batches and target.

784-256-128-10 with relu, Glorot's uniform kernels and zero biases; Adam, whose learning rate
falls from epoch to epoch; batches of 32 in a new order each epoch; pixels between 0 and 1. After
each epoch the accuracy on the test images is taken; training ends when it is 98 %.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = [
    "BATCH", "HIDDEN", "MOST_EPOCHS", "TARGET",
    "arguments", "epsilon", "learning_rate", "read", "report",
]  # fmt: skip

HIDDEN = (256, 128)
BATCH = 32
MOST_EPOCHS = 20
TARGET = 0.98
epsilon = 1e-8

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


def learning_rate(epoch: int, _rate: float = 0.0) -> float:
    """The learning rate of an epoch, counted from 0.

    Example:
        >>> learning_rate(0)
        0.0015
    """
    return float(max(1.5e-3 * 0.3**epoch, 1e-4))


def arguments() -> tuple[Path, int, str]:
    """The folder with the files, the seed, and the variant, as the script was called."""
    folder, seed, variant = sys.argv[1:]
    return Path(folder), int(seed), variant


def read(folder: Path) -> tuple[Images, Labels, Images, Labels]:
    """Images for training, their labels, and those for the test; pixels from 0 to 1."""
    found = []
    for part in ("train", "t10k"):
        pixels = _bytes_of(folder / f"{part}-images-idx3-ubyte", skip=16)
        labels = _bytes_of(folder / f"{part}-labels-idx1-ubyte", skip=8)
        images = pixels.reshape(len(labels), -1).astype(np.float32)
        images /= 255
        found += [images, labels.astype(np.int32)]
    x, y, x_test, y_test = found
    return x, y, x_test, y_test


def _bytes_of(path: Path, skip: int) -> npt.NDArray[np.uint8]:
    zipped = path.with_name(f"{path.name}.gz")
    content = gzip.decompress(zipped.read_bytes()) if zipped.exists() else path.read_bytes()
    return np.frombuffer(content, np.uint8, offset=skip)


def report(epochs: int, accuracy: float) -> None:
    """Tell what was reached; nothing else may be printed."""
    print(json.dumps({"epochs": epochs, "accuracy": float(accuracy)}))
