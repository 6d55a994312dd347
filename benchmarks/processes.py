"""Processes that measure, as seen from the one that leads them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from benchmarks.cases import Case
from benchmarks.contestants import Contestant

__all__ = ["ROOT", "Process", "WorkerError", "clean_environment", "silent", "tail"]

ROOT = Path(__file__).resolve().parent.parent

LIMITING = (
    "OPENBLAS_", "OMP_", "GOMP_", "KMP_", "MKL_", "BLIS_", "VECLIB_", "NUMEXPR_", "NUMBA_",
    "TORCH_", "JAX_", "XLA_", "KERAS_", "GLASSGRAD_THREADS", "GLASSGRAD_BLAS_CORE",
    "GLASSGRAD_EXECUTOR", "GLASSGRAD_EXACT",
)  # fmt: skip
"""Beginnings of variables that could hold somebody back: threads, kernels for older processors."""


class WorkerError(Exception):
    """A contestant could not do what it was asked for."""


def clean_environment(**settings: str) -> dict[str, str]:
    """The environment of a measured process: nothing that holds anybody back, and the settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(LIMITING)}
    path = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    return {**kept, "PYTHONPATH": path, "JAX_PLATFORMS": "cpu", **settings}


class Process:
    """A worker of a contestant, in a process of its own.

    Args:
        contestant: who is measured.
        settings: environment variables, beside those of the contestant.
    """

    def __init__(self, contestant: Contestant, **settings: str) -> None:
        self.contestant = contestant
        self._messages = silent()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", contestant.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            text=True,
            env=clean_environment(**dict(contestant.settings), **settings),
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._process.kill()
        self._process.communicate()
        self._messages.close()

    def build(self, case: Case) -> None:
        """Make the network of a case.

        Raises:
            WorkerError: it cannot be made, as every failure of the methods below.
        """
        self.ask("build", case.to_json())

    def run(self, steps: int) -> float:
        """Do so many steps; seconds of all of them."""
        return float(self.ask("run", steps)["seconds"])

    def loss(self) -> float:
        """The mean loss of all examples with the weights as they are now."""
        return float(self.ask("loss", True)["loss"])

    def ask(self, command: str, argument: Any) -> dict[str, Any]:
        """Send a request and wait for the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps({command: argument}), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerError(f"The process has ended. {tail(self._messages)}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def processor_seconds(self) -> float:
        """How much time of processors it has used until now."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def silent() -> IO[bytes]:
    """A place for what a process says beside its answers; read when it fails."""
    return tempfile.TemporaryFile()


def tail(messages: IO[bytes], length: int = 500) -> str:
    """The end of what a process has said."""
    messages.seek(0)
    return messages.read().decode(errors="replace")[-length:].strip()
