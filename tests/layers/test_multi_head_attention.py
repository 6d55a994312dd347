from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from glassgrad import layers, set_random_seed
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Trace, mask_of, tracing
from glassgrad.layers import GroupQueryAttention, Input, MultiHeadAttention
from glassgrad.models import Model, Sequential, load_model

rng = np.random.default_rng(0)
HEADS, WIDTH = 2, 6
PADDING = np.array([[True, True, True, False, False], [True] * 5])


def of_torch(layer: MultiHeadAttention, features: int) -> torch.nn.MultiheadAttention:
    """PyTorch's layer with the same weights, whose kernels are transposed."""
    theirs = torch.nn.MultiheadAttention(
        WIDTH, HEADS, kdim=features, vdim=features, batch_first=True, dtype=torch.float64
    )
    dense = (layer.query_dense, layer.key_dense, layer.value_dense)
    kernels = [torch.tensor(one.kernel.numpy().reshape(-1, WIDTH).T) for one in dense]
    biases = [torch.tensor(one.bias.numpy().ravel()) for one in dense if one.bias is not None]
    output = layer.output_dense
    assert output.bias is not None
    with torch.no_grad():
        own = [theirs.q_proj_weight, theirs.k_proj_weight, theirs.v_proj_weight]
        if theirs.in_proj_weight is not None:
            theirs.in_proj_weight.copy_(torch.cat(kernels))
        else:
            for weight, kernel in zip(own, kernels, strict=True):
                weight.copy_(kernel)
        theirs.in_proj_bias.copy_(torch.cat(biases))
        theirs.out_proj.weight.copy_(torch.tensor(output.kernel.numpy().reshape(WIDTH, WIDTH).T))
        theirs.out_proj.bias.copy_(torch.tensor(output.bias.numpy()))
    return theirs


