from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pytest
import torch

from glassgrad import layers
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor

ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "Add": torch.add,
    "Subtract": torch.sub,
    "Multiply": torch.mul,
    "Average": lambda a, b: (a + b) / 2,
    "Maximum": torch.maximum,
    "Minimum": torch.minimum,
}
SHAPES = [
    ((4, 3), (4, 3)),
    ((2, 3, 4), (2, 1, 4)),
    ((2, 3, 4), (2, 4)),  # a missing axis is put after the batch
    ((2,), (2, 3)),
]


def arrays(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape) for shape in shapes]


def aligned(x: torch.Tensor, rank: int) -> torch.Tensor:
    return x.reshape((x.shape[0], *(1,) * (rank - x.ndim), *x.shape[1:]))


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_element_by_element(name: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    values = arrays(*shapes)
    ours = [Tensor(value, dtype="float64") for value in values]
    y = getattr(layers, name)(dtype="float64")(ours)
    slopes = gradients(y.square().sum(), ours)

    theirs = [torch.tensor(value, requires_grad=True) for value in values]
    expected = ELEMENTWISE[name](*(aligned(x, max(map(len, shapes))) for x in theirs))
    expected.square().sum().backward()  # type: ignore[no-untyped-call]
    np.testing.assert_allclose(y.numpy(), expected.detach(), rtol=1e-12)
    for slope, x in zip(slopes, theirs, strict=True):
        assert slope is not None
        assert x.grad is not None
        np.testing.assert_allclose(slope.numpy(), x.grad, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if name != "Subtract"])
def test_three_and_one(name: str) -> None:
    values = arrays((4, 3), (4, 3), (4, 3))
    by_torch = [torch.tensor(value) for value in values]
    function = torch.add if name == "Average" else ELEMENTWISE[name]
    expected = reduce(function, by_torch) / (3 if name == "Average" else 1)
    merge = getattr(layers, name)(dtype="float64")
    np.testing.assert_allclose(merge(list(map(as_float64, values))).numpy(), expected, rtol=1e-12)
    np.testing.assert_array_equal(merge([as_float64(values[0])]).numpy(), values[0])


def as_float64(value: np.ndarray) -> Tensor:
    return Tensor(value, dtype="float64")


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Concatenate", "Dot"])
def test_the_function_is_the_layer(name: str) -> None:
    pair = arrays((4, 3), (4, 3))
    options: dict[str, Any] = {"axes": 1} if name == "Dot" else {}
    by_layer = getattr(layers, name)(**options)(pair).numpy()
    by_function = getattr(layers, name.lower())(pair, **options).numpy()
    np.testing.assert_array_equal(by_layer, by_function)


def test_the_mean_of_whole_numbers_has_fractions() -> None:
    pair = [np.array([[1, 2]]), np.array([[2, 2]])]
    assert layers.average(pair).numpy().tolist() == [[1.5, 2.0]]
    assert layers.add(pair).dtype == "int32"


@pytest.mark.parametrize(
    "shapes, axis, expected",
    [
        ([(4, 3), (4, 2)], -1, (4, 5)),
        ([(4, 3, 2), (4, 1, 2), (4, 2, 2)], 1, (4, 6, 2)),
        ([(4, 3), (1, 3)], 0, (5, 3)),
        ([(4, 3)], -1, (4, 3)),
    ],
)
def test_concatenate(shapes: Any, axis: int, expected: tuple[int, ...]) -> None:
    values = arrays(*shapes)
    y = layers.Concatenate(axis)(values)
    assert y.shape == expected
    np.testing.assert_allclose(y.numpy(), np.concatenate(values, axis), rtol=1e-6)


def test_what_is_joined_meets_in_one_dtype() -> None:
    y = layers.Concatenate()([np.array([[1, 2]]), np.array([[0.5]])])
    assert y.numpy().tolist() == [[1.0, 2.0, 0.5]]


