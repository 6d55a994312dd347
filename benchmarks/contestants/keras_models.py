"""The networks of the cases in Keras's words, which are ours as well."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from benchmarks.cases import Case
from benchmarks.networks import ADAM, NETWORKS
from benchmarks.networks.images import CnnSizes, ResNetSizes
from benchmarks.networks.sequences import GptSizes, RecurrentSizes

__all__ = ["model"]

Built = tuple[Any, list[Any]]
"""A model, and its layers in the order in which their weights come."""


def model(keras: ModuleType, case: Case, **settings: Any) -> Any:
    """The network of a case, compiled, with the common weights.

    Args:
        keras: the package: ``keras`` or ``glassgrad``.
        case: what is trained.
        settings: for ``compile``.
    """
    built, layers = MODELS[case.network](keras, case)
    variables = [variable for layer in layers for variable in layer.trainable_variables]
    for variable, value in zip(variables, NETWORKS[case.network].weights(case), strict=True):
        variable.assign(value.reshape(variable.shape))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    built.compile(keras.optimizers.Adam(**ADAM), loss, **settings)
    return built


def in_a_row(keras: ModuleType, shape: tuple[int, ...], layers: list[Any]) -> Built:
    """Layers of which each takes what the one before it gives."""
    return keras.Sequential([keras.Input(shape), *layers]), layers


def mlp(keras: ModuleType, case: Case) -> Built:
    """Layers in a row."""
    features, *hidden, classes = case.sizes
    dense = keras.layers.Dense
    layers = [dense(units, "relu") for units in hidden]
    return in_a_row(keras, (features,), [*layers, dense(classes)])


def cnn(keras: ModuleType, case: Case) -> Built:
    """Layers in a row."""
    sizes, layers = CnnSizes(*case.sizes), keras.layers
    return in_a_row(
        keras,
        (sizes.side, sizes.side, sizes.channels),
        [
            layers.Conv2D(sizes.first, 3, activation="relu"),
            layers.Conv2D(sizes.second, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(sizes.units, "relu"),
            layers.Dense(sizes.classes),
        ],
    )


def resnet(keras: ModuleType, case: Case) -> Built:
    """A convolution, the blocks, the mean over all places, a fully connected layer."""
    sizes, layers, used = ResNetSizes(*case.sizes), keras.layers, []

    def normalized(x: Any, filters: int, window: int = 3, stride: int = 1) -> Any:
        convolution = layers.Conv2D(filters, window, stride, "same", use_bias=False)
        statistics = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        used.extend([convolution, statistics])
        return statistics(convolution(x))

    def block(x: Any, filters: int, stride: int) -> Any:
        y = layers.ReLU()(normalized(x, filters, stride=stride))
        y = normalized(y, filters)
        if stride > 1:
            x = normalized(layers.AveragePooling2D(stride)(x), filters, window=1)
        return layers.ReLU()(layers.Add()([y, x]))

    images = keras.Input((sizes.side, sizes.side, sizes.channels))
    x = layers.ReLU()(normalized(images, sizes.first))
    for _, filters, stride in sizes.stages():
        x = block(x, filters, stride)
    output = layers.Dense(sizes.classes)
    logits = output(layers.GlobalAveragePooling2D()(x))
    return keras.Model(images, logits), [*used, output]


def lstm(keras: ModuleType, case: Case) -> Built:
    """A recurrent layer, and a fully connected one that reads its last state."""
    return reader(keras, keras.layers.LSTM, case)


def gru(keras: ModuleType, case: Case) -> Built:
    """A recurrent layer, and a fully connected one that reads its last state."""
    return reader(keras, keras.layers.GRU, case)


def reader(keras: ModuleType, layer: Callable[[int], Any], case: Case) -> Built:
    """A recurrent layer, and a fully connected one that reads its last state."""
    sizes = RecurrentSizes(*case.sizes)
    layers = [layer(sizes.units), keras.layers.Dense(sizes.classes)]
    return in_a_row(keras, (sizes.time, sizes.features), layers)


def gpt(keras: ModuleType, case: Case) -> Built:
    """Tokens, positions, blocks of attention and of a hidden layer, and the output."""
    sizes, layers, used = GptSizes(*case.sizes), keras.layers, []

    def used_once(layer: Any) -> Any:
        used.append(layer)
        return layer

    def normalized(x: Any) -> Any:
        return used_once(layers.LayerNormalization(epsilon=1e-5))(x)

    def block(x: Any) -> Any:
        y = normalized(x)
        attention = layers.MultiHeadAttention(sizes.heads, sizes.width // sizes.heads)
        x = layers.Add()([x, used_once(attention)(y, y, use_causal_mask=True)])
        y = normalized(x)
        y = used_once(layers.Dense(4 * sizes.width, "gelu"))(y)
        return layers.Add()([x, used_once(layers.Dense(sizes.width))(y)])

    tokens = keras.Input((sizes.tokens,), dtype="int32")
    x = used_once(layers.Embedding(sizes.vocabulary, sizes.width))(tokens)
    x = used_once(positions(keras, sizes))(x)
    for _ in range(sizes.layers):
        x = block(x)
    x = normalized(x)
    logits = used_once(layers.Dense(sizes.vocabulary, use_bias=False))(x)
    return keras.Model(tokens, logits), used


def positions(keras: ModuleType, sizes: GptSizes) -> Any:
    """A layer that adds a vector of its own to each place; Keras has none for it."""

    class Positions(keras.layers.Layer):  # type: ignore[name-defined, misc]
        """Its table is as long as the texts are."""

        def build(self, input_shape: Any) -> None:
            """The table, (tokens, width)."""
            self.table = self.add_weight((sizes.tokens, sizes.width))

        def call(self, inputs: Any) -> Any:
            """What comes in and what comes out are (batch, tokens, width)."""
            return inputs + self.table

    return Positions()


MODELS: dict[str, Callable[[ModuleType, Case], Built]] = {
    "mlp": mlp,
    "cnn": cnn,
    "resnet": resnet,
    "lstm": lstm,
    "gru": gru,
    "gpt": gpt,
}
