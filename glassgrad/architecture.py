"""The grammar of ``--layers``, the network that it describes, and what suits which data."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import takewhile

from glassgrad.datasets import Dataset
from glassgrad.errors import ArgumentError, GlassgradError, ShapeError
from glassgrad.layers import (
    GRU,
    LSTM,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    Layer,
    MaxPooling2D,
    Rescaling,
    Reshape,
)
from glassgrad.models import Sequential
from glassgrad.preprocessing import TableEncoder
from glassgrad.random_seed import seeded

__all__ = ["EXAMPLE", "is_table", "layers_for", "network_for", "pace_for", "parse_layers"]

EXAMPLE = "256 relu, dropout 0.3, 128 relu"
LAYERS = "256 relu, dropout 0.3, 128 relu, dropout 0.3"
LAYERS_OF_TABLES = "64 relu, 32 relu"
MANY_EXAMPLES = 10_000  # from here on an epoch has steps enough for larger batches
BATCH_SIZE, EPOCHS = 64, 40
BATCH_SIZE_OF_MANY, EPOCHS_OF_MANY = 128, 20
BATCH_SIZE_OF_TABLES, STEPS_OF_TABLES = 32, 5_000
FEWEST_EPOCHS_OF_TABLES, MOST_EPOCHS_OF_TABLES = 20, 400
_FORMS = (
    "UNITS", "UNITS ACTIVATION", "dropout RATE",
    "conv FILTERS", "conv FILTERS ACTIVATION", "pool SIZE", "lstm UNITS", "gru UNITS",
)  # fmt: skip

_IMAGES = (Conv2D, MaxPooling2D)
_RECURRENT: dict[str, type[LSTM] | type[GRU]] = {"lstm": LSTM, "gru": GRU}


def parse_layers(text: str) -> list[Layer]:
    """The layers that a text describes, separated by commas; an empty text describes none.

    ``UNITS [ACTIVATION]`` is a layer in which every unit sees every input, ``dropout RATE``
    silences units in training. Images are read by ``conv FILTERS [ACTIVATION]``, with kernels of
    3x3 pixels, and ``pool SIZE``, the largest of so many rows and columns; sequences by ``lstm
    UNITS`` and ``gru UNITS``.

    Raises:
        ArgumentError: the text does not follow the grammar, a number is out of its range, or there
            is no such activation.

    Example:
        >>> [type(layer).__name__ for layer in parse_layers("256 relu, dropout 0.2, 10")]
        ['Dense', 'Dropout', 'Dense']
        >>> [type(layer).__name__ for layer in parse_layers("conv 32 relu, pool 2, 64 relu")]
        ['Conv2D', 'MaxPooling2D', 'Dense']
        >>> parse_layers("256 relu, dropout")
        Traceback (most recent call last):
        glassgrad.errors.ArgumentError: Layer 2 of --layers must be UNITS, UNITS ACTIVATION, dropout
        RATE, conv FILTERS, conv FILTERS ACTIVATION, pool SIZE, lstm UNITS or gru UNITS. Got
        'dropout'. Example: --layers "256 relu, dropout 0.3, 128 relu".
    """
    if not text.strip():
        return []
    parts = [part.split() for part in text.split(",")]
    return [_layer(number, parts[number - 1 :]) for number in range(1, len(parts) + 1)]


def _layer(number: int, parts: list[list[str]]) -> Layer:
    """The layer of the first part; the others say who reads what it gives."""
    words, *later = parts
    try:
        match words:
            case [units] if _is_integer(units):
                return Dense(int(units))
            case [units, activation] if _is_integer(units):
                return Dense(int(units), activation=activation)
            case ["conv", filters, *activation] if _is_integer(filters) and len(activation) < 2:
                return Conv2D(
                    int(filters), 3, padding="same", activation=next(iter(activation), None)
                )
            case [kind, units] if kind in _RECURRENT and _is_integer(units):
                is_read_in_time = any(part[:1] and part[0] in _RECURRENT for part in later)
                return _RECURRENT[kind](int(units), return_sequences=is_read_in_time)
            case ["pool", size] if _is_integer(size):
                return MaxPooling2D(int(size))
            case [kind, value] if kind in _KINDS and _is_number(value):
                return _KINDS[kind](float(value))
    except GlassgradError as error:
        raise ArgumentError(f"Layer {number} of --layers, {' '.join(words)!r}: {error}") from error
    raise ArgumentError(
        f"Layer {number} of --layers must be {', '.join(_FORMS[:-1])} or {_FORMS[-1]}. "
        f'Got {repr(" ".join(words)) if words else "nothing"}. Example: --layers "{EXAMPLE}".'
    )


# A layer that is written as a word and a number.
_KINDS: dict[str, Callable[[float], Layer]] = {"dropout": Dropout}


def _is_integer(word: str) -> bool:
    return word.removeprefix("-").isdecimal()


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def network_for(dataset: Dataset, layers: str, seed: int) -> Sequential:
    """The network that takes the data as they are stored, and ends in one output for each class.

    Without classes it ends in as many numbers as a target has.

    Args:
        dataset: what it will learn.
        layers: what stands between input and output, see ``parse_layers``.
        seed: decides the first weights, and the masks of training.

    Raises:
        ArgumentError: as ``parse_layers``; or a layer cannot read data of this shape.

    Example:
        >>> from glassgrad.datasets import load
        >>> network = network_for(load("digits"), "32 relu", seed=0)
        >>> [type(layer).__name__ for layer in network.layers]
        ['Rescaling', 'Flatten', 'Dense', 'Dense']
    """
    with seeded(seed):
        hidden = parse_layers(layers)
        if dataset.classes is None:
            output = Dense(math.prod(dataset.y_train.shape[1:]), name="output")
        else:
            output = Dense(dataset.classes, activation="softmax", name="output")
        shape = dataset.x_train.shape[1:]
        # The rows of a table are vectors, and standardised already.
        first = [] if is_table(dataset) else [Rescaling(dataset.scale)]
        try:
            model = Sequential([Input(shape), *first, *_arranged(shape, hidden), output])
        except ShapeError as error:
            raise ArgumentError(
                f"--layers {layers!r} does not fit examples of shape {shape}: conv and pool read "
                f"images, lstm and gru sequences, (time, features). {error}"
            ) from error
    model.preprocessing = dataset.preprocessing
    return model


def _arranged(shape: Sequence[int], hidden: Sequence[Layer]) -> list[Layer]:
    """The layers, and between them those that give the data the axes which they read."""
    vectors = list(
        takewhile(lambda layer: not isinstance(layer, (*_IMAGES, LSTM, GRU)), reversed(hidden))
    )[::-1]
    reading = list(hidden[: len(hidden) - len(vectors)])
    if not reading:
        return [Flatten(), *vectors] if len(shape) > 1 else vectors
    if isinstance(reading[-1], (LSTM, GRU)):
        return [*reading, *vectors]
    gray = [Reshape((*shape, 1))] if len(shape) == 2 else []
    return [*gray, *reading, Flatten(), *vectors]


# ---- what suits the data where nothing was asked for


def is_table(dataset: Dataset) -> bool:
    """Whether the examples are rows of a table."""
    return isinstance(dataset.preprocessing, TableEncoder)


def layers_for(dataset: Dataset) -> str:
    """What stands between input and output, in the grammar of ``parse_layers``."""
    return LAYERS_OF_TABLES if is_table(dataset) else LAYERS


def pace_for(
    dataset: Dataset, batch_size: int | None = None, epochs: int | None = None
) -> tuple[int, int]:
    """Batch size and epochs: as asked for, or else as they suit the number of examples.

    Example:
        >>> from glassgrad.datasets import load
        >>> pace_for(load("digits")), pace_for(load("digits"), epochs=3)
        ((64, 40), (64, 3))
    """
    many = len(dataset.x_train) >= MANY_EXAMPLES
    of_few = BATCH_SIZE_OF_TABLES if is_table(dataset) else BATCH_SIZE
    size = batch_size or (BATCH_SIZE_OF_MANY if many else of_few)
    if is_table(dataset):
        suited = math.ceil(STEPS_OF_TABLES * size / len(dataset.x_train))
        suited = min(max(suited, FEWEST_EPOCHS_OF_TABLES), MOST_EPOCHS_OF_TABLES)
    else:
        suited = EPOCHS_OF_MANY if many else EPOCHS
    return size, epochs or suited
