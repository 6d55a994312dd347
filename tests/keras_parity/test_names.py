"""Nothing public is left out: names, rows, and the strings that stand for objects."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest

from glassgrad import losses
from tests.keras_parity import (
    test_activations,
    test_attention,
    test_constraints,
    test_convolutional_layers,
    test_initializers,
    test_layers,
    test_losses,
    test_metrics,
    test_optimizers,
    test_recurrent,
    test_regularizers,
    test_schedules,
)
from tests.keras_parity.differences import NAMES, covering
from tests.keras_parity.names import (
    every_name,
    family_of,
    family_of_keras,
    public_names,
)

ROWS: dict[str, Any] = {
    "activations": test_activations.CASES,
    "constraints": test_constraints.CASES,
    "initializers": test_initializers.CASES,
    "layers": (
        *test_layers.EVERY_CASE,
        *test_attention.CASES,
        *test_convolutional_layers.CASES,
        *test_recurrent.CASES,
    ),
    "losses": test_losses.EVERY_CASE,
    "metrics": test_metrics.EVERY_CASE,
    "optimizers": test_optimizers.CASES,
    "optimizers.schedules": test_schedules.CASES,
    "regularizers": test_regularizers.CASES,
}

LOOKUPS = {"IntegerLookup", "StringLookup"}  # Keras needs TensorFlow for them, on every backend
# What has no numbers of its own to compare, or is compared by a test of its own.
WITHOUT_NUMBERS = {
    "activations": {"Activation"},
    "constraints": {"Constraint"},
    "initializers": {"Initializer"},
    "layers": {"Layer", "Input", "InputLayer", "InputSpec", "Lambda", "Wrapper", *LOOKUPS},
    "losses": {"Loss", "LossFunctionWrapper"},
    "metrics": {"Metric", "MeanMetricWrapper"},
    "optimizers": {"Optimizer", "LossScaleOptimizer"},
    "optimizers.schedules": {"LearningRateSchedule"},
    "regularizers": {"Regularizer"},
}
OF_EVERY_FAMILY = {"get", "register", "serialize", "deserialize"}


def test_every_public_name_is_keras_or_stands_in_the_table(keras: Any) -> None:
    own = {
        f"{family}.{name}"
        for family, name in every_name()
        if not hasattr(family_of_keras(keras, family), name)
    }
    unexplained = {subject for subject in own if covering(NAMES, subject) is None}
    assert not unexplained, "Name them as Keras does, or add a row to NAMES with the reason"


def test_every_name_of_the_table_exists_and_is_our_own(keras: Any) -> None:
    subjects = [f"{family}.{name}" for family, name in every_name()]
    for row in NAMES:
        covered = [subject for subject in subjects if row.covers(subject)]
        assert covered, f"{row.where} names nothing"
        for subject in covered:
            family, _, name = subject.rpartition(".")
            assert not hasattr(family_of_keras(keras, family), name), f"{subject} is in Keras"


@pytest.mark.parametrize("family", ROWS)
def test_every_public_name_has_a_row(family: str) -> None:
    """A new class is compared, or stands in the table of names with its reason."""
    compared = {case.name for case in ROWS[family]}
    missing = {
        name
        for name in public_names(family)
        if name not in compared | WITHOUT_NUMBERS[family] | OF_EVERY_FAMILY
        and covering(NAMES, f"{family}.{name}") is None
        and not _is_other_name_of_a_row(family, name, compared)
    }
    assert not missing, f"Add a row to tests/keras_parity/test_{family}.py"


def _is_other_name_of_a_row(family: str, name: str, compared: set[str]) -> bool:
    """``initializers.zeros`` is ``Zeros``, and a metric that is a loss is compared as a loss."""
    found = getattr(family_of(family), name)
    is_loss = family == "metrics" and getattr(losses, name, None) is found
    return is_loss or (inspect.isclass(found) and found.__name__ in compared - {name})


WITH_STRINGS = [name for name in ROWS if name not in ("layers", "optimizers.schedules")]


@pytest.mark.parametrize("family", WITH_STRINGS)
def test_a_string_means_what_it_means_in_keras(family: str, keras: Any) -> None:
    known = import_module(f"keras.src.{family}").ALL_OBJECTS_DICT
    module = family_of(family)
    public = {getattr(module, name).__name__ for name in public_names(family)}
    public -= WITHOUT_NUMBERS[family]  # a base class is nothing that a string could stand for
    expected = {
        alias: target.__name__ for alias, target in known.items() if target.__name__ in public
    }
    assert len(expected) >= len(public & {target.__name__ for target in known.values()}) > 0
    assert {alias: _meaning(module, alias) for alias in expected} == expected


def _meaning(module: Any, alias: str) -> str:
    """The name of what a string stands for."""
    registry = getattr(module.get, "__self__", None)
    found = module.get(alias) if registry is None else registry.entry(alias)
    return str(getattr(found, "__name__", type(found).__name__))
