"""Tests of the executor where nothing is known of the processor: each intrinsic's portable twin.

    python -m tests.execute.cpu.portable_twins PATH... [OPTION...]

The arguments are pytest's. Machine code goes to a folder of its own: it does not depend on the
name of this processor, which names the usual one.
"""

from __future__ import annotations

import os
import sys

import pytest

from glassgrad.execute.cpu import host
from glassgrad.execute.cpu.cache import kernel_cache_folder


def force_twins() -> None:
    """Let the modules that are still to be imported find an unknown processor and system."""
    os.environ["GLASSGRAD_CACHE"] = str(kernel_cache_folder() / "portable_twins")
    host.family = lambda: "other"
    host.features = set
    from glassgrad.execute.cpu import compilation, native, processor  # noqa: F401

    system, sys.platform = sys.platform, "unknown"
    from glassgrad.execute.cpu import driver  # noqa: F401

    sys.platform = system
    if "glassgrad_current_processor" in native.provided_symbols():
        raise RuntimeError("The driver was imported before its twin was forced.")


if __name__ == "__main__":
    force_twins()
    sys.exit(pytest.main(sys.argv[1:]))
