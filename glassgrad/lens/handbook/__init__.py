"""The handbook of operations: one page for each, made from what the operation declares."""

from __future__ import annotations

import os
from pathlib import Path

from glassgrad.arguments import checked
from glassgrad.files import make_folder, write_atomically
from glassgrad.lens.handbook.curves import Curve, curve_of, draw, drawing
from glassgrad.lens.handbook.derivation import Derivation, FormulaLine, derivation_of
from glassgrad.lens.handbook.example import Example
from glassgrad.lens.handbook.examples import examples
from glassgrad.lens.handbook.page import index, page, pages

__all__ = [
    "Curve",
    "Derivation",
    "Example",
    "FormulaLine",
    "curve_of",
    "derivation_of",
    "draw",
    "drawing",
    "examples",
    "index",
    "page",
    "pages",
    "write",
]


@checked
def write(folder: str | os.PathLike[str]) -> list[Path]:
    """Write all pages and plots into a folder, and say which files these are.

    What else is in the folder stays.

    Raises:
        ExecutionError: Matplotlib is not installed.
        FileError: a file cannot be written.
    """
    root = Path(folder)
    plots = root / "plots"
    make_folder(plots)
    drawn = {name: one for name, one in examples().items() if one.drawn is not None}
    contents = {
        **{root / name: text for name, text in pages().items()},
        **{plots / f"{name}.svg": drawing(example) for name, example in drawn.items()},
    }
    for path, text in contents.items():
        with write_atomically(path) as file:
            file.write(text.encode("utf-8"))
    return list(contents)
