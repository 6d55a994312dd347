"""Every number that is added in an entry of a gradient is named, and they sum up to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import Tensor, Variable, layers, ops
from glassgrad.errors import ArgumentError, GradientError, UnknownNameError
from glassgrad.lens import Explanation, explain
from glassgrad.lens.derivation import derived
from glassgrad.lens.entry import followed_entry
from glassgrad.lens.subject import subject_of
from glassgrad.random_seed import seeded
from tests.models.test_model import LAYERS

SPARSE = "sparse_categorical_crossentropy"


def compiled(*stack: layers.Layer, loss: str = SPARSE) -> glassgrad.Sequential:
    with seeded(1):
        model = glassgrad.Sequential(list(stack))
        model.compile("sgd", loss)
        return model


def examples(*shape: int) -> tuple[Any, Any]:
    numbers = np.random.default_rng(0)
    return numbers.normal(size=shape).astype("float32"), numbers.integers(0, 2, shape[0])


def dense() -> tuple[Any, ...]:
    model = compiled(
        layers.Input((3,)),
        layers.Dense(4, "relu", name="hidden"),
        layers.Dense(2, "softmax", name="output"),
    )
    return model, *examples(5, 3)


def spatial() -> tuple[Any, ...]:
    model = compiled(
        layers.Input((5, 5, 2)),
        layers.Conv2D(3, 3, padding="same", name="conv"),
        layers.BatchNormalization(name="norm"),
        layers.MaxPooling2D(2, name="pool"),
        layers.Flatten(name="flat"),
        layers.Dense(2, "softmax", name="output"),
    )
    return model, *examples(2, 5, 5, 2)


def text() -> tuple[Any, ...]:
    model = compiled(
        layers.Input((3,), dtype="int32"),
        layers.Embedding(4, 3, name="words"),
        layers.LSTM(2, name="lstm"),
        layers.Dense(2, "softmax", name="output"),
    )
    return model, np.array([[0, 1, 1], [2, 1, 0]], "int32"), np.array([1, 0])


def shared() -> tuple[Any, ...]:
    again = layers.Dense(3, "tanh", name="again")
    x = layers.Input((3,))
    with seeded(1):
        model = glassgrad.Model(x, layers.Dense(1, name="output")(again(again(x))))
        model.compile("sgd", "mse")
    return model, *examples(2, 3)


def contraction() -> tuple[Any, ...]:
    model = compiled(
        layers.Input((4, 3)),
        layers.EinsumDense("abc,cd->abd", (None, 2), name="einsum"),
        layers.GlobalAveragePooling1D(),
        layers.Activation("softmax"),
    )
    return model, *examples(2, 4, 3)


ENTRIES: list[tuple[Callable[[], tuple[Any, ...]], tuple[Any, ...], str, str]] = [
    # the entry, which gradients it is made of, and which numbers of the forward pass
    (dense, ("hidden/kernel", 2, 1), r"dL/dhidden\.z\[\d, 1\]", r"x\[\d, 2\]"),
    (dense, ("hidden.kernel", 0, -1), r"dL/dhidden\.z\[\d, 3\]", r"x\[\d, 0\]"),
    (dense, ("hidden/bias", 1), r"dL/dhidden\.z\[\d, 1\]", ""),
    (dense, ("hidden", 0, 3), r"dL/doutput\.z\[0, \d\]", r"output\.kernel\[3, \d\]"),
    (dense, ("x", 1, 0), r"dL/dhidden\.z\[1, \d\]", r"hidden\.kernel\[0, \d\]"),
    (spatial, ("conv/kernel", 2, 0, 1, 2), r"dL/dconv\[\d, \d, \d, 2\]", r"x\[\d, \d, \d, 1\]"),
    (spatial, ("conv/bias", 1), r"dL/dconv\[\d, \d, \d, 1\]", ""),
    (spatial, ("norm/gamma", 1), r"dL/dnorm\[\d, \d, \d, 1\]", r"norm\.\w+\[\d, \d, \d, 1\]"),
    (spatial, ("norm/beta", 0), r"dL/dnorm\[\d, \d, \d, 0\]", ""),
    (spatial, ("norm", 1, 2, 2, 0), r"dL/d(pool|flat)\[1.*\]", ""),
    (text, ("words/embeddings", 1, 2), r"dL/dwords\[\d, \d, 2\]", ""),
    (text, ("lstm_cell/kernel", 1, 3), r"dL/dlstm_cell\[\d\]\.\w+\[.*3\]", r"words\[.*, 1\]"),
    (
        text,
        ("lstm_cell.recurrent_kernel", 0, 3),
        r"dL/dlstm_cell\[\d\]\.\w+\[.*3\]",
        r"lstm_cell\[\d\]\.h\[\d, 0\]",
    ),
    (shared, ("again/kernel", 2, 1), r"dL/dagain(_2)?\.z(_2)?\[\d, 1\]", r"(x|again)\[\d, 2\]"),
    (contraction, ("einsum/kernel", 1, 0), r"dL/deinsum.*, 0\]", r"x\[.*, 1\]"),
]


@pytest.mark.parametrize(
    "make, entry, gradients, operands", ENTRIES, ids=lambda one: getattr(one, "__name__", None)
)
def test_contributions_sum_up(
    make: Callable[[], tuple[Any, ...]], entry: tuple[Any, ...], gradients: str, operands: str
) -> None:
    explanation = explain(*make(), entry=entry)
    (followed,) = explanation.entries
    name, place = entry[0].replace("/", "."), entry[1:]
    values = values_of(explanation)
    assert followed.contributions
    assert followed.weight_value == values[name][place]
    assert followed.weight.startswith(f"{name}[")
    assert followed.name == f"dL/d{followed.weight}"
    if f"dL/d{name}" in values:
        assert followed.value == pytest.approx(values[f"dL/d{name}"][place], rel=1e-10)
    total = sum(one.product for one in followed.contributions)
    assert total == pytest.approx(followed.value, rel=1e-10)
    for one in followed.contributions:
        assert re.fullmatch(gradients, one.incoming), one.incoming
        assert re.fullmatch(operands, one.operand), one.operand
        assert one.gradient == number(values, one.incoming)
        assert one.product != 0
        if one.operand:
            assert one.derivative == number(values, one.operand)


def values_of(explanation: Explanation) -> dict[str, Any]:
    lines = [*explanation.given, *explanation.lines]
    return {line.name.plain: np.asarray(line.value) for line in lines}


def number(values: dict[str, Any], written: str) -> float:
    """The number that "x[0, 2]" means."""
    name, _, place = written.removesuffix("]").rpartition("[")
    return float(values[name][tuple(map(int, place.split(",")))])


def test_every_position_shares_the_weight_of_a_convolution() -> None:
    """By hand: the loss is the sum of all outputs, so a weight's gradient sums what it met."""
    image = np.arange(16.0).reshape(1, 4, 4, 1)
    kernel = Variable(np.ones((2, 2, 1, 1)), name="kernel", dtype="float64")
    outputs = ops.conv(Tensor(image, dtype="float64"), kernel)
    (followed,) = explain(outputs.sum(), entry=("kernel", 1, 0, 0, 0)).entries
    met = image[0, 1:4, 0:3, 0].reshape(-1)
    assert [one.derivative for one in followed.contributions] == [*met]
    assert {one.gradient for one in followed.contributions} == {1.0}
    assert followed.value == met.sum()


