"""Matrix products."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from glassgrad.errors import ShapeError
from glassgrad.graph import Binding, Notation, Primitive, Tensor, TensorSpec, as_tensor
from glassgrad.ops.elementwise import Elementwise, broadcast_shapes
from glassgrad.ops.movement import reshape

__all__ = ["MatMul", "matmul"]


@dataclass(frozen=True)
class MatMul(Primitive):
    """Matrix product of the last two axes, either side transposed on the way in: C = A B."""

    transpose_a: bool = False
    transpose_b: bool = False

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        a = "{a:tight}.mT" if self.transpose_a else "{a}"
        b = "{b:tight}.mT" if self.transpose_b else "{b:tight}"
        latex_a = r"{a:tight}^\top" if self.transpose_a else "{a}"
        latex_b = r"{b:tight}^\top" if self.transpose_b else "{b:tight}"
        return Notation(f"{a} @ {b}", f"{latex_a} {latex_b}", Binding.PRODUCT)

    prepare = Elementwise.prepare

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """(…, m, k) and (…, k, n) give (…, m, n)."""
        a, b = inputs
        if min(a.rank, b.rank) < 2:
            raise ShapeError(
                f"A matrix product wants two axes at least. Got {a.shape} and "
                f"{b.shape}; write * for a product with a scalar."
            )
        *batch_a, m, k = _seen(a.shape, self.transpose_a)
        *batch_b, inner, n = _seen(b.shape, self.transpose_b)
        if k != inner:
            raise ShapeError(
                "The inner lengths of a matrix product must be equal. "
                f"Got {k} of {a.shape} and {inner} of {b.shape}."
            )
        return TensorSpec((*broadcast_shapes(tuple(batch_a), tuple(batch_b)), m, n), a.dtype)

    def forward(self, xp, a, b):
        left = xp.swapaxes(a, -1, -2) if self.transpose_a else a
        right = xp.swapaxes(b, -1, -2) if self.transpose_b else b
        return xp.matmul(left, right)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (a, b) = gradients, inputs
        ta, tb = self.transpose_a, self.transpose_b
        to_a = MatMul(tb, True)(b, g) if ta else MatMul(False, not tb)(g, b)
        to_b = MatMul(True, ta)(g, a) if tb else MatMul(not ta, False)(a, g)
        return to_a, to_b


def _seen(shape: tuple[int, ...], transposed: bool) -> tuple[int, ...]:
    return (*shape[:-2], shape[-1], shape[-2]) if transposed else shape


def matmul(x1: Any, x2: Any) -> Tensor:
    """Matrix product of the last two axes; the axes before them broadcast.

    Args:
        x1: of shape (…, m, k); a vector of length k is one row, and its axis goes.
        x2: of shape (…, k, n); a vector of length k is one column, and its axis goes.

    Raises:
        ShapeError: the inner lengths differ, an input is a scalar, or the axes before the last
            two do not broadcast.

    Example:
        >>> matmul([[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0]).numpy()
        array([21., 43.], dtype=float32)
    """
    a, b = as_tensor(x1), as_tensor(x2)
    rows = reshape(a, (1, *a.shape)) if a.ndim == 1 else a
    columns = reshape(b, (*b.shape, 1)) if b.ndim == 1 else b
    y = _product(rows, columns)
    kept_rows = y.shape[-2:-1] if a.ndim > 1 else ()
    kept_columns = y.shape[-1:] if b.ndim > 1 else ()
    return reshape(y, (*y.shape[:-2], *kept_rows, *kept_columns))


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Where many matrices meet one, their rows are those of one tall matrix."""
    if not (b.ndim == 2 < a.ndim and a.shape[-1] == b.shape[0]):
        return MatMul()(a, b)
    rows = reshape(a, (prod(a.shape[:-1]), a.shape[-1]))
    return reshape(MatMul()(rows, b), (*a.shape[:-1], b.shape[1]))
