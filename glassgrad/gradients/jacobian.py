"""All partial derivatives of one tensor by another: the chain rule for every row at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glassgrad.errors import DtypeError
from glassgrad.gradients.reverse import differentiate
from glassgrad.graph import (
    Constant,
    Node,
    Tensor,
    Variable,
    as_tensor,
    constant,
    placeholder,
    substitute,
    walk,
)
from glassgrad.graph.tensor import Key
from glassgrad.ops.movement import reshape
from glassgrad.ops.scan import scan

__all__ = ["jacobians"]


def jacobians(y: Tensor, variables: Sequence[Tensor | Variable]) -> list[Tensor | None]:
    """Build the Jacobians of a tensor with respect to others.

    Formula: J[i, j] = dy_i / dx_j, with all axes of y before all axes of x.

    The graph of one row, the product of a vector with the Jacobian, is built once and run by a
    scan over the rows of an identity; what does not depend on the row is computed before it. The
    result can be differentiated again.

    Args:
        y: a float tensor.
        variables: variables or tensors of the graph of ``y``.

    Returns:
        For each variable a tensor of shape (*y.shape, *x.shape), ``None`` where y does not depend
        on it.

    Raises:
        DtypeError: y holds no floats.

    Example:
        >>> from glassgrad import Tensor
        >>> x = Tensor([1.0, 2.0])
        >>> (slopes,) = jacobians(x * x, [x])
        >>> slopes.numpy()
        array([[2., 0.],
               [0., 4.]], dtype=float32)
    """
    if y.dtype.kind != "f":
        raise DtypeError(f"Only floats have derivatives. Got {y.dtype}.")
    row = placeholder(y.shape, y.dtype, "row")
    products = differentiate([y], [row], variables)
    present = [product for product in products if product is not None]
    given = _independent(present, row)

    def product_with(_: object, rows: Sequence[Tensor], values: Sequence[Tensor]):
        known = dict(zip(given, values, strict=True))
        return (), substitute(present, {row.key: rows[0], **known})

    identity = np.reshape(np.eye(y.size, dtype=y.dtype), (y.size, *y.shape))
    _, found = scan(product_with, [], [constant(identity, y.dtype)], tuple(given.values()))
    results = iter(found)
    return [
        None if product is None else reshape(next(results), (*y.shape, *as_tensor(x).shape))
        for product, x in zip(products, variables, strict=True)
    ]


def _independent(outputs: Sequence[Tensor], row: Tensor) -> dict[Key, Tensor]:
    """What the outputs need besides the row: tensors that no node makes from it."""
    made_from_row: set[Node] = {row.node}
    needed = list(outputs)
    for node in walk(outputs):
        if any(tensor.node in made_from_row for tensor in node.inputs):
            made_from_row.add(node)
            needed += node.inputs
    return {
        tensor.key: tensor
        for tensor in needed
        if tensor.node not in made_from_row and not isinstance(tensor.node.operation, Constant)
    }
