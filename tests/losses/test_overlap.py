"""Dice and Tversky: areas counted by hand, and their ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from glassgrad import losses
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor

rng = np.random.default_rng(0)
MASKS = (rng.random((2, 5, 7, 3)) > 0.6).astype(float)
GUESSES = rng.random((2, 5, 7, 3))


def by_hand(true: Any, pred: Any, alpha: float, beta: float) -> float:
    """Pixel by pixel, over whole arrays."""
    common = missed = wrong = 0.0
    for t, y in zip(np.ravel(true), np.ravel(pred), strict=True):
        common += t * y
        missed += t * (1 - y)
        wrong += (1 - t) * y
    return 1 - common / (common + alpha * missed + beta * wrong + 1e-7)


@pytest.mark.parametrize("alpha, beta", [(0.5, 0.5), (0.2, 0.9), (1.0, 0.0)])
def test_areas_of_the_whole_batch_of_images_and_of_classes(alpha: float, beta: float) -> None:
    whole = losses.Tversky(alpha, beta)(MASKS, GUESSES)
    assert whole.item() == pytest.approx(by_hand(MASKS, GUESSES, alpha, beta), rel=1e-5)
    images = losses.tversky(MASKS, GUESSES, alpha, beta, axis=(1, 2, 3)).numpy()
    assert images == pytest.approx(
        [by_hand(*pair, alpha, beta) for pair in zip(MASKS, GUESSES, strict=True)], rel=1e-5
    )
    classes = losses.tversky(MASKS, GUESSES, alpha, beta, axis=(1, 2)).numpy()
    expected = [
        [by_hand(t[..., c], y[..., c], alpha, beta) for c in range(3)]
        for t, y in zip(MASKS, GUESSES, strict=True)
    ]
    assert classes == pytest.approx(np.array(expected), rel=1e-5)


@pytest.mark.parametrize("axis", [None, 0, (1, 2), (1, 2, 3)])
def test_dice_is_tversky_with_equal_prices(axis: Any) -> None:
    dice = losses.Dice(axis=axis)(MASKS, GUESSES).item()
    assert dice == pytest.approx(losses.Tversky(axis=axis)(MASKS, GUESSES).item(), rel=1e-5)


def test_gradient_of_dice() -> None:
    ours = Tensor(GUESSES, requires_grad=True, dtype="float64")
    losses.Dice(axis=(1, 2))(Tensor(MASKS, dtype="float64"), ours).backward()
    theirs, true = torch.tensor(GUESSES, requires_grad=True), torch.tensor(MASKS)
    common, both = (theirs * true).sum((1, 2)), theirs.sum((1, 2)) + true.sum((1, 2))
    (1 - 2 * common / (both + 1e-7)).mean().backward()
    assert ours.grad is not None
    assert theirs.grad is not None
    assert ours.grad.numpy() == pytest.approx(theirs.grad.numpy(), rel=1e-9)


@pytest.mark.parametrize(
    "name, true, pred, value",
    [
        ("the same", [1, 0, 1], [1, 0, 1], 0.0),
        ("apart", [1, 0, 0], [0, 1, 1], 1.0),
        ("nothing anywhere", [0, 0, 0], [0, 0, 0], 1.0),
    ],
)
@pytest.mark.parametrize("loss", [losses.Dice(), losses.Tversky(0.3, 0.7)], ids=["Dice", "Tversky"])
def test_ends(name: str, true: Any, pred: Any, value: float, loss: Any) -> None:
    x = Tensor([pred], dtype="float32", requires_grad=True)
    found = loss([true], x)
    found.backward()
    assert x.grad is not None
    assert found.item() == pytest.approx(value, abs=1e-6)
    assert np.isfinite(x.grad.numpy()).all()


def test_weights_belong_to_images_where_images_have_values() -> None:
    weighted = losses.Dice(axis=(1, 2, 3))(MASKS, GUESSES, sample_weight=[0.0, 3.0])
    second = losses.dice(MASKS[1:], GUESSES[1:]).item()
    assert weighted.item() == pytest.approx(1.5 * second, rel=1e-5)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: losses.Tversky(-0.1), ArgumentError, "alpha must be a number from 0 on. Got -0.1"),
        (lambda: losses.Tversky(beta=float("nan")), ArgumentError, "beta must be"),
        (lambda: losses.Dice(axis=4)(MASKS, GUESSES), ArgumentError, "Axes must lie"),
        (lambda: losses.Dice()(MASKS, GUESSES[:1]), ShapeError, "must have one shape"),
        (lambda: losses.tversky(MASKS, GUESSES[0]), ShapeError, "must have one shape"),
        (
            lambda: losses.Dice()(MASKS, GUESSES, sample_weight=[1.0, 2.0]),
            ShapeError,
            r"shape of the values \(\)",
        ),
    ],
)
def test_bad_input_is_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()
