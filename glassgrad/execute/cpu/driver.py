"""The compiled loop that runs a plan: every thread of a team walks the table of kernels.

A *table* is an int64 array with a row for each kernel: its address, the address of its
arguments, and flags. A row with the flag `BARRIER` ends a *segment*: the next one begins when
all parts of this one are done. A row with the flag `SERIAL` is called for part 0 only, on the
calling thread, in the caller's floating-point mode: Python code. A row with the flag `REPEAT`,
which is a barrier too, is no kernel but the end of a loop; its arguments say where the loop
begins, how often it is run, and which words (addresses among the arguments of other rows) move on
when a step of it is over. It puts them back at its end.

Part p of a kernel belongs to *share* ``p % threads``, and each thread has a share of its own.
It claims it before it computes. Who has waited for a while claims shares that nobody has begun:
a thread that the system keeps from running holds up nobody, unless it is at work already. Who
finishes a segment's last share reads the status word and opens the next segment, or closes the
job. Only who holds a claim looks at the table: when the job is closed it is free, and a thread
that wakes up late finds nothing to claim.

The threads speak through one block of int64 words, the layout of which is below. Words that
different threads write at the same time lie on cache lines of their own.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import Any, NamedTuple

from glassgrad.execute.cpu.atomics import add, exchange, load, pointer, put, replace, store
from glassgrad.execute.cpu.compiler import (
    EXACT,
    entry_point,
    external,
    helper,
    intrinsic,
    ir,
    types,
)
from glassgrad.execute.cpu.native import provide
from glassgrad.execute.cpu.processor import exchange_mode, flush_denormals, pause

__all__ = [
    "BARRIER",
    "DONE",
    "FALLBACK_FAILED",
    "MOVE",
    "REPEAT",
    "SERIAL",
    "STOP",
    "Driver",
    "compiled_driver",
]

BARRIER, SERIAL, REPEAT = 1, 2, 4
TABLE_COLUMNS = 3

# The words of a loop: steps that are done in this run of it, their number, its first row, and how
# many words move. Then for each of these: where it lies, counted in words from the first of the
# loop's own, and what is added to it after the first step, the third and so on, and after others.
DONE, LENGTH, BEGIN, MOVING = range(4)
LOOP_WORDS, MOVING_WORDS = 4, 3

FALLBACK_FAILED = 1 << 62
"""The status of a table whose Python code failed; kernels report smaller codes."""

# Words on cache lines (8 words) of their own: the latest job, and the shares that are done.
TICKET, ARRIVED = 0, 8
# The segment: its number, which counts on through all jobs and is negative while there is none;
# its first row; and the steps that are complete.
SEGMENT, FIRST_ROW, COMPLETED = range(16, 19)
# The job: written before its first segment is opened, read by who holds a claim.
THREADS, TABLE, ROWS, PARTS, STEPS, STATUS, HAS_SERIAL = range(24, 31)
PENDING = 31
# How many pauses come before helping and before naps; without work, how many pauses and naps
# before parking. How many threads there are, and whether the workers should end.
PATIENCE, SPINS, IDLE_SPINS, IDLE_NAPS, MEMBERS, DISMISSED = range(32, 38)
# From here on a line for each thread: the segment whose share of this number was claimed last,
# the thread's state, the address of the function that wakes it, the processor on which it began
# the job, and the ticket of the job before which it last moved.
WORKERS, WORKER_WORDS = 40, 8
CLAIMED, STATE, WAKE, PROCESSOR, MOVED = range(5)

AWAKE, PARKED = 0, 1

NEVER = -1  # as the segment claimed last: no segment comes after it

STOP = -1
"""What `serve` returns when the worker should end."""

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
    return Driver(
        entry_point(run, "void", "voidptr"),
        entry_point(serve, "int64", "voidptr", "int64", "int64"),
        entry_point(dismiss, "void", "voidptr"),
    )


def run(block: Any) -> None:
    """Hand the job in the block to the workers, take part in it, and wait for its end."""
    threads, segment = load(block, THREADS), -load(block, SEGMENT)
    store(block, HAS_SERIAL, has_serial_rows(block))
    store(block, FIRST_ROW, 0)
    store(block, COMPLETED, 0)
    offer_shares(block, threads, segment)
    store(block, SEGMENT, segment)
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
    while load(block, DISMISSED) == 0:
        newest = load(block, TICKET)
        if newest != ticket:
            if load(block, own + MOVED) != newest and shares_processor(block, worker):
                store(block, own + MOVED, newest)
                return MOVE
            if worker < load(block, THREADS):
                perform(block, worker)
            ticket = newest
            waited = 0
        elif waited < spins + naps:
            rest(waited, spins)
            waited += 1
        else:
            # Say first that we park and look for a new ticket then. The caller draws the ticket
            # first and looks for parked workers then. So one of the two notices the other.
            exchange(block, own + STATE, PARKED)
            if load(block, TICKET) == ticket and load(block, DISMISSED) == 0:
                return ticket
            if exchange(block, own + STATE, AWAKE) == AWAKE:
                return ticket  # the caller noticed too, and wakes us: take the wake-up
            waited = 0
    return STOP


def dismiss(block: Any) -> None:
    """Let the workers return `STOP`, now or after the job they are at."""
    store(block, DISMISSED, 1)
    wake_workers(block, load(block, MEMBERS))


@helper(EXACT)
def offer_shares(block: Any, threads: int, segment: int) -> None:
    """Let the shares of the job be claimed, and none of a job that had more threads."""
    for share in range(load(block, MEMBERS)):
        claimed = WORKERS + WORKER_WORDS * share + CLAIMED
        before = segment - 1 if share < threads else NEVER
        if load(block, claimed) != before:
            store(block, claimed, before)


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
    if processor < 0:
        return False
    for other in range(worker):
        if load(block, WORKERS + WORKER_WORDS * other + PROCESSOR) == processor:
            return True
    return False


@helper(EXACT)
def has_serial_rows(block: Any) -> int:
    """Whether the table has Python code, which only the calling thread may run."""
    table = pointer(load(block, TABLE))
    flags = 0
    for row in range(load(block, ROWS)):
        flags |= load(table, TABLE_COLUMNS * row + 2)
    return flags & SERIAL


@helper(EXACT)
def perform(block: Any, thread: int) -> None:
    """Take part in the job until it is closed."""
    mode = flush_denormals()
    spins, patience = load(block, SPINS), load(block, PATIENCE)
    waited, head_start = 0, 0
    while True:
        segment = load(block, SEGMENT)
        if segment < 0:
            break
        share = thread
        if not claim(block, share, segment):
            share = unclaimed_share(block, thread, segment) if waited >= patience else -1
        if share < 0:
            rest(waited, spins)
            waited += 1
            continue
        # Whoever was late for one segment is not waited for in the next.
        waited, head_start = head_start, 0
        if share != thread:
            waited, head_start = patience, patience
        perform_share(block, share, segment, mode)
    exchange_mode(mode)


@helper(EXACT)
def claim(block: Any, share: int, segment: int) -> bool:
    """Make the share one's own, unless another thread has it or the segment is over."""
    claimed = WORKERS + WORKER_WORDS * share + CLAIMED
    if load(block, claimed) != segment - 1:
        return False
    return bool(replace(block, claimed, segment - 1, segment))


