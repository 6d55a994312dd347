"""Functions between layers, by Keras's names.

Each is a function of tensors; ``get`` finds it by its name, and takes any other function of a
tensor as it is. In layers and models they are written ``Dense(64, activation="relu")``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from glassgrad import ops
from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor, as_tensor
from glassgrad.graph.symbolic import recordable
from glassgrad.serialization import Configurable, Registry
from glassgrad.serialization import serialize as _serialize

__all__ = [
    "Activation",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_sigmoid",
    "heaviside",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mish",
    "register",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "swish",
    "tanh",
]

Activation: TypeAlias = Callable[[Any], Tensor]
AnyActivation = TypeVar("AnyActivation", bound=Callable[..., Tensor])

_registry: Registry[Activation] = Registry("activation", Configurable, takes_functions=True)
deserialize = _registry.deserialize


def register(*aliases: str) -> Callable[[AnyActivation], AnyActivation]:
    """Decorate a function of a tensor, so that it is found by its name; see ``Registry``."""

    def add(function: AnyActivation) -> AnyActivation:
        return _registry.register(*aliases)(recordable(checked(function)))

    return add


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
def relu(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """Rectified linear unit: y = max(x, 0), with gradient 0 at 0.

    With all arguments: y = min(x, max_value) above the threshold, else
    negative_slope (x - threshold).

    Args:
        x: the pre-activation.
        negative_slope: the slope below the threshold.
        max_value: the largest value; ``None`` for no limit.
        threshold: up to which the unit counts as off.

    Example:
        >>> relu([1.0, -2.0]).numpy()
        array([1., 0.], dtype=float32)
        >>> relu([9.0, -2.0], negative_slope=0.5, max_value=6.0).numpy()
        array([ 6., -1.], dtype=float32)

    Source: Nair, Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.
    """
    if max_value is None and not threshold:
        return ops.leaky_relu(x, negative_slope) if negative_slope else as_tensor(x).relu()
    limit = math.inf if max_value is None else max_value
    return ops.threshold_relu(x, negative_slope, limit, threshold)


@register()
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """Relu that lets something through below 0: y = x above 0, else negative_slope x.

    No unit dies of it: below 0 the gradient is negative_slope, not 0. PyTorch's default slope is
    0.01.

    Example:
        >>> leaky_relu([1.0, -2.0]).numpy()
        array([ 1. , -0.4], dtype=float32)

    Source: Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models",
    2013.
    """
    return ops.leaky_relu(x, negative_slope)


@register()
def relu6(x: Any) -> Tensor:
    """Relu that stops at 6: y = min(max(x, 0), 6).

    Example:
        >>> relu6([-1.0, 3.0, 7.0]).numpy()
        array([0., 3., 6.], dtype=float32)

    Source: Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.
    """
    return ops.relu6(x)


@register()
def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """Exponential linear unit: y = x above 0, else alpha (exp(x) - 1).

    Example:
        >>> elu([1.0, -1000.0]).numpy()
        array([ 1., -1.], dtype=float32)

    Source: Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by
    exponential linear units", 2016.
    """
    return ops.elu(x, alpha)


@register()
def selu(x: Any) -> Tensor:
    """Scaled elu: y = 1.0507 x above 0, else 1.0507 · 1.6733 (exp(x) - 1).

    With weights of variance 1 / inputs ("lecun_normal" in Keras) activations keep mean 0 and
    variance 1 from layer to layer.

    Example:
        >>> selu([1.0, -1.0]).numpy()
        array([ 1.050701 , -1.1113307], dtype=float32)

    Source: Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", 2017.
    """
    return ops.selu(x)


@register()
def softplus(x: Any) -> Tensor:
    """A smooth relu: y = ln(1 + exp(x)), whose derivative is sigmoid(x).

    Example:
        >>> softplus([-1000.0, 1000.0]).numpy()
        array([   0., 1000.], dtype=float32)

    Source: Dugas, Bengio, Bélisle, Nadeau, Garcia, "Incorporating second-order functional
    knowledge for better option pricing", 2001.
    """
    return ops.softplus(x)


@register()
def softsign(x: Any) -> Tensor:
    """Squash into (-1, 1), slower than tanh: y = x / (1 + |x|).

    Example:
        >>> softsign([1.0, -3.0]).numpy()
        array([ 0.5 , -0.75], dtype=float32)
    """
    return ops.softsign(x)


@register("swish")
def silu(x: Any) -> Tensor:
    """Sigmoid linear unit, also called swish: y = x sigmoid(x).

    Example:
        >>> silu([0.0, 1.0]).numpy()
        array([0.       , 0.7310586], dtype=float32)

    Source: Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning", 2018; Ramachandran, Zoph, Le, "Searching for
    activation functions", 2017.
    """
    return ops.silu(x)


swish = silu


@register()
def gelu(x: Any, approximate: bool = False) -> Tensor:
    """Gaussian error linear unit: y = x P(Z <= x) = x / 2 (1 + erf(x / sqrt(2))).

    Args:
        x: the pre-activation.
        approximate: whether to compute x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x³))) instead,
            which differs by less than 0.001.

    Example:
        >>> gelu([0.0, 1.0]).numpy()
        array([0.       , 0.8413447], dtype=float32)

    Source: Hendrycks, Gimpel, "Gaussian error linear units (GELUs)", 2016.
    """
    return ops.approximate_gelu(x) if approximate else ops.gelu(x)


@register()
def mish(x: Any) -> Tensor:
    """Smooth, and unbounded above only: y = x tanh(softplus(x)).

    Example:
        >>> mish([-1000.0, 0.0, 1000.0]).numpy()
        array([  -0.,    0., 1000.], dtype=float32)

    Source: Misra, "Mish: a self regularized non-monotonic activation function", 2019.
    """
    return ops.mish(x)


@register()
def heaviside(x: Any) -> Tensor:
    """The threshold unit: y = 1 from 0 on, else 0. It fires or it does not.

    It computes, and cannot be trained: asking for its gradient raises ``GradientError``, since
    the gradient is 0 wherever it exists. ``sigmoid`` is its smooth form. Keras has no activation
    of this kind.

    Example:
        >>> heaviside([-0.5, 0.0, 2.0]).numpy()
        array([0., 1., 1.], dtype=float32)

    Source: McCulloch, Pitts, "A logical calculus of the ideas immanent in nervous activity", 1943.
    """
    fires: Tensor = ops.heaviside(x)
    return fires


@register()
def exponential(x: Any) -> Tensor:
    """Exponential: y = exp(x).

    Example:
        >>> exponential([0.0]).numpy()
        array([1.], dtype=float32)
    """
    return as_tensor(x).exp()


@register()
def hard_sigmoid(x: Any) -> Tensor:
    """Three straight lines in place of a sigmoid: y = relu6(x + 3) / 6.

    Example:
        >>> hard_sigmoid([-4.0, 0.0, 4.0]).numpy()
        array([0. , 0.5, 1. ], dtype=float32)
    """
    return ops.hard_sigmoid(x)


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
def softmax(x: Any, axis: int = -1) -> Tensor:
    """Probabilities over an axis, the last by default: y_j = exp(x_j) / sum_k exp(x_k).

    Over an axis of one element it is constant 1 and has no gradient: a single output that stands
    for a probability wants ``sigmoid``.

    Raises:
        ShapeError: there is no last axis, or it is empty.
        ArgumentError: there is no such axis.

    Example:
        >>> softmax([[0.0, 0.0]]).numpy()
        array([[0.5, 0.5]], dtype=float32)
    """
    return _over_axis(ops.softmax, as_tensor(x), axis)


@register()
def log_softmax(x: Any, axis: int = -1) -> Tensor:
    """Logarithm of softmax: y_j = x_j - ln sum_k exp(x_k).

    It stays finite where a probability is rounded to 0.

    Raises:
        ShapeError: there is no last axis, or it is empty.
        ArgumentError: there is no such axis.

    Example:
        >>> log_softmax([[1000.0, 0.0]]).numpy()
        array([[    0., -1000.]], dtype=float32)
    """
    return _over_axis(ops.log_softmax, as_tensor(x), axis)


def _over_axis(function: Activation, x: Tensor, axis: int) -> Tensor:
    """Apply what runs over the last axis to another one, by bringing it to the end and back."""
    if axis in (-1, x.ndim - 1) or not x.ndim:
        return function(x)
    if not -x.ndim <= axis < x.ndim:
        raise ArgumentError(
            f"An axis of a tensor of shape {x.shape} must lie in [{-x.ndim}, {x.ndim}). Got {axis}."
        )
    order = list(range(x.ndim))
    order[axis], order[-1] = order[-1], order[axis]  # an exchange undoes itself
    return ops.transpose(function(ops.transpose(x, order)), order)
