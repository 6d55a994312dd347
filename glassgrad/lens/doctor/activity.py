"""The functions at the ends of layers: what they are called, and where they rest or go flat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from glassgrad.graph import Operation
from glassgrad.graph.operation import Array
from glassgrad.ops.activation import (
    ApproximateGelu,
    Elu,
    Gelu,
    HardSigmoid,
    LeakyRelu,
    Mish,
    Relu6,
    Selu,
    Silu,
    Softplus,
    Softsign,
    ThresholdRelu,
)
from glassgrad.ops.elementwise import Exp, Heaviside, Relu, Sigmoid, Tanh
from glassgrad.ops.loss import LogSoftmax, Softmax

__all__ = ["BY_NAME", "FLAT", "FUNCTIONS", "SATURATING", "Function", "function_of"]

FLAT = 0.05
"""Below this part of its greatest value a derivative counts as gone: |z| > 2.18 for tanh, and
|z| > 4.36 for the sigmoid."""


@dataclass(frozen=True)
class Function:
    """An activation, as the doctor sees it.

    Args:
        name: as Keras calls it.
        rests: whether the output 0 means that nothing comes back, as in the ReLU family.
        slope: the derivative over its greatest value, told from the output, for those that go
            flat at both ends; ``None`` for the others.
    """

    name: str
    rests: bool = False
    slope: Callable[[Array], Array] | None = None


TANH = Function("tanh", slope=lambda y: 1 - np.square(y))
SIGMOID = Function("sigmoid", slope=lambda y: 4 * y * (1 - y))
SOFTSIGN = Function("softsign", slope=lambda y: np.square(1 - np.abs(y)))
HARD_SIGMOID = Function("hard_sigmoid", slope=lambda y: (y > 0) & (y < 1))

FUNCTIONS: dict[type[Operation], Function] = {
    ApproximateGelu: Function("gelu"),
    Elu: Function("elu"),
    Exp: Function("exponential"),
    Gelu: Function("gelu"),
    HardSigmoid: HARD_SIGMOID,
    Heaviside: Function("heaviside"),
    LeakyRelu: Function("leaky_relu"),
    LogSoftmax: Function("log_softmax"),
    Mish: Function("mish"),
    Relu: Function("relu", rests=True),
    Relu6: Function("relu6", rests=True),
    Selu: Function("selu"),
    Sigmoid: SIGMOID,
    Silu: Function("silu"),
    Softmax: Function("softmax"),
    Softplus: Function("softplus"),
    Softsign: SOFTSIGN,
    Tanh: TANH,
    ThresholdRelu: Function("relu", rests=True),
}
"""By the operation that computes them."""

BY_NAME = {function.name: function for function in FUNCTIONS.values()}

SATURATING = frozenset(name for name, one in BY_NAME.items() if one.slope is not None)
"""The names of those that go flat at both ends."""


def function_of(operation: Operation) -> Function | None:
    """The activation that an operation computes, if it is one.

    Example:
        >>> from glassgrad.ops.elementwise import Add
        >>> function_of(Tanh()).name, function_of(Add())
        ('tanh', None)
    """
    found = FUNCTIONS.get(type(operation))
    if isinstance(operation, ThresholdRelu) and operation.negative_slope:
        return BY_NAME["leaky_relu"]
    return found