@helper(EXACT)
def unclaimed_share(block: Any, thread: int, segment: int) -> int:
    """Claim a share whose thread has not come; -1 if there is none."""
    for share in range(load(block, THREADS)):
        if share == 0 and thread != 0 and load(block, HAS_SERIAL) != 0:
            continue
        if claim(block, share, segment):
            return share
    return -1


@helper(EXACT)
def perform_share(block: Any, share: int, segment: int, mode: int) -> None:
    """Call the kernels of the segment for the parts of a share that was claimed."""
    table = pointer(load(block, TABLE))
    threads, rows, parts = load(block, THREADS), load(block, ROWS), load(block, PARTS)
    row, flags = load(block, FIRST_ROW), 0
    while row < rows and not flags & BARRIER:
        kernel = load(table, TABLE_COLUMNS * row)
        arguments = load(table, TABLE_COLUMNS * row + 1)
        flags = load(table, TABLE_COLUMNS * row + 2)
        if flags & SERIAL:
            if share == 0:
                call_serially(block, kernel, parts, arguments, mode)
        elif not flags & REPEAT:
            # Neighbouring parts are neighbours in memory: a thread's share is one piece of it.
            for part in range(share * parts // threads, (share + 1) * parts // threads):
                call_kernel(kernel, part, parts, arguments)
        row += 1
    if threads == 1 or add(block, ARRIVED, 1) == threads - 1:
        finish_segment(block, segment, row, rows)


@helper(EXACT)
def finish_segment(block: Any, segment: int, row: int, rows: int) -> None:
    """Open the segment that begins at the row, or close the job."""
    store(block, ARRIVED, 0)
    failed = load(pointer(load(block, STATUS)), 0) != 0
    table = pointer(load(block, TABLE))
    if load(table, TABLE_COLUMNS * (row - 1) + 2) & REPEAT and not failed:
        row = finish_step(pointer(load(table, TABLE_COLUMNS * (row - 1) + 1)), row)
    if row == rows and not failed:
        row = 0
        store(block, COMPLETED, load(block, COMPLETED) + 1)
    closed = failed or load(block, COMPLETED) == load(block, STEPS)
    store(block, FIRST_ROW, row)
    store(block, SEGMENT, -(segment + 1) if closed else segment + 1)


@helper(EXACT)
def finish_step(loop: Any, row: int) -> int:
    """Let a loop move on; the row with which it goes on, or the given one at its end."""
    done, length = load(loop, DONE), load(loop, LENGTH)
    words = load(loop, MOVING)
    for moving in range(words):
        add_move(loop, LOOP_WORDS + MOVING_WORDS * moving, (done + 1) % 2, done % 2)
    if done + 1 < length:
        put(loop, DONE, done + 1)
        return int(load(loop, BEGIN))
    for moving in range(words):
        add_move(loop, LOOP_WORDS + MOVING_WORDS * moving, -((length + 1) // 2), -(length // 2))
    put(loop, DONE, 0)
    return row


@helper(EXACT)
def add_move(loop: Any, moving: int, odd: int, even: int) -> None:
    """Move a word by so many times the one move and the other."""
    word = load(loop, moving)
    by = odd * load(loop, moving + 1) + even * load(loop, moving + 2)
    put(loop, word, load(loop, word) + by)


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
def rest(waited: int, spins: int) -> None:
    """Wait a moment: stay on the processor at first, then sleep.

    Waiting threads must not spin for ever: the thread that is waited for may have no processor.
    To yield is no way between: where others compute, a yield costs a slice of 3 ms.
    """
    if waited < spins:
        pause()
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


nap: Any = external("glassgrad_nap", "int32", "int32")
"""``nap(microseconds)`` sleeps; the system adds about 50."""

if sys.platform == "linux":
    current_processor: Any = external("glassgrad_current_processor", "int32")
else:

    @helper(EXACT)
    def current_processor() -> int:
        """Unknown: threads stay where the system puts them."""
        return -1


def _system_calls() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"nap": ctypes.WinDLL("kernel32").Sleep}  # milliseconds
    system = ctypes.CDLL(None)
    calls = {"nap": system.usleep}
    if sys.platform == "linux":
        calls["current_processor"] = system.sched_getcpu
    return calls


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


for _name, _function in _system_calls().items():
    provide(f"glassgrad_{_name}", functools.partial(_address, _function))
