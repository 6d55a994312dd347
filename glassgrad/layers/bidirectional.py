"""A recurrent layer in both directions of time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from glassgrad import ops
from glassgrad.errors import ArgumentError, shown
from glassgrad.graph import Tensor
from glassgrad.graph.trees import leaves_of
from glassgrad.layers.layer import Layer, deserialize, register
from glassgrad.layers.wrapper import as_layer
from glassgrad.serialization import serialize

__all__ = ["Bidirectional"]

MERGED: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "ave": lambda a, b: (a + b) / 2.0,
    "concat": lambda a, b: ops.concatenate([a, b], axis=-1),
    "mul": lambda a, b: a * b,
    "sum": lambda a, b: a + b,
}


@register()
class Bidirectional(Layer):
    """A recurrent layer that runs ahead in time, and another one that runs backwards.

    With ``return_sequences`` both outputs stand at the time of their step, and the output of a
    step that a mask leaves out is 0.

    Args:
        layer: a recurrent layer, of which a copy with new weights runs ahead.
        merge_mode: how both outputs become one: "concat" (side by side), "sum", "mul" (product),
            "ave" (mean), or ``None``: they are given one after the other.
        weights: the first weights of both layers, those of the forward layer first.
        backward_layer: the layer that runs backwards in time; by default like the other one.
        kwargs: name, trainable, dtype and activity_regularizer, see ``Layer``.

    Shapes:
        As those of the layer, with twice as many units for "concat". With ``return_state`` the
        states of the forward layer come after the output, then those of the backward layer; an
        initial state is a list of both in this order.

    Raises:
        ArgumentError: a layer is no recurrent one, the merge mode is unknown, both run in the same
            direction, or they do not agree about what they return.
        ShapeError: on the call, see ``RNN``.

    Example:
        >>> import numpy as np
        >>> from glassgrad.layers import LSTM
        >>> Bidirectional(LSTM(4, return_sequences=True))(np.ones((2, 5, 3))).shape
        (2, 5, 8)

    Source: Schuster, Paliwal, "Bidirectional recurrent neural networks", 1997.
    """

    supports_masking = True

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Sequence[Any] | None = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if merge_mode is not None and merge_mode not in MERGED:
            raise ArgumentError(
                f"merge_mode must be one of {', '.join(map(repr, MERGED))} or None. Got "
                f"{merge_mode!r}."
            )
        layer = _recurrent("layer", layer)
        self.forward_layer = _copied(layer, "forward")
        self.backward_layer = (
            _copied(layer, "backward", go_backwards=not layer.go_backwards)
            if backward_layer is None
            else _recurrent("backward_layer", backward_layer)
        )
        _require_agreement(self.forward_layer, self.backward_layer)
        self.merge_mode = merge_mode
        self.stateful = bool(layer.stateful)
        self.return_sequences = bool(layer.return_sequences)
        self.return_state = bool(layer.return_state)
        for one in (self.forward_layer, self.backward_layer):
            one.zero_output_for_mask = self.return_sequences
        self._first_weights = None if weights is None else list(weights)

    @property
    def layer(self) -> Any:
        """The layer that runs ahead."""
        return self.forward_layer

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        if self._first_weights is not None:
            self.set_weights(self._first_weights)
            self._first_weights = None

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        ahead, back = self._halves(initial_state)
        y, *states = _listed(self.forward_layer(sequences, initial_state=ahead, mask=mask))
        z, *others = _listed(self.backward_layer(sequences, initial_state=back, mask=mask))
        outputs = [y, ops.flip(z, 1) if self.return_sequences else z]
        if self.merge_mode is not None:
            outputs = [MERGED[self.merge_mode](*outputs)]
        given = (*outputs, *states, *others)
        return given if len(given) > 1 else given[0]

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """That of the input, where there is an output for each of its steps."""
        mask = next(iter(leaves_of(previous_mask)), None) if self.return_sequences else None
        return [mask, mask] if self.merge_mode is None else [mask]

    def _halves(self, states: Any) -> tuple[Any, Any]:
        if states is None:
            return None, None
        given = list(states) if isinstance(states, list | tuple) else [states]
        half = len(given) // 2
        if 2 * half != len(given):
            raise ArgumentError(
                f"Layer {self.name!r} wants as many initial states for one direction as for the "
                f"other, in one list. Got {len(given)}."
            )
        return given[:half], given[half:]

    @property
    def states(self) -> tuple[Any, ...] | None:
        """What a stateful layer has kept, of both directions."""
        ahead, back = self.forward_layer.states, self.backward_layer.states
        return None if ahead is None or back is None else (*ahead, *back)

    def reset_state(self) -> None:
        """Let the next call of a stateful layer begin with zeros."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def _argument(self, name: str) -> Any:
        return None if name == "weights" else super()._argument(name)  # they are state


def _recurrent(name: str, value: Any) -> Any:
    layer: Any = as_layer(name, value)
    wanted = ("go_backwards", "return_sequences", "return_state", "stateful", "reset_state")
    if not all(hasattr(layer, attribute) for attribute in wanted):
        raise ArgumentError(
            f"{name} must be a recurrent layer, such as LSTM(8), or one that has "
            f"{', '.join(wanted)} as these do. Got {shown(value)}."
        )
    return layer


def _copied(layer: Layer, direction: str, **changed: Any) -> Any:
    """A layer of the same kind with weights of its own, named by its direction."""
    described = serialize(layer)
    name = f"{direction}_{layer.name.removeprefix(f'{direction}_')}"
    return deserialize({**described, "config": {**described["config"], "name": name, **changed}})


def _require_agreement(ahead: Any, back: Any) -> None:
    if ahead.go_backwards == back.go_backwards:
        raise ArgumentError(
            "One of the layers runs ahead in time and the other backwards. Got "
            f"go_backwards={ahead.go_backwards} for both; make backward_layer with the other one."
        )
    for name in ("stateful", "return_sequences", "return_state"):
        if getattr(ahead, name) != getattr(back, name):
            raise ArgumentError(
                f"Both layers must have the same {name}. Got {getattr(ahead, name)} for layer and "
                f"{getattr(back, name)} for backward_layer."
            )


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, tuple) else [given]
