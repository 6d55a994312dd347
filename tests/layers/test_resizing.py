"""Borders that come and go, and images of another size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from glassgrad import layers, ops
from glassgrad.errors import ArgumentError, GlassgradError, ShapeError
from glassgrad.ops.image import taken

IMAGE = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype("float32")


def test_a_border_of_zeros_is_cut_off_again() -> None:
    widths = ((1, 2), (0, 3))
    framed = layers.ZeroPadding2D(widths)(IMAGE)
    assert framed.shape == (2, 8, 7, 3)
    assert framed.numpy()[:, 0].max() == 0 == framed.numpy()[:, :, -1].min()
    np.testing.assert_array_equal(layers.Cropping2D(widths)(framed).numpy(), IMAGE)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(3, 7), (10, 8), (1, 1)])
def test_sizes_are_those_of_pytorch(size: tuple[int, int], interpolation: str) -> None:
    given = torch.tensor(IMAGE.transpose(0, 3, 1, 2))
    mode = "nearest-exact" if interpolation == "nearest" else interpolation
    corners = {} if interpolation == "nearest" else {"align_corners": False}
    expected = functional.interpolate(given, size, mode=mode, **corners).permute(0, 2, 3, 1)
    found = ops.image.resize(IMAGE, size, interpolation).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("antialias", [False, True])
def test_every_new_element_takes_a_whole(interpolation: str, antialias: bool) -> None:
    for after, before in ((7, 3), (3, 7), (4, 4), (1, 5), (5, 1)):
        matrix = taken(after, before, interpolation, antialias)
        assert matrix.shape == (after, before)
        np.testing.assert_allclose(matrix.sum(1), 1, rtol=1e-12)
        if after == before:
            np.testing.assert_allclose(matrix, np.eye(after), atol=1e-12)


def test_one_image_needs_no_batch() -> None:
    one = ops.image.resize(IMAGE[0], (7, 2)).numpy()
    np.testing.assert_array_equal(one, ops.image.resize(IMAGE, (7, 2)).numpy()[0])


def test_images_of_bytes_are_resized_as_floats() -> None:
    y = layers.Resizing(2, 4)(np.full((1, 2, 2, 1), 255, "uint8"))
    assert y.dtype == "float32"
    np.testing.assert_allclose(y.numpy(), 255, rtol=1e-6)


@pytest.mark.parametrize(
    "layer, shape, expected",
    [
        (layers.ZeroPadding1D((1, 2)), (None, None, 3), (None, None, 3)),
        (layers.ZeroPadding2D(1), (None, 4, None, 3), (None, 6, None, 3)),
        (layers.Cropping2D(1), (None, 4, None, 3), (None, 2, None, 3)),
        (layers.UpSampling2D((3, 2)), (None, None, 4, 3), (None, None, 8, 3)),
        (layers.Resizing(7, 8), (None, 5, 6, 3), (None, 7, 8, 3)),
    ],
)
def test_open_lengths_stay_open(layer: Any, shape: Any, expected: Any) -> None:
    assert layer.compute_output_shape(shape) == expected


REFUSALS: list[tuple[str, Callable[[], Any], type[GlassgradError], str]] = [
    ("negative", lambda: layers.ZeroPadding2D(-1), ArgumentError, "from 0 on, .* Got -1"),
    ("fraction", lambda: layers.ZeroPadding1D(1.5), ArgumentError, "a pair of them. Got 1.5"),
    ("count", lambda: layers.ZeroPadding2D((1, 2, 3)), ArgumentError, r"2 pairs .* \(1, 2, 3\)"),
    ("pairs", lambda: layers.Cropping3D(((1, 2), (1,), 3)), ArgumentError, "3 numbers, or 3"),
    ("text", lambda: layers.Cropping1D("2"), ArgumentError, "Got '2'"),
    ("nothing", lambda: layers.Cropping2D(((2, 3), (0, 0)))(IMAGE), ShapeError, "axis 1"),
    ("rank", lambda: layers.Cropping1D()(IMAGE), ShapeError, "3 axes, found 4"),
    ("size", lambda: layers.UpSampling2D(0), ArgumentError, "size .* Got 0"),
    ("interpolation", lambda: layers.UpSampling2D(interpolation="lanczos3"), ArgumentError,
     "nearest, bilinear, bicubic. Got 'lanczos3'"),
    ("height", lambda: layers.Resizing(0, 3), ArgumentError, "height .* Got 0"),
    ("both", lambda: layers.Resizing(3, 3, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
     ArgumentError, "Got both flags"),
    ("fill", lambda: layers.Resizing(3, 3, fill_mode="nearest"), ArgumentError, "Got 'nearest'"),
    ("empty", lambda: layers.Resizing(3, 3)(IMAGE[:, :0]), ShapeError, "length 0"),
    ("function", lambda: ops.image.resize(IMAGE, (3,)), ArgumentError, r"size .* Got \(3,\)"),
    ("vector", lambda: ops.image.resize([1.0], (3, 3)), ShapeError, r"Got shape \(1,\)"),
    ("flags", lambda: ops.image.resize(IMAGE, (3, 3), "nearest", False, True, True), ArgumentError,
     "both flags"),
]  # fmt: skip


@pytest.mark.parametrize(
    "build, kind, message", [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_is_refused(build: Callable[[], Any], kind: type[GlassgradError], message: str) -> None:
    with pytest.raises(kind, match=message):
        build()
