"""Operations are counted, whatever the executor makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from glassgrad import ops
from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor, placeholder
from glassgrad.lens.doctor.probe_work import interval_between, operations
from glassgrad.ops.recurrent import long_short_term_memory
from glassgrad.ops.scan import scan


def test_a_composite_has_the_operations_of_its_definition() -> None:
    x = placeholder((10, 4))
    assert operations([ops.softplus(x)]) == operations([ops.softplus(x)], loop=7) == 6 * 40


def test_a_loop_has_those_of_all_its_steps() -> None:
    def step(carries: Any, elements: Any, constants: Any) -> Any:
        h = ops.tanh(carries[0] @ constants[0] + elements[0])
        return (h,), ()

    (last,), _ = scan(step, [placeholder((2, 3))], [placeholder((5, 2, 3))], [placeholder((3, 3))])
    each = 2 * 2 * 3 * 3 + 6 + 6
    assert operations([last]) == 5 * each
    assert operations([last], loop=2) == 10 * each


def test_a_recurrence_has_its_products() -> None:
    batch, time, features, units = 3, 7, 5, 4
    h: Tensor = long_short_term_memory(
        placeholder((batch, time, features)),
        *(placeholder((batch, units)) for _ in range(2)),
        placeholder((features, 4 * units)),
        placeholder((units, 4 * units)),
        placeholder((4 * units,)),
    )[0]
    products = 2 * batch * time * (features + units) * 4 * units
    assert products < operations([h]) < 1.4 * products


def test_the_interval_grows_with_the_cost_of_a_visit() -> None:
    assert interval_between(3e6, 1e6) == 300
    assert interval_between(3e6, 1e6, share=0.5) == 6
    assert interval_between(1.0, 1e9) == 1
    assert interval_between(100.0, 0.0) == 10_000


@pytest.mark.parametrize("share", [0, -1, float("nan")])
def test_a_share_of_nothing_is_refused(share: float) -> None:
    with pytest.raises(ArgumentError, match="must be above 0"):
        interval_between(1.0, 1.0, share)
