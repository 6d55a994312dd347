"""The rules: each looks at a case, and says nothing, or what it found.

A rule is a function of a view and of the harm that was seen to findings. It does not know the other
rules: which finding explains which is decided in ``diagnosis``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from glassgrad.lens.doctor.finding import Finding
from glassgrad.lens.doctor.harm import Harm
from glassgrad.lens.doctor.rules.attention import attention_collapse
from glassgrad.lens.doctor.rules.generalisation import overfitting, underfitting
from glassgrad.lens.doctor.rules.gradients import exploding_gradient, vanishing_gradient
from glassgrad.lens.doctor.rules.inputs import unscaled_input
from glassgrad.lens.doctor.rules.learning_rate import (
    learning_rate_too_high,
    learning_rate_too_low,
)
from glassgrad.lens.doctor.rules.loss_course import (
    divergence,
    loss_not_decreasing,
    non_finite,
    oscillating_loss,
)
from glassgrad.lens.doctor.rules.reach import frozen_parameters
from glassgrad.lens.doctor.rules.recurrence import recurrent_gradient
from glassgrad.lens.doctor.rules.start import bad_scale
from glassgrad.lens.doctor.rules.units import dead_units, saturated_units
from glassgrad.lens.doctor.view import View

__all__ = ["RULES", "Rule"]

Rule = Callable[[View, Harm], Iterator[Finding]]

#: The rules of a training on its way, causes before what they cause.
RULES: tuple[Rule, ...] = (
    frozen_parameters,
    unscaled_input,
    bad_scale,
    recurrent_gradient,
    vanishing_gradient,
    exploding_gradient,
    saturated_units,
    dead_units,
    learning_rate_too_high,
    learning_rate_too_low,
    attention_collapse,
    non_finite,
    divergence,
    oscillating_loss,
    overfitting,
    loss_not_decreasing,
    underfitting,
)
