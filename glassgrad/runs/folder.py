"""The folder of a run: its files, who is at work on it, and its end."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from glassgrad.errors import FileError
from glassgrad.files import read_bytes
from glassgrad.runs.record import ENDED, INTERRUPTED, RUNNING, Metrics, RunRecord
from glassgrad.training.storage import load_tree

__all__ = [
    "CHECKPOINT",
    "CONFIG",
    "MODEL",
    "RESULT",
    "Outline",
    "delete_run",
    "held",
    "is_held",
    "is_run",
    "outline_of",
    "read_run_folder",
    "result_of",
]

CONFIG, CHECKPOINT, MODEL, RESULT = (
    "config.json",
    "checkpoint.safetensors",
    "model.safetensors",
    "result.json",
)
OURS = (CONFIG, CHECKPOINT, MODEL, RESULT)
SIGNS = {"data", "layers", "optimizer", "epochs", "fingerprint"}  # a configuration has them all
DELETED = ".glassgrad-deleted-"
LOOKS, SECONDS_BETWEEN_LOOKS = 4, 0.02  # who merely asks holds a run for a moment


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run, also one whose configuration is damaged.

    Other programs keep a ``config.json`` as well; theirs says other things.
    """
    if not (folder / CONFIG).is_file():
        return False
    config = _json(folder / CONFIG)
    if config is None:
        return any((folder / name).is_file() for name in (CHECKPOINT, MODEL, RESULT))
    return config.keys() >= SIGNS


def read_run_folder(folder: Path) -> RunRecord:
    """What the files of a run say about it.

    A damaged configuration leaves the record without one.
    """
    config, result = _json(folder / CONFIG) or {}, result_of(folder)
    record = RunRecord(
        name=folder.resolve().name,
        folder=str(folder),
        status=RUNNING if is_held(folder) else INTERRUPTED,
        config=config,
        begun=_changed(folder / CONFIG),
        version=str(config.get("version", "")),
    )
    if result is None:
        return replace(record, metrics=_history_so_far(folder / CHECKPOINT))
    seconds = result.get("seconds")
    return replace(
        record,
        status=ENDED,
        ended=_changed(folder / RESULT),
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        result=_without_history(result),
        findings=_findings(result.get("findings")),
        metrics=_history(result),
    )


def result_of(folder: Path) -> dict[str, Any] | None:
    """What a run has come to, if it has ended with the epochs it is configured for."""
    result, config = _json(folder / RESULT), _json(folder / CONFIG) or {}
    if result is None or not (folder / MODEL).is_file():
        return None
    return result if result.get("of_epochs") == config.get("epochs") else None


def _json(path: Path) -> dict[str, Any] | None:
    """The object in a file; ``None`` where there is none, or something else."""
    try:
        found = json.loads(read_bytes(path))
    except (FileError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _without_history(result: Mapping[str, Any]) -> dict[str, Any]:
    elsewhere = ("history", "of_epochs", "findings")
    return {name: value for name, value in result.items() if name not in elsewhere}


def _findings(found: Any) -> list[dict[str, Any]] | None:
    is_list = isinstance(found, list) and all(isinstance(one, dict) for one in found)
    return found if is_list else None


def _changed(path: Path) -> str | None:
    with contextlib.suppress(OSError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    return None


def _history(result: Any) -> Metrics:
    """The metrics in what ``History`` has recorded, as far as they are any."""
    with contextlib.suppress(AttributeError, TypeError, ValueError):
        epochs = result.get("epoch")
        return {
            str(name): dict(zip(epochs or range(len(values)), map(float, values), strict=False))
            for name, values in result["history"].items()
        }
    return {}


def _history_so_far(checkpoint: Path) -> Metrics:
    """The metrics in a checkpoint."""
    if not checkpoint.is_file():
        return {}
    try:
        callbacks = load_tree(checkpoint, "checkpoint")["callbacks"]
        return _history(next(one["state"] for one in callbacks if one["class"] == "History"))
    except (FileError, LookupError, TypeError, StopIteration):
        return {}


# ---- who is at work


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes away; the system lets go when this one ends, however it ends.

    Raises:
        FileError: another process is at work on the run.
    """
    try:
        import fcntl
    except ImportError:  # this system has no such locks
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        for look in reversed(range(LOOKS)):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not look:
                    raise FileError(
                        f"Another process is at work on the run {str(folder)!r}. Wait for its "
                        "end, or stop it."
                    ) from None
                time.sleep(SECONDS_BETWEEN_LOOKS)
            except OSError:  # a file system without locks
                break
        yield
    finally:
        os.close(descriptor)


def is_held(folder: Path) -> bool:
    """Whether a process is at work on a run; where the system does not tell, it counts as none."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):  # no such locks, or the folder is gone
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


# ---- its end


@dataclass(frozen=True)
class Outline:
    """What would be lost with a folder.

    Args:
        files: how many there are.
        others: the names of those that glassgrad did not write.
        size: of all, in bytes.
    """

    files: int
    others: list[str]
    size: int


def outline_of(folder: Path) -> Outline:
    """What is in a folder, also in those inside."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file()]
    names = [str(path.relative_to(folder)) for path in files]
    others = [one for one in names if one not in OURS and not one.startswith(".glassgrad-")]
    return Outline(len(files), others, sum(path.lstat().st_size for path in files))


def delete_run(folder: Path) -> None:
    """Remove the folder of a run, with everything in it; it disappears at once or not at all.

    Raises:
        FileError: the folder holds no run, a process is at work on it, or it cannot be removed.
    """
    if not is_run(folder):
        raise FileError(f"{str(folder)!r} holds no run, so it is not deleted.")
    grave = folder.with_name(DELETED + secrets.token_hex(8))
    with held(folder):
        try:
            folder.rename(grave)
        except OSError as error:
            raise FileError(
                f"Cannot delete the run {str(folder)!r}: {error.strerror}. Ask for the permission "
                "to change its folder."
            ) from error
    for remains in folder.parent.glob(f"{DELETED}*"):  # also those of a process that was killed
        if remains.is_symlink():
            remains.unlink(missing_ok=True)
        else:
            shutil.rmtree(remains, ignore_errors=True)
