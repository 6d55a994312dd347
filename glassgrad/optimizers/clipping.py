"""Gradients kept from being too large: each element, each gradient, or all together."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite, nan

from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor
from glassgrad.ops import maximum, where

__all__ = ["CLIPPINGS", "check_limits", "clip_by_global_norm", "clip_by_norm", "clip_by_value"]


def clip_by_value(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """Keep every element within [-limit, limit]."""
    return [gradient.clip(-limit, limit) for gradient in gradients]


def clip_by_norm(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """Shorten each gradient whose Euclidean norm is above the limit: g limit / max(|g|, limit)."""
    norms = [gradient.square().sum().sqrt() for gradient in gradients]
    return [
        gradient * (limit / maximum(norm, limit))
        for gradient, norm in zip(gradients, norms, strict=True)
    ]


def clip_by_global_norm(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """Shorten all gradients by one factor if they together, as one vector, exceed the limit.

    If their norm is not finite, they all become NaN, as in Keras: a factor of 0 would hide it.

    Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks",
    2013.
    """
    first, *others = [gradient.square().sum() for gradient in gradients]
    norm = sum(others, start=first).sqrt()
    factor = where(norm < inf, limit / maximum(norm, limit), nan)
    return [gradient * factor.cast(gradient.dtype) for gradient in gradients]


CLIPPINGS: dict[str, Callable[[list[Tensor], float], list[Tensor]]] = {
    "clipnorm": clip_by_norm,
    "clipvalue": clip_by_value,
    "global_clipnorm": clip_by_global_norm,
}


def check_limits(**limits: float | None) -> None:
    """Refuse what cannot be clipped to.

    Raises:
        ArgumentError: there is more than one limit, or one is no number above 0.
    """
    given = {name: limit for name, limit in limits.items() if limit is not None}
    if len(given) > 1:
        shown = ", ".join(f"{name}={limit}" for name, limit in given.items())
        raise ArgumentError(f"Only one of {', '.join(limits)} can be set. Got {shown}.")
    for name, limit in given.items():
        if not (isfinite(limit) and limit > 0):
            raise ArgumentError(f"{name} must be a number above 0, or None. Got {limit}.")
