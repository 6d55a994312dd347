"""Public functions with one valid call each, and the values that no call should trip over."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np

import glassgrad
from glassgrad import (
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    regularizers,
)
from glassgrad.graph import Tensor, Variable
from glassgrad.graph.trees import leaves_of
from glassgrad.lens.doctor.facts import facts_of
from tests.keras_parity.names import FAMILIES

X = [[0.25, 0.5], [0.75, 0.5]]
BATCH = np.linspace(0.1, 0.9, 12, dtype="float32").reshape(4, 3)
TARGETS = np.linspace(0.2, 0.8, 4, dtype="float32").reshape(4, 1)


def nothing(*_: Any, **__: Any) -> None:
    """A function that takes anything and gives nothing."""


class Hollow:
    """A class that takes anything and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None: ...


class Unhelpful:
    """An object that refuses to be looked at."""

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __getitem__(self, index: Any) -> Any:
        raise RuntimeError("no entries")


FAR = 2**40

#: What is put in the place of an argument, by a name for messages. Made anew for each call.
POOL: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "empty text": lambda: "",
    "text": lambda: "abc",
    "text with a zero": lambda: "a\0b",
    "a lone surrogate": lambda: "\ud800",
    "bytes": lambda: b"x",
    "-1": lambda: -1,
    "0": lambda: 0,
    "2": lambda: 2,
    "2**70": lambda: 2**70,
    "-2**70": lambda: -(2**70),
    "1e400": lambda: 1e400,
    "1e300": lambda: 1e300,
    "nan": lambda: float("nan"),
    "-inf": lambda: float("-inf"),
    "0.5": lambda: 0.5,
    "a complex number": lambda: 1j,
    "True": lambda: True,
    "int64": lambda: np.int64(1),
    "float64": lambda: np.float64(0.5),
    "bool of NumPy": lambda: np.bool_(True),
    "an array of one": lambda: np.array([1]),
    "empty list": list,
    "empty tuple": tuple,
    "ragged": lambda: [[1], [2, 3]],
    "list of None": lambda: [None],
    "list of texts": lambda: ["a", "b"],
    "mixed list": lambda: [1, "a", None],
    "nested deep": lambda: nested(70),
    "whole numbers": lambda: [1, 2],
    "floats": lambda: [0.5, 1.5],
    "an object": object,
    "unhelpful": Unhelpful,
    "objects": lambda: np.array([object(), None]),
    "texts": lambda: np.array(["a", "b"]),
    "complex numbers": lambda: np.array([1j, 2]),
    "dates": lambda: np.array(["2020-01-01"], dtype="datetime64[D]"),
    "records": lambda: np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]),
    "half floats": lambda: np.ones((2, 2), "float16"),
    "empty array": lambda: np.zeros((0,)),
    "empty matrix": lambda: np.zeros((0, 3)),
    "empty columns": lambda: np.zeros((2, 0), "int32"),
    "scalar array": lambda: np.array(1.0),
    "ones in four axes": lambda: np.ones((1, 1, 1, 1)),
    "not finite": lambda: np.array([[np.nan, np.inf], [-np.inf, 1.0]]),
    "masked": lambda: np.ma.masked_array([1.0, 2.0], [True, False]),
    "far": lambda: (FAR, FAR),
    "far in one axis": lambda: (2**62,),
    "beyond integers": lambda: (2**70, 2),
    "negative lengths": lambda: (-1, -2),
    "a date": lambda: dt.date(2020, 1, 1),
    "a class": lambda: Hollow,
    "a function": lambda: nothing,
    "a set": lambda: {1, 2},
    "a dictionary": lambda: {"a": 1},
    "a configuration": lambda: {"class_name": "Nothing", "config": {}},
    "a broken configuration": lambda: {"class_name": ["Dense"], "config": 3},
    "a generator": lambda: (n for n in (1, 2)),
    "a range": lambda: range(3),
    "a slice": lambda: slice(1, None),
    "a module": lambda: np,
    "a dtype": lambda: np.dtype("int8"),
    "a tensor": lambda: Tensor(X),
    "a variable": lambda: Variable([1.0, 2.0]),
    "a symbolic tensor": lambda: layers.Input((3,)),
    "a layer": lambda: layers.Dense(1),
}  # fmt: skip


def nested(depth: int) -> list[Any]:
    """More axes than NumPy has."""
    value: list[Any] = [1.0]
    for _ in range(depth):
        value = [value]
    return value


