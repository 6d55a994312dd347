"""What the tests of several folders share."""

from __future__ import annotations

import os
from pathlib import Path

# Before NumPy is loaded: each of several test processes computes on one thread; idle threads of
# NumPy's own BLAS would spin on the cores of the others.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import pytest

from glassgrad.datasets.idx_folder import is_complete

REPOSITORY = Path(__file__).resolve().parent.parent

# The first example of a property may compile a kernel, so no single example has a time limit.
hypothesis.settings.register_profile("glassgrad", deadline=None)
hypothesis.settings.load_profile("glassgrad")


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder of the whole, real MNIST; where it is absent, the test is skipped."""
    beside_the_repository = REPOSITORY.parent / "shared" / "data"
    data = Path(os.environ.get("GLASSGRAD_DATA") or beside_the_repository)
    folder = next(filter(is_complete, (data, data / "mnist")), None)
    if folder is None:
        pytest.skip(f"needs the whole MNIST: set GLASSGRAD_DATA to its folder (looked in {data})")
    return folder
