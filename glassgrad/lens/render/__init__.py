"""An explanation written down: as text, Markdown, LaTeX, JSON and HTML."""

from glassgrad.lens.render.page import formula, page

__all__ = ["formula", "page"]
