"""Unit variance by the data: every kernel's outputs have variance 1 on the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import layers, models, ops
from glassgrad.errors import ArgumentError, DataError
from glassgrad.graph import Tensor, float_type
from glassgrad.layers import Dense, Dropout, Flatten, Input
from glassgrad.models import Model, Sequential, lsuv

rng = np.random.default_rng(0)
X = rng.normal(3.0, 10.0, size=(200, 12))


def deep(activation: str = "relu", depth: int = 10) -> Sequential:
    hidden = [
        Dense(20, activation, bias_initializer="random_normal", name=f"hidden_{number}")
        for number in range(depth)
    ]
    return Sequential([Input((12,)), *hidden, Dense(3, "softmax", name="last")])


def sums_of(model: Sequential, x: Any) -> list[Any]:
    """What each dense layer gives before its bias and activation, by NumPy alone."""
    functions: dict[str, Any] = {
        "relu": lambda s: np.maximum(s, 0),
        "tanh": np.tanh,
        "softmax": lambda s: s,  # the last one
    }
    sums = []
    for layer in model.layers:
        assert isinstance(layer, Dense)
        kernel, bias = layer.get_weights()
        sums.append(x @ kernel)
        x = functions[layer.activation.__name__](sums[-1] + bias)
    return sums


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("orthonormal", [True, False])
@pytest.mark.parametrize("executor", ["reference", "cpu"])
def test_every_layer_begins_with_unit_variance(
    activation: str, orthonormal: bool, executor: str
) -> None:
    model = deep(activation)
    biases = model.get_weights()[1::2]
    done = lsuv(model, X, 0.001, orthonormal=orthonormal, seed=1, executor=executor)
    variances = [one.var() for one in sums_of(model, X)]
    np.testing.assert_allclose(variances, 1.0, atol=0.001)
    np.testing.assert_allclose([one.after for one in done], variances, rtol=1e-4)
    assert [one.name for one in done] == [f"{layer.name}/kernel" for layer in model.layers]
    for one, other in zip(biases, model.get_weights()[1::2], strict=True):
        np.testing.assert_array_equal(one, other)


def test_kernels_are_orthonormal_matrices_times_the_factor() -> None:
    with float_type("float64"):
        model = deep()
        done = lsuv(model, X, 0.001, seed=1)
    for layer, scaling in zip(model.layers, done, strict=True):
        kernel = layer.get_weights()[0] / scaling.factor
        products = kernel.T @ kernel if len(kernel) >= kernel.shape[1] else kernel @ kernel.T
        np.testing.assert_allclose(products, np.eye(len(products)), atol=1e-12)
    assert done[0].before == pytest.approx(done[0].after / done[0].factor ** 2)
    assert (done[0].attempts, done[0].factor < 0.5) == (1, True)


def test_without_a_new_start_the_kernels_keep_their_direction() -> None:
    model = deep()
    before = model.get_weights()
    done = lsuv(model, X, 0.001, orthonormal=False)
    for one, other, scaling in zip(before[::2], model.get_weights()[::2], done, strict=True):
        np.testing.assert_allclose(other, one * scaling.factor, rtol=1e-6)


def test_what_is_within_the_tolerance_stays() -> None:
    model = deep()
    lsuv(model, X, 0.001)
    before = model.get_weights()
    again = lsuv(model, X, 0.1, orthonormal=False)
    assert [(one.factor, one.attempts) for one in again] == [(1.0, 0)] * 11
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_seed_decides() -> None:
    def weights(seed: int) -> Any:
        model = deep(depth=1)
        model.set_weights([0 * weight for weight in model.get_weights()])
        lsuv(model, X, seed=seed)
        return model.get_weights()

    assert all(np.array_equal(a, b) for a, b in zip(weights(1), weights(1), strict=True))
    assert not np.array_equal(weights(1)[0], weights(2)[0])


class Residual(Model):
    """A model of one's own: a list of layers, one used twice, a skip connection, two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = [Sequential([Dense(8, "tanh"), Dropout(0.5)]), Dense(8)]
        self.shared = Dense(8, "relu", name="shared")
        self.last = Dense(2, name="last")

    def call(self, inputs: Any) -> Tensor:
        x, other = inputs
        for layer in self.inner:
            x = layer(x)
        x = x + self.shared(x) + self.shared(other)
        return self.last(x)


def test_models_of_ones_own() -> None:
    model = Residual()
    other = rng.normal(size=(200, 8)) * 5
    done = lsuv(model, [X, other], 0.001, seed=2)
    assert {one.name for one in done} == {weight.name for weight in model.weights[::2]}
    assert [one.name for one in done][-2:] == ["shared/kernel", "last/kernel"]
    first, second, shared, last = (model.inner[0].layers[0], model.inner[1], model.shared,
                                   model.last)  # fmt: skip
    hidden = np.tanh(X @ first.kernel.numpy()) @ second.kernel.numpy()
    ways = [one @ shared.kernel.numpy() for one in (hidden, other)]
    assert hidden.var() == pytest.approx(1.0, abs=0.001)
    assert np.mean([one.var() for one in ways]) == pytest.approx(1.0, abs=0.001)
    together = hidden + sum(np.maximum(one, 0) for one in ways)
    assert (together @ last.kernel.numpy()).var() == pytest.approx(1.0, abs=0.001)


def test_layers_that_see_more_axes() -> None:
    model = Sequential([Input((4, 3)), Dense(5), Flatten(), Dense(2)])
    x = X.reshape(-1, 4, 3)
    assert [one.after for one in lsuv(model, x)] == pytest.approx([1.0, 1.0], abs=0.1)
    assert (x @ model.get_weights()[0]).var() == pytest.approx(1.0, abs=0.01)


