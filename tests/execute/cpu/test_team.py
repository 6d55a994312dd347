from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from glassgrad.errors import ArgumentError, ExecutionError
from glassgrad.execute.cpu import driver, team
from glassgrad.execute.cpu.compiler import kernel
from glassgrad.execute.cpu.team import BARRIER, SERIAL, Fallback, Team
from glassgrad.execute.cpu.views import (
    float32_vector,
    int64_vector,
    integer,
    report,
    split,
)

TEAMS = [1, 2, 3, 5]
PARTS = 4


def _add_neighbours(part, parts, arguments):
    """Each element of y becomes the sum of x over its ring of neighbours: from other parts."""
    x, y = int64_vector(arguments, 0), int64_vector(arguments, 1)
    begin, end = split(x.size, parts, part, 1)
    for i in range(begin, end):
        y[i] = (x[i - 1] + x[(i + 1) % x.size]) % 1_000_003


def _sum_squares(part, parts, arguments):
    x, sums = float32_vector(arguments, 0), float32_vector(arguments, 1)
    begin, end = split(x.size, parts, part, 16)
    total = np.float32(0)
    for i in range(begin, end):
        total += x[i] * x[i]
    sums[part] += total * np.float32(0.5)


def _report(part, parts, arguments):
    """Report the code when the countdown reaches zero."""
    if part == parts - 1:
        countdown = int64_vector(arguments, 0)
        countdown[0] -= 1
        if countdown[0] == 0:
            report(arguments, 1, integer(arguments, 2))


def _count(part, parts, arguments):
    int64_vector(arguments, 0)[part] += 1


@pytest.fixture(scope="module")
def kernels():
    functions = (_add_neighbours, _sum_squares, _report, _count)
    return {function.__name__.strip("_"): kernel(function) for function in functions}


class Table:
    """Rows of a plan, which keeps what they point to alive."""

    def __init__(self) -> None:
        self.rows = []
        self.kept = []

    def add(self, compiled, block=None, flags=BARRIER):
        self.rows.append((compiled.address, block.address if block else 0, flags))
        self.kept.append((compiled, block))
        return self

    @property
    def words(self):
        return np.array(self.rows, np.int64).reshape(-1, 3)


@pytest.fixture(params=TEAMS)
def crew(request):
    return Team(request.param)


def test_barriers_keep_the_rows_in_order(crew, kernels, block):
    x, y = np.arange(64, dtype=np.int64), np.zeros(64, np.int64)
    expected = x.copy()
    for _ in range(600):
        expected = (np.roll(expected, 1) + np.roll(expected, -1)) % 1_000_003
    there, back = block(x, y), block(y, x)
    table = Table().add(kernels["add_neighbours"], there).add(kernels["add_neighbours"], back)
    assert crew.run(table.words, PARTS, steps=100) == 0
    for _ in range(200):
        crew.run(table.words, PARTS)
    np.testing.assert_array_equal(x, expected)
    assert crew.completed_steps == 1


def test_the_same_bits_for_every_number_of_threads(kernels, block):
    x = np.random.default_rng(0).normal(size=10_000).astype(np.float32)
    results = []
    for threads in TEAMS:
        sums = np.zeros(PARTS, np.float32)
        table = Table().add(kernels["sum_squares"], block(x, sums))
        Team(threads).run(table.words, PARTS, steps=7)
        results.append(sums.tobytes())
    assert len(set(results)) == 1


def test_a_row_without_barrier_at_the_end_of_a_step_is_waited_for(crew, kernels, block):
    counts = np.zeros(PARTS, np.int64)
    table = Table().add(kernels["count"], block(counts), flags=0)
    crew.run(table.words, PARTS, steps=50)
    assert counts.tolist() == [50] * PARTS


