"""A cell run over the steps of sequences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from glassgrad import ops
from glassgrad.errors import ArgumentError, GraphError, ShapeError, shown
from glassgrad.graph import Placeholder, Tensor, Trace, Variable, current_trace, walk
from glassgrad.graph.trees import Structure, flatten, flatten_up_to, leaves_of, map_tree, rebuild
from glassgrad.layers.layer import Layer, Shape, deserialize, holds_numbers, register
from glassgrad.layers.recurrent_cell import (
    RecurrentCell,
    Whole,
    as_list,
    last_step,
    zero_states,
)
from glassgrad.layers.stacked_rnn_cells import StackedRNNCells, output_length
from glassgrad.ops.gating import held, over_time

__all__ = ["RNN"]


@register()
class RNN(Layer):
    """Run a cell over the steps of sequences: y_t, s_t = cell(x_t, s_{t-1}).

    A mask that the input carries, or that is handed in, leaves steps out: there the state is
    carried on, and the output is that of the step before, or 0.

    The gradient reaches back through all steps of a call. A ``stateful`` layer begins a call with
    the states that the last one has ended with, as numbers: called on one window of a long
    sequence after the other, it learns by truncated backpropagation through time.

    Args:
        cell: a layer with ``state_size``, an integer or a list of them, whose
            ``call(inputs, states)`` gives (output, new states); or a list of cells, see
            ``StackedRNNCells``.
        return_sequences: whether the outputs of all steps are given, or that of the last alone.
        return_state: whether the last states are given as well, after the output.
        go_backwards: whether time runs backwards; outputs come in the order in which they are
            made.
        stateful: whether a call begins with the states that the last one has ended with, example
            by example. All batches must be of one length then.
        unroll: accepted as in Keras; the result is the same.
        zero_output_for_mask: whether the output of a step that is left out is 0.
        kwargs: name, trainable, dtype and activity_regularizer, see ``Layer``.

    Shapes:
        (batch, time, …) gives (batch, units), or (batch, time, units) with ``return_sequences``;
        with ``return_state`` a tuple of it and the states, (batch, units) each.

    Raises:
        ArgumentError: the cell is no layer, or does not say its ``state_size``.
        GraphError: on the call, the cell assigns to variables, or adds losses that depend on its
            input.
        ShapeError: on the call, the input has fewer than three axes, an initial state does not
            fit, or a stateful layer meets a batch of another length.

    Example:
        >>> from glassgrad.layers import SimpleRNNCell
        >>> rnn = RNN(SimpleRNNCell(4), return_sequences=True, return_state=True)
        >>> sequences, state = rnn(np.ones((2, 5, 3)))
        >>> sequences.shape, state.shape
        ((2, 5, 4), (2, 4))

    Source: Rumelhart, Hinton, Williams, "Learning internal representations by error propagation",
    1986; Williams, Peng, "An efficient gradient-based algorithm for on-line training of recurrent
    network trajectories", 1990, for the truncation.
    """

    supports_masking = True

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cell = _as_cell(cell)
        self.return_sequences = bool(return_sequences)
        self.return_state = bool(return_state)
        self.go_backwards = bool(go_backwards)
        self.stateful = bool(stateful)
        self.unroll = bool(unroll)
        self.zero_output_for_mask = bool(zero_output_for_mask)
        self.states: list[Any] | None = None

    @property
    def state_size(self) -> list[Any]:
        """The lengths of the states."""
        return as_list(self.cell.state_size)

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        batch, _, *features = self._required_shape(sequences_shape)
        if not self.cell.built:
            self.cell.build((batch, *features))

    def get_initial_state(self, batch_size: int | None) -> list[Any]:
        """The states that a call begins with: what the cell says, zeros by default."""
        own = getattr(self.cell, "get_initial_state", None)
        if own is None:
            return zero_states(self.cell, batch_size, self.dtype)
        return as_list(own(batch_size=batch_size))

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        self._required_shape(sequences.shape)
        mask = _only_mask(self.name, mask, sequences)
        first = self._first_states(sequences.shape[0], initial_state)
        outputs, last = self._run(sequences, first, mask, training)
        begins_at_zero = initial_state is None and not self.stateful
        if mask is not None and not begins_at_zero:
            outputs = self._without_output_before(outputs, mask)
        self._keep(last)
        output = self._wanted(outputs)
        return (output, *last) if self.return_state else output

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """That of the input, in the order of the outputs; none without ``return_sequences``."""
        mask = next(iter(leaves_of(previous_mask)), None) if self.return_sequences else None
        if mask is not None and self.go_backwards:
            mask = ops.flip(mask, 1)
        return [mask] if self.return_state else mask

    # ---- states

    def _first_states(self, batch: int, given: Any) -> list[Any]:
        """What is given, what was kept, or zeros."""
        trace = current_trace()
        keeps = self.stateful and (trace is None or trace.runs)
        if keeps:
            self._make_states(batch)
        if given is not None:
            return self._fitting_states(batch, given)
        if keeps:
            return as_list(map_tree(lambda variable: variable.tensor, self.states))
        return self.get_initial_state(batch)

    def _fitting_states(self, batch: int, given: Any) -> list[Any]:
        """Initial states in the structure of the cell's, each of the shape that it must have."""
        expected, structure = flatten(self.get_initial_state(batch))
        states = flatten_up_to(structure, _listed(given))
        tensors = None if states is None else [self._as_own(state) for state in states]
        shapes = [one.shape for one in expected]
        if tensors is None or [tensor.shape for tensor in tensors] != shapes:
            found = map_tree(np.shape, given, is_leaf=holds_numbers)
            raise ShapeError(
                f"Layer {self.name!r} wants initial states of shapes "
                f"{', '.join(map(str, shapes))}. Got {found}."
            )
        return as_list(rebuild(structure, tensors))

    def _make_states(self, batch: int) -> None:
        if self.states is None:
            self.states = map_tree(
                lambda first: Variable(
                    np.zeros(first.shape),
                    name=f"{self.name}/state",
                    trainable=False,
                    dtype=first.dtype,
                ),
                self.get_initial_state(batch),
            )
        kept = leaves_of(self.states)[0].shape[0]
        if kept != batch:
            raise ShapeError(
                f"Layer {self.name!r} is stateful: it goes on from the states of {kept} examples. "
                f"Got a batch of {batch}. Choose a batch_size that divides the number of examples, "
                "or give the weights to another layer for batches of another length."
            )

    def _keep(self, last: Sequence[Any]) -> None:
        if self.states is None or not self.stateful:
            return
        trace = current_trace()
        if trace is None or trace.runs:
            for variable, state in zip(leaves_of(self.states), leaves_of(list(last)), strict=True):
                variable.assign(ops.stop_gradient(state))

    def reset_state(self) -> None:
        """Let the next call of a stateful layer begin with zeros."""
        for variable in leaves_of(self.states):
            variable.assign(np.zeros(variable.shape, variable.dtype))

    reset_states = reset_state

    # ---- the steps

    def _run(
        self, sequences: Tensor, states: list[Any], mask: Tensor | None, training: bool
    ) -> Whole:
        """The outputs of all steps in the order of time, and the last states."""
        if isinstance(self.cell, RecurrentCell):
            whole = self.cell.run_whole(sequences, states, mask, self.go_backwards, training)
            if whole is not None:
                outputs, last = whole
                if mask is not None and self.zero_output_for_mask:
                    outputs = ops.where(_along(mask, outputs), outputs, 0.0)
                return outputs, last
        return self._run_step_by_step(sequences, states, mask, training)

    def _run_step_by_step(
        self, sequences: Tensor, states: list[Any], mask: Tensor | None, training: bool
    ) -> Whole:
        first, structure = flatten(states)
        masks, structure_of_masks = self._drawn(sequences, training)
        count = len(first)
        no_output = [] if mask is None else [self._no_output(sequences.shape[0])]

        def step(
            carries: Sequence[Tensor],
            elements: Sequence[Tensor],
            constants: Sequence[Tensor],
            here: Sequence[Tensor],
        ) -> tuple[list[Tensor], list[Tensor]]:
            before, outputs_before = carries[:count], carries[count:]
            with _holding(self.cell, rebuild(structure_of_masks, constants)):
                told = rebuild(structure, before)
                output, after = self.cell(elements[0], told, training=training)
            pairs = zip(self._states_after(structure, after), before, strict=True)
            following = [held(here, new, old) for new, old in pairs]
            if not here:
                return following, [output]
            output = held(here, output, outputs_before[0])
            return [*following, outputs_before[0] if self.zero_output_for_mask else output], [
                output
            ]

        with _pure(self.name):
            last, (outputs,) = over_time(
                step,
                [*first, *no_output],
                [sequences],
                masks,
                [] if mask is None else [mask],
                self.go_backwards,
            )
        return outputs, as_list(rebuild(structure, last[:count]))

    def _no_output(self, batch: int) -> Tensor:
        """What stands where a step is left out before any other."""
        return ops.zeros((batch, *as_list(output_length(self.cell))), self.dtype)

    def _drawn(self, sequences: Tensor, training: bool) -> tuple[list[Tensor], Structure]:
        """The masks of dropout, the same at all steps."""
        if not training or not isinstance(self.cell, RecurrentCell):
            return [], None
        return flatten(self.cell.draw_masks(sequences.shape[0], sequences.shape[-1]))

    def _states_after(self, structure: Structure, states: Any) -> list[Tensor]:
        found = flatten_up_to(structure, _listed(states))
        if found is None:
            raise ArgumentError(
                f"The cell of layer {self.name!r} must give new states in the form in which it "
                f"gets them, {structure}. Got {shown(states)}."
            )
        return found

    def _wanted(self, outputs: Tensor) -> Tensor:
        """All outputs in the order in which they were made, or the last."""
        if self.return_sequences:
            return ops.flip(outputs, 1) if self.go_backwards else outputs
        if not outputs.shape[1]:
            return ops.zeros((outputs.shape[0], *outputs.shape[2:]), outputs.dtype)
        return last_step(outputs, self.go_backwards)

    def _without_output_before(self, outputs: Tensor, mask: Tensor) -> Tensor:
        """Until the first step that counts there is no output yet: it is 0, whatever the state."""
        seen = ops.cumsum(ops.flip(mask, 1) if self.go_backwards else mask, axis=1)
        seen = ops.flip(seen, 1) if self.go_backwards else seen
        shown: Tensor = ops.where(_along(ops.greater(seen, 0), outputs), outputs, 0.0)
        return shown

    def _required_shape(self, shape: Shape) -> Shape:
        if len(shape) < 3:
            raise ShapeError(
                f"Layer {self.name!r} expected shape (batch, time, …, features), found "
                f"{len(shape)} axes. Full shape received: {tuple(shape)}."
            )
        return tuple(shape)


