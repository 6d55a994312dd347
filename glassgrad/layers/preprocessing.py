"""Layers that prepare raw data, so that a model file takes the data as they are."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from glassgrad import ops
from glassgrad.errors import ArgumentError, NotBuiltError, ShapeError
from glassgrad.graph import Tensor, Variable, constant, current_trace
from glassgrad.graph.dtypes import to_array
from glassgrad.graph.operation import Array
from glassgrad.layers.fitting import Moments, batches_of, finite
from glassgrad.layers.input_spec import InputSpec, axis_within, checked_axis
from glassgrad.layers.layer import Layer, Shape, register

__all__ = ["Normalization", "Rescaling"]

EPSILON = 1e-7
"""The smallest standard deviation that is divided by: a constant column becomes 0."""


@register()
class Rescaling(Layer):
    """Map stored numbers to another range: y = x · scale + offset.

    Integers, such as the pixels of an image, become floats of the layer's dtype. Pixels from 0 to
    255 come into [0, 1] by ``Rescaling(1 / 255)``, into [-1, 1] by ``Rescaling(1 / 127.5, -1)``.

    Args:
        scale: a number, or one for each channel (the last axis).
        offset: a number, or one for each channel.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: scale or offset is no finite number or list of them.

    Example:
        >>> import numpy as np
        >>> Rescaling(1 / 255)(np.array([0, 255], np.uint8)).numpy()
        array([0., 1.], dtype=float32)
    """

    supports_masking = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = _numbers("scale", scale), _numbers("offset", offset)

    def call(self, inputs: Tensor) -> Tensor:
        values = inputs.cast(self.dtype)
        return values * constant(self.scale, self.dtype) + constant(self.offset, self.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)


@register()
class Normalization(Layer):
    """Mean 0 and variance 1, by statistics of the data: y = (x - mean) / max(sqrt(variance), 1e-7).

    Either ``adapt`` learns the statistics from data, before training and from the training part
    alone, or they are given. They are saved with the model, and no optimizer changes them.

    Args:
        axis: the axis or axes whose positions have statistics of their own; the last by default,
            one for each column of a table. ``None`` for one mean and variance of all numbers.
        mean: the mean, a number or an array with the shape of the axes; learnt by default.
        variance: the variance, of the same shape.
        invert: whether to go back: y = mean + x max(sqrt(variance), 1e-7).
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: axis is made of something else than integers, only one of mean and variance
            is given, or they are no finite numbers of one shape.
        ShapeError: on the call, there is no such axis, it is the batch, or its length is another.
        NotBuiltError: on the call, there are no statistics yet.

    Example:
        >>> layer = Normalization()
        >>> layer.adapt([[1.0, 10.0], [3.0, 30.0]])
        >>> layer([[2.0, 30.0]]).numpy()
        array([[0., 1.]], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = _axes(axis)
        self.invert = bool(invert)
        self.input_mean, self.input_variance = _statistics(mean, variance, len(self.axis))
        self.adapt_mean: Variable | None = None
        self.adapt_variance: Variable | None = None
        self._kept: dict[int, int] = {}  # axes with statistics, and their lengths

    def build(self, input_shape: Shape) -> None:
        if 0 in (axis_within(self.name, axis, input_shape) for axis in self.axis):
            raise ShapeError(
                f"Layer {self.name!r} has statistics for each position of axis {self.axis}, and "
                "the first axis is the batch. Write axis=None for one mean of all numbers. Full "
                f"shape received: {tuple(input_shape)}."
            )
        self._kept = dict(sorted(checked_axis(self.name, a, input_shape) for a in self.axis))
        self.input_spec = InputSpec(ndim=len(input_shape), axes=self._kept)
        lengths = tuple(self._kept.values())
        if self.input_mean is not None:
            self._require_fit(lengths)
            return
        self.adapt_mean = self.add_weight(lengths, "zeros", trainable=False, name="mean")
        self.adapt_variance = self.add_weight(lengths, "ones", trainable=False, name="variance")
        self.count = self.add_weight((), "zeros", "int64", trainable=False, name="count")

    def adapt(self, data: Any) -> None:
        """Learn mean and variance; what was learnt before is forgotten.

        They are taken in float64, in one pass over the batches, and the result does not depend on
        how the data are cut into batches.

        Args:
            data: an array of examples, or an iterable of batches of them.

        Raises:
            ArgumentError: mean and variance were given, or the data are nothing of these.
            DataError: there are no examples, or something else than finite numbers.
            ShapeError: the examples do not fit the layer.
        """
        if self.input_mean is not None:
            raise ArgumentError(
                f"Layer {self.name!r} was given its mean and variance, so there is nothing to "
                "adapt. Leave both out."
            )
        moments = Moments()
        for batch in batches_of(data):
            if not self.built:
                self.build((None, *batch.shape[1:]))
            if self.input_spec is not None:
                self.input_spec.check(self.name, batch.shape)
            others = tuple(a for a in range(batch.ndim) if a not in self._kept)
            moments.add(finite(self.name, batch), others)
        if self.adapt_mean is not None and self.adapt_variance is not None:
            self.adapt_mean.assign(moments.mean)
            self.adapt_variance.assign(moments.variance)
            self.count.assign(moments.count)

    @property
    def mean(self) -> Tensor | None:
        """The mean, in a shape that broadcasts to the input; ``None`` before the layer is built."""
        return self._statistic(self.input_mean, self.adapt_mean)

    @property
    def variance(self) -> Tensor | None:
        """The variance, in a shape that broadcasts to the input."""
        return self._statistic(self.input_variance, self.adapt_variance)

    def call(self, inputs: Tensor) -> Tensor:
        mean, variance = self.mean, self.variance
        if mean is None or variance is None or not self._is_ready():
            raise NotBuiltError(
                f"Layer {self.name!r} has no mean and variance yet: call adapt(data) with the "
                "training data before the model is used, or pass mean and variance."
            )
        x = inputs.cast(self.dtype)
        spread: Tensor = ops.maximum(ops.sqrt(variance), EPSILON)
        return mean + x * spread if self.invert else (x - mean) / spread

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)

    def _argument(self, name: str) -> Any:
        given = {"mean": self.input_mean, "variance": self.input_variance}
        return given[name] if name in given else super()._argument(name)

    def _is_ready(self) -> bool:
        """Whether there are statistics, where numbers are asked for and not only shapes."""
        trace = current_trace()
        if self.adapt_mean is None or self.adapt_variance is None or not (trace and trace.runs):
            return True
        mean, variance = self.adapt_mean.numpy(), self.adapt_variance.numpy()
        is_loaded = mean.any() or (variance != 1).any()  # by set_weights, without a count
        return bool(self.count.numpy() > 0 or is_loaded)

    def _statistic(self, given: Any, learnt: Variable | None) -> Tensor | None:
        if not self.built or self.input_spec is None:
            return None
        along = tuple(self._kept.get(axis, 1) for axis in range(self.input_spec.ndim or 0))
        if learnt is not None:
            return learnt.reshape(along)
        whole = np.broadcast_to(np.asarray(given, self.dtype), tuple(self._kept.values()))
        return constant(whole.reshape(along), self.dtype)

    def _require_fit(self, lengths: tuple[int, ...]) -> None:
        shape = np.shape(self.input_mean)
        try:
            fits = np.broadcast_shapes(shape, lengths) == lengths
        except ValueError:
            fits = False
        if not fits:
            raise ShapeError(
                f"Layer {self.name!r} has mean and variance of shape {shape}, and its axes "
                f"{self.axis} have the lengths {lengths}."
            )


