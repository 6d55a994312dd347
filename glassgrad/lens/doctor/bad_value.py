"""The first value of a training that is not finite: where it was made, of what, and why."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.finding import Evidence, Finding, Remedy

__all__ = ["PHASES", "BadValue", "Operand", "finding_of"]

#: Where in a training step a value is made, in the order of the step, with what is said of it.
PHASES = {
    "data": "in the data",
    "weights": "in what the step began with",
    "forward": "in the forward pass",
    "backward": "in the backward pass",
    "update": "in the optimizer's update",
}
MOST_NUMBERS = 12  # of rows, in a sentence

#: How an argument is kept where an operation is finite, and its slope as well.
GUARDS = {
    "Log": "Keep the argument of the logarithm above 0: log(maximum(x, 1e-7)).",
    "Log1p": "Keep the argument of log1p above -1: log1p(maximum(x, 1e-7 - 1)).",
    "Sqrt": "Keep the argument of the root away from 0: sqrt(maximum(x, 1e-12)).",
    "Divide": "Keep the divisor away from 0: a / (b + 1e-7) for a divisor that is never negative.",
    "Power": "Keep the base of the power above 0: maximum(x, 1e-7) ** exponent.",
    "Exp": "Keep the argument of exp small: take its maximum away first, or cut it by clip.",
    "Expm1": "Keep the argument of expm1 small: cut it by clip.",
}


@dataclass(frozen=True)
class Operand:
    """What entered the operation.

    Args:
        name: "hidden/kernel", "x", or the layer that it comes from.
        shape: its shape.
        lowest: its smallest element; those that are not finite are left out.
        highest: its greatest element; ``None`` where no element is finite.
    """

    name: str
    shape: tuple[int, ...]
    lowest: float | None
    highest: float | None

    @property
    def magnitude(self) -> float:
        """The size of its largest element, of either sign."""
        return max(abs(self.lowest or 0.0), abs(self.highest or 0.0))

    def __str__(self) -> str:
        shape = f" {list(self.shape)}" if self.shape else ""
        if self.lowest is None:
            return f"{self.name}{shape}: nothing finite"
        if self.lowest == self.highest:
            return f"{self.name}{shape}: {self.lowest:.4g}"
        return f"{self.name}{shape}: {self.lowest:.4g} to {self.highest:.4g}"


@dataclass(frozen=True)
class BadValue:
    """The first value that was not finite although all that it was made of was.

    Args:
        phase: one of ``PHASES``.
        layer: with the names of the models around it, "encoder/hidden"; "loss", "optimizer"; for
            data "x", "y" or "sample_weight"; for weights that were bad already their name.
        operation: what made it, "Log"; empty for data and weights.
        formula: how that is written, "log(x)".
        kind: "NaN", "infinity", or "-infinity".
        cause: why, in one sentence.
        count: how many elements of the value are not finite.
        size: how many it has.
        rows: those of the batch that are affected, from 0; empty where the value is none of
            single examples.
        examples: their places in the training data, where these are known.
        step: how many steps of training came before; ``None`` outside of a training.
        line: the line of the user's code that asked for it, "train.py:12"; for a layer of the
            package that line is the one that made the layer.
        code: what is written there.
        operands: what entered the operation.
        through: the operation of the forward pass whose gradient it is, "Sqrt"; empty else.
        batch_size: how many rows the batch has.
        file: with which the step can be repeated, where it was written.
    """

    phase: str
    layer: str
    operation: str
    formula: str
    kind: str
    cause: str
    count: int
    size: int
    rows: tuple[int, ...] = ()
    examples: tuple[int, ...] = ()
    step: int | None = None
    line: str | None = None
    code: str = ""
    operands: tuple[Operand, ...] = ()
    through: str = ""
    batch_size: int | None = None
    file: str | None = None

    @property
    def place(self) -> str:
        """Layer and pass, in words."""
        if self.phase in ("data", "weights"):
            return f"{PHASES[self.phase]}, {self.layer}"
        return f"{PHASES[self.phase]}, {self.layer or 'the model'}"

    def at_step(self, step: int | None, examples: tuple[int, ...] = ()) -> Self:
        """The same, with its place in the training."""
        return replace(self, step=step, examples=examples)

    def in_file(self, file: str | None) -> Self:
        """The same, with the file that repeats it."""
        return replace(self, file=file)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What ``as_dict`` has written down, also after JSON."""
        operands = [Operand(**{**one, "shape": tuple(one["shape"])}) for one in data["operands"]]
        places = {name: tuple(data[name]) for name in ("rows", "examples")}
        return cls(**{**data, **places, "operands": tuple(operands)})

    def is_same_as(self, other: BadValue) -> bool:
        """Whether both are one event: the same place, operation and rows."""
        return _event(self) == _event(other)

    def __str__(self) -> str:
        step = "" if self.step is None else f" in step {self.step}"
        lines = [f"{self.kind}{step}, {self.place}", f"  cause: {self.cause}"]
        if self.operation:
            lines.append(f"  operation: {self.operation}, {self.formula}")
        if self.line is not None:
            lines.append(f"  line: {_near(self.line)}{f'   {self.code}' if self.code else ''}")
        lines.append(f"  values: {self.count:,} of {self.size:,} are not finite")
        if self.rows:
            lines.append(f"  rows of the batch: {_rows(self.rows, self.batch_size)}")
        if self.examples:
            lines.append(f"  examples: {_numbers(self.examples)}")
        lines += [f"  input: {one}" for one in self.operands]
        if self.file is not None:
            lines.append(f"  repeat it: glassgrad replay {self.file}")
        return "\n".join(lines)


