"""What learns: compile, fit, evaluate, predict, and the steps that they are made of."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from glassgrad import optimizers
from glassgrad.arguments import checked_before
from glassgrad.errors import ArgumentError, NotBuiltError, ShapeError
from glassgrad.execute.executor import Executor, executor_named
from glassgrad.graph import RandomState, Tensor, Variable, current_trace
from glassgrad.graph.trees import flatten, rebuild
from glassgrad.layers import Layer
from glassgrad.layers.layer import require_count
from glassgrad.metrics import Metric
from glassgrad.random_seed import current_stream, new_random_state
from glassgrad.training.callback_list import CallbackList
from glassgrad.training.callbacks import History, as_callbacks
from glassgrad.training.data import ArrayData, Data, as_data, split_validation, unpack
from glassgrad.training.loop import TrainingLoop, evaluate_data
from glassgrad.training.objective import Objective
from glassgrad.training.progress import checked_verbosity, progress_for, show_results
from glassgrad.training.scores import Scores, result_of
from glassgrad.training.step import Step, Steps, prediction_graph
from glassgrad.training.streams import data_from, gives_batches
from glassgrad.training.targets import with_class_weights

if TYPE_CHECKING:
    from glassgrad.models.model import Model

__all__ = ["Trainer"]


class Trainer(Layer):
    """A layer that can be trained; ``Model`` is the one to subclass."""

    optimizer: optimizers.Optimizer
    loss: Any
    history: History  # of the latest fit

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stop_training = False
        self.epochs_seen = 0
        self.seed = current_stream().next_key()
        self.random: RandomState = new_random_state()
        self._steps: Steps | None = None
        self._prediction: tuple[Executor, Step] | None = None
        self._optimized: list[Variable] = []
        self.steps_of_lens: dict[Any, Step] = {}  # what looks at the model keeps its programs here

    @property
    def _model(self) -> Model:
        """Itself: only models are made."""
        return cast("Model", self)

    # ---- compile

    @checked_before
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: str | bool = "auto",
        auto_scale_loss: bool = True,
        *,
        executor: str | Executor | None = None,
    ) -> None:
        """Say how the model learns.

        Args:
            optimizer: a name such as "adam", or an optimizer.
            loss: a name such as "sparse_categorical_crossentropy", a loss, or a function of
                targets and predictions; for several outputs a list or a dictionary by their
                names. ``None`` where layers, or a step of the model's own, say what is made small.
            loss_weights: a factor for the loss of each output, in a list or dictionary.
            metrics: names such as "accuracy", metrics, or functions. Each example counts the
                same, whatever its ``sample_weight``. For several outputs a list or a dictionary
                with the metrics of each.
            weighted_metrics: the same, with examples counted by their ``sample_weight``.
            run_eagerly: whether to run node by node in the reference executor.
            steps_per_execution: accepted; callbacks see every batch.
            jit_compile: accepted; the executor compiles or does not.
            auto_scale_loss: accepted; an optimizer with a loss scale is always told the loss.
            executor: "cpu" or "reference"; the current one by default.

        Raises:
            ArgumentError: there is no optimizer, or a number is out of its range.
            UnknownNameError: a name is unknown.
        """
        chosen = optimizers.get(optimizer)
        if chosen is None:
            raise ArgumentError(
                "A model learns by an optimizer: pass optimizer='adam', for example. Got none."
            )
        require_count("steps_per_execution", steps_per_execution)
        objective = Objective(loss, loss_weights)
        runner = executor_named("reference" if run_eagerly and executor is None else executor)
        scores = Scores(metrics, weighted_metrics)
        is_known = getattr(self, "optimizer", None) is chosen
        self._optimized = self._optimized if is_known else []
        self.optimizer, self.loss = chosen, objective.loss
        self._steps = Steps(self, objective, chosen, scores, runner)
        self.steps_of_lens.clear()

    def use_executor_settings(self, settings: Mapping[str, int]) -> None:
        """Let the executor compute as it did when a checkpoint was written, to the last bit."""
        executor = self.steps.executor.with_settings(settings)
        if executor is not self.steps.executor:
            self._renew_steps(executor)

    def forget_programs(self) -> None:
        """Let all programs be made anew, since the model has changed."""
        self._prediction = None
        self.steps_of_lens.clear()
        if self._steps is not None:
            self._renew_steps(self._steps.executor)

    def _renew_steps(self, executor: Executor) -> None:
        steps = self.steps
        self._steps = Steps(self, steps.objective, self.optimizer, steps.scores, executor)
        self._steps.journal = steps.journal

    @property
    def is_compiled(self) -> bool:
        """Whether the model knows how to learn."""
        return self._steps is not None

    @property
    def steps(self) -> Steps:
        """The programs that train, evaluate and predict.

        Raises:
            NotBuiltError: the model is not compiled.
        """
        if self._steps is None:
            raise NotBuiltError(
                "The model does not know how to learn yet: call compile(optimizer, loss) first."
            )
        return self._steps

    @property
    def output_names(self) -> list[str] | None:
        """What the outputs are called, where that is known before they are made."""
        return None

    # ---- metrics

    @property
    def metrics(self) -> list[Metric]:
        """The mean loss, the metrics once data have been seen, and those kept in attributes."""
        own = [value for value in vars(self).values() if isinstance(value, Metric)]
        return list(dict.fromkeys([*self._compiled_metrics(), *own]))

    def _compiled_metrics(self) -> list[Metric]:
        return [] if self._steps is None else self._steps.scores.metrics

    def _all_metrics(self) -> list[Metric]:
        """Also where a model of one's own lists others in ``metrics``."""
        return list(dict.fromkeys([*self._compiled_metrics(), *self.metrics]))

    @property
    def metrics_names(self) -> list[str]:
        """The names of the metrics."""
        return [metric.name for metric in self.metrics]

    def reset_metrics(self) -> None:
        """Let all metrics forget what they have seen."""
        for metric in self._all_metrics():
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """What the metrics say now, by name; tensors while a step is traced."""
        compiled = self._compiled_metrics()
        own = {one.name: result_of(one) for one in self.metrics if one not in compiled}
        return {**({} if self._steps is None else self._steps.scores.results()), **own}

    # ---- what a model of one's own may write

    def train_step(self, data: Any) -> Mapping[str, Any]:
        """One step of learning, as graph; traced once for each shape of a batch.

        A model of one's own writes here what shall happen: predictions, ``compute_loss``,
        ``glassgrad.gradients``, ``optimizer.apply``, ``update_state`` of metrics.

        Args:
            data: x, (x, y) or (x, y, sample_weight), as tensors.

        Returns:
            What is reported, by name: tensors.

        Example:
            >>> import glassgrad
            >>> from glassgrad.layers import Dense, Input
            >>> class Halving(glassgrad.Model):
            ...     def train_step(self, data):
            ...         x, y = data
            ...         loss = self.compute_loss(x, y, self(x))
            ...         slopes = glassgrad.gradients(loss, self.trainable_variables)
            ...         self.optimizer.apply([g / 2 for g in slopes], self.trainable_variables)
            ...         return {"loss": loss}
            >>> x = Input((1,))
            >>> model = Halving(x, Dense(1, use_bias=False, kernel_initializer="ones")(x))
            >>> model.compile("sgd", "mse", executor="reference")
            >>> _ = model.fit([[1.0]], [[0.0]], verbose=0)
            >>> model.get_weights()[0].round(4)
            array([[0.99]], dtype=float32)
        """
        self.steps.learn(*unpack(data))
        return self.get_metrics_result()

    def test_step(self, data: Any) -> Mapping[str, Any]:
        """Loss and metrics of a batch, as graph; see ``train_step``."""
        self.steps.judge(*unpack(data))
        return self.get_metrics_result()

    def predict_step(self, data: Any) -> Any:
        """The outputs for a batch, as graph; see ``train_step``."""
        x, _, _ = unpack(data)
        return self(x)

    @checked_before
    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The loss of a batch: those of ``compile``, penalties, and what layers have added.

        Args:
            x: the inputs.
            y: the targets.
            y_pred: the predictions.
            sample_weight: how much each example counts.
            training: whether for learning.

        Raises:
            DataError: a loss has no targets.
            ArgumentError: there is no loss.
        """
        trace = current_trace()
        added = self.losses if trace is None else trace.losses
        return self.steps.loss(x, y, y_pred, sample_weight, added)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Let the metrics of ``compile`` take a batch in, and give what all metrics say."""
        self.steps.metrics(y, y_pred, sample_weight)
        return self.get_metrics_result()

    @property
    def has_call(self) -> bool:
        """Whether predictions can be made of x alone."""
        return type(self).call is not Layer.call

    @property
    def own_steps(self) -> frozenset[str]:
        """Which of the steps the model's class writes itself."""
        names = ("train_step", "test_step", "predict_step")
        kind = type(self)
        return frozenset(n for n in names if getattr(kind, n) is not getattr(Trainer, n))

    # ---- the optimizer

    def trainability(self) -> tuple[object, ...]:
        """What tells whether layers were frozen or thawed since."""
        return tuple(_trainability(self))

    def optimized(self) -> list[int]:
        """For which weights the optimizer keeps something: their numbers, in its order."""
        numbers = {weight: number for number, weight in enumerate(self.weights)}
        return [numbers[weight] for weight in self._optimized if weight in numbers]

    def build_optimizer(self, numbers: Sequence[int] | None = None) -> None:
        """Let the optimizer get ready for the trainable weights, or for those with some numbers.

        The order in which it meets them is remembered, since it is the order of its variables.
        """
        if numbers is None:
            wanted = self.trainable_variables
        else:
            weights = self.weights
            wanted = [weights[number] for number in numbers]
        self._optimized = list(dict.fromkeys([*self._optimized, *wanted]))
        self.optimizer.build(self._optimized)

    def finalize_optimizer(self) -> None:
        """At the end of training: averages of weights, if there are any, take their place."""
        self.optimizer.finalize_variable_values([v for v in self._optimized if v.trainable])

    def state_variables(self) -> dict[str, list[Variable]]:
        """Everything that a training step reads or writes, by kind."""
        held = [value for value in vars(self).values() if isinstance(value, optimizers.Optimizer)]
        others = [one for one in held if one is not self.optimizer]
        metrics = [variable for metric in self._all_metrics() for variable in metric.variables]
        return {
            "model": self.variables,
            "optimizer": [v for one in (self.optimizer, *others) for v in one.variables],
            "metrics": metrics,
            "random": [self.random.seed, self.random.step],
        }

    # ---- fit, evaluate, predict

    @checked_before
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> History:
        """Learn from examples.

        Args:
            x: inputs, (examples, …); several in a list or dictionary; or a generator, a loader or
                a ``PyDataset`` that gives batches x, (x, y) or (x, y, sample_weight).
            y: targets, (examples, …); several in a list or dictionary.
            batch_size: examples a step, 32 by default; 1 is stochastic descent, the number of
                examples is batch descent.
            epochs: the number of the last epoch.
            verbose: 0 silent, 1 a bar, 2 a line for each epoch, "auto": a bar on a terminal.
            callbacks: what shall happen around epochs and batches.
            validation_split: which part at the end of the data is kept for validation.
            validation_data: (x, y) or (x, y, sample_weight) for validation, or what gives batches.
            shuffle: whether the order changes with each epoch; seed and epoch decide it.
            class_weight: how much the examples of each class count, by label.
            sample_weight: how much each example counts, (examples,). The loss is the sum of
                weight times loss, divided by the number of examples.
            initial_epoch: the number of the first epoch, from 0.
            steps_per_epoch: batches an epoch; by default as many as there are.
            validation_steps: batches of a validation; by default as many as there are.
            validation_batch_size: examples a step of validation; ``batch_size`` by default.
            validation_freq: validate after every so many epochs.
            checkpoint: a file in which the state of training is kept; where it exists already,
                training goes on from it, and ends with the same bits as without interruption.

        Returns:
            The history: ``history.history["loss"]`` lists the loss of each epoch.

        Raises:
            NotBuiltError: the model is not compiled.
            DataError: the data are empty, not finite, of unequal lengths, or no targets for
                the loss.
            ShapeError: the data do not fit the model.
            ArgumentError: a number is out of its range.
            FileError: the checkpoint cannot be written, or is of another run.
        """
        size = _count("batch_size", batch_size, 32)
        validation_size = _count("validation_batch_size", validation_batch_size, size)
        validation_freq = _count("validation_freq", validation_freq, 1)
        validation_count = _steps("validation_steps", validation_steps)
        epochs = _count("epochs", epochs, 1, least=0)
        initial_epoch = _count("initial_epoch", initial_epoch, 0, least=0)
        given, progress = as_callbacks(callbacks), progress_for(verbose)
        steps = self.steps
        count = _steps("steps_per_epoch", steps_per_epoch)
        whole = data_from(x, y, sample_weight, self.dtype, count)
        data, validation = self._divided(whole, validation_split, validation_data, validation_count)
        if class_weight:
            data = data.checked_by(lambda found: with_class_weights(found, class_weight))
        data = steps.checked(data, training=True)
        validation = None if validation is None else steps.checked(validation)
        self.history = next((one for one in given if isinstance(one, History)), History())
        every = [*given, *filter(None, [progress])]
        every += [] if self.history in given else [self.history]
        params: dict[str, Any] = {
            "epochs": epochs,
            "steps": data.count_batches(size),
            "verbose": verbose,
        }
        loop = TrainingLoop(
            self._model,
            data,
            validation,
            batch_size=size,
            validation_batch_size=validation_size,
            epochs=epochs,
            callbacks=CallbackList(every, model=self._model, **params),
            shuffle=bool(shuffle),
            validation_freq=validation_freq,
            checkpoint=None if checkpoint is None else Path(checkpoint),
            epoch=initial_epoch,
        )
        try:
            loop.run()
        finally:
            if progress is not None:
                progress.close()
        return self.history

    def _divided(
        self, data: Data, split: float, validation: Any, steps: int | None
    ) -> tuple[Data, Data | None]:
        """What is for learning, and what for validation."""
        if validation is None:
            if not split:
                return data, None
            if not isinstance(data, ArrayData):
                raise ArgumentError(
                    "validation_split divides arrays. Got batches; pass validation_data instead."
                )
            learning, held_out = split_validation(data, split)
            return learning, ArrayData(held_out.x, held_out.y, held_out.weights, steps)
        if gives_batches(validation):
            return data, data_from(validation, dtype=self.dtype, steps=steps)
        if not isinstance(validation, tuple | list) or len(validation) not in (2, 3):
            raise ArgumentError(
                "validation_data must be (x, y), (x, y, sample_weight), or something that gives "
                f"batches. Got {type(validation).__name__}."
            )
        x, y, weights = (*validation, None)[:3]
        return data, data_from(x, y, weights, self.dtype, steps)

    @checked_before
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on examples, without learning.

        Args:
            x: inputs, (examples, …), as ``fit`` takes them.
            y: targets, (examples, …).
            batch_size: examples a step, 32 by default.
            verbose: 0 silent, 1 or 2 a line with the results, "auto": a line on a terminal.
            sample_weight: how much each example counts.
            steps: how many batches; by default as many as there are.
            callbacks: what shall happen around the evaluation and its batches.
            return_dict: whether to return names with the numbers.

        Returns:
            The loss, or a list of loss and metrics, or a dictionary.

        Raises:
            NotBuiltError, DataError, ShapeError: as ``fit``.
        """
        size, count = _count("batch_size", batch_size, 32), _steps("steps", steps)
        checked_verbosity(verbose)
        data = self.steps.checked(data_from(x, y, sample_weight, self.dtype, count))
        params: dict[str, Any] = {"steps": data.count_batches(size), "verbose": verbose}
        found = evaluate_data(
            self._model, data, size, CallbackList(callbacks, model=self._model, **params)
        )
        show_results(verbose, found)
        return _as_returned(found, return_dict)

    @checked_before
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The model's output for each example.

        Args:
            x: inputs, (examples, …), as ``fit`` takes them.
            batch_size: examples a step, 32 by default.
            verbose: as in Keras; predictions are made in silence.
            steps: how many batches; by default as many as there are.
            callbacks: what shall happen around the predictions and their batches.

        Returns:
            An array; for several outputs arrays in the structure of the outputs.

        Raises:
            DataError: the inputs are empty or not finite.
            ShapeError: they do not fit the model.
        """
        size, count = _count("batch_size", batch_size, 32), _steps("steps", steps)
        checked_verbosity(verbose)
        data = data_from(x, dtype=self.dtype, steps=count)
        params: dict[str, Any] = {"steps": data.count_batches(size), "verbose": verbose}
        called = CallbackList(callbacks, model=self._model, **params)
        step, outputs = self._prediction_step(), []
        called.on_predict_begin({})
        for number, batch in enumerate(data.batches(size)):
            called.on_predict_batch_begin(number, logs={})
            outputs.append(step(batch))
            called.on_predict_batch_end(number, logs={"outputs": outputs[-1]})
        called.on_predict_end({})
        return _joined(outputs)

    def _prediction_step(self) -> Step:
        """Predictions need no loss, so a model that is not compiled makes them as well."""
        if self._steps is not None:
            return self._steps.prediction
        executor = executor_named(None)
        if self._prediction is None or self._prediction[0] is not executor:
            self._prediction = executor, Step(prediction_graph(self), executor, self.random)
        return self._prediction[1]

    # ---- one batch

    @checked_before
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Learn from one batch, in one step.

        Args:
            x: inputs, (examples, …).
            y: targets, (examples, …).
            sample_weight: how much each example counts.
            class_weight: how much the examples of each class count, by label.
            return_dict: whether to return names with the numbers.

        Returns:
            Loss and metrics of this batch alone, as ``evaluate`` gives them.

        Raises:
            NotBuiltError, DataError, ShapeError: as ``fit``.
        """
        data = as_data(x, y, sample_weight, self.dtype)
        if class_weight:
            data = with_class_weights(data, class_weight)
        checked = self.steps.checked(data, training=True)
        self.build_optimizer()
        self.reset_metrics()
        results = self.steps.training(checked.first())
        return _as_returned(self.steps.training_logs(results), return_dict)

    @checked_before
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Loss and metrics on one batch, without learning.

        Args:
            x: inputs, (examples, …).
            y: targets, (examples, …).
            sample_weight: how much each example counts.
            return_dict: whether to return names with the numbers.

        Returns:
            Loss and metrics of this batch alone, as ``evaluate`` gives them.

        Raises:
            NotBuiltError, DataError, ShapeError: as ``fit``.
        """
        checked = self.steps.checked(as_data(x, y, sample_weight, self.dtype))
        self.reset_metrics()
        results = self.steps.evaluation(checked.first())
        return _as_returned(self.steps.evaluation_logs(results), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The model's output for one batch, in one step.

        Args:
            x: inputs, (examples, …).

        Raises:
            DataError, ShapeError: as ``predict``.
        """
        return self._prediction_step()(as_data(x, dtype=self.dtype).first())


def _count(name: str, value: int | None, default: int, least: int = 1) -> int:
    """A whole number from ``least`` on; ``None`` means the default."""
    return default if value is None else require_count(name, value, least)


def _steps(name: str, value: int | None) -> int | None:
    """A number of batches, where there is one."""
    return None if value is None else require_count(name, value)


def _as_returned(found: Mapping[str, Any], return_dict: bool) -> Any:
    """A dictionary, the numbers, or the only number."""
    if return_dict:
        return dict(found)
    values = list(found.values())
    return values[0] if len(values) == 1 else values


def _joined(outputs: Sequence[Any]) -> Any:
    """Batches of outputs as one, array by array."""
    leaves, structure = zip(*(flatten(output) for output in outputs), strict=True)
    if not all(np.ndim(array) for array in leaves[0]):
        raise ShapeError(
            "predict puts outputs together along their axis of examples. Got an output that is a "
            "single number; use predict_on_batch."
        )
    return rebuild(structure[0], (np.concatenate(parts) for parts in zip(*leaves, strict=True)))


def _trainability(layer: Layer) -> Iterator[object]:
    """Whether each layer may learn, also those in models inside, and which of its weights."""
    # Asked in every epoch: one walk through all layers, and nothing is put in order.
    pending = [layer]
    while pending:
        one = pending.pop()
        yield one.trainable
        yield from one.own_trainable_weights
        pending += one.sublayers
