"""Layers that keep numbers at a mean and a spread, whatever the layers before them learn."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

from glassgrad import constraints, initializers, ops, regularizers
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, Variable
from glassgrad.layers.input_spec import InputSpec, axis_within, checked_axis
from glassgrad.layers.layer import Layer, Shape, register
from glassgrad.ops.normalization import normalized, standardize

__all__ = [
    "BatchNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "UnitNormalization",
    "normalized",
]


class ScaleAndShift(Layer):
    """The base of those that learn the scale γ and the mean β of what they give.

    Args:
        epsilon: is added to the variance, so that nothing is divided by 0.
        center: whether β is added.
        scale: whether there is a factor γ.
        beta_initializer: how β begins.
        gamma_initializer: how γ begins.
        beta_regularizer: a penalty on β.
        gamma_regularizer: a penalty on γ.
        beta_constraint: a rule that β keeps after each step.
        gamma_constraint: a rule that γ keeps.
        kwargs: name, trainable and dtype, see ``Layer``.
    """

    gamma: Variable | None
    beta: Variable | None

    supports_masking = True

    def __init__(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        beta_constraint: Any,
        gamma_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.epsilon = _number("epsilon", epsilon)
        self.center, self.scale = bool(center), bool(scale)
        self.beta_initializer = initializers.require(beta_initializer)
        self.gamma_initializer = initializers.require(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def _add_scale_and_shift(self, shape: tuple[int, ...]) -> None:
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                shape,
                self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                name="gamma",
            )
        if self.center:
            self.beta = self.add_weight(
                shape,
                self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                name="beta",
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)


@register()
class BatchNormalization(ScaleAndShift):
    """Mean 0 and variance 1 over the batch: y = γ (x - m) / sqrt(v + ε) + β.

    In training m and v are the mean and the biased variance of the batch, for each channel, and
    the moving statistics follow them: s becomes momentum · s + (1 - momentum) · s of the batch.
    Otherwise, and where the layer is frozen (``trainable = False``), m and v are the moving
    statistics. PyTorch counts momentum from the other side (0.01 there is 0.99 here), and its
    moving variance is the unbiased one.

    Args:
        axis: the axis of the channels; statistics are taken over all others.
        momentum: what remains of the moving statistics in each step, in [0, 1].
        epsilon: is added to the variance, so that nothing is divided by 0.
        center: whether β is added.
        scale: whether there is a factor γ.
        beta_initializer: how β begins.
        gamma_initializer: how γ begins.
        moving_mean_initializer: how the moving mean begins.
        moving_variance_initializer: how the moving variance begins.
        beta_regularizer: a penalty on β.
        gamma_regularizer: a penalty on γ.
        beta_constraint: a rule that β keeps after each step.
        gamma_constraint: a rule that γ keeps.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the axis is no integer, or momentum or epsilon outside its range.
        ShapeError: on the call, there is no such axis, or its length is not that of the first call.

    Example:
        >>> layer = BatchNormalization(epsilon=0.0)
        >>> layer([[1.0], [3.0]], training=True).numpy()
        array([[-1.],
               [ 1.]], dtype=float32)
        >>> layer.moving_mean.numpy()
        array([0.02], dtype=float32)

    Source: Ioffe, Szegedy, "Batch normalization: accelerating deep network training by reducing
    internal covariate shift", 2015.
    """

    moving_mean: Variable
    moving_variance: Variable

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            epsilon,
            center,
            scale,
            beta_initializer,
            gamma_initializer,
            beta_regularizer,
            gamma_regularizer,
            beta_constraint,
            gamma_constraint,
            **kwargs,
        )
        self.axis = _integer("axis", axis)
        self.momentum = _number("momentum", momentum, most=1.0)
        self.moving_mean_initializer = initializers.require(moving_mean_initializer)
        self.moving_variance_initializer = initializers.require(moving_variance_initializer)

    def build(self, input_shape: Shape) -> None:
        axis, length = checked_axis(self.name, self.axis, input_shape)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: length})
        self._add_scale_and_shift((length,))
        self.moving_mean = self.add_weight(
            (length,), self.moving_mean_initializer, trainable=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            (length,), self.moving_variance_initializer, trainable=False, name="moving_variance"
        )

    def call(self, inputs: Tensor, training: bool = False, mask: Tensor | None = None) -> Tensor:
        x = inputs.cast(self.dtype)
        axis = axis_within(self.name, self.axis, x.shape)
        along = tuple(length if a == axis else 1 for a, length in enumerate(x.shape))
        if training and self.trainable:
            others = [a for a in range(x.ndim) if a != axis]
            y, mean, variance = self._standardized(x, others, mask)
            self._follow_batch(self.moving_mean, mean)
            self._follow_batch(self.moving_variance, variance)
            factor = None if self.gamma is None else self.gamma.tensor
        else:
            y = x - self.moving_mean.reshape(along)
            spread = ops.sqrt(self.moving_variance + self.epsilon)
            factor = (1.0 if self.gamma is None else self.gamma) / spread
        y = y if factor is None else y * factor.reshape(along)
        return y if self.beta is None else y + self.beta.reshape(along)

    def _standardized(
        self, x: Tensor, axes: Sequence[int], mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mean 0 and variance 1 among what the mask lets count; with mean and variance before."""
        if mask is None:
            return standardize(x, axes, self.epsilon)
        if mask.shape != x.shape[:-1]:
            raise ShapeError(
                f"Layer {self.name!r} with an input of shape {x.shape} wants a mask of shape "
                f"{x.shape[:-1]}. Got {mask.shape}."
            )
        counted = ops.broadcast_to(ops.expand_dims(mask, -1), x.shape)
        count = ops.sum(counted.cast(x.dtype), axes, keepdims=True) + 1e-7
        mean = ops.sum(ops.where(counted, x, 0.0), axes, keepdims=True) / count
        apart = x - mean
        squares = ops.where(counted, ops.square(apart), 0.0)
        variance = ops.sum(squares, axes, keepdims=True) / count
        return apart / ops.sqrt(variance + self.epsilon), mean, variance

    def _follow_batch(self, moving: Variable, found: Tensor) -> None:
        news = ops.stop_gradient(found.reshape(moving.shape))
        moving.assign(moving * self.momentum + news * (1 - self.momentum))


