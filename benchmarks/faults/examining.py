"""What is done with one program, one fault and one seed: train, watch, mend."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.faults.program import Fault, Half, Program
from benchmarks.faults.programs import programs
from glassgrad.callbacks import Callback
from glassgrad.errors import GlassgradError
from glassgrad.execute.cpu.threads import set_num_threads

__all__ = ["HEALTHY", "Job", "carry_out", "examine", "failed", "mend", "search_at_random", "train"]

HEALTHY = "healthy"


@dataclass(frozen=True)
class Job:
    """Something to be done in a process of its own.

    Args:
        kind: "train", "examine", "mend" or "search_at_random".
        half: of the benchmark.
        program: its name.
        fault: its name, or "healthy".
        seed: of data, weights and batches.
        cost: for a search at random, what it may cost: how many full trainings.
    """

    kind: str
    half: Half
    program: str
    fault: str
    seed: int
    cost: float | None = None

    @property
    def key(self) -> str:
        """What an answer is found by."""
        return "/".join((self.kind, self.half, self.program, self.fault, str(self.seed)))


def carry_out(job: Job) -> dict[str, Any]:
    """Do a job; the answer can be written as JSON, failures included."""
    set_num_threads(1)
    begin = time.process_time()
    answer: dict[str, Any]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the engine itself warns of is not asked here
        try:
            program = next(one for one in programs(job.half) if one.name == job.program)
            fault = None if job.fault == HEALTHY else program.fault(job.fault)
            answer = _KINDS[job.kind](program, fault, job)
        except Exception as error:  # noqa: BLE001 - one broken job must not end the others
            answer = failed(job, f"{type(error).__name__}: {error}")
    return {"key": job.key, **asdict(job), **answer, "took": time.process_time() - begin}


def failed(job: Job, reason: str) -> dict[str, Any]:
    """The answer to a job that could not be done."""
    return {"key": job.key, **asdict(job), "error": reason}


def train(program: Program, fault: Fault | None, job: Job) -> dict[str, Any]:
    """Train as it stands, without anybody looking on."""
    seconds, improvement = _trained(program, fault, job.seed)
    return {"seconds": seconds, "improvement": improvement}


def examine(program: Program, fault: Fault | None, job: Job) -> dict[str, Any]:
    """Train without and with the doctor, in turns, beginning with either by the seed."""
    from glassgrad.lens.doctor import Doctor

    doctor = Doctor(verbose=0)
    _trained(program, fault, job.seed, epochs=1)  # compiled code is loaded
    runs = {}
    for is_watched in (False, True) if job.seed % 2 else (True, False):
        watching = [doctor] if is_watched else []
        runs[is_watched] = _trained(program, fault, job.seed, watching)
    (seconds, improvement), (with_doctor, improvement_with_doctor) = runs[False], runs[True]
    return {
        "improvement": improvement,
        "improvement_with_doctor": improvement_with_doctor,
        "findings": [
            {"code": one.code, "layer": one.layer, "confidence": one.confidence, "cause": one.cause}
            for one in doctor.findings
        ],
        "seconds": seconds,
        "seconds_with_doctor": with_doctor,
    }


def mend(program: Program, fault: Fault | None, job: Job) -> dict[str, Any]:
    """Let it be repaired."""
    from glassgrad.lens.doctor import repair

    training = program.prepare(job.seed, fault)
    data = training.examples.x, training.examples.y
    fit = dict(training.fit)
    mended = repair(
        training.model,
        data,
        epochs=training.epochs,
        batch_size=training.batch_size,
        seed=job.seed,
        callbacks=fit.pop("callbacks", ()),
        **{name: value for name, value in fit.items() if name == "validation_data"},
    )
    return {
        "improvement": program.improvement(mended.model, training.examples),
        "cost": mended.cost,
        "changes": str(mended.changes),
        "is_mended": bool(mended.is_mended),
    }


def search_at_random(program: Program, fault: Fault | None, job: Job) -> dict[str, Any]:
    """Let it be repaired by trying settings at random, at the cost of the repair."""
    from benchmarks.faults.random_search import random_search

    assert fault is not None
    assert job.cost is not None
    found = random_search(program, fault, job.seed, job.cost)
    return {"improvement": found.improvement, "cost": found.cost}


def _trained(
    program: Program,
    fault: Fault | None,
    seed: int,
    callbacks: Sequence[Callback] = (),
    epochs: int | None = None,
) -> tuple[float, float]:
    """Processor seconds of one training, and the improvement that it has come to.

    There is one thread, and the processor's seconds do not tell who else was busy. A training
    that the engine refuses (labels out of range) has come to nothing.
    """
    training = program.prepare(seed, fault)
    more: dict[str, Any] = {"callbacks": list(callbacks)}
    begin = time.process_time()
    try:
        training.run(**more, **({} if epochs is None else {"epochs": epochs}))
    except GlassgradError:
        return time.process_time() - begin, 0.0
    seconds = time.process_time() - begin
    return seconds, program.improvement(training.model, training.examples)


_KINDS: dict[str, Callable[[Program, Fault | None, Job], dict[str, Any]]] = {
    "train": train,
    "examine": examine,
    "mend": mend,
    "search_at_random": search_at_random,
}
