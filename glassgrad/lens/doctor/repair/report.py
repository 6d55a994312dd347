"""What a repair has come to, to be read, kept and shown."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from typing import Any

from glassgrad.files import write_atomically
from glassgrad.lens.doctor.finding import Finding
from glassgrad.lens.doctor.repair.trials import Trial
from glassgrad.lens.exhibit import Table, number
from glassgrad.models import Model

__all__ = ["Repair"]


@dataclass(frozen=True)
class Repair:
    """What a repair has come to.

    Args:
        model: the mended network, trained at full length; where nothing was to be mended, or
            nothing helped, a copy of the network as it was, trained.
        findings: what was wrong, causes first; empty for a healthy network.
        remaining: what the doctor still finds in the mended network.
        trials: what was tried, in order.
        changes: what is different, lines with "-" and "+".
        measure: what networks were judged by, on examples that were held out: "accuracy", "R²".
        before: that number for the network as it was, after a full run.
        after: for the mended one.
        is_mended: whether it is better than the network as it was.
        cost: what was trained in all, in full runs of the network as it was.
        epochs: of the mended training.
        batch_size: the same.
        patience: of the early stopping that belongs to it; ``None`` without.
    """

    model: Model
    findings: tuple[Finding, ...]
    remaining: tuple[Finding, ...]
    trials: tuple[Trial, ...]
    changes: str
    measure: str
    before: float
    after: float
    is_mended: bool
    cost: float
    epochs: int
    batch_size: int
    patience: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """All but the network as plain data, for JSON."""
        return {
            "findings": [one.as_dict() for one in self.findings],
            "remaining": [one.as_dict() for one in self.remaining],
            "trials": [_plain(asdict(one)) for one in self.trials],
            "changes": self.changes.splitlines(),
            "measure": self.measure,
            "before": _finite(self.before),
            "after": _finite(self.after),
            "is_mended": self.is_mended,
            "cost": self.cost,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "patience": self.patience,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the mended network, and beside it the report: PATH and PATH.json.

        Raises:
            FileError: a file cannot be written.
        """
        self.model.save(path)
        text = json.dumps(self.as_dict(), indent=2, default=str) + "\n"
        with write_atomically(f"{os.fspath(path)}.json") as file:
            file.write(text.encode("utf-8"))

    def table(self) -> Table:
        """What was tried, a row for each run."""
        rows = tuple(
            (
                "kept" if trial.is_kept else "",
                trial.title,
                f"{trial.share:.0%}",
                number(trial.measure),
            )
            for trial in self.trials
            if trial.refused is None
        )
        return Table("What was tried:", ("", "remedy", "of a run", self.measure), rows)

    def __str__(self) -> str:
        head = f"{self.model.name}: {self._verdict()}"
        found = [one.text(label=f"{n}. ") for n, one in enumerate(self.findings, 1)]
        parts = [head, *found]
        if self.changes:
            parts.append(f"What was changed:\n{self.changes}")
        if self.trials:
            parts.append(str(self.table()))
        parts.append(f"Trained in all: {self.cost:.1f} full runs.")
        return "\n\n".join(parts)

    def _verdict(self) -> str:
        if not self.findings:
            return f"nothing to mend; {self.measure} {number(self.after)} on what was held out."
        if not self.is_mended:
            return (
                "no remedy helped by more than chance; "
                f"{self.measure} {number(self.after)} on what was held out."
            )
        return (
            f"mended; {self.measure} {number(self.before)} before, {number(self.after)} after, on "
            "what was held out."
        )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    return {key: _finite(one) if isinstance(one, float) else one for key, one in value.items()}
