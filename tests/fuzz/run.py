"""Feed a reader with damaged files: each must give a result or a GlassgradError, and soon.

    python -m tests.fuzz.run csv --inputs 1000000 --seed 1 --processes 2

What breaks the contract is written to a folder, one file for each kind of failure; when it is
mended, the file goes into the corpus.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from glassgrad.errors import GlassgradError
from tests.fuzz.mutation import mutate
from tests.fuzz.readers import READERS, corpus_of

__all__ = ["Outcome", "fuzz", "inputs_for", "judge"]

SECONDS = 2.0  # for one input
BYTES = 4 << 30  # of address space, beyond what the process has at its beginning
RAM_DISK = Path("/dev/shm")


class TooSlowError(Exception):
    """An input took longer than any may take."""


@dataclass
class Outcome:
    """What became of many inputs."""

    inputs: int = 0
    accepted: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    failures: dict[str, bytes] = field(default_factory=dict)

    def add(self, other: Outcome) -> None:
        """Count another process's inputs in."""
        self.inputs += other.inputs
        self.accepted += other.accepted
        self.seconds = max(self.seconds, other.seconds)
        self.slowest = max(self.slowest, other.slowest)
        self.failures |= other.failures


def inputs_for(name: str, count: int, seed: int) -> Iterator[bytes]:
    """Damaged files for a reader; the seed decides them."""
    chance, corpus, reader = random.Random(f"{name} {seed}"), corpus_of(name), READERS[name]
    for _ in range(count):
        yield reader.dress(chance, mutate(chance, corpus, reader.words))


def judge(name: str, content: bytes, scratch: Path) -> str | None:
    """Whether an input was read, as "accepted" or "refused"; else what went wrong."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            READERS[name].read(content, scratch)
    except GlassgradError:
        return "refused"
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is a finding
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}: {error}"
    return "accepted"


def fuzz(name: str, count: int, seed: int) -> Outcome:
    """Judge many inputs in this process."""
    outcome = Outcome()
    signal.signal(signal.SIGALRM, _too_slow)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=RAM_DISK if RAM_DISK.is_dir() else None) as folder:
        scratch = Path(folder, "input")
        for content in inputs_for(name, count, seed):
            before = time.perf_counter()
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            verdict = judge(name, content, scratch)
            signal.setitimer(signal.ITIMER_REAL, 0)
            outcome.slowest = max(outcome.slowest, time.perf_counter() - before)
            outcome.inputs += 1
            outcome.accepted += verdict == "accepted"
            if verdict not in ("accepted", "refused"):
                outcome.failures.setdefault(_kind_of(verdict), content)
    outcome.seconds = time.perf_counter() - began
    return outcome


def _too_slow(*_: object) -> None:
    raise TooSlowError(f"more than {SECONDS} s")


def _kind_of(verdict: str | None) -> str:
    """The same line of code and the same error are one finding."""
    return ":".join(str(verdict).split(":")[:2])


def _in_a_process(job: tuple[str, int, int]) -> Outcome:
    import resource  # where there are no such limits, there are no long runs

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, hard))
    return fuzz(*job)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print what happened, and write what failed; the exit code says whether all is well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("reader", choices=[*READERS, "all"])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"))
    options = parser.parse_args(arguments)
    names = list(READERS) if options.reader == "all" else [options.reader]
    findings = 0
    for name in names:
        outcome = _outcome(name, options)
        findings += len(outcome.failures)
        _say(
            f"{name}: {outcome.inputs:,} inputs, {outcome.accepted / outcome.inputs:.0%} accepted, "
            f"{outcome.seconds / outcome.inputs * options.processes * 1e3:.2f} ms each, slowest "
            f"{outcome.slowest:.2f} s, {len(outcome.failures)} findings"
        )
        for kind, content in outcome.failures.items():
            _keep(options.out / name, kind, content)
    return 1 if findings else 0


def _outcome(name: str, options: argparse.Namespace) -> Outcome:
    share = -(-options.inputs // options.processes)
    jobs = [(name, share, options.seed * 1_000 + number) for number in range(options.processes)]
    whole = Outcome()
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for outcome in pool.imap_unordered(_in_a_process, jobs):
            whole.add(outcome)
    return whole


def _keep(folder: Path, kind: str, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(content).hexdigest()[:12]
    path.write_bytes(content)
    _say(f"  {kind}\n    {path}")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- the table is what the script is for


if __name__ == "__main__":
    sys.exit(main())
