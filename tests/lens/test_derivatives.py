"""Gradients on request: by parameters, outputs and inputs, of a batch and of each example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import layers
from glassgrad.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    GradientError,
    NotBuiltError,
    ShapeError,
    UnknownNameError,
)
from glassgrad.execute.cpu.program import CpuExecutor
from glassgrad.layers import Dense, Input
from glassgrad.lens.subject import subject_of
from glassgrad.models import Model, Sequential
from glassgrad.random_seed import seeded
from tests.lens.picturing import networks as small
from tests.lens.picturing.networks import NETWORKS, Example, made, numbers, trained

WEIGHTS = [1.0, 0.0, 2.0]


def exact(model: Model, x: Any, y: Any, weights: Any = None) -> dict[str, np.ndarray]:
    """The gradients of all parameters in float64, by the reference."""
    subject = subject_of(model, x, y, weights, training=False)
    found = glassgrad.gradients(subject.loss, subject.parameters)
    names = [subject.name_of(tensor) for tensor in subject.parameters]
    return dict(zip(names, subject.evaluate([g for g in found if g is not None]), strict=True))


def close(found: Any, expected: Any, relative: float = 1e-5) -> None:
    assert found.shape == expected.shape
    scale = max(np.abs(expected).max(), 1e-3)
    np.testing.assert_allclose(found, expected, rtol=relative, atol=relative * scale)


# ---- of a batch


@pytest.mark.parametrize("network", NETWORKS)
def test_all_parameters_by_default(network: Callable[[], Example]) -> None:
    model, x, y = made(network)
    found = model.gradients(x, y)
    expected = list(exact(model, x, y).values())
    assert len(found) == len(model.trainable_variables)
    for slope, other in zip(sorted(map(norm, found.values())), sorted(map(norm, expected)),
                            strict=True):  # fmt: skip
        assert slope == pytest.approx(other, rel=1e-4, abs=1e-5)
    for variable in model.trainable_variables:
        (slope,) = model.gradients(x, y, variable).values()
        assert slope.shape == variable.shape
        assert slope.dtype == variable.dtype


def norm(array: np.ndarray) -> float:
    return float(np.linalg.norm(array))


def test_by_hand() -> None:
    model, x, y = made(small.residual)
    kernel, bias, inner, _ = model.get_weights()
    hidden = x @ kernel + bias
    delta = 2 * (model.predict(x, verbose=0) - y) / y.size
    into = delta @ inner.T + delta
    found = model.gradients(
        x, y, of=["x", "first", "first.kernel", "first/bias", "inner/kernel", "inner"]
    )
    expected = {
        "x": into @ kernel.T, "first": into, "first.kernel": x.T @ into, "first/bias": into.sum(0),
        "inner/kernel": hidden.T @ delta, "inner": delta,
    }  # fmt: skip
    assert list(found) == list(expected)
    for name, value in expected.items():
        close(found[name], value)


def test_variables_and_layers_themselves() -> None:
    model, x, y = made(small.residual)
    first = model.get_layer("first")
    found = model.gradients(x, y, of=[first, first.kernel])
    named = model.gradients(x, y, of=["first", "first/kernel"])
    assert list(found) == ["first", "first/kernel"]
    for name, value in named.items():
        np.testing.assert_array_equal(found[name], value)
    assert list(model.gradients(x, y, of="first")) == ["first"]


def test_each_call_of_a_shared_layer() -> None:
    model, x, y = made(small.shared)
    found = model.gradients(x, y, of=["twice", "twice/kernel"])
    assert list(found) == ["twice", "twice (2)", "twice/kernel"]
    kernel, bias = model.get_weights()
    hidden = np.tanh(x @ kernel + bias)
    output = np.tanh(hidden @ kernel + bias)
    second = 2 * (output - y) / y.size
    first = (second * (1 - output**2)) @ kernel.T
    close(found["twice (2)"], second)
    close(found["twice"], first)
    close(
        found["twice/kernel"],
        x.T @ (first * (1 - hidden**2)) + hidden.T @ (second * (1 - output**2)),
    )


def test_a_layer_with_several_outputs() -> None:
    x = Input((3, 2))
    output, state = layers.SimpleRNN(2, return_state=True, name="rnn")(x)
    model = trained(Model(x, output + 2 * state), "mse")
    found = model.gradients(numbers(2, 3, 2), numbers(2, 2), of="rnn")
    assert list(found) == ["rnn", "rnn (2)"]


def test_inputs_by_their_names() -> None:
    model, x, y = made(small.branches)
    found = model.gradients(x, y, of=["x0", "words", "x1", "figures"])
    np.testing.assert_array_equal(found["x0"], found["words"])
    assert found["figures"].shape == x[1].shape
    as_dictionary = {"words": x[0], "figures": x[1]}
    other = model.gradients(as_dictionary, y, of=["x/words"])
    np.testing.assert_array_equal(other["x/words"], found["x0"])


def test_the_probabilities_have_a_gradient_as_well() -> None:
    """The stable loss goes around the softmax, and yet the loss depends on its result."""
    model, x, y = made(small.chain)
    (slope,) = model.gradients(x, y, of="out").values()
    p = model.predict(x, verbose=0)
    expected = np.zeros_like(p)
    rows = np.arange(len(y))
    expected[rows, y] = -1 / p[rows, y] / len(y)
    # Keras divides by the sum of the probabilities, which is 1 here and not elsewhere.
    close(slope, expected + 1 / len(y), 1e-4)


@pytest.mark.parametrize("loss", ["binary_crossentropy", "categorical_crossentropy"])
def test_and_those_of_other_losses(loss: str) -> None:
    end = "sigmoid" if loss.startswith("binary") else "softmax"
    model = trained(Sequential([Input((4,)), Dense(3, end, name="out")]), loss)
    x, y = numbers(2, 4), np.eye(3)[[0, 2]]
    found = model.gradients(x, y, of=["out", "out/bias"])
    p = model.predict(x, verbose=0)
    of_sigmoid = found["out"] * p * (1 - p)
    of_softmax = p * (found["out"] - (found["out"] * p).sum(-1, keepdims=True))
    through = of_sigmoid if end == "sigmoid" else of_softmax
    close(through.sum(0), found["out/bias"], 1e-4)


def test_weights_of_examples() -> None:
    model, x, y = made(small.residual)
    found = model.gradients(x, y, of="first/kernel", sample_weight=WEIGHTS)["first/kernel"]
    close(found, exact(model, x, y, WEIGHTS)["first/kernel"])


def test_training_draws_the_masks_of_the_next_step() -> None:
    model, x, y = made(small.convolutional)
    name = f"{model.layers[-1].name}/kernel"
    quiet = model.gradients(x, y, of=name)[name]
    first = model.gradients(x, y, of=name, training=True)[name]
    second = model.gradients(x, y, of=name, training=True)[name]
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(quiet, first)
    before = model.get_weights()[-2]
    model.train_on_batch(x, y)
    close(first, (before - model.get_weights()[-2]) / 0.01, 1e-3)  # plain descent


def test_looking_changes_nothing() -> None:
    model, x, y = made(small.convolutional)
    other, _, _ = made(small.convolutional)
    for training in (False, True):
        model.gradients(x, y, training=training)
        model.gradients(x, y, training=training, per_sample=True)
    for one in (model, other):
        one.fit(x, y, epochs=2, verbose=0)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_programs_are_kept_and_forgotten() -> None:
    model, x, y = made(small.chain)
    model.gradients(x, y)
    (kept,) = model.steps_of_lens.values()
    model.gradients(x, y)
    assert list(model.steps_of_lens.values()) == [kept]
    model.layers[0].trainable = False
    assert len(model.gradients(x, y)) == len(model.trainable_variables) == 8
    for number in range(30):
        model.gradients(x, y, of=[f"hidden_{number % 4}"] * (number + 1))
    assert len(model.steps_of_lens) == 16
    model.compile("sgd", "sparse_categorical_crossentropy", executor="reference")
    assert not model.steps_of_lens


def test_layers_that_are_added_are_seen() -> None:
    model = trained(Sequential([Input((2,)), Dense(2, name="a")]), "mse")
    x = numbers(3, 2)
    assert model.gradients(x, numbers(3, 2), of="a")["a"].shape == (3, 2)
    model.add(Dense(1, name="b"))
    assert model.gradients(x, numbers(3, 1), of="b")["b"].shape == (3, 1)


def test_a_model_that_is_dropped_takes_its_programs_along() -> None:
    import gc
    import weakref

    model, x, y = made(small.chain)
    model.gradients(x, y)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_compiled_kernels_agree() -> None:
    model, x, y = made(small.chain)
    expected = model.gradients(x, y, of=["x", "hidden_1", "hidden_0/kernel"])
    each = model.gradients(x, y, of=["x", "hidden_0/kernel"], per_sample=True)
    model.compile("sgd", "sparse_categorical_crossentropy", executor=CpuExecutor(threads=1))
    found = model.gradients(x, y, of=["x", "hidden_1", "hidden_0/kernel"])
    for name, slope in found.items():
        close(slope, expected[name])
    for name, slope in model.gradients(x, y, of=list(each), per_sample=True).items():
        close(slope, each[name])


def test_parameters_that_the_loss_does_not_depend_on() -> None:
    x = Input((2,))
    first, second = Dense(2, name="first")(x), Dense(2, name="second")
    model = trained(Model(x, [first, second(x)]), {"first": "mse"})
    y = {"first": numbers(3, 2)}
    assert list(model.gradients(numbers(3, 2), y)) == ["first/kernel", "first/bias"]
    with pytest.raises(GradientError, match="does not depend on 'second/kernel'"):
        model.gradients(numbers(3, 2), y, of="second/kernel")


# ---- of each example


@pytest.mark.parametrize("network", NETWORKS)
def test_each_example_is_as_if_it_were_alone(network: Callable[[], Example]) -> None:
    model, x, y = made(network)
    found = model.gradients(x, y, per_sample=True)
    examples = len(y) if not isinstance(y, list) else len(y[0])
    for number in range(examples):
        rows = slice(number, number + 1)
        alone = model.gradients(part(x, rows), part(y, rows))
        for name, slope in alone.items():
            close(found[name][number], slope, 1e-4)


def part(tree: Any, rows: slice) -> Any:
    return [one[rows] for one in tree] if isinstance(tree, list) else tree[rows]


def test_their_mean_is_the_gradient_of_the_batch() -> None:
    model, x, y = made(small.branches)  # with a penalty
    each, whole = model.gradients(x, y, per_sample=True), model.gradients(x, y)
    for name, slope in whole.items():
        close(each[name].mean(0), slope)


def test_inputs_and_outputs_have_one_axis_of_examples() -> None:
    model, x, y = made(small.chain)
    each = model.gradients(x, y, of=["x", "hidden_2", "hidden_2/kernel"], per_sample=True)
    shapes = {name: slope.shape for name, slope in each.items()}
    assert shapes == {"x": (4, 5), "hidden_2": (4, 6), "hidden_2/kernel": (4, 6, 6)}
    whole = model.gradients(x, y, of=["x", "hidden_2"])
    for name, slope in whole.items():
        close(each[name], slope * 4)  # the loss of a batch is a mean


def test_weights_of_single_examples() -> None:
    model, x, y = made(small.residual)
    each = model.gradients(x, y, sample_weight=WEIGHTS, per_sample=True)["inner/bias"]
    plain = model.gradients(x, y, per_sample=True)["inner/bias"]
    close(each, plain * np.array(WEIGHTS)[:, None])


def test_as_pytorch_has_them() -> None:
    torch = pytest.importorskip("torch")
    with seeded(5):
        model = trained(
            Sequential(
                [
                    Input((6, 6, 2)),
                    layers.Conv2D(3, 3, activation="tanh"),
                    layers.Flatten(),
                    Dense(4, "softmax"),
                ]
            ),
            "sparse_categorical_crossentropy",
        )
    x, y = numbers(5, 6, 6, 2), np.array([0, 3, 1, 1, 2])
    kernel, bias, dense, shift = (
        torch.tensor(one, dtype=torch.float64) for one in model.get_weights()
    )

    def loss(weights: Any, image: Any, label: Any) -> Any:
        kernel, bias, dense, shift = weights
        hidden = torch.nn.functional.conv2d(
            image.permute(2, 0, 1)[None], kernel.permute(3, 2, 0, 1), bias
        ).tanh()
        logits = hidden.permute(0, 2, 3, 1).reshape(1, -1) @ dense + shift
        return torch.nn.functional.cross_entropy(logits, label[None])

    each = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))
    expected = each((kernel, bias, dense, shift), torch.tensor(x), torch.tensor(y))
    found = model.gradients(x, y, per_sample=True)
    for slope, other in zip(found.values(), expected, strict=True):
        close(slope, other.numpy())


# ---- mistakes


def test_unknown_names_list_what_there_is() -> None:
    model, x, y = made(small.residual)
    with pytest.raises(UnknownNameError, match=r"'hidden'.*Known are: first, .*inner/kernel, x\."):
        model.gradients(x, y, of=["hidden"])


def test_names_of_several_things() -> None:
    model, x, y = made(small.attending)
    with pytest.raises(
        ArgumentError, match=r"'query/kernel' is that of 2 things.*more of the path"
    ):
        model.gradients(x, y, of=["query/kernel"])
    first, second = (layer for layer in model.layers if "block" in layer.name)
    paths = [f"{block.name}/self_attention/query/kernel" for block in (first, second)]
    found = model.gradients(x, y, of=[paths[0], paths[1].replace("/", ".")])
    assert not np.array_equal(*found.values())
    assert set(paths) <= model.gradients(x, y).keys()


@pytest.mark.parametrize("of", [3, [3], [None], 0.5, [], [["first"]], {"first": 1}.values()])
def test_of_is_a_name_a_variable_or_a_layer(of: Any) -> None:
    model, x, y = made(small.residual)
    with pytest.raises(ArgumentError, match=r"of names at least one|What to differentiate by"):
        model.gradients(x, y, of=of)


def test_a_layer_of_another_model() -> None:
    model, x, y = made(small.residual)
    with pytest.raises(ArgumentError, match=r"Layer 'stranger' is not called by this model"):
        model.gradients(x, y, of=Dense(2, name="stranger"))
    other = glassgrad.Variable(1.0, name="other")
    with pytest.raises(GradientError, match="does not depend on 'other'"):
        model.gradients(x, y, of=other)


def test_integers_have_no_gradient() -> None:
    model, x, y = made(small.attending)
    with pytest.raises(DtypeError, match=r"Only floats have a gradient.*'x' of dtype int32"):
        model.gradients(x, y, of="x")


def test_a_model_without_a_loss() -> None:
    with pytest.raises(NotBuiltError, match="compile"):
        Sequential([Input((2,)), Dense(1)]).gradients(numbers(2, 2), numbers(2, 1))


def test_data_that_do_not_fit() -> None:
    model, x, y = made(small.residual)
    with pytest.raises(ShapeError):
        model.gradients(x[:, :2], y)
    with pytest.raises(DataError):
        model.gradients(x, y[:2])
    with pytest.raises(DataError):
        model.gradients(None, y)
    with pytest.raises(DataError):
        model.gradients(np.full_like(x, np.nan), y)
