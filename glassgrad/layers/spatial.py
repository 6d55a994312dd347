"""What layers over space have in common: data formats, and the lengths that come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor
from glassgrad.layers.input_spec import InputSpec
from glassgrad.layers.layer import Layer, Shape
from glassgrad.ops.spatial import channels_last

__all__ = ["Lengths", "SpatialLayer", "data_format_of", "padding_word"]

Lengths = int | Sequence[int]


class SpatialLayer(Layer):
    """The base of layers on (batch, *space, channels).

    A subclass says how many axes of space there are, how long each becomes, and what is computed.

    Args:
        data_format: "channels_last", the default, or "channels_first" for inputs (batch,
            channels, *space), whose axes are moved on the way in and out.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the data format is another.
    """

    rank: ClassVar[int]
    """How many axes of space there are."""

    input_spec: InputSpec

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format_of(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    # ---- what a subclass writes

    def _transformed(self, x: Tensor) -> Tensor:
        """What the layer computes of (batch, *space, channels)."""
        raise NotImplementedError

    def _length(self, axis: int, length: int) -> int:
        """How long an axis of space becomes; less than 1 where the input is too short."""
        raise NotImplementedError

    def _channels(self, channels: int | None) -> int | None:
        """How many channels come out."""
        return channels

    # ---- what follows

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)  # or say, by the layer's name, what does not fit
        return channels_last(self._transformed, inputs, self.data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.input_spec.check(self.name, input_shape)
        space = [
            None if length is None else self._checked_length(axis, length, input_shape)
            for axis, length in enumerate(self._space(input_shape))
        ]
        return self._arranged(input_shape[0], space, self._channels(input_shape[self.channel_axis]))

    @property
    def channel_axis(self) -> int:
        """Where the channels lie."""
        return -1 if self.data_format == "channels_last" else 1

    def _space(self, shape: Shape) -> Shape:
        return shape[1:-1] if self.data_format == "channels_last" else shape[2:]

    def _arranged(
        self, batch: int | None, space: Sequence[int | None], channels: int | None
    ) -> Shape:
        if self.data_format == "channels_last":
            return (batch, *space, channels)
        return (batch, channels, *space)

    def _checked_length(self, axis: int, length: int, input_shape: Shape) -> int:
        after = self._length(axis, length)
        if after < 1:
            raise ShapeError(
                f"Layer {self.name!r} leaves nothing of axis {axis + 1} of space, of length "
                f"{length}. Full shape received: {tuple(input_shape)}."
            )
        return after


def data_format_of(data_format: str | None) -> str:
    """The data format; where none is given, the channels are last.

    Raises:
        ArgumentError: it is another one.
    """
    if data_format not in (None, "channels_last", "channels_first"):
        raise ArgumentError(
            f"data_format must be 'channels_last' or 'channels_first'. Got {data_format!r}."
        )
    return data_format or "channels_last"


def padding_word(padding: str, *words: str) -> str:
    """How a layer pads, in lower case.

    Raises:
        ArgumentError: it is none of the words.
    """
    word = padding.lower()
    if word not in words:
        raise ArgumentError(f"padding must be one of {', '.join(words)}. Got {padding!r}.")
    return word
