"""What ends a run of the command line before its last epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glassgrad.training.callbacks import Callback, EarlyStopping, StopAtTarget, TimeLimit

__all__ = ["CONDITIONS", "callbacks_for", "conditions_of", "is_stopping"]

CONDITIONS = ("patience", "target_loss", "max_seconds")


def conditions_of(options: Mapping[str, Any]) -> dict[str, float]:
    """Those of some options that end a run, as far as they were asked for."""
    return {name: options[name] for name in CONDITIONS if options.get(name) is not None}


def is_stopping(found: Any) -> bool:
    """Whether something from a file says what ends a run."""
    return (
        isinstance(found, dict)
        and found.keys() <= set(CONDITIONS)
        and all(type(value) in (int, float) for value in found.values())
    )


def callbacks_for(
    conditions: Mapping[str, float], *, is_watched: bool, patience: int, verbose: int
) -> list[Callback]:
    """The callbacks that end a run.

    Args:
        conditions: what was asked for.
        is_watched: whether there are examples for validation; without them the loss of training
            is what counts.
        patience: how many epochs without improvement there may be where nothing was asked for and
            there is validation.
        verbose: whether they say why they end it.

    Raises:
        ArgumentError: a number is out of its range.
    """
    monitor = "val_loss" if is_watched else "loss"
    callbacks: list[Callback] = []
    if is_watched or "patience" in conditions:
        waiting = int(conditions.get("patience", patience))
        callbacks.append(
            EarlyStopping(
                monitor, patience=waiting, verbose=verbose, restore_best_weights=is_watched
            )
        )
    if "target_loss" in conditions:
        callbacks.append(StopAtTarget(conditions["target_loss"], monitor, verbose=verbose))
    if "max_seconds" in conditions:
        callbacks.append(TimeLimit(conditions["max_seconds"], verbose))
    return callbacks
