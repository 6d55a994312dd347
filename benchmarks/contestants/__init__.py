"""Who takes part. A contestant is a module that trains the networks of the cases in its own way.

The module offers ``trainer(case, variant)``. It is imported by the process that measures it
alone: nobody else needs the package, and no two of them share a process.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.cases import Case

__all__ = ["CONTESTANTS", "EXACT", "OURS", "Contestant", "Trainer", "processors"]


@dataclass(frozen=True)
class Trainer:
    """A network on its data.

    Args:
        run: do so many steps, a multiple of ``case.batches``, and wait for their end.
        loss: the mean loss of all examples with the weights as they are now.
    """

    run: Callable[[int], object]
    loss: Callable[[], float]


@dataclass(frozen=True)
class Contestant:
    """One way to train.

    Args:
        name: as it stands in results.
        title: as it stands in tables.
        package: what it imports, and what its memory is compared with.
        module: the module of this package that has its trainers.
        variant: which of the ways of that module.
        networks: what it can train.
        in_full_only: whether it is left to the long run.
        cache: the environment variable that names the folder in which it keeps compiled code.
        distributions: the packages whose versions matter.
        settings: environment variables of its process.
    """

    name: str
    title: str
    package: str
    module: str
    variant: str = ""
    networks: tuple[str, ...] = ("mlp",)
    in_full_only: bool = False
    cache: str | None = None
    distributions: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def is_a_peer(self) -> bool:
        """Whether it is not ours, in none of its ways."""
        return self.package != OURS

    def trainer(self, case: Case) -> Trainer:
        """The network of a case, ready to be trained in this process."""
        module = importlib.import_module(f"benchmarks.contestants.{self.module}")
        trainer: Trainer = module.trainer(case, self.variant)
        return trainer


OURS = "glassgrad"
EXACT = "glassgrad_exact"

_IMAGES = ("cnn", "resnet")
_SEQUENCES = ("lstm", "gru", "gpt")
_ALL = [
    Contestant(
        OURS, "glassgrad", "glassgrad", "with_glassgrad",
        networks=("mlp", "product", *_IMAGES, *_SEQUENCES),
        cache="GLASSGRAD_CACHE", distributions=("numpy", "numba", "scipy-openblas32"),
    ),
    Contestant(
        EXACT, "glassgrad, exact sums", "glassgrad", "with_glassgrad", networks=_IMAGES,
        cache="GLASSGRAD_CACHE", settings=(("GLASSGRAD_EXACT", "1"),),
    ),
    Contestant(
        "pytorch", "PyTorch eager", "torch", "with_pytorch", "eager",
        networks=("mlp", "product", *_IMAGES, *_SEQUENCES), distributions=("torch",),
    ),
    Contestant(
        "jax_jit", "JAX jit", "jax", "with_jax", "jit",
        networks=("mlp", "product", "cnn", *_SEQUENCES),
        distributions=("jax", "jaxlib", "optax"),
    ),
    # Within a scan, XLA's convolutions on processors take a hundred times as long as without.
    Contestant("jax_scan", "JAX scan", "jax", "with_jax", "scan", networks=("mlp", *_SEQUENCES)),
    Contestant(
        "keras", "Keras on JAX", "keras", "with_keras",
        networks=("mlp", *_IMAGES, *_SEQUENCES), distributions=("keras",),
    ),
    Contestant(
        "scikit_learn", "scikit-learn", "sklearn", "with_scikit_learn",
        distributions=("scikit-learn",),
    ),
    Contestant("numpy", "NumPy", "numpy", "with_numpy", networks=("product",)),
    Contestant(
        "torch_compile", "torch.compile", "torch", "with_pytorch", "compile",
        networks=("mlp", *_IMAGES, "gpt"),
        in_full_only=True, cache="TORCHINDUCTOR_CACHE_DIR",
    ),
    Contestant(
        "tinygrad", "tinygrad", "tinygrad", "with_tinygrad",
        in_full_only=True, cache="CACHEDB", distributions=("tinygrad",),
    ),
]  # fmt: skip

CONTESTANTS = {contestant.name: contestant for contestant in _ALL}


def processors() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
