"""Saving the model: where, when, and what happens where it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.callbacks import Callback, ModelCheckpoint
from glassgrad.errors import ArgumentError, FileError
from glassgrad.models import load_model
from glassgrad.training.storage import load_tree
from tests.training.callbacks.fake import Interrupt
from tests.training.small import compiled, inputs, labels


def fit(tmp_path: Path, *, epochs: int = 3, **options: Any) -> Any:
    model = compiled()
    checkpoint = ModelCheckpoint(tmp_path / options.pop("name", "model"), **options)
    data = (inputs(), labels())
    model.fit(*data, epochs=epochs, verbose=0, callbacks=[checkpoint], validation_data=data)
    return model


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_names_with_epoch_and_logs(tmp_path: Path) -> None:
    model = fit(tmp_path, name="{epoch:02d}-{val_loss:.3f}.safetensors")
    losses = model.history.history["val_loss"]
    assert files(tmp_path) == sorted(
        f"{number:02d}-{loss:.3f}.safetensors" for number, loss in enumerate(losses, 1)
    )


def test_the_folder_is_made(tmp_path: Path) -> None:
    fit(tmp_path, name="a/{epoch}/model", epochs=2)
    assert files(tmp_path / "a") == ["1", "2"]


def test_whole_models_and_weights(tmp_path: Path) -> None:
    model = fit(tmp_path, name="whole")
    np.testing.assert_array_equal(
        load_model(tmp_path / "whole").predict(inputs()), model.predict(inputs())
    )
    model = fit(tmp_path, name="weights", save_weights_only=True)
    other = compiled(seed=2)
    other.load_weights(tmp_path / "weights")
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    with pytest.raises(FileError, match="It is a weights"):
        load_model(tmp_path / "weights")


@pytest.mark.parametrize(
    "options, saved",
    [
        ({"monitor": "loss"}, [1, 2, 4]),
        ({"monitor": "loss", "initial_value_threshold": 2.0}, [4]),
        ({"monitor": "loss", "mode": "max"}, [1]),
        ({"monitor": "loss", "save_best_only": False}, [1, 2, 3, 4]),
    ],
)
def test_best_only(tmp_path: Path, options: dict[str, Any], saved: list[int]) -> None:
    options = {"save_best_only": True, **options}
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}", save_weights_only=True, **options)
    checkpoint.set_model(compiled())
    for epoch, loss in enumerate([4.0, 3.0, 3.5, 1.0]):
        checkpoint.on_epoch_end(epoch, {"loss": loss})
    assert files(tmp_path) == [str(number) for number in saved]


def test_best_only_without_the_quantity_saves(tmp_path: Path) -> None:
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}", save_best_only=True)
    checkpoint.set_model(compiled())
    with pytest.warns(UserWarning, match="ModelCheckpoint watches 'val_loss'"):
        checkpoint.on_epoch_end(0, {"loss": 1.0})
    assert files(tmp_path) == ["1"]


@pytest.mark.parametrize("name", ["{accuracy_of_nothing}", "{}", "{epoch:z}", "{epoch"])
def test_a_name_that_cannot_be_filled_in(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArgumentError, match=r"cannot be filled in.*What there is: epoch, loss"):
        fit(tmp_path, name=name)
    assert not files(tmp_path)


def test_a_failing_disk_stops_training_and_keeps_the_last_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FillDisk(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                monkeypatch.setattr("os.fsync", full)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    model = compiled()
    checkpoint = ModelCheckpoint(tmp_path / "model")
    with pytest.raises(FileError, match=r"No space left on device. Free some room"):
        model.fit(inputs(), labels(), epochs=5, verbose=0, callbacks=[FillDisk(), checkpoint])
    assert files(tmp_path) == ["model"]
    assert load_model(tmp_path / "model").epochs_seen == 0  # saved while epoch 0 was ending


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="Cannot make the folder"):
        fit(tmp_path, name="file/model")


def test_saving_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(tmp_path, epochs=1, verbose=1)
    path = tmp_path / "model"
    assert capsys.readouterr().err == f"epoch 1: saved {path}\n"
    best = ModelCheckpoint(path, "loss", 1, save_best_only=True, save_weights_only=True)
    best.set_model(compiled())
    for epoch, loss in enumerate([3.0, 4.0, 2.0]):
        best.on_epoch_end(epoch, {"loss": loss})
    assert capsys.readouterr().err.splitlines() == [
        f"epoch 1: loss is 3; saved {path}",
        "epoch 2: loss is no better than 3",
        f"epoch 3: loss is 2, before 3; saved {path}",
    ]


@pytest.mark.parametrize(
    "every, saved",
    [
        (1, ["1-1", "1-2", "1-3", "2-1", "2-2", "2-3"]),
        (2, ["1-2", "2-1", "2-3"]),  # batches are counted over the ends of epochs
        (4, ["2-1"]),
        (7, []),
    ],
)
def test_saving_after_batches(tmp_path: Path, every: int, saved: list[str]) -> None:
    checkpoint = ModelCheckpoint(
        tmp_path / "{epoch}-{batch}", save_weights_only=True, save_freq=every
    )
    compiled().fit(inputs(), labels(), 4, 2, verbose=0, callbacks=[checkpoint])
    assert files(tmp_path) == saved


@pytest.mark.parametrize("wrong", ["batch", 0, -1, 1.5, None, True])
def test_a_frequency_that_is_none(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(ArgumentError, match="save_freq must be"):
        ModelCheckpoint(tmp_path, save_freq=wrong)


@pytest.mark.parametrize("interrupted_at", [(0, 2), (1, 0), (1, 2)])
def test_resumed_runs_save_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted_at: tuple[int, int]
) -> None:
    def train(folder: Path, *others: Callback) -> dict[str, list[bytes]]:
        keep = ModelCheckpoint(
            folder / "{epoch}-{batch}", "loss", save_best_only=True, save_weights_only=True,
            save_freq=2,
        )  # fmt: skip
        compiled().fit(
            inputs(), labels(), 4, 3, verbose=0, callbacks=[keep, *others],
            checkpoint=folder.with_suffix(".checkpoint"),
        )  # fmt: skip
        return {
            path.name: [array.tobytes() for array in load_tree(path, "weights")["weights"]]
            for path in folder.iterdir()
        }

    monkeypatch.setattr("glassgrad.training.loop.SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "resumed", Interrupt(*interrupted_at))
    resumed, whole = train(tmp_path / "resumed"), train(tmp_path / "whole")
    assert resumed == whole
    assert len(whole) > 2
