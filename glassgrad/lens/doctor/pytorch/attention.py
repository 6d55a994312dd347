"""The rows of attention, computed aside: PyTorch's fused functions do not show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.graph.operation import Array
from glassgrad.lens.doctor.pytorch.tensors import as_array

__all__ = ["rows_of_attention", "rows_of_multi_head_attention"]


def rows_of_attention(
    query: Any, key: Any, attn_mask: Any = None, is_causal: bool = False
) -> Array:
    """softmax(q kᵀ / sqrt(d)) of ``scaled_dot_product_attention``.

    Args:
        query: (…, queries, d).
        key: (…, keys, d).
        attn_mask: what may be seen, or what is added.
        is_causal: whether nothing later may be seen.

    Returns:
        (batch, heads, queries, keys).
    """
    q, k = as_array(query), as_array(key)
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    if is_causal:
        scores = np.where(np.tri(*scores.shape[-2:]) > 0, scores, -np.inf)
    if attn_mask is not None:
        scores = _masked(scores, as_array(attn_mask))
    return _softmax(scores)


def rows_of_multi_head_attention(
    arguments: Sequence[Any], settings: Mapping[str, Any]
) -> Array | None:
    """The same of ``multi_head_attention_forward``; ``None`` where it has three kernels.

    Args:
        arguments: as PyTorch hands them: query, key, value (time, batch, width), the width, the
            number of heads, the kernel and bias of the three projections, and further ones.
        settings: by name; masks hold where nothing may be seen, or what is added.
    """
    query, key, _, width, heads, kernel, bias = arguments[:7]
    if kernel is None or settings.get("use_separate_proj_weight"):
        return None
    weights = as_array(kernel)
    shift = np.zeros(3 * width) if bias is None else as_array(bias)
    parts = [
        _heads(
            as_array(x) @ weights[n * width : (n + 1) * width].T + shift[n * width :][:width], heads
        )
        for n, x in enumerate((query, key))
    ]
    scores = parts[0] @ np.swapaxes(parts[1], -1, -2) / np.sqrt(width // heads)
    if (mask := settings.get("attn_mask")) is not None:
        seen = as_array(mask)
        seen = seen.reshape(-1, heads, *seen.shape[1:]) if seen.ndim == 3 else seen
        scores = _masked(scores, ~seen if seen.dtype == bool else seen)
    if (padding := settings.get("key_padding_mask")) is not None:
        seen = as_array(padding)[:, np.newaxis, np.newaxis]
        scores = _masked(scores, ~seen if seen.dtype == bool else seen)
    return _softmax(scores)


def _heads(x: Array, heads: int) -> Array:
    """(time, batch, width) as (batch, heads, time, size)."""
    split = x.reshape(*x.shape[:2], heads, -1) if x.ndim > 2 else x.reshape(len(x), 1, heads, -1)
    return split.transpose(1, 2, 0, 3)


def _masked(scores: Array, mask: Array) -> Array:
    """What may be seen is true; or a mask of numbers is added."""
    return np.asarray(np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask)


def _softmax(scores: Array) -> Array:
    with np.errstate(invalid="ignore"):
        rows = np.exp(scores - scores.max(axis=-1, keepdims=True))
        rows = np.nan_to_num(rows / rows.sum(axis=-1, keepdims=True))
    return np.asarray(rows.reshape(-1, *rows.shape[-3:]) if rows.ndim > 3 else rows[:, np.newaxis])
