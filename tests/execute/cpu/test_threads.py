from __future__ import annotations

import multiprocessing
import os
import threading

import numpy as np
import pytest

import glassgrad
from glassgrad.errors import ArgumentError
from glassgrad.execute.cpu import threads
from glassgrad.execute.cpu.threads import (
    ThreadCount,
    Turn,
    available_processors,
    default_threads,
    get_num_threads,
    set_num_threads,
)


@pytest.fixture(autouse=True)
def _sixteen_processors(monkeypatch, tmp_path):
    monkeypatch.delenv("GLASSGRAD_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: None)
    monkeypatch.setattr(threads, "CGROUPS", tmp_path)
    monkeypatch.setattr(threads, "OWN_CGROUPS", tmp_path / "self")
    monkeypatch.setattr(threads, "_chosen", [])


def test_the_setting_wins(monkeypatch):
    monkeypatch.setenv("GLASSGRAD_THREADS", "3")
    assert default_threads() == 3


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "1000000"])
def test_a_wrong_setting_is_explained(monkeypatch, text):
    monkeypatch.setenv("GLASSGRAD_THREADS", text)
    with pytest.raises(ArgumentError, match="GLASSGRAD_THREADS"):
        default_threads()


def test_affinity_counts():
    assert default_threads() == 16


def test_a_child_process_uses_one(monkeypatch):
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: "somebody")
    assert default_threads() == 1


@pytest.mark.parametrize(
    "text, expected",
    [("200000 100000\n", 2), ("max 100000\n", 16), ("50000 100000\n", 1), ("350000 100000", 3)],
)
def test_quota_of_version_2(tmp_path, text, expected):
    (tmp_path / "cpu.max").write_text(text)
    assert available_processors() == expected


@pytest.mark.parametrize("quota, expected", [("400000", 4), ("-1", 16)])
def test_quota_of_version_1(tmp_path, quota, expected):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert available_processors() == expected


@pytest.mark.parametrize("controllers", ["cpu,cpuacct", "cpu", "cpuacct,cpu"])
@pytest.mark.parametrize("limited", ["", "outer", "outer/inner"])
def test_quota_of_version_1_of_the_own_group_and_those_around_it(tmp_path, controllers, limited):
    own = tmp_path / controllers / "outer" / "inner"
    own.mkdir(parents=True)
    (tmp_path / "self").write_text(f"5:memory:/elsewhere\n4:{controllers}:/outer/inner\n")
    for folder in (own, own.parent, own.parent.parent):
        (folder / "cpu.cfs_quota_us").write_text("-1")
        (folder / "cpu.cfs_period_us").write_text("100000")
    assert available_processors() == 16
    (tmp_path / controllers / limited / "cpu.cfs_quota_us").write_text("300000")
    assert available_processors() == 3


@pytest.mark.parametrize("limited", ["", "outer", "outer/inner"])
def test_quota_of_version_2_of_the_own_group_and_those_around_it(tmp_path, limited):
    (tmp_path / "outer" / "inner").mkdir(parents=True)
    (tmp_path / "self").write_text("0::/outer/inner\n")
    (tmp_path / limited / "cpu.max").write_text("300000 100000")
    assert available_processors() == 3


def test_the_number_that_is_set_wins_over_all(monkeypatch):
    monkeypatch.setenv("GLASSGRAD_THREADS", "3")
    assert get_num_threads() == 3
    own, following = ThreadCount(2), ThreadCount()
    assert (own.value, following.value) == (2, 3)
    glassgrad.set_num_threads(np.int64(5))
    assert glassgrad.get_num_threads() == 5
    assert (own.value, following.value, ThreadCount().value) == (2, 5, 5)


@pytest.mark.parametrize("number", [0, -1, 1.5, 2.0, "two", "2", None, True, 1025, [2]])
def test_a_number_that_is_none_is_refused_and_nothing_is_set(number):
    with pytest.raises(ArgumentError, match="set_num_threads: threads must be a whole number"):
        set_num_threads(number)
    assert get_num_threads() == 16


def test_a_system_without_affinity(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert available_processors() == 7


def can_enter(turn):
    """Whether another thread finds it free."""
    entered = threading.Event()

    def enter():
        with turn:
            entered.set()

    thread = threading.Thread(target=enter, daemon=True)
    thread.start()
    return entered.wait(0.05)


def test_a_turn_is_reentrant_and_excludes_other_threads():
    turn = Turn()
    with turn, turn:
        assert not can_enter(turn)
    assert can_enter(Turn())


def test_a_forked_child_finds_a_turn_free_and_its_holder_leaves_it_quietly():
    turn = Turn()
    with turn:
        threads._free_all_turns()  # what a child does first
        assert can_enter(turn)
    with turn:
        assert not can_enter(turn)
