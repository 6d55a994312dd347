"""What a command shows: data on stdout, messages on stderr."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

__all__ = ["Screen"]

COMPILING = "Compiling kernels for this machine: once, about 15 seconds"


@dataclass(frozen=True)
class Screen:
    """Where the output of a command goes.

    Args:
        as_json: whether stdout gets one JSON object instead of text.
        quiet: whether messages are left out.
    """

    as_json: bool = False
    quiet: bool = False

    def note(self, text: str) -> None:
        """Write a message, without breaking its lines."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def show(
        self, title: str, rows: Sequence[tuple[str, str]], document: Mapping[str, Any]
    ) -> None:
        """Write the outcome: a table for people, or a document for machines."""
        if self.as_json:
            print(json.dumps(document))
        else:
            _print_table(title, rows)

    def report(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        """Write a table as a message."""
        if not self.quiet:
            _print_table(title, rows, sys.stderr)

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        document: Mapping[str, Any],
        shrinking: Sequence[str] = (),
    ) -> None:
        """Write a table with a header, or a document for machines.

        Columns of numbers are set to the right. On a narrow terminal the ``shrinking`` columns
        are cut and the others are not; where none is named, all break into lines.
        """
        if self.as_json:
            print(json.dumps(document))
        else:
            _print_columns(title, columns, rows, shrinking)

    def lines(self, lines: Iterable[str], document: Mapping[str, Any]) -> None:
        """Write a line for each of many things, or a document for machines."""
        if self.as_json:
            print(json.dumps(document))
        else:
            print("\n".join(lines))

    def paragraphs(self, sentences: Iterable[str]) -> None:
        """Write sentences, on a terminal broken into lines between words."""
        from rich.console import Console
        from rich.text import Text

        width = None if sys.stdout.isatty() else 1_000
        console = Console(file=sys.stdout, width=width, highlight=False)
        for sentence in sentences:
            console.print(Text(sentence))

    @contextlib.contextmanager
    def announced_compilation(self) -> Iterator[None]:
        """Say it, once, if kernels have to be compiled inside the block."""
        if self.quiet:
            yield
            return
        from glassgrad.execute.cpu.compiler import on_compile

        announcement = _spinner() if sys.stderr.isatty() else _Line()
        on_compile.append(announcement.count)
        try:
            with announcement:
                yield
        finally:
            on_compile.remove(announcement.count)


class _Line(contextlib.AbstractContextManager["_Line", None]):
    """A line at the first kernel."""

    def __init__(self) -> None:
        self.compiled = 0

    def count(self, function_name: str) -> None:
        """Take note of one more kernel."""
        self.compiled += 1
        if self.compiled == 1:
            self.begin()
        self.go_on()

    def begin(self) -> None:
        print(f"{COMPILING}.", file=sys.stderr, flush=True)

    def go_on(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


def _spinner() -> _Line:
    """The line with a number that moves."""
    from rich.console import Console
    from rich.status import Status

    status = Status(COMPILING, console=Console(stderr=True))

    class Spinner(_Line):
        def begin(self) -> None:
            status.start()

        def go_on(self) -> None:
            status.update(f"{COMPILING} ({self.compiled} so far)")

        def __exit__(self, *error: object) -> None:
            status.stop()

    return Spinner()


def _print_table(title: str, rows: Sequence[tuple[str, str]], stream: TextIO | None = None) -> None:
    from rich.box import ROUNDED
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=ROUNDED, title=title, title_justify="left", show_header=False)
    table.add_column(style="bold", overflow="fold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    file = stream or sys.stdout
    # A file or a pipe has no width: a long path must not be broken there.
    width = None if file.isatty() else 1_000
    Console(file=file, width=width, highlight=False).print(table)


def _print_columns(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], shrinking: Sequence[str]
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=None, padding=(0, 2, 0, 0), title=title, title_justify="left", header_style="bold"
    )
    for number, name in enumerate(columns):
        is_numeric = all(row[number][:1] in "-0123456789" for row in rows)
        table.add_column(
            Text(name),
            justify="right" if is_numeric and rows else "left",
            overflow="ellipsis" if shrinking else "fold",
            no_wrap=bool(shrinking) and name not in shrinking,
        )
    for row in rows:
        table.add_row(*map(Text, row))
    width = None if sys.stdout.isatty() else 1_000
    Console(file=sys.stdout, width=width, highlight=False).print(table)
