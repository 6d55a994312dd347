"""Layers that convolve each channel by itself, and mix the channels afterwards or not at all."""

from __future__ import annotations

from typing import Any

from glassgrad import constraints, initializers, ops, regularizers
from glassgrad.graph import Tensor, Variable
from glassgrad.layers.convolution import SlidingLayer
from glassgrad.layers.layer import register, require_count
from glassgrad.layers.spatial import Lengths

__all__ = [
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
]


class DepthwiseConvolution(SlidingLayer):
    """The base of layers that convolve each channel by itself.

    Formula: y[b, i, c m + j] = activation(sum over places u of x[b, s i + d u - p, c] k[u, c, j]
    + bias[c m + j]), with multiplier m, stride s, dilation d and padding p.

    Args:
        kernel_size: the lengths of a window, or one for all axes.
        strides: how far the next window is.
        padding: "valid" for none; "same" for as many windows as strides fit into the length.
        depth_multiplier: how many channels each becomes.
        data_format: "channels_last", the default, or "channels_first".
        dilation_rate: the distance of neighbours within a window.
        activation: a name such as "relu", or a function of a tensor; none by default.
        use_bias: whether a number is added for each channel that comes out.
        depthwise_initializer: how the kernel begins.
        bias_initializer: how the bias begins.
        depthwise_regularizer: a penalty on the kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output, divided by the length of the batch.
        depthwise_constraint: a rule that the kernel keeps after each step.
        bias_constraint: a rule that the bias keeps.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: a number is not positive, or padding or data format is another word.
        ShapeError: on the call, the input has other axes or channels than at the first, or is too
            short for a window.
    """

    kernel: Variable

    def __init__(
        self,
        kernel_size: Lengths,
        strides: Lengths = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Lengths = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            bias_initializer,
            bias_regularizer,
            bias_constraint,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.depth_multiplier = require_count("depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.require(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)

    def _add_kernels(self, channels: int) -> None:
        self.kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier),
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
            name="kernel",
        )

    def _convolved(self, x: Tensor) -> Tensor:
        return ops.depthwise_conv(
            x, self.kernel, self.strides, self.padding, dilation_rate=self.dilation_rate
        )

    def _channels(self, channels: int | None) -> int | None:
        return None if channels is None else channels * self.depth_multiplier


@register()
class DepthwiseConv1D(DepthwiseConvolution):
    """Each channel of a sequence by itself; arguments and formula: ``DepthwiseConvolution``.

    Shapes:
        (batch, steps, channels) gives (batch, new steps, channels * depth_multiplier); the kernel
        is (window, channels, depth_multiplier).

    Example:
        >>> layer = DepthwiseConv1D(2, depthwise_initializer="ones")
        >>> layer([[[1.0, 10.0], [2.0, 20.0]]]).numpy()
        array([[[ 3., 30.]]], dtype=float32)
    """

    rank = 1


@register()
class DepthwiseConv2D(DepthwiseConvolution):
    """Each channel of an image by itself; arguments and formula: ``DepthwiseConvolution``.

    Shapes:
        (batch, height, width, channels) gives (batch, new height, new width, channels *
        depth_multiplier); the kernel is (height, width, channels, depth_multiplier) of a window.

    Example:
        >>> import numpy as np
        >>> DepthwiseConv2D(3, depth_multiplier=2)(np.ones((1, 5, 5, 3))).shape
        (1, 3, 3, 6)

    Source: Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision
    applications", 2017.
    """

    rank = 2


class SeparableConvolution(SlidingLayer):
    """The base of layers that convolve each channel by itself and then mix the channels.

    Formula: y[b, i] = activation(z[b, i] W + bias), where z is the depthwise convolution of x, see
    ``DepthwiseConvolution``, and W mixes its channels at each place.

    Args:
        filters: how many channels come out.
        kernel_size: the lengths of a window, or one for all axes.
        strides: how far the next window is.
        padding: "valid" for none; "same" for as many windows as strides fit into the length.
        data_format: "channels_last", the default, or "channels_first".
        dilation_rate: the distance of neighbours within a window.
        depth_multiplier: how many channels each becomes before they are mixed.
        activation: a name such as "relu", or a function of a tensor; none by default.
        use_bias: whether a number is added for each filter.
        depthwise_initializer: how the depthwise kernel begins.
        pointwise_initializer: how the mixing kernel begins.
        bias_initializer: how the bias begins.
        depthwise_regularizer: a penalty on the depthwise kernel.
        pointwise_regularizer: a penalty on the mixing kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output, divided by the length of the batch.
        depthwise_constraint: a rule that the depthwise kernel keeps after each step.
        pointwise_constraint: a rule that the mixing kernel keeps.
        bias_constraint: a rule that the bias keeps.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: a number is not positive, or padding or data format is another word.
        ShapeError: on the call, the input has other axes or channels than at the first, or is too
            short for a window.
    """

    depthwise_kernel: Variable
    pointwise_kernel: Variable

    def __init__(
        self,
        filters: int,
        kernel_size: Lengths,
        strides: Lengths = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Lengths = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            bias_initializer,
            bias_regularizer,
            bias_constraint,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.filters = require_count("filters", filters)
        self.depth_multiplier = require_count("depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.require(depthwise_initializer)
        self.pointwise_initializer = initializers.require(pointwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)

    def _add_kernels(self, channels: int) -> None:
        self.depthwise_kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier),
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
            name="depthwise_kernel",
        )
        self.pointwise_kernel = self.add_weight(
            (*(1,) * self.rank, channels * self.depth_multiplier, self.filters),
            self.pointwise_initializer,
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
            name="pointwise_kernel",
        )

    def _convolved(self, x: Tensor) -> Tensor:
        return ops.separable_conv(
            x,
            self.depthwise_kernel,
            self.pointwise_kernel,
            self.strides,
            self.padding,
            dilation_rate=self.dilation_rate,
        )

    def _channels(self, channels: int | None) -> int:
        return self.filters


@register("SeparableConvolution1D")
class SeparableConv1D(SeparableConvolution):
    """Sequences, each channel by itself and then mixed; arguments: ``SeparableConvolution``.

    Shapes:
        (batch, steps, channels) gives (batch, new steps, filters); the kernels are
        (window, channels, depth_multiplier) and (1, channels * depth_multiplier, filters).

    Example:
        >>> import numpy as np
        >>> SeparableConv1D(4, 3)(np.ones((1, 5, 2))).shape
        (1, 3, 4)
    """

    rank = 1


@register("SeparableConvolution2D")
class SeparableConv2D(SeparableConvolution):
    """Images, each channel by itself and then mixed; arguments: ``SeparableConvolution``.

    Shapes:
        (batch, height, width, channels) gives (batch, new height, new width, filters); the kernels
        are (height, width, channels, depth_multiplier) of a window and
        (1, 1, channels * depth_multiplier, filters).

    Example:
        >>> import numpy as np
        >>> SeparableConv2D(4, 3, padding="same")(np.ones((1, 5, 5, 2))).shape
        (1, 5, 5, 4)

    Source: Chollet, "Xception: deep learning with depthwise separable convolutions", 2017.
    """

    rank = 2


SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
