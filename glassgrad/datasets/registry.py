"""Data sets by name or path, with what is needed to train on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from glassgrad.datasets import digits, fashion_mnist, mnist
from glassgrad.datasets.arrays import dataset_of_arrays, is_table, joined, table_of_arrays
from glassgrad.datasets.dataset import Dataset
from glassgrad.datasets.idx_folder import Arrays, read_folder
from glassgrad.datasets.image_folder import holds_images, load_images
from glassgrad.datasets.numpy_file import ARRAY_FILES, read_arrays
from glassgrad.datasets.reading import TABLE_FILES, is_table_file, read_table
from glassgrad.datasets.tabular import dataset_of
from glassgrad.errors import ArgumentError, DataError, FileError, UnknownNameError
from glassgrad.preprocessing import Table
from glassgrad.preprocessing.column import Kind
from glassgrad.preprocessing.targets import Task

__all__ = ["Dataset", "Offer", "lasting_name", "load", "names", "offers"]


@dataclass(frozen=True)
class _Source:
    load_data: Callable[[], Arrays]
    scale: float
    description: str
    attribution: str
    is_here: Callable[[], bool] = lambda: True
    megabytes: float = 0.2


_SOURCES: Mapping[str, _Source] = MappingProxyType(
    {
        "digits": _Source(
            digits.load_data,
            1 / 16,
            "Handwritten digits: 1,797 images of 8x8 pixels, part of the package",
            "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI ML Repository, "
            "1998, https://doi.org/10.24432/C50P49, CC BY 4.0",
        ),
        "fashion_mnist": _Source(
            fashion_mnist.load_data,
            1 / 255,
            "Articles of clothing: 70,000 images of 28x28 pixels, downloaded once",
            "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, 2017, "
            "https://arxiv.org/abs/1708.07747, MIT",
            is_here=lambda: fashion_mnist.FASHION_MNIST.find() is not None,
            megabytes=31,
        ),
        "mnist": _Source(
            mnist.load_data,
            1 / 255,
            "Handwritten digits: 70,000 images of 28x28 pixels, downloaded once",
            "Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, 1998",
            is_here=lambda: mnist.MNIST.find() is not None,
            megabytes=11,
        ),
    }
)


def names() -> tuple[str, ...]:
    """List the names that `load` knows.

    Returns:
        The names, in alphabetical order.

    Examples:
        >>> names()
        ('digits', 'fashion_mnist', 'mnist')
    """
    return tuple(sorted(_SOURCES))


def lasting_name(data: str) -> str:
    """A name of data that means the same in every folder.

    Examples:
        >>> lasting_name("digits")
        'digits'
    """
    return data if data in _SOURCES else str(Path(data).resolve())


@dataclass(frozen=True)
class Offer:
    """A data set that `load` knows by name.

    Args:
        name: Its name.
        description: What it is, in one line.
        megabytes: How much room it takes.
        is_here: Whether it can be loaded without a download.
        attribution: Whose it is.
    """

    name: str
    description: str
    megabytes: float
    is_here: bool
    attribution: str


def offers() -> tuple[Offer, ...]:
    """List the data sets that `load` knows by name, with what is on this machine.

    Examples:
        >>> [(offer.name, offer.is_here) for offer in offers()][0]
        ('digits', True)
    """
    return tuple(
        Offer(name, source.description, source.megabytes, source.is_here(), source.attribution)
        for name, source in sorted(_SOURCES.items())
    )


def load(
    name_or_path: Any,
    target: str | None = None,
    task: Task = "auto",
    test_size: float = 0.2,
    seed: int = 0,
    kinds: Mapping[str, Kind] | None = None,
) -> Dataset:
    r"""Load a data set by its name, from a table or arrays, from a folder, or from memory.

    Args:
        name_or_path: A name that `names` lists; the path of a table (CSV, Parquet) or of arrays
            (NPY, NPZ: with x and y, or with x_train, y_train, x_test and y_test); or a folder of
            images, with a folder for each class, or of IDX files with MNIST's names. A name goes
            before a file or folder of the same name; write `./digits` for the folder. Or, in
            memory, a table: a data frame, a dictionary of columns, or a `Table`.
        target: Of a table, the column that is to be told from the others.
        task: Of a table, "classification", "regression", or "auto": by the target's values.
        test_size: Of what is not divided already (a table, arrays, folders of images), which
            share is for testing.
        seed: Of the same, decides which examples.
        kinds: Of a table, for columns by name what they are: "number", "truth", "date" or "text";
            by default what all their values look like.

    Returns:
        The data set.

    Raises:
        UnknownNameError: It is neither a known name nor something on the disk, or the table has
            no column of that name.
        FileError: A file is missing or damaged, or a download failed.
        DataError: Images and labels do not fit each other, there is one class only, or the table
            cannot be learned from.
        ArgumentError: There is no target for a table, or one for what is no table; or it is
            neither a name, a path nor a table.

    Examples:
        >>> load("digits")
        Dataset('digits', x_train (1437, 8, 8), x_test (360, 8, 8), classes=10)
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name, "steps.csv")
        >>> _ = path.write_text("x,step\n" + "0.5,low\n1.5,high\n" * 10)
        >>> steps = load(path, target="step")
        >>> steps, steps.class_names
        (Dataset('steps', x_train (16, 1), x_test (4, 1), classes=2), ('high', 'low'))
        >>> folder.cleanup()
        >>> load("digit")
        Traceback (most recent call last):
        glassgrad.errors.UnknownNameError: Unknown data set 'digit'. Did you mean 'digits'? ...
    """
    if not isinstance(name_or_path, str | os.PathLike):
        is_one = isinstance(name_or_path, Table)
        table = name_or_path if is_one else Table.of(name_or_path, kinds)
        return dataset_of(table, "table", target, task, test_size, seed)
    path = Path(name_or_path)
    is_name = isinstance(name_or_path, str) and name_or_path in _SOURCES
    is_table_or_arrays = not is_name and is_table_file(path)
    if target is not None and not is_table_or_arrays:
        raise ArgumentError(
            f"A target is a column of a table, a file that ends in {', '.join(TABLE_FILES)}. Got "
            f"the target {target!r} for {os.fspath(name_or_path)!r}; "
            f"{'save it as one of these' if path.is_file() else 'leave it out'}."
        )
    if is_name:
        return _load_known(str(name_or_path))
    if path.suffix.lower() in ARRAY_FILES:
        return _load_arrays(path, target, task, test_size, seed, kinds)
    if is_table_or_arrays:
        return dataset_of(read_table(path, kinds), path.stem, target, task, test_size, seed)
    if path.is_dir():
        return load_images(path, test_size, seed) if holds_images(path) else _load_folder(path)
    raise _nothing_at(name_or_path)


def _load_arrays(
    path: Path,
    target: str | None,
    task: Task,
    test_size: float,
    seed: int,
    kinds: Mapping[str, Kind] | None,
) -> Dataset:
    """Columns where every array has two axes at the most, else examples x and targets y."""
    source = repr(str(path))
    arrays, training = joined(read_arrays(path))
    if not is_table(arrays):
        return dataset_of_arrays(arrays, path.stem, source, training, test_size, seed)
    table = table_of_arrays(arrays, source, kinds)
    chosen = "y" if target is None and "y" in table else target
    return dataset_of(table, path.stem, chosen, task, test_size, seed, training)


def _nothing_at(name_or_path: str | os.PathLike[str]) -> UnknownNameError | FileError:
    if not _is_meant_as_path(name_or_path):
        return UnknownNameError("data set", str(name_or_path), names())
    path = Path(name_or_path)
    return FileError(
        f"A data set is a known name ({', '.join(names())}), a table that ends in "
        f"{', '.join(TABLE_FILES)}, or a folder of images or of four IDX files; "
        f"{str(path)!r} {'is a file' if path.exists() else 'does not exist'}."
    )


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
