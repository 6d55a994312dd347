"""The job in PyTorch; batches are slices of tensors, or come from a ``DataLoader``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.contestants import processors
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


def network() -> nn.Sequential:
    """The network with its first weights."""
    sizes = (784, *HIDDEN, 10)
    pairs = itertools.pairwise(sizes)
    layers = [layer for pair in pairs for layer in (nn.Linear(*pair), nn.ReLU())][:-1]
    for layer in layers[::2]:
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def slices(x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches in a new order."""
    for rows in torch.randperm(len(x)).split(BATCH):
        yield x[rows], y[rows]


def main() -> None:
    """Train until the target is reached."""
    folder, seed, variant = arguments()
    torch.set_num_threads(processors())
    torch.manual_seed(seed)
    x, y, x_test, y_test = map(torch.from_numpy, read(folder))
    y, y_test = y.long(), y_test.long()
    loader = DataLoader(TensorDataset(x, y), BATCH, shuffle=True)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), eps=epsilon, fused=True)
    for epoch in range(MOST_EPOCHS):
        optimizer.param_groups[0]["lr"] = learning_rate(epoch)
        for images, labels in loader if variant == "loader" else slices(x, y):
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = float((model(x_test).argmax(1) == y_test).float().mean())
        if accuracy >= TARGET:
            break
    report(epoch + 1, accuracy)


if __name__ == "__main__":
    main()
