from __future__ import annotations

import multiprocessing
import os

import pytest

from glassgrad.errors import ArgumentError
from glassgrad.execute.cpu import threads
from glassgrad.execute.cpu.threads import available_processors, default_threads


@pytest.fixture(autouse=True)
def _sixteen_processors(monkeypatch, tmp_path):
    monkeypatch.delenv("GLASSGRAD_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: None)
    monkeypatch.setattr(threads, "CGROUPS", tmp_path)


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


def test_a_system_without_affinity(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert available_processors() == 7
