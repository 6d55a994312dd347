"""Fashion-MNIST: 70,000 articles of clothing of 28x28 pixels, found here or downloaded once.

H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
learning algorithms", 2017, https://arxiv.org/abs/1708.07747, licensed MIT.
"""

from __future__ import annotations

import os

from glassgrad.datasets.idx_folder import Arrays
from glassgrad.datasets.published import Published

__all__ = ["CLASSES", "FASHION_MNIST", "load_data"]

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
"""What the labels from 0 to 9 mean."""

FASHION_MNIST = Published(
    "Fashion-MNIST",
    "fashion_mnist",
    (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
)


def load_data(path: str | os.PathLike[str] | None = None) -> Arrays:
    """Load Fashion-MNIST from a folder, or else find it, or else download it.

    Without `path` it is looked for in `fashion_mnist` of the folder that the environment variable
    `GLASSGRAD_DATA` names, then in the user's cache folder. If it is in neither, it is downloaded
    into the cache folder (31 MB) and checked against its SHA-256 sums.

    Args:
        path: The folder with the four IDX files, plain or ending in `.gz`. Nothing is downloaded
            when it is given.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: 60,000 and 10,000 images of shape (28, 28) with
        values from 0 to 255, and labels from 0 to 9, all uint8; `CLASSES` says what they mean.

    Raises:
        FileError: `path` lacks a file, a file is damaged, or nothing is on this machine and the
            download failed.

    Examples:
        >>> load_data("no such folder")
        Traceback (most recent call last):
        glassgrad.errors.FileError: A data set in a folder is four IDX files, ...
    """
    return FASHION_MNIST.load(path)
