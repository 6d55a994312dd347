"""Graphs made at random, to be computed by two executors.

A graph is built around one operation of the catalogue, its *subject*, on inputs from the table of
operations; they reach it by detours that change no value, and what it makes is used on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, TypeVar

import numpy as np

from glassgrad.errors import GlassgradError
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
from glassgrad.ops.scan import scan
from tests.differences import placeholders
from tests.ops.cases import CASES, REFUSED, as_float
from tests.ops.cases import Case as Row

T = TypeVar("T")

# Square, one row, one column, sizes that no vector length divides, and several parts long.
SPACES = [(4, 6), (5, 5), (1, 7), (6, 1), (3, 16), (33, 20), (17, 3), (2, 2)]
LARGEST = 3000
INTEGERS = ("int32", "uint8", "uint32", "int64")
LENGTHS = (1, 2, 3, 5, 7, 16, 19, 33, 0)
SPECIAL = (np.inf, -np.inf, np.nan, -0.0)

ROWS: dict[str, list[Row]] = {}
for _row in CASES:
    ROWS.setdefault(type(_row.build("float64")).__name__, []).append(_row)
SUBJECTS = sorted(ROWS)

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
    lambda x: broadcast_to(
        x.reshape(*x.shape[:-1], 1, x.shape[-1]), (*x.shape[:-1], 2, x.shape[-1])
    ),
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


# What makes of a tensor the same tensor.
DETOURS: list[Callable[[Tensor], Tensor]] = [
    lambda x: x,
    lambda x: x.reshape(-1).reshape(x.shape),
    lambda x: x.T.T if x.ndim == 2 else x,
    lambda x: flip(flip(x, -1), -1) if x.ndim else x,
    lambda x: (
        Transpose((*range(1, x.ndim), 0))(Transpose((x.ndim - 1, *range(x.ndim - 1)))(x))
        if x.ndim
        else x
    ),
    lambda x: concatenate([x, x])[x.shape[0] :] if x.ndim else x,
    lambda x: Pad((1,) * x.ndim, (2,) * x.ndim)(x)[(slice(1, -2),) * x.ndim] if x.ndim else x,
    lambda x: broadcast_to(x, (2, *x.shape))[1],
    lambda x: (
        take(x, constant(np.arange(x.shape[0], dtype=np.int32), "int32"))
        if x.ndim and x.size
        else x
    ),
    lambda x: (-x) * -1 if x.dtype.kind == "f" else x,
    lambda x: where(x == x, x, x),
    lambda x: maximum(x, x) if x.dtype.kind != "b" else x,
]


@dataclass
class RandomGraph:
    """A graph as it grows, the same one for the same seed, whatever its dtype.

    ``exact`` holds tensors that every executor computes to the last bit: only such ones are
    compared with each other or turned into integers, because a rounding would decide the answer.
    """

    seed: int | str
    dtype: str
    steps: int
    subject: str
    inputs: list[Tensor] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    updates: dict[Variable, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.choices = random.Random(self.seed)
        self.number = self._choose(2**31)
        self.rng = np.random.default_rng(self.number)
        self.is_special = self._choose(4) == 3
        self.pool: list[Tensor] = []
        self.exact: set[object] = set()
        self.rows, self.columns = self._one_of(SPACES)
        self._add_subject()
        self._add_leaves()
        for _ in range(self.steps):
            self._step()
        self._add_gradients()
        self._add_updates()
        self._choose_outputs()

    # ---- the subject

    def _add_subject(self) -> None:
        row = self._one_of(ROWS[self.subject])
        arrays = self._samples_of(row)
        leaves = [self._add_leaf(array) for array in arrays]
        results = row.build(self.dtype)(*map(self._by_detour, leaves))
        self.made = list(results if isinstance(results, tuple) else (results,))
        self.order = row.order
        for tensor in self.made:
            is_float = tensor.dtype.kind == "f"
            # In float64 the graph must grow as it does in float32.
            kept = tensor.cast(self.dtype) if is_float else tensor
            kept = stop_gradient(kept) if row.no_gradient == REFUSED else kept
            self._keep(kept, exact=not is_float)

    def _samples_of(self, row: Row) -> list[Array]:
        """Inputs from the table, at the edge of the domain or within; the latter of other sizes."""
        if self.is_special and row.extremes:
            edge = self._one_of(list(row.extremes))
            return [as_float(np.asarray(values), "float32") for values in edge]
        arrays = row.arrays("float32", seed=self.number)
        operation = row.build(self.dtype)
        sized = self._broadcast(arrays) if operation.is_elementwise else self._stretched(arrays)
        try:
            operation(*placeholders([as_float(array, self.dtype) for array in sized]))
        except GlassgradError:
            return arrays
        return sized

    def _broadcast(self, arrays: list[Array]) -> list[Array]:
        """The values in shapes that fit each other, as element-wise operations take them."""
        shape = tuple(self._one_of(list(LENGTHS)) for _ in range(self._choose(4)))
        shapes = [shape]
        for _ in arrays[1:]:
            ones = tuple(1 if self._choose(4) == 3 else length for length in shape)
            shapes.append(ones[self._choose(len(ones) + 1) if self._choose(2) else 0 :])
        if any(not array.size for array in arrays) or prod(shape) > LARGEST:
            return arrays
        first = self._choose(len(arrays))
        shapes[0], shapes[first] = shapes[first], shapes[0]
        return [np.resize(a, shape) for a, shape in zip(arrays, shapes, strict=True)]

    def _stretched(self, arrays: list[Array]) -> list[Array]:
        """The values in shapes where each length has another one in its place."""
        has_indices = any(array.dtype.kind in "iu" for array in arrays)
        lengths = sorted({length for array in arrays for length in array.shape})
        longer = {length: self._one_of(list(LENGTHS)) for length in lengths}
        shapes = [tuple(longer[length] for length in array.shape) for array in arrays]
        if has_indices or any(
            not array.size or prod(shape) > LARGEST
            for array, shape in zip(arrays, shapes, strict=True)
        ):
            return arrays
        return [np.resize(a, shape) for a, shape in zip(arrays, shapes, strict=True)]

    def _by_detour(self, x: Tensor) -> Tensor:
        return self._one_of(DETOURS)(self._one_of(DETOURS)(x))

    # ---- leaves

    def _add_leaves(self) -> None:
        r, c = self.rows, self.columns
        shapes: list[tuple[int, ...]] = [(r, c), (r, c), (c,), (r, 1), (), (c, r), (r,), (2, r, c)]
        for shape in shapes[: 4 + self._choose(5)]:
            values = self.rng.normal(size=shape).astype(np.float32)
            if self.is_special and self._choose(2):
                np.put(values, self.rng.integers(values.size, size=2), self._one_of(SPECIAL))
            self._add_leaf(values)
        for dtype in self.rng.choice(INTEGERS, 2, replace=False):
            self._add_leaf(self.rng.integers(0, 5, (r, c)).astype(dtype))
        self._add_leaf(self.rng.integers(0, 2, (r, c)).astype(bool))

    def _add_leaf(self, values: Array) -> Tensor:
        array = as_float(values, self.dtype)
        kind = self._choose(3)
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
        return tensor

    def _keep(self, tensor: Tensor, exact: bool) -> None:
        if tensor.size <= LARGEST:
            self.pool.append(tensor)
            if exact:
                self.exact.add(tensor.key)

    # ---- choices

    def _choose(self, count: int) -> int:
        return self.choices.randrange(count)

    def _one_of(self, values: Sequence[T]) -> T:
        return values[self._choose(len(values))]

    def _is_float(self, tensor: Tensor) -> bool:
        return tensor.dtype == np.dtype(self.dtype)

    def _pick(self, kinds: str = "f", only_exact: bool = False) -> Tensor | None:
        found = [t for t in self.pool if t.dtype.kind in kinds]
        found = [t for t in found if t.dtype.kind != "f" or self._is_float(t)]
        found = [t for t in found if t.key in self.exact] if only_exact else found
        if not found:
            return None
        return self._one_of(found[-4:] if self._choose(3) else found)

    def _pair(self, kinds: str = "f", only_exact: bool = False) -> tuple[Tensor, Tensor] | None:
        for _ in range(6):
            a, b = self._pick(kinds, only_exact), self._pick(kinds, only_exact)
            if a is not None and b is not None and _meet(a, b):
                return a, b
        return None

    # ---- steps

    def _step(self) -> None:
        steps: list[Callable[[], None]] = [
            self._smooth,
            self._smooth,
            self._join,
            self._join,
            self._join,
            self._select,
            self._reduce,
            self._reduce,
            self._compare,
            self._select_by_condition,
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
            self._loop,
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
        axes = [a for a in range(x.ndim) if self._choose(2)] or [x.ndim - 1]
        keepdims = bool(self._choose(2))
        kind = self._choose(4)
        if kind == 0:
            self._keep(x.max(axes, keepdims), exact=x.key in self.exact)
        elif kind == 1:
            self._keep(x.mean(axes, keepdims), exact=False)
        else:
            self._keep(x.tanh().sum(axes, keepdims), exact=False)

    def _compare(self) -> None:
        if pair := self._pair("fiu" if self._choose(2) else "f", only_exact=True):
            self._keep(self._one_of(COMPARISONS)(*pair), exact=True)

    def _select_by_condition(self) -> None:
        condition, pair = self._pick("b"), self._pair()
        if condition is not None and pair and _meet(condition, *pair):
            exact = all(x.key in self.exact for x in pair)
            self._keep(where(condition, *pair), exact=exact)
            self._keep(maximum(*pair), exact=exact)

    def _multiply(self) -> None:
        matrices = [t for t in self.pool if self._is_float(t) and t.ndim == 2]
        for _ in range(8 if matrices else 0):
            a, b = (matrices[self._choose(len(matrices))] for _ in range(2))
            ta, tb = (bool(self._choose(2)) for _ in range(2))
            if a.shape[0 if ta else 1] == b.shape[1 if tb else 0]:
                product = MatMul(ta, tb)(a, b)
                self._keep(product.tanh() if self._choose(2) else product, exact=False)
                return

    def _count(self) -> None:
        """Whole numbers: sums, products, largest places."""
        x = self._pick("biu", only_exact=True)
        if x is None or not x.ndim or not x.size:
            return
        kind = self._choose(4)
        if kind == 0:
            self._keep(x.sum(int(self._choose(x.ndim))), exact=True)
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
            if self.is_special:  # infinity as an integer is whatever the processor makes of it
                return
            self._keep((x * 4).cast("int32") if self._choose(2) else x.cast("bool"), exact=True)
        else:
            self._keep(x.cast(self.dtype), exact=x.dtype.itemsize < 4)
            self._keep(x.cast("bool"), exact=True)

    def _draw(self) -> None:
        seed, step = constant(np.uint32(self.number), "uint32"), constant(np.uint32(3), "uint32")
        stream = int(self._choose(2**31))
        drawn = uniform(seed, step, (self.rows, self.columns), stream).cast(self.dtype)
        self._keep(drawn, exact=True)
        if (x := self._pick()) is not None:
            rate = self._one_of([0.25, 0.5, 0.1])
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
            axis = int(self._choose(x.ndim))
            self._keep(cumsum(x.tanh(), axis, reverse=bool(self._choose(2))), exact=False)
            if x.key in self.exact:
                self._keep(sort(x, axis), exact=True)
                self._keep(argsort(x, axis), exact=True)

    def _loop(self) -> None:
        """A recurrence along the first axis."""
        x = self._pick()
        if x is None or x.ndim < 2 or not x.size:
            return

        def body(carries: Any, elements: Any, constants: Any) -> Any:
            after = (carries[0] * constants[0] + elements[0]).tanh()
            return (after,), (after * 2,)

        start = constant(np.full(x.shape[1:], 0.25), self.dtype)
        (last,), (all_of_them,) = scan(
            body, [start], [x], [constant(0.5, self.dtype)], reverse=bool(self._choose(2))
        )
        self._keep(last, exact=False)
        self._keep(all_of_them, exact=False)

    # ---- the end

    def _add_gradients(self) -> None:
        """Slopes of what the subject made and of what was made last, and slopes of these."""
        floats = [v for v in self.variables if self._is_float(v.tensor)]
        last = [t for t in self.pool[-3:] if self._is_float(t)]
        made = [t.cast(self.dtype) for t in self.made if t.dtype.kind == "f" and self.order]
        if not floats or not last + made or not self._choose(3):
            return
        reached = self._slopes([*made, *(t.tanh() for t in last)], floats)
        if self.order == 2 and self._choose(2):
            self._slopes([slope for _, slope in reached], floats)
        if reached and not self.is_special:
            self._descend(reached)

    def _slopes(
        self, tensors: Sequence[Tensor], variables: Sequence[Variable]
    ) -> list[tuple[Variable, Tensor]]:
        """The gradients of a weighted sum, for those variables that it depends on."""
        weighted = [
            (t * constant(self.rng.uniform(0.5, 1, t.shape), self.dtype)).mean()
            for t in tensors
            if t.size
        ]
        if not weighted:
            return []
        loss = sum(weighted[1:], start=weighted[0])
        self._keep(loss, exact=False)
        slopes = gradients(loss, variables)
        reached = [(v, g) for v, g in zip(variables, slopes, strict=True) if g is not None]
        for _, slope in reached:
            self._keep(slope, exact=False)
        return reached

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
            if variable not in self.updates and fitting and self._choose(2):
                self.updates[variable] = fitting[self._choose(len(fitting))]

    def _choose_outputs(self) -> None:
        used = {tensor.key for made in self.pool for tensor in made.node.inputs}
        self.outputs = [t for t in self.pool if t.key not in used]
        self.outputs += [*self.made, *(self._one_of(self.pool) for _ in range(3))]
        self.outputs.append(self.outputs[0].reshape(-1))


def large_graph(number: int) -> RandomGraph:
    """The graph of that number in an endless row, in which subjects take turns."""
    return RandomGraph(number, "float32", 14, SUBJECTS[7 * number % len(SUBJECTS)])


def _meet(*tensors: Tensor) -> bool:
    try:
        return bool(np.prod(np.broadcast_shapes(*(t.shape for t in tensors))) <= LARGEST)
    except ValueError:
        return False


__all__ = ["SUBJECTS", "RandomGraph", "large_graph"]
