"""What the benchmarks measure, and what a step of it costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import benchmarks.contestants
from benchmarks.cases import CURVES, GRID, HEADLINE, PRODUCT, Case
from benchmarks.contestants import CONTESTANTS, OURS
from benchmarks.networks import NETWORKS

ALL = [HEADLINE, PRODUCT, *GRID, *(case for cases in CURVES.values() for case in cases)]


def test_the_grid_is_every_batch_width_and_depth_once() -> None:
    expected = {
        (batch, (784, *[width] * depth, 10))
        for batch in (32, 128, 1024)
        for width in (64, 256, 1024)
        for depth in (2, 4, 16)
    }
    assert {(case.batch, case.sizes) for case in GRID} == expected
    assert len(GRID) == 27
    assert Case("mlp", 128, (784, 256, 128, 10)) == HEADLINE


@pytest.mark.parametrize(
    "case, name",
    [
        (HEADLINE, "mlp 784-256-128-10, batch 128"),
        (Case("mlp", 1, (784, *[64] * 16, 10)), "mlp 784-[64]x16-10, batch 1"),
    ],
)
def test_names(case: Case, name: str) -> None:
    assert case.name == name


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_a_case_survives_json_and_somebody_can_do_it(case: Case) -> None:
    assert Case.from_json(case.to_json()) == case
    assert case.network in NETWORKS
    assert case.network in CONTESTANTS[OURS].networks


@pytest.mark.parametrize("batch, batches", [(1, 2048), (128, 16), (1024, 2), (4096, 2)])
def test_there_are_several_batches(batch: int, batches: int) -> None:
    assert Case("mlp", batch, (4, 3)).batches == batches


def test_data_and_weights_are_the_same_for_everybody() -> None:
    case = Case("mlp", 1024, (5, 4, 3))
    network = NETWORKS["mlp"]
    (x, y), again = network.data(case), network.data(case)
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((2048, 5), np.float32, (2048,), np.int32)
    assert set(y) == {0, 1, 2}
    np.testing.assert_array_equal(x, again[0])
    weights = network.weights(case)
    assert [weight.shape for weight in weights] == [(5, 4), (4,), (4, 3), (3,)]
    np.testing.assert_array_equal(weights[2], network.weights(case)[2])


def test_operations_of_a_step() -> None:
    """Forward 5x4 and 4x3, the gradients of both kernels, and of the hidden layer alone."""
    products = (5 * 4 + 4 * 3) + (5 * 4 + 4 * 3) + 4 * 3
    assert NETWORKS["mlp"].operations(Case("mlp", 7, (5, 4, 3))) == 2 * 7 * products
    assert NETWORKS["product"].operations(Case("product", 3, (4, 5))) == 2 * 3 * 4 * 5


def test_every_contestant_has_its_module() -> None:
    folder = Path(benchmarks.contestants.__file__).parent
    modules = {path.stem for path in folder.glob("with_*.py")}
    assert {contestant.module for contestant in CONTESTANTS.values()} == modules
    assert all(name == contestant.name for name, contestant in CONTESTANTS.items())
