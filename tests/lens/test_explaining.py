"""What an explanation says: names, formulas, layers, and whose gradients are asked for."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import Tensor, Variable, layers, optimizers
from glassgrad.errors import (
    ArgumentError,
    DtypeError,
    GradientError,
    NotBuiltError,
    ShapeError,
    UnknownNameError,
)
from glassgrad.graph import Primitive
from glassgrad.layers import Dense, Input
from glassgrad.lens.explanation import Explanation
from glassgrad.models import Model, Sequential

X = np.random.default_rng(0).normal(size=(5, 3))
LABELS = np.array([0, 1, 1, 0, 1])


def formulas(explanation: Explanation) -> dict[str, str]:
    return {
        line.name.plain: line.formula.plain
        for line in explanation.lines
        if line.formula is not None
    }


def compiled(*parts: Any, loss: str = "mse", inputs: tuple[int, ...] = (3,)) -> Model:
    model = Sequential([Input(inputs), *parts])
    model.compile(optimizers.SGD(0.1), loss)
    return model


@pytest.fixture
def classifier() -> Model:
    return compiled(
        Dense(4, "relu", name="hidden"),
        Dense(2, "softmax", name="out"),
        loss="sparse_categorical_crossentropy",
    )


# ---- a loss of scalars


@pytest.fixture
def loss() -> Tensor:
    """One input, one sigmoid unit, one linear output, squared error, in float64."""
    values = {"x": 0.5, "target": 1.0, "w1": 0.8, "w2": -0.4}
    v = {
        name: Variable(value, name=name, trainable=name.startswith("w"), dtype="float64")
        for name, value in values.items()
    }
    return ((v["x"] * v["w1"]).sigmoid() * v["w2"] - v["target"]).square()


def test_formulas_of_scalars_are_the_chain_rules(loss: Tensor) -> None:
    assert formulas(glassgrad.explain(loss)) == {
        "t1": "x * w1",
        "t2": "1 / (1 + exp(-t1))",
        "t3": "t2 * w2 - target",
        "L": "t3 ** 2",
        "dL/dt3": "2 * dL/dL * t3",
        "dL/dw2": "dL/dt3 * t2",
        "dL/dt2": "dL/dt3 * w2",
        "dL/dt1": "dL/dt2 * t2 * (1 - t2)",
        "dL/dw1": "dL/dt1 * x",
    }


def test_numbers_agree_with_a_computation_by_hand(loss: Tensor) -> None:
    h = 1 / (1 + math.exp(-0.5 * 0.8))
    error = -0.4 * h - 1
    found = glassgrad.explain(loss).gradients
    assert found["w2"] == pytest.approx(2 * error * h, abs=1e-12)
    assert found["w1"] == pytest.approx(2 * error * -0.4 * h * (1 - h) * 0.5, abs=1e-12)


def test_only_what_leads_to_a_variable_is_explained(loss: Tensor) -> None:
    assert not {"dL/dx", "dL/dtarget"} & set(formulas(glassgrad.explain(loss)))


def test_a_loss_that_is_a_variable_has_no_steps() -> None:
    explanation = glassgrad.explain(Variable(2.0, name="w").tensor)
    assert (len(explanation), explanation.loss.value) == (0, 2.0)
    assert explanation.loss.name.plain == "w"


def test_what_is_used_twice_has_shares_and_their_sum() -> None:
    w = Variable(3.0, name="w")
    explanation = glassgrad.explain(w.exp() * w)
    found = formulas(explanation)
    assert found["dL/dw"] == "dL/dw(1) + dL/dw(2)"
    assert {found["dL/dw(1)"], found["dL/dw(2)"]} == {"dL/dL * t1", "dL/dt1 * t1"}
    labels = [line.label for line in explanation.lines if "dL/dw" in line.name.plain]
    assert labels == ["share", "share", "sum"]
    assert explanation.gradients["w"] == pytest.approx(math.exp(3) * 4)


def test_two_names_of_one_gradient_are_kept_apart() -> None:
    """A sum hands its gradient on as it is: what follows speaks of its own operand's."""
    a, b = Variable(1.0, name="a"), Variable(2.0, name="b")
    explanation = glassgrad.explain((a.exp() + b.tanh()).square())
    assert formulas(explanation) == {
        "t1": "exp(a)",
        "t2": "tanh(b)",
        "t3": "t1 + t2",
        "L": "t3 ** 2",
        "dL/dt3": "2 * dL/dL * t3",
        "dL/dt1": "dL/dt3",
        "dL/dt2": "dL/dt3",
        "dL/da": "dL/dt1 * t1",
        "dL/db": "dL/dt2 * (1 - t2 ** 2)",
    }
    incoming = [line.name.plain for layer in explanation.layers for step in layer.steps
                for line in step.lines if line.label == "incoming"]  # fmt: skip
    assert sorted(incoming) == ["dL/dL", "dL/dt1", "dL/dt2", "dL/dt3"]


