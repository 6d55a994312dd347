"""What the lens found, to be shown: as text, chart, page, and numbers in files."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from glassgrad.errors import ArgumentError
from glassgrad.files import write_atomically
from glassgrad.lens.charts import FORMATS, as_svg, save_chart
from glassgrad.lens.render.page import asset, page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Cell", "Exhibit", "Stepped", "Table", "number", "or_none"]

Cell: TypeAlias = str | float | int | None
WIDEST = 1_000  # of a line of text; tables are as wide as what they hold


@dataclass(frozen=True)
class Table:
    """Rows of text under a heading."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text

        drawn = RichTable(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for column, name in enumerate(self.columns):
            side = "right" if column in self._numeric else "left"
            drawn.add_column(Text(name), justify=side, no_wrap=True)  # type: ignore[arg-type]
        for row in self.rows:
            drawn.add_row(*map(Text, row))
        text = io.StringIO()
        Console(file=text, width=WIDEST, highlight=False).print(drawn)
        lines = [line.rstrip() for line in text.getvalue().splitlines()]
        return "\n".join([self.title, *(f"  {line}" for line in lines)])

    @property
    def _numeric(self) -> set[int]:
        """The columns of numbers, that are set to the right."""
        cells = list(zip(*self.rows, strict=True))
        return {n for n, column in enumerate(cells) if all(_is_number(cell) for cell in column)}

    def html(self) -> str:
        """The table for a page."""
        kinds = ["number" if n in self._numeric else "" for n in range(len(self.columns))]
        head = "".join(_cell("th", *one) for one in zip(self.columns, kinds, strict=True))
        body = "\n".join(
            f"<tr>{''.join(_cell('td', *one) for one in zip(row, kinds, strict=True))}</tr>"
            for row in self.rows
        )
        return (
            f'<div class="wide"><table><caption>{escape(self.title)}</caption>'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
        )


@dataclass(frozen=True)
class Stepped:
    """A path of a chart that a page follows step by step.

    Args:
        name: what goes along it.
        values: a number at each step, the first before any.
    """

    name: str
    values: Sequence[float]


class Exhibit(ABC):
    """The base of what can be printed, drawn and saved."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What it shows, in a few words."""

    @abstractmethod
    def tables(self) -> list[Table]:
        """The numbers that a person reads."""

    @abstractmethod
    def records(self) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
        """All numbers, as columns and rows of a CSV file."""

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """All numbers, for JSON; what is not finite is ``None``."""

    @abstractmethod
    def chart(self) -> Figure:
        """The picture, by Matplotlib.

        Raises:
            ExecutionError: Matplotlib is not installed.
        """

    @abstractmethod
    def description(self) -> str:
        """What the picture shows, for those who cannot see it."""

    def remarks(self) -> list[str]:
        """Sentences that stand above the tables."""
        return []

    def stepped(self) -> list[Stepped]:
        """The paths of the chart that a page follows step by step."""
        return []

    def __str__(self) -> str:
        return "\n\n".join([self.title, *self.remarks(), *map(str, self.tables())])

    def html(self) -> str:
        """A page that needs nothing from outside: picture, steps and numbers.

        Raises:
            ExecutionError: Matplotlib is not installed.
        """
        parts = [
            *(f"<p>{escape(remark)}</p>" for remark in self.remarks()),
            f'<figure class="chart stepping">{self._labelled_svg()}</figure>',
            *_stepping(self.stepped()),
            *(table.html() for table in self.tables()),
        ]
        return page(self.title, "\n".join(parts))

    def _labelled_svg(self) -> str:
        label = escape(self.description(), quote=True)
        return as_svg(self.chart()).replace("<svg", f'<svg role="img" aria-label="{label}"', 1)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a file of the kind that its name ends in, entirely or not at all.

        Args:
            path: ends in .png or .svg (the picture), .html (the page), .json or .csv (the
                numbers) or .txt.

        Raises:
            ArgumentError: the name ends otherwise.
            ExecutionError: Matplotlib is needed and not installed.
            FileError: the file cannot be written.
        """
        wanted = _as_path(path)
        suffix = wanted.suffix.lower()
        if suffix in FORMATS:
            return save_chart(self.chart(), wanted)
        writers = {".html": self.html, ".json": self._json, ".csv": self._csv, ".txt": self._text}
        if suffix not in writers:
            known = ", ".join([*FORMATS, *writers])
            raise ArgumentError(f"The name must end in one of {known}. Got {str(path)!r}.")
        content = writers[suffix]().encode("utf-8")
        with write_atomically(wanted) as file:
            file.write(content)
        return wanted

    def _text(self) -> str:
        return f"{self}\n"

    def _json(self) -> str:
        return json.dumps(self.as_dict(), allow_nan=False) + "\n"

    def _csv(self) -> str:
        columns, rows = self.records()
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
        return text.getvalue()


def _as_path(path: Any) -> Path:
    try:
        return Path(path)
    except TypeError:
        raise ArgumentError(f"A path must be a text. Got {path!r}.") from None


def _stepping(paths: Sequence[Stepped]) -> list[str]:
    """A slider under the picture, and the script that moves the paths along with it."""
    if not paths:
        return []
    last = max(len(path.values) for path in paths) - 1
    values = {path.name: [number(value) for value in path.values] for path in paths}
    data = json.dumps(values).replace("<", "\\u003c")
    return [
        '<p class="stepping"><label>Step <input type="range" id="step" min="0" '
        f'max="{last}" value="{last}"></label> <output for="step" id="step-number">{last}'
        "</output></p>",
        '<p id="step-values" aria-live="polite"></p>',
        f'<script type="application/json" id="step-data">{data}</script>',
        f"<script>{asset('stepping.js')}</script>",
    ]


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:1] in "-–" or cell in {"", "inf", "nan"}


def _cell(tag: str, text: str, kind: str) -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f"<{tag}{attribute}>{escape(text)}</{tag}>"


def number(value: float | None) -> str:
    """A number to be read: five digits; a dash for none.

    Example:
        >>> number(0.1 + 0.2), number(123456.0), number(None)
        ('0.3', '1.2346e+05', '-')
    """
    return "-" if value is None else f"{value:.5g}"


def or_none(value: float) -> float | None:
    """A number for JSON, which knows no infinity."""
    return float(value) if math.isfinite(value) else None
