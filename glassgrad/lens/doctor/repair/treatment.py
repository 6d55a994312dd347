"""The remedies by their actions, and their application one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from glassgrad.errors import GlassgradError
from glassgrad.lens.doctor.finding import Remedy
from glassgrad.lens.doctor.repair import ends, structure, training, weights
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.ward import Refused, Ward

__all__ = ["TREATMENTS", "treated", "treated_where_possible"]

Treatment: TypeAlias = Callable[[Regimen, Remedy, Ward], Regimen]

#: What is done for each action; the others are advice for a person.
TREATMENTS: Mapping[str, Treatment] = {
    "initializer": weights.initializer,
    "unit_variance": weights.unit_variance,
    "learning_rate": training.learning_rate,
    "warm_up": training.warm_up,
    "decay": training.decay,
    "clip": training.shorter_gradients,
    "activation": weights.activation,
    "normalization": structure.normalization,
    "residual": structure.residual,
    "loss_and_output": ends.loss_and_output,
    "standardize": ends.standardize,
    "scale_targets": ends.scaled_targets,
    "optimizer": training.optimizer,
    "early_stopping": training.stopped_early,
    "regularization": weights.regularization,
    "recurrent_layer": weights.recurrent_layer,
    "more_units": weights.more_units,
    "longer_training": training.longer_training,
    "larger_batch": training.larger_batch,
    "thaw": weights.thaw,
    "connect": weights.connect,
}


def treated(regimen: Regimen, remedies: Sequence[Remedy], ward: Ward) -> Regimen:
    """A network after remedies, one after the other.

    Raises:
        Refused: one of them does not apply.
    """
    for remedy in remedies:
        regimen = _treated(regimen, remedy, ward)
    return regimen


def treated_where_possible(
    regimen: Regimen, remedies: Sequence[Remedy], ward: Ward
) -> tuple[Regimen, tuple[Remedy, ...]]:
    """A network after those of several remedies that apply, and these."""
    applied: list[Remedy] = []
    for remedy in remedies:
        try:
            regimen = _treated(regimen, remedy, ward)
        except Refused:
            continue
        applied.append(remedy)
    return regimen, tuple(applied)


def _treated(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    if remedy.action not in TREATMENTS:
        raise Refused("it is for a person to do")
    try:
        return TREATMENTS[remedy.action](regimen, remedy, ward)
    except GlassgradError as error:
        raise Refused(str(error).splitlines()[0]) from error