# ---- valid arguments, by the parameter's name, then by the function's


def compiled() -> models.Sequential:
    model = models.Sequential([layers.Input((3,)), layers.Dense(2, "tanh"), layers.Dense(1)])
    model.compile("sgd", "mse", executor="reference")
    return model


@cache
def few_digits() -> glassgrad.datasets.Dataset:
    whole = glassgrad.datasets.load("digits")
    return replace(whole, x_train=whole.x_train[:40], y_train=whole.y_train[:40])


DEAD = glassgrad.doctor.Finding("dead_units", "Nothing fires.")


def untrained() -> glassgrad.doctor.Case:
    return glassgrad.doctor.Case(facts_of(compiled(), (BATCH, TARGETS)))


def bad_step() -> str:
    """The file of a step that gives infinity."""
    model = models.Sequential([layers.Input((3,)), layers.Dense(1, "exponential")])
    model.compile("sgd", "mse", executor="reference")
    look = glassgrad.Doctor(folder=".", verbose=0)
    model.fit(1e6 * BATCH, TARGETS, verbose=0, callbacks=[look])
    return "bad_step.safetensors"


def own_function(x: Any) -> Any:
    return (x * x).sum()


ARGUMENTS: dict[str, Callable[[], Any]] = {
    "activation": lambda: "relu",
    "axes": lambda: 1,
    "axis": lambda: 0,
    "backup_dir": lambda: "backup",
    "boundaries": lambda: [3, 5],
    "cell": lambda: layers.SimpleRNNCell(2),
    "cells": lambda: [layers.SimpleRNNCell(2), layers.LSTMCell(2)],
    "values": lambda: [0.1, 0.2, 0.3],
    "config": lambda: {"class_name": "Zeros", "config": {}},
    "custom_objects": dict,
    "data": lambda: X,
    "decay_rate": lambda: 0.5,
    "dims": lambda: (2, 1),
    "dtype": lambda: "float32",
    "factor": lambda: 0.1,
    "filename": lambda: "log.csv",
    "filepath": lambda: "model.glass",
    "fill_value": lambda: 1.0,
    "fn": lambda: "mse",
    "function": lambda: own_function,
    "generator": lambda: np.random.default_rng(1),
    "height_factor": lambda: 0.1,
    "width_factor": lambda: 0.1,
    "identifier": lambda: None,
    "indices": lambda: [[0, 1], [1, 0]],
    "indices_or_sections": lambda: 2,
    "initializer": lambda: "zeros",
    "inner_optimizer": lambda: "sgd",
    "inputs": lambda: [Tensor(X), Tensor(X)],
    "labels": lambda: [0, 1],
    "layer": lambda: layers.SimpleRNN(2),
    "learning_rate": lambda: 0.1,
    "loss": lambda: Tensor(2.0, requires_grad=True).square(),
    "model": compiled,
    "minval": lambda: 0,
    "maxval": lambda: 5,
    "name": lambda: "part",
    "outputs": lambda: Tensor(X),
    "pad_width": lambda: 1,
    "probabilities": lambda: X,
    "logits": lambda: X,
    "predicted": lambda: X,
    "q": lambda: 0.5,
    "rate": lambda: 0.5,
    "scale": lambda: 0.5,
    "schedule": lambda: 0.1,
    "segment_ids": lambda: [0, 1],
    "shape": lambda: (2, 2),
    "shift": lambda: 1,
    "start": lambda: 3,
    "seed": lambda: 1,
    "threads": lambda: 1,
    "stddev": lambda: 0.5,
    "subscripts": lambda: "ij,jk->ik",
    "target": lambda: 0.1,
    "target_class_ids": lambda: [1],
    "target_shape": lambda: (-1,),
    "value": lambda: [1.0, 2.0],
    "variables": lambda: [Variable([1.0])],
    "x": lambda: X,
    "x1": lambda: X,
    "x2": lambda: X,
    "xs": lambda: [X, X],
    "x_min": lambda: 0.0,
    "x_max": lambda: 1.0,
    "y_true": lambda: [[0.0, 1.0], [1.0, 0.0]],
    "y_pred": lambda: X,
    **dict.fromkeys(("precision", "recall", "sensitivity", "specificity"), lambda: 0.5),
    **dict.fromkeys(("axis1", "source", "minval"), lambda: 0),
    **dict.fromkeys(("axis2", "destination", "n", "seconds", "warmup_steps"), lambda: 1),
    **dict.fromkeys(("N", "input_dim", "output_dim", "num_classes", "num_samples"), lambda: 2),
    **dict.fromkeys(("num_segments", "k", "repeats", "units"), lambda: 2),
    **dict.fromkeys(("num_heads", "key_dim", "head_dim", "num_query_heads"), lambda: 2),
    **dict.fromkeys(("num_key_value_heads", "embedding_dim", "intermediate_dim"), lambda: 2),
    **dict.fromkeys(("vocabulary_size", "sequence_length"), lambda: 8),
    **dict.fromkeys(("filters", "kernel_size", "pool_size", "height", "width"), lambda: 2),
    **dict.fromkeys(("initial_learning_rate", "max_learning_rate"), lambda: 0.1),
    **dict.fromkeys(("decay_steps", "first_decay_steps", "total_steps", "step_size"), lambda: 10),
}  # fmt: skip


