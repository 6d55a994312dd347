"""What the parameters of operations mean: most mean the same wherever they occur."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields

from glassgrad.errors import ArgumentError
from glassgrad.graph import Operation

__all__ = ["Parameter", "parameters_of"]

Parameter = tuple[str, str, str]

MEANINGS: Mapping[str, str] = {
    "activation": "of the state: tanh, relu, sigmoid, hard_sigmoid or linear",
    "after": "how many zeros stand after each axis",
    "alpha": "how far below 0 it goes",
    "axes": "the axes along which it runs",
    "axis": "the axis along which it runs",
    "before": "how many zeros stand before each axis",
    "body": "a graph: what is computed at each step",
    "carries": "how many of the inputs are states, which each step hands to the next",
    "causal": "whether query i sees the keys from 0 to i alone",
    "classes": "how many classes there are",
    "descending": "whether the largest comes first",
    "dilation": "how far apart the elements that a window sees lie, for each axis of space",
    "dtype": "the float type of the result",
    "epsilon": "how close to 0 and 1 a probability may come",
    "equation": "a letter for each axis of each input, then those of the output",
    "given": "which outputs of the forward pass have a gradient",
    "groups": "how many groups share channels and filters evenly",
    "high": "the largest value",
    "k": "how many are wanted",
    "keepdims": "whether the axes stay, with length 1",
    "length": "how many steps, or members of each list, there are",
    "limit": "the distance from 0 at which the distribution is cut off",
    "low": "the least value",
    "masked": "whether a mask is among the inputs",
    "max_value": "the largest value",
    "negative_slope": "the slope below 0, or below the threshold",
    "of": "the composite whose chain rule it is",
    "order": "which axis of the input becomes the first, the second and so on",
    "padding": "how many elements of padding stand before and after each axis of space",
    "rate": "the probability with which an element is dropped",
    "recurrent_activation": "of the gates: sigmoid, hard_sigmoid, tanh, relu or linear",
    "reset_after": "whether the reset gate comes after the recurrent product, or before it",
    "reverse": "whether it runs from the end to the beginning",
    "rows": "how many rows come out",
    "scale": "what the products of queries and keys are multiplied by",
    "sequences": "how many of the inputs are walked along, one element a step",
    "shared": "how many of the inputs are scalars that all members share",
    "squares": "of how many of the last outputs only the sum of the squares is kept",
    "space": "the lengths of the axes of space",
    "starts": "where the range of each axis begins",
    "stops": "the place after the end of the range of each axis",
    "stream": "tells apart the places of a graph that draw random numbers",
    "strides": "how far apart neighbouring windows lie, for each axis of space",
    "target": "the shape of the result",
    "threshold": "up to which the unit counts as off",
    "transpose_a": "whether a is transposed on the way in",
    "transpose_b": "whether b is transposed on the way in",
    "window": "how many elements a window sees along each axis of space",
    "AddAlongAxis.length": "the length of the axis that comes out",
    "Cast.dtype": "the type of the result",
    "Standardize.epsilon": "what is added to the variance before the root is taken",
}


def parameters_of(kind: type[Operation]) -> list[Parameter]:
    """Name, default and meaning of each parameter of an operation.

    Raises:
        ArgumentError: a parameter is not in the table of meanings.

    Example:
        >>> from glassgrad.ops.elementwise import Clip
        >>> parameters_of(Clip)[0]
        ('low', '0.0', 'the least value')
    """
    return [(one.name, _default(one), _meaning(kind, one.name)) for one in fields(kind)]


def _default(field: Field[object]) -> str:
    return "" if field.default is MISSING else repr(field.default)


def _meaning(kind: type[Operation], name: str) -> str:
    for key in (f"{kind.__name__}.{name}", name):
        if key in MEANINGS:
            return MEANINGS[key]
    raise ArgumentError(
        f"The parameter {name!r} of {kind.__name__} has no meaning yet. Say it in MEANINGS of "
        f"{__name__}."
    )
