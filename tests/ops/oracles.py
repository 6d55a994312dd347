"""Second opinions: what each operation must compute, by PyTorch or by plain loops.

Nothing here shares code with the package. An oracle gets NumPy arrays and gives one, or a tuple.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import scipy.special
import torch

Array = np.ndarray[Any, Any]
Oracle: TypeAlias = Callable[..., Any]


def by_torch(function: Callable[..., Any]) -> Oracle:
    """Let PyTorch compute it."""

    def oracle(*arrays: Array) -> Any:
        result = function(*(torch.tensor(np.array(array)) for array in arrays))
        if isinstance(result, torch.Tensor):
            return result.detach().numpy()
        return tuple(tensor.detach().numpy() for tensor in result)

    return oracle


def torch_gradients(function: Callable[..., Any], x: Any, *gradients: Any) -> Any:
    """The gradient of x, where the outputs of ``function`` have the given gradients."""
    x = x.clone().requires_grad_()
    outputs = function(x)
    outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
    (slope,) = torch.autograd.grad(outputs, [x], gradients)
    return slope


def by_element(function: Callable[..., float]) -> Oracle:
    """Let Python compute one element after the other."""

    def oracle(*arrays: Array) -> Array:
        spread = np.broadcast_arrays(*arrays)
        values = [
            function(*(x.item() for x in row)) for row in zip(*map(np.ravel, spread), strict=True)
        ]
        return np.array(values).reshape(spread[0].shape)

    return oracle


def lines(x: Array, axes: Sequence[int]) -> Iterator[tuple[tuple[int, ...], list[Any]]]:
    """For each element of the reduced array, with axes of length 1, what is reduced into it."""
    kept = tuple(1 if axis in axes else length for axis, length in enumerate(x.shape))
    for index in np.ndindex(kept):
        ranges = (range(n) if a in axes else [index[a]] for a, n in enumerate(x.shape))
        yield index, [x[place].item() for place in product(*ranges)]


def product(*ranges: Any) -> Iterator[tuple[int, ...]]:
    if not ranges:
        yield ()
        return
    for first in ranges[0]:
        for rest in product(*ranges[1:]):
            yield (first, *rest)


def by_line(function: Callable[[list[Any]], Any], axes: Sequence[int], keepdims: bool) -> Oracle:
    """Let Python reduce the elements along axes, one line after the other."""

    def oracle(x: Array) -> Array:
        kept = tuple(1 if axis in axes else length for axis, length in enumerate(x.shape))
        result = np.zeros(kept)
        for index, values in lines(x, axes):
            result[index] = function(values)
        gone = tuple(n for a, n in enumerate(kept) if a not in axes)
        return result if keepdims else result.reshape(gone)

    return oracle


def sign(x: float) -> float:
    return x if math.isnan(x) else (x > 0) - (x < 0)


def heaviside(x: float) -> float:
    return x if math.isnan(x) else float(x >= 0)


def erf(x: float) -> float:
    return float(scipy.special.erf(x))


def average(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def standardized(x: Any, axes: tuple[int, ...], epsilon: float) -> Any:
    """PyTorch: what has mean 0 and variance 1 over axes, and the mean and variance before."""
    mean = torch.mean(x, axes, keepdim=True)
    variance = torch.var(x, axes, correction=0, keepdim=True)
    return (x - mean) / torch.sqrt(variance + epsilon), mean, variance


def first_largest(values: list[float]) -> int:
    best = 0
    for place, value in enumerate(values):
        if value > values[best]:
            best = place
    return best


def first_least(values: list[float]) -> int:
    return first_largest([-value for value in values])


def running_sums(axis: int, reverse: bool) -> Oracle:
    def oracle(x: Array) -> Array:
        sums, total = np.zeros_like(x), 0
        places = range(x.shape[axis])
        for place in reversed(places) if reverse else places:
            at = tuple(place if n == axis else slice(None) for n in range(x.ndim))
            total = total + x[at]
            sums[at] = total
        return sums

    return oracle


def order(axis: int, descending: bool) -> Oracle:
    """Python's own sort, which keeps the order of equal elements."""

    def of_line(line: Array) -> list[int]:
        return sorted(
            range(len(line)), key=lambda place: -line[place] if descending else line[place]
        )

    return lambda x: np.apply_along_axis(of_line, axis, x)


def added_along(axis: int, length: int) -> Oracle:
    def oracle(x: Array, indices: Array) -> Array:
        sums = np.zeros((*x.shape[:axis], length, *x.shape[axis + 1 :]))
        for place in np.ndindex(x.shape):
            sums[(*place[:axis], indices[place], *place[axis + 1 :])] += x[place]
        return sums

    return oracle


def rows_by_index(x: Array, indices: Array) -> Array:
    picked = [x[i] for i in indices.ravel().tolist()]
    return np.array(picked, x.dtype).reshape(*indices.shape, *x.shape[1:])


