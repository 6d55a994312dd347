"""What a visit looks at, as a graph: the loss, and its slopes by whatever the layers make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from glassgrad.errors import GlassgradError
from glassgrad.gradients import gradients
from glassgrad.graph import RandomState, Tensor, Trace, Variable, as_tensor, scope, tracing
from glassgrad.graph.tensor import Key
from glassgrad.graph.trees import leaves_of
from glassgrad.lens.doctor.calls import NamedCall, calls_of
from glassgrad.lens.doctor.probe_attention import Rows, rows_of_attention
from glassgrad.lens.doctor.probe_recurrence import Addition, with_additions
from glassgrad.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    fuse_probabilities,
    sparse_categorical_crossentropy,
)
from glassgrad.models import Model
from glassgrad.training.data import pack
from glassgrad.training.objective import Outputs

__all__ = ["Looks", "looks_at"]

CLASSES = {
    BinaryCrossentropy: binary_crossentropy,
    CategoricalCrossentropy: categorical_crossentropy,
    SparseCategoricalCrossentropy: sparse_categorical_crossentropy,
}
STEP_OF_VISITS = 2**32 - 1  # what is drawn is that of a step which training never comes to


@dataclass(frozen=True, eq=False)
class Looks:
    """The tensors of a visit.

    Args:
        loss: of the probe set.
        calls: the layers' calls, in the order of the forward pass.
        predictions: the model's first output.
        values: the loss of each example, where it compares classes.
        slopes: dL/dt by the key of t, of results and pre-activations; what the loss does not
            depend on is not among them.
        gradients: of those trainable parameters that the loss depends on.
        updated: what the optimizer would make of them.
        additions: what recurrent layers add to their states; their slopes are among ``slopes``.
        attentions: rows of attention.
    """

    loss: Tensor
    calls: Sequence[NamedCall] = ()
    predictions: Tensor | None = None
    values: Tensor | None = None
    slopes: Mapping[Key, Tensor] = field(default_factory=dict)
    gradients: Mapping[Variable, Tensor] = field(default_factory=dict)
    updated: Mapping[Variable, Tensor] = field(default_factory=dict)
    additions: Sequence[Addition] = ()
    attentions: Sequence[Rows] = ()

    def tensors(self) -> list[Tensor]:
        """All of them, each once."""
        return list({tensor.key: tensor for tensor in self._all()}.values())

    def _all(self) -> Iterator[Tensor]:
        yield self.loss
        yield from (one for one in (self.predictions, self.values) if one is not None)
        yield from _looked_at(self.calls)
        for found in (self.slopes, self.gradients, self.updated):
            yield from found.values()
        for rows in self.attentions:
            yield from (rows.weights, rows.seen)


def looks_at(model: Model, x: Any, y: Any = None, sample_weight: Any = None) -> Looks:
    """Follow a model as in training, and differentiate its loss.

    Batch statistics are those of the probe set, since that is what training sees. Masks of
    dropout are drawn, and are the same at every visit, so that visits can be compared. Nothing is
    updated. A model whose own ``train_step`` computes its loss without ``compute_loss`` gives
    the loss alone.

    Args:
        model: compiled and built.
        x: its inputs, as tensors.
        y: the targets.
        sample_weight: how much each example counts.

    Raises:
        DataError, ShapeError, ArgumentError: there is no loss for such data.
    """
    with tracing(_trace(model)) as trace:
        predictions = model(x)
        try:
            loss = model.compute_loss(x, y, predictions, sample_weight)
        except GlassgradError:
            if "train_step" not in model.own_steps:
                raise
            return Looks(_loss_of_own_step(model, pack(x, y, sample_weight)))
        values = _values(model, y, predictions)
    first = leaves_of(predictions)[0]
    further = [] if values is None else [values]
    calls, tensors, additions = with_additions(calls_of(trace, model), [loss, first, *further])
    loss, first, *further = tensors
    looks = Looks(
        loss,
        calls,
        first,
        further[0] if further else None,
        additions=additions,
        attentions=rows_of_attention(calls),
    )
    return _differentiated(model, looks)


def _trace(model: Model) -> Trace:
    step = Variable(STEP_OF_VISITS, name="random/step", trainable=False, dtype="uint32")
    return Trace(training=True, random=RandomState(model.random.seed, step))


def _loss_of_own_step(model: Model, data: Any) -> Tensor:
    with tracing(_trace(model)):
        results = model.train_step(data)
    return as_tensor(results["loss"] if "loss" in results else next(iter(results.values())))


def _differentiated(model: Model, looks: Looks) -> Looks:
    places = [tensor for tensor in _looked_at(looks.calls) if tensor.dtype.kind == "f"]
    places += [one.tensor for one in looks.additions]
    variables = model.trainable_variables
    found = gradients(looks.loss, [*places, *variables])
    of_places, of_variables = found[: len(places)], found[len(places) :]
    slopes = {t.key: g for t, g in zip(places, of_places, strict=True) if g is not None}
    reached = {v: g for v, g in zip(variables, of_variables, strict=True) if g is not None}
    return replace(looks, slopes=slopes, gradients=reached, updated=_updated(model, reached))


def _looked_at(calls: Sequence[NamedCall]) -> Iterator[Tensor]:
    for call in calls:
        yield call.output
        if call.pre_activation is not None:
            yield call.pre_activation


def _updated(model: Model, reached: Mapping[Variable, Tensor]) -> dict[Variable, Tensor]:
    """What the optimizer would make of the weights, where one step of it tells.

    A step that only adds gradients up does not, and a model's own step may do anything.
    """
    optimizer = model.optimizer
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if not reached or inner.gradient_accumulation_steps or "train_step" in model.own_steps:
        return {}
    model.build_optimizer()
    pairs = [(optimizer.scale_loss(slope), variable) for variable, slope in reached.items()]
    with scope("optimizer"):
        new = optimizer.new_values(pairs, model.trainable_variables)
    return {variable: new[variable] for variable in reached}


# ---- the loss of each example


def _values(model: Model, y: Any, predictions: Any) -> Tensor | None:
    """The loss of each example of the first output, if it compares classes."""
    outputs = Outputs(predictions, model.output_names)
    loss = next(iter(model.steps.objective.losses_of(outputs)), None)
    targets = next(iter(outputs.paired("y", y)), None)
    if loss is None or targets is None or not _compares_classes(loss, targets):
        return None
    return fuse_probabilities([loss.call(targets, outputs.tensors[0])])[0]


def _compares_classes(loss: Loss, targets: Tensor) -> bool:
    """Whether each example has one class; several answers of yes or no are no class."""
    kinds = [k for k, fn in CLASSES.items() if isinstance(loss, k) or getattr(loss, "fn", 0) is fn]
    return any(k is not BinaryCrossentropy or targets.size == len(targets) for k in kinds)
