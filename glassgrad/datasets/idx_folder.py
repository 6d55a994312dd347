"""A data set as a folder of four IDX files with MNIST's names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from glassgrad.datasets.idx import read_idx
from glassgrad.errors import DataError, FileError

__all__ = ["FILE_NAMES", "Arrays", "find_file", "is_complete", "read_folder"]

Bytes: TypeAlias = npt.NDArray[np.uint8]
Arrays: TypeAlias = tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]
"""`(x_train, y_train), (x_test, y_test)`, as Keras returns data sets."""

FILE_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
"""The four files, each of which may also end in `.gz`."""


def find_file(folder: Path, name: str) -> Path | None:
    """Find one of the four files, plain or gzipped.

    Args:
        folder: Where to look.
        name: The file's name without `.gz`.

    Returns:
        The path of the plain file, else that of the gzipped one, else None.

    Examples:
        >>> find_file(Path("no such folder"), "train-images-idx3-ubyte") is None
        True
    """
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def is_complete(folder: Path) -> bool:
    """Say whether a folder holds all four files.

    Args:
        folder: Where to look.

    Returns:
        Whether each of the four is there, plain or gzipped.

    Examples:
        >>> is_complete(Path("no such folder"))
        False
    """
    return all(find_file(folder, name) for name in FILE_NAMES)


def read_folder(folder: str | os.PathLike[str]) -> Arrays:
    """Read the images and labels of a folder with MNIST's file names.

    Args:
        folder: The folder with the four files.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images of shape (examples, height, width) and labels
        of shape (examples,), all uint8.

    Raises:
        FileError: A file is missing or damaged, or holds no images or labels.
        DataError: Images and labels do not fit each other.

    Examples:
        >>> (x_train, y_train), (x_test, y_test) = read_folder(
        ...     Path(__file__).with_name("digits_data"))
        >>> x_train.shape, y_test.dtype
        ((1437, 8, 8), dtype('uint8'))
    """
    folder = Path(folder)
    _require_complete(folder)
    x_train, y_train, x_test, y_test = (_read_bytes_array(folder, name) for name in FILE_NAMES)
    _require_one_label_each(x_train, y_train, f"training set of {str(folder)!r}")
    _require_one_label_each(x_test, y_test, f"test set of {str(folder)!r}")
    if x_train.shape[1:] != x_test.shape[1:]:
        raise DataError(
            f"Training and test images must have one size: in {str(folder)!r} they have "
            f"{x_train.shape[1:]} and {x_test.shape[1:]}. Check that the files belong together."
        )
    return (x_train, y_train), (x_test, y_test)


def _require_complete(folder: Path) -> None:
    missing = [name for name in FILE_NAMES if find_file(folder, name) is None]
    if missing:
        raise FileError(
            "A data set in a folder is four IDX files, plain or ending in .gz: "
            f"{', '.join(FILE_NAMES)}. The folder {str(folder)!r} "
            f"{'lacks ' + ', '.join(missing) if folder.is_dir() else 'does not exist'}."
        )


def _read_bytes_array(folder: Path, name: str) -> Bytes:
    path = find_file(folder, name)
    array: npt.NDArray[Any] = read_idx(path or folder / name)
    rank = 3 if "images" in name else 1
    if array.dtype != np.uint8 or array.ndim != rank:
        raise FileError(
            f"{str(path)!r} must hold {rank}-dimensional uint8 data, and holds {array.dtype} of "
            f"shape {array.shape}. Check that the file has the right name."
        )
    return array


def _require_one_label_each(images: Bytes, labels: Bytes, where: str) -> None:
    if len(images) != len(labels) or not len(images):
        raise DataError(
            f"Every image needs one label, and there must be at least one: the {where} has "
            f"{len(images)} images and {len(labels)} labels. Check that the files belong together."
        )
