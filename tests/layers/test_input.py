from __future__ import annotations

from typing import Any

import pytest

from glassgrad import layers
from glassgrad.errors import ArgumentError, DtypeError
from glassgrad.naming import forget_names


def test_a_description() -> None:
    forget_names()
    described = layers.Input((None, 3), batch_size=8, dtype="int32")
    assert described.batch_shape == (8, None, 3)
    assert (described.dtype, described.name) == ("int32", "input_layer")
    assert layers.Input([784], name="x") == layers.InputLayer((784,), name="x")
    assert layers.Input(()).batch_shape == (None,)


@pytest.mark.parametrize("shape", [784, (0,), (-1, 2), (2.5,), ("a",), "ab", (True,)])
def test_bad_shapes_are_refused(shape: Any) -> None:
    with pytest.raises(ArgumentError, match="without the batch"):
        layers.Input(shape)


def test_other_bad_arguments_are_refused() -> None:
    with pytest.raises(ArgumentError, match="batch size"):
        layers.Input((3,), batch_size=0)
    with pytest.raises(DtypeError, match="'complex'"):
        layers.Input((3,), dtype="complex")