def added_rows(count: int) -> Oracle:
    def oracle(x: Array, indices: Array) -> Array:
        sums = np.zeros((count, *x.shape[indices.ndim :]))
        for place in np.ndindex(indices.shape):
            sums[indices[place]] = sums[indices[place]] + x[place]
        return sums

    return oracle


def marked(classes: int) -> Oracle:
    def oracle(labels: Array) -> Array:
        rows = [[float(label == c) for c in range(classes)] for label in labels.ravel().tolist()]
        return np.array(rows).reshape(*labels.shape, classes)

    return oracle


# ---- random numbers, in Python's integers

MASK = 0xFFFFFFFF


def threefry_words(key: tuple[int, int], counter: tuple[int, int]) -> tuple[int, int]:
    """Threefry-2x32-20, written from the paper: 20 rounds, a key injection after every fourth."""
    schedule = [key[0], key[1], 0x1BD11BDA ^ key[0] ^ key[1]]
    x0, x1 = (counter[0] + schedule[0]) & MASK, (counter[1] + schedule[1]) & MASK
    for number, rotation in enumerate([13, 15, 26, 6, 17, 29, 16, 24] * 2 + [13, 15, 26, 6]):
        x0 = (x0 + x1) & MASK
        x1 = ((x1 << rotation | x1 >> (32 - rotation)) & MASK) ^ x0
        if number % 4 == 3:
            injection = number // 4 + 1
            x0 = (x0 + schedule[injection % 3]) & MASK
            x1 = (x1 + schedule[(injection + 1) % 3] + injection) & MASK
    return x0, x1


def uniform(
    seed: Any, step: Any, *, stream: int, shape: tuple[int, ...], dtype: str = "float32"
) -> Array:
    """What ``uniform`` means in the plain notation: 24 bits for float32, 53 for float64."""
    numbers = []
    for index in range(math.prod(shape)):
        high, low = threefry_words((int(seed), stream), (int(step), index))
        word = high << 32 | low
        numbers.append(
            (word >> 40) / 2**24
            if dtype == "float32"
            else ((word >> 37) * 2**26 + ((word & MASK) >> 6)) / 2**53
        )
    return np.array(numbers, dtype).reshape(shape)


def normal(
    seed: Any, step: Any, *, stream: int, shape: tuple[int, ...], limit: float = math.inf
) -> Array:
    """The quantile of each uniform number, taken in the middle of its step."""
    drawn = uniform(seed, step, stream=stream, shape=shape, dtype="float64")
    numbers = drawn + 2.0**-54
    low, high = scipy.special.ndtr(-limit), scipy.special.ndtr(limit)
    return np.asarray(scipy.special.ndtri(low + numbers * (high - low)))


def dropout(rate: float, stream: int) -> Oracle:
    def oracle(x: Array, seed: Array, step: Array) -> Array:
        drawn = uniform(seed, step, stream=stream, shape=x.shape, dtype=str(x.dtype))
        kept = [
            v / (1 - rate) if u >= rate else 0.0 for v, u in zip(x.flat, drawn.flat, strict=True)
        ]
        return np.array(kept).reshape(x.shape)

    return oracle


# ---- loops and lists


def recurrence(reverse: bool = False) -> Oracle:
    """h' = tanh(h W + e), with the result 2 h' of each step: a scan with carried state."""

    def oracle(start: Array, elements: Array, weights: Array) -> tuple[Array, ...]:
        state, results, history = start.tolist(), [], []
        places = range(len(elements))
        for place in reversed(places) if reverse else places:
            history.append(state)
            state = [
                math.tanh(sum(h * w for h, w in zip(state, column, strict=True)) + e)
                for column, e in zip(
                    zip(*weights.tolist(), strict=True), elements[place].tolist(), strict=True
                )
            ]
            results.append([2 * h for h in state])
        if reverse:
            results.reverse()
            history.reverse()
        shape = (len(elements), *start.shape)
        return np.array(state), np.array(results).reshape(shape), np.array(history).reshape(shape)

    return oracle


def squares(*lists: Array) -> tuple[Array, ...]:
    """w' = w - g for two parameters, and the sums of g² and of (w g)², number by number."""
    pairs = list(zip(lists[:2], lists[2:], strict=True))
    numbers = [pair for w, g in pairs for pair in zip(w.flat, g.flat, strict=True)]
    moved = [by_element(lambda w, g: w - g)(*pair) for pair in pairs]
    sums = math.fsum(g * g for _, g in numbers), math.fsum((w * g) ** 2 for w, g in numbers)
    return (*moved, *(np.array(one) for one in sums))


def momentum(rate: Array, *lists: Array) -> tuple[Array, ...]:
    """v' = 0.9 v - rate g and w' = w + v', for two parameters, element by element."""
    (w0, w1, g0, g1, v0, v1), eta = lists, rate.item()
    speed = [by_element(lambda v, g: 0.9 * v - eta * g)(v, g) for v, g in ((v0, g0), (v1, g1))]
    moved = [by_element(lambda w, v: w + v)(w, v) for w, v in ((w0, speed[0]), (w1, speed[1]))]
    return (*moved, *speed)
