"""Layers whose kernels slide over one to three axes of space."""

from __future__ import annotations

from typing import Any, ClassVar

from glassgrad import activations, constraints, initializers, ops, regularizers
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, Variable
from glassgrad.layers.input_spec import InputSpec
from glassgrad.layers.layer import Shape, register, require_count
from glassgrad.layers.spatial import Lengths, SpatialLayer, padding_word
from glassgrad.ops.padding import window_count
from glassgrad.ops.spatial import lengths

__all__ = [
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Convolution1D",
    "Convolution2D",
    "Convolution3D",
    "SlidingLayer",
]


class SlidingLayer(SpatialLayer):
    """The base of layers whose kernels slide: windows, bias and activation.

    Args:
        kernel_size: the lengths of a window, or one for all axes.
        strides: how far the next window is.
        padding: "valid" for none; "same" for as many windows as strides fit into the length; some
            layers know "causal", by which no window sees what comes after its own place.
        data_format: "channels_last", the default, or "channels_first".
        dilation_rate: the distance of neighbours within a window.
        activation: a name such as "relu", or a function of a tensor; none by default.
        use_bias: whether a number is added for each channel that comes out.
        bias_initializer: how the bias begins.
        bias_regularizer: a penalty on the bias.
        bias_constraint: a rule that the bias keeps after each step.
        kwargs: activity_regularizer, name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: a length is not positive, or padding or data format is another word.
    """

    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")

    bias: Variable | None

    def __init__(
        self,
        kernel_size: Lengths,
        strides: Lengths,
        padding: str,
        data_format: str | None,
        dilation_rate: Lengths,
        activation: Any,
        use_bias: bool,
        bias_initializer: Any,
        bias_regularizer: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.kernel_size = lengths(kernel_size, self.rank, "kernel_size")
        self.strides = lengths(strides, self.rank, "strides")
        self.padding = padding_word(padding, *self.paddings)
        self.dilation_rate = lengths(dilation_rate, self.rank, "dilation_rate")
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.bias_initializer = initializers.require(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.bias_constraint = constraints.get(bias_constraint)

    # ---- what a subclass writes

    def _add_kernels(self, channels: int) -> None:
        """Make the weights for so many channels."""
        raise NotImplementedError

    def _convolved(self, x: Tensor) -> Tensor:
        """(batch, *space, channels) before bias and activation."""
        raise NotImplementedError

    # ---- what follows

    def build(self, input_shape: Shape) -> None:
        self.input_spec.check(self.name, input_shape)
        channels = input_shape[self.channel_axis]
        if not channels:
            raise ShapeError(
                f"Layer {self.name!r} expected a known number of channels, 1 or more. Full shape "
                f"received: {tuple(input_shape)}."
            )
        self.compute_output_shape(input_shape)
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={self.channel_axis: channels})
        self._add_kernels(channels)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self._channels(channels),),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def call(self, inputs: Tensor) -> Tensor:
        return self.activation(super().call(inputs))

    def _transformed(self, x: Tensor) -> Tensor:
        sums = self._convolved(x)
        return sums if self.bias is None else sums + self.bias

    def _length(self, axis: int, length: int) -> int:
        of_axis = (self.kernel_size[axis], self.strides[axis], self.dilation_rate[axis])
        return window_count(self.padding, length, *of_axis)


