"""What the driver asks of the processor itself: a pause while it waits, and fast denormals.

Denormal numbers (below 1e-38 in float32) fill a network that has converged, and arithmetic on
them is many times slower; a mode of the processor reads and writes them as zero.

x86 and Arm have instructions for both; elsewhere nothing happens, only more slowly.
"""

from __future__ import annotations

from typing import Any

from glassgrad.execute.cpu.compiler import cgutils, intrinsic, ir, types
from glassgrad.execute.cpu.host import family

__all__ = ["exchange_mode", "flush_denormals", "pause"]

ARM_YIELD_HINT = 1
X86_FLUSH_AND_ZERO = 0x8040  # bits 15 and 6 of MXCSR
ARM_FLUSH_TO_ZERO = 1 << 24  # bit 24 of FPCR


def pause_on(processor: str) -> Any:
    """The intrinsic ``pause()`` of a processor family."""

    def build(_typing: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, _values: Any) -> Any:
            emit_pause(builder, processor)
            return context.get_dummy_value()

        return types.void(), generate

    return intrinsic(build)


def exchange_mode_on(processor: str) -> Any:
    """The intrinsic ``exchange_mode(mode) -> previous`` of a processor family."""

    def build(_typing: Any, mode: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            previous = emit_read_mode(builder, processor)
            emit_write_mode(builder, processor, values[0])
            return previous

        return types.int64(types.int64), generate

    return intrinsic(build)


def flush_denormals_on(processor: str) -> Any:
    """The intrinsic ``flush_denormals() -> previous`` of a processor family."""
    bits = {"x86": X86_FLUSH_AND_ZERO, "arm": ARM_FLUSH_TO_ZERO}.get(processor, 0)

    def build(_typing: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, _values: Any) -> Any:
            previous = emit_read_mode(builder, processor)
            emit_write_mode(builder, processor, builder.or_(previous, ir.IntType(64)(bits)))
            return previous

        return types.int64(), generate

    return intrinsic(build)


def emit_pause(builder: Any, processor: str) -> None:
    """Tell the processor that this thread only waits."""
    if processor == "x86":
        _call(builder, "llvm.x86.sse2.pause", ir.VoidType())
    elif processor == "arm":
        _call(builder, "llvm.aarch64.hint", ir.VoidType(), ir.IntType(32)(ARM_YIELD_HINT))


def emit_read_mode(builder: Any, processor: str) -> Any:
    """The floating-point mode of this thread as an int64."""
    if processor == "x86":
        word = cgutils.alloca_once(builder, ir.IntType(32))
        _call(
            builder,
            "llvm.x86.sse.stmxcsr",
            ir.VoidType(),
            builder.bitcast(word, ir.IntType(8).as_pointer()),
        )
        return builder.zext(builder.load(word), ir.IntType(64))
    if processor == "arm":
        return _call(builder, "llvm.aarch64.get.fpcr", ir.IntType(64))
    return ir.IntType(64)(0)


def emit_write_mode(builder: Any, processor: str, mode: Any) -> None:
    """Set the floating-point mode of this thread."""
    if processor == "x86":
        word = cgutils.alloca_once(builder, ir.IntType(32))
        builder.store(builder.trunc(mode, ir.IntType(32)), word)
        _call(
            builder,
            "llvm.x86.sse.ldmxcsr",
            ir.VoidType(),
            builder.bitcast(word, ir.IntType(8).as_pointer()),
        )
    elif processor == "arm":
        _call(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), mode)


def _call(builder: Any, name: str, result: Any, *values: Any) -> Any:
    function_type = ir.FunctionType(result, [value.type for value in values])
    return builder.call(cgutils.get_or_insert_function(builder.module, function_type, name), values)


pause = pause_on(family())
"""``pause()`` tells the processor that this thread only waits."""

exchange_mode = exchange_mode_on(family())
"""``exchange_mode(mode)`` sets the floating-point mode and returns the one before."""

flush_denormals = flush_denormals_on(family())
"""``flush_denormals()`` reads and writes denormals as zero; returns the mode before."""
