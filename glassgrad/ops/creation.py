"""Tensors that are made of no others, and what is known of a tensor before it has numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from glassgrad.errors import ArgumentError, DtypeError, ShapeError
from glassgrad.graph import Tensor, as_tensor, constant
from glassgrad.graph.dtypes import default_float
from glassgrad.graph.operation import Array
from glassgrad.graph.symbolic import OpenShape, SymbolicTensor
from glassgrad.graph.tensor import MOST_ELEMENTS, TensorLike
from glassgrad.ops.elementwise import cast
from glassgrad.ops.movement import broadcast_to

__all__ = [
    "arange",
    "convert_to_numpy",
    "convert_to_tensor",
    "eye",
    "full",
    "full_like",
    "ndim",
    "ones",
    "ones_like",
    "shape",
    "size",
    "zeros",
    "zeros_like",
]


def full(shape: int | Sequence[int], fill_value: Any, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor with the same value everywhere.

    Args:
        shape: of the result; one number for a vector.
        fill_value: the value, or values that broadcast to the shape.
        dtype: that of the value by default.

    Raises:
        ShapeError: the value does not broadcast to the shape.
        DtypeError: the value is no number, or the dtype is unknown.

    Example:
        >>> full((2, 2), 7).numpy()
        array([[7, 7],
               [7, 7]], dtype=int32)
    """
    target = (shape,) if isinstance(shape, int) else tuple(shape)
    return broadcast_to(convert_to_tensor(fill_value, dtype), target)


def zeros(shape: int | Sequence[int], dtype: DTypeLike | None = None) -> Tensor:
    """A tensor of zeros, floats by default; see ``full``.

    Example:
        >>> zeros(3).numpy()
        array([0., 0., 0.], dtype=float32)
    """
    return full(shape, 0, default_float() if dtype is None else dtype)


def ones(shape: int | Sequence[int], dtype: DTypeLike | None = None) -> Tensor:
    """A tensor of ones, floats by default; see ``full``.

    Example:
        >>> ones((1, 2), "int32").numpy()
        array([[1, 1]], dtype=int32)
    """
    return full(shape, 1, default_float() if dtype is None else dtype)


def full_like(x: Any, fill_value: Any, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor of the shape of another one, with the same value everywhere.

    Args:
        x: whose shape it gets.
        fill_value: the value, or values that broadcast to the shape.
        dtype: that of ``x`` by default.

    Raises:
        ShapeError, DtypeError: as ``full``.

    Example:
        >>> full_like([1.0, 2.0], 5).numpy()
        array([5., 5.], dtype=float32)
    """
    like = as_tensor(x)
    return full(like.shape, fill_value, like.dtype if dtype is None else dtype)


def zeros_like(x: Any, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor of zeros with the shape, and by default the dtype, of another one."""
    return full_like(x, 0, dtype)


def ones_like(x: Any, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor of ones with the shape, and by default the dtype, of another one."""
    return full_like(x, 1, dtype)


def arange(
    start: float,
    stop: float | None = None,
    step: float | None = None,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """The numbers from ``start``, included, to ``stop``, not included.

    Args:
        start: the first; with this argument alone it is where they end, and 0 is the first.
        stop: where they end.
        step: from one to the next; 1 by default.
        dtype: int32 for integers and the default float for floats, unless given.

    Raises:
        ArgumentError: the step is 0, or an end is not finite.
        DtypeError: the dtype is unknown.

    Example:
        >>> arange(3).numpy(), arange(1.0, 2.0, 0.5).numpy()
        (array([0, 1, 2], dtype=int32), array([1. , 1.5], dtype=float32))
    """
    begin, end = (0, start) if stop is None else (start, stop)
    stride = 1 if step is None else step
    if not stride or not abs((end - begin) / stride) < MOST_ELEMENTS:
        raise ArgumentError(
            "arange wants finite ends, a step that is not 0, and fewer numbers than any memory "
            f"holds. Got start={begin}, stop={end}, step={stride}."
        )
    return constant(np.arange(begin, end, stride), dtype)


def eye(
    N: int,
    M: int | None = None,
    k: int = 0,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """A matrix of zeros, with ones on a diagonal.

    Args:
        N: the number of rows.
        M: the number of columns; that of the rows by default.
        k: which diagonal: 0 is the main one, 1 the one above it.
        dtype: the default float, unless given.

    Raises:
        ShapeError: a length is negative.

    Example:
        >>> eye(2, 3, k=1).numpy()
        array([[0., 1., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    rows, columns = N, N if M is None else M
    if min(rows, columns) < 0 or rows * columns > MOST_ELEMENTS:
        raise ShapeError(
            f"A matrix has lengths from 0, and fits into memory. Got {rows} rows and {columns} "
            "columns."
        )
    return constant(np.eye(rows, columns, k), default_float() if dtype is None else dtype)


def convert_to_tensor(x: Any, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor of numbers, an array, a variable or a tensor.

    Args:
        x: what is to become a tensor.
        dtype: to which it is cast; its own by default, where floats become the default float and
            integers int32.

    Raises:
        DtypeError: it is not made of numbers, or the dtype is unknown.

    Example:
        >>> convert_to_tensor([1, 2], "float32").numpy()
        array([1., 2.], dtype=float32)
    """
    if isinstance(x, TensorLike):
        return as_tensor(x) if dtype is None else cast(x, dtype)
    return constant(x, dtype)


def convert_to_numpy(x: Any) -> Array:
    """The numbers of a tensor, as an array.

    Raises:
        DtypeError: lists of unequal lengths.
        GraphError: they are not known while a graph is built, nor those of a symbolic tensor.

    Example:
        >>> convert_to_numpy(ones(2) + 1)
        array([2., 2.], dtype=float32)
    """
    if hasattr(x, "numpy"):
        values: Array = x.numpy()
        return values
    try:
        return np.array(x)
    except ValueError as error:
        raise DtypeError(f"Values must form a rectangular array: {error}.") from error


def shape(x: Any) -> OpenShape:
    """The lengths of all axes; ``None`` for those of a symbolic tensor that are open.

    Example:
        >>> shape([[1.0, 2.0]])
        (1, 2)
    """
    return x.shape if isinstance(x, SymbolicTensor) else as_tensor(x).shape


def ndim(x: Any) -> int:
    """The number of axes.

    Example:
        >>> ndim([[1.0, 2.0]])
        2
    """
    return len(shape(x))


def size(x: Any) -> int | None:
    """The number of elements; ``None`` where an axis of a symbolic tensor is open.

    Example:
        >>> size([[1.0, 2.0]])
        2
    """
    lengths = [length for length in shape(x) if length is not None]
    return math.prod(lengths) if len(lengths) == ndim(x) else None
