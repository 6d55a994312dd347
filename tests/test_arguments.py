"""Arguments are held against annotations, before anything happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence  # noqa: F401 -- named in strings
from typing import Any

import numpy as np
import pytest

from glassgrad.arguments import checked, checked_before
from glassgrad.errors import ArgumentError, ShapeError


def of_annotation(annotation: str) -> Callable[[Any], Any]:
    """A function of the package whose argument has an annotation."""

    def told(value: Any) -> Any:
        return value

    told.__annotations__["value"] = annotation  # read with the names of this module
    told.__module__ = "glassgrad.told"
    return checked(told)


@pytest.mark.parametrize(
    "annotation, value, expected",
    [
        ("int", np.int64(3), 3),
        ("int", np.array(3), 3),
        ("float", 2, 2),
        ("float", float("inf"), float("inf")),
        ("bool", np.True_, True),
        ("bool", 0, False),
        ("int | bool", True, True),
        ("str | None", None, None),
        ("Sequence[int]", np.array([1, 2]), [1, 2]),
        ("Sequence[int]", (np.int32(1), 2), (1, 2)),
        ("tuple[int, int]", (1, np.int64(2)), (1, 2)),
        ("int | Sequence[int] | None", range(2), [0, 1]),
        ("Any", "anything", "anything"),
        ("Unknown", "anything", "anything"),
        ("Callable[..., Any]", print, print),
        ("Mapping[str, int]", {"a": 1}, {"a": 1}),
    ],
)
def test_what_fits(annotation: str, value: Any, expected: Any) -> None:
    found = of_annotation(annotation)(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "annotation, value, message",
    [
        ("int", True, "value must be a whole number. Got True"),
        ("int", 1.0, "a whole number. Got 1.0"),
        ("int", 2**63, "a whole number below 2.63. Got 9223372036854775808"),
        ("float", "1", "a number. Got '1'"),
        ("float", 10**400, "a number. Got 1000"),
        ("bool", "False", "True or False. Got 'False'"),
        ("bool", 2, "True or False. Got 2"),
        ("Sequence[int]", "12", "a list or tuple of whole numbers. Got '12'"),
        ("Sequence[int]", {1, 2}, "a list or tuple of whole numbers"),
        ("Sequence[int | None]", ["a"], "each entry a whole number or None"),
        ("tuple[int, int]", (1, 2, 3), "a tuple of 2"),
        ("str | float | None", [], r"a text, a number or None. Got \[\]"),
        ("Sequence[Any]", 5, "a list or tuple. Got 5"),
        ("Callable[..., Any]", 5, "a function. Got 5"),
        ("Mapping[str, int]", [], "a dictionary"),
        ("np.random.Generator", 5, "a Generator. Got 5"),
    ],
)
def test_what_does_not_fit(annotation: str, value: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=f"^told: value must be .*{message.split(' be ')[-1]}"):
        of_annotation(annotation)(value)


def test_own_words_come_first_where_nothing_can_happen() -> None:
    def told(count: int) -> None:
        raise ShapeError("my own words")

    told.__module__ = "glassgrad.told"
    with pytest.raises(ShapeError, match="my own words"):
        checked(told)("3")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"a whole number\. Got '3'"):
        checked_before(told)("3")  # type: ignore[arg-type]


def test_annotations_from_outside_are_left_alone() -> None:
    def mine(count: int) -> int:
        return count

    assert checked(mine) is mine


def test_checking_twice_is_checking_once() -> None:
    once = of_annotation("int")
    assert checked(once) is once
