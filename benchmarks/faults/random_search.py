"""What a repair must beat: settings at random, at the same cost, with nothing known of the fault.

The search does all that a repair does, in any combination (Bergstra and Bengio, "Random search for
hyper-parameter optimization", 2012), and shares the cost as well as it can, by successive halving:
many settings are trained for an eighth of a full run, the best quarter of them or so for a half,
both judged by examples that were held out, and the best one at full length on all of them (Jamieson
and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016). That
is a stronger rival than the plain search, which trains all of its few settings at full length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.faults.program import Fault, Program
from glassgrad.errors import GlassgradError
from glassgrad.lens.doctor.finding import Remedy
from glassgrad.lens.doctor.repair.clinic import Clinic
from glassgrad.lens.doctor.repair.clinic import Outcome as Tried
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.treatment import treated
from glassgrad.lens.doctor.repair.ward import Refused, Ward, ward_for
from glassgrad.models import Model
from glassgrad.optimizers import SGD, Adam, AdamW, RMSprop

__all__ = ["Outcome", "random_search"]

FIRST, SECOND = 0.125, 0.5  # of a full run
LEAST_RATE, GREATEST_RATE = 1e-5, 1.0
OPTIMIZERS: tuple[tuple[type, dict[str, Any]], ...] = (
    (SGD, {}),
    (SGD, {"momentum": 0.9}),
    (Adam, {}),
    (AdamW, {}),
    (RMSprop, {}),
)
BATCHES = (8, 16, 32, 64, 128)
#: What may be done besides, and how probable it is.
CHANGES = (
    (0.5, "standardize", (None,)),
    (0.5, "initializer", (None,)),
    (0.3, "activation", ("relu", "elu", "tanh")),
    (0.3, "normalization", (None,)),
    (0.2, "residual", (None,)),
    (0.2, "recurrent_layer", ("LSTM", "GRU")),
    (0.3, "loss_and_output", (None,)),
    (0.2, "connect", (None,)),
    (0.2, "thaw", (None,)),
    (0.2, "more_units", (None,)),
    (0.2, "regularization", (None,)),
    (0.2, "early_stopping", (None,)),
    (0.2, "warm_up", (None,)),
    (0.2, "decay", (None,)),
    (0.2, "scale_targets", (None,)),
    (0.5, "clip", (None,)),
)


@dataclass(frozen=True)
class Outcome:
    """What was found.

    Args:
        improvement: of the best network, over chance on unseen data.
        cost: what was trained in all, in full runs of the sick network.
        tried: how many settings were trained.
    """

    improvement: float
    cost: float
    tried: int


def random_search(program: Program, fault: Fault, seed: int, cost: float) -> Outcome:
    """Look for settings that make a sick network learn.

    Args:
        program: the program.
        fault: what is wrong with it; the search is not told.
        seed: of the data, of the network, and of what is drawn.
        cost: how many full runs of the sick network it may train; those of the repair.
    """
    training = program.prepare(seed, fault)
    model, examples = training.model, training.examples
    if not model.built:
        model(examples.x[:1])
    loss, size = model.steps.objective.name, training.batch_size
    ward = ward_for((examples.x, examples.y), None, loss, size, seed)
    base = Regimen.of(model, training.epochs, size, seed)
    clinic = Clinic(ward, base.epochs * len(ward.whole), cost)
    tried = _halved(clinic, base, np.random.default_rng(seed))
    best = max(tried, key=lambda one: (one.share, one.value))
    found = _at_full_length(clinic, best, training.fit.get("callbacks", ()))
    improvement = 0.0 if found is None else program.improvement(found, examples)
    return Outcome(improvement, clinic.cost, len(tried))


def _halved(clinic: Clinic, base: Regimen, random: np.random.Generator) -> list[Tried]:
    """All settings that were tried: half of the cost goes to the first round."""
    left = clinic.budget - clinic.cost_of_last(base)
    first: list[Tried] = []
    while not first or clinic.cost + clinic.cost_of(base, FIRST) <= left / 2:
        regimen = drawn(base, random, clinic.ward)
        first.append(clinic.run(regimen, FIRST, is_examined=False))
    ranked = sorted(first, key=lambda one: one.value, reverse=True)
    second: list[Tried] = []
    for one in ranked:
        if clinic.cost + clinic.cost_of(one.regimen, SECOND) > left:
            break
        second.append(clinic.run(one.regimen, SECOND, is_examined=False))
    return [*first, *second]


def drawn(base: Regimen, random: np.random.Generator, ward: Ward) -> Regimen:
    """A network with settings at random; what does not apply to it is left out."""
    kind, settings = OPTIMIZERS[random.integers(len(OPTIMIZERS))]
    rate = float(np.exp(random.uniform(np.log(LEAST_RATE), np.log(GREATEST_RATE))))
    optimizer: Any = kind(rate, **settings)
    regimen = replace(
        base,
        kind=kind,
        optimizer=optimizer.get_config(),
        batch_size=int(min(random.choice(BATCHES), max(8, ward.examples // 4))),
    )
    for probability, action, values in CHANGES:
        if random.random() < probability:
            value = values[random.integers(len(values))]
            regimen = _if_it_applies(regimen, Remedy(action, "", value=value), ward)
    return regimen


def _if_it_applies(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    try:
        return treated(regimen, [remedy], ward)
    except Refused:
        return regimen


def _at_full_length(clinic: Clinic, best: Tried, callbacks: Sequence[Any]) -> Model | None:
    """The best, trained on all examples; ``None`` where it cannot be trained."""
    try:
        model, _ = clinic.finish(best.regimen, callbacks, 0)
    except GlassgradError:
        return best.model
    return model
