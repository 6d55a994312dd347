"""Attention by tiles: against the definition, in linear memory, with the same bits everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest

from glassgrad.execute.cpu.costs import costs_of, flop_of
from glassgrad.execute.cpu.fuse import Kind
from glassgrad.execute.cpu.kernels.attention_tiles import STRIP, TILE
from glassgrad.execute.cpu.program import CpuExecutor
from glassgrad.graph import Tensor, placeholder
from glassgrad.graph.operation import Array
from glassgrad.ops.attention import Attention, AttentionGradient
from tests.execute.cpu.comparison import CPU, Case, assert_agrees, check, results_of


@dataclass(frozen=True)
class Sizes:
    """The lengths of an attention."""

    batch: int
    queries: int
    keys: int
    heads: int
    key_heads: int
    size: int
    value_size: int

    def arrays(self, dtype: str, seed: int = 0) -> list[Array]:
        """Query, key, value and the gradient of the result."""
        random = np.random.default_rng(seed)
        rows, columns = (self.batch, self.queries), (self.batch, self.keys)
        shapes = [
            (*rows, self.heads, self.size),
            (*columns, self.key_heads, self.size),
            (*columns, self.key_heads, self.value_size),
            (*rows, self.heads, self.value_size),
        ]
        return [random.normal(size=shape).astype(dtype) for shape in shapes]


SIZES = [
    Sizes(1, 1, 1, 1, 1, 1, 1),
    Sizes(2, 7, 5, 2, 1, 3, 4),
    Sizes(3, 64, 64, 2, 2, 32, 32),
    Sizes(1, 65, 67, 2, 2, 5, 7),
    Sizes(1, 130, 71, 6, 2, 16, 17),
    Sizes(1, 33, 193, 2, 2, 64, 64),
    Sizes(2, 17, 33, 2, 1, 128, 31),
]
"""One of everything, primes, a tile exactly, a little more, and heads that share keys."""


def both_ways(operation: Attention, arrays: Sequence[Array], mask: Array | None = None) -> Case:
    """The results of an attention and of its chain rule."""
    inputs = [placeholder(array.shape, str(array.dtype)) for array in arrays]
    masks = [] if mask is None else [placeholder(mask.shape, "bool")]
    query, key, value, g = inputs
    y, log_sum_exp = operation(query, key, value, *masks)
    backward = AttentionGradient(operation.scale, operation.causal, operation.masked)
    slopes = backward(g, query, key, value, y, log_sum_exp, *masks)
    given = [*arrays] if mask is None else [*arrays, mask]
    return Case([y, log_sum_exp, *slopes], [*inputs, *masks], given)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_tiles_agree_with_the_definition(sizes: Sizes, causal: bool, dtype: str) -> None:
    operation = Attention(1.3 * sizes.size**-0.5, causal)
    check(lambda dtype: both_ways(operation, sizes.arrays(dtype)), dtype)


MASKED = Sizes(2, 70, 67, 4, 2, 5, 6)
MASKS = [
    shape
    for shape in product(
        (1, MASKED.batch), (1, MASKED.heads), (1, MASKED.queries), (1, MASKED.keys)
    )
    if sum(length > 1 for length in shape) != 2
]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shape", MASKS, ids=str)
def test_masks_of_any_shape(shape: tuple[int, ...], causal: bool) -> None:
    mask = np.random.default_rng(1).random(shape) < 0.6
    mask.flat[0] = False
    operation = Attention(0.4, causal, masked=True)
    check(lambda dtype: both_ways(operation, MASKED.arrays(dtype), mask))


def test_who_sees_nothing_gets_nothing() -> None:
    mask = np.zeros((1, 1, MASKED.queries, 1), bool)
    mask[0, 0, 3] = True
    arrays = MASKED.arrays("float32")
    y, log_sum_exp, to_query, to_key, _ = results_of(
        CPU, both_ways(Attention(1.0, masked=True), arrays, mask)
    )
    others = np.arange(MASKED.queries) != 3
    assert not y[:, others].any()
    assert not to_query[:, others].any()
    assert np.isneginf(log_sum_exp[:, :, others]).all()
    assert np.isfinite(to_key).all()
    assert np.abs(y[:, 3]).min() > 0


def test_a_later_tile_may_have_much_larger_scores() -> None:
    """What was summed up before becomes smaller, by factors beyond the range of the floats."""
    sizes = Sizes(1, 3, 3 * TILE, 1, 1, 2, 2)
    arrays = sizes.arrays("float32")
    arrays[1][:, TILE : 2 * TILE] *= 60
    arrays[1][:, 2 * TILE :] *= 200
    exact = [array.astype("float64") for array in arrays]
    operation = Attention(1.0)
    found, truth = (results_of(CPU, both_ways(operation, given)) for given in (arrays, exact))
    for ours, theirs in zip(found[:2], truth[:2], strict=True):
        assert_agrees(ours, theirs.astype("float32"), theirs)


@pytest.mark.parametrize("place", [0, TILE + 1])
def test_no_number_stays_no_number(place: int) -> None:
    sizes = Sizes(1, 4, 2 * TILE, 1, 1, 3, 3)
    arrays = sizes.arrays("float32")
    arrays[1][0, place] = np.nan
    y, log_sum_exp, *_ = results_of(CPU, both_ways(Attention(1.0), arrays))
    assert np.isnan(y).all()
    assert np.isnan(log_sum_exp).all()
    arrays[1][0, place], arrays[0][0, 2] = 0.0, np.nan
    y, log_sum_exp, *_ = results_of(CPU, both_ways(Attention(1.0), arrays))
    assert np.isnan(y[0, 2]).all()
    assert np.isfinite(y[0, [0, 1, 3]]).all()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    "sizes", [Sizes(1, 150, 150, 3, 1, 8, 8), Sizes(5, 20, 30, 2, 2, 8, 8)], ids=str
)
def test_any_division_gives_the_same_bits(sizes: Sizes, causal: bool) -> None:
    case = both_ways(Attention(0.3, causal), sizes.arrays("float32"))
    expected = results_of(CpuExecutor(1, parts=1), case)
    for threads, parts in [(1, 2), (1, 3), (1, 4), (2, 2), (2, 4), (2, 7)]:
        for ours, theirs in zip(
            results_of(CpuExecutor(threads, parts), case), expected, strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


def test_memory_grows_with_the_length_and_not_with_its_square() -> None:
    def workspace(length: int) -> int:
        case = both_ways(
            Attention(0.2, causal=True), Sizes(1, length, length, 2, 2, 8, 8).arrays("f")
        )
        program = CPU.compile(case.outputs, case.inputs)
        assert {launch.kind for launch in program.plan.launches} == {Kind.KERNEL}
        return program.plan.workspace_bytes

    one, two, four = map(workspace, (1024, 2048, 4096))
    assert 0 < two - one < 2 * 4 * 1024 * 2 * 8 * 6
    assert four - two <= 2.1 * (two - one)


def test_dropout_is_left_to_the_definition() -> None:
    query = placeholder((1, 5, 2, 3))
    random = [placeholder((), "uint32"), placeholder((), "uint32")]
    y, _ = Attention(1.0, rate=0.5)(query, query, query, *random)
    names = {
        node.operation.name
        for launch in CPU.compile([y], [query, *random]).plan.launches
        for node in launch.nodes
    }
    assert "MatMul" in names
    assert "Attention" not in names


def of_nothing(batch: int, queries: int) -> Tensor:
    query, key = placeholder((batch, queries, 2, 3)), placeholder((batch, 4, 2, 3))
    y, _ = Attention(1.0)(query, key, key)
    return y


@pytest.mark.parametrize("batch, queries", [(0, 3), (2, 0)])
def test_of_no_queries_come_no_results(batch: int, queries: int) -> None:
    y = of_nothing(batch, queries)
    inputs = list(dict.fromkeys(y.node.inputs))
    (found,) = CPU.compile([y], inputs)(*(np.zeros(x.shape, np.float32) for x in inputs))
    assert found.shape == (batch, queries, 2, 3)


def test_costs_are_those_of_what_is_seen() -> None:
    query, key, value = (
        placeholder((2, 5, 4, 3)),
        placeholder((2, 7, 2, 3)),
        placeholder((2, 7, 2, 6)),
    )
    whole, _ = Attention(1.0)(query, key, value)
    earlier, _ = Attention(1.0, causal=True)(query, key, value)
    assert flop_of(whole.node) == 2 * 4 * 5 * 7 * (2 * (3 + 6) + 5)
    assert flop_of(earlier.node) == 2 * 4 * 15 * (2 * (3 + 6) + 5)
    case = both_ways(Attention(1.0), Sizes(1, 5, 7, 1, 1, 3, 6).arrays("float32"))
    program = CPU.compile(case.outputs, case.inputs)
    assert [cost.flop for cost in costs_of(program.plan)] == [
        35 * (2 * 9 + 5), 35 * (2 * (3 * 3 + 2 * 6) + 6)
    ]  # fmt: skip
    assert "Attention" in program.describe()


def test_strips_divide_tiles() -> None:
    assert TILE % STRIP == 0
