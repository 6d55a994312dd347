"""Recurrent operations beyond their rows: kinks, empty sizes, what is refused, what time does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from glassgrad.errors import DtypeError, ShapeError, UnknownNameError
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, constant, placeholder
from glassgrad.ops import (
    gated_recurrent_unit,
    long_short_term_memory,
    recurrent,
    simple_recurrence,
)
from glassgrad.ops.recurrent import GatedRecurrentUnit, LongShortTermMemory, SimpleRecurrence
from tests.differences import placeholders, run
from tests.ops.recurrent_oracles import HARD, KINDS, Recurrence


def slopes_of(recurrence: Recurrence, weights: list[Any]) -> list[Any]:
    """The gradients that the engine finds, of sums that are weighted so."""
    arrays = [*recurrence.inputs, *recurrence.mask]
    inputs = placeholders(arrays)
    outputs = recurrence.make(recurrent)(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    parts = [(y * constant(w, "float64")).sum() for y, w in zip(outputs, weights, strict=True)]
    found = gradients(sum(parts[1:], parts[0]), inputs)
    return run([slope for slope in found if slope is not None], inputs, arrays)


@pytest.mark.parametrize("is_masked", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_relu_has_its_kink_where_pytorch_has_it(kind: str, is_masked: bool) -> None:
    gated = () if kind == "SimpleRecurrence" else HARD
    recurrence = Recurrence(kind, (3, 5, 2, 4), (("activation", "relu"), *gated), is_masked)
    outputs = recurrence.outputs(*recurrence.inputs)
    assert any((y == 0).any() for y in outputs)
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=y.shape) for y in outputs]
    expected, _ = recurrence.slopes(*weights)
    for ours, theirs in zip(slopes_of(recurrence, weights), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("sizes", [(7, 13, 5, 11), (1, 1, 1, 1), (2, 3, 17, 1)])
@pytest.mark.parametrize("kind", KINDS)
def test_pytorchs_own_layers(kind: str, sizes: tuple[int, int, int, int]) -> None:
    """Kernels that PyTorch wrote by hand, with our blocks of columns in its order."""
    features, units = sizes[2:]
    recurrence = Recurrence(kind, sizes)
    x, *states, kernel, recurrent_kernel, bias = recurrence.inputs
    layers = {"SimpleRecurrence": "RNN", "LongShortTermMemory": "LSTM", "GatedRecurrentUnit": "GRU"}
    layer = getattr(torch.nn, layers[kind])(features, units, batch_first=True).double()
    order = [1, 0, 2] if kind == "GatedRecurrentUnit" else range(recurrence.gates)

    def reordered(columns: Any) -> Any:
        blocks = np.split(columns, recurrence.gates, axis=-1)
        return torch.tensor(np.concatenate([blocks[n] for n in order], -1).T)

    own, inner = bias if kind == "GatedRecurrentUnit" else (bias, np.zeros_like(bias))
    layer.load_state_dict(
        {
            "weight_ih_l0": reordered(kernel),
            "weight_hh_l0": reordered(recurrent_kernel),
            "bias_ih_l0": reordered(own),
            "bias_hh_l0": reordered(inner),
        }
    )
    first = [torch.tensor(state)[None] for state in states]
    with torch.no_grad():
        theirs, _ = layer(torch.tensor(x), first[0] if len(first) == 1 else tuple(first))
    np.testing.assert_allclose(
        recurrence.outputs(*recurrence.inputs)[0], theirs, rtol=1e-11, atol=1e-14
    )
    inputs = placeholders(recurrence.inputs)
    kinds = {
        "SimpleRecurrence": SimpleRecurrence(),
        "LongShortTermMemory": LongShortTermMemory(),
        "GatedRecurrentUnit": GatedRecurrentUnit(),
    }
    ours = kinds[kind](*inputs)
    h = ours[0] if isinstance(ours, tuple) else ours
    np.testing.assert_allclose(
        run([h], inputs, recurrence.inputs)[0], theirs, rtol=1e-11, atol=1e-14
    )


@pytest.mark.parametrize("sizes", [(0, 3, 2, 2), (2, 0, 2, 2), (2, 3, 0, 2)])
@pytest.mark.parametrize("is_masked", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_something(kind: str, is_masked: bool, sizes: tuple[int, int, int, int]) -> None:
    """No examples, no steps, no features: outputs and gradients of the right shapes."""
    recurrence = Recurrence(kind, sizes, is_masked=is_masked)
    shapes = [(*sizes[:2], n) for n in (sizes[3], sizes[3], 4 * sizes[3])]
    weights = [np.ones(shape) for shape in shapes[: len(recurrence.given)]]
    if kind == "GatedRecurrentUnit":
        weights[1] = np.ones(shapes[2])
    found = slopes_of(recurrence, weights)
    assert [slope.shape for slope in found] == [array.shape for array in recurrence.inputs]
    assert all(np.isfinite(slope).all() for slope in found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_masked_step_changes_nothing_but_its_own_gates(kind: str) -> None:
    """Whatever stands in x there, infinities apart."""
    recurrence = Recurrence(kind, (3, 4, 2, 3), is_masked=True)
    outputs = recurrence.outputs(*recurrence.inputs)
    x, *others = recurrence.inputs
    elsewhere = np.where(recurrence.mask[0][:, :, None], x, 77.0)
    changed = recurrence.outputs(elsewhere, *others)
    ours = [_run(recurrence, first) for first in (x, elsewhere)]
    for before, after in zip(ours[0][: len(outputs) - 1 or 1], ours[1], strict=False):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_allclose(ours[1][0], changed[0], rtol=1e-12)


def _run(recurrence: Recurrence, x: Any) -> list[Any]:
    arrays = [x, *recurrence.inputs[1:], *recurrence.mask]
    inputs = placeholders(arrays)
    outputs = recurrence.make(recurrent)(*inputs)
    return run(outputs if isinstance(outputs, tuple) else [outputs], inputs, arrays)


@pytest.mark.parametrize("kind", KINDS)
def test_reverse_is_the_same_on_what_is_turned_round(kind: str) -> None:
    ahead = Recurrence(kind, (2, 5, 3, 2))
    back = replace(ahead, options=(("reverse", True),))
    turned = _run(ahead, ahead.inputs[0][:, ::-1].copy())
    for one, other in zip(_run(back, ahead.inputs[0]), turned, strict=True):
        np.testing.assert_allclose(one, other[:, ::-1], rtol=1e-13)


def inputs_for(gates: int, **changed: Any) -> list[Tensor]:
    shapes: dict[str, Any] = {
        "x": (2, 3, 4),
        "h0": (2, 5),
        "kernel": (4, gates * 5),
        "recurrent_kernel": (5, gates * 5),
        "bias": (gates * 5,),
    } | changed
    return [placeholder(shape) for shape in shapes.values()]


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"x": (3, 4)}, r"wants x of shape \(batch, time, features\). Got \(3, 4\)"),
        ({"h0": (3, 5)}, r"wants a state of shape \(2, 5\). Got \(3, 5\)"),
        ({"h0": ()}, r"0 units wants a state"),
        ({"kernel": (3, 5)}, r"wants a kernel of shape \(4, 5\). Got \(3, 5\)"),
        ({"recurrent_kernel": (5, 6)}, r"wants a recurrent kernel of shape \(5, 5\)"),
        ({"bias": (5, 1)}, r"wants a bias of shape \(5,\)"),
        ({"mask": (2, 4)}, r"wants a mask of shape \(2, 3\). Got \(2, 4\)"),
    ],
)
def test_shapes_that_do_not_fit(changed: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        SimpleRecurrence()(*inputs_for(1, **changed))


def test_whole_numbers_are_refused() -> None:
    inputs = inputs_for(1)
    with pytest.raises(DtypeError):
        SimpleRecurrence()(placeholder((2, 3, 4), "int32"), *inputs[1:])
    with pytest.raises(DtypeError, match="mask"):
        SimpleRecurrence()(*inputs, placeholder((2, 3)))


def test_the_number_of_inputs_is_told() -> None:
    with pytest.raises(ShapeError, match=r"5 inputs and perhaps a mask\. Got 4"):
        SimpleRecurrence()(*inputs_for(1)[:-1])
    with pytest.raises(ShapeError, match=r"6 inputs and perhaps a mask\. Got 5"):
        LongShortTermMemory()(*inputs_for(4))


@pytest.mark.parametrize("name", ["softmax", "gelu", 3])
def test_an_activation_must_tell_its_slope_by_its_value(name: Any) -> None:
    with pytest.raises(UnknownNameError, match="tanh"):
        SimpleRecurrence(False, name)(*inputs_for(1))


def test_the_functions_are_the_operations() -> None:
    rng = np.random.default_rng(2)
    x, h, c = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5)), rng.normal(size=(2, 5))
    mask = np.array([[True, False, True], [True, True, False]])

    def weights(gates: int) -> list[Any]:
        width = gates * 5
        return [rng.normal(size=shape) for shape in ((4, width), (5, width), (width,))]

    plain, cells = weights(1), weights(4)
    kernel, recurrent_kernel, bias = weights(3)
    assert np.array_equal(
        simple_recurrence(x, h, *plain, mask, True, "relu").numpy(),
        SimpleRecurrence(True, "relu")(x, h, *plain, mask).numpy(),
    )
    for ours, theirs in zip(
        long_short_term_memory(x, h, c, *cells, mask=mask, activation="relu"),
        LongShortTermMemory(False, "relu")(x, h, c, *cells, mask),
        strict=False,
    ):
        assert np.array_equal(ours.numpy(), theirs.numpy())
    assert np.array_equal(
        gated_recurrent_unit(x, h, kernel, recurrent_kernel, bias, reset_after=False).numpy(),
        GatedRecurrentUnit(reset_after=False)(x, h, kernel, recurrent_kernel, bias)[0].numpy(),
    )
