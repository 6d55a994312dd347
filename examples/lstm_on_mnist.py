"""A long short-term memory reads handwritten digits row by row, from the top to the bottom.

It sees one row of pixels at a time, and has to remember what it has seen of the strokes.

    python examples/lstm_on_mnist.py
    python examples/lstm_on_mnist.py --full --data FOLDER
"""

from __future__ import annotations

from command_line import run

from glassgrad import datasets, set_random_seed
from glassgrad.layers import LSTM, Dense, Dropout, Input, Rescaling
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import CosineDecay

UNITS = {"small": 32, "full": 128}
EPOCHS = {"small": 20, "full": 15}
BATCH = {"small": 32, "full": 128}


def network(side: int, brightest: int, units: int) -> Sequential:
    """From images, (side, side), whose values begin at 0, to the chances of ten digits."""
    return Sequential(
        [
            Input((side, side)),
            Rescaling(1 / brightest),
            LSTM(units),
            Dropout(0.2),
            Dense(10, activation="softmax"),
        ]
    )


def main(scale: str = "small", data: str | None = None, seed: int = 0) -> dict[str, float]:
    """Train, and give the accuracy on digits that were not trained on."""
    set_random_seed(seed)
    loaded = datasets.mnist.load_data(data) if scale == "full" else datasets.digits.load_data()
    (x_train, y_train), (x_test, y_test) = loaded
    model = network(x_train.shape[1], int(x_train.max()), UNITS[scale])
    steps = EPOCHS[scale] * -(-len(x_train) // BATCH[scale])
    model.compile(
        Adam(CosineDecay(3e-3, steps), global_clipnorm=1.0),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x_train, y_train, BATCH[scale], EPOCHS[scale], verbose=0)
    return {"test accuracy": model.evaluate(x_test, y_test, 1000, verbose=0)[1]}


if __name__ == "__main__":
    run(main)
