"""What training reports: the mean loss, and the metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from glassgrad import metrics as metric_family
from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor, Variable
from glassgrad.metrics import Mean, Metric, as_metric
from glassgrad.serialization import serialize

__all__ = ["Scores"]


class Scores:
    """The mean loss and the metrics of a compiled model.

    What a name such as "accuracy" means is known once the shapes of targets and predictions are.

    Args:
        metrics: names, metrics or functions; every example counts the same.
        weighted_metrics: the same, with examples counted by their ``sample_weight``.

    Raises:
        ArgumentError: they are no list.
        UnknownNameError: a name is unknown.
    """

    def __init__(
        self, metrics: Sequence[Any] | None = None, weighted_metrics: Sequence[Any] | None = None
    ) -> None:
        self._plain_names = _checked("metrics", metrics)
        self._weighted_names = _checked("weighted_metrics", weighted_metrics)
        self.loss = Mean(name="loss")
        self._plain: list[Metric] = []
        self._weighted: list[Metric] = []
        self._resolved = False

    @property
    def metrics(self) -> list[Metric]:
        """The mean loss, and the metrics once data have been seen."""
        return [self.loss, *self._plain, *self._weighted]

    @property
    def variables(self) -> list[Variable]:
        """The states of all of them."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def get_config(self) -> dict[str, Any]:
        """What they were made of, as plain data."""
        return {
            "metrics": [serialize(one) for one in self._plain_names],
            "weighted_metrics": [serialize(one) for one in self._weighted_names],
        }

    def update(
        self, loss: Tensor, examples: int, y: Tensor, predictions: Tensor, weights: Tensor | None
    ) -> None:
        """Take a batch in; its loss counts by its number of examples."""
        self._resolve(y, predictions)
        self.loss.update_state(loss, sample_weight=float(examples))
        for metric in self._plain:
            metric.update_state(y, predictions)
        for metric in self._weighted:
            metric.update_state(y, predictions, sample_weight=weights)

    def _resolve(self, y: Tensor, predictions: Tensor) -> None:
        if self._resolved:
            return
        plain = [as_metric(one, y, predictions) for one in self._plain_names]
        weighted = [as_metric(one, y, predictions) for one in self._weighted_names]
        names = Counter(["loss", *(metric.name for metric in (*plain, *weighted))])
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise ArgumentError(
                "Metrics must have different names, and none is 'loss'. Got "
                f"{twice[0]!r} twice; give one of them a name=."
            )
        self._plain, self._weighted, self._resolved = plain, weighted, True

    def reset(self) -> None:
        """Forget what was seen."""
        for metric in self.metrics:
            metric.reset_state()

    def results(self) -> dict[str, float]:
        """Loss and metrics over what was seen since the last reset."""
        return {metric.name: metric.result() for metric in self.metrics}


def _checked(argument: str, identifiers: Sequence[Any] | None) -> list[Any]:
    """A list whose names are known, so that a misspelt one is told at once."""
    if identifiers is None:
        return []
    if not isinstance(identifiers, list | tuple):
        raise ArgumentError(
            f"{argument} must be a list, such as ['accuracy']. Got {identifiers!r}."
        )
    for identifier in identifiers:
        if not (isinstance(identifier, str) and identifier.lower() in ("acc", "accuracy")):
            metric_family.get(identifier)
    return list(identifiers)
