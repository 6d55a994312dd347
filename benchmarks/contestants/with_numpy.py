"""NumPy's own OpenBLAS: what the machine can do in a large product."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case
from benchmarks.contestants import Trainer
from benchmarks.networks import NETWORKS

__all__ = ["trainer"]


def trainer(case: Case, variant: str) -> Trainer:
    """One product."""
    a, b = NETWORKS["product"].data(case)
    result = np.empty((len(a), b.shape[1]), np.float32)

    def run(steps: int) -> None:
        for _ in range(steps):
            np.matmul(a, b, out=result)

    return Trainer(run, lambda: float((a @ b)[0, 0]))
