"""Every layer: outputs, gradients, penalties, state, shapes and weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from glassgrad import layers, set_random_seed
from glassgrad.graph import as_tensor
from tests.keras_parity.comparison import (
    Array,
    Case,
    Precision,
    as_array,
    evaluate,
    evaluate_keras,
)

REGULARIZED = {"kernel_regularizer": "l2", "bias_regularizer": "l1", "activity_regularizer": "l2"}


def integers(*shape: int, below: int = 5) -> Array:
    return np.random.default_rng(4).integers(0, below, shape).astype("int32")


ROW, TABLE, SEQUENCE, IMAGE = (4, 3), (5, 6), (3, 4, 5), (2, 4, 5, 3)

CASES = (
    Case("Dense", {"units": 4}, [ROW]),
    Case("Dense", {"units": 2, "activation": "tanh", "use_bias": False}, [SEQUENCE]),
    Case("Dense", {"units": 2, **REGULARIZED}, [ROW]),
    Case("Flatten", {}, [IMAGE]),
    Case("Flatten", {}, [(3,)]),
    Case("Activation", {"activation": "tanh"}, [ROW]),
    Case("ReLU", {}, [ROW]),
    Case("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, [SEQUENCE]),
    Case("LeakyReLU", {}, [ROW]),
    Case("LeakyReLU", {"negative_slope": 0.1}, [ROW]),
    Case("ELU", {}, [ROW]),
    Case("ELU", {"alpha": 0.5}, [ROW]),
    Case("Softmax", {}, [SEQUENCE]),
    Case("Softmax", {"axis": 1}, [SEQUENCE]),
    Case("Rescaling", {"scale": 0.5, "offset": -1.0}, [ROW]),
    Case("Rescaling", {"scale": 2.0}, [(4, 3)]),
    Case("PReLU", {}, [SEQUENCE]),
    Case("PReLU", {"shared_axes": [1], "alpha_regularizer": "l2"}, [SEQUENCE]),
    Case("Identity", {}, [ROW]),
    Case("Reshape", {"target_shape": (2, -1)}, [TABLE]),
    Case("Reshape", {"target_shape": (3, 5, 4)}, [IMAGE]),
    Case("Permute", {"dims": (2, 3, 1)}, [IMAGE]),
    Case("RepeatVector", {"n": 3}, [ROW]),
    Case("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, [ROW]),
    *(Case(name, {}, [ROW] * 3) for name in ("Add", "Multiply", "Average", "Maximum", "Minimum")),
    *(Case(name, {}, [SEQUENCE, (3, 1, 5)], "broadcast") for name in ("Add", "Maximum")),
    Case("Subtract", {}, [ROW] * 2),
    Case("Concatenate", {}, [(4, 3), (4, 2), (4, 1)]),
    Case("Concatenate", {"axis": 1}, [(4, 3, 2), (4, 1, 2)]),
    Case("Dot", {"axes": 1}, [ROW] * 2),
    Case("Dot", {"axes": -1, "normalize": True}, [ROW] * 2),
    Case("Dot", {"axes": (2, 1)}, [(2, 3, 4), (2, 4, 5)]),
    Case("Dot", {"axes": (1, 2), "normalize": True}, [(2, 3, 4), (2, 5, 3)]),
    Case("Embedding", {"input_dim": 5, "output_dim": 3}, [integers(4, 2)]),
    Case(
        "Embedding",
        {"input_dim": 5, "output_dim": 3, "embeddings_regularizer": "l2"},
        [integers(4)],
    ),
    Case("BatchNormalization", {}, [TABLE]),
    Case("BatchNormalization", {"momentum": 0.8, "epsilon": 0.1}, [IMAGE]),
    Case("BatchNormalization", {"axis": 1, "center": False}, [SEQUENCE]),
    Case("BatchNormalization", {"scale": False, "gamma_regularizer": "l2"}, [TABLE]),
    Case("BatchNormalization", {"trainable": False}, [TABLE]),
    Case("LayerNormalization", {}, [SEQUENCE]),
    Case("LayerNormalization", {"axis": [1, 2], "epsilon": 0.1}, [SEQUENCE]),
    Case("LayerNormalization", {"center": False, "scale": False}, [ROW]),
    Case("LayerNormalization", {"beta_regularizer": "l2", "gamma_initializer": "zeros"}, [TABLE]),
    Case("RMSNormalization", {}, [SEQUENCE]),
    Case("RMSNormalization", {"axis": [1, 2], "epsilon": 0.1}, [SEQUENCE]),
    Case("UnitNormalization", {}, [SEQUENCE]),
    Case("UnitNormalization", {"axis": 1}, [SEQUENCE]),
    Case("Normalization", {"mean": [1.0, 2.0, 3.0], "variance": [1.0, 4.0, 0.5]}, [ROW]),
    Case("Normalization", {"axis": None, "mean": 2.0, "variance": 4.0}, [ROW]),
    Case("Normalization", {"mean": 2.0, "variance": 4.0, "invert": True, "axis": None}, [ROW]),
    Case("CategoryEncoding", {"num_tokens": 5, "output_mode": "one_hot"}, [integers(4)]),
    Case("CategoryEncoding", {"num_tokens": 5}, [integers(4, 3)]),
    Case("CategoryEncoding", {"num_tokens": 5, "output_mode": "count"}, [integers(4, 3)]),
    Case("Discretization", {"bin_boundaries": [-1.0, 0.0, 0.5]}, [ROW]),
    Case("Discretization", {"bin_boundaries": [0.0, 0.5], "output_mode": "one_hot"}, [(4, 1)]),
)


def arrays_of(case: Case, precision: Precision) -> list[Array]:
    """Integers as they stand in the row, and random floats of the shapes that stand there."""
    rng = np.random.default_rng(0)
    return [
        precision.floats(rng.normal(size=one)) if isinstance(one, tuple) else one
        for one in case.inputs
    ]


def applied(layer: Any, training: bool) -> Any:
    """A layer as a function of tensors: one, or a list of several."""
    return lambda *tensors: layer(
        tensors[0] if len(tensors) == 1 else list(tensors), training=training
    )


def other_value(weight: Any, precision: Precision) -> Array:
    """Another value than a weight begins with, positive for the sake of variances."""
    rng = np.random.default_rng(1)
    return precision.floats(rng.uniform(0.5, 1.5, weight.shape))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_layer_is_that_of_keras(case: Case, keras: Any, precision: Precision) -> None:
    require_same_layer(case, keras, precision)


def require_same_layer(case: Case, keras: Any, precision: Precision) -> None:
    """Weights, shapes, and outputs, gradients and state in inference and twice in training."""
    ours, theirs = case.make(layers), case.make(keras.layers)
    precision = precision.about(f"layers.{case.name}")
    arrays = arrays_of(case, precision)
    for layer in (ours, theirs):
        applied(layer, training=False)(*arrays)  # which builds it
    require_same_weights(ours, theirs)
    for weight, their_weight in zip(ours.weights, theirs.weights, strict=True):
        weight.assign(other_value(weight, precision))
        their_weight.assign(weight.numpy())
    for training in (False, True, True):
        what = f"training={training}"
        value, slopes = evaluate(applied(ours, training), arrays, ours.trainable_weights, training)
        their_value, their_slopes = evaluate_keras(
            applied(theirs, training), arrays, theirs.trainable_weights, lambda: theirs.losses
        )
        precision.require_same(value, their_value, what)
        for number, pair in enumerate(zip(slopes, their_slopes, strict=True)):
            precision.require_same(*pair, f"gradient {number}, {what}")
        for a, b in zip(ours.weights, theirs.weights, strict=True):
            precision.require_same(a, b, f"{a.name}, {what}")
    require_same_shape(ours, theirs, [array.shape for array in arrays])


def require_same_weights(ours: Any, theirs: Any) -> None:
    """Names, shapes, and whether they are trained."""
    kinds = [[w.name.split("/")[-1] for w in ours.weights], [w.name for w in theirs.weights]]
    assert kinds[0] == kinds[1]
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    assert len(ours.trainable_weights) == len(theirs.trainable_weights)


def require_same_shape(ours: Any, theirs: Any, shapes: Sequence[tuple[int, ...]]) -> None:
    """The shape of the output, with a batch of open length."""
    opened = [(None, *shape[1:]) for shape in shapes]
    argument = opened if len(opened) > 1 else opened[0]
    assert ours.compute_output_shape(argument) == tuple(theirs.compute_output_shape(argument))


# ---- layers that draw: inference to the digit, training in distribution

RANDOM = (
    Case("Dropout", {"rate": 0.3}),
    Case("Dropout", {"rate": 0.3, "noise_shape": (None, 1)}),
    Case("GaussianNoise", {"stddev": 0.7}),
    Case("GaussianDropout", {"rate": 0.3}),
    Case("AlphaDropout", {"rate": 0.3}),
    Case("AlphaDropout", {"rate": 0.3, "noise_shape": (None, 1)}),
    Case("SpatialDropout1D", {"rate": 0.3}, note="of sequences"),
    Case("SpatialDropout2D", {"rate": 0.3}, note="of images"),
    Case("SpatialDropout2D", {"rate": 0.3, "data_format": "channels_first"}, note="turned"),
    Case("SpatialDropout3D", {"rate": 0.3}, note="of volumes"),
)
SHAPES = {
    "of sequences": (200, 5, 150),
    "of images": (200, 2, 3, 150),
    "turned": (200, 150, 2, 3),
    "of volumes": (200, 2, 1, 3, 150),
}


@pytest.mark.parametrize("case", RANDOM, ids=str)
def test_a_layer_that_draws_is_distributed_as_that_of_keras(
    case: Case, keras: Any, precision: Precision
) -> None:
    """What is drawn differs, so moments are compared, of values and of means over an axis."""
    set_random_seed(0)  # the step, which tests before this one have counted on, begins anew
    shape = SHAPES.get(case.note, (400, 120))
    x = precision.floats(np.random.default_rng(0).uniform(1.0, 2.0, shape))
    arguments = {**case.arguments, "seed": 7}
    ours, theirs = (getattr(family, case.name)(**arguments) for family in (layers, keras.layers))
    precision.require_same(ours(x, training=False), theirs(x, training=False), "inference")
    a, b = as_array(ours(x, training=True)), as_array(theirs(x, training=True))
    for power in (1, 2, 3):
        assert np.mean(a**power) == pytest.approx(np.mean(b**power), rel=0.12)
    assert np.mean(a == 0) == pytest.approx(np.mean(b == 0), abs=0.05)
    for axis in range(len(shape)):  # a mask that is shared along an axis keeps the mean's spread
        assert a.mean(axis).std() == pytest.approx(b.mean(axis).std(), rel=0.3)


# ---- augmentation: a range of one number leaves nothing to chance

CERTAIN = (
    Case("RandomTranslation", {"height_factor": (0.2, 0.2), "width_factor": (-0.13, -0.13)}),
    Case("RandomRotation", {"factor": (0.07, 0.07)}),
    Case("RandomZoom", {"height_factor": (0.3, 0.3)}),
    Case("RandomZoom", {"height_factor": (-0.2, -0.2), "width_factor": (0.1, 0.1)}),
)
FILLINGS = ("reflect", "wrap", "constant", "nearest")


@pytest.mark.parametrize("case", CERTAIN, ids=str)
@pytest.mark.parametrize("fill_mode", FILLINGS)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_an_augmentation_is_that_of_keras(
    case: Case, fill_mode: str, interpolation: str, keras: Any, precision: Precision
) -> None:
    x = precision.floats(np.random.default_rng(0).uniform(size=(2, 7, 9, 3)))
    arguments = {**case.arguments, "fill_mode": fill_mode, "interpolation": interpolation}
    arguments |= {"fill_value": 0.25, "seed": 3}
    ours, theirs = (getattr(family, case.name)(**arguments) for family in (layers, keras.layers))
    precision = precision.about(f"layers.{case.name}")
    precision.require_same(ours(x, training=False), theirs(x, training=False), "inference")
    precision.require_same(ours(x, training=True), theirs(x, training=True), "training")


@pytest.mark.parametrize("mode", ["horizontal", "vertical", "horizontal_and_vertical"])
def test_a_random_flip_gives_the_images_that_that_of_keras_gives(
    mode: str, keras: Any, precision: Precision
) -> None:
    image = precision.floats(np.random.default_rng(0).uniform(size=(3, 4, 2)))
    batch = np.repeat(image[None], 60, axis=0)
    seen = []
    for family in (layers, keras.layers):
        flipped = as_array(family.RandomFlip(mode, seed=3)(batch, training=True))
        seen.append({one.tobytes() for one in flipped})
    assert seen[0] == seen[1]


# ---- layers that learn from data before they are used

ADAPTED = (
    Case("Normalization", {}, "normal"),
    Case("Normalization", {"axis": None}, "normal"),
    Case("Normalization", {"axis": 1}, "sequence"),
)


@pytest.mark.parametrize("case", ADAPTED, ids=str)
def test_a_layer_adapts_as_that_of_keras(case: Case, keras: Any, precision: Precision) -> None:
    rng = np.random.default_rng(0)
    shape = (40, 3) if case.inputs == "normal" else (40, 3, 2)
    data = precision.floats(rng.normal(2.0, 3.0, shape))
    ours, theirs = case.make(layers), case.make(keras.layers)
    for layer in (ours, theirs):
        layer.adapt(data)
    precision = precision.about(f"layers.{case.name}.adapt")
    precision.require_same(ours(data), theirs(data))


# ---- functions

FUNCTIONS = (
    *(Case(name) for name in ("add", "multiply", "average", "maximum", "minimum", "subtract")),
    Case("concatenate", {"axis": 1}),
    Case("dot", {"axes": 1, "normalize": True}),
)


@pytest.mark.parametrize("case", FUNCTIONS, ids=str)
def test_a_function_of_layers_is_that_of_keras(
    case: Case, keras: Any, precision: Precision
) -> None:
    arrays = [precision.floats(np.random.default_rng(seed).normal(size=ROW)) for seed in (0, 1)]
    ours, theirs = (
        getattr(family, case.name)([array(one) for one in arrays], **case.arguments)
        for family, array in ((layers, as_tensor), (keras.layers, keras.ops.array))
    )
    precision.require_same(ours, theirs)


EVERY_CASE = (*CASES, *RANDOM, *CERTAIN, *ADAPTED, *FUNCTIONS, Case("RandomFlip"))
