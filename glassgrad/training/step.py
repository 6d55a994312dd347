"""The training step as one graph: forward, loss, gradients, update, metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from glassgrad.errors import GradientError
from glassgrad.execute.executor import Executor, Program
from glassgrad.gradients import gradients
from glassgrad.graph import (
    RandomState,
    Tensor,
    TensorSpec,
    Trace,
    Variable,
    placeholder,
    scope,
    tracing,
)
from glassgrad.losses import Loss, fuse_probabilities
from glassgrad.metrics import Mean, Metric
from glassgrad.optimizers import Optimizer

__all__ = ["Steps"]


class Trainable(Protocol):
    """What a step needs of a model."""

    random: RandomState

    def __call__(self, inputs: Tensor) -> Tensor: ...

    @property
    def trainable_variables(self) -> list[Variable]: ...


@dataclass(eq=False)
class Steps:
    """The programs of a model: one for each kind of step and each shape of batch."""

    model: Trainable
    loss: Loss
    optimizer: Optimizer
    metrics: Callable[[Tensor, Tensor], list[Metric]]
    executor: Executor
    loss_tracker: Mean = field(default_factory=lambda: Mean(name="loss"))
    programs: dict[object, Program] = field(default_factory=dict)

    def train(self, specs: Sequence[TensorSpec]) -> Program:
        """One step of learning: the loss out, variables updated."""
        return self._program("train", specs, self._training_graph)

    def evaluate(self, specs: Sequence[TensorSpec]) -> Program:
        """Loss and metrics of a batch, without learning."""
        return self._program("evaluate", specs, self._evaluation_graph)

    def predict(self, specs: Sequence[TensorSpec]) -> Program:
        """The model's output."""
        return self._program("predict", specs, self._prediction_graph)

    def _program(
        self,
        kind: str,
        specs: Sequence[TensorSpec],
        build: Callable[[list[Tensor], Trace], list[Tensor]],
    ) -> Program:
        """The program for these shapes; trainable variables may have been frozen meanwhile."""
        frozen = tuple(id(variable) for variable in self.model.trainable_variables)
        key = (kind, tuple(specs), frozen)
        if key not in self.programs:
            labels = ("x", "y", "sample_weight")
            inputs = [placeholder(s.shape, s.dtype, n) for s, n in zip(specs, labels, strict=False)]
            with tracing(Trace(training=kind == "train", random=self.model.random)) as trace:
                outputs = build(inputs, trace)
            updates = trace.updates
            fused = fuse_probabilities([*outputs, *updates.values()])
            outputs = list(fused[: len(outputs)])
            updates = dict(zip(updates, fused[len(outputs) :], strict=True))
            self.programs[key] = self.executor.compile(outputs, inputs, updates)
        return self.programs[key]

    def _training_graph(self, inputs: list[Tensor], trace: Trace) -> list[Tensor]:
        objective, predictions = self._objective(inputs, trace)
        (objective,) = fuse_probabilities([objective])
        variables = self.model.trainable_variables
        slopes = gradients(objective, variables)
        if all(slope is None for slope in slopes):
            raise GradientError("The loss reaches no trainable variable: there is nothing to "
                                "learn. Is every layer frozen?")  # fmt: skip
        with scope("optimizer"):
            self.optimizer.apply(slopes, variables)
        step = self.model.random.step
        step.assign(step.tensor + 1)
        self._track(objective, predictions, inputs)
        return [objective]

    def _evaluation_graph(self, inputs: list[Tensor], trace: Trace) -> list[Tensor]:
        objective, predictions = self._objective(inputs, trace)
        self._track(objective, predictions, inputs)
        return [objective]

    def _prediction_graph(self, inputs: list[Tensor], trace: Trace) -> list[Tensor]:
        return [self.model(inputs[0])]

    def _objective(self, inputs: list[Tensor], trace: Trace) -> tuple[Tensor, Tensor]:
        """Loss and penalties, and the predictions."""
        x, y, *weights = inputs
        predictions = self.model(x)
        with scope("loss"):
            objective = self.loss(y, predictions, sample_weight=weights[0] if weights else None)
            for penalty in trace.losses:
                objective = objective + penalty
        return objective, predictions

    def _track(self, objective: Tensor, predictions: Tensor, inputs: list[Tensor]) -> None:
        """Let the loss and the metrics take the batch in; a batch counts by its examples."""
        x, y, *weights = inputs
        with scope("metrics"):
            self.loss_tracker.update_state(objective, sample_weight=float(x.shape[0]))
            for metric in self.metrics(y, predictions):
                metric.update_state(y, predictions)
