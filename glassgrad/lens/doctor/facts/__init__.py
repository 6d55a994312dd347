"""Everything that is known of a training before its first step."""

from __future__ import annotations

from dataclasses import replace

from glassgrad.lens.doctor.case import DataFacts, Facts, OutputFacts
from glassgrad.lens.doctor.facts.following import Followed, follow
from glassgrad.lens.doctor.facts.inputs import inputs_of
from glassgrad.lens.doctor.facts.layers import layers_of, parameters_of
from glassgrad.lens.doctor.facts.objective import outputs_of, penalty_of, trivial_loss_of
from glassgrad.lens.doctor.facts.sample import AnyData, Sample, sample_of
from glassgrad.lens.doctor.facts.steps import steps_of
from glassgrad.models import Model

__all__ = ["facts_of"]


def facts_of(
    model: Model,
    data: AnyData,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
) -> Facts:
    """What can be known of a training without a step of it; nothing is changed by that.

    The model is followed once, as in training, on a sample of the data: layers, weights, whether
    the loss reaches them, what the inputs are like where they enter the first layer with weights,
    what the targets are like beside the loss and the last activation. A model that was not built
    yet is built, with the weights that it would have begun with anyway.

    Args:
        model: the network; where it is not compiled, nothing is said of loss and optimizer.
        data: the training data, or (x, y), or (x, y, sample_weight).
        batch_size: examples a step.
        steps: how many are planned.

    Raises:
        GlassgradError: the model does not take the data, or they do not fit the loss.

    Example:
        >>> import numpy as np
        >>> from glassgrad.layers import Dense, Input
        >>> from glassgrad.models import Sequential
        >>> model = Sequential([Input((2,)), Dense(8, activation="relu"), Dense(3)])
        >>> model.compile("adam", "sparse_categorical_crossentropy")
        >>> facts = facts_of(model, (np.eye(6, 2), np.array([0, 1, 2, 0, 1, 2])))
        >>> facts.loss, facts.output_activation, facts.data.class_counts
        ('sparse_categorical_crossentropy', 'linear', (2, 2, 2))
        >>> round(facts.trivial_loss, 4)  # ln 3
        1.0986
    """
    sample = sample_of(data, model.dtype)
    followed = follow(model, sample, batch_size)
    about_data = _data(followed, sample)
    outputs = outputs_of(followed, about_data)
    facts = Facts(
        model.name,
        layers_of(followed),
        parameters_of(followed),
        outputs[0].data if outputs else about_data,
        batch_size=batch_size,
        steps=steps,
        trivial_loss=trivial_loss_of(followed),
        outputs=outputs,
        penalty=penalty_of(followed),
    )
    return _with_optimizer(_with_only_output(facts, outputs), model, steps)


def _data(followed: Followed, sample: Sample) -> DataFacts:
    """What the inputs are like."""
    first = sample.data.arrays[0]
    inputs = inputs_of(followed)
    scales = inputs.scales
    return DataFacts(
        sample.examples,
        tuple(first.shape[1:]),
        inputs.kind,
        None if scales is None else scales.rms,
        None if scales is None else scales.deviations,
        finite=not sample.bad_numbers,
        bad_numbers=sample.bad_numbers,
    )


def _with_only_output(facts: Facts, outputs: tuple[OutputFacts, ...]) -> Facts:
    """What there is to say where a model has one output."""
    if len(outputs) != 1:
        return facts
    only = outputs[0]
    return replace(
        facts,
        loss=only.loss,
        from_logits=only.from_logits,
        output_activation=only.output_activation,
        output_shape=only.output_shape,
    )


def _with_optimizer(facts: Facts, model: Model, steps: int | None) -> Facts:
    if not model.is_compiled:
        return facts
    known = steps_of(model.optimizer, steps)
    return replace(
        facts,
        optimizer=known.optimizer,
        learning_rate=known.learning_rate,
        has_schedule=known.has_schedule,
        momentum=known.momentum,
        clipping=known.clipping,
    )
