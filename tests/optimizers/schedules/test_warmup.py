from __future__ import annotations

import numpy as np
import pytest

from glassgrad.optimizers.schedules import CosineDecay, ExponentialDecay, LinearWarmup

STEPS = np.arange(60)


def test_the_schedule_begins_where_the_warm_up_ends() -> None:
    after = ExponentialDecay(0.3, 7, 0.8)
    found = LinearWarmup(after, 20, 0.1)(STEPS).numpy()
    assert found[:20] == pytest.approx(0.1 + 0.2 * np.arange(20) / 20, rel=1e-14)
    assert found[20:] == pytest.approx(after(STEPS[:40]).numpy(), rel=1e-14)


def test_it_is_the_warm_up_of_cosine_decay() -> None:
    warm = CosineDecay(0.1, 30, warmup_target=0.3, warmup_steps=20)(STEPS).numpy()
    assert LinearWarmup(CosineDecay(0.3, 30), 20, 0.1)(STEPS).numpy() == pytest.approx(warm)


def test_warm_ups_can_follow_each_other() -> None:
    twice = LinearWarmup(LinearWarmup(0.4, 2, 0.2), 2)
    assert twice([0, 1, 2, 3, 4, 5]).numpy() == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.4])