@register()
class LayerNormalization(ScaleAndShift):
    """Mean 0 and variance 1 within each example: y = γ (x - m) / sqrt(v + ε) + β.

    m and v are the mean and the biased variance over the axes, of this example alone: training
    and inference are the same. PyTorch's ε is 1e-5.

    Args:
        axis: the axis or axes that the statistics are taken over, and that γ and β belong to.
        epsilon: is added to the variance, so that nothing is divided by 0.
        center: whether β is added.
        scale: whether there is a factor γ.
        beta_initializer: how β begins.
        gamma_initializer: how γ begins.
        beta_regularizer: a penalty on β.
        gamma_regularizer: a penalty on γ.
        beta_constraint: a rule that β keeps after each step.
        gamma_constraint: a rule that γ keeps.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: axis is made of something else than integers, or epsilon is negative.
        ShapeError: on the call, there is no such axis, or its length is not that of the first call.

    Example:
        >>> LayerNormalization(epsilon=0.0)([[1.0, 3.0], [0.0, 10.0]]).numpy()
        array([[-1.,  1.],
               [-1.,  1.]], dtype=float32)

    Source: Ba, Kiros, Hinton, "Layer normalization", 2016.
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            epsilon,
            center,
            scale,
            beta_initializer,
            gamma_initializer,
            beta_regularizer,
            gamma_regularizer,
            beta_constraint,
            gamma_constraint,
            **kwargs,
        )
        self.axis = _integers("axis", axis)

    def build(self, input_shape: Shape) -> None:
        axes = _weighted_axes(self.name, self.axis, input_shape)
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)
        self._add_scale_and_shift(tuple(axes.values()))

    def call(self, inputs: Tensor) -> Tensor:
        x = inputs.cast(self.dtype)
        axes = _weighted_axes(self.name, self.axis, x.shape)
        along = tuple(axes.get(axis, 1) for axis in range(x.ndim))
        y, _, _ = standardize(x, tuple(axes), self.epsilon)
        y = y if self.gamma is None else y * self.gamma.reshape(along)
        return y if self.beta is None else y + self.beta.reshape(along)


@register()
class RMSNormalization(Layer):
    """Root mean square 1 within each example: y = γ x / sqrt(mean(x²) + ε).

    Args:
        axis: the axis or axes that the mean is taken over, and that γ belongs to.
        epsilon: is added to the mean, so that nothing is divided by 0.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: axis is made of something else than integers, or epsilon is negative.
        ShapeError: on the call, there is no such axis, or its length is not that of the first call.

    Example:
        >>> RMSNormalization()([[2.0, -2.0], [5.0, 5.0]]).numpy().round(4)
        array([[ 1., -1.],
               [ 1.,  1.]], dtype=float32)

    Source: Zhang, Sennrich, "Root mean square layer normalization", 2019.
    """

    scale: Variable

    def __init__(
        self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.axis, self.epsilon = _integers("axis", axis), _number("epsilon", epsilon)

    def build(self, input_shape: Shape) -> None:
        axes = _weighted_axes(self.name, self.axis, input_shape)
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)
        self.scale = self.add_weight(tuple(axes.values()), "ones", name="scale")

    def call(self, x: Tensor) -> Tensor:
        x = x.cast(self.dtype)
        axes = _weighted_axes(self.name, self.axis, x.shape)
        mean = ops.mean(ops.square(x), tuple(axes), keepdims=True)
        along = tuple(axes.get(axis, 1) for axis in range(x.ndim))
        rooted: Tensor = ops.sqrt(mean + self.epsilon)
        return x / rooted * self.scale.reshape(along)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)


@register()
class UnitNormalization(Layer):
    """Length 1: y = x / |x|, with the Euclidean norm; a vector of zeros stays what it is.

    Args:
        axis: the axis or axes that the length is taken over.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: axis is made of something else than integers.
        ShapeError: on the call, there is no such axis.

    Example:
        >>> UnitNormalization()([[3.0, 4.0], [0.0, 0.0]]).numpy()
        array([[0.6, 0.8],
               [0. , 0. ]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = _integers("axis", axis)

    def call(self, inputs: Tensor) -> Tensor:
        axes = [axis_within(self.name, axis, inputs.shape) for axis in _as_list(self.axis)]
        return normalized(inputs.cast(self.dtype), axes, epsilon=1e-12)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)


def _weighted_axes(
    layer: str, axis: int | list[int], shape: Sequence[int | None]
) -> dict[int, int]:
    """The axes that have weights, in their order, and their lengths."""
    return dict(sorted(checked_axis(layer, one, shape) for one in _as_list(axis)))


def _as_list(axis: int | list[int]) -> list[int]:
    return axis if isinstance(axis, list) else [axis]


def _integers(name: str, value: Any) -> int | list[int]:
    if isinstance(value, list | tuple):
        return [_integer(name, one) for one in value]
    return _integer(name, value)


def _integer(name: str, value: Any) -> int:
    try:
        return index(value)
    except TypeError:
        raise ArgumentError(f"{name} must be made of integers. Got {value!r}.") from None


def _number(name: str, value: Any, most: float = float("inf")) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number <= most:
        limits = "from 0 on" if most == float("inf") else f"in [0, {most:g}]"
        raise ArgumentError(f"{name} must be a number {limits}. Got {value!r}.")
    return number
