"""The training step as one graph: forward, loss, gradients, update, metrics."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

import numpy as np

from glassgrad.errors import ArgumentError
from glassgrad.execute.executor import PROGRAMS, Executor, Program, Shapes, shapes_of
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
from glassgrad.graph.operation import Array
from glassgrad.losses import Loss, fuse_probabilities
from glassgrad.ops.loss import Softmax
from glassgrad.optimizers import Optimizer
from glassgrad.training.data import ArrayData
from glassgrad.training.scores import Scores
from glassgrad.training.targets import checked_targets

__all__ = ["Step", "Steps", "predictions_of", "specs_of"]

FREEZINGS = 4  # combinations of frozen layers whose programs are kept

Build: TypeAlias = Callable[[list[Tensor], Trace], list[Tensor]]


class Trainable(Protocol):
    """What a step needs of a model."""

    random: RandomState

    def __call__(self, inputs: Tensor) -> Tensor: ...

    @property
    def trainable_variables(self) -> list[Variable]: ...

    def trainability(self) -> tuple[object, ...]: ...


def specs_of(arrays: Sequence[Array]) -> tuple[TensorSpec, ...]:
    """Shape and dtype of arrays."""
    return tuple(TensorSpec(array.shape, array.dtype) for array in arrays)


class Step:
    """One kind of step: a program for each shape of a batch, made when that shape first comes.

    Args:
        build: makes the graph: placeholders and the trace in, outputs out.
        executor: compiles it.
        random: where layers that draw random numbers take their key from.
        training: whether layers behave as in training.
    """

    def __init__(
        self, build: Build, executor: Executor, random: RandomState, training: bool = False
    ) -> None:
        self._build = build
        self._executor = executor
        self._random = random
        self._training = training
        self._program = lru_cache(PROGRAMS)(self._compiled)

    def __call__(self, arrays: Sequence[Array]) -> list[Array]:
        """Run the step on a batch."""
        return self._program(shapes_of(arrays)).run(arrays)

    def program(self, specs: Sequence[TensorSpec]) -> Program:
        """The program for batches of a shape, to be prepared or read."""
        return self._program(shapes_of(specs))

    def _compiled(self, shapes: Shapes) -> Program:
        inputs = _placeholders(shapes)
        with tracing(Trace(self._training, self._random)) as trace:
            outputs = self._build(inputs, trace)
        fused = fuse_probabilities([*outputs, *trace.updates.values()])
        updates = dict(zip(trace.updates, fused[len(outputs) :], strict=True))
        return self._executor.compile(fused[: len(outputs)], inputs, updates)


class Steps:
    """The steps of a compiled model.

    ``training`` takes a batch and learns, ``evaluation`` takes its loss and metrics,
    ``prediction`` gives the model's output.

    Args:
        model: gives predictions and says which of its variables are trainable.
        loss: what is made small.
        optimizer: how.
        scores: the mean loss and the metrics.
        executor: what runs the programs.
    """

    def __init__(
        self, model: Trainable, loss: Loss, optimizer: Optimizer, scores: Scores, executor: Executor
    ) -> None:
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.scores = scores
        self.executor = executor
        self.evaluation = Step(self._evaluation_graph, executor, model.random)
        self.prediction = Step(predictions_of(model), executor, model.random)
        self._training = lru_cache(FREEZINGS)(self._training_step)
        self._output_shape = lru_cache(PROGRAMS)(self._follow_model)
        self._fits = lru_cache(PROGRAMS)(self._follow_loss)

    @property
    def training(self) -> Step:
        """The step of learning, for the layers that are not frozen now."""
        return self._training(self.model.trainability())

    def _training_step(self, trainability: tuple[object, ...]) -> Step:
        return Step(self._training_graph, self.executor, self.model.random, training=True)

    def checked(self, data: ArrayData) -> ArrayData:
        """Data that fit the model, the loss and the metrics; known before the first step.

        Builds the model, if that is still to be done.

        Raises:
            ShapeError: inputs do not fit the model, or targets its output.
            DataError, DtypeError: the targets mean nothing to the loss.
        """
        data = checked_targets(data, self.loss, self._output_shape(data.x.shape, data.x.dtype))
        self._fits(shapes_of(data.arrays))
        return data

    def _follow_model(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[int, ...]:
        with tracing(Trace(random=self.model.random)):
            output = _one_tensor(self.model(placeholder(shape, dtype)))
        if isinstance(output.node.operation, Softmax) and output.shape[-1] == 1:
            warnings.warn(
                "The model ends in a softmax of one unit, which is 1 whatever comes in and learns "
                "nothing. For yes or no use activation='sigmoid' with binary_crossentropy, or two "
                "units.",
                stacklevel=2,
            )
        return output.shape

    def _follow_loss(self, shapes: Shapes) -> None:
        with tracing(Trace(random=self.model.random)) as trace:
            (objective,) = self._evaluation_graph(_placeholders(shapes), trace)
        if objective.shape:
            raise ArgumentError(
                f"The loss of a batch must be one number. Got shape {objective.shape}; choose "
                "another reduction than 'none'."
            )

    # ---- graphs

    def _training_graph(self, inputs: list[Tensor], trace: Trace) -> list[Tensor]:
        objective, predictions = self._objective(inputs, trace)
        (objective,) = fuse_probabilities([objective])
        variables = self.model.trainable_variables
        if variables:
            slopes = gradients(objective, variables)
            with scope("optimizer"):
                self.optimizer.apply(slopes, variables)
        else:
            warnings.warn(
                "The model does not have any trainable weights: nothing is learnt.", stacklevel=2
            )
        step = self.model.random.step
        step.assign(step.tensor + 1)
        self._score(objective, predictions, inputs)
        return [objective]

    def _evaluation_graph(self, inputs: list[Tensor], trace: Trace) -> list[Tensor]:
        objective, predictions = self._objective(inputs, trace)
        self._score(objective, predictions, inputs)
        return [objective]

    def _objective(self, inputs: list[Tensor], trace: Trace) -> tuple[Tensor, Tensor]:
        """Loss and penalties, and the predictions."""
        x, y, *weights = inputs
        predictions = self.model(x)
        with scope("loss"):
            objective = self.loss(y, predictions, sample_weight=weights[0] if weights else None)
            for penalty in trace.losses:
                objective = objective + penalty
        return objective, predictions

    def _score(self, objective: Tensor, predictions: Tensor, inputs: list[Tensor]) -> None:
        x, y, *weights = inputs
        with scope("metrics"):
            self.scores.update(
                objective, x.shape[0], y, predictions, weights[0] if weights else None
            )


def predictions_of(model: Trainable) -> Build:
    """The graph that gives the model's output alone."""
    return lambda inputs, trace: [_one_tensor(model(inputs[0]))]


def _one_tensor(output: object) -> Tensor:
    if not isinstance(output, Tensor):
        raise ArgumentError(
            f"A model must give one tensor to be trained. Got {type(output).__name__}."
        )
    return output


def _placeholders(shapes: Shapes) -> list[Tensor]:
    labels = ("x", "y", "sample_weight")
    return [placeholder(*shape, label) for shape, label in zip(shapes, labels, strict=False)]
