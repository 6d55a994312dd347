"""Recurrent layers: outputs, states, gradients, penalties and masks, over a table of flags."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest

from glassgrad import layers, ops
from glassgrad.graph.trees import leaves_of
from tests.keras_parity.comparison import Array, Case, Precision, evaluate, evaluate_keras
from tests.keras_parity.test_layers import require_same_weights

SIZES = ((3, 4, 2), (1, 1, 1), (2, 7, 5))


@dataclass(frozen=True)
class Row:
    """A layer with what it is called on.

    Args:
        name: what the row is about.
        make: gives the layer of a library's family.
        sizes: batch, time, features.
        is_masked: whether steps are left out.
        states: the lengths of the initial states that are handed in; none where it is empty.
    """

    name: str
    make: Callable[[Any], Any]
    sizes: tuple[int, ...] = SIZES[0]
    is_masked: bool = False
    states: tuple[int, ...] = ()

    def __str__(self) -> str:
        parts = [self.name, "x".join(map(str, self.sizes)), "masked" * self.is_masked]
        return "-".join(filter(None, [*parts, "state" * bool(self.states)]))

    def arrays(self, precision: Precision) -> list[Array]:
        rng = np.random.default_rng(0)
        shapes = [self.sizes, *((self.sizes[0], units) for units in self.states)]
        return [precision.floats(rng.normal(size=shape)) for shape in shapes]

    def options(self) -> dict[str, Any]:
        """A mask that leaves out the first step of an example, others in the middle and at the
        end, and all of the last."""
        if not self.is_masked:
            return {}
        batch, time, *_ = self.sizes
        mask = np.add.outer(np.arange(batch), np.arange(time)) % 3 != 0
        mask[-1] = batch == 1
        return {"mask": mask}


def of(name: str, **arguments: Any) -> Callable[[Any], Any]:
    return lambda family: getattr(family, name)(3, **arguments)


KINDS = {"SimpleRNN": (3,), "LSTM": (3, 3), "GRU": (3,)}
FLAGS = ("return_sequences", "return_state", "go_backwards")
PENALTIES = {
    "kernel_regularizer": "l2",
    "recurrent_regularizer": "l1",
    "bias_regularizer": "l2",
}


def rows() -> Iterator[Row]:
    for (kind, states), chosen in product(KINDS.items(), product([False, True], repeat=3)):
        flags = {flag: value for flag, value in zip(FLAGS, chosen, strict=True) if value}
        name = "-".join([kind, *flags])
        with_state = states if flags.get("return_state") else ()
        yield Row(name, of(kind, **flags), is_masked=len(flags) % 2 == 1, states=with_state)
        yield Row(name, of(kind, **flags), is_masked=len(flags) % 2 == 0)
    for kind, states in KINDS.items():
        gated = {} if kind == "SimpleRNN" else {"recurrent_activation": "hard_sigmoid"}
        for sizes in SIZES[1:]:
            yield Row(kind, of(kind, return_sequences=True), sizes)
            yield Row(kind, of(kind, return_sequences=True), sizes, True, states)
        yield Row(f"{kind}-relu", of(kind, activation="relu", **gated))
        yield Row(
            f"{kind}-gelu", of(kind, activation="gelu", return_sequences=True), is_masked=True
        )
        yield Row(f"{kind}-no-bias", of(kind, use_bias=False))
        of_output = {} if kind == "SimpleRNN" else {"activity_regularizer": "l2"}
        yield Row(f"{kind}-penalties", of(kind, **PENALTIES, **of_output))
        yield Row(f"{kind}-penalties-gelu", of(kind, activation="gelu", **PENALTIES))
        yield Row(f"{kind}-unroll", of(kind, unroll=True, return_sequences=True), is_masked=True)
        zero = of(kind, zero_output_for_mask=True, return_sequences=True, return_state=True)
        yield Row(f"{kind}-zero", zero, is_masked=True, states=states)
    yield Row("LSTM-forget", of("LSTM", unit_forget_bias=False))
    for more in ({}, {"use_bias": False}, {"activation": "gelu"}):
        name = "-".join(["GRU-before", *map(str, more.values())])
        yield Row(name, of("GRU", reset_after=False, **more), is_masked=True)
    yield from of_cells()
    yield from both_ways()
    yield from distributed()


def of_cells() -> Iterator[Row]:
    def stacked(family: Any) -> Any:
        cells = [family.LSTMCell(3), family.GRUCell(2), family.SimpleRNNCell(4)]
        return family.RNN(cells, return_sequences=True, return_state=True)

    def stepped(family: Any) -> Any:
        cells = [family.LSTMCell(3, activation="gelu"), family.GRUCell(2, reset_after=False)]
        return family.RNN(family.StackedRNNCells(cells), go_backwards=True)

    def single(family: Any) -> Any:
        return family.RNN(family.SimpleRNNCell(3), zero_output_for_mask=True)

    for is_masked in (False, True):
        yield Row("RNN-stacked", stacked, is_masked=is_masked)
        yield Row("RNN-stacked-steps", stepped, is_masked=is_masked)
        yield Row("RNN-single", single, is_masked=is_masked)


def both_ways() -> Iterator[Row]:
    def around(kind: str, mode: str | None, **flags: Any) -> Callable[[Any], Any]:
        return lambda family: family.Bidirectional(
            getattr(family, kind)(3, **flags), merge_mode=mode
        )

    for mode in ("concat", "sum", "mul", "ave", None):
        yield Row(f"Bidirectional-{mode}", around("LSTM", mode, return_sequences=True))
        yield Row(f"Bidirectional-{mode}", around("GRU", mode), is_masked=True)
    for kind, states in KINDS.items():
        flags = {"return_sequences": True, "return_state": True}
        layer = around(kind, "concat", **flags)
        yield Row(f"Bidirectional-{kind}-state", layer, is_masked=True, states=states * 2)
    other = {"go_backwards": True, "return_sequences": True}
    yield Row(
        "Bidirectional-of-two",
        lambda family: family.Bidirectional(
            family.LSTM(3, return_sequences=True), backward_layer=family.GRU(2, **other)
        ),
        is_masked=True,
    )


def distributed() -> Iterator[Row]:
    yield Row("TimeDistributed-dense", lambda family: family.TimeDistributed(family.Dense(3)))
    yield Row(
        "TimeDistributed-LSTM",
        lambda family: family.TimeDistributed(family.LSTM(3)),
        sizes=(2, 3, 4, 2),
    )
    yield Row(
        "TimeDistributed-batch",
        lambda family: family.TimeDistributed(family.BatchNormalization()),
        sizes=(5, 3, 2),
    )


ROWS = tuple(rows())
CASES = tuple(
    Case(name)
    for name in (
        *KINDS,
        *(f"{kind}Cell" for kind in KINDS),
        "RNN",
        "StackedRNNCells",
        "Bidirectional",
        "TimeDistributed",
        "Masking",
    )
)
"""The names that rows are about."""


def applied(layer: Any, library: Any, row: Row, training: bool) -> Callable[..., Any]:
    """All that a layer gives, as one vector."""

    def build(x: Any, *states: Any) -> Any:
        given: dict[str, Any] = {"initial_state": list(states)} if states else {}
        options = row.options()
        if options and library is not ops:
            options = {"mask": library.array(options["mask"])}
        outputs = layer(x, training=training, **options, **given)
        parts = [library.reshape(y, (-1,)) for y in leaves_of(outputs)]
        return library.concatenate(parts)

    return build


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_recurrent_layer_is_that_of_keras(row: Row, keras: Any, precision: Precision) -> None:
    ours, theirs = row.make(layers), row.make(keras.layers)
    if row.name.endswith("relu"):
        precision = precision.about("activations.hard_sigmoid")
    arrays = row.arrays(precision)
    shapes = [[tuple(y.shape) for y in leaves_of(layer(arrays[0]))] for layer in (ours, theirs)]
    assert shapes[0] == shapes[1]
    require_same_weights(ours, theirs)
    rng = np.random.default_rng(1)
    for weight, their_weight in zip(ours.weights, theirs.weights, strict=True):
        weight.assign(precision.floats(rng.uniform(-1, 1, weight.shape)))
        their_weight.assign(weight.numpy())
    for training in (False, True):
        build = applied(ours, ops, row, training)
        value, slopes = evaluate(build, arrays, ours.trainable_weights, training)
        their_value, their_slopes = evaluate_keras(
            applied(theirs, keras.ops, row, training),
            arrays,
            theirs.trainable_weights,
            lambda: theirs.losses,
        )
        precision.require_same(value, their_value, f"training={training}")
        for number, pair in enumerate(zip(slopes, their_slopes, strict=True)):
            precision.require_same(*pair, f"gradient {number}, training={training}")
