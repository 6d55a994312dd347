"""The examples in the Markdown files run, so that nobody copies one that does not."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def run(text: str, name: str) -> None:
    """Run the Python blocks of a document one after the other, as one program."""
    names: dict[str, object] = {"__name__": "__main__"}
    for block in PYTHON_BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1))
        if block[1].startswith(">>>"):
            run_examples(block[1], names, name, line)
        else:
            exec(compile("\n" * line + block[1], name, "exec"), names)


def run_examples(source: str, names: dict[str, object], name: str, line: int) -> None:
    examples = doctest.DocTestParser().get_doctest(source, {}, name, name, line)
    examples.globs = names  # get_doctest copies what it is given, and later blocks need the names
    report: list[str] = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(examples, out=report.append, clear_globs=False)
    assert not report, "".join(report)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_examples_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # what an example writes does not land in the repository
    run(path.read_text("utf-8"), str(path))


def test_blocks_share_their_names() -> None:
    run(
        "```python\nx = 1\n```\ntext\n```python\n>>> x + 1\n2\n>>> y = x\n```\n"
        "```python\nassert y == 1\n```\n",
        "planted",
    )


@pytest.mark.parametrize("block", ["assert False", ">>> 1 + 1\n3", ">>> 1 / 0"])
def test_a_wrong_example_is_found(block: str) -> None:
    with pytest.raises(AssertionError):
        run(f"```python\n{block}\n```\n", "planted")
