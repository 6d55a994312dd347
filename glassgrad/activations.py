"""Functions between layers, by Keras's names.

Each is a function of tensors; ``get`` finds it by its name, and takes any other function of a
tensor as it is. In layers and models they are written ``Dense(64, activation="relu")``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from glassgrad.graph import Tensor, as_tensor
from glassgrad.serialization import Configurable, Registry
from glassgrad.serialization import serialize as _serialize

__all__ = [
    "Activation",
    "deserialize",
    "get",
    "linear",
    "register",
    "relu",
    "serialize",
    "sigmoid",
    "softmax",
    "tanh",
]

Activation: TypeAlias = Callable[[Any], Tensor]

_registry: Registry[Activation] = Registry("activation", Configurable, takes_functions=True)
deserialize, register = _registry.deserialize, _registry.register


def get(identifier: Any) -> Activation:
    """The activation that an identifier means.

    Args:
        identifier: a name such as "relu"; any function of a tensor; ``None`` for ``linear``.

    Raises:
        UnknownNameError: there is none of that name.
        ArgumentError: the identifier is of another kind.

    Example:
        >>> get("tanh") is tanh, get(None) is linear
        (True, True)
    """
    return linear if identifier is None else _registry.require(identifier)


def serialize(activation: Activation) -> Any:
    """The name of a registered activation, or the configuration of an object.

    Raises:
        ArgumentError: the function is not registered.

    Example:
        >>> serialize(relu)
        'relu'
    """
    return _serialize(activation)


@register()
def linear(x: Any) -> Tensor:
    """No activation: y = x.

    Example:
        >>> linear([1.0, -2.0]).numpy()
        array([ 1., -2.], dtype=float32)
    """
    return as_tensor(x)


@register()
def relu(x: Any) -> Tensor:
    """Rectified linear unit: y = max(x, 0), with gradient 0 at 0.

    Example:
        >>> relu([1.0, -2.0]).numpy()
        array([1., 0.], dtype=float32)

    Source: Nair, Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.
    """
    return as_tensor(x).relu()


@register()
def sigmoid(x: Any) -> Tensor:
    """Squash into (0, 1): y = 1 / (1 + exp(-x)).

    Its derivative is y (1 - y), with the activation y, not with the pre-activation x.

    Example:
        >>> sigmoid([0.0]).numpy()
        array([0.5], dtype=float32)
    """
    return as_tensor(x).sigmoid()


@register()
def tanh(x: Any) -> Tensor:
    """Squash into (-1, 1): y = (exp(x) - exp(-x)) / (exp(x) + exp(-x)).

    Example:
        >>> tanh([0.0]).numpy()
        array([0.], dtype=float32)
    """
    return as_tensor(x).tanh()


@register()
def softmax(x: Any) -> Tensor:
    """Probabilities over the last axis: y_j = exp(x_j) / sum_k exp(x_k).

    Over an axis of one element it is constant 1 and has no gradient: a single output that stands
    for a probability wants ``sigmoid``.

    Raises:
        ShapeError: there is no last axis, or it is empty.

    Example:
        >>> softmax([[0.0, 0.0]]).numpy()
        array([[0.5, 0.5]], dtype=float32)
    """
    return as_tensor(x).softmax()
