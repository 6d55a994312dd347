"""Layers over space: strides x padding x dilation x groups x sizes, and all that is around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from glassgrad import ops
from tests.keras_parity.comparison import Case, Precision, evaluate, evaluate_keras
from tests.keras_parity.test_layers import require_same_layer

REGULARIZED = {"kernel_regularizer": "l2", "bias_regularizer": "l1", "activity_regularizer": "l2"}
FIRST = {"data_format": "channels_first"}

SEQUENCE, IMAGE, VOLUME = (2, 7, 4), (2, 7, 5, 4), (1, 4, 5, 3, 2)
SPACES = {1: SEQUENCE, 2: IMAGE, 3: VOLUME}


def windows(rank: int) -> Iterator[tuple[Any, Any, Any]]:
    """Window, strides and dilation; Keras refuses strides together with dilation."""
    yield from ((3, 1, 1), (2, 2, 1), (1, 1, 1), (2, 3, 1), (3, 1, 2))
    if rank == 2:
        yield from (((3, 2), (2, 1), 1), ((1, 4), 1, (3, 1)))


def convolutions(rank: int) -> Iterator[Case]:
    name = f"Conv{rank}D"
    paddings = ("valid", "same", "causal") if rank == 1 else ("valid", "same")
    for window, strides, dilation in windows(rank):
        for padding in paddings:
            for groups in (1, 2):
                if window == 3 and rank == 3 and padding == "valid" and dilation > 1:
                    continue  # wider than the volume
                yield Case(
                    name,
                    {
                        "filters": 2 * groups,
                        "kernel_size": window,
                        "strides": strides,
                        "padding": padding,
                        "dilation_rate": dilation,
                        "groups": groups,
                    },
                    [SPACES[rank]],
                )


def transposed(rank: int) -> Iterator[Case]:
    name = f"Conv{rank}DTranspose"
    for window, strides, dilation in windows(rank):
        for padding in ("valid", "same"):
            arguments = {"kernel_size": window, "strides": strides, "padding": padding}
            yield Case(
                name,
                {"filters": 3, **arguments, "dilation_rate": dilation},
                [SPACES[rank]],
            )
    for window, strides, more, padding in (
        (3, 2, 0, "same"),
        (3, 2, 1, "valid"),
        (4, 3, 2, "same"),
    ):
        yield Case(
            name,
            {
                "filters": 2,
                "kernel_size": window,
                "strides": strides,
                "padding": padding,
                "output_padding": more,
            },
            [SPACES[rank]],
        )


def apart(rank: int) -> Iterator[Case]:
    """Depthwise and separable ones; several strides of two axes must be equal for Keras."""
    for window, strides, dilation in ((3, 1, 1), (2, 2, 1), (1, 1, 1), (2, 3, 1), (3, 1, 2)):
        for padding, multiplier in (("valid", 1), ("same", 2)):
            arguments = {
                "kernel_size": window,
                "strides": strides,
                "padding": padding,
                "dilation_rate": dilation,
                "depth_multiplier": multiplier,
            }
            yield Case(f"DepthwiseConv{rank}D", arguments, [SPACES[rank]])
            yield Case(f"SeparableConv{rank}D", {"filters": 3, **arguments}, [SPACES[rank]])


CONVOLUTIONS = (
    *(case for rank in (1, 2, 3) for case in convolutions(rank)),
    *(case for rank in (1, 2, 3) for case in transposed(rank)),
    *(case for rank in (1, 2) for case in apart(rank)),
    Case("Conv2D", {"filters": 3, "kernel_size": 3, "activation": "tanh", **REGULARIZED}, [IMAGE]),
    Case("Conv2D", {"filters": 2, "kernel_size": 2, "use_bias": False, **FIRST}, [(2, 4, 5, 7)]),
    Case(
        "Conv2D",
        {"filters": 3, "kernel_size": 2, "activation": "softmax", "use_bias": False, **FIRST},
        [IMAGE],
    ),
    Case("Conv2D", {"filters": 2, "kernel_size": 3, "padding": "same"}, [(1, 1, 1, 1)]),
    Case("Conv2D", {"filters": 1, "kernel_size": 1}, [(1, 1, 1, 1)]),
    Case("Conv2D", {"filters": 5, "kernel_size": (5, 3), "padding": "SAME"}, [(1, 11, 13, 3)]),
    Case("Conv1D", {"filters": 2, "kernel_size": 5, "padding": "causal"}, [(1, 3, 1)]),
    Case("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, **FIRST}, [IMAGE]),
    Case("Conv2DTranspose", {"filters": 2, "kernel_size": 5, **REGULARIZED}, [(1, 1, 1, 1)]),
    Case("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2, **FIRST}, [(2, 3, 5, 5)]),
    Case("DepthwiseConv2D", {"kernel_size": 2, "depthwise_regularizer": "l2"}, [IMAGE]),
    Case(
        "SeparableConv2D",
        {
            "filters": 2,
            "kernel_size": 3,
            "activation": "relu",
            "depthwise_regularizer": "l2",
            "pointwise_regularizer": "l1",
            **FIRST,
        },
        [(2, 3, 5, 5)],
    ),
)


def pools(rank: int) -> Iterator[Case]:
    """Windows that overlap, that leave gaps, of one element, and of two lengths."""
    for window, strides in ((2, None), (3, 2), (1, 2), (2, 1), (3, 3)):
        for padding in ("valid", "same"):
            arguments = {"pool_size": window, "strides": strides, "padding": padding}
            yield Case(f"MaxPooling{rank}D", arguments, [SPACES[rank]])
            if padding == "valid" or (window == 3 and strides == 2 and rank == 2):
                # Keras on PyTorch averages repeated borders where the padding is uneven.
                yield Case(f"AveragePooling{rank}D", arguments, [SPACES[rank]])


POOLS = (
    *(case for rank in (1, 2, 3) for case in pools(rank)),
    Case("MaxPooling2D", {}, [(1, 11, 13, 1)]),
    Case("MaxPooling2D", {"pool_size": (3, 1), "strides": (1, 2), **FIRST}, [IMAGE]),
    Case("AveragePooling2D", {"pool_size": (1, 3), **FIRST}, [IMAGE]),
    *(
        Case(f"Global{kind}Pooling{rank}D", {"keepdims": keepdims, **more}, [SPACES[rank]])
        for kind in ("Max", "Average")
        for rank in (1, 2, 3)
        for keepdims, more in ((False, {}), (True, FIRST))
    ),
)

SHAPES = (
    Case("ZeroPadding1D", {}, [SEQUENCE]),
    Case("ZeroPadding1D", {"padding": (2, 0), **FIRST}, [SEQUENCE]),
    Case("ZeroPadding2D", {"padding": 2}, [IMAGE]),
    Case("ZeroPadding2D", {"padding": (1, 2)}, [IMAGE]),
    Case("ZeroPadding2D", {"padding": ((0, 1), (2, 3)), **FIRST}, [IMAGE]),
    Case("ZeroPadding3D", {}, [VOLUME]),
    Case("ZeroPadding3D", {"padding": ((1, 0), (0, 2), (0, 0))}, [VOLUME]),
    Case("Cropping1D", {}, [SEQUENCE]),
    Case("Cropping1D", {"cropping": 2}, [SEQUENCE]),
    Case("Cropping2D", {}, [IMAGE]),
    Case("Cropping2D", {"cropping": ((2, 1), (0, 3)), **FIRST}, [(2, 3, 5, 4)]),
    Case("Cropping3D", {"cropping": ((1, 1), (2, 0), (0, 1))}, [VOLUME]),
    Case("Cropping3D", {"cropping": (1, 2, 1)}, [(1, 4, 5, 3, 2)]),
    Case("UpSampling1D", {}, [SEQUENCE]),
    Case("UpSampling1D", {"size": 3}, [(1, 1, 1)]),
    Case("UpSampling2D", {}, [IMAGE]),
    Case("UpSampling2D", {"size": (3, 1), **FIRST}, [IMAGE]),
    *(
        Case("UpSampling2D", {"size": size, "interpolation": interpolation}, [shape])
        for interpolation in ("bilinear", "bicubic")
        for size, shape in ((2, IMAGE), ((3, 1), (1, 1, 5, 2)), ((1, 4), (2, 3, 2, 1)))
    ),
    Case("UpSampling3D", {}, [VOLUME]),
    Case("UpSampling3D", {"size": (1, 3, 2), **FIRST}, [(1, 2, 2, 3, 2)]),
    *(
        Case("Resizing", {"height": h, "width": w, "interpolation": interpolation}, [IMAGE])
        for interpolation in ("nearest", "bilinear", "bicubic")
        for h, w in ((3, 4), (14, 1), (7, 5), (11, 13))
    ),
    *(
        Case("Resizing", {"height": h, "width": w, "antialias": True, **more}, [IMAGE])
        for h, w in ((3, 2), (14, 4))
        for more in ({}, {"interpolation": "bicubic"})
    ),
    *(
        Case("Resizing", {"height": h, "width": w, flag: True, "fill_value": 0.5}, [IMAGE])
        for h, w in ((6, 2), (2, 6), (5, 5))
        for flag in ("crop_to_aspect_ratio", "pad_to_aspect_ratio")
    ),
    Case("Resizing", {"height": 3, "width": 9, **FIRST}, [IMAGE]),
    Case("GroupNormalization", {"groups": 2}, [IMAGE]),
    Case("GroupNormalization", {"groups": 1, "epsilon": 0.1}, [SEQUENCE]),
    Case("GroupNormalization", {"groups": -1, "center": False}, [IMAGE]),
    Case("GroupNormalization", {"groups": 4, "gamma_regularizer": "l2"}, [(3, 4)]),
    Case("GroupNormalization", {"groups": 2, "axis": 1, "scale": False}, [(2, 4, 3)]),
)

CASES = (*CONVOLUTIONS, *POOLS, *SHAPES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_layer_is_that_of_keras(case: Case, keras: Any, precision: Precision) -> None:
    require_same_layer(case, keras, precision)


EMPTY = (
    Case("Conv2D", {"filters": 3, "kernel_size": 3, "padding": "same"}, [(0, 5, 5, 2)]),
    Case("Conv2D", {"filters": 4, "kernel_size": 2, "groups": 2}, [(0, 3, 3, 2)]),
    Case("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2}, [(0, 5, 5, 2)]),
    Case("SeparableConv2D", {"filters": 3, "kernel_size": 3}, [(0, 5, 5, 2)]),
    Case("AveragePooling2D", {"pool_size": 2}, [(0, 5, 5, 2)]),
    Case("MaxPooling2D", {}, [(0, 5, 5, 2)]),
    Case("UpSampling2D", {"interpolation": "bilinear"}, [(0, 5, 5, 2)]),
)


@pytest.mark.parametrize("case", EMPTY, ids=str)
def test_a_batch_may_be_empty(case: Case, keras: Any, precision: Precision) -> None:
    require_same_layer(case, keras, precision)


# ---- operations

STEPS: dict[str, Any] = {"strides": 2, "padding": "same"}
KERNEL, CHANNELS = (3, 2, 4, 6), (3, 2, 4, 2)
FUNCTIONS = (
    Case("conv", STEPS, [IMAGE, KERNEL]),
    Case("conv", {"dilation_rate": (2, 1)}, [IMAGE, KERNEL]),
    Case("conv", FIRST, [(2, 4, 7, 5), (3, 2, 2, 4)], "in groups"),
    Case("conv", {"strides": 2}, [SEQUENCE, (2, 4, 3)]),
    Case("depthwise_conv", STEPS, [IMAGE, CHANNELS]),
    Case("depthwise_conv", {"dilation_rate": 2, **FIRST}, [(1, 4, 7, 5), CHANNELS]),
    Case("separable_conv", STEPS, [IMAGE, CHANNELS, (1, 1, 8, 3)]),
    Case("conv_transpose", STEPS, [IMAGE, (3, 2, 3, 4)]),
    Case("conv_transpose", {"strides": (2, 1), "output_padding": (1, 0)}, [IMAGE, (3, 2, 3, 4)]),
    Case("max_pool", {"pool_size": 2}, [IMAGE]),
    Case("max_pool", {"pool_size": 3, **STEPS}, [VOLUME]),
    Case("average_pool", {"pool_size": (2, 1), "strides": 1}, [IMAGE]),
)


@pytest.mark.parametrize("case", FUNCTIONS, ids=str)
def test_an_operation_is_that_of_keras(case: Case, keras: Any, precision: Precision) -> None:
    rng = np.random.default_rng(0)
    arrays = [precision.floats(rng.normal(size=shape)) for shape in case.inputs]

    def by(family: Any) -> Any:
        return lambda *tensors: getattr(family, case.name)(*tensors, **case.arguments)

    value, slopes = evaluate(by(ops), arrays)
    their_value, their_slopes = evaluate_keras(by(keras.ops), arrays)
    precision.require_same(value, their_value)
    precision.require_all_same(slopes, their_slopes, map(str, case.inputs))
