from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad import datasets
from glassgrad.cli import training
from glassgrad.cli.runs import Config
from glassgrad.cli.training import Clock
from glassgrad.models import load_model
from glassgrad.runs import RunDatabase

Command = Callable[..., Any]


def weights(run: Path) -> list[np.ndarray]:
    return load_model(run / "model.safetensors").get_weights()


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all(x.tobytes() == y.tobytes() for x, y in zip(a, b, strict=True))


def test_training_shows_a_table_and_what_to_try(command: Command, small: tuple[str, ...]) -> None:
    found = command("train", *small, "--out", "a run")
    assert found.code == 0
    for row in ("test accuracy", "test loss", "epochs", "time", "examples a second", "a run"):
        assert row in found.out
    assert "epoch 2/2" in found.err
    assert found.err.splitlines()[-1] == "Try next: glassgrad predict 'a run' digits"
    files = {path.name for path in Path("a run").iterdir()}
    assert files == {"config.json", "checkpoint.safetensors", "model.safetensors", "result.json"}


def test_without_a_folder_one_is_made(command: Command, small: tuple[str, ...]) -> None:
    found = command("train", *small, "--json")
    run = Path(json.loads(found.out)["run"])
    assert run.parts[0] == "runs"
    assert (run / "model.safetensors").exists()


def test_json_is_one_object(command: Command, small: tuple[str, ...]) -> None:
    found = command("train", *small, "--json", "--quiet", "--out", "run")
    assert found.err == ""
    result = json.loads(found.out)
    assert set(result) == {
        "run", "test_accuracy", "test_loss", "epochs", "seconds", "examples_per_second",
        "test_commonest_class", "test_commonest_share", "test_recall", "test_confusion", "findings",
    }  # fmt: skip
    assert result["run"] == "run"
    assert result["epochs"] == 2
    assert 0.1 < result["test_accuracy"] <= 1


def test_the_doctor_says_in_one_line_that_all_is_well(
    command: Command, small: tuple[str, ...]
) -> None:
    good = (*small, "--learning-rate", 0.01)
    lines = command("train", *good, "--out", "run").err.splitlines()
    said = [line for line in lines if line.startswith("doctor")]
    assert len(said) == 1
    assert said[0].startswith("doctor: nothing is wrong with")
    assert recorded_findings("run") == []
    assert "doctor" not in command("train", *small, "--no-doctor", "--out", "alone").err
    assert recorded_findings("alone") is None


def test_the_doctor_says_what_is_wrong(command: Command, small: tuple[str, ...]) -> None:
    found = command("train", *small, "--learning-rate", 3, "--out", "run")
    assert "learning_rate_too_high: steps that are too large" in found.err
    assert "remedy 1: Divide the learning rate by" in found.err
    (finding, *_) = recorded_findings("run")
    assert finding["code"] == "learning_rate_too_high"


def test_training_with_the_doctor_is_training_without(
    command: Command, small: tuple[str, ...]
) -> None:
    command("train", *small, "--out", "with")
    command("train", *small, "--no-doctor", "--out", "without")
    assert same(weights(Path("with")), weights(Path("without")))


def recorded_findings(name: str) -> Any:
    with RunDatabase(Path("runs.sqlite")) as database:
        record = database.record(name)
    assert record is not None
    return record.findings


def test_quiet_still_shows_the_result(command: Command, small: tuple[str, ...]) -> None:
    found = command("train", *small, "--quiet")
    assert found.err == ""
    assert "test accuracy" in found.out


def test_the_seed_decides_everything(command: Command, small: tuple[str, ...]) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert command("train", *small, "--seed", seed, "--out", name, "-q").code == 0
    a, b, c = (weights(Path(name)) for name in "abc")
    assert same(a, b)
    assert not same(a, c)


def test_more_epochs_lengthen_a_run(command: Command, small: tuple[str, ...]) -> None:
    command("train", *small, "--out", "long", "--epochs", 4, "-q")
    command("train", *small, "--out", "short", "-q")
    found = command("train", "--resume", "short", "--epochs", 4, "--json")
    assert found.code == 0
    assert "epoch 2/4" not in found.err
    assert "epoch 4/4" in found.err
    assert json.loads(found.out)["epochs"] == 4
    assert same(weights(Path("long")), weights(Path("short")))


def test_a_run_that_has_ended_shows_its_result_again(command: Command, trained: Path) -> None:
    found = command("train", "--resume", trained)
    assert found.code == 0
    assert "has ended; more epochs: glassgrad train --resume" in found.err
    assert "epoch 1" not in found.err
    assert "test accuracy" in found.out