def test_zeros_are_counted_and_left_out() -> None:
    w = Variable([[1.0], [2.0]], name="w", dtype="float64")
    x = Tensor([[0.0, 1.0], [3.0, 0.0], [0.0, 5.0]], dtype="float64")
    (followed,) = explain((x @ w).sum(), entry=("w", 1, 0)).entries
    assert [one.derivative for one in followed.contributions] == [1.0, 5.0]
    assert followed.zeros == 1


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("parameter", ["hidden/kernel", "output/kernel"])
def test_numbers_that_are_not_finite_are_followed(number: float, parameter: str) -> None:
    model, x, y = dense()
    model.set_weights([np.full_like(weight, number) for weight in model.get_weights()])
    (found,) = explain(model, x, y, entry=(parameter, 0, 0)).entries
    assert found.weight == parameter.replace("/", ".") + "[0, 0]"


def test_a_layer_is_found_by_its_own_name() -> None:
    model = compiled(layers.Input((3,)), layers.Dense(2, "tanh", name="my layer"), layers.Dense(2))
    (found,) = explain(model, *examples(2, 3), entry=("my layer", 0, 1)).entries
    assert found.weight == "my_layer[0, 1]"


def test_several_entries_and_a_single_number() -> None:
    w, v = (Variable(value, name=name, dtype="float64") for value, name in ((3.0, "w"), (2.0, "v")))
    first, second = explain(w * w * v, entry=[("w",), ("v",)]).entries
    assert (first.name, first.value, first.weight) == ("dL/dw", 12.0, "w")
    assert (second.name, second.value) == ("dL/dv", 9.0)


@pytest.mark.parametrize(
    "entry, error, fragment",
    [
        (("hiden/kernel", 0, 0), UnknownNameError, "'hidden.kernel'"),
        (("hidden/kernel", 0), ArgumentError, r"of shape (3, 4), is named by 2 whole numbers"),
        (("hidden/kernel", 3, 0), ArgumentError, "from (0, 0) to (2, 3). Got (3, 0)"),
        (("hidden/kernel", -4, 0), ArgumentError, "Got (-4, 0)"),
        (("hidden/kernel", 0.0, 0), ArgumentError, "Got (0.0, 0)"),
        (("hidden/kernel", True, 0), ArgumentError, "Got (True, 0)"),
        (("L", 0), ArgumentError, "is a single number"),
        ((), ArgumentError, '("dense/kernel", 3, 7)'),
        ("hidden/kernel", ArgumentError, '("dense/kernel", 3, 7)'),
        ((3, 7), ArgumentError, "Got (3, 7)"),
        ([("hidden/kernel", 0, 0), 5], ArgumentError, "Got 5"),
        (("L",), GradientError, "nothing to follow"),
        (("output", 0, 0), GradientError, "one step"),
    ],
)
def test_bad_entries(entry: Any, error: type[Exception], fragment: str) -> None:
    with pytest.raises(error, match=re.escape(fragment)):
        explain(*dense(), entry=entry)


@pytest.mark.parametrize("name", LAYERS)
def test_contributions_sum_up_in_every_layer(name: str) -> None:
    """For one entry of each parameter of a network with the layer in its midst."""
    shape, make = LAYERS[name]
    model = compiled(
        layers.Input(shape), layers.Dense(shape[-1]), make(), layers.Dense(2), loss="mse"
    )
    numbers = np.random.default_rng(0)
    wanted = model.compute_output_shape((3, *shape))
    subject = subject_of(model, numbers.normal(size=(3, *shape)), numbers.normal(size=wanted))
    derivation = derived(subject, subject.parameters)
    for parameter, gradient in zip(derivation.targets, derivation.gradients, strict=True):
        if gradient is None:
            continue
        place = tuple(int(numbers.integers(length)) for length in parameter.shape)
        name = derivation.names[parameter.key].plain
        followed = followed_entry(derivation, (name, *place))
        assert followed.value == derivation.value(gradient)[place]
        total = sum(one.product for one in followed.contributions)
        assert total == pytest.approx(followed.value, rel=1e-9, abs=1e-14)
