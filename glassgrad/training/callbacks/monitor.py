"""Watching one quantity of the logs, and knowing when it has become better."""

from __future__ import annotations

import warnings
from math import isnan

from glassgrad.errors import ArgumentError
from glassgrad.training.callbacks.callback import Callback, Logs

__all__ = ["Monitor"]

_RISING = ("acc", "auc", "precision", "recall", "f1", "iou", "r2", "similarity")
_FALLING = ("loss", "error", "mse", "mae", "msle", "mape", "entropy", "divergence", "hinge")


class Monitor(Callback):
    """The base of what watches one quantity and decides whether it has become better.

    Args:
        monitor: the quantity, by its name in the logs.
        mode: "min", "max", or "auto": by the name of the quantity.
        min_delta: by how much a value must be better to count.

    Raises:
        ArgumentError: the mode is unknown, or "auto" and the name does not tell it.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"The mode must be 'auto', 'min' or 'max'. Got {mode!r}.")
        self.monitor = monitor
        self.mode = _direction(monitor) if mode == "auto" else mode
        self.min_delta = abs(min_delta)

    def is_better(self, value: float, best: float | None) -> bool:
        """Whether a value improves on the best by more than ``min_delta``; NaN never does."""
        if best is None:
            return not isnan(value)
        gain = best - value if self.mode == "min" else value - best
        return gain > self.min_delta

    def watched(self, logs: Logs | None) -> float | None:
        """The quantity, if the logs have it; else a warning."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            known = ", ".join(map(repr, logs or {})) or "nothing"
            hint = " Pass validation data to fit." if self.monitor.startswith("val_") else ""
            warnings.warn(
                f"{type(self).__name__} watches {self.monitor!r}, which is not in the "
                f"logs: they have {known}.{hint}",
                stacklevel=3,
            )
        return value


def _direction(monitor: str) -> str:
    """Whether better means less or more, by the name of the quantity."""
    name = monitor.lower()
    rises, falls = any(word in name for word in _RISING), any(word in name for word in _FALLING)
    if rises == falls:
        raise ArgumentError(
            f"Nothing tells whether a better {monitor!r} is less or more. Pass "
            "mode='min' or mode='max'."
        )
    return "max" if rises else "min"
