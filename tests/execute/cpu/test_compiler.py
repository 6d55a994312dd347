from __future__ import annotations

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from glassgrad.execute.cpu import cache, compiler
from glassgrad.execute.cpu.compiler import compilations, compile_source, kernel

SOURCE = """
from glassgrad.execute.cpu.views import int64_vector

def add_one(part, parts, arguments):
    int64_vector(arguments, 0)[0] += 1
"""


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty cache."""
    monkeypatch.setenv("GLASSGRAD_CACHE", str(tmp_path))
    yield cache.kernel_cache_folder()
    cache._first_writable.cache_clear()


def result_of(compiled, call):
    numbers = np.array([41], np.int64)
    call(compiled, numbers)
    return numbers[0]


def test_source_is_compiled_once_and_loaded_after_that(folder, call):
    before = compilations()
    assert result_of(compile_source(SOURCE, "add_one"), call) == 42
    assert compilations() == before + 1
    assert result_of(compile_source(SOURCE, "add_one"), call) == 42
    assert compilations() == before + 1
    assert result_of(compile_source(SOURCE + "# other text\n", "add_one"), call) == 42
    assert compilations() == before + 2


def test_everything_is_cached_in_the_folder_and_numba_keeps_nothing(folder):
    compile_source(SOURCE, "add_one")
    kinds = sorted(path.suffix for path in folder.rglob("*") if path.is_file())
    assert kinds == [".kernel", ".py"]
    (text,) = folder.glob("*.py")
    assert text.read_text() == SOURCE


@pytest.mark.parametrize("suffix", ["kernel", "py"])
@pytest.mark.parametrize("content", [b"", b"garbage", b"garbage" * 100, "half", "changed"])
def test_a_corrupted_cache_is_rebuilt(folder, call, suffix, content):
    compile_source(SOURCE, "add_one")
    (path,) = folder.rglob(f"*.{suffix}")
    whole = path.read_bytes()
    changed = {"half": whole[: len(whole) // 2], "changed": whole[:-1] + b"?"}
    path.write_bytes(changed.get(content, content))
    assert result_of(compile_source(SOURCE, "add_one"), call) == 42
    before = compilations()
    assert result_of(compile_source(SOURCE, "add_one"), call) == 42
    assert compilations() == before, "the cache was not repaired"


def test_a_cache_that_cannot_be_written_is_done_without(folder, call, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compiler, "write_atomically", full)
    for _ in range(2):
        assert result_of(compile_source(SOURCE, "add_one"), call) == 42
    assert not list(folder.iterdir())


def test_a_cache_that_disappears_is_made_again(folder, call):
    folder.rmdir()
    assert result_of(compile_source(SOURCE, "add_one"), call) == 42
    before = compilations()
    assert result_of(compile_source(SOURCE, "add_one"), call) == 42
    assert compilations() == before


def test_what_is_in_the_cache_is_loaded_without_the_compiler(folder):
    script = (
        "import sys; from glassgrad.execute.cpu.compiler import compile_source; "
        "from glassgrad.execute.cpu.driver import compiled_driver; "
        "compile_source(sys.argv[1], 'add_one'); compiled_driver(); "
        "print({'numba', 'llvmlite'} & set(sys.modules) or 'without')"
    )
    command = [sys.executable, "-c", script, SOURCE]
    said = [subprocess.check_output(command, text=True, env=dict(os.environ)) for _ in range(2)]
    assert "numba" in said[0]
    assert said[1].strip() == "without"


def test_callbacks_hear_of_compilations_and_not_of_loading(folder, monkeypatch):
    heard = []
    monkeypatch.setattr(compiler, "on_compile", [heard.append])
    compile_source(SOURCE, "add_one")
    compile_source(SOURCE, "add_one")
    assert heard == ["add_one"]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_who_watches_is_told_once(folder, monkeypatch, capsys, is_terminal):
    monkeypatch.setattr(compiler, "_compiled_names", [])
    monkeypatch.setattr(compiler.sys.stderr, "isatty", lambda: is_terminal)
    compile_source(SOURCE, "add_one")
    compile_source(SOURCE + "# other text\n", "add_one")
    assert capsys.readouterr().err.splitlines() == [compiler.FIRST_TIME] * is_terminal
    monkeypatch.setattr(compiler.sys, "stderr", None)
    assert not compiler._is_watched()


def test_a_wrong_kernel_is_an_error_at_once(folder):
    before = compilations()
    with pytest.raises(numba.TypingError):
        compile_source("def wrong(part, parts, arguments):\n    unknown_name()\n", "wrong")
    assert compilations() == before + 1


def test_a_function_without_a_file_is_compiled_too(folder, call):
    namespace = {}
    exec(SOURCE, namespace)
    assert result_of(kernel(namespace["add_one"]), call) == 42


def test_two_processes_can_fill_the_cache_at_once(folder):
    script = (
        "import sys; from glassgrad.execute.cpu.compiler import compile_source; "
        "compile_source(sys.argv[1], 'add_one')"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, SOURCE], env=dict(os.environ))
        for _ in range(2)
    ]
    assert [process.wait() for process in processes] == [0, 0]
    before = compilations()
    compile_source(SOURCE, "add_one")
    assert compilations() == before