def _axes(axis: Any) -> tuple[int, ...]:
    given = () if axis is None else axis if isinstance(axis, list | tuple) else (axis,)
    try:
        return tuple(index(one) for one in given)
    except TypeError:
        raise ArgumentError(
            f"axis must be an integer, several of them, or None. Got {axis!r}."
        ) from None


def _statistics(mean: Any, variance: Any, rank: int) -> tuple[Any, Any]:
    """Mean and variance as plain numbers, or ``None`` twice."""
    if mean is None and variance is None:
        return None, None
    arrays: list[Array] = []
    try:
        arrays = [to_array(one, "float64") for one in (mean, variance)]
        is_one_shape = arrays[0].shape == arrays[1].shape and arrays[0].ndim <= rank
        is_sound = is_one_shape and np.isfinite(arrays).all() and (arrays[1] >= 0).all()
    except (TypeError, ValueError):
        is_sound = np.False_
    if not is_sound:
        raise ArgumentError(
            "mean and variance must both be given, as finite numbers of one shape with at most one "
            f"axis for each of axis, and no variance below 0. Got mean={mean!r} and "
            f"variance={variance!r}."
        )
    return arrays[0].tolist(), arrays[1].tolist()


def _numbers(name: str, value: Any) -> float | list[float]:
    """A float, or a list of floats, as a configuration holds them."""
    try:
        array = to_array(value, "float64")
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if array.ndim > 1 or array.size == 0 or not np.isfinite(array).all():
        raise ArgumentError(
            f"The {name} must be a finite number, or a list with one for each channel. "
            f"Got {value!r}."
        )
    numbers: float | list[float] = array.tolist()
    return numbers
