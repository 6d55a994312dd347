from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from glassgrad.errors import ArgumentError, DataError
from glassgrad.graph import Tensor
from glassgrad.layers import fitting
from glassgrad.layers.fitting import Moments, batches_of, finite


@pytest.mark.parametrize(
    "data",
    [
        np.arange(6).reshape(3, 2),
        [[0, 1], [2, 3], [4, 5]],
        ((0, 1), (2, 3), (4, 5)),
        Tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]),
        [np.array([[0, 1]]), np.array([[2, 3], [4, 5]])],
        [(np.array([[0, 1], [2, 3]]), "targets"), (np.array([[4, 5]]), "targets")],
        (np.array([row]) for row in ([0, 1], [2, 3], [4, 5])),
    ],
    ids=lambda data: type(data).__name__,
)
def test_arrays_and_iterables(data: Any) -> None:
    assert np.concatenate(list(batches_of(data))).tolist() == [[0, 1], [2, 3], [4, 5]]


def test_large_arrays_come_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "ROWS", 2)
    assert [len(batch) for batch in batches_of(np.zeros((5, 1)))] == [2, 2, 1]


@given(
    values=arrays.arrays(np.float64, (12, 2), elements=st.floats(-1e6, 1e6)),
    cuts=st.lists(st.integers(0, 12), max_size=4).map(sorted),
)
def test_batches_add_up(values: np.ndarray, cuts: list[int]) -> None:
    moments = Moments()
    for batch in np.split(values, cuts):
        if len(batch):
            moments.add(batch, axes=(0,))
    assert moments.count == 12
    scale = np.abs(values).max() + 1
    np.testing.assert_allclose(moments.mean, values.mean(0), atol=1e-14 * scale)
    np.testing.assert_allclose(moments.variance, values.var(0), rtol=1e-9, atol=1e-14 * scale**2)


def test_a_small_spread_far_from_zero_is_not_lost() -> None:
    """The sum of squares minus the square of the sum would be noise here."""
    values = 1e9 + np.arange(1000.0) % 2
    moments = Moments()
    for batch in np.split(values, 10):
        moments.add(batch, axes=(0,))
    assert moments.variance == pytest.approx(0.25, rel=1e-9)


@pytest.mark.parametrize(
    "act, error, message",
    [
        (lambda: list(batches_of("text")), ArgumentError, "Got str"),
        (lambda: list(batches_of({"a": 1})), ArgumentError, "Got dict"),
        (lambda: list(batches_of(None)), ArgumentError, "Got NoneType"),
        (lambda: list(batches_of(np.float64(3.0))), ArgumentError, "scalar"),
        (lambda: list(batches_of([])), DataError, "no examples"),
        (lambda: list(batches_of(np.zeros((0, 3)))), DataError, "no examples"),
        (lambda: list(batches_of(iter(()))), DataError, "no examples"),
        (lambda: finite("norm", np.array(["a"])), DataError, "fitted on numbers. Got dtype <U1"),
        (lambda: finite("norm", np.array([[1.0, np.nan]])), DataError, r"Got nan at \(0, 1\)"),
        (lambda: finite("norm", np.array([-np.inf])), DataError, r"Got -inf at \(0,\)"),
    ],
)
def test_misuse_is_explained(act: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()