def test_a_report_stops_the_table_at_the_next_barrier(crew, kernels, block):
    before, after, status = np.zeros(PARTS, np.int64), np.zeros(PARTS, np.int64), np.zeros(1, int)
    countdown = np.array([5], np.int64)
    table = Table()
    table.add(kernels["report"], block(countdown, status.ctypes.data, 77), flags=0)
    table.add(kernels["count"], block(before)).add(kernels["count"], block(after))
    assert crew.run(table.words, PARTS, steps=20, status=status) == 77
    assert before.tolist() == [5] * PARTS
    assert after.tolist() == [4] * PARTS
    assert crew.completed_steps == 4
    assert crew.run(table.words, PARTS, steps=3, status=status) == 0


def test_a_fallback_runs_once_a_step_on_the_calling_thread(crew, kernels, block):
    counts = np.zeros(PARTS, np.int64)
    seen = []

    def look():
        seen.append((counts.tolist(), threading.current_thread()))

    table = Table().add(kernels["count"], block(counts)).add(Fallback(look), None, BARRIER | SERIAL)
    crew.run(table.words, PARTS, steps=3)
    assert seen == [([step] * PARTS, threading.current_thread()) for step in (1, 2, 3)]


def test_a_fallbacks_exception_is_raised_after_the_table_has_stopped(crew, kernels, block):
    counts = np.zeros(PARTS, np.int64)

    def fail():
        raise ZeroDivisionError("on purpose")

    table = Table().add(Fallback(fail), None, BARRIER | SERIAL)
    table.add(kernels["count"], block(counts))
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        crew.run(table.words, PARTS, steps=3)
    assert counts.tolist() == [0] * PARTS
    good = Table().add(kernels["count"], block(counts))
    assert crew.run(good.words, PARTS) == 0
    assert counts.tolist() == [1] * PARTS


def test_a_fallback_cannot_run_a_table_on_its_own_team(crew):
    table = Table()
    table.add(Fallback(lambda: crew.run(table.words, PARTS)), None, BARRIER | SERIAL)
    with pytest.raises(ExecutionError, match="fallback"):
        crew.run(table.words, PARTS)


def test_a_fallback_can_run_a_table_on_another_team(kernels, block):
    counts = np.zeros(PARTS, np.int64)
    inner = Table().add(kernels["count"], block(counts))
    other = Team(1)
    outer = Table().add(Fallback(lambda: other.run(inner.words, PARTS)), None, BARRIER | SERIAL)
    Team(2).run(outer.words, PARTS, steps=3)
    assert counts.tolist() == [3] * PARTS


def test_a_fallback_sees_denormals_and_the_mode_is_restored(crew):
    products = []
    tiny = np.float64(1e-160)
    table = Table().add(Fallback(lambda: products.append(tiny * tiny)), None, BARRIER | SERIAL)
    crew.run(table.words, PARTS)
    assert products[0] > 0
    assert tiny * tiny > 0


def test_kernels_flush_denormals(crew, kernels, block):
    x, sums = np.full(64, 1e-20, np.float32), np.zeros(PARTS, np.float32)
    crew.run(Table().add(kernels["sum_squares"], block(x, sums)).words, PARTS)
    assert sums.tolist() == [0] * PARTS


def test_calls_from_several_threads_take_turns(kernels, block):
    x, y = np.arange(64, dtype=np.int64), np.zeros(64, np.int64)
    there, back = block(x, y), block(y, x)
    table = Table().add(kernels["add_neighbours"], there).add(kernels["add_neighbours"], back)
    expected = x.copy()
    for _ in range(3 * 20 * 2):
        expected = (np.roll(expected, 1) + np.roll(expected, -1)) % 1_000_003
    shared = Team(2)
    callers = [
        threading.Thread(target=lambda: [shared.run(table.words, PARTS) for _ in range(20)])
        for _ in range(3)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    np.testing.assert_array_equal(x, expected)


def test_an_empty_table_and_no_steps_are_done_at_once(crew, kernels, block):
    assert crew.run(np.zeros((0, 3), np.int64), PARTS) == 0
    counts = np.zeros(PARTS, np.int64)
    assert crew.run(Table().add(kernels["count"], block(counts)).words, PARTS, steps=0) == 0
    assert counts.sum() == 0


def test_a_team_of_nobody_is_an_error():
    with pytest.raises(ArgumentError, match="at least 1"):
        Team(0)


def workers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("glassgrad-")]


