"""The folder of a comparison: its plan, and a file for every training that has ended.

Each file is written whole or not at all, so that a comparison can be taken up again after its
process was stopped at any moment.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from glassgrad import __version__
from glassgrad.errors import ArgumentError, FileError
from glassgrad.files import make_folder, read_bytes, write_atomically
from glassgrad.lens.comparing.plan import Plan
from glassgrad.lens.comparing.trial import FAILED, Outcome, Trial
from glassgrad.runs.folder import held

__all__ = ["Store", "plan_in"]

PLAN, TRIALS = "comparison.json", "trials"
LEFTOVERS = ".glassgrad-*.tmp"  # of a write that was killed


def plan_in(folder: Path) -> Plan:
    """The plan of the comparison in a folder.

    Raises:
        FileError: it holds none, or a damaged one.
    """
    path = folder / PLAN
    if not path.is_file():
        state = f"has no {PLAN}" if folder.is_dir() else "is no folder"
        raise FileError(f"{str(folder)!r} holds no comparison: it {state}.")
    try:
        return Plan.from_dict(json.loads(read_bytes(path)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileError(
            f"{str(path)!r} is no plan of a comparison: {error}. Restore it, or begin another."
        ) from error


class Store:
    """Keeps what the trainings of one comparison have come to, in a folder or in memory alone.

    Args:
        folder: where, or ``None``.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.outcomes: dict[str, Outcome] = {}

    @classmethod
    @contextlib.contextmanager
    def opened(cls, folder: Path | None, plan: Plan) -> Iterator[Store]:
        """The outcomes of a plan so far; the folder is this process's alone inside the block.

        Args:
            folder: new, empty, or with the same comparison, which may have had fewer seeds.
            plan: what is done.

        Raises:
            ArgumentError: the folder holds another comparison, or something else.
            FileError: it cannot be read or written, or another process is at work on it.
        """
        store = cls(folder)
        if folder is None:
            yield store
            return
        make_folder(folder)
        with held(folder):
            for place in (folder, folder / TRIALS):
                for leftover in place.glob(LEFTOVERS):
                    leftover.unlink(missing_ok=True)
            _require_same(folder, plan)
            make_folder(folder / TRIALS)
            store._write(folder / PLAN, {**plan.as_dict(), "version": __version__})
            yield store

    def outcome_of(self, trial: Trial) -> Outcome | None:
        """What a training has come to; ``None`` where it is still to be done.

        One that failed is done again, and so is one whose file is damaged.
        """
        if trial.key in self.outcomes:
            return self.outcomes[trial.key]
        if self.folder is None:
            return None
        with contextlib.suppress(
            FileError, ValueError, KeyError, TypeError, AttributeError, RecursionError
        ):
            found = Outcome.from_dict(json.loads(read_bytes(self._path(trial))))
            is_meant = (found.contender, found.seed) == (trial.contender.name, trial.seed)
            if is_meant and found.status != FAILED:
                self.outcomes[trial.key] = found
                return found
        return None

    def keep(self, trial: Trial, outcome: Outcome) -> None:
        """Write it down.

        Raises:
            FileError: it cannot be written.
        """
        self.outcomes[trial.key] = outcome
        if self.folder is not None:
            self._write(self._path(trial), outcome.as_dict())

    def _path(self, trial: Trial) -> Path:
        return (self.folder or Path()) / TRIALS / f"{trial.key}.json"

    def _write(self, path: Path, content: Mapping[str, Any]) -> None:
        with write_atomically(path) as file:
            file.write(json.dumps(content, indent=1).encode() + b"\n")


def _require_same(folder: Path, plan: Plan) -> None:
    """Let nobody mix two comparisons."""
    if not (folder / PLAN).is_file():
        if any(folder.iterdir()):
            raise ArgumentError(
                f"{str(folder)!r} is not empty and holds no comparison. Name a new or an empty "
                "folder."
            )
        return
    known = plan_in(folder)
    if plan.seeds < known.seeds:
        raise ArgumentError(
            f"The comparison in {str(folder)!r} has {known.seeds} seeds, and can be given more. "
            f"Got {plan.seeds}. Ask for as many, or name another folder."
        )
    there, here = (_flat(one.as_dict()) for one in (known, replace(plan, seeds=known.seeds)))
    changed = [name for name in there if there[name] != here[name]]
    if changed:
        name = changed[0]
        told = (
            "other data"
            if name == "fingerprint"
            else f"{name.replace('_', ' ')} {there[name]!r} and not {here[name]!r}"
        )
        raise ArgumentError(
            f"The comparison in {str(folder)!r} is another one: it has {told}. Go on with it as "
            "it began, or name another folder."
        )


def _flat(found: Mapping[str, Any]) -> dict[str, Any]:
    return {**{k: v for k, v in found.items() if k != "base"}, **found["base"]}
