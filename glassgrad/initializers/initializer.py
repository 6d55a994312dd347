"""What every initializer is: a shape and a generator in, the first value of a weight out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph.dtypes import cast_within, default_float, resolve_dtype
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import MOST_ELEMENTS, TensorLike
from glassgrad.random_seed import next_generator
from glassgrad.serialization import Configurable, Registry

__all__ = [
    "Initializer",
    "InitializerLike",
    "deserialize",
    "get",
    "initialize",
    "register",
    "require",
]


class Initializer(Configurable):
    """The base: subclass it and write ``draw``.

    Example:
        >>> class Diagonal(Initializer):
        ...     def draw(self, shape, generator):
        ...         return np.eye(*shape)
        >>> Diagonal()((2, 2))
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """

    #: Those that draw have a seed of their own; ``None`` leaves the choice to the caller.
    seed: int | None = None

    def __call__(
        self,
        shape: Sequence[int],
        dtype: DTypeLike | None = None,
        *,
        generator: np.random.Generator | None = None,
    ) -> Array:
        """The first value of a weight.

        Args:
            shape: its shape.
            dtype: its dtype; the default float (float32) if ``None``.
            generator: where random numbers come from, unless the initializer has a ``seed``;
                ``None`` takes the next one of the seed under way.

        Raises:
            ArgumentError: no memory could ever hold it.
            ShapeError: the initializer does not make such a shape.
        """
        if self.seed is not None:
            generator = np.random.default_rng(self.seed)
        _require_address(tuple(shape))
        drawn = self.draw(tuple(shape), generator or next_generator())
        chosen = default_float() if dtype is None else resolve_dtype(dtype)
        return np.array(cast_within(np.asarray(drawn), chosen))

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Numbers of the given shape, in float64."""
        raise NotImplementedError(f"{type(self).__name__} must write draw(shape, generator).")


InitializerLike: TypeAlias = Initializer | Callable[..., Any]

_registry: Registry[InitializerLike] = Registry("initializer", Initializer, takes_functions=True)
deserialize, register = _registry.deserialize, _registry.register


def get(identifier: Any) -> InitializerLike | None:
    """The initializer that an identifier means.

    Args:
        identifier: ``None``, which stays ``None``; an initializer or its class; a function of shape
            and dtype; a name such as "he_normal"; a configuration; or an array, which is what
            ``Constant`` makes of it.

    Raises:
        UnknownNameError: there is none of that name.
        ArgumentError: the identifier is of another kind.
    """
    return None if identifier is None else require(identifier)


def require(identifier: Any) -> InitializerLike:
    """As ``get``, but ``None`` is refused."""
    if isinstance(identifier, np.ndarray | TensorLike):
        value = np.asarray(identifier)
        return _registry.deserialize({"class_name": "Constant", "config": {"value": value}})
    return _registry.require(identifier)


@checked
def initialize(
    initializer: InitializerLike,
    shape: Sequence[int],
    dtype: DTypeLike | None,
    generator: np.random.Generator,
) -> Array:
    """The first value of a weight; a plain function is called with shape and dtype.

    Raises:
        ShapeError: a function gave another shape.
    """
    if isinstance(initializer, Initializer):
        return initializer(shape, dtype, generator=generator)
    array = np.asarray(initializer(tuple(shape), dtype=dtype))
    if array.shape != tuple(shape):
        raise ShapeError(f"The initializer must give shape {tuple(shape)}. Got {array.shape}.")
    return array


def _require_address(shape: tuple[int, ...]) -> None:
    """Refuse a shape beyond any address, for which NumPy has errors of its own."""
    if min(shape, default=0) < 0:
        raise ArgumentError(f"A weight has lengths from 0. Got shape {shape}.")
    if prod(shape) > MOST_ELEMENTS:
        raise ArgumentError(
            f"A weight must fit into memory. Got shape {shape}; choose fewer units, or make its "
            "input smaller."
        )
