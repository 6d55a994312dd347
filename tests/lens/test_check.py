"""check_gradients: what it takes, what it gives, what it refuses."""

from __future__ import annotations

import builtins
import json
from typing import Any

import numpy as np
import pytest
import torch

from glassgrad import Tensor, Variable, check_gradients, layers, losses, models, ops
from glassgrad.errors import (
    ArgumentError,
    DtypeError,
    ExecutionError,
    GradientError,
    NotBuiltError,
    ShapeError,
    UnknownNameError,
)
from glassgrad.graph import Primitive
from glassgrad.lens.checking.hints import hint_of, region_of
from glassgrad.lens.checking.slopes import STEPS, slope_along
from glassgrad.ops.elementwise import Tanh
from glassgrad.ops.linear import MatMul
from glassgrad.ops.scan import Scan
from tests.lens.mutants import spoilt, times


class Cube(Primitive):
    """An operation of somebody's own."""

    factor = 3

    def shape(self, x):
        return x

    def forward(self, xp, x):
        return x * x * x

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g * self.factor * x * x,)


class WrongCube(Cube):
    factor = 2


@pytest.fixture
def model() -> models.Sequential:
    made = models.Sequential(
        [layers.Input((4,)), layers.Dense(6, "tanh", name="hidden"), layers.Dropout(0.5),
         layers.BatchNormalization(name="norm"), layers.Dense(3, "softmax", name="out")]
    )  # fmt: skip
    made.compile("adam", "sparse_categorical_crossentropy", executor="reference")
    return made


X = np.random.default_rng(0).normal(size=(5, 4))
LABELS = np.array([0, 1, 2, 1, 0])


def names(result: Any) -> list[str]:
    return [one.name for one in result.parameters]


# ---- what is checked


@pytest.mark.parametrize("training", [False, True])
def test_a_model(model: models.Sequential, training: bool) -> None:
    before = [weight.numpy() for weight in model.weights]
    result = check_gradients(model, X, LABELS, training=training)
    assert result.passed
    assert names(result) == [
        "hidden/kernel", "hidden/bias", "norm/gamma", "norm/beta", "out/kernel", "out/bias",
    ]  # fmt: skip
    assert all(one.entries == np.prod(one.shape) for one in result.parameters)
    assert all(one.relative < 1e-7 for one in result.parameters)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)  # nothing has moved


def test_the_loss_is_that_of_the_model(model: models.Sequential) -> None:
    found = check_gradients(model, X, LABELS).loss
    assert found == pytest.approx(model.evaluate(X, LABELS, verbose=0), rel=1e-5)
    weights = np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    weighted = check_gradients(model, X, LABELS, sample_weight=weights)
    assert weighted.passed
    assert weighted.loss < found


def test_parameters_by_name_and_the_inputs_on_request(model: models.Sequential) -> None:
    chosen = check_gradients(model, X, LABELS, parameters=["hidden.kernel", "out/bias", "x"])
    assert names(chosen) == ["hidden/kernel", "out/bias", "x"]
    assert chosen.passed
    assert names(check_gradients(model, X, LABELS, parameters="out.kernel")) == ["out/kernel"]


def test_a_loss_of_tensors_and_variables() -> None:
    w = Variable([1.0, -2.0], name="w")
    x = Tensor([0.5, 3.0], requires_grad=True)
    result = check_gradients((w * w * x).sum())
    assert names(result) == ["w", "x"]
    assert result.passed


def test_an_operation_of_ones_own_in_one_line() -> None:
    assert check_gradients(Cube(), [1.0, 2.0]).passed
    assert check_gradients(Cube(), 2.0).passed
    wrong = check_gradients(WrongCube(), [1.0, 2.0])
    assert not wrong
    (found,) = wrong.failed
    assert found.worst is not None
    assert found.worst.ratio == pytest.approx(2 / 3)
    assert found.hint == "2/3 of the right value everywhere"


def test_a_layer_by_its_inputs_and_its_weights() -> None:
    result = check_gradients(layers.Dense(3, "sigmoid", name="mine"), X)
    assert names(result) == ["x", "mine/kernel", "mine/bias"]
    assert result.passed
    several = check_gradients(layers.Concatenate(), [X, 2 * X])
    assert names(several) == ["x0", "x1"]
    indices = check_gradients(layers.Embedding(5, 3, name="words"), [[1, 4], [1, 1]])
    assert names(indices) == ["words/embeddings"]
    assert check_gradients(models.Sequential([layers.Dense(2)]), X).passed  # not compiled


