"""Every optimizer over a hundred steps, with each of its options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from glassgrad import function, optimizers
from glassgrad.graph import Variable, as_tensor
from tests.keras_parity.comparison import Array, Case, Precision

STEPS = 100
COMPARED_AFTER = (1, 2, 10, STEPS)
RATE = {"learning_rate": 0.05}

CASES = (
    Case("SGD"),
    Case("SGD", {**RATE, "momentum": 0.9}),
    Case("SGD", {**RATE, "momentum": 0.9, "nesterov": True}),
    Case("RMSprop"),
    Case("RMSprop", {**RATE, "rho": 0.8, "momentum": 0.5, "epsilon": 1e-4}),
    Case("RMSprop", {**RATE, "centered": True}),
    Case("RMSprop", {**RATE, "centered": True, "momentum": 0.7}),
    Case("Adagrad"),
    Case("Adagrad", {**RATE, "initial_accumulator_value": 0.5, "epsilon": 1e-3}),
    Case("Adadelta"),
    Case("Adadelta", {"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3}),
    Case("Adam"),
    Case("Adam", {**RATE, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}),
    Case("Adam", {**RATE, "amsgrad": True}),
    Case("AdamW"),
    Case("AdamW", {**RATE, "weight_decay": 0.1, "amsgrad": True}),
    Case("Adamax"),
    Case("Adamax", {**RATE, "beta_1": 0.7, "beta_2": 0.9}),
    Case("Nadam"),
    Case("Nadam", {**RATE, "beta_1": 0.8, "beta_2": 0.9}),
    Case("Lion"),
    Case("Lion", {**RATE, "beta_1": 0.8, "beta_2": 0.9}),
    Case("Ftrl"),
    Case(
        "Ftrl",
        {
            **RATE,
            "learning_rate_power": -0.3,
            "l1_regularization_strength": 0.1,
            "l2_regularization_strength": 0.2,
            "l2_shrinkage_regularization_strength": 0.05,
            "beta": 0.1,
        },
    ),
    Case("Lamb"),
    Case("Lamb", {**RATE, "beta_1": 0.8, "beta_2": 0.9, "weight_decay": 0.1}),
    # What every optimizer takes.
    Case("SGD", {**RATE, "weight_decay": 0.1}),
    Case("Adam", {**RATE, "weight_decay": 0.1}),
    Case("SGD", {**RATE, "clipnorm": 0.5}),
    Case("SGD", {**RATE, "clipvalue": 0.5}),
    Case("SGD", {**RATE, "global_clipnorm": 0.5}),
    Case("Adam", {**RATE, "use_ema": True, "ema_momentum": 0.8}),
    Case("SGD", {**RATE, "use_ema": True, "ema_overwrite_frequency": 7}),
    Case("SGD", {**RATE, "momentum": 0.5, "gradient_accumulation_steps": 3}),
    Case("Adam", {**RATE, "gradient_accumulation_steps": 4, "clipnorm": 1.0}),
    Case("AdamW", {**RATE, "use_ema": True, "gradient_accumulation_steps": 2}),
    Case("SGD", {**RATE, "loss_scale_factor": 8.0, "momentum": 0.5}),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_optimizer_is_that_of_keras(case: Case, keras: Any, precision: Precision) -> None:
    ours, theirs = case.make(optimizers), case.make(keras.optimizers)
    require_same_steps(ours, theirs, keras, precision.about(f"optimizers.{case.name}"))


def require_same_steps(ours: Any, theirs: Any, keras: Any, precision: Precision) -> None:
    """Let both take the same hundred gradients, and compare the weights on the way."""
    import torch

    first, slopes = first_values(precision), gradients_of_steps(precision)
    variables = [Variable(value, name=f"v{n}") for n, value in enumerate(first)]
    their_variables = [keras.Variable(value) for value in first]
    step = function(lambda *gradients: ours.apply(gradients, variables), executor="reference")
    for number, gradients in enumerate(slopes, start=1):
        step(*gradients)
        theirs.apply([torch.tensor(gradient) for gradient in gradients], their_variables)
        if number in COMPARED_AFTER:
            _require_same(variables, their_variables, precision, f"after {number} steps")
    assert int(ours.iterations.numpy()) == int(theirs.iterations.numpy())
    ours.finalize_variable_values(variables)
    theirs.finalize_variable_values(their_variables)
    _require_same(variables, their_variables, precision, "in the end")


def first_values(precision: Precision) -> list[Array]:
    rng = np.random.default_rng(2)
    return [precision.floats(rng.normal(size=shape)) for shape in ((3, 2), (4,))]


def gradients_of_steps(precision: Precision) -> list[list[Array]]:
    """Different ones in each step, from small to large ones, some of them zero."""
    rng = np.random.default_rng(3)
    return [
        [
            precision.floats(
                rng.normal(size=shape) * 10 ** rng.uniform(-2, 1) * (rng.random(shape) > 0.1)
            )
            for shape in ((3, 2), (4,))
        ]
        for _ in range(STEPS)
    ]


def _require_same(
    ours: Sequence[Any], theirs: Sequence[Any], precision: Precision, when: str
) -> None:
    for number, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        precision.require_same(a, b, f"variable {number}, {when}")


def test_a_new_learning_rate_counts_at_once(keras: Any, precision: Precision) -> None:
    """Momentum holds the learning rate in the velocity, so that the moment of a change shows."""
    import torch

    ours = optimizers.SGD(0.1, momentum=0.9)
    theirs = keras.optimizers.SGD(0.1, momentum=0.9)
    first, slopes = first_values(precision), gradients_of_steps(precision)
    variables, their_variables = [Variable(first[0])], [keras.Variable(first[0])]
    for rate, gradients in zip((0.1, 0.01, 0.5), slopes, strict=False):
        ours.learning_rate = theirs.learning_rate = rate
        ours.apply([gradients[0]], variables)
        theirs.apply([torch.tensor(gradients[0])], their_variables)
    _require_same(variables, their_variables, precision, "after three rates")


def test_dynamic_loss_scaling_is_that_of_keras(keras: Any, precision: Precision) -> None:
    """The scale doubles after three finite steps, and halves where a gradient overflowed."""
    import torch

    ours, theirs = (
        family.LossScaleOptimizer(
            family.SGD(0.1, momentum=0.5), initial_scale=4.0, dynamic_growth_steps=3
        )
        for family in (optimizers, keras.optimizers)
    )
    first, slopes = first_values(precision)[:1], gradients_of_steps(precision)
    variables, their_variables = [Variable(first[0])], [keras.Variable(first[0])]
    for number, (gradient, _) in enumerate(slopes[:20]):
        if number in (5, 6, 14):
            gradient = np.full_like(gradient, np.inf)
        ours.apply([gradient], variables)
        theirs.apply([torch.tensor(gradient)], their_variables)
        precision.require_same(variables[0], their_variables[0], f"step {number}")
        scaled = theirs.scale_loss(torch.tensor(1.5))
        precision.require_same(ours.scale_loss(as_tensor(1.5)), scaled, f"scale, step {number}")
