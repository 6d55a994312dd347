"""Results as Markdown: the tables that the README shows between two marks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases import CNN, HEADLINE, Case
from benchmarks.contestants import CONTESTANTS, OURS
from benchmarks.goals import wanted
from benchmarks.jobs import JOBS
from benchmarks.spread import geometric_mean, median, quartiles, ratio
from glassgrad.files import write_atomically

__all__ = ["BEGIN", "END", "markdown", "peak", "put_between_marks", "summary", "table"]

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"

Results = Mapping[str, Any]
ABSENT = "–"


def markdown(results: Results) -> str:
    """All tables of a run.

    Args:
        results: what `__main__` has written as JSON; parts may be missing.

    Returns:
        Markdown.
    """
    parts = [
        _machine(results),
        _headline(results),
        _grid(results),
        _networks(results),
        _memory(results),
        _curves(results),
        _jobs(results),
        _starting(results),
        _planning(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def put_between_marks(path: Path, text: str) -> None:
    """Replace what stands in a file between the marks `BEGIN` and `END`.

    Raises:
        ValueError: the marks are not there, each once and in this order.
    """
    content = path.read_text("utf-8")
    before, begin, rest = content.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in rest or END in after:
        raise ValueError(f"{path} must hold {BEGIN} and, after it, {END}, each once.")
    with write_atomically(path) as file:
        file.write(f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}".encode())


# ---- figures


def peak(results: Results) -> float:
    """Floating-point operations a second of the best library in a large product; 0 if unknown."""
    products = results.get("peak", [])
    rates = [
        found["operations"] / median(samples)
        for found in products
        for name, samples in found["samples"].items()
        if CONTESTANTS[name].is_a_peer
    ]
    return max(rates, default=0.0)


def summary(found: Sequence[Results]) -> dict[str, float]:
    """What a table of cases comes to: geometric means of ratios, and the least of them.

    Args:
        found: the cases.

    Returns:
        "times <peer>" for each peer that has measured all cases; "times the best peer" and
        "least", where the peer that is best in each case is taken.
    """
    ratios = [of_peers for one in found if (of_peers := _of_peers(one))]
    if not ratios:
        return {}
    everywhere = [name for name in ratios[0] if all(name in one for one in ratios)]
    best = [min(one.values()) for one in ratios]
    return {
        **{f"times {name}": geometric_mean(one[name] for one in ratios) for name in everywhere},
        "times the best peer": geometric_mean(best),
        "least": min(best),
    }


def _ratios(found: Results) -> dict[str, float]:
    """How many times as long as our step each other's takes; none where ours is not known."""
    samples = found["samples"]
    ours = samples.get(OURS)
    return {n: ratio(one, ours) for n, one in samples.items() if n != OURS} if ours else {}


def _of_peers(found: Results) -> dict[str, float]:
    """The same without our own other ways."""
    return {n: value for n, value in _ratios(found).items() if CONTESTANTS[n].is_a_peer}


# ---- parts


def _machine(results: Results) -> str:
    if not results.keys() >= {"machine", "versions"}:
        return ""
    machine, best = results["machine"], peak(results)
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    rate = f" Its best matrix product: {best / 1e9:.0f} GFLOP/s." if best else ""
    return (
        f"{machine['processors']} processors of {machine['processor']}, "
        f"{machine['system']}, Python {machine['python']}.{rate} {versions}."
    )


def _headline(results: Results) -> str:
    found = next((one for one in results.get("steps", []) if _case(one) == HEADLINE), None)
    if found is None or OURS not in found["samples"]:
        return ""
    memory, best, ratios = _memory_of(HEADLINE, results), peak(results), _ratios(found)
    rows = []
    for name, samples in sorted(found["samples"].items(), key=lambda item: median(item[1])):
        share = found["operations"] / median(samples) / best if best else 0.0
        rows.append(
            [
                _title(name),
                _time(median(samples)),
                f"{_time(quartiles(samples)[0])} to {_time(quartiles(samples)[1])}",
                f"{ratios.get(name, 1.0):.2f}",
                f"{share:.0%}" if best else ABSENT,
                _megabytes(memory.get(name, {}), "growth"),
                _megabytes(memory.get(name, {}), "peak"),
            ]
        )
    head = ["", "step", "half of all", "times ours", "of peak", "memory", "at most"]
    return (
        f"A training step with Adam, {HEADLINE.name}. Memory is what the process holds beyond "
        f"the bare import of the package, data included.\n\n{table(head, rows)}"
    )


def _grid(results: Results) -> str:
    found = [one for one in results.get("steps", []) if _case(one) != HEADLINE]
    return _table_of_cases(
        "Steps with Adam: how many times as long as ours a step of the others takes", found, results
    )


def _networks(results: Results) -> str:
    title = (
        "Other networks, steps with Adam: how many times as long as ours a step of the others "
        "takes, and how many times as long PyTorch's is to take at least"
    )
    return _table_of_cases(title, results.get("networks", []), results, with_goals=True)


