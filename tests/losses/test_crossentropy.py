"""What cross-entropies can beyond the table: axes, ignored classes, meaning by shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as torch_nn

from glassgrad import losses
from glassgrad.graph import Tensor

rng = np.random.default_rng(0)
LOGITS = rng.normal(size=(3, 5, 4))  # the classes in the middle
LABELS = rng.integers(0, 5, (3, 4))
SOME_IGNORED = np.where(rng.random((3, 4)) < 0.4, -1, LABELS)
VECTORS = np.moveaxis(np.eye(5)[LABELS], -1, 1)
SHARES = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
WEIGHTS = rng.random(3)


def expected(ignored: int = -100, labels: Any = LABELS) -> Any:
    return torch_nn.cross_entropy(
        torch.tensor(LOGITS), torch.tensor(labels), reduction="none", ignore_index=ignored
    ).numpy()


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None], LABELS.astype("float32")])
def test_labels_of_classes_in_the_middle(labels: Any, from_logits: bool) -> None:
    pred = LOGITS if from_logits else SHARES
    values = losses.sparse_categorical_crossentropy(labels, pred, from_logits, axis=1)
    assert values.numpy() == pytest.approx(expected(), rel=1e-4)


@pytest.mark.parametrize("from_logits", [True, False])
def test_vectors_of_classes_in_the_middle(from_logits: bool) -> None:
    pred = LOGITS if from_logits else SHARES
    values = losses.categorical_crossentropy(VECTORS, pred, from_logits, axis=-2)
    assert values.numpy() == pytest.approx(expected(), rel=1e-4)
    smoothed = losses.categorical_crossentropy(VECTORS, pred, from_logits, 0.2, axis=1)
    others = torch_nn.cross_entropy(
        torch.tensor(LOGITS), torch.tensor(LABELS), reduction="none", label_smoothing=0.2
    )
    assert smoothed.numpy() == pytest.approx(others.numpy(), rel=1e-4)


def test_the_mean_of_yes_and_no_along_an_axis() -> None:
    bits = (LOGITS > 0).astype(float)
    single = torch_nn.binary_cross_entropy_with_logits(
        torch.tensor(LOGITS), torch.tensor(bits), reduction="none"
    ).numpy()
    for axis in (0, 1, (0, 2)):
        values = losses.binary_crossentropy(bits, LOGITS, True, axis=axis)
        assert values.numpy() == pytest.approx(single.mean(axis), rel=1e-5)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
@pytest.mark.parametrize("ignored, labels", [(-1, SOME_IGNORED), (2, LABELS)])
def test_ignored_labels_do_not_count(ignored: int, labels: Any, weights: Any) -> None:
    def loss(reduction: str | None) -> Any:
        made = losses.SparseCategoricalCrossentropy(True, ignored, reduction, axis=1)
        return made(labels, LOGITS, sample_weight=weights).numpy()

    counted = labels != ignored
    values = expected(ignored, labels)
    assert (values[~counted] == 0).all()
    factors = np.ones_like(values) if weights is None else np.repeat(weights[:, None], 4, axis=1)
    assert loss("none") == pytest.approx(values * factors, rel=1e-5)
    assert loss("sum") == pytest.approx((values * factors).sum(), rel=1e-5)
    mean = (values * factors).sum() / counted.sum()
    assert loss("mean") == loss("sum_over_batch_size") == pytest.approx(mean, rel=1e-5)
    weighted = (values * factors).sum() / (factors * counted).sum()
    assert loss("mean_with_sample_weight") == pytest.approx(weighted, rel=1e-5)


def test_a_batch_of_ignored_labels_is_0_with_gradient_0() -> None:
    pred = Tensor([[0.0, 1.0], [0.5, 0.5]], requires_grad=True)
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)(np.array([-1, -1]), pred)
    loss.backward()
    assert loss.item() == 0
    assert pred.grad is not None
    assert (pred.grad.numpy() == 0).all()


@pytest.mark.parametrize(
    "y_true, y_pred, meaning",
    [
        ((8,), (8, 1), "binary_crossentropy"),
        ((8, 1), (8, 1), "binary_crossentropy"),
        ((8,), (8, 3), "sparse_categorical_crossentropy"),
        ((8, 1), (8, 3), "sparse_categorical_crossentropy"),
        ((8, 5), (8, 5, 3), "sparse_categorical_crossentropy"),
        ((8, 3), (8, 3), "categorical_crossentropy"),
    ],
)
def test_what_crossentropy_means(y_true: Any, y_pred: Any, meaning: str) -> None:
    true, pred = np.zeros(y_true), np.full(y_pred, 0.5)
    assert losses.resolve_crossentropy(true, pred).__name__ == meaning
    for name in ("crossentropy", "ce", "CE"):
        found = losses.as_loss(name)(true, pred).item()
        assert found == losses.as_loss(meaning)(true, pred).item()
