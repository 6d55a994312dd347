"""From a Python function to an object file, by Numba: imported only where that is needed.

Numba's own way ends in functions that Python calls, with a check for exceptions around them and
references to much of Numba. Kernels raise nothing. So the function is given a plain entry, and
all that the entry does not need is dropped before LLVM writes the machine code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import compiler, registry, types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.cpu_options import FastMathOptions

from glassgrad.execute.cpu.native import Code, address_of_symbol, provided_symbols

__all__ = ["machine_code", "optimised"]

NO_DESTRUCTOR = "define void @NRT_MemInfo_call_dtor(ptr %0) { unreachable }"
"""What would free an array: a kernel's arrays lie in memory that belongs to others."""


@global_compiler_lock  # type: ignore[untyped-decorator]
def machine_code(
    function: Callable[..., Any], result: str, arguments: Sequence[str], fastmath: frozenset[str]
) -> Code:
    """Compile a function for this processor.

    Args:
        function: what Numba can compile, with helpers and intrinsics among its globals.
        result: the name of Numba's type, such as "void".
        arguments: the names of their types.
        fastmath: what may be done to numbers, in LLVM's words.

    Raises:
        numba.core.errors.NumbaError: Numba cannot compile it.
    """
    entry, library = optimised(function, result, arguments, fastmath)
    module = library._final_module  # noqa: SLF001
    content = library.codegen._tm.emit_object(module)  # noqa: SLF001
    return Code(entry, _needs(module), content)


@global_compiler_lock  # type: ignore[untyped-decorator]
def optimised(
    function: Callable[..., Any], result: str, arguments: Sequence[str], fastmath: frozenset[str]
) -> tuple[str, Any]:
    """The symbol of the entry, and Numba's library with everything that it calls.

    What LLVM made of a function can be read by ``library.get_llvm_str()``.
    """
    target = registry.cpu_target.target_context
    typing = registry.cpu_target.typing_context
    typing.refresh()
    target.refresh()
    _let_numba_find_symbols()
    library = target.codegen().create_library(function.__name__)
    compiled = compiler.compile_extra(
        typing,
        target,
        function,
        [_type(name) for name in arguments],
        _type(result),
        _flags(fastmath),
        {},
        library=library,
    )
    entry = f"glassgrad_{function.__name__}"
    library.add_ir_module(_entry(target, library, compiled.fndesc, entry))
    _link(library, entry)
    return entry, library


def _type(name: str) -> Any:
    kind = getattr(types, name.removesuffix("*"))
    return types.CPointer(kind) if name.endswith("*") else kind


def _let_numba_find_symbols() -> None:
    """Numba makes code of helpers by themselves, too, which nobody calls; LLVM insists on symbols.

    What a symbol stands for may have to be compiled itself, so it is not asked for here.
    """
    nowhere = address_of_symbol("abort")
    for symbol in provided_symbols():
        llvm.add_symbol(symbol, nowhere)


def _flags(fastmath: frozenset[str]) -> Any:
    flags: Any = compiler.Flags()
    flags.nrt = True
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    flags.error_model = "numpy"
    flags.fastmath = FastMathOptions(set(fastmath))
    return flags


def _entry(target: Any, library: Any, described: Any, name: str) -> ir.Module:
    """A function of the system's calling convention that calls the one described."""
    module = library.create_ir_module(name)
    convention = target.call_conv
    inner_type = convention.get_function_type(described.restype, described.argtypes)
    inner = ir.Function(module, inner_type, described.llvm_func_name)
    arguments = [target.get_value_type(kind) for kind in described.argtypes]
    has_result = described.restype not in (types.void, types.none)
    result = target.get_value_type(described.restype) if has_result else ir.VoidType()
    entry = ir.Function(module, ir.FunctionType(result, arguments), name)
    builder = ir.IRBuilder(entry.append_basic_block())
    _, value = convention.call_function(
        builder, inner, described.restype, described.argtypes, entry.args
    )
    if has_result:
        builder.ret(value)
    else:
        builder.ret_void()
    return module


def _link(library: Any, entry: str) -> None:
    """Bring in everything that the entry calls, optimise it, and drop what nobody calls."""
    module = library._final_module  # noqa: SLF001
    for other in dict.fromkeys(library._linking_libraries):  # noqa: SLF001
        module.link_in(other._get_module_for_linking(), preserve=True)  # noqa: SLF001
    module.link_in(llvm.parse_assembly(NO_DESTRUCTOR))
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.name != entry:
            value.linkage = "internal"
    library._optimize_final_module()  # noqa: SLF001
    module.verify()


def _needs(module: Any) -> tuple[str, ...]:
    """The symbols that lie elsewhere; LLVM's own functions do not."""
    declared = [function.name for function in module.functions if function.is_declaration]
    return tuple(name for name in declared if not name.startswith("llvm."))


llvm.initialize_native_target()
llvm.initialize_native_asmprinter()
