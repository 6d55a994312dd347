"""Attention as a function: every way to ask for it, against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from glassgrad import ops
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor
from glassgrad.ops.attention import Attention
from tests.differences import placeholders, run

rng = np.random.default_rng(0)
QUERY, KEY, VALUE = (rng.normal(size=(2, n, 4, d)) for n, d in ((5, 3), (7, 3), (7, 2)))
MASK = rng.integers(0, 2, (2, 1, 5, 7)).astype(bool)
MASK[..., 0] = True
BIAS = rng.normal(size=(4, 5, 7))


def of_torch(*arrays: Any, **options: Any) -> tuple[Any, list[Any]]:
    """PyTorch's attention, and the gradients of its sum of squares."""
    leaves = [torch.tensor(x).requires_grad_() for x in arrays]
    heads_first = (x.transpose(1, 2) for x in leaves)
    y = scaled_dot_product_attention(*heads_first, **options).transpose(1, 2)
    return y.detach().numpy(), list(torch.autograd.grad((y * y).sum(), leaves))


def ours(*arrays: Any, **options: Any) -> tuple[Any, list[Any]]:
    inputs = placeholders(arrays)
    y = ops.dot_product_attention(*inputs, **options)
    slopes = gradients((y * y).sum(), inputs)
    value, *found = run([y, *(slope for slope in slopes if slope is not None)], inputs, arrays)
    return value, found


@pytest.mark.parametrize(
    "options, of_theirs",
    [
        ({}, {}),
        ({"scale": 0.3}, {"scale": 0.3}),
        ({"is_causal": True}, {"is_causal": True}),
        ({"mask": MASK}, {"attn_mask": torch.tensor(MASK)}),
        ({"mask": MASK[0, 0]}, {"attn_mask": torch.tensor(MASK[0, 0])}),
        ({"mask": MASK.astype("int32")}, {"attn_mask": torch.tensor(MASK)}),
        ({"bias": Tensor(BIAS, dtype="float64")}, {"attn_mask": torch.tensor(BIAS)}),
        ({"flash_attention": True}, {}),
        (
            {"mask": MASK, "is_causal": True},
            {"attn_mask": torch.tensor(np.tril(np.broadcast_to(MASK, (2, 1, 5, 7))))},
        ),
    ],
    ids=lambda options: "-".join(options) or "plain",
)
def test_values_and_gradients_are_those_of_pytorch(
    options: dict[str, Any], of_theirs: dict[str, Any]
) -> None:
    value, slopes = ours(QUERY, KEY, VALUE, **options)
    their_value, their_slopes = of_torch(QUERY, KEY, VALUE, **of_theirs)
    np.testing.assert_allclose(value, their_value, rtol=1e-12, atol=1e-12)
    for slope, theirs in zip(slopes, their_slopes, strict=True):
        np.testing.assert_allclose(slope, theirs.numpy(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("key_heads", [1, 2, 4])
def test_heads_share_keys_as_in_pytorch(key_heads: int) -> None:
    arrays = QUERY, KEY[:, :, :key_heads], VALUE[:, :, :key_heads]
    value, slopes = ours(*arrays)
    their_value, their_slopes = of_torch(*arrays, enable_gqa=True)
    np.testing.assert_allclose(value, their_value, rtol=1e-12, atol=1e-12)
    for slope, theirs in zip(slopes, their_slopes, strict=True):
        np.testing.assert_allclose(slope, theirs.numpy(), rtol=1e-11, atol=1e-11)


def test_a_soft_cap_keeps_scores_small() -> None:
    """With a bias of 0, the same path without a cap is what PyTorch computes."""
    far = QUERY * 100
    plain, _ = ours(far, KEY, VALUE)
    loose, _ = ours(far, KEY, VALUE, attn_logits_soft_cap=1e9)
    tight, _ = ours(far, KEY, VALUE, attn_logits_soft_cap=1e-9)
    np.testing.assert_allclose(loose, plain, rtol=1e-6, atol=1e-6)
    means = np.broadcast_to(VALUE.mean(axis=1, keepdims=True), tight.shape)
    np.testing.assert_allclose(tight, means, rtol=1e-6, atol=1e-6)


def test_a_bias_learns() -> None:
    leaf = torch.tensor(BIAS).requires_grad_()
    y = scaled_dot_product_attention(
        *(torch.tensor(x).transpose(1, 2) for x in (QUERY, KEY, VALUE)), attn_mask=leaf
    )
    (theirs,) = torch.autograd.grad((y * y).sum(), [leaf])
    inputs = placeholders([BIAS])
    mine = ops.dot_product_attention(
        *(Tensor(x, dtype="float64") for x in (QUERY, KEY, VALUE)), bias=inputs[0]
    )
    (slope,) = run(gradients((mine * mine).sum(), inputs), inputs, [BIAS])
    np.testing.assert_allclose(slope, theirs.numpy(), rtol=1e-11, atol=1e-11)


def test_a_query_that_sees_nothing_gives_zeros_and_learns_nothing() -> None:
    mask = np.ones((5, 7), bool)
    mask[2] = False
    value, slopes = ours(QUERY, KEY, VALUE, mask=mask)
    assert not value[:, 2].any()
    assert not slopes[0][:, 2].any()
    assert all(np.isfinite(slope).all() for slope in slopes)
    without = np.delete(QUERY, 2, axis=1)
    other, others = ours(without, KEY, VALUE)
    np.testing.assert_allclose(np.delete(value, 2, axis=1), other, rtol=1e-12)
    for slope, expected in zip(slopes[1:], others[1:], strict=True):  # as if it were not there
        np.testing.assert_allclose(slope, expected, rtol=1e-12, atol=1e-12)


def test_dropped_weights_are_dropped_in_the_gradient_as_well() -> None:
    """With the unit matrix as values the output is the weights themselves."""
    operation, plain = Attention(1.0, rate=0.5, stream=2), Attention(1.0)
    query, key = (rng.normal(size=(1, 40, 1, 3)).astype("float32") for _ in range(2))
    unit = np.eye(40, dtype="float32")[None, :, None]
    seed, step = np.array(3, np.uint32), np.array(4, np.uint32)
    arrays = [query, key, unit, seed, step]
    inputs = placeholders(arrays)
    dropped, whole = operation(*inputs)[0], plain(*inputs[:3])[0]
    (of_values,) = gradients(dropped.sum(), [inputs[2]])
    assert of_values is not None
    kept, weights, slope = run([dropped, whole, of_values], inputs, arrays)
    is_kept = kept != 0
    assert 0.4 < is_kept.mean() < 0.6
    np.testing.assert_allclose(kept, np.where(is_kept, 2 * weights, 0), rtol=1e-6)
    # Each feature of a value gets what the queries have kept of its weight.
    np.testing.assert_allclose(slope[0, :, 0, 0], kept[0, :, 0].sum(axis=0), rtol=1e-5)


def test_a_mixture_of_dtypes_is_promoted() -> None:
    x = np.ones((1, 2, 1, 2))
    inputs = placeholders([x.astype("float32"), x, x])
    assert ops.dot_product_attention(*inputs).dtype == "float64"
