"""Matrix products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glassgrad.errors import ShapeError
from glassgrad.graph import Binding, Notation, Primitive, TensorSpec
from glassgrad.ops.elementwise import Elementwise, broadcast_shapes

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
                f"{b.shape}; reshape a vector to one row or one column."
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


def matmul(a: Any, b: Any) -> Any:
    """Matrix product of the last two axes."""
    return MatMul()(a, b)
