"""Whatever a public function is given, it works or says in an error of the package what is wrong.

Every public name is called with arguments of which one is replaced by a value from a pool. In
every run a sample of these calls, chosen by a fixed seed; ``GLASSGRAD_BAD_INPUT=1`` makes all.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import glassgrad
from glassgrad.errors import GlassgradError
from tests.bad_input import (
    LEFT_OUT,
    METHODS,
    POOL,
    Method,
    Subject,
    methods,
    public_functions,
    subject_of,
)

ALL = bool(os.environ.get("GLASSGRAD_BAD_INPUT"))
SAMPLE = 12  # values for each parameter of a function, in a run that does not make all calls
SECONDS = 10  # no call takes as long
MEMORY = 3 * 2**30  # bytes; no call takes as much

# What these raise or give is the business of whoever wrote them.
FUNCTIONS_OF_THE_CALLER = {"a class", "a function", "a layer"}
KEYWORDS_OF_THE_CALLER = {"a dictionary", "a configuration", "a broken configuration"}
OWN_ERRORS = (TypeError, AttributeError, KeyError)
OF_THE_CALLER = {
    "arguments", "clock", "fn", "function", "on_epoch_begin", "on_epoch_end", "on_train_begin",
    "on_train_end", "on_train_batch_begin", "on_train_batch_end", "print_fn", "schedule",
    "activation", "initializer", "regularizer", "constraint", "loss", "mask", "output_shape",
}  # fmt: skip


def subjects() -> list[Subject | Method]:
    """Everything that is called."""
    found: list[Subject | Method] = [
        subject_of(name, function)
        for name, function in public_functions()
        if name not in LEFT_OUT and not name.rpartition(".")[2].startswith("register")
    ]
    return [*found, *methods()]


@contextlib.contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """In a folder of its own, warnings being errors, no call taking long or much memory."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with warnings.catch_warnings(), limited_memory(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", UserWarning)  # those of the package
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        os.chdir(before)
        glassgrad.use("cpu")


@contextlib.contextmanager
def limited_memory() -> Iterator[None]:
    """Memory of the process may grow by some gigabytes only."""
    if not sys.platform.startswith("linux"):
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def in_time(call: Any) -> None:
    """Let a call end soon."""
    if not hasattr(signal, "SIGALRM"):
        call()
        return

    def give_up(*_: Any) -> None:
        raise TimeoutError(f"no end after {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def attempt(subject: Subject | Method, parameter: str, label: str) -> str | None:
    """What went wrong, if anything did that must not."""
    value = POOL[label]()
    try:
        in_time(lambda: subject.call(parameter, value))
    except (GlassgradError, NotImplementedError):
        return None  # the latter from what is to be subclassed
    except Exception as error:  # noqa: BLE001 -- what must not come is looked for
        if is_callers_own(parameter, label, error):
            return None
        return f"{subject.name}({parameter} = {label}): {type(error).__name__}: {error}"
    return None


def is_callers_own(parameter: str, label: str, error: Exception) -> bool:
    """Whether the error is that of a function that was handed in."""
    takes_function = any(
        parameter == name or parameter.endswith(f"_{name}") for name in OF_THE_CALLER
    )
    is_keyword = parameter == "arguments" and label in KEYWORDS_OF_THE_CALLER
    is_function = takes_function and label in FUNCTIONS_OF_THE_CALLER
    return (is_keyword or is_function) and isinstance(error, OWN_ERRORS)


def test_the_valid_calls_work(tmp_path: Path) -> None:
    wrong = []
    with guarded(tmp_path):
        for subject in subjects():
            try:
                subject.call()
            except Exception as error:  # noqa: BLE001 -- any is one too many
                wrong.append(f"{subject.name}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join(wrong)


def test_bad_values_are_refused_in_our_own_words(tmp_path: Path) -> None:
    chance, wrong = random.Random(1), []
    with guarded(tmp_path):
        for subject in subjects():
            for parameter in subject.parameters:
                labels = list(POOL) if ALL else chance.sample(list(POOL), SAMPLE)
                wrong += [attempt(subject, parameter, label) for label in labels]
    found = [line for line in wrong if line]
    assert not found, f"{len(found)} of {len(wrong)} calls:\n" + "\n".join(found)


@pytest.mark.parametrize("fault", [KeyError("x"), RuntimeWarning("overflow"), MemoryError()])
def test_other_errors_are_found(fault: Exception, tmp_path: Path) -> None:
    def faulty(x: Any) -> None:
        if isinstance(x, str):
            raise fault

    subject = Subject("faulty", faulty, {"x": lambda: 1})
    with guarded(tmp_path):
        assert attempt(subject, "x", "0") is None
        found = attempt(subject, "x", "text")
    assert found is not None
    assert found.startswith(f"faulty(x = text): {type(fault).__name__}")


def test_the_methods_have_different_names() -> None:
    names = [subject.name for subject in methods()]
    assert len(names) == len(METHODS)
