from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from glassgrad.cli import warmup
from glassgrad.execute import executor
from glassgrad.execute.cpu.listing import KernelList

Command = Callable[..., Any]

FAMILIES_OF_TRAIN = {
    name: warmup.FAMILIES[name] for name in ("outputs and losses", "between layers", "images")
}
TABLE = "\n".join(
    ["size,colour,price,kind,answer"]
    + [
        f"{i % 7},{('red', 'green', 'blue')[i % 3]},{i / 2},{'abc'[i % 3]},{i % 2}"
        for i in range(90)
    ]
)


@pytest.fixture(autouse=True)
def _few_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {"layers": {"relu": warmup.FAMILIES["hidden layers"]["relu"]}}
    monkeypatch.setattr(warmup, "FAMILIES", few)


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A compiler that only notes what it has compiled."""
    compiled: list[str] = []

    def compile_once(source: str) -> None:
        if source not in compiled:
            compiled.append(source)

    monkeypatch.setattr(warmup, "compiled", compile_once)
    monkeypatch.setattr(warmup, "compilations", lambda: len(compiled))
    monkeypatch.setattr(warmup, "compiled_driver", SimpleNamespace)
    return compiled


def test_everything_is_compiled_once(command: Command, compiler: list[str]) -> None:
    first = json.loads(command("warmup", "--json").out)
    assert first["compiled"] == first["kernels"] == len(compiler) > 5
    assert first["there_already"] == 0
    second = json.loads(command("warmup", "--json").out)
    assert (second["compiled"], second["there_already"]) == (0, first["kernels"])
    assert "0 kernels in" in command("warmup", "--quiet").out


def test_a_list_compiles_nothing(command: Command, compiler: list[str]) -> None:
    document = json.loads(command("warmup", "--list", "--json").out)
    assert document["families"][0]["networks"] == ["relu"]
    assert document["kernels"] > 5
    assert "relu" in command("warmup", "--list").out
    assert not compiler


def test_sizes_need_no_kernels_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = KernelList()
    warmup.Training(warmup._dense("relu")).run(kernels)
    count = len(kernels.sources)
    monkeypatch.setattr(warmup, "UNITS", 17)
    monkeypatch.setattr(warmup, "BATCH", 6)
    warmup.Training(warmup._dense("relu")).run(kernels)
    assert len(kernels.sources) == count


@pytest.fixture(scope="module")
def warm_kernels() -> set[str]:
    """Kernels that a warmup compiles."""
    return set(warmup._kernels_of(FAMILIES_OF_TRAIN).kernels.sources)


@pytest.mark.parametrize(
    "words",
    [
        ["digits"],
        ["digits", "--layers", "16 relu"],
        ["table.csv", "--target", "price"],
        ["table.csv", "--target", "kind"],
        ["table.csv", "--target", "answer"],
    ],
    ids=" ".join,
)
def test_training_finds_every_kernel_warm(
    words: list[str], command: Command, warm_kernels: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = KernelList()
    monkeypatch.setitem(executor._made, "cpu", kernels)
    Path("table.csv").write_text(TABLE)
    assert command("train", *words, "--epochs", "1", "--quiet").code == 0
    assert len(kernels.sources) > 5
    assert set(kernels.sources) <= warm_kernels


def test_an_interruption_is_said(
    command: Command, compiler: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(source: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(warmup, "compiled", interrupted)
    found = command("warmup")
    assert found.code == 130
    assert "the same command goes on" in found.err
