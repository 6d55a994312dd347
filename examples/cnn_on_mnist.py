"""A convolutional network reads handwritten digits.

Two convolutions, each followed by the largest of 2x2 pixels, and two fully connected layers, as in
LeNet-5 (LeCun et al., "Gradient-based learning applied to document recognition", 1998), with what
has been found since: relu, the largest instead of the mean, dropout, Adam, a rate that falls.

    python examples/cnn_on_mnist.py
    python examples/cnn_on_mnist.py --full --data FOLDER
"""

from __future__ import annotations

from command_line import run

from glassgrad import datasets, set_random_seed
from glassgrad.layers import (
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPooling2D,
    Rescaling,
    Reshape,
)
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import CosineDecay

BATCH = 128
EPOCHS = {"small": 10, "full": 10}


def network(side: int, brightest: int) -> Sequential:
    """From images, (side, side), whose values begin at 0, to the chances of ten digits."""
    return Sequential(
        [
            Input((side, side)),
            Rescaling(1 / brightest),
            Reshape((side, side, 1)),
            Conv2D(32, 5, padding="same", activation="relu"),
            MaxPooling2D(),
            Conv2D(64, 5, padding="same", activation="relu"),
            MaxPooling2D(),
            Flatten(),
            Dropout(0.4),
            Dense(256, activation="relu"),
            Dropout(0.4),
            Dense(10, activation="softmax"),
        ]
    )


def main(scale: str = "small", data: str | None = None, seed: int = 0) -> dict[str, float]:
    """Train, and give the accuracy on digits that were not trained on."""
    set_random_seed(seed)
    loaded = datasets.mnist.load_data(data) if scale == "full" else datasets.digits.load_data()
    (x_train, y_train), (x_test, y_test) = loaded
    model = network(x_train.shape[1], int(x_train.max()))
    steps = EPOCHS[scale] * -(-len(x_train) // BATCH)
    model.compile(
        Adam(CosineDecay(2e-3, steps)), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x_train, y_train, BATCH, EPOCHS[scale], verbose=0)
    return {"test accuracy": model.evaluate(x_test, y_test, 1000, verbose=0)[1]}


if __name__ == "__main__":
    run(main)
