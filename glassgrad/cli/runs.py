"""A run is a folder that holds everything needed to go on, and in the end the result.

``config.json`` is written first and says what is trained on what; ``checkpoint.safetensors`` is
the state of training; ``model.safetensors`` is the trained model; ``result.json`` is written last
and says that the run has ended. Each file is written whole or not at all, so the folder can be
taken up again after the process was killed at any moment.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Any, Self

from glassgrad import __version__
from glassgrad.cli.invocation import command_line, quoted
from glassgrad.cli.stopping import is_stopping
from glassgrad.errors import ArgumentError, FileError
from glassgrad.files import read_bytes, write_atomically
from glassgrad.runs.folder import CHECKPOINT, CONFIG, MODEL, RESULT, held

__all__ = ["Config", "Run", "is_run", "new_folder"]

LEFTOVERS = ".glassgrad-*.tmp"  # of a write that was killed


@dataclass(frozen=True)
class Config:
    """What decides a run to the last bit, as ``config.json`` keeps it.

    Args:
        data: a name, or the absolute path of a folder.
        layers: what stands between input and output, in the grammar of ``--layers``.
        optimizer: its name.
        learning_rate: the size of its steps.
        epochs: how often the data are gone through.
        batch_size: examples a step.
        seed: decides first weights, order and masks.
        executor: its name.
        executor_settings: what decides its last bit.
        fingerprint: of the training data.
        version: of glassgrad, when the run began.
        target: the column of a table that is told from the others; "" for other data.
        task: "classification", "regression" or "auto".
        stopping: what ends the run before its last epoch: "patience", "target_loss",
            "max_seconds"; those that were asked for.
    """

    data: str
    layers: str
    optimizer: str
    learning_rate: float
    epochs: int
    batch_size: int
    seed: int
    executor: str
    executor_settings: dict[str, int]
    fingerprint: str
    version: str = __version__
    target: str = ""
    task: str = "auto"
    stopping: dict[str, float] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read it.

        Raises:
            ValueError, TypeError, AttributeError: the text is no configuration.
        """
        found = {**_ADDED_LATER, **json.loads(text)}
        kinds = {field.name: type(getattr(_SAMPLE, field.name)) for field in fields(cls)}
        for name, kind in kinds.items():
            if not isinstance(found.get(name), kind):
                raise TypeError(f"{name} is {found.get(name)!r}")
        if not is_stopping(found["stopping"]):
            raise TypeError(f"stopping is {found['stopping']!r}")
        return cls(**{name: found[name] for name in kinds})


_SAMPLE = Config("digits", "", "adam", 0.001, 1, 1, 0, "cpu", {}, "")
_ADDED_LATER = {"target": "", "task": "auto", "stopping": {}}  # what the files of older runs lack


def is_run(path: Path) -> bool:
    """Whether a folder holds a run."""
    return (path / CONFIG).is_file()


