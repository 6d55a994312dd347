"""Layers that make one tensor of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod
from typing import Any

from glassgrad import ops
from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, ShapeError, shown
from glassgrad.graph import Tensor, masks_of
from glassgrad.graph.dtypes import promote
from glassgrad.layers.input_spec import axis_within
from glassgrad.layers.layer import Layer, register
from glassgrad.ops.normalization import normalized

__all__ = [
    "Add",
    "Average",
    "Concatenate",
    "Dot",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


class Merge(Layer):
    """The base: a list of tensors with one batch goes in, and ``combine`` makes one of them."""

    least = 1  # how many tensors are wanted
    most: int | None = None
    supports_masking = True

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        self._require_list(inputs)
        self._require_one_batch(inputs)
        return self.combine(inputs)

    def combine(self, inputs: Sequence[Tensor]) -> Tensor:
        """What the layer makes of its inputs."""
        raise NotImplementedError(f"{type(self).__name__} must write combine(inputs).")

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Tensor | None:
        """What counts in one of the inputs counts; without a mask for each of them, all does."""
        masks = _listed_masks(self.name, inputs, previous_mask)
        return None if any(mask is None for mask in masks) else reduce(ops.logical_or, masks)

    def _require_list(self, inputs: Any) -> None:
        if isinstance(inputs, Tensor):
            found = f"a single tensor of shape {inputs.shape}"
        elif not isinstance(inputs, list | tuple):
            found = f"a value of type {type(inputs).__name__}"
        elif len(inputs) < self.least or len(inputs) > (self.most or len(inputs)):
            found = f"{len(inputs)} of shapes {_shapes(inputs)}"
        else:
            return
        wanted = self.least if self.least == self.most else f"at least {self.least}"
        raise ShapeError(
            f"Layer {self.name!r} merges a list of {wanted} tensors, layer([a, b]). Got {found}."
        )

    def _require_one_batch(self, inputs: Sequence[Tensor]) -> None:
        if len({tensor.shape[:1] for tensor in inputs}) > 1:
            raise ShapeError(
                f"Layer {self.name!r} merges tensors with the same length of the batch. "
                f"Got shapes {_shapes(inputs)}."
            )


class ElementwiseMerge(Merge):
    """The base of those that go element by element, with broadcasting of all axes but the first.

    A tensor with fewer axes gets axes of length 1 after the batch, as in Keras.
    """

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        self._require_list(inputs)
        self._require_one_batch(inputs)
        rank = max(tensor.ndim for tensor in inputs)
        aligned = [
            tensor.reshape((*tensor.shape[:1], *(1,) * (rank - tensor.ndim), *tensor.shape[1:]))
            for tensor in inputs
        ]
        masks = [
            None if mask is None else _spread_mask(mask, tensor)
            for mask, tensor in zip(masks_of(list(inputs)), aligned, strict=True)
        ]
        try:
            if all(mask is None for mask in masks):
                return self.combine(aligned)
            return self.combine_masked(aligned, masks)
        except ShapeError as error:
            raise ShapeError(
                f"Layer {self.name!r} merges tensors of one shape, or with lengths of 1 where they "
                f"differ. Got shapes {_shapes(inputs)}."
            ) from error

    def combine_masked(self, inputs: Sequence[Tensor], masks: Sequence[Tensor | None]) -> Tensor:
        """The same where masks leave some of it out, which is 0 there as a rule."""
        return self.combine(inputs)


class ExtremeMerge(ElementwiseMerge):
    """The base of those that choose: what a mask leaves out is not chosen."""

    choose: Callable[[Tensor, Tensor], Tensor]

    def combine(self, inputs: Sequence[Tensor]) -> Tensor:
        """One of them, element by element."""
        return reduce(self.choose, inputs)

    def combine_masked(self, inputs: Sequence[Tensor], masks: Sequence[Tensor | None]) -> Tensor:
        """One of those that count, where there are some."""
        chosen, seen = inputs[0], masks[0]
        for x, mask in zip(inputs[1:], masks[1:], strict=True):
            other = x if mask is None else ops.where(mask, x, chosen)
            own = chosen if seen is None else ops.where(seen, chosen, other)
            chosen = self.choose(own, other)
            seen = None if mask is None or seen is None else ops.logical_or(seen, mask)
        return chosen


@register()
class Add(ElementwiseMerge):
    """Sum of several tensors: y = a + b + … .

    Args:
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ShapeError: on the call, there is no list of tensors, or their shapes do not fit.

    Example:
        >>> import numpy as np
        >>> Add()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])]).numpy()
        array([[11., 22.]], dtype=float32)
    """

    def combine(self, inputs: Sequence[Tensor]) -> Tensor:
        """The sum."""
        return reduce(ops.add, inputs)


@register()
class Subtract(ElementwiseMerge):
    """Difference of two tensors: y = a - b.

    Args:
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ShapeError: on the call, there are not two tensors, or their shapes do not fit.

    Example:
        >>> import numpy as np
        >>> Subtract()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])]).numpy()
        array([[ -9., -18.]], dtype=float32)
    """

    least = most = 2

    def combine(self, inputs: Sequence[Tensor]) -> Tensor:
        """The difference."""
        a, b = inputs
        return a - b


@register()
class Multiply(ElementwiseMerge):
    """Product of several tensors, element by element: y = a b … .

    Args:
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ShapeError: on the call, there is no list of tensors, or their shapes do not fit.

    Example:
        >>> import numpy as np
        >>> Multiply()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])]).numpy()
        array([[10., 40.]], dtype=float32)
    """

    def combine(self, inputs: Sequence[Tensor]) -> Tensor:
        """The product."""
        return reduce(ops.multiply, inputs)

    def combine_masked(self, inputs: Sequence[Tensor], masks: Sequence[Tensor | None]) -> Tensor:
        """The product of what counts; 0 where nothing does, if each input has a mask."""
        pairs = zip(inputs, masks, strict=True)
        product = self.combine(
            [x if mask is None else ops.where(mask, x, 1.0) for x, mask in pairs]
        )
        present = [mask for mask in masks if mask is not None]
        if len(present) < len(masks):
            return product
        whole: Tensor = ops.where(reduce(ops.logical_or, present), product, 0.0)
        return whole


@register()
class Average(ElementwiseMerge):
    """Mean of n tensors: y = (a + b + …) / n.

    Args:
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ShapeError: on the call, there is no list of tensors, or their shapes do not fit.

    Example:
        >>> import numpy as np
        >>> Average()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])]).numpy()
        array([[ 5.5, 11. ]], dtype=float32)
    """

    def combine(self, inputs: Sequence[Tensor]) -> Tensor:
        """The mean."""
        return reduce(ops.add, inputs).cast(self.dtype) / len(inputs)


@register()
class Maximum(ExtremeMerge):
    """The largest of several tensors, element by element: y = max(a, b, …).

    Args:
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ShapeError: on the call, there is no list of tensors, or their shapes do not fit.

    Example:
        >>> import numpy as np
        >>> Maximum()([np.array([[1.0, 20.0]]), np.array([[10.0, 2.0]])]).numpy()
        array([[10., 20.]], dtype=float32)
    """

    choose = staticmethod(ops.maximum)


@register()
class Minimum(ExtremeMerge):
    """The smallest of several tensors, element by element: y = min(a, b, …).

    Args:
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ShapeError: on the call, there is no list of tensors, or their shapes do not fit.

    Example:
        >>> import numpy as np
        >>> Minimum()([np.array([[1.0, 20.0]]), np.array([[10.0, 2.0]])]).numpy()
        array([[1., 2.]], dtype=float32)
    """

    choose = staticmethod(ops.minimum)


@register()
class Concatenate(Merge):
    """Join tensors end to end along an axis.

    Args:
        axis: along which they are joined; the other lengths must be equal.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the axis is no integer.
        ShapeError: on the call, there is no list of tensors, or their shapes do not fit.

    Example:
        >>> import numpy as np
        >>> Concatenate()([np.array([[1.0, 2.0]]), np.array([[3.0]])]).numpy()
        array([[1., 2., 3.]], dtype=float32)
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = _require_axis("axis", axis)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        self._require_list(inputs)
        return self.combine(inputs)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Tensor | None:
        """What counts in one of the inputs counts, along the other axes than the last."""
        masks = _listed_masks(self.name, inputs, previous_mask)
        if all(mask is None for mask in masks):
            return None
        spread = [_spread_mask(mask, tensor) for mask, tensor in zip(masks, inputs, strict=True)]
        return ops.any(ops.concatenate(spread, self.axis), axis=-1)

    def combine(self, inputs: Sequence[Tensor]) -> Tensor:
        """All of them in one tensor of the common dtype."""
        axis = axis_within(self.name, self.axis, inputs[0].shape)
        others = {(*x.shape[:axis], *x.shape[axis + 1 :], x.ndim) for x in inputs}
        if len(others) > 1:
            raise ShapeError(
                f"Layer {self.name!r} joins tensors whose lengths are equal but for axis "
                f"{self.axis}. Got shapes {_shapes(inputs)}."
            )
        dtype = promote(*(tensor.dtype for tensor in inputs))
        return ops.concatenate([tensor.cast(dtype) for tensor in inputs], axis)


