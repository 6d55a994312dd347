"""The callback that writes: training never depends on it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from glassgrad.callbacks import LambdaCallback
from glassgrad.runs import Recorder, RunDatabase
from tests.runs.fake import CONFIG, DAMAGES, damage, record, stored
from tests.training.callbacks.fake import Interrupt
from tests.training.small import assert_identical, compiled, inputs, labels


def train(folder: Path, *others: Any, warn: Any = pytest.fail, **options: Any) -> Any:
    model = compiled()
    with Recorder(folder, CONFIG, warn) as recorder:
        recorder.result = {"test_loss": 0.5}
        model.fit(
            inputs(), labels(), 4, 3, verbose=0, callbacks=[*others, recorder],
            checkpoint=folder / "checkpoint", **options,
        )  # fmt: skip
    return model


def test_a_run_is_recorded(tmp_path: Path) -> None:
    odd = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(list=[1], text="x", n=epoch))
    model = train(tmp_path / "run", odd, validation_data=(inputs(), labels()))
    run = stored(tmp_path)["run"]
    assert (run.status, run.config, run.result) == ("ended", CONFIG, {"test_loss": 0.5})
    assert run.begun is not None
    assert run.ended is not None
    assert run.seconds is not None
    assert {name: list(values.values()) for name, values in run.metrics.items()} == {
        name: values
        for name, values in model.history.history.items()
        if name not in ("list", "text")
    }


def test_what_a_doctor_found_is_recorded_whatever_happens(tmp_path: Path) -> None:
    found = [{"code": "dead_units"}]
    with (
        pytest.raises(KeyboardInterrupt),
        Recorder(tmp_path / "run", CONFIG, findings=lambda: found),
    ):
        raise KeyboardInterrupt
    assert stored(tmp_path)["run"].findings == found


@pytest.mark.parametrize("error, status", [(KeyboardInterrupt, "interrupted"), (OSError, "failed")])
def test_how_it_ended(tmp_path: Path, error: type[BaseException], status: str) -> None:
    with pytest.raises(error), Recorder(tmp_path / "run", CONFIG):
        raise error
    run = stored(tmp_path)["run"]
    assert (run.status, run.result) == (status, None)


@pytest.mark.parametrize("interrupted_at", [(0, 1), (1, 0), (2, 1)])
def test_a_resumed_run_has_each_epoch_once(tmp_path: Path, interrupted_at: tuple[int, int]) -> None:
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(folder, Interrupt(*interrupted_at))
    with RunDatabase(tmp_path / "runs.sqlite") as database:
        begun = database.record("run").begun  # type: ignore[union-attr]
        for epoch in range(interrupted_at[0], 9):  # was not in the checkpoint when it was killed
            database.write_epoch("run", epoch, {"loss": 99.0, "old": 1.0})
    model = train(folder)
    run = stored(tmp_path)["run"]
    assert (run.status, run.begun) == ("ended", begun)
    assert set(run.metrics) == {"loss", "accuracy"}
    assert [*run.metrics["loss"].values()] == model.history.history["loss"]


def broken_by(folder: Path, how: str) -> Any:
    """A callback that spoils the database between two epochs."""

    def spoil(epoch: int, logs: Any) -> None:
        if epoch == 1:
            with sqlite3.connect(folder / "runs.sqlite") as connection:
                connection.execute(
                    "DROP TABLE metrics" if how == "table" else "PRAGMA journal_mode"
                )
            if how == "lock":
                lock.append(RunDatabase(folder / "runs.sqlite"))
                lock[0]._connection.execute("BEGIN IMMEDIATE")

    lock: list[RunDatabase] = []
    return LambdaCallback(
        on_epoch_begin=spoil, on_train_end=lambda logs: [one.close() for one in lock]
    )


@pytest.mark.parametrize("how", ["table", "lock"])
def test_training_goes_on_without_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("glassgrad.runs.database.SECONDS_OF_WAITING", 0.01)
    warnings: list[str] = []
    model = train(tmp_path / "run", broken_by(tmp_path, how), warn=warnings.append)
    assert_identical(model, train(tmp_path / "other" / "run"))
    assert len(warnings) == 1
    assert "Training goes on" in warnings[0]
    assert "\n" not in warnings[0]


def test_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "runs.sqlite").mkdir()
    warnings: list[str] = []
    model = train(tmp_path / "run", warn=warnings.append)
    assert len(model.history.epoch) == 3
    assert len(warnings) == 1


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_file_is_replaced(tmp_path: Path, how: str) -> None:
    with RunDatabase(tmp_path / "runs.sqlite") as database:
        for name in range(200):
            database.write(record(str(name)))
    damage(tmp_path / "runs.sqlite", how)
    warnings: list[str] = []
    train(tmp_path / "run", warn=warnings.append)
    assert len(warnings) == 1
    assert stored(tmp_path)["run"].status == "ended"
