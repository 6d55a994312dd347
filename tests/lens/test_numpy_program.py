"""The program that an explanation writes computes what the explanation says, by NumPy alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import erf, erfinv

import glassgrad
from glassgrad import Variable, explain, layers
from glassgrad.graph import Primitive
from glassgrad.layers import Dense, Input
from glassgrad.lens import numpy_functions
from glassgrad.lens.explanation import Explanation
from glassgrad.lens.numpy_program import Identifiers
from glassgrad.models import Model, Sequential
from glassgrad.random_seed import seeded
from tests.lens.test_proof import NETWORKS, data_for, normal
from tests.ops import oracles, spatial_oracles


def run(explanation: Explanation) -> tuple[float, dict[str, Any]]:
    """Run the program on what the explanation gives."""
    space: dict[str, Any] = {}
    exec(compile(explanation.program(), "program", "exec"), space)
    loss, gradients = space["backpropagate"](*(line.value for line in explanation.given))
    return float(loss), gradients


def assert_computes(explanation: Explanation) -> None:
    loss, gradients = run(explanation)
    assert loss == pytest.approx(float(explanation.loss.value), rel=1e-12)
    assert gradients
    for name, found in gradients.items():
        np.testing.assert_allclose(
            found, explanation.gradients[name], rtol=1e-9, atol=1e-12, err_msg=name
        )


@pytest.mark.parametrize("name", NETWORKS)
def test_the_program_of_a_network(name: str) -> None:
    make, shape = NETWORKS[name]
    with seeded(1):
        model = make()
    model.compile("adam", "sparse_categorical_crossentropy")
    data = data_for(model, shape), np.arange(shape[0]) % 3
    assert_computes(glassgrad.explain(model, *data))


def noisy() -> Model:
    return Sequential(
        [
            Input((6,)),
            layers.GaussianNoise(0.5, seed=1),
            Dense(4, "gelu"),
            layers.Dropout(0.5, seed=2),
            Dense(1),
        ]
    )


def test_what_numpy_has_not_is_written_out() -> None:
    with seeded(3):
        model = noisy()
    model.compile("sgd", "mse")
    explanation = glassgrad.explain(model, normal(3, 6), normal(3, 1))
    program = explanation.program()
    for name in ("uniform", "erf", "erfinv"):
        assert program.count(f"def {name}(") == 1
    assert "def windows(" not in program
    assert "Any" not in program
    loss, gradients = run(explanation)
    # Noise is drawn in float32 in a step of training, and refined here.
    assert loss == pytest.approx(float(explanation.loss.value), rel=1e-6)
    for name, found in gradients.items():
        np.testing.assert_allclose(found, explanation.gradients[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("title", ['a "name"', 'ends in "', "a \\ b", "two\nlines", '"""'])
def test_a_model_may_be_called_anything(title: str) -> None:
    model = Sequential([layers.Input((1,)), layers.Dense(1)], name=title)
    model.compile("sgd", "mse")
    exec(explain(model, [[1.0]], [[2.0]]).program(), {})


class Bare(Primitive):
    """Three times its input, without a notation."""

    def shape(self, x: Any) -> Any:
        return x

    def forward(self, xp: Any, x: Any) -> Any:
        return x * 3.0

    def chain_rule(self, gradients: Any, outputs: Any, inputs: Any) -> Any:
        return (gradients[0] * 3.0,)


def test_what_has_no_notation_is_named() -> None:
    w = Variable(2.0, name="w")
    program = explain(Bare()(w).exp()).program()
    assert "# Without a notation, so to be defined here: Bare\n" in program
    assert "to be defined" not in explain(w.exp()).program()


def test_it_can_be_read() -> None:
    model = Sequential([Input((2,)), Dense(1, name="out")])
    model.compile("sgd", "mse")
    program = glassgrad.explain(model, np.ones((3, 2)), np.ones((3, 1))).program()
    assert program.splitlines()[0].startswith('"""The loss of ')
    for line in (
        "def backpropagate(x, out_kernel, out_bias, y):",
        "    out = x @ out_kernel + out_bias",
        "    # ---- back through out, Dense",
        "    dL_dout_kernel = x.mT @ dL_dout",
        '        "out.kernel": dL_dout_kernel,',
    ):
        assert line in program.splitlines()


# ---- identifiers


def test_identifiers_are_python_and_differ() -> None:
    names = ["a.b", "a_b", "a/b", "lambda", "sum", "t1", "dL/da.b(1)", "h[3].z", "t[1]"]
    named = Identifiers(names)
    assert len(set(named.values())) == len(names)
    assert all(one.isidentifier() for one in named.values())
    assert not {"lambda", "sum"} & set(named.values())


@pytest.mark.parametrize(
    "formula,expected",
    [
        ("a + a.b", "a + a_b"),
        ("a.mT @ a.b.mT", "a.mT @ a_b.mT"),
        ("sum(a, axis=0)", "sum(a, axis=0)"),
        ("axis * sum(axis, axis=0)", "axis_ * sum(axis_, axis=0)"),
        ("einsum('a,ab->b', a, a)", "einsum('a,ab->b', a, a)"),
        ("dL/da(1) + dL/da(12)", "dL_da_1 + dL_da_12"),
        ("h[3].z * h[:, 3]", "h_3_z * h[:, 3]"),
        ("a == a.b", "a == a_b"),
        ("maximum(maximum, 0)", "maximum(maximum_, 0)"),
    ],
)
def test_names_in_formulas(formula: str, expected: str) -> None:
    names = ["a", "a.b", "axis", "dL/da(1)", "dL/da(12)", "dL/da", "h", "h[3].z", "maximum"]
    named = Identifiers(names)
    found = named.written(formula)
    assert found == expected.replace("axis_", named["axis"])


# ---- the functions beyond NumPy, against second opinions


def test_windows() -> None:
    x = normal(2, 5, 6, 3)
    for options in (
        {},
        {"strides": (2, 1), "padding": ((1, 0), (0, 2))},
        {"dilation": (2, 3), "padding": ((2, 1), (1, 1)), "fill": -np.inf},
    ):
        ours, theirs = (
            module.windows(x, (2, 2), **options) for module in (numpy_functions, spatial_oracles)
        )
        np.testing.assert_array_equal(ours, theirs)
        options.pop("fill", None)
        ours, theirs = (
            module.add_windows(np.where(np.isinf(ours), 0, theirs), (5, 6), **options)
            for module in (numpy_functions, spatial_oracles)
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_groups() -> None:
    kernel = normal(2, 2, 3, 4)
    dense = numpy_functions.block_diagonal(kernel, 2)
    np.testing.assert_array_equal(dense, spatial_oracles.block_diagonal(kernel, 2))
    np.testing.assert_array_equal(numpy_functions.diagonal_blocks(dense, 2), kernel)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_numbers(dtype: str) -> None:
    ours, theirs = (
        module.uniform(5, 3, stream=2, shape=(4, 3), dtype=dtype)
        for module in (numpy_functions, oracles)
    )
    np.testing.assert_array_equal(ours, theirs)


def test_error_functions() -> None:
    x = np.linspace(-0.999, 0.999, 31)
    np.testing.assert_allclose(numpy_functions.erf(3 * x), erf(3 * x), rtol=1e-12)
    np.testing.assert_allclose(numpy_functions.erfinv(x), erfinv(x), rtol=1e-9, atol=1e-15)
