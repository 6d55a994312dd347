"""Evaluating and saving the averages of the weights instead of the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glassgrad.errors import ArgumentError
from glassgrad.graph import Variable
from glassgrad.graph.operation import Array
from glassgrad.training.callbacks.callback import Callback, Logs

__all__ = ["SwapEMAWeights"]


class SwapEMAWeights(Callback):
    """Put the optimizer's averages in the place of the weights while the model is evaluated.

    The averages are those of an optimizer with ``use_ema=True``, a <- m a + (1 - m) w. After an
    evaluation or prediction the weights come back. (In Keras they do not after ``predict``.)

    Args:
        swap_on_epoch: whether the averages also stand in the model between the end of an epoch
            and the beginning of the next, so that callbacks that follow in the list, such as
            ``ModelCheckpoint``, save them.

    Raises:
        ArgumentError: the optimizer keeps no averages.

    Example:
        >>> from glassgrad.models import Sequential
        >>> from glassgrad.layers import Dense
        >>> from glassgrad.optimizers import SGD
        >>> model = Sequential([Dense(1, use_bias=False, kernel_initializer="ones")])
        >>> model.compile(SGD(0.25, use_ema=True, ema_momentum=0.5), "mse", executor="reference")
        >>> data = [[1.0]], [[0.0]]  # the weight is halved by each step: 0.5, 0.25
        >>> history = model.fit(
        ...     *data, epochs=2, verbose=0, validation_data=data, callbacks=[SwapEMAWeights()]
        ... )
        >>> [loss**0.5 for loss in history.history["val_loss"]]
        [0.5, 0.375]

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = swap_on_epoch
        self._weights: list[Array] | None = None  # in whose place the averages are now
        self._is_for_a_while = False

    def _averages(self) -> Mapping[Variable, Variable]:
        optimizer = self.model.optimizer
        keeper = getattr(optimizer, "inner_optimizer", optimizer)
        if not keeper.use_ema:
            raise ArgumentError(
                "SwapEMAWeights needs an optimizer that keeps averages of the weights. Got "
                f"{type(keeper).__name__} without; write {type(keeper).__name__}(use_ema=True)."
            )
        averages: Mapping[Variable, Variable] = keeper.averages
        return averages

    def _bring_averages(self) -> None:
        averages = self._averages()
        self._weights = [weight.numpy() for weight in averages]
        for weight, average in averages.items():
            weight.assign(average.numpy())

    def _bring_weights(self) -> None:
        for weight, value in zip(self._averages(), self._weights or [], strict=True):
            weight.assign(value)
        self._weights = None

    # ---- epochs

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Look whether there are averages."""
        self._averages()
        self._weights = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Bring the weights back to be trained."""
        if self._weights is not None:
            self._bring_weights()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Bring the averages, if they are to be saved."""
        if self.swap_on_epoch and self._weights is None:
            self._bring_averages()

    # ---- evaluation and prediction

    def _begin(self) -> None:
        self._is_for_a_while = self._weights is None
        if self._is_for_a_while:
            self._bring_averages()

    def _end(self) -> None:
        if self._is_for_a_while:
            self._bring_weights()
            self._is_for_a_while = False

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Bring the averages."""
        self._begin()

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Bring the weights back."""
        self._end()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Bring the averages."""
        self._begin()

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Bring the weights back."""
        self._end()

    # ---- interruption and resumption

    def state(self) -> dict[str, Any]:
        """The weights, where the averages are in their place."""
        return {"weights": self._weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Bring them back with the next epoch."""
        self._weights = state["weights"]
