"""The table of the epochs, byte for byte as Keras 3 writes it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.callbacks import CSVLogger
from glassgrad.errors import ArgumentError, FileError
from tests.training.callbacks.fake import Interrupt
from tests.training.small import compiled, inputs, labels


def write(logger: CSVLogger, *logs: dict[str, Any]) -> str:
    logger.on_train_begin()
    for epoch, values in enumerate(logs):
        logger.on_epoch_begin(epoch)
        logger.on_epoch_end(epoch, values)
    return Path(logger.filename).read_bytes().decode()


LOGS = {"loss": 1.0, "acc": 0.5}, {"loss": 0.25, "acc": 0.75}
TABLES: dict[str, tuple[dict[str, Any], list[dict[str, Any]], str]] = {
    "without validation": (
        {}, [*LOGS], "epoch,acc,loss,val_acc,val_loss\r\n0,0.5,1.0,NA,NA\r\n1,0.75,0.25,NA,NA\r\n",
    ),
    "validation comes later": (
        {}, [{"loss": 1.0}, {"loss": 2.0, "val_loss": 1.0}],
        "epoch,loss,val_loss\r\n0,1.0,NA\r\n1,2.0,1.0\r\n",
    ),
    "what comes later is left out": (
        {"separator": ";"}, [{"loss": 1.0, "val_loss": 0.5}, {"loss": 0.25, "x": 3}],
        "epoch;loss;val_loss\r\n0;1.0;0.5\r\n1;0.25;NA\r\n",
    ),
    "several numbers in a cell": (
        {}, [{"loss": np.float32(0.1), "w": [1, 2]}, {"loss": float("nan"), "w": np.array(3)}],
        'epoch,loss,w,val_loss,val_w\r\n0,0.1,"""[1, 2]""",NA,NA\r\n1,nan,3,NA,NA\r\n',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_tables(tmp_path: Path, name: str) -> None:
    options, logs, expected = TABLES[name]
    logger = CSVLogger(tmp_path / "log.csv", **options)
    assert write(logger, *logs) == expected
    assert write(logger, *logs) == expected  # the second training overwrites the first


def test_appending(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path / "log.csv", append=True)
    once = write(logger, *LOGS)
    rows = once.split("\r\n", 1)[1]
    assert write(logger, *LOGS) == once + rows


def test_the_file_is_there_from_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("old")
    logger = CSVLogger(tmp_path / "log.csv")
    logger.on_train_begin()
    logger.on_epoch_begin(0)
    assert (tmp_path / "log.csv").read_text() == ""


@pytest.mark.parametrize("separator", ["", ",,", "\n", '"', None, 3])
def test_a_separator_that_is_none(separator: Any) -> None:
    with pytest.raises(ArgumentError, match="separator must be one character"):
        CSVLogger("log.csv", separator)


@pytest.mark.parametrize("name", ["missing/log.csv", "."])
def test_a_file_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match="Cannot write"):
        write(CSVLogger(tmp_path / name), *LOGS)


def test_no_half_row_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = CSVLogger(tmp_path / "log.csv")
    before = write(logger, *LOGS)

    def full(*_: Any) -> bytes:
        raise MemoryError

    monkeypatch.setattr(CSVLogger, "_text", full)
    with pytest.raises(MemoryError):
        logger.on_epoch_end(2, LOGS[0])
    assert (tmp_path / "log.csv").read_bytes().decode() == before


def train(folder: Path, *others: Any) -> str:
    logger = CSVLogger(folder / "log.csv")
    compiled().fit(
        inputs(), labels(), 4, 4, verbose=0, callbacks=[logger, *others],
        checkpoint=folder / "checkpoint",
    )  # fmt: skip
    return (folder / "log.csv").read_text()


@pytest.mark.parametrize("interrupted_at", [(0, 1), (1, 0), (2, 2)])
def test_a_resumed_run_writes_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted_at: tuple[int, int]
) -> None:
    monkeypatch.setattr("glassgrad.training.loop.SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    for name in ("resumed", "whole"):
        (tmp_path / name).mkdir()
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "resumed", Interrupt(*interrupted_at))
    with (tmp_path / "resumed" / "log.csv").open("a", newline="") as file:
        file.write("9,9,9\r\n")  # a row whose epoch was not yet in the checkpoint
    assert train(tmp_path / "resumed") == train(tmp_path / "whole")
    with (tmp_path / "whole" / "log.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2", "3"]


def test_a_table_that_has_lost_rows_is_not_gone_on_with(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, Interrupt(2, 0))
    (tmp_path / "log.csv").unlink()
    with pytest.raises(FileError, match=r"has lost rows .* or is gone. Bring it back"):
        train(tmp_path)
