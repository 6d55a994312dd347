"""At the ends of their domains losses and their gradients are finite, and what they should be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import losses
from glassgrad.graph import Tensor

# name, loss, target, prediction, value, gradient
EXTREMES: list[tuple[str, Any, Any, Any, float, Any]] = [
    ("log-cosh far above", losses.LogCosh(), [0.0], [1e6], 1e6 - np.log(2), [1.0]),
    ("log-cosh far below", losses.LogCosh(), [0.0], [-1e6], 1e6 - np.log(2), [-1.0]),
    ("log-cosh beyond exp", losses.LogCosh(), [0.0], [1e30], 1e30, [1.0]),
    ("log-cosh at 0", losses.LogCosh(), [2.0], [2.0], 0.0, [0.0]),
    ("log-cosh near 0", losses.LogCosh(), [0.0], [1e-3], 5e-7, [1e-3]),
    ("Huber at delta", losses.Huber(), [0.0], [1.0], 0.5, [1.0]),
    ("Huber at -delta", losses.Huber(), [0.0], [-1.0], 0.5, [-1.0]),
    ("Huber at 0", losses.Huber(), [1.0], [1.0], 0.0, [0.0]),
    ("Huber, square overflows", losses.Huber(), [0.0], [1e30], 1e30, [1.0]),
    ("Poisson at 0", losses.Poisson(), [2.0], [0.0], -2 * np.log(1e-7), [1 - 2e7]),
    ("Poisson of nothing at 0", losses.Poisson(), [0.0], [0.0], 0.0, [1.0]),
    ("cosine of a zero prediction", losses.CosineSimilarity(), [3.0, 4.0], [0.0, 0.0], 0.0,
     [-0.6e7, -0.8e7]),
    ("cosine to a zero target", losses.CosineSimilarity(), [0.0, 0.0], [3.0, 4.0], 0.0, [0.0, 0.0]),
    ("cosine of two zeros", losses.CosineSimilarity(), [0.0, 0.0], [0.0, 0.0], 0.0, [0.0, 0.0]),
    ("percentage of a zero target", losses.MeanAbsolutePercentageError(), [0.0], [1.0], 1e9, [1e9]),
    ("percentage of a hit", losses.MeanAbsolutePercentageError(), [0.0], [0.0], 0.0, [0.0]),
    ("logarithm below 0", losses.MeanSquaredLogarithmicError(), [0.0], [-5.0], 0.0, [0.0]),
    ("divergence of a wrong certainty", losses.KLDivergence(), [1.0, 0.0], [0.0, 1.0],
     -np.log(1e-7), [0.0, -1e-7]),
    ("hinge at the margin", losses.Hinge(), [1.0], [1.0], 0.0, [-0.5]),
    ("categorical hinge at the margin", losses.CategoricalHinge(), [0.0, 1.0], [1.0, 2.0], 0.0,
     [0.5, -0.5]),
]  # fmt: skip


@pytest.mark.parametrize(
    "name, loss, target, prediction, value, slope", EXTREMES, ids=[row[0] for row in EXTREMES]
)
def test_value_and_gradient(
    name: str, loss: Any, target: Any, prediction: Any, value: float, slope: Any
) -> None:
    pred = Tensor([prediction], requires_grad=True)
    found = loss([target], pred)
    found.backward()
    assert pred.grad is not None
    assert found.item() == pytest.approx(value, rel=1e-4, abs=1e-6)
    assert pred.grad.numpy()[0] == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_targets_of_a_margin_may_be_bits_or_signs() -> None:
    scores = [[0.3, -0.2, 2.0]]
    for loss in (losses.hinge, losses.squared_hinge):
        bits, signs = loss([[1, 0, 1]], scores), loss([[1, -1, 1]], scores)
        assert bits.numpy() == signs.numpy()
        assert loss([[1.0, 1.0, 1.0]], scores).numpy() == loss([[1, 1, 1]], scores).numpy()
        assert loss([[-1, -1, -1]], scores).numpy() != loss([[1, 1, 1]], scores).numpy()
