"""The compiled loop that runs a plan: every thread of a team walks the table of kernels.

A *table* is an int64 array with a row for each kernel: its address, the address of its
arguments, and flags. Part p of a kernel is run by thread ``p % threads``. After a row with the
flag `BARRIER` all threads wait for each other; the last one to come reads the status word and
decides for all whether the rest of the table is skipped. A row with the flag `SERIAL` is called
for part 0 only, on the calling thread, in the caller's floating-point mode: Python code.

The threads speak through one block of int64 words, the layout of which is below. Words that
different threads write at the same time lie on cache lines of their own.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import Any, NamedTuple

import llvmlite.binding
from llvmlite import ir
from numba import types

from glassgrad.execute.cpu.atomics import add, exchange, load, pointer, store
from glassgrad.execute.cpu.compiler import EXACT, entry_point, helper, intrinsic
from glassgrad.execute.cpu.processor import exchange_mode, flush_denormals, pause

__all__ = ["BARRIER", "FALLBACK_FAILED", "MOVE", "SERIAL", "STOP", "Driver", "compiled_driver"]

BARRIER, SERIAL = 1, 2
TABLE_COLUMNS = 3

FALLBACK_FAILED = 1 << 62
"""The status of a table whose Python code failed; kernels report smaller codes."""

# Each of these words has a cache line (8 words) of its own.
TICKET, ARRIVED, GENERATION, DECISION = 0, 8, 16, 24
# The job: written before the ticket is drawn, read after.
THREADS, TABLE, ROWS, PARTS, STEPS, STATUS, COMPLETED, PENDING = range(32, 40)
# How to wait: how many pauses and yields come before naps, and after how many naps to park.
SPINS, YIELDS, IDLE_SPINS, IDLE_NAPS, MAY_MOVE = range(40, 45)
# From here on a line for each thread: its state, the address of the function that wakes it, the
# processor on which it began the job, and the ticket of the job before which it last moved.
WORKERS, WORKER_WORDS = 48, 8
STATE, WAKE, PROCESSOR, MOVED = range(4)

AWAKE, PARKED = 0, 1

STOP = -1
"""The ticket that sends the workers home."""

MOVE = -2
"""What `serve` returns when the worker should move to another processor and come back."""


class Driver(NamedTuple):
    """The compiled functions; the argument is the address of the block."""

    run: Any  # (block): run the job with the calling thread as thread 0
    serve: Any  # (block, worker, last ticket) -> ticket: work until there is no work
    dismiss: Any  # (block): end the workers


@functools.cache
def compiled_driver() -> Driver:
    """Compile or load the driver: at the first run, not at import."""
    _register_system_calls()
    block, integer = types.voidptr, types.int64
    signatures = Driver(types.void(block), integer(block, integer, integer), types.void(block))
    functions = Driver(run, serve, dismiss)
    compiled = [
        entry_point(signature)(function).ctypes
        for signature, function in zip(signatures, functions, strict=True)
    ]
    return Driver(*compiled)


def run(block: Any) -> None:
    """Hand the job in the block to the workers, take part in it, and wait for its end."""
    threads = load(block, THREADS)
    if threads > 1:
        store(block, WORKERS + PROCESSOR, current_processor())
        add(block, TICKET, 1)
        wake_workers(block, threads)
    perform(block, 0)


def serve(block: Any, worker: int, ticket: int) -> int:
    """Do the jobs that come after this ticket until none comes for a while.

    Returns the ticket of the last one, and the worker has to park; or `STOP`; or `MOVE`.
    """
    spins, naps = load(block, IDLE_SPINS), load(block, IDLE_NAPS)
    own = WORKERS + WORKER_WORDS * worker
    waited = 0
    while True:
        newest = load(block, TICKET)
        if newest == STOP:
            return STOP
        if newest != ticket:
            if load(block, own + MOVED) != newest and shares_processor(block, worker):
                store(block, own + MOVED, newest)
                return MOVE
            perform(block, worker)
            ticket = newest
            waited = 0
        elif waited < spins + naps:
            rest(waited, spins, 0)
            waited += 1
        else:
            # Say first that we park and look for a new ticket then. The caller draws the ticket
            # first and looks for parked workers then. So one of the two notices the other.
            exchange(block, own + STATE, PARKED)
            if load(block, TICKET) == ticket:
                return ticket
            if exchange(block, own + STATE, AWAKE) == AWAKE:
                return ticket  # the caller noticed too, and wakes us: take the wake-up
            waited = 0


def dismiss(block: Any) -> None:
    """Let the workers return `STOP`, now or after the job they are at."""
    threads = load(block, THREADS)
    store(block, TICKET, STOP)
    wake_workers(block, threads)


@helper(EXACT)
def wake_workers(block: Any, threads: int) -> None:
    for worker in range(1, threads):
        own = WORKERS + WORKER_WORDS * worker
        if load(block, own + STATE) == PARKED and exchange(block, own + STATE, AWAKE) == PARKED:
            call_function(load(block, own + WAKE))


@helper(EXACT)
def shares_processor(block: Any, worker: int) -> bool:
    """Whether a thread before this one began the job on the processor where this one is now.

    Systems leave two threads of a team on one processor while others are idle, for as long as
    they take turns quickly (measured: 60 us a barrier instead of 0.1).
    """
    processor = current_processor()
    store(block, WORKERS + WORKER_WORDS * worker + PROCESSOR, processor)
    if processor < 0 or load(block, MAY_MOVE) == 0:
        return False
    for other in range(worker):
        if load(block, WORKERS + WORKER_WORDS * other + PROCESSOR) == processor:
            return True
    return False


@helper(EXACT)
def perform(block: Any, thread: int) -> None:
    """This thread's share of the job."""
    mode = flush_denormals()
    steps = load(block, STEPS)
    for _ in range(steps):
        if not perform_step(block, thread, mode):
            break
        if thread == 0:
            add(block, COMPLETED, 1)
    exchange_mode(mode)


