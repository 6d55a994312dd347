"""What operators and methods of a tensor mean: one table, with types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from glassgrad.arguments import checked
from glassgrad.graph import Tensor, Variable, as_tensor
from glassgrad.graph.symbolic import attach_symbolic_methods
from glassgrad.ops import (
    arrangement,
    contraction,
    cumulative,
    elementwise,
    linear,
    logic,
    loss,
    movement,
    ordering,
    reduction,
    rounding,
    statistics,
    trigonometry,
)
from glassgrad.ops.reduction import Axes

__all__ = ["TensorMethods", "attach_methods"]


class TensorMethods:
    """The operations that can be written on a tensor or a variable."""

    __slots__ = ()

    def __add__(self, other: Any) -> Tensor:
        return elementwise.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return elementwise.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return elementwise.subtract(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return elementwise.subtract(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return elementwise.multiply(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return elementwise.multiply(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return elementwise.divide(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return elementwise.divide(other, self)

    def __pow__(self, other: Any) -> Tensor:
        if isinstance(other, int | float) and other == 2:
            return elementwise.square(self)
        return elementwise.power(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return elementwise.power(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return linear.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return linear.matmul(other, self)

    def __neg__(self) -> Tensor:
        return elementwise.negative(self)

    def __abs__(self) -> Tensor:
        return elementwise.absolute(self)

    def __lt__(self, other: Any) -> Tensor:
        return elementwise.less(self, other)

    def __le__(self, other: Any) -> Tensor:
        return elementwise.less_equal(self, other)

    def __gt__(self, other: Any) -> Tensor:
        return elementwise.greater(self, other)

    def __ge__(self, other: Any) -> Tensor:
        return elementwise.greater_equal(self, other)

    def __and__(self, other: Any) -> Tensor:
        return logic.logical_and(self, other)

    def __rand__(self, other: Any) -> Tensor:
        return logic.logical_and(other, self)

    def __or__(self, other: Any) -> Tensor:
        return logic.logical_or(self, other)

    def __ror__(self, other: Any) -> Tensor:
        return logic.logical_or(other, self)

    def __xor__(self, other: Any) -> Tensor:
        return logic.logical_xor(self, other)

    def __rxor__(self, other: Any) -> Tensor:
        return logic.logical_xor(other, self)

    def __invert__(self) -> Tensor:
        return logic.logical_not(self)

    def __getitem__(self, index: movement.Index) -> Tensor:
        return movement.pick(as_tensor(self), index)

    def __iter__(self) -> Iterator[Tensor]:
        x = as_tensor(self)
        return (x[row] for row in range(len(x)))

    def equal(self, other: Any) -> Tensor:
        """Where the elements are equal: what ``==`` means between tensors."""
        return elementwise.equal(self, other)

    def exp(self) -> Tensor:
        """Exponential of every element."""
        return elementwise.exp(self)

    def log(self) -> Tensor:
        """Natural logarithm of every element."""
        return elementwise.log(self)

    def sqrt(self) -> Tensor:
        """Square root of every element."""
        return elementwise.sqrt(self)

    def square(self) -> Tensor:
        """Every element times itself."""
        return elementwise.square(self)

    def abs(self) -> Tensor:
        """Absolute value of every element."""
        return elementwise.absolute(self)

    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)) of every element."""
        return elementwise.sigmoid(self)

    def tanh(self) -> Tensor:
        """Hyperbolic tangent of every element."""
        return elementwise.tanh(self)

    def relu(self) -> Tensor:
        """max(x, 0) of every element."""
        return elementwise.relu(self)

    def sin(self) -> Tensor:
        """Sine of every element, in radians."""
        return trigonometry.sin(self)

    def cos(self) -> Tensor:
        """Cosine of every element, in radians."""
        return trigonometry.cos(self)

    def floor(self) -> Tensor:
        """The largest whole number that is not above each element."""
        return rounding.floor(self)

    def ceil(self) -> Tensor:
        """The smallest whole number that is not below each element."""
        return rounding.ceil(self)

    def round(self, decimals: int = 0) -> Tensor:
        """Every element rounded to so many decimals, halves to the even neighbour."""
        return rounding.round(self, decimals)

    def clip(self, low: float, high: float) -> Tensor:
        """Every element kept within [low, high]."""
        return elementwise.clip(self, low, high)

    def softmax(self) -> Tensor:
        """Probabilities over the last axis."""
        return loss.softmax(self)

    def log_softmax(self) -> Tensor:
        """Logarithm of the probabilities over the last axis."""
        return loss.log_softmax(self)

    def sum(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Sum over axes; all of them by default."""
        return reduction.sum(as_tensor(self), axis, keepdims)

    def mean(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Arithmetic mean over axes; all of them by default."""
        return reduction.mean(as_tensor(self), axis, keepdims)

    def max(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Largest element along axes; all of them by default."""
        return reduction.max(as_tensor(self), axis, keepdims)

    def min(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Least element along axes; all of them by default."""
        return reduction.min(as_tensor(self), axis, keepdims)

    def var(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Variance over axes, divided by the number of elements; all axes by default."""
        return statistics.var(self, axis, keepdims)

    def std(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Standard deviation over axes: the square root of the variance."""
        return statistics.std(self, axis, keepdims)

    def logsumexp(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Logarithm of the sum of exponentials over axes; all of them by default."""
        return statistics.logsumexp(self, axis, keepdims)

    def cumsum(self, axis: int | None = None) -> Tensor:
        """Running sum along an axis; of all elements as one line by default."""
        return cumulative.cumsum(self, axis)

    def all(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Whether all elements along axes are true, that is, not 0."""
        return logic.all(self, axis, keepdims)

    def any(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Whether one of the elements along axes is true, that is, not 0."""
        return logic.any(self, axis, keepdims)

    def argsort(self, axis: int | None = -1) -> Tensor:
        """The indices that would sort each line along an axis."""
        return ordering.argsort(self, axis)

    def argmax(self, axis: int = -1) -> Tensor:
        """Index of the largest element along an axis."""
        return reduction.argmax(as_tensor(self), axis)

    def argmin(self, axis: int = -1) -> Tensor:
        """Index of the least element along an axis."""
        return reduction.argmin(as_tensor(self), axis)

    def dot(self, other: Any) -> Tensor:
        """Sum of products with another tensor, as ``ops.dot``."""
        return contraction.dot(self, other)

    def reshape(self, *shape: Any) -> Tensor:
        """The same elements under another shape; one length may be -1."""
        return movement.reshape(as_tensor(self), _unpacked(shape))

    def ravel(self) -> Tensor:
        """All elements in one row."""
        return movement.ravel(as_tensor(self))

    def flatten(self) -> Tensor:
        """All elements in one row."""
        return movement.ravel(as_tensor(self))

    def squeeze(self, axis: int | Sequence[int] | None = None) -> Tensor:
        """Without axes of length 1; all of these by default."""
        return arrangement.squeeze(self, axis)

    def repeat(self, repeats: int, axis: int | None = None) -> Tensor:
        """Each slice along an axis several times; each element by default."""
        return arrangement.repeat(self, repeats, axis)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Two axes exchanged."""
        return arrangement.swapaxes(self, axis1, axis2)

    def transpose(self, *order: Any) -> Tensor:
        """The axes in another order; reversed by default."""
        return movement.transpose(as_tensor(self), _unpacked(order) if order else None)

    @property
    def T(self) -> Tensor:  # noqa: N802 -- NumPy's name
        """The axes reversed."""
        return movement.transpose(as_tensor(self))

    def cast(self, dtype: Any) -> Tensor:
        """The same numbers in another dtype."""
        return elementwise.cast(self, dtype)

    def detach(self) -> Tensor:
        """The same numbers, constant to backpropagation."""
        return elementwise.stop_gradient(self)


def _unpacked(numbers: tuple[Any, ...]) -> Sequence[int]:
    """Numbers that came one by one, or in one list."""
    is_one_list = len(numbers) == 1 and not isinstance(numbers[0], int | np.integer)
    return numbers[0] if is_one_list else numbers


def attach_methods() -> None:
    """Give tensors and variables these methods; called once by the package."""
    for name, method in list(vars(TensorMethods).items()):
        setattr(TensorMethods, name, checked(method)) if not name.startswith("__") else None
    for kind in (Tensor, Variable):
        for name, method in vars(TensorMethods).items():
            if callable(method) or isinstance(method, property):
                setattr(kind, name, method)
        # NumPy arrays on the left of an operator leave the work to the tensor.
        setattr(kind, "__array_ufunc__", None)  # noqa: B010 -- unknown to mypy
    attach_symbolic_methods(TensorMethods)
    # A variable stays comparable by identity: it is a key and a member of lists.
    Tensor.__eq__ = lambda self, other: elementwise.equal(self, other)  # type: ignore[method-assign]
    Tensor.__ne__ = lambda self, other: elementwise.not_equal(self, other)  # type: ignore[method-assign]
