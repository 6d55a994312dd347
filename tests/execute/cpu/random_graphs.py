"""Graphs made at random from a seed, to be computed by two executors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, TensorSpec, Variable, constant, placeholder, trace_graph
from glassgrad.graph.operation import Array
from glassgrad.ops import (
    argmax,
    argsort,
    broadcast_to,
    clip,
    concatenate,
    cumsum,
    expm1,
    flip,
    log1p,
    maximum,
    minimum,
    segment_sum,
    softmax,
    sort,
    stop_gradient,
    take,
    take_along_axis,
    uniform,
    where,
)
from glassgrad.ops.linear import MatMul
from glassgrad.ops.mapping import ElementwiseMap
from glassgrad.ops.movement import Pad, Transpose

# Square, one row, one column, sizes that no vector length divides, and several parts long.
SPACES = [(4, 6), (5, 5), (1, 7), (6, 1), (3, 16), (33, 20), (17, 3), (2, 2)]
LARGEST = 3000
INTEGERS = ("int32", "uint8", "uint32", "int64")

# Bounded, so that no composition leaves the range of float32.
SMOOTH: list[Callable[[Any], Any]] = [
    lambda x: x.tanh(),
    lambda x: x.sigmoid(),
    lambda x: (-x.square()).exp(),
    lambda x: (x.square() + 1).log(),
    lambda x: (x.square() + 1).sqrt(),
    lambda x: log1p(x.square()),
    lambda x: expm1(minimum(x, 1.0)),
    lambda x: (x.square() + 0.5) ** 0.7,
    lambda x: x * 0.5 + 0.25,
    lambda x: x / (1 + x.abs()),
]
SELECTING: list[Callable[[Any], Any]] = [
    lambda x: -x,
    lambda x: x.abs(),
    lambda x: x.relu(),
    lambda x: clip(x, -0.6, 0.7),
    lambda x: x.T,
    stop_gradient,
    lambda x: x.reshape(-1),
    lambda x: x.reshape(1, *x.shape),
    lambda x: x.reshape(*x.shape, 1),
    lambda x: x.reshape(x.shape[::-1]),
    lambda x: x[1:] if x.ndim and x.shape[0] > 2 else x,
]
MOVING: list[Callable[[Any], Any]] = [
    lambda x: concatenate([x, -x]),
    lambda x: concatenate([x, x, -x], axis=-1),
    lambda x: broadcast_to(x, (2, *x.shape)),
    lambda x: broadcast_to(x.reshape(*x.shape, 1), (*x.shape, 3)),
    lambda x: broadcast_to(x.reshape(*x.shape[:-1], 1, -1), (*x.shape[:-1], 2, x.shape[-1])),
    lambda x: Pad((1,) * x.ndim, (0,) * (x.ndim - 1) + (2,))(x),
    lambda x: flip(x, 0),
    lambda x: flip(x),
    lambda x: Transpose((*range(1, x.ndim), 0))(x),
    lambda x: x[..., 1:] if x.shape[-1] > 1 else x,
    lambda x: x[:-1] if x.shape[0] > 1 else x,
]
JOINING: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a.tanh() * b,
    lambda a, b: a / (1 + b.square()),
]
COMPARISONS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a < b,
    lambda a, b: a <= b,
    lambda a, b: a > b,
    lambda a, b: a >= b,
    lambda a, b: a == b,
    lambda a, b: a != b,
]


@dataclass
class RandomGraph:
    """A graph as it grows.

    ``exact`` holds tensors that every executor computes to the last bit: only such ones are
    compared with each other or turned into integers, because a rounding would decide the answer.
    """

    seed: int
    dtype: str
    steps: int
    inputs: list[Tensor] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    updates: dict[Variable, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.pool: list[Tensor] = []
        self.exact: set[object] = set()
        self.rows, self.columns = SPACES[self.rng.integers(len(SPACES))]
        self._add_leaves()
        for _ in range(self.steps):
            self._step()
        self._add_gradients()
        self._add_updates()
        self._choose_outputs()

    # ---- leaves

    def _add_leaves(self) -> None:
        r, c = self.rows, self.columns
        shapes: list[tuple[int, ...]] = [(r, c), (r, c), (c,), (r, 1), (), (c, r), (r,), (2, r, c)]
        for shape in shapes[: 4 + self.rng.integers(5)]:
            self._add_leaf(self.rng.normal(size=shape).astype(np.float32).astype(self.dtype))
        for dtype in self.rng.choice(INTEGERS, 2, replace=False):
            self._add_leaf(self.rng.integers(0, 5, (r, c)).astype(dtype))
        self._add_leaf(self.rng.integers(0, 2, (r, c)).astype(bool))

    def _add_leaf(self, array: Array) -> None:
        kind = self.rng.integers(3)
        if kind == 0:
            tensor = constant(array, array.dtype)
        elif kind == 1:
            tensor = placeholder(array.shape, array.dtype, f"x{len(self.inputs)}")
            self.inputs.append(tensor)
            self.arrays.append(array)
        else:
            name = f"v{len(self.variables)}"
            self.variables.append(Variable(array, name=name, dtype=array.dtype))
            tensor = self.variables[-1].tensor
        self._keep(tensor, exact=True)

    def _keep(self, tensor: Tensor, exact: bool) -> None:
        if tensor.size <= LARGEST:
            self.pool.append(tensor)
            if exact:
                self.exact.add(tensor.key)

    # ---- choices

    def _pick(self, kinds: str = "f", only_exact: bool = False) -> Tensor | None:
        found = [t for t in self.pool if t.dtype.kind in kinds]
        found = [t for t in found if t.key in self.exact] if only_exact else found
        if not found:
            return None
        recent = found[-4:] if self.rng.integers(3) else found
        return recent[self.rng.integers(len(recent))]

    def _pair(self, kinds: str = "f", only_exact: bool = False) -> tuple[Tensor, Tensor] | None:
        for _ in range(6):
            a, b = self._pick(kinds, only_exact), self._pick(kinds, only_exact)
            if a is not None and b is not None and _meet(a, b):
                return a, b
        return None

    def _one_of(self, functions: list[Callable[..., Any]]) -> Callable[..., Any]:
        return functions[self.rng.integers(len(functions))]

    # ---- steps

    def _step(self) -> None:
        steps = [
            self._smooth,
            self._smooth,
            self._join,
            self._join,
            self._join,
            self._select,
            self._reduce,
            self._reduce,
            self._compare,
            self._choose,
            self._multiply,
            self._multiply,
            self._count,
            self._cast,
            self._draw,
            self._normalize,
            self._move,
            self._move,
            self._index,
            self._scan,
        ]
        self._one_of(steps)()

    def _smooth(self) -> None:
        if (x := self._pick()) is not None:
            self._keep(self._one_of(SMOOTH)(x), exact=False)

    def _select(self) -> None:
        if (x := self._pick()) is not None and x.size:
            self._keep(self._one_of(SELECTING)(x), exact=x.key in self.exact)

    def _join(self) -> None:
        if pair := self._pair():
            self._keep(self._one_of(JOINING)(*pair), exact=False)

    def _reduce(self) -> None:
        x = self._pick()
        if x is None or not x.ndim or not x.size:
            return
        axes = [a for a in range(x.ndim) if self.rng.integers(2)] or [x.ndim - 1]
        keepdims = bool(self.rng.integers(2))
        kind = self.rng.integers(4)
        if kind == 0:
            self._keep(x.max(axes, keepdims), exact=x.key in self.exact)
        elif kind == 1:
            self._keep(x.mean(axes, keepdims), exact=False)
        else:
            self._keep(x.tanh().sum(axes, keepdims), exact=False)

    def _compare(self) -> None:
        if pair := self._pair("fiu" if self.rng.integers(2) else "f", only_exact=True):
            self._keep(self._one_of(COMPARISONS)(*pair), exact=True)

    def _choose(self) -> None:
        condition, pair = self._pick("b"), self._pair()
        if condition is not None and pair and _meet(condition, *pair):
            exact = all(x.key in self.exact for x in pair)
            self._keep(where(condition, *pair), exact=exact)
            self._keep(maximum(*pair), exact=exact)

    def _multiply(self) -> None:
        matrices = [t for t in self.pool if t.dtype.kind == "f" and t.ndim == 2]
        for _ in range(8):
            a, b = (matrices[self.rng.integers(len(matrices))] for _ in range(2))
            ta, tb = (bool(self.rng.integers(2)) for _ in range(2))
            if a.shape[0 if ta else 1] == b.shape[1 if tb else 0]:
                product = MatMul(ta, tb)(a, b)
                self._keep(product.tanh() if self.rng.integers(2) else product, exact=False)
                return

    def _count(self) -> None:
        """Whole numbers: sums, products, largest places."""
        x = self._pick("biu", only_exact=True)
        if x is None or not x.ndim:
            return
        kind = self.rng.integers(4)
        if kind == 0:
            self._keep(x.sum(int(self.rng.integers(x.ndim))), exact=True)
        elif kind == 1:
            self._keep(argmax(x, -1), exact=True)
        elif kind == 2:
            self._keep(x.max(-1, keepdims=True), exact=True)
        elif x.dtype.kind != "b" and (pair := self._pair("iu", only_exact=True)):
            a, b = pair
            self._keep(maximum(a, b) + a.square() - minimum(a, b), exact=True)

    def _cast(self) -> None:
        x = self._pick("fbiu", only_exact=True)
        if x is None:
            return
        if x.dtype.kind == "f":
            self._keep(
                (x * 4).cast("int32") if self.rng.integers(2) else x.cast("bool"), exact=True
            )
        else:
            self._keep(x.cast(self.dtype), exact=x.dtype.itemsize < 4)
            self._keep(x.cast("bool"), exact=True)

    def _draw(self) -> None:
        seed, step = constant(np.uint32(self.seed), "uint32"), constant(np.uint32(3), "uint32")
        stream = int(self.rng.integers(2**31))
        drawn = uniform(seed, step, (self.rows, self.columns), stream).cast(self.dtype)
        self._keep(drawn, exact=True)
        if (x := self._pick()) is not None:
            rate = float(self.rng.choice([0.25, 0.5, 0.1]))
            kept = where(uniform(seed, step, x.shape, stream + 1) >= rate, x / (1 - rate), 0.0)
            self._keep(kept, exact=False)

    def _normalize(self) -> None:
        x = self._pick()
        if x is not None and x.ndim and x.size:
            self._keep(softmax(x), exact=False)

    def _move(self) -> None:
        x = self._pick()
        if x is None or not x.ndim:
            return
        self._keep(self._one_of(MOVING)(x), x.key in self.exact)

    def _index(self) -> None:
        """Rows by index, added up by index again, and elements along the last axis."""
        x = self._pick()
        if x is None or not x.ndim or not x.size:
            return
        rows = constant(self.rng.integers(0, x.shape[0], 5).astype(np.int32), "int32")
        exact = x.key in self.exact
        taken = take(x, rows)
        self._keep(taken, exact)
        self._keep(segment_sum(taken.tanh(), rows, x.shape[0]), exact=False)
        places = self.rng.integers(0, x.shape[-1], (*x.shape[:-1], 3)).astype(np.int32)
        self._keep(take_along_axis(x, constant(places, "int32"), -1), exact)

    def _scan(self) -> None:
        """Running sums, and order where no rounding decides it."""
        x = self._pick()
        if x is not None and x.ndim and x.size:
            axis = int(self.rng.integers(x.ndim))
            self._keep(cumsum(x.tanh(), axis, reverse=bool(self.rng.integers(2))), exact=False)
            if x.key in self.exact:
                self._keep(sort(x, axis), exact=True)
                self._keep(argsort(x, axis), exact=True)

    # ---- the end

    def _add_gradients(self) -> None:
        floats = [v for v in self.variables if v.dtype.kind == "f"]
        made = [t for t in self.pool if t.dtype.kind == "f" and t.size]
        if not floats or not self.rng.integers(2):
            return
        loss = sum((t.tanh().mean() for t in made[-3:]), start=made[-4].tanh().mean())
        self._keep(loss, exact=False)
        slopes = gradients(loss, floats)
        reached = [(v, g) for v, g in zip(floats, slopes, strict=True) if g is not None]
        for _, slope in reached:
            self._keep(slope, exact=False)
        if reached:
            self._descend(reached)

    def _descend(self, reached: list[tuple[Variable, Tensor]]) -> None:
        """A step with momentum for all variables that the loss depends on."""
        scalar = TensorSpec((), np.dtype(self.dtype))

        def body(rate: Tensor, w: Tensor, g: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
            speed = m * 0.9 + g
            return w - rate * speed, speed

        speeds = [
            Variable(np.full(v.shape, 0.5), name=f"{v.name}/m", dtype=self.dtype)
            for v, _ in reached
        ]
        parameters, slopes = zip(*reached, strict=True)
        graph = trace_graph(body, [scalar] * 4, ["rate", "w", "g", "m"])
        step = ElementwiseMap(graph, length=len(reached), shared=1)
        results = step(constant(0.1, self.dtype), *parameters, *slopes, *speeds)
        self.variables += speeds
        self.updates |= dict(zip((*parameters, *speeds), results, strict=True))

    def _add_updates(self) -> None:
        for variable in self.variables:
            fitting = [t for t in self.pool if t.spec == variable.spec]
            if variable not in self.updates and fitting and self.rng.integers(2):
                self.updates[variable] = fitting[self.rng.integers(len(fitting))]

    def _choose_outputs(self) -> None:
        used = {tensor.key for made in self.pool for tensor in made.node.inputs}
        self.outputs = [t for t in self.pool if t.key not in used]
        extra = self.rng.integers(len(self.pool), size=3)
        self.outputs += [self.pool[n] for n in extra]
        self.outputs.append(self.outputs[0].reshape(-1))


def _meet(*tensors: Tensor) -> bool:
    try:
        return bool(np.prod(np.broadcast_shapes(*(t.shape for t in tensors))) <= LARGEST)
    except ValueError:
        return False


__all__ = ["RandomGraph"]