@register()
class Dot(Merge):
    """Dot products of two tensors, example by example.

    Along one axis of each, (batch, n) and (batch, n) give (batch, 1); (batch, a, n) and
    (batch, b, n) with ``axes=2`` give (batch, a, b): y_ij = sum_k a_ik b_jk.

    Args:
        axes: the axis that is summed over, or one for each input; not the batch, 0.
        normalize: whether both are divided by their length along that axis first, which gives
            the cosine of the angle between them.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: axes is neither an integer nor two of them, or names the batch.
        ShapeError: on the call, there are not two tensors, or the lengths of the axes differ.

    Example:
        >>> import numpy as np
        >>> Dot(axes=1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).numpy()
        array([[11.]], dtype=float32)
    """

    least = most = 2

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        pair: tuple[Any, ...] = tuple(axes) if isinstance(axes, list | tuple) else (axes, axes)
        for axis in pair:
            _require_axis("axes", axis)
        if len(pair) != 2 or 0 in pair:
            raise ArgumentError(
                f"axes must be one axis or two, and not 0, the batch. Got {axes!r}."
            )
        self.axes = axes if isinstance(axes, int) else pair
        self.normalize = bool(normalize)
        self._pair = pair

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """The axes of the result are others."""

    def combine(self, inputs: Sequence[Tensor]) -> Tensor:
        """Bring the axes to where a matrix product sums, and multiply."""
        axes = [
            axis_within(self.name, axis, x.shape)
            for axis, x in zip(self._pair, inputs, strict=True)
        ]
        lengths = {x.shape[axis] for x, axis in zip(inputs, axes, strict=True)}
        if 0 in axes or len(lengths) > 1:
            raise ShapeError(
                f"Layer {self.name!r} multiplies along axes {self._pair} of one length, none of "
                f"them the batch. Got shapes {_shapes(inputs)}."
            )
        if self.normalize:
            inputs = [
                normalized(x.cast(self.dtype), axis) for x, axis in zip(inputs, axes, strict=True)
            ]
        (a, rows), (b, columns) = map(_as_rows, inputs, axes)
        products = a @ ops.transpose(b, (0, 2, 1))  # (batch, rows, columns)
        return products.reshape((a.shape[0], *(rows + columns or (1,))))