# ---- layers


def test_dense_layers_are_two_lines_forward_and_three_back(classifier: Model) -> None:
    found = formulas(glassgrad.explain(classifier, X, LABELS))
    assert found["hidden.z"] == "x @ hidden.kernel + hidden.bias"
    assert found["hidden"] == "maximum(hidden.z, 0)"
    assert found["dL/dhidden.z"] == "where(hidden > 0, dL/dhidden, 0)"
    assert found["dL/dout.bias"] == "sum(dL/dout.z, axis=0)"
    assert found["dL/dout.kernel"] == "hidden.mT @ dL/dout.z"
    assert found["dL/dhidden"] == "dL/dout.z @ out.kernel.mT"
    assert "dL/dx" not in found


def test_layers_come_back_from_the_loss(classifier: Model) -> None:
    explanation = glassgrad.explain(classifier, X, LABELS)
    loss, out, hidden = explanation.layers
    assert [(one.name, one.kind) for one in (loss, out, hidden)] == [
        ("loss", ""),
        ("out", "Dense"),
        ("hidden", "Dense"),
    ]
    names = {
        part: [line.name.plain for line in getattr(out, part)]
        for part in ("given", "forward", "incoming", "outgoing", "parameters")
    }
    assert names == {
        "given": ["hidden", "out.kernel", "out.bias"],
        "forward": ["out.z"],
        "incoming": ["dL/dout.z"],
        "outgoing": ["dL/dhidden"],
        "parameters": ["dL/dout.bias", "dL/dout.kernel"],
    }
    assert out.factor == pytest.approx(out.outgoing[0].norm / out.incoming[0].norm)
    assert hidden.factor is None  # nothing goes further than to its parameters


def test_what_enters_is_given_in_the_order_of_the_network(classifier: Model) -> None:
    explanation = glassgrad.explain(classifier, X, LABELS)
    names = [line.name.plain for line in explanation.given]
    assert names == ["x", "hidden.kernel", "hidden.bias", "out.kernel", "out.bias", "y"]
    np.testing.assert_array_equal(explanation.given[0].value, X.astype("float32"))


def test_softmax_and_its_loss_as_one_step_or_as_two(classifier: Model) -> None:
    one = formulas(glassgrad.explain(classifier, X, LABELS))
    two = formulas(glassgrad.explain(classifier, X, LABELS, fused=False))
    assert one["dL/dout.z"].endswith("* (loss.p1 - eye(2, dtype='float64')[y])")
    assert "out" not in one
    assert two["out"] == one["loss.p1"]
    rule = "out * (dL/dout - sum(dL/dout * out, axis=1, keepdims=True))"
    assert two["dL/dout.z"] == rule


