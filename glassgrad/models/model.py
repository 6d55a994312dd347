"""What every model can do: compile, fit, evaluate, predict, save."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassgrad import losses, optimizers
from glassgrad.errors import ArgumentError, FileError, NotBuiltError, ShapeError
from glassgrad.execute.executor import Executor, executor_named
from glassgrad.graph import RandomState, Tensor, Trace, Variable, placeholder, tracing
from glassgrad.graph.operation import Array
from glassgrad.layers import Layer
from glassgrad.metrics import Metric, as_metric
from glassgrad.random_seed import current_stream, new_random_state
from glassgrad.serialization import serialize
from glassgrad.training.callbacks import Callback, CallbackList, History
from glassgrad.training.data import ArrayData, as_data, split_validation
from glassgrad.training.loop import TrainingLoop, evaluate_data, specs_of
from glassgrad.training.progress import ProgressBar, progress_for
from glassgrad.training.step import Steps
from glassgrad.training.storage import load_tree, save_tree
from glassgrad.training.targets import checked_targets

__all__ = ["Model"]


class Model(Layer):
    """A layer that can be trained: the base of ``Sequential`` and of models of one's own.

    A subclass keeps its layers in attributes and writes ``call``.

    Args:
        kwargs: name, trainable and dtype, see ``Layer``.

    Example:
        >>> from glassgrad.layers import Dense
        >>> class Line(Model):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.dense = Dense(1)
        ...
        ...     def call(self, inputs):
        ...         return self.dense(inputs)
        >>> line = Line()
        >>> line.compile("sgd", "mse", executor="reference")
        >>> history = line.fit([[0.0], [1.0]], [[1.0], [3.0]], epochs=3, verbose=0)
        >>> len(history.history["loss"])
        3
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stop_training = False
        self.epochs_seen = 0
        self.seed = current_stream().next_key()
        self.random: RandomState = new_random_state()
        self._steps: Steps | None = None
        self._metric_identifiers: list[Any] = []
        self._metrics: list[Metric] | None = None
        self.optimizer: optimizers.Optimizer
        self.loss: losses.Loss

    # ---- compile

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Sequence[Any] | None = None,
        *,
        executor: str | Executor | None = None,
    ) -> None:
        """Say how the model learns.

        Args:
            optimizer: a name such as "adam", or an optimizer.
            loss: a name such as "sparse_categorical_crossentropy", a loss, or a function of
                targets and predictions.
            metrics: names such as "accuracy", metrics, or functions.
            executor: "cpu" or "reference"; the current one by default.

        Raises:
            ArgumentError: there is no loss.
            UnknownNameError: a name is unknown.
        """
        if loss is None:
            raise ArgumentError("A model learns by a loss: pass loss='mse', for instance. Got none.")
        self.optimizer = optimizers.get(optimizer)
        self.loss = losses.as_loss(loss)
        self._metric_identifiers = list(metrics or [])
        self._metrics = None
        self._use(executor_named(executor))

    def _use(self, executor: Executor) -> None:
        self._steps = Steps(self, self.loss, self.optimizer, self._resolve_metrics, executor)

    def use_executor_settings(self, settings: dict[str, int]) -> None:
        """Let the executor compute as it did when a checkpoint was written, to the last bit."""
        executor = self.steps.executor.with_settings(settings)
        if executor is not self.steps.executor:
            self._use(executor)

    @property
    def steps(self) -> Steps:
        """The programs that train, evaluate and predict.

        Raises:
            NotBuiltError: the model is not compiled.
        """
        if self._steps is None:
            raise NotBuiltError("The model does not know how to learn yet: call "
                                "compile(optimizer, loss) first.")  # fmt: skip
        return self._steps

    def _resolve_metrics(self, y: Tensor, predictions: Tensor) -> list[Metric]:
        if self._metrics is None:
            self._metrics = [as_metric(one, y, predictions) for one in self._metric_identifiers]
        return self._metrics

    def prepare_metrics(self, *arrays: Array) -> None:
        """Find out which metrics the names mean, from the shapes of a batch."""
        inputs = [placeholder(spec.shape, spec.dtype) for spec in specs_of(arrays)]
        with tracing(Trace(random=self.random)):
            self._resolve_metrics(inputs[1], self(inputs[0]))

    @property
    def metrics(self) -> list[Metric]:
        """The mean loss, and the metrics once data have been seen."""
        return [self.steps.loss_tracker, *(self._metrics or [])]

    @property
    def metric_variables(self) -> list[Variable]:
        """The states of all metrics."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def reset_metrics(self) -> None:
        """Let all metrics forget what they have seen."""
        for metric in self.metrics:
            metric.reset_state()

    def metric_results(self) -> dict[str, float]:
        """Loss and metrics over what was seen since the last reset."""
        return {metric.name: metric.result() for metric in self.metrics}

    # ---- fit, evaluate, predict

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        shuffle: bool = True,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> History:
        """Learn from examples.

        Args:
            x: inputs, (examples, …).
            y: targets, (examples, …).
            batch_size: examples a step, 32 by default; 1 is stochastic descent, the number of
                examples is batch descent.
            epochs: the number of the last epoch.
            verbose: 0 silent, 1 a bar, 2 a line for each epoch, "auto": a bar on a terminal.
            callbacks: what shall happen around epochs and batches.
            validation_split: which part at the end of the data is kept for validation.
            validation_data: (x, y) or (x, y, sample_weight) for validation.
            shuffle: whether the order changes with each epoch; seed and epoch decide it.
            sample_weight: how much each example counts, (examples,).
            initial_epoch: the number of the first epoch, from 0.
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
        """
        steps = self.steps
        size = _positive("batch_size", 32 if batch_size is None else batch_size)
        _positive("validation_freq", validation_freq)
        if epochs < 0:
            raise ArgumentError(f"epochs must not be negative. Got {epochs}.")
        data, validation = self._training_data(
            x, y, sample_weight, validation_split, validation_data
        )
        progress = progress_for(verbose)
        history = History()
        every = [history, *(callbacks or []), *([progress] if progress else [])]
        params = {"epochs": epochs, "steps": data.count_batches(size), "verbose": verbose}
        loop = TrainingLoop(
            self, data, validation, size,
            _positive("validation_batch_size", validation_batch_size or size), epochs,
            CallbackList(every, self, params), shuffle, validation_freq,
            checkpoint=None if checkpoint is None else Path(checkpoint), epoch=initial_epoch,
        )  # fmt: skip
        del steps
        try:
            loop.run()
        finally:
            if isinstance(progress, ProgressBar):
                progress.close()
        return history

    def _training_data(
        self, x: Any, y: Any, sample_weight: Any, split: float, validation: Any
    ) -> tuple[ArrayData, ArrayData | None]:
        data = self._checked(as_data(x, y, sample_weight))
        if validation is not None:
            return data, self._checked(as_data(*validation))
        return split_validation(data, split) if split else (data, None)

    def _checked(self, data: ArrayData) -> ArrayData:
        return checked_targets(data, self.loss, self._output_shape(data.x))

    def _output_shape(self, x: Array) -> tuple[int, ...]:
        """The shape of the output for one example; builds the model on the way.

        Raises:
            ShapeError: the examples do not fit the model.
        """
        example = placeholder((1, *x.shape[1:]), x.dtype)
        with tracing(Trace(random=self.random)):
            output: Tensor = self(example)
        return output.shape

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on examples, without learning.

        Args:
            x: inputs, (examples, …).
            y: targets, (examples, …).
            batch_size: examples a step, 32 by default.
            sample_weight: how much each example counts.
            return_dict: whether to return names with the numbers.

        Returns:
            The loss, or a list of loss and metrics, or a dictionary.

        Raises:
            NotBuiltError, DataError, ShapeError: as ``fit``.
        """
        size = _positive("batch_size", 32 if batch_size is None else batch_size)
        data = self._checked(as_data(x, y, sample_weight))
        found = evaluate_data(self, data, size)
        if return_dict:
            return found
        values = list(found.values())
        return values[0] if len(values) == 1 else values

    def predict(self, x: Any, batch_size: int | None = None) -> Array:
        """The model's output for each example.

        Args:
            x: inputs, (examples, …).
            batch_size: examples a step, 32 by default.

        Raises:
            DataError: the inputs are empty or not finite.
            ShapeError: they do not fit the model.
        """
        size = _positive("batch_size", 32 if batch_size is None else batch_size)
        data = as_data(x)
        self._output_shape(data.x)
        steps = self._steps or Steps(self, None, None, None, executor_named(None))  # type: ignore[arg-type]
        results = [steps.predict(specs_of(batch))(*batch)[0] for batch in data.batches(size)]
        return np.concatenate(results)

    # ---- files

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write architecture, weights and, where compiled, what training needs; all or nothing.

        Args:
            filepath: the file, in the safetensors format.

        Raises:
            NotBuiltError: the model has no weights yet.
            FileError: the file cannot be written.
        """
        self._require_built()
        save_tree(filepath, "model", {
            "architecture": serialize(self),
            "input_shape": self._input_shape(),
            "weights": self._named_weights(),
            "training": self._training_config(),
        })  # fmt: skip

    def _input_shape(self) -> list[int | None] | None:
        return None

    def _training_config(self) -> dict[str, Any] | None:
        if self._steps is None:
            return None
        return {
            "optimizer": serialize(self.optimizer),
            "loss": serialize(self.loss),
            "metrics": [serialize(metric) for metric in self._metric_identifiers],
            "optimizer_variables": [v.numpy() for v in self.optimizer.variables],
            "seed": self.seed,
            "epochs_seen": self.epochs_seen,
            "random": [self.random.seed.numpy(), self.random.step.numpy()],
        }

    def restore_training(self, config: dict[str, Any]) -> None:
        """Compile as the saved model was, and take back the optimizer's state."""
        self.compile(config["optimizer"], config["loss"], config["metrics"])
        self.seed, self.epochs_seen = config["seed"], config["epochs_seen"]
        for variable, value in zip(
            (self.random.seed, self.random.step), config["random"], strict=True
        ):
            variable.assign(value)
        if len(config["optimizer_variables"]) > len(self.optimizer.variables):
            self.optimizer.build(self.trainable_variables)
        for variable, value in zip(
            self.optimizer.variables, config["optimizer_variables"], strict=False
        ):
            variable.assign(value)

    def save_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Write the weights alone; all or nothing.

        Raises:
            NotBuiltError: there are none yet.
            FileError: the file cannot be written.
        """
        self._require_built()
        save_tree(filepath, "weights", {"weights": self._named_weights()})

    def load_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Read weights that ``save_weights`` or ``save`` wrote; either all fit or none changes.

        Raises:
            NotBuiltError: the model has no weights yet.
            FileError: the file is missing, damaged, or holds other weights.
        """
        self._require_built()
        try:
            found = load_tree(filepath, "weights")["weights"]
        except FileError:
            found = load_tree(filepath, "model")["weights"]
        try:
            self.set_weights(found)
        except ShapeError as error:
            raise FileError(f"The weights in {os.fspath(filepath)!r} belong to another "
                            f"architecture. {error}") from error  # fmt: skip

    def _named_weights(self) -> list[Array]:
        return self.get_weights()

    def _require_built(self) -> None:
        if not self.built:
            raise NotBuiltError("The model has no weights yet: begin it with Input(shape), call "
                                "build(input_shape), or fit it.")  # fmt: skip

    # ---- summary

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Print a table of layers, shapes and parameters.

        Args:
            print_fn: takes the text.

        Raises:
            NotBuiltError: the model has no weights yet.
        """
        from glassgrad.models.summary import summary_of

        self._require_built()
        print_fn(summary_of(self, self._summary_rows()))

    def _summary_rows(self) -> list[tuple[Layer, Any]]:
        """The layers with the shapes of their outputs, where these are known."""
        return [(layer, None) for layer in self._sublayers()]


def _positive(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ArgumentError(f"{name} must be a positive integer. Got {value!r}.")
    return int(value)
