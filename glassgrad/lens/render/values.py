"""The numbers of an array for a page: a heat map for the eye, and the first of them to read."""

from __future__ import annotations

import base64
from html import escape

import numpy as np

from glassgrad.graph.operation import Array
from glassgrad.lens.render.numbers import number_text

__all__ = ["values_of"]

MAP_ROWS, MAP_COLUMNS = 48, 96
TABLE_ROWS, TABLE_COLUMNS = 8, 10
LEVELS = 127


def values_of(value: Array, name: str) -> str:
    """An array to be unfolded: a heat map and the numbers of its first rows and columns.

    Args:
        value: any array with at least one axis; further axes are laid into rows.
        name: what it is called.

    Example:
        >>> "2 × 2" in values_of(np.eye(2), "x"), "canvas" in values_of(np.eye(2), "x")
        (False, True)
    """
    array = np.asarray(value)
    if not array.size:
        return ""
    rows = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(1, -1)
    title = f"numbers of {name}"
    return (
        f"<details class='values'><summary aria-label='{escape(title)}'>numbers</summary>"
        f"{_heat_map(rows, name)}<div class='wide'>{_table(rows)}</div>{_rest(array, rows)}"
        "</details>"
    )


def _heat_map(rows: Array, name: str) -> str:
    """A picture that the page's script paints: signed bytes, and what the largest stands for."""
    if rows.size < 2:
        return ""
    part = rows[:MAP_ROWS, :MAP_COLUMNS].astype(np.float64)
    finite = np.where(np.isfinite(part), part, 0.0)
    limit = float(np.abs(finite).max())
    levels = np.rint(finite / limit * LEVELS) if limit else finite
    content = base64.b64encode(levels.astype(np.int8).tobytes()).decode("ascii")
    edge = number_text(limit, 3)
    return (
        f"<figure class='map'><canvas role='img' aria-label='heat map of {escape(name)}' "
        f"width='{part.shape[1]}' height='{part.shape[0]}' data-levels='{content}'></canvas>"
        f"<figcaption><span>−{edge}</span><i aria-hidden='true'></i><span>{edge}</span>"
        "</figcaption></figure>"
    )


def _table(rows: Array) -> str:
    part = rows[:TABLE_ROWS, :TABLE_COLUMNS]
    more = "<td>…</td>" if rows.shape[1] > TABLE_COLUMNS else ""
    lines = [
        "<tr>" + "".join(f"<td class='number'>{_text(one)}</td>" for one in row) + more + "</tr>"
        for row in part
    ]
    return f"<table class='numbers'><tbody>{''.join(lines)}</tbody></table>"


def _text(value: object) -> str:
    number = np.asarray(value)
    return number_text(float(number), 4) if number.dtype.kind == "f" else str(number)


def _rest(array: Array, rows: Array) -> str:
    shown = min(rows.shape[0], TABLE_ROWS) * min(rows.shape[1], TABLE_COLUMNS)
    if shown == array.size:
        return ""
    laid = f", laid into {rows.shape[0]:,} rows" if array.ndim > 2 else ""
    return f"<p class='soft'>{shown:,} of {array.size:,} numbers{laid}.</p>"
