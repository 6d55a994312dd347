"""Reading and writing files: writes happen entirely or not at all, and failures explain themselves.

Everything that glassgrad writes goes through `write_atomically`,
so that a full disk, a crash or Ctrl-C never leaves half a file where a whole one was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from glassgrad.errors import FileError

__all__ = [
    "append_whole",
    "exists",
    "make_folder",
    "open_for_reading",
    "read_bytes",
    "write_atomically",
]

_WAYS_OUT = {
    errno.EACCES: "Ask for the permission, or choose another place.",
    errno.EDQUOT: "Remove what is no longer needed, or choose a place with more room.",
    errno.EISDIR: "Name a file in that folder instead.",
    errno.ENOENT: "Check the spelling.",
    errno.ENOSPC: "Free some room, or choose a place on another disk.",
    errno.ENOTDIR: "Part of the path is a file where a folder was expected; check the spelling.",
    errno.EROFS: "Choose a place on a disk that can be written.",
}


@contextlib.contextmanager
def write_atomically(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its place at `path` only when it is complete.

    The bytes go to a temporary file in the same folder, reach the disk, and then the temporary is
    renamed. Whatever goes wrong before that, the temporary is removed and `path` holds what it
    held. (A process that is killed leaves the temporary behind, named `.glassgrad-….tmp`.)

    Args:
        path: Where the file shall be. A symbolic link is followed; an existing file is replaced
            and hands on its permissions.

    Yields:
        The binary file to write to.

    Raises:
        FileError: The file cannot be written: no room, no permission, no such folder, or `path`
            is something other than a file. An `OSError` in the body counts as such a failure.

    Examples:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name, "weights.bin")
        >>> with write_atomically(path) as file:
        ...     _ = file.write(b"one, two")
        >>> path.read_bytes()
        b'one, two'
        >>> folder.cleanup()
    """
    with _failures_explained("write", path):
        target = Path(os.path.realpath(path))
        _refuse_what_is_no_file(target)
        # The name is short and does not repeat the target's, which may already be at its limit.
        temporary = target.with_name(f".glassgrad-{secrets.token_hex(8)}.tmp")
        file = temporary.open("xb")
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _put_in_place(temporary, target)
        except BaseException:  # Ctrl-C too must not leave the temporary behind
            temporary.unlink(missing_ok=True)
            raise


def append_whole(path: str | os.PathLike[str], content: bytes, length: int | None = None) -> int:
    """Append to a file, all or nothing; what does not fit on the disk is taken away again.

    Args:
        path: The file; it is made if need be.
        content: What is appended.
        length: How many bytes of the file count, those behind them are removed; all by default.

    Returns:
        The length of the file.

    Raises:
        FileError: The file cannot be written, or is a folder or a device.

    Examples:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name, "log.txt")
        >>> append_whole(path, b"one, two"), append_whole(path, b"three", length=5)
        (8, 10)
        >>> path.read_bytes()
        b'one, three'
        >>> folder.cleanup()
    """
    with _failures_explained("write", path):
        _refuse_what_is_no_file(Path(os.path.realpath(path)))
        with Path(path).open("ab", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            start = size if length is None else min(size, length)
            file.truncate(start)
            try:
                if file.write(content) != len(content):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except BaseException:  # Ctrl-C too must not leave a part behind
                file.truncate(start)
                raise
    return start + len(content)


def make_folder(path: str | os.PathLike[str]) -> None:
    """Make a folder and those around it, where they are missing.

    Args:
        path: The folder.

    Raises:
        FileError: It cannot be made, or is a file.

    Examples:
        >>> make_folder(__file__)
        Traceback (most recent call last):
        glassgrad.errors.FileError: Cannot make the folder '...': File exists. Choose another ...
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(
            f"Cannot make the folder {os.fspath(path)!r}: {reason}. Choose another place."
        ) from error


def exists(path: str | os.PathLike[str]) -> bool:
    """Tell whether there is something at a path.

    Args:
        path: The path.

    Raises:
        FileError: The path cannot be a path: it is too long, or holds a zero byte.

    Examples:
        >>> exists("no such file")
        False
    """
    with _failures_explained("look for", path):
        return Path(path).exists()


@contextlib.contextmanager
def open_for_reading(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for reading, with a failure of the system turned into a `FileError`.

    Args:
        path: The file.

    Yields:
        The binary file.

    Raises:
        FileError: The file does not exist, is a folder or a device, or may not be read. An
            `OSError` in the body counts as such a failure.

    Examples:
        >>> with open_for_reading(__file__) as file:
        ...     len(file.read(4))
        4
    """
    with _failures_explained("read", path):
        _refuse_what_may_have_no_end(Path(path))
        with Path(path).open("rb") as file:
            yield file


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return the whole content of a file.

    Args:
        path: The file.

    Returns:
        Its bytes.

    Raises:
        FileError: The file does not exist, is a folder, or may not be read.

    Examples:
        >>> read_bytes("no such file")
        Traceback (most recent call last):
        glassgrad.errors.FileError: Cannot read 'no such file': No such file or directory. ...
    """
    with open_for_reading(path) as file:
        return file.read()


@contextlib.contextmanager
def _failures_explained(verb: str, path: str | os.PathLike[str]) -> Iterator[None]:
    if "\0" in os.fsdecode(path):
        raise FileError(f"Cannot {verb} {os.fspath(path)!r}: a path cannot hold a zero byte.")
    try:
        yield
    except FileError:
        raise  # it explains itself already
    except UnicodeEncodeError:
        raise FileError(
            f"Cannot {verb} {os.fspath(path)!r}: the name cannot be written in the file system's "
            "encoding. Name it otherwise."
        ) from None
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        way_out = _WAYS_OUT.get(error.errno or 0, "")
        if verb == "write" and error.errno == errno.ENOENT:
            way_out = f"{way_out} A folder has to exist before a file can be written into it."
        message = f"Cannot {verb} {os.fspath(path)!r}: {reason}. {way_out}"
        raise FileError(message.rstrip()) from error


def _refuse_what_is_no_file(target: Path) -> None:
    """Refuse a folder, and a device such as /dev/null, which a rename would replace by a file."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if target.exists() and not target.is_file():
        raise FileError(
            f"Cannot write {str(target)!r}: it is a device or a pipe, and only a regular file can "
            "be replaced in one step. Name a file instead."
        )


def _refuse_what_may_have_no_end(source: Path) -> None:
    """Refuse a device such as /dev/zero, whose content would fill the memory."""
    if source.is_char_device():
        raise FileError(
            f"Cannot read {str(source)!r}: it is a device, which may never come to an end. Name a "
            "file instead."
        )


def _put_in_place(temporary: Path, target: Path) -> None:
    if target.exists():
        shutil.copymode(target, temporary)
    temporary.replace(target)
    _make_rename_durable(target.parent)


def _make_rename_durable(folder: Path) -> None:
    """Flush the folder's list of names; not every system can, and the file is whole regardless."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
