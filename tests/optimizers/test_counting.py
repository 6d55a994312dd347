from __future__ import annotations

import pytest

from glassgrad.graph import Variable
from glassgrad.optimizers.counting import is_multiple, whole_part

LARGE = 2**52 + 3


@pytest.mark.parametrize("divisor", [1, 2, 3, 7, 49, 1000])
def test_counts_are_divided_exactly(divisor: int) -> None:
    for count in (
        0,
        1,
        2,
        3,
        48,
        49,
        50,
        999,
        1000,
        1001,
        2**31,
        LARGE,
        LARGE // divisor * divisor,
    ):
        variable = Variable(count, dtype="int64")
        assert float(whole_part(variable, divisor)) == count // divisor
        assert bool(is_multiple(variable, divisor)) == (count % divisor == 0)