@dataclass(frozen=True)
class Run:
    """A run on disk.

    Args:
        folder: where it is.
        config: what it does.
    """

    folder: Path
    config: Config

    @classmethod
    @contextlib.contextmanager
    def begin(cls, folder: Path | None, config: Config, needed_bytes: int) -> Iterator[Self]:
        """Make a new run, which is this process's alone for the time of the ``with`` block.

        Args:
            folder: which must be empty or new; ``None`` makes one under ``runs/``.
            config: what the run does.
            needed_bytes: how much room its files will take.

        Raises:
            ArgumentError: the folder holds something.
            FileError: it cannot be written, or the disk has too little room.
        """
        made = new_folder(Path("runs"), Path(config.data).stem) if folder is None else _made(folder)
        with held(made):
            _require_empty(made)
            _require_room(made, needed_bytes)
            run = cls(made, config)
            run.write_config()
            yield run

    @classmethod
    @contextlib.contextmanager
    def take_up(cls, folder: Path) -> Iterator[Self]:
        """Open a run to go on with it; it is this process's alone for that time.

        Raises:
            FileError: the folder holds no run, or another process is at work on it.
        """
        run = cls.open(folder)
        with held(folder):
            for leftover in folder.glob(LEFTOVERS):
                leftover.unlink(missing_ok=True)
            yield run

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a run to look at it.

        Raises:
            FileError: the folder holds no run, or its configuration is damaged.
        """
        if not is_run(folder):
            state = "has no config.json" if folder.is_dir() else "is no folder"
            raise FileError(
                f"{str(folder)!r} holds no run: it {state}. Begin one with "
                f"{command_line('train', '--out', quoted(folder))}"
            )
        try:
            config = Config.from_json(read_bytes(folder / CONFIG))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise FileError(
                f"{str(folder / CONFIG)!r} is no configuration of a run: {error}. "
                "Restore it, or begin another run."
            ) from error
        return cls(folder, config)

    @property
    def checkpoint(self) -> Path:
        """The file with the state of training."""
        return self.folder / CHECKPOINT

    @property
    def model(self) -> Path:
        """The file with the trained model."""
        return self.folder / MODEL

    @property
    def how_to_go_on(self) -> str:
        """The command that continues this run."""
        return command_line("train", "--resume", quoted(self.folder))

    def write_config(self) -> None:
        """Write ``config.json``.

        Raises:
            FileError: it cannot be written.
        """
        _write_json(self.folder / CONFIG, asdict(self.config))

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write ``result.json``, which ends the run.

        Raises:
            FileError: it cannot be written.
        """
        _write_json(self.folder / RESULT, {**result, "of_epochs": self.config.epochs})

    def forget_result(self) -> None:
        """Remove ``result.json``: the run goes on."""
        (self.folder / RESULT).unlink(missing_ok=True)

    def result(self) -> dict[str, Any] | None:
        """What the run has come to, if it has ended with the epochs it is configured for.

        Raises:
            FileError: the file is damaged.
        """
        path = self.folder / RESULT
        if not path.exists() or not self.model.exists():
            return None
        try:
            found: dict[str, Any] = json.loads(read_bytes(path))
            return found if found.pop("of_epochs") == self.config.epochs else None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise FileError(
                f"{str(path)!r} is no result of a run: {error}. Remove it; "
                f"{self.how_to_go_on} makes it anew."
            ) from error


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with write_atomically(path) as file:
        file.write(json.dumps(content, indent=2).encode() + b"\n")


def new_folder(parent: Path, name: str) -> Path:
    """Make a folder that nobody has, named also after the time.

    Raises:
        FileError: it cannot be made.
    """
    stem = f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    names = chain([stem], (f"{stem}-{number}" for number in count(2)))
    while True:
        with contextlib.suppress(FileExistsError):
            return _made(parent / next(names), exist_ok=False)


def _made(folder: Path, exist_ok: bool = True) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError:
        if exist_ok:
            raise ArgumentError(
                f"{str(folder)!r} is a file. Name another folder with --out."
            ) from None
        raise
    except OSError as error:
        raise FileError(
            f"Cannot make the folder {str(folder)!r}: {error.strerror}. Name one that "
            "can be written with --out."
        ) from error
    return folder


def _require_empty(folder: Path) -> None:
    for leftover in folder.glob(LEFTOVERS):
        leftover.unlink(missing_ok=True)
    if is_run(folder):
        raise ArgumentError(
            f"{str(folder)!r} holds a run already. Go on with it by --resume "
            f"{quoted(folder)}, or name another folder."
        )
    if any(folder.iterdir()):
        raise ArgumentError(
            f"{str(folder)!r} is not empty and holds no run. Name a new or an "
            "empty folder with --out."
        )


def _require_room(folder: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise FileError(
            f"The disk of {str(folder)!r} has {free / 1e6:,.1f} MB of room, and the run may need "
            f"{needed_bytes / 1e6:,.1f} MB. Free some room, or name another place with --out."
        )