@helper(EXACT)
def perform_step(block: Any, thread: int, mode: int) -> bool:
    """This thread's share of the table; False if a status other than 0 ended it."""
    table = pointer(load(block, TABLE))
    threads, rows, parts = load(block, THREADS), load(block, ROWS), load(block, PARTS)
    flags = BARRIER
    for row in range(rows):
        kernel = load(table, TABLE_COLUMNS * row)
        arguments = load(table, TABLE_COLUMNS * row + 1)
        flags = load(table, TABLE_COLUMNS * row + 2)
        if flags & SERIAL:
            if thread == 0:
                call_serially(block, kernel, parts, arguments, mode)
        else:
            for part in range(thread, parts, threads):
                call_kernel(kernel, part, parts, arguments)
        if flags & BARRIER and must_stop(block, threads):
            return False
    # A step reads what the step before wrote, whatever its last row says.
    return bool(flags & BARRIER) or not must_stop(block, threads)


@helper(EXACT)
def call_serially(block: Any, kernel: int, parts: int, arguments: int, mode: int) -> None:
    """Call Python code. It clears PENDING at its end, even Ctrl-C cannot hide a failure."""
    fast_mode = exchange_mode(mode)
    store(block, PENDING, 1)
    call_kernel(kernel, 0, parts, arguments)
    if load(block, PENDING) != 0:
        store(pointer(load(block, STATUS)), 0, FALLBACK_FAILED)
    exchange_mode(fast_mode)


@helper(EXACT)
def must_stop(block: Any, threads: int) -> bool:
    """Wait for all threads; what the status word said when the last one came, for all alike."""
    if threads == 1:
        return bool(load(pointer(load(block, STATUS)), 0) != 0)
    generation = load(block, GENERATION)
    if add(block, ARRIVED, 1) == threads - 1:
        store(block, DECISION, load(pointer(load(block, STATUS)), 0))
        store(block, ARRIVED, 0)
        store(block, GENERATION, generation + 1)
    else:
        spins, yields = load(block, SPINS), load(block, YIELDS)
        waited = 0
        while load(block, GENERATION) == generation:
            rest(waited, spins, yields)
            waited += 1
    return bool(load(block, DECISION) != 0)


@helper(EXACT)
def rest(waited: int, spins: int, yields: int) -> None:
    """Wait a moment: stay on the processor at first, then leave it to others, then sleep.

    Waiting threads must not spin for ever: the thread that is waited for may have no processor.
    """
    if waited < spins:
        pause()
    elif waited < spins + yields:
        yield_processor()
    else:
        nap(1)


@intrinsic
def call_kernel(_typing: Any, kernel: Any, part: Any, parts: Any, arguments: Any) -> Any:
    """Call the kernel at an address."""

    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        byte_pointer = ir.IntType(8).as_pointer()
        kernel, part, parts, arguments = values
        kind = ir.FunctionType(ir.VoidType(), [part.type, parts.type, byte_pointer])
        function = builder.inttoptr(kernel, kind.as_pointer())
        builder.call(function, [part, parts, builder.inttoptr(arguments, byte_pointer)])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), generate


@intrinsic
def call_function(_typing: Any, address: Any) -> Any:
    """Call the function at an address, without arguments."""

    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [])
        builder.call(builder.inttoptr(values[0], kind.as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.int64), generate


yield_processor: Any = types.ExternalFunction("glassgrad_yield_processor", types.int32())
nap: Any = types.ExternalFunction("glassgrad_nap", types.int32(types.int32))
"""``nap(microseconds)`` sleeps; the system adds about 50."""

if sys.platform == "linux":
    current_processor: Any = types.ExternalFunction("glassgrad_current_processor", types.int32())
else:

    @helper(EXACT)
    def current_processor() -> int:
        """Unknown: threads stay where the system puts them."""
        return -1


def _register_system_calls() -> None:
    for name, function in _system_calls().items():
        address = ctypes.cast(function, ctypes.c_void_p).value
        llvmlite.binding.add_symbol(f"glassgrad_{name}", address)


def _system_calls() -> dict[str, Any]:
    if sys.platform == "win32":
        kernel = ctypes.WinDLL("kernel32")
        return {"yield_processor": kernel.SwitchToThread, "nap": kernel.Sleep}  # milliseconds
    system = ctypes.CDLL(None)
    calls = {"yield_processor": system.sched_yield, "nap": system.usleep}
    if sys.platform == "linux":
        calls["current_processor"] = system.sched_getcpu
    return calls
