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

from benchmarks import goals, jobs, machine, report
from benchmarks.cases import CNN, CURVES, GRID, HEADLINE, OTHERS, PRODUCT, Case
from benchmarks.contestants import CONTESTANTS, EXACT, OURS
from benchmarks.processes import Process, WorkerError, clean_environment
from benchmarks.starting import first_steps, memory
from benchmarks.steps import Effort, Workers, measure
from glassgrad.datasets.idx_folder import is_complete
from glassgrad.datasets.mnist import MNIST
from glassgrad.errors import FileError
from glassgrad.files import write_atomically

app = typer.Typer(add_completion=False, no_args_is_help=True, help="glassgrad beside its peers.")

IN_THE_GRID = (OURS, EXACT, "pytorch", "jax_jit", "jax_scan")
HEADLINE_EFFORT = Effort(turn=0.3, rounds=15, case=90)
GRID_EFFORT = Effort(turn=0.2, rounds=7, case=9)
OTHERS_EFFORT = Effort(turn=0.3, rounds=7, case=20)
PEAK_EFFORT = Effort(turn=0.3, rounds=5, case=20)
MEMORY_STEPS = {HEADLINE: 2000, CNN: 100}
LOSS_DIFFERENCES = (1e-5, 5e-3)
"""Before and after the steps, of which no two contestants round the numbers in the same way."""
CHECKED = [HEADLINE, *OTHERS[::3]]
"""A case of every network, the smallest."""

PARTS = (
    "peak",
    "headline",
    "grid",
    "networks",
    "curves",
    "memory",
    "first_step",
    "planning",
    "jobs",
)
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
    """Measure, write the samples, and print the tables.

    The exit code is 1 where a step is less ahead of PyTorch than is wanted.
    """
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
    missed = goals.missed(results)
    for sentence in missed:
        _say(sentence)
    raise typer.Exit(bool(missed))


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
    """Compare the losses of all contestants, before and after the same steps."""
    names = [n for n, c in CONTESTANTS.items() if full or not c.in_full_only]
    differ = False
    for case in CHECKED:
        print(case.name)
        losses = dict(_losses(names, case, steps))
        for name, (before, after) in losses.items():
            print(f"  {before:.6f} to {after:.6f}  {CONTESTANTS[name].title}")
        # scikit-learn's optimizer begins with a step of its own; see its module.
        compared = [both for name, both in losses.items() if name != "scikit_learn"]
        for found, largest in zip(zip(*compared, strict=True), LOSS_DIFFERENCES, strict=True):
            if max(found) - min(found) > largest:
                _say(f"{case.name}: the losses differ by more than {largest}.")
                differ = True
    raise typer.Exit(differ)


def _losses(
    names: Iterable[str], case: Case, passes: int
) -> Iterable[tuple[str, tuple[float, float]]]:
    for name in names:
        if case.network not in CONTESTANTS[name].networks:
            continue
        with Process(CONTESTANTS[name]) as process:
            try:
                process.build(case)
                before = process.loss()
                process.run(passes * case.batches)
                yield name, (before, process.loss())
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


def _networks(results: dict[str, Any], names: Sequence[str], **_: Any) -> None:
    chosen = names if set(names) == set(CONTESTANTS) else IN_THE_GRID
    results["networks"] = _measured(chosen, OTHERS, OTHERS_EFFORT)


def _curves(results: dict[str, Any], names: Sequence[str], **_: Any) -> None:
    results["curves"] = {
        name: _measured(names, cases, GRID_EFFORT) for name, cases in CURVES.items()
    }


def _memory(results: dict[str, Any], names: Sequence[str], **_: Any) -> None:
    results["memory"] = [
        {
            "case": case.to_json(),
            "contestants": {name: memory(name, case, steps) for name in _able(names, case)},
        }
        for case, steps in MEMORY_STEPS.items()
    ]


def _first_step(results: dict[str, Any], names: Sequence[str], **_: Any) -> None:
    results["first_step"] = {name: first_steps(name, HEADLINE) for name in _able(names, HEADLINE)}


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
    "networks": _networks,
    "curves": _curves,
    "memory": _memory,
    "first_step": _first_step,
    "planning": _planning,
    "jobs": _jobs,
}


def _able(names: Iterable[str], case: Case) -> list[str]:
    return [name for name in names if case.network in CONTESTANTS[name].networks]


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
