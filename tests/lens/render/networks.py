"""Explanations of small networks, made once, for the tests of all forms."""

from __future__ import annotations

from functools import cache

import numpy as np

import glassgrad
from glassgrad import Variable, layers
from glassgrad.graph import float_type
from glassgrad.lens.explanation import Explanation
from glassgrad.models import Model, Sequential
from glassgrad.random_seed import seeded

NETWORKS = ("scalars", "loss", "dense", "pictures", "sequences", "branches")


@cache
def explanation(name: str) -> Explanation:
    """The explanation of one of the networks."""
    with seeded(0), float_type("float64"):
        rng = np.random.default_rng(0)
        if name == "loss":
            w, v = Variable(0.8, name="w_1"), Variable(-0.4, name="w%2")
            return glassgrad.explain((w * 0.5).sigmoid() * v + w)
        model, shape, classes, entry = _model(name)
        x = rng.normal(size=(2, *shape))
        y = rng.normal(size=(2, 1)) if classes == 0 else rng.integers(0, classes, 2)
        if name == "scalars":
            x, y = x[:1], y[:1]
        return glassgrad.explain(model, x, y, entry=entry)


def _model(name: str) -> tuple[Model, tuple[int, ...], int, object]:
    if name == "scalars":
        units = [
            layers.Dense(1, "sigmoid", use_bias=False, name="hidden"),
            layers.Dense(1, use_bias=False, name="output"),
        ]
        return _compiled(Sequential([layers.Input((1,)), *units], name=name), "mse"), (1,), 0, None
    loss = "sparse_categorical_crossentropy"
    if name == "branches":
        start = layers.Input((3, 4))
        attended = layers.MultiHeadAttention(2, 2, name="attention")(start, start)
        pooled = layers.GlobalAveragePooling1D(name="pooled")(start + attended)
        model = Model(start, layers.Dense(2, "softmax", name="output")(pooled), name=name)
        return _compiled(model, loss), (3, 4), 2, None
    hidden, shape, entry = {
        "dense": ([layers.Dense(4, "relu", name="hidden")], (3,), ("hidden/kernel", 1, 2)),
        "pictures": (
            [layers.Conv2D(2, 3, name="filters"), layers.MaxPooling2D(), layers.Flatten()],
            (6, 6, 1),
            ("filters/kernel", 0, 0, 0, 1),
        ),
        "sequences": ([layers.LSTM(2, name="memory")], (7, 2), None),
    }[name]
    output = layers.Dense(3, "softmax", name="output")
    model = Sequential([layers.Input(shape), *hidden, output], name=name)
    return _compiled(model, loss), shape, 3, entry


def _compiled(model: Model, loss: str) -> Model:
    model.compile("adam", loss)
    return model
