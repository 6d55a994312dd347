"""The process of one contestant: it is told what to do line by line, in JSON, and answers so.

    python -m benchmarks.worker CONTESTANT

    {"build": case}   make the network of a case; answers {}
    {"run": steps}    do so many steps; answers {"seconds": of all of them}
    {"loss": true}    answers {"loss": the mean loss of all examples}
    {"import": true}  import the contestant's package; answers {}
    {"memory": true}  answers {"resident": bytes, "peak": bytes since the last such question}

A failure is answered by {"error": what happened}. Between the lines the process waits for the
next one and uses no processor.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from benchmarks.cases import Case
from benchmarks.contestants import CONTESTANTS, Contestant, Trainer

__all__ = ["Worker", "serve"]


class Worker:
    """What the process holds: a contestant, and the network that it trains."""

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        self.trainer: Trainer | None = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what the only entry of a request asks for."""
        ((command, argument),) = request.items()
        answers: dict[str, Callable[[Any], dict[str, Any]]] = {
            "build": self.build,
            "run": self.run,
            "loss": self.loss,
            "import": self.load,
            "memory": self.memory,
        }
        return answers[command](argument)

    def build(self, case: dict[str, Any]) -> dict[str, Any]:
        """Forget the network there was, and make the next one."""
        self.trainer = None
        gc.collect()
        self.trainer = self.contestant.trainer(Case.from_json(case))
        return {}

    def run(self, steps: int) -> dict[str, Any]:
        """Measure some steps."""
        run = self._built.run
        begin = time.perf_counter()
        run(steps)
        return {"seconds": time.perf_counter() - begin}

    def loss(self, _: Any) -> dict[str, Any]:
        """Judge the weights as they are now."""
        return {"loss": self._built.loss()}

    def load(self, _: Any) -> dict[str, Any]:
        """Import what the contestant is made of."""
        importlib.import_module(self.contestant.package)
        return {}

    def memory(self, _: Any) -> dict[str, Any]:
        """Tell what the process holds in memory, and begin to look for the peak anew."""
        words = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
        )
        resident, peak = (1024 * int(words[name].split()[0]) for name in ("VmRSS", "VmHWM"))
        Path("/proc/self/clear_refs").write_text("5")
        return {"resident": resident, "peak": peak}

    @property
    def _built(self) -> Trainer:
        if self.trainer is None:
            raise RuntimeError("There is no network yet: ask to build one first.")
        return self.trainer


def serve(worker: Worker, requests: TextIO, answers: TextIO) -> None:
    """Answer line by line until there are no more requests."""
    for line in requests:
        try:
            answer = worker.answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - whatever a peer raises goes into the results
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main() -> None:
    """Serve the process that started this one; what others print goes to stderr."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(Worker(CONTESTANTS[sys.argv[1]]), sys.stdin, answers)


if __name__ == "__main__":
    main()
