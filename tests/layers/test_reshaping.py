from __future__ import annotations

import numpy as np
import pytest

from glassgrad import layers


@pytest.mark.parametrize(
    "shape, expected",
    [((4, 2, 3), (4, 6)), ((4, 5), (4, 5)), ((4,), (4, 1)), ((0, 2, 3), (0, 6)), ((2, 0), (2, 0))],
)
def test_flatten(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    x = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    assert np.array_equal(layers.Flatten()(x).numpy(), x.reshape(expected))
    assert layers.Flatten().compute_output_shape((None, *shape[1:])) == (None, *expected[1:])


def test_open_lengths_stay_open() -> None:
    assert layers.Flatten().compute_output_shape((None, None, 3)) == (None, None)


def test_integers_stay_integers() -> None:
    assert layers.Flatten()(np.ones((2, 2, 2), np.uint8)).dtype == "uint8"
