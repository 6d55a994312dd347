"""Dropout of whole channels over space."""

from __future__ import annotations

from typing import Any, ClassVar

from glassgrad.graph import Tensor
from glassgrad.layers.input_spec import InputSpec
from glassgrad.layers.layer import register
from glassgrad.layers.regularization import Noise, Source, require_rate
from glassgrad.layers.spatial import data_format_of

__all__ = ["SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"]


class SpatialDropout(Noise):
    """The base: whole channels are silenced, each example by itself.

    Args:
        rate: the part of the channels that is silenced, in [0, 1).
        data_format: where the channels are: "channels_last", or "channels_first".
        seed: an integer for masks of its own; ``None`` follows the model's seed.
        name: what it is called.
        dtype: of the layer, see ``Layer``.
    """

    rank: ClassVar[int]

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(seed, name=name, dtype=dtype)
        self.rate = require_rate(rate)
        self.data_format = data_format_of(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def disturb(self, inputs: Tensor, source: Source) -> Tensor:
        """Channels of zeros."""
        channels = inputs.ndim - 1 if self.data_format == "channels_last" else 1
        shape = [n if axis in (0, channels) else 1 for axis, n in enumerate(inputs.shape)]
        return source.dropped(inputs, self.rate, shape)


@register()
class SpatialDropout1D(SpatialDropout):
    """Dropout of whole channels: (batch, steps, channels), where neighbouring steps are alike.

    Args:
        rate: the part of the channels that is silenced, in [0, 1).
        seed: an integer for masks of its own; ``None`` follows the model's seed.
        name: what it is called.
        dtype: of the layer, see ``Layer``.

    Raises:
        ArgumentError: the rate is outside [0, 1), or the seed is no integer from 0.
        ShapeError: on the call, the input has not three axes.

    Example:
        >>> SpatialDropout1D(0.5)([[[1.0, 2.0], [3.0, 4.0]]]).shape
        (1, 2, 2)

    Source: Tompson, Goroshin, Jain, LeCun, Bregler, "Efficient object localization using
    convolutional networks", 2015.
    """

    rank = 1

    def __init__(
        self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(rate, None, seed, name, dtype)


@register()
class SpatialDropout2D(SpatialDropout):
    """Dropout of whole channels: (batch, height, width, channels), where neighbours are alike.

    Args:
        rate: the part of the channels that is silenced, in [0, 1).
        data_format: "channels_last", the default, or "channels_first".
        seed: an integer for masks of its own; ``None`` follows the model's seed.
        name: what it is called.
        dtype: of the layer, see ``Layer``.

    Raises:
        ArgumentError: the rate is outside [0, 1), the seed is no integer from 0, or the data
            format is another one.
        ShapeError: on the call, the input has not four axes.

    Example:
        >>> SpatialDropout2D(0.5)([[[[1.0, 2.0], [3.0, 4.0]]]]).shape
        (1, 1, 2, 2)

    Source: Tompson, Goroshin, Jain, LeCun, Bregler, "Efficient object localization using
    convolutional networks", 2015.
    """

    rank = 2


@register()
class SpatialDropout3D(SpatialDropout):
    """Dropout of whole channels: (batch, depth, height, width, channels).

    Args:
        rate: the part of the channels that is silenced, in [0, 1).
        data_format: "channels_last", the default, or "channels_first".
        seed: an integer for masks of its own; ``None`` follows the model's seed.
        name: what it is called.
        dtype: of the layer, see ``Layer``.

    Raises:
        ArgumentError: the rate is outside [0, 1), the seed is no integer from 0, or the data
            format is another one.
        ShapeError: on the call, the input has not five axes.

    Example:
        >>> SpatialDropout3D(0.5)([[[[[1.0, 2.0], [3.0, 4.0]]]]]).shape
        (1, 1, 1, 2, 2)

    Source: Tompson, Goroshin, Jain, LeCun, Bregler, "Efficient object localization using
    convolutional networks", 2015.
    """

    rank = 3
