from __future__ import annotations

import pytest

from glassgrad import Tensor, Variable
from glassgrad.errors import ShapeError


@pytest.mark.parametrize("kind", [Tensor, Variable])
def test_rows_can_be_gone_through(kind: type[Tensor] | type[Variable]) -> None:
    rows = [row.numpy().tolist() for row in kind([[1.0, 2.0], [3.0, 4.0]])]
    assert rows == [[1, 2], [3, 4]]
    first, second = kind([1.0, 2.0])
    assert (first.item(), second.item()) == (1, 2)


def test_a_scalar_has_no_rows() -> None:
    with pytest.raises(ShapeError, match="scalar"):
        iter(Tensor(1.0))
