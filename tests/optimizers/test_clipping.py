from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from glassgrad.errors import ArgumentError
from glassgrad.execute.cpu.program import CpuExecutor
from glassgrad.execute.executor import Executor
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.graph import Trace, Variable, constant, tracing
from glassgrad.optimizers import SGD, Adam
from glassgrad.serialization import serialize

SLOPES = [np.array([3.0, -4.0]), np.array([[0.5], [0.0]])]


def steps(slopes: list[np.ndarray[Any, Any]], **limit: float) -> list[np.ndarray[Any, Any]]:
    """What SGD with a learning rate of 1 takes from variables: the clipped gradients."""
    given = [Variable(np.zeros(slope.shape), dtype="float64") for slope in slopes]
    SGD(1.0, **limit).apply([constant(slope, "float64") for slope in slopes], given)
    return [-v.numpy() for v in given]


@pytest.mark.parametrize("limit", [0.3, 0.5, 2.0, 5.0, 100.0])
def test_each_gradient_is_shortened(limit: float) -> None:
    for slope, found in zip(SLOPES, steps(SLOPES, clipnorm=limit), strict=True):
        expected = slope * min(1.0, limit / np.linalg.norm(slope))
        assert found == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("limit", [0.3, 3.5, 100.0])
def test_each_element_is_cut(limit: float) -> None:
    for slope, found in zip(SLOPES, steps(SLOPES, clipvalue=limit), strict=True):
        assert np.array_equal(found, np.clip(slope, -limit, limit))


@pytest.mark.parametrize("limit", [0.3, 5.0, 100.0])
def test_all_together_are_shortened_as_by_pytorch(limit: float) -> None:
    theirs = [torch.zeros(slope.shape, dtype=torch.float64) for slope in SLOPES]
    for one, slope in zip(theirs, SLOPES, strict=True):
        one.grad = torch.tensor(slope)
    torch.nn.utils.clip_grad_norm_(theirs, limit)
    for one, found in zip(theirs, steps(SLOPES, global_clipnorm=limit), strict=True):
        assert one.grad is not None
        assert found == pytest.approx(one.grad.numpy(), rel=1e-5)  # it adds 1e-6 to the norm


@pytest.mark.parametrize("name", ["clipnorm", "clipvalue", "global_clipnorm"])
def test_gradients_of_zero_stay(name: str) -> None:
    for found in steps([np.zeros(3), np.zeros((2, 2))], **{name: 0.1}):
        assert np.array_equal(found, np.zeros_like(found))


def test_one_norm_is_taken_over_all_dtypes() -> None:
    narrow, wide = Variable([0.0]), Variable([0.0], dtype="float64")
    SGD(1.0, global_clipnorm=1.0).apply([[3.0], [4.0]], [narrow, wide])
    assert narrow.numpy() == pytest.approx([-0.6])
    assert wide.numpy() == pytest.approx([-0.8])
    assert (narrow.dtype, wide.dtype) == ("float32", "float64")


def test_frozen_variables_do_not_count() -> None:
    free, frozen = Variable([0.0]), Variable([0.0], trainable=False)
    SGD(1.0, global_clipnorm=3.0).apply([[3.0], [4.0]], [free, frozen])
    assert (free.numpy(), frozen.numpy()) == (-3.0, 0.0)
    free.trainable = False
    SGD(1.0, global_clipnorm=3.0).apply([[3.0], [4.0]], [free, frozen])
    assert (free.numpy(), frozen.numpy()) == (-3.0, 0.0)


@pytest.mark.parametrize("executor", [ReferenceExecutor(), CpuExecutor(threads=1)])
def test_a_gradient_without_bounds_is_not_hidden(executor: Executor) -> None:
    a, b = Variable([0.0, 0.0]), Variable([0.0])
    scale = Variable([1.0, 1.0])
    with tracing(Trace()) as trace:
        SGD(1.0, global_clipnorm=1.0).apply([scale * [np.inf, 1.0], [1.0]], [a, b])
    executor.compile([], [], trace.updates)()
    assert np.isnan(a.numpy()).all()
    assert np.isnan(b.numpy()).all()


def test_limits_belong_to_the_configuration() -> None:
    optimizer = Adam(clipnorm=0.5, weight_decay=0.25)
    written = serialize(optimizer)
    assert written["config"]["clipnorm"] == 0.5
    assert written["config"]["weight_decay"] == 0.25
    assert written["config"]["clipvalue"] is None


@pytest.mark.parametrize(
    "limits, message",
    [
        ({"clipnorm": 1.0, "clipvalue": 1.0}, "Only one of .* Got clipnorm=1.0, clipvalue=1.0"),
        ({"clipnorm": 1.0, "global_clipnorm": 1.0}, "Only one of"),
        ({"clipnorm": 0.0}, "clipnorm must be a number above 0, or None. Got 0.0"),
        ({"clipvalue": -1.0}, "clipvalue must be"),
        ({"global_clipnorm": float("nan")}, "global_clipnorm must be"),
    ],
)
def test_bad_limits_are_refused(limits: dict[str, float], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        SGD(**limits)
