"""Small networks of every kind of shape, with data for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad import layers as kinds
from glassgrad import losses
from glassgrad.layers import Dense, Input
from glassgrad.models import Model, Sequential
from glassgrad.random_seed import seeded

Example = tuple[Model, Any, Any]


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape)


def labels(*shape: int, classes: int = 3) -> np.ndarray:
    return np.random.default_rng(4).integers(0, classes, shape)


def trained(model: Model, loss: Any) -> Model:
    model.compile("sgd", loss, executor="reference")
    return model


def chain() -> Example:
    hidden = [Dense(6, "sigmoid", name=f"hidden_{number}") for number in range(4)]
    model = Sequential([Input((5,)), *hidden, Dense(3, "softmax", name="out")], name="chain")
    return trained(model, "sparse_categorical_crossentropy"), numbers(4, 5), labels(4)


def residual() -> Example:
    x = Input((5,))
    first = Dense(4, name="first")(x)
    model = Model(x, Dense(4, name="inner")(first) + first, name="residual")
    return trained(model, "mse"), numbers(3, 5), numbers(3, 4)


def shared() -> Example:
    x = Input((4,))
    twice = Dense(4, "tanh", name="twice")
    model = Model(x, twice(twice(x)), name="shared")
    return trained(model, "mse"), numbers(3, 4), numbers(3, 4)


def branches() -> Example:
    words, figures = Input((3,), name="words"), Input((2,), name="figures")
    joined = kinds.Concatenate(name="joined")(
        [Dense(3, "relu", name="of_words")(words), Dense(2, name="of_figures")(figures)]
    )
    outputs = [
        Dense(1, name="price", kernel_regularizer="l2")(joined),
        Dense(3, "softmax", name="kind")(joined),
    ]
    model = trained(Model([words, figures], outputs, name="branches"), ["mse", "mse"])
    return model, [numbers(4, 3), numbers(4, 2)], [numbers(4, 1), numbers(4, 3)]


def handing_on() -> Example:
    """A layer that gives what it takes, beside a way around it."""
    x = Input((4,))
    first = Dense(4, name="first")(x)
    before = Dense(4, name="before")(first)
    same = kinds.Dropout(0.0, name="same")(first)
    model = Model(x, Dense(4, name="after")(same) + before, name="handing_on")
    return trained(model, "mse"), numbers(3, 4), numbers(3, 4)


def with_activation_layer() -> Example:
    model = Sequential(
        [
            Input((5,)),
            Dense(3, name="out"),
            kinds.Activation("softmax", name="chances"),
        ],
        name="activated",
    )
    return trained(model, "sparse_categorical_crossentropy"), numbers(4, 5), labels(4)


def convolutional() -> Example:
    model = Sequential(
        [
            Input((6, 6)),
            kinds.Rescaling(0.5),
            kinds.Reshape((6, 6, 1)),
            kinds.Conv2D(2, 3, activation="relu"),
            kinds.BatchNormalization(),
            kinds.MaxPooling2D(),
            kinds.Flatten(),
            kinds.Dropout(0.5),
            Dense(3, "softmax"),
        ],
        name="convolutional",
    )
    return trained(model, "sparse_categorical_crossentropy"), numbers(2, 6, 6), labels(2)


def recurrent() -> Example:
    model = Sequential(
        [
            Input((4, 3)),
            kinds.LSTM(2, return_sequences=True),
            kinds.Bidirectional(kinds.GRU(2)),
            Dense(1),
        ],
        name="recurrent",
    )
    return trained(model, "mse"), numbers(2, 4, 3), numbers(2, 1)


def attending() -> Example:
    model = Sequential(
        [
            Input((5,), dtype="int32"),
            kinds.TokenAndPositionEmbedding(7, 5, 4),
            kinds.TransformerBlock(2, causal=True),
            kinds.TransformerBlock(2, causal=True),
            Dense(7),
        ],
        name="attending",
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    return trained(model, loss), labels(2, 5, classes=7), labels(2, 5, classes=7)


def nested() -> Example:
    inner = Sequential([Input((4,)), Dense(3, name="a"), Dense(4, name="b")], name="inner")
    model = Sequential([Input((4,)), inner, Dense(2, name="out")], name="nested")
    return trained(model, "mse"), numbers(3, 4), numbers(3, 2)


class Own(Model):
    """A network that writes ``call`` itself, with operations beside its layers."""

    def __init__(self) -> None:
        super().__init__(name="own")
        self.inner = Dense(4, name="inner")

    def call(self, inputs: Any) -> Any:
        """A layer, a function, and a way around both."""
        return (self.inner(inputs) * 2.0).tanh() + inputs


def own() -> Example:
    model = Own()
    model.build((None, 4))
    return trained(model, "mse"), numbers(3, 4), numbers(3, 4)


NETWORKS: tuple[Callable[[], Example], ...] = (
    chain, residual, shared, branches, handing_on, with_activation_layer, convolutional, recurrent,
    attending, nested, own,
)  # fmt: skip


def made(network: Callable[[], Example]) -> Example:
    """The network with the same weights each time."""
    with seeded(1):
        return network()
