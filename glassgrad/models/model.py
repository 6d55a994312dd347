"""Models: layers that can be trained, saved and looked at as a whole."""

from __future__ import annotations

import json
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from glassgrad.arguments import checked_before
from glassgrad.attachments import attached_to
from glassgrad.errors import ArgumentError, FileError, NotBuiltError, ShapeError, UnknownNameError
from glassgrad.execute.executor import Program
from glassgrad.files import exists
from glassgrad.graph import Trace, Variable, placeholder, tracing
from glassgrad.graph.operation import Array
from glassgrad.graph.symbolic import OpenShape, filled
from glassgrad.graph.trees import flatten, map_tree
from glassgrad.layers import Layer, register
from glassgrad.layers.layer import require_count
from glassgrad.models.recipe import Recipe, carrying
from glassgrad.models.trainer import Trainer
from glassgrad.preprocessing import Preprocessing
from glassgrad.preprocessing import deserialize as deserialize_preprocessing
from glassgrad.serialization import custom_object_scope, serialize, with_own_functions
from glassgrad.training.data import Batch, as_data
from glassgrad.training.examples import made_up_input, made_up_targets
from glassgrad.training.storage import load_tree, save_tree

if TYPE_CHECKING:
    from glassgrad.execute.cpu.profile import Profile
    from glassgrad.lens.methods import ModelMethods
else:
    ModelMethods = attached_to("Model")  # what looks at a model is written in `lens`

__all__ = ["Model"]

STEPS = ("training", "evaluation", "prediction")
TENSORS = ("inputs", "outputs")  # arguments of the constructor that no configuration can hold


