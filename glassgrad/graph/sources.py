"""Which lines of the user's code made a node: recorded where somebody wants to know."""

from __future__ import annotations

import linecache
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from inspect import currentframe
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from glassgrad.graph.tensor import Node

__all__ = [
    "Line",
    "Source",
    "asked_source",
    "behind",
    "line_of_caller",
    "recorded_sources",
    "standing_at",
]

_PACKAGE = Path(__file__).parents[1]
_FOREIGN = tuple(
    {
        str(_PACKAGE),
        *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib", "scripts")),
    }
)


class Line(NamedTuple):
    """A line of a file.

    Example:
        >>> str(Line("train.py", 12))
        'train.py:12'
    """

    file: str
    number: int

    @property
    def text(self) -> str:
        """What is written there, empty where the file cannot be read."""
        return linecache.getline(self.file, self.number).strip()

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """Where a node comes from.

    Args:
        line: the line of the user's code that made it; ``None`` where no such line stands between
            the recording and the node, as for what the layers of the package do.
        behind: the node of the forward pass through which the gradient goes, for what the chain
            rule has made.
    """

    line: Line | None
    behind: Node | None = None


_asked: ContextVar[Callable[[], Source] | None] = ContextVar("source", default=None)


def asked_source() -> Source | None:
    """Where what is made now comes from, if somebody is recording."""
    ask = _asked.get()
    return None if ask is None else ask()


@contextmanager
def recorded_sources() -> Iterator[None]:
    """Let every node that is made in the ``with`` block know the line of code that makes it.

    Lines of the package itself and of installed libraries are passed over, and so is whatever
    called the function that records.

    Example:
        >>> from glassgrad import Tensor
        >>> from glassgrad.graph.sources import recorded_sources
        >>> def user_code(x):
        ...     return x.exp()
        >>> with recorded_sources():
        ...     y = user_code(Tensor([1.0]))
        >>> y.node.source.line.number
        2
    """
    limit = _frame_above(2)  # this generator is advanced by `contextlib`
    token = _asked.set(lambda: Source(_line_within(currentframe(), limit)))
    try:
        yield
    finally:
        _asked.reset(token)


@contextmanager
def behind(node: Node) -> Iterator[None]:
    """Let what is made be the chain rule's, through a node."""
    found = Source(None if node.source is None else node.source.line, node)
    token = _asked.set(lambda: found)
    try:
        yield
    finally:
        _asked.reset(token)


@contextmanager
def standing_at(line: Line | None) -> Iterator[None]:
    """Let what has no line of its own come from this one, if somebody is recording."""
    ask = _asked.get()
    if ask is None or line is None:
        yield
        return

    def source() -> Source:
        found = ask()
        return found if found.line is not None else Source(line, found.behind)

    token = _asked.set(source)
    try:
        yield
    finally:
        _asked.reset(token)


def line_of_caller(made: object = None) -> Line | None:
    """The line of the user's code that is under way, ``None`` where there is none.

    Args:
        made: what is being constructed there: the constructors of its own class are passed over.
    """
    frame = currentframe()
    while frame is not None:
        if _is_users(frame) and not _constructs(frame, made):
            return Line(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


def _frame_above(count: int) -> FrameType | None:
    """The frame so many calls above the function that asks."""
    frame = currentframe()
    for _ in range(count + 1):
        frame = None if frame is None else frame.f_back
    return frame


def _line_within(frame: FrameType | None, limit: FrameType | None) -> Line | None:
    """The innermost line of the user's code that the limit has called."""
    while frame is not None and frame is not limit:
        if _is_users(frame):
            return Line(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


def _is_users(frame: FrameType) -> bool:
    """Whether a function is neither of the package, nor of Python, nor of an installed library.

    What `dataclasses` generate belongs to no file, but to a module.
    """
    file = frame.f_code.co_filename
    if file == "<string>":
        return not str(frame.f_globals.get("__name__")).startswith(f"{_PACKAGE.name}.")
    return not _is_foreign(file)


@lru_cache(maxsize=4096)
def _is_foreign(file: str) -> bool:
    return file.startswith((*_FOREIGN, "<frozen"))


def _constructs(frame: FrameType, made: object) -> bool:
    code = frame.f_code
    if made is None or code.co_name != "__init__" or not code.co_varnames:
        return False
    return frame.f_locals.get(code.co_varnames[0]) is made