def finding_of(value: BadValue) -> Finding:
    """A bad value as a finding, with what mends it.

    Example:
        >>> value = BadValue("forward", "loss", "Log", "log(x)", "-infinity", "log(0) is …", 1, 8)
        >>> print(finding_of(value).headline)
        non_finite in loss: NaN or infinity (before training, confidence 100%)
    """
    where = f" at {_near(value.line)}" if value.line else ""
    sentences = [value.cause, f"This is the first {value.kind}, {value.place}{where}."]
    if value.rows:
        sentences.append(f"It concerns {_concerned(value)}.")
    if value.file is not None:
        sentences.append(f"The step can be repeated: glassgrad replay {value.file}")
    return Finding(
        code="non_finite",
        cause=" ".join(sentences),
        evidence=(
            Evidence("elements that are not finite", value.count, 0, ">", value.step),
            *(_evidence(operand, value.step) for operand in value.operands),
        ),
        remedies=_remedies(value),
        layer=value.layer or None,
        began=value.step,
    )


def _evidence(operand: Operand, step: int | None) -> Evidence:
    return Evidence(f"largest size in {operand.name}", operand.magnitude, step=step)


def _remedies(value: BadValue) -> tuple[Remedy, ...]:
    steps = (remedies.roll_back(), remedies.another_learning_rate(0.1), remedies.clipping())
    if value.phase == "data":
        return (
            Remedy("data", f"Drop the rows of {value.layer} that are not finite, or fill them in."),
        )
    guard = GUARDS.get(value.through) or GUARDS.get(value.operation)
    if guard is None:
        return steps
    return (Remedy("guard", guard, value.layer or None), *steps)


def _event(value: BadValue) -> tuple[object, ...]:
    return value.phase, value.layer, value.operation, value.formula, value.kind, value.rows


def _rows(rows: tuple[int, ...], size: int | None) -> str:
    if size is not None and len(rows) == size:
        return f"all {size}"
    return _numbers(rows)


def _near(line: str) -> str:
    """A line of a file, whose path begins here where it lies below the current folder."""
    with contextlib.suppress(OSError, ValueError):
        return str(Path(line).relative_to(Path.cwd()))
    return line


def _concerned(value: BadValue) -> str:
    """Rows of the batch, or the examples that stand there."""
    if len(value.rows) == value.batch_size:
        return "every example of the batch"
    noun, numbers = ("example", value.examples) if value.examples else ("row", value.rows)
    of = "" if value.examples else " of the batch"
    return f"{noun}{'s' if len(numbers) > 1 else ''} {_numbers(numbers)}{of}"


def _numbers(numbers: tuple[int, ...]) -> str:
    """Some of many numbers."""
    shown = ", ".join(map(str, numbers[:MOST_NUMBERS]))
    more = len(numbers) - MOST_NUMBERS
    return f"{shown} and {more:,} {'other' if more == 1 else 'others'}" if more > 0 else shown
