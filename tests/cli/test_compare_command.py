from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glassgrad.lens.comparing.contenders import KINDS

Command = Callable[..., Any]
Text = pytest.CaptureFixture[str]

SMALL = ("--layers", "6 relu", "--epochs", "1", "--batch-size", "256", "--executor", "reference")
WORDS = ("compare", "activations", *SMALL, "--seeds", "2", "--only", "relu,tanh")

CHANCE = {"seconds": 0, "side_by_side": 0}
TRIALS = (Path("alone/trials"), Path("a comparison/trials"))

# A test process may have been started where Ctrl-C is ignored, and children inherit that.
CHILD = """
import signal, sys
from glassgrad.cli import main
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
"""


def test_a_table_and_what_may_be_said_about_it(command: Command) -> None:
    found = command(*WORDS, "--jobs", 1, "--out", "kept", "--html", "page.html")
    assert found.code == 0, found.err
    assert "Activations compared on digits" in found.out
    for column in ("activation", "validation accuracy", "seconds", "gradient flow", "group"):
        assert column in found.out
    assert re.search(r"^relu +2 +\d+\.\d ± \d+\.\d ", found.out, re.MULTILINE)
    assert "with 2 seeds cannot be told apart" in found.out
    assert "paired t tests over 2 seeds" in found.out
    assert "hidden layers 6 relu; Adam, learning rate 0.001; batches of 256; 1 epoch." in found.out
    assert re.search(r"^3/4  relu, seed 1: validation accuracy [\d.]+%, ", found.err, re.MULTILINE)
    assert "<svg" in Path("page.html").read_text()
    assert len(list(Path("kept/trials").iterdir())) == 4


def test_without_a_folder_one_is_made_and_json_is_one_object(command: Command) -> None:
    found = command(*WORDS, "--jobs", 1, "--json", "--quiet")
    assert (found.code, found.err) == (0, "")
    document = json.loads(found.out)
    folder = Path(document["folder"])
    assert folder.parent.name == "comparisons"
    assert folder.name.startswith("activations-digits-")
    assert [one["name"] for one in document["contenders"]] == ["relu", "tanh"]
    again = command("compare", "--resume", folder, "--json")
    assert "4 of 4 trainings were done before." in again.err
    assert json.loads(again.out)["statement"] == document["statement"]
    more = command("compare", "--resume", folder, "--jobs", 1, "--seeds", 3, "--json", "--quiet")
    assert json.loads(more.out)["plan"]["seeds"] == 3


@pytest.fixture
def kept(command: Command) -> Path:
    assert command(*WORDS, "--jobs", 1, "--out", "kept", "-q").code == 0
    return Path("kept")


def test_what_contradicts_the_folder_is_refused(command: Command, kept: Path) -> None:
    for words, fragment in (
        (("compare", "depths", "--resume", kept), "'kept' compares activations. Got depths"),
        (("compare", "--resume", kept, "--epochs", 3), "Got --epochs 3. Leave it out"),
        (("compare", "--resume", kept, "--seeds", 1), "has 2 seeds, and can be given more. Got 1"),
        (("compare", "--resume", kept, "--out", "x"), "Got both"),
        ((*WORDS, "--out", kept, "--learning-rate", 0.5), "is another one: it has optimizer"),
    ):
        found = command(*words)
        assert (found.code, found.out) == (2, ""), words
        assert fragment in found.err


@pytest.mark.parametrize(
    "words, code, fragment",
    [
        ("", 2, "What is to be compared? activations, initializers"),
        ("activation", 2, "Did you mean 'activations'"),
        ("activations --only relu", 2, "two different ones at least"),
        ("activations --seeds 0", 2, "an integer from 1"),
        ("activations --seeds 5000", 2, "seeds must be a whole number from 1 to 1,000"),
        ("activations --data digit", 2, "Did you mean 'digits'"),
        ("activations --data nowhere.csv", 1, "nowhere.csv"),
        ("activations --chart picture.pdf", 2, "must end in .png or .svg. Got 'picture.pdf'"),
        ("activations --html folder/page.html", 1, "There is no folder"),
        ("activations --out .", 2, "is not empty and holds no comparison"),
        ("activations --resume nowhere", 1, "'nowhere' holds no comparison: it is no folder"),
        ("--resume .", 1, "it has no comparison.json"),
    ],
)
def test_bad_input_is_one_line(command: Command, words: str, code: int, fragment: str) -> None:
    Path("something").touch()
    found = command("compare", *words.split(), *SMALL[-2:] * ("--resume" not in words), "--quiet")
    assert (found.code, found.out, len(found.err.splitlines())) == (code, "", 1)
    assert fragment in found.err


def test_the_commands_of_the_documentation_are_understood(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "comparisons.md").read_text("utf-8")
    asked: list[Any] = []
    monkeypatch.setattr(
        "glassgrad.cli.compare_command.compare", lambda options, *_: asked.append(options)
    )
    lines = re.findall(r"^glassgrad (compare .*)$", text, re.MULTILINE)
    for line in lines:
        assert command(*shlex.split(line)).code == 0, line
    assert len(asked) == len(lines) == 10
    assert {one.kind for one in asked} >= set(KINDS)


def test_a_failing_training_is_told_by_the_exit_code(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr("glassgrad.lens.comparing.trial.prepared", broken)
    found = command(*WORDS, "--jobs", 1, "--out", "kept")
    assert found.code == 1
    assert "relu, seed 0: failed: RuntimeError: out of order" in found.err
    assert found.err.splitlines()[-1] == (
        "4 of 4 trainings failed. Again with: glassgrad compare --resume kept"
    )
    assert "nothing to compare" in found.out


def test_two_processes_interrupted_and_resumed(command: Command, tmp_path: Path) -> None:
    words = [*WORDS, "--seeds", "8", "--jobs", "2"]
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    with subprocess.Popen(
        [sys.executable, str(script), *words, "--out", "a comparison"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("2/16"):
                break
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: all of them hear it
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    last = err.splitlines()[-1]
    assert re.fullmatch(r"Interrupted; \d+ of 16 trainings are done\. Go on with: .*", last)
    assert last.endswith("compare --resume 'a comparison'")
    assert "Traceback" not in err
    done = len(list(Path("a comparison/trials").glob("*.json")))
    assert 2 <= done < 16
    resumed = command("compare", "--resume", "a comparison", "--jobs", 1, "--json")
    assert f"{done} of 16 trainings were done before." in resumed.err
    assert command(*WORDS, "--jobs", 1, "-q", "--out", "alone").code == 0
    for alone in Path("alone/trials").iterdir():  # the same numbers as in another process
        a, b = (json.loads((folder / alone.name).read_text()) for folder in TRIALS)
        assert {**a, **CHANCE} == {**b, **CHANCE}
