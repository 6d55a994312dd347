"""Reading images between their pixels, against SciPy and PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.execute.executor import executor_named
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, constant, placeholder, verify
from glassgrad.ops.sampling import FILL_MODES, INTERPOLATIONS, sample_images

rng = np.random.default_rng(0)
IMAGES = rng.normal(size=(2, 5, 7, 3))
ROWS = rng.uniform(-12, 17, size=(2, 4, 6))  # from two images above to two below
COLUMNS = rng.uniform(-16, 23, size=(2, 4, 6))
SCIPY_MODES = {"constant": "grid-constant", "nearest": "nearest", "reflect": "reflect",
               "wrap": "grid-wrap"}  # fmt: skip
WAYS = list(product(INTERPOLATIONS, FILL_MODES))


def sampled(images: Any, rows: Any, columns: Any, *way: Any, dtype: str = "float64") -> Any:
    y = sample_images(*(constant(one, dtype) for one in (images, rows, columns)), *way)
    verify([y])
    return y.numpy()


@pytest.mark.parametrize("interpolation, fill_mode", WAYS)
@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("float64", 1e-12)])
def test_values_are_those_of_scipy(
    interpolation: str, fill_mode: str, dtype: str, tolerance: float
) -> None:
    found = sampled(IMAGES, ROWS, COLUMNS, interpolation, fill_mode, 0.7, dtype=dtype)
    assert found.dtype == dtype
    for image, channel in np.ndindex(2, 3):
        expected = ndimage.map_coordinates(
            IMAGES[image, ..., channel],
            [ROWS[image], COLUMNS[image]],
            order=INTERPOLATIONS.index(interpolation),
            mode=SCIPY_MODES[fill_mode],
            cval=0.7,
        )
        np.testing.assert_allclose(found[image, ..., channel], expected, atol=tolerance)


@pytest.mark.parametrize("interpolation, fill_mode", WAYS)
def test_at_the_pixels_stand_the_pixels(interpolation: str, fill_mode: str) -> None:
    rows, columns = np.arange(5.0).reshape(1, 5, 1), np.arange(7.0).reshape(1, 1, 7)
    found = sampled(IMAGES, rows, columns, interpolation, fill_mode, 9.0)
    np.testing.assert_array_equal(found, IMAGES)


@pytest.mark.parametrize(
    "fill_mode, expected",
    [
        ("constant", "kkkkk abcd kkkkk"),
        ("nearest", "aaaaa abcd ddddd"),
        ("reflect", "ddcba abcd dcbaa"),
        ("wrap", "dabcd abcd abcda"),
    ],
)
def test_what_stands_beyond_the_edges(fill_mode: str, expected: str) -> None:
    line = np.array([ord(letter) for letter in "abcd"]).reshape(1, 1, 4, 1)
    columns = np.arange(-5.0, 9.0).reshape(1, 1, -1)
    found = sampled(line, np.zeros((1, 1, 1)), columns, "nearest", fill_mode, ord("k"))
    assert "".join(chr(int(code)) for code in found.ravel()) == expected.replace(" ", "")


@pytest.mark.parametrize("length", [1, 2, 3, 7, 41, 49, 97, 1000])
@pytest.mark.parametrize("executor", ["reference", "cpu"])
def test_multiples_of_the_length_are_exact(length: int, executor: str) -> None:
    """Where a quotient were rounded down, an index would lie outside."""
    line = np.arange(length, dtype="float32").reshape(1, 1, length, 1)
    x = placeholder((1, 1, 81))
    y = sample_images(constant(line), constant([[[0.0]]]), x, "nearest", "wrap")
    places = (length * np.arange(-40, 41)).reshape(1, 1, -1)
    (found,) = executor_named(executor).compile([y], [x])(places)
    assert not found.any()


def test_halfway_the_even_pixel_is_nearest() -> None:
    line = np.arange(6.0).reshape(1, 1, 6, 1)
    columns = np.array([0.5, 1.5, 2.5, 3.5]).reshape(1, 1, 4)
    found = sampled(line, np.zeros((1, 1, 1)), columns, "nearest")
    assert found.ravel().tolist() == [0, 2, 2, 4]


def test_values_and_gradients_are_those_of_pytorch() -> None:
    rows, columns = rng.uniform(-1.5, 5.5, ROWS.shape), rng.uniform(-1.5, 7.5, COLUMNS.shape)
    weights = rng.normal(size=(2, 4, 6, 3))
    ours = [Tensor(one, dtype="float64") for one in (IMAGES, rows, columns)]
    y = sample_images(ours[0], ours[1], ours[2])
    slopes = gradients((y * Tensor(weights, dtype="float64")).sum(), ours)

    theirs = [torch.tensor(one, requires_grad=True) for one in (IMAGES, rows, columns)]
    grid = torch.stack([theirs[2] / 3 - 1, theirs[1] / 2 - 1], -1)  # from -1 to 1
    ty = torch.nn.functional.grid_sample(
        theirs[0].permute(0, 3, 1, 2), grid, padding_mode="zeros", align_corners=True
    ).permute(0, 2, 3, 1)
    (ty * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(y.numpy(), ty.detach().numpy(), atol=1e-12)
    for slope, other in zip(slopes, theirs, strict=True):
        assert slope is not None
        assert other.grad is not None
        np.testing.assert_allclose(slope.numpy(), other.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("interpolation, fill_mode", WAYS)
def test_executors_agree(interpolation: str, fill_mode: str) -> None:
    x = placeholder(IMAGES.shape, "float64")
    rows, columns = constant(ROWS, "float64"), constant(COLUMNS, "float64")
    y = sample_images(x, rows, columns, interpolation, fill_mode)
    (slope,) = gradients((y * y).sum(), [x])
    assert slope is not None
    reference, cpu = (
        executor_named(name).compile([y, slope], [x])(IMAGES) for name in ("reference", "cpu")
    )
    for one, other in zip(reference, cpu, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-13)


def test_no_images() -> None:
    assert sampled(IMAGES[:0], np.zeros((1, 2, 1)), np.zeros((1, 1, 2))).shape == (0, 2, 2, 3)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda x, p: sample_images(x, p, p, "cubic"), ArgumentError, "'bilinear'.*Got 'cubic'"),
        (lambda x, p: sample_images(x, p, p, fill_mode="mirror"), ArgumentError, "Got 'mirror'"),
        (lambda x, p: sample_images(x[0], p, p), ShapeError, r"four axes.*\(5, 7, 3\)"),
        (lambda x, p: sample_images(x[:, :0], p, p), ShapeError, "one pixel at least"),
    ],
)
def test_bad_arguments_are_refused(
    make: Callable[..., Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make(constant(IMAGES), constant(ROWS))
