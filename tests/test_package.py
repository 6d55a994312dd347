"""What the package shows to the world, and what it costs to ask for it."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import glassgrad

PUBLIC = {
    "Model", "Sequential", "Tensor", "Variable", "activations", "callbacks", "check_gradients",
    "constraints",
    "datasets", "errors", "explain", "float_type", "function", "grad", "gradients", "graph",
    "hessian", "hessian_vector_product", "initializers", "jacobian", "layers", "lens", "losses",
    "metrics", "models", "ops", "optimizers", "regularizers", "set_random_seed", "use",
    "value_and_grad",
}  # fmt: skip
FAMILIES = ("activations", "callbacks", "constraints", "initializers", "layers", "losses",
            "metrics", "models", "optimizers", "regularizers", "errors")  # fmt: skip
SLOW_TO_LOAD = {"llvmlite", "numba", "pooch", "rich", "safetensors", "sklearn", "torch", "typer"}
SECONDS = 0.25


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_public_names() -> None:
    assert set(glassgrad.__all__) >= PUBLIC  # further parts add theirs
    assert glassgrad.__all__ == sorted(glassgrad.__all__)


@pytest.mark.parametrize("name", glassgrad.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(glassgrad, name) is not None
    assert name in dir(glassgrad)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_name_of_a_family_is_there(family: str) -> None:
    module = import_module(f"glassgrad.{family}")
    assert module.__all__
    for name in module.__all__:
        assert hasattr(module, name), f"glassgrad.{family}.{name}"


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'glassgrad' has no attribute 'Sequental'"):
        glassgrad.Sequental  # noqa: B018
    with pytest.raises(ImportError):
        exec("from glassgrad import nothing_of_that_name")


def test_names_are_loaded_when_they_are_asked_for() -> None:
    program = (
        "import sys, glassgrad\n"
        "print(*sorted(name for name in sys.modules if name.startswith('glassgrad.')))\n"
        "glassgrad.Sequential, glassgrad.callbacks.EarlyStopping, glassgrad.set_random_seed\n"
        "print(glassgrad.models.Sequential is glassgrad.Sequential)\n"
        "from glassgrad import *\n"
        "print(layers.Dense.__name__, grad.__name__)"
    )
    loaded, same, names = run(program).splitlines()
    assert not {
        f"glassgrad.{family}" for family in ("layers", "models", "datasets", "training")
    } & {*loaded.split()}
    assert (same, names) == ("True", "Dense grad")


@pytest.mark.parametrize("statement", ["import glassgrad", "from glassgrad import Sequential"])
def test_importing_loads_nothing_that_is_slow_to_load(statement: str) -> None:
    loaded = set(run(f"{statement}\nimport sys; print(*sys.modules)").split())
    assert not SLOW_TO_LOAD & loaded


def test_importing_takes_a_moment() -> None:
    """NumPy's own time apart; the best of a few, since other programs run as well."""
    program = (
        "import time, numpy\n"
        "start = time.process_time()\n"
        "import glassgrad\n"
        "print(time.process_time() - start)"
    )
    times: list[float] = []
    while len(times) < 5 and min(times, default=SECONDS) >= SECONDS / 2:
        times.append(float(run(program)))
    assert min(times) < SECONDS


def test_training_without_a_terminal_loads_no_rich() -> None:
    program = (
        "import sys, glassgrad\n"
        "from glassgrad.layers import Dense\n"
        "model = glassgrad.Sequential([Dense(1)])\n"
        "model.compile('sgd', 'mse', executor='reference')\n"
        "model.fit([[1.0]], [[1.0]], verbose=0)\n"
        "print(*sys.modules)"
    )
    assert not SLOW_TO_LOAD & set(run(program).split())
