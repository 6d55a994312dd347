"""What is compiled here can be compiled for 64-bit Arm: LLVM knows both."""

from __future__ import annotations

import re

import llvmlite.binding as llvm
import pytest

from glassgrad.execute.cpu import driver
from glassgrad.execute.cpu.compilation import optimised
from glassgrad.execute.cpu.compiler import EXACT, KERNEL_ARGUMENTS
from glassgrad.execute.cpu.host import family
from glassgrad.execute.cpu.plan import make_plan
from tests.execute.cpu.networks import training_step

ARM = 183  # the machine's number in an ELF file


@pytest.fixture(scope="module")
def arm():
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        return llvm.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine()
    except RuntimeError:
        pytest.skip("this LLVM knows no Arm")


def code_for(machine, function, result, arguments):
    """The assembler's text and the object file of a function."""
    _, library = optimised(function, result, arguments, EXACT)
    text = re.sub(r"^target (triple|datalayout) = .*$", "", library.get_llvm_str(), flags=re.M)
    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    module.verify()
    return machine.emit_assembly(module), machine.emit_object(module)


def sources():
    """The kernel of the first launch of each kind in a training step."""
    step = training_step([6, 5, 3], 4)
    launches = make_plan(step.outputs, step.inputs, step.updates, 4).launches
    found = {launch.kind.value: launch.source for launch in reversed(launches) if launch.source}
    return [pytest.param(source, id=kind) for kind, source in found.items()]


@pytest.mark.parametrize("source", sources())
def test_generated_kernels(arm, source):
    namespace = {}
    exec(source, namespace)
    _, content = code_for(arm, namespace["kernel"], "void", KERNEL_ARGUMENTS)
    assert content[:4] == b"\x7fELF"
    assert int.from_bytes(content[18:20], "little") == ARM


@pytest.mark.skipif(family() == "x86", reason="here it has x86's pause: see test_portable_twins")
@pytest.mark.parametrize(
    "function, result, arguments",
    [
        (driver.run, "void", ["voidptr"]),
        (driver.serve, "int64", ["voidptr", "int64", "int64"]),
        (driver.dismiss, "void", ["voidptr"]),
    ],
)
def test_the_driver_and_its_atomics(arm, function, result, arguments):
    text, content = code_for(arm, function, result, arguments)
    assert int.from_bytes(content[18:20], "little") == ARM
    for instruction in ("ldar", "ldaxr", "stlxr"):  # load and store in one order for all threads
        assert instruction in text