def word(number: int) -> Tensor:
    return Tensor(number, dtype="uint32")


def pair_of_words() -> dict[str, Callable[[], Any]]:
    return {"seed": partial(word, 1), "step": partial(word, 2)}


def grown(carries: Any, elements: Any, constants: Any) -> Any:
    return tuple(carry + 1.0 for carry in carries), tuple(elements)


def saved_model() -> str:
    compiled().save("saved.glass")
    return "saved.glass"


def with_loss(variable: Variable) -> Tensor:
    return (variable * variable).sum()


def by_itself() -> dict[str, Any]:
    variable = Variable([1.0, 2.0])
    return {"loss": with_loss(variable), "variables": [variable]}


def images() -> Any:
    return IMAGES


OVER_SPACE: dict[str, dict[str, Callable[[], Any]]] = {
    "average_pool": {"inputs": images},
    "conv": {"inputs": images, "kernel": lambda: np.ones((2, 1, 3, 2))},
    "conv_transpose": {"inputs": images, "kernel": lambda: np.ones((2, 1, 2, 3))},
    "depthwise_conv": {"inputs": images, "kernel": lambda: np.ones((2, 1, 3, 2))},
    "max_pool": {"inputs": images},
    "separable_conv": {
        "inputs": images,
        "depthwise_kernel": lambda: np.ones((2, 1, 3, 2)),
        "pointwise_kernel": lambda: np.ones((1, 1, 6, 2)),
    },
}


def recurrent(gates: int, biases: int = 1) -> dict[str, Callable[[], Any]]:
    """The weights of a recurrence of 3 units over sequences of 4 numbers."""
    sizes = {"kernel": (4, 3 * gates), "recurrent_kernel": (3, 3 * gates)}
    sizes["bias"] = (3 * gates,) if biases == 1 else (biases, 3 * gates)
    sizes |= {"h0": (2, 3), "c0": (2, 3), "x": (2, 5, 4)}
    return {name: partial(np.ones, size, "float32") for name, size in sizes.items()}


BOXES = [[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 2.0, 2.0]]
IMAGES_OF_BOXES = [{"boxes": BOXES, "labels": [0, 1], "scores": [0.5, 0.75]}]


CHECK: dict[str, Callable[[], Any]] = {
    "target": lambda: ops.divide,
    "x": lambda: X, "y": lambda: [[0.5, 0.25], [0.5, 0.75]], "parameters": lambda: ["a"],
    "sample_weight": lambda: None, "directions": lambda: 4, "entries": lambda: 4,
    "seed": lambda: 1, "tolerance": lambda: 1e-6, "training": lambda: False, "order": lambda: 1,
    "torch": lambda: None,
}  # fmt: skip


#: Few points and steps, so that a call takes a moment.
SURFACE: dict[str, Callable[[], Any]] = {
    "name": lambda: "own", "formula": lambda: "x**2 + y**2",
    "height": lambda: lambda x, y: x * x + y * y, "minima": lambda: ((0, 0),),
    "start": lambda: (1, 1), "low": lambda: (-2, -2), "high": lambda: (2, 2),
}  # fmt: skip
SLICE: dict[str, Callable[[], Any]] = {
    "target": compiled,
    "x": lambda: BATCH,
    "y": lambda: TARGETS,
    "points": lambda: 3,
    "steps": lambda: 2,
}
EXPLAIN: dict[str, Callable[[], Any]] = {
    "target": compiled, "x": lambda: BATCH, "y": lambda: TARGETS, "sample_weight": lambda: None,
    "variables": lambda: ["x"], "entry": lambda: [("x", 0, 0)],
    "fused": lambda: False, "training": lambda: False,
}  # fmt: skip

