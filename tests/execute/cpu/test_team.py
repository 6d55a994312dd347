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
from glassgrad.execute.cpu import threads as threads_module
from glassgrad.execute.cpu.compiler import kernel
from glassgrad.execute.cpu.host import family
from glassgrad.execute.cpu.team import BARRIER, SERIAL, Company, Fallback, Pace, Team
from glassgrad.execute.cpu.threads import set_num_threads
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


@pytest.fixture(autouse=True)
def _many_processors(monkeypatch):
    """Teams are as large as the tests ask for, wherever they run."""
    monkeypatch.setattr(team, "available_processors", lambda: max(TEAMS))


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


@pytest.mark.skipif(family() == "other", reason="this processor has no such mode")
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


@pytest.mark.parametrize("threads", [0, -1, 1.5, "two", True, 1025])
def test_a_number_that_is_none_of_threads_is_refused(threads):
    with pytest.raises(ArgumentError, match=r"must be a whole number from 1 to 1024\. Got"):
        Team(threads)


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


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(team.time, "perf_counter", lambda: self.now)

    def counts(self, pace, steps, seconds):
        """How many steps each call has, where a step takes so long."""
        found = []
        for count in pace.calls(steps):
            found.append(count)
            self.now += count * seconds
        assert sum(found) == steps
        return found


def test_steps_are_divided_into_calls_that_grow_as_long_as_they_are_short(monkeypatch):
    clock = Clock(monkeypatch)
    assert clock.counts(Pace(), 100, 0.0009) == [1, 2, 4, 8, 16, 32, 37]
    assert clock.counts(Pace(), 100, 0.009)[:5] == [1, 2, 4, 5, 5]
    assert clock.counts(Pace(), 3, 1.0) == [1, 1, 1]


def test_a_pace_is_remembered_and_corrected(monkeypatch):
    clock, pace = Clock(monkeypatch), Pace()
    clock.counts(pace, 1000, 0.0009)
    assert clock.counts(pace, 50, 0.0009) == [50]
    assert clock.counts(pace, 1, 0.0009) == [1]
    assert clock.counts(pace, 50, 0.0009) == [50], "one step alone has taught it nothing"
    assert clock.counts(pace, 100, 0.009)[:3] == [55, 5, 5]
    assert clock.counts(pace, 100, 0.0009)[:3] == [5, 10, 20]


def test_a_team_that_cannot_start_threads_runs_alone(monkeypatch, kernels, block):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    counts = np.zeros(PARTS, np.int64)
    assert Team(3).run(Table().add(kernels["count"], block(counts)).words, PARTS) == 0
    assert counts.tolist() == [1] * PARTS


@pytest.mark.parametrize("threads", [2, 5])
def test_the_caller_does_the_work_of_threads_that_never_come(threads, monkeypatch, kernels, block):
    monkeypatch.setattr(team._Crew, "_serve", lambda *_: None)
    x, y = np.arange(64, dtype=np.int64), np.zeros(64, np.int64)
    table = Table().add(kernels["add_neighbours"], block(x, y), flags=0)
    counts = np.zeros(PARTS, np.int64)
    table.add(kernels["count"], block(counts)).add(kernels["count"], block(counts))
    assert Team(threads).run(table.words, PARTS, steps=30) == 0
    assert counts.tolist() == [60] * PARTS
    np.testing.assert_array_equal(y, np.roll(np.arange(64), 1) + np.roll(np.arange(64), -1))


def test_a_thread_that_is_too_late_for_a_job_touches_nothing(kernels, block):
    counts = np.zeros(PARTS, np.int64)
    pair = Team(2)
    pair.run(Table().add(kernels["count"], block(counts)).words, PARTS)
    pair._crew.dismiss()
    words = pair._crew.block
    words[driver.TABLE], words[driver.DISMISSED] = 0, 0  # who looked at the table would crash
    before = words.copy()
    words[driver.TICKET] += 1  # wake up to a job that is over
    words[driver.IDLE_SPINS] = words[driver.IDLE_NAPS] = 0
    words[driver.WORKERS + driver.WORKER_WORDS + driver.MOVED] = words[driver.TICKET]
    assert driver.compiled_driver().serve(words.ctypes.data, 1, 0) == words[driver.TICKET]
    assert words[driver.SEGMENT] == before[driver.SEGMENT]
    assert counts.tolist() == [1] * PARTS


def test_there_are_never_more_workers_than_processors(monkeypatch, kernels, block):
    monkeypatch.setattr(team, "available_processors", lambda: 2)
    elsewhere = set(workers())
    large, counts = Team(8), np.zeros(8, np.int64)
    large.run(Table().add(kernels["count"], block(counts)).words, 8, steps=5)
    assert len(set(workers()) - elsewhere) == 1
    assert counts.tolist() == [5] * 8


