"""What an operation's docstring says, taken apart and written as Markdown."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

from glassgrad.graph import Operation

__all__ = ["Described", "described"]

SPECIAL = re.compile(r"([*~<])")


@dataclass(frozen=True)
class Described:
    """A docstring's parts.

    Args:
        sentence: the first line.
        paragraphs: what follows, the arguments and the example left out.
        source: the paper or book, empty where none is named.
    """

    sentence: str
    paragraphs: tuple[str, ...]
    source: str


def described(kind: type[Operation]) -> Described:
    """Take apart what a class says of itself.

    Example:
        >>> from glassgrad.ops.random import Dropout
        >>> described(Dropout).source[:17]
        'Srivastava, Hinto'
    """
    sentence, *rest = (inspect.getdoc(kind) or "").split("\n\n")
    kept = [part for part in rest if not part.startswith(("Args:", "Example:", "Raises:"))]
    sources = [part for part in kept if part.startswith("Source:")]
    return Described(
        as_markdown(sentence),
        tuple(as_markdown(part) for part in kept if part not in sources),
        " ".join(as_markdown(part.removeprefix("Source:")) for part in sources),
    )


def as_markdown(text: str) -> str:
    r"""One line, code in backquotes, and nothing that Markdown would take for its own.

    Example:
        >>> as_markdown("x (batch, *space) of ``MaxPool``")
        'x (batch, \\*space) of `MaxPool`'
    """
    parts = " ".join(text.split()).split("``")
    return "`".join(
        part if number % 2 else SPECIAL.sub(r"\\\1", part) for number, part in enumerate(parts)
    )
