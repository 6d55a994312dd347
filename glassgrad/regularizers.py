"""Penalties on large weights, which are added to the loss.

They belong to kernels rather than to biases: a bias does not multiply an input.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any, TypeAlias

import numpy as np

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, as_tensor
from glassgrad.ops import absolute
from glassgrad.ops.normalization import normalized
from glassgrad.serialization import Configurable, Registry, serialize

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "register",
    "serialize",
]


class Regularizer(Configurable):
    """The base: subclass it and write ``__call__``, which gives a scalar tensor."""

    def __call__(self, x: Any) -> Tensor:
        """The penalty of a weight."""
        raise NotImplementedError(f"{type(self).__name__} must write __call__(x).")


RegularizerLike: TypeAlias = Regularizer | Callable[[Any], Tensor]

_registry: Registry[RegularizerLike] = Registry("regularizer", Regularizer, takes_functions=True)
get, deserialize, register = _registry.get, _registry.deserialize, _registry.register


@register()
class L1(Regularizer):
    """The sum of absolute values: l1 · sum |x|; it drives weights to exactly zero.

    Args:
        l1: the factor, at least 0.

    Raises:
        ArgumentError: the factor is negative or not finite.

    Example:
        >>> L1(0.5)([1.0, -2.0]).item()
        1.5
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor("l1", l1)

    def __call__(self, x: Any) -> Tensor:
        """l1 · sum |x|."""
        return as_tensor(x).abs().sum() * self.l1


@register()
class L2(Regularizer):
    """The sum of squares: l2 · sum x².

    As in Keras, without a half and not divided by the number of examples, so its gradient is
    2 l2 x. A text that adds lambda / (2 m) · sum x² to a mean over m examples means
    l2 = lambda / (2 m). PyTorch's ``weight_decay`` w adds w x to the gradient: l2 = w / 2.

    Args:
        l2: the factor, at least 0.

    Raises:
        ArgumentError: the factor is negative or not finite.

    Example:
        >>> L2(0.5)([1.0, -2.0]).item()
        2.5

    Source: Krogh, Hertz, "A simple weight decay can improve generalization", 1991.
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor("l2", l2)

    def __call__(self, x: Any) -> Tensor:
        """l2 · sum x²."""
        return as_tensor(x).square().sum() * self.l2


@register("l1_l2")
class L1L2(Regularizer):
    """Both: l1 · sum |x| + l2 · sum x².

    Args:
        l1: the factor of the absolute values, at least 0.
        l2: the factor of the squares, at least 0.

    Raises:
        ArgumentError: a factor is negative or not finite.

    Example:
        >>> L1L2(l1=1.0, l2=0.5)([1.0, -2.0]).item()
        5.5

    Source: Zou, Hastie, "Regularization and variable selection via the elastic net", 2005.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = _factor("l1", l1), _factor("l2", l2)

    def __call__(self, x: Any) -> Tensor:
        """l1 · sum |x| + l2 · sum x²."""
        weight = as_tensor(x)
        return weight.abs().sum() * self.l1 + weight.square().sum() * self.l2


@register()
class OrthogonalRegularizer(Regularizer):
    """Rows (or columns) of a matrix shall be orthogonal: factor · mean over pairs of |cos angle|.

    The cosine is that of the angle between two rows, so their lengths do not matter. A single row
    makes no pair and costs nothing.

    Args:
        factor: the factor, at least 0.
        mode: "rows" or "columns". Of a dense kernel, (in, out), the columns are the units' weights.

    Raises:
        ArgumentError: the factor is negative or not finite, or the mode is another one.
        ShapeError: on the call, the weight is no matrix.

    Example:
        >>> OrthogonalRegularizer(1.0)([[1.0, 0.0], [0.0, 2.0]]).item()
        0.0
        >>> OrthogonalRegularizer(1.0)([[1.0, 0.0], [2.0, 0.0]]).item()
        1.0

    Source: Brock, Lim, Ritchie, Weston, "Neural photo editing with introspective adversarial
    networks", 2017.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ArgumentError(f"The mode must be 'rows' or 'columns'. Got {mode!r}.")
        self.factor, self.mode = _factor("factor", factor), mode

    def __call__(self, x: Any) -> Tensor:
        """The factor times the mean of |cos angle|."""
        matrix = as_tensor(x)
        if matrix.ndim != 2:
            raise ShapeError(
                f"Only the rows or columns of a matrix can be orthogonal. Got shape {matrix.shape}."
            )
        rows = matrix if self.mode == "rows" else matrix.T
        directions = normalized(rows, 1)
        cosines = absolute(directions @ directions.T) * (1.0 - np.eye(len(rows)))
        pairs = len(rows) * (len(rows) - 1)  # each is counted in both orders
        mean: Tensor = cosines.sum() / max(pairs, 1)
        return mean * self.factor


def _factor(name: str, value: Any) -> float:
    if not (isinstance(value, int | float | np.number) and isfinite(value) and value >= 0):
        raise ArgumentError(
            f"The factor of a penalty must be a number from 0. Got {name}={value!r}."
        )
    return float(value)


# Keras's lower-case names of the same classes.
l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
