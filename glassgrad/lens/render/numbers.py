"""Numbers and arrays as text: all of a small array, the beginning and the norm of a large one."""

from __future__ import annotations

import numpy as np

from glassgrad.graph.operation import Array
from glassgrad.lens.explanation import Line

__all__ = ["array_text", "number_text", "shape_text"]

MOST_ELEMENTS = 24
MOST_ROWS = 8
SHOWN_ELEMENTS = 6
FEWER_DIGITS = 4  # where an array is only begun


def number_text(value: float, digits: int = 6) -> str:
    """A number with as many significant digits as are asked for.

    Example:
        >>> number_text(2.0), number_text(-0.123456789), number_text(1e-9)
        ('2', '-0.123457', '1e-09')
    """
    return f"{value:.{digits}g}"


def array_text(value: Array, digits: int = 6, width: int = 80) -> list[str]:
    """An array as lines: a row a line; of a large one the first numbers and the norm.

    Rows that are wider than ``width`` get fewer digits, or are cut as well.

    Example:
        >>> array_text(np.arange(4.0).reshape(2, 2))
        ['[[0, 1],', ' [2, 3]]']
        >>> array_text(np.ones((100, 100)))
        ['1, 1, 1, 1, 1, 1 …, norm 100']
    """
    array = np.asarray(value)
    if array.size == 1:  # a network of scalars is read more easily without brackets
        return [_element(array.item(), digits)]
    rows = array.size // max(array.shape[-1], 1)
    if array.size <= MOST_ELEMENTS and rows <= MOST_ROWS:
        for fewer in (digits, min(digits, FEWER_DIGITS)):
            lines = _whole(array, fewer)
            if max(map(len, lines)) <= width:
                return lines
    norm = number_text(float(np.linalg.norm(array.astype(np.float64))), FEWER_DIGITS)
    shown = [_element(one, min(digits, FEWER_DIGITS)) for one in array.reshape(-1)[:SHOWN_ELEMENTS]]
    while len(shown) > 1 and len(", ".join(shown)) + len(norm) + len(" …, norm ") > width:
        shown.pop()
    return [f"{', '.join(shown)} …, norm {norm}"]


def _whole(array: Array, digits: int) -> list[str]:
    text = np.array2string(
        array,
        separator=", ",
        max_line_width=10_000,
        formatter={"all": lambda one: _element(one, digits)},
    )
    return text.split("\n")


def shape_text(line: Line) -> str:
    """The shape of a value, as people write it.

    Example:
        >>> from glassgrad.graph import Formula
        >>> shape_text(Line("given", Formula("x", "x"), None, np.ones((2, 3))))
        '(2, 3)'
    """
    return str(tuple(line.shape)) if line.shape else "scalar"


def _element(value: object, digits: int) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return str(int(value))
    return number_text(float(value), digits)  # type: ignore[arg-type]  # floats are all that is left
