"""What checking gradients came to, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import GradientError
from glassgrad.lens.checking.comparing import Verdict
from glassgrad.lens.checking.culprits import Culprit
from glassgrad.lens.checking.report import opinion_of, remarks_of, table_of, verdict_of
from glassgrad.lens.checking.torch_opinion import Opinion

__all__ = ["GradientCheck", "ParameterCheck", "WorstEntry"]


@dataclass(frozen=True)
class WorstEntry:
    """The entry of a gradient that is farthest from what differences give.

    Args:
        name: the entry, "hidden/kernel[3, 7]".
        derived: its gradient by the chain rule.
        measured: its gradient by differences.
    """

    name: str
    derived: float
    measured: float

    @property
    def ratio(self) -> float | None:
        """The chain rule's number by the right one; ``None`` where the right one is zero."""
        return self.derived / self.measured if self.measured else None

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f", ratio {self.ratio:.4g}"
        return (
            f"{self.name}: the chain rule gives {self.derived:.6g}, differences give "
            f"{self.measured:.6g}{ratio}"
        )


@dataclass(frozen=True)
class ParameterCheck:
    """What checking the gradient by one parameter or input came to.

    Args:
        name: what is differentiated by.
        shape: its shape.
        entries: how many single entries were measured.
        directions: how many directions that move a whole slice were measured.
        relative: the largest relative error of them.
        absolute: the largest distance, over entries where there are such.
        verdict: "agrees", "wrong", or "not measured" where differences told nothing.
        kinks: for each operation that stood at a kink, for how many comparisons it did.
        unmeasured: how many comparisons told nothing.
        worst: where it is wrong, the worst entry.
        region: where it is wrong, and not everywhere, the slice that is: "[3, :]".
        hint: what the mistake may be.
    """

    name: str
    shape: tuple[int, ...]
    entries: int
    directions: int
    relative: float
    absolute: float
    verdict: str
    kinks: tuple[tuple[str, int], ...] = ()
    unmeasured: int = 0
    worst: WorstEntry | None = None
    region: str = ""
    hint: str = ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What should be known beside the verdict, in sentences."""
        return tuple(remarks_of(self))


@dataclass(frozen=True)
class GradientCheck:
    """What ``check_gradients`` found; true in a condition where every gradient is right.

    Args:
        title: what was checked.
        loss: the value of the loss, or of the scalar that was made of a function.
        order: of the derivative.
        tolerance: the relative error that was allowed.
        parameters: one result for each parameter and input.
        opinions: where PyTorch was asked, what it says.
        culprits: operations whose own rules are wrong.
    """

    title: str
    loss: float
    order: int
    tolerance: float
    parameters: tuple[ParameterCheck, ...]
    opinions: tuple[Opinion, ...] = ()
    culprits: tuple[Culprit, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything was measured and is right."""
        measured = all(one.verdict == Verdict.AGREES.value for one in self.parameters)
        return measured and all(opinion.agrees for opinion in self.opinions)

    def __bool__(self) -> bool:
        return self.passed

    @property
    def failed(self) -> tuple[ParameterCheck, ...]:
        """The gradients that are wrong, or could not be measured; the worst first."""
        bad = [one for one in self.parameters if one.verdict != Verdict.AGREES.value]
        return tuple(sorted(bad, key=lambda one: -one.relative))

    @property
    def verdict(self) -> str:
        """All of it in a sentence."""
        return verdict_of(self)

    def raise_if_failed(self) -> None:
        """Do nothing if every gradient is right.

        Raises:
            GradientError: one is not; the message names the worst entry.
        """
        if not self.passed:
            worst = [remark for one in self.failed[:1] for remark in one.remarks]
            theirs = [f"{one.worst}." for one in self.opinions if one.worst][:1]
            raise GradientError(" ".join([f"{self.title}: {self.verdict}", *worst, *theirs]))

    def as_dict(self) -> dict[str, Any]:
        """Everything as numbers, texts, lists and dictionaries, ready for JSON."""
        return {
            "title": self.title,
            "passed": self.passed,
            "verdict": self.verdict,
            "loss": _plain(self.loss),
            "order": self.order,
            "tolerance": self.tolerance,
            "parameters": [_parameter_as_dict(one) for one in self.parameters],
            "torch": [
                {
                    "name": one.name,
                    "agrees": one.agrees,
                    "relative_error": _plain(one.relative),
                    "absolute_error": _plain(one.absolute),
                    "worst": one.worst,
                    "hint": one.hint,
                }
                for one in self.opinions
            ],
            "wrong_rules": [str(culprit) for culprit in self.culprits],
        }

    def text(self, width: int = 100) -> str:
        """A table of the results, remarks below it, and the verdict.

        Args:
            width: of the table, in characters.
        """
        remarks = [remark for one in self.parameters for remark in one.remarks]
        remarks += [line for opinion in self.opinions for line in opinion_of(opinion)]
        return "\n".join([table_of(self, width), *remarks, self.verdict])

    def __str__(self) -> str:
        return self.text()


def _plain(value: float | None) -> float | None:
    """JSON knows no infinities and no NaN."""
    return value if value is not None and np.isfinite(value) else None


def _parameter_as_dict(one: ParameterCheck) -> dict[str, Any]:
    worst = one.worst and {
        "name": one.worst.name,
        "chain_rule": _plain(one.worst.derived),
        "differences": _plain(one.worst.measured),
        "ratio": _plain(one.worst.ratio),
    }
    return {
        "name": one.name,
        "shape": list(one.shape),
        "verdict": one.verdict,
        "entries": one.entries,
        "directions": one.directions,
        "relative_error": _plain(one.relative),
        "absolute_error": _plain(one.absolute),
        "kinks": dict(one.kinks),
        "unmeasured": one.unmeasured,
        "worst": worst,
        "region": one.region,
        "hint": one.hint,
    }
