"""What recurrent operations are made of: activations by name, and walks along the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from glassgrad.errors import DtypeError, ShapeError, UnknownNameError
from glassgrad.graph import Tensor, TensorSpec
from glassgrad.ops.activation import hard_sigmoid
from glassgrad.ops.arrangement import expand_dims, swapaxes
from glassgrad.ops.elementwise import greater, relu, require_floats, sigmoid, square, tanh, where
from glassgrad.ops.logic import logical_and
from glassgrad.ops.movement import concatenate, reshape
from glassgrad.ops.scan import scan

__all__ = [
    "ACTIVATIONS",
    "activation_named",
    "held",
    "let_pass",
    "over_time",
    "previous",
    "require_shapes",
]


class GateActivation(NamedTuple):
    """A function whose derivative is known from its value alone, which is what is kept."""

    function: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Any]


ACTIVATIONS = {
    "hard_sigmoid": GateActivation(
        hard_sigmoid, lambda y: logical_and(greater(y, 0.0), greater(1.0, y)).cast(y.dtype) / 6.0
    ),
    "linear": GateActivation(lambda x: x, lambda y: 1.0),
    "relu": GateActivation(relu, lambda y: greater(y, 0.0).cast(y.dtype)),
    "sigmoid": GateActivation(sigmoid, lambda y: y * (1.0 - y)),
    "tanh": GateActivation(tanh, lambda y: 1.0 - square(y)),
}


def activation_named(name: str) -> GateActivation:
    """The function and its derivative.

    Raises:
        UnknownNameError: the derivative of this one is not told from its value.
    """
    if name not in ACTIVATIONS:
        raise UnknownNameError("activation of a recurrent operation", name, tuple(ACTIVATIONS))
    return ACTIVATIONS[name]


def require_shapes(
    operation: str,
    specs: Sequence[TensorSpec],
    states: int,
    gates: int,
    bias: tuple[int, ...] = (),
) -> None:
    """Inputs are x, the states, kernel, recurrent kernel and bias, perhaps a mask.

    Args:
        operation: what the message calls it.
        specs: the inputs.
        states: how many there are.
        gates: how many units wide the products are, counted in units.
        bias: the axes of the bias before its last.

    Raises:
        ShapeError: a shape does not fit the others.
        DtypeError: an input is of the wrong kind.
    """
    if len(specs) not in (states + 4, states + 5):
        raise ShapeError(
            f"{operation} has {states + 4} inputs and perhaps a mask. Got {len(specs)}."
        )
    x = specs[0]
    if x.rank != 3:
        raise ShapeError(f"{operation} wants x of shape (batch, time, features). Got {x.shape}.")
    (batch, time, features), units = x.shape, specs[1].shape[-1] if specs[1].rank else 0
    width = gates * units
    wanted = [
        *(("state", (batch, units)) for _ in range(states)),
        ("kernel", (features, width)),
        ("recurrent kernel", (units, width)),
        ("bias", (*bias, width)),
        ("mask", (batch, time)),
    ]
    for (name, shape), spec in zip(wanted, specs[1:], strict=False):
        if spec.shape != shape:
            raise ShapeError(
                f"{operation} with x of shape {x.shape} and {units} units wants a {name} of shape "
                f"{shape}. Got {spec.shape}."
            )
    for spec in specs[: states + 4]:
        require_floats(operation, spec)
    for spec in specs[states + 4 :]:
        if spec.dtype.kind != "b":
            raise DtypeError(f"{operation} wants a mask of booleans. Got {spec.dtype}.")


Step = Callable[
    [Sequence[Tensor], Sequence[Tensor], Sequence[Tensor], Sequence[Tensor]],
    tuple[Sequence[Tensor], Sequence[Tensor]],
]


def over_time(
    step: Step,
    states: Sequence[Tensor],
    sequences: Sequence[Tensor],
    constants: Sequence[Tensor],
    mask: Sequence[Tensor],
    reverse: bool,
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """A scan along the second axis of sequences of shape (batch, time, …).

    Args:
        step: gets the states, the elements of this time, the constants, and this time's mask;
            gives the next states and the results.
        states: those before the first step.
        sequences: of shape (batch, time, …).
        constants: what every step sees.
        mask: of shape (batch, time), alone in a sequence; or an empty one.
        reverse: whether to start at the end.

    Returns:
        The last states, and the results of all steps, of shape (batch, time, …).
    """
    count = len(sequences)
    last, stacked = scan(
        lambda carries, elements, fixed: step(carries, elements[:count], fixed, elements[count:]),
        states,
        [swapaxes(sequence, 0, 1) for sequence in (*sequences, *mask)],
        constants,
        reverse=reverse,
    )
    return last, tuple(swapaxes(result, 0, 1) for result in stacked)


def previous(first: Tensor, states: Tensor, reverse: bool) -> Tensor:
    """The state before each step: (batch, units) and (batch, time, units) give the latter."""
    time = states.shape[1]
    if reverse:
        return concatenate([states, expand_dims(first, 1)], 1)[:, 1:]
    return concatenate([expand_dims(first, 1), states], 1)[:, :time]


def held(mask: Sequence[Tensor], new: Tensor, old: Tensor) -> Tensor:
    """The new value of the examples that have an element at this time, the old one of the others.

    Args:
        mask: (batch,), alone in a sequence, or nothing where all have one.
        new: (batch, …).
        old: (batch, …).
    """
    return where(_along(mask[0], new), new, old) if mask else new


def let_pass(mask: Sequence[Tensor], gradient: Tensor) -> tuple[Tensor, Tensor | None]:
    """Split the gradient of a state into what meets the step and what goes by it."""
    if not mask:
        return gradient, None
    is_here = _along(mask[0], gradient)
    return where(is_here, gradient, 0.0), where(is_here, 0.0, gradient)


def _along(mask: Tensor, values: Tensor) -> Tensor:
    return reshape(mask, (*mask.shape, *(1,) * (values.ndim - mask.ndim)))
