"""Reductions that are made of simpler ones: spread, size, and the logarithm of a sum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from glassgrad.errors import ArgumentError
from glassgrad.graph import Composite, Notation, Tensor, TensorSpec, as_tensor
from glassgrad.ops.elementwise import (
    absolute,
    exp,
    log,
    maximum,
    power,
    require_floats,
    sqrt,
    square,
    stop_gradient,
    where,
)
from glassgrad.ops.logic import isfinite
from glassgrad.ops.movement import reshape
from glassgrad.ops.reduction import (
    Axes,
    Max,
    Mean,
    Min,
    Sum,
    expand_reduced,
    normalize_axes,
    over_axes,
    reduced_shape,
)

__all__ = [
    "LogSumExp",
    "Norm",
    "Variance",
    "logsumexp",
    "norm",
    "normalize",
    "std",
    "var",
]


@dataclass(frozen=True)
class OverAxes(Composite):
    """The base: which axes go, and whether they stay as 1."""

    axes: tuple[int, ...]
    keepdims: bool = False
    plain: ClassVar[str]
    latex: ClassVar[str]

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        return over_axes(self.plain, self.latex, self.axes, self.keepdims)

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """Refuse integers."""
        require_floats(self.name, inputs[0])
        return super().shape(*inputs)

    def reduced(self, y: Tensor, x: Tensor) -> Tensor:
        """A result with axes of length 1 in the form that is asked for."""
        return reshape(y, reduced_shape(x.shape, self.axes, self.keepdims))


class LogSumExp(OverAxes):
    """Logarithm of a sum of exponentials, a smooth maximum: y = ln sum_i exp(x_i)."""

    plain, latex = "log(sum(exp({x}), <>))", r"\ln\sum_{{<>}} e^{{{x}}}"

    def definition(self, x):
        shift = finite(stop_gradient(Max(self.axes, keepdims=True)(x)))
        return self.reduced(log(Sum(self.axes, keepdims=True)(exp(x - shift))) + shift, x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,), (x,) = gradients, outputs, inputs
        shares = exp(x - finite(expand_reduced(y, x, self.axes)))  # softmax
        return (expand_reduced(g, x, self.axes) * shares,)


class Variance(OverAxes):
    """Mean squared distance from the mean, over all elements: y = mean((x - mean(x))²)."""

    plain, latex = "var({x}, <>)", r"\operatorname{{var}}_{{<>}}({x})"
    prepare = Mean.prepare

    def definition(self, x):
        return Mean(self.axes, self.keepdims)(square(self.centered(x)))

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        share = 2 / max(Mean(self.axes).count(x), 1)  # no elements have no slopes either
        return (expand_reduced(g, x, self.axes) * share * self.centered(x),)

    def centered(self, x: Tensor) -> Tensor:
        """The distances from the mean."""
        return x - Mean(self.axes, keepdims=True)(x)


class Norm(OverAxes):
    """Euclidean length: y = sqrt(sum_i x_i²), with gradient 0 at the origin."""

    plain, latex = "sqrt(sum(({x}) ** 2, <>))", r"\left\|{x}\right\|_{{<>}}"

    def definition(self, x):
        return sqrt(Sum(self.axes, self.keepdims)(square(x)))

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,), (x,) = gradients, outputs, inputs
        length = expand_reduced(y, x, self.axes)
        direction = x / where(length > 0, length, 1.0)  # at the origin x itself, which is 0
        return (expand_reduced(g, x, self.axes) * direction,)


def finite(x: Tensor) -> Tensor:
    """Zero in place of what is infinite or no number."""
    return where(isfinite(x), x, 0.0)


def logsumexp(x: Any, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Logarithm of the sum of exponentials, without overflow: y = ln sum_i exp(x_i).

    Args:
        x: floats.
        axis: the axes to sum over; all of them by default.
        keepdims: whether they stay as 1.

    Raises:
        ArgumentError: there is no such axis.
        DtypeError: the numbers are no floats.
        ShapeError: there are no elements.

    Example:
        >>> round(logsumexp([1000.0, 1000.0]).item(), 2)
        1000.69
    """
    x = as_tensor(x)
    return LogSumExp(normalize_axes(axis, x.ndim), keepdims)(x)


def var(x: Any, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Variance, the mean squared distance from the mean (biased: divided by n, not by n - 1).

    Args:
        x: numbers.
        axis: the axes to reduce; all of them by default.
        keepdims: whether they stay as 1.

    Raises:
        ArgumentError: there is no such axis.

    Example:
        >>> var([1.0, 3.0]).item()
        1.0
    """
    x = as_tensor(x)
    return Variance(normalize_axes(axis, x.ndim), keepdims)(x)


def std(x: Any, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Standard deviation, the square root of the (biased) variance.

    Its gradient is NaN where all elements are equal.

    Args:
        x: numbers.
        axis: the axes to reduce; all of them by default.
        keepdims: whether they stay as 1.

    Raises:
        ArgumentError: there is no such axis.

    Example:
        >>> std([1.0, 5.0]).item()
        2.0
    """
    return sqrt(var(x, axis, keepdims))


def norm(
    x: Any, ord: float | str | None = None, axis: Axes = None, keepdims: bool = False
) -> Tensor:
    """Length of a vector: y = (sum_i |x_i|^p)^(1/p); Euclidean by default.

    Args:
        x: floats.
        ord: p; 2 by default, ``inf`` for the largest and ``-inf`` for the least absolute value,
            0 for the number of elements that are not 0. "fro" is another name of 2.
        axis: the axes that hold the vector; all of them by default.
        keepdims: whether they stay as 1.

    Unlike Keras's, it is the norm of a vector for two axes as well: nuclear and spectral norms of
    matrices need singular values, which are no operation here.

    Raises:
        ArgumentError: there is no such axis, or no such norm.
        DtypeError: the numbers are no floats.

    Example:
        >>> norm([3.0, 4.0]).item(), norm([3.0, -4.0], 1).item()
        (5.0, 7.0)
    """
    x = as_tensor(x)
    require_floats("norm", x.spec)
    axes = normalize_axes(axis, x.ndim)
    if ord in (None, 2, "fro"):
        return Norm(axes, keepdims)(x)
    if isinstance(ord, str | None):
        raise ArgumentError(f"ord must be a number, 'fro' or None. Got {ord!r}.")
    if ord == math.inf:
        return Max(axes, keepdims)(absolute(x))
    if ord == -math.inf:
        return Min(axes, keepdims)(absolute(x))
    if ord == 0:
        return Sum(axes, keepdims)(where(x.equal(0.0), 0.0, 1.0)).cast(x.dtype)
    if ord == 1:
        return Sum(axes, keepdims)(absolute(x))
    return power(Sum(axes, keepdims)(power(absolute(x), float(ord))), 1 / ord)


def normalize(x: Any, axis: int = -1, order: float = 2, epsilon: float = 1e-7) -> Tensor:
    """Vectors divided by their length: y = x / max(norm(x), epsilon).

    Args:
        x: floats.
        axis: the axis along which a vector lies.
        order: the p of the norm.
        epsilon: the least length that is divided by.

    Raises:
        ArgumentError: there is no such axis, or no such norm.
        DtypeError: the numbers are no floats.

    Example:
        >>> normalize([[3.0, 4.0]]).numpy()
        array([[0.6, 0.8]], dtype=float32)
    """
    x = as_tensor(x)
    return x / maximum(norm(x, order, axis, keepdims=True), epsilon)
