from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from glassgrad.runs import read_runs

Command = Callable[..., Any]

# A test process may have been started where Ctrl-C is ignored, and children inherit that.
CHILD = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from glassgrad.cli import main
sys.exit(main())
"""
WORDS = ("--layers", "32 relu, dropout 0.2", "--epochs", "20")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).with_name("kill_and_resume.py")
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for their module
    spec.loader.exec_module(module)
    return module


def test_ctrl_c_says_how_to_go_on(command: Command, script: ModuleType) -> None:
    words = ("train", *WORDS, "--executor", "reference")
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, *words, "--out", "a run"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 2/"):
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith("Interrupted. Go on with: ")
    assert last.endswith("glassgrad train --resume 'a run'")
    assert "Traceback" not in err
    assert command(*words, "--out", "whole", "-q").code == 0
    found = command("train", "--resume", "a run")
    assert found.code == 0
    assert "epoch 1/" not in found.err
    assert script.differences(Path("a run"), Path("whole")) == []


def test_ctrl_c_before_the_run_exists(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("glassgrad.cli.training.datasets.load", interrupt)
    found = command("train")
    assert found.code == 130
    assert found.out == ""
    assert "Traceback" not in found.err


def test_killed_and_resumed_ends_with_the_same_bits(script: ModuleType, tmp_path: Path) -> None:
    seen: list[Any] = []
    aims = iter([[
        script.Aim("config.json", 1, 0.0),
        script.Aim("checkpoint.safetensors", 3, 0.0),
        script.Aim("checkpoint.safetensors", 5, 0.01),
    ]])  # fmt: skip
    (different,) = script.kill_and_resume(tmp_path, 3, 30, aims, seen.append)
    assert different == []
    assert "before config.json" not in [kill.state for kill in seen]
    assert all(kill.state.startswith("epoch") for kill in seen[1:])
    result = json.loads((tmp_path / "killed-1" / "result.json").read_text())
    assert result["epochs"] == 30
    killed, whole = sorted(read_runs(tmp_path, pytest.fail), key=lambda run: run.name)
    assert (killed.status, whole.status) == ("ended", "ended")
    assert killed.metrics == whole.metrics
    assert killed.epochs == 30


def test_a_run_of_a_table_killed_and_resumed_ends_with_the_same_bits(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "table.csv"
    rows = [f"{n % 7},{'abc'[n % 3]},{n % 11 * 0.5},{'yn'[n * n % 5 < 2]}" for n in range(200)]
    table.write_text("\n".join(["size,kind,depth,fits", *rows]) + "\n")
    words = (str(table), "--target", "fits", "--layers", "16 relu", "--seed", "5", "--quiet")
    monkeypatch.setattr(script, "WORDS", words)
    aims = iter([[script.Aim("checkpoint.safetensors", 4, 0.01)]])
    seen: list[Any] = []
    (different,) = script.kill_and_resume(tmp_path, 1, 30, aims, seen.append)
    assert different == []
    assert len(seen) == 1
