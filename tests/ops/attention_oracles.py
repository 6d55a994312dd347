"""Second opinions about attention: plain loops forward, PyTorch's gradient backward."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tests.ops.oracles import Array, uniform
from tests.ops.samples import Sample


@dataclass(frozen=True)
class Form:
    """The parameters of an attention."""

    scale: float
    causal: bool = False
    masked: bool = False
    rate: float = 0.0
    stream: int = 0

    def sees(self, rest: tuple[Array, ...], shape: tuple[int, ...]) -> Array:
        """Which query sees which key."""
        seen = np.broadcast_to(rest[0], shape) if self.masked else np.ones(shape, bool)
        return np.tril(seen) if self.causal else seen

    def factors(self, rest: tuple[Array, ...], shape: tuple[int, ...], dtype: Any) -> Array:
        """What dropout multiplies the weights by."""
        if not self.rate:
            return np.ones(shape)
        seed, step = rest[-2:]
        drawn = uniform(seed, step, stream=self.stream, shape=shape, dtype=str(dtype))
        return (drawn >= self.rate) / (1 - self.rate)


def attention(*parameters: Any) -> Any:
    """One query after the other, in Python's numbers."""
    form = Form(*parameters)

    def oracle(query: Array, key: Array, value: Array, *rest: Array) -> tuple[Array, Array]:
        batch, length, heads, _ = query.shape
        shape = (batch, heads, length, key.shape[1])
        sees, factors = form.sees(rest, shape), form.factors(rest, shape, query.dtype)
        y, sums = np.zeros((batch, length, heads, value.shape[3])), np.zeros(shape[:3])
        for b, h, t in np.ndindex(*shape[:3]):
            own = h // (heads // key.shape[2])
            places = [s for s in range(shape[3]) if sees[b, h, t, s]]
            scores = [
                form.scale * math.fsum((query[b, t, h].astype(float) * key[b, s, own]).tolist())
                for s in places
            ]
            top = max(scores, default=0.0)
            powers = [math.exp(score - top) for score in scores]
            sums[b, h, t] = math.log(math.fsum(powers)) + top if powers else -math.inf
            for s, power in zip(places, powers, strict=True):
                weight = power / math.fsum(powers) * factors[b, h, t, s]
                y[b, t, h] += weight * value[b, s, own]
        return y, sums

    return oracle


def differentiable(form: Form, rest: tuple[Array, ...], *inputs: Any) -> Any:
    """The same in PyTorch: y and the logarithm of the sums."""
    query, key, value = inputs
    group = query.shape[2] // key.shape[2]
    key, value = (x.repeat_interleave(group, 2) for x in (key, value))
    scores = torch.einsum("bthd,bshd->bhts", query, key) * form.scale
    shape = tuple(scores.shape)
    scores = scores.masked_fill(~torch.tensor(form.sees(rest, shape)), -math.inf)
    factors = torch.tensor(form.factors(rest, shape, str(query.dtype).removeprefix("torch.")))
    weights = torch.softmax(scores, -1) * factors.to(scores.dtype)
    return torch.einsum("bhts,bshd->bthd", weights, value), torch.logsumexp(scores, -1)


def attention_gradient(*parameters: Any) -> Any:
    """The gradients of query, key and value, where y and the sums are what they must be."""
    form = Form(*parameters)

    def oracle(g: Array, query: Array, key: Array, value: Array, *rest: Array) -> Any:
        leaves = [torch.tensor(np.array(x)).requires_grad_() for x in (query, key, value)]
        y, _ = differentiable(form, rest[2:], *leaves)
        found = torch.autograd.grad(y, leaves, torch.tensor(np.array(g)))
        return tuple(slope.numpy() for slope in found)

    return oracle


def gradient_inputs(parameters: tuple[Any, ...], *inputs: Sample) -> tuple[Sample, ...]:
    """Samples of what the gradient takes: y and the sums are computed from the others."""
    rng = np.random.default_rng(5)
    query, key, value, *rest = (sample(rng) for sample in inputs)
    form = Form(*parameters)
    tensors = [torch.tensor(x) for x in (query, key, value)]
    y, sums = (x.numpy() for x in differentiable(form, tuple(rest), *tensors))
    arrays = (rng.normal(size=y.shape), query, key, value, y, sums, *rest)
    return tuple(lambda _, array=array: array for array in arrays)
