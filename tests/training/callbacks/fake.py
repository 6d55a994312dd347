from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.callbacks import Callback


class FakeModel:
    """Its weights are the number of the epoch."""

    def __init__(self, optimizer: Any = None) -> None:
        self.stop_training = False
        self.weights = -1.0
        self.optimizer = optimizer

    def get_weights(self) -> list[np.ndarray]:
        return [np.array(self.weights)]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.weights = float(weights[0])


def run(callback: Callback, values: list[float], name: str = "val_loss") -> tuple[int, float]:
    """The number of epochs, and the weights at the end."""
    model = FakeModel()
    callback.set_model(model)  # type: ignore[arg-type]
    callback.on_train_begin()
    epochs = 0
    for epoch, value in enumerate(values):
        model.weights, epochs = epoch, epoch + 1
        callback.on_epoch_end(epoch, {name: value})
        if model.stop_training:
            break
    callback.on_train_end({})
    return epochs, model.weights


class Interrupt(Callback):
    """Ctrl-C before a batch of an epoch."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.at, self.epoch = (epoch, batch), -1

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if (self.epoch, batch) == self.at:
            raise KeyboardInterrupt
