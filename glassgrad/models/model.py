"""What every model can do: compile, fit, evaluate, predict, save."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassgrad import losses, optimizers
from glassgrad.errors import ArgumentError, FileError, NotBuiltError, ShapeError
from glassgrad.execute.executor import Executor, executor_named
from glassgrad.graph import RandomState, Trace, Variable, placeholder, tracing
from glassgrad.graph.operation import Array
from glassgrad.layers import Layer
from glassgrad.layers.layer import require_count
from glassgrad.metrics import Metric
from glassgrad.random_seed import current_stream, new_random_state
from glassgrad.serialization import serialize
from glassgrad.training.callbacks import Callback, CallbackList, History, as_callbacks
from glassgrad.training.data import ArrayData, as_data, split_validation
from glassgrad.training.loop import TrainingLoop, evaluate_data
from glassgrad.training.progress import checked_verbosity, progress_for, show_results
from glassgrad.training.scores import Scores
from glassgrad.training.step import Step, Steps, predictions_of
from glassgrad.training.storage import load_tree, save_tree
from glassgrad.training.targets import with_class_weights

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

    optimizer: optimizers.Optimizer
    loss: losses.Loss
    history: History  # of the latest fit

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stop_training = False
        self.epochs_seen = 0
        self.seed = current_stream().next_key()
        self.random: RandomState = new_random_state()
        self._input: dict[str, Any] | None = None  # shape and dtype for which it was built
        self._steps: Steps | None = None
        self._prediction: tuple[Executor, Step] | None = None
        self._optimized: list[Variable] = []

    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """As a layer; see ``Layer``."""
        if not self.built and hasattr(inputs, "dtype"):
            self._input = {"shape": [None, *inputs.shape[1:]], "dtype": str(inputs.dtype)}
        return super().__call__(inputs, *args, training=training, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Make the weights of all layers for inputs of a shape, (None, …)."""
        dtype = str(self.dtype) if self._input is None else self._input["dtype"]
        self._input = {"shape": [None, *input_shape[1:]], "dtype": dtype}
        shape = tuple(2 if length is None else length for length in input_shape)
        with tracing(Trace(random=self.random)):
            self.call(placeholder(shape, dtype))

    @property
    def layers(self) -> list[Layer]:
        """The layers that the model is made of; a copy."""
        return self._sublayers()

    # ---- compile

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Sequence[Any] | None = None,
        *,
        weighted_metrics: Sequence[Any] | None = None,
        executor: str | Executor | None = None,
    ) -> None:
        """Say how the model learns.

        Args:
            optimizer: a name such as "adam", or an optimizer.
            loss: a name such as "sparse_categorical_crossentropy", a loss, or a function of
                targets and predictions.
            metrics: names such as "accuracy", metrics, or functions. Each example counts the
                same, whatever its ``sample_weight``.
            weighted_metrics: the same, with examples counted by their ``sample_weight``.
            executor: "cpu" or "reference"; the current one by default.

        Raises:
            ArgumentError: there is no loss, or no optimizer.
            UnknownNameError: a name is unknown.
        """
        if loss is None:
            raise ArgumentError("A model learns by a loss: pass loss='mse', for example. Got none.")
        chosen = optimizers.get(optimizer)
        is_known = getattr(self, "optimizer", None) is chosen
        if chosen is None:
            raise ArgumentError(
                "A model learns by an optimizer: pass optimizer='adam', for example. Got none."
            )
        found, runner = losses.as_loss(loss), executor_named(executor)
        scores = Scores(metrics, weighted_metrics)
        self._optimized = self._optimized if is_known else []
        self.optimizer, self.loss = chosen, found
        self._steps = Steps(self, found, chosen, scores, runner)

    def use_executor_settings(self, settings: Mapping[str, int]) -> None:
        """Let the executor compute as it did when a checkpoint was written, to the last bit."""
        steps = self.steps
        executor = steps.executor.with_settings(settings)
        if executor is not steps.executor:
            self._steps = Steps(self, self.loss, self.optimizer, steps.scores, executor)

    def forget_programs(self) -> None:
        """Let all programs be made anew, since the model has changed."""
        self._prediction = None
        if self._steps is not None:
            steps = self._steps
            self._steps = Steps(self, self.loss, self.optimizer, steps.scores, steps.executor)

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
    def metrics(self) -> list[Metric]:
        """The mean loss, and the metrics once data have been seen."""
        return [] if self._steps is None else self._steps.scores.metrics

    def reset_metrics(self) -> None:
        """Let all metrics forget what they have seen."""
        self.steps.scores.reset()

    def trainability(self) -> tuple[object, ...]:
        """What tells whether layers were frozen or thawed since."""
        return (*_flags(self), *self.trainable_variables)

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

    # ---- fit, evaluate, predict

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Sequence[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        *,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
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
            class_weight: how much the examples of each class count, by label.
            sample_weight: how much each example counts, (examples,). The loss is the sum of
                weight times loss, divided by the number of examples.
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
            FileError: the checkpoint cannot be written, or is of another run.
        """
        size = _count("batch_size", batch_size, 32)
        validation_size = _count("validation_batch_size", validation_batch_size, size)
        validation_freq = _count("validation_freq", validation_freq, 1)
        epochs = _count("epochs", epochs, 1, least=0)
        initial_epoch = _count("initial_epoch", initial_epoch, 0, least=0)
        given, progress = as_callbacks(callbacks), progress_for(verbose)
        steps = self.steps
        whole, held_out = self._divided(
            as_data(x, y, sample_weight, self.dtype), validation_split, validation_data
        )
        data = steps.checked(with_class_weights(whole, class_weight) if class_weight else whole)
        validation = None if held_out is None else steps.checked(held_out)
        self.history = next((one for one in given if isinstance(one, History)), History())
        every = [*given, *filter(None, [progress])]
        every += [] if self.history in given else [self.history]
        params = {"epochs": epochs, "steps": data.count_batches(size), "verbose": verbose}
        loop = TrainingLoop(
            self,
            data,
            validation,
            batch_size=size,
            validation_batch_size=validation_size,
            epochs=epochs,
            callbacks=CallbackList(every, self, params),
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
        self, data: ArrayData, split: float, validation: Any
    ) -> tuple[ArrayData, ArrayData | None]:
        """What is for learning, and what for validation."""
        if validation is None:
            return split_validation(data, split) if split else (data, None)
        if not isinstance(validation, tuple | list) or len(validation) not in (2, 3):
            raise ArgumentError(
                "validation_data must be (x, y) or (x, y, sample_weight). "
                f"Got {type(validation).__name__}."
            )
        x, y, *weights = validation
        return data, as_data(x, y, weights[0] if weights else None, self.dtype)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        *,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on examples, without learning.

        Args:
            x: inputs, (examples, …).
            y: targets, (examples, …).
            batch_size: examples a step, 32 by default.
            verbose: 0 silent, 1 or 2 a line with the results, "auto": a line on a terminal.
            sample_weight: how much each example counts.
            return_dict: whether to return names with the numbers.

        Returns:
            The loss, or a list of loss and metrics, or a dictionary.

        Raises:
            NotBuiltError, DataError, ShapeError: as ``fit``.
        """
        size = _count("batch_size", batch_size, 32)
        checked_verbosity(verbose)
        data = self.steps.checked(as_data(x, y, sample_weight, self.dtype))
        found = evaluate_data(self, data, size)
        show_results(verbose, found)
        if return_dict:
            return found
        values = list(found.values())
        return values[0] if len(values) == 1 else values

    def predict(self, x: Any, batch_size: int | None = None, verbose: str | int = "auto") -> Array:
        """The model's output for each example.

        Args:
            x: inputs, (examples, …).
            batch_size: examples a step, 32 by default.
            verbose: as in Keras; predictions are made in silence.

        Raises:
            DataError: the inputs are empty or not finite.
            ShapeError: they do not fit the model.
        """
        size = _count("batch_size", batch_size, 32)
        checked_verbosity(verbose)
        data = as_data(x, dtype=self.dtype)
        step = self._prediction_step()
        return np.concatenate([step(batch)[0] for batch in data.batches(size)])

    def _prediction_step(self) -> Step:
        """Predictions need no loss, so a model that is not compiled makes them as well."""
        if self._steps is not None:
            return self._steps.prediction
        executor = executor_named(None)
        if self._prediction is None or self._prediction[0] is not executor:
            self._prediction = executor, Step(predictions_of(self), executor, self.random)
        return self._prediction[1]

    # ---- files

    def __reduce__(self) -> Any:
        """A model holds compiled programs and threads, which cannot be copied byte by byte."""
        raise ArgumentError(
            "A model cannot be pickled or deep-copied. Write it with save(path) and read it with "
            "load_model(path), or make a second one and set_weights(first.get_weights())."
        )

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write architecture, weights and, where compiled, what training needs; all or nothing.

        Args:
            filepath: the file, in the safetensors format.

        Raises:
            ArgumentError: a function or class in the model is not registered.
            NotBuiltError: the model has no weights yet.
            FileError: the file cannot be written.
        """
        self._require_built()
        content = {
            "architecture": serialize(self),
            "input": self._input,
            "weights": self.get_weights(),
            "seed": self.seed,
            "epochs_seen": self.epochs_seen,
            "random": [self.random.seed.numpy(), self.random.step.numpy()],
            "training": self._training_config(),
        }
        save_tree(filepath, "model", content)

    def _training_config(self) -> dict[str, Any] | None:
        if self._steps is None:
            return None
        return {
            "optimizer": serialize(self.optimizer),
            "loss": serialize(self.loss),
            **self._steps.scores.get_config(),
            "optimized": self.optimized(),
            "optimizer_variables": [variable.numpy() for variable in self.optimizer.variables],
        }

    def restore(self, saved: Mapping[str, Any], *, training: bool = True) -> None:
        """Become the model that was saved, from what ``save`` wrote.

        Args:
            saved: the content of the file.
            training: whether to compile as well, and take back the optimizer's state.

        Raises:
            GlassgradError: the content does not fit.
        """
        if not self.built and saved["input"] is not None:
            self._input = dict(saved["input"])
            self.build(tuple(self._input["shape"]))
        self.set_weights(saved["weights"])
        self.seed, self.epochs_seen = int(saved["seed"]), int(saved["epochs_seen"])
        _assign_all([self.random.seed, self.random.step], saved["random"])
        config = saved["training"]
        if training and config is not None:
            names = ("optimizer", "loss", "metrics", "weighted_metrics")
            self.compile(**{name: config[name] for name in names})
            self.build_optimizer(config["optimized"])
            self._restore_optimizer(config["optimizer_variables"])

    def _restore_optimizer(self, values: Sequence[Array]) -> None:
        try:
            _assign_all(self.optimizer.variables, values)
        except ShapeError as error:
            raise ShapeError(
                "The optimizer's state is not that of this model alone: did two models share the "
                f"optimizer? load_model(path, compile=False) leaves it out. {error}"
            ) from error

    def save_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Write the weights alone; all or nothing.

        Raises:
            NotBuiltError: there are none yet.
            FileError: the file cannot be written.
        """
        self._require_built()
        save_tree(filepath, "weights", {"weights": self.get_weights()})

    def load_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Read weights that ``save_weights`` or ``save`` wrote; either all fit or none changes.

        Raises:
            NotBuiltError: the model has no weights yet.
            FileError: the file is missing, damaged, or holds other weights.
        """
        self._require_built()
        found = load_tree(filepath, "weights", "model")
        try:
            self.set_weights(found["weights"])
        except (ShapeError, LookupError, TypeError) as error:
            raise FileError(
                f"The weights in {os.fspath(filepath)!r} belong to another architecture. {error}"
            ) from error

    def _require_built(self) -> None:
        if not self.built:
            raise NotBuiltError(
                "The model has no weights yet: begin it with Input(shape), call "
                "build(input_shape), or fit it."
            )

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
        return [(layer, None) for layer in self.layers]


def _count(name: str, value: int | None, default: int, least: int = 1) -> int:
    """A whole number from ``least`` on; ``None`` means the default."""
    return default if value is None else require_count(name, value, least)


def _flags(model: Model) -> list[bool]:
    """Whether each layer may learn, also those in models inside."""
    flags = [model.trainable]
    for layer in model.layers:
        flags += _flags(layer) if isinstance(layer, Model) else [layer.trainable]
    return flags


def _assign_all(variables: Sequence[Variable], values: Sequence[Array]) -> None:
    if [one.shape for one in variables] != [np.shape(value) for value in values]:
        raise ShapeError(
            f"There must be {len(variables)} arrays of the right shapes. Got shapes "
            f"{[np.shape(value) for value in values]}."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
