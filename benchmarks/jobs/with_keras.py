"""The job in Keras, on JAX."""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"  # before the import, which chooses

import keras
from keras.layers import Dense, Input

from benchmarks.jobs.recipe import (
    BATCH,
    HIDDEN,
    MOST_EPOCHS,
    TARGET,
    arguments,
    epsilon,
    learning_rate,
    read,
    report,
)

STEPS_AN_EXECUTION = 64


class StopAtTarget(keras.callbacks.Callback):
    """End training when the test accuracy is reached."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare what the epoch has reached."""
        self.model.stop_training = (logs or {})["val_accuracy"] >= TARGET


def main() -> None:
    """Train until the target is reached."""
    folder, seed, _ = arguments()
    x, y, x_test, y_test = read(folder)
    keras.utils.set_random_seed(seed)
    layers = [Dense(units, "relu") for units in HIDDEN]
    model = keras.Sequential([Input((784,)), *layers, Dense(10)])
    model.compile(
        keras.optimizers.Adam(learning_rate(0), epsilon=epsilon),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=True,
        steps_per_execution=STEPS_AN_EXECUTION,
    )
    callbacks = [keras.callbacks.LearningRateScheduler(learning_rate), StopAtTarget()]
    history = model.fit(
        x, y, BATCH, MOST_EPOCHS, verbose=0, callbacks=callbacks, validation_data=(x_test, y_test)
    ).history
    report(len(history["val_accuracy"]), history["val_accuracy"][-1])


if __name__ == "__main__":
    main()
