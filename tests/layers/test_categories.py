from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgrad import layers
from glassgrad.errors import ArgumentError, DataError, ExecutionError, NotBuiltError
from glassgrad.execute.executor import executor_named
from glassgrad.graph import Trace, placeholder, tracing
from glassgrad.layers import CategoryEncoding, Discretization
from glassgrad.models import Sequential, load_model

TOKENS = np.array([[0, 2, 2], [3, 1, 0]])


def counted(tokens: np.ndarray, depth: int) -> np.ndarray:
    rows = tokens.reshape(-1, tokens.shape[-1])
    found = [np.bincount(row, minlength=depth) for row in rows]
    return np.array(found).reshape(*tokens.shape[:-1], depth)


# ---- CategoryEncoding


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "float32"])
@pytest.mark.parametrize("shape", [(2, 3), (3,), (2, 2, 3), (0, 2), (4, 1)])
def test_modes(shape: tuple[int, ...], dtype: str) -> None:
    whole = np.random.default_rng(0).integers(0, 4, shape)
    tokens = whole.astype(dtype)
    counts = counted(whole, 4) if whole.size else np.zeros((0, 4))
    assert np.array_equal(CategoryEncoding(4, "count")(tokens).numpy(), counts)
    assert np.array_equal(CategoryEncoding(4)(tokens).numpy(), counts > 0)
    one_hot = np.eye(4)[whole[..., 0] if shape[-1] == 1 else whole]
    assert np.array_equal(CategoryEncoding(4, "one_hot")(tokens).numpy(), one_hot)


def test_a_scalar_is_one_example() -> None:
    assert CategoryEncoding(3)(np.array(1)).numpy().tolist() == [0.0, 1.0, 0.0]


def test_shapes_are_known_beforehand() -> None:
    assert CategoryEncoding(4).compute_output_shape((None, 3)) == (None, 4)
    assert CategoryEncoding(4, "one_hot").compute_output_shape((None, 3)) == (None, 3, 4)
    assert CategoryEncoding(4, "one_hot").compute_output_shape((None, 1)) == (None, 4)
    assert CategoryEncoding(4, "one_hot", dtype="float64")(TOKENS).dtype == "float64"


def test_counts_with_weights() -> None:
    weights = np.array([[0.5, 1.0, 2.0], [1.0, 1.0, 3.0]])
    y = CategoryEncoding(4, "count")(TOKENS, count_weights=weights)
    assert y.numpy().tolist() == [[0.5, 0.0, 3.0, 0.0], [3.0, 1.0, 0.0, 1.0]]


@pytest.mark.parametrize("name", ["cpu", "reference"])
@pytest.mark.parametrize("wrong", [-1, 4])
def test_a_category_that_does_not_exist_is_refused(name: str, wrong: int) -> None:
    x = placeholder((1, 2), "int32")
    with tracing(Trace()):
        y = CategoryEncoding(4)(x)
    program = executor_named(name).compile([y], [x])
    assert program(np.array([[0, 3]], "int32"))[0].tolist() == [[1.0, 0.0, 0.0, 1.0]]
    with pytest.raises(ExecutionError):
        program(np.array([[0, wrong]], "int32"))


# ---- Discretization


@given(
    boundaries=st.lists(st.integers(-20, 20), min_size=1, max_size=6, unique=True).map(sorted),
    values=st.lists(st.integers(-25, 25), min_size=1, max_size=20),
)
def test_bins_are_those_of_numpy(boundaries: list[int], values: list[int]) -> None:
    expected = np.digitize(values, boundaries)
    bins = Discretization(boundaries)(np.array(values))
    assert bins.dtype == "int32"
    assert np.array_equal(bins.numpy(), expected)


def test_infinite_values_lie_at_the_ends() -> None:
    assert Discretization([0.0, 1.0])([-np.inf, np.inf]).numpy().tolist() == [0, 2]


def test_bins_can_be_encoded() -> None:
    x = [[-1.0, 0.5, 9.0], [9.0, 9.0, 0.0]]
    whole = np.array([[0, 1, 2], [2, 2, 1]])
    for mode in ("one_hot", "multi_hot", "count"):
        y = Discretization([0.0, 1.0], output_mode=mode)(x).numpy()
        assert np.array_equal(y, CategoryEncoding(3, mode)(whole).numpy())
    assert Discretization([0.0, 1.0]).compute_output_shape((None, 3)) == (None, 3)


