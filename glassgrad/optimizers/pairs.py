"""Gradients and the variables that change along them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from glassgrad.errors import ArgumentError, GradientError, ShapeError, shown
from glassgrad.graph import Tensor, Variable, as_tensor

__all__ = ["Pairs", "changed_pairs", "require_variables"]

Pairs: TypeAlias = list[tuple[Tensor, Variable]]


def changed_pairs(gradients: Sequence[Any], variables: Sequence[Variable]) -> Pairs:
    """The variables that are to be changed, with their gradients as tensors of their dtype.

    Left out are the frozen ones, and those without a gradient, with a warning.

    Args:
        gradients: for each variable a tensor or an array of its shape, or ``None``.
        variables: each once.

    Raises:
        ArgumentError: there are not as many gradients as variables, or a variable comes twice.
        GradientError: no variable has a gradient.
        ShapeError: a gradient has another shape than its variable.
    """
    return _changed(_paired(list(gradients), require_variables(variables)))


def require_variables(variables: Iterable[Any]) -> list[Variable]:
    """The variables, in a list.

    Raises:
        ArgumentError: one of them is none.
    """
    listed = list(variables)
    for one in listed:
        if not isinstance(one, Variable):
            raise ArgumentError(
                f"An optimizer changes variables. Got {shown(one)}; write Variable(value), or "
                "model.trainable_variables."
            )
    return listed


def _paired(gradients: list[Any], variables: list[Variable]) -> list[tuple[Any, Variable]]:
    if len(gradients) != len(variables):
        raise ArgumentError(
            f"There must be one gradient for each variable. Got {len(gradients)} gradients and "
            f"{len(variables)} variables."
        )
    if len(set(variables)) < len(variables):
        twice = next(variable for variable in variables if variables.count(variable) > 1)
        raise ArgumentError(
            f"Each variable may be given once. Got {twice.name!r} again; add its gradients up."
        )
    return list(zip(gradients, variables, strict=True))


def _changed(pairs: list[tuple[Any, Variable]]) -> Pairs:
    """Those that are to be changed: not frozen, and with a gradient."""
    pairs = [(gradient, variable) for gradient, variable in pairs if variable.trainable]
    missing = [variable.name for gradient, variable in pairs if gradient is None]
    if pairs and len(missing) == len(pairs):
        raise GradientError(
            "No gradients provided for any variable: the loss depends on none of "
            f"{', '.join(missing)}."
        )
    if missing:
        warnings.warn(
            f"The loss does not depend on {', '.join(missing)}, which therefore stay as they are.",
            stacklevel=4,
        )
    return [(_gradient_of(v, g), v) for g, v in pairs if g is not None]


def _gradient_of(variable: Variable, gradient: Any) -> Tensor:
    tensor = as_tensor(gradient)
    if tensor.shape != variable.shape:
        raise ShapeError(
            f"The gradient of {variable.name!r} must have its shape {variable.shape}. "
            f"Got {tensor.shape}."
        )
    return tensor if tensor.dtype == variable.dtype else tensor.cast(variable.dtype)
