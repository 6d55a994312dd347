"""What repair works with: the examples to learn from, those held out, and the task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, DataError
from glassgrad.graph import Tensor, Variable
from glassgrad.graph.operation import Array
from glassgrad.graph.trees import leaves_of, map_tree
from glassgrad.layers.layer import holds_numbers
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.task import Task
from glassgrad.training.data import ArrayData, as_data
from glassgrad.training.streams import gives_batches

__all__ = ["Refused", "Ward", "defined_for", "ward_for"]

HELD_OUT = 0.2  # of the examples, where no others are given for validation
MOST_HELD_OUT = 2_000
LEAST_EXAMPLES = 10
PARTS = ("learning", "held_out", "whole")
FEW = 8  # examples that show what is wrong with them
MOST_LEFT_OUT = 0.2  # of the examples, because their numbers are not finite


class Refused(Exception):  # noqa: N818 -- no error: what a remedy answers that does not apply
    """Why a remedy does not apply."""


@dataclass(frozen=True)
class Ward:
    """The examples that repair works with.

    Args:
        learning: to learn from in trials.
        held_out: to judge by.
        whole: to learn from in the end: with what was held out of it for the trials.
        task: what the targets ask for.
        left_out: how many examples were left out because their numbers are not finite, or those
            that the network makes of them.
        undefined: some of these last ones; ``None`` where there are none.
    """

    learning: ArrayData
    held_out: ArrayData
    whole: ArrayData
    task: Task
    left_out: int = 0
    undefined: ArrayData | None = None

    @property
    def examples(self) -> int:
        """How many there are to learn from in trials."""
        return len(self.learning)

    def steps_of(self, regimen: Regimen) -> int:
        """How many steps a full run has."""
        return regimen.epochs * -(-self.examples // regimen.batch_size)


def ward_for(data: Any, validation_data: Any, loss: str, batch_size: int, seed: int) -> Ward:
    """Examples checked, and divided where none are given for validation.

    Args:
        data: (x, y), (x, y, sample_weight), or ``ArrayData``.
        validation_data: the same, or ``None``.
        loss: the name of the loss.
        batch_size: examples a step; what remains to learn from is a multiple of it, where there
            are enough, so that all steps are alike.
        seed: decides what is held out.

    Raises:
        ArgumentError: the data come as a stream, or have no targets.
        DataError: there are too few examples, or too many with numbers that are not finite.
    """
    whole, left_out = _finite(_arrays("data", data))
    task = Task.of(whole.y, loss)
    if validation_data is not None:
        held_out, _ = _finite(_arrays("validation_data", validation_data))
        return Ward(whole, held_out, whole, task, left_out)
    if len(whole) < LEAST_EXAMPLES:
        raise DataError(
            f"Repair holds some examples out to judge by, and needs {LEAST_EXAMPLES} at least. "
            f"Got {len(whole)}; pass more, or validation_data."
        )
    order = np.random.default_rng(seed).permutation(len(whole))
    count = max(1, min(round(HELD_OUT * len(whole)), MOST_HELD_OUT))
    beyond = (len(whole) - count) % batch_size
    count += beyond if beyond < count else 0
    learning, held_out = whole.part(np.sort(order[count:])), whole.part(np.sort(order[:count]))
    return Ward(learning, held_out, whole, task, left_out)


def defined_for(ward: Ward, predict: Callable[[Any], Any]) -> Ward:
    """The examples without the few for which a network gives no number: the logarithm of 0, say.

    Args:
        ward: its numbers are finite.
        predict: what the network says before it is trained.
    """
    bad = {name: _bad_rows(predict(getattr(ward, name).x)) for name in PARTS}
    share = bad["whole"].mean()
    if not 0 < share <= MOST_LEFT_OUT or any(rows.all() for rows in bad.values()):
        return ward
    kept = {name: getattr(ward, name).part(np.flatnonzero(~rows)) for name, rows in bad.items()}
    return replace(
        ward,
        **kept,
        left_out=ward.left_out + int(bad["whole"].sum()),
        undefined=ward.whole.part(np.flatnonzero(bad["whole"])[:FEW]),
    )


def _arrays(name: str, data: Any) -> ArrayData | tuple[Any, Any, Any]:
    if isinstance(data, ArrayData):
        return data
    if gives_batches(data):
        raise ArgumentError(
            f"Repair trains a network several times on the same examples, so {name} must be "
            f"arrays: (x, y). Got {type(data).__name__}, which gives batches; put some thousand "
            "examples of it together with numpy.concatenate."
        )
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise ArgumentError(
            f"{name} must be (x, y) or (x, y, sample_weight). Got {type(data).__name__}."
        )
    x, y, weights = (*data, None)[:3]
    return x, y, weights


def _finite(data: ArrayData | tuple[Any, Any, Any]) -> tuple[ArrayData, int]:
    """The examples without those whose numbers are not finite, and how many these are."""
    x, y, weights = (data.x, data.y, data.weights) if isinstance(data, ArrayData) else data
    if y is None:
        raise ArgumentError("Repair needs targets: data must be (x, y). Got x alone.")
    try:
        return as_data(x, y, weights), 0
    except DataError:
        bad = _bad_rows((x, y, weights))
        if not bad.any():
            raise
    if bad.mean() > MOST_LEFT_OUT:
        raise DataError(
            f"{int(bad.sum())} of {bad.size} examples hold NaN or infinity: too many to be left "
            "out. Fill them in, or leave the columns out that have them."
        )
    rows = np.flatnonzero(~bad)
    tree = map_tree(_plain, (x, y, weights), is_leaf=holds_numbers)
    return as_data(*map_tree(lambda array: array[rows], tree)), int(bad.sum())


def _plain(value: Any) -> Any:
    if value is None:
        return None
    return value.numpy() if isinstance(value, Tensor | Variable) else np.asarray(value)


def _bad_rows(tree: Any) -> Array:
    """Which examples hold numbers that are not finite; none where something else is wrong."""
    none = np.zeros(1, bool)
    try:
        arrays = leaves_of(map_tree(_plain, tree, is_leaf=holds_numbers))
    except (TypeError, ValueError):
        return none
    if any(array.dtype.kind not in "biuf" or not array.ndim for array in arrays):
        return none
    if len({len(array) for array in arrays}) > 1:
        return none
    bad = [~np.isfinite(array).reshape(len(array), -1).all(axis=1) for array in arrays]
    found: Array = np.any(bad, axis=0)
    return found


def inputs_of(x: Any) -> Sequence[Array]:
    """The arrays of inputs, in order."""
    return [np.asarray(leaf) for leaf in leaves_of(x)]
