from __future__ import annotations

import llvmlite.binding
import pytest
from llvmlite import ir

from glassgrad.execute.cpu import processor
from glassgrad.execute.cpu.compiler import entry_point
from glassgrad.execute.cpu.processor import (
    exchange_mode,
    exchange_mode_on,
    family,
    flush_denormals,
    flush_denormals_on,
    pause,
    pause_on,
)

plain_pause, plain_flush = pause_on("other"), flush_denormals_on("other")
plain_exchange = exchange_mode_on("other")


def _flushed(factor):
    pause()
    mode = flush_denormals()
    product = factor * factor
    exchange_mode(mode)
    return product


def _not_flushed(factor):
    plain_pause()
    mode = plain_flush()
    product = factor * factor
    plain_exchange(mode)
    return product


@pytest.mark.skipif(family() == "other", reason="this processor has no such mode")
def test_denormals_are_zero_until_the_mode_is_restored():
    flushed = entry_point(_flushed, "float64", "float64")
    assert flushed(1e-160) == 0
    assert 1e-160 * 1e-160 > 0
    assert flushed(2.0) == 4


def test_the_portable_twin_changes_nothing():
    assert entry_point(_not_flushed, "float64", "float64")(1e-160) == 1e-160 * 1e-160


def test_the_twin_for_arm_is_made_of_arms_instructions():
    llvmlite.binding.initialize_all_targets()
    llvmlite.binding.initialize_all_asmprinters()
    try:
        target = llvmlite.binding.Target.from_triple("aarch64-unknown-linux-gnu")
    except RuntimeError:
        pytest.skip("this LLVM knows no Arm")
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.IntType(64), [ir.IntType(64)]), "twin")
    builder = ir.IRBuilder(function.append_basic_block())
    processor.emit_pause(builder, "arm")
    mode = processor.emit_read_mode(builder, "arm")
    processor.emit_write_mode(builder, "arm", function.args[0])
    builder.ret(mode)
    parsed = llvmlite.binding.parse_assembly(str(module))
    code = target.create_target_machine().emit_assembly(parsed).lower()
    for instruction in ("yield", "mrs\tx", "fpcr", "msr\tfpcr"):
        assert instruction in code
