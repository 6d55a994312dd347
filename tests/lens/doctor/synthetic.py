"""Cases made by hand: a stack of layers, what the probe would see of it, the course of a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.lens.doctor.case import (
    Case,
    Course,
    DataFacts,
    Epoch,
    Facts,
    LayerFacts,
    LayerReading,
    ParameterFacts,
    ParameterReading,
    Reading,
)

CLASSES = 10
TRIVIAL = float(np.log(CLASSES))
STEPS = 400
WIDTH = 64
DATA = DataFacts(1000, (WIDTH,), input_rms=1.0, feature_deviations=(0.8, 1.2))


def stack(depth: int = 4, activation: str = "relu", gain: float = 2.0, **changes: Any) -> Facts:
    """The facts of `depth` hidden layers of equal width and a softmax on `CLASSES` units.

    `gain` is fan-in times the mean square of a hidden kernel.
    """
    names = [f"hidden_{n}" for n in range(depth)]
    layers = [
        LayerFacts(
            name,
            "Dense",
            activation,
            "hidden",
            WIDTH,
            (names[n - 1],) if n else (),
            (f"{name}/kernel", f"{name}/bias"),
        )
        for n, name in enumerate(names)
    ]
    output = LayerFacts(
        "output", "Dense", "softmax", "output", CLASSES, (names[-1],), ("output/kernel",)
    )
    kernels = [
        ParameterFacts(
            f"{name}/kernel", name, "kernel", (WIDTH, WIDTH), WIDTH, WIDTH, (gain / WIDTH) ** 0.5
        )
        for name in names
    ]
    biases = [ParameterFacts(f"{name}/bias", name, "bias", (WIDTH,)) for name in names]
    last = ParameterFacts(
        "output/kernel", "output", "kernel", (WIDTH, CLASSES), WIDTH, CLASSES, 0.13
    )
    known = Facts(
        model="stack",
        layers=(*layers, output),
        parameters=(*kernels, *biases, last),
        data=DATA,
        loss="sparse_categorical_crossentropy",
        output_activation="softmax",
        output_shape=(CLASSES,),
        optimizer="adam",
        learning_rate=1e-3,
        batch_size=32,
        steps=STEPS,
        trivial_loss=TRIVIAL,
    )
    return replace(known, **changes)


def seen(
    facts: Facts,
    step: int = 0,
    loss: float = TRIVIAL,
    *,
    signal: float = 1.0,
    gradient: float = 1.0,
    silent: float | Sequence[float] = 0.05,
    saturated: float = 0.0,
    **changes: Any,
) -> Reading:
    """A visit: by layer the signal is multiplied by one factor, the gradient back by another."""
    hidden = [one for one in facts.layers if one.role == "hidden"]
    silences = [silent] * len(hidden) if isinstance(silent, (int, float)) else silent
    layers = [
        LayerReading(
            one.name,
            output_rms=signal**n,
            gradient_rms=1e-3 * gradient ** (len(hidden) - n),
            pre_activation_rms=signal**n,
            pre_activation_deviation=signal**n,
            pre_activation_gradient_rms=1e-3 * gradient ** (len(hidden) - n),
            unit_deviation=signal**n,
            silent=silences[n] if one.activation == "relu" else None,
            saturated=saturated if one.activation in ("tanh", "sigmoid") else None,
        )
        for n, one in enumerate(hidden)
    ]
    parameters = [
        ParameterReading(one.name, one.rms, 1e-3, 1e-3 * one.rms)
        for one in facts.parameters
        if one.trainable
    ]
    return Reading(step, loss, tuple(layers), tuple(parameters), **changes)


def falling(
    begin: float = TRIVIAL, end: float = 0.1, steps: int = STEPS, noise: float = 0.05
) -> NDArray[np.float64]:
    """A loss that falls fast at first and slowly later, with the noise of batches."""
    way = np.exp(-5 * np.arange(steps) / steps)
    swings = 1 + noise * np.random.default_rng(0).normal(size=steps)
    return np.asarray((end + (begin - end) * way) * swings)


def resting(level: float = TRIVIAL, steps: int = STEPS, noise: float = 0.02) -> NDArray[np.float64]:
    """A loss that stays where it is."""
    return falling(level, level, steps, noise)


def course(
    losses: Sequence[float] | NDArray[np.float64],
    ratio: float | NDArray[np.float64] = 2e-3,
    validation: Sequence[float] = (),
) -> Course:
    """The course of a training; `validation` are validation losses, epoch by epoch."""
    made = Course()
    count = len(losses)
    finite = np.where(np.isfinite(losses), 1.0, np.nan)
    made.extend(np.arange(count), losses, finite, np.broadcast_to(ratio, count))
    a_while = count // max(1, len(validation))
    made.epochs = [
        Epoch(n, (n + 1) * a_while, float(np.mean(losses[n * a_while : (n + 1) * a_while])), one)
        for n, one in enumerate(validation)
    ]
    return made


def case(
    facts: Facts | None = None,
    losses: Sequence[float] | NDArray[np.float64] | None = None,
    *readings: Reading,
    ratio: float | NDArray[np.float64] = 2e-3,
    validation: Sequence[float] = (),
    ended: bool = True,
) -> Case:
    """A case; without anything said, a healthy one."""
    known = stack() if facts is None else facts
    way = falling() if losses is None else losses
    visits = readings or (
        seen(known, 0, float(way[0])),
        seen(known, len(way), float(way[-1])),
    )
    return Case(known, course(way, ratio, validation), list(visits), ended)
