"""Whole jobs: what they read, and that a script reaches its target."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

import benchmarks.jobs
from benchmarks.jobs import JOBS, Job, measure, run
from benchmarks.jobs.recipe import MOST_EPOCHS, learning_rate, read


def write_digits(folder: Path, *, zipped: bool) -> None:
    """Images that show a bright row for each class: as files of MNIST."""
    for part, count in (("train", 1280), ("t10k", 200)):
        labels = np.arange(count, dtype=np.uint8) % 10
        images = np.zeros((count, 28, 28), np.uint8)
        images[np.arange(count), labels] = 255
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(
                size.to_bytes(4, "big") for size in array.shape
            )
            content, path = head + array.tobytes(), folder / f"{part}-{name}-ubyte"
            if zipped:
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content))
            else:
                path.write_bytes(content)


@pytest.mark.parametrize("zipped", [True, False])
def test_the_files_are_read(zipped: bool, tmp_path: Path) -> None:
    write_digits(tmp_path, zipped=zipped)
    x, y, x_test, y_test = read(tmp_path)
    assert (x.shape, x.dtype, y.dtype) == ((1280, 784), np.float32, np.int32)
    assert (x_test.shape, y_test[:12].tolist()) == ((200, 784), [*range(10), 0, 1])
    assert (x.max(), x[3].argmax()) == (1.0, 3 * 28)


def test_the_learning_rate_falls() -> None:
    rates = [learning_rate(epoch) for epoch in range(MOST_EPOCHS)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == 1.5e-3


def test_our_script_reaches_the_target(tmp_path: Path) -> None:
    write_digits(tmp_path, zipped=True)
    found = run(Job("glassgrad", "with_glassgrad"), tmp_path, 1, "")
    assert "error" not in found, found
    assert found["accuracy"] >= 0.98
    assert found["seconds"] > 0
    assert 1 <= found["epochs"] <= MOST_EPOCHS


def test_a_script_that_fails_says_why(tmp_path: Path) -> None:
    found = run(Job("glassgrad", "with_glassgrad"), tmp_path, 1, "")
    assert "FileError" in found["error"]


def test_scripts_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps compiled code runs once before, with an empty folder; no seed counts twice."""
    log = []

    def note(job: Job, folder: object, seed: int, cache: str) -> dict[str, int]:
        log.append((job.title, seed))
        return {"empty": not list(Path(cache).iterdir())}

    monkeypatch.setattr("benchmarks.jobs.run", note)
    found = measure(["glassgrad", "keras"], tmp_path, seeds=2)
    turns = [("glassgrad", 1), ("Keras on JAX", 1), ("glassgrad", 2), ("Keras on JAX", 2)]
    assert log == [("glassgrad", 0), *turns]
    assert found["glassgrad"] == {"cold": {"empty": True}, "runs": [{"empty": True}] * 2}
    assert found["keras"]["cold"] is None


@pytest.mark.parametrize("job", JOBS.values(), ids=lambda job: job.title)
def test_every_script_is_there(job: Job) -> None:
    assert (Path(benchmarks.jobs.__file__).parent / f"{job.module}.py").exists()
