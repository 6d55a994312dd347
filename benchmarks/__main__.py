"""The command: ``python -m benchmarks run``, ``check`` and ``report``."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import jobs, machine, report
from benchmarks.cases import CURVES, GRID, HEADLINE, PRODUCT, Case
from benchmarks.contestants import CONTESTANTS, OURS
from benchmarks.processes import Process, WorkerError, clean_environment
from benchmarks.starting import first_steps, memory
from benchmarks.steps import Effort, Workers, measure
from glassgrad.datasets.idx_folder import is_complete
from glassgrad.datasets.mnist import MNIST
from glassgrad.errors import FileError
from glassgrad.files import write_atomically

app = typer.Typer(add_completion=False, no_args_is_help=True, help="glassgrad beside its peers.")

IN_THE_GRID = (OURS, "pytorch", "jax_jit", "jax_scan")
HEADLINE_EFFORT = Effort(turn=0.3, rounds=15, case=90)
GRID_EFFORT = Effort(turn=0.2, rounds=7, case=9)
PEAK_EFFORT = Effort(turn=0.3, rounds=5, case=20)
MEMORY_STEPS = 2000
SMALLEST_LOSS_DIFFERENCE = 1e-4

PARTS = ("peak", "headline", "grid", "curves", "memory", "first_step", "planning", "jobs")
IN_FULL_ONLY = {"curves"}


@app.command()
def run(
    output: Annotated[Path, typer.Option(help="Where the samples go, as JSON.")] = Path(
        "build/bench.json"
    ),
    full: Annotated[bool, typer.Option(help="All peers, and growth curves.")] = False,
    part: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(PARTS)}.")] = None,
    seeds: Annotated[int, typer.Option(help="How often each whole job runs.")] = 3,
    mnist: Annotated[Path | None, typer.Option(help="The folder with MNIST.")] = None,
    update_readme: Annotated[
        Path | None, typer.Option(help="A file whose tables, between two marks, are replaced.")
    ] = None,
) -> None:
    """Measure, write the samples, and print the tables."""
    names = [n for n, c in CONTESTANTS.items() if full or not c.in_full_only]
    chosen = part or [name for name in PARTS if full or name not in IN_FULL_ONLY]
    if unknown := set(chosen) - set(PARTS):
        raise typer.BadParameter(f"{', '.join(unknown)}: the parts are {', '.join(PARTS)}.")
    results: dict[str, Any] = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine.description(),
        "versions": machine.versions(),
    }
    for name in chosen:
        begin = time.monotonic()
        _say(f"{name} …")
        _MEASURES[name](results, names, seeds=seeds, mnist=mnist)
        _write(output, results)
        _say(f"{name}: {time.monotonic() - begin:.0f} s")
    _show(results, update_readme)


@app.command("report")
def show(
    results: Annotated[Path, typer.Argument(help="What `run` has written.")],
    update_readme: Annotated[
        Path | None, typer.Option(help="A file whose tables, between two marks, are replaced.")
    ] = None,
) -> None:
    """Print the tables of an earlier run."""
    _show(json.loads(results.read_text("utf-8")), update_readme)


@app.command()
def check(
    steps: Annotated[int, typer.Option(help="After how many passes through the batches.")] = 1,
    full: Annotated[bool, typer.Option(help="All peers.")] = False,
) -> None:
    """Compare the losses of all contestants after the same steps from the same weights."""
    names = [n for n, c in CONTESTANTS.items() if full or not c.in_full_only]
    losses = dict(_losses(names, HEADLINE, steps))
    for name, loss in losses.items():
        print(f"{loss:.6f}  {CONTESTANTS[name].title}")
    # scikit-learn's optimizer begins with a step of its own; see its module.
    compared = [loss for name, loss in losses.items() if name != "scikit_learn"]
    if max(compared) - min(compared) > SMALLEST_LOSS_DIFFERENCE:
        _say(f"The losses differ by more than {SMALLEST_LOSS_DIFFERENCE}.")
        raise typer.Exit(1)


def _losses(names: Iterable[str], case: Case, passes: int) -> Iterable[tuple[str, float]]:
    for name in names:
        if case.network not in CONTESTANTS[name].networks:
            continue
        with Process(CONTESTANTS[name]) as process:
            try:
                process.build(case)
                process.run(passes * case.batches)
                yield name, process.loss()
            except WorkerError as error:
                _say(f"{CONTESTANTS[name].title}: {error}")


# ---- parts of a run


def _peak(results: dict[str, Any], names: Sequence[str], **_: Any) -> None:
    results["peak"] = _measured(names, [PRODUCT], PEAK_EFFORT)


def _headline(results: dict[str, Any], names: Sequence[str], **_: Any) -> None:
    results["steps"] = _measured(names, [HEADLINE], HEADLINE_EFFORT) + results.get("steps", [])


def _grid(results: dict[str, Any], names: Sequence[str], **_: Any) -> None:
    chosen = names if set(names) == set(CONTESTANTS) else IN_THE_GRID
    results["steps"] = results.get("steps", []) + _measured(chosen, GRID, GRID_EFFORT)


def _curves(results: dict[str, Any], names: Sequence[str], **_: Any) -> None:
    results["curves"] = {
        name: _measured(names, cases, GRID_EFFORT) for name, cases in CURVES.items()
    }


def _memory(results: dict[str, Any], names: Sequence[str], **_: Any) -> None:
    results["memory"] = {name: memory(name, HEADLINE, MEMORY_STEPS) for name in _able(names)}


def _first_step(results: dict[str, Any], names: Sequence[str], **_: Any) -> None:
    results["first_step"] = {name: first_steps(name, HEADLINE) for name in _able(names)}


def _planning(results: dict[str, Any], names: Sequence[str], **_: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.planning"],
        stdout=subprocess.PIPE,
        env=clean_environment(),
        check=True,
    )
    results["planning"] = json.loads(done.stdout)


def _jobs(results: dict[str, Any], names: Sequence[str], *, seeds: int, mnist: Path | None) -> None:
    folder = mnist or MNIST.find()
    if folder is None:
        raise typer.BadParameter(
            "MNIST is not on this machine: set GLASSGRAD_DATA to its folder, or pass --mnist."
        )
    if not is_complete(folder):
        raise typer.BadParameter(f"{folder} holds no MNIST: it wants all four IDX files.")
    results["jobs"] = jobs.measure(list(jobs.JOBS), folder, seeds)


_MEASURES = {
    "peak": _peak,
    "headline": _headline,
    "grid": _grid,
    "curves": _curves,
    "memory": _memory,
    "first_step": _first_step,
    "planning": _planning,
    "jobs": _jobs,
}


def _able(names: Iterable[str]) -> list[str]:
    return [name for name in names if HEADLINE.network in CONTESTANTS[name].networks]


def _measured(names: Sequence[str], cases: Sequence[Case], effort: Effort) -> list[dict[str, Any]]:
    needed = {case.network for case in cases}
    able = [name for name in names if needed & set(CONTESTANTS[name].networks)]
    found = []
    with Workers(able) as workers:
        for case in cases:
            begin = time.monotonic()
            one = measure(workers.processes, case, effort)
            _say(f"  {case.name}: {time.monotonic() - begin:.0f} s")
            _warn(one.failures, one.idle)
            found.append(one.to_json())
    return found


def _warn(failures: Mapping[str, str], idle: Mapping[str, float]) -> None:
    for name, reason in failures.items():
        _say(f"    {CONTESTANTS[name].title} failed: {reason}")
    for name, share in idle.items():
        if share > 0.1:
            _say(f"    {CONTESTANTS[name].title} used {share:.0%} of a processor while it waited")


# ---- results


def _write(path: Path, results: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as file:
        file.write(json.dumps(results, indent=1).encode())


def _show(results: Mapping[str, Any], readme: Path | None) -> None:
    text = report.markdown(results)
    print(text)
    if readme is not None:
        try:
            report.put_between_marks(readme, text)
        except (FileError, ValueError) as error:
            raise typer.BadParameter(str(error)) from error


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
