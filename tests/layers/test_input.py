from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import layers
from glassgrad.errors import ArgumentError, DtypeError, GraphError
from glassgrad.naming import forget_names


def test_a_symbolic_tensor() -> None:
    forget_names()
    x = layers.Input((None, 3), batch_size=8, dtype="int32")
    assert (x.shape, x.dtype, x.name) == ((8, None, 3), "int32", "input_layer")
    assert layers.Input(()).shape == (None,)
    assert layers.Input(batch_shape=(None, 5)).shape == (None, 5)
    shape = layers.Input((np.int64(3),), batch_size=np.int32(2)).shape
    assert shape == (2, 3)
    assert all(type(length) is int for length in shape)
    assert layers.Input([784], name="x").call.function.get_config() == {
        "shape": [784], "batch_size": None, "dtype": "float32", "name": "x",
    }  # fmt: skip


@pytest.mark.parametrize("shape", [784, (0,), (-1, 2), (2.5,), ("a",), "ab", (True,)])
def test_bad_shapes_are_refused(shape: Any) -> None:
    with pytest.raises(ArgumentError, match="without the batch"):
        layers.Input(shape)


def test_other_bad_arguments_are_refused() -> None:
    with pytest.raises(ArgumentError, match="batch size"):
        layers.Input((3,), batch_size=0)
    with pytest.raises(DtypeError, match="'complex'"):
        layers.Input((3,), dtype="complex")
    with pytest.raises(ArgumentError, match=r"shape=None, batch_size=None, batch_shape=None"):
        layers.Input()
    with pytest.raises(ArgumentError, match=r"a shape, such as .* or a batch_shape"):
        layers.Input((3,), batch_shape=(None, 3))


@pytest.mark.parametrize("use", [np.asarray, float, bool, len, list, lambda x: x.numpy()])
def test_it_has_no_numbers(use: Any) -> None:
    with pytest.raises(GraphError, match="has no numbers: they come when the model runs"):
        use(layers.Input((3,)))
