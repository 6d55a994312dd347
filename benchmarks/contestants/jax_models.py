"""The networks of the cases in JAX: what they say about a batch, as functions of their weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.cases import Case
from benchmarks.networks.sequences import GptSizes

__all__ = ["LOGITS", "Logits"]

Logits = Callable[[Case, list[Any], Any], Any]
"""From a case, its weights and a batch to the logits."""


def dense(weights: Iterator[Any], x: Any) -> Any:
    """A fully connected layer."""
    return x @ next(weights) + next(weights)


def mlp(case: Case, weights: list[Any], x: Any) -> Any:
    """Layers in a row."""
    rest = iter(weights)
    for _ in case.sizes[1:-1]:
        x = jax.nn.relu(dense(rest, x))
    return dense(rest, x)


def cnn(case: Case, weights: list[Any], x: Any) -> Any:
    """Two convolutions, the largest of 2x2, two layers."""
    rest = iter(weights)
    for _ in range(2):
        layout = ("NHWC", "HWIO", "NHWC")
        x = lax.conv_general_dilated(x, next(rest), (1, 1), "VALID", dimension_numbers=layout)
        x = jax.nn.relu(x + next(rest))
    x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = jax.nn.relu(dense(rest, x.reshape(len(x), -1)))
    return dense(rest, x)


def recurrent(step: Callable[..., Any], states: int, case: Case, weights: list[Any], x: Any) -> Any:
    """Scan the steps of time; what comes in is multiplied beforehand, for all of them."""
    kernel, recurrent_kernel, bias, *rest = weights
    incoming = (x @ kernel + (bias[0] if bias.ndim == 2 else bias)).swapaxes(0, 1)
    begin = (jnp.zeros((len(x), len(recurrent_kernel))),) * states

    def body(carried: Any, now: Any) -> Any:
        return step(now, carried, recurrent_kernel, bias), None

    (last, *_), _ = lax.scan(body, begin, incoming)
    return dense(iter(rest), last)


def lstm_step(now: Any, carried: Any, kernel: Any, bias: Any) -> Any:
    """One step of time; the gates are i, f, c, o."""
    h, c = carried
    i, f, candidate, o = jnp.split(now + h @ kernel, 4, -1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(candidate)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru_step(now: Any, carried: Any, kernel: Any, bias: Any) -> Any:
    """One step of time; the gates are z, r, h, and r is applied after the product."""
    (h,) = carried
    z, r, candidate = jnp.split(now, 3, -1)
    back_z, back_r, back_h = jnp.split(h @ kernel + bias[1], 3, -1)
    z, r = jax.nn.sigmoid(z + back_z), jax.nn.sigmoid(r + back_r)
    return (z * h + (1 - z) * jnp.tanh(candidate + r * back_h),)


def lstm(case: Case, weights: list[Any], x: Any) -> Any:
    """Two states are carried."""
    return recurrent(lstm_step, 2, case, weights, x)


def gru(case: Case, weights: list[Any], x: Any) -> Any:
    """One state is carried."""
    return recurrent(gru_step, 1, case, weights, x)


def gpt(case: Case, weights: list[Any], tokens: Any) -> Any:
    """Blocks of attention and of a hidden layer."""
    sizes, rest = GptSizes(*case.sizes), iter(weights)
    x = next(rest)[tokens] + next(rest)
    for _ in range(sizes.layers):
        x = x + attention(sizes, rest, normalized(rest, x))
        hidden = jax.nn.gelu(dense(rest, normalized(rest, x)), approximate=False)
        x = x + dense(rest, hidden)
    return normalized(rest, x) @ next(rest)


def attention(sizes: GptSizes, weights: Iterator[Any], x: Any) -> Any:
    """Causal; one product for query, key and value."""
    three = [next(weights) for _ in range(6)]
    together = x @ jnp.concatenate(three[::2], 1) + jnp.concatenate(three[1::2])
    shape = (*x.shape[:2], sizes.heads, -1)
    query, key, value = (part.reshape(shape).swapaxes(1, 2) for part in jnp.split(together, 3, -1))
    scores = query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])
    seen = jnp.tril(jnp.ones(scores.shape[-2:], bool))
    y = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf)) @ value
    return dense(weights, y.swapaxes(1, 2).reshape(x.shape))


def normalized(weights: Iterator[Any], x: Any) -> Any:
    """Mean zero and variance one, then a scale and a shift."""
    x = x - x.mean(-1, keepdims=True)
    variance = jnp.square(x).mean(-1, keepdims=True)
    return x * lax.rsqrt(variance + 1e-5) * next(weights) + next(weights)


LOGITS: dict[str, Logits] = {"mlp": mlp, "cnn": cnn, "lstm": lstm, "gru": gru, "gpt": gpt}
