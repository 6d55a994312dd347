from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pooch
import pytest
import requests

from glassgrad.datasets import mnist
from glassgrad.datasets.idx_folder import FILE_NAMES, read_folder
from glassgrad.errors import DataError, FileError
from tests.datasets.idx_writer import pack_idx, write_folder, write_idx

MD5_OF_PLAIN = dict(
    zip(
        FILE_NAMES,
        (
            "6bbc9ace898e44ae57da46a324031adb",
            "a25bea736e30d166cdddb491f175f624",
            "2646ac647ad5339dbf082846283269ea",
            "27ae3e4e09519cfbb04c329615203637",
        ),
        strict=True,
    )
)

Retrieve = Callable[[str, str, str, Path], str]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, no folder named by the environment, and no network."""
    monkeypatch.delenv("GLASSGRAD_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.setattr(pooch, "retrieve", refuse_to_retrieve)
    return tmp_path / "cache" / "glassgrad" / "mnist"


def refuse_to_retrieve(url: str, known_hash: str, fname: str, path: Path) -> str:
    pytest.fail(f"must not download {url}")


def retrieve_from(source: Path, broken: str, error: Exception, urls: list[str]) -> Retrieve:
    """Make a `pooch.retrieve` that copies, and fails where the address has `broken`."""

    def retrieve(url: str, known_hash: str, fname: str, path: Path) -> str:
        urls.append(url)
        if broken in url:
            raise error
        path.mkdir(parents=True, exist_ok=True)
        (path / fname).write_bytes((source / fname).read_bytes())
        return str(path / fname)

    return retrieve


# ---- the real data


def test_the_real_files_are_read_as_published(mnist_folder: Path) -> None:
    (x_train, y_train), (x_test, y_test) = mnist.load_data(mnist_folder)
    assert (x_train.shape, y_train.shape) == ((60000, 28, 28), (60000,))
    assert (x_test.shape, y_test.shape) == ((10000, 28, 28), (10000,))
    for name, array in zip(FILE_NAMES, (x_train, y_train, x_test, y_test), strict=True):
        digest = hashlib.md5(pack_idx(array), usedforsecurity=False).hexdigest()
        assert digest == MD5_OF_PLAIN[name], name


# ---- where it is looked for


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_folder_given(tmp_path: Path, ending: str) -> None:
    (x_train, y_train), (x_test, _) = mnist.load_data(write_folder(tmp_path / "own", ending))
    assert x_train.shape == (3, 4, 4)
    assert x_test.shape == (2, 4, 4)
    np.testing.assert_array_equal(y_train, [0, 1, 2])


@pytest.mark.parametrize("subfolder", ["", "mnist"])
def test_the_folder_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subfolder: str
) -> None:
    write_folder(tmp_path / "data" / subfolder)
    monkeypatch.setenv("GLASSGRAD_DATA", str(tmp_path / "data"))
    assert mnist.load_data()[0][0].shape == (3, 4, 4)


def test_the_folder_given_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSGRAD_DATA", str(write_folder(tmp_path / "data", size=2)))
    assert mnist.load_data(write_folder(tmp_path / "own"))[0][0].shape == (3, 4, 4)


def test_the_cache_is_used_where_the_environment_names_nothing_useful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setenv("GLASSGRAD_DATA", str(tmp_path))
    write_folder(cache, ".gz")
    assert mnist.load_data()[0][0].shape == (3, 4, 4)


# ---- downloading


def test_what_is_missing_is_downloaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    urls: list[str] = []
    source = write_folder(tmp_path / "published", ".gz")
    monkeypatch.setattr(pooch, "retrieve", retrieve_from(source, "nowhere", OSError(), urls))
    write_idx(_prepared(cache) / FILE_NAMES[1], np.arange(3, dtype=np.uint8))
    assert mnist.load_data()[0][0].shape == (3, 4, 4)
    assert mnist.load_data()[1][0].shape == (2, 4, 4)
    names = [url.rpartition("/")[2] for url in urls]
    assert names == [f"{FILE_NAMES[place]}.gz" for place in (0, 2, 3)]


def _prepared(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    "error", [requests.ConnectionError("no route"), ValueError("wrong sum"), OSError("disk full")]
)
def test_the_second_mirror_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    urls: list[str] = []
    source = write_folder(tmp_path / "published", ".gz")
    monkeypatch.setattr(pooch, "retrieve", retrieve_from(source, "ossci", error, urls))
    assert mnist.load_data()[0][0].shape == (3, 4, 4)
    assert len(urls) == 8


def test_without_network_one_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    error = requests.ConnectionError("no route")
    monkeypatch.setattr(pooch, "retrieve", retrieve_from(tmp_path, "https", error, []))
    with pytest.raises(FileError) as caught:
        mnist.load_data()
    message = str(caught.value)
    assert all(f"{name}.gz" in message for name in FILE_NAMES)
    assert all(words in message for words in (str(cache), "GLASSGRAD_DATA", "no route"))
    assert all(mirror in message for mirror in ("ossci-datasets", "cvdf-datasets"))


def test_a_file_with_a_wrong_sum_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """Pooch's own check is at work here; only its download is replaced."""
    monkeypatch.undo()
    monkeypatch.delenv("GLASSGRAD_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)

    def download(self: object, url: str, output_file: str, manager: object) -> None:
        Path(output_file).write_bytes(b"not what was published")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", download)
    with pytest.raises(FileError, match="does not match the known hash"):
        mnist.load_data()
    assert list(cache.iterdir()) == []


# ---- folders that do not hold what they should


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        mnist.load_data(tmp_path / "missing")


def test_a_folder_that_lacks_a_file(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / FILE_NAMES[2]).unlink()
    with pytest.raises(FileError, match="lacks t10k-images-idx3-ubyte"):
        mnist.load_data(folder)


def test_labels_under_the_name_of_images(tmp_path: Path) -> None:
    write_idx(write_folder(tmp_path) / FILE_NAMES[0], np.arange(3, dtype=np.uint8))
    with pytest.raises(FileError, match=r"must hold 3-dimensional uint8 data.*shape \(3,\)"):
        read_folder(tmp_path)


def test_numbers_that_are_no_bytes(tmp_path: Path) -> None:
    write_idx(write_folder(tmp_path) / FILE_NAMES[1], np.arange(3, dtype=np.int32))
    with pytest.raises(FileError, match="and holds int32"):
        read_folder(tmp_path)


@pytest.mark.parametrize("count", [0, 2])
def test_as_many_labels_as_images(tmp_path: Path, count: int) -> None:
    write_idx(write_folder(tmp_path) / FILE_NAMES[1], np.zeros(count, dtype=np.uint8))
    with pytest.raises(DataError, match=f"training set .* has 3 images and {count} labels"):
        read_folder(tmp_path)


def test_no_images_at_all(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    write_idx(folder / FILE_NAMES[2], np.zeros((0, 4, 4), np.uint8))
    write_idx(folder / FILE_NAMES[3], np.zeros(0, np.uint8))
    with pytest.raises(DataError, match="at least one"):
        read_folder(folder)


def test_images_of_one_size(tmp_path: Path) -> None:
    write_idx(write_folder(tmp_path) / FILE_NAMES[2], np.zeros((2, 5, 5), np.uint8))
    with pytest.raises(DataError, match=r"\(4, 4\) and \(5, 5\)"):
        read_folder(tmp_path)