def test_penalties_of_a_layer_count() -> None:
    result = check_gradients(layers.Dense(2, kernel_regularizer="l2"), X)
    assert result.passed
    plain = check_gradients(layers.Dense(2), X)
    assert result.loss != plain.loss


def test_a_function_of_several_arguments_and_its_variables() -> None:
    w = Variable([[1.0], [2.0]], name="w")

    def line(inputs: Any, offset: Any, *, slope: float = 2.0) -> Any:
        return slope * inputs @ w + offset, inputs.sum()

    result = check_gradients(line, [[1.0, 2.0]], [0.5])
    assert names(result) == ["inputs", "offset", "w"]
    assert result.passed
    three = check_gradients(ops.where, [True, False], [1.0, 2.0], [3.0, 4.0])
    assert len(three.parameters) == 2


def test_a_loss_object() -> None:
    result = check_gradients(losses.Huber(), [[1.0, 5.0]], [[0.5, 0.25]], parameters="y_pred")
    assert names(result) == ["y_pred"]
    assert result.passed


def test_what_the_result_does_not_depend_on_is_said() -> None:
    result = check_gradients(lambda a, b: a * 2.0, [1.0], [3.0, 4.0])
    assert result.passed
    assert "b: the result does not depend on it." in str(result)
    assert check_gradients(layers.SinePositionEncoding(), np.ones((2, 3, 4))).passed


def test_a_mistake_inside_a_loop() -> None:
    from glassgrad.graph import TensorSpec, trace_graph

    wrong = spoilt(Tanh(), times(0.5))
    spec = TensorSpec((2,), np.dtype("float32"))

    def body(activation: Any) -> Any:
        return trace_graph(lambda h, e: (activation(h + e), h), [spec, spec])

    h, e = [0.1, 0.2], np.ones((3, 2)) * 0.3
    scans = [
        Scan(body(f), carries=1, sequences=1, length=3, reverse=False) for f in (ops.tanh, wrong)
    ]
    assert check_gradients(scans[0], h, e).passed
    assert not check_gradients(scans[1], h, e).passed


def test_empty_arrays_have_nothing_to_check() -> None:
    assert check_gradients(Cube(), np.zeros((0, 3))).passed


# ---- how


def test_the_second_order() -> None:
    class WrongSecond(Cube):
        """Right once, wrong twice: the gradient is another operation."""

        def chain_rule(self, gradients, outputs, inputs):
            (g,), (x,) = gradients, inputs
            return (g * WrongTriple()(x),)

    class WrongTriple(Primitive):
        def shape(self, x):
            return x

        def forward(self, xp, x):
            return 3 * x * x

        def chain_rule(self, gradients, outputs, inputs):
            (g,), (x,) = gradients, inputs
            return (g * 3 * x,)

    assert check_gradients(Cube(), [1.0, 2.0], order=2).passed
    assert check_gradients(Cube(), [1.0, 2.0], order=3).passed
    assert check_gradients(WrongSecond(), [1.0, 2.0]).passed
    result = check_gradients(WrongSecond(), [1.0, 2.0], order=2)
    assert not result.passed
    assert "derivatives of order 2" in str(result)


def test_a_model_to_the_second_order(model: models.Sequential) -> None:
    assert check_gradients(model, X, LABELS, order=2, training=True).passed


def test_the_same_seed_gives_the_same_result(model: models.Sequential) -> None:
    first, second, other = (
        check_gradients(model, X, LABELS, training=True, seed=seed, entries=4) for seed in (0, 0, 1)
    )
    assert first == second
    assert first != other


def test_large_arrays_are_measured_in_slices() -> None:
    rng = np.random.default_rng(0)
    result = check_gradients(
        MatMul(), rng.normal(size=(3, 50)), rng.normal(size=(50, 20)), entries=40, directions=8
    )
    by_name = {one.name: one for one in result.parameters}
    assert by_name["a"].directions == 3 + 8
    assert by_name["b"].directions == 8 + 8
    assert by_name["b"].entries == 5
    assert "16 slices, 5 entries" in str(result)


def test_the_tolerance() -> None:
    wrong = spoilt(Tanh(), times(1 + 1e-5))
    assert not check_gradients(wrong, [0.5]).passed
    assert check_gradients(wrong, [0.5], tolerance=1e-4).passed


