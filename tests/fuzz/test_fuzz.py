"""A few hundred damaged files for every reader, and all that ever broke one; see `run.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.readers import READERS, corpus_of
from tests.fuzz.run import fuzz, inputs_for, judge

INPUTS = 300


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    verdicts = [judge(name, content, tmp_path / "input") for content in inputs_for(name, INPUTS, 0)]
    assert set(verdicts) <= {"accepted", "refused"}
    assert verdicts.count("refused") > INPUTS // 5


@pytest.mark.parametrize("name", READERS)
def test_the_corpus_is_read_or_refused(name: str, tmp_path: Path) -> None:
    corpus = corpus_of(name)
    verdicts = [judge(name, content, tmp_path / "input") for content in corpus]
    assert set(verdicts) <= {"accepted", "refused"}
    assert verdicts.count("accepted") >= 2  # what refuses everything would pass otherwise


def test_a_planted_failure_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from glassgrad.datasets import csv_file

    monkeypatch.setattr(csv_file, "_ragged", lambda *_: KeyError("planted"))
    verdict = judge("csv", b"a,b\n1,2\n3\n", tmp_path / "input")
    assert verdict is not None
    assert verdict.startswith("KeyError in csv_file.py:")


def test_the_runner_counts_and_the_seed_decides() -> None:
    outcome = fuzz("csv", 50, seed=1)
    assert (outcome.inputs, outcome.failures) == (50, {})
    assert 0 < outcome.accepted < 50
    assert list(inputs_for("npz", 9, 1)) == list(inputs_for("npz", 9, 1))
    assert list(inputs_for("npz", 9, 1)) != list(inputs_for("npz", 9, 2))
