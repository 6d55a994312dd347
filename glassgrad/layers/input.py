"""Where data enter a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError
from glassgrad.graph.dtypes import default_float, resolve_dtype
from glassgrad.graph.symbolic import SymbolicTensor, source
from glassgrad.layers.layer import Layer, Shape, register
from glassgrad.naming import unique_name

__all__ = ["Input", "InputLayer"]


@register()
class InputLayer(Layer):
    """An input of a model: its shape and dtype, and the symbolic tensor that stands for it.

    Args:
        shape: the shape of one example, without the batch; ``None`` for an open length.
        batch_size: the length of a batch, ``None`` for any.
        dtype: the dtype of the input; the default float (float32) by default.
        sparse: accepted as in Keras; nothing but the default is taken, nor of the next ones.
        ragged: as ``sparse``.
        batch_shape: the shape with the batch in front, instead of the first two.
        input_tensor: as ``sparse``.
        optional: as ``sparse``.
        name: what it is called; "input_layer", numbered, by default.

    Raises:
        ArgumentError: the shape is no sequence of positive lengths, or is given twice or not.
        DtypeError: the dtype is unknown.

    Example:
        >>> InputLayer((28, 28), name="image").output
        <SymbolicTensor 'image' float32[None, 28, 28]>
    """

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: None = None,
        optional: bool = False,
        name: str | None = None,
    ) -> None:
        _refuse_others(sparse=sparse, ragged=ragged, input_tensor=input_tensor, optional=optional)
        chosen = default_float() if dtype is None else resolve_dtype(dtype)
        super().__init__(name=name or unique_name("input_layer"), dtype=chosen)
        self.batch_shape = _batch_shape(shape, batch_size, batch_shape)
        self.built = True
        self._symbol = source(self.batch_shape, chosen, self)

    @property
    def shape(self) -> Shape:
        """The shape of one example."""
        return self.batch_shape[1:]

    @property
    def batch_size(self) -> int | None:
        """The length of a batch, ``None`` for any."""
        return self.batch_shape[0]

    @property
    def output(self) -> SymbolicTensor:
        """The symbolic tensor that stands for the input."""
        return self._symbol

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Shape, dtype and name."""
        return {
            "shape": list(self.shape),
            "batch_size": self.batch_size,
            "dtype": str(self.dtype),
            "name": self.name,
        }


def Input(  # noqa: N802 -- Keras's name
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: None = None,
    optional: bool = False,
) -> SymbolicTensor:
    """Begin a model: a symbolic tensor that stands for the data.

    Args:
        shape: the shape of one example, without the batch; ``None`` for an open length.
        batch_size: the length of a batch, ``None`` for any.
        dtype: the dtype of the input; the default float (float32) by default.
        sparse: accepted as in Keras; nothing but the default is taken, nor of the next ones.
        ragged: as ``sparse``.
        batch_shape: the shape with the batch in front, instead of the first two.
        name: what it is called; "input_layer", numbered, by default.
        tensor: as ``sparse``.
        optional: as ``sparse``.

    Raises:
        ArgumentError: the shape is no sequence of positive lengths, or is given twice or not.
        DtypeError: the dtype is unknown.

    Example:
        >>> Input((28, 28), name="image").shape
        (None, 28, 28)
    """
    return InputLayer(
        shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name
    ).output


def _refuse_others(**arguments: Any) -> None:
    """Refuse kinds of inputs that there are not."""
    for name, value in arguments.items():
        if value:
            raise ArgumentError(
                f"Inputs are dense arrays that come with every batch. Got {name}={value!r}; "
                "leave it out."
            )


def _batch_shape(
    shape: Sequence[int | None] | None,
    batch_size: int | None,
    batch_shape: Sequence[int | None] | None,
) -> Shape:
    """The one shape that is meant, checked."""
    if (shape is None) == (batch_shape is None) or not (batch_shape is None or batch_size is None):
        raise ArgumentError(
            "An input has a shape, such as (784,), or a batch_shape, such as (None, 784). Got "
            f"shape={shape!r}, batch_size={batch_size!r}, batch_shape={batch_shape!r}."
        )
    given: Any = shape if batch_shape is None else batch_shape  # whatever the type says
    if isinstance(given, int | str) or not all(map(_is_length, given)):
        raise ArgumentError(
            "The shape of an input must be a sequence of positive integers, without the "
            f"batch, such as (784,). Got {given!r}."
        )
    if not _is_length(batch_size):
        raise ArgumentError(
            f"The batch size must be a positive integer or None. Got {batch_size!r}."
        )
    lengths = (batch_size, *given) if batch_shape is None else tuple(batch_shape)
    if not lengths:
        raise ArgumentError("A batch_shape has the batch in front, such as (None, 784). Got ().")
    return tuple(None if length is None else int(length) for length in lengths)


def _is_length(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) > 0
