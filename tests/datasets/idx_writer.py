"""Writes IDX files for the tests, independently of the package's reader."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

TYPE_CODES = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}


def pack_idx(array: npt.NDArray[Any]) -> bytes:
    header = bytes([0, 0, TYPE_CODES[array.dtype.name], array.ndim])
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return header + lengths + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_idx(path: Path, array: npt.NDArray[Any]) -> Path:
    """Write an array to `path`, gzipped if the name says so."""
    content = pack_idx(array)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def write_folder(folder: Path, ending: str = "", size: int = 4) -> Path:
    """Write a small data set with MNIST's names: 3 training images, 2 test images."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in (("train", 3), ("t10k", 2)):
        images = np.arange(count * size * size, dtype=np.uint8).reshape(count, size, size)
        write_idx(folder / f"{name}-images-idx3-ubyte{ending}", images)
        write_idx(folder / f"{name}-labels-idx1-ubyte{ending}", np.arange(count, dtype=np.uint8))
    return folder
