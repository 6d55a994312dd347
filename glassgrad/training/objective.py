"""What a model with one output or several makes small: losses, paired with outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from glassgrad import losses
from glassgrad.errors import ArgumentError, DataError
from glassgrad.graph import Tensor
from glassgrad.graph.trees import Branch, flatten, flatten_up_to, leaves_of, map_tree
from glassgrad.losses import Loss
from glassgrad.serialization import serialize

__all__ = ["Objective", "Outputs"]


class Outputs:
    """The outputs of a model, with names, and what belongs to each of them.

    Args:
        predictions: a tensor, or a list, tuple or dictionary of tensors.
        names: what they are called; by the keys of a dictionary, else output_1, output_2, …
    """

    def __init__(self, predictions: Any, names: Sequence[str] | None = None) -> None:
        self.tensors: list[Tensor]
        self.tensors, self._structure = flatten(predictions)
        self.is_single = isinstance(predictions, Tensor)
        if names is None or len(names) != len(self.tensors):
            is_flat = isinstance(predictions, dict) and len(predictions) == len(self.tensors)
            names = (
                [str(key) for key in predictions]
                if is_flat
                else [f"output_{number + 1}" for number in range(len(self.tensors))]
            )
        self.names = list(names)

    def paired(self, what: str, tree: Any, *, one_for_all: bool = False) -> list[Any]:
        """What belongs to each output.

        Args:
            what: what it is, for messages.
            tree: by the names of the outputs in a dictionary, in their order in a list or tuple,
                nested as they are, or for the only output; ``None`` for nothing.
            one_for_all: whether a single thing may serve all outputs.

        Raises:
            ArgumentError: there are not as many as outputs, or a name is unknown.
        """
        if tree is None:
            return [None] * len(self.tensors)
        if self._is_nested and (parts := flatten_up_to(self._structure, tree)) is not None:
            return parts
        if isinstance(tree, dict):
            unknown = [key for key in tree if key not in self.names]
            if unknown:
                raise ArgumentError(
                    f"{what} must be named as the outputs are, {', '.join(self.names)}. Got "
                    f"{', '.join(map(repr, tree))}."
                )
            return [tree.get(name) for name in self.names]
        if isinstance(tree, list | tuple) and (not self.is_single or len(tree) == 1):
            if len(tree) != len(self.tensors):
                raise ArgumentError(
                    f"{what} must be as many as the outputs, {', '.join(self.names)}. Got "
                    f"{len(tree)}."
                )
            return list(tree)
        if self.is_single or one_for_all:
            return [tree] * len(self.tensors)
        raise ArgumentError(
            f"{what} must be a list or dictionary with an entry for each of the outputs, "
            f"{', '.join(self.names)}. Got {type(tree).__name__}."
        )

    @property
    def _is_nested(self) -> bool:
        """Whether there are lists or dictionaries within a list or dictionary."""
        structure = self._structure
        return isinstance(structure, Branch) and any(
            isinstance(entry, Branch) for entry in structure.entries
        )


class Objective:
    """The losses of a model's outputs, weighted and summed: L = Σ_o w_o L_o.

    Args:
        loss: a name, a loss or a function of (y_true, y_pred); for several outputs a list in
            their order or a dictionary by their names, where ``None`` leaves an output out; one
            for all of them else. ``None`` where layers add all that is to be made small.
        loss_weights: a factor for each of them, in the same way.

    Raises:
        UnknownNameError: a name is unknown.
        ArgumentError: a weight is no number.
    """

    def __init__(self, loss: Any, loss_weights: Any = None) -> None:
        self.loss = map_tree(losses.as_loss, loss, is_leaf=_is_one_loss)
        self.loss_weights = loss_weights
        for weight in leaves_of(loss_weights):
            if isinstance(weight, bool) or not isinstance(weight, Real):
                raise ArgumentError(f"loss_weights must be numbers. Got {weight!r}.")

    def get_config(self) -> dict[str, Any]:
        """Losses and weights as plain data."""
        return {
            "loss": serialize(self.loss),
            "loss_weights": serialize(self.loss_weights),
        }

    @property
    def name(self) -> str:
        """The names of the losses."""
        found = leaves_of(self.loss)
        return ", ".join(loss.name for loss in found) if found else "none"

    def losses_of(self, outputs: Outputs) -> list[Loss | None]:
        """The loss of each output.

        Raises:
            ArgumentError: there are not as many as outputs.
        """
        return outputs.paired("loss", self.loss, one_for_all=True)

    def parts(self, outputs: Outputs, y: Any, sample_weight: Any) -> dict[str, Tensor]:
        """The loss of each output that has one, by its name, before it is weighted.

        Raises:
            DataError: an output with a loss has no targets.
        """
        found = self.losses_of(outputs)
        targets = outputs.paired("y", y)
        weights = outputs.paired("sample_weight", sample_weight, one_for_all=True)
        parts: dict[str, Tensor] = {}
        rows = zip(outputs.names, outputs.tensors, found, targets, weights, strict=True)
        for name, prediction, loss, target, weight in rows:
            if loss is None:
                continue
            if target is None:
                raise DataError(
                    "A loss compares predictions with targets: pass y. Got x alone"
                    + ("." if outputs.is_single else f", or no targets for output {name!r}.")
                )
            parts[name] = loss(target, prediction, sample_weight=weight)
        return parts

    def weighted(self, outputs: Outputs, parts: Mapping[str, Tensor]) -> list[Tensor]:
        """The losses of outputs times their weights."""
        weights = outputs.paired("loss_weights", self.loss_weights)
        factors = dict(zip(outputs.names, weights, strict=True))
        return [
            part if factors[name] is None else part * float(factors[name])
            for name, part in parts.items()
        ]


def _is_one_loss(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "class_name" in value
    return not isinstance(value, list | tuple)
