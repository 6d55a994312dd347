"""Results as Markdown, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import PARTS, app
from benchmarks.cases import CNN, GRID, HEADLINE, LSTM, PRODUCT, Case
from benchmarks.report import BEGIN, END, markdown, peak, put_between_marks, summary

README = Path(__file__).resolve().parents[2] / "README.md"


def found(case: Case, operations: float, **samples: list[float]) -> dict[str, Any]:
    return {"case": case.to_json(), "operations": operations, "samples": samples}


RESULTS = {
    "machine": {"processor": "P", "processors": 2, "system": "S", "python": "3.13"},
    "versions": {"glassgrad": "1.0", "torch": "2.0"},
    "peak": [found(PRODUCT, 200e9, glassgrad=[0.1], numpy=[1.0, 1.0], pytorch=[2.0, 2.0])],
    "steps": [
        found(HEADLINE, 1e8, glassgrad=[1e-3, 1e-3, 2e-3], pytorch=[2e-3, 2e-3, 4e-3]),
        found(GRID[0], 1e6, glassgrad=[1e-4], pytorch=[4e-4], jax_scan=[2e-4]),
        found(GRID[1], 1e6, glassgrad=[1e-4], pytorch=[1e-4]),
    ],
    "networks": [
        found(CNN, 1e9, glassgrad=[0.02], glassgrad_exact=[0.03], pytorch=[0.08], jax_jit=[0.16]),
        found(LSTM, 1e9, glassgrad=[0.01], pytorch=[0.02], jax_jit=[0.03], jax_scan=[0.04]),
    ],
    "curves": {"depth": [found(GRID[2], 1e6, glassgrad=[0.2], pytorch=[0.3])]},
    "memory": [
        {
            "case": HEADLINE.to_json(),
            "contestants": {"glassgrad": {"imported": 1e6, "growth": 30e6, "peak": 40e6}},
        },
        {
            "case": CNN.to_json(),
            "contestants": {
                "pytorch": {"imported": 1e6, "growth": 300e6, "peak": 400e6},
                "jax_jit": {"error": "none"},
            },
        },
    ],
    "first_step": {
        "glassgrad": {"cold": 12.0, "warm": [1.0, 2.0, 3.0]},
        "pytorch": {"error": "none"},
    },
    "planning": {"planning": 0.08, "planning_layers": 100, "tiny_step": 4e-6},
    "jobs": {
        "glassgrad": {
            "cold": {"seconds": 15.0, "epochs": 4, "accuracy": 0.98},
            "runs": [{"seconds": 3.0, "epochs": 4, "accuracy": 0.98}, {"seconds": 9, "error": "x"}],
        },
        "keras": {"cold": None, "runs": [{"seconds": 1.0, "error": "not here"}]},
    },
}


def test_the_peak_is_that_of_the_best_library_but_ours() -> None:
    assert peak(RESULTS) == 200e9
    assert peak({}) == 0


def test_a_table_comes_to_geometric_means_and_the_least() -> None:
    figures = summary(RESULTS["steps"][1:])
    assert figures["times pytorch"] == pytest.approx(2.0)  # of 4 and 1
    assert figures["times the best peer"] == pytest.approx(2**0.5)  # of 2 and 1
    assert figures["least"] == pytest.approx(1.0)
    assert "times jax_scan" not in figures  # it has not measured both
    assert summary([]) == {}


def test_our_own_other_ways_are_no_peers() -> None:
    figures = summary(RESULTS["networks"])
    assert figures["least"] == pytest.approx(2.0)
    assert "times glassgrad_exact" not in figures


@pytest.mark.parametrize(
    "line",
    [
        "2 processors of P, S, Python 3.13. Its best matrix product: 200 GFLOP/s. "
        "glassgrad 1.0, torch 2.0.",
        "| glassgrad | 1.00 ms | 1.00 ms to 1.50 ms | 1.00 | 50% | 30 MB | 40 MB |",
        "| PyTorch eager | 2.00 ms | 2.00 ms to 3.00 ms | 2.00 | 25% | – | – |",
        "| | ours | PyTorch eager | JAX scan | of peak |",
        "| mlp 784-[64]x4-10, batch 32 | 100 µs | 1.00 | – | 5% |",
        "| mlp 784-[64]x16-10, batch 32 | 200 ms | 1.50 | 0% |",
        "| | ours | glassgrad, exact sums | PyTorch eager | JAX jit | JAX scan | wanted "
        "| of peak |",
        "| cnn 28-1-32-64-128-10, batch 128 | 20.00 ms | 1.50 | 4.00 | 8.00 | – | 3.50 | 25% |",
        "| lstm [28]x2-128-10, batch 128 | 10.00 ms | – | 2.00 | 3.00 | 4.00 | 1.65 | 50% |",
        "What the process holds beyond the bare import, cnn 28-1-32-64-128-10, batch 128:",
        "| PyTorch eager | 300 MB | 400 MB |",
        "Geometric means: 2.00 times as fast as PyTorch eager, 1.41 times as fast as the best "
        "peer of each case, at least 1.00.",
        "| glassgrad | 2.0 | 12.0 |",
        "| glassgrad | 3.0 | 3.0 to 3.0 | 4 to 4 | 15.0 |",
        "| Keras on JAX | failed | – | – | – |",
        "A network of 100 layers with Adam is traced and planned in 80 ms; a step of a network "
        "with two units takes 4.0 µs in all.",
    ],
)
def test_lines_of_the_report(line: str) -> None:
    assert line in markdown(RESULTS).splitlines()


@pytest.mark.parametrize("missing", RESULTS)
def test_every_part_may_be_missing(missing: str) -> None:
    assert markdown({name: part for name, part in RESULTS.items() if name != missing})


def test_the_text_between_the_marks_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "text.md"
    path.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n", "utf-8")
    put_between_marks(path, "new µ\n")
    put_between_marks(path, "newer µ\n")
    assert path.read_text("utf-8") == f"above\n{BEGIN}\n\nnewer µ\n\n{END}\nbelow\n"


@pytest.mark.parametrize(
    "content", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}"]
)
def test_a_file_without_its_marks_stays_as_it_is(content: str, tmp_path: Path) -> None:
    path = tmp_path / "text.md"
    path.write_text(content, "utf-8")
    with pytest.raises(ValueError, match="must hold"):
        put_between_marks(path, "new")
    assert path.read_text("utf-8") == content


def test_the_readme_has_its_marks(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(README.read_bytes())
    put_between_marks(path, markdown(RESULTS))
    assert "PyTorch eager" in path.read_text("utf-8")


# ---- the command


def test_results_of_an_earlier_run_are_shown(tmp_path: Path) -> None:
    results, readme = tmp_path / "bench.json", tmp_path / "README.md"
    results.write_text(json.dumps(RESULTS), "utf-8")
    readme.write_text(f"{BEGIN}{END}", "utf-8")
    done = CliRunner().invoke(app, ["report", str(results), "--update-readme", str(readme)])
    assert done.exit_code == 0
    assert done.stdout.strip() == markdown(RESULTS).strip()
    assert markdown(RESULTS).strip() in readme.read_text("utf-8")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["run", "--part", "everything"], "the parts are"),
        (["run", "--part", "jobs", "--mnist", "here"], "FOLDER holds no MNIST"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str, tmp_path: Path) -> None:
    output = ["--output", str(tmp_path / "bench.json")]
    done = CliRunner().invoke(app, [*arguments, *output])
    assert done.exit_code == 2
    assert message.replace("FOLDER", "here") in " ".join(done.stderr.split())


def test_the_parts_are_listed_once() -> None:
    assert len(set(PARTS)) == len(PARTS)
