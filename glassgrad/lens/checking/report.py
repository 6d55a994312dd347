"""What a gradient check found, for people: a table, remarks and a verdict."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glassgrad.lens.checking.results import GradientCheck, ParameterCheck
    from glassgrad.lens.checking.torch_opinion import Opinion

__all__ = ["opinion_of", "remarks_of", "table_of", "verdict_of"]


def verdict_of(check: GradientCheck) -> str:
    """All of a check in one sentence."""
    count = len(check.parameters)
    if check.passed:
        what = "The gradient agrees" if count == 1 else f"All {count} gradients agree"
        theirs = " and with PyTorch" if check.opinions else ""
        return f"{what} with differences{theirs}, to a relative error of {check.tolerance:g}."
    return " ".join(_complaints(check))


def _complaints(check: GradientCheck) -> Iterator[str]:
    for word in ("wrong", "not measured"):
        if names := [one.name for one in check.failed if one.verdict == word]:
            of_all = f" of {len(check.parameters)}" if len(check.parameters) > 1 else ""
            gradients = "gradients" if of_all else "gradient"
            yield f"{word.capitalize()}: {len(names)}{of_all} {gradients}, by {_listed(names)}."
    if differing := [opinion.name for opinion in check.opinions if not opinion.agrees]:
        yield f"Not as in PyTorch: {_listed(differing)}."
    if check.culprits:
        yield f"The chain rule to mend: {_listed(list(map(str, check.culprits)))}."


def opinion_of(opinion: Opinion) -> Iterator[str]:
    """Where PyTorch differs, and what that says."""
    if opinion.worst:
        yield f"{opinion.worst}."
    if opinion.hint:
        yield _sentence(opinion.hint)


def remarks_of(one: ParameterCheck) -> Iterator[str]:
    """What should be known of one gradient beside its verdict."""
    if one.worst is not None:
        yield f"{one.worst}."
        about = [f"only {one.name}{one.region} is wrong"] if one.region else []
        if about := [*about, *([one.hint] if one.hint else [])]:
            yield _sentence("; ".join(about))
    for operation, count in one.kinks:
        where = f"a kink of {operation}" if operation else "a kink or an edge of the domain"
        stand = f"{_counted(one, count)} {'stands' if count == 1 else 'stand'} at {where}"
        yield f"{one.name}: {stand}; beside it the gradient is right."
    if one.unmeasured:
        yield (
            f"{one.name}: {_counted(one, one.unmeasured)} could not be measured: the loss is not "
            "finite beside, or not smooth however near."
        )
    if not one.entries and one.shape and 0 not in one.shape:
        yield f"{one.name}: the result does not depend on it."


def _counted(one: ParameterCheck, count: int) -> str:
    names = ("direction", "directions") if one.directions else ("entry", "entries")
    return f"{count} {names[count != 1]}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def table_of(check: GradientCheck, width: int) -> str:
    """A row for each parameter and input, and for each comparison with PyTorch."""
    from rich.box import ROUNDED
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    order = "" if check.order == 1 else f", derivatives of order {check.order}"
    table = Table(box=ROUNDED, title=f"Gradients of {check.title}{order}", title_justify="left")
    table.add_column("By", overflow="fold")
    table.add_column("Shape", overflow="fold")
    table.add_column("Measured", overflow="fold")
    table.add_column("Relative error", justify="right")
    table.add_column("Verdict", overflow="fold")
    rows = [
        (one.name, str(one.shape), _measured(one), one.relative, _verdict(one))
        for one in check.parameters
    ]
    rows += [
        (one.name, "", "beside PyTorch", one.relative, "agrees" if one.agrees else "differs")
        for one in check.opinions
    ]
    for name, shape, measured, relative, verdict in rows:
        table.add_row(*map(Text, (name, shape, measured, f"{relative:.1e}", verdict)))
    text = io.StringIO()
    Console(file=text, width=width, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def _measured(one: ParameterCheck) -> str:
    entries = f"{one.entries:,} {'entry' if one.entries == 1 else 'entries'}"
    return f"{one.directions:,} slices, {entries}" if one.directions else entries


def _verdict(one: ParameterCheck) -> str:
    kinks = sum(count for _, count in one.kinks)
    if one.verdict != "agrees" or not kinks:
        return one.verdict
    return f"agrees, {kinks} kink{'s' if kinks > 1 else ''}"
