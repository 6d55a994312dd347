"""Numbers and names as short texts, and how much room they take."""

from __future__ import annotations

import math

__all__ = ["short_number", "shortened", "text_width"]

MOST_LETTERS = 34
# Widths in units of the font's size, of a wide font, so that text fits with any other.
NARROW, WIDE = "fijlrtI.,:;|!'()[]/ -·", "mwMW@%…+=→"
WIDTHS = {**dict.fromkeys(NARROW, 0.37), **dict.fromkeys(WIDE, 0.92)}


def short_number(value: float) -> str:
    """A number as a label: three digits, and an exponent where it is far from 1.

    Example:
        >>> short_number(0.012345), short_number(1234.5), short_number(3.2e-9), short_number(0.0)
        ('0.0123', '1.23e3', '3.2e-9', '0')
    """
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if 1e-3 <= abs(value) < 1000:
        return f"{value:.3g}"
    digits, exponent = f"{value:.2e}".split("e")
    return f"{float(digits):g}e{int(exponent)}"


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a text is."""
    letters = sum(WIDTHS.get(letter, 0.71 if letter.isupper() else 0.63) for letter in text)
    return letters * size * (1.08 if bold else 1.0)


def shortened(text: str) -> str:
    """A text that fits into a box."""
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"