# ---- beside PyTorch


def test_beside_pytorch() -> None:
    result = check_gradients(Cube(), [1.0, -2.0], torch=lambda x: x**3)
    assert result.passed
    assert [opinion.name for opinion in result.opinions] == ["the result", "dL/dx"]
    assert "and with PyTorch" in result.verdict
    pair = check_gradients(
        lambda a, n: (ops.take(a, n), a.max()), [[1.0], [2.0]], [1, 1],
        torch=lambda a, n: (a[n], a.max()),
    )  # fmt: skip
    assert [one.name for one in pair.opinions] == ["result 0", "result 1", "dL/da"]
    assert pair.passed


def test_pytorch_finds_a_wrong_forward() -> None:
    class Other(Cube):
        def forward(self, xp, x):
            return x * x * x + 1

    result = check_gradients(Other(), [1.0, 2.0], torch=lambda x: x**3)
    assert not result.passed
    assert all(one.verdict == "agrees" for one in result.parameters)
    assert "Not as in PyTorch: the result." in result.verdict
    assert "the result[0]: 2 here, 1 in PyTorch" in str(result)
    with pytest.raises(GradientError, match="in PyTorch"):
        result.raise_if_failed()


def test_pytorch_finds_a_wrong_gradient() -> None:
    result = check_gradients(WrongCube(), [1.0], torch=lambda x: x**3)
    assert "Not as in PyTorch: dL/dx." in result.verdict


def test_without_pytorch_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "torch":
            raise ImportError
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ExecutionError, match="PyTorch is not installed"):
        check_gradients(Cube(), [1.0], torch=lambda x: x)
    assert check_gradients(Cube(), [1.0]).passed


