"""Zeros, ones, given numbers and the identity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import initializers
from glassgrad.errors import ShapeError
from glassgrad.graph import Tensor, Variable


def test_constants() -> None:
    assert initializers.Zeros()((2, 3)).tolist() == [[0, 0, 0]] * 2
    assert initializers.Ones()((3,)).tolist() == [1, 1, 1]
    assert initializers.Constant(0.5)((2,)).tolist() == [0.5, 0.5]
    assert initializers.Constant([1, 2])((2, 2)).tolist() == [[1, 2], [1, 2]]
    with pytest.raises(ShapeError, match=r"\(3,\).*\(2, 2\)"):
        initializers.Constant([1, 2, 3])((2, 2))


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 5), (5, 2), (0, 3)])
@pytest.mark.parametrize("gain", [1.0, -2.5])
def test_the_identity(shape: tuple[int, int], gain: float) -> None:
    made = initializers.Identity(gain)(shape)
    np.testing.assert_array_equal(made, gain * np.eye(*shape))
    assert made.dtype == "float32"


@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 2)])
def test_only_a_matrix_is_the_identity(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"Only a matrix begins as the identity\. Got shape"):
        initializers.Identity()(shape)


@pytest.mark.parametrize("kind", [np.array, Tensor, Variable])
def test_an_array_is_an_initializer(kind: Any) -> None:
    numbers = [[1.5, 2.0], [3.0, -4.0]]
    made = initializers.require(kind(numbers))
    assert made((2, 2), "float64").tolist() == numbers
    assert initializers.deserialize(initializers.serialize(made))((2, 2)).tolist() == numbers
    with pytest.raises(ShapeError, match="does not broadcast"):
        made((3, 3))