def test_time_steps_are_layers_of_their_own() -> None:
    model = compiled(layers.SimpleRNN(2, name="elman"), Dense(1), inputs=(4, 3))
    explanation = glassgrad.explain(model, np.ones((2, 4, 3)), np.ones((2, 1)))
    times = [layer.time for layer in explanation.layers]
    assert times == [None, None, 3, 2, 1, 0]
    assert {layer.kind for layer in explanation.layers[2:]} == {"SimpleRNN"}
    found = formulas(explanation)
    cell = next(name for name in found if name.endswith("[2].z")).partition("[")[0]
    assert found[f"{cell}[2].h"] == f"tanh({cell}[2].z)"
    assert f"{cell}[1].h @ {cell}.recurrent_kernel" in found[f"{cell}[2].z"]
    shares = [f"dL/d{cell}.kernel({n})" for n in range(1, 5)]
    assert found[f"dL/d{cell}.kernel"] == " + ".join(shares)
    assert any("4 steps, 0 to 3" in note for note in explanation.notes)


def test_names_are_as_short_as_they_can_be() -> None:
    first = Sequential([Input((3,)), Dense(3, name="same")], name="first")
    second = Sequential([Input((3,)), Dense(3, name="same")], name="second")
    model = compiled(first, second)
    names = {line.name.plain for line in glassgrad.explain(model, X, X).given}
    kernels = {f"{part}.same.{kind}" for part in ("first", "second") for kind in ("kernel", "bias")}
    assert names == {"x", "y", *kernels}


def test_a_layer_called_like_a_function_is_no_function() -> None:
    model = compiled(Dense(3, "softmax", name="sum"), Dense(1, name="x"))
    explanation = glassgrad.explain(model, X, np.ones((5, 1)))
    names = [line.name.plain for line in explanation.lines]
    assert len(names) == len(set(names))
    space: dict[str, Any] = {}
    exec(explanation.program(), space)
    _, found = space["backpropagate"](*(line.value for line in explanation.given))
    for name, gradient in found.items():
        np.testing.assert_allclose(gradient, explanation.gradients[name], rtol=1e-9, atol=1e-12)


def test_names_are_those_of_one_explanation_only_once() -> None:
    shared = Dense(3, "tanh", name="shared")
    x = Input((3,))
    model = Model(x, shared(shared(x)))
    model.compile("sgd", "mse")
    explanation = glassgrad.explain(model, X, X)
    lines = [*explanation.given, *explanation.forward]
    lines += [line for layer in explanation.layers for line in layer.rules]
    names = [line.name.plain for line in lines]
    assert len(names) == len(set(names))


def test_long_formulas_are_cut_and_what_repeats_is_named() -> None:
    model = compiled(layers.BatchNormalization(name="norm"), Dense(1), Dense(2))
    explanation = glassgrad.explain(model, X, np.ones((5, 2)), variables=["x"])
    where = [line for layer in explanation.layers for line in layer.rules if line.label == "where"]
    assert where
    assert max(len(text) for text in formulas(explanation).values()) <= 140


def test_what_is_drawn_is_what_training_would_draw() -> None:
    """The mask of dropout is that of float32, though all numbers are float64."""
    model = compiled(layers.Dropout(0.5, seed=1, name="drop"), Dense(1))
    explanation = glassgrad.explain(model, X, np.ones((5, 1)))
    (kept,) = (line.value for line in explanation.forward if line.name.plain == "drop")
    twice = np.asarray(X, "float32").astype("float64") * 2
    assert np.all((kept == 0) | np.isclose(kept, twice))
    assert any("drawn at random" in note for note in explanation.notes)
    still = glassgrad.explain(model, X, np.ones((5, 1)), training=False)
    assert "drop" not in {line.name.plain for line in still.forward}


