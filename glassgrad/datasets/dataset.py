"""Arrays for training and testing, with what is known about them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from glassgrad.preprocessing import Preprocessing

__all__ = ["Dataset", "fingerprint"]


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
        x_validation: Inputs for watching over training, or None.
        y_validation: Labels or targets for watching over training, or None.
        preprocessing: How raw data became the inputs, as a model file keeps it, or None.
        class_names: What the labels mean, from 0 on, or None.
        remarks: What reading the data has brought to light.

    Examples:
        >>> from glassgrad.datasets import load
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
    x_validation: npt.NDArray[Any] | None = None
    y_validation: npt.NDArray[Any] | None = None
    preprocessing: Preprocessing | None = None
    class_names: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}, x_train {self.x_train.shape}, x_test {self.x_test.shape}, "
            f"classes={self.classes})"
        )

    @property
    def validation(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
        """Inputs and targets for watching over training, as `fit` takes them, or None."""
        if self.x_validation is None or self.y_validation is None:
            return None
        return self.x_validation, self.y_validation


def fingerprint(dataset: Dataset) -> str:
    """A name for exactly these training data."""
    digest = hashlib.sha256()
    for array in (dataset.x_train, dataset.y_train, *(dataset.validation or ())):
        digest.update(f"{array.dtype} {array.shape} ".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
