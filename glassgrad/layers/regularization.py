"""Layers that make learning harder, so that the network relies on no single unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, GraphError
from glassgrad.graph import RandomState, Tensor, constant, current_trace
from glassgrad.layers.layer import Layer, Shape, register
from glassgrad.ops.random import Dropout as DropoutOperation
from glassgrad.random_seed import check_seed

__all__ = ["Dropout"]


@register()
class Dropout(Layer):
    """In training, silence each element with probability ``rate`` and divide the rest by 1 - rate.

    So the mean stays what it is, and outside training nothing happens (inverted dropout).

    Args:
        rate: the part of the elements that is silenced, in [0, 1).
        seed: an integer for masks of its own; ``None`` follows the model's seed.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the rate is outside [0, 1), or the seed is no integer from 0.
        GraphError: on the call, the trace under way is for training and has no random state.

    Example:
        >>> from glassgrad.random_seed import set_random_seed
        >>> set_random_seed(1)
        >>> Dropout(0.5)([1.0, 1.0, 1.0, 1.0], training=True).numpy()
        array([0., 0., 2., 2.], dtype=float32)

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout", 2014.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given: Any = rate  # whatever the type says
        if not isinstance(given, int | float | np.number) or not 0 <= given < 1:
            raise ArgumentError(
                f"The rate of dropout must lie in [0, 1). Got {rate!r}; a rate of 1 leaves nothing."
            )
        self.rate, self.seed = float(rate), check_seed(seed)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        trace = current_trace()
        if not training or not self.rate or trace is None:
            return inputs
        random = self._random_state(trace.random)
        seed = random.seed.tensor if self.seed is None else constant(self.seed % 2**32, "uint32")
        operation = DropoutOperation(self.rate, trace.next_stream())
        dropped: Tensor = operation(inputs, seed, random.step.tensor)
        return dropped

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)

    def _random_state(self, state: RandomState | None) -> RandomState:
        if state is None:
            raise GraphError(
                f"Layer {self.name!r} draws random numbers in training, and the trace has no "
                "random state. Write Trace(training=True, random=new_random_state(seed))."
            )
        return state
