"""The files that a command is to write at its end: refused before the work, not after it."""

from __future__ import annotations

from pathlib import Path

from glassgrad.errors import ArgumentError, FileError

__all__ = ["require_folder", "require_writable"]

CHARTS, PAGES = (".png", ".svg"), (".html",)


def require_writable(*, chart: Path | None, html: Path | None) -> None:
    """Refuse now what could not be written after all the work.

    Args:
        chart: the file of the picture, if one is wanted.
        html: the file of the page.

    Raises:
        ArgumentError: the name of a file ends otherwise.
        FileError: there is no such folder.

    Example:
        >>> require_writable(chart=Path("rates.svg"), html=None)
    """
    for path, forms in ((chart, CHARTS), (html, PAGES)):
        if path is not None and path.suffix.lower() not in forms:
            raise ArgumentError(
                f"The name of that file must end in {' or '.join(forms)}. Got {str(path)!r}."
            )
        require_folder(path)


def require_folder(path: Path | None) -> None:
    """Refuse the name of a file in a folder that is not there.

    Args:
        path: the file, if one is wanted.

    Raises:
        FileError: there is no such folder.
    """
    if path is not None and not path.resolve().parent.is_dir():
        raise FileError(f"There is no folder {str(path.resolve().parent)!r}. Make it first.")
