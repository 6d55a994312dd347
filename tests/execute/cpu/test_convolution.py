"""Convolution, its gradients and pooling: compiled against the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgrad.execute.cpu.fuse import Kind
from glassgrad.execute.cpu.lowered import PartialSums
from glassgrad.execute.cpu.program import CpuExecutor
from glassgrad.gradients import gradients
from glassgrad.graph import Operation, Tensor
from glassgrad.graph.operation import Array
from glassgrad.ops import where
from glassgrad.ops.convolution import (
    Convolution,
    ConvolutionInputGradient,
    ConvolutionKernelGradient,
)
from glassgrad.ops.padding import same_padding
from glassgrad.ops.pooling import (
    AveragePool,
    AveragePoolGradient,
    MaxPool,
    MaxPoolGradient,
    MaxPoolTake,
)
from glassgrad.ops.windows import Windows
from tests.differences import placeholders
from tests.execute.cpu.comparison import REFERENCE, assert_agrees

EXECUTORS = {name: CpuExecutor(threads=1, exact=name == "exact") for name in ("exact", "by tiles")}


@dataclass(frozen=True)
class Row:
    """A convolution and the sizes that it meets."""

    space: tuple[int, ...]
    window: tuple[int, ...]
    channels: int
    filters: int
    strides: tuple[int, ...] = ()
    padding: tuple[tuple[int, int], ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    batch: int = 2

    def __str__(self) -> str:
        return (
            f"{self.batch} of {self.space} by {self.window}, {self.channels} to {self.filters}, "
            f"{self.strides} {self.padding} {self.dilation} {self.groups}"
        )


def row(
    space: tuple[int, ...],
    window: tuple[int, ...],
    channels: int,
    filters: int,
    strides: int = 1,
    dilation: int = 1,
    groups: int = 1,
    batch: int = 2,
    padding: str | tuple[tuple[int, int], ...] = "valid",
) -> Row:
    rank = len(space)
    steps, apart = (strides,) * rank, (dilation,) * rank
    widths = ((0, 0),) * rank if isinstance(padding, str) else padding
    if padding == "same":
        widths = same_padding(space, window, steps, apart)
    return Row(space, window, channels, filters, steps, widths, apart, groups, batch)


ROWS = [
    row((9, 8), (3, 3), 4, 5),
    row((9, 8), (3, 2), 3, 5, dilation=2, padding="same"),
    row((9, 8), (3, 3), 20, 6, strides=2, groups=2, padding="same"),
    row((7, 7), (3, 3), 6, 6, groups=6, padding="same"),
    row((7, 7), (3, 2), 5, 15, strides=2, groups=5, padding="same"),
    row((1, 1), (1, 1), 1, 1, batch=1),
    row((7, 5), (1, 1), 4, 6, batch=3),
    row((7, 5), (1, 1), 4, 6, strides=2),
    row((7, 7), (3, 3), 4, 6, batch=0, padding="same"),
    row((17,), (5,), 3, 5, strides=3, padding=((4, 0),)),
    row((1301,), (3,), 2, 3, padding="same", batch=1),
    row((5, 6, 7), (3, 2, 3), 3, 5, padding="same"),
    row((5, 6, 7), (2, 3, 2), 17, 2, strides=2),
    row((3, 3), (3, 3), 5, 4, padding=((2, 2), (2, 2))),
    row((3, 3), (2, 2), 5, 4, padding=((3, 3), (0, 3))),
]

# What goes by tiles: whole ones, one that is nothing but edge, uneven padding, single lines.
TILES = [
    row((6, 6), (3, 3), 16, 16),
    row((3, 3), (3, 3), 16, 17, batch=1),
    row((1, 1), (3, 3), 16, 17, batch=5, padding="same"),
    row((26, 13), (3, 3), 32, 24),
    row((7, 7), (3, 3), 16, 37, batch=9, padding="same"),
    row((33, 5), (3, 3), 24, 16, padding=((2, 1), (0, 2))),
    row((2, 60), (3, 3), 64, 16, padding="same", batch=1),
    row((9, 8), (3, 3), 16, 16, batch=0, padding="same"),
]


def check(operation: Operation, arrays: list[Array], executor: CpuExecutor) -> None:
    """The operation on these arrays: kernels, definition, and definition in float64."""
    inputs = placeholders(arrays)
    program = executor.compile(_listed(operation(*inputs)), inputs)
    assert Kind.REFERENCE not in {launch.kind for launch in program.plan.launches}
    wide = [array.astype("float64") if array.dtype.kind == "f" else array for array in arrays]
    expected, exact = _defined(operation, arrays), _defined(operation, wide)
    for results in zip(program(*arrays), expected, exact, strict=True):
        assert_agrees(*results)


def _defined(operation: Operation, arrays: list[Array]) -> list[Array]:
    inputs = placeholders(arrays)
    return REFERENCE.compile(_listed(operation(*inputs)), inputs)(*arrays)


def _listed(results: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    return list(results) if isinstance(results, tuple) else [results]


def check_row(case: Row, dtype: str, executor: CpuExecutor) -> None:
    """The convolution and both of its gradients."""
    rng = np.random.default_rng(0)
    how = case.strides, case.padding, case.dilation, case.groups
    windows = Windows(case.window, *how[:3])
    x = rng.normal(size=(case.batch, *case.space, case.channels)).astype(dtype)
    share = case.channels // case.groups
    kernel = rng.normal(size=(*case.window, share, case.filters)).astype(dtype)
    g = rng.normal(size=(case.batch, *windows.count(case.space), case.filters)).astype(dtype)
    check(Convolution(*how), [x, kernel], executor)
    check(ConvolutionInputGradient(case.space, *how), [g, kernel], executor)
    check(ConvolutionKernelGradient(case.window, *how), [x, g], executor)


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_plain_sums(case: Row) -> None:
    check_row(case, "float32", EXECUTORS["exact"])


@pytest.mark.parametrize("case", TILES, ids=str)
@pytest.mark.parametrize("how", EXECUTORS)
def test_three_by_three(case: Row, how: str) -> None:
    check_row(case, "float32", EXECUTORS[how])


@pytest.mark.parametrize("case", [ROWS[2], ROWS[4], TILES[0]], ids=str)
def test_in_float64_nothing_goes_by_tiles(case: Row) -> None:
    check_row(case, "float64", EXECUTORS["by tiles"])


def lengths(rank: int, least: int, most: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*[st.integers(least, most)] * rank)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """Whatever windows can do."""
    rank = draw(st.integers(1, 3))
    window, strides, dilation = (draw(lengths(rank, 1, most)) for most in (4, 3, 2))
    padding = tuple(draw(st.tuples(st.integers(0, 3), st.integers(0, 3))) for _ in range(rank))
    spans = [(w - 1) * d + 1 for w, d in zip(window, dilation, strict=True)]
    space = tuple(
        max(draw(st.integers(1, 9)), span - sum(widths), 1)
        for span, widths in zip(spans, padding, strict=True)
    )
    groups, share, others = draw(st.sampled_from([(1, 17, 3), (1, 2, 3), (2, 3, 2), (3, 1, 2)]))
    return Row(
        space, window, groups * share, groups * others, strides, padding, dilation, groups,
        batch=draw(st.integers(0, 3)),
    )  # fmt: skip


@settings(max_examples=40, deadline=None, derandomize=True)
@given(rows())
def test_windows_at_random(case: Row) -> None:
    check_row(case, "float32", EXECUTORS["exact"])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    lengths(2, 1, 14),
    st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2),
    st.sampled_from([(16, 16), (19, 33)]),
    st.integers(1, 3),
)
def test_tiles_at_random(
    space: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    channels: tuple[int, int],
    batch: int,
) -> None:
    space = tuple(max(n, 3 - sum(p)) for n, p in zip(space, padding, strict=True))
    case = row(space, (3, 3), *channels, padding=padding, batch=batch)
    check_row(case, "float32", EXECUTORS["by tiles"])


def test_the_environment_asks_for_plain_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSGRAD_EXACT", "1")
    assert CpuExecutor(threads=1).exact
    assert not CpuExecutor(threads=1, exact=False).exact
    monkeypatch.delenv("GLASSGRAD_EXACT")
    plain = CpuExecutor(threads=1)
    assert not plain.exact
    assert plain.with_settings({"parts": plain.parts, "exact": 1}).settings()["exact"] == 1


# ---- pooling

POOLS = [
    ((9, 8), (2, 2), (2, 2), ((0, 0), (0, 0)), 5),
    ((9, 8), (3, 3), (2, 2), ((1, 1), (1, 0)), 16),
    ((9,), (3,), (1,), ((1, 1),), 3),
    ((5, 6, 7), (2, 3, 2), (1, 2, 2), ((1, 0), (2, 2), (1, 1)), 3),
    ((5, 5), (3, 2), (4, 4), ((1, 1), (0, 1)), 1),
    ((20, 30), (16, 17), (1, 1), ((0, 0), (0, 0)), 2),
]


@pytest.mark.parametrize("space, window, strides, padding, channels", POOLS, ids=str)
@pytest.mark.parametrize("batch", [2, 0])
def test_pooling(space, window, strides, padding, channels, batch) -> None:
    rng = np.random.default_rng(0)
    how = window, strides, padding
    count = Windows(*how, (1,) * len(space)).count(space)
    x = rng.integers(-3, 4, size=(batch, *space, channels)).astype("float32")  # many ties
    if batch:
        x.flat[x.size // 3] = np.nan
    g = rng.integers(-3, 4, size=(batch, *count, channels)).astype("float32")
    dtype = "uint8" if prod(window) <= 255 else "int32"
    places = rng.integers(0, prod(window), g.shape).astype(dtype)
    executor = EXECUTORS["exact"]
    check(MaxPool(*how), [x], executor)
    check(MaxPoolTake(*how), [np.nan_to_num(x), places], executor)
    check(MaxPoolGradient(space, *how), [g, places], executor)
    check(AveragePool(*how), [np.nan_to_num(x)], executor)
    check(AveragePoolGradient(space, *how), [g], executor)


@pytest.mark.parametrize("dtype", ["float64", "int32", "uint8"])
def test_the_largest_of_other_numbers(dtype: str) -> None:
    x = np.random.default_rng(0).integers(0, 200, (2, 7, 7, 3)).astype(dtype)
    check(MaxPool((2, 2), (2, 2), ((1, 0), (0, 1))), [x], EXECUTORS["exact"])


# ---- what is computed while rows are in cache

NETWORKS = [((3, 12, 12, 16), 16, 0), ((2, 11, 9, 16), 20, 1), ((2, 7, 13, 3), 5, 1)]


def pooled_network(padding: int) -> Callable[..., list[Tensor]]:
    """Convolution, bias, relu, pooling; and the gradients of all that goes in."""
    convolution = Convolution((1, 1), ((padding, padding),) * 2, (1, 1))
    pooling = MaxPool((2, 2), (2, 2), ((0, 0), (0, 0)))

    def build(x: Tensor, kernel: Tensor, bias: Tensor) -> list[Tensor]:
        y, _ = pooling((convolution(x.relu(), kernel) + bias).relu())
        return [y, *gradients(y.square().sum(), [x, kernel, bias])]

    return build


@pytest.mark.parametrize("shape, filters, padding", NETWORKS, ids=str)
@pytest.mark.parametrize("how", EXECUTORS)
def test_what_is_pooled_is_not_stored(
    shape: tuple[int, ...], filters: int, padding: int, how: str
) -> None:
    rng = np.random.default_rng(0)
    arrays = [
        rng.normal(size=size).astype("float32")
        for size in (shape, (3, 3, shape[-1], filters), (filters,))
    ]
    inputs = placeholders(arrays)
    program = EXECUTORS[how].compile(pooled_network(padding)(*inputs), inputs)
    pooling = [
        launch
        for launch in program.plan.launches
        if any(type(node.operation) is MaxPool for node in launch.nodes)
    ]
    assert [launch.kind for launch in pooling] == [Kind.ROWS]
    assert "max(windows(" in program.describe()
    wide = [array.astype("float64") for array in arrays]
    expected, exact = (
        REFERENCE.compile(pooled_network(padding)(*ins), ins)(*values)
        for ins, values in ((placeholders(arrays), arrays), (placeholders(wide), wide))
    )
    for found, *others in zip(program(*arrays), expected, exact, strict=True):
        assert_agrees(found, *others)


def test_a_mask_of_something_else_stays_behind_the_pooling() -> None:
    rng = np.random.default_rng(0)
    x, other = (rng.normal(size=(2, 4, 4, 3)).astype("float32") for _ in range(2))
    g = rng.normal(size=(2, 2, 2, 3)).astype("float32")

    def build(x: Tensor, other: Tensor, g: Tensor) -> list[Tensor]:
        _, places = MaxPool((2, 2), (2, 2), ((0, 0), (0, 0)))(x)
        back = MaxPoolGradient((4, 4), (2, 2), (2, 2), ((0, 0), (0, 0)))(g, places)
        return [where(other > 0, back, 0.0), where(x > 0, back, 1.0), where(x > 0.5, back, 0.0)]

    inputs = placeholders([x, other, g])
    found = EXECUTORS["exact"].compile(build(*inputs), inputs)(x, other, g)
    for one, expected in zip(
        found, REFERENCE.compile(build(*inputs), inputs)(x, other, g), strict=True
    ):
        np.testing.assert_array_equal(one, expected)


@pytest.mark.parametrize("shape", [(8, 16, 16, 16), (128, 9, 1, 5), (1031, 300), (700, 3, 3)])
def test_sums_of_long_columns_are_divided(shape: tuple[int, ...]) -> None:
    """As batch normalisation needs them: of a product, then of what depends on the first sum."""

    def build(x: Tensor) -> list[Tensor]:
        axes = tuple(range(x.ndim - 1))
        apart = x - x.mean(axes, keepdims=True)
        spread = apart.square().mean(axes, keepdims=True)
        return [(apart / (spread + 1e-3).sqrt()).relu(), (x * x).sum(axes)]

    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    inputs = placeholders([x])
    program = EXECUTORS["exact"].compile(build(*inputs), inputs)
    assert any(type(n.operation) is PartialSums for ln in program.plan.launches for n in ln.nodes)
    wide = x.astype("float64")
    expected = REFERENCE.compile(build(*inputs), inputs)(x)
    wide_inputs = placeholders([wide])
    exact = REFERENCE.compile(build(*wide_inputs), wide_inputs)
    for results in zip(program(x), expected, exact(wide), strict=True):
        assert_agrees(*results)


def test_a_convolution_brings_bias_activation_and_sums_along() -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(8, 14, 14, 20)), rng.normal(size=(3, 3, 20, 24))
    arrays = [array.astype("float32") for array in (x, kernel, rng.normal(size=24))]

    def build(x: Tensor, kernel: Tensor, bias: Tensor) -> list[Tensor]:
        y = Convolution((1, 1), ((1, 1), (1, 1)), (1, 1))(x, kernel)
        return [(y + bias).relu(), y.sum((0, 1, 2))]

    inputs = placeholders(arrays)
    for executor in EXECUTORS.values():
        program = executor.compile(build(*inputs), inputs)
        kinds = [launch.kind for launch in program.plan.launches]
        assert kinds.count(Kind.ROWS) == 1
        assert Kind.LOOP not in kinds
        expected = REFERENCE.compile(build(*inputs), inputs)(*arrays)
        for found, value in zip(program(*arrays), expected, strict=True):
            np.testing.assert_allclose(found, value, atol=2e-5 * np.abs(value).max())


def test_parts_and_threads() -> None:
    """The bits do not depend on the number of threads, and little on that of the parts."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=s).astype("float32") for s in ((5, 9, 9, 16), (3, 3, 16, 16), (16,))]
    inputs = placeholders(arrays)
    outputs = pooled_network(1)(*inputs)
    one, two, seven = (
        CpuExecutor(threads, parts).compile(outputs, inputs)(*arrays)
        for threads, parts in ((1, 4), (2, 4), (1, 7))
    )
    for a, b, c in zip(one, two, seven, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, c, atol=1e-5 * np.abs(a).max())
