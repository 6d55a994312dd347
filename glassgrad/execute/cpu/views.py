"""How a kernel finds its arguments.

A kernel is ``kernel(part, parts, arguments)``. ``arguments`` is the address of int64 words,
`SLOT_WORDS` for each argument: the address of its elements (or the integer itself), then its
dimensions. The functions here turn a slot into a NumPy-like array inside the kernel; generated
code finds their names in `VIEW_NAMES`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.execute.cpu import atomics
from glassgrad.execute.cpu.compiler import Module, cgutils, helper, intrinsic, ir, types

__all__ = [
    "SLOT_WORDS",
    "VIEW_NAMES",
    "elements_at",
    "integer",
    "part_of_array",
    "report",
    "split",
]

SLOT_WORDS = 6

arrays: Any = Module("numba.np.arrayobj")

VIEW_NAMES = {
    (np.dtype(dtype), rank): f"{name}_{kind}"
    for dtype, name in (
        ("float32", "float32"),
        ("float64", "float64"),
        ("int32", "int32"),
        ("int64", "int64"),
        ("uint32", "uint32"),
        ("uint8", "uint8"),
        ("bool", "uint8"),  # a kernel sees the bytes 0 and 1
    )
    for rank, kind in ((1, "vector"), (2, "matrix"))
}
"""The name of the view for a dtype and a rank: ``(float32, 2)`` is "float32_matrix"."""


def _view(dtype: str, rank: int) -> Any:
    def build(_typing: Any, arguments: Any, slot: Any) -> Any:
        array_type = types.Array(getattr(types, dtype), rank, "C")

        def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            address, *dimensions = _read_words(builder, values, 1 + rank)
            return _array(context, builder, array_type, address, dimensions)

        return array_type(types.voidptr, types.int64), generate

    return intrinsic(build)


float32_vector, float32_matrix = _view("float32", 1), _view("float32", 2)
float64_vector, float64_matrix = _view("float64", 1), _view("float64", 2)
int32_vector, int32_matrix = _view("int32", 1), _view("int32", 2)
int64_vector, int64_matrix = _view("int64", 1), _view("int64", 2)
uint32_vector, uint32_matrix = _view("uint32", 1), _view("uint32", 2)
uint8_vector, uint8_matrix = _view("uint8", 1), _view("uint8", 2)


@intrinsic
def integer(_typing: Any, arguments: Any, slot: Any) -> Any:
    """The integer argument in a slot."""

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return _read_words(builder, values, 1)[0]

    return types.int64(types.voidptr, types.int64), generate


@intrinsic
def elements_at(_typing: Any, pointer: Any) -> Any:
    """The vector that begins at a pointer; its length is not known, and nobody asks for it."""
    vector_type = types.Array(pointer.dtype, 1, "C")

    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return _array(context, builder, vector_type, values[0], [ir.IntType(64)(1)])

    return vector_type(pointer), generate


@intrinsic
def part_of_array(_typing: Any, array: Any, offset: Any, length: Any) -> Any:
    """Elements ``offset`` to ``offset + length`` of a contiguous array, as a vector.

    Loops over such a vector vectorise. Indices computed in the loop, ``array[offset + i]``,
    do not: Numba must ask of each whether it is negative.
    """
    vector_type = types.Array(array.dtype, 1, "C")

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, offset, length = values
        whole = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=array)
        start = builder.gep(whole.data, [offset])
        return _array(context, builder, vector_type, start, [length])

    return vector_type(array, types.int64, types.int64), generate


@helper()
def split(length: int, parts: int, part: int, granularity: int) -> tuple[int, int]:
    """The half-open range of this part; boundaries are multiples of the granularity."""
    blocks = (length + granularity - 1) // granularity
    begin = blocks * part // parts * granularity
    end = blocks * (part + 1) // parts * granularity
    return min(begin, length), min(end, length)


@helper()
def report(arguments: Any, slot: int, code: int) -> None:
    """Raise the status word, whose address is in the slot, to the code: a kernel's exception.

    The largest code wins, whichever thread comes first, so that a run's result is always the
    same.
    """
    atomics.raise_to(atomics.pointer(integer(arguments, slot)), 0, code)


def _read_words(builder: Any, values: Any, count: int) -> list[Any]:
    arguments, slot = values
    word = ir.IntType(64)
    words = builder.bitcast(arguments, word.as_pointer())
    first = builder.mul(slot, word(SLOT_WORDS))
    return [
        builder.load(builder.gep(words, [builder.add(first, word(index))]))
        for index in range(count)
    ]


def _array(context: Any, builder: Any, array_type: Any, start: Any, shape: list[Any]) -> Any:
    """An array structure over memory that somebody else owns; ``start`` may be an integer."""
    array = arrays.make_array(array_type)(context, builder)
    if isinstance(start.type, ir.IntType):
        start = builder.inttoptr(start, array.data.type)
    word = ir.IntType(64)
    item_size = word(context.get_abi_sizeof(context.get_data_type(array_type.dtype)))
    strides = [item_size]
    for dimension in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], dimension))
    arrays.populate_array(
        array, data=start, shape=shape, strides=strides, itemsize=item_size, meminfo=None
    )
    return array._getvalue()  # noqa: SLF001  # the only name that Numba has for it
