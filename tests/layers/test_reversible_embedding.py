from __future__ import annotations

import numpy as np
import pytest

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.gradients import gradients
from glassgrad.graph import mask_of
from glassgrad.layers import ReversibleEmbedding

TABLE = np.arange(12.0).reshape(4, 3) - 5
TOKENS = np.array([[1, 3, 0]], np.int32)


@pytest.mark.parametrize("tie_weights", [True, False])
def test_there_and_back(tie_weights: bool) -> None:
    layer = ReversibleEmbedding(4, 3, tie_weights, name="table")
    vectors = layer(TOKENS)
    names = ["table/embeddings", "table/reverse_embeddings"]
    assert [weight.name for weight in layer.weights] == names[: 2 - tie_weights]
    table, *others = (weight.numpy() for weight in layer.weights)
    back = table.T if tie_weights else others[0]
    assert back.shape == (3, 4)
    found = layer(vectors, reverse=True).numpy()
    np.testing.assert_allclose(found, table[TOKENS] @ back, rtol=1e-5, atol=1e-8)
    assert layer.compute_output_shape((None, 5)) == (None, 5, 3)
    assert layer.compute_output_shape((None, 5, 3), reverse=True) == (None, 5, 4)


def test_tied_weights_learn_from_both_ends() -> None:
    layer = ReversibleEmbedding(4, 3, weights=TABLE)
    logits = layer(layer(TOKENS), reverse=True)
    (slope,) = gradients(logits.sum(), [layer.embeddings])
    assert slope is not None
    read = np.zeros((4, 3))
    read[TOKENS[0]] += TABLE.sum(axis=0)  # as what is read
    np.testing.assert_allclose(slope.numpy(), read + TABLE[TOKENS[0]].sum(axis=0))  # as a kernel


def test_scores_may_be_capped_and_wider() -> None:
    layer = ReversibleEmbedding(4, 3, reverse_dtype="float64", logit_soft_cap=2.0, weights=TABLE)
    logits = layer(TABLE, reverse=True)
    assert logits.dtype == "float64"
    np.testing.assert_allclose(logits.numpy(), 2 * np.tanh(TABLE @ TABLE.T / 2), rtol=1e-12)


def test_only_what_is_read_carries_a_mask() -> None:
    layer = ReversibleEmbedding(4, 3, mask_zero=True)
    vectors = layer(TOKENS)
    mask = mask_of(vectors)
    assert mask is not None
    assert mask.numpy().tolist() == [[True, True, False]]
    assert mask_of(layer(vectors, reverse=True)) is None


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"logit_soft_cap must be positive\. Got 0"):
        ReversibleEmbedding(4, 3, logit_soft_cap=0)
    with pytest.raises(ShapeError):
        ReversibleEmbedding(4, 3)(np.ones((2, 5)), reverse=True)
