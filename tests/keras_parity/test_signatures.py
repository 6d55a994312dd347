"""Every signature, word by word: names, order, kinds and defaults of arguments."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.keras_parity.differences import ARGUMENTS, covering
from tests.keras_parity.names import every_name, family_of, family_of_keras

Parameters = dict[str, inspect.Parameter]


class Discrepancy(NamedTuple):
    subject: str
    text: str


def test_a_difference_of_arguments_is_in_use(keras: Any) -> None:
    subjects = [
        discrepancy.subject
        for family, name in every_name()
        for discrepancy in discrepancies(keras, family, name)
    ]
    stale = [row.where for row in ARGUMENTS if not any(map(row.covers, subjects))]
    assert not stale, "These rows of the table of differences describe nothing any more"


@pytest.mark.parametrize("family, name", every_name(), ids=str)
def test_a_signature_is_that_of_keras(family: str, name: str, keras: Any) -> None:
    unexplained = [
        discrepancy
        for discrepancy in discrepancies(keras, family, name)
        if covering(ARGUMENTS, discrepancy.subject) is None
    ]
    assert not unexplained, "\n".join(f"{one.subject}: {one.text}" for one in unexplained)


def discrepancies(keras: Any, family: str, name: str) -> Iterator[Discrepancy]:
    """What differs in a function, or in a class and the methods that it defines."""
    ours = getattr(family_of(family), name)
    theirs = getattr(family_of_keras(keras, family), name, None)
    if theirs is None:
        return
    subject = f"{family}.{name}"
    if not inspect.isclass(ours) or not inspect.isclass(theirs):
        yield from compared(subject, parameters(ours), parameters(theirs))
        return
    yield from compared(subject, of_constructor(ours), of_constructor(theirs))
    for method in methods_of(ours):
        mine, other = getattr(ours, method), getattr(theirs, method, None)
        if callable(mine) and callable(other):
            yield from compared(f"{subject}.{method}", parameters(mine), parameters(other))


def methods_of(kind: type) -> list[str]:
    """What a class defines, or takes from bases that are not public and so have no test."""
    tested = {getattr(family_of(family), name) for family, name in every_name()} - {kind}
    own = [base for base in inspect.getmro(kind) if base not in tested and base is not object]
    return sorted({name for base in own for name in vars(base) if not name.startswith("_")})


OPEN = {inspect.Parameter.VAR_POSITIONAL: "args", inspect.Parameter.VAR_KEYWORD: "kwargs"}


def parameters(function: Any) -> Parameters:
    """The arguments by name; what takes any number of them goes by one name in both libraries."""
    if function is object.__init__:
        return {}
    found = inspect.signature(function).parameters.values()
    return {OPEN.get(one.kind, one.name): one for one in found if one.name != "self"}


def of_constructor(kind: type) -> Parameters:
    """The arguments of a constructor, and those that ``**kwargs`` hands on to public bases."""
    found = parameters(kind.__init__)
    public = {name for _, name in every_name()}
    for base in inspect.getmro(kind)[1:]:
        if not _takes_any(found) or base.__name__ not in public or "__init__" not in vars(base):
            continue
        for name, parameter in parameters(vars(base)["__init__"]).items():
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                found.setdefault(name, parameter.replace(kind=parameter.KEYWORD_ONLY))
    return found


def _takes_any(found: Parameters) -> bool:
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in found.values())


def _ordered(one: Parameters, other: Parameters) -> list[str]:
    """The names that both have, where position counts."""
    return [
        name
        for name, parameter in one.items()
        if name in other and parameter.kind is not parameter.KEYWORD_ONLY
    ]


def compared(subject: str, ours: Parameters, theirs: Parameters) -> Iterator[Discrepancy]:
    """Argument by argument; those that one side lacks do not shift the order of the others."""
    for name in [name for name in theirs if name not in ours]:
        yield Discrepancy(f"{subject}({name})", f"Keras has it: {theirs[name]}")
    for name in [name for name in ours if name not in theirs]:
        yield Discrepancy(f"{subject}({name})", f"Keras does not have it: {ours[name]}")
    mine, others = _ordered(ours, theirs), _ordered(theirs, ours)
    for name in [name for name in ours if name in theirs]:
        subject_of_name = f"{subject}({name})"
        if ours[name].kind is not theirs[name].kind:
            kinds = [one[name].kind.description for one in (ours, theirs)]
            yield Discrepancy(subject_of_name, "is {}, in Keras {}".format(*kinds))
        if name in mine and name in others and mine.index(name) != others.index(name):
            yield Discrepancy(subject_of_name, f"stands among {mine}, in Keras {others}")
        if ours[name].default != theirs[name].default:
            defaults = f"{ours[name].default!r}, in Keras {theirs[name].default!r}"
            yield Discrepancy(subject_of_name, f"is by default {defaults}")


# ---- the comparison itself


@pytest.mark.parametrize(
    "mine, other, expected",
    [
        (lambda a, b=1: 0, lambda a, b=1: 0, []),
        (lambda a: 0, lambda a, b=1: 0, ["f(b): Keras has it: b=1"]),
        (lambda a, c=2: 0, lambda a: 0, ["f(c): Keras does not have it: c=2"]),
        (lambda a=1: 0, lambda a=2: 0, ["f(a): is by default 1, in Keras 2"]),
        (lambda a, *, b: 0, lambda a, b: 0, ["f(b): is keyword-only, in Keras positional or k"]),
        (lambda a, b: 0, lambda b, a: 0, ["f(a): stands among", "f(b): stands among"]),
        (lambda a: 0, lambda a, **kwargs: 0, ["f(kwargs): Keras has it: **kwargs"]),
    ],
)
def test_a_planted_difference_is_found(mine: Any, other: Any, expected: list[str]) -> None:
    found = [f"{s}: {t}" for s, t in compared("f", parameters(mine), parameters(other))]
    assert len(found) == len(expected)
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True))
