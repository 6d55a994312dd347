"""The training step as one graph: forward, loss, gradients, update, metrics."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

import numpy as np

from glassgrad.errors import ArgumentError
from glassgrad.execute.executor import PROGRAMS, Executor, Program, Shapes, shapes_of
from glassgrad.gradients import gradients
from glassgrad.graph import (
    RandomState,
    Tensor,
    Trace,
    Variable,
    constant,
    placeholder,
    scope,
    tracing,
)
from glassgrad.graph.trees import Structure, flatten, leaves_of, map_tree, rebuild
from glassgrad.losses import fuse_probabilities
from glassgrad.metrics.metric import as_number
from glassgrad.ops.elementwise import where
from glassgrad.ops.indexing import take
from glassgrad.ops.loss import Softmax
from glassgrad.optimizers import Optimizer
from glassgrad.training.data import ArrayData, Batch, Data, Stretch, pack
from glassgrad.training.journal import Journal
from glassgrad.training.objective import Objective, Outputs
from glassgrad.training.scores import Scores
from glassgrad.training.targets import checked_targets

__all__ = ["Step", "Steps"]

BATCH = ("x", "y", "sample_weight")
FREEZINGS = 4  # combinations of frozen layers whose programs are kept

Build: TypeAlias = Callable[[Any], Any]


class Trainable(Protocol):
    """What a step needs of a model; ``Model`` says what each of them does."""

    random: RandomState

    def __call__(self, inputs: Any) -> Any: ...

    @property
    def output_names(self) -> list[str] | None: ...

    @property
    def trainable_variables(self) -> list[Variable]: ...

    @property
    def has_call(self) -> bool: ...

    @property
    def own_steps(self) -> frozenset[str]: ...

    def trainability(self) -> tuple[object, ...]: ...

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> Tensor: ...

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any: ...

    def train_step(self, data: Any) -> Mapping[str, Any]: ...

    def test_step(self, data: Any) -> Mapping[str, Any]: ...

    def predict_step(self, data: Any) -> Any: ...


class Step:
    """One kind of step: a program for each shape of a batch, made when that shape first comes.

    A program for data in memory takes the examples of a batch out by itself, and knows where the
    next one begins: a whole stretch of batches is run in one call.

    Args:
        build: makes the graph: (x, y, sample_weight) as tensors in, a tree of tensors out.
        executor: compiles it.
        random: where layers that draw random numbers take their key from.
        training: whether layers behave as in training.
    """

    def __init__(
        self, build: Build, executor: Executor, random: RandomState, training: bool = False
    ) -> None:
        self._build = build
        self._executor = executor
        self._learning = random
        self._random = random if training else _random_state_beside(random)
        self._training = training
        self._begin = Variable(0, name="batch/begin", trainable=False, dtype="int32")
        self._compiled = lru_cache(PROGRAMS)(self._compile)
        self._compiled_for_stretches = lru_cache(PROGRAMS)(self._compile_for_stretches)

    def __call__(self, batches: Batch | Stretch) -> Any:
        """Run the step on a batch, or on a stretch of them; the results are those of the last."""
        program, structure = self._program(batches)
        if isinstance(batches, Batch):
            return rebuild(structure, program.run(batches.arrays))
        self._begin.assign(batches.begin)
        order = [] if batches.order is None else [batches.order]
        return rebuild(structure, program.run([*order, *batches.data.contiguous], batches.batches))

    def begin_again(self) -> None:
        """Let what is drawn next depend on nothing but what was learnt, so that runs can resume."""
        self._random.step.assign(_first_step_beside(self._learning))

    def program(self, batches: Batch | Stretch) -> Program:
        """The program for batches of this shape, to be prepared or read."""
        return self._program(batches)[0]

    def _program(self, batches: Batch | Stretch) -> tuple[Program, Structure]:
        if isinstance(batches, Batch):
            return self._compiled(shapes_of(batches.arrays), batches.structure)
        data, is_shuffled = batches.data, batches.order is not None
        return self._compiled_for_stretches(
            shapes_of(data.arrays), data.structure, batches.size, is_shuffled
        )

    def _compile(self, shapes: Shapes, structure: Structure) -> tuple[Program, Structure]:
        """For a batch that is handed in."""
        inputs = _placeholders(shapes, structure)
        return self._compile_graph(inputs, lambda: rebuild(structure, inputs))

    def _compile_for_stretches(
        self, shapes: Shapes, structure: Structure, size: int, is_shuffled: bool
    ) -> tuple[Program, Structure]:
        """For batches that the program takes out of the data, one after the other."""
        data = _placeholders(shapes, structure)
        examples = len(data[0])
        order = [placeholder((examples,), "int32", "order")] if is_shuffled else []

        def next_batch() -> Any:
            if size == examples and not is_shuffled:
                return rebuild(structure, data)
            with scope("batch"):
                begin = self._begin.tensor
                rows = begin + constant(np.arange(size), "int32")
                # Behind the last whole batch comes the first one, so that a step can be repeated.
                self._begin.assign(where(begin + 2 * size <= examples, begin + size, 0))
                chosen = take(order[0], rows) if is_shuffled else rows
                return rebuild(structure, [take(array, chosen) for array in data])

        return self._compile_graph([*order, *data], next_batch)

    def _compile_graph(
        self, inputs: Sequence[Tensor], batch: Callable[[], Any]
    ) -> tuple[Program, Structure]:
        with tracing(Trace(self._training, self._random, runs=True)) as trace:
            results = self._build(batch())
            if trace.streams and not self._training:
                step = self._random.step
                step.assign(step.tensor + 1)  # the next batch draws other numbers
        outputs, result_structure = flatten(results)
        fused = fuse_probabilities([*outputs, *trace.updates.values()])
        updates = dict(zip(trace.updates, fused[len(outputs) :], strict=True))
        program = self._executor.compile(fused[: len(outputs)], inputs, updates)
        return program, result_structure


class Steps:
    """The steps of a compiled model.

    ``training`` takes a batch and learns, ``evaluation`` takes its loss and metrics,
    ``prediction`` gives the model's output. A model may write any of the three itself. Where
    there is a ``journal``, every step of training notes in it what it did.

    Args:
        model: gives predictions and says which of its variables are trainable.
        objective: what is made small.
        optimizer: how.
        scores: the mean loss and the metrics.
        executor: what runs the programs.
    """

    def __init__(
        self,
        model: Trainable,
        objective: Objective,
        optimizer: Optimizer,
        scores: Scores,
        executor: Executor,
    ) -> None:
        self.model = model
        self.objective = objective
        self.optimizer = optimizer
        self.scores = scores
        self.executor = executor
        self.prediction = Step(prediction_graph(model), executor, model.random)
        self.journal: Journal | None = None
        self._training = lru_cache(FREEZINGS)(self._training_step)
        self._evaluation = lru_cache(FREEZINGS)(self._evaluation_step)
        self._outputs = lru_cache(PROGRAMS)(self._follow_model)
        self._fits = lru_cache(PROGRAMS)(self._follow)

    @property
    def training(self) -> Step:
        """The step of learning, for the layers that are not frozen now, with what it notes."""
        return self._training(self.model.trainability(), self.journal)

    def _training_step(self, trainability: tuple[object, ...], journal: Journal | None) -> Step:
        build = self._training_graph if journal is None else journal.noting(self._training_graph)
        return Step(build, self.executor, self.model.random, training=True)

    @property
    def evaluation(self) -> Step:
        """The step of evaluation; the penalties of frozen layers are left out."""
        return self._evaluation(self.model.trainability())

    def _evaluation_step(self, trainability: tuple[object, ...]) -> Step:
        return Step(self._evaluation_graph, self.executor, self.model.random)

    # ---- what a step reports

    def training_logs(self, results: Any) -> dict[str, Any]:
        """What is known after a batch of training: by the model's own step, or by the metrics."""
        return self._logs("train_step", results)

    def evaluation_logs(self, results: Any) -> dict[str, Any]:
        """What is known after a batch of evaluation."""
        return self._logs("test_step", results)

    def _logs(self, name: str, results: Any) -> dict[str, Any]:
        return map_tree(as_number, results) if self.has_own(name) else self.scores.results()

    def has_own(self, name: str) -> bool:
        """Whether the model writes this step itself."""
        return name in self.model.own_steps

    # ---- checks before the first step

    def checked(self, data: Data, *, training: bool = False) -> Data:
        """Data that fit the model, the loss and the metrics; known before the first step.

        Builds the model, if that is still to be done.

        Args:
            data: what will be handed out.
            training: whether for learning.

        Raises:
            ShapeError: inputs do not fit the model, or targets its output.
            DataError, DtypeError: the targets mean nothing to the loss.
        """
        data = data.checked_by(self._checked_arrays)
        first = data.first()
        self._fits(shapes_of(first.arrays), first.structure, training)
        return data

    def _checked_arrays(self, data: ArrayData) -> ArrayData:
        """Targets that the losses can be computed with, output by output."""
        if self.has_own("train_step") or not leaves_of(self.objective.loss):
            return data
        inputs = ArrayData(data.x)
        outputs = self._outputs(shapes_of(inputs.arrays), inputs.structure)
        losses = self.objective.losses_of(outputs)
        targets, structure = flatten(data.y)
        places = outputs.paired("y", rebuild(structure, range(len(targets))))
        for place, loss, prediction in zip(places, losses, outputs.tensors, strict=True):
            if loss is not None:
                target = None if place is None else targets[place]
                checked = checked_targets(ArrayData(data.x, target), loss, prediction.shape)
                targets[place] = checked.y
        return ArrayData(data.x, rebuild(structure, targets), data.weights)

    def _follow_model(self, shapes: Shapes, structure: Structure) -> Outputs:
        with tracing(Trace(random=self.model.random)):
            x, _, _ = rebuild(structure, _placeholders(shapes, structure))
            outputs = self.model(x)
        found = Outputs(outputs, self.model.output_names)
        for tensor in found.tensors:
            _warn_of_lonely_softmax(tensor)
        return found

    def _follow(self, shapes: Shapes, structure: Structure, training: bool) -> None:
        own = training and self.has_own("train_step")
        with tracing(Trace(training=own, random=self.model.random)):
            batch = rebuild(structure, _placeholders(shapes, structure))
            if own:
                self._introduce_metrics(batch)
                self._training_graph(batch)
            else:
                self._evaluation_graph(batch)

    def _introduce_metrics(self, batch: Any) -> None:
        """Let a step of the model's own find the metrics of ``compile`` in ``model.metrics``."""
        x, y, _ = batch
        if self.scores.has_names and self.model.has_call and y is not None:
            self.scores.resolve(Outputs(self.model(x), self.model.output_names), y)

    # ---- graphs

    def _training_graph(self, batch: Any) -> Any:
        step = self.model.random.step
        own = self.has_own("train_step")
        results = self.model.train_step(_as_handed(batch)) if own else self.learn(*batch)
        step.assign(step.tensor + 1)
        return _checked_results("train_step", results) if own else results

    def _evaluation_graph(self, batch: Any) -> Any:
        if self.has_own("test_step"):
            return _checked_results("test_step", self.model.test_step(_as_handed(batch)))
        return self.judge(*batch)

    def learn(self, x: Any, y: Any = None, sample_weight: Any = None) -> dict[str, Tensor]:
        """Loss, gradients, update and metrics for a batch; gives the loss."""
        objective, predictions = self._objective(x, y, sample_weight)
        variables = self.model.trainable_variables
        if variables:
            slopes = gradients(self.optimizer.scale_loss(objective), variables)
            with scope("optimizer"):
                self.optimizer.apply(slopes, variables)
        else:
            warnings.warn(
                "The model does not have any trainable weights: nothing is learnt.", stacklevel=2
            )
        return self._scored(objective, x, y, predictions, sample_weight)

    def judge(self, x: Any, y: Any = None, sample_weight: Any = None) -> dict[str, Tensor]:
        """Loss and metrics for a batch; gives the loss."""
        objective, predictions = self._objective(x, y, sample_weight)
        return self._scored(objective, x, y, predictions, sample_weight)

    def _objective(self, x: Any, y: Any, sample_weight: Any) -> tuple[Tensor, Any]:
        predictions = self.model(x)
        return self.model.compute_loss(x, y, predictions, sample_weight), predictions

    def _scored(
        self, objective: Tensor, x: Any, y: Any, predictions: Any, sample_weight: Any
    ) -> dict[str, Tensor]:
        with scope("metrics"):
            self.scores.update_loss(objective, leaves_of(x)[0].shape[0])
            self.model.compute_metrics(x, y, predictions, sample_weight)
        return {"loss": objective}

    def loss(self, x: Any, y: Any, predictions: Any, sample_weight: Any, added: Any) -> Tensor:
        """The losses of all outputs, and what layers have added.

        Raises:
            ArgumentError: there is no loss at all, or one is no number.
        """
        outputs = Outputs(predictions, self.model.output_names)
        with scope("loss"):
            parts = self.objective.parts(outputs, y, sample_weight)
            terms = [*self.objective.weighted(outputs, parts), *added]
            if not terms:
                raise ArgumentError(
                    "A model learns by a loss: compile with loss='mse', for example, or let a "
                    "layer call add_loss. Got none."
                )
            for term in terms:
                _require_number(term)
            total = sum(terms[1:], start=terms[0])
            if len(outputs.tensors) > 1 and len(parts) > 1:
                self.scores.update_parts(parts, outputs.tensors[0].shape[0])
        return fuse_probabilities([total])[0]

    def metrics(self, y: Any, predictions: Any, sample_weight: Any) -> None:
        """Let all metrics take a batch in."""
        self.scores.update(Outputs(predictions, self.model.output_names), y, sample_weight)


