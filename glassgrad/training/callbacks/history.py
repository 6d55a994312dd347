"""The record that ``fit`` returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glassgrad.training.callbacks.callback import Callback, Logs

__all__ = ["History"]


class History(Callback):
    """Records the logs of every epoch; ``fit`` returns it.

    ``history`` maps each name to its values, ``epoch`` lists the numbers of the epochs.

    Example:
        >>> history = History()
        >>> history.on_epoch_end(0, {"loss": 0.5})
        >>> history.history
        {'loss': [0.5]}
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Append the logs."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def state(self) -> dict[str, Any]:
        """Everything recorded."""
        return {"epoch": self.epoch, "history": self.history}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what was recorded."""
        self.epoch = list(state["epoch"])
        self.history = {name: list(values) for name, values in state["history"].items()}
