"""Programs of the benchmark of sick networks, written for PyTorch: the same data, sizes and faults.

Each is an ordinary module with an ordinary loop: forward, loss, zero_grad, backward, step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 -- what everybody calls it

from benchmarks.faults.program import Fault, Program, named
from benchmarks.faults.programs.development import (
    deep_classifier,
    digits_mlp,
    digits_tanh,
    first_symbol,
    moons,
    own_loss,
    sensors,
)
from glassgrad.lens.doctor.pytorch import watch

__all__ = ["PROGRAMS", "Learner", "TorchProgram"]


@dataclass(frozen=True)
class Learner:
    """What learns, how, and by which loss."""

    module: nn.Module
    optimizer: torch.optim.Optimizer
    loss: Callable[[Any, Any], Any]
    clip: float | None = None  # the limit of the gradients' norm


@dataclass(frozen=True)
class TorchProgram:
    """A program of the benchmark, with one of its faults.

    Args:
        program: where the data, the sizes and the fault are from.
        name: of the fault.
        build: gives the learner; healthy without arguments.
        choices: arguments of ``build`` that make it sick as the fault says.
        targets: what PyTorch's loss takes, from the targets as a tensor.
    """

    program: Program
    name: str
    build: Callable[..., Learner]
    choices: dict[str, Any] = field(default_factory=dict)
    targets: Callable[[torch.Tensor], torch.Tensor] = torch.Tensor.long

    def __str__(self) -> str:
        return f"{self.program.name}-{self.name}"

    @property
    def fault(self) -> Fault:
        """What is wrong."""
        return self.program.fault(self.name)

    def train(self, *, is_sick: bool, seed: int = 0, epochs: int | None = None) -> Any:
        """Train with the doctor looking on, and give what he has found.

        Args:
            is_sick: with the fault, or the healthy twin.
            seed: of data, weights and batches.
            epochs: those of the program by default.
        """
        choices = self.fault.choices if is_sick else {}
        of_load = {name: choices[name] for name in named(self.program.load) if name in choices}
        examples = self.program.load(seed, **of_load)
        x, y = torch.as_tensor(examples.x), self.targets(torch.as_tensor(examples.y))
        torch.manual_seed(seed)
        learner = self.build(**(self.choices if is_sick else {}))
        with watch(learner.module, learner.optimizer) as watcher:
            for _ in range(epochs or self.program.epochs):
                for rows in torch.randperm(len(x)).split(self.program.batch_size):
                    step(learner, x[rows], y[rows])
            return watcher.findings


def step(learner: Learner, x: torch.Tensor, y: torch.Tensor) -> None:
    """One step, as everybody writes it."""
    loss = learner.loss(learner.module(x), y)
    learner.optimizer.zero_grad()
    loss.backward()
    if learner.clip is not None:
        nn.utils.clip_grad_norm_(learner.module.parameters(), learner.clip)
    learner.optimizer.step()


def dense(inputs: int, outputs: int, kernel: Any = nn.init.xavier_uniform_) -> nn.Linear:
    """A layer that begins as Keras's does: a rule for the kernel, and no bias."""
    layer = nn.Linear(inputs, outputs)
    kernel(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def he(weight: torch.Tensor) -> None:
    """He's rule."""
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


def normal(deviation: float) -> Callable[[torch.Tensor], Any]:
    """A rule that draws with a deviation, whatever the sizes."""
    return lambda weight: nn.init.normal_(weight, std=deviation)


def column(y: torch.Tensor) -> torch.Tensor:
    """Zeros and ones, (batch, 1)."""
    return y.float()[:, None]


def index(y: torch.Tensor) -> torch.Tensor:
    """The class of a row in one-hot form."""
    return y.argmax(dim=1)


# ---- the programs


def deep(activation: type[nn.Module] = nn.ReLU, kernel: Any = he) -> Learner:
    """`deep_classifier`: twenty layers of 32 units."""
    layers: list[nn.Module] = []
    for number in range(20):
        layers += [dense(32 if number else 6, 32, kernel), activation()]
    module = nn.Sequential(*layers, dense(32, 4))
    return Learner(module, torch.optim.Adam(module.parameters(), 5e-4), F.cross_entropy)


def digits(rate: float = 1e-3) -> Learner:
    """`digits_mlp`: 64-64-32-10."""
    module = nn.Sequential(dense(64, 64), nn.ReLU(), dense(64, 32), nn.ReLU(), dense(32, 10))
    return Learner(module, torch.optim.Adam(module.parameters(), rate), F.cross_entropy)


def scanned_digits(kernel: Any = nn.init.xavier_uniform_) -> Learner:
    """`digits_tanh`: three hidden layers of 48 units."""
    layers: list[nn.Module] = []
    for inputs in (64, 48, 48):
        layers += [dense(inputs, 48, kernel), nn.Tanh()]
    module = nn.Sequential(*layers, dense(48, 10))
    optimizer = torch.optim.SGD(module.parameters(), 0.05, momentum=0.9)
    return Learner(module, optimizer, F.cross_entropy)


def two_moons(last: nn.Module | None = None, kernel: Any = he, bias: float = 0.0) -> Learner:
    """`moons`: two hidden layers of 32 units, and a probability."""
    hidden = [dense(2, 32, kernel), dense(32, 32, kernel)]
    for layer in hidden:
        nn.init.constant_(layer.bias, bias)
    module = nn.Sequential(
        hidden[0], nn.ReLU(), hidden[1], nn.ReLU(), dense(32, 1, kernel), last or nn.Sigmoid()
    )
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    return Learner(module, optimizer, nn.BCELoss())


class Memory(nn.Module):
    """`first_symbol`: a recurrent layer, and the class from its last state."""

    def __init__(self, recurrent: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.memory = nn.RNN(6, 32, batch_first=True)
        nn.init.xavier_uniform_(self.memory.weight_ih_l0)
        recurrent(self.memory.weight_hh_l0)
        nn.init.zeros_(self.memory.bias_ih_l0)
        nn.init.zeros_(self.memory.bias_hh_l0)
        self.symbol = dense(32, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, (batch, 4)."""
        states, _ = self.memory(x)
        return self.symbol(states[:, -1])


def first(recurrent: Any = nn.init.orthogonal_) -> Learner:
    """`first_symbol`: with clipping."""
    module = Memory(recurrent)
    return Learner(module, torch.optim.Adam(module.parameters(), 3e-3), F.cross_entropy, clip=1.0)


class Polar(nn.Module):
    """`own_loss`: direction and length, two hidden layers, and three kinds."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.layers = nn.Sequential(dense(5, 32), nn.ReLU(), dense(32, 32), nn.ReLU(), dense(32, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, (batch, 3)."""
        length = torch.sqrt((x * x).sum(dim=-1, keepdim=True) + self.epsilon)
        return self.layers(torch.cat([x / length, length], dim=-1))


def rings(epsilon: float = 1e-6) -> Learner:
    """`own_loss`: its network."""
    module = Polar(epsilon)
    return Learner(module, torch.optim.Adam(module.parameters(), 3e-3), F.cross_entropy)


class Code(nn.Module):
    """`sensors`: a code of a few units between wider layers."""

    def __init__(self, is_fixed: bool) -> None:
        super().__init__()
        self.is_fixed = is_fixed
        self.encoder, self.norm = dense(24, 48, he), nn.BatchNorm1d(48)
        self.code, self.decoder = dense(48, 5, he), dense(5, 48, he)
        self.state = dense(48, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, (batch, 6)."""
        code = self.code(self.norm(torch.relu(self.encoder(x))))
        if self.is_fixed:
            code = code.detach()
        return self.state(torch.relu(self.decoder(code)))


def machine(is_fixed: bool = False) -> Learner:
    """`sensors`: with AdamW."""
    module = Code(is_fixed)
    return Learner(module, torch.optim.AdamW(module.parameters(), 3e-3), F.cross_entropy)


PROGRAMS = (
    TorchProgram(
        deep_classifier.PROGRAM,
        "sigmoid-stack",
        deep,
        {"activation": nn.Sigmoid, "kernel": nn.init.xavier_uniform_},
    ),
    TorchProgram(deep_classifier.PROGRAM, "weights-of-variance-one", deep, {"kernel": normal(1.0)}),
    TorchProgram(digits_mlp.PROGRAM, "rate-one", digits, {"rate": 1.0}),
    TorchProgram(digits_mlp.PROGRAM, "rate-a-thousandth", digits, {"rate": 1e-6}),
    TorchProgram(digits_tanh.PROGRAM, "grey-levels-to-255", scanned_digits, targets=index),
    TorchProgram(
        digits_tanh.PROGRAM,
        "weights-of-three",
        scanned_digits,
        {"kernel": normal(3.0)},
        targets=index,
    ),
    TorchProgram(
        moons.PROGRAM, "softmax-on-one-unit", two_moons, {"last": nn.Softmax(dim=1)}, column
    ),
    TorchProgram(moons.PROGRAM, "all-zeros", two_moons, {"kernel": nn.init.zeros_}, column),
    TorchProgram(moons.PROGRAM, "biases-far-below-zero", two_moons, {"bias": -8.0}, column),
    TorchProgram(
        first_symbol.PROGRAM, "recurrence-that-forgets", first, {"recurrent": normal(0.01)}
    ),
    TorchProgram(own_loss.PROGRAM, "length-of-nothing", rings, {"epsilon": 0.0}, index),
    TorchProgram(sensors.PROGRAM, "code-that-learns-nothing", machine, {"is_fixed": True}),
)
