"""Layers that turn numbers into categories, and categories into numbers that can be learnt from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad import ops
from glassgrad.errors import ArgumentError, NotBuiltError
from glassgrad.graph import Tensor, Variable, as_tensor, constant, current_trace
from glassgrad.graph.operation import Array
from glassgrad.layers.fitting import batches_of, finite
from glassgrad.layers.layer import Layer, Shape, register, require_count

__all__ = ["CategoryEncoding", "Discretization", "encoded", "require_mode"]


def encoded(
    tokens: Tensor, mode: str, depth: int, dtype: np.dtype[Any], weights: Tensor | None = None
) -> Tensor:
    """Categories as rows of numbers.

    Args:
        tokens: integers in [0, depth), of shape (…, k).
        mode: "int" leaves them; "one_hot" gives (…, k, depth), or (…, depth) where k is 1;
            "multi_hot" gives (…, depth) with 1 for each category that is among the k, and "count"
            how often it is.
        depth: how many categories there are.
        dtype: of the result.
        weights: how much each token counts for "count".
    """
    if mode == "int":
        return tokens
    if not tokens.ndim:
        tokens = tokens.reshape(1)
    if mode == "one_hot" and tokens.ndim > 1 and tokens.shape[-1] == 1:
        tokens = tokens.reshape(tokens.shape[:-1])
    hits = ops.one_hot(tokens, depth, str(dtype))
    if mode == "one_hot":
        return hits
    if weights is not None:
        hits = hits * weights.reshape((*weights.shape, 1))
    return ops.max(hits, axis=-2) if mode == "multi_hot" else ops.sum(hits, axis=-2)


@register()
class CategoryEncoding(Layer):
    """Integers as rows of zeros and ones.

    Args:
        num_tokens: how many categories there are; they are numbered from 0.
        output_mode: "multi_hot", a row with 1 for each category of the example; "one_hot", a row
            for each number; "count", a row that says how often each category is there.
        sparse: accepted as in Keras; only False.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes:
        (batch, k) gives (batch, num_tokens); with "one_hot" (batch, k, num_tokens), and
        (batch, num_tokens) where k is 1. One axis more is in both.

    Raises:
        ArgumentError: num_tokens is no positive integer, the mode is unknown, or weights of counts
            are given to another mode.
        ExecutionError: while a program runs, a number is outside [0, num_tokens).

    Example:
        >>> CategoryEncoding(3)([[0, 2], [1, 1]]).numpy()
        array([[1., 0., 1.],
               [0., 1., 0.]], dtype=float32)
        >>> CategoryEncoding(3, "count")([[0, 2], [1, 1]]).numpy()
        array([[1., 0., 1.],
               [0., 2., 0.]], dtype=float32)
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_tokens = require_count("num_tokens", num_tokens)
        modes = ("multi_hot", "one_hot", "count")
        self.output_mode = require_mode(
            "multi_hot" if output_mode == "binary" else output_mode, modes
        )
        self.sparse = _dense(sparse)

    def call(self, inputs: Tensor, count_weights: Any = None) -> Tensor:
        if count_weights is not None and self.output_mode != "count":
            raise ArgumentError(
                f"count_weights belong to output_mode='count'. Got output_mode="
                f"{self.output_mode!r}."
            )
        weights = None if count_weights is None else as_tensor(count_weights).cast(self.dtype)
        tokens = inputs if inputs.dtype.kind in "iu" else inputs.cast("int32")
        # Looking every number up in the list of all of them refuses those that are not there.
        known = ops.take(constant(np.arange(self.num_tokens), "int32"), tokens)
        return encoded(known, self.output_mode, self.num_tokens, self.dtype, weights)


