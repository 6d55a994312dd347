"""A model as a table."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Any

from glassgrad.layers import Layer

__all__ = ["summary_of"]


def summary_of(model: Layer, rows: Sequence[tuple[Layer, Any]]) -> str:
    """Name, kind, shape and parameters of each layer, and the totals.

    Args:
        model: the whole.
        rows: its layers with the shapes of their outputs.
    """
    from rich.box import ROUNDED
    from rich.console import Console
    from rich.table import Table

    table = Table(box=ROUNDED, title=f"Model {model.name}", title_justify="left")
    for heading in ("Layer", "Kind", "Output shape"):
        table.add_column(heading)
    table.add_column("Parameters", justify="right")
    for layer, shape in rows:
        count = f"{layer.count_params():,}" + ("" if layer.trainable else " frozen")
        table.add_row(layer.name, type(layer).__name__, "?" if shape is None else str(shape), count)
    trained = sum(weight.spec.size for weight in model.trainable_weights)
    total = model.count_params()
    text = StringIO()
    console = Console(file=text, width=80, highlight=False)
    console.print(table)
    console.print(
        f"{total:,} parameters ({_memory(model)}), {trained:,} of them trained, "
        f"{total - trained:,} not",
        soft_wrap=True,
    )
    return text.getvalue().rstrip("\n")


def _memory(model: Layer) -> str:
    length = sum(weight.storage.nbytes for weight in model.weights)
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if length >= size:
            return f"{length / size:.1f} {unit}"
    return f"{length} bytes"
