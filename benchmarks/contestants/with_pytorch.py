"""PyTorch at its best: batches are slices of a tensor, Adam is fused, gradients are set to none."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from benchmarks.cases import Case
from benchmarks.contestants import Trainer, processors, pytorch_models
from benchmarks.networks import ADAM, NETWORKS

__all__ = ["trainer"]


def trainer(case: Case, variant: str) -> Trainer:
    """The network of a case; the variant "compile" has it compiled by ``torch.compile``."""
    torch.set_num_threads(processors())
    torch.set_flush_denormal(True)  # weights that have converged would cost half of the speed
    if case.network == "product":
        return product(case)
    model = pytorch_models.model(case)
    return training(case, model, torch.compile(model) if variant == "compile" else model)


def training(case: Case, model: nn.Module, called: nn.Module) -> Trainer:
    """Cross-entropy and Adam for a model that gives logits."""
    x, y = NETWORKS[case.network].data(case)
    xs = pytorch_models.inputs(case, x).split(case.batch)
    ys = torch.from_numpy(y).long().split(case.batch)
    optimizer = torch.optim.Adam(
        model.parameters(),
        ADAM["learning_rate"],
        (ADAM["beta_1"], ADAM["beta_2"]),
        ADAM["epsilon"],
        fused=True,
    )

    def loss(logits: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits.flatten(0, -2), y.flatten())

    def run(steps: int) -> None:
        for x, y in itertools.islice(itertools.cycle(zip(xs, ys, strict=True)), steps):
            optimizer.zero_grad(set_to_none=True)
            loss(called(x), y).backward()
            optimizer.step()

    @torch.no_grad()
    def mean_loss() -> float:
        model.eval()
        losses: list[Tensor] = [loss(model(x), y) for x, y in zip(xs, ys, strict=True)]
        model.train()
        return float(torch.stack(losses).mean())

    return Trainer(run, mean_loss)


def product(case: Case) -> Trainer:
    """One product."""
    a, b = (torch.from_numpy(array) for array in NETWORKS["product"].data(case))
    result = torch.mm(a, b)

    def run(steps: int) -> None:
        for _ in range(steps):
            torch.mm(a, b, out=result)

    return Trainer(run, lambda: float(torch.mm(a, b)[0, 0]))
