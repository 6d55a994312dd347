"""The shape of what goes into a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glassgrad.errors import ArgumentError
from glassgrad.graph.dtypes import default_float, resolve_dtype
from glassgrad.layers.layer import Shape, register
from glassgrad.naming import unique_name
from glassgrad.serialization import Configurable

__all__ = ["Input", "InputLayer"]


@register()
@dataclass(frozen=True, init=False)
class InputLayer(Configurable):
    """The description of a model's input, as its first element; ``Input`` makes one.

    Args:
        shape: the shape of one example, without the batch; ``None`` for an open length.
        batch_size: the length of a batch, ``None`` for any.
        dtype: the dtype of the input; the default float (float32) by default.
        name: what it is called; "input_layer", numbered, by default.

    Raises:
        ArgumentError: the shape is no sequence of positive lengths.
        DtypeError: the dtype is unknown.
    """

    shape: Shape
    batch_size: int | None
    dtype: str
    name: str

    def __init__(
        self,
        shape: Sequence[int | None],
        batch_size: int | None = None,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        if isinstance(shape, int | str) or not all(map(_is_length, shape)):
            raise ArgumentError(
                "The shape of an input must be a sequence of positive integers, without the "
                f"batch, such as (784,). Got {shape!r}."
            )
        if not _is_length(batch_size):
            raise ArgumentError(
                f"The batch size must be a positive integer or None. Got {batch_size!r}."
            )
        chosen = default_float() if dtype is None else resolve_dtype(dtype)
        object.__setattr__(self, "shape", tuple(shape))
        object.__setattr__(self, "batch_size", batch_size)
        object.__setattr__(self, "dtype", str(chosen))
        object.__setattr__(self, "name", name or unique_name("input_layer"))

    @property
    def batch_shape(self) -> Shape:
        """The shape with the batch in front."""
        return (self.batch_size, *self.shape)


def Input(  # noqa: N802 -- Keras's name
    shape: Sequence[int | None],
    batch_size: int | None = None,
    dtype: Any = None,
    name: str | None = None,
) -> InputLayer:
    """Describe the input of a model, as its first element.

    Args:
        shape: the shape of one example, without the batch; ``None`` for an open length.
        batch_size: the length of a batch, ``None`` for any.
        dtype: the dtype of the input; the default float (float32) by default.
        name: what it is called; "input_layer", numbered, by default.

    Raises:
        ArgumentError: the shape is no sequence of positive lengths.
        DtypeError: the dtype is unknown.

    Example:
        >>> Input((28, 28), name="image").batch_shape
        (None, 28, 28)
    """
    return InputLayer(shape, batch_size, dtype, name)


def _is_length(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
