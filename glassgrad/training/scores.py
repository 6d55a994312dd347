"""What training reports: the mean loss, the losses of several outputs, and the metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from glassgrad import metrics as metric_family
from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor, Variable, current_trace
from glassgrad.graph.trees import flatten
from glassgrad.metrics import Mean, Metric, as_metric
from glassgrad.metrics.metric import as_number
from glassgrad.serialization import serialize
from glassgrad.training.objective import Outputs

__all__ = ["Scores", "result_of"]


@dataclass(frozen=True, eq=False)
class _Entry:
    """A metric of one output."""

    name: str  # in logs
    metric: Metric
    output: int
    is_weighted: bool


class Scores:
    """The mean loss and the metrics of a compiled model.

    What a name such as "accuracy" means is known once the shapes of targets and predictions are.

    Args:
        metrics: names, metrics or functions; every example counts the same. For several outputs a
            list or dictionary with a name or a list for each.
        weighted_metrics: the same, with examples counted by their ``sample_weight``.

    Raises:
        ArgumentError: they are no list.
        UnknownNameError: a name is unknown.
    """

    def __init__(self, metrics: Any = None, weighted_metrics: Any = None) -> None:
        self._plain = _checked("metrics", metrics)
        self._weighted = _checked("weighted_metrics", weighted_metrics)
        self.loss = Mean(name="loss")
        self._parts: dict[str, Mean] = {}
        self._entries: list[_Entry] | None = None  # once the outputs are known

    @property
    def metrics(self) -> list[Metric]:
        """The mean loss, and the metrics once data have been seen."""
        return list(self._by_name().values())

    @property
    def variables(self) -> list[Variable]:
        """The states of all of them."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def _by_name(self) -> dict[str, Metric]:
        entries = {entry.name: entry.metric for entry in self._entries or []}
        return {"loss": self.loss, **self._parts, **entries}

    def get_config(self) -> dict[str, Any]:
        """What they were made of, as plain data."""
        return {
            "metrics": serialize(self._plain),
            "weighted_metrics": serialize(self._weighted),
        }

    def update_loss(self, loss: Tensor, examples: int) -> None:
        """Take the loss of a batch in; it counts by its number of examples."""
        self.loss.update_state(loss, sample_weight=float(examples))

    def update_parts(self, parts: Mapping[str, Tensor], examples: int) -> None:
        """Take the losses of several outputs in."""
        for output, loss in parts.items():
            name = f"{output}_loss"
            self._parts.setdefault(name, Mean(name=name))
            self._parts[name].update_state(loss, sample_weight=float(examples))

    @property
    def has_names(self) -> bool:
        """Whether there are metrics besides the loss."""
        return bool(self._plain or self._weighted)

    def resolve(self, outputs: Outputs, y: Any) -> None:
        """Find out what the names of metrics mean, from tensors that are like those to come."""
        self._resolved(outputs, outputs.paired("y", y))

    def update(self, outputs: Outputs, y: Any, sample_weight: Any) -> None:
        """Let the metrics take a batch in."""
        targets = outputs.paired("y", y)
        weights = outputs.paired("sample_weight", sample_weight, one_for_all=True)
        for entry in self._resolved(outputs, targets):
            weight = {"sample_weight": weights[entry.output]} if entry.is_weighted else {}
            prediction = outputs.tensors[entry.output]
            entry.metric.update_state(targets[entry.output], prediction, **weight)

    def _resolved(self, outputs: Outputs, targets: list[Any]) -> list[_Entry]:
        if self._entries is None:
            entries = [
                *self._entries_of("metrics", self._plain, outputs, targets),
                *self._entries_of("weighted_metrics", self._weighted, outputs, targets),
            ]
            entries = _told_apart(entries)
            _require_different_names(["loss", *self._parts, *(entry.name for entry in entries)])
            self._entries = entries
        return self._entries

    def _entries_of(
        self, argument: str, identifiers: Any, outputs: Outputs, targets: list[Any]
    ) -> list[_Entry]:
        if outputs.is_single and not isinstance(identifiers, dict):
            identifiers = [identifiers]
        entries = []
        for number, given in enumerate(outputs.paired(argument, identifiers or None)):
            prefix = "" if outputs.is_single else f"{outputs.names[number]}_"
            for identifier in given if isinstance(given, list | tuple) else [given]:
                if identifier is not None:
                    metric = as_metric(identifier, targets[number], outputs.tensors[number])
                    weighted = argument == "weighted_metrics"
                    entries.append(_Entry(prefix + metric.name, metric, number, weighted))
        return entries

    def reset(self) -> None:
        """Forget what was seen."""
        for metric in self.metrics:
            metric.reset_state()

    def results(self) -> dict[str, Any]:
        """Loss and metrics over what was seen since the last reset."""
        return {name: result_of(metric) for name, metric in self._by_name().items()}


def result_of(metric: Metric) -> Any:
    """A float or an array of its own; inside a trace a tensor."""
    result = metric.result()
    return result if current_trace() is not None else as_number(result)


def _told_apart(entries: list[_Entry]) -> list[_Entry]:
    """A weighted metric beside the same one without weights is called so."""
    plain = {entry.name for entry in entries if not entry.is_weighted}
    return [
        replace(entry, name=f"weighted_{entry.name}")
        if entry.is_weighted and entry.name in plain
        else entry
        for entry in entries
    ]


def _require_different_names(names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ArgumentError(
            "Metrics must have different names, and none is 'loss'. Got "
            f"{twice[0]!r} twice; give one of them a name=."
        )


def _is_one_metric(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "class_name" in value
    return not isinstance(value, list | tuple)


def _checked(argument: str, identifiers: Any) -> Any:
    """Names that are known, so that a misspelt one is told at once."""
    if identifiers is None:
        return []
    if not isinstance(identifiers, list | tuple | dict):
        raise ArgumentError(
            f"{argument} must be a list, such as ['accuracy']. Got {identifiers!r}."
        )
    for identifier in flatten(identifiers, is_leaf=_is_one_metric)[0]:
        if not (isinstance(identifier, str) and identifier.lower() in RESOLVED_BY_SHAPE):
            metric_family.get(identifier)
    return identifiers


# What these mean is known once the shapes of targets and predictions are.
RESOLVED_BY_SHAPE = ("acc", "accuracy", "ce", "crossentropy")
