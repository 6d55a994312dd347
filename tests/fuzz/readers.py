"""Every reader of files, with what its format knows and with a way around its checksums."""

from __future__ import annotations

import io
import math
import os
import random
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from glassgrad.cli.runs import Run
from glassgrad.datasets.arrays import dataset_of_arrays, is_table, joined, table_of_arrays
from glassgrad.datasets.csv_file import parse_csv
from glassgrad.datasets.idx import read_idx
from glassgrad.datasets.image_folder import parse_image
from glassgrad.datasets.numpy_file import parse_npy, parse_npz
from glassgrad.datasets.parquet_file import parse_parquet
from glassgrad.datasets.tabular import dataset_of
from glassgrad.models import load_model
from glassgrad.preprocessing import ImageEncoder, Table
from glassgrad.preprocessing.targets import ClassTarget
from glassgrad.training.storage import load_tree

__all__ = ["READERS", "Reader"]

NPY_HEADER = re.compile(
    rb"'descr': '[<>|=]?(?P<kind>\w)(?P<size>\d{1,3})'.*\((?P<shape>[\d, ]{0,60})\)"
)
CORPUS = Path(__file__).with_name("corpus")
Read = Callable[[bytes, Path], object]
Dress = Callable[[random.Random, bytes], bytes]


def _as_it_is(chance: random.Random, content: bytes) -> bytes:
    return content


@dataclass(frozen=True)
class Reader:
    """A reader under test.

    Args:
        read: Takes the bytes, and a path to write them to where only a file will do.
        words: What the format knows.
        dress: Makes an input out of what was mutated, such as an archive with right checksums.
    """

    read: Read
    words: tuple[bytes, ...] = ()
    dress: Dress = _as_it_is


