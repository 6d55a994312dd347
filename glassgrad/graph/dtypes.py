"""Which dtype a value has: floats are float32 unless the policy says otherwise."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from glassgrad.arguments import checked
from glassgrad.errors import DtypeError, shown

__all__ = [
    "FLOATS",
    "INTEGERS",
    "SUPPORTED",
    "cast_within",
    "default_float",
    "float_type",
    "promote",
    "resolve_dtype",
    "to_array",
]

FLOATS = (np.dtype("float32"), np.dtype("float64"))
INTEGERS = tuple(np.dtype(name) for name in ("uint8", "int32", "uint32", "int64"))
SUPPORTED = (np.dtype("bool"), *INTEGERS, *FLOATS)

_default_float: ContextVar[np.dtype[Any]] = ContextVar("default_float", default=FLOATS[0])


def default_float() -> np.dtype[Any]:
    """The dtype that floating-point numbers get when none is asked for.

    Example:
        >>> default_float()
        dtype('float32')
    """
    return _default_float.get()


@checked
@contextmanager
def float_type(dtype: DTypeLike) -> Iterator[None]:
    """Let floats that enter a graph be ``dtype`` for the length of a ``with`` block.

    Args:
        dtype: "float32" or "float64".

    Raises:
        DtypeError: it is another one.

    Example:
        >>> with float_type("float64"):
        ...     to_array([0.5]).dtype
        dtype('float64')
    """
    chosen = resolve_dtype(dtype)
    if chosen not in FLOATS:
        raise DtypeError(f"The float type must be float32 or float64. Got {chosen}.")
    token = _default_float.set(chosen)
    try:
        yield
    finally:
        _default_float.reset(token)


def resolve_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Turn a name or NumPy dtype into one of the dtypes that graphs know.

    Raises:
        DtypeError: it is none of them.
    """
    try:
        resolved: np.dtype[Any] | None = np.dtype(dtype)
    except (TypeError, ValueError, AttributeError, SyntaxError):  # NumPy's words for no dtype
        resolved = None
    if resolved is None or resolved not in SUPPORTED:
        names = ", ".join(str(known) for known in SUPPORTED)
        raise DtypeError(f"A dtype must be one of {names}. Got {shown(dtype)}.")
    return resolved


def to_array(value: Any, dtype: DTypeLike | None = None) -> np.ndarray[Any, Any]:
    """Copy a value into an array of its own: floats as the default float, integers as int32.

    Raises:
        DtypeError: the value is not made of numbers, some of them are masked, or they are too
            large for the dtype.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise DtypeError(
            "Masked entries have no value. Got a masked array; fill them first, as in filled(0)."
        )
    try:
        array = np.array(value, order="C")
    except ValueError as error:
        raise DtypeError(f"Values must form a rectangular array of numbers: {error}.") from error
    if array.dtype.kind not in "biuf":
        raise DtypeError(
            f"Values must be numbers or booleans. Got {type(value).__name__} "
            f"of dtype {array.dtype}."
        )
    chosen = _entry_dtype(array) if dtype is None else resolve_dtype(dtype)
    _require_room(array, chosen)
    return cast_within(array, chosen)


def cast_within(array: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """An array in a dtype, where no finite number becomes infinite.

    Raises:
        DtypeError: one would.
    """
    is_narrower = dtype.kind == array.dtype.kind and dtype.itemsize < array.dtype.itemsize
    if not is_narrower:
        return array.astype(dtype, order="C", copy=False)
    try:
        with np.errstate(over="raise"):
            return array.astype(dtype, order="C", copy=False)
    except FloatingPointError:
        limit = np.finfo(dtype).max
        raise DtypeError(
            f"{dtype} holds numbers up to {limit:.2g}. Got some beyond it; scale them, or ask for "
            "float64."
        ) from None


def _entry_dtype(array: np.ndarray[Any, Any]) -> np.dtype[Any]:
    dtype: np.dtype[Any] = array.dtype
    if dtype.kind == "f":
        return default_float()
    if dtype.kind == "b" or dtype in (np.dtype("uint8"), np.dtype("uint32")):
        return dtype
    return np.dtype("int32")


def _require_room(array: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> None:
    """Integers keep every digit: nothing wraps around, and no fraction is cut off."""
    if array.dtype.kind not in "iuf" or dtype.kind not in "iu" or array.dtype == dtype:
        return
    limits = np.iinfo(dtype)
    if array.dtype.kind == "f" and not (np.isfinite(array) & (array == np.floor(array))).all():
        raise DtypeError(
            f"{dtype} holds whole numbers. Got {_first_fraction(array)}; round first, or ask for "
            "a float dtype."
        )
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        raise DtypeError(
            f"{dtype} holds integers from {limits.min} to {limits.max}. Got values from "
            f"{array.min()} to {array.max()}; ask for dtype='int64' or a float dtype."
        )


def _first_fraction(array: np.ndarray[Any, Any]) -> Any:
    return array[~(np.isfinite(array) & (array == np.floor(array)))].flat[0]


@functools.cache
def promote(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which values of several dtypes meet: a float wins over every integer.

    Example:
        >>> promote(np.dtype("int64"), np.dtype("float32"))
        dtype('float32')
    """
    floats = [dtype for dtype in dtypes if dtype.kind == "f"]
    return np.result_type(*(floats or dtypes))
