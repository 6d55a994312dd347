"""Layers that show training each image a little differently: flipped, shifted, turned, zoomed.

Each says where a pixel of the result comes from in the original; reading there is one operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, pi
from typing import Any

import numpy as np

from glassgrad import ops
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, constant
from glassgrad.layers.layer import register
from glassgrad.layers.regularization import Noise, Source
from glassgrad.ops.random import RandomUniform
from glassgrad.ops.sampling import FILL_MODES, INTERPOLATIONS, sample_images

__all__ = ["RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom"]

Factor = float | Sequence[float]

FLIPS = ("horizontal", "vertical", "horizontal_and_vertical")
DATA_FORMATS = ("channels_last", "channels_first")


class Augmentation(Noise):
    """The base: in training each image is read at other places, which ``places`` draws for it.

    Args:
        seed: an integer for random numbers of its own; ``None`` follows the model's seed.
        data_format: "channels_last" or "channels_first".
        kwargs: name, trainable and dtype, see ``Layer``.
    """

    interpolation = "nearest"
    fill_mode = "nearest"
    fill_value = 0.0
    supports_masking = False  # what a mask says of places would have to move with them

    def __init__(
        self, seed: int | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed, **kwargs)
        self.data_format = _known("data_format", data_format or "channels_last", DATA_FORMATS)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if inputs.ndim != 4:
            raise ShapeError(
                f"Layer {self.name!r} expected 4 axes, found {inputs.ndim}. Full shape received: "
                f"{inputs.shape}. A single image becomes a batch by x[None]; images of gray pixels "
                "get their channel by layers.Reshape((height, width, 1))."
            )
        images = inputs.cast(self.dtype)
        return self.disturb(images, self._source()) if training else images

    def disturb(self, inputs: Tensor, source: Source) -> Tensor:
        """The images, read at the places drawn."""
        is_first = self.data_format == "channels_first"
        images = inputs.transpose(0, 2, 3, 1) if is_first else inputs
        batch, height, width, _ = images.shape
        drawn = RandomUniform((2, batch, 1, 1), source.stream, str(images.dtype))(
            source.seed, source.step
        )
        rows = constant(np.arange(height).reshape(1, height, 1), images.dtype)
        columns = constant(np.arange(width).reshape(1, 1, width), images.dtype)
        rows, columns = self.places(rows, columns, drawn[0], drawn[1])
        read = sample_images(
            images, rows, columns, self.interpolation, self.fill_mode, self.fill_value
        )
        return read.transpose(0, 3, 1, 2) if is_first else read

    def places(
        self, rows: Tensor, columns: Tensor, first: Tensor, second: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Where the pixels of the result come from.

        Args:
            rows: the numbers of the rows, from 0, (1, height, 1).
            columns: the numbers of the columns, (1, 1, width).
            first: a number from [0, 1) for each image, (batch, 1, 1).
            second: another one.

        Returns:
            The rows and columns to be read, of shapes that broadcast to (batch, height, width).
        """
        raise NotImplementedError(f"{type(self).__name__} must write places(…).")


