from __future__ import annotations

import errno
import io
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from glassgrad import files
from glassgrad.errors import FileError
from glassgrad.files import (
    append_whole,
    make_folder,
    open_for_reading,
    read_bytes,
    write_atomically,
)


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.write_bytes(b"old")
    return path


def write(path: Path, content: bytes = b"new") -> None:
    with write_atomically(path) as file:
        file.write(content)


def write_half(path: Path, error: BaseException) -> None:
    with write_atomically(path) as file:
        file.write(b"half")
        raise error


# ---- success


def test_a_new_file_is_written(tmp_path: Path) -> None:
    write(tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == b"new"
    assert names_in(tmp_path) == ["weights"]


def test_an_old_file_is_replaced(old_file: Path) -> None:
    write(old_file)
    assert old_file.read_bytes() == b"new"
    assert names_in(old_file.parent) == ["weights"]


def test_the_old_content_stays_until_the_new_is_complete(old_file: Path) -> None:
    with write_atomically(old_file) as file:
        file.write(b"new")
        file.flush()
        assert old_file.read_bytes() == b"old"


def test_the_content_reaches_the_disk_before_the_rename(
    old_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    real_replace = Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: calls.append("fsync"))
    monkeypatch.setattr(
        Path, "replace", lambda *paths: (calls.append("rename"), real_replace(*paths))
    )
    write(old_file)
    assert calls == ["fsync", "rename", "fsync"]  # the last is the folder's


def test_a_relative_path_is_one_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with write_atomically("weights") as file:
        file.write(b"new")
    assert read_bytes("weights") == b"new"


def test_a_link_stays_a_link(old_file: Path) -> None:
    link = old_file.with_name("link")
    link.symlink_to(old_file)
    write(link)
    assert link.is_symlink()
    assert old_file.read_bytes() == b"new"


def test_permissions_are_handed_on(old_file: Path) -> None:
    old_file.chmod(0o640)
    write(old_file)
    assert stat.S_IMODE(old_file.stat().st_mode) == 0o640


def test_a_name_of_the_greatest_length_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("w" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    write(path)
    assert path.read_bytes() == b"new"


def test_a_folder_that_cannot_be_flushed_is_no_failure(
    old_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "open", refuse)
    files._make_rename_durable(old_file.parent)


# ---- failure: each leaves the old file, and nothing else


def fail_in_replace(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    def replace(self: Path, target: Path) -> None:
        raise error

    monkeypatch.setattr(Path, "replace", replace)


def fail_in_fsync(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    def fsync(descriptor: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fsync)


def fail_in_write(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    class FullDisk(io.BufferedWriter):
        def write(self, content: object) -> int:
            raise error

    def open_full_disk(self: Path, mode: str) -> FullDisk:
        return FullDisk(io.FileIO(self, mode))

    monkeypatch.setattr(Path, "open", open_full_disk)


def fail_in_open(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    def refuse(self: Path, mode: str) -> None:
        raise error

    monkeypatch.setattr(Path, "open", refuse)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("fail", [fail_in_open, fail_in_write, fail_in_fsync, fail_in_replace])
def test_a_failing_system_call_leaves_the_old_file(
    old_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    fail: Callable[[pytest.MonkeyPatch, OSError], None],
    number: int,
) -> None:
    with monkeypatch.context() as patch:
        fail(patch, OSError(number, os.strerror(number)))
        with pytest.raises(FileError, match=os.strerror(number)) as caught:
            write(old_file)
    assert str(old_file) in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == number
    assert old_file.read_bytes() == b"old"
    assert names_in(old_file.parent) == ["weights"]


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt(), FileError("mine")])
def test_an_error_of_the_body_passes_and_leaves_the_old_file(
    old_file: Path, error: BaseException
) -> None:
    with pytest.raises(type(error)) as caught:
        write_half(old_file, error)
    assert caught.value is error
    assert old_file.read_bytes() == b"old"
    assert names_in(old_file.parent) == ["weights"]


def test_a_real_disk_without_room(old_file: Path) -> None:
    """A limit on file sizes, set in a process of its own, is a real failing write system call."""
    program = (
        "import resource, signal, sys\n"
        "from glassgrad.files import write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "with write_atomically(sys.argv[1]) as file:\n"
        "    file.write(bytes(100_000))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, old_file], capture_output=True, text=True, check=False
    )
    assert f"glassgrad.errors.FileError: Cannot write '{old_file}': File too large" in done.stderr
    assert old_file.read_bytes() == b"old"
    assert names_in(old_file.parent) == ["weights"]


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="folder has to exist before"):
        write(tmp_path / "missing" / "weights")
    assert names_in(tmp_path) == []


def test_a_file_where_a_folder_is_needed(old_file: Path) -> None:
    with pytest.raises(FileError, match="a file where a folder was expected"):
        write(old_file / "weights")


def test_a_folder_where_a_file_is_needed(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="Name a file in that folder"):
        write(tmp_path)


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileError, match="device or a pipe"):
        write(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.fixture
def read_only(old_file: Path) -> Iterator[Path]:
    folder = old_file.parent
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user, such as root, may write into a read-only folder")
    yield folder
    folder.chmod(0o700)


def test_a_read_only_folder(old_file: Path, read_only: Path) -> None:
    with pytest.raises(FileError, match="Permission denied"):
        write(old_file)
    assert names_in(read_only) == ["weights"]


# ---- appending


def test_appending_makes_the_file_and_goes_on_in_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert append_whole(path, b"one") == 3
    assert append_whole(path, b"two") == 6
    assert append_whole(path, b"three", length=3) == 8
    assert path.read_bytes() == b"onethree"
    assert append_whole(path, b"four", length=100) == 12  # what is not there cannot count
    assert append_whole(path, b"", length=0) == 0


def test_what_does_not_fit_is_taken_away_again(
    old_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Narrow(io.FileIO):
        def write(self, content: Any) -> int:
            return super().write(content[:2])

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda path, mode, buffering: Narrow(path, mode))
        with pytest.raises(FileError, match=r"Cannot write '.*weights': No space left"):
            append_whole(old_file, b"new")
    assert old_file.read_bytes() == b"old"


def test_what_cannot_be_appended_to(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="Is a directory"):
        append_whole(tmp_path, b"new")
    with pytest.raises(FileError, match="No such file"):
        append_whole(tmp_path / "missing" / "log", b"new")


def test_folders_are_made(tmp_path: Path) -> None:
    for _ in range(2):
        make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "a", "a\0b"):
        with pytest.raises(FileError, match="Cannot make the folder"):
            make_folder(path)


# ---- reading


def test_what_was_written_is_read(old_file: Path) -> None:
    assert read_bytes(old_file) == b"old"


def test_a_missing_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"Cannot read '.*weights': No such file"):
        read_bytes(tmp_path / "weights")


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="Is a directory"):
        read_bytes(tmp_path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs the device /dev/zero")
def test_a_device_without_an_end_is_not_read() -> None:
    with pytest.raises(FileError, match="it is a device"):
        read_bytes("/dev/zero")


def test_a_failing_read_is_explained(old_file: Path) -> None:
    with (
        pytest.raises(FileError, match="Input/output error"),
        open_for_reading(old_file),
    ):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_what_cannot_be_a_path_is_one_clear_error(path: str) -> None:
    for use in (
        files.read_bytes,
        files.exists,
        lambda path: files.write_atomically(path).__enter__(),
    ):
        with pytest.raises(FileError, match="Cannot"):
            use(path)
