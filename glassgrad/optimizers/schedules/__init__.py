"""Schedules of learning rates, by Keras's names."""

from glassgrad.optimizers.schedules.cosine import CosineDecay, CosineDecayRestarts, OneCycle
from glassgrad.optimizers.schedules.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    PolynomialDecay,
)
from glassgrad.optimizers.schedules.pieces import PiecewiseConstantDecay, StepDecay
from glassgrad.optimizers.schedules.schedule import (
    LearningRateSchedule,
    deserialize,
    get,
    register,
    require,
)
from glassgrad.optimizers.schedules.warmup import LinearWarmup
from glassgrad.serialization import serialize

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "LinearWarmup",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "StepDecay",
    "deserialize",
    "get",
    "register",
    "require",
    "serialize",
]
