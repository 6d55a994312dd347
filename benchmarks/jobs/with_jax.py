"""The job in JAX: an epoch is one scan over batches that are gathered on the device.

The last, smaller batch of an epoch, 96 of 60,000 images, is left out, since it would be a program
of its own: a little less work than the others do.
"""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from benchmarks.jobs.recipe import (
    BATCH,
    HIDDEN,
    MOST_EPOCHS,
    TARGET,
    arguments,
    epsilon,
    learning_rate,
    read,
    report,
)

Adam = optax.scale_by_adam(eps=epsilon)


def network(random: np.random.Generator) -> list[Any]:
    """The first weights: Glorot's uniform kernels and zero biases."""
    sizes, weights = (784, *HIDDEN, 10), []
    for inputs, outputs in itertools.pairwise(sizes):
        limit = (6 / (inputs + outputs)) ** 0.5
        kernel = random.uniform(-limit, limit, (inputs, outputs)).astype(np.float32)
        weights.append((jnp.array(kernel), jnp.zeros(outputs)))
    return weights


def logits(weights: list[Any], x: Any) -> Any:
    """What the network says."""
    *hidden, (kernel, bias) = weights
    for hidden_kernel, hidden_bias in hidden:
        x = jax.nn.relu(x @ hidden_kernel + hidden_bias)
    return x @ kernel + bias


def loss(weights: list[Any], x: Any, y: Any) -> Any:
    """The mean cross-entropy of a batch."""
    return optax.softmax_cross_entropy_with_integer_labels(logits(weights, x), y).mean()


def main() -> None:
    """Train until the target is reached."""
    folder, seed, _ = arguments()
    random = np.random.default_rng(seed)
    x, y, x_test, y_test = map(jnp.asarray, read(folder))

    def run_epoch(state: Any, x: Any, y: Any, rows: Any, rate: Any) -> Any:
        def step(state: Any, rows: Any) -> Any:
            weights, slots = state
            slopes = jax.grad(loss)(weights, x[rows], y[rows])
            updates, slots = Adam.update(slopes, slots)
            updates = jax.tree.map(lambda update: -rate * update, updates)
            return (optax.apply_updates(weights, updates), slots), None

        return lax.scan(step, state, rows)[0]

    run_epoch = jax.jit(run_epoch, donate_argnums=0)
    accuracy_of = jax.jit(lambda weights, x, y: (logits(weights, x).argmax(1) == y).mean())
    weights = network(random)
    state = weights, Adam.init(weights)
    whole = len(x) // BATCH * BATCH
    for epoch in range(MOST_EPOCHS):
        rows = random.permutation(len(x))[:whole].reshape(-1, BATCH).astype(np.int32)
        state = run_epoch(state, x, y, rows, learning_rate(epoch))
        accuracy = float(accuracy_of(state[0], x_test, y_test))
        if accuracy >= TARGET:
            break
    report(epoch + 1, accuracy)


if __name__ == "__main__":
    main()
