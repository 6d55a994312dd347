"""Data sets by name or path, with what is needed to train on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy.typing as npt

from glassgrad.datasets import digits, mnist
from glassgrad.datasets.idx_folder import Arrays, read_folder
from glassgrad.errors import DataError, FileError, UnknownNameError

__all__ = ["Dataset", "load", "names"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Arrays for training and testing, and how to read them.

    Args:
        name: What the data set is called.
        x_train: Inputs for training, the examples along the first axis.
        y_train: Labels or targets for training.
        x_test: Inputs for testing.
        y_test: Labels or targets for testing.
        classes: How many labels there are, or None if the targets are no labels.
        scale: The factor that maps stored inputs to 0…1.
        description: What it is, in one line.
        attribution: Whose it is.

    Examples:
        >>> dataset = load("digits")
        >>> float(dataset.x_train.max() * dataset.scale), dataset.classes
        (1.0, 10)
    """

    name: str
    x_train: npt.NDArray[Any]
    y_train: npt.NDArray[Any]
    x_test: npt.NDArray[Any]
    y_test: npt.NDArray[Any]
    classes: int | None
    scale: float
    description: str
    attribution: str

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}, x_train {self.x_train.shape}, x_test {self.x_test.shape}, "
            f"classes={self.classes})"
        )


@dataclass(frozen=True)
class _Source:
    load_data: Callable[[], Arrays]
    scale: float
    description: str
    attribution: str


_SOURCES: Mapping[str, _Source] = MappingProxyType(
    {
        "digits": _Source(
            digits.load_data,
            1 / 16,
            "1,797 handwritten digits of 8x8 pixels, part of the package",
            "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI ML Repository, "
            "1998, https://doi.org/10.24432/C50P49, CC BY 4.0",
        ),
        "mnist": _Source(
            mnist.load_data,
            1 / 255,
            "70,000 handwritten digits of 28x28 pixels, downloaded once",
            "Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, 1998",
        ),
    }
)


def names() -> tuple[str, ...]:
    """List the names that `load` knows.

    Returns:
        The names, in alphabetical order.

    Examples:
        >>> names()
        ('digits', 'mnist')
    """
    return tuple(sorted(_SOURCES))


def load(name_or_path: str | os.PathLike[str]) -> Dataset:
    """Load a data set by its name, or from a folder of IDX files with MNIST's names.

    Args:
        name_or_path: A name that `names` lists, or the path of a folder. A name goes before a
            folder of the same name; write `./digits` for the folder.

    Returns:
        The data set.

    Raises:
        UnknownNameError: It is neither a known name nor an existing folder.
        FileError: A file is missing or damaged, or a download failed.
        DataError: Images and labels do not fit each other, or there is one class only.

    Examples:
        >>> load("digits")
        Dataset('digits', x_train (1437, 8, 8), x_test (360, 8, 8), classes=10)
        >>> load("digit")
        Traceback (most recent call last):
        glassgrad.errors.UnknownNameError: Unknown data set 'digit'. Did you mean 'digits'? ...
    """
    if isinstance(name_or_path, str) and name_or_path in _SOURCES:
        return _load_known(name_or_path)
    path = Path(name_or_path)
    if path.is_dir():
        return _load_folder(path)
    if _is_meant_as_path(name_or_path):
        raise FileError(
            f"A data set is a known name ({', '.join(names())}) or a folder of four IDX files; "
            f"{str(path)!r} {'is a file' if path.exists() else 'does not exist'}."
        )
    raise UnknownNameError("data set", str(name_or_path), names())


def _is_meant_as_path(name_or_path: str | os.PathLike[str]) -> bool:
    path = Path(name_or_path)
    return not isinstance(name_or_path, str) or path.name != name_or_path or path.exists()


def _load_known(name: str) -> Dataset:
    source = _SOURCES[name]
    arrays = source.load_data()
    return _from_arrays(name, arrays, source.scale, source.description, source.attribution)


def _load_folder(folder: Path) -> Dataset:
    description = f"IDX files of the folder {folder}"
    return _from_arrays(folder.resolve().name, read_folder(folder), 1 / 255, description, "")


def _from_arrays(
    name: str, arrays: Arrays, scale: float, description: str, attribution: str
) -> Dataset:
    (x_train, y_train), (x_test, y_test) = arrays
    classes = 1 + int(max(y_train.max(), y_test.max()))
    if classes == 1:
        raise DataError(
            f"There must be two classes at least: every label of {name!r} is 0. Check the files "
            "with the labels."
        )
    return Dataset(name, x_train, y_train, x_test, y_test, classes, scale, description, attribution)
