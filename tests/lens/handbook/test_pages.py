"""The pages that are committed are those that the declarations give."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from glassgrad.errors import ArgumentError, FileError, UnknownNameError
from glassgrad.graph import Operation
from glassgrad.lens import handbook
from glassgrad.lens.handbook.page import COMMAND
from glassgrad.lens.handbook.parameters import parameters_of
from glassgrad.lens.handbook.uses import uses
from glassgrad.ops.catalogue import operations

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "operations"
LINK = re.compile(r"\]\(([^)]+)\)")


def test_the_committed_pages_are_those_of_the_declarations() -> None:
    made = handbook.pages()
    found = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")}
    missing, left_over = made.keys() - found.keys(), found.keys() - made.keys()
    stale = {name for name in made.keys() & found.keys() if made[name] != found[name]}
    assert not missing | left_over | stale, f"`make docs`, or `{COMMAND}`, writes them anew."


def test_every_operation_has_an_example_and_every_example_an_operation() -> None:
    assert handbook.examples().keys() == operations().keys()


def test_the_index_leads_to_every_page() -> None:
    listed = set(LINK.findall(handbook.index()))
    assert listed >= {f"{name}.md" for name in operations()}


def test_links_lead_somewhere() -> None:
    for path in FOLDER.glob("*.md"):
        for target in LINK.findall(path.read_text("utf-8")):
            assert (FOLDER / target).is_file(), f"{target} in {path.name}"


def test_every_parameter_has_a_meaning() -> None:
    for kind in operations().values():
        for name, _, meaning in parameters_of(kind):
            assert meaning, f"{kind.__name__}.{name}"
            assert "|" not in meaning


def test_a_parameter_without_a_meaning_is_refused() -> None:
    @dataclass(frozen=True)
    class Odd(Operation):
        oddity: int = 1

    with pytest.raises(ArgumentError, match="oddity"):
        parameters_of(Odd)


def test_plots_are_small_files_of_their_own() -> None:
    drawn = {name for name, example in handbook.examples().items() if example.drawn}
    files = {path.stem: path for path in (FOLDER / "plots").iterdir()}
    assert files.keys() == drawn
    for name, path in files.items():
        assert path.stat().st_size < 16_000, name
        ET.parse(path)


def test_a_plot_is_the_same_each_time() -> None:
    example = handbook.examples()["Softsign"]
    assert handbook.drawing(example) == handbook.drawing(example)


def test_pages_and_plots_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = {"Tanh": handbook.examples()["Tanh"]}
    monkeypatch.setattr(handbook, "examples", lambda: one)
    monkeypatch.setattr(handbook, "pages", lambda: {"Tanh.md": "new"})
    for name in ("Tanh.md", "notes.md"):
        (tmp_path / name).write_text("old", "utf-8")
    found = {str(path.relative_to(tmp_path)) for path in handbook.write(tmp_path)}
    assert found == {"Tanh.md", "plots/Tanh.svg"}
    assert (tmp_path / "Tanh.md").read_text("utf-8") == "new"
    assert (tmp_path / "notes.md").read_text("utf-8") == "old"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(FileError):
        handbook.write(tmp_path / "file")


def test_an_unknown_operation_is_told() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'Tanh'"):
        handbook.page("tanh")


@pytest.mark.parametrize(
    "kind, operation, user",
    [
        ("functions", "Convolution", "ops.conv"),
        ("functions", "MatMul", "ops.matmul"),
        ("methods", "MatMul", "a @ b"),
        ("methods", "Softmax", "x.softmax()"),
        ("layers", "MaxPool", "MaxPooling2D"),
        ("layers", "Take", "Embedding"),
        ("layers", "Attention", "MultiHeadAttention"),
    ],
)
def test_users_are_found(kind: str, operation: str, user: str) -> None:
    assert user in uses()[kind][operation]
