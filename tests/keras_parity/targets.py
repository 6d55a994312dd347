"""Targets and predictions of every kind on which losses and metrics are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Generator = np.random.Generator

EXAMPLES, CLASSES = 8, 6


def probabilities(logits: Array) -> Array:
    """Rows that add up to 1."""
    powers = np.exp(logits)
    return powers / powers.sum(axis=-1, keepdims=True)


def _logits(rng: Generator) -> Array:
    return rng.normal(size=(EXAMPLES, CLASSES)) * 2


def _labels(rng: Generator) -> Array:
    """Each class at least once, in an order of its own."""
    return rng.permutation(np.arange(EXAMPLES) % CLASSES).astype("int32")


def _one_hot(rng: Generator) -> Array:
    return np.eye(CLASSES)[_labels(rng)]


def _binary(rng: Generator) -> Array:
    return rng.integers(0, 2, (EXAMPLES, CLASSES)).astype("float64")


KINDS: dict[str, Callable[[Generator], tuple[Array, Array]]] = {
    "real": lambda rng: (_logits(rng), _logits(rng)),
    "positive": lambda rng: (np.exp(_logits(rng)), np.exp(_logits(rng))),
    "distributions": lambda rng: (probabilities(_logits(rng)), probabilities(_logits(rng))),
    "signs": lambda rng: (_binary(rng) * 2 - 1, _logits(rng)),
    "binary": lambda rng: (_binary(rng), rng.uniform(0.01, 0.99, (EXAMPLES, CLASSES))),
    "bits": lambda rng: (rng.integers(0, 2, EXAMPLES), rng.uniform(0.01, 0.99, EXAMPLES)),
    "binary_logits": lambda rng: (_binary(rng), _logits(rng)),
    "one_hot": lambda rng: (_one_hot(rng), probabilities(_logits(rng))),
    "one_hot_unnormalised": lambda rng: (_one_hot(rng), rng.uniform(0.1, 2, (EXAMPLES, CLASSES))),
    "one_hot_logits": lambda rng: (_one_hot(rng), _logits(rng)),
    "labels": lambda rng: (_labels(rng), probabilities(_logits(rng))),
    "label_pairs": lambda rng: (_labels(rng), _labels(rng)),
    "label_logits": lambda rng: (_labels(rng), _logits(rng)),
}
