"""The same fit, called again after an interruption, ends as if there had been none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from glassgrad.callbacks import BackupAndRestore, Callback, EarlyStopping, ReduceLROnPlateau
from glassgrad.errors import ArgumentError, FileError
from tests.training.callbacks.fake import Interrupt
from tests.training.small import assert_identical, compiled, inputs, labels

EPOCHS = 6


class Count(Callback):
    """How many batches were trained."""

    batches = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches += 1


def train(folder: Path, *others: Callback, size: int = 4, **options: Any) -> Any:
    model = compiled(dropout=0.3)
    data = (inputs(), labels())
    watching = [EarlyStopping(patience=4), ReduceLROnPlateau(patience=1, min_delta=0.1)]
    model.fit(
        *data, size, EPOCHS, verbose=0, validation_data=data,
        callbacks=[*watching, *others, BackupAndRestore(folder, **options)],
    )  # fmt: skip
    return model


@pytest.mark.parametrize("options, interrupted_at, batches", [
    ({}, (0, 2), 18), ({}, (3, 0), 9), ({}, (3, 2), 9),
    ({"save_freq": 1}, (0, 1), 17), ({"save_freq": 1}, (3, 2), 7), ({"save_freq": 4}, (3, 2), 10),
])  # fmt: skip
def test_interrupted_training_goes_on(
    tmp_path: Path, options: dict[str, Any], interrupted_at: tuple[int, int], batches: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "backup", Interrupt(*interrupted_at), **options)
    count = Count()
    resumed, whole = train(tmp_path / "backup", count, **options), train(tmp_path / "other")
    assert count.batches == batches
    assert_identical(resumed, whole)
    assert resumed.history.history == whole.history.history


@pytest.mark.parametrize("deletes", [True, False])
def test_the_end(tmp_path: Path, deletes: bool) -> None:
    train(tmp_path / "a" / "backup", delete_checkpoint=deletes)
    assert (tmp_path / "a" / "backup").exists() != deletes
    count = Count()
    train(tmp_path / "a" / "backup", count, delete_checkpoint=deletes)
    assert count.batches == (18 if deletes else 0)


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8] + b"damaged!")


def test_two_states_are_safer_than_one(tmp_path: Path) -> None:
    for name, options in (("one", {}), ("two", {"double_checkpoint": True})):
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / name, Interrupt(3, 1), **options)
        spoil(tmp_path / name / "latest.safetensors")
    with pytest.raises(FileError, match="damaged"):
        train(tmp_path / "one")
    count = Count()
    resumed = train(tmp_path / "two", count, double_checkpoint=True)
    assert count.batches == 12  # one epoch more than from the latest
    assert_identical(resumed, train(tmp_path / "other"))


def test_another_training_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, Interrupt(3, 1))
    with pytest.raises(FileError, match=r"of another run: it had batch_size 4\. Got 5"):
        train(tmp_path, size=5)


@pytest.mark.parametrize("wrong", ["batch", 0, 1.5, False])
def test_a_frequency_that_is_none(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match="save_freq must be"):
        BackupAndRestore("backup", wrong)


def test_a_folder_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="must name a folder"):
        BackupAndRestore("")
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="Cannot make the folder"):
        train(tmp_path / "file" / "backup")
