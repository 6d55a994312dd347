"""A comparison written down: as text, Markdown and HTML."""

from __future__ import annotations

import math
import textwrap
from html import escape
from typing import TYPE_CHECKING

from glassgrad.errors import ExecutionError
from glassgrad.lens.charts import as_svg
from glassgrad.lens.comparing.trial import DIVERGED, ENDED, FAILED
from glassgrad.lens.render.page import page

if TYPE_CHECKING:
    from glassgrad.lens.comparing.comparison import Comparison, Spread, Standing

__all__ = ["as_html", "as_markdown", "as_page", "as_text", "columns_of", "rows_of", "title_of"]

WIDTH = 100
NOTHING = "-"


def title_of(comparison: Comparison) -> str:
    """What is compared on which data."""
    name = comparison.plan.kind.replace("-", " ").capitalize()
    return f"{name} compared on {comparison.dataset.partition(':')[0]}"


def columns_of(comparison: Comparison) -> tuple[str, ...]:
    """The header of the table."""
    score = "R2" if comparison.measure.factor == 1 else "accuracy, %"
    return (
        comparison.kind.subject,
        "runs",
        f"validation {score}",
        "validation loss",
        f"training {score}",
        "training loss",
        "seconds",
        "gradient flow, first step",
        "gradient flow, end",
        "group",
    )


def rows_of(comparison: Comparison) -> tuple[tuple[str, ...], ...]:
    """The rows of the table."""
    return tuple(_row(comparison, standing) for standing in comparison.standings)


def _row(comparison: Comparison, standing: Standing) -> tuple[str, ...]:
    measure = comparison.measure
    train = measure.name.removeprefix("val_")
    return (
        standing.name,
        _runs(standing),
        _score(standing.score(measure.name), measure.factor),
        with_spread(standing.score("val_loss")),
        _score(standing.score(train), measure.factor),
        with_spread(standing.score("loss")),
        _number(standing.seconds, "{:.2f}"),
        _number(standing.flow("first"), "{:.2g}"),
        _number(standing.flow("last"), "{:.2g}"),
        standing.group or NOTHING,
    )


def _runs(standing: Standing) -> str:
    """How many ended, and what became of the others."""
    others = [
        f"{standing.count(status)} {status}"
        for status in (DIVERGED, FAILED)
        if standing.count(status)
    ]
    return ", ".join([str(standing.count(ENDED)), *others])


def _score(spread: Spread, factor: float) -> str:
    if math.isnan(spread.mean):
        return NOTHING
    places = 1 if factor != 1 else 3
    deviation = "" if math.isnan(spread.deviation) else f" ± {spread.deviation * factor:.{places}f}"
    return f"{spread.mean * factor:.{places}f}{deviation}"


def with_spread(spread: Spread) -> str:
    """A mean and its deviation, with as many places as the deviation makes sense of.

    Example:
        >>> from glassgrad.lens.comparing.comparison import Spread
        >>> with_spread(Spread(0.123456, 0.00234)), with_spread(Spread(1234.5, 120.0))
        ('0.1235 ± 0.0023', '1234 ± 120')
    """
    if math.isnan(spread.mean):
        return NOTHING
    if math.isnan(spread.deviation):
        return f"{spread.mean:.4g}"
    if max(abs(spread.mean), spread.deviation) >= 1e5:
        return f"{spread.mean:.2g} ± {spread.deviation:.2g}"
    places = 4
    if spread.deviation > 0:
        places = min(max(1 - math.floor(math.log10(spread.deviation)), 0), 5)
    return f"{spread.mean:.{places}f} ± {spread.deviation:.{places}f}"


def _number(value: float, form: str) -> str:
    return NOTHING if math.isnan(value) else form.format(value)


# ---- forms


def as_text(comparison: Comparison) -> str:
    """Setting, table and statement for a terminal."""
    header = [_halves(column) for column in columns_of(comparison)]
    rows = [*zip(*header, strict=True), *rows_of(comparison)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(
        [
            title_of(comparison),
            "",
            *(_filled(sentence) for sentence in comparison.setting()),
            "",
            *lines,
            "",
            *(_filled(sentence) for sentence in comparison.statement()),
        ]
    )


def _halves(words: str) -> tuple[str, str]:
    """A header in two lines, the lower one never empty.

    Example:
        >>> _halves("validation accuracy, %"), _halves("runs")
        (('validation', 'accuracy, %'), ('', 'runs'))
    """
    upper, separator, lower = words.partition(" ")
    if separator and len(upper) < len(lower) / 2:
        further, _, lower = lower.partition(" ")
        upper = f"{upper} {further}"
    return (upper, lower) if separator else ("", words)


def _filled(sentence: str) -> str:
    return textwrap.fill(sentence, WIDTH, break_long_words=False, break_on_hyphens=False)


def as_markdown(comparison: Comparison) -> str:
    """Setting, table and statement for a document."""
    columns, *rows = (
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
        for row in (columns_of(comparison), *rows_of(comparison))
    )
    rule = "|" + " --- |" * len(columns_of(comparison))
    parts = [
        f"# {title_of(comparison)}",
        "\n".join(f"- {sentence}" for sentence in comparison.statement()),
        "\n".join([columns, rule, *rows]),
        "\n".join(f"- {sentence}" for sentence in comparison.setting()),
    ]
    return "\n\n".join(parts) + "\n"


def as_page(comparison: Comparison) -> str:
    """A page of its own."""
    return page(title_of(comparison), as_html(comparison))


def as_html(comparison: Comparison) -> str:
    """Statement, table, picture and setting, as a part of a page."""
    return "\n".join(
        [
            "<section><h2>What may be said</h2>",
            _list(comparison.statement()),
            "</section><section><h2>Numbers</h2>",
            _table(comparison),
            "</section>",
            _picture(comparison),
            "<section><h2>What was done</h2>",
            _list(comparison.setting()),
            "</section>",
        ]
    )


def _list(sentences: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(one, quote=False)}</li>" for one in sentences) + "</ul>"


def _table(comparison: Comparison) -> str:
    head = "".join(f"<th scope='col'>{escape(one)}</th>" for one in columns_of(comparison))
    body = "".join(
        f"<tr><th scope='row'>{escape(name)}</th>"
        + "".join(f"<td>{escape(cell).replace(' ', '&nbsp;')}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in rows_of(comparison)
    )
    return (
        f"<div class='wide'><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
        "<p>Contenders that share a letter of their group cannot be told apart.</p>"
    )


def _picture(comparison: Comparison) -> str:
    """The chart, as far as it can be drawn here."""
    try:
        drawing = as_svg(comparison.chart())
    except ExecutionError as error:
        return f"<p>{escape(str(error))}</p>"
    words = f"{title_of(comparison)}: the numbers of the table, and learning curves."
    return (
        f"<section><h2>Picture</h2><figure class='chart' role='img' aria-label='{escape(words)}'>"
        f"{drawing}</figure></section>"
    )
