"""Cells on top of each other, as one cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from glassgrad.errors import ArgumentError, shown
from glassgrad.graph import Tensor, scope
from glassgrad.layers.layer import Layer, Shape, deserialize, register
from glassgrad.layers.recurrent_cell import RecurrentCell, Whole, as_list, zero_states

__all__ = ["StackedRNNCells", "output_length"]


@register()
class StackedRNNCells(RecurrentCell):
    """Several cells as one: each takes the output of the one before, and has states of its own.

    Args:
        cells: layers with ``state_size`` whose ``call(inputs, states)`` gives (output, states).
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: there are none, or one is no such layer.

    Example:
        >>> import numpy as np
        >>> from glassgrad.layers import GRUCell, LSTMCell, RNN
        >>> layer = RNN(StackedRNNCells([LSTMCell(4), GRUCell(3)]), return_state=True)
        >>> y, of_lstm, of_gru = layer(np.ones((2, 5, 1)))
        >>> y.shape, [state.shape for state in of_lstm], of_gru[0].shape
        ((2, 3), [(2, 4), (2, 4)], (2, 3))
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cells = [_as_cell(cell) for cell in cells]
        if not self.cells:
            raise ArgumentError("StackedRNNCells must hold one cell at least. Got none.")

    @property
    def state_size(self) -> list[Any]:
        """The lengths of the states of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """The length of the last cell's output."""
        return output_length(self.cells[-1])

    def build(self, input_shape: Shape) -> None:
        for cell in self.cells:
            if not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], *as_list(output_length(cell)))

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """A list for each cell."""
        return [_first_states(cell, batch_size, self.dtype) for cell in self.cells]

    def call(self, inputs: Tensor, states: Sequence[Any], training: bool = False) -> Any:
        after = []
        for cell, own in zip(self.cells, states, strict=True):
            inputs, new = cell(inputs, as_list(own), training=training)
            after.append(as_list(new))
        return inputs, after

    def draw_masks(self, batch: int, features: int) -> list[Any]:
        """Those of each cell."""
        drawn = []
        for cell in self.cells:
            has_some = isinstance(cell, RecurrentCell)
            drawn.append(cell.draw_masks(batch, features) if has_some else [])
            features = as_list(output_length(cell))[-1]
        return drawn

    @contextmanager
    def holding(self, masks: Sequence[Any]) -> Iterator[None]:
        """Let each cell use its own."""
        with ExitStack() as stack:
            for cell, own in zip(self.cells, masks, strict=True):
                if isinstance(cell, RecurrentCell):
                    stack.enter_context(cell.holding(own))
            yield

    def run_whole(
        self,
        sequences: Tensor,
        states: Sequence[Any],
        mask: Tensor | None,
        reverse: bool,
        training: bool,
    ) -> Whole | None:
        """One cell after the other over all steps, where each can."""
        last = []
        with scope(self.name):
            for cell, own in zip(self.cells, states, strict=True):
                if not isinstance(cell, RecurrentCell):
                    return None
                whole = cell.run_whole(sequences, as_list(own), mask, reverse, training)
                if whole is None:
                    return None
                sequences, after = whole
                last.append(after)
        return sequences, last


def output_length(cell: Any) -> Any:
    """The length of what a cell gives: its ``output_size``, or that of its first state."""
    size = getattr(cell, "output_size", None)
    return as_list(cell.state_size)[0] if size is None else size


def _first_states(cell: Any, batch: int | None, dtype: Any) -> list[Any]:
    own = getattr(cell, "get_initial_state", None)
    return zero_states(cell, batch, dtype) if own is None else as_list(own(batch_size=batch))


def _as_cell(cell: Any) -> Any:
    if isinstance(cell, Mapping):
        cell = deserialize(cell)
    if not isinstance(cell, Layer) or not hasattr(cell, "state_size"):
        raise ArgumentError(
            "A cell must be a layer that says its state_size, such as LSTMCell(8). Got "
            f"{shown(cell)}."
        )
    return cell