@pytest.mark.parametrize(
    "words", [["digits"], ["--seed", "0"], ["--optimizer", "Adam"], ["--layers", "16 relu"]]
)
def test_what_agrees_with_the_run_may_be_said_again(
    command: Command, trained: Path, words: list[str]
) -> None:
    assert command("train", "--resume", trained, *words).code == 0


@pytest.mark.parametrize(
    "words, fragment",
    [
        (["mnist"], "whose DATA is digits. Got mnist"),
        (["--seed", "1"], "--seed is 0. Got 1"),
        (["--layers", "17 relu"], "--layers is 16 relu. Got 17 relu"),
        (["--optimizer", "sgd"], "--optimizer is adam. Got sgd"),
        (["--learning-rate", "0.1"], "--learning-rate is 0.001. Got 0.1"),
        (["--batch-size", "7"], "--batch-size is 64. Got 7"),
        (["--executor", "cpu"], "--executor is reference. Got cpu"),
        (["--epochs", "1"], "Ask for more"),
        (["--out", "elsewhere"], "Got both"),
    ],
)
def test_what_contradicts_the_run_is_refused(
    command: Command, trained: Path, words: list[str], fragment: str
) -> None:
    found = command("train", "--resume", trained, *words)
    assert found.code == 2
    assert fragment in found.err
    assert found.out == ""


def test_a_run_without_its_last_files_ends_again(command: Command, small: tuple[str, ...]) -> None:
    first = json.loads(command("train", *small, "--out", "run", "--json").out)
    before = weights(Path("run"))
    for lost in (["result.json"], ["result.json", "model.safetensors"], ["checkpoint.safetensors"]):
        for name in lost:
            Path("run", name).unlink()
        again = json.loads(command("train", "--resume", "run", "--json").out)
        assert again["test_loss"] == first["test_loss"]
        assert same(weights(Path("run")), before)


def test_changed_data_are_noticed(
    command: Command, small: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    command("train", *small, "--out", "run", "-q")
    digits = datasets.load("digits")
    other = replace(digits, x_train=digits.x_train[:-1], y_train=digits.y_train[:-1])
    monkeypatch.setattr(training.datasets, "load", lambda *_, **__: other)
    found = command("train", "--resume", "run", "--epochs", 3)
    assert found.code == 1
    assert "have changed" in found.err


def test_another_version_is_mentioned(command: Command, small: tuple[str, ...]) -> None:
    command("train", *small, "--out", "run", "-q")
    path = Path("run", "config.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": "0.0.0"}))
    assert "began under glassgrad 0.0.0" in command("train", "--resume", "run").err


def test_divergence_is_an_error(command: Command, small: tuple[str, ...]) -> None:
    words = ("train", *small, "--learning-rate", 1e30, "--epochs", 9, "--out", "run", "--json")
    found = command(*words)
    assert found.code == 1
    assert found.out == ""
    assert "diverged" in found.err
    assert "--learning-rate 0.001" in found.err
    assert "epoch 9" not in found.err  # it does not go on with NaN
    assert not Path("run", "model.safetensors").exists()
    again = command("train", "--resume", "run")
    assert again.code == 1
    assert "diverged" in again.err


def test_regression_reports_its_loss(
    command: Command, small: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = datasets.load("digits")
    sums = {f"y_{part}": getattr(digits, f"x_{part}").mean((1, 2), dtype="float32")[:, None] / 16
            for part in ("train", "test")}  # fmt: skip
    monkeypatch.setattr(
        training.datasets, "load", lambda *_, **__: replace(digits, classes=None, **sums)
    )
    found = command("train", *small, "--json")
    result = json.loads(found.out)
    assert "test_accuracy" not in result
    assert 0 <= result["test_loss"] < 1


def test_a_folder_of_idx_files_is_data_wherever_the_run_goes_on(
    command: Command, small: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = Path(datasets.__file__).with_name("digits_data")
    Path("data").symlink_to(source)
    assert command("train", "./data", *small, "--out", "run", "-q").code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert command("train", "--resume", "../run", "--epochs", 3, "-q").code == 0


def test_kernels_are_ready_before_training_begins() -> None:
    from glassgrad.execute.cpu.program import compiled

    digits = datasets.load("digits")
    config = Config("digits", "16 relu, dropout 0.1", "adam", 0.01, 1, 100, 0, "cpu", {}, "")
    model = training._prepared(config, digits)
    ready = compiled.cache_info().misses
    model.fit(digits.x_train, digits.y_train, 100, verbose=0)
    model.evaluate(digits.x_test, digits.y_test, training.EVALUATION_BATCH, verbose=0)
    assert compiled.cache_info().misses == ready


def test_the_clock_counts_over_interruptions() -> None:
    clock = Clock()
    clock.restore({"seconds": 100.0})
    assert 100 <= clock.state()["seconds"] < 110
