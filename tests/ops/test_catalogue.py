"""No operation goes without a row, and no row without what is tested of it."""

from __future__ import annotations

import numpy as np
import pytest

from glassgrad.graph import Composite, Operation, Primitive
from glassgrad.ops.catalogue import operations
from tests.ops.cases import CASES, Case


def rows(name: str) -> list[Case]:
    return [case for case in CASES if type(case.build("float64")).__name__ == name]


@pytest.mark.parametrize("name", operations())
def test_every_operation_has_a_row(name: str) -> None:
    assert rows(name), f"Add a case of {name} to tests/ops/cases.py."


@pytest.mark.parametrize("name", operations())
def test_every_chain_rule_is_checked_or_does_not_exist(name: str) -> None:
    for case in rows(name):
        assert case.order or case.no_gradient, f"{case}: differences, or the reason why not"
        assert not (case.order and case.no_gradient), f"{case}: it has a gradient or it has none"
    is_checked = any(case.order == 2 for case in rows(name))
    gives_none = all(case.no_gradient for case in rows(name))
    assert is_checked or gives_none


@pytest.mark.parametrize("name", operations())
def test_every_operation_meets_more_than_one_shape(name: str) -> None:
    shapes = {tuple(array.shape for array in case.arrays("float64")) for case in rows(name)}
    shapes |= {case.build("float64") for case in rows(name)}
    assert len(shapes) > 1


def test_rows_have_names_of_their_own() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name, kind", operations().items())
def test_an_operation_says_what_it_is(name: str, kind: type[Operation]) -> None:
    assert kind.__name__ == name
    assert (kind.__doc__ or "").strip()
    assert issubclass(kind, Primitive) != issubclass(kind, Composite)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_operation_is_a_value(case: Case) -> None:
    """Its parameters make it equal, so that it can be a key; describe() prints them."""
    one, other = case.build("float64"), case.build("float64")
    assert one == other
    assert hash(one) == hash(other)
    assert one.describe().startswith(one.name)


def test_samples_are_the_same_each_time() -> None:
    for case in CASES:
        for one, other in zip(case.arrays("float64"), case.arrays("float64"), strict=True):
            np.testing.assert_array_equal(one, other)
