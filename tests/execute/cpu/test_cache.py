from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from glassgrad.execute.cpu import cache
from glassgrad.execute.cpu.cache import kernel_cache_folder

is_root = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture(autouse=True)
def _own_roots(monkeypatch, tmp_path):
    """No setting of the caller matters, and nothing is written outside the test's folder."""
    monkeypatch.delenv("GLASSGRAD_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    cache._first_writable.cache_clear()
    yield
    cache._first_writable.cache_clear()


def test_the_setting_names_the_root(monkeypatch, tmp_path):
    monkeypatch.setenv("GLASSGRAD_CACHE", str(tmp_path / "mine"))
    folder = kernel_cache_folder()
    assert folder.is_dir()
    assert folder.parent == tmp_path / "mine" / "kernels"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the rule of other systems")
def test_the_users_cache_folder_is_the_default(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert kernel_cache_folder().parent == tmp_path / "xdg" / "glassgrad" / "kernels"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative paths are ignored")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert kernel_cache_folder().parent == tmp_path / "home" / ".cache" / "glassgrad" / "kernels"


def test_an_unusable_folder_falls_back_to_a_private_temporary_one(monkeypatch, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    monkeypatch.setenv("GLASSGRAD_CACHE", str(in_the_way))
    monkeypatch.setattr(cache, "_user_cache_folder", lambda: in_the_way)
    folder = kernel_cache_folder()
    assert folder.is_relative_to(tmp_path / "temporary")
    if hasattr(os, "getuid"):
        assert stat.S_IMODE(folder.parent.parent.stat().st_mode) == 0o700


def test_no_home_is_no_error(monkeypatch, tmp_path):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    assert kernel_cache_folder().is_relative_to(tmp_path / "temporary")


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs POSIX permissions")
def test_a_temporary_folder_that_others_can_write_is_not_trusted(monkeypatch, tmp_path):
    shared = tmp_path / "temporary" / f"glassgrad-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setattr(cache, "_user_cache_folder", lambda: tmp_path / "temporary" / "file")
    (tmp_path / "temporary" / "file").write_text("")
    folder = kernel_cache_folder()
    assert folder.is_dir()
    assert not folder.is_relative_to(shared)


def test_the_key_changes_with_sources_and_settings(monkeypatch, tmp_path):
    source = tmp_path / "kernel.py"
    source.write_text("one")
    monkeypatch.setattr(cache, "_SOURCES", tmp_path)
    monkeypatch.setattr(cache, "_COMPILED_MODULES", ("kernel",))
    keys = [cache._key.__wrapped__()]
    source.write_text("two")
    keys.append(cache._key.__wrapped__())
    monkeypatch.setenv("GLASSGRAD_BLAS_CORE", "Haswell")
    keys.append(cache._key.__wrapped__())
    assert len(set(keys)) == 3
    assert cache._key.__wrapped__() == keys[-1]


def test_every_module_that_holds_compiled_code_is_part_of_the_key():
    folder = Path(cache.__file__).parent
    marks = ("@helper", "@intrinsic", "intrinsic(")
    holds = {
        path.stem
        for path in folder.glob("*.py")
        if any(mark in path.read_text("utf-8") for mark in marks)
    }
    assert holds <= set(cache._COMPILED_MODULES)


def test_kernels_of_versions_long_unused_are_removed(monkeypatch, tmp_path):
    old, recent = tmp_path / "kernels" / "old", tmp_path / "kernels" / "recent"
    for folder in (old, recent):
        folder.mkdir(parents=True)
        (folder / "kernel.nbc").write_text("")
    os.utime(old, (0, 0))
    monkeypatch.setenv("GLASSGRAD_CACHE", str(tmp_path))
    kernel_cache_folder()
    assert not old.exists()
    assert recent.exists()


def test_the_text_of_a_kernel_leads_to_the_modules_that_it_is_made_of():
    begin = "from glassgrad.execute.cpu.kernels."
    assert cache.text_of_modules("nothing of ours") == ""
    text = cache.text_of_modules(begin + "cumulative import running_sum")
    assert "def running_sum" in text
    assert "def sum_middle" in text  # of reductions, which cumulative imports
    assert "def copy_by_strides" not in text


def test_modules_of_kernels_import_each_other_by_full_name():
    folder = Path(cache.__file__).parent / "kernels"
    texts = [p.read_text("utf-8") for p in folder.glob("*.py") if p.stem != "__init__"]
    assert not [text for text in texts if "from glassgrad.execute.cpu.kernels import" in text]
