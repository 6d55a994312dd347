"""Operations that read or write by index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import DtypeError, ExecutionError, ShapeError
from glassgrad.graph import Composite, Notation, Primitive, Tensor, TensorSpec, as_tensor, constant
from glassgrad.graph.dtypes import default_float
from glassgrad.graph.operation import Array
from glassgrad.ops.elementwise import cast, equal
from glassgrad.ops.movement import normal_axis, ravel, reshape, transpose

__all__ = [
    "AddAlongAxis",
    "OneHot",
    "ScatterAdd",
    "Take",
    "TakeAlongAxis",
    "one_hot",
    "require_indices",
    "require_within",
    "segment_sum",
    "take",
    "take_along_axis",
]


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
        if self.rows < 0:
            raise ShapeError(f"{self.name} gives 0 rows or more. Got {self.rows}.")
        if x.shape[: indices.rank] != indices.shape:
            raise ShapeError(f"Each row has one index. Got {x.shape} and indices {indices.shape}.")
        return TensorSpec((self.rows, *x.shape[indices.rank :]), x.dtype)

    notation = Notation(
        "einsum('i...,ij->j...', reshape({x}, (-1,) + {x:tight}.shape[{indices:tight}.ndim:]), "
        "{indices:tight}.reshape(-1, 1) == arange({rows}))",
        r"\sum_{{i:\,{indices}_i=j}} {x:tight}_i",
    )

    def forward(self, xp, x, indices):
        rows = xp.reshape(x, (indices.size, *x.shape[indices.ndim :]))
        places = xp.reshape(indices, -1)
        # What has no place among the rows goes to one more, which is dropped.
        places = xp.where((places >= 0) & (places < self.rows), places, self.rows)
        total = xp.zeros((self.rows + 1, *rows.shape[1:]), x.dtype)
        if xp is np:
            np.add.at(total, places, rows)
        else:  # arrays of JAX are never changed
            total = total.at[places].add(rows)
        return total[: self.rows]

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (_, indices) = gradients, inputs
        return Take()(g, indices), None


def require_lines(operation: str, axis: int, x: TensorSpec, indices: TensorSpec) -> None:
    """Each line along an axis has a line of indices of its own.

    Raises:
        DtypeError: the indices are no integers.
        ShapeError: the shapes differ outside the axis.
    """
    require_indices(operation, indices)
    rest = [spec.shape[:axis] + spec.shape[axis + 1 :] for spec in (x, indices)]
    if x.rank != indices.rank or not 0 <= axis < x.rank or rest[0] != rest[1]:
        raise ShapeError(
            f"{operation} wants shapes that are equal but for axis {axis}. "
            f"Got {x.shape} and indices {indices.shape}."
        )


@dataclass(frozen=True)
class TakeAlongAxis(Primitive):
    """Elements by index within each line along an axis: y[…, i] = x[…, indices[…, i]]."""

    axis: int
    notation = Notation(
        "take_along_axis({x}, {indices}, {axis})", r"{x:tight}_{{\ldots,\,{indices}}}"
    )

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The shape of the indices."""
        x, indices = inputs
        require_lines(self.name, self.axis, x, indices)
        return TensorSpec(indices.shape, x.dtype)

    def forward(self, xp, x, indices):
        if xp is np:  # a compiled program reports them by its own means
            require_within(self.name, indices, x.shape[self.axis])
        return xp.take_along_axis(x, indices, self.axis)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x, indices) = gradients, inputs
        return AddAlongAxis(self.axis, x.shape[self.axis])(g, indices), None


