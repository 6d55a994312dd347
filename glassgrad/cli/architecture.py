"""The grammar of ``--layers``, and the network that it describes."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from glassgrad.datasets import Dataset
from glassgrad.errors import ArgumentError, GlassgradError
from glassgrad.layers import Dense, Dropout, Flatten, Input, Layer, Rescaling
from glassgrad.models import Sequential
from glassgrad.preprocessing import TableEncoder
from glassgrad.random_seed import seeded

__all__ = ["EXAMPLE", "network_for", "parse_layers"]

EXAMPLE = "256 relu, dropout 0.3, 128 relu"
_FORMS = ("UNITS", "UNITS ACTIVATION", "dropout RATE")


def parse_layers(text: str) -> list[Layer]:
    """The layers that a text describes, separated by commas; an empty text describes none.

    ``UNITS [ACTIVATION]`` is a layer in which every unit sees every input, ``dropout RATE``
    silences units in training.

    Raises:
        ArgumentError: the text does not follow the grammar, a number is out of its range, or there
            is no such activation.

    Example:
        >>> [type(layer).__name__ for layer in parse_layers("256 relu, dropout 0.2, 10")]
        ['Dense', 'Dropout', 'Dense']
        >>> parse_layers("256 relu, dropout")
        Traceback (most recent call last):
        glassgrad.errors.ArgumentError: Layer 2 of --layers must be UNITS, UNITS ACTIVATION or
        dropout RATE. Got 'dropout'. Example: --layers "256 relu, dropout 0.3, 128 relu".
    """
    if not text.strip():
        return []
    return [_layer(number, part.split()) for number, part in enumerate(text.split(","), start=1)]


def _layer(number: int, words: list[str]) -> Layer:
    try:
        match words:
            case [units] if _is_integer(units):
                return Dense(int(units))
            case [units, activation] if _is_integer(units):
                return Dense(int(units), activation=activation)
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
        ArgumentError: as ``parse_layers``.

    Example:
        >>> from glassgrad.datasets import load
        >>> network = network_for(load("digits"), "32 relu", seed=0)
        >>> [type(layer).__name__ for layer in network.layers]
        ['Rescaling', 'Flatten', 'Dense', 'Dense']
    """
    with seeded(seed):
        hidden = parse_layers(layers)
        if dataset.classes is None:
            output = Dense(prod(dataset.y_train.shape[1:]), name="output")
        else:
            output = Dense(dataset.classes, activation="softmax", name="output")
        shape = dataset.x_train.shape[1:]
        # The rows of a table are vectors, and standardised already.
        is_table = isinstance(dataset.preprocessing, TableEncoder)
        first = [] if is_table else [Rescaling(dataset.scale), Flatten()]
        model = Sequential([Input(shape), *first, *hidden, output])
    model.preprocessing = dataset.preprocessing
    return model