def test_the_loss_is_that_of_the_model(classifier: Model) -> None:
    weights = np.array([1.0, 2.0, 0.0, 1.0, 0.5])
    explanation = glassgrad.explain(classifier, X, LABELS, sample_weight=weights)
    expected = classifier.evaluate(X, LABELS, sample_weight=weights, verbose=0)
    assert float(explanation.loss.value) == pytest.approx(expected, rel=1e-5)
    before = classifier.get_weights()
    for one, other in zip(before, classifier.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_moving_averages_stay() -> None:
    model = compiled(layers.BatchNormalization(), Dense(1))
    before = [weight.numpy() for weight in model.non_trainable_variables]
    explanation = glassgrad.explain(model, X, np.ones((5, 1)))
    for weight, value in zip(model.non_trainable_variables, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)
    assert any("Moving averages" in note for note in explanation.notes)


class Cubed(Primitive):
    """An operation of one's own, without a notation."""

    def shape(self, x):
        return x

    def forward(self, xp, x):
        return x * x * x

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g * 3 * x * x,)


def test_an_operation_of_ones_own_is_called_by_its_name() -> None:
    w = Variable(2.0, name="w")
    explanation = glassgrad.explain(Cubed()(w.tensor))
    assert formulas(explanation) == {"L": "Cubed(w)", "dL/dw": "dL/dL * 3 * w * w"}
    assert explanation.gradients["w"] == 12
    assert any("for want of a notation: Cubed" in note for note in explanation.notes)


# ---- what is differentiated by


def test_variables_can_be_chosen() -> None:
    a, b = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 4.0], requires_grad=True)
    explanation = glassgrad.explain((a * b).sum(), variables=[b])
    of = next(line.name.plain for line in explanation.given if line.value[0] == 3)
    assert f"dL/d{of}" in formulas(explanation)
    np.testing.assert_array_equal(explanation.gradients[of], [1.0, 2.0])
    assert len([line for line in explanation.lines if line.of]) == 2


def test_a_number_can_be_differentiated_by() -> None:
    x = Tensor(3.0)
    explanation = glassgrad.explain((x * x).exp(), variables=[x])
    (of,) = (line.name.plain for line in explanation.given)
    assert explanation.gradients[of] == pytest.approx(6 * math.exp(9))


@pytest.mark.parametrize("name", ["hidden/kernel", "hidden.kernel", "kernel/hidden"])
def test_parameters_by_name(classifier: Model, name: str) -> None:
    if name == "kernel/hidden":
        with pytest.raises(UnknownNameError, match="hidden/kernel"):
            glassgrad.explain(classifier, X, LABELS, variables=[name])
        return
    explanation = glassgrad.explain(classifier, X, LABELS, variables=[name])
    assert {"dL/dhidden.kernel"} == {one for one in formulas(explanation) if "dL/dhidden.k" in one}
    assert "dL/dhidden.bias" not in formulas(explanation)


def test_inputs_and_outputs_of_layers_by_name(classifier: Model) -> None:
    explanation = glassgrad.explain(classifier, X, LABELS, variables=["x", "hidden"])
    assert explanation.gradients["x"].shape == X.shape
    assert explanation.gradients["hidden"].shape == (5, 4)


def test_a_variable_by_itself(classifier: Model) -> None:
    kernel = classifier.trainable_variables[0]
    explanation = glassgrad.explain(classifier, X, LABELS, variables=[kernel])
    assert "dL/dhidden.kernel" in formulas(explanation)


