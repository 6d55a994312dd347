"""Entropies of attention, against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import Model
from glassgrad.layers import Dense, Embedding, GlobalAveragePooling1D, Input, MultiHeadAttention
from glassgrad.lens.doctor.probe import Probe
from glassgrad.lens.doctor.probe_statistics import entropies

BATCH, TIME, HEADS = 3, 5, 2


def attended(scale: float, causal: bool, padded: bool) -> tuple[Model, np.ndarray, Any]:
    """A model with one layer of attention, tokens, and the weights of its rows."""
    tokens = np.random.default_rng(0).integers(1, 9, (BATCH, TIME))
    if padded:
        tokens[0, 3:] = 0
    glassgrad.set_random_seed(1)
    ids = Input((TIME,), dtype="int32")
    h = Embedding(9, 6, embeddings_initializer="random_normal", mask_zero=padded)(ids)
    layer = MultiHeadAttention(HEADS, 3, name="look", dropout=0.3)
    y = Dense(1)(GlobalAveragePooling1D()(layer(h, h, use_causal_mask=causal)))
    model = Model(ids, y)
    model.compile("sgd", "mse", executor="reference")
    layer.query_dense.kernel.assign(layer.query_dense.kernel.numpy() * scale)
    table = model.layers[1].get_weights()[0]
    x = table[tokens]
    keep = tokens != 0 if padded else None
    weights = layer(
        x, x, return_attention_scores=True, use_causal_mask=causal, query_mask=keep, value_mask=keep
    )[1].numpy()
    return model, tokens, weights


@pytest.mark.parametrize("scale", [1.0, 3e3], ids=["even", "sharp"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_entropies_of_rows(scale: float, causal: bool, padded: bool) -> None:
    model, tokens, weights = attended(scale, causal, padded)
    with np.errstate(all="ignore"):
        (reading,) = Probe(model, tokens, np.zeros((BATCH, 1))).read(0).attentions
    expected = []
    for head in range(HEADS):
        shares = []
        for n in range(BATCH):
            for t in range(TIME):
                seen = [
                    s
                    for s in range(TIME)
                    if (not causal or s <= t) and (not padded or (tokens[n, s] and tokens[n, t]))
                ]
                if len(seen) > 1:
                    row = weights[n, head, t, seen].astype(np.float64)
                    terms = [w * np.log(w) for w in row if w > 0]
                    shares.append(-sum(terms) / np.log(len(seen)))
        expected.append(np.mean(shares))
    assert reading.layer == "look"
    assert reading.entropy == pytest.approx(expected, abs=1e-4)
    assert all(0 <= one < (1.001 if scale == 1.0 else 0.9) for one in reading.entropy)


def test_rows_that_see_nothing_or_one_key_do_not_count() -> None:
    weights = np.zeros((1, 1, 3, 4), np.float32)
    weights[0, 0, 1, 0] = 1.0
    weights[0, 0, 2, :2] = 0.5
    assert entropies(weights, np.array([[[0, 1, 2]]])) == pytest.approx((1.0,))
    assert entropies(weights, np.array([[[0, 1, 1]]])) == (0.0,)
