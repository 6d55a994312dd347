"""How often something is saved: after each epoch, or after every so many batches."""

from __future__ import annotations

from glassgrad.errors import ArgumentError
from glassgrad.layers.layer import require_count

__all__ = ["Frequency"]


class Frequency:
    """Counts batches, over the ends of epochs.

    Args:
        save_freq: "epoch", or a number of batches from 1 on.

    Raises:
        ArgumentError: it is something else.

    Example:
        >>> frequency = Frequency(2)
        >>> [frequency.is_due_after_batch() for batch in range(5)]
        [False, True, False, True, False]
    """

    def __init__(self, save_freq: str | int) -> None:
        self.is_epochs = save_freq == "epoch"
        if isinstance(save_freq, str) and not self.is_epochs:
            raise ArgumentError(
                f"save_freq must be 'epoch' or a number of batches. Got {save_freq!r}."
            )
        self.every = 0 if self.is_epochs else require_count("save_freq", save_freq)
        self.batches = 0  # since it was due

    def is_due_after_batch(self) -> bool:
        """Count one more batch, and tell whether it is time."""
        self.batches += 1
        if self.is_epochs or self.batches < self.every:
            return False
        self.batches = 0
        return True
