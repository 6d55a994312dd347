"""Calls that are recorded for shapes that are open."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import Input, Tensor, ops
from glassgrad.errors import ShapeError
from glassgrad.graph.symbolic import (
    SymbolicTensor,
    has_symbols,
    name_of_recordable,
    recordable,
    recordable_named,
)
from glassgrad.ops.methods import TensorMethods


@pytest.mark.parametrize(
    "make, shape",
    [
        (lambda x: x + 1, (None, 4, 3)),
        (lambda x: 1 - x, (None, 4, 3)),
        (lambda x: np.ones(3, "float32") * x, (None, 4, 3)),
        (lambda x: -x, (None, 4, 3)),
        (lambda x: x[:, 0], (None, 3)),
        (lambda x: x[..., :2], (None, 4, 2)),
        (lambda x: x.T, (3, 4, None)),
        (lambda x: x.sum(), ()),
        (lambda x: x.mean(axis=1, keepdims=True), (None, 1, 3)),
        (lambda x: x.reshape(-1, 12), (None, 12)),
        (lambda x: x > 0, (None, 4, 3)),
        (lambda x: ops.exp(x), (None, 4, 3)),
        (lambda x: ops.concatenate([x, x], axis=0), (None, 4, 3)),
        (lambda x: ops.concatenate([x, x], axis=1), (None, 8, 3)),
        (lambda x: ops.where(x > 0, x, 0.0), (None, 4, 3)),
        (lambda x: ops.matmul(x, np.ones((3, 5), "float32")), (None, 4, 5)),
        (lambda x: ops.max(x, axis=-1), (None, 4)),
    ],
)
def test_shapes(make: Any, shape: tuple[int | None, ...]) -> None:
    made = make(Input((4, 3)))
    assert isinstance(made, SymbolicTensor)
    assert made.shape == shape
    assert made.ndim == len(shape)
    values = np.random.default_rng(1).normal(size=(5, 4, 3)).astype("float32")
    run = run_from(made, values)
    np.testing.assert_array_equal(run.numpy(), make(Tensor(values)).numpy())


def run_from(made: SymbolicTensor, values: Any) -> Any:
    def value_of(symbol: SymbolicTensor) -> Any:
        if not symbol.call.inputs:
            return Tensor(values)
        return symbol.call.run(value_of)

    return value_of(made)


def test_it_has_the_methods_of_a_tensor() -> None:
    names = {name for name in vars(TensorMethods) if not name.startswith("_")}
    assert names <= set(dir(SymbolicTensor))


def test_results_of_several_tensors_keep_their_structure() -> None:
    @recordable
    def halves(x: Any) -> dict[str, Any]:
        return {"low": x[:, :1], "high": (x[:, 1:], x.sum())}

    made = halves(Input((3,), name="x"))
    assert made["low"].shape == (None, 1)
    assert made["high"][1].name == "halves[2]"
    assert made["low"].call is made["high"][0].call
    assert repr(made["low"].call) == "<Call of halves on x>"


def test_where_symbols_hide() -> None:
    x = Input((3,))
    assert has_symbols(1, [{"a": (2, x)}])
    assert not has_symbols(1, [2, {"a": 3}], "x", None, np.ones(3))


def test_functions_are_found_by_name() -> None:
    assert recordable_named("ops.exp") is ops.exp
    assert name_of_recordable(ops.exp) == "ops.exp"
    assert name_of_recordable(len) is None
    assert recordable_named("os.system") is None


def test_identity_and_not_equality() -> None:
    x, y = Input((3,)), Input((3,))
    assert x == x
    assert x != y
    assert len({x, y, x}) == 2


def test_an_error_names_the_call() -> None:
    with pytest.raises(ShapeError) as raised:
        Input((3,), name="left") + Input((4,), name="right")
    (note,) = raised.value.__notes__
    assert "call of 'add' on <SymbolicTensor 'left' float32[None, 3]>, <SymbolicTensor 'r" in note
