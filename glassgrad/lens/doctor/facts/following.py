"""A model followed once on a sample of its data: what enters, every call, what comes out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassgrad import losses
from glassgrad.errors import GlassgradError, ShapeError
from glassgrad.graph import Tensor, Trace, Variable, placeholder, tracing
from glassgrad.graph.operation import Array, TensorSpec
from glassgrad.graph.trees import flatten, rebuild
from glassgrad.lens.doctor.calls import NamedCall, calls_of
from glassgrad.lens.doctor.facts.sample import Sample
from glassgrad.lens.places import names_of_parameters
from glassgrad.losses import Loss, LossFunctionWrapper
from glassgrad.models import Model
from glassgrad.models.trainer import Trainer
from glassgrad.training.objective import Outputs

__all__ = ["Comparison", "Followed", "Output", "follow"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """What an output is compared with, and how.

    Args:
        loss: what compares.
        function: the function of it; of "crossentropy" the one that the shapes ask for.
        targets: those of the sample, or all that there are.
        factor: the weight of this loss among those of all outputs.
        value: the loss on the sample.
        refusal: why there is none.
    """

    loss: Loss
    function: Any
    targets: Array
    factor: float = 1.0
    value: Tensor | None = None
    refusal: str | None = None

    @property
    def name(self) -> str | None:
        """The loss by Keras's name; ``None`` for one's own."""
        name = getattr(self.function, "__name__", "")
        is_known = isinstance(self.loss, LossFunctionWrapper) and (
            type(self.loss).call is LossFunctionWrapper.call
            and getattr(losses, name, None) is self.function
        )
        return name if is_known else None

    @property
    def is_of_labels(self) -> bool:
        """Whether the targets are numbers of classes."""
        return self.function is losses.sparse_categorical_crossentropy


@dataclass(frozen=True, eq=False)
class Output:
    """One output of a model: the tensor, and what it is compared with, if with anything."""

    name: str
    prediction: Tensor
    comparison: Comparison | None = None


@dataclass(frozen=True, eq=False)
class Followed:
    """A model as a graph on a sample.

    Args:
        model: what was followed.
        sample: the data.
        places: the placeholders of the inputs, in the order of their arrays.
        trace: what was collected.
        calls: the calls that count.
        outputs: of the model.
        loss: the whole of it; ``None`` where the model does not say it as graph.
        names: what each weight is called.
    """

    model: Model
    sample: Sample
    places: tuple[Tensor, ...]
    trace: Trace
    calls: tuple[NamedCall, ...]
    outputs: tuple[Output, ...]
    loss: Tensor | None
    names: Mapping[Variable, str]


def follow(model: Model, sample: Sample, batch_size: int | None = None) -> Followed:
    """The graph of a model's loss on a sample, as in training.

    Args:
        model: it is built where that is still to be done.
        sample: the examples; where the model takes batches of one size only, the first of them.
        batch_size: that size.

    Raises:
        GlassgradError: the model does not take the data.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is wrong becomes a finding
        try:
            return _follow(model, sample)
        except ShapeError:
            size = batch_size or 32
            if size >= len(sample.data):
                raise
            return _follow(model, sample.first(size))


def _follow(model: Model, sample: Sample) -> Followed:
    if not model.has_call:  # it writes its steps alone
        return Followed(model, sample, (), Trace(), (), (), None, names_of_parameters(model))
    arrays, structure = flatten(sample.data.x)
    places = tuple(placeholder(array.shape, array.dtype) for array in arrays)
    with tracing(Trace(training=True, random=model.random)) as trace:
        predictions = model(rebuild(structure, places))
        outputs, loss = _objective(model, predictions, sample, trace)
    calls, names = tuple(calls_of(trace, model)), names_of_parameters(model)
    return Followed(model, sample, places, trace, calls, outputs, loss, names)


def _objective(
    model: Model, predictions: Any, sample: Sample, trace: Trace
) -> tuple[tuple[Output, ...], Tensor | None]:
    """The outputs with what they are compared with, and the loss of all of them."""
    named = Outputs(predictions, model.output_names)
    is_plain = (
        model.is_compiled
        and not model.steps.has_own("train_step")
        and type(model).compute_loss is Trainer.compute_loss
    )
    if not is_plain:
        pairs = zip(named.names, named.tensors, strict=True)
        return tuple(Output(name, tensor) for name, tensor in pairs), None
    objective = model.steps.objective
    rows = zip(
        named.names,
        named.tensors,
        objective.losses_of(named),
        named.paired("y", sample.targets.y),
        named.paired("loss_weights", objective.loss_weights),
        strict=True,
    )
    outputs = tuple(
        Output(name, tensor, _comparison(tensor, loss, y, factor, len(sample.data)))
        for name, tensor, loss, y, factor in rows
    )
    compared = [one.comparison for one in outputs if one.comparison is not None]
    values = [one.value for one in compared if one.value is not None]
    terms = [*values, *trace.losses]
    is_whole = terms and len(values) == len(compared)
    return outputs, sum(terms[1:], start=terms[0]).sum() if is_whole else None


def _comparison(
    prediction: Tensor,
    loss: Loss | None,
    targets: Array | None,
    factor: float | None,
    examples: int,
) -> Comparison | None:
    if loss is None or targets is None:
        return None
    function = getattr(loss, "fn", None)
    if function is losses.crossentropy:
        function = losses.resolve_crossentropy(
            targets, TensorSpec(prediction.shape, prediction.dtype)
        )
    found = Comparison(loss, function, targets, 1.0 if factor is None else float(factor))
    if found.is_of_labels and targets.dtype.kind == "f":
        found = replace(found, targets=targets.astype(np.int32))  # as the loss takes them
    shape = (examples, *targets.shape[1:])
    try:
        return replace(found, value=loss(placeholder(shape, found.targets.dtype), prediction))
    except GlassgradError as error:
        return replace(found, refusal=str(error))
