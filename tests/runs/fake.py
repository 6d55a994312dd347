"""Folders that look as those of runs do."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from glassgrad.runs import RunDatabase, RunRecord
from glassgrad.training.storage import save_tree

CONFIG = {
    "data": "digits", "layers": "16 relu", "optimizer": "adam", "learning_rate": 0.001,
    "epochs": 2, "fingerprint": "abc", "version": "0.1.0",
}  # fmt: skip
HISTORY = {"loss": [2.0, 1.0], "val_loss": [3.0, 4.0]}


def begun(folder: Path, **config: Any) -> Path:
    """A run that has a configuration, and nothing more."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config}))
    return folder


def under_way(folder: Path, done: int = 1, **config: Any) -> Path:
    """A run with a checkpoint."""
    begun(folder, **config)
    history = {name: values[:done] for name, values in HISTORY.items()}
    state = {"epoch": list(range(done)), "history": history}
    callbacks = [{"class": "Clock", "state": {}}, {"class": "History", "state": state}]
    save_tree(folder / "checkpoint.safetensors", "checkpoint", {"callbacks": callbacks})
    return folder


def ended(folder: Path, **config: Any) -> Path:
    """A run that has come to its end."""
    under_way(folder, 2, **config)
    (folder / "model.safetensors").touch()
    result = {"test_loss": 0.5, "seconds": 9.5, "history": HISTORY, "of_epochs": 2}
    (folder / "result.json").write_text(json.dumps(result))
    return folder


def record(name: str = "a", status: str = "running", **more: Any) -> RunRecord:
    return RunRecord(name, f"runs/{name}", status, **{"config": CONFIG, **more})


def stored(folder: Path) -> dict[str, RunRecord]:
    """What the database of a folder says."""
    with RunDatabase(folder / "runs.sqlite") as database:
        return {one.name: one for one in database.records()}


def damage(path: Path, how: str) -> None:
    """Spoil a database."""
    if how == "garbage":
        path.write_bytes(b"no database" * 1000)
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    elif how == "overwritten":
        content = bytearray(path.read_bytes())
        content[4096:] = b"\xa5" * (len(content) - 4096)
        path.write_bytes(content)
    else:
        connection = sqlite3.connect(path)
        connection.executescript("DROP TABLE metrics")
        connection.close()


DAMAGES = ("garbage", "truncated", "overwritten", "no table")
