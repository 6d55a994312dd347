"""Begin with another network's weights: frozen, and free to learn on.

A network learns the ten digits. Its hidden layers, found by name in the file of its weights, then
begin a network for another task, for which there are only a few examples: is the digit odd?
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from glassgrad import datasets, set_random_seed
from glassgrad.layers import Dense, Input, Rescaling
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam

EXAMPLES = 60


def network(*outputs: Dense) -> Sequential:
    """Two hidden layers, whose names say what may be handed on, and an output of its own."""
    hidden = [Dense(64, "relu", name="strokes"), Dense(32, "relu", name="shapes")]
    return Sequential([Input((64,)), Rescaling(1 / 16, name="pixels"), *hidden, *outputs])


def main() -> dict[str, float]:
    """Train all of them, and give the accuracies on digits that none has seen."""
    set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = datasets.digits.load_data()
    x_train, x_test = x_train.reshape(-1, 64), x_test.reshape(-1, 64)
    # The many examples are labelled with their digit, the few others with odd or even alone.
    many, few = slice(EXAMPLES, None), slice(0, EXAMPLES)
    digits = network(Dense(10, "softmax", name="digit"))
    digits.compile(Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
    digits.fit(x_train[many], y_train[many], epochs=20, verbose=0)
    found = {"ten digits": digits.evaluate(x_test, y_test, verbose=0)[1]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.weights"
        digits.save_weights(path)
        for name, is_begun, is_frozen in (
            ("odd or even, from the beginning", False, False),
            ("odd or even, begun with the digits' layers, frozen", True, True),
            ("odd or even, begun with the digits' layers, free", True, False),
        ):
            odd = network(Dense(1, "sigmoid", name="odd"))
            if is_begun:
                odd.load_weights(path, by_name=True)  # "odd" is not in the file, and stays
            for layer in odd.layers[:-1]:
                layer.trainable = not is_frozen
            odd.compile(Adam(0.003), "binary_crossentropy", metrics=["accuracy"])
            odd.fit(x_train[few], y_train[few] % 2, epochs=60, verbose=0)
            found[name] = odd.evaluate(x_test, y_test % 2, verbose=0)[1]
    return found


if __name__ == "__main__":
    for task, accuracy in main().items():
        print(f"{100 * accuracy:6.2f} %  {task}")
