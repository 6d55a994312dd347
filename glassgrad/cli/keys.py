"""Keys of a terminal, one at a time, without Enter."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["BACK", "END", "HOME", "NEXT", "QUIT", "RESIZED", "Keys", "line_keys", "raw_keys"]

NEXT, BACK, HOME, END, QUIT = "next", "back", "home", "end", "quit"
RESIZED = "resized"
"""No key, but the window has another size."""

Keys = Callable[[], str]
"""Waits for a key, and gives one of the names above; an empty text for any other key."""

NAMES = {
    **dict.fromkeys(["\r", "\n", " ", "\x1b[C", "\x1b[B", "\x1bOC", "\x1bOB", "\x1b[6~"], NEXT),
    **dict.fromkeys(["\x7f", "\b", "b", "\x1b[D", "\x1b[A", "\x1bOD", "\x1bOA", "\x1b[5~"], BACK),
    **dict.fromkeys(["\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"], HOME),
    **dict.fromkeys(["\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"], END),
    **dict.fromkeys(["q", "Q", "\x1b", "\x03", "\x04", ""], QUIT),
}
WINDOWS = {"H": BACK, "K": BACK, "I": BACK, "P": NEXT, "M": NEXT, "Q": NEXT, "G": HOME, "O": END}
KEY = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|.", re.DOTALL)
LOOK_AGAIN = 0.3  # seconds, after which the size of the window is looked at


@contextlib.contextmanager
def raw_keys(size: Callable[[], Any]) -> Iterator[Keys | None]:
    """Keys as they are pressed, inside the block; ``None`` where the terminal cannot do it.

    Args:
        size: the size of the window, which is watched.
    """
    if os.name == "nt":
        yield _windows_key
        return
    try:
        import termios
        import tty

        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)
    except (ImportError, OSError, ValueError):
        yield None
        return
    try:
        tty.setcbreak(terminal)
        yield _Terminal(terminal, size)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def line_keys() -> str:
    """A key by a line: Enter alone goes on, b goes back, q ends."""
    line = sys.stdin.readline()
    return QUIT if not line else NAMES.get(line.strip().lower() or "\n", "")


class _Terminal:
    """Reads keys; a key that is no letter comes as several bytes, and several keys come at once."""

    def __init__(self, number: int, size: Callable[[], Any]) -> None:
        self._number, self._size = number, size
        self._typed: deque[str] = deque()

    def __call__(self) -> str:
        from select import select

        before = self._size()
        while not self._typed:
            if select([self._number], [], [], LOOK_AGAIN)[0]:
                text = os.read(self._number, 64).decode("utf-8", "replace")
                self._typed.extend(KEY.findall(text) or [""])
            elif self._size() != before:
                return RESIZED
        return NAMES.get(self._typed.popleft(), "")


def _windows_key() -> str:
    import msvcrt  # only there

    read: Callable[[], str] = msvcrt.getwch  # type: ignore[attr-defined, unused-ignore]
    first = read()
    return WINDOWS.get(read(), "") if first in "\x00\xe0" else NAMES.get(first, "")
