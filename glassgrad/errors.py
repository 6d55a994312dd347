"""Every error that glassgrad raises on purpose, in one tree.

Each class also derives from the built-in exception that a caller would expect, so that
``except ValueError`` keeps working, while ``except GlassgradError`` catches them all.
A message says the rule, the value received and the way out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ArgumentError",
    "DataError",
    "DtypeError",
    "ExecutionError",
    "FileError",
    "GlassgradError",
    "GradientError",
    "GraphError",
    "NotBuiltError",
    "ShapeError",
    "UnknownNameError",
]


class GlassgradError(Exception):
    """The root of the tree: anything that glassgrad raises on purpose."""


class ArgumentError(GlassgradError, ValueError):
    """An argument is outside the values that the function accepts."""


class ShapeError(GlassgradError, ValueError):
    """Shapes do not fit each other or the operation."""


class DtypeError(GlassgradError, TypeError):
    """A dtype does not fit the operation."""


class UnknownNameError(GlassgradError, ValueError):
    """A name is none of those known; the message lists the nearest ones."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        names = sorted(known)
        nearest = difflib.get_close_matches(shown(name).strip("'"), names, n=3, cutoff=0.5)
        hint = f"Did you mean {_either(nearest)}? " if nearest else ""
        super().__init__(f"Unknown {kind} {shown(name)}. {hint}Known are: {', '.join(names)}.")


class DataError(GlassgradError, ValueError):
    """The content of data breaks a rule: labels out of range, NaN, unequal lengths."""


class FileError(GlassgradError, OSError):
    """A file cannot be read or written, or does not hold what its format promises."""


class GraphError(GlassgradError, ValueError):
    """A graph is malformed, or a request does not fit it."""


class GradientError(GlassgradError, ValueError):
    """A gradient that was asked for does not exist."""


class NotBuiltError(GlassgradError, RuntimeError):
    """A layer or model was used before its variables or settings exist."""


class ExecutionError(GlassgradError, RuntimeError):
    """A program failed while it ran; the variables keep their values from before the step."""


def shown(value: object, longest: int = 80) -> str:
    """A value in a message: shortened, and never an error of its own."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 -- whatever the author of its class did wrong
        text = f"<{type(value).__name__}>"
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _either(names: list[str]) -> str:
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]
