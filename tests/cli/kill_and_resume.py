"""Kill training at random moments, resume it until it ends, and compare with an uninterrupted run.

    python tests/cli/kill_and_resume.py --kills 20

The kills are aimed at the whole life of a run: before its folder says what it is, before the
first checkpoint, inside an epoch, while a checkpoint is written. Each process computes with
another number of threads. In the end every variable must be the same to the last bit.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassgrad.training.storage import load_tree

# Checkpoints within an epoch are for epochs that take minutes; here they come all the time.
CHILD = """
import sys
from glassgrad.cli import main
from glassgrad.training import loop
loop.SECONDS_BETWEEN_CHECKPOINTS = 0.01
sys.exit(main())
"""
WORDS = ("--layers", "64 relu, dropout 0.3, 32 relu", "--batch-size", "8", "--seed", "5", "--quiet")
PATIENCE = 300.0


@dataclass(frozen=True)
class Aim:
    """When to kill: after the so-manieth change of a file, and some seconds more."""

    file: str | None
    change: int
    seconds: float


@dataclass(frozen=True)
class Kill:
    """What was killed, and what it left."""

    threads: int
    state: str
    was_writing: bool


def start(folder: Path, epochs: int, threads: int) -> subprocess.Popen[bytes]:
    """Begin the run, or go on with it where it can be gone on with."""
    is_begun = (folder / "config.json").exists()
    begin = ("--out", folder, "--epochs", epochs, *WORDS)
    words = ("--resume", folder, "--quiet") if is_begun else begin
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, "train", *map(str, words), "--json"],
        env={**os.environ, "GLASSGRAD_THREADS": str(threads), "GLASSGRAD_EXECUTOR": "cpu"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(folder: Path, epochs: int, threads: int) -> None:
    """Let the run come to its end."""
    process = start(folder, epochs, threads)
    _, messages = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, messages.decode()


def kill(folder: Path, epochs: int, threads: int, aim: Aim) -> Kill | None:
    """Start a process and kill it at the moment aimed at; None if it came to its end before."""
    process = start(folder, epochs, threads)
    try:
        changes = watched(folder / aim.file) if aim.file else iter(int, 1)
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and aim.file and next(changes) < aim.change:
            assert time.monotonic() < deadline, f"{aim.file} did not change"
            time.sleep(0.0005)
        time.sleep(aim.seconds)
    finally:
        process.kill()
        _, messages = process.communicate()
    if process.returncode == 0:
        return None
    assert process.returncode < 0, messages.decode()
    return Kill(threads, described(folder), any(folder.glob(".glassgrad-*.tmp")))


def watched(path: Path) -> Iterator[int]:
    """How often a file has been replaced since the first look."""
    last, changes = identity(path), 0
    while True:
        now = identity(path)
        changes, last = changes + (now != last), now
        yield changes


def identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from the one that replaces it."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def described(folder: Path) -> str:
    """How far the run has come."""
    if not (folder / "config.json").exists():
        return "before config.json"
    if not (folder / "checkpoint.safetensors").exists():
        return "before the first checkpoint"
    state = load_tree(folder / "checkpoint.safetensors", "checkpoint")
    return f"epoch {state['epoch']}, batch {state['batch']}"


def aims(generator: random.Random) -> Iterator[list[Aim]]:
    """For each run a list of moments, from before it exists to late in training."""
    while True:
        yield [
            Aim(None, 0, generator.uniform(0, 1.0)),
            Aim("config.json", 1, generator.uniform(0, 0.02)),
            Aim("checkpoint.safetensors", generator.randint(1, 6), generator.uniform(0, 0.01)),
            Aim("checkpoint.safetensors", generator.randint(1, 20), generator.uniform(0, 0.02)),
            Aim(None, 0, generator.uniform(0.5, 1.5)),
            Aim("checkpoint.safetensors", generator.randint(1, 40), generator.uniform(0, 0.1)),
        ]


def outcome(folder: Path) -> dict[str, Any]:
    """Everything that must agree to the last bit, by name."""
    checkpoint = load_tree(folder / "checkpoint.safetensors", "checkpoint")
    model = load_tree(folder / "model.safetensors", "model")
    result = json.loads((folder / "result.json").read_text())
    # What a doctor says depends on what it has seen: that of a resumed run has not seen all of it.
    timeless = {k: v for k, v in result.items() if "second" not in k and k != "findings"}
    return {
        **{name: value.tobytes() for name, value in checkpoint["variables"].items()},
        **{f"weight/{i}": value.tobytes() for i, value in enumerate(model["weights"])},
        "result": timeless,
    }


def differences(one: Path, other: Path) -> list[str]:
    """The names of what does not agree."""
    a, b = outcome(one), outcome(other)
    assert set(a) == set(b)
    return [name for name in a if a[name] != b[name]]


def kill_and_resume(
    folder: Path,
    kills: int,
    epochs: int,
    choose: Iterator[list[Aim]],
    report: Callable[[Kill], None],
) -> Iterator[list[str]]:
    """Run again and again, killing all the while; gives what differs at the end of each run."""
    finish(folder / "uninterrupted", epochs, threads=1)
    done = rounds = 0
    while done < kills:
        rounds += 1
        run = folder / f"killed-{rounds}"
        for aim in next(choose)[: kills - done]:
            killed = kill(run, epochs, 1 + done % 2, aim)
            if killed is None:  # it was faster
                break
            done += 1
            report(killed)
        finish(run, epochs, threads=2)
        yield differences(folder / "uninterrupted", run)


def say(line: str) -> None:
    """Write a line of the table."""
    print(line, flush=True)  # noqa: T201  # the table is what the script is for


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what happened as a table; the exit code says whether all bits agree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    number = 0

    def report(killed: Kill) -> None:
        nonlocal number
        number += 1
        left = "a file half written" if killed.was_writing else ""
        say(f"{number:4}  {killed.threads:7}  {killed.state:28}  {left}".rstrip())

    say("kill  threads  the last state on disk        what lay beside it")
    different = []
    with tempfile.TemporaryDirectory() as folder:
        choose = aims(random.Random(options.seed))
        for names in kill_and_resume(Path(folder), options.kills, options.epochs, choose, report):
            verdict = f"DIFFERENT in {', '.join(names)}" if names else "every bit as uninterrupted"
            say(f"      the run has ended: {verdict}")
            different += names
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
