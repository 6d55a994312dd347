"""MNIST: 70,000 handwritten digits of 28x28 pixels, looked up on this machine or downloaded once.

Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits", 1998.
"""

from __future__ import annotations

import os

from glassgrad.datasets.idx_folder import Arrays
from glassgrad.datasets.published import Published

__all__ = ["MNIST", "load_data"]

MNIST = Published(
    "MNIST",
    "mnist",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
    is_at_the_top=True,
)


def load_data(path: str | os.PathLike[str] | None = None) -> Arrays:
    """Load MNIST from a folder, or else find it, or else download it.

    Without `path` it is looked for in the folder that the environment variable `GLASSGRAD_DATA`
    names and in that folder's `mnist`, then in the user's cache folder. If it is in none of them,
    it is downloaded into the cache folder (11 MB) and checked against its published SHA-256 sums.

    Args:
        path: The folder with the four IDX files, plain or ending in `.gz`. Nothing is downloaded
            when it is given.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: 60,000 and 10,000 images of shape (28, 28) with
        values from 0 to 255, and labels from 0 to 9, all uint8.

    Raises:
        FileError: `path` lacks a file, a file is damaged, or nothing is on this machine and the
            download failed.

    Examples:
        >>> load_data("no such folder")
        Traceback (most recent call last):
        glassgrad.errors.FileError: A data set in a folder is four IDX files, ...
    """
    return MNIST.load(path)