def _memory(results: Results) -> str:
    rows = [
        [_title(name), _megabytes(found, "growth"), _megabytes(found, "peak")]
        for name, found in _memory_of(CNN, results).items()
        if "error" not in found
    ]
    text = f"What the process holds beyond the bare import, {CNN.name}"
    return f"{text}:\n\n{table(['', 'memory', 'at most'], rows)}" if rows else ""


def _memory_of(case: Case, results: Results) -> Results:
    found = (one["contestants"] for one in results.get("memory", []) if _case(one) == case)
    return next(found, {})


def _curves(results: Results) -> str:
    tables = [
        _table_of_cases(f"Growth with {name}", found, results)
        for name, found in results.get("curves", {}).items()
    ]
    return "\n\n".join(filter(None, tables))


def _table_of_cases(
    title: str, found: Sequence[Results], results: Results, *, with_goals: bool = False
) -> str:
    found = [one for one in found if OURS in one["samples"]]
    names = [n for n in CONTESTANTS if n != OURS and any(n in one["samples"] for one in found)]
    if not found:
        return ""
    best, rows = peak(results), []
    for one in found:
        ratios, ours = _ratios(one), median(one["samples"][OURS])
        rows.append(
            [
                _case(one).name,
                _time(ours),
                *(f"{ratios[name]:.2f}" if name in ratios else ABSENT for name in names),
                *([f"{wanted(_case(one)):.2f}"] if with_goals else []),
                f"{one['operations'] / ours / best:.0%}" if best else ABSENT,
            ]
        )
    goals = ["wanted"] if with_goals else []
    head = ["", "ours", *map(_title, names), *goals, "of peak"]
    return f"{title}:\n\n{table(head, rows)}{_in_sum(found)}"


def _in_sum(found: Sequence[Results]) -> str:
    figures = summary(found)
    if not figures:
        return ""
    means = [
        f"{figures[f'times {name}']:.2f} times as fast as {contestant.title}"
        for name, contestant in CONTESTANTS.items()
        if f"times {name}" in figures
    ]
    return (
        f"\n\nGeometric means: {', '.join(means)}, {figures['times the best peer']:.2f} times as "
        f"fast as the best peer of each case, at least {figures['least']:.2f}."
    )


def _jobs(results: Results) -> str:
    rows = [list(_row_of_job(name, found)) for name, found in results.get("jobs", {}).items()]
    head = ["", "seconds", "least to most", "epochs", "first run ever"]
    text = "MNIST to 98 % test accuracy by one recipe, from the start of the process to its end"
    return f"{text}:\n\n{table(head, rows)}" if rows else ""


def _row_of_job(name: str, found: Results) -> Iterator[str]:
    yield JOBS[name].title
    seconds = [run["seconds"] for run in found["runs"] if "error" not in run]
    epochs = [run["epochs"] for run in found["runs"] if "error" not in run]
    if not seconds:
        yield from ("failed", ABSENT, ABSENT, ABSENT)
        return
    yield f"{median(seconds):.1f}"
    yield f"{min(seconds):.1f} to {max(seconds):.1f}"
    yield f"{min(epochs)} to {max(epochs)}"
    cold = found["cold"]
    yield f"{cold['seconds']:.1f}" if cold and "error" not in cold else ABSENT


def _starting(results: Results) -> str:
    rows = [
        [_title(name), f"{median(found['warm']):.1f}", _or_absent(found["cold"])]
        for name, found in results.get("first_step", {}).items()
        if "error" not in found
    ]
    head = ["", "seconds", "first run ever"]
    text = "From the start of a process to the end of the first steps of the same network"
    return f"{text}:\n\n{table(head, rows)}" if rows else ""


def _planning(results: Results) -> str:
    figures = results.get("planning")
    if not figures:
        return ""
    return (
        f"A network of {figures['planning_layers']} layers with Adam is traced and planned in "
        f"{1e3 * figures['planning']:.0f} ms; a step of a network with two units takes "
        f"{1e6 * figures['tiny_step']:.1f} µs in all."
    )


# ---- text


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, numbers at the right.

    Example:
        >>> print(table(["", "step"], [["ours", "1 ms"]]))
        | | step |
        |---|--:|
        | ours | 1 ms |
    """
    lines = [head, *rows]
    first, *rest = ("| " + " | ".join(line) + " |" for line in lines)
    return "\n".join([first.replace("|  |", "| |"), f"|---|{'--:|' * (len(head) - 1)}", *rest])


def _case(found: Results) -> Case:
    return Case.from_json(found["case"])


def _title(name: str) -> str:
    return CONTESTANTS[name].title


def _time(seconds: float) -> str:
    """With three digits or so, in the unit that fits."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.2f} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"


def _megabytes(found: Results, name: str) -> str:
    return f"{found[name] / 1e6:.0f} MB" if name in found else ABSENT


def _or_absent(seconds: float | None) -> str:
    return ABSENT if seconds is None else f"{seconds:.1f}"