COMPARE: dict[str, Callable[[], Any]] = {
    "kind": lambda: "activations", "data": few_digits, "seeds": lambda: 1,
    "only": lambda: ["relu", "tanh"], "layers": lambda: "3 relu", "epochs": lambda: 1,
    "executor": lambda: "reference", "learning_rate": lambda: None, "folder": lambda: None,
}  # fmt: skip


REPAIR = {
    "data": lambda: (np.repeat(BATCH, 3, axis=0), np.repeat(TARGETS, 3, axis=0)),
    "epochs": lambda: 1,
    "budget": lambda: 3.0,
}

OWN: dict[str, dict[str, Callable[[], Any]]] = {
    "detection.average_precision": {
        "hits": lambda: [True, False], "scores": lambda: [0.5, 0.25], "objects": lambda: 2,
    },
    "detection.clip_to_image_size": {
        "bounding_boxes": lambda: IMAGES_OF_BOXES[0], "height": lambda: 2, "width": lambda: 2,
    },
    "detection.compute_iou": {
        "boxes1": lambda: BOXES, "boxes2": lambda: BOXES, "bounding_box_format": lambda: "xyxy",
    },
    "detection.convert_format": {
        "boxes": lambda: BOXES, "source": lambda: "xyxy", "target": lambda: "xywh",
    },
    "detection.non_max_suppression": {"boxes": lambda: BOXES, "scores": lambda: [0.5, 0.75]},
    "detection.mean_average_precision": {
        "y_true": lambda: IMAGES_OF_BOXES, "y_pred": lambda: IMAGES_OF_BOXES,
    },
    "ops.simple_recurrence": recurrent(1),
    "ops.long_short_term_memory": recurrent(4),
    "ops.gated_recurrent_unit": recurrent(3, biases=2),
    "layers.GroupNormalization": {"groups": lambda: 1},
    "activations.deserialize": {"config": lambda: "relu"},
    "constraints.deserialize": {"config": lambda: "non_neg"},
    "layers.deserialize": {"config": lambda: {"class_name": "Flatten", "config": {}}},
    "losses.deserialize": {"config": lambda: "mse"},
    "metrics.deserialize": {"config": lambda: "mse"},
    "optimizers.deserialize": {"config": lambda: "sgd"},
    "optimizers.schedules.deserialize": {
        "config": lambda: optimizers.schedules.serialize(optimizers.schedules.StepDecay(0.1, 3))
    },
    "regularizers.deserialize": {"config": lambda: "l2"},
    "activations.serialize": {"activation": lambda: glassgrad.activations.relu},
    "initializers.require": {"identifier": lambda: "zeros"},
    "losses.as_loss": {"identifier": lambda: "mse"},
    "optimizers.schedules.require": {
        "identifier": lambda: optimizers.schedules.StepDecay(0.1, 3)
    },
    "callbacks.LearningRateScheduler": {"schedule": lambda: lambda epoch, rate: rate},
    "layers.EinsumDense": {"equation": lambda: "ab,bc->ac", "output_shape": lambda: 2},
    "layers.Lambda": {"function": lambda: ops.tanh},
    "layers.Permute": {"dims": lambda: (1,)},
    "layers.CategoryEncoding": {"num_tokens": lambda: 3},
    "layers.Discretization": {"bin_boundaries": lambda: [0.2, 0.6]},
    **{name: {"shape": lambda: (3,)}
       for name in ("layers.Input", "models.Input", "Input", "layers.InputLayer")},
    "initializers.initialize": {"initializer": lambda: initializers.Zeros()},
    "metrics.as_metric": {"identifier": lambda: "mse", "y_true": lambda: Tensor([[1.0]]),
                          "y_pred": lambda: Tensor([[0.5]])},
    "metrics.MeanMetricWrapper": {"fn": lambda: losses.huber},
    **{name: {"y_true": lambda: [0, 1]} for name in (
        "losses.sparse_categorical_crossentropy", "metrics.sparse_categorical_crossentropy",
        "metrics.sparse_categorical_accuracy", "metrics.sparse_top_k_categorical_accuracy",
        "losses.categorical_generalized_cross_entropy",
    )},
    "saving.serialize_keras_object": {"obj": lambda: losses.Huber()},
    "saving.deserialize_keras_object": {
        "config": lambda: glassgrad.saving.serialize_keras_object(losses.Huber())
    },
    "layers.Activation": {"activation": lambda: "tanh"},
    "models.model_from_json": {"json_string": lambda: compiled().to_json()},
    "models.load_model": {"filepath": saved_model},
    "saving.load_model": {"filepath": saved_model},
    "saving.load_weights": {"filepath": saved_model},
    "models.lsuv": {"x": lambda: BATCH},
    "ops.one_hot": {"x": lambda: [0, 1]},
    "ops.nn.one_hot": {"x": lambda: [0, 1]},
    "utils.to_categorical": {"x": lambda: [0, 1]},
    "ops.take": {"indices": lambda: [0, 1]},
    "ops.reshape": {"shape": lambda: (4,)},
    "ops.scan": {
        "function": lambda: grown,
        "carries": lambda: [Tensor(0.0)],
        "sequences": lambda: [Tensor([1.0, 2.0])],
    },
    "ops.uniform": pair_of_words(),
    "ops.random_normal": pair_of_words(),
    "ops.random_truncated_normal": pair_of_words(),
    "ops.einsum": {"operands": lambda: [X, X]},
    **{f"{family}.{name}": arguments for family in ("ops", "ops.nn")
       for name, arguments in OVER_SPACE.items()},
    **{f"{family}.dot_product_attention": dict.fromkeys(("query", "key", "value"), images)
       for family in ("ops", "ops.nn")},
    "ops.segment_sum": {"data": lambda: [1.0, 2.0]},
    "ops.where": {"inputs": lambda: [[True, False], [1.0, 2.0], [3.0, 4.0]]},
    "random.dropout": {"inputs": lambda: X},
    "use": {"name": lambda: "cpu"},
    **dict.fromkeys(("check_gradients", "lens.check_gradients"), CHECK),
    "lens.compare": COMPARE,
    **dict.fromkeys(("explain", "lens.explain"), EXPLAIN),
    **dict.fromkeys(("repair", "doctor.repair"), REPAIR),
    "doctor.diagnose": {"case": untrained},
    "doctor.examine": {"x": lambda: BATCH, "y": lambda: TARGETS},
    "doctor.find_first_bad_value": {"x": lambda: BATCH, "y": lambda: TARGETS},
    "doctor.findings_as_json": {"findings": lambda: [DEAD]},
    "doctor.Evidence": {"quantity": lambda: "loss", "value": lambda: 1.0},
    "doctor.Finding": {"code": lambda: "dead_units", "cause": lambda: "Nothing fires."},
    "doctor.Remedy": {"action": lambda: "clip", "sentence": lambda: "Clip."},
    "doctor.replay": {"path": bad_step},
    **dict.fromkeys(("lens.loss_slice", "lens.loss_plane"), SLICE),
    "lens.lr_find": {"x": lambda: BATCH, "y": lambda: TARGETS, "steps": lambda: 10},
    "lens.race": {"surface": lambda: "bowl", "steps": lambda: 2, "tune": lambda: False},
    "lens.race_everywhere": {
        "optimizers": lambda: ["sgd=0.1"], "steps": lambda: 1, "tune": lambda: False,
    },
    "lens.Surface": SURFACE,
    "lens.draw": {"target": compiled},
    "lens.gradients_of": {"x": lambda: BATCH, "y": lambda: TARGETS},
    "lens.saliency": {"x": lambda: BATCH},
    "lens.saliency_picture": {"image": lambda: X, "saliency": lambda: X},
    "utils.unpack_x_y_sample_weight": {"data": lambda: (X, X)},
}  # fmt: skip

