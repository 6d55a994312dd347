"""Words of memory that threads share: kernels and the team's driver speak through them.

A *block* is the address of int64 words. Every operation but `put` is sequentially consistent:
there is one order of all of them that every thread sees.
"""

from __future__ import annotations

from typing import Any

from glassgrad.execute.cpu.compiler import intrinsic, ir, types

__all__ = ["add", "exchange", "load", "pointer", "put", "raise_to", "replace", "store"]

WORD_BYTES = 8
ORDER = "seq_cst"


@intrinsic
def pointer(_typing: Any, address: Any) -> Any:
    """The block at an address that was passed as an integer."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


@intrinsic
def load(_typing: Any, block: Any, index: Any) -> Any:
    """The word ``block[index]``."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_word(builder, *arguments), ORDER, WORD_BYTES)

    return types.int64(types.voidptr, types.int64), generate


@intrinsic
def store(_typing: Any, block: Any, index: Any, value: Any) -> Any:
    """Set ``block[index] = value``."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        block, index, value = arguments
        builder.store_atomic(value, _word(builder, block, index), ORDER, WORD_BYTES)
        return context.get_dummy_value()

    return types.void(types.voidptr, types.int64, types.int64), generate


@intrinsic
def put(_typing: Any, block: Any, index: Any, value: Any) -> Any:
    """Set ``block[index] = value``; others see it at the latest with what is stored next."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        block, index, value = arguments
        builder.store_atomic(value, _word(builder, block, index), "monotonic", WORD_BYTES)
        return context.get_dummy_value()

    return types.void(types.voidptr, types.int64, types.int64), generate


@intrinsic
def replace(_typing: Any, block: Any, index: Any, expected: Any, value: Any) -> Any:
    """Set ``block[index] = value`` if it is as expected; whether it was."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        block, index, expected, value = arguments
        word = _word(builder, block, index)
        outcome = builder.cmpxchg(word, expected, value, ORDER, ORDER)
        return builder.extract_value(outcome, 1)

    return types.boolean(types.voidptr, *[types.int64] * 3), generate


def _read_modify_write(operation: str) -> Any:
    def build(_typing: Any, block: Any, index: Any, value: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            block, index, value = arguments
            return builder.atomic_rmw(operation, _word(builder, block, index), value, ORDER)

        return types.int64(types.voidptr, types.int64, types.int64), generate

    return intrinsic(build)


add = _read_modify_write("add")
"""``add(block, index, value)`` adds to the word and returns what it was before."""

exchange = _read_modify_write("xchg")
"""``exchange(block, index, value)`` sets the word and returns what it was before."""

raise_to = _read_modify_write("max")
"""``raise_to(block, index, value)`` sets the word to the larger of the two."""


def _word(builder: Any, block: Any, index: Any) -> Any:
    return builder.gep(builder.bitcast(block, ir.IntType(64).as_pointer()), [index])
