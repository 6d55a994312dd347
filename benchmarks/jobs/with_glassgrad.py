"""The job in glassgrad."""

from __future__ import annotations

import glassgrad
from benchmarks.jobs.recipe import (
    BATCH,
    HIDDEN,
    MOST_EPOCHS,
    TARGET,
    arguments,
    epsilon,
    learning_rate,
    report,
)
from glassgrad.callbacks import LearningRateScheduler, StopAtTarget
from glassgrad.layers import Dense, Flatten, Input, Rescaling


def main() -> None:
    """Train until the target is reached."""
    folder, seed, _ = arguments()
    (x, y), test = glassgrad.datasets.mnist.load_data(folder)
    glassgrad.set_random_seed(seed)
    layers = [Dense(units, "relu") for units in HIDDEN]
    model = glassgrad.Sequential(
        [Input((28, 28)), Rescaling(1 / 255), Flatten(), *layers, Dense(10)]
    )
    model.compile(
        glassgrad.optimizers.Adam(learning_rate(0), epsilon=epsilon),
        glassgrad.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    callbacks = [LearningRateScheduler(learning_rate), StopAtTarget(TARGET, "val_accuracy")]
    history = model.fit(  # the test in one batch, as the others take it
        x,
        y,
        BATCH,
        MOST_EPOCHS,
        verbose=0,
        callbacks=callbacks,
        validation_data=test,
        validation_batch_size=len(test[0]),
    ).history
    report(len(history["val_accuracy"]), history["val_accuracy"][-1])


if __name__ == "__main__":
    main()
