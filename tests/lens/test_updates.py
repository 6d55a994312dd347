"""What is shown of an optimizer's step is what the step does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import layers, optimizers
from glassgrad.lens import explain
from glassgrad.lens.derivation import derived
from glassgrad.lens.explanation import ExplainedUpdate, Line
from glassgrad.lens.numpy_program import Identifiers
from glassgrad.lens.subject import subject_of
from glassgrad.lens.updates import explained_updates
from glassgrad.optimizers import Optimizer
from glassgrad.random_seed import seeded
from tests.lens.proof import FUNCTIONS
from tests.optimizers.test_optimizer import PLAIN

OTHERS: dict[str, Callable[[], Optimizer]] = {
    "lamb": lambda: optimizers.Lamb(0.1),
    "accumulation": lambda: optimizers.Adam(0.1, gradient_accumulation_steps=2),
    "overwritten": lambda: optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=2),
    "loss scale": lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.1)),
    "own": lambda: SignDescent(0.1),
}
EVERY = {**PLAIN, **OTHERS}

NAMES = ["hidden.kernel", "hidden.bias", "output.kernel", "output.bias"]
X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
Y = np.array([0, 1, 1, 0])


class SignDescent(Optimizer):
    def update(self, parameter: Any, gradient: Any, slots: Any, shared: Any) -> Any:
        return parameter - shared[0] * gradient / gradient.abs(), ()


def network(optimizer: Any) -> glassgrad.Sequential:
    with seeded(1):
        model = glassgrad.Sequential(
            [
                layers.Input((3,)),
                layers.Dense(2, "tanh", kernel_constraint="max_norm", name="hidden"),
                layers.Dense(2, "softmax", name="output"),
            ]
        )
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


@pytest.fixture(autouse=True)
def _reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSGRAD_EXECUTOR", "reference")


def test_every_optimizer_has_a_row() -> None:
    kinds = {type(make()) for make in EVERY.values()}
    public = (getattr(optimizers, name) for name in optimizers.__all__)
    known = {one for one in public if isinstance(one, type) and issubclass(one, Optimizer)}
    assert known - {Optimizer} <= kinds


@pytest.mark.parametrize("name", EVERY)
def test_the_update_is_what_training_does(name: str) -> None:
    """At the first step and at a later one; to what float32 and the weights' size allow."""
    model = network(EVERY[name]())
    for _ in range(2):
        updates = updates_of(model)
        model.train_on_batch(X, Y)
        assert [update.name.plain for update in updates] == NAMES
        for update, weight in zip(updates, model.weights, strict=True):
            np.testing.assert_allclose(update.after, weight.numpy(), rtol=2e-5, atol=2e-6)
        evaluate([line for update in updates for line in update.lines])
        for update in updates:
            new = {line.name.plain: line.value for line in update.lines}
            np.testing.assert_array_equal(update.after, new[f"{update.name.plain}.new"])


def updates_of(model: glassgrad.Sequential) -> tuple[ExplainedUpdate, ...]:
    subject = subject_of(model, X, Y)
    return explained_updates(derived(subject, subject.parameters))


def evaluate(lines: Sequence[Line]) -> None:
    """Every line's formula, evaluated by NumPy on what stands before it, gives its number."""
    named = Identifiers(line.name.plain for line in lines)
    known = {named[line.name.plain]: line.value for line in lines if line.label == "given"}
    for line in lines:
        if line.formula is not None:
            with np.errstate(all="ignore"):
                value = eval(named.written(line.formula.plain), FUNCTIONS, known)
            np.testing.assert_allclose(value, line.value, rtol=1e-12, err_msg=line.name.plain)
            known[named[line.name.plain]] = value


FORMULAS = {
    "sgd": {"new": "{w} - learning_rate * dL/d{w}"},
    "momentum": {
        "momentum.new": "0.9 * {w}.momentum - learning_rate * dL/d{w}",
        "new": "{w} + {w}.momentum.new",
    },
    "adam": {
        "momentum.new": "{w}.momentum + 0.1 * (dL/d{w} - {w}.momentum)",
        "velocity.new": "{w}.velocity + 0.001 * (dL/d{w} ** 2 - {w}.velocity)",
        "new": "{w} - rate * {w}.momentum.new / (sqrt({w}.velocity.new) + 1e-07)",
    },
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_are_those_of_a_textbook(name: str) -> None:
    (_, update, *_) = updates_of(network(EVERY[name]()))
    found = {line.name.plain: line.formula.plain for line in update.lines if line.formula}
    rate = found.pop("rate", None)
    assert rate in (None, "learning_rate * (sqrt(1 - 0.999 ** step) / (1 - 0.9 ** step))")
    w = "hidden.bias"
    assert found == {f"{w}.{k}": text.format(w=w) for k, text in FORMULAS[name].items()}


def test_nothing_of_the_model_changes() -> None:
    model = network("adam")
    model.train_on_batch(X, Y)
    variables = [*model.weights, *model.optimizer.variables]
    before = [variable.numpy() for variable in variables]
    updates_of(model)
    assert model.optimizer.variables == variables[len(model.weights) :]
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_an_optimizer_that_has_met_no_weights_stays_so() -> None:
    model = network("adam")
    updates_of(model)
    assert model.optimizer.built_for == []


def test_frozen_weights_and_those_that_the_loss_does_not_reach_have_no_update() -> None:
    model = network("sgd")
    model.layers[0].trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    explanation = explain(model, X, Y)
    assert [one.name.plain for one in explanation.updates] == ["output.kernel", "output.bias"]


def test_a_loss_alone_has_no_optimizer() -> None:
    assert explain(glassgrad.Variable(2.0) * 3.0).updates == ()
