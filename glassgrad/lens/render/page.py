"""A self-contained HTML page: style, light and dark, mathematics by KaTeX, nothing from outside."""

from __future__ import annotations

import base64
import re
from functools import cache
from html import escape
from pathlib import Path

__all__ = ["asset", "formula", "frame", "page"]

ASSETS = Path(__file__).resolve().parent / "assets"
FONT_FACE = re.compile(r"@font-face\{[^}]*?url\(fonts/([^)]*?\.woff2)\)[^}]*\}")
# What the page may load: nothing but what it carries in itself.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; font-src data:"
)


def page(title: str, body: str, *, mathematics: bool = False) -> str:
    """A whole page, as text, that opens from a file and needs no network.

    Headings, paragraphs, lists, tables, ``<figure>``, ``<details>``, ``<code>``, buttons and
    sliders are styled; a table wider than the window scrolls inside ``<div class="wide">``; a
    chart with a white background stands in ``<figure class="chart">``. Formulas are made by
    `formula`.

    Args:
        title: plain text, the heading of the page.
        body: HTML, what stands below the heading.
        mathematics: whether there are formulas: KaTeX and its fonts then come along, 0.5 MB.

    Example:
        >>> text = page("A slope", "<p>It is steep.</p>")
        >>> text.startswith("<!doctype html>"), "<h1>A slope</h1>" in text
        (True, True)
    """
    heading = f"<header class='top'><h1>{escape(title)}</h1></header>"
    return frame(title, f"{heading}\n<main>\n{body}\n</main>", mathematics=mathematics)


def formula(latex: str, plain: str) -> str:
    """A formula for a page: LaTeX where scripts run, the plain form where they do not.

    Example:
        >>> formula("x^2", "x ** 2")
        '<span class="math" data-tex="x^2">x ** 2</span>'
    """
    return f'<span class="math" data-tex="{escape(latex)}">{escape(plain, quote=False)}</span>'


def frame(
    title: str, content: str, *, styles: str = "", scripts: str = "", mathematics: bool = False
) -> str:
    """The document around a page's content, with everything that it needs inside.

    Args:
        title: plain text, for the window.
        content: HTML, the whole of the body.
        styles: further CSS.
        scripts: further JavaScript, run when the content is there.
        mathematics: whether KaTeX comes along.
    """
    css = [asset("page.css"), styles]
    javascript = [scripts]
    if mathematics:
        css.insert(0, _mathematical_style())
        javascript.insert(0, asset("katex/katex.min.js") + "\n" + asset("mathematics.js"))
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            f"<title>{escape(title)}</title>",
            *(f"<style>{text}</style>" for text in css if text),
            "</head>",
            "<body>",
            content,
            *(f"<script>{text}</script>" for text in javascript if text),
            "</body>",
            "</html>",
            "",
        ]
    )


@cache
def asset(name: str) -> str:
    """The text of a file that pages carry: a style sheet or a script."""
    return (ASSETS / name).read_text("utf-8")


@cache
def _mathematical_style() -> str:
    """KaTeX's style sheet with the fonts inside; a font that is not shipped is left out."""
    return FONT_FACE.sub(_font_inside, asset("katex/katex.min.css"))


def _font_inside(face: re.Match[str]) -> str:
    path = ASSETS / "katex" / "fonts" / face[1]
    if not path.exists():
        return ""
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    source = f'src:url(data:font/woff2;base64,{content}) format("woff2")'
    return re.sub(r"src:[^}]*", source, face[0])
