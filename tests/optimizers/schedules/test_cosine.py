from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from glassgrad.optimizers.schedules import CosineDecay, CosineDecayRestarts, OneCycle

STEPS = np.arange(200)


def wave(progress: np.ndarray) -> np.ndarray:
    return (1 + np.cos(np.pi * progress)) / 2


def test_cosine_decay() -> None:
    found = CosineDecay(0.3, 50, 0.1)(STEPS).numpy()
    assert found == pytest.approx(0.3 * (0.1 + 0.9 * wave(np.minimum(STEPS / 50, 1))), rel=1e-13)


@pytest.mark.parametrize("first, top", [(0.0, 0.3), (0.3, 0.1)])
def test_warm_up_comes_before_the_decay(first: float, top: float) -> None:
    found = CosineDecay(first, 50, 0.1, warmup_target=top, warmup_steps=10)(STEPS).numpy()
    assert found[:10] == pytest.approx(first + (top - first) * np.arange(10) / 10, rel=1e-13)
    assert found[10:] == pytest.approx(CosineDecay(top, 50, 0.1)(STEPS[:-10]).numpy(), rel=1e-13)


def test_without_steps_of_warm_up_the_target_is_the_first_rate() -> None:
    found = CosineDecay(0.5, 50, warmup_target=0.3)(STEPS).numpy()
    assert found == pytest.approx(CosineDecay(0.3, 50)(STEPS).numpy(), rel=1e-15)
    assert CosineDecay(0.5, 50, warmup_steps=10)(0).item() == 0.5


@pytest.mark.parametrize("t_mul", [1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("first", [1, 3, 7, 10])
def test_restarts_as_a_plain_loop(first: int, t_mul: float) -> None:
    found = CosineDecayRestarts(0.3, first, t_mul, 0.8, 0.1)(STEPS).numpy()
    begin, length, height = 0.0, float(first), 1.0
    for step in STEPS:
        while step >= begin + length:
            begin, length, height = begin + length, length * t_mul, height * 0.8
        expected = 0.3 * (0.1 + 0.9 * height * wave((step - begin) / length))
        assert found[step] == pytest.approx(expected, rel=1e-9)


def test_every_restart_is_at_its_step() -> None:
    """The logarithm of a power is now and then a little too small."""
    for t_mul in (2, 3, 5, 10):
        starts = [(t_mul**period - 1) // (t_mul - 1) for period in range(1, 12)]
        found = CosineDecayRestarts(1.0, 1, t_mul)([*starts, 0]).numpy()
        assert found == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("steps, start", [(50, 0.3), (7, 0.5), (100, 0.013), (2, 0.9)])
def test_one_cycle_is_that_of_pytorch(steps: int, start: float) -> None:
    weight = torch.zeros(1, requires_grad=True, dtype=torch.float64)
    optimizer = torch.optim.SGD([weight], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.3, total_steps=steps, pct_start=start, cycle_momentum=False
    )
    expected = [theirs.get_last_lr()[0]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wants its optimizer to have made steps
        for _ in range(steps - 1):
            theirs.step()
            expected.append(theirs.get_last_lr()[0])
    found = OneCycle(0.3, steps, start)(np.arange(steps)).numpy()
    assert found == pytest.approx(expected, rel=1e-9)
    assert float(OneCycle(0.3, steps, start)(steps + 100)) == pytest.approx(0.3 / 25 / 1e4)
