"""An explanation as a document for programs: dictionaries, lists, numbers and text, JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.graph import Formula
from glassgrad.graph.operation import Array
from glassgrad.lens.explanation import (
    ExplainedLayer,
    ExplainedStep,
    ExplainedUpdate,
    ExplainedWeight,
    Explanation,
    FollowedEntry,
    Line,
)

__all__ = ["VERSION", "document_of"]

VERSION = 1
MOST_VALUES = 1000  # of one quantity


def document_of(explanation: Explanation, most_values: int = MOST_VALUES) -> dict[str, Any]:
    """Write an explanation as a document that JSON can hold.

    Every quantity has label, name, formula, shape, norm and values. Of an array with more than
    ``most_values`` elements the first ones stand in ``values``, and ``is_whole`` is false.
    NaN and the infinities, which JSON lacks, are the texts "nan", "inf" and "-inf".

    Args:
        explanation: what is to be written.
        most_values: how many numbers of one array are written.

    Example:
        >>> from glassgrad import Variable, explain
        >>> document = document_of(explain((Variable(3.0, name="w") * 2.0).square()))
        >>> document["version"], document["loss"]["values"]
        (1, 36.0)
    """
    writer = _Writer(most_values)
    return {
        "version": VERSION,
        "title": explanation.title,
        "fused": explanation.fused,
        "notes": list(explanation.notes),
        "loss": writer.line(explanation.loss),
        "given": writer.lines(explanation.given),
        "forward": writer.lines(explanation.forward),
        "layers": [writer.layer(layer) for layer in explanation.layers],
        "weights": [_weight(weight) for weight in explanation.weights],
        "updates": [writer.update(update) for update in explanation.updates],
        "entries": [_entry(entry) for entry in explanation.entries],
    }


class _Writer:
    """Writes quantities with no more than a number of values each."""

    def __init__(self, most_values: int) -> None:
        self.most_values = most_values

    def line(self, line: Line) -> dict[str, Any]:
        array = np.asarray(line.value)
        is_whole = array.size <= self.most_values
        return {
            "label": line.label,
            "name": _formula(line.name),
            "formula": None if line.formula is None else _formula(line.formula),
            "of": line.of or None,
            "shape": list(array.shape),
            "norm": finite(line.norm),
            "is_whole": is_whole,
            "values": values(array if is_whole else array.reshape(-1)[: self.most_values]),
        }

    def lines(self, lines: Sequence[Line]) -> list[dict[str, Any]]:
        return [self.line(line) for line in lines]

    def layer(self, layer: ExplainedLayer) -> dict[str, Any]:
        return {
            "name": layer.name,
            "kind": layer.kind,
            "time": layer.time,
            "given": [line.name.plain for line in layer.given],
            "forward": [line.name.plain for line in layer.forward],
            "incoming": self.lines(layer.incoming),
            "steps": [self.step(step) for step in layer.steps],
            "outgoing": [line.name.plain for line in layer.outgoing],
            "parameters": [line.name.plain for line in layer.parameters],
            "factor": None if layer.factor is None else finite(layer.factor),
        }

    def step(self, step: ExplainedStep) -> dict[str, Any]:
        return {
            "title": step.title,
            "operation": step.operation,
            "lines": self.lines(step.lines),
        }

    def update(self, update: ExplainedUpdate) -> dict[str, Any]:
        return {
            "name": _formula(update.name),
            "optimizer": update.optimizer,
            "lines": self.lines(update.lines),
        }


def _weight(weight: ExplainedWeight) -> dict[str, Any]:
    return {
        "name": _formula(weight.name),
        "gradient": _formula(weight.gradient),
        "products": [
            {
                "factors": [
                    {
                        "name": _formula(factor.name),
                        "formula": _formula(factor.formula),
                        "value": finite(factor.value),
                    }
                    for factor in product.factors
                ],
                "value": finite(product.value),
            }
            for product in weight.products
        ],
        "value": finite(weight.value),
        "difference": finite(weight.difference),
    }


def _entry(entry: FollowedEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "weight": entry.weight,
        "weight_value": finite(entry.weight_value),
        "rule": _formula(entry.rule),
        "contributions": [
            {
                "incoming": one.incoming,
                "gradient": finite(one.gradient),
                "operand": one.operand or None,
                "derivative": finite(one.derivative),
                "product": finite(one.product),
            }
            for one in entry.contributions
        ],
        "zeros": entry.zeros,
        "value": finite(entry.value),
    }


def _formula(formula: Formula) -> dict[str, str]:
    return {"plain": formula.plain, "latex": formula.latex}


def finite(value: float) -> float | str:
    """A number as JSON can hold it.

    Example:
        >>> finite(1.5), finite(float("-inf"))
        (1.5, '-inf')
    """
    return float(value) if math.isfinite(value) else str(float(value))


def values(array: Array) -> Any:
    """Nested lists of numbers as JSON can hold them."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return _texts(array.tolist())
    return array.tolist()


def _texts(nested: Any) -> Any:
    return [_texts(one) for one in nested] if isinstance(nested, list) else finite(nested)
