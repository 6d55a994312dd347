"""Layers whose kernels slide: forward, back, channel by channel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from glassgrad import Input, layers, set_random_seed
from glassgrad.errors import ArgumentError, GlassgradError, ShapeError
from glassgrad.initializers import compute_fans
from glassgrad.models import Model, Sequential, load_model
from glassgrad.optimizers import Adam

IMAGE = np.random.default_rng(0).normal(size=(2, 7, 6, 4)).astype("float32")


@pytest.mark.parametrize("strides, dilation, groups", [(2, 2, 1), ((1, 2), (3, 1), 2), (3, 2, 4)])
def test_strides_and_dilation_together(strides: Any, dilation: Any, groups: int) -> None:
    """What Keras refuses, by PyTorch."""
    layer = layers.Conv2D(8, (2, 3), strides, "valid", None, dilation, groups)
    y = layer(IMAGE).numpy()
    kernel = torch.tensor(layer.kernel.numpy()).permute(3, 2, 0, 1)
    x = torch.tensor(IMAGE).permute(0, 3, 1, 2)
    expected = functional.conv2d(x, kernel, stride=strides, dilation=dilation, groups=groups)
    np.testing.assert_allclose(y, expected.permute(0, 2, 3, 1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dilation", [1, 3])
def test_causal_padding_does_not_look_ahead(dilation: int) -> None:
    layer = layers.Conv1D(3, 3, padding="causal", dilation_rate=dilation)
    x = np.random.default_rng(0).normal(size=(1, 9, 2)).astype("float32")
    before = layer(x).numpy()
    x[:, 5:] += 1
    after = layer(x).numpy()
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert (before[:, 5] != after[:, 5]).all()


def test_a_transposed_convolution_is_the_gradient_of_a_convolution() -> None:
    """Of one element that goes in, the kernel comes out."""
    layer = layers.Conv2DTranspose(2, 3, strides=2)
    one = np.zeros((1, 3, 3, 4), "float32")
    one[0, 1, 2, 3] = 1
    y = layer(one).numpy()[0]
    np.testing.assert_array_equal(y[2:5, 4:7], layer.kernel.numpy()[..., 3])
    assert np.count_nonzero(y) == 18


def test_a_separable_convolution_is_two_convolutions() -> None:
    layer = layers.SeparableConv2D(3, 3, depth_multiplier=2, padding="same")
    y = layer(IMAGE).numpy()
    each = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, use_bias=False)
    mixed = layers.Conv2D(3, 1, use_bias=False)
    each.build(IMAGE.shape)
    mixed.build((None, 7, 6, 8))
    each.set_weights([layer.depthwise_kernel.numpy()])
    mixed.set_weights([layer.pointwise_kernel.numpy()])
    np.testing.assert_allclose(mixed(each(IMAGE)).numpy(), y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "kernel, fans",
    [
        ((3, 3, 16, 32), (144, 288)),
        ((5, 4, 8), (20, 40)),
        ((2, 3, 4, 1, 6), (24, 144)),
        ((3, 3, 1, 32), (9, 288)),
    ],
)
def test_fans_count_the_receptive_field(kernel: tuple[int, ...], fans: tuple[int, int]) -> None:
    assert compute_fans(kernel) == fans


def test_a_kernel_begins_within_its_limit() -> None:
    """Glorot: the limit is sqrt(6 / (in + out)), each times the elements of a window."""
    set_random_seed(0)
    layer = layers.Conv2D(32, 3)
    layer.build((None, 8, 8, 16))
    limit = np.sqrt(6 / (9 * 16 + 9 * 32))
    found = np.abs(layer.kernel.numpy()).max()
    assert 0.95 * limit < found <= limit


@pytest.mark.parametrize(
    "layer, shape, expected",
    [
        (layers.Conv1D(3, 5, 2), (None, None, 2), (None, None, 3)),
        (layers.Conv2D(3, 2, 2, "same"), (None, None, 7, 2), (None, None, 4, 3)),
        (layers.Conv2D(3, 2, data_format="channels_first"), (4, 2, 7, None), (4, 3, 6, None)),
        (layers.Conv2DTranspose(3, 2, 2), (None, 4, None, 2), (None, 8, None, 3)),
        (layers.DepthwiseConv2D(2, depth_multiplier=3), (None, 4, 4, None), (None, 3, 3, None)),
        (layers.SeparableConv2D(5, 2), (1, 4, 4, 2), (1, 3, 3, 5)),
    ],
)
def test_open_lengths_stay_open(layer: Any, shape: Any, expected: Any) -> None:
    assert layer.compute_output_shape(shape) == expected


def test_a_model_takes_images_of_any_size() -> None:
    image = Input((None, None, 3))
    seen = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(image)
    model = Model(image, layers.GlobalAveragePooling2D()(seen))
    assert seen.shape == (None, None, None, 4)
    for shape in ((2, 9, 5, 3), (3, 4, 4, 3)):
        assert model.predict(np.ones(shape, "float32")).shape == (shape[0], 4)


def test_bytes_are_taken_as_numbers() -> None:
    layer = layers.Conv2D(1, 1, kernel_initializer="ones")
    y = layer(np.array([[[[200, 100]]]], "uint8"))
    assert (y.dtype, y.item()) == (np.dtype("float32"), 300.0)


REFUSALS: list[tuple[str, Callable[[], Any], type[GlassgradError], str]] = [
    ("filters", lambda: layers.Conv2D(0, 3), ArgumentError, "filters .* Got 0"),
    ("window", lambda: layers.Conv2D(1, 0), ArgumentError, "kernel_size .* from 1 on.* Got 0"),
    ("axes", lambda: layers.Conv2D(1, (3, 3, 3)), ArgumentError, r"2 of them. Got \(3, 3, 3\)"),
    ("strides", lambda: layers.Conv1D(1, 3, (1, 2)), ArgumentError, "strides .* 1 of them"),
    ("text", lambda: layers.Conv2D(1, "3"), ArgumentError, "kernel_size .* Got '3'"),  # type: ignore[arg-type]
    ("dilation", lambda: layers.Conv1D(1, 3, dilation_rate=-1), ArgumentError, "dilation_rate"),
    ("padding", lambda: layers.Conv2D(1, 3, padding="causal"), ArgumentError, "valid, same. Got"),
    ("word", lambda: layers.Conv1D(1, 3, padding="full"), ArgumentError, "causal. Got 'full'"),
    ("format", lambda: layers.Conv1D(1, 3, data_format="NHWC"), ArgumentError, "Got 'NHWC'"),
    ("groups", lambda: layers.Conv2D(3, 1, groups=2), ArgumentError, "3 filters in 2 groups"),
    ("no-groups", lambda: layers.Conv2D(3, 1, groups=0), ArgumentError, "groups .* Got 0"),
    ("uneven", lambda: layers.Conv2D(3, 1, groups=3)(IMAGE), ShapeError, "3 groups. Got 4"),
    ("rank", lambda: layers.Conv2D(3, 1)(IMAGE[0]), ShapeError, "4 axes, found 3"),
    ("short", lambda: layers.Conv2D(3, 8)(IMAGE), ShapeError, "nothing of axis 1 .* length 7"),
    ("dilated", lambda: layers.Conv2D(3, 4, dilation_rate=2)(IMAGE), ShapeError, "axis 2 .* 6"),
    ("unknown", lambda: layers.Conv2D(3, 1).build((None, 4, 4, None)), ShapeError, "channels"),
    ("none", lambda: layers.Conv2D(3, 1).build((None, 4, 4, 0)), ShapeError, "channels, 1 or"),
    ("more", lambda: layers.Conv2DTranspose(3, 2, 2, output_padding=2), ArgumentError, "below"),
    ("multiplier", lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), ArgumentError, "Got 0"),
]


@pytest.mark.parametrize(
    "build, kind, message", [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_is_refused(build: Callable[[], Any], kind: type[GlassgradError], message: str) -> None:
    with pytest.raises(kind, match=message):
        build()


def test_later_inputs_have_the_channels_of_the_first() -> None:
    layer = layers.Conv2D(3, 2)
    layer(IMAGE)
    with pytest.raises(ShapeError, match="axis -1 of length 4, found 3"):
        layer(IMAGE[..., :3])
    with pytest.raises(ShapeError, match="leaves nothing of axis 2 of space, of length 1"):
        layer(IMAGE[:, :, :1])


# ---- in models


def classifier() -> Sequential:
    """The program of many a tutorial, as it is written there."""
    model = Sequential()
    model.add(layers.Conv2D(32, (3, 3), activation="relu", input_shape=(64, 64, 3)))
    model.add(layers.MaxPooling2D(pool_size=(2, 2)))
    model.add(layers.Flatten())
    model.add(layers.Dense(10, activation="softmax"))
    return model


def coloured(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images whose class is the colour that is strongest."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 3
    x = rng.uniform(0, 0.5, (count, 64, 64, 3)).astype("float32")
    x[np.arange(count), :, :, labels] += 0.5
    return x, labels


def test_the_program_of_a_tutorial_runs_and_learns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_random_seed(0)
    model = classifier()
    model.summary()
    printed = capsys.readouterr().out
    for row in ("(None, 62, 62, 32)", "(None, 31, 31, 32)", "(None, 30752)", "308,426 parameters"):
        assert row in printed
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, labels = coloured(12)
    history = model.fit(x, labels, batch_size=6, epochs=6, verbose=0).history
    assert history["accuracy"][-1] == 1.0
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(load_model(tmp_path / "model").predict(x), model.predict(x))


def test_branches_of_a_functional_model(tmp_path: Path) -> None:
    set_random_seed(0)
    image = Input((8, 8, 2))
    near = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    far = layers.Conv2D(4, 3, padding="same", dilation_rate=2, activation="relu")(image)
    pooled = layers.MaxPooling2D()(layers.Concatenate()([near, far]))
    back = layers.Conv2DTranspose(4, 2, strides=2)(pooled)
    again = layers.Add()([back, near])
    model = Model(image, layers.GlobalAveragePooling2D()(layers.Conv2D(1, 1)(again)))
    model.compile(Adam(0.03), "mse")
    x = np.random.default_rng(0).normal(size=(16, 8, 8, 2)).astype("float32")
    y = x.max(axis=(1, 2))[:, :1]
    losses = model.fit(x, y, epochs=8, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(load_model(tmp_path / "model").predict(x), model.predict(x))
