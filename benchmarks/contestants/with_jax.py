"""JAX at its best: compiled steps with donated state, called one by one or scanned over batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from benchmarks.cases import Case
from benchmarks.contestants import Trainer
from benchmarks.contestants.jax_models import LOGITS, Logits
from benchmarks.networks import ADAM, NETWORKS

__all__ = ["trainer"]


def trainer(case: Case, variant: str) -> Trainer:
    """The network of a case; "jit" calls the step, "scan" runs all batches in one call."""
    if case.network == "product":
        return product(case)
    return training(case, LOGITS[case.network], variant)


def training(case: Case, logits: Logits, variant: str) -> Trainer:
    """Cross-entropy and Adam for a function that gives logits."""
    x, y = map(jnp.asarray, NETWORKS[case.network].data(case))
    xs = x.reshape(case.batches, case.batch, *x.shape[1:])
    ys = y.reshape(case.batches, case.batch, *y.shape[1:])
    optimizer = optax.adam(
        ADAM["learning_rate"], b1=ADAM["beta_1"], b2=ADAM["beta_2"], eps=ADAM["epsilon"]
    )

    def loss(weights: list[Any], x: Any, y: Any) -> Any:
        said = logits(case, weights, x)
        return optax.softmax_cross_entropy_with_integer_labels(said, y).mean()

    def step(state: Any, batch: Any) -> Any:
        weights, slots = state
        value, slopes = jax.value_and_grad(loss)(weights, *batch)
        updates, slots = optimizer.update(slopes, slots)
        return (optax.apply_updates(weights, updates), slots), value

    weights = [jnp.array(value) for value in NETWORKS[case.network].weights(case)]
    state = [(weights, optimizer.init(weights))]
    runs = {"jit": one_by_one, "scan": scanned}
    mean_loss = jax.jit(loss)
    return Trainer(
        runs[variant](step, state, xs, ys),
        lambda: float(jnp.stack([mean_loss(state[0][0], *one) for one in zip(xs, ys)]).mean()),  # noqa: B905 - arrays of one length
    )


def one_by_one(step: Any, state: list[Any], xs: Any, ys: Any) -> Callable[[int], object]:
    """Call the compiled step for each batch; the batches are arrays of their own."""
    compiled = jax.jit(step, donate_argnums=0)
    batches = list(zip(list(xs), list(ys), strict=True))

    def run(steps: int) -> None:
        for number in range(steps):
            state[0], _ = compiled(state[0], batches[number % len(batches)])
        jax.block_until_ready(state[0])

    return run


def scanned(step: Any, state: list[Any], xs: Any, ys: Any) -> Callable[[int], object]:
    """Run the step over all batches within one compiled function."""
    compiled = jax.jit(lambda state: lax.scan(step, state, (xs, ys)), donate_argnums=0)

    def run(steps: int) -> None:
        for _ in range(steps // len(xs)):
            state[0], _ = compiled(state[0])
        jax.block_until_ready(state[0])

    return run


def product(case: Case) -> Trainer:
    """One product."""
    a, b = map(jnp.asarray, NETWORKS["product"].data(case))
    multiply = jax.jit(jnp.matmul)

    def run(steps: int) -> None:
        for _ in range(steps):
            result = multiply(a, b)
        result.block_until_ready()

    return Trainer(run, lambda: float(multiply(a, b)[0, 0]))
