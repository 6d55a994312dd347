"""An explanation in a file, in the form that the file's name ends in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from glassgrad.errors import ArgumentError
from glassgrad.files import write_atomically
from glassgrad.lens.explanation import Explanation

__all__ = ["save"]

FORMS: dict[str, Callable[[Explanation], str]] = {
    ".html": Explanation.html,
    ".json": Explanation.json,
    ".md": Explanation.markdown,
    ".tex": Explanation.latex,
    ".txt": Explanation.text,
}


def save(explanation: Explanation, path: str | os.PathLike[str]) -> Path:
    """Write an explanation, entirely or not at all.

    Raises:
        ArgumentError: the name does not say in which form.
        FileError: the file cannot be written.
    """
    wanted = Path(path)
    form = FORMS.get(wanted.suffix.lower())
    if form is None:
        raise ArgumentError(
            f"An explanation is written as {', '.join(FORMS)}. Got the name {str(path)!r}."
        )
    content = form(explanation)
    with write_atomically(wanted) as file:
        file.write(content.encode("utf-8"))
    return wanted
