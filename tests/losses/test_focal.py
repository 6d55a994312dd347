"""Focal losses and the generalised cross-entropy: values, gradients, ends of the domain."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from glassgrad import losses
from glassgrad.errors import ArgumentError, DataError, ShapeError
from glassgrad.graph import Tensor

rng = np.random.default_rng(0)
LOGITS = rng.normal(size=(6, 4)) * 3
BITS = (rng.normal(size=(6, 4)) > 0).astype(float)
LABELS = np.array([0, 3, 1, 2, 2, 0])
ONE_HOT = np.eye(4)[LABELS]
BETWEEN = 1 / (1 + np.exp(-LOGITS))
SHARES = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
ALPHAS = [0.1, 0.2, 0.3, 0.9]


def of_bits(y: torch.Tensor, gamma: float, alpha: float | None = None) -> torch.Tensor:
    """What the paper writes: p is the probability of what is true."""
    true = torch.tensor(BITS) == 1
    p = torch.where(true, y, 1 - y)
    one = torch.ones_like(y)
    balance = one if alpha is None else torch.where(true, alpha * one, (1 - alpha) * one)
    return (-balance * (1 - p) ** gamma * p.log()).mean(-1)


def of_classes(y: torch.Tensor, gamma: float, alphas: list[float]) -> torch.Tensor:
    p = y[torch.arange(6), torch.tensor(LABELS)]
    return -torch.tensor(alphas)[LABELS] * (1 - p) ** gamma * p.log()


TABLE: list[tuple[str, Any, Any, Any, Callable[[torch.Tensor], torch.Tensor]]] = [
    ("bits", losses.BinaryFocalCrossentropy(), BITS, BETWEEN, lambda y: of_bits(y, 2.0)),
    ("bits, steep", losses.BinaryFocalCrossentropy(gamma=0.5), BITS, BETWEEN,
     lambda y: of_bits(y, 0.5)),
    ("bits of logits, balanced", losses.BinaryFocalCrossentropy(True, 0.2, 3.0, True), BITS, LOGITS,
     lambda y: of_bits(y.sigmoid(), 3.0, 0.2)),
    ("classes", losses.CategoricalFocalCrossentropy(1.0), ONE_HOT, SHARES,
     lambda y: of_classes(y / y.sum(-1, keepdim=True), 2.0, [1.0] * 4)),
    ("classes, weighted", losses.CategoricalFocalCrossentropy(ALPHAS, 1.5, True), ONE_HOT, LOGITS,
     lambda y: of_classes(y.softmax(-1), 1.5, ALPHAS)),
    ("wrong labels", losses.CategoricalGeneralizedCrossEntropy(0.7), LABELS, SHARES,
     lambda y: (1 - y[torch.arange(6), torch.tensor(LABELS)] ** 0.7) / 0.7),
]  # fmt: skip


@pytest.mark.parametrize("name, loss, true, pred, oracle", TABLE, ids=[row[0] for row in TABLE])
def test_value_and_gradient(name: str, loss: Any, true: Any, pred: Any, oracle: Any) -> None:
    ours = Tensor(pred, requires_grad=True, dtype="float64")
    value = loss(Tensor(true, dtype="float64" if true.dtype.kind == "f" else None), ours)
    value.backward()
    theirs = torch.tensor(pred, requires_grad=True)
    expected = oracle(theirs).mean()
    expected.backward()
    assert ours.grad is not None
    assert theirs.grad is not None
    assert value.item() == pytest.approx(expected.item(), rel=1e-10)
    assert ours.grad.numpy() == pytest.approx(theirs.grad.numpy(), rel=1e-9, abs=1e-12)


def test_without_focus_they_are_the_cross_entropies() -> None:
    flat = losses.binary_focal_crossentropy(BITS, LOGITS, gamma=0.0, from_logits=True)
    plain = losses.binary_crossentropy(BITS, LOGITS, from_logits=True)
    assert flat.numpy() == pytest.approx(plain.numpy(), rel=1e-6)
    flat = losses.categorical_focal_crossentropy(ONE_HOT, SHARES, alpha=1.0, gamma=0.0)
    assert flat.numpy() == pytest.approx(
        losses.categorical_crossentropy(ONE_HOT, SHARES).numpy(), rel=1e-6
    )
    exact = Tensor(SHARES, dtype="float64")
    nearly = losses.categorical_generalized_cross_entropy(LABELS, exact, q=1e-6)
    plain = losses.sparse_categorical_crossentropy(LABELS, SHARES)
    assert nearly.numpy() == pytest.approx(plain.numpy(), rel=1e-3)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    "name, logit, value",
    [("right", 100.0, 0.0), ("wrong", -100.0, 100.0), ("right, not yet 1", 20.0, 0.0)],
)
def test_sure_logits_have_finite_gradients(
    name: str, logit: float, value: float, gamma: float
) -> None:
    for loss, true, pred in (
        (losses.BinaryFocalCrossentropy(gamma=gamma, from_logits=True), [[1.0]], [[logit]]),
        (
            losses.CategoricalFocalCrossentropy(1.0, gamma, from_logits=True),
            [[1.0, 0.0]],
            [[logit, 0.0]],
        ),
    ):
        x = Tensor(pred, requires_grad=True)
        found = loss(true, x)
        found.backward()
        assert x.grad is not None
        assert found.item() == pytest.approx(value, abs=1e-6)
        slope = -1.0 if value else 0.0
        assert x.grad.numpy()[0, 0] == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 2.0])
def test_certain_probabilities_have_finite_gradients(gamma: float) -> None:
    for true in (0.0, 1.0):
        for sure in (0.0, 1.0):
            x = Tensor([[sure]], requires_grad=True)
            found = losses.BinaryFocalCrossentropy(gamma=gamma)([[true]], x)
            found.backward()
            assert x.grad is not None
            assert np.isfinite([found.item(), x.grad.item()]).all()
    x = Tensor([[0.0, 1.0]], requires_grad=True)
    found = losses.CategoricalGeneralizedCrossEntropy(0.5)([0], x)
    found.backward()
    assert x.grad is not None
    assert found.item() == pytest.approx(2, abs=1e-3)
    assert np.isfinite(x.grad.numpy()).all()


def test_smoothed_targets_lie_between() -> None:
    smoothed = losses.binary_focal_crossentropy(BITS, BETWEEN, label_smoothing=0.2)
    target = BITS * 0.8 + 0.1
    missing = target * (1 - BETWEEN) + (1 - target) * BETWEEN
    surprise = -target * np.log(BETWEEN) - (1 - target) * np.log(1 - BETWEEN)
    assert smoothed.numpy() == pytest.approx((missing**2 * surprise).mean(-1), rel=1e-5)


def test_labels_may_stand_in_a_column() -> None:
    loss = losses.CategoricalGeneralizedCrossEntropy()
    assert loss(LABELS[:, None], SHARES).item() == loss(LABELS, SHARES).item()


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: losses.BinaryFocalCrossentropy(gamma=-1.0), ArgumentError, "from 0 on. Got -1"),
        (lambda: losses.BinaryFocalCrossentropy(gamma=math.nan), ArgumentError, "gamma"),
        (lambda: losses.BinaryFocalCrossentropy(alpha=1.5), ArgumentError, r"\[0, 1\]. Got 1.5"),
        (lambda: losses.CategoricalFocalCrossentropy(gamma=math.inf), ArgumentError, "Got inf"),
        (
            lambda: losses.CategoricalFocalCrossentropy([0.1, 0.9])(ONE_HOT, SHARES),
            ShapeError,
            "one for each of 4 classes",
        ),
        (
            lambda: losses.categorical_focal_crossentropy(LABELS, SHARES),
            ShapeError,
            "must have one shape",
        ),
        (lambda: losses.binary_focal_crossentropy(BITS, LABELS), ShapeError, "must have one shape"),
        (
            lambda: losses.binary_focal_crossentropy(BITS, BETWEEN, label_smoothing=2.0),
            ArgumentError,
            "label_smoothing",
        ),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(1.0), ArgumentError, "between 0 and 1"),
        (
            lambda: losses.CategoricalGeneralizedCrossEntropy(0),
            ArgumentError,
            "use SparseCategoricalCrossentropy",
        ),
        (
            lambda: losses.CategoricalGeneralizedCrossEntropy()([4] * 6, SHARES),
            DataError,
            r"whole numbers in \[0, 4\)",
        ),
    ],
)
def test_bad_input_is_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()
