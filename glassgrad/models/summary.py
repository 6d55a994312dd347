"""A model as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from glassgrad.errors import ArgumentError, UnknownNameError
from glassgrad.graph.symbolic import Call
from glassgrad.graph.trees import leaves_of
from glassgrad.layers import InputLayer, Layer

if TYPE_CHECKING:
    from glassgrad.models.model import Model

__all__ = ["summary_of"]


def summary_of(
    model: Model,
    width: int = 80,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> str:
    """Name, kind, shape and parameters of each layer, and the totals.

    What a layer takes is shown where layers do not simply follow each other.

    Args:
        model: the whole.
        width: of the table.
        expand_nested: whether to list the layers of models inside as well.
        show_trainable: whether to say of each layer whether it is trained.
        layer_range: the names of the first and the last layer to be listed.

    Raises:
        UnknownNameError: no layer has a name of ``layer_range``.
    """
    from rich.box import ROUNDED
    from rich.console import Console
    from rich.table import Table

    rows = _rows(model, expand_nested, layer_range)
    takes = not all(row.takes in ("", before.name) for before, row in pairwise(rows))
    table = Table(box=ROUNDED, title=f"Model {model.name}", title_justify="left")
    for heading in ("Layer", "Kind", "Output shape"):
        table.add_column(heading, overflow="fold")
    table.add_column("Parameters", justify="right")
    for heading in ["Takes"] * takes + ["Trained"] * show_trainable:
        table.add_column(heading, overflow="fold")
    for row in rows:
        layer = row.layer
        count = f"{layer.count_params():,}" + ("" if layer.trainable else " frozen")
        further = [row.takes] * takes + ["yes" if layer.trainable else "no"] * show_trainable
        table.add_row("  " * row.depth + row.name, type(layer).__name__, row.shape, count, *further)
    trained = sum(weight.spec.size for weight in model.trainable_weights)
    total = model.count_params()
    text = StringIO()
    console = Console(file=text, width=width, highlight=False)
    console.print(table)
    console.print(
        f"{total:,} parameters ({_memory(model)}), {trained:,} of them trained, "
        f"{total - trained:,} not",
        soft_wrap=True,
    )
    return text.getvalue().rstrip("\n")


@dataclass(frozen=True)
class _Row:
    """What the table says of a layer."""

    layer: Layer
    shape: str
    takes: str
    depth: int

    @property
    def name(self) -> str:
        return self.layer.name


def _rows(
    model: Model, expand: bool, layer_range: Sequence[str] | None = None, depth: int = 0
) -> list[_Row]:
    calls = _calls_by_layer(model)
    rows: list[_Row] = []
    for layer in _within(model.layers, layer_range):
        found = calls.get(layer, [])
        rows.append(_Row(layer, _shapes(found), ", ".join(_sources(found)), depth))
        inner: Any = layer  # a model, where it can list layers
        if expand and hasattr(inner, "is_functional"):
            rows += _rows(inner, expand, depth=depth + 1)
    return rows


def _within(layers: Sequence[Layer], names: Sequence[str] | None) -> Sequence[Layer]:
    """The layers from one name to another."""
    if names is None:
        return layers
    if len(names) != 2:
        raise ArgumentError(f"layer_range names the first and the last layer. Got {names!r}.")
    numbers = {layer.name: number for number, layer in enumerate(layers)}
    for name in names:
        if name not in numbers:
            raise UnknownNameError("layer", name, numbers)
    first, last = sorted(numbers[name] for name in names)
    return layers[first : last + 1]


def _calls_by_layer(model: Model) -> dict[Layer, list[Call]]:
    """The calls of each layer on the way from the model's inputs to its outputs."""
    if not model.is_functional:
        return {}
    recipe = model.recipe
    within = {*recipe.calls, *(symbol.call for symbol in model.inputs)}
    return {layer: [call for call in layer.calls if call in within] or _own_call(layer)
            for layer in model.layers}  # fmt: skip


def _own_call(layer: Layer) -> list[Call]:
    return [layer.output.call] if isinstance(layer, InputLayer) else []


def _sources(calls: Sequence[Call]) -> list[str]:
    return list(dict.fromkeys(symbol.name for call in calls for symbol in call.inputs))


def _shapes(calls: Sequence[Call]) -> str:
    """The shapes of what a layer gives."""
    shapes = dict.fromkeys(str(one.shape) for call in calls for one in leaves_of(call.outputs))
    return ", ".join(shapes) or "?"


def _memory(model: Layer) -> str:
    length = sum(weight.storage.nbytes for weight in model.weights)
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if length >= size:
            return f"{length / size:.1f} {unit}"
    return f"{length} bytes"
