"""What is shown of an explanation, step by step: forward, loss, backward, update."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TypeAlias

import numpy as np

from glassgrad.graph.operation import Array
from glassgrad.lens import Explanation
from glassgrad.lens.explanation import (
    Contribution,
    ExplainedWeight,
    FollowedEntry,
    Line,
    PathProduct,
)
from glassgrad.lens.naming import gradient_of

__all__ = ["PHASES", "Block", "Cell", "Scene", "scenes_of"]

PHASES = GIVEN, FORWARD, LOSS, BACKWARD, UPDATE = "Given", "Forward", "Loss", "Backward", "Update"

LABEL = 9  # columns
MOST_ROWS = 8  # of an array
MOST_AT_EDGE = 12  # elements that are shown at each end of a long axis
MOST_CONTRIBUTIONS = 40

NAME, NUMBER, REMARK, PLAIN = "bold", "green", "dim", ""
LABELS = {
    "forward": "blue",
    "incoming": "yellow",
    "rule": "magenta",
    "share": "magenta",
    "sum": "magenta",
    "where": "cyan",
}
EQUALS = (" = ", REMARK)

Cell: TypeAlias = tuple[tuple[str, str], ...]
"""Pieces of text, each with its style."""


@dataclass(frozen=True)
class Block:
    """What stays together: rows of cells, in columns.

    Args:
        rows: of equal lengths.
        right: the columns that are set to the right.
        is_spaced: whether an empty line follows.
    """

    rows: Sequence[Sequence[Cell]]
    right: Container[int] = ()
    is_spaced: bool = True


@dataclass(frozen=True)
class Scene:
    """One step.

    Args:
        phase: one of ``PHASES``.
        title: what happens.
        body: what is shown, for a width in columns.
    """

    phase: str
    title: str
    body: Callable[[int], Iterable[Block]]


def scenes_of(explanation: Explanation) -> list[Scene]:
    """All steps of an explanation, in the order in which they are computed."""
    return [
        _of_lines(GIVEN, explanation.title, explanation.given),
        *_forward(explanation),
        *_backward(explanation),
        *(
            Scene(BACKWARD, f"{one.gradient.plain} as a product", partial(_weight, one))
            for one in explanation.weights
        ),
        *(
            Scene(BACKWARD, f"{one.name}, number by number", partial(_entry, one))
            for one in explanation.entries
        ),
        *(
            _of_lines(UPDATE, f"{one.name.plain} by {one.optimizer}", one.lines)
            for one in explanation.updates
        ),
    ]


def _of_lines(phase: str, title: str, lines: Sequence[Line]) -> Scene:
    return Scene(phase, title, lambda width: [_line(line, width) for line in lines])


def _forward(explanation: Explanation) -> Iterator[Scene]:
    """A scene for each layer, in the order of the forward pass; the loss is the last."""
    layers = {line.name.plain: one for one in explanation.layers for line in one.forward}
    groups = groupby(explanation.forward, lambda line: layers.get(line.name.plain))
    for layer, lines in groups:
        made = list(lines)
        is_loss = any(line.name == explanation.loss.name for line in made)
        title = "" if layer is None else _titled(layer.name, layer.kind)
        yield _of_lines(LOSS if is_loss else FORWARD, title or explanation.title, made)


def _backward(explanation: Explanation) -> Iterator[Scene]:
    """A scene for each step, with what the forward pass computed there before it."""
    forward = {gradient_of(line.name).plain: line for line in explanation.forward}
    for layer in explanation.layers:
        for step in layer.steps:
            place = _titled(layer.name, layer.kind)
            made = [forward[one.name.plain] for one in step.lines if _arrives(one, forward)]
            title = step.title + (f"   {place}" if place else "")
            yield _of_lines(BACKWARD, title, [*made, *step.lines])


def _arrives(line: Line, forward: Container[str]) -> bool:
    return line.label == "incoming" and line.name.plain in forward


def _titled(name: str, kind: str) -> str:
    return f"{name} ({kind})" if kind else name


# ---- lines


def _line(line: Line, width: int) -> Block:
    """Label, formula and value; a single number stands behind its formula."""
    label: Cell = ((f"{line.label:<{LABEL}}", LABELS.get(line.label, REMARK)),)
    text: Cell = ((line.name.plain, NAME),)
    if line.formula is not None:
        text = (*text, EQUALS, (line.formula.plain, PLAIN))
    if np.size(line.value) == 1:
        number = (_number(np.asarray(line.value).item()), NUMBER)
        return Block([(label, (*text, EQUALS, number))])
    text = (*text, (f"   {_shape(line)}", REMARK))
    rows = _array(np.asarray(line.value), width - LABEL - 1)
    return Block([(label, text), *(((), ((row, NUMBER),)) for row in rows)])


def _shape(line: Line) -> str:
    is_float = np.asarray(line.value).dtype.kind == "f"
    return f"{line.shape}, norm {line.norm:.4g}" if is_float else str(line.shape)


def _number(value: float) -> str:
    return f"{value:.9g}"


def _array(array: Array, width: int) -> list[str]:
    """An array within a width and a few rows, with as many elements as have room."""
    for edge in range(MOST_AT_EDGE, 0, -1):
        rows = _rows(array, edge, width)
        is_whole = max(array.shape) <= 2 * edge + 1
        if len(rows) <= MOST_ROWS and max(map(len, rows)) <= width and (array.ndim < 3 or is_whole):
            return rows
    if array.ndim > 2:
        index, plane = _plane(array)
        return [index, *_array(plane, width)]
    return [*_rows(array, 1, width)[: MOST_ROWS - 1], "…"]


def _plane(array: Array) -> tuple[str, Array]:
    """The first plane along the two longest axes, and its place: of images, the first channel."""
    longest = sorted(sorted(range(array.ndim), key=lambda axis: -array.shape[axis])[:2])
    index = tuple(slice(None) if axis in longest else 0 for axis in range(array.ndim))
    written = ", ".join(":" if axis in longest else "0" for axis in range(array.ndim))
    return f"at [{written}]", array[index]


def _rows(array: Array, edge: int, width: int) -> list[str]:
    """An array with so many elements at each end of a longer axis."""
    is_whole = max(array.shape) <= 2 * edge + 1
    text = np.array2string(
        array,
        precision=4,
        edgeitems=edge,
        threshold=array.size if is_whole else 0,
        max_line_width=10 * width,
    )
    return text.splitlines()


# ---- products


def _text(*pieces: tuple[str, str], is_spaced: bool = True) -> Block:
    return Block([(pieces,)], is_spaced=is_spaced)


def _weight(weight: ExplainedWeight, _: int) -> Iterator[Block]:
    """Symbol by symbol, number by number, the result, and the difference beside it."""
    for product in weight.products:
        yield from _product(weight, product)
    result = "their sum" if len(weight.products) > 1 else "result"
    numbers = (
        (result, weight.gradient.plain, weight.value),
        ("central difference", "", weight.difference),
    )
    yield Block(
        [
            (((label, REMARK),), ((name, NAME),), (("=", REMARK),), ((f"{value: .12g}", NUMBER),))
            for label, name, value in numbers
        ]
    )


def _product(weight: ExplainedWeight, product: PathProduct) -> Iterator[Block]:
    """The factors, each with its formula and its number."""
    names = " · ".join(factor.name.plain for factor in product.factors)
    yield _text((weight.gradient.plain, NAME), EQUALS, (names, PLAIN))
    equals: Cell = (("=", REMARK),)
    yield Block(
        [
            (
                ((f"  {factor.name.plain}", NAME),),
                equals,
                ((factor.formula.plain, PLAIN),),
                equals,
                ((_number(factor.value), NUMBER),),
            )
            for factor in product.factors
        ]
    )
    numbers = " · ".join(_in_product(factor.value) for factor in product.factors)
    yield _text(("= ", REMARK), (numbers, PLAIN), EQUALS, (_number(product.value), NUMBER))


def _in_product(value: float) -> str:
    text = f"{value:.6g}"
    return f"({text})" if value < 0 else text


def _entry(entry: FollowedEntry, _: int) -> Iterator[Block]:
    """A table of what is added, and the sum."""
    value = (_number(entry.weight_value), NUMBER)
    yield _text((entry.weight, NAME), EQUALS, value, is_spaced=False)
    yield _text(("rule  ", REMARK), (entry.rule.plain, PLAIN))
    shown = entry.contributions[:MOST_CONTRIBUTIONS]
    rest = entry.contributions[MOST_CONTRIBUTIONS:]
    if shown:
        yield _contributions(shown)
    if rest:
        total = sum(one.product for one in rest)
        yield _text((f"and {len(rest):,} more, together {total:.6g}", REMARK))
    if entry.zeros:
        yield _text((f"products that are zero, and left out: {entry.zeros:,}", REMARK))
    yield _text((entry.name, NAME), EQUALS, (_number(entry.value), NUMBER))


def _contributions(contributions: Sequence[Contribution]) -> Block:
    heading = ("incoming gradient", "", "", "local derivative", "", "", "product")
    rows: list[Sequence[Cell]] = [[((word, REMARK),) for word in heading]]
    for one in contributions:
        numbers = (f"{n:.6g}" for n in (one.gradient, one.derivative, one.product))
        gradient, derivative, product = (((text, NUMBER),) for text in numbers)
        incoming, operand = ((one.incoming, PLAIN),), ((one.operand, PLAIN),)
        times, equals = (("·", REMARK),), (("=", REMARK),)
        rows.append((incoming, gradient, times, operand, derivative, equals, product))
    return Block(rows, right=(1, 4, 6))
