"""The base of all losses, their registry, and what makes a loss of a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeAlias

from numpy.typing import DTypeLike

from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor, as_tensor, default_float, float_type, mask_of, scope
from glassgrad.graph.dtypes import resolve_dtype
from glassgrad.losses.matching import match_ranks
from glassgrad.losses.weighting import reduce_values
from glassgrad.naming import snake_case
from glassgrad.serialization import Configurable, Registry, serialize

__all__ = [
    "FunctionWithArguments",
    "Loss",
    "LossFunction",
    "LossFunctionWrapper",
    "as_loss",
    "deserialize",
    "get",
    "register",
    "taken_in",
]

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


def taken_in(value: Any, dtype: str | None) -> Tensor:
    """A tensor of the value, whose floats have the dtype, if one is asked for."""
    tensor = as_tensor(value)
    changes = dtype is not None and tensor.dtype.kind == "f" and tensor.dtype != dtype
    return tensor.cast(dtype) if changes else tensor


class Loss(Configurable):
    """The base: subclass it and write ``call``, which gives a value for each example.

    Args:
        name: what the loss is called; its class in snake_case by default.
        reduction: how the values become one number: "sum_over_batch_size" or "mean" (their sum
            divided by how many they are), "mean_with_sample_weight" (divided by the sum of the
            weights), "sum", or "none" or ``None`` (they stay as they are).
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the reduction is unknown.
        DtypeError: the dtype is unknown.

    Example:
        >>> class FourthPower(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return ((y_true - y_pred) ** 4).mean(axis=-1)
        >>> FourthPower()([[0.0]], [[2.0]]).item()
        16.0
    """

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: DTypeLike | None = None,
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ArgumentError(f"The reduction must be one of {REDUCTIONS}. Got {reduction!r}.")
        self.reduction = reduction
        self.name = name or snake_case(type(self).__name__)
        self.dtype = None if dtype is None else str(resolve_dtype(dtype))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """The loss of a batch.

        Args:
            y_true: the targets, one for each example.
            y_pred: the predictions; where they carry a mask, what it leaves out does not count.
            sample_weight: a factor for each value, or for each example: axes that it has not
                are added on its right.

        Raises:
            ShapeError: the shapes do not fit each other.
        """
        with scope(self.name), float_type(self.dtype or default_float()):
            true, pred = taken_in(y_true, self.dtype), taken_in(y_pred, self.dtype)
            values = self.call(true, pred)
            masks = (mask_of(y_pred), self.mask(true, pred))
            return reduce_values(values, sample_weight, self.reduction, *masks)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value for each example."""
        raise NotImplementedError(f"{type(self).__name__} must write call(y_true, y_pred).")

    def mask(self, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
        """Which of the values count, as booleans; ``None`` where all do."""
        return None


LossFunction: TypeAlias = Callable[..., Tensor]
LossLike: TypeAlias = Loss | LossFunction

_registry: Registry[LossLike] = Registry("loss", Loss, takes_functions=True)
get, deserialize, register = _registry.get, _registry.deserialize, _registry.register


class FunctionWithArguments(Configurable):
    """The base of what calls a function of (y_true, y_pred).

    The function's further arguments are attributes of the object, and part of its configuration.
    """

    fn: LossFunction
    _names: tuple[str, ...]

    def bind(self, fn: LossFunction, arguments: Mapping[str, Any]) -> None:
        """Keep the function and its further arguments.

        Raises:
            ArgumentError: the function does not take them.
        """
        if arguments:
            _require_arguments(fn, arguments)
        self.fn = fn
        self._names = tuple(arguments)
        vars(self).update(arguments)

    def apply_function(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """What the function gives."""
        values = self.fn(y_true, y_pred, **{name: getattr(self, name) for name in self._names})
        return as_tensor(values)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, with those of the function."""
        further = {name: serialize(getattr(self, name)) for name in self._names}
        return super().get_config() | further

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The object that a configuration describes.

        Raises:
            UnknownNameError, ArgumentError: there is no such argument.
        """
        parameters = inspect.signature(cls).parameters.values()
        hands_on = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        return cls(**config) if hands_on else super().from_config(config)


def _require_arguments(fn: LossFunction, arguments: Mapping[str, Any]) -> None:
    try:
        inspect.signature(fn).bind(None, None, **arguments)
    except TypeError as error:
        name = getattr(fn, "__name__", repr(fn))
        raise ArgumentError(
            f"{name} takes other arguments than {', '.join(arguments)}: {error}."
        ) from None


@register()
class LossFunctionWrapper(FunctionWithArguments, Loss):
    """A loss made of a function of (y_true, y_pred) that gives a value for each example.

    Where targets of shape ``(batch,)`` meet predictions of shape ``(batch, 1)``, or the reverse,
    both reach the function with two axes: NumPy's broadcasting would make a square of them.

    Args:
        fn: the function, or the name of a registered one.
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called; the function's name by default.
        dtype: in which float type it is computed; that of the predictions by default.
        kwargs: further arguments of the function.

    Raises:
        ArgumentError: the function does not take the further arguments.

    Example:
        >>> LossFunctionWrapper("mse")([[0.0]], [[2.0]]).item()
        4.0
        >>> LossFunctionWrapper("huber", delta=0.5)([[0.0]], [[2.0]]).item()
        0.875
    """

    def __init__(
        self,
        fn: LossFunction | str,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: DTypeLike | None = None,
        **kwargs: Any,
    ) -> None:
        self.bind(_registry.require(fn), kwargs)
        super().__init__(name or getattr(self.fn, "__name__", None), reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """What the function gives for targets and predictions of one rank."""
        return self.apply_function(*match_ranks(y_true, y_pred))


def as_loss(identifier: Any) -> Loss:
    """The loss that an identifier means, functions and their names included.

    Args:
        identifier: a loss, a function of (y_true, y_pred), a name, or a configuration.

    Raises:
        UnknownNameError: there is none of that name.
        ArgumentError: the identifier is of another kind.

    Example:
        >>> as_loss("mse").name
        'mean_squared_error'
    """
    found = _registry.require(identifier)
    return found if isinstance(found, Loss) else LossFunctionWrapper(found)