def corpus_of(name: str) -> list[bytes]:
    """What is kept for a reader: good files, and all that ever broke it."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


# ---- IDX


def _idx(content: bytes, scratch: Path) -> object:
    _write(scratch, content)
    return read_idx(scratch)


# ---- tables


def _csv(content: bytes, scratch: Path) -> object:
    return _used(parse_csv(content, "the file"))


def _npy(content: bytes, scratch: Path) -> object:
    return _used_arrays({"x": parse_npy(io.BytesIO(content), "the file", len(content))})


def _npz(content: bytes, scratch: Path) -> object:
    return _used_arrays(parse_npz(io.BytesIO(content), "the file"))


def _used(table: Table) -> object:
    """A table is good for something: its last column is learned from the others."""
    return dataset_of(table, "fuzz", table.names[-1])


def _used_arrays(arrays: Mapping[str, Any]) -> object:
    found, training = joined(arrays)
    if is_table(found):
        return _used(table_of_arrays(found, "the file"))
    return dataset_of_arrays(found, "fuzz", "the file", training)


def _fitted(chance: random.Random, content: bytes) -> bytes:
    """Most inputs have as many bytes as their header announces, or few would be read at all."""
    found = NPY_HEADER.search(content[:1024])
    begin = content.find(b"\n") + 1
    if found is None or begin < 10 or chance.random() < 0.3:
        return content
    announced = math.prod(map(int, re.findall(rb"\d+", found["shape"])))
    length = min(announced * int(found["size"]) * (4 if found["kind"] == b"U" else 1), 4096)
    body = (content[begin:] + chance.randbytes(length))[:length]
    return content[:8] + (begin - 10).to_bytes(2, "little") + content[10:begin] + body


def _zipped(chance: random.Random, content: bytes) -> bytes:
    """Half of the inputs are damaged archives, half are good archives of damaged arrays."""
    if not content.startswith(b"\x93") and not chance.random() < 0.2:
        return content
    stream = io.BytesIO()
    method = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("x.npy", _fitted(chance, content))
        archive.writestr("y.npy", _LABELS)
    return stream.getvalue()


def _npy_bytes(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


_LABELS = _npy_bytes(np.array([0, 1] * 3))


def _parquet(content: bytes, scratch: Path) -> object:
    return _used(parse_parquet(content, "the file"))


# ---- images


def _image(content: bytes, scratch: Path) -> object:
    return [parse_image(content, "the file", encoder) for encoder in _ENCODERS]


_ENCODERS = [ImageEncoder(3, 4, channels, ClassTarget("c", ["a", "b"])) for channels in (1, 3)]


# ---- safetensors, and what glassgrad keeps in it


def _tree(content: bytes, scratch: Path) -> object:
    _write(scratch, content)
    return load_tree(scratch, "model", "weights", "checkpoint")


def _model(content: bytes, scratch: Path) -> object:
    _write(scratch, content)
    return load_model(scratch)


def _signed(chance: random.Random, content: bytes) -> bytes:
    """A file whose checksums are right, whatever stands in it; JSON alone is dressed so."""
    from safetensors.numpy import save

    if not content.startswith(b"{"):
        return content
    data, arrays = content.decode("utf-8", "replace"), chance.choice(_arrays_of_models())
    metadata = {"format": "glassgrad 1", "kind": "model", "data": data}
    crc = zlib.crc32(f"model {data}".encode())
    for name, array in sorted(arrays.items()):
        crc = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), crc)
        crc = zlib.crc32(array.tobytes(), crc)
    return save(arrays, {**metadata, "checksum": f"{crc:08x}"})


@cache
def _arrays_of_models() -> list[dict[str, Any]]:
    from safetensors.numpy import load_file

    return [load_file(path) for path in sorted((CORPUS / "model").glob("*.safetensors"))]


# ---- runs


def _config(content: bytes, scratch: Path) -> object:
    folder = scratch.with_suffix(".run")
    folder.mkdir(exist_ok=True)
    _write(folder / "config.json", content)
    return Run.open(folder)


def _result(content: bytes, scratch: Path) -> object:
    folder = scratch.with_suffix(".ended")
    if not folder.exists():
        folder.mkdir()
        (folder / "model.safetensors").touch()
        _write(folder / "config.json", (CORPUS / "config" / "digits.json").read_bytes())
    _write(folder / "result.json", content)
    return Run.open(folder).result()


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)


_JSON = (b"{", b"}", b"[", b"]", b":", b",", b'"', b"null", b"true", b"NaN", b"-Infinity", b"1e400",
         b"\\ud800", b"[" * 2000)  # fmt: skip
_NPY = (b"\x93NUMPY\x01\x00", b"\x93NUMPY\x03\x00", b"'descr'", b"'<f8'", b"'|O'", b"'<U0'",
        b"'<U3'", b"'|S5'", b"'<M8[ns]'", b"[('a', '<f8')]", b"True", b"(2, 3)", b"(0,)",
        b"(99999999999,)", b"\n")  # fmt: skip

READERS: Mapping[str, Reader] = {
    "idx": Reader(_idx, (b"\0\0\x08\x01", b"\0\0\x0e\x03", b"\x1f\x8b\x08", b"\xff\xff\xff\xff")),
    "csv": Reader(
        _csv,
        (b",", b";", b"\t", b"|", b'"', b'""', b"\n", b"\r\n", b"\r", b"\0", b"\xff\xfe",
         b"\xef\xbb\xbf", b"\xff\xfe\0\0", b"NA", b"nan", b"true", b"2024-02-30", b"0001-01-01",
         b"9999-12-31T23:59:59.999999+23:59", b"1e308", b"-1e308", b"\xe9", b"\xd9\xa1",
         b"5e-324", b"1e-308"),
    ),
    "npy": Reader(_npy, _NPY, _fitted),
    "npz": Reader(_npz, (*_NPY, b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"x.npy"), _zipped),
    "parquet": Reader(_parquet, (b"PAR1", b"\x15\x00", b"\xff\xff\xff\xff\x0f", b"schema")),
    "image": Reader(
        _image,
        (b"\x89PNG\r\n\x1a\n", b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"\xff\xd8\xff\xe0", b"GIF89a",
         b"BM", b"P5 ", b"P6 ", b"RIFF", b"WEBPVP8 ", b"\xff\xc0", b"\xff\xda",
         b"\x7f\xff\xff\xff"),
    ),
    "tree": Reader(_tree, (*_JSON, b'"F32"', b'"shape"', b'"data_offsets"', b'"BF16"')),
    "model": Reader(
        _model,
        (*_JSON, b'"class_name"', b'"config"', b'"Dense"', b'"Sequential"', b'"relu"', b'"units"',
         b'"array in this file"', b'"OneHot"', b'"features"', b'"Lambda"'),
        _signed,
    ),
    "config": Reader(_config, (*_JSON, b'"seed"', b'"data"', b'"epochs"')),
    "result": Reader(_result, (*_JSON, b'"of_epochs"')),
}  # fmt: skip