@pytest.mark.parametrize("bins", [2, 4, 7, 10, 49])
def test_adapted_bins_hold_equally_many(bins: int) -> None:
    data = np.random.default_rng(0).normal(size=5000) ** 3
    layer = Discretization(num_bins=bins)
    layer.adapt(data)
    shares = np.bincount(layer(data).numpy(), minlength=bins) / data.size
    assert shares.size == bins
    np.testing.assert_allclose(shares, 1 / bins, atol=0.011)
    parts = Discretization(num_bins=bins)
    parts.adapt(np.split(data, 10))
    found, whole = parts.bin_boundaries, layer.bin_boundaries
    assert found is not None
    assert whole is not None
    ranks = [np.searchsorted(np.sort(data), np.array(values)) for values in (found, whole)]
    np.testing.assert_allclose(ranks[0] / data.size, ranks[1] / data.size, atol=0.04)


def test_fewer_values_than_bins_leave_some_empty() -> None:
    layer = Discretization(num_bins=5)
    layer.adapt([1.0, 2.0, 3.0])
    assert layer.bin_boundaries == [1.0, 2.0]
    assert layer([0.0, 1.5, 100.0]).numpy().tolist() == [0, 1, 2]


def test_adapting_again_forgets_and_steps_end_it() -> None:
    layer = Discretization(num_bins=2)
    layer.adapt(np.arange(100.0))
    layer.adapt(iter([np.arange(10.0), np.arange(1000.0)]), steps=1)
    assert layer.bin_boundaries == [4.0]


def test_boundaries_are_saved_in_the_model_file(tmp_path: Path) -> None:
    layer = Discretization(num_bins=4, output_mode="multi_hot")
    layer.adapt(np.arange(100.0))
    model = Sequential([layers.Input((1,)), layer, layers.Dense(1)])
    model.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    x = np.linspace(-10, 110, 30)[:, None]
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    layer.adapt(np.arange(100.0) * 10)  # a program that exists already sees it
    assert not np.array_equal(again.predict(x), model.predict(x))


def test_use_before_adapting_is_refused() -> None:
    layer = Discretization(num_bins=3)
    assert layer.bin_boundaries is None
    with pytest.raises(NotBuiltError, match="adapt"):
        layer([1.0])
    model = Sequential([layers.Input((1,)), Discretization(num_bins=3)])
    with pytest.raises(NotBuiltError, match="call adapt"):
        model.predict([[1.0]])


@pytest.mark.parametrize(
    "act, error, message",
    [
        (lambda: CategoryEncoding(), ArgumentError, "num_tokens must be .* Got None"),
        (lambda: CategoryEncoding(0), ArgumentError, "num_tokens must be .* Got 0"),
        (lambda: CategoryEncoding(3, "int"), ArgumentError, "output_mode must be one of"),
        (lambda: CategoryEncoding(3, sparse=True), ArgumentError, "sparse must be False"),
        (
            lambda: CategoryEncoding(3)(TOKENS, count_weights=TOKENS),
            ArgumentError,
            "output_mode='count'. Got output_mode='multi_hot'",
        ),
        (lambda: Discretization(), ArgumentError, "Either bin_boundaries or num_bins"),
        (lambda: Discretization([1.0], 3), ArgumentError, "Either bin_boundaries or num_bins"),
        (lambda: Discretization([]), ArgumentError, "numbers that rise"),
        (lambda: Discretization([1.0, 1.0]), ArgumentError, "numbers that rise"),
        (lambda: Discretization([2.0, 1.0]), ArgumentError, "numbers that rise"),
        (lambda: Discretization([0.0, np.inf]), ArgumentError, "finite numbers"),
        (lambda: Discretization("abc"), ArgumentError, "Got 'abc'"),
        (lambda: Discretization(num_bins=1), ArgumentError, "num_bins must be an integer from 2"),
        (lambda: Discretization(num_bins=3, epsilon=0.0), ArgumentError, "epsilon must lie"),
        (lambda: Discretization([0.0], output_mode="binary"), ArgumentError, "Got 'binary'"),
        (lambda: Discretization([0.0], sparse=True), ArgumentError, "sparse must be False"),
        (lambda: Discretization([0.0]).adapt([1.0]), ArgumentError, "Pass num_bins"),
        (lambda: Discretization(num_bins=2).adapt([]), DataError, "no examples"),
        (lambda: Discretization(num_bins=2).adapt([np.nan]), DataError, "Got nan"),
        (lambda: Discretization(num_bins=2).adapt([1.0], steps=0), ArgumentError, "steps"),
    ],
)
def test_misuse_is_explained(act: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()
