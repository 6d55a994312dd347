"""Convolution over one to three axes of space, and its gradients.

With y[b, i, f] = Σ_{u, c} x[b, s i + d u - p, c] k[u, c, f], where i runs over the windows, u over
the places in a window, s is the stride, d the dilation and p the padding before, the gradients are

    dL/dx[b, m, c] = Σ over all (i, u) with s i + d u - p = m, and over f, of g[b, i, f] k[u, c, f]
    dL/dk[u, c, f] = Σ_{b, i} x[b, s i + d u - p, c] g[b, i, f]

A weight is shared by all windows: its gradient is summed over them and over the batch. The three
are linear in each input, and the gradients of each are the other two. Source: Dumoulin, Visin,
"A guide to convolution arithmetic for deep learning", 2016.

In the plain notation ``windows(x, window)`` is what each window sees, (batch, *count, channels,
*window), and ``add_windows(values, space)`` adds such values up where they lie. With groups the
kernel is a block-diagonal one, ``block_diagonal(kernel, groups)``, of which ``diagonal_blocks``
are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from types import ModuleType

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Notation, Primitive, TensorSpec
from glassgrad.graph.operation import Array
from glassgrad.ops.elementwise import Elementwise, require_floats
from glassgrad.ops.windows import COUNTED, PLACED, PaddingWidths, Windows, spatial

__all__ = ["Convolution", "ConvolutionInputGradient", "ConvolutionKernelGradient"]


@dataclass(frozen=True)
class Convolution(Primitive):
    """The weights of the kernel times what each window sees, summed.

    x (batch, *space, channels) and kernel (*window, channels / groups, filters) give
    (batch, *count, filters). Of several groups, each has its share of the channels, in order, and
    of the filters.
    """

    strides: tuple[int, ...]
    padding: PaddingWidths
    dilation: tuple[int, ...]
    groups: int = 1

    prepare = Elementwise.prepare

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        windows = Windows(self.strides, self.strides, self.padding, self.dilation)
        rank = len(self.strides)
        i, u = COUNTED[:rank], PLACED[:rank]
        kernel = _blocks("{kernel}", self.groups)
        plain = (
            f"einsum('b{i}c{u},{u}cf->b{i}f', "
            f"windows({{x}}, shape({{kernel}})[:{rank}]{windows.options}), {kernel})"
        )
        latex = f"\\sum_{{{{{','.join(u)},c}}}} {_seen(windows)}\\,{_weight(u, self.groups)}"
        return Notation(plain, latex)

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """(batch, *count, filters)."""
        x, kernel = inputs
        space = spatial(self.name, x)
        require_floats(self.name, x)
        if kernel.rank != x.rank:
            raise ShapeError(
                f"{self.name} wants a kernel (*window, channels / groups, filters) with as many "
                f"axes as x. Got {kernel.shape} for x {x.shape}."
            )
        require_groups(self.name, x.shape[-1], kernel, self.groups)
        windows = Windows(kernel.shape[:-2], self.strides, self.padding, self.dilation)
        windows.require(self.name, space)
        return TensorSpec((x.shape[0], *windows.count(space), kernel.shape[-1]), x.dtype)

    def forward(self, xp, x, kernel):
        windows = Windows(kernel.shape[:-2], self.strides, self.padding, self.dilation)
        shape = (x.shape[0], *windows.count(x.shape[1:-1]), kernel.shape[-1])
        weights = by_place(xp, kernel, self.groups)
        products = (
            xp.matmul(by_group(xp, seen, self.groups), weight)
            for seen, weight in zip(windows.views(xp, x), weights, strict=True)
        )
        return joined(xp, sum(products), shape)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x, kernel) = gradients, inputs
        rest = (self.strides, self.padding, self.dilation, self.groups)
        to_x = ConvolutionInputGradient(x.shape[1:-1], *rest)(g, kernel)
        to_kernel = ConvolutionKernelGradient(kernel.shape[:-2], *rest)(x, g)
        return to_x, to_kernel


@dataclass(frozen=True)
class ConvolutionInputGradient(Primitive):
    """What reaches each element through all windows that see it: also a transposed convolution.

    g (batch, *count, filters) and kernel (*window, channels / groups, filters) give
    (batch, *space, channels).
    """

    space: tuple[int, ...]
    strides: tuple[int, ...]
    padding: PaddingWidths
    dilation: tuple[int, ...]
    groups: int = 1

    prepare = Elementwise.prepare

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        windows = Windows(self.strides, self.strides, self.padding, self.dilation)
        rank = len(self.strides)
        i, u = COUNTED[:rank], PLACED[:rank]
        kernel = _blocks("{kernel}", self.groups)
        plain = (
            f"add_windows(einsum('b{i}f,{u}cf->b{i}c{u}', {{g}}, {kernel}), "
            f"{self.space}{windows.options})"
        )
        places = ",".join("mno"[:rank])
        latex = (
            f"\\sum_{{{{({windows.index})=({places})}}}} \\sum_f "
            f"{{g:tight}}_{{{{b,{','.join(i)},f}}}}\\,{_weight(u, self.groups)}"
        )
        return Notation(plain, latex)

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """(batch, *space, channels)."""
        g, kernel = inputs
        spatial(self.name, g)
        require_floats(self.name, g)
        if kernel.rank != g.rank or kernel.shape[-1] != g.shape[-1]:
            raise ShapeError(
                f"{self.name} wants a kernel (*window, channels / groups, filters) with as many "
                f"axes and filters as g. Got {kernel.shape} for g {g.shape}."
            )
        channels = kernel.shape[-2] * self.groups
        require_groups(self.name, channels, kernel, self.groups)
        windows = Windows(kernel.shape[:-2], self.strides, self.padding, self.dilation)
        require_count(self.name, windows, self.space, g)
        return TensorSpec((g.shape[0], *self.space, channels), g.dtype)

    def forward(self, xp, g, kernel):
        windows = Windows(kernel.shape[:-2], self.strides, self.padding, self.dilation)
        shape = (*g.shape[:-1], kernel.shape[-2] * self.groups)
        slopes = by_group(xp, g, self.groups)
        values = (
            joined(xp, xp.matmul(slopes, xp.swapaxes(weight, -1, -2)), shape)
            for weight in by_place(xp, kernel, self.groups)
        )
        return windows.spread(xp, values, self.space)

    def chain_rule(self, gradients, outputs, inputs):
        (h,), (g, kernel) = gradients, inputs
        rest = (self.strides, self.padding, self.dilation, self.groups)
        to_kernel = ConvolutionKernelGradient(kernel.shape[:-2], *rest)(h, g)
        return Convolution(*rest)(h, kernel), to_kernel


@dataclass(frozen=True)
class ConvolutionKernelGradient(Primitive):
    """What each weight meets, over all windows and the whole batch.

    x (batch, *space, channels) and g (batch, *count, filters) give
    (*window, channels / groups, filters).
    """

    window: tuple[int, ...]
    strides: tuple[int, ...]
    padding: PaddingWidths
    dilation: tuple[int, ...]
    groups: int = 1

    prepare = Elementwise.prepare

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        windows = Windows(self.window, self.strides, self.padding, self.dilation)
        rank = len(self.strides)
        i, u = COUNTED[:rank], PLACED[:rank]
        seen = f"windows({{x}}, {self.window}{windows.options})"
        plain = f"einsum('b{i}c{u},b{i}f->{u}cf', {seen}, {{g}})"
        counted = ",".join(i)
        latex = f"\\sum_{{{{b,{counted}}}}} {_seen(windows)}\\,{{g:tight}}_{{{{b,{counted},f}}}}"
        if self.groups > 1:
            plain = f"diagonal_blocks({plain}, {self.groups})"
            latex = rf"\operatorname{{{{blocks}}}}_{{{{{self.groups}}}}} {latex}"
        return Notation(plain, latex)

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """(*window, channels / groups, filters)."""
        x, g = inputs
        space = spatial(self.name, x)
        require_floats(self.name, x)
        windows = Windows(self.window, self.strides, self.padding, self.dilation)
        windows.require(self.name, space)
        if g.rank != x.rank or g.shape[0] != x.shape[0]:
            raise ShapeError(
                f"{self.name} wants g (batch, *count, filters) for x (batch, *space, channels). "
                f"Got {g.shape} for x {x.shape}."
            )
        require_count(self.name, windows, space, g)
        share = x.shape[-1] // max(self.groups, 1)
        kernel = TensorSpec((*self.window, share, g.shape[-1]), x.dtype)
        require_groups(self.name, x.shape[-1], kernel, self.groups)
        return kernel

    def forward(self, xp, x, g):
        windows = Windows(self.window, self.strides, self.padding, self.dilation)
        slopes = by_group(xp, g, self.groups)
        shape = (x.shape[-1] // self.groups, g.shape[-1])
        sums = [
            joined(
                xp, xp.matmul(xp.swapaxes(by_group(xp, seen, self.groups), -1, -2), slopes), shape
            )
            for seen in windows.views(xp, x)
        ]
        return xp.reshape(xp.stack(sums), (*self.window, *shape))

    def chain_rule(self, gradients, outputs, inputs):
        (h,), (x, g) = gradients, inputs
        rest = (self.strides, self.padding, self.dilation, self.groups)
        return ConvolutionInputGradient(x.shape[1:-1], *rest)(g, h), Convolution(*rest)(x, h)


# ---- groups: a product of matrices for each


def by_group(xp: ModuleType, values: Array, groups: int) -> Array:
    """(batch, *count, channels) as matrices (groups, batch times count, channels / groups)."""
    rows, channels = prod(values.shape[:-1]), values.shape[-1]
    matrices: Array = xp.reshape(values, (rows, groups, channels // groups))
    return xp.swapaxes(matrices, 0, 1)


def by_place(xp: ModuleType, kernel: Array, groups: int) -> Array:
    """A kernel as matrices (places, groups, channels / groups, filters / groups)."""
    *window, channels, filters = kernel.shape
    matrices = xp.reshape(kernel, (prod(window), channels, groups, filters // groups))
    return xp.swapaxes(matrices, 1, 2)


def joined(xp: ModuleType, matrices: Array, shape: tuple[int, ...]) -> Array:
    """Matrices (groups, rows, columns / groups) side by side, under a shape."""
    return xp.reshape(xp.swapaxes(matrices, 0, 1), shape)


# ---- what must fit


def require_groups(operation: str, channels: int, kernel: TensorSpec, groups: int) -> None:
    """The groups share channels and filters evenly.

    Raises:
        ArgumentError: they do not.
        ShapeError: the kernel is made for another number of channels.
    """
    filters = kernel.shape[-1]
    if groups < 1 or channels % groups or filters % groups:
        raise ArgumentError(
            f"groups must be 1 or more and divide the channels and the filters. Got {groups} "
            f"groups, {channels} channels and {filters} filters."
        )
    if channels != kernel.shape[-2] * groups:
        raise ShapeError(
            f"{operation} wants a kernel (*window, channels / groups, filters). Got {channels} "
            f"channels in {groups} groups, and a kernel {kernel.shape}."
        )


def require_count(operation: str, windows: Windows, space: tuple[int, ...], g: TensorSpec) -> None:
    """There is a gradient for each window.

    Raises:
        ShapeError: there is not.
    """
    windows.require(operation, space)
    if windows.count(space) != g.shape[1:-1]:
        raise ShapeError(
            f"{operation} wants g (batch, *{windows.count(space)}, filters), an element for each "
            f"window over {space}. Got {g.shape}."
        )


# ---- notation


def _blocks(kernel: str, groups: int) -> str:
    """In plain form: all channels of a grouped kernel, zeros where a filter does not look."""
    return kernel if groups == 1 else f"block_diagonal({kernel}, {groups})"


def _weight(place: str, groups: int) -> str:
    index = f"_{{{{{','.join(place)},c,f}}}}"
    if groups == 1:
        return f"{{kernel:tight}}{index}"
    return rf"\operatorname{{{{diag}}}}_{{{{{groups}}}}}({{kernel}}){index}"


def _seen(windows: Windows) -> str:
    return f"{{x:tight}}_{{{{b,{windows.index},c}}}}"
