"""The layer that standardises channels in groups, each example by itself."""

from __future__ import annotations

from typing import Any

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor
from glassgrad.layers.input_spec import InputSpec, axis_within, checked_axis
from glassgrad.layers.layer import Shape, register
from glassgrad.layers.normalization import ScaleAndShift
from glassgrad.ops.normalization import standardize

__all__ = ["GroupNormalization"]


@register()
class GroupNormalization(ScaleAndShift):
    """Mean 0 and variance 1 within each group of channels: y = γ (x - m) / sqrt(v + ε) + β.

    m and v are the mean and the biased variance of a group of neighbouring channels in one
    example, over all places: training and inference are the same, whatever the batch. One group is
    layer normalisation over all axes but the batch; a group for each channel is instance
    normalisation. PyTorch's ε is 1e-5.

    Args:
        groups: how many there are, which must divide the channels; -1 for one of each channel.
        axis: the axis of the channels.
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

    Shapes:
        (batch, …, channels) gives the same; γ and β are (channels,).

    Raises:
        ArgumentError: groups is neither positive nor -1, or epsilon is negative.
        ShapeError: on the call, there is no such axis, its length is not that of the first call,
            or the groups do not divide it.

    Example:
        >>> GroupNormalization(2, epsilon=0.0)([[1.0, 3.0, 0.0, 10.0]]).numpy()
        array([[-1.,  1., -1.,  1.]], dtype=float32)

    Source: Wu, He, "Group normalization", 2018.
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
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
        if groups < 1 and groups != -1:
            raise ArgumentError(f"groups must be a positive number, or -1. Got {groups}.")
        self.groups, self.axis = groups, axis

    def build(self, input_shape: Shape) -> None:
        axis, channels = checked_axis(self.name, self.axis, input_shape)
        groups = channels if self.groups == -1 else self.groups
        if not axis or not channels or channels % groups:
            raise ShapeError(
                f"Layer {self.name!r} divides the channels, an axis after the batch, evenly among "
                f"{groups} groups. Got axis {axis} of length {channels}. Full shape received: "
                f"{tuple(input_shape)}."
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: channels})
        self._add_scale_and_shift((channels,))

    def call(self, inputs: Tensor) -> Tensor:
        x = inputs.cast(self.dtype)
        axis = axis_within(self.name, self.axis, x.shape)
        before, channels, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
        groups = channels if self.groups == -1 else self.groups
        grouped = x.reshape((*before, groups, channels // groups, *after))
        within = [n for n in range(1, grouped.ndim) if n != axis]
        y, _, _ = standardize(grouped, within, self.epsilon)
        y = y.reshape(x.shape)
        along = tuple(channels if n == axis else 1 for n in range(x.ndim))
        y = y if self.gamma is None else y * self.gamma.reshape(along)
        return y if self.beta is None else y + self.beta.reshape(along)
