"""The six networks of ``examples/sick_networks.py`` before the doctor, as the terminal shows it.

    python -m benchmarks.faults.transcript

writes docs/doctor_transcript.md, and the table of docs/doctor.md.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLE = DOCS.parent / "examples" / "sick_networks.py"
EPOCHS = 20
BEGIN, END = "<!-- six networks: begin -->", "<!-- six networks: end -->"


VERDICT = re.compile(r"mended; accuracy (?P<before>\S+) before, (?P<after>\S+) after")
FIRST = re.compile(r"^1\. (?P<code>\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Visit:
    """One network before the doctor: the command, what it printed, and its exit code."""

    command: str
    text: str
    code: int

    @property
    def title(self) -> str:
        """What is wrong with it, by the name of its file."""
        return Path(self.command.split()[2]).stem.replace("_", " ")

    @property
    def is_mended(self) -> bool:
        """Whether the doctor says so."""
        return self.code == 0 and VERDICT.search(self.text) is not None

    @property
    def row(self) -> str:
        """What became of it, for the table."""
        found, verdict = FIRST.search(self.text), VERDICT.search(self.text)
        if found is None or verdict is None:
            return f"| {self.title} | not mended | | |"
        before, after = (f"{float(verdict[one]):.1%}" for one in ("before", "after"))
        return f"| {self.title} | `{found['code']}` | {before} | {after} |"


def visit(folder: Path, command: str) -> Visit:
    """Let the doctor examine and mend a network."""
    words = [*command.split()[1:], "--epochs", str(EPOCHS)]
    told = _run(folder, words)
    return Visit(f"glassgrad {' '.join(words)}", told.stdout.rstrip(), told.returncode)


def _run(folder: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "glassgrad", *words],
        cwd=folder,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )


def transcript(visits: list[Visit]) -> str:
    """The page."""
    heading = (
        "# Six networks before the doctor\n\n"
        "Written by `python -m benchmarks.faults.transcript`; the models and their data are those "
        "of [examples/sick_networks.py](../examples/sick_networks.py). "
        "[doctor.md](doctor.md) says what the doctor does."
    )
    told = (
        f"## {one.title.capitalize()}\n\n```text\n$ {one.command}\n{one.text}\n```"
        for one in visits
    )
    return "\n\n".join([heading, *told]) + "\n"


def with_table(page: str, visits: list[Visit]) -> str:
    """The page on the doctor with the table of the six."""
    head = "| network | what is found | accuracy held out, before | after |\n|---|---|---|---|"
    table = "\n".join([head, *(one.row for one in visits)])
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table}\n\n{END}{after}"


def main() -> None:
    """Write both pages; fails where one of the six is not mended."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        written = subprocess.run(
            [sys.executable, str(EXAMPLE), "."],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        visits = [visit(folder, line) for line in written.stdout.splitlines()]
    (DOCS / "doctor_transcript.md").write_text(transcript(visits))
    page = DOCS / "doctor.md"
    page.write_text(with_table(page.read_text(), visits))
    for one in visits:
        print(one.row)
    if not all(one.is_mended for one in visits):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
