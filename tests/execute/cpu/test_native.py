"""Machine code from object files: as LLVM writes them, and damaged."""

from __future__ import annotations

import ctypes
import struct
from dataclasses import replace
from typing import Any

import llvmlite.binding as llvm
import pytest

from glassgrad.errors import ExecutionError
from glassgrad.execute.cpu import native
from glassgrad.execute.cpu.native import Code, address_of_symbol, load, provide

IR = """
@numbers = internal constant [4 x i64] [i64 5, i64 6, i64 7, i64 8]
@counter = internal global i64 40
@zeros = internal global [100 x i64] zeroinitializer
declare double @cos(double)
declare i64 @provided_elsewhere(i64)
define i64 @count() {
  %1 = load i64, ptr @counter
  %2 = add i64 %1, 1
  store i64 %2, ptr @counter
  ret i64 %2
}
define i64 @entry(i64 %n) {
  %place = getelementptr [4 x i64], ptr @numbers, i64 0, i64 %n
  %number = load i64, ptr %place
  %counted = call i64 @count()
  %one = call double @cos(double 0.0)
  %whole = fptosi double %one to i64
  %empty = getelementptr [100 x i64], ptr @zeros, i64 0, i64 %n
  %zero = load i64, ptr %empty
  %other = call i64 @provided_elsewhere(i64 %number)
  %a = add i64 %other, %counted
  %b = add i64 %a, %whole
  %c = add i64 %b, %zero
  ret i64 %c
}
"""
NUMBER = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
TEN_TIMES = NUMBER(lambda number: 10 * number)


@pytest.fixture(scope="module")
def code() -> Code:
    """The module above, as it is written for use where it was compiled."""
    provide("provided_elsewhere", lambda: ctypes.cast(TEN_TIMES, ctypes.c_void_p).value or 0)
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        codemodel="jitdefault", reloc="static"
    )
    content = machine.emit_object(llvm.parse_assembly(IR))
    return Code("entry", ("cos", "provided_elsewhere"), content)


@pytest.fixture(params=["by ourselves", "by LLVM"])
def loader(request: Any) -> Any:
    return load if request.param == "by ourselves" else native._load_by_llvm


def test_code_constants_variables_and_calls(code: Code, loader: Any) -> None:
    entry = NUMBER(loader(code))
    assert entry(0) == 50 + 41 + 1
    assert entry(3) == 80 + 42 + 1  # what is written stays


def test_each_load_has_variables_of_its_own(code: Code) -> None:
    one, other = NUMBER(load(code)), NUMBER(load(code))
    assert (one(0), one(0), other(0)) == (92, 93, 92)


def test_what_we_cannot_place_llvm_loads(code: Code, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    monkeypatch.setattr(native, "_load_by_llvm", lambda given: taken.append(given) or 7)
    for system, machine in (("linux", "aarch64"), ("darwin", "x86_64"), ("win32", "AMD64")):
        monkeypatch.setattr(native.sys, "platform", system)
        monkeypatch.setattr(native.platform, "machine", lambda machine=machine: machine)
        assert load(code) == 7
    monkeypatch.setattr(native.sys, "platform", "linux")
    monkeypatch.setattr(native.platform, "machine", lambda: "x86_64")
    other = bytearray(code.content)
    struct.pack_into("<H", other, 18, 183)  # for Arm, as its header says
    assert load(replace(code, content=bytes(other))) == 7
    assert len(taken) == 4


@pytest.mark.parametrize("length", [0, 10, 63, 64, 200])
def test_a_truncated_file(code: Code, length: int) -> None:
    with pytest.raises(ExecutionError, match="damaged"):
        load(replace(code, content=code.content[:length]))


def test_symbols_that_nobody_has() -> None:
    with pytest.raises(ExecutionError, match="'no_such_symbol', which this system does not have"):
        address_of_symbol("no_such_symbol")


def test_memory_that_must_not_be_run(code: Code, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native.mmap, "PROT_EXEC", 1 << 20)
    with pytest.raises(ExecutionError, match=r"run code .* reference executor"):
        load(code)
