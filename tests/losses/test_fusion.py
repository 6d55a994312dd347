"""Cross-entropies of probabilities, replaced by the stable form on the logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import losses
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, verify, walk
from glassgrad.ops.loss import CrossEntropy

rng = np.random.default_rng(0)
REAL = rng.normal(size=(6, 4)) * 3
OTHER = rng.normal(size=(6, 4))
PROBABILITIES = np.exp(REAL) / np.exp(REAL).sum(-1, keepdims=True)
TARGETS = np.exp(OTHER) / np.exp(OTHER).sum(-1, keepdims=True)
LABELS = np.array([0, 3, 1, 2, 2, 0])
PARTLY_IGNORED = np.array([0, -1, 1, 2, -1, 0])
BITS = (OTHER > 0).astype(float)

FUSED: list[tuple[str, Any, Any, Callable[[Tensor], Tensor]]] = [
    ("categorical", losses.CategoricalCrossentropy(), TARGETS, lambda x: x.softmax()),
    ("sparse", losses.SparseCategoricalCrossentropy(), LABELS, lambda x: x.softmax()),
    ("crossentropy", losses.as_loss("crossentropy"), LABELS, lambda x: x.softmax()),
    (
        "sparse, partly ignored",
        losses.SparseCategoricalCrossentropy(ignore_class=-1),
        PARTLY_IGNORED,
        lambda x: x.softmax(),
    ),
    ("binary", losses.BinaryCrossentropy(), BITS, lambda x: x.sigmoid()),
]


OF_LOGITS: dict[str, Any] = {
    "categorical": losses.CategoricalCrossentropy(from_logits=True),
    "sparse": losses.SparseCategoricalCrossentropy(from_logits=True),
    "crossentropy": losses.SparseCategoricalCrossentropy(from_logits=True),
    "sparse, partly ignored": losses.SparseCategoricalCrossentropy(True, ignore_class=-1),
    "binary": losses.BinaryCrossentropy(from_logits=True),
}


@pytest.mark.parametrize("name, loss, y_true, squash", FUSED, ids=[row[0] for row in FUSED])
def test_the_pass_gives_the_loss_of_the_logits(
    name: str, loss: Any, y_true: Any, squash: Any
) -> None:
    of_logits = OF_LOGITS[name]
    for scale in (1.0, 200.0):
        logits = Tensor(REAL * scale)
        y_pred = squash(logits)
        fused, kept = losses.fuse_probabilities([loss(y_true, y_pred), y_pred])
        verify([fused])
        assert kept is y_pred
        assert fused.item() == of_logits(y_true, logits).item()
        (slope,) = gradients(fused, [logits])
        (expected,) = gradients(of_logits(y_true, logits), [logits])
        assert slope is not None
        assert expected is not None
        assert np.array_equal(slope.numpy(), expected.numpy())
        if scale == 1:
            assert fused.item() == pytest.approx(loss(y_true, y_pred).item(), rel=1e-5)


def test_the_pass_keeps_the_name_of_the_part() -> None:
    logits = Tensor(REAL)
    (fused,) = losses.fuse_probabilities(
        [losses.CategoricalCrossentropy()(TARGETS, logits.softmax())]
    )
    (node,) = [n for n in walk([fused]) if n.operation.name == "SoftmaxCrossEntropy"]
    assert node.scope == "categorical_crossentropy"


def test_the_pass_leaves_other_probabilities_alone() -> None:
    loss = losses.CategoricalCrossentropy()
    for y_pred in (Tensor(PROBABILITIES), Tensor(REAL).sigmoid(), Tensor(REAL).softmax() * 0.5):
        value = loss(TARGETS, y_pred)
        assert losses.fuse_probabilities([value])[0] is value
    value = losses.BinaryCrossentropy()(TARGETS, Tensor(REAL).softmax())
    assert losses.fuse_probabilities([value])[0] is value
    assert any(isinstance(n.operation, CrossEntropy) for n in walk([loss(TARGETS, PROBABILITIES)]))
