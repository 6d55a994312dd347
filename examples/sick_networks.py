"""Six networks that do not learn, each as a model file with the data that it is to learn from.

    python examples/sick_networks.py FOLDER
    glassgrad doctor FOLDER/sigmoid_in_thirty_layers.safetensors FOLDER/digits.npz --repair

What the doctor says to each of them is in docs/doctor.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from glassgrad import Layer, Sequential, datasets, set_random_seed
from glassgrad.initializers import RandomNormal
from glassgrad.layers import Dense, Flatten, Input, SimpleRNN
from glassgrad.optimizers import Adam

LOSS = "sparse_categorical_crossentropy"
STEPS_IN_TIME = 200


def sigmoid_in_thirty_layers() -> Sequential:
    """Each sigmoid hands on a quarter of the gradient at most."""
    model = Sequential(
        [Input((8, 8)), Flatten(), *_stack(30, 32, "sigmoid"), _classes()],
        name="sigmoid_in_thirty_layers",
    )
    model.compile("adam", LOSS, metrics=["accuracy"])
    return model


def unit_variance_weights() -> Sequential:
    """Each of twenty layers multiplies the values by four."""
    hidden = _stack(20, 32, "relu", RandomNormal(stddev=1.0))
    model = Sequential(
        [Input((8, 8)), Flatten(), *hidden, _classes()], name="unit_variance_weights"
    )
    model.compile("adam", LOSS, metrics=["accuracy"])
    return model


def learning_rate_of_one() -> Sequential:
    """Steps larger than the weights."""
    model = Sequential(
        [Input((8, 8)), Flatten(), *_stack(2, 64, "relu"), _classes()], name="learning_rate_of_one"
    )
    model.compile(Adam(1.0), LOSS, metrics=["accuracy"])
    return model


def raw_pixels() -> Sequential:
    """Pixels from 0 to 255 drive each tanh to one of its ends."""
    model = Sequential(
        [Input((8, 8)), Flatten(), *_stack(2, 64, "tanh"), _classes()], name="raw_pixels"
    )
    model.compile("adam", LOSS, metrics=["accuracy"])
    return model


def small_weights() -> Sequential:
    """``randn * 0.01`` in twelve layers: nothing is left of the input behind them."""
    hidden = _stack(12, 64, "tanh", RandomNormal(stddev=0.01))
    model = Sequential([Input((8, 8)), Flatten(), *hidden, _classes()], name="small_weights")
    model.compile("adam", LOSS, metrics=["accuracy"])
    return model


def two_hundred_steps_in_time() -> Sequential:
    """A gradient that shrinks with every step back in time does not see the beginning."""
    model = Sequential(
        [
            Input((STEPS_IN_TIME, 1)),
            SimpleRNN(32, name="memory"),
            Dense(1, "sigmoid", name="output"),
        ],
        name="two_hundred_steps_in_time",
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def _stack(depth: int, units: int, activation: str, start: Any = "glorot_uniform") -> list[Layer]:
    return [
        Dense(units, activation, kernel_initializer=start, name=f"hidden_{number}")
        for number in range(1, depth + 1)
    ]


def _classes() -> Dense:
    return Dense(10, "softmax", name="output")


#: For each network the data that it learns from.
NETWORKS: dict[Callable[[], Sequential], str] = {
    sigmoid_in_thirty_layers: "digits",
    unit_variance_weights: "digits",
    learning_rate_of_one: "digits",
    raw_pixels: "raw_digits",
    two_hundred_steps_in_time: "walks",
    small_weights: "digits",
}


def digits(*, raw: bool = False) -> dict[str, np.ndarray]:
    """Handwritten digits of 8 x 8 pixels, from 0 to 1, or from 0 to 255 as files have them."""
    data = datasets.load("digits")
    parts = {name: getattr(data, name) for name in ("x_train", "y_train", "x_test", "y_test")}
    for name in ("x_train", "x_test"):
        share = parts[name] / np.float32(16)
        parts[name] = (share * 255).astype(np.uint8) if raw else share
    return parts


def walks(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps up and down: is the end above the beginning?"""
    x = np.random.default_rng(seed).normal(size=(count, STEPS_IN_TIME, 1)).astype(np.float32)
    return x, (x.sum(axis=(1, 2)) > 0).astype(np.int32)


def write(folder: Path) -> None:
    """Write models and data."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "digits.npz", **digits())
    np.savez(folder / "raw_digits.npz", **digits(raw=True))
    (x, y), (x_test, y_test) = walks(1_000, seed=0), walks(500, seed=1)
    np.savez(folder / "walks.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    for network, data in NETWORKS.items():
        set_random_seed(0)
        path = folder / f"{network.__name__}.safetensors"
        network().save(path)
        print(f"glassgrad doctor {path} {folder / data}.npz --repair")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as temporary:
            write(Path(temporary))
