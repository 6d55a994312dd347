"""Operations that read or write by index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import DtypeError, ExecutionError, ShapeError
from glassgrad.graph import Composite, Notation, Primitive, Tensor, TensorSpec, constant
from glassgrad.graph.dtypes import default_float
from glassgrad.graph.operation import Array
from glassgrad.ops.elementwise import cast, equal
from glassgrad.ops.movement import reshape

__all__ = ["OneHot", "ScatterAdd", "Take", "one_hot", "require_indices", "require_within", "take"]


def require_indices(operation: str, spec: TensorSpec) -> None:
    """Indices are whole numbers.

    Raises:
        DtypeError: they are not.
    """
    if spec.dtype.kind not in "iu":
        raise DtypeError(f"{operation} wants integer indices. Got {spec.dtype}.")


def require_within(operation: str, indices: Array, rows: int) -> None:
    """Indices count from 0 and name rows that exist.

    Raises:
        ExecutionError: one does not.
    """
    if indices.size and not (indices.min() >= 0 and indices.max() < rows):
        wrong = indices.min() if indices.min() < 0 else indices.max()
        raise ExecutionError(f"{operation} wants indices in [0, {rows}). Got {wrong}.")


@dataclass(frozen=True)
class Take(Primitive):
    """Rows by index: y[i] = x[indices[i]]; every index lies in [0, rows)."""

    notation = Notation("take({x}, {indices}, axis=0)", r"{x:tight}_{{{indices}}}")

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The shape of the indices, then that of a row."""
        x, indices = inputs
        require_indices(self.name, indices)
        if not x.rank:
            raise ShapeError(f"Only a tensor with an axis has rows. Got shape {x.shape}.")
        return TensorSpec((*indices.shape, *x.shape[1:]), x.dtype)

    def forward(self, xp, x, indices):
        if xp is np:  # a compiled program reports them by its own means
            require_within(self.name, indices, x.shape[0])
        return xp.take(x, indices, axis=0)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x, indices) = gradients, inputs
        return ScatterAdd(x.shape[0])(g, indices), None


@dataclass(frozen=True)
class ScatterAdd(Primitive):
    """Add rows up by index: y[j] is the sum of x[i] over all i with indices[i] = j."""

    rows: int

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """As many rows as asked for."""
        x, indices = inputs
        require_indices(self.name, indices)
        if x.shape[: indices.rank] != indices.shape:
            raise ShapeError(f"Each row has one index. Got {x.shape} and indices {indices.shape}.")
        return TensorSpec((self.rows, *x.shape[indices.rank :]), x.dtype)

    notation = Notation(
        "einsum('i...,ij->j...', reshape({x}, (-1,) + {x:tight}.shape[{indices:tight}.ndim:]), "
        "{indices:tight}.reshape(-1, 1) == arange({rows}))",
        r"\sum_{{i:\,{indices}_i=j}} {x:tight}_i",
    )

    def forward(self, xp, x, indices):
        rows = xp.reshape(x, (-1, *x.shape[indices.ndim :]))
        hits = xp.reshape(indices, (-1, 1)) == xp.arange(self.rows)
        return xp.tensordot(xp.asarray(hits, dtype=x.dtype), rows, axes=((0,), (0,)))

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (_, indices) = gradients, inputs
        return Take()(g, indices), None


@dataclass(frozen=True)
class OneHot(Composite):
    """A row of zeros with a 1 at each label."""

    classes: int
    dtype: str = "float32"
    notation = Notation(
        "eye({classes}, dtype='{dtype}')[{labels}]",
        r"\operatorname{{onehot}}_{{{classes}}}({labels})",
    )

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """One axis more than the labels."""
        require_indices(self.name, inputs[0])
        return super().shape(*inputs)

    def definition(self, labels):
        column = reshape(labels, (*labels.shape, 1))
        return cast(equal(column, constant(np.arange(self.classes))), self.dtype)

    def chain_rule(self, gradients, outputs, inputs):
        return (None,)


def take(x: Any, indices: Any) -> Tensor:
    """Rows of a tensor by index."""
    return Take()(x, indices)


def one_hot(labels: Any, classes: int, dtype: str | None = None) -> Tensor:
    """A row for each label: zeros with a single 1."""
    return OneHot(classes, dtype or str(default_float()))(labels)
