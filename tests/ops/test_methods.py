from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import Tensor, Variable, ops
from glassgrad.errors import ShapeError


@pytest.mark.parametrize("kind", [Tensor, Variable])
def test_rows_can_be_gone_through(kind: type[Tensor] | type[Variable]) -> None:
    rows = [row.numpy().tolist() for row in kind([[1.0, 2.0], [3.0, 4.0]])]
    assert rows == [[1, 2], [3, 4]]
    first, second = kind([1.0, 2.0])
    assert (first.item(), second.item()) == (1, 2)


METHODS = {
    "sin": (), "cos": (), "floor": (), "ceil": (), "round": (1,), "min": (0,), "var": (1,),
    "std": (0,), "cumsum": (1,), "argsort": (0,), "argmin": (1,), "ravel": (), "flatten": (),
    "repeat": (2, 1), "swapaxes": (0, 1), "all": (1,), "any": (0,),
}  # fmt: skip


@pytest.mark.parametrize("kind", [Tensor, Variable])
@pytest.mark.parametrize("name, arguments", METHODS.items())
def test_methods_mean_what_they_mean_in_numpy(
    name: str, arguments: tuple[Any, ...], kind: type[Tensor] | type[Variable]
) -> None:
    x = np.array([[0.5, -1.25, 3.0], [2.0, 0.0, -0.75]], "float32")
    found = getattr(kind(x), name)(*arguments).numpy()
    function = getattr(np, name, None) or getattr(np.ndarray, name)
    np.testing.assert_allclose(found, function(x, *arguments), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integers_are_clipped_to_integers(dtype: str) -> None:
    x = Tensor([-3, 0, 2, 7]).cast(dtype)
    clipped = ops.clip(x, 0, 2)
    assert clipped.dtype == dtype
    assert clipped.numpy().tolist() == x.clip(0, 2).numpy().tolist() == [0, 0, 2, 2]


def test_connectives_are_operators() -> None:
    x = Tensor([1.0, 2.0, 3.0])
    between = (x > 1) & (x < 3)
    assert between.numpy().tolist() == [False, True, False]
    assert (~between).numpy().tolist() == [True, False, True]
    assert ((x > 2) | (x < 2)).numpy().tolist() == [True, False, True]
    assert ((x > 1) ^ (x > 2)).numpy().tolist() == [False, True, False]
    assert (np.array([True, True, False]) & between).numpy().tolist() == [False, True, False]


def test_the_absolute_value_goes_by_both_names() -> None:
    assert ops.abs(Tensor([-1.5])).numpy() == ops.absolute(Tensor([-1.5])).numpy() == 1.5


def test_a_scalar_has_no_rows() -> None:
    with pytest.raises(ShapeError, match="scalar"):
        iter(Tensor(1.0))