def _random_state_beside(random: RandomState) -> RandomState:
    """The same key with steps of their own, so that looking never changes what is learnt."""
    first = _first_step_beside(random)
    step = Variable(first, name="random/step", trainable=False, dtype="uint32")
    return RandomState(random.seed, step)


def _first_step_beside(random: RandomState) -> Any:
    return random.step.numpy() | np.uint32(2**31)


def prediction_graph(model: Trainable) -> Build:
    """The graph that gives the model's output alone."""
    return lambda batch: model.predict_step(_as_handed(batch))


def _as_handed(batch: Any) -> Any:
    """A batch as a step of one's own gets it: x, (x, y) or (x, y, sample_weight)."""
    return pack(*batch)


def _checked_results(name: str, results: Any) -> Any:
    if isinstance(results, Mapping) and all(
        isinstance(one, Tensor) for one in leaves_of(dict(results))
    ):
        return dict(results)
    raise ArgumentError(
        f"{name}(data) must return a dictionary of tensors by name, such as "
        f"{{'loss': loss}} or {{m.name: m.result() for m in self.metrics}}. Got {results!r}."
    )


def _require_number(objective: Tensor) -> None:
    if objective.shape:
        raise ArgumentError(
            f"The loss of a batch must be one number. Got shape {objective.shape}; choose "
            "another reduction than 'none'."
        )


def _warn_of_lonely_softmax(output: Tensor) -> None:
    if isinstance(output.node.operation, Softmax) and output.shape[-1] == 1:
        warnings.warn(
            "The model ends in a softmax of one unit, which is 1 whatever comes in and learns "
            "nothing. For yes or no use activation='sigmoid' with binary_crossentropy, or two "
            "units.",
            stacklevel=2,
        )


def _placeholders(shapes: Shapes, structure: Structure) -> list[Tensor]:
    """One for each array of (x, y, sample_weight), called by what it is."""
    parts = zip(BATCH, rebuild(structure, shapes), strict=True)
    named = [(spec, name) for name, part in parts for spec in flatten(part, is_leaf=_is_spec)[0]]
    return [placeholder(shape, dtype, name) for (shape, dtype), name in named]


def _is_spec(value: Any) -> bool:
    """Whether it is shape and dtype of one array."""
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], np.dtype)