class Resampling(Augmentation):
    """The base of those that read between pixels and beyond the edges.

    Args:
        fill_mode: what stands beyond the edges, see ``RandomTranslation``.
        interpolation: "bilinear" or "nearest".
        seed: an integer for random numbers of its own; ``None`` follows the model's seed.
        fill_value: what stands beyond the edges where the fill mode is "constant".
        data_format: "channels_last" or "channels_first".
        kwargs: name, trainable and dtype, see ``Layer``.
    """

    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.fill_mode = _known("fill_mode", fill_mode, FILL_MODES)
        self.interpolation = _known("interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = float(fill_value)


@register()
class RandomFlip(Augmentation):
    """In training, mirror every other image, drawn at random.

    As in Keras, "horizontal_and_vertical" decides once for both: it turns an image by half a turn
    or leaves it. Two layers, one for each direction, decide independently.

    Args:
        mode: "horizontal" exchanges left and right, "vertical" top and bottom,
            "horizontal_and_vertical" both.
        seed: an integer for random numbers of its own; ``None`` follows the model's seed.
        data_format: "channels_last" (the default) for (batch, height, width, channels), or
            "channels_first".
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: mode, seed or data format is none of these.
        ShapeError: on the call, the images do not have four axes.
        GraphError: on the call, the trace under way is for training and has no random state.

    Example:
        >>> from glassgrad.random_seed import set_random_seed
        >>> set_random_seed(1)
        >>> image = [[[[1.0], [2.0], [3.0]]]]
        >>> RandomFlip("horizontal")(image, training=True).numpy().ravel()
        array([3., 2., 1.], dtype=float32)
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.mode = _known("mode", mode, FLIPS)

    def places(
        self, rows: Tensor, columns: Tensor, first: Tensor, second: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The same, or counted from the other end."""
        is_flipped = first <= 0.5
        if "vertical" in self.mode.split("_and_"):
            rows = ops.where(is_flipped, rows.shape[1] - 1.0 - rows, rows)
        if "horizontal" in self.mode.split("_and_"):
            columns = ops.where(is_flipped, columns.shape[2] - 1.0 - columns, columns)
        return rows, columns


@register()
class RandomTranslation(Resampling):
    """In training, shift each image by a random part of its height and width.

    Args:
        height_factor: how far down, as a part of the height: the largest part f, for a number from
            [-f, f), or the two ends of the range; within [-1, 1].
        width_factor: how far to the right, likewise.
        fill_mode: what stands beyond the edges of a b c d. "reflect": b a | a b c d | d c;
            "wrap": c d | a b c d | a b; "nearest": a a | a b c d | d d; "constant": the
            ``fill_value``.
        interpolation: "bilinear" weighs the four pixels around a place, "nearest" takes one.
        seed: an integer for random numbers of its own; ``None`` follows the model's seed.
        fill_value: what stands beyond the edges where the fill mode is "constant".
        data_format: "channels_last" (the default) for (batch, height, width, channels), or
            "channels_first".
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: a factor is outside its range, or a name or the seed is none of these.
        ShapeError: on the call, the images do not have four axes.
        GraphError: on the call, the trace under way is for training and has no random state.

    Example:
        >>> shift = RandomTranslation(0.0, (0.5, 0.5), "constant")  # by half the width, always
        >>> shift([[[[1.0], [2.0], [3.0], [4.0]]]], training=True).numpy().ravel()
        array([0., 0., 1., 2.], dtype=float32)
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor = _factor("height_factor", height_factor)
        self.width_factor = _factor("width_factor", width_factor)

    def places(
        self, rows: Tensor, columns: Tensor, first: Tensor, second: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What lies as far up and to the left as the image is shifted."""
        down = _within(self.height_factor, first) * rows.shape[1]
        right = _within(self.width_factor, second) * columns.shape[2]
        return rows - down, columns - right


@register()
class RandomRotation(Resampling):
    """In training, turn each image around its centre by a random part of a full turn.

    Args:
        factor: how far, counter-clockwise, as a part of a full turn: the largest part f, for a
            number from [-f, f), or the two ends of the range; within [-1, 1].
        fill_mode: what stands beyond the edges, see ``RandomTranslation``.
        interpolation: "bilinear" weighs the four pixels around a place, "nearest" takes one.
        seed: an integer for random numbers of its own; ``None`` follows the model's seed.
        fill_value: what stands beyond the edges where the fill mode is "constant".
        data_format: "channels_last" (the default) for (batch, height, width, channels), or
            "channels_first".
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the factor is outside its range, or a name or the seed is none of these.
        ShapeError: on the call, the images do not have four axes.
        GraphError: on the call, the trace under way is for training and has no random state.

    Example:
        >>> turn = RandomRotation((0.25, 0.25))  # by a quarter, always
        >>> turn([[[[1.0], [2.0]], [[3.0], [4.0]]]], training=True).numpy().round(5).ravel()
        array([2., 4., 1., 3.], dtype=float32)
    """

    def __init__(
        self,
        factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = _factor("factor", factor)

    def places(
        self, rows: Tensor, columns: Tensor, first: Tensor, second: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What the turn moves here: the place, turned back around the centre."""
        angle = _within(self.factor, first) * (2 * pi)
        cosine, sine = ops.cos(angle), ops.sin(angle)
        middle, centre = (rows.shape[1] - 1) / 2, (columns.shape[2] - 1) / 2
        down, right = rows - middle, columns - centre
        return (
            right * sine + down * cosine + middle,
            right * cosine - down * sine + centre,
        )


@register()
class RandomZoom(Resampling):
    """In training, zoom each image around its centre by a random factor.

    Args:
        height_factor: by how much more of the height is seen: the largest part f, for a number
            from [-f, f), or the two ends of the range; above 0 the image becomes smaller (zooming
            out), below 0 larger (zooming in); within (-1, 1].
        width_factor: the same for the width; ``None`` keeps the image's proportions.
        fill_mode: what stands beyond the edges, see ``RandomTranslation``.
        interpolation: "bilinear" weighs the four pixels around a place, "nearest" takes one.
        seed: an integer for random numbers of its own; ``None`` follows the model's seed.
        fill_value: what stands beyond the edges where the fill mode is "constant".
        data_format: "channels_last" (the default) for (batch, height, width, channels), or
            "channels_first".
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: a factor is outside its range, or a name or the seed is none of these.
        ShapeError: on the call, the images do not have four axes.
        GraphError: on the call, the trace under way is for training and has no random state.

    Example:
        >>> closer = RandomZoom((-0.5, -0.5))  # half of the image is seen, always
        >>> closer([[[[0.0], [2.0], [4.0]]]], training=True).numpy().ravel()
        array([1., 2., 3.], dtype=float32)
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor = _factor("height_factor", height_factor, may_vanish=False)
        self.width_factor = (
            None if width_factor is None else _factor("width_factor", width_factor, False)
        )

    def places(
        self, rows: Tensor, columns: Tensor, first: Tensor, second: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What is as many times as far from the centre."""
        down = 1.0 + _within(self.height_factor, first)
        right = down if self.width_factor is None else 1.0 + _within(self.width_factor, second)
        middle, centre = (rows.shape[1] - 1) / 2, (columns.shape[2] - 1) / 2
        return (rows - middle) * down + middle, (columns - centre) * right + centre


def _factor(name: str, value: Any, may_vanish: bool = True) -> Factor:
    """A number or two, as a configuration holds them.

    Raises:
        ArgumentError: they are outside [-1, 1], or are -1 where nothing would be left.
    """
    is_pair = isinstance(value, list | tuple) and len(value) == 2
    ends = value if is_pair else (value,)
    is_number = [isinstance(end, int | float | np.number) and isfinite(end) for end in ends]
    least = -1.0 if may_vanish else np.nextafter(-1.0, 0.0)
    if not (all(is_number) and all(least <= end <= 1.0 for end in ends)):
        bracket = "[" if may_vanish else "("
        raise ArgumentError(
            f"{name} must be a number in {bracket}-1, 1], or a pair of such. Got {value!r}."
        )
    numbers = [float(end) for end in ends]
    return numbers if is_pair else numbers[0]


def _within(factor: Factor, share: Tensor) -> Tensor:
    """The number that lies a share of the way from the lower to the upper end."""
    ends = (-abs(factor), abs(factor)) if isinstance(factor, float) else sorted(factor)
    low, high = ends
    return low + share * (high - low)


def _known(name: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise ArgumentError(f"{name} must be one of {', '.join(map(repr, known))}. Got {value!r}.")
    return value
