"""What training makes small, output by output."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.graph import Tensor, walk
from glassgrad.graph.operation import Array
from glassgrad.graph.trees import leaves_of
from glassgrad.lens.doctor.activity import function_of
from glassgrad.lens.doctor.case import DataFacts, OutputFacts
from glassgrad.lens.doctor.facts.baseline import trivial_loss
from glassgrad.lens.doctor.facts.following import Comparison, Followed, Output
from glassgrad.lens.doctor.facts.targets import ordering, targets_like
from glassgrad.lens.doctor.ranges import out_of_reach
from glassgrad.models.unit_variance import PASSAGES, PRODUCTS
from glassgrad.ops.elementwise import Add

__all__ = ["last_activation", "outputs_of", "penalty_of", "trivial_loss_of"]

# ---- outputs


def outputs_of(followed: Followed, data: DataFacts) -> tuple[OutputFacts, ...]:
    """Every output of a model, with what it is compared with.

    Args:
        followed: the model.
        data: what is known of the inputs.
    """
    return tuple(_output(followed, one, data) for one in followed.outputs)


def _output(followed: Followed, output: Output, data: DataFacts) -> OutputFacts:
    activation = last_activation(followed, output.prediction)
    ends = [call.name for call in followed.calls if call.role == "output"]
    facts = OutputFacts(
        data,
        output_activation=activation,
        output_shape=output.prediction.shape[1:],
        layer=ends[0] if len(ends) == 1 else _end_of(followed, output.prediction),
    )
    compared = output.comparison
    if compared is None:
        return facts
    facts = replace(
        facts,
        data=_with_targets(followed, data, compared, facts.output_shape[-1]),
        loss=compared.name,
        from_logits=bool(getattr(compared.loss, "from_logits", False)),
        refusal=compared.refusal,
    )
    is_of_numbers = compared.name is not None and not compared.is_of_labels
    is_one_to_one = _size(compared.targets) == _size(output.prediction)
    if is_of_numbers and is_one_to_one and facts.data.finite and not facts.from_logits:
        return replace(facts, out_of_reach=out_of_reach(compared.targets, activation))
    return facts


def _with_targets(
    followed: Followed, data: DataFacts, compared: Comparison, units: int
) -> DataFacts:
    y, classes = compared.targets, units if compared.is_of_labels else None
    ignored = getattr(compared.loss, "ignore_class", None)
    found = targets_like(y if ignored is None else y[y != ignored], labels_of=classes)
    if found is None:
        return data
    order = None
    if found.kind == "classes" and classes is None and len(followed.places) == 1:
        x, labels = followed.sample.data.arrays[:2]
        order = ordering(x, labels.reshape(len(x)))
    known = found.added_to(data, y.shape[1:], order)
    return replace(known, sees_all_targets=followed.sample.has_all_targets)


def _size(examples: Array | Tensor) -> int:
    """How many numbers an example has."""
    return math.prod(examples.shape[1:])


# ---- the last activation


def last_activation(followed: Followed, prediction: Tensor) -> str:
    """The function whose values an output has: "linear" behind a product, "other" if unknown."""
    tensor, ends = prediction, {call.output.key for call in followed.calls if _is_plain(call)}
    while True:
        found = function_of(tensor.node.operation)
        if found is not None:
            return found.name
        if tensor.key in ends or _is_sum_of_products(tensor):
            return "linear"
        if not isinstance(tensor.node.operation, PASSAGES):
            return "other"
        (tensor,) = tensor.node.inputs


def _is_plain(call: Any) -> bool:
    return call.role == "output" and call.activation is None


def _is_sum_of_products(tensor: Tensor) -> bool:
    node = tensor.node
    if isinstance(node.operation, Add):
        node = next((t.node for t in node.inputs if isinstance(t.node.operation, PRODUCTS)), node)
    return isinstance(node.operation, PRODUCTS)


def _end_of(followed: Followed, prediction: Tensor) -> str | None:
    """The last layer that this output, and no other one, comes from."""
    made_by = {call.output.key: call.name for call in followed.calls if call.role == "output"}
    found = [
        made_by[t.key] for node in walk([prediction]) for t in node.outputs if t.key in made_by
    ]
    return found[-1] if found else None


# ---- the whole


def trivial_loss_of(followed: Followed) -> float | None:
    """The loss of the best constant predictions, all outputs together."""
    total = 0.0
    weights = leaves_of(followed.sample.targets.weights)
    compared = [one for one in followed.outputs if one.comparison is not None]
    if not compared or len(weights) > 1:
        return None
    for output in compared:
        found = _trivial_loss(output, *weights)
        if found is None:
            return None
        total += found
    return total


def _trivial_loss(output: Output, weights: Array | None = None) -> float | None:
    one = output.comparison
    if one is None or one.refusal is not None or one.name is None:
        return None
    units = output.prediction.shape[-1]
    found = trivial_loss(one.loss, one.function, one.targets, units, weights)
    return None if found is None else one.factor * found


def penalty_of(followed: Followed) -> float:
    """What penalties on weights add to the loss; those that depend on the data are left out."""
    data = {place.node for place in followed.places}
    of_weights = [loss for loss in followed.trace.losses if data.isdisjoint(walk([loss]))]
    return float(sum(np.sum(value) for value in ReferenceExecutor().compile(of_weights)()))
