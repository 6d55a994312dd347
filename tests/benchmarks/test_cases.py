"""What the benchmarks measure, and what a step of it costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import benchmarks.contestants
from benchmarks.cases import (
    CNN,
    CURVES,
    GPT,
    GRID,
    GRU,
    HEADLINE,
    LSTM,
    OTHERS,
    PRODUCT,
    RESNET,
    Case,
)
from benchmarks.contestants import CONTESTANTS, EXACT, OURS
from benchmarks.networks import NETWORKS

ALL = [HEADLINE, PRODUCT, *GRID, *OTHERS, *(case for cases in CURVES.values() for case in cases)]


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


def test_of_each_other_network_there_are_three_sizes() -> None:
    names = [case.network for case in OTHERS]
    assert sorted(names) == sorted(["cnn", "resnet", "lstm", "gru", "gpt"] * 3)
    assert OTHERS[1::3] == [CNN, RESNET, LSTM, GRU, GPT]
    assert len(set(OTHERS)) == len(OTHERS)


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


@pytest.mark.parametrize(
    "case, shape, dtype, targets",
    [
        (Case("cnn", 300, (9, 2, 3, 4, 5, 6)), (600, 9, 9, 2), np.float32, (600,)),
        (Case("resnet", 300, (8, 2, 3, 4, 5, 2, 6)), (600, 8, 8, 2), np.float32, (600,)),
        (Case("lstm", 2048, (3, 4, 5, 6)), (4096, 3, 4), np.float32, (4096,)),
        (Case("gpt", 64, (7, 5, 8, 2, 1)), (128, 5), np.int32, (128, 5)),
    ],
    ids=lambda value: value.network if isinstance(value, Case) else "",
)
def test_data_of_other_networks(
    case: Case, shape: tuple[int, ...], dtype: type, targets: tuple[int, ...]
) -> None:
    x, y = NETWORKS[case.network].data(case)
    assert (x.shape, x.dtype, y.shape, y.dtype) == (shape, dtype, targets, np.int32)
    assert np.unique(y).tolist() == list(range(7 if case.network == "gpt" else 6))


def test_the_targets_of_a_text_are_its_next_tokens() -> None:
    x, y = NETWORKS["gpt"].data(Case("gpt", 64, (7, 5, 8, 2, 1)))
    np.testing.assert_array_equal(x[:, 1:], y[:, :-1])


@pytest.mark.parametrize(
    "case, expected",
    [
        # 5x5 places of the first convolution, 3x3 of the second, one after the largest of 2x2.
        (
            Case("cnn", 3, (7, 2, 3, 4, 5, 6)),
            2 * 25 * 9 * 2 * 3 + 3 * (9 * 9 * 3 * 4 + 1 * 4 * 5 + 5 * 6),
        ),
        # A side of 4, then 2, then 1; the last two stages have a 1x1 convolution of their own.
        (
            Case("resnet", 3, (4, 1, 2, 3, 5, 1, 7)),
            2 * 16 * 9 * 1 * 2
            + 3 * 16 * 9 * (2 * 2 + 2 * 2)
            + 3 * 4 * (9 * (2 * 3 + 3 * 3) + 2 * 3)
            + 3 * 1 * (9 * (3 * 5 + 5 * 5) + 3 * 5)
            + 3 * 5 * 7,
        ),
        (Case("lstm", 3, (2, 4, 5, 6)), 2 * (2 * 4 * 20 + 3 * 5 * 20) + 3 * 5 * 6),
        (Case("gru", 3, (2, 4, 5, 6)), 2 * (2 * 4 * 15 + 3 * 5 * 15) + 3 * 5 * 6),
        # Three tokens see 1, 2 and 3 others: 6 pairs, in the scores and in the values.
        (
            Case("gpt", 3, (7, 3, 4, 2, 2)),
            3 * (3 * (2 * (4 * 16 + 2 * 64) + 4 * 7) + 2 * 2 * 6 * 4),
        ),
    ],
    ids=lambda value: value.network if isinstance(value, Case) else "",
)
def test_operations_of_other_networks(case: Case, expected: int) -> None:
    """Multiplications of one example, counted anew; each has its addition."""
    assert NETWORKS[case.network].operations(case) == 2 * case.batch * expected


def test_only_convolutions_have_a_way_with_exact_sums() -> None:
    exact = CONTESTANTS[EXACT]
    assert (exact.networks, exact.settings) == (("cnn", "resnet"), (("GLASSGRAD_EXACT", "1"),))
    assert not exact.is_a_peer
    assert not CONTESTANTS[OURS].is_a_peer
    assert CONTESTANTS["pytorch"].is_a_peer


def test_every_contestant_has_its_module() -> None:
    folder = Path(benchmarks.contestants.__file__).parent
    modules = {path.stem for path in folder.glob("with_*.py")}
    assert {contestant.module for contestant in CONTESTANTS.values()} == modules
    assert all(name == contestant.name for name, contestant in CONTESTANTS.items())