def _as_cell(cell: Any) -> Any:
    if isinstance(cell, Mapping):
        cell = deserialize(cell)
    if isinstance(cell, list | tuple):
        return StackedRNNCells(cell)
    if not isinstance(cell, Layer) or not hasattr(cell, "state_size"):
        raise ArgumentError(
            "The cell of an RNN must be a layer that says its state_size, or a list of them. Got "
            f"{shown(cell)}."
        )
    return cell


def _listed(states: Any) -> list[Any]:
    """A single state as a list of it."""
    return list(states) if isinstance(states, list | tuple) else [states]


def _only_mask(layer: str, mask: Any, sequences: Tensor) -> Tensor | None:
    found: list[Tensor] = leaves_of(mask)
    if not found:
        return None
    if found[0].shape != sequences.shape[:2]:
        raise ShapeError(
            f"Layer {layer!r} with an input of shape {sequences.shape} wants a mask of shape "
            f"{sequences.shape[:2]}. Got {found[0].shape}."
        )
    return found[0]


def _along(mask: Tensor, outputs: Tensor) -> Tensor:
    """(batch, time) with further axes, so that it goes along with the outputs."""
    return ops.reshape(mask, (*mask.shape, *(1,) * (outputs.ndim - 2)))


@contextmanager
def _holding(cell: Any, masks: Any) -> Iterator[None]:
    if masks is None:
        yield
        return
    with cell.holding(masks):
        yield


@contextmanager
def _pure(layer: str) -> Iterator[None]:
    """What happens in a step happens at every step: nothing can be noted for once outside.

    Raises:
        GraphError: variables were assigned to, or losses added that depend on the step.
    """
    trace = current_trace() or Trace()
    updates, losses = dict(trace.updates), len(trace.added)
    yield
    is_changed = trace.updates != updates
    depends = any(
        isinstance(node.operation, Placeholder)
        for node in walk([loss for _, loss in trace.added[losses:]])
    )
    if is_changed or depends:
        what = "assigns to variables" if is_changed else "adds losses that depend on its input"
        trace.updates.clear()
        trace.updates.update(updates)
        del trace.added[losses:]
        raise GraphError(
            f"The cell of layer {layer!r} {what}, and a step has no place for that. Let the layer "
            "around it do so, of what the cell gives."
        )