class Heads(layers.Layer):
    """Products of other kinds: a kernel of three axes, a gain, and a product of two weights."""

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((12, 2, 5), name="kernel")
        self.gain = self.add_weight((5,), "ones", name="gain")
        self.left = self.add_weight((5, 2), name="left")
        self.right = self.add_weight((2, 5), name="right")

    def call(self, inputs: Tensor) -> Tensor:
        heads = ops.einsum("bi,ihk->bhk", inputs, self.kernel)
        return ops.einsum("bhk,k->bhk", heads, self.gain) @ (self.left @ self.right)


def test_products_of_other_kinds() -> None:
    model = Sequential([Heads(name="heads")])
    (done,) = lsuv(model, X, 0.001)
    assert done.name == "heads/kernel"
    kernel, gain, *_ = model.get_weights()
    assert np.einsum("bi,ihk->bhk", X, kernel).var() == pytest.approx(1.0, abs=0.001)
    assert gain.tolist() == [1.0] * 5


def test_a_model_is_built_by_the_data() -> None:
    model = Sequential([Dense(4), Dense(2)])
    assert len(lsuv(model, X)) == 2
    assert model.built


def test_what_is_no_kernel_or_is_frozen_stays() -> None:
    embedding = layers.Embedding(5, 4, name="embedding")
    frozen = Dense(4, trainable=False, name="frozen")
    model = Sequential([embedding, Flatten(), frozen, layers.BatchNormalization(), Dense(2)])
    numbers = rng.integers(0, 5, size=(50, 3)).astype("int32")
    model(numbers)
    before = [weight.numpy() for weight in (*embedding.weights, *frozen.weights)]
    (done,) = lsuv(model, numbers)
    assert done.name == f"{model.layers[-1].name}/kernel"
    for one, weight in zip(before, (*embedding.weights, *frozen.weights), strict=True):
        np.testing.assert_array_equal(one, weight.numpy())


def test_training_goes_further_from_there() -> None:
    """A deep network learns little from small weights: its gradients vanish."""

    def loss(start: Callable[[Model], Any]) -> float:
        model = Sequential([Input((12,)), *[Dense(16, "tanh", kernel_initializer=small)
                                            for _ in range(8)], Dense(1)])  # fmt: skip
        start(model)
        model.compile("sgd", "mse", executor="reference")
        history = model.fit(X, np.sign(X[:, :1]), 50, 30, verbose=0, shuffle=False)
        return float(history.history["loss"][-1])

    small = "random_normal"
    assert loss(lambda model: lsuv(model, X, seed=1)) < 0.7 * loss(lambda model: None)


# ---- refusals


@pytest.mark.parametrize(
    "x, change, message",
    [
        (np.ones((10, 12)), None, "hidden_0/kernel' are the same for every example.*different"),
        (0 * X, None, "the same for every example"),
        (X * np.nan, None, "hidden_0/kernel' are not finite: their variance is nan"),
        (X[:1], None, "Pass a batch of different examples"),
        (X, -1e9, "hidden_1/kernel' are the same for every example.*a layer before it is silent"),
    ],
)
def test_outputs_without_variance_are_refused_and_nothing_changes(
    x: Any, change: float | None, message: str
) -> None:
    model = deep()
    if change is not None:
        dense: Any = model.layers[0]
        dense.bias.assign(np.full(20, change))
    before = model.get_weights()
    with pytest.raises(DataError, match=message):
        lsuv(model, x)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_kernels_of_zeros_are_named() -> None:
    model = Sequential([Dense(3, kernel_initializer="zeros", name="empty")])
    with pytest.raises(DataError, match=r"'empty/kernel'.*orthonormal=True"):
        lsuv(model, X, orthonormal=False)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: lsuv(deep(), X, 0.0), "tolerance must be above 0"),
        (lambda: lsuv(deep(), X, float("nan")), "tolerance must be above 0"),
        (lambda: lsuv(deep(), X, max_attempts=0), "max_attempts must be a positive integer"),
        (lambda: lsuv(deep(), X, seed=-1), "seed must be an integer from 0"),
        (lambda: lsuv(Sequential([Flatten()]), X), "no trainable weight is"),
        (lambda: lsuv(Sequential([Dense(2, trainable=False)]), X), "thaw one that is frozen"),
    ],
)
def test_bad_arguments_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()


def test_it_is_found_among_the_models() -> None:
    assert models.lsuv is lsuv


def test_kernels_over_space_are_scaled_as_well() -> None:
    images = rng.normal(3.0, 10.0, size=(20, 8, 8, 2)).astype("float32")
    hidden = [
        layers.Conv2D(4, 3, padding="same", activation="relu", name="plain"),
        layers.DepthwiseConv2D(3, name="each"),
        layers.SeparableConv2D(4, 2, name="mixed"),
        layers.Conv2DTranspose(3, 3, strides=2, name="back"),
    ]
    model = Sequential([Input((8, 8, 2)), *hidden])
    done = lsuv(model, images, 0.001, seed=1, executor="reference")
    names = ["plain/kernel", "each/kernel", "mixed/depthwise_kernel", "mixed/pointwise_kernel"]
    assert [one.name for one in done] == [*names, "back/kernel"]
    np.testing.assert_allclose([one.after for one in done], 1.0, atol=0.001)
    y = images
    for layer in hidden:
        y = layer(y).numpy()
        if layer.name != "plain":  # whose activation comes after
            assert y.var() == pytest.approx(1.0, abs=0.01)