@dataclass(frozen=True)
class AddAlongAxis(Primitive):
    """Add elements up by index within each line: y[…, j] = sum of x[…, i] with index j."""

    axis: int
    length: int
    notation = Notation(
        "moveaxis(einsum('...i,...ij->...j', moveaxis({x}, {axis}, -1), "
        "moveaxis({indices}, {axis}, -1)[..., None] == arange({length})), -1, {axis})",
        r"\sum_{{i:\,{indices}_i=j}} {x:tight}_{{\ldots,\,i}}",
    )

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The length asked for along the axis."""
        x, indices = inputs
        require_lines(self.name, self.axis, x, indices)
        if x.shape != indices.shape:
            raise ShapeError(f"Each element has one index. Got {x.shape} and {indices.shape}.")
        shape = (*x.shape[: self.axis], self.length, *x.shape[self.axis + 1 :])
        return TensorSpec(shape, x.dtype)

    def forward(self, xp, x, indices):
        places = xp.moveaxis(indices, self.axis, -1)[..., None] == xp.arange(self.length)
        lines = xp.moveaxis(x, self.axis, -1)[..., None]
        # Chosen, not multiplied by zero: infinity stays in its place.
        sums = xp.sum(xp.where(places, lines, xp.zeros((), x.dtype)), -2, dtype=x.dtype)
        return xp.moveaxis(sums, -1, self.axis)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (_, indices) = gradients, inputs
        return TakeAlongAxis(self.axis)(g, indices), None


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


def take(x: Any, indices: Any, axis: int | None = 0) -> Tensor:
    """Slices of a tensor by index.

    Args:
        x: any tensor.
        indices: whole numbers from 0, of any shape.
        axis: along which axis they count; ``None`` counts all elements in row-major order.

    Returns:
        The shape of x, with that of the indices in place of the axis.

    Raises:
        ArgumentError: there is no such axis.
        DtypeError: the indices are no integers.
        ExecutionError: when it is computed, an index lies outside.

    Example:
        >>> take([[1.0, 2.0, 3.0]], [2, 0], axis=1).numpy()
        array([[3., 1.]], dtype=float32)
    """
    x, indices = as_tensor(x), as_tensor(indices)
    if axis is None:
        return Take()(ravel(x), indices)
    if axis == 0:
        return Take()(x, indices)
    number = normal_axis(axis, x.ndim)
    rest = [one for one in range(x.ndim) if one != number]
    rows = Take()(transpose(x, (number, *rest)), indices)
    chosen = range(indices.ndim)
    others = range(indices.ndim, rows.ndim)
    return transpose(rows, (*others[:number], *chosen, *others[number:]))


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """Elements by index within each line along an axis.

    Args:
        x: any tensor.
        indices: whole numbers from 0; of x's shape but for the axis.
        axis: along which axis they count; by default both are taken as one line.

    Raises:
        ArgumentError: there is no such axis.
        DtypeError: the indices are no integers.
        ExecutionError: when it is computed, an index lies outside.
        ShapeError: the shapes differ outside the axis.

    Example:
        >>> take_along_axis([[1.0, 2.0], [3.0, 4.0]], [[1], [0]], axis=-1).numpy()
        array([[2.],
               [3.]], dtype=float32)
    """
    x, indices = as_tensor(x), as_tensor(indices)
    if axis is None:
        return TakeAlongAxis(0)(ravel(x), ravel(indices))
    return TakeAlongAxis(normal_axis(axis, x.ndim))(x, indices)


def one_hot(x: Any, num_classes: int, dtype: str | None = None) -> Tensor:
    """A row for each label: zeros with a single 1; of zeros alone for a label that is no class."""
    return OneHot(num_classes, dtype or str(default_float()))(x)


def segment_sum(data: Any, segment_ids: Any, num_segments: int) -> Tensor:
    """Rows added up by number: y[j] is the sum of all data[i] with segment_ids[i] = j.

    Unlike Keras's it must be told how many segments there are: a graph's shapes do not depend on
    data.

    Args:
        data: of shape (n, …).
        segment_ids: n whole numbers, in any order; a row whose number is no segment's is left out.
        num_segments: how many rows come out.

    Raises:
        DtypeError: the numbers are no integers.
        ShapeError: there is not one number for each row.

    Example:
        >>> segment_sum([1.0, 10.0, 100.0], [0, 1, 0], 2).numpy()
        array([101.,  10.], dtype=float32)
    """
    return ScatterAdd(num_segments)(data, segment_ids)
