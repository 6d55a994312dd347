"""Every object with a configuration can be written to JSON and made again from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glassgrad import (
    activations,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
)
from glassgrad.serialization import Configurable

FAMILIES: dict[str, Any] = {
    "activations": activations,
    "constraints": constraints,
    "initializers": initializers,
    "layers": layers,
    "losses": losses,
    "metrics": metrics,
    "schedules": optimizers.schedules,
    "optimizers": optimizers,
    "regularizers": regularizers,
}
INPUT = layers.Input((3,), name="start")

OBJECTS: tuple[Any, ...] = (
    initializers.Zeros(),
    initializers.Ones(),
    initializers.Constant([1.0, 2.0]),
    initializers.RandomNormal(1.0, 0.1, seed=3),
    initializers.RandomUniform(-1.0, 1.0),
    initializers.VarianceScaling(2.0, "fan_out", "uniform", 4, [0], [1, 2]),
    initializers.TruncatedNormal(1.0, 0.1, seed=3),
    initializers.Identity(2.0),
    initializers.Orthogonal(2.0, seed=5),
    initializers.LecunNormal(seed=1),
    initializers.LecunUniform(),
    initializers.GlorotUniform(seed=1),
    initializers.GlorotNormal(),
    initializers.HeNormal(),
    initializers.HeUniform(),
    regularizers.L1(0.1),
    regularizers.L2(0.2),
    regularizers.L1L2(0.1, 0.2),
    regularizers.OrthogonalRegularizer(0.1, "columns"),
    constraints.MaxNorm(3, [0, 1]),
    constraints.NonNeg(),
    constraints.UnitNorm(None),
    constraints.MinMaxNorm(0.5, 2.0, 0.25, 1),
    losses.MeanSquaredError(reduction="sum"),
    losses.MeanAbsoluteError(name="distance"),
    losses.BinaryCrossentropy(True, 0.1),
    losses.CategoricalCrossentropy(label_smoothing=0.1),
    losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1),
    losses.LossFunctionWrapper("mse", name="error"),
    losses.LossFunctionWrapper("huber", delta=0.5, dtype="float64"),
    losses.MeanAbsolutePercentageError(),
    losses.MeanSquaredLogarithmicError(),
    losses.Huber(0.5, "sum"),
    losses.LogCosh(dtype="float64"),
    losses.CosineSimilarity(axis=1),
    losses.KLDivergence(),
    losses.Poisson(),
    losses.Hinge(),
    losses.SquaredHinge(),
    losses.CategoricalHinge(),
    losses.BinaryFocalCrossentropy(True, 0.1, 1.5, axis=[1, 2]),
    losses.CategoricalFocalCrossentropy([0.1, 0.9], 1.5, label_smoothing=0.1),
    losses.CategoricalGeneralizedCrossEntropy(0.7),
    losses.Dice(axis=[1, 2]),
    losses.Tversky(0.3, 0.7, "sum"),
    metrics.Mean("loss"),
    metrics.MeanSquaredError(),
    metrics.MeanAbsoluteError(),
    metrics.Accuracy(),
    metrics.BinaryAccuracy("acc", threshold=0.25),
    metrics.CategoricalAccuracy(),
    metrics.SparseCategoricalAccuracy(),
    metrics.MeanMetricWrapper("binary_crossentropy"),
    metrics.MeanMetricWrapper("huber", name="narrow", delta=0.5),
    metrics.Sum("total"),
    metrics.MeanAbsolutePercentageError(),
    metrics.MeanSquaredLogarithmicError(),
    metrics.RootMeanSquaredError(dtype="float64"),
    metrics.LogCoshError(),
    metrics.CosineSimilarity(axis=1),
    metrics.R2Score("variance_weighted_average", 2),
    metrics.Hinge(),
    metrics.SquaredHinge(),
    metrics.CategoricalHinge(),
    metrics.KLDivergence(),
    metrics.Poisson(),
    metrics.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
    metrics.CategoricalCrossentropy(from_logits=True),
    metrics.SparseCategoricalCrossentropy(ignore_class=-1),
    metrics.TopKCategoricalAccuracy(3),
    metrics.SparseTopKCategoricalAccuracy(2, from_sorted_ids=True),
    metrics.TruePositives([0.25, 0.5]),
    metrics.TrueNegatives(0.25),
    metrics.FalsePositives(),
    metrics.FalseNegatives(name="missed"),
    metrics.Precision(top_k=2, class_id=1),
    metrics.Recall([0.25, 0.5]),
    metrics.F1Score("macro", 0.5),
    metrics.FBetaScore("weighted", 2.0),
    metrics.AUC(50, "PR", "minoring", multi_label=True, num_labels=2, label_weights=[1.0, 2.0]),
    metrics.SensitivityAtSpecificity(0.5, 20),
    metrics.SpecificityAtSensitivity(0.5, class_id=1),
    metrics.PrecisionAtRecall(0.5),
    metrics.RecallAtPrecision(0.5),
    metrics.ConfusionMatrix(3),
    metrics.IoU(3, (0, 2), ignore_class=1, sparse_y_true=False, axis=1),
    metrics.BinaryIoU([1], 0.25),
    metrics.MeanIoU(3, sparse_y_pred=False),
    metrics.OneHotIoU(3, [2], "third"),
    metrics.OneHotMeanIoU(3, dtype="float64"),
    layers.InputLayer((None, 3), batch_size=2, name="in"),
    layers.Dense(
        3,
        "relu",
        use_bias=False,
        kernel_initializer=initializers.HeNormal(seed=1),
        kernel_regularizer=regularizers.L2(0.1),
        activity_regularizer="l1",
        kernel_constraint=constraints.MaxNorm(3),
        bias_constraint="non_neg",
        name="d",
        trainable=False,
        dtype="float64",
    ),
    layers.Flatten("channels_first", name="f"),
    layers.Reshape((2, -1), name="cut"),
    layers.Permute((2, 1), name="turned"),
    layers.RepeatVector(3, name="thrice"),
    layers.Dropout(0.5, (None, 1), seed=1, name="drop"),
    layers.SpatialDropout1D(0.5, seed=1, name="drop_1d"),
    layers.SpatialDropout2D(0.5, seed=1, name="drop_2d"),
    layers.SpatialDropout3D(0.5, "channels_first", 1, name="drop_3d"),
    layers.Conv1D(2, 3, 2, "causal", kernel_regularizer="l2", name="along"),
    layers.Conv2D(4, (3, 2), (1, 2), "same", "channels_first", 1, 2, "relu", name="over"),
    layers.Conv3D(2, 3, dilation_rate=(1, 2, 1), use_bias=False, name="through"),
    layers.Conv1DTranspose(2, 3, 2, "same", 1, name="along_back"),
    layers.Conv2DTranspose(2, (3, 1), 2, kernel_constraint="max_norm", name="over_back"),
    layers.Conv3DTranspose(2, 3, activity_regularizer="l1", name="through_back"),
    layers.DepthwiseConv1D(3, 2, "same", 2, depthwise_constraint="non_neg", name="each_along"),
    layers.DepthwiseConv2D((3, 1), depthwise_initializer="he_normal", name="each"),
    layers.SeparableConv1D(2, 3, pointwise_regularizer="l2", name="mixed_along"),
    layers.SeparableConv2D(2, 3, depth_multiplier=2, pointwise_constraint="non_neg", name="mixed"),
    layers.MaxPooling1D(3, 2, "same", name="max_1d"),
    layers.MaxPooling2D((2, 3), name="max_2d"),
    layers.MaxPooling3D(data_format="channels_first", name="max_3d"),
    layers.AveragePooling1D(3, 2, "same", name="mean_1d"),
    layers.AveragePooling2D((2, 3), name="mean_2d"),
    layers.AveragePooling3D(2, data_format="channels_first", name="mean_3d"),
    layers.GlobalMaxPooling1D(name="most_1d"),
    layers.GlobalMaxPooling2D(keepdims=True, name="most_2d"),
    layers.GlobalMaxPooling3D("channels_first", name="most_3d"),
    layers.GlobalAveragePooling1D(name="all_1d"),
    layers.GlobalAveragePooling2D(keepdims=True, name="all_2d"),
    layers.GlobalAveragePooling3D("channels_first", name="all_3d"),
    layers.ZeroPadding1D((2, 0), name="zeros_1d"),
    layers.ZeroPadding2D((1, 2), "channels_first", name="zeros_2d"),
    layers.ZeroPadding3D(((1, 0), (0, 2), (0, 0)), name="zeros_3d"),
    layers.Cropping1D(2, name="cut_1d"),
    layers.Cropping2D(((1, 0), (0, 2)), "channels_first", name="cut_2d"),
    layers.Cropping3D(2, name="cut_3d"),
    layers.UpSampling1D(3, name="more_1d"),
    layers.UpSampling2D((1, 3), interpolation="bilinear", name="more_2d"),
    layers.UpSampling3D((1, 2, 3), name="more_3d"),
    layers.Resizing(3, 4, "nearest", fill_value=0.5, pad_to_aspect_ratio=True, name="resized"),
    layers.GroupNormalization(2, 1, 0.1, gamma_regularizer="l2", name="in_groups"),
    layers.GaussianNoise(2.0, seed=1, name="noise"),
    layers.GaussianDropout(0.5, seed=1, name="gauss"),
    layers.AlphaDropout(0.5, (None, 1), seed=1, name="alpha"),
    layers.ActivityRegularization(0.1, 0.2, name="costly"),
    layers.Activation("tanh", name="act"),
    layers.ReLU(6.0, 0.1, 0.5, name="limited"),
    layers.LeakyReLU(0.1, name="leaky"),
    layers.PReLU("ones", "l2", "non_neg", (1, 2), name="learnt"),
    layers.ELU(0.5, name="soft"),
    layers.Softmax(axis=1, name="shares"),
    layers.Identity(name="same"),
    layers.Lambda("tanh", output_shape=(3,), arguments={"a": [1.0]}, name="own"),
    layers.Add(name="sum"),
    layers.Subtract(name="difference"),
    layers.Multiply(name="product"),
    layers.Average(name="mean"),
    layers.Maximum(name="largest"),
    layers.Minimum(name="smallest"),
    layers.Concatenate(1, name="joined"),
    layers.Dot((1, 2), normalize=True, name="dot"),
    layers.EinsumDense("...a,ab->...b", 3, "relu", "b", kernel_constraint="non_neg", name="axes"),
    layers.MultiHeadAttention(
        2,
        3,
        5,
        0.25,
        use_bias=False,
        output_shape=(2, 4),
        attention_axes=(1,),
        sliding_window=3,
        flash_attention=True,
        kernel_initializer="he_normal",
        bias_regularizer="l1",
        activity_regularizer="l2",
        kernel_constraint="unit_norm",
        use_gate=True,
        seed=4,
        name="heads",
    ),
    layers.GroupQueryAttention(3, 4, 2, 0.25, kernel_regularizer="l2", seed=4, name="groups"),
    layers.Attention(True, "concat", 0.25, seed=4, name="two"),
    layers.AdditiveAttention(False, 0.25, seed=4, name="sums"),
    layers.PositionEmbedding(5, "ones", name="places"),
    layers.SinePositionEncoding(100, name="waves"),
    layers.RotaryEmbedding(100, 2.0, 2, 1, name="turns"),
    layers.TokenAndPositionEmbedding(5, 4, 3, False, "ones", True, name="tokens"),
    layers.ReversibleEmbedding(
        3, 2, False, reverse_dtype="float64", logit_soft_cap=5.0, name="back"
    ),
    layers.TransformerBlock(2, 5, 0.25, "relu", True, False, 1e-3, name="block"),
    layers.TransformerEncoder(5, 2, 0.25, normalize_first=True, name="encoder"),
    layers.TransformerDecoder(5, 2, bias_initializer="ones", name="decoder"),
    layers.Embedding(3, 2, "ones", "l2", "unit_norm", weights=[[1.0] * 2] * 3, name="table"),
    layers.BatchNormalization(
        1,
        0.9,
        0.1,
        False,
        True,
        "ones",
        "zeros",
        "ones",
        "zeros",
        "l1",
        "l2",
        "non_neg",
        "max_norm",
        name="batch",
    ),
    layers.LayerNormalization(
        [1, 2], 0.1, False, True, "ones", "zeros", "l1", "l2", "non_neg", "max_norm", name="layer"
    ),
    layers.RMSNormalization(1, 0.1, name="rms"),
    layers.UnitNormalization((1, 2), name="unit"),
    layers.Rescaling(1 / 255, [0.5, -1.0], name="scaled"),
    layers.RandomFlip("vertical", 3, "channels_first", name="flip"),
    layers.RandomTranslation(0.1, (-0.2, 0.3), "wrap", "nearest", 4, 0.5, name="shift"),
    layers.RandomRotation((0.1, 0.2), "constant", name="turn"),
    layers.RandomZoom(0.1, None, "nearest", name="zoom"),
    layers.Normalization(1, [1.0, 2.0], [0.5, 3.0], invert=True, name="standard"),
    layers.CategoryEncoding(3, "count", name="counts"),
    layers.IntegerLookup(9, 2, 0, -7, [5, 3], invert=True, name="numbers"),
    layers.StringLookup(9, 0, "", "?", ["b", "a"], pad_to_max_tokens=False, name="words"),
    layers.Discretization([0.0, 1.5], output_mode="one_hot", name="bins"),
    layers.Discretization(num_bins=3, epsilon=0.1, name="learnt_bins"),
    layers.Masking(-1.0, name="padding"),
    layers.SimpleRNNCell(2, "relu", False, dropout=0.5, seed=3, name="elman"),
    layers.LSTMCell(2, "relu", "tanh", False, unit_forget_bias=False, name="kept"),
    layers.GRUCell(2, recurrent_dropout=0.5, reset_after=False, bias_regularizer="l1", name="g"),
    layers.StackedRNNCells([layers.GRUCell(2, name="a"), layers.LSTMCell(3, name="b")], name="up"),
    layers.RNN(layers.SimpleRNNCell(2, name="c"), True, True, True, True, True, True, name="r"),
    layers.SimpleRNN(
        2, "relu", False, "ones", "zeros", "ones", "l1", "l2", "l1", "l2", name="simple"
    ),
    layers.LSTM(
        2,
        "relu",
        "hard_sigmoid",
        kernel_constraint="non_neg",
        recurrent_constraint="unit_norm",
        bias_constraint="max_norm",
        return_state=True,
        stateful=True,
        unroll=True,
        use_cudnn=False,
        zero_output_for_mask=True,
        dtype="float64",
        name="long",
    ),
    layers.GRU(2, dropout=0.5, seed=4, return_sequences=True, reset_after=False, name="gated"),
    layers.Bidirectional(
        layers.LSTM(2, name="l"),
        None,
        backward_layer=layers.GRU(2, go_backwards=True, name="back"),
        name="both",
    ),
    layers.Wrapper(layers.Dense(2, name="within"), name="around"),
    layers.TimeDistributed(layers.Dense(2, name="each"), name="times"),
    models.Sequential([layers.Dense(2, name="only")], name="net"),
    models.Model(INPUT, layers.Dense(2, name="end")(INPUT[:, 1:] * 2.0), name="functional"),
    optimizers.SGD(0.1, momentum=0.5, nesterov=True),
    optimizers.RMSprop(0.002, 0.8, 0.5, 1e-6, centered=True),
    optimizers.Adam(0.002, 0.8, 0.99, 1e-6, name="a"),
    optimizers.Adagrad(0.002, 0.2, 1e-6),
    optimizers.Adadelta(0.002, 0.8, 1e-6),
    optimizers.Adamax(0.002, 0.8, 0.99, 1e-6),
    optimizers.Nadam(0.002, 0.8, 0.99, 1e-6),
    optimizers.AdamW(0.002, 0.01, 0.8, 0.99, 1e-6, clipnorm=0.5),
    optimizers.Lion(0.002, 0.8, 0.98),
    optimizers.Ftrl(0.002, -0.25, 0.2, 0.1, 0.2, 0.3, 0.4),
    optimizers.Lamb(0.002, 0.8, 0.99, 1e-6),
    optimizers.LossScaleOptimizer(optimizers.SGD(0.1, loss_scale_factor=2.0), 8.0, 10),
    optimizers.Adam(
        optimizers.schedules.LinearWarmup(optimizers.schedules.StepDecay(0.1, 5), 3),
        amsgrad=True,
        use_ema=True,
        ema_momentum=0.5,
        ema_overwrite_frequency=3,
        loss_scale_factor=4.0,
        gradient_accumulation_steps=2,
    ),
    optimizers.schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True, name="e"),
    optimizers.schedules.InverseTimeDecay(0.1, 10, 0.5),
    optimizers.schedules.PolynomialDecay(0.1, 10, 0.01, 2.0, cycle=True),
    optimizers.schedules.PiecewiseConstantDecay([5, 10], [0.1, 0.05, 0.01]),
    optimizers.schedules.StepDecay(0.1, 10, 0.5),
    optimizers.schedules.CosineDecay(0.1, 10, 0.1, warmup_target=0.2, warmup_steps=3),
    optimizers.schedules.CosineDecayRestarts(0.1, 10, 3.0, 0.5, 0.1),
    optimizers.schedules.OneCycle(0.1, 10, 0.2, 5.0, 100.0),
    optimizers.schedules.LinearWarmup(0.1, 5, 0.01),
)


def family_of(thing: Any) -> Any:
    if isinstance(thing, models.Model):
        return layers
    for family in FAMILIES.values():
        if type(thing).__module__.startswith(family.__name__):
            return family
    raise AssertionError(thing)


def attributes(thing: Any) -> dict[str, Any]:
    return {key: value for key, value in vars(thing).items() if isinstance(value, str | float)}


@pytest.mark.parametrize("thing", OBJECTS, ids=lambda thing: type(thing).__name__)
def test_an_object_survives_json(thing: Any) -> None:
    family = family_of(thing)
    written = json.loads(json.dumps(family.serialize(thing)))
    again = family.deserialize(written)
    assert type(again) is type(thing)
    assert again.get_config() == thing.get_config()
    assert attributes(again) == attributes(thing)
    assert json.loads(json.dumps(family.serialize(again))) == written


def test_every_registered_class_is_in_the_table() -> None:
    from glassgrad.initializers.initializer import _registry as of_initializers
    from glassgrad.layers.layer import _registry as of_layers
    from glassgrad.losses.loss import _registry as of_losses
    from glassgrad.metrics.metric import _registry as of_metrics
    from glassgrad.optimizers.optimizer import _registry as of_optimizers
    from glassgrad.optimizers.schedules.schedule import _registry as of_schedules

    registries = [
        family._registry
        for name, family in FAMILIES.items()
        if name not in ("initializers", "layers", "losses", "metrics", "optimizers", "schedules")
    ]
    registered = {
        entry
        for registry in (
            *registries,
            of_initializers,
            of_layers,
            of_losses,
            of_metrics,
            of_optimizers,
            of_schedules,
        )
        for entry in registry.entries.values()
        if isinstance(entry, type) and issubclass(entry, Configurable)
        if entry.__module__.startswith("glassgrad.") and entry.__qualname__ in dir_of(entry)
    }
    assert registered == {type(thing) for thing in OBJECTS}


def dir_of(entry: type) -> list[str]:
    """The names of the module: classes of its doctests are not among them."""
    import sys

    return dir(sys.modules[entry.__module__])


@pytest.mark.parametrize(
    "name", [name for name in activations.__all__ if name in activations._registry.entries]
)
def test_an_activation_survives_as_its_name(name: str) -> None:
    function = activations.get(name)
    assert activations.serialize(function) == {"swish": "silu"}.get(name, name)
    assert activations.deserialize(json.loads(json.dumps(name))) is function
    assert function is getattr(activations, name)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_public_names_exist(family: Any) -> None:
    assert all(hasattr(family, name) for name in family.__all__)
    assert sorted(family.__all__) == sorted(set(family.__all__))
