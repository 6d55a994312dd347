"""Data sets of MNIST's form that are published: looked up on this machine or downloaded once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from glassgrad.datasets.idx_folder import FILE_NAMES, Arrays, find_file, is_complete, read_folder
from glassgrad.errors import FileError

__all__ = ["Published"]


@dataclass(frozen=True)
class Published:
    """Four gzipped IDX files that several places offer.

    Args:
        name: What the data set is called.
        folder: The name of its folder, in the user's cache and elsewhere.
        mirrors: Addresses to which the files' names are appended.
        sha256: The sums of the four gzipped files, in the order of `FILE_NAMES`.
        is_at_the_top: Whether the files may also lie in `GLASSGRAD_DATA` itself, in no folder of
            their own.

    Examples:
        >>> Published("Letters", "letters", (), ("",) * 4).load("no such folder")
        Traceback (most recent call last):
        glassgrad.errors.FileError: A data set in a folder is four IDX files, ...
    """

    name: str
    folder: str
    mirrors: tuple[str, ...]
    sha256: tuple[str, str, str, str]
    is_at_the_top: bool = False

    def load(self, path: str | os.PathLike[str] | None = None) -> Arrays:
        """Load it from a folder, or else find it, or else download it.

        Args:
            path: The folder with the four files, plain or ending in `.gz`. Nothing is looked up
                or downloaded when it is given.

        Raises:
            FileError: `path` lacks a file, a file is damaged, or nothing is on this machine and
                the download failed.
        """
        return read_folder(path if path is not None else self.find() or self._download())

    def find(self) -> Path | None:
        """The folder on this machine that holds all four files, or None."""
        return next(filter(is_complete, self._places()), None)

    def _places(self) -> Iterator[Path]:
        named = os.environ.get("GLASSGRAD_DATA")
        if named:
            if self.is_at_the_top:
                yield Path(named)
            yield Path(named) / self.folder
        yield self._cache_folder()

    def _cache_folder(self) -> Path:
        import pooch  # here, because it takes longer to import than all of glassgrad

        return Path(pooch.os_cache("glassgrad")) / self.folder

    def _download(self) -> Path:
        folder = self._cache_folder()
        for name, sha256 in zip(FILE_NAMES, self.sha256, strict=True):
            if find_file(folder, name) is None:
                self._download_file(f"{name}.gz", sha256, folder)
        return folder

    def _download_file(self, name: str, sha256: str, folder: Path) -> None:
        import pooch

        failures = []
        for mirror in self.mirrors:
            url = f"{mirror}{name}"
            try:
                pooch.retrieve(url, f"sha256:{sha256}", name, folder)
            except (OSError, ValueError) as error:  # no connection or no room; a wrong sum
                failures.append(f"{url}: {error}")
            else:
                return
        raise FileError(self._how_to_provide(folder, failures))

    def _how_to_provide(self, folder: Path, failures: list[str]) -> str:
        elsewhere = (
            "into any other folder and set the environment variable GLASSGRAD_DATA to its path"
            if self.is_at_the_top
            else f"into a folder {self.folder!r} and set the environment variable GLASSGRAD_DATA "
            "to the path of what it lies in"
        )
        return (
            f"{self.name} is not on this machine and could not be downloaded. Get the four files "
            f"{', '.join(name + '.gz' for name in FILE_NAMES)} (or the same unpacked), put them "
            f"into {str(folder)!r}, or {elsewhere}. What was tried: {'; '.join(failures)}."
        )
