"""Rows of recurrent operations: PyTorch's loops and its automatic differentiation through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from glassgrad.graph import Operation
from glassgrad.ops import deltas, recurrent
from tests.ops.samples import Array, Sample, given, real

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "hard_sigmoid": lambda x: torch.clip(x / 6 + 0.5, 0, 1),
    "linear": lambda x: x,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


@dataclass(frozen=True)
class Recurrence:
    """A recurrence with its inputs.

    Args:
        kind: "SimpleRecurrence", "LongShortTermMemory" or "GatedRecurrentUnit".
        sizes: batch, time, features, units.
        options: fields of the operation.
        is_masked: whether steps are left out.
        has_gradient: which outputs have one, where a gradient is taken.
    """

    kind: str
    sizes: tuple[int, int, int, int]
    options: tuple[tuple[str, Any], ...] = ()
    is_masked: bool = False
    has_gradient: tuple[bool, ...] = (True, True, True)

    def option(self, name: str, default: Any) -> Any:
        return dict(self.options).get(name, default)

    @property
    def gates(self) -> int:
        return {"SimpleRecurrence": 1, "LongShortTermMemory": 4, "GatedRecurrentUnit": 3}[self.kind]

    @property
    def resets_after(self) -> bool:
        return self.kind == "GatedRecurrentUnit" and self.option("reset_after", True)

    @property
    def given(self) -> tuple[bool, ...]:
        count = {"SimpleRecurrence": 1, "LongShortTermMemory": 3, "GatedRecurrentUnit": 2}
        return self.has_gradient[: count[self.kind]]

    @cached_property
    def inputs(self) -> list[Array]:
        """x, the states, W, U, b."""
        batch, time, features, units = self.sizes
        width = self.gates * units
        states = [(batch, units)] * (1 + (self.kind == "LongShortTermMemory"))
        bias = (2, width) if self.resets_after else (width,)
        shapes = [(batch, time, features), *states, (features, width), (units, width), bias]
        rng = np.random.default_rng(17)
        return [rng.uniform(-1, 1, shape) for shape in shapes]

    @cached_property
    def mask(self) -> list[Array]:
        """The first example lacks its first step, others steps in the middle and at the end."""
        batch, time, *_ = self.sizes
        steps = np.add.outer(np.arange(batch), np.arange(time))
        return [steps % 3 != 0] if self.is_masked else []

    def run(self, inputs: Sequence[Any], shifts: Sequence[Any]) -> tuple[Any, ...]:
        """The outputs; ``shifts`` are added to the pre-activations, so that these have slopes."""
        x, *states, kernel, recurrent_kernel, bias = inputs
        steps: list[Any] = []
        places = range(x.shape[1])
        for place in reversed(places) if self.option("reverse", False) else places:
            moved = self.step(
                states,
                x[:, place] @ kernel + (bias[0] if self.resets_after else bias) + shifts[0][place],
                recurrent_kernel,
                bias[1] + shifts[1][place] if self.resets_after else 0.0,
            )
            new, kept = moved
            if self.is_masked:
                here = torch.tensor(self.mask[0][:, place, None])
                new = [torch.where(here, a, b) for a, b in zip(new, states, strict=True)]
            states = new
            steps.append((*states, *kept))
        if self.option("reverse", False):
            steps.reverse()
        return tuple(torch.stack(column, 1) for column in zip(*steps, strict=True))

    def step(self, states: Any, z: Any, u: Any, inner: Any) -> tuple[list[Any], list[Any]]:
        activate = FUNCTIONS[self.option("activation", "tanh")]
        squash = FUNCTIONS[self.option("recurrent_activation", "sigmoid")]
        h = states[0]
        if self.kind == "SimpleRecurrence":
            return [activate(z + h @ u)], []
        if self.kind == "LongShortTermMemory":
            i, f, candidate, o = torch.chunk(z + h @ u, 4, 1)
            i, f, candidate, o = squash(i), squash(f), activate(candidate), squash(o)
            c = f * states[1] + i * candidate
            return [o * activate(c), c], [torch.cat([i, f, candidate, o], 1)]
        z_z, z_r, z_h = torch.chunk(z, 3, 1)
        if self.resets_after:
            u_z, u_r, u_h = torch.chunk(h @ u + inner, 3, 1)
            z, r = squash(z_z + u_z), squash(z_r + u_r)
            candidate = activate(z_h + r * u_h)
            kept = [z, r, candidate, u_h]
        else:
            w_z, w_r, w_h = torch.chunk(u, 3, 1)
            z, r = squash(z_z + h @ w_z), squash(z_r + h @ w_r)
            candidate = activate(z_h + (r * h) @ w_h)
            kept = [z, r, candidate]
        return [(1 - z) * candidate + z * h], [torch.cat(kept, 1)]

    # ---- what a row is made of

    def shifts(self) -> list[Any]:
        batch, time, _, units = self.sizes
        count = 2 if self.resets_after else 1
        return [torch.zeros(time, batch, self.gates * units) for _ in range(count)]

    def outputs(self, *arrays: Array) -> tuple[Array, ...]:
        inputs = [torch.tensor(a).double() for a in arrays[: len(self.inputs)]]
        shifts = [one.double() for one in self.shifts()]
        return tuple(y.numpy() for y in self.run(inputs, shifts))

    def slopes(self, *incoming: Array) -> tuple[list[Array], list[Array]]:
        """Of the inputs, and of the pre-activations."""
        inputs = [torch.tensor(a, requires_grad=True) for a in self.inputs]
        shifts = [one.double().requires_grad_() for one in self.shifts()]
        outputs = self.run(inputs, shifts)
        chosen = [y for y, has in zip(outputs, self.given, strict=True) if has]
        found = torch.autograd.grad(
            chosen, [*inputs, *shifts], [torch.tensor(g).double() for g in incoming]
        )
        slopes = [slope.numpy() for slope in found]
        split = len(inputs)
        return slopes[:split], [slope.swapaxes(0, 1) for slope in slopes[split:]]

    def make(self, module: Any, suffix: str = "", **more: Any) -> Operation:
        operation: Operation = getattr(module, self.kind + suffix)(**dict(self.options), **more)
        return operation

    def forward(self) -> tuple[Operation, tuple[Sample, ...], Any]:
        samples = tuple(given(a) for a in (*self.inputs, *self.mask))
        return self.make(recurrent), samples, self.outputs

    def backward(self) -> tuple[Operation, tuple[Sample, ...], Any]:
        outputs = self.outputs(*self.inputs)
        present = self.incoming(outputs)
        known = (*self.inputs[:-1], *outputs, *self.mask)
        samples = (*present, *(given(a) for a in known))
        return (
            self.of_given("Gradient"),
            samples,
            lambda *a: tuple(self.slopes(*a[: len(present)])[0]),
        )

    def delta(self) -> tuple[Operation, tuple[Sample, ...], Any]:
        outputs = self.outputs(*self.inputs)
        present = self.incoming(outputs)
        known = [self.inputs[-2], *outputs, *self.mask]  # U, and what was saved
        if self.kind == "LongShortTermMemory":
            known[1] = self.inputs[2]  # c before the first step, where h is not needed
        elif self.kind == "GatedRecurrentUnit":
            known.insert(1, self.inputs[1])
        samples = (*present, *(given(a) for a in known))
        states = slice(1, 1 + (2 if self.kind == "LongShortTermMemory" else 1))

        def oracle(*arrays: Array) -> tuple[Array, ...]:
            of_inputs, of_pre_activations = self.slopes(*arrays[: len(present)])
            return (*of_pre_activations, *of_inputs[states])

        return self.of_given("Delta"), samples, oracle

    def of_given(self, suffix: str) -> Operation:
        more = {} if self.kind == "SimpleRecurrence" else {"given": self.given}
        return self.make(deltas, suffix, **more)

    def incoming(self, outputs: Sequence[Array]) -> list[Sample]:
        return [real(*y.shape) for y, has in zip(outputs, self.given, strict=True) if has]


KINDS = ("SimpleRecurrence", "LongShortTermMemory", "GatedRecurrentUnit")
REVERSE = (("reverse", True), ("activation", "sigmoid"))
HARD = (("recurrent_activation", "hard_sigmoid"),)


def recurrences() -> Iterator[tuple[str, Recurrence]]:
    for kind in KINDS:
        other = REVERSE if kind == "SimpleRecurrence" else REVERSE + HARD
        yield kind, Recurrence(kind, (2, 3, 3, 2))
        yield f"{kind}-masked", Recurrence(kind, (3, 4, 1, 2), is_masked=True)
        yield f"{kind}-reverse", Recurrence(kind, (1, 3, 2, 3), other)
        yield (
            f"{kind}-one",
            Recurrence(
                kind, (2, 1, 2, 1), (("reverse", True), ("activation", "linear")), is_masked=True
            ),
        )
    before = (("reset_after", False),)
    yield (
        "GatedRecurrentUnit-before",
        Recurrence("GatedRecurrentUnit", (2, 3, 3, 2), before, is_masked=True),
    )
    yield (
        "GatedRecurrentUnit-before-reverse",
        Recurrence("GatedRecurrentUnit", (2, 2, 1, 1), (*before, ("reverse", True))),
    )


def rows() -> Iterator[tuple[str, Operation, tuple[Sample, ...], Any]]:
    """Name, operation, inputs and oracle, with gradients of all outputs and of the first."""
    for name, recurrence in recurrences():
        yield name, *recurrence.forward()
        yield f"{name}-delta", *recurrence.delta()
        first = replace(recurrence, has_gradient=(True, False, False))
        yield f"{name}-gradient", *first.backward()
