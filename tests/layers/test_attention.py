from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from glassgrad import set_random_seed
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, mask_of
from glassgrad.layers import AdditiveAttention, Attention, Masking

rng = np.random.default_rng(0)
QUERY, VALUE, KEY = (rng.normal(size=shape) for shape in ((2, 3, 4), (2, 5, 6), (2, 5, 4)))
OF_VALUE = np.array([[True, True, False, True, False], [True] * 5])


def scored(layer: Attention, query: Any, key: Any) -> Any:
    """PyTorch: what each kind of attention calls a score."""
    scale = 1.0 if layer.scale is None else torch.tensor(layer.scale.numpy())
    sums = query[:, :, None] + key[:, None]
    if isinstance(layer, AdditiveAttention):
        return (scale * torch.tanh(sums)).sum(-1)
    if layer.concat_score_weight is None:
        return torch.einsum("bqd,bkd->bqk", query, key) * scale
    return torch.tensor(layer.concat_score_weight.numpy()) * torch.tanh(scale * sums).sum(-1)


@pytest.mark.parametrize(
    "layer",
    [
        Attention(dtype="float64"),
        Attention(use_scale=True, dtype="float64"),
        Attention(score_mode="concat", dtype="float64"),
        Attention(True, "concat", dtype="float64"),
        AdditiveAttention(dtype="float64"),
        AdditiveAttention(use_scale=False, dtype="float64"),
    ],
    ids=["dot", "scaled", "concat", "concat-scaled", "additive", "additive-unscaled"],
)
@pytest.mark.parametrize("masks", ["none", "value", "causal", "both"])
def test_values_weights_and_gradients_are_those_of_pytorch(layer: Attention, masks: str) -> None:
    inputs = [Tensor(array, dtype="float64") for array in (QUERY, VALUE, KEY)]
    layer(inputs)
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.weights])
    is_causal = masks in ("causal", "both")
    mask = [None, OF_VALUE] if masks in ("value", "both") else None
    y, weights = layer(inputs, mask=mask, return_attention_scores=True, use_causal_mask=is_causal)
    slopes = gradients((y * y).sum(), inputs)
    query, value, key = leaves = [
        torch.tensor(array, requires_grad=True) for array in (QUERY, VALUE, KEY)
    ]
    seen = np.broadcast_to(OF_VALUE[:, None] if mask else np.array(True), (2, 3, 5))
    seen = np.tril(seen) if is_causal else seen
    scores = scored(layer, query, key).masked_fill(~torch.tensor(np.array(seen)), -np.inf)
    expected = torch.softmax(scores, -1)
    result = expected @ value
    np.testing.assert_allclose(weights.numpy(), expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(y.numpy(), result.detach().numpy(), rtol=1e-10, atol=1e-12)
    for slope, other in zip(
        slopes, torch.autograd.grad((result * result).sum(), leaves), strict=True
    ):
        assert slope is not None
        np.testing.assert_allclose(slope.numpy(), other.numpy(), rtol=1e-9, atol=1e-11)


def test_where_the_query_is_padding_there_are_zeros_and_its_mask_goes_on() -> None:
    x = Masking()(np.array([[[1.0, 2.0], [0.0, 0.0]]]))
    y = Attention()([x, x])
    mask = mask_of(y)
    assert mask is not None
    assert mask.numpy().tolist() == [[True, False]]
    np.testing.assert_allclose(y.numpy(), [[[1.0, 2.0], [0.0, 0.0]]], rtol=1e-6)


def test_a_query_that_sees_nothing_gives_zeros() -> None:
    y = Attention()([QUERY, KEY], mask=[None, np.zeros((2, 5), bool)])
    assert not y.numpy().any()


def test_dropout_keeps_the_mean() -> None:
    set_random_seed(0)
    layer = Attention(dropout=0.5, seed=2)
    query, key = (np.repeat(x[:1], 4000, axis=0).astype("float32") for x in (QUERY, KEY))
    calm, noisy = layer([query[:1], key[:1]]), layer([query, key], training=True)
    np.testing.assert_allclose(noisy.numpy().mean(axis=0), calm.numpy()[0], atol=0.1)
    assert not np.allclose(noisy.numpy()[0], noisy.numpy()[1])


def test_weights_and_shapes() -> None:
    layer = AdditiveAttention(name="sums")
    layer.build([(None, 3, 4), (None, 5, 4)])
    assert [(w.name, w.shape) for w in layer.weights] == [("sums/scale", (4,))]
    assert layer.compute_output_shape([(None, 3, 4), (None, 5, 6)]) == (None, 3, 6)
    assert Attention()([np.ones((0, 3, 4)), np.ones((0, 5, 4))]).shape == (0, 3, 4)


def test_arguments_are_checked() -> None:
    with pytest.raises(ArgumentError, match="score_mode must be 'dot' or 'concat'"):
        Attention(score_mode="add")
    with pytest.raises(ArgumentError, match=r"in \[0, 1\)\. Got 1"):
        AdditiveAttention(dropout=1.0)
    with pytest.raises(ArgumentError, match="is a list"):
        Attention()([QUERY, KEY], mask=np.ones((2, 5), bool))


@pytest.mark.parametrize(
    "inputs, message",
    [
        (QUERY, "is called on a list"),
        ([QUERY], "Got a list of 1"),
        ([QUERY] * 4, "Got a list of 4"),
        ([QUERY, VALUE], r"value \(2, 5, 6\)"),
        ([QUERY, VALUE, KEY[:, :4]], r"key \(2, 4, 4\)"),
        ([QUERY[:1], KEY], r"query \(1, 3, 4\)"),
        ([QUERY, KEY[:, :0]], "at least one key"),
    ],
)
def test_inputs_that_do_not_fit(inputs: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        Attention()(inputs)
