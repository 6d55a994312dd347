"""Machine code from files: loaded without the compiler that has made it.

Numba and LLVM take a second to import and 100 MB of memory, most of it for work that is done
when a kernel is in the cache. So a compiled function is kept as an object file, and this module
puts it into memory by itself: sections side by side, addresses written where the code refers to
them. It knows the form that LLVM gives to code for x86-64 on systems with ELF files, in which all
references are full addresses; everything else LLVM loads, which then has to be imported.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import platform
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from glassgrad.errors import ExecutionError

__all__ = ["Code", "Symbols", "address_of_symbol", "load", "provide", "provided_symbols"]

_ELF_64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"
_X86_64 = 62
_CONTENT, _SYMBOL_TABLE, _RELOCATIONS, _ZEROS = 1, 2, 4, 8
_WRITE, _ALLOCATE = 1, 2
_UNDEFINED, _ABSOLUTE = 0, 0xFFF1
_FULL_ADDRESS = 1
_PAGE = mmap.PAGESIZE

Symbols = dict[str, Callable[[], int]]

_provided: Symbols = {}
_kept: list[Any] = []  # memory that holds code, which must stay


@dataclass(frozen=True)
class Code:
    """An object file with one function to be called from outside.

    Args:
        entry: its symbol.
        needs: the symbols that the code refers to and does not hold.
        content: the bytes of the file.
    """

    entry: str
    needs: tuple[str, ...]
    content: bytes


def provide(symbol: str, address: Callable[[], int]) -> None:
    """Let code refer to something that lies elsewhere in the process.

    Args:
        symbol: by which name.
        address: where it is; asked when code that refers to it is loaded.
    """
    _provided[symbol] = address


def provided_symbols() -> list[str]:
    """The names of what was provided."""
    return list(_provided)


def address_of_symbol(symbol: str) -> int:
    """The address of what was provided, or of a function of the C library.

    Raises:
        ExecutionError: there is nothing of that name.
    """
    if symbol in _provided:
        return _provided[symbol]()
    for library in _system_libraries():
        function = getattr(library, symbol, None)
        if function is not None:
            return ctypes.cast(function, ctypes.c_void_p).value or 0
    raise ExecutionError(f"Compiled code refers to {symbol!r}, which this system does not have.")


def load(code: Code) -> int:
    """Put the code into memory, for as long as the process lives.

    Returns:
        The address of its entry.

    Raises:
        ExecutionError: the code needs something that is not there, or is damaged.
    """
    if sys.platform == "linux" and platform.machine() == "x86_64":
        try:
            return _Image(code).load()
        except _UnknownFormError:
            pass
    return _load_by_llvm(code)


class _UnknownFormError(Exception):
    """The file has a form that this module does not know."""


def _system_libraries() -> Iterator[ctypes.CDLL]:
    yield ctypes.CDLL(None)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # musl has its mathematics in the C library
            yield ctypes.CDLL("libm.so.6")


@dataclass
class _Section:
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    target: int
    alignment: int
    place: int = -1  # in the image, if it is part of it


class _Image:
    """An object file on its way into memory."""

    def __init__(self, code: Code) -> None:
        self.code, self.content = code, code.content
        try:
            self.sections = self._read_sections()
            self.symbols = self._read_symbols()
        except struct.error as error:
            raise ExecutionError(f"Compiled code is damaged: {error}.") from error

    def load(self) -> int:
        """Place, connect and protect it; the address of the entry."""
        own = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # also after a fork
        memory = mmap.mmap(-1, self._place_sections(), own)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for section in self._placed():
            if section.kind != _ZEROS:
                begin = section.place
                piece = self.content[section.offset : section.offset + section.size]
                memory[begin : begin + section.size] = piece
        for section in self.sections:
            if section.kind == _RELOCATIONS and self.sections[section.target].place >= 0:
                self._connect(memory, section)
        self._protect()
        _kept.append(memory)
        return self._address_of(next(s for s in self.symbols if s[0] == self.code.entry))

    def _read_sections(self) -> list[_Section]:
        header = struct.unpack_from("<16sHHIQQQIHHHHHH", self.content)
        if not self.content.startswith(_ELF_64_LITTLE_ENDIAN) or header[2] != _X86_64:
            raise _UnknownFormError
        start, size, count = header[6], header[11], header[12]
        found = []
        for number in range(count):
            row = struct.unpack_from("<IIQQQQIIQQ", self.content, start + number * size)
            _, kind, flags, _, offset, length, link, target, alignment, _ = row
            found.append(_Section(kind, flags, offset, length, link, target, max(alignment, 1)))
        return found

    def _read_symbols(self) -> list[tuple[str, int, int]]:
        """Name, section and value of each."""
        table = next(section for section in self.sections if section.kind == _SYMBOL_TABLE)
        names = self.sections[table.link].offset
        found = []
        for offset in range(table.offset, table.offset + table.size, 24):
            name, _, _, section, value, _ = struct.unpack_from("<IBBHQQ", self.content, offset)
            begin = names + name
            end = self.content.index(b"\0", begin)
            found.append((self.content[begin:end].decode(), section, value))
        return found

    def _placed(self) -> list[_Section]:
        return [section for section in self.sections if section.place >= 0]

    def _place_sections(self) -> int:
        """Code and constants side by side, what is written on pages of its own; the length."""
        length = 0
        parts = [s for s in self.sections if s.flags & _ALLOCATE and s.size and self._is_used(s)]
        for section in sorted(parts, key=lambda section: section.flags & _WRITE):
            is_first_written = section.flags & _WRITE and not any(
                other.flags & _WRITE for other in self._placed()
            )
            alignment = _PAGE if is_first_written else section.alignment
            section.place = -(-length // alignment) * alignment
            length = section.place + section.size
        return -(-length // _PAGE) * _PAGE

    def _is_used(self, section: _Section) -> bool:
        """Tables for unwinding the stack serve exceptions, which kernels do not raise."""
        return section.kind in (_CONTENT, _ZEROS)

    def _connect(self, memory: mmap.mmap, relocations: _Section) -> None:
        """Write addresses where the code refers to something."""
        place = self.sections[relocations.target].place
        for offset in range(relocations.offset, relocations.offset + relocations.size, 24):
            where, what, addend = struct.unpack_from("<QQq", self.content, offset)
            value = self._address_of(self.symbols[what >> 32]) + addend
            kind, spot = what & 0xFFFFFFFF, place + where
            if kind != _FULL_ADDRESS:
                raise _UnknownFormError
            struct.pack_into("<Q", memory, spot, value)

    def _address_of(self, symbol: tuple[str, int, int]) -> int:
        name, section, value = symbol
        if section == _UNDEFINED:
            return address_of_symbol(name) if name else 0
        if section >= _ABSOLUTE or self.sections[section].place < 0:
            raise _UnknownFormError
        return self.base + self.sections[section].place + value

    def _protect(self) -> None:
        """Code can be run, and is not written any more."""
        written = [section.place for section in self._placed() if section.flags & _WRITE]
        last = max(section.place + section.size for section in self._placed())
        length = written[0] if written else -(-last // _PAGE) * _PAGE
        can_run = mmap.PROT_READ | mmap.PROT_EXEC
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        if protect(self.base, length, can_run) != 0:
            raise ExecutionError(
                "This system does not allow a process to run code that it has put into memory "
                f"itself (error {ctypes.get_errno()} of mprotect). Use the reference executor: "
                "glassgrad.use('reference')."
            )


def _load_by_llvm(code: Code) -> int:
    import llvmlite.binding as llvm  # large: only where it is needed

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    for symbol in code.needs:
        llvm.add_symbol(symbol, address_of_symbol(symbol))
    target = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code.content))
    engine.finalize_object()
    _kept.append(engine)
    return int(engine.get_function_address(code.entry))
