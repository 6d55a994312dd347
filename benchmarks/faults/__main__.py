"""The command: ``python -m benchmarks.faults``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.faults import report
from benchmarks.faults.examining import HEALTHY, Job
from benchmarks.faults.program import Half, Program
from benchmarks.faults.programs import HALVES, programs
from benchmarks.faults.tally import failures, is_real, missed, tallies
from benchmarks.faults.workers import work_through

app = typer.Typer(add_completion=False, help=__doc__)

FILE = "answers.jsonl"


@app.command()
def run(
    half: Annotated[str, typer.Option(help="development, test or both.")] = "both",
    seeds: Annotated[int, typer.Option(help="How many, for detection.")] = 5,
    only: Annotated[
        list[str] | None, typer.Option(help="A program, a fault of one (PROGRAM/FAULT), or a code.")
    ] = None,
    repair: Annotated[bool, typer.Option(help="Repair, and search at random.")] = True,
    validate: Annotated[
        bool, typer.Option("--validate", help="Train only: does each fault do harm?")
    ] = False,
    save: Annotated[
        Path | None, typer.Option(help="A folder for the answers; those in it are not asked again.")
    ] = None,
    processes: Annotated[int, typer.Option(help="How many work at a time.")] = 2,
    limit: Annotated[float, typer.Option(help="Seconds that one job may take.")] = 180.0,
) -> None:
    """Let the doctor look at sick networks and their healthy twins, and mend the sick ones.

    The exit code is 1 where a goal is missed.
    """
    if half not in (*HALVES, "both"):
        raise typer.BadParameter(f"{half!r}: the halves are {', '.join(HALVES)}, and both.")
    halves = HALVES if half == "both" else tuple(one for one in HALVES if one == half)
    ledger = Ledger(None if save is None else save / FILE, processes, limit)
    runs = [
        Job("train" if validate else "examine", one, program.name, fault, seed)
        for one in halves
        for program in programs(one)
        for fault in faults_of(program, only or [])
        for seed in range(seeds)
    ]
    if not runs:
        raise typer.BadParameter(f"{', '.join(only or [])}: there is no such program or fault.")
    ledger.ask(runs)
    if validate:
        raise typer.Exit(_show_validation(ledger.answers, halves))
    if repair:
        _mend(ledger, runs, halves)
    raise typer.Exit(_show(ledger.answers, halves))


def faults_of(program: Program, only: Sequence[str]) -> list[str]:
    """The names of the faults that were asked for, and "healthy" with them."""
    chosen = [
        fault.name
        for fault in program.faults
        if not only or {program.name, f"{program.name}/{fault.name}", fault.code} & set(only)
    ]
    return [HEALTHY, *chosen] if chosen else []


class Ledger:
    """The answers so far, kept in a file as they come.

    Args:
        path: of the file; ``None`` keeps nothing.
        processes: how many work at a time.
        limit: seconds for each job.
    """

    def __init__(self, path: Path | None, processes: int, limit: float) -> None:
        self.path, self.processes, self.limit = path, processes, limit
        self._known: dict[str, dict[str, Any]] = {}
        self._asked: dict[str, None] = {}
        if path is not None and path.exists():
            for line in path.read_text("utf-8").splitlines():
                answer = json.loads(line)
                self._known[answer["key"]] = answer

    @property
    def answers(self) -> list[dict[str, Any]]:
        """To all that was asked in this run."""
        return [self._known[key] for key in self._asked if key in self._known]

    def ask(self, jobs: Iterable[Job]) -> None:
        """Have all jobs done that have not been done before."""
        wanted = {job.key: job for job in jobs}
        self._asked.update(dict.fromkeys(wanted))
        left = [job for key, job in wanted.items() if "error" in self._known.get(key, {"error": 1})]
        begin = time.monotonic()
        for count, answer in enumerate(work_through(left, self.processes, self.limit), 1):
            self._keep(answer)
            _progress(count, len(left), time.monotonic() - begin, answer["key"])

    def _keep(self, answer: dict[str, Any]) -> None:
        self._known[answer["key"]] = answer
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            print(json.dumps(answer), file=file)


def _mend(ledger: Ledger, runs: Sequence[Job], halves: Sequence[Half]) -> None:
    """Repair every pair with the first seed, and search at random at the same cost."""
    mendable = {
        (half, program.name, fault.name)
        for half in halves
        for program in programs(half)
        for fault in program.faults
        if fault.mendable
    }
    sick = [job for job in runs if job.seed == 0 and (job.half, job.program, job.fault) in mendable]
    ledger.ask(Job("mend", job.half, job.program, job.fault, 0) for job in sick)
    ledger.ask(
        Job("search_at_random", one["half"], one["program"], one["fault"], 0, one["cost"])
        for one in ledger.answers
        if one["kind"] == "mend" and "error" not in one
    )


def _show(answers: list[dict[str, Any]], halves: Sequence[Half]) -> int:
    """Print the tables and what went wrong; 1 where a goal is missed."""
    code = int(any("error" in one for one in answers))
    for half in halves:
        print(report.results(answers, half), end="\n\n")
        for sentence in failures(answers, half):
            print(f"- {sentence}")
        for sentence in missed(tallies(answers, half)["all"]):
            code = 1
            _say(f"{half} half: {sentence}")
    return code


def _show_validation(answers: list[dict[str, Any]], halves: Sequence[Half]) -> int:
    """Print how programs train; 1 where a fault does no harm."""
    for half in halves:
        print(report.validation(answers, half), end="\n\n")
    twins = [one for one in answers if one["fault"] == HEALTHY]
    sick: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for one in answers:
        if one["fault"] != HEALTHY:
            sick.setdefault((one["half"], one["program"], one["fault"]), []).append(one)
    harmless = [key for key, runs in sick.items() if not is_real(runs, twins)]
    for _, program, fault in harmless:
        _say(f"{program}/{fault} is not clearly worse than its healthy twin.")
    return bool(harmless)


def _progress(count: int, total: int, seconds: float, key: str) -> None:
    """One line that is written over, on a terminal; else one in fifty."""
    if sys.stderr.isatty():
        end = "\n" if count == total else "\r"
        print(f"\x1b[K{count} of {total}, {seconds:.0f} s  {key}", end=end, file=sys.stderr)
    elif count % 50 == 0 or count == total:
        _say(f"{count} of {total}, {seconds:.0f} s")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    app()