def _listed_masks(layer: str, inputs: Any, masks: Any) -> list[Any]:
    """A mask, or ``None``, for each of the inputs."""
    if masks is None:
        return [None] * len(inputs)
    if not isinstance(masks, list | tuple) or len(masks) != len(inputs):
        raise ArgumentError(
            f"Layer {layer!r} wants a list of masks, one or None for each of {len(inputs)} inputs. "
            f"Got {shown(masks)}."
        )
    return list(masks)


def _spread_mask(mask: Tensor | None, like: Tensor) -> Tensor:
    """The mask with the shape of its tensor."""
    if mask is None:
        return ops.ones_like(like, dtype="bool")
    while mask.ndim < like.ndim:
        mask = ops.expand_dims(mask, -1)
    return ops.broadcast_to(mask, like.shape)


def _as_rows(x: Tensor, axis: int) -> tuple[Tensor, tuple[int, ...]]:
    """The tensor as (batch, rows, axis), and the lengths that the rows are made of."""
    kept = [number for number in range(1, x.ndim) if number != axis]
    rows = tuple(x.shape[number] for number in kept)
    moved = ops.transpose(x, (0, *kept, axis))
    return moved.reshape(x.shape[0], prod(rows), x.shape[axis]), rows


def _require_axis(name: str, axis: Any) -> int:
    if not isinstance(axis, int) or isinstance(axis, bool):
        raise ArgumentError(f"{name} must be made of integers. Got {axis!r}.")
    return axis


def _shapes(inputs: Sequence[Tensor]) -> str:
    return ", ".join(str(tensor.shape) for tensor in inputs)


@checked
def add(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Sum of several tensors; see ``Add``."""
    total: Tensor = Add(**kwargs)(inputs)
    return total


@checked
def subtract(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Difference of two tensors; see ``Subtract``."""
    difference: Tensor = Subtract(**kwargs)(inputs)
    return difference


@checked
def multiply(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Product of several tensors; see ``Multiply``."""
    product: Tensor = Multiply(**kwargs)(inputs)
    return product


@checked
def average(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Mean of several tensors; see ``Average``."""
    mean: Tensor = Average(**kwargs)(inputs)
    return mean


@checked
def maximum(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """The largest of several tensors; see ``Maximum``."""
    largest: Tensor = Maximum(**kwargs)(inputs)
    return largest


@checked
def minimum(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """The smallest of several tensors; see ``Minimum``."""
    smallest: Tensor = Minimum(**kwargs)(inputs)
    return smallest


@checked
def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Tensor:
    """Several tensors joined end to end; see ``Concatenate``."""
    joined: Tensor = Concatenate(axis, **kwargs)(inputs)
    return joined


@checked
def dot(inputs: Sequence[Any], axes: int | Sequence[int] = -1, **kwargs: Any) -> Tensor:
    """Dot products of two tensors; see ``Dot``."""
    products: Tensor = Dot(axes, **kwargs)(inputs)
    return products