@register("Functional")
class Model(Trainer, ModelMethods):
    """A layer that can be trained: of symbolic tensors, or with a ``call`` of its own.

    ``Model(inputs, outputs)`` computes what leads from the inputs, made by ``Input``, to the
    outputs: with several of them, shared layers and skip connections as they come. A subclass
    keeps its layers in attributes and writes ``call``, or takes inputs and outputs as well and
    writes a step of its own; see ``train_step``.

    Args:
        inputs: symbolic tensors, alone or in lists, tuples and dictionaries.
        outputs: the same.
        name: what it is called; its class in snake_case, numbered, by default.
        trainable: whether an optimizer may change its weights.
        dtype: see ``Layer``.

    Raises:
        ArgumentError: one of inputs and outputs is missing, or the outputs need other inputs.

    Example:
        >>> from glassgrad.layers import Dense, Input
        >>> x = Input((4,))
        >>> hidden = Dense(8, activation="relu")(x)
        >>> model = Model(x, Dense(4)(hidden) + x)
        >>> model.predict(np.ones((2, 4)), verbose=0).shape
        (2, 4)

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

    def __init__(self, inputs: Any = None, outputs: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.preprocessing: Preprocessing | None = None  # of raw data, kept in the model's file
        self._input: Any = None  # shape and dtype, or a tree of them, for which it was built
        self._recipe: Recipe | None = None
        if (inputs is None) != (outputs is None):
            given = "inputs" if outputs is None else "outputs"
            raise ArgumentError(f"Model(inputs, outputs) takes both or none. Got {given} alone.")
        if inputs is not None:
            self._recipe = Recipe(inputs, outputs)
            self._recipe_layers = self._recipe.layers  # found there as layers of the model
            self.built = True

    supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The outputs; to be written by subclasses that take no symbolic inputs and outputs."""
        if self._recipe is None:
            return super().call(inputs)
        return self._recipe.run(carrying(inputs, mask))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None but what the layers inside have laid beside the outputs."""

    @property
    def has_call(self) -> bool:
        """Whether predictions can be made of x alone."""
        return self._recipe is not None or type(self).call is not Model.call

    def build(self, input_shape: Any) -> None:
        """Make the weights of all layers for inputs of a shape, (None, …), or of several."""
        self._input = _with_shapes(self._input, input_shape, str(self.dtype))
        with tracing(Trace(random=self.random)) as trace:
            sample = map_tree(_sample, self._input, is_leaf=_is_description)
            self.call(sample, **self._told(trace))

    def _build_for(self, tensors: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """The first call makes the weights, unless a subclass has a ``build`` for that."""
        self._input = _described(tensors)
        if type(self).build is not Model.build:
            super()._build_for(tensors, args, kwargs)

    @property
    def layers(self) -> list[Layer]:
        """The layers that the model is made of; a copy."""
        return self.sublayers

    @checked_before
    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name, or by its number in ``layers``.

        Raises:
            ArgumentError: neither or both are given, or there is no such number.
            UnknownNameError: no layer has that name.
        """
        layers = self.layers
        if (name is None) == (index is None):
            raise ArgumentError(
                f"get_layer takes a name or an index. Got name={name!r}, index={index!r}."
            )
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ArgumentError(f"The model has {len(layers)} layers. Got index {index}.")
            return layers[index]
        found = {layer.name: layer for layer in layers}
        if name not in found:
            raise UnknownNameError("layer", name, found)
        return found[name]

    # ---- inputs and outputs of a functional model

    @property
    def is_functional(self) -> bool:
        """Whether the way from symbolic inputs to outputs is known."""
        return self._recipe is not None

    @property
    def recipe(self) -> Recipe:
        """The way from inputs to outputs.

        Raises:
            NotBuiltError: the model writes ``call`` itself, or its inputs are not known yet.
        """
        if self._recipe is None:
            raise NotBuiltError(
                f"Model {self.name!r} has no symbolic inputs and outputs: it writes call() "
                "itself, or its input is not known yet."
            )
        return self._recipe

    @property
    def inputs(self) -> list[Any]:
        """The symbolic inputs, in order."""
        return flatten(self.recipe.inputs)[0]

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs, in order."""
        return flatten(self.recipe.outputs)[0]

    @property
    def input(self) -> Any:
        """The symbolic inputs, in their structure."""
        return self.recipe.inputs

    @property
    def output(self) -> Any:
        """The symbolic outputs, in their structure."""
        return self.recipe.outputs

    @property
    def input_shape(self) -> Any:
        """The shape of the input, with ``None`` for the batch; a tree of shapes for several.

        Raises:
            NotBuiltError: it is not known yet.
        """
        return map_tree(lambda symbol: symbol.shape, self.recipe.inputs)

    @property
    def output_shape(self) -> Any:
        """The shape of the output, with ``None`` for the batch; a tree of shapes for several."""
        return map_tree(lambda symbol: symbol.shape, self.recipe.outputs)

    @property
    def input_names(self) -> list[str]:
        """What the inputs are called."""
        return self.recipe.input_names

    @property
    def output_names(self) -> list[str] | None:
        """What the outputs are called; ``None`` where the model writes ``call`` itself."""
        return None if self._recipe is None else self._recipe.output_names

    # ---- as plain data

    def get_config(self) -> dict[str, Any]:
        """Name, dtype, and what leads from inputs to outputs; else the constructor's arguments.

        Raises:
            ArgumentError: a layer or function in it is not registered.
        """
        config = super().get_config()
        if self._recipe is None:
            return {name: value for name, value in config.items() if name not in TENSORS}
        return {**config, "recipe": self._recipe.get_config()}

    def _keeps(self, name: str) -> bool:
        return name in TENSORS or super()._keeps(name)

    def _argument(self, name: str) -> Any:
        return None if name in TENSORS else super()._argument(name)

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """The model that a configuration describes, with new weights.

        Args:
            config: what ``get_config`` gave.
            custom_objects: classes and functions of one's own that it names.
        """
        with custom_object_scope(custom_objects):
            if "recipe" not in config:
                return super().from_config(config)
            inputs, outputs = Recipe.tensors_from(config["recipe"])
        rest = {key: value for key, value in config.items() if key != "recipe"}
        return cls(**{**rest, "inputs": inputs, "outputs": outputs})

    def to_json(self, **options: Any) -> str:
        """The architecture as text; see ``model_from_json``.

        Args:
            options: of ``json.dumps``, such as ``indent``.
        """
        return json.dumps(serialize(self), **options)

    # ---- files

    def __reduce__(self) -> Any:
        """A model holds compiled programs and threads, which cannot be copied byte by byte."""
        raise ArgumentError(
            "A model cannot be pickled or deep-copied. Write it with save(path) and read it with "
            "load_model(path), or make a second one and set_weights(first.get_weights())."
        )

    @checked_before
    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write architecture, weights and, where compiled, what training needs; all or nothing.

        Args:
            filepath: the file, in the safetensors format.
            overwrite: whether to replace a file that is there.

        Raises:
            ArgumentError: a function or class in the model is not registered.
            NotBuiltError: the model has no weights yet.
            FileError: the file cannot be written, or is there and is not to be replaced.
        """
        self._require_built()
        _require_free(filepath, overwrite)
        save_tree(filepath, "model", self.content())

    def content(self) -> dict[str, Any]:
        """What ``save`` writes: plain data and arrays, from which ``model_from`` makes the model.

        Raises:
            ArgumentError: a function or class in the model is not registered.
        """
        return {
            "architecture": serialize(self),
            "input": self._input,
            "preprocessing": serialize(self.preprocessing),
            "names": [weight.name for weight in self.weights],
            "weights": self.get_weights(),
            "seed": self.seed,
            "epochs_seen": self.epochs_seen,
            "random": [self.random.seed.numpy(), self.random.step.numpy()],
            "training": self._training_config(),
        }

    def _training_config(self) -> dict[str, Any] | None:
        if self._steps is None:
            return None
        return {
            "optimizer": serialize(self.optimizer),
            **self._steps.objective.get_config(),
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
            self._input = saved["input"]
            self.build(map_tree(lambda one: one["shape"], self._input, is_leaf=_is_description))
        self.set_weights(saved["weights"])
        self.seed, self.epochs_seen = int(saved["seed"]), int(saved["epochs_seen"])
        _assign_all([self.random.seed, self.random.step], saved["random"])
        known = saved.get("preprocessing")
        self.preprocessing = None if known is None else deserialize_preprocessing(known)
        config = saved["training"]
        if training and config is not None:
            names = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")
            self.compile(**{name: with_own_functions(config[name]) for name in names})
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

    @checked_before
    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write the weights alone, with their names; all or nothing.

        Args:
            filepath: the file, in the safetensors format.
            overwrite: whether to replace a file that is there.

        Raises:
            NotBuiltError: there are none yet.
            FileError: the file cannot be written, or is there and is not to be replaced.
        """
        self._require_built()
        _require_free(filepath, overwrite)
        names = [weight.name for weight in self.weights]
        save_tree(filepath, "weights", {"names": names, "weights": self.get_weights()})

    @checked_before
    def load_weights(
        self,
        filepath: str | os.PathLike[str],
        skip_mismatch: bool = False,
        *,
        by_name: bool = False,
    ) -> list[str]:
        """Read weights that ``save_weights`` or ``save`` wrote; either all fit or none changes.

        Args:
            filepath: the file.
            skip_mismatch: whether weights of other shapes are left as they are, with a warning.
            by_name: whether weights are found by their names, ``layer/weight``, and those that are
                not in the file stay as they are: the way to begin with parts of another network.

        Returns:
            The names of the weights that were read.

        Raises:
            NotBuiltError: the model has no weights yet.
            FileError: the file is missing, damaged, or holds other weights.
        """
        self._require_built()
        found = load_tree(filepath, "weights", "model")
        try:
            pairs = _paired(self.weights, found["weights"], found["names"], by_name)
            read = _fitting(pairs, skip_mismatch)
        except (ShapeError, LookupError, TypeError) as error:
            raise FileError(
                f"The weights in {os.fspath(filepath)!r} belong to another architecture. {error}"
            ) from error
        for weight, array in read:
            weight.assign(array)
        return [weight.name for weight, _ in read]

    def _require_built(self) -> None:
        if not self.built:
            raise NotBuiltError(
                "The model has no weights yet: begin it with Input(shape), call "
                "build(input_shape), or fit it."
            )

    # ---- summary

    @checked_before
    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print a table of layers, shapes and parameters.

        Args:
            line_length: the width of the table, 80 by default.
            positions: accepted as in Keras; columns are as wide as their content.
            print_fn: takes the text; ``print`` by default.
            expand_nested: whether to list the layers of models inside as well.
            show_trainable: whether to say of each layer whether it is trained.
            layer_range: the names of the first and the last layer to be listed.

        Raises:
            NotBuiltError: the model has no weights yet.
            UnknownNameError: no layer has a name of ``layer_range``.
        """
        from glassgrad.models.summary import summary_of

        self._require_built()
        text = summary_of(self, line_length or 80, expand_nested, show_trainable, layer_range)
        (print_fn or print)(text)

    # ---- a step, looked at

    @checked_before
    def describe_step(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        *,
        sample_weight: Any = None,
        step: str = "training",
    ) -> str:
        """What the executor makes of one step: its plan, as text.

        Args:
            x: inputs, as ``fit`` takes them; made up from the model's input shape by default.
            y: targets; made up as the losses expect them by default.
            batch_size: examples of the step, 32 by default.
            sample_weight: how much each example counts.
            step: "training", "evaluation" or "prediction".

        Raises:
            NotBuiltError: the model is not compiled, or there is no x and its input is unknown.
            UnknownNameError: there is no such step.
            DataError, ShapeError: as ``fit``.

        Example:
            >>> from glassgrad.layers import Dense, Input
            >>> model = Model(x := Input((4,)), Dense(2, name="dense")(x))
            >>> print(model.describe_step(batch_size=8, step="prediction").splitlines()[-1].strip())
            t1 = x @ dense/kernel + dense/bias   float32[8, 2]
        """
        program, _ = self._program_of(step, x, y, batch_size, sample_weight)
        return program.describe()

    @checked_before
    def profile(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        *,
        sample_weight: Any = None,
        step: str = "training",
    ) -> Profile:
        """Measure where the time of one step goes, kernel by kernel and layer by layer.

        The weights, the optimizer and the metrics stay as they are. ``print`` shows the tables.

        Args:
            x: inputs, as ``fit`` takes them; made up from the model's input shape by default.
            y: targets; made up as the losses expect them by default.
            batch_size: examples of the step, 32 by default.
            sample_weight: how much each example counts.
            step: "training", "evaluation" or "prediction".

        Returns:
            Seconds, floating-point operations and bytes of every launch, kind and layer;
            ``profile.table(sort="time")`` puts the longest first.

        Raises:
            NotBuiltError: the model is not compiled, or there is no x and its input is unknown.
            UnknownNameError: there is no such step.
            DataError, ShapeError: as ``fit``.
            ExecutionError: the model runs in another executor than "cpu".

        Example:
            >>> from glassgrad.layers import Dense, Input
            >>> model = Model(x := Input((4,)), Dense(2, name="dense")(x))
            >>> profile = model.profile(batch_size=8, step="prediction")
            >>> [(timing.kind, timing.flop) for timing in profile.timings]
            [('product', 144)]
        """
        program, batch = self._program_of(step, x, y, batch_size, sample_weight)
        return program.profile(*batch.arrays)

    def _program_of(
        self, step: str, x: Any, y: Any, batch_size: int | None, sample_weight: Any
    ) -> tuple[Program, Batch]:
        """The program of a step, and the first batch for it."""
        if step not in STEPS:
            raise UnknownNameError("step", step, STEPS)
        size = 32 if batch_size is None else require_count("batch_size", batch_size)
        if x is None:
            x = self._made_up_input(size)
        few = slice(0, size)
        if step == "prediction":
            batch = as_data(x, dtype=self.dtype).part(few).first()
            return self._prediction_step().program(batch), batch
        steps = self.steps
        if y is None:
            y = made_up_targets(self, steps.objective, x)
        is_training = step == "training"
        data = as_data(x, y, sample_weight, self.dtype).part(few)
        batch = steps.checked(data, training=is_training).first()
        if is_training:
            self.build_optimizer()
        return (steps.training if is_training else steps.evaluation).program(batch), batch

    def _made_up_input(self, batch_size: int) -> Any:
        return self._for_inputs(lambda shape, dtype: made_up_input(shape, dtype, batch_size))

    def input_samples(self, sample: int) -> Any:
        """Tensors that stand for the inputs where the model is followed without data.

        Args:
            sample: 0 or 1; a length that is open differs between the two.

        Raises:
            NotBuiltError: the input is not known yet.
        """
        return self._for_inputs(lambda shape, dtype: placeholder(filled(shape, sample), dtype))

    def _for_inputs(self, make: Callable[[OpenShape, np.dtype[Any]], Any]) -> Any:
        """What is made for the shape and dtype of each input, in their structure."""
        if self._recipe is not None:
            return map_tree(lambda symbol: make(symbol.shape, symbol.dtype), self._recipe.inputs)
        if self._input is None:
            raise NotBuiltError(
                f"Model {self.name!r} does not know its input yet: pass x, or begin with "
                "Input(shape)."
            )
        return map_tree(
            lambda one: make(tuple(one["shape"]), np.dtype(one["dtype"])),
            self._input,
            is_leaf=_is_description,
        )


# ---- what a model was built for: {"shape": …, "dtype": …}, or a tree of these


def _is_description(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"shape", "dtype"}


def _described(tensors: Any) -> Any:
    """Shapes with an open batch, and dtypes, of what is handed to a model."""
    return map_tree(lambda one: {"shape": [None, *one.shape[1:]], "dtype": str(one.dtype)}, tensors)


def _with_shapes(known: Any, shapes: Any, dtype: str) -> Any:
    """Descriptions with these shapes, and with the dtypes that are known already."""
    dtypes = iter([one["dtype"] for one in flatten(known, is_leaf=_is_description)[0]])
    return map_tree(
        lambda shape: {"shape": [None, *shape[1:]], "dtype": next(dtypes, dtype)},
        shapes,
        is_leaf=_is_shape,
    )


def _is_shape(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        length is None or isinstance(length, int) for length in value
    )


def _sample(description: Mapping[str, Any]) -> Any:
    return placeholder(filled(description["shape"], 0), description["dtype"])


# ---- weights


def _paired(
    weights: Sequence[Variable], arrays: Sequence[Array], names: Sequence[str], by_name: bool
) -> Iterator[tuple[Variable, Array]]:
    """Which array is meant for which weight."""
    if not by_name:
        if len(weights) != len(arrays):
            raise ShapeError(
                f"The model has {len(weights)} weights, the file {len(arrays)}. Pass by_name=True "
                "to read those whose names agree."
            )
        return zip(weights, arrays, strict=True)
    of_model = {weight.name for weight in weights}
    _require_different("the file", [name for name in names if name in of_model])
    _require_different("the model", [weight.name for weight in weights if weight.name in names])
    by = dict(zip(names, arrays, strict=True))
    return ((weight, by[weight.name]) for weight in weights if weight.name in by)


def _require_different(where: str, names: Sequence[str]) -> None:
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise ShapeError(
            f"by_name=True needs names that are unique. Got {twice!r} twice in {where}; give the "
            "layers different names."
        )


def _fitting(
    pairs: Iterator[tuple[Variable, Array]], skip_mismatch: bool
) -> list[tuple[Variable, Array]]:
    """The pairs of equal shapes; others are refused, or left out with a warning."""
    fitting, others = [], []
    for weight, array in pairs:
        if weight.shape == np.shape(array):
            fitting.append((weight, array))
        else:
            others.append(f"{weight.name!r} has shape {weight.shape}, in the file {array.shape}")
    if others and not skip_mismatch:
        raise ShapeError(f"{others[0]}. Pass skip_mismatch=True to leave such weights as they are.")
    if others:
        warnings.warn(f"{'; '.join(others)}. These weights stay as they are.", stacklevel=3)
    return fitting


def _assign_all(variables: Sequence[Variable], values: Sequence[Array]) -> None:
    if [one.shape for one in variables] != [np.shape(value) for value in values]:
        raise ShapeError(
            f"There must be {len(variables)} arrays of the right shapes. Got shapes "
            f"{[np.shape(value) for value in values]}."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _require_free(path: str | os.PathLike[str], overwrite: bool) -> None:
    if not overwrite and exists(Path(path)):
        raise FileError(
            f"{os.fspath(path)!r} is there already, and overwrite is False. Name another file."
        )
