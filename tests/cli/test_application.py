from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import glassgrad
from glassgrad.cli import application, main
from glassgrad.cli.screen import COMPILING, Screen

Command = Callable[..., Any]


@pytest.mark.parametrize(
    "words, code, fragment",
    [
        ("train --epochs 0", 2, "an integer from 1. Got '0'"),
        ("train --epochs -2", 2, "Got '-2'"),
        ("train --epochs 1.5", 2, "Got '1.5'"),
        ("train --batch-size 0", 2, "'--batch-size'"),
        ("train --batch-size many", 2, "Got 'many'"),
        ("train --seed -1", 2, "an integer from 0. Got '-1'"),
        ("train --learning-rate nan", 2, "learning rate must be a number from 0. Got nan"),
        ("train --learning-rate inf", 2, "Got inf"),
        ("train --learning-rate -0.1", 2, "Got -0.1"),
        ("train --learning-rate fast", 2, "Got 'fast'"),
        ("train --optimizer adan", 2, "Did you mean 'adam'"),
        ("train --executor cp", 2, "Did you mean 'cpu'"),
        ("train --layers dropout,2", 2, "Layer 1 of --layers"),
        ("train --layers 3,relu --executor reference", 2, "Layer 2 of --layers"),
        (
            "train --executor reference --layers 99999999999999999999",
            2,
            "units must be a whole number below 2^63",
        ),
        ("train digit", 2, "Did you mean 'digits'"),
        ("train --optimizer=", 2, "Unknown optimizer ''"),
        ("train ./nowhere", 1, "does not exist"),
        ("train --resume nowhere", 1, "holds no run"),
        ("train --resume .", 1, "has no config.json"),
        ("train --epoch 3", 2, "--epochs"),
        ("train digits mnist", 2, "mnist"),
        ("tarin", 2, "tarin"),
        ("evaluate", 2, "MODEL_OR_RUN"),
        ("evaluate nowhere", 1, "Cannot read 'nowhere'"),
        ("evaluate .", 1, "holds no run"),
        ("predict nowhere", 2, "FILE_OR_DATA"),
        ("summary nowhere", 1, "Cannot read 'nowhere'"),
        ("--nonsense", 2, "--nonsense"),
    ],
)
def test_bad_input_is_one_line_on_stderr(
    command: Command, words: str, code: int, fragment: str
) -> None:
    found = command(*words.split())
    assert found.code == code
    assert found.out == ""
    assert found.err.startswith("glassgrad: error: ")
    assert len(found.err.splitlines()) == 1, found.err
    assert fragment in found.err
    assert not any(Path().iterdir())  # nothing was written


def test_debug_shows_where_it_happened(command: Command) -> None:
    with pytest.raises(glassgrad.errors.UnknownNameError):
        command("train", "digit", "--debug")


def test_too_much_memory_is_an_error_of_one_line(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("glassgrad.cli.training.begin", fail)
    found = command("train")
    assert found.code == 1
    assert found.err.startswith("glassgrad: error: The memory does not suffice: MemoryError.")
    assert len(found.err.splitlines()) == 1


def test_the_version(command: Command) -> None:
    found = command("--version")
    assert (found.code, found.out) == (0, f"glassgrad {glassgrad.__version__}\n")


@pytest.mark.parametrize("words", ["--help", "train --help", "predict -h"])
def test_help(command: Command, words: str) -> None:
    found = command(*words.split())
    assert found.code == 0
    assert "Usage:" in found.out


def test_without_a_command_the_commands_are_shown(command: Command) -> None:
    found = command()
    assert found.code == 2
    assert "train" in found.out


def test_the_defaults_in_the_help_are_the_defaults(command: Command) -> None:
    from glassgrad import architecture

    help_text = " ".join(re.sub("[│╭╰─╮╯]", " ", command("train", "--help").out).split())
    assert architecture.LAYERS in help_text
    of_many = architecture.EPOCHS_OF_MANY
    assert f"{architecture.EPOCHS}; {of_many} from 10,000 examples on" in help_text
    assert f"{architecture.BATCH_SIZE}; {architecture.BATCH_SIZE_OF_MANY} from 10,000" in help_text
    assert architecture.MANY_EXAMPLES == 10_000


def start(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "glassgrad", *map(str, words)]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, **options)


def test_a_reader_may_leave(trained: Path) -> None:
    command = f"'{sys.executable}' -m glassgrad predict '{trained}' digits --executor reference"
    done = subprocess.run(
        ["sh", "-c", f"{command} | true"], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device /dev/full")
def test_output_that_cannot_be_written_is_an_error(trained: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = start("summary", trained, stdout=full)
    assert done.returncode == 1
    assert done.stderr.startswith("glassgrad: error: Cannot write the output: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="needs a shell that closes streams")
@pytest.mark.parametrize(
    "closing, code, out, fragment",
    [
        (">&-", 1, "", "The output is closed"),
        ("2>&-", 0, "{", ""),  # messages are lost, and do not get among the data
        ("<&-", 0, "{", ""),
    ],
)
def test_closed_streams(trained: Path, closing: str, code: int, out: str, fragment: str) -> None:
    words = f"'{sys.executable}' -m glassgrad evaluate '{trained}' --json --executor reference"
    done = subprocess.run(
        ["sh", "-c", f"{words} {closing}"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout[:1]) == (code, out)
    assert fragment in done.stderr
    assert len(done.stderr.splitlines()) == bool(fragment)


def test_where_there_is_only_ascii_frames_are_replaced(trained: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = start("summary", trained, stdout=subprocess.PIPE, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "dense" in done.stdout


@pytest.mark.parametrize("name, value", [("THREADS", "0"), ("THREADS", "x"), ("EXECUTOR", "gpu")])
def test_a_wrong_environment_is_no_fault_of_the_model(trained: Path, name: str, value: str) -> None:
    environment = {**os.environ, f"GLASSGRAD_{name}": value}
    done = start("evaluate", trained, stdout=subprocess.PIPE, env=environment)
    assert done.returncode == 2
    assert repr(value) in done.stderr
    assert "model" not in done.stderr


def test_help_loads_nothing_heavy() -> None:
    program = "import sys, glassgrad.cli; glassgrad.cli.main(['--help']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not {"numba", "scipy", "safetensors", "pooch"} & set(done.stdout.split())


@pytest.mark.parametrize("quiet, expected", [(False, f"{COMPILING}.\n"), (True, "")])
def test_compilation_is_announced_once(
    capsys: pytest.CaptureFixture[str], quiet: bool, expected: str
) -> None:
    from glassgrad.execute.cpu.compiler import on_compile

    before = list(on_compile)
    with Screen(quiet=quiet).announced_compilation():
        for name in ("one", "two"):
            for callback in on_compile[len(before) :]:
                callback(name)
    assert capsys.readouterr().err == expected
    assert on_compile == before


def test_the_entry_point_is_the_one_of_the_console_script() -> None:
    assert main is application.main
