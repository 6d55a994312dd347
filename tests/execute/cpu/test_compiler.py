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


def test_everything_is_cached_in_the_folder_and_the_users_setting_survives(folder, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", "the user's own")
    compile_source(SOURCE, "add_one")
    assert numba.config.CACHE_DIR == "the user's own"
    kinds = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert kinds == {".py", ".nbi", ".nbc"}


@pytest.mark.parametrize("suffix", ["nbi", "nbc", "py"])
@pytest.mark.parametrize("content", [b"", b"garbage", "half"])
def test_a_corrupted_cache_is_rebuilt(folder, call, suffix, content):
    compile_source(SOURCE, "add_one")
    (path,) = folder.rglob(f"*.{suffix}")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    assert result_of(compile_source(SOURCE, "add_one"), call) == 42
    before = compilations()
    assert result_of(compile_source(SOURCE, "add_one"), call) == 42
    assert compilations() == before, "the cache was not repaired"


def test_callbacks_hear_of_compilations_and_not_of_loading(folder, monkeypatch):
    heard = []
    monkeypatch.setattr(compiler, "on_compile", [heard.append])
    compile_source(SOURCE, "add_one")
    compile_source(SOURCE, "add_one")
    assert heard == ["add_one"]


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