@pytest.mark.parametrize(
    "function, error, words",
    [
        (lambda x: 3.0, ArgumentError, "gives tensors of PyTorch"),
        (lambda x: x.sum(), ShapeError, "the same shapes"),
        (lambda x: x.nothing(), ExecutionError, "The function of PyTorch failed"),
    ],
)
def test_functions_of_pytorch_that_do_not_fit(function: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        check_gradients(Cube(), [1.0, 2.0], torch=function)


def test_a_constant_of_pytorch_has_zero_gradients() -> None:
    result = check_gradients(lambda x: x * 0.0, [1.0], torch=lambda x: torch.zeros(1))
    assert result.passed


# ---- what is said


def test_the_table_reads_well() -> None:
    text = str(check_gradients(WrongCube(), [1.0]))
    assert text.splitlines()[0] == "Gradients of WrongCube"
    assert "│ x  │ (1,)  │ 1 entry  │" in text
    assert "x[0]: the chain rule gives" in text
    assert text.endswith("Wrong: 1 gradient, by x. The chain rule to mend: WrongCube.")
    assert all(len(line) <= 100 for line in text.splitlines()[:6])


def test_a_right_gradient_says_so() -> None:
    text = str(check_gradients(Cube(), [1.0]))
    assert text.endswith("The gradient agrees with differences, to a relative error of 1e-06.")
    check_gradients(Cube(), [1.0]).raise_if_failed()


def test_a_failure_is_raised_with_the_worst_entry() -> None:
    with pytest.raises(GradientError, match=r"x\[1\]: the chain rule gives .* ratio 0.6667"):
        check_gradients(WrongCube(), [1.0, 2.0]).raise_if_failed()


@pytest.mark.parametrize("operation", [Cube(), WrongCube(), spoilt(Cube(), times(float("inf")))])
def test_everything_as_json(operation: Any) -> None:
    result = check_gradients(operation, [0.0, 2.0], torch=lambda x: x**3)
    document = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert document["passed"] is result.passed
    assert document["parameters"][0]["name"] == "x"
    assert [one["name"] for one in document["torch"]] == ["the result", "dL/dx"]


@pytest.mark.parametrize(
    "pairs, batch, hint",
    [
        ([(1.0, -1.0)], None, "the sign is turned"),
        ([(1.0, 2.0), (2.0, 4.0)], None, "2 times too small: a factor 2 is missing"),
        ([(4.0, 1.0)], 4, "4 times too large (there are 4 examples): a factor too many, or a mean "
         "forgotten"),
        ([(1.0, 100.0)], 100, "100 times too small (there are 100 examples): a factor 100 is "
         "missing, or a sum over them"),
        ([(-1.0, 3.0)], None, "the sign is turned, and 3 times too small: a factor 3 is missing"),
        ([(0.0, 1.0)], None, "nothing arrives here: the rule leaves out a path, or gives None"),
        ([(1.0, 0.0)], None, "the loss does not depend on these entries"),
        ([(np.nan, 0.0)], None, "the chain rule divides by zero, or overflows"),
        ([(0.123456, 1.0)], None, "0.123456 of the right value everywhere"),
        ([(1.0, 2.0), (2.0, 7.0)], None, ""),
    ],
)  # fmt: skip
def test_hints(pairs: Any, batch: int | None, hint: str) -> None:
    assert hint_of(pairs, batch, np.array([pair[0] for pair in pairs])) == hint


def test_the_region_of_a_mistake() -> None:
    assert region_of({(): True}, ()) == ""
    assert region_of({(0,): True, (1,): True}, (1,)) == ""
    assert region_of({(0,): True, (1,): False}, (0,)) == "[0]"


def test_slopes_are_exact_to_their_own_account() -> None:
    at, along = np.array([0.3]), np.array([1.0])
    for step in STEPS[:3]:
        found = slope_along(lambda x: float(np.sin(5 * x[0])), at, float(np.sin(1.5)), along, step)
        assert abs(found.value - 5 * np.cos(1.5)) <= found.rounding + found.unevenness


# ---- what is refused

UNCOMPILED = models.Sequential([layers.Input((2,)), layers.Dense(1)])


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: check_gradients(3), ArgumentError, "an operation, a layer or a function"),
        (lambda: check_gradients("model"), ArgumentError, "an operation, a layer or a function"),
        (lambda: check_gradients(Cube()), ArgumentError, r"check_gradients\(Cube, x\)"),
        (lambda: check_gradients(Cube(), [1, 2]), DtypeError, "decimal point"),
        (
            lambda: check_gradients(Cube(), [1.0], [2.0]),
            ArgumentError,
            "Cube failed on 2 arguments",
        ),
        (lambda: check_gradients(lambda x: x.numpy(), [1.0]), ArgumentError, "gave .*array"),
        (lambda: check_gradients(ops.divide, [1.0]), GradientError, "A chain rule fails"),
        (lambda: check_gradients(lambda x: 3.0, [1.0]), ArgumentError, "gives tensors"),
        (lambda: check_gradients(ops.isnan, [1.0]), DtypeError, "gave bool"),
        (lambda: check_gradients(UNCOMPILED, [[1.0, 2.0]], [1.0]), NotBuiltError, "compile"),
        (lambda: check_gradients(Tensor([1.0, 2.0])), ShapeError, "scalar"),
        (lambda: check_gradients(Tensor(1.0)), GradientError, "depends on nothing"),
        (lambda: check_gradients(Cube(), [1.0], parameters="y"), UnknownNameError, "Known are: x"),
        (lambda: check_gradients(Cube(), [1.0], tolerance=0), ArgumentError, "within"),
        (lambda: check_gradients(Cube(), [1.0], tolerance=float("nan")), ArgumentError, "within"),
        (lambda: check_gradients(Cube(), [1.0], entries=0), ArgumentError, "at least 1"),
        (lambda: check_gradients(Cube(), [1.0], directions=-1), ArgumentError, "at least 1"),
        (lambda: check_gradients(Cube(), [1.0], order=0), ArgumentError, "at least 1"),
        (lambda: check_gradients(Cube(), [1.0], seed=-1), ArgumentError, "seed"),
        (lambda: check_gradients(Cube(), [np.inf]), GradientError, "loss is finite"),
        (lambda: check_gradients(Cube(), [1.0], sample_weight=[1.0]), ArgumentError, "model"),
        (lambda: check_gradients(ops.heaviside, [1.0]), GradientError, "no useful gradient"),
    ],
)
def test_refusals(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_model_takes_no_function_of_pytorch(model: models.Sequential) -> None:
    with pytest.raises(ArgumentError, match="torch="):
        check_gradients(model, X, LABELS, torch=lambda x: x)
    with pytest.raises(ArgumentError, match="x and y"):
        check_gradients(model, X, LABELS, X)
    with pytest.raises(UnknownNameError, match="hidden/kernel"):
        check_gradients(model, X, LABELS, parameters="hiden/kernel")
    with pytest.raises(DtypeError, match="int"):
        check_gradients(model, X, LABELS, parameters="y")