def judged(*shares, company=None, start=0.0, every=0.1):
    """What a company decides, call by call, for these shares of a processor."""
    company = company or Company()
    decisions = []
    for number, share in enumerate(shares):
        company.note(start + every * number, every, every * share)
        decisions.append(company.alone)
    return decisions


@pytest.mark.parametrize(
    "shares, alone",
    [
        ([1.0, 0.95, 0.8], [False, False, False]),  # the processors are free
        ([0.5, 0.6, 0.6], [True, True, True]),  # crowded: alone, it has no processor either
        ([0.5, 0.6, 1.0, 0.9], [True, True, False, False]),  # crowded for some time
        ([0.5, 0.6, 1.0, 0.5], [True, True, False, True]),  # and crowded again
        ([0.5, 1.0, 0.5, 0.5], [True, False, False, False]),  # uneven work: not suspected again
    ],
)
def test_the_caller_works_alone_while_the_processors_are_crowded(shares, alone):
    assert judged(*shares) == alone


def test_a_wrong_suspicion_is_tried_again_ever_more_rarely():
    company = Company()
    trials = []
    for call in range(600):
        share = 1.0 if company.alone else 0.5
        trials.append(company.alone)
        company.note(0.1 * call, 0.1, 0.1 * share)
    first, second, third, *_, last = np.flatnonzero(trials)
    assert second - first < third - second
    assert len(np.flatnonzero(trials)) < 10
    assert last < 600


def test_short_calls_are_judged_together():
    company = Company()
    assert judged(*[0.0] * 10, company=company, every=0.001) == [False] * 10
    assert any(judged(*[0.0] * 20, company=company, every=0.001))


def test_alone_the_caller_calls_nobody_and_the_result_is_the_same(kernels, block):
    counts = np.zeros(PARTS, np.int64)
    table = Table().add(kernels["count"], block(counts))
    pair = Team(2)
    pair.run(table.words, PARTS)
    ticket = pair._crew.block[driver.TICKET]
    pair._crew._company.alone = True
    pair.run(table.words, PARTS)
    assert pair._crew.block[driver.TICKET] == ticket
    assert counts.tolist() == [2] * PARTS


def test_few_threads_for_little_work_and_all_of_them_after(kernels, block):
    x, y = np.arange(64, dtype=np.int64), np.zeros(64, np.int64)
    there, back = block(x, y), block(y, x)
    table = Table().add(kernels["add_neighbours"], there).add(kernels["add_neighbours"], back)
    expected, several = x.copy(), Team(5)
    for most in (5, 1, 2, 5, 3, 1, 1, 5, 17) * 10:
        for _ in range(6):
            expected = (np.roll(expected, 1) + np.roll(expected, -1)) % 1_000_003
        assert several.run(table.words, PARTS, steps=3, most_threads=most) == 0
        np.testing.assert_array_equal(x, expected)


def test_work_for_one_thread_calls_nobody(kernels, block):
    counts = np.zeros(PARTS, np.int64)
    table = Table().add(kernels["count"], block(counts))
    pair = Team(2)
    pair.run(table.words, PARTS)
    ticket = pair._crew.block[driver.TICKET]
    pair.run(table.words, PARTS, steps=3, most_threads=1)
    assert pair._crew.block[driver.TICKET] == ticket
    assert counts.tolist() == [4] * PARTS


def test_a_worker_without_a_share_in_the_job_keeps_away(kernels, block):
    """It would compute on a processor that the job has no use for."""
    trio, counts = Team(3), np.zeros(PARTS, np.int64)
    table = Table().add(kernels["count"], block(counts))
    trio.run(table.words, PARTS)
    claimed = driver.WORKERS + 2 * driver.WORKER_WORDS + driver.CLAIMED
    for _ in range(50):
        trio.run(table.words, PARTS, most_threads=2)
        assert trio._crew.block[claimed] == driver.NEVER
    assert counts.tolist() == [51] * PARTS


def test_a_team_follows_the_number_that_is_set(monkeypatch, kernels, block):
    monkeypatch.setattr(threads_module, "_chosen", [])
    elsewhere = set(workers())
    counts = np.zeros(PARTS, np.int64)
    table = Table().add(kernels["count"], block(counts))
    following, own = Team(), Team(2)
    for number in (3, 1, 5):
        set_num_threads(number)
        following.run(table.words, PARTS)
        assert following.threads == number
        assert len(set(workers()) - elsewhere) == number - 1
    own.run(table.words, PARTS)
    assert own.threads == 2
    assert counts.tolist() == [4] * PARTS


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