@register()
class Discretization(Layer):
    """Numbers as the bins that they lie in: y = i where b_i <= x < b_i+1, counted from 0.

    Args:
        bin_boundaries: the boundaries between bins, rising; n of them make n + 1 bins.
        num_bins: how many bins ``adapt`` makes of the data, all with about as many examples.
        epsilon: how exact the boundaries are that ``adapt`` finds, as a part of the examples.
        output_mode: "int", the number of the bin; or "one_hot", "multi_hot" or "count" as in
            ``CategoryEncoding``.
        sparse: accepted as in Keras; only False.
        dtype: of the layer, see ``Layer``.
        name: what it is called.

    Raises:
        ArgumentError: not exactly one of bin_boundaries and num_bins is given, the boundaries do
            not rise or are not finite, num_bins is below 2, epsilon outside (0, 1), or the mode is
            unknown.
        NotBuiltError: on the call, there are no boundaries yet.

    Example:
        >>> Discretization([0.0, 10.0])([[-3.0, 0.0, 9.9, 10.0]]).numpy()
        array([[0, 1, 1, 2]], dtype=int32)
        >>> quarters = Discretization(num_bins=4)
        >>> quarters.adapt([float(n) for n in range(100)])
        >>> quarters.bin_boundaries
        [24.0, 49.0, 74.0]
    """

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if (bin_boundaries is None) == (num_bins is None):
            raise ArgumentError(
                "Either bin_boundaries or num_bins must be given. "
                f"Got bin_boundaries={bin_boundaries!r} and num_bins={num_bins!r}."
            )
        self._given = None if bin_boundaries is None else _rising(bin_boundaries)
        self.num_bins = None if num_bins is None else require_count("num_bins", num_bins, 2)
        self.epsilon = _part("epsilon", epsilon)
        self.output_mode = require_mode(output_mode, ("int", "one_hot", "multi_hot", "count"))
        self.sparse = _dense(sparse)
        self._learnt: Variable | None = None

    def build(self, input_shape: Shape) -> None:
        if self.num_bins is not None:
            self._learnt = self.add_weight(
                (self.num_bins - 1,), _unknown, trainable=False, name="bin_boundaries"
            )

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the boundaries from the quantiles of the data; those before are forgotten.

        Args:
            data: an array, or an iterable of batches.
            steps: how many batches to take; all by default.

        Raises:
            ArgumentError: the boundaries were given, or the data are nothing of these.
            DataError: there are no examples, or something else than finite numbers.
        """
        if self.num_bins is None:
            raise ArgumentError(
                f"Layer {self.name!r} was given its boundaries, so there is nothing to adapt. Pass "
                "num_bins instead."
            )
        most = None if steps is None else require_count("steps", steps)
        summary = np.zeros((2, 0))
        for number, batch in enumerate(batches_of(data)):
            if number == most:
                break
            found = _summary(finite(self.name, batch), self.epsilon)
            joined = np.concatenate([summary, found], axis=1)
            order = np.argsort(joined[0], kind="stable")
            summary = _compressed(joined[:, order], self.epsilon)
        if not self.built:
            self.build((None,))
        boundaries = np.full(self.num_bins - 1, math.inf)  # fewer values than bins leave some empty
        quantiles = _compressed(summary, 1 / self.num_bins)[0, :-1]
        boundaries[: len(quantiles)] = quantiles
        if self._learnt is not None:
            self._learnt.assign(boundaries)

    @property
    def bin_boundaries(self) -> list[float] | None:
        """The boundaries, given or learnt; ``None`` before they are."""
        if self._given is not None:
            return self._given
        if self._learnt is None or not self._is_fitted():
            return None
        values = self._learnt.numpy()
        return [float(value) for value in values[np.isfinite(values)]]

    def call(self, inputs: Tensor) -> Tensor:
        x = inputs.cast(self.dtype)
        boundaries = self._boundaries()
        passed = ops.greater_equal(x.reshape((*x.shape, 1)), boundaries)
        bins = ops.sum(passed.cast("int32"), axis=-1)
        return encoded(bins, self.output_mode, boundaries.size + 1, self.dtype)

    def _argument(self, name: str) -> Any:
        return self._given if name == "bin_boundaries" else super()._argument(name)

    def _boundaries(self) -> Tensor:
        if self._learnt is None:
            return constant(self._given, self.dtype)
        trace = current_trace()
        if trace is not None and trace.runs and not self._is_fitted():
            raise NotBuiltError(
                f"Layer {self.name!r} has no boundaries yet: call adapt(data) with the training "
                "data before the model is used, or pass bin_boundaries."
            )
        return self._learnt.tensor

    def _is_fitted(self) -> bool:
        return self._learnt is not None and not np.isnan(self._learnt.numpy()).any()


def _unknown(shape: Sequence[int], dtype: Any = None) -> Array:
    """How boundaries begin that are still to be learnt."""
    return np.full(shape, math.nan, dtype)


def _summary(values: Array, epsilon: float) -> Array:
    """Some of the values in order, a part epsilon apart, and for how many each of them stands."""
    ordered = np.sort(values, axis=None)
    step = max(ordered.size * epsilon, 1.0)
    chosen = ordered[int(step - 1) :: int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])


def _compressed(summary: Array, epsilon: float) -> Array:
    """As many values as epsilon asks for, at equal parts of the whole, between those there are."""
    values, weights = summary
    if len(values) * epsilon < 1:
        return summary
    parts = np.arange(1, math.ceil(1 / epsilon - 1e-9) + 1) * epsilon
    sums = np.cumsum(weights)
    shares = sums / sums[-1]
    stands_for = np.diff(np.interp(parts, shares, sums), prepend=0.0)
    return np.stack([np.interp(parts, shares, values), stands_for])


def _rising(boundaries: Any) -> list[float]:
    try:
        array = np.asarray(boundaries, np.float64)
    except (TypeError, ValueError):
        array = np.array(math.nan)
    is_list = array.ndim == 1 and array.size > 0 and np.isfinite(array).all()
    if not is_list or (np.diff(array) <= 0).any():
        raise ArgumentError(
            f"bin_boundaries must be a list of finite numbers that rise. Got {boundaries!r}."
        )
    numbers: list[float] = array.tolist()
    return numbers


def _part(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or not 0 < value < 1:
        raise ArgumentError(f"{name} must lie in (0, 1). Got {value!r}.")
    return float(value)


def require_mode(mode: Any, modes: tuple[str, ...]) -> str:
    """The name of an output mode.

    Raises:
        ArgumentError: it is none of these.
    """
    if mode not in modes:
        raise ArgumentError(f"output_mode must be one of {', '.join(modes)}. Got {mode!r}.")
    return str(mode)


def _dense(sparse: Any) -> bool:
    if sparse:
        raise ArgumentError(f"sparse must be False: all tensors are dense. Got {sparse!r}.")
    return False