class Convolution(SlidingLayer):
    """The base of layers with one kernel of weights for all channels of its group.

    Formula: y[b, i, f] = activation(sum over places u and channels c of
    x[b, s i + d u - p, c] k[u, c, f] + bias[f]), with stride s, dilation d and padding p.

    Args:
        filters: how many channels come out.
        kernel_size: the lengths of a window, or one for all axes.
        strides: how far the next window is.
        padding: "valid" for none; "same" for as many windows as strides fit into the length;
            ``Conv1D`` also knows "causal", by which no window sees what comes after its own place.
        data_format: "channels_last", the default, or "channels_first".
        dilation_rate: the distance of neighbours within a window.
        groups: each group of filters looks at its own share of the channels.
        activation: a name such as "relu", or a function of a tensor; none by default.
        use_bias: whether a number is added for each filter.
        kernel_initializer: how the kernel begins.
        bias_initializer: how the bias begins.
        kernel_regularizer: a penalty on the kernel, such as ``L2(0.01)``.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output, divided by the length of the batch.
        kernel_constraint: a rule that the kernel keeps after each step, such as ``MaxNorm(2)``.
        bias_constraint: a rule that the bias keeps.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: a number is not positive, padding or data format is another word, or the
            filters are not divided evenly by the groups.
        ShapeError: on the call, the input has other axes or channels than at the first, its
            channels are not divided evenly by the groups, or it is too short for a window.
    """

    kernel: Variable

    def __init__(
        self,
        filters: int,
        kernel_size: Lengths,
        strides: Lengths = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Lengths = 1,
        groups: int = 1,
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
        self.groups = require_count("groups", groups)
        if self.filters % self.groups:
            raise ArgumentError(
                f"groups must divide the filters evenly. Got {filters} filters in {groups} groups."
            )
        self.kernel_initializer = initializers.require(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)

    def _add_kernels(self, channels: int) -> None:
        if channels % self.groups:
            raise ShapeError(
                f"Layer {self.name!r} divides the channels evenly among {self.groups} groups. Got "
                f"{channels} channels."
            )
        self.kernel = self.add_weight(
            (*self.kernel_size, channels // self.groups, self.filters),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )

    def _convolved(self, x: Tensor) -> Tensor:
        return ops.conv(
            x, self.kernel, self.strides, self.padding, dilation_rate=self.dilation_rate
        )

    def _channels(self, channels: int | None) -> int:
        return self.filters


@register("Convolution1D")
class Conv1D(Convolution):
    """Kernels that slide along a sequence; arguments and formula are those of ``Convolution``.

    Shapes:
        (batch, steps, channels) gives (batch, new steps, filters); the kernel is
        (window, channels / groups, filters), the bias (filters,).

    Example:
        >>> layer = Conv1D(1, 2, padding="causal", kernel_initializer="ones")
        >>> layer([[[1.0], [2.0], [3.0]]]).numpy().ravel()
        array([1., 3., 5.], dtype=float32)

    Source: Oord et al., "WaveNet: a generative model for raw audio", 2016, for causal padding.
    """

    rank = 1
    paddings = ("valid", "same", "causal")


@register("Convolution2D")
class Conv2D(Convolution):
    """Kernels that slide over images; arguments and formula are those of ``Convolution``.

    Shapes:
        (batch, height, width, channels) gives (batch, new height, new width, filters); the kernel
        is (height, width, channels / groups, filters) of a window, the bias (filters,). PyTorch
        keeps images as (batch, channels, height, width) and kernels as (filters, channels /
        groups, height, width).

    Example:
        >>> import numpy as np
        >>> layer = Conv2D(4, (3, 3), activation="relu", padding="same")
        >>> layer(np.ones((2, 28, 28, 1))).shape
        (2, 28, 28, 4)
        >>> layer.kernel.shape
        (3, 3, 1, 4)

    Source: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document
    recognition", 1998.
    """

    rank = 2


@register("Convolution3D")
class Conv3D(Convolution):
    """Kernels that slide over volumes; arguments and formula are those of ``Convolution``.

    Shapes:
        (batch, depth, height, width, channels) gives (batch, new depth, new height, new width,
        filters); the kernel is (depth, height, width, channels / groups, filters) of a window,
        the bias (filters,).

    Example:
        >>> import numpy as np
        >>> Conv3D(2, 3)(np.ones((1, 4, 4, 5, 1))).shape
        (1, 2, 2, 3, 2)
    """

    rank = 3


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