@pytest.mark.parametrize(
    "shapes, axes, formula",
    [
        (((5, 4), (5, 4)), 1, "bi,bi->b"),
        (((5, 4), (5, 4)), -1, "bi,bi->b"),
        (((5, 3, 4), (5, 2, 4)), 2, "bim,bjm->bij"),
        (((5, 3, 4), (5, 4, 2)), (2, 1), "bim,bmj->bij"),
        (((5, 4, 3), (5, 2, 4)), (1, -1), "bmi,bjm->bij"),
        (((5, 4, 3), (5, 4)), 1, "bmi,bm->bi"),
        (((5, 4), (5, 2, 4, 3)), (1, 2), "bm,bimj->bij"),
        (((5, 2, 3, 4), (5, 4, 2)), (3, 1), "bijm,bmk->bijk"),
    ],
)
@pytest.mark.parametrize("normalize", [False, True])
def test_dot(shapes: Any, axes: Any, formula: str, normalize: bool) -> None:
    values = arrays(*shapes)
    a, b = values
    if normalize:
        at, bt = (axes, axes) if isinstance(axes, int) else axes
        a = a / np.linalg.norm(a, axis=at, keepdims=True)
        b = b / np.linalg.norm(b, axis=bt, keepdims=True)
    expected = np.einsum(formula, a, b)
    layer = layers.Dot(axes, normalize, dtype="float64")
    y = layer([as_float64(value) for value in values]).numpy()
    np.testing.assert_allclose(y, expected if expected.ndim > 1 else expected[:, None], rtol=1e-12)
    assert layer.compute_output_shape([(None, *shape[1:]) for shape in shapes]) == (
        None, *y.shape[1:],
    )  # fmt: skip


def test_a_vector_of_zeros_has_no_direction_and_a_finite_gradient() -> None:
    zero, one = Tensor(np.zeros((1, 3), "float32")), Tensor(np.ones((1, 3), "float32"))
    y = layers.Dot(1, normalize=True)([zero, one])
    (slope,) = gradients(y.sum(), [zero])
    assert y.item() == 0
    assert slope is not None
    assert np.isfinite(slope.numpy()).all()


def test_open_batches_stay_open() -> None:
    shapes = [(None, 3), (None, 3)]
    assert layers.Add().compute_output_shape(shapes) == (None, 3)
    assert layers.Concatenate().compute_output_shape(shapes) == (None, 6)


ROW, LONG, TALL = np.ones((2, 3)), np.ones((2, 4)), np.ones((3, 3))


@pytest.mark.parametrize(
    "act, error, message",
    [
        (lambda: layers.Add()(ROW), ShapeError, r"a list of at least 1 tensors.*single tensor"),
        (lambda: layers.Subtract()([ROW]), ShapeError, r"list of 2 tensors.*Got 1 of shapes"),
        (lambda: layers.Subtract()([ROW] * 3), ShapeError, "Got 3 of shapes"),
        (lambda: layers.Dot(1)([ROW] * 3), ShapeError, "list of 2 tensors"),
        (lambda: layers.Add()([ROW, LONG]), ShapeError, r"\(2, 3\), \(2, 4\)"),
        (lambda: layers.Multiply()([ROW, TALL]), ShapeError, "same length of the batch"),
        (lambda: layers.Add()([ROW, np.ones((1, 3))]), ShapeError, "same length of the batch"),
        (lambda: layers.Concatenate()([ROW, TALL]), ShapeError, "equal but for axis -1"),
        (lambda: layers.Concatenate()([ROW, ROW[0]]), ShapeError, "equal but for axis"),
        (lambda: layers.Concatenate(2)([ROW, ROW]), ShapeError, "wants axis 2"),
        (lambda: layers.Concatenate("last"), ArgumentError, "Got 'last'"),
        (lambda: layers.Concatenate((0, 1)), ArgumentError, r"Got \(0, 1\)"),
        (lambda: layers.Dot(0), ArgumentError, "not 0, the batch"),
        (lambda: layers.Dot((1, 2, 3)), ArgumentError, "one axis or two"),
        (lambda: layers.Dot("1"), ArgumentError, "made of integers"),
        (lambda: layers.Dot(-2)([ROW, ROW]), ShapeError, "none of them the batch"),
        (lambda: layers.Dot(1)([ROW, LONG]), ShapeError, "of one length"),
        (lambda: layers.Dot(2)([ROW, ROW]), ShapeError, "wants axis 2"),
    ],
)
def test_misuse_is_explained(act: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()
