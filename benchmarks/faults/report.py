"""The results as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.faults.examining import HEALTHY
from benchmarks.faults.program import Half, Program
from benchmarks.faults.programs import programs
from benchmarks.faults.tally import GOALS, Answers, Tally, is_real, tallies
from benchmarks.report import table

__all__ = ["results", "validation"]

ABSENT = "–"

HEAD = (
    "fault",
    "pairs",
    "detected",
    "first finding right",
    "layer right",
    "repaired",
    "by random search",
    "overhead",
)


def results(answers: Answers, half: Half) -> str:
    """The table of a half: a row for each fault, the sum, and the goals."""
    found = tallies(answers, half)
    rows = [_row(code, tally) for code, tally in found.items() if tally.pairs]
    goals = (
        "wanted",
        "",
        f"≥ {GOALS['detected']:.0%}",
        f"≥ {GOALS['named']:.0%}",
        "",
        f"≥ {GOALS['repaired']:.0%}",
        "less",
        "",
    )
    alarms, runs = found["all"].false_alarms
    lines = [f"## {half.capitalize()} half", table(HEAD, [*rows, goals])]
    if runs:
        lines.append(
            f"False alarms: {alarms} of {runs} healthy runs ({alarms / runs:.1%}), "
            f"wanted at most {GOALS['false alarms']:.0%}."
        )
    return "\n\n".join(lines)


def validation(answers: Answers, half: Half) -> str:
    """How far each program and each fault of it comes above chance, by seed."""
    rows = [row for program in programs(half) for row in _rows_of(program, answers, half)]
    head = ("program", "fault", "code", "improvement by seed", "seconds", "")
    return f"## {half.capitalize()} half\n\n{table(head, rows)}"


def _rows_of(program: Program, answers: Answers, half: Half) -> Iterator[tuple[str, ...]]:
    mine = [one for one in answers if (one["half"], one["program"]) == (half, program.name)]
    twins = [one for one in mine if one["fault"] == HEALTHY]
    codes = {HEALTHY: "", **{fault.name: fault.code for fault in program.faults}}
    for name, code in codes.items():
        runs = sorted((one for one in mine if one["fault"] == name), key=lambda one: one["seed"])
        if not runs:
            continue
        verdict = "" if name == HEALTHY or is_real(runs, twins) else "not clearly worse"
        yield (
            program.name,
            name,
            code,
            " ".join(f"{one.get('improvement', 0.0):.2f}" for one in runs),
            f"{max(one.get('seconds', 0.0) for one in runs):.2f}",
            next((one["error"] for one in runs if "error" in one), verdict),
        )


def _row(code: str, tally: Tally) -> tuple[str, ...]:
    counts = (tally.detected, tally.named, tally.layer, tally.repaired, tally.at_random)
    overhead = ABSENT
    if tally.overhead is not None:
        overhead = f"{tally.overhead:+.0%} ({tally.added:.2f} s)"
    return (code, str(tally.pairs), *(_share(*one) for one in counts), overhead)


def _share(hits: int, runs: int) -> str:
    return f"{hits} of {runs} ({hits / runs:.0%})" if runs else ABSENT
