from __future__ import annotations

from typing import Any

import pytest

from glassgrad import layers
from glassgrad.errors import ShapeError
from glassgrad.graph import Tensor
from glassgrad.layers import InputSpec
from glassgrad.layers.input_spec import axis_within, checked_axis


@pytest.mark.parametrize(
    "spec, shape",
    [
        (InputSpec(), ()),
        (InputSpec(ndim=2), (None, 3)),
        (InputSpec(min_ndim=2, max_ndim=3), (1, 2, 3)),
        (InputSpec(shape=(None, 3)), (5, 3)),
        (InputSpec(axes={-1: 3, 1: None}), (5, 4, 3)),
        (InputSpec(axes={-1: 3}), (5, None)),
    ],
)
def test_what_fits_passes(spec: InputSpec, shape: tuple[int | None, ...]) -> None:
    spec.check("layer", shape)


@pytest.mark.parametrize(
    "spec, shape, message",
    [
        (InputSpec(ndim=1), (2, 3), "expected one axis, found 2"),
        (InputSpec(min_ndim=2), (2,), "expected at least 2 axes, found 1"),
        (InputSpec(max_ndim=2), (1, 2, 3), "expected at most 2 axes, found 3"),
        (InputSpec(shape=(None, 3)), (2, 4), "expected axis 1 of length 3, found 4"),
        (InputSpec(shape=(None, 3)), (2, 3, 1), "expected 2 axes, found 3"),
        (InputSpec(axes={2: 3}), (2, 4), "expected an axis 2, found 2 axes"),
        (InputSpec(axes={-1: 3}), (2, 4), r"found 4. Full shape received: \(2, 4\)"),
    ],
)
def test_what_does_not_fit_is_refused(spec: InputSpec, shape: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        spec.check("layer", shape)


def test_a_layer_of_ones_own_is_checked_on_every_call() -> None:
    class Last(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.input_spec = InputSpec(axes={-1: input_shape[-1]})

        def call(self, inputs: Tensor) -> Tensor:
            return inputs

    layer = Last(name="last")
    layer([[1.0, 2.0]])
    with pytest.raises(ShapeError, match="Layer 'last' expected axis -1 of length 2, found 1"):
        layer([[1.0]])


def test_axes_are_counted_from_the_front() -> None:
    assert [axis_within("layer", axis, (5, None)) for axis in (-2, 1)] == [0, 1]
    assert checked_axis("layer", -1, (None, 7)) == (1, 7)
    with pytest.raises(ShapeError, match="wants axis 2, and there are 2 axes"):
        axis_within("layer", 2, (5, 3))
    with pytest.raises(ShapeError, match="length must be known"):
        checked_axis("layer", 0, (None, 7))