@pytest.mark.parametrize("features", [6, 4])
@pytest.mark.parametrize("masks", ["none", "padding", "causal", "both"])
def test_values_weights_and_gradients_are_those_of_pytorch(features: int, masks: str) -> None:
    layer = MultiHeadAttention(HEADS, WIDTH // HEADS, bias_initializer="ones", dtype="float64")
    queries, values = rng.normal(size=(2, 5, WIDTH)), rng.normal(size=(2, 5, features))
    q, v = (Tensor(x, dtype="float64") for x in (queries, values))
    options: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    if masks in ("padding", "both"):
        options["value_mask"] = PADDING
        theirs["key_padding_mask"] = torch.tensor(~PADDING)
    if masks in ("causal", "both"):
        options["use_causal_mask"] = True
        theirs["attn_mask"] = ~torch.ones(5, 5, dtype=torch.bool).tril()
    y, scores = layer(q, v, return_attention_scores=True, **options)
    (slope_q, slope_v) = gradients((y * y).sum(), [q, v])
    assert slope_q is not None
    assert slope_v is not None
    tq, tv = (torch.tensor(x, requires_grad=True) for x in (queries, values))
    ty, their_scores = of_torch(layer, features)(tq, tv, tv, average_attn_weights=False, **theirs)
    slopes = torch.autograd.grad((ty * ty).sum(), [tq, tv])
    for ours, expected in (
        (y, ty), (scores, their_scores), (slope_q, slopes[0]), (slope_v, slopes[1])
    ):  # fmt: skip
        np.testing.assert_allclose(ours.numpy(), expected.detach().numpy(), rtol=1e-10, atol=1e-10)


def test_weights_and_shapes() -> None:
    layer = MultiHeadAttention(3, 4, 5, name="heads", output_shape=(2, 7))
    layer.build((None, 8, 6), (None, 9, 10))
    assert [(w.name, w.shape) for w in layer.weights] == [
        ("query/kernel", (6, 3, 4)),
        ("query/bias", (3, 4)),
        ("key/kernel", (10, 3, 4)),
        ("key/bias", (3, 4)),
        ("value/kernel", (10, 3, 5)),
        ("value/bias", (3, 5)),
        ("attention_output/kernel", (3, 5, 2, 7)),
        ("attention_output/bias", (2, 7)),
    ]
    assert layer.compute_output_shape((None, 8, 6), (None, 9, 10)) == (None, 8, 2, 7)
    assert layer(np.ones((2, 8, 6)), np.ones((2, 9, 10))).shape == (2, 8, 2, 7)
    limit = np.sqrt(6 / (6 + 12))  # of a matrix from 6 features to 3 heads of 4
    assert np.abs(layer.query_dense.kernel.numpy()).max() <= limit
    frozen = MultiHeadAttention(3, 4, trainable=False)
    frozen.build((None, 8, 6), (None, 8, 6))
    assert not frozen.trainable_weights


def test_an_empty_batch_and_a_length_of_one() -> None:
    layer = MultiHeadAttention(2, 3)
    assert layer(np.ones((0, 5, 4)), np.ones((0, 7, 4))).shape == (0, 5, 4)
    assert layer(np.ones((2, 1, 4)), np.ones((2, 1, 4))).shape == (2, 1, 4)


def test_one_head_of_keys_for_each_of_queries_is_multi_head_attention() -> None:
    groups, heads = GroupQueryAttention(3, 2, 2), MultiHeadAttention(2, 3)
    x = rng.normal(size=(2, 5, 4))
    for layer in (groups, heads):
        layer(x, x)
    heads.set_weights(groups.get_weights())
    np.testing.assert_array_equal(groups(x, x).numpy(), heads(x, x).numpy())


def test_dropout_keeps_the_mean_and_spares_inference() -> None:
    set_random_seed(0)
    layer = MultiHeadAttention(2, 3, dropout=0.5, seed=1)
    x = rng.normal(size=(1, 4, 4)).astype("float32")
    calm = layer(x, x).numpy()
    np.testing.assert_array_equal(layer(x, x, training=False).numpy(), calm)
    many = np.repeat(x, 4000, axis=0)
    noisy = layer(many, many, training=True).numpy()
    assert not np.allclose(noisy[0], noisy[1])
    np.testing.assert_allclose(noisy.mean(axis=0), calm[0], atol=0.05)
    _, weights = layer(many[:2], many[:2], training=True, return_attention_scores=True)
    np.testing.assert_allclose(weights.numpy().sum(axis=-1), 1.0, rtol=1e-5)  # before dropout


def test_the_mask_of_the_query_goes_on_and_its_padding_gives_what_no_value_gives() -> None:
    tokens = np.array([[1, 2, 0], [3, 0, 0]], np.int32)
    x = layers.Embedding(4, 4, mask_zero=True)(tokens)
    layer = MultiHeadAttention(2, 2, use_bias=False)
    y = layer(x, x)
    handed_on = mask_of(y)
    assert handed_on is not None
    np.testing.assert_array_equal(handed_on.numpy(), tokens != 0)
    assert not y.numpy()[tokens == 0].any()


def test_a_functional_model_has_masks_and_causality_as_well() -> None:
    tokens = Input((5,), dtype="int32")
    x = layers.Embedding(7, 4, mask_zero=True)(tokens)
    layer = MultiHeadAttention(2, 3)
    model = Model(tokens, layer(x, x, use_causal_mask=True))
    a = np.array([[1, 2, 3, 4, 5], [1, 2, 3, 0, 0]], np.int32)
    b = np.array([[1, 2, 3, 6, 6], [1, 2, 3, 0, 0]], np.int32)
    before, after = model.predict(a, verbose=0), model.predict(b, verbose=0)
    np.testing.assert_array_equal(before[0, :3], after[0, :3])  # what follows is not seen
    assert not np.array_equal(before[0, 3], after[0, 3])
    np.testing.assert_allclose(before[0, :3], before[1, :3], rtol=1e-5, atol=1e-6)


def test_a_sliding_window_hides_what_is_far() -> None:
    layer = MultiHeadAttention(1, 2, sliding_window=2)
    x = rng.normal(size=(1, 5, 3))
    _, weights = layer(x, x, return_attention_scores=True)
    seen = np.abs(np.subtract.outer(np.arange(5), np.arange(5))) < 2
    np.testing.assert_array_equal(weights.numpy()[0, 0] > 0, seen)


def test_penalties_belong_to_the_projections() -> None:
    layer = MultiHeadAttention(2, 3, kernel_regularizer="l2", activity_regularizer="l2")
    x = np.ones((1, 4, 4), np.float32)
    with tracing(Trace()) as trace:
        layer(x, x)
    assert len(trace.losses) == 8  # four kernels and four outputs


def test_attention_learns_to_copy() -> None:
    """From five places of noise, to find the one that is marked."""
    set_random_seed(0)
    x = rng.normal(size=(512, 5, 4)).astype("float32")
    x[..., 0] = 0
    marked = rng.integers(0, 5, 512)
    x[np.arange(512), marked, 0] = 3
    y = x[np.arange(512), marked, 1:]
    inputs = Input((5, 4))
    found = MultiHeadAttention(1, 4)(inputs, inputs)
    model = Model(inputs, layers.Dense(3)(found[:, 0]))
    model.compile("adam", "mse")
    model.optimizer.learning_rate = 0.02
    model.fit(x, y, batch_size=32, epochs=20, verbose=0)
    assert model.evaluate(x, y, verbose=0) < 0.15 * y.var()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_heads": 0}, "num_heads must be a positive integer. Got 0"),
        ({"key_dim": -1}, "key_dim must be a positive integer. Got -1"),
        ({"value_dim": 0}, "value_dim must be a positive integer. Got 0"),
        ({"dropout": 1.0}, r"in \[0, 1\)\. Got 1.0"),
        ({"sliding_window": 0}, "sliding_window must be a positive integer. Got 0"),
        ({"output_shape": (2, 0)}, "output_shape must be a positive integer. Got 0"),
        ({"seed": -1}, "seed"),
    ],
)
def test_arguments_are_checked(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        MultiHeadAttention(**{"num_heads": 2, "key_dim": 3, **arguments})


def test_heads_that_cannot_be_shared() -> None:
    with pytest.raises(ArgumentError, match=r"must divide num_query_heads\. Got 3 and 4"):
        GroupQueryAttention(2, 4, 3)


@pytest.mark.parametrize(
    "query, value, key, message",
    [
        ((2, 5), (2, 5), None, "at least three axes"),
        ((2, 5, 4), (2, 2, 5, 4), None, "as many of value and key"),
        ((2, 5, 4), (2, 5, 4), (2, 6, 4), r"key \(2, 6, 4\)"),
        ((2, 5, 4), (3, 5, 4), None, "one batch"),
    ],
)
def test_shapes_that_do_not_fit(query: Any, value: Any, key: Any, message: str) -> None:
    layer = MultiHeadAttention(2, 3)
    with pytest.raises(ShapeError, match=message):
        layer(np.ones(query), np.ones(value), None if key is None else np.ones(key))


def test_masks_where_there_are_several_axes_to_attend_over() -> None:
    layer, x = MultiHeadAttention(2, 3), np.ones((1, 2, 3, 4))
    with pytest.raises(ArgumentError, match="one axis to attend over"):
        layer(x, x, use_causal_mask=True)
    with pytest.raises(ShapeError, match="wants axis 4"):
        MultiHeadAttention(2, 3, attention_axes=4)(x, x)


def test_a_value_is_needed() -> None:
    with pytest.raises(TypeError, match="'value'"):
        MultiHeadAttention(2, 3)(np.ones((1, 2, 4)))


def test_a_model_of_a_sequence_is_saved_with_it(tmp_path: Any) -> None:
    block = layers.TransformerBlock(2, 8, causal=True)
    model = Sequential([Input((5,), dtype="int32"), layers.Embedding(4, 4), block])
    model.save(tmp_path / "model")
    tokens = np.array([[1, 2, 3, 0, 1]], np.int32)
    other = load_model(tmp_path / "model")
    np.testing.assert_array_equal(
        model.predict(tokens, verbose=0), other.predict(tokens, verbose=0)
    )