# Not called: what only wires the package, or what a call would change for good.
LEFT_OUT = {
    "callbacks.Callback": "takes nothing",
    "layers.get": "as layers.deserialize",
    "lens.ExplainedStep": "made by explain alone",
    **dict.fromkeys(("doctor.BadValue", "doctor.Case"), "made by the doctor alone"),
    "doctor.Repair": "made by repair alone",
    "doctor.watch": "needs PyTorch",
    "doctor.Repetition": "made by replay alone",
    "doctor.Watcher": "made by watch alone",
    **dict.fromkeys(("lens.Box", "lens.Flow", "lens.Picture"), "made by plot alone"),
    "lens.Comparison": "made by compare alone",
    "lens.GradientCheck": "made by check_gradients alone",
    "lens.LossSlice": "made by loss_slice alone",
    "lens.RangeTest": "made by lr_find alone",
    **dict.fromkeys(("lens.Race", "lens.Races", "lens.Runner"), "made by race alone"),
    "lens.LossPlane": "made by loss_plane alone",
    "lens.Explanation": "made by explain alone",
    "lens.Line": "made by explain alone",
    "models.Scaling": "made by lsuv alone",
    "losses.resolve_crossentropy": "asked with tensors alone, by compile",
    "metrics.resolve_accuracy": "asked with tensors alone, by compile",
    "callbacks.SwapEMAWeights": "needs an optimizer of its own",
    "utils.PyDataset": "to be subclassed",
    "utils.Sequence": "to be subclassed",
}


