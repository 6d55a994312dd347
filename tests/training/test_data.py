"""What comes in is checked once, and handed out in an order that seed and epoch decide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.errors import ArgumentError, DataError, GlassgradError, ShapeError
from glassgrad.graph import Tensor, Variable
from glassgrad.training.data import ArrayData, as_data, split_validation

X = np.arange(20, dtype="float32").reshape(10, 2)
Y = np.arange(10)


def numbers(data: ArrayData, *arguments: Any, **options: Any) -> list[list[int]]:
    return [batch.arrays[1].tolist() for batch in data.batches(*arguments, **options)]


@pytest.mark.parametrize(
    "size, lengths",
    [(1, [1] * 10), (3, [3, 3, 3, 1]), (5, [5, 5]), (10, [10]), (64, [10])],
)
def test_every_example_comes_once_and_the_last_batch_may_be_smaller(
    size: int, lengths: list[int]
) -> None:
    data = as_data(X, Y)
    batches = [batch.arrays for batch in data.batches(size, seed=1, epoch=2)]
    assert [len(x) for x, _ in batches] == lengths
    assert data.count_batches(size) == len(lengths)
    assert sorted(np.concatenate([y for _, y in batches])) == list(range(10))
    assert all((x[:, 0] == 2 * y).all() for x, y in batches)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    data = as_data(X, Y)
    orders = {key: numbers(data, 10, seed=key[0], epoch=key[1]) for key in [(1, 0), (1, 1), (2, 0)]}
    assert len({str(order) for order in orders.values()}) == 3
    np.random.seed(3)  # noqa: NPY002 -- the global generator has no influence
    assert numbers(as_data(X.copy(), Y), 10, seed=1, epoch=0) == orders[1, 0]
    # The batch size cuts the order, and does not change it.
    batches = numbers(data, 3, seed=1, epoch=0)
    assert [number for batch in batches for number in batch] == orders[1, 0][0]


def test_without_a_key_the_order_is_that_of_the_data() -> None:
    assert numbers(as_data(X, Y), 4) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize("start", range(5))
def test_an_epoch_can_begin_in_its_middle(start: int) -> None:
    data = as_data(X, Y)
    whole = numbers(data, 3, seed=1, epoch=0)
    assert numbers(data, 3, seed=1, epoch=0, start=start) == whole[start:]


@pytest.mark.parametrize(
    "given, dtype",
    [
        (np.ones(2, "float64"), "float32"),
        (np.ones(2, "float16"), "float32"),
        (np.ones(2, "float32"), "float32"),
        (np.ones(2, "int64"), "int32"),
        (np.ones(2, "int8"), "int32"),
        (np.ones(2, "uint8"), "uint8"),
        (np.ones(2, "bool"), "bool"),
        ([1.0, 2.0], "float32"),
        ([1, 2], "int32"),
        (Tensor([1.0, 2.0]), "float32"),
        (Variable([1.0, 2.0]), "float32"),
    ],
)
def test_dtypes(given: Any, dtype: str) -> None:
    assert as_data(given).x.dtype == dtype


def test_arrays_that_fit_are_not_copied() -> None:
    assert as_data(X).x is X


def test_the_float_dtype_can_be_chosen() -> None:
    data = as_data(X, Y, np.ones(10), np.dtype("float64"))
    assert [array.dtype.name for array in data.arrays] == ["float64", "int32", "float64"]


BAD = {
    "none": (None, DataError, "x, the inputs, must be given"),
    "number": (3.0, ShapeError, "an axis of examples. Got the single number 3.0"),
    "text": ([["a"]], DataError, "real numbers. Got text, dtype <U1"),
    "bytes": ([b"a"], DataError, "Got bytes"),
    "objects": (np.array([1, None]), DataError, "Got Python objects, dtype object, such as None"),
    "boxed numbers": (
        np.array([1, True, 0.5], object),
        DataError,
        r"Python objects, dtype object; convert them with x\.astype\('float32'\)",
    ),
    "complex": ([1j], DataError, "Got complex numbers, dtype complex128"),
    "dates": (np.array(["2020-01-01"], "datetime64[D]"), DataError, "dtype datetime64"),
    "ragged": ([[1, 2], [3]], DataError, "rows of different lengths"),
    "empty": (np.zeros((0, 4)), DataError, r"at least one number. Got the shape \(0, 4\)"),
    "no features": (np.zeros((4, 0)), DataError, r"Got the shape \(4, 0\)"),
    "nan": ([1.0, np.nan], DataError, r"finite. Got nan at index \(1,\), and no other"),
    "infinite": ([[1.0], [np.inf], [-np.inf]], DataError, r"Got inf at index \(1, 0\), and 1 oth"),
    "too large": ([1e300], DataError, r"fit into float32. Got 1e\+300; scale it down"),
    "large integer": ([2**40], DataError, "fit in 32 bits. Got 1099511627776"),
    "generator": ((n for n in range(3)), DataError, "Got Python objects"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_inputs(name: str) -> None:
    value, kind, message = BAD[name]
    with pytest.raises(kind, match=message) as caught:
        as_data(value)
    assert isinstance(caught.value, GlassgradError)
    assert "x" in str(caught.value).split(" must")[0]


@pytest.mark.parametrize("name", ["text", "nan", "number", "ragged"])
@pytest.mark.parametrize("argument", ["y", "sample_weight"])
def test_the_message_names_the_argument(name: str, argument: str) -> None:
    with pytest.raises(GlassgradError, match=f"^{argument} must"):
        as_data(X, **{argument: BAD[name][0]})


def test_classes_as_text_are_to_be_numbered() -> None:
    with pytest.raises(DataError, match="number the classes, from 0"):
        as_data(X, ["cat"] * 10)


def test_large_finite_numbers_whose_sum_overflows_are_finite() -> None:
    large = np.full(4, 1e308)
    assert as_data(large, dtype=np.dtype("float64")).x is large


@pytest.mark.parametrize(
    "y, weights, message",
    [
        (Y[:5], None, r"Got x of shape \(10, 2\), y of shape \(5,\)"),
        (Y, np.ones(9), r"y of shape \(10,\), sample_weight of shape \(9,\)"),
        (None, np.ones(9), r"Got x of shape \(10, 2\), sample_weight of shape \(9,\)"),
    ],
)
def test_unequal_lengths(y: Any, weights: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        as_data(X, y, weights)


@pytest.mark.parametrize("fraction, left", [(0.2, 8), (0.25, 7), (0.5, 5), (0.95, 0), (0.01, 9)])
def test_the_validation_split_is_the_end_of_the_data(fraction: float, left: int) -> None:
    data = as_data(X, Y, np.ones(10))
    if not left:
        with pytest.raises(ArgumentError, match="leaves one side empty"):
            split_validation(data, fraction)
        return
    first, second = split_validation(data, fraction)
    assert [len(array) for array in first.arrays] == [left] * 3
    assert first.y is not None
    assert second.y is not None
    assert first.y.tolist() + second.y.tolist() == list(range(10))


@pytest.mark.parametrize("fraction", [1.0, -0.1, 1.5, float("nan"), True, "0.1"])
def test_a_split_outside_its_range(fraction: Any) -> None:
    with pytest.raises(ArgumentError, match=r"validation_split must lie in \[0, 1\)"):
        split_validation(as_data(X), fraction)


@pytest.mark.parametrize("start", [0, 1, 3, 5])
@pytest.mark.parametrize("steps", [None, 5])
@pytest.mark.parametrize("seed", [None, 1])
def test_stretches_are_the_same_batches(start: int, steps: int | None, seed: int | None) -> None:
    data = ArrayData(X, Y, steps=steps)
    stretches = list(data.stretches(4, seed=seed, epoch=1, start=start))
    found = [batch.arrays[1].tolist() for stretch in stretches for batch in stretch]
    assert found == numbers(data, 4, seed=seed, epoch=1, start=start)
    assert all(len(batch) == stretch.size for stretch in stretches for batch in stretch)


def test_a_part_of_a_stretch() -> None:
    (whole, rest) = as_data(X, Y).stretches(3, seed=2)
    assert (whole.batches, rest.batches, rest.size) == (3, 1, 1)
    batches = [batch.arrays[1].tolist() for batch in whole]
    assert [batch.arrays[1].tolist() for batch in whole.part(1, 2)] == batches[1:]


def test_kernels_see_rows_side_by_side() -> None:
    strided = np.arange(40, dtype="float32").reshape(10, 4)[:, ::2]
    data = as_data(strided, Y)
    assert data.contiguous[0].flags.c_contiguous
    assert data.contiguous[1] is data.arrays[1]  # nothing is copied without need
    np.testing.assert_array_equal(data.contiguous[0], strided)
