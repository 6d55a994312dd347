"""Every chain rule agrees with differences, to the order that its operation has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from glassgrad import ops
from glassgrad.errors import GradientError
from glassgrad.gradients import CompositeGradient, differentiate, gradients
from glassgrad.gradients.rules import backward_graph
from glassgrad.graph import Composite, Operation, Tensor, constant, placeholder, verify
from glassgrad.ops import cast, normalization, statistics
from tests.differences import check_gradients, placeholders, projection, run
from tests.ops.cases import CASES, REFUSED, Case
from tests.ops.samples import Array

DIFFERENTIABLE = [case for case in CASES if case.order]
FLAT = [case for case in CASES if not case.order]
STATED = [
    case
    for case in CASES
    if isinstance(case.build("float64"), Composite)
    and type(case.build("float64")).chain_rule is not Operation.chain_rule
]


def outputs_of(case: Case, inputs: Sequence[Any], dtype: str = "float64") -> tuple[Tensor, ...]:
    result = case.build(dtype)(*inputs)
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_agrees_with_differences(case: Case) -> None:
    check_gradients(
        lambda *inputs: outputs_of(case, inputs), case.arrays("float64"), order=case.order
    )


@pytest.mark.parametrize(
    "case",
    [c for c in DIFFERENTIABLE if len(outputs_of(c, placeholders(c.arrays("float64")))) > 1],
    ids=str,
)
def test_an_output_may_have_no_gradient(case: Case) -> None:
    arrays = case.arrays("float64")
    outputs = outputs_of(case, placeholders(arrays))
    for number in (n for n, y in enumerate(outputs) if y.dtype.kind == "f" and y.size):
        check_gradients(
            lambda *inputs, n=number: outputs_of(case, inputs)[n : n + 1], arrays, order=1
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_a_gradient_has_the_shape_and_dtype_of_its_input(case: Case, dtype: str) -> None:
    inputs = placeholders(case.arrays(dtype))
    loss = projection(outputs_of(case, inputs, dtype), np.random.default_rng(0))
    slopes = gradients(loss, inputs)
    verify([loss, *(slope for slope in slopes if slope is not None)])
    assert any(slope is not None for slope in slopes)
    for slope, tensor in zip(slopes, inputs, strict=True):
        assert slope is None or slope.spec == tensor.spec
        assert slope is None or tensor.dtype.kind == "f"


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in FLAT
        if case.name not in ("Power-negative-base", "Cast-float32") and case.no_gradient != REFUSED
    ],
    ids=str,
)
def test_no_gradient_is_none(case: Case) -> None:
    inputs = placeholders(case.arrays("float64"))
    outputs = outputs_of(case, inputs)
    given = [constant(np.ones(output.shape), output.dtype) for output in outputs]
    assert differentiate(outputs, given, inputs) == [None] * len(inputs)
    loss = sum((cast(output, "float64").sum() for output in outputs), constant(0.0, "float64"))
    assert gradients(loss, inputs) == [None] * len(inputs)


@pytest.mark.parametrize("case", [c for c in FLAT if c.no_gradient == REFUSED], ids=str)
def test_a_refused_gradient_says_what_to_use_instead(case: Case) -> None:
    inputs = placeholders(case.arrays("float64"))
    (output,) = outputs_of(case, inputs)
    with pytest.raises(GradientError, match=r"no useful gradient.*sigmoid.*detach\(\)"):
        gradients(output.sum(), inputs)


@pytest.mark.parametrize("case", STATED, ids=str)
def test_a_stated_rule_is_the_derived_one(case: Case) -> None:
    arrays = case.arrays("float64")
    inputs = placeholders(arrays)
    outputs = outputs_of(case, inputs)
    incoming = tuple(placeholder(y.shape, y.dtype, "g") for y in outputs)
    stated = case.build("float64").chain_rule(incoming, outputs, inputs)
    operation, given = case.build("float64"), (True,) * len(outputs)
    _, reached = backward_graph(operation, tuple(x.spec for x in inputs), given)
    assert tuple(slope is not None for slope in stated) == reached
    if not any(reached):
        return
    derived = CompositeGradient(operation, given)(*inputs, *outputs, *incoming)
    derived = derived if isinstance(derived, tuple) else (derived,)
    rng = np.random.default_rng(3)
    values: list[Array] = [*arrays, *(rng.normal(size=g.shape) for g in incoming)]
    present = [slope for slope in stated if slope is not None]
    computed = run([*present, *derived], [*inputs, *incoming], values)
    for by_rule, by_definition, x in zip(
        computed[: len(present)],
        computed[len(present) :],
        [x for x, is_reached in zip(inputs, reached, strict=True) if is_reached],
        strict=True,
    ):
        fitted = by_rule  # the caller undoes broadcasting of a stated rule
        if fitted.shape != x.shape:
            axes = tuple(range(fitted.ndim - x.ndim))
            fitted = fitted.sum(axis=axes)
            axes = tuple(a for a, n in enumerate(x.shape) if n == 1 and fitted.shape[a] != 1)
            fitted = fitted.sum(axis=axes, keepdims=True)
        np.testing.assert_allclose(fitted, by_definition, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("there, back", [("float32", "float64"), ("float64", "float32")])
def test_casts_give_the_gradient_its_dtype_back(there: str, back: str) -> None:
    x = placeholder((3,), back)
    (slope,) = gradients((cast(x, there) * 3.0).sum(), [x])
    assert slope.dtype == np.dtype(back)
    values = np.arange(3, dtype=back)
    np.testing.assert_array_equal(run([slope], [x], [values])[0], [3.0, 3.0, 3.0])


@pytest.mark.parametrize(
    "function, at, expected",
    [
        (lambda x: x.relu(), [0.0], [0.0]),
        (lambda x: x.abs(), [0.0], [0.0]),
        (ops.relu6, [0.0, 6.0], [0.0, 0.0]),
        (ops.hard_sigmoid, [-3.0, 0.0, 3.0], [0.0, 1 / 6, 0.0]),
        (ops.leaky_relu, [0.0, -2.0], [0.2, 0.2]),
        (ops.elu, [0.0, 1000.0, -1000.0], [1.0, 1.0, 0.0]),
        (ops.softplus, [-1000.0, 0.0, 1000.0], [0.0, 0.5, 1.0]),
        (ops.softsign, [0.0], [1.0]),
        (ops.gelu, [-1000.0, 0.0, 1000.0], [0.0, 0.5, 1.0]),
        (ops.approximate_gelu, [-1000.0, 0.0, 1000.0], [0.0, 0.5, 1.0]),
        (ops.mish, [-1000.0, 0.0, 1000.0], [0.0, 0.6, 1.0]),
        (lambda x: x.clip(-1, 1), [-1.0, 1.0, 1.5], [1.0, 1.0, 0.0]),
        (lambda x: x.max(), [2.0, 2.0, 1.0], [0.5, 0.5, 0.0]),
        (lambda x: x.sigmoid(), [-1000.0, 0.0, 1000.0], [0.0, 0.25, 0.0]),
        (lambda x: x.tanh(), [-1000.0, 0.0, 1000.0], [0.0, 1.0, 0.0]),
        (lambda x: x.softmax().max(), [1e4, 0.0], [0.0, 0.0]),
        (lambda x: x**3, [0.0, -2.0], [0.0, 12.0]),
        (lambda x: x**0.0, [0.0, 2.0], [0.0, 0.0]),
        (lambda x: x ** (x.detach() * 0), [0.0, 2.0], [0.0, 0.0]),
        (lambda x: x ** (x.detach() + 1), [0.0, 2.0], [1.0, 12.0]),
        (lambda x: x.logsumexp(), [-np.inf, 0.0, 0.0], [0.0, 0.5, 0.5]),
        (lambda x: x.logsumexp(), [-np.inf, -np.inf], [0.0, 0.0]),
        (ops.norm, [0.0, 0.0], [0.0, 0.0]),
        (ops.norm, [3.0, -4.0], [0.6, -0.8]),
        (lambda x: x.min(), [2.0, 1.0, 1.0], [0.0, 0.5, 0.5]),
        (
            lambda x: ops.softmax_cross_entropy([0.0, 1.0, 0.0], x),
            [-np.inf, 0.0, 0.0],
            [0.0, -0.5, 0.5],
        ),
        (
            lambda x: ops.sparse_softmax_cross_entropy(np.array(1), x),
            [-np.inf, 0.0, 0.0],
            [0.0, -0.5, 0.5],
        ),
        (lambda x: 2.0**x, [0.0], [np.log(2.0)]),
    ],
)
def test_gradients_at_kinks_and_extremes(function: Any, at: list[float], expected: Any) -> None:
    x = placeholder((len(at),), "float64")
    (slope,) = gradients(function(x).sum(), [x])
    np.testing.assert_allclose(run([slope], [x], [np.array(at)])[0], expected, rtol=1e-12)


@pytest.mark.parametrize(
    "operation", [normalization.Standardize((0,), 1e-3), statistics.Variance((0,))], ids=str
)
def test_no_elements_have_an_empty_gradient(operation: Operation) -> None:
    x = placeholder((0, 3))
    result = operation(x)
    results = result if isinstance(result, tuple) else (result,)
    (slope,) = gradients(sum(y.sum() for y in results), [x])
    assert slope is not None
    assert run([slope], [x], [np.ones((0, 3), np.float32)])[0].shape == (0, 3)