@pytest.mark.parametrize(
    "variables,error,message",
    [
        ([Variable(1.0, name="other")], ArgumentError, "does not read"),
        (["elsewhere"], UnknownNameError, "hidden/kernel"),
        ([3], ArgumentError, "a variable, a tensor or a name"),
        (["y"], DtypeError, "Only floats"),
        ([], GradientError, "nothing to differentiate by"),
        ("hidden", ArgumentError, "list"),
        ([Tensor(1.0)], ArgumentError, "meant by a name"),
    ],
)
def test_other_variables_are_refused(
    classifier: Model, variables: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        glassgrad.explain(classifier, X, LABELS, variables=variables)


def test_what_the_loss_does_not_reach_is_said(classifier: Model) -> None:
    frozen = compiled(Dense(1, name="out"))
    explanation = glassgrad.explain(frozen, X, np.ones((5, 1)), variables=["out/bias"])
    assert set(explanation.gradients) >= {"out.bias"}
    stopped = Tensor(1.0, requires_grad=True)
    unused = glassgrad.explain(Variable(2.0, name="w") * stopped.detach(), variables=[stopped])
    assert any("does not depend on" in note for note in unused.notes)


# ---- what cannot be explained


def test_nothing_to_differentiate_by_is_an_error() -> None:
    with pytest.raises(GradientError, match="requires_grad=True"):
        glassgrad.explain(Tensor(1.0) * 2)


def test_only_a_scalar_can_be_explained() -> None:
    with pytest.raises(ShapeError, match=r"\(2,\)"):
        glassgrad.explain(Tensor([1.0, 2.0], requires_grad=True) * 2)


def test_a_model_must_be_compiled() -> None:
    with pytest.raises(NotBuiltError, match="compile"):
        glassgrad.explain(Sequential([Input((3,)), Dense(1)]), X, X)


def test_a_loss_holds_its_data() -> None:
    with pytest.raises(ArgumentError, match="holds its data"):
        glassgrad.explain(Tensor(1.0, requires_grad=True) * 2, X)


@pytest.mark.parametrize("target", ["model", Model, Sequential])
def test_anything_else_is_refused(target: Any) -> None:
    with pytest.raises(ArgumentError, match="a compiled model or a loss"):
        glassgrad.explain(target, X, X)


def test_a_layer_is_meant_though_a_target_has_its_name() -> None:
    x = Input((3,))
    model = Model(x, {"p": Dense(1, name="p")(x), "q": Dense(2, name="q")(x)})
    model.compile("sgd", {"p": "mse", "q": "mse"})
    targets = {"p": np.ones((5, 1)), "q": np.ones((5, 2))}
    found = glassgrad.explain(model, X, targets, variables=["p", "q"])
    assert {"p", "q"} <= set(found.gradients)


def test_a_sequence_that_is_read_step_by_step_is_said_so() -> None:
    parts = layers.LSTM(2, return_sequences=True, name="first"), layers.LSTM(2), Dense(1)
    model = compiled(*parts, inputs=(4, 3))
    data = np.ones((2, 4, 3)), np.ones((2, 1))
    found = glassgrad.explain(model, *data, variables=["first"])
    assert "first is read step by step, never whole: its steps have the gradients." in found.notes


def test_an_output_that_the_fused_loss_passes_over_is_said_so(classifier: Model) -> None:
    found = glassgrad.explain(classifier, X, LABELS, variables=["out", "hidden"])
    assert "out and the loss are one step, so out has no gradient: see fused=False." in found.notes
    assert not any("does not depend on" in note for note in found.notes)
    apart = glassgrad.explain(classifier, X, LABELS, variables=["out"], fused=False)
    assert "out" in apart.gradients


def test_what_one_time_step_hands_on_is_what_the_step_before_takes_in() -> None:
    model = compiled(layers.LSTM(3, name="memory"), Dense(1), inputs=(5, 2))
    rng = np.random.default_rng(0)
    found = glassgrad.explain(model, rng.normal(size=(2, 5, 2)), rng.normal(size=(2, 1)))
    steps = [layer for layer in found.layers if layer.time is not None]
    assert [layer.time for layer in steps] == [4, 3, 2, 1, 0]
    for later, earlier in pairwise(steps):
        assert {line.name.plain for line in later.outgoing} == {
            line.name.plain for line in earlier.incoming
        }


def test_a_train_step_of_ones_own_is_told_of() -> None:
    class Own(Sequential):
        def train_step(self, data: Any) -> Any:
            return super().train_step(data)

    model = Own([Input((3,)), Dense(1)])
    model.compile("sgd", "mse")
    notes = glassgrad.explain(model, X, X[:, :1]).notes
    assert "The model's own train_step is not looked at: the loss is that of compute_loss." in notes
