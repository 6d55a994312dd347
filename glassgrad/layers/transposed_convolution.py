"""Layers that go back from windows to the space that they lay over."""

from __future__ import annotations

from typing import Any

from glassgrad import constraints, initializers, ops, regularizers
from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor, Variable
from glassgrad.layers.convolution import SlidingLayer
from glassgrad.layers.layer import register, require_count
from glassgrad.layers.spatial import Lengths
from glassgrad.ops.padding import transposed_axis
from glassgrad.ops.spatial import lengths

__all__ = [
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "Convolution1DTranspose",
    "Convolution2DTranspose",
    "Convolution3DTranspose",
]


class TransposedConvolution(SlidingLayer):
    """The base of layers that go back from windows to space, as a convolution's gradient does.

    Formula: y[b, m, f] = activation(sum over all windows i and places u with s i + d u - p = m,
    and over channels c, of x[b, i, c] k[u, f, c] + bias[f]), with stride s, dilation d and
    padding p.

    Args:
        filters: how many channels come out.
        kernel_size: the lengths of a window, or one for all axes.
        strides: how many elements come out for each that goes in.
        padding: "valid" keeps all that the windows reach; "same" gives strides times the length.
        output_padding: how many elements more come out at the end, below the stride; by default
            as many as these lengths need.
        data_format: "channels_last", the default, or "channels_first".
        dilation_rate: the distance of neighbours within a window.
        activation: a name such as "relu", or a function of a tensor; none by default.
        use_bias: whether a number is added for each filter.
        kernel_initializer: how the kernel begins.
        bias_initializer: how the bias begins.
        kernel_regularizer: a penalty on the kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output, divided by the length of the batch.
        kernel_constraint: a rule that the kernel keeps after each step.
        bias_constraint: a rule that the bias keeps.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: a number is not positive, padding or data format is another word, or
            output_padding is not below the strides.
        ShapeError: on the call, the input has other axes or channels than at the first.
    """

    kernel: Variable

    def __init__(
        self,
        filters: int,
        kernel_size: Lengths,
        strides: Lengths = 1,
        padding: str = "valid",
        output_padding: Lengths | None = None,
        data_format: str | None = None,
        dilation_rate: Lengths = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
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
        self.output_padding = None
        if output_padding is not None:
            self.output_padding = lengths(output_padding, self.rank, "output_padding", least=0)
            pairs = zip(self.output_padding, self.strides, strict=True)
            if any(more >= stride for more, stride in pairs):
                raise ArgumentError(
                    f"output_padding must be below the strides. Got {output_padding} for strides "
                    f"{self.strides}."
                )
        self.kernel_initializer = initializers.require(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)

    def _add_kernels(self, channels: int) -> None:
        self.kernel = self.add_weight(
            (*self.kernel_size, self.filters, channels),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )

    def _convolved(self, x: Tensor) -> Tensor:
        return ops.conv_transpose(
            x,
            self.kernel,
            self.strides,
            self.padding,
            self.output_padding,
            dilation_rate=self.dilation_rate,
        )

    def _length(self, axis: int, length: int) -> int:
        of_axis = (self.kernel_size[axis], self.strides[axis], self.dilation_rate[axis])
        more = None if self.output_padding is None else self.output_padding[axis]
        after, _ = transposed_axis(self.padding, length, *of_axis, more)
        return after

    def _channels(self, channels: int | None) -> int:
        return self.filters


@register("Convolution1DTranspose")
class Conv1DTranspose(TransposedConvolution):
    """A longer sequence from a shorter; arguments and formula: ``TransposedConvolution``.

    Shapes:
        (batch, steps, channels) gives (batch, new steps, filters); the kernel is
        (window, filters, channels), the bias (filters,).

    Example:
        >>> import numpy as np
        >>> Conv1DTranspose(4, 3, strides=2, padding="same")(np.ones((1, 5, 2))).shape
        (1, 10, 4)
    """

    rank = 1


@register("Convolution2DTranspose")
class Conv2DTranspose(TransposedConvolution):
    """A larger image from a smaller; arguments and formula: ``TransposedConvolution``.

    Shapes:
        (batch, height, width, channels) gives (batch, new height, new width, filters); the kernel
        is (height, width, filters, channels) of a window, the bias (filters,).

    Example:
        >>> import numpy as np
        >>> Conv2DTranspose(4, 3, strides=2, padding="same")(np.ones((1, 5, 6, 2))).shape
        (1, 10, 12, 4)

    Source: Zeiler, Krishnan, Taylor, Fergus, "Deconvolutional networks", 2010.
    """

    rank = 2


@register("Convolution3DTranspose")
class Conv3DTranspose(TransposedConvolution):
    """A larger volume from a smaller; arguments and formula: ``TransposedConvolution``.

    Shapes:
        (batch, depth, height, width, channels) gives (batch, new depth, new height, new width,
        filters); the kernel is (depth, height, width, filters, channels) of a window, the bias
        (filters,).

    Example:
        >>> import numpy as np
        >>> Conv3DTranspose(2, 2, strides=2)(np.ones((1, 2, 2, 3, 1))).shape
        (1, 4, 4, 6, 2)
    """

    rank = 3


Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