def wait_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come"


def test_one_thread_has_no_workers_and_others_go_with_their_team(kernels, block):
    elsewhere = set(workers())  # of executors that other tests of this process use
    table = Table().add(kernels["count"], block(np.zeros(PARTS, np.int64)))
    alone, together = Team(1), Team(3)
    alone.run(table.words, PARTS)
    assert set(workers()) <= elsewhere
    together.run(table.words, PARTS)
    assert len(set(workers()) - elsewhere) == 2
    del together
    gc.collect()
    assert set(workers()) <= elsewhere


def test_idle_workers_park_and_wake(kernels, block):
    counts = np.zeros(PARTS, np.int64)
    table = Table().add(kernels["count"], block(counts))
    pair = Team(2)
    state = driver.WORKERS + driver.WORKER_WORDS + driver.STATE
    for _ in range(5):
        pair.run(table.words, PARTS)
        wait_until(lambda: pair._crew.block[state] == driver.PARKED)
    assert counts.tolist() == [5] * PARTS


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX signals")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_comes_through_and_the_team_stays_usable(threads, kernels, block):
    counts = np.zeros(PARTS, np.int64)
    table = Table().add(kernels["count"], block(counts))
    interrupted = Team(threads)
    interrupted.run(table.words, PARTS)
    started = time.monotonic()
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            interrupted.run(table.words, PARTS, steps=10**12)
    finally:
        signal.signal(signal.SIGALRM, handler)
    assert time.monotonic() - started < 5
    assert len(set(counts.tolist())) == 1, "a step was left half done"
    assert interrupted.run(table.words, PARTS) == 0


def test_steps_are_divided_into_short_calls(monkeypatch):
    clock = iter(np.arange(0, 1000, 0.01))  # every look at the clock takes 10 ms
    monkeypatch.setattr(team.time, "perf_counter", lambda: next(clock))
    chunks = list(team._chunks(100))
    assert sum(chunks) == 100
    assert chunks[:3] == [1, 2, 4]  # 10 ms a call, whatever is in it: the calls may grow


def test_a_team_that_cannot_start_threads_runs_alone(monkeypatch, kernels, block):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    counts = np.zeros(PARTS, np.int64)
    assert Team(3).run(Table().add(kernels["count"], block(counts)).words, PARTS) == 0
    assert counts.tolist() == [1] * PARTS


SCRIPT = """
import multiprocessing, os, sys
import numpy as np
from glassgrad.execute.cpu.team import BARRIER, SERIAL, Fallback, Team
from glassgrad.execute.cpu.threads import default_threads

calls = []
fallback = Fallback(lambda: calls.append(os.getpid()))
table = np.array([[fallback.address, 0, BARRIER | SERIAL]], np.int64)
team = Team(2)

def use_the_team():
    team.run(table, 2, steps=3)
    assert calls[-3:] == [os.getpid()] * 3

if __name__ == "__main__":
    use_the_team()
    {body}
    use_the_team()
"""
FORK = """
    child = os.fork()
    if child == 0:
        use_the_team()
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
SPAWN = """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(use_the_team)
        assert pool.apply(default_threads) == 1
"""
EXIT = """
    import atexit
    atexit.register(use_the_team)  # called after the workers have been sent home
    calls.extend([os.getpid()] * 3)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("body", [FORK, SPAWN, EXIT], ids=["fork", "spawn", "exit"])
def test_other_processes_and_the_end_of_this_one(tmp_path, body):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(body=body.strip()))
    subprocess.run(
        [sys.executable, str(path)],
        check=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