@dataclass(frozen=True)
class Subject:
    """A public function with one valid call, and what is done with what it gives."""

    name: str
    function: Callable[..., Any]
    arguments: dict[str, Callable[[], Any]]
    many: str | None = None  # the parameter that takes any number of arguments
    use: Callable[[Any], Any] | None = None

    @property
    def parameters(self) -> list[str]:
        """Every parameter in whose place something bad can be put."""
        known = inspect.signature(self.function).parameters.values()
        named = [p.name for p in known if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        return [*named, *([] if self.many is None else [self.many])]

    def call(self, parameter: str | None = None, value: Any = None) -> Any:
        """Call it, with a value in the place of one argument."""
        given = {name: make() for name, make in self.arguments.items()}
        if parameter is not None:
            given[parameter] = [value, *given[parameter][1:]] if parameter == self.many else value
        many = given.pop(self.many) if self.many else []
        names = list(inspect.signature(self.function).parameters)
        before = (
            [given.pop(n) for n in names[: names.index(self.many)]] if self.many in names else []
        )
        result = self.function(*before, *many, **given)
        if self.use is not None:
            result = self.use(result)
        return looked_at(result)


def looked_at(result: Any) -> Any:
    """The numbers of tensors, and the inside of contexts."""
    if isinstance(result, AbstractContextManager):
        with result:
            return None
    if isinstance(result, Tensor | list | tuple | dict):
        for leaf in leaves_of(result):
            if isinstance(leaf, Tensor):
                leaf.numpy()
    repr(result)
    return result


# ---- what is done with what a constructor gives

IMAGES = np.linspace(0, 1, 2 * 4 * 4 * 3, dtype="float32").reshape(2, 4, 4, 3)
VOLUMES = np.linspace(0, 1, 1 * 3 * 4 * 5 * 1, dtype="float32").reshape(1, 3, 4, 5, 1)
SEQUENCES = np.linspace(0, 1, 2 * 3 * 4, dtype="float32").reshape(2, 3, 4)
CANDIDATES: dict[type, tuple[tuple[Any, ...], ...]] = {
    layers.Layer: (
        (BATCH,),
        ([Tensor(X), Tensor(X)],),
        (IMAGES,),
        (IMAGES[0],),
        (VOLUMES,),
        (SEQUENCES,),
        (SEQUENCES, SEQUENCES),
        ([Tensor(SEQUENCES), Tensor(SEQUENCES)],),
        ([[0, 1], [1, 0]],),
        (np.array([["a", "b"]]),),
    ),
    losses.Loss: (([[0.0, 1.0], [1.0, 0.0]], X), ([0, 1], X)),
    metrics.Metric: (([[0.0, 1.0], [1.0, 0.0]], X), ([0, 1], X), ([0.5, 1.0],), ([0, 1], [1, 0])),
    initializers.Initializer: (((2, 2),),),
    regularizers.Regularizer: ((Tensor(X),),),
    constraints.Constraint: ((Tensor(X),),),
    optimizers.schedules.LearningRateSchedule: ((3,),),
}


def step_of(optimizer: optimizers.Optimizer) -> list[float]:
    """What two steps make of a variable."""
    variable = Variable([1.0, 2.0])
    for _ in range(2):
        optimizer.apply([[0.5, 0.25]], [variable])
    return variable.numpy().tolist()


def fitted(callback: callbacks.Callback) -> Any:
    """The history of a model that was trained with a callback."""
    arrays = {"x": BATCH, "y": TARGETS, "validation_data": (BATCH, TARGETS)}
    return compiled().fit(**arrays, epochs=2, verbose=0, callbacks=[callback]).history


def used_on(arguments: tuple[Any, ...], made: Any) -> Any:
    """The result of the call, and for layers that learn also in training."""
    result = made(*arguments)
    if isinstance(made, layers.Layer):
        looked_at(made(*arguments, training=True))
        made.get_config()
    return result


def use_of(kind: Any, make: Callable[[], Any]) -> Callable[[Any], Any] | None:
    """What to do with an object of a class: the first call that it can take."""
    if not inspect.isclass(kind):
        return None
    if issubclass(kind, optimizers.Optimizer) and kind is not optimizers.Optimizer:
        return step_of
    if issubclass(kind, callbacks.Callback):
        return fitted
    for base, candidates in CANDIDATES.items():
        for arguments in candidates if issubclass(kind, base) else ():
            try:
                looked_at(used_on(arguments, make()))
            except Exception:  # noqa: BLE001 -- the next may fit
                continue
            return partial(used_on, arguments)
    return None


# ---- the walk

EVERYTHING = (*FAMILIES, "detection", "doctor", "lens", "ops", "ops.nn", "")


def public_functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function and class, with its name below glassgrad."""
    for family in EVERYTHING:
        module = import_module(f"glassgrad.{family}".rstrip("."))
        for name in module.__all__:
            entry = getattr(module, name)
            if callable(entry) and not inspect.ismodule(entry) and has_signature(entry):
                yield f"{family}.{name}".lstrip("."), entry


def has_signature(entry: Any) -> bool:
    """Aliases of types look as if they could be called."""
    try:
        inspect.signature(entry)
    except (TypeError, ValueError):
        return False
    return True


def subject_of(name: str, function: Callable[..., Any]) -> Subject:
    """The valid call, found by the names of the parameters that must be given."""
    own = OWN.get(name, {})
    arguments, many = {}, None
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL and parameter.name in ("inputs", "operands"):
            many = parameter.name
            arguments[many] = own.get(many) or partial(list, [X] * arity(function))
        elif parameter.name in own:
            arguments[parameter.name] = own[parameter.name]
        elif parameter.default is parameter.empty and parameter.kind in (
            parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY,
        ):  # fmt: skip
            arguments[parameter.name] = ARGUMENTS[parameter.name]
    subject = Subject(name, function, arguments, many)
    return Subject(name, function, arguments, many, use_of(function, lambda: subject_made(subject)))


def subject_made(subject: Subject) -> Any:
    return subject.function(**{name: make() for name, make in subject.arguments.items()})


def arity(operation: Any) -> int:
    """How many tensors an operation takes: the first number with which it works."""
    for number in (1, 2, 3):
        try:
            looked_at(operation(*[X] * number))
        except Exception:  # noqa: BLE001 -- the next may fit
            continue
        return number
    return 1


# ---- methods


#: What makes the object, the method, and its valid arguments.
METHODS: tuple[tuple[Callable[[], Any], str, dict[str, Callable[[], Any]]], ...] = (
    (compiled, "compile", {}),
    (compiled, "fit", {"x": lambda: BATCH, "y": lambda: TARGETS, "verbose": lambda: 0}),
    (compiled, "evaluate", {"x": lambda: BATCH, "y": lambda: TARGETS, "verbose": lambda: 0}),
    (compiled, "predict", {"x": lambda: BATCH, "verbose": lambda: 0}),
    (compiled, "train_on_batch", {"x": lambda: BATCH, "y": lambda: TARGETS}),
    (compiled, "test_on_batch", {"x": lambda: BATCH, "y": lambda: TARGETS}),
    (compiled, "predict_on_batch", {"x": lambda: BATCH}),
    (compiled, "__call__", {"inputs": lambda: BATCH}),
    (compiled, "get_layer", {"index": lambda: 0}),
    (compiled, "add", {"layer": lambda: layers.Dense(2)}),
    (compiled, "pop", {}),
    (compiled, "build", {"input_shape": lambda: (None, 3)}),
    (compiled, "set_weights", {"weights": lambda: compiled().get_weights()}),
    (compiled, "compute_output_shape", {"input_shape": lambda: (None, 3)}),
    (compiled, "save", {"filepath": lambda: "again.glass"}),
    (compiled, "save_weights", {"filepath": lambda: "again.glass"}),
    (compiled, "load_weights", {"filepath": saved_model}),
    (compiled, "summary", {"print_fn": lambda: nothing}),
    (compiled, "plot", {"x": lambda: BATCH, "y": lambda: TARGETS}),
    (compiled, "gradients", {"x": lambda: BATCH, "y": lambda: TARGETS}),
    (compiled, "saliency", {"x": lambda: BATCH}),
    (lambda: layers.Dense(2), "__call__", {"inputs": lambda: X}),
    (lambda: layers.Dense(2), "build", {"input_shape": lambda: (None, 3)}),
    (lambda: layers.Dense(2), "add_weight", {}),
    (lambda: layers.Dense(2), "compute_output_shape", {"input_shape": lambda: (None, 3)}),
    (lambda: layers.Normalization(), "adapt", {"data": lambda: X}),
    (lambda: layers.StringLookup(), "adapt", {"data": lambda: ["a", "b"]}),
    (lambda: optimizers.SGD(), "apply", {
        "grads": lambda: [[1.0]], "trainable_variables": lambda: [Variable([1.0])]}),
    (lambda: optimizers.SGD(), "apply_gradients", {
        "grads_and_vars": lambda: [([1.0], Variable([1.0]))]}),
    (lambda: optimizers.SGD(), "build", {"variables": lambda: [Variable([1.0])]}),
    (lambda: metrics.MeanSquaredError(), "update_state", {
        "y_true": lambda: X, "y_pred": lambda: X}),
    (lambda: metrics.AUC(), "update_state", {"y_true": lambda: [0, 1], "y_pred": lambda: X[0]}),
    (lambda: losses.MeanSquaredError(), "__call__", {"y_true": lambda: X, "y_pred": lambda: X}),
    (lambda: losses.SparseCategoricalCrossentropy(), "__call__", {
        "y_true": lambda: [0, 1], "y_pred": lambda: X}),
    (lambda: Variable([1.0, 2.0]), "assign", {"value": lambda: [3.0, 4.0]}),
    (lambda: Variable([1.0, 2.0]), "assign_add", {"value": lambda: [3.0, 4.0]}),
    (lambda: glassgrad.grad(own_function), "__call__", {"x": lambda: X}),
    (lambda: glassgrad.jacobian(ops.tanh), "__call__", {"x": lambda: X}),
    (lambda: glassgrad.hessian(own_function), "__call__", {"x": lambda: [1.0, 2.0]}),
    (lambda: glassgrad.hessian_vector_product(own_function), "__call__", {
        "vectors": lambda: X, "x": lambda: X}),
    (lambda: glassgrad.function(own_function, executor="reference"), "__call__", {"x": lambda: X}),
    *((lambda: Tensor(X), name, arguments) for name, arguments in {
        "sum": {}, "mean": {}, "max": {}, "min": {}, "argmax": {}, "squeeze": {}, "std": {},
        "reshape": {"shape": lambda: (4,)}, "transpose": {"order": lambda: (1, 0)},
        "swapaxes": {"axis1": lambda: 0, "axis2": lambda: 1}, "repeat": {"repeats": lambda: 2},
        "cast": {"dtype": lambda: "float64"}, "clip": {"low": lambda: 0.0, "high": lambda: 1.0},
        "__getitem__": {"index": lambda: 0}, "__add__": {"other": lambda: 1.0},
        "__matmul__": {"other": lambda: X}, "__pow__": {"other": lambda: 2},
    }.items()),
)  # fmt: skip


@dataclass(frozen=True)
class Method:
    """As ``Subject``, for a method of an object that is made for each call."""

    make: Callable[[], Any]
    method: str
    arguments: dict[str, Callable[[], Any]]

    @property
    def name(self) -> str:
        """The class and the method."""
        return f"{type(self.make()).__name__}.{self.method}"

    @property
    def named(self) -> list[str]:
        """What the method takes by name."""
        known = inspect.signature(getattr(self.make(), self.method)).parameters.values()
        return [p.name for p in known if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]

    @property
    def parameters(self) -> list[str]:
        """Every argument in whose place something bad can be put."""
        return list(dict.fromkeys([*self.named, *self.arguments]))

    def call(self, parameter: str | None = None, value: Any = None) -> Any:
        """Call it on a new object, with a value in the place of one argument."""
        given = {name: make() for name, make in self.arguments.items()}
        if parameter is not None:
            given[parameter] = value
        by_place = [given.pop(name) for name in self.arguments if name not in self.named]
        return looked_at(getattr(self.make(), self.method)(*by_place, **given))


def methods() -> list[Method]:
    """The methods, each on a new object."""
    return [Method(*row) for row in METHODS]
