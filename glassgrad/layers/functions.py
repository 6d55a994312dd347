"""Layers that are made of a function, and learn nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from glassgrad import activations
from glassgrad.errors import ArgumentError, shown
from glassgrad.graph import as_tensor
from glassgrad.graph.symbolic import name_of_recordable, recordable_named
from glassgrad.layers.layer import Layer, register

__all__ = ["Identity", "Lambda"]


@register()
class Identity(Layer):
    """What goes in comes out.

    Args:
        kwargs: name, trainable and dtype, see ``Layer``.

    Example:
        >>> Identity()([1.0, 2.0]).numpy()
        array([1., 2.], dtype=float32)
    """

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs


@register()
class Lambda(Layer):
    """Apply a function of tensors: y = f(x).

    Any function will do, as long as the model is not saved. Nothing in a model file is executed,
    so a file names the function: it must be one of ``glassgrad.ops``, or registered.

    Args:
        function: makes tensors of the input; it is handed ``training`` and the ``mask`` that the
            input carries if it has arguments of these names. Or the name of a registered function.
        output_shape: the shape of the output without the batch, or a function that gives it for
            the shape of the input; by default it is found by trying.
        mask: the mask that the output carries: a function of the input and of its mask, or
            booleans for all inputs. By default it carries none.
        arguments: further arguments of the function, by name.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the function is none, the mask is neither a function nor booleans, or the
            arguments are no dictionary; or, when the model is saved, a function is not registered.
        UnknownNameError: no function of this name is registered.

    Example:
        >>> Lambda(lambda x, times: x * times, arguments={"times": 3.0})([1.0, 2.0]).numpy()
        array([3., 6.], dtype=float32)
        >>> from glassgrad.activations import register
        >>> @register()
        ... def halved(x):
        ...     return x / 2
        >>> Lambda(halved).get_config()["function"]
        'halved'
    """

    def __init__(
        self,
        function: Any,
        output_shape: Any = None,
        mask: Any = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if arguments is not None and not isinstance(arguments, Mapping):
            raise ArgumentError(
                f"arguments must be a dictionary, such as {{'times': 2.0}}. Got {arguments!r}."
            )
        self.function = _function(function)
        self.output_shape = _shape_or_function(output_shape)
        self.mask = _mask_or_function(mask)
        self.supports_masking = mask is not None
        self.arguments = dict(arguments or {})

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        told = {"mask": mask, "training": training}
        taken = {name: value for name, value in told.items() if _takes(self.function, name)}
        return self.function(inputs, **self.arguments, **taken)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        if callable(self.mask):
            return self.mask(inputs, previous_mask)
        return None if self.mask is None else as_tensor(self.mask)

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self.output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self.output_shape):
            return tuple(self.output_shape(input_shape))
        return (_batch(input_shape), *self.output_shape)

    def _argument(self, name: str) -> Any:
        value = super()._argument(name)
        return (name_of_recordable(value) if callable(value) else None) or value


def _function(value: Any) -> Callable[..., Any]:
    """A function, or the one that a file names."""
    named = recordable_named(value) if isinstance(value, str) else value
    if callable(named):
        return named
    if value is None:
        raise ArgumentError("A Lambda layer needs a function of tensors. Got None.")
    return activations.get(value)


def _shape_or_function(value: Any) -> Any:
    if value is None or callable(value):
        return value
    if isinstance(value, str):
        return _function(value)
    if isinstance(value, list | tuple) and all(n is None or isinstance(n, int) for n in value):
        return tuple(value)
    raise ArgumentError(
        "output_shape must be a sequence of lengths without the batch, a function of the input's "
        f"shape, or None. Got {value!r}."
    )


def _mask_or_function(value: Any) -> Any:
    if value is None or callable(value):
        return value
    if isinstance(value, str):
        return _function(value)
    mask = as_tensor(value).numpy()
    if mask.dtype.kind != "b":
        raise ArgumentError(
            "mask must be booleans, or a function of the input and its mask that gives them. "
            f"Got {shown(value)}."
        )
    return mask


def _takes(function: Callable[..., Any], argument: str) -> bool:
    try:
        return argument in inspect.signature(function).parameters
    except ValueError:  # some built-in functions have no signature
        return False


def _batch(shape: Any) -> int | None:
    """The length of the batch, of the first of several inputs."""
    if isinstance(shape, Mapping):
        return _batch(next(iter(shape.values())))
    first: Any = shape[0]
    return first if first is None or isinstance(first, int) else _batch(first)
