"""Training as a whole: the same data and first weights give the same history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import glassgrad
from tests.keras_parity.comparison import Array, Precision, as_array

EXAMPLES, FEATURES, CLASSES = 30, 5, 3
# The default executor, and the one that defines what is right.
EXECUTORS = {"float32": "cpu", "float64": "reference"}


def regression(library: Any) -> Any:
    layers = library.layers
    return [layers.Dense(6, activation="tanh"), layers.Dense(1)]


def classification(library: Any) -> Any:
    layers = library.layers
    return [layers.Dense(6, activation="relu"), layers.Dense(CLASSES, activation="softmax")]


def normalised(library: Any) -> Any:
    layers = library.layers
    penalty = library.regularizers.L2(0.01)
    return [
        layers.Dense(6, kernel_regularizer=penalty, activity_regularizer="l1", use_bias=False),
        layers.BatchNormalization(momentum=0.8),
        layers.LeakyReLU(),
        layers.Dense(CLASSES),
    ]


def constrained(library: Any) -> Any:
    layers = library.layers
    return [
        layers.Dense(6, activation="silu", kernel_constraint=library.constraints.MaxNorm(1.0)),
        layers.Dense(1, bias_constraint="non_neg"),
    ]


def binary(library: Any) -> Any:
    layers = library.layers
    return [layers.Dense(4, activation="gelu"), layers.Dense(1, activation="sigmoid")]


def of_logits(library: Any) -> Any:
    return library.losses.SparseCategoricalCrossentropy(from_logits=True)


@dataclass(frozen=True)
class Training:
    """How a model is made, compiled and fitted in both libraries."""

    name: str
    layers: Callable[[Any], Any]
    compile: Callable[[Any], Mapping[str, Any]]
    target: str
    fit: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


TRAININGS = (
    Training(
        "regression",
        regression,
        lambda library: {
            "optimizer": library.optimizers.SGD(0.05, momentum=0.9),
            "loss": "mse",
            "metrics": ["mae", library.metrics.RootMeanSquaredError(name="rmse")],
        },
        "real",
        {"batch_size": 8},
    ),
    Training(
        "classes by labels",
        classification,
        lambda library: {
            "optimizer": "adam",
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
            "weighted_metrics": ["accuracy"],
        },
        "labels",
        {"class_weight": {0: 0.5, 1: 2.0, 2: 1.0}},
    ),
    Training(
        "classes by vectors, weights and validation data",
        classification,
        lambda library: {
            "optimizer": library.optimizers.RMSprop(0.01),
            "loss": library.losses.CategoricalCrossentropy(label_smoothing=0.1),
            "metrics": ["accuracy", "categorical_crossentropy"],
        },
        "one_hot",
        {"batch_size": 7, "sample_weight": True, "validation_data": True},
    ),
    Training(
        "logits, penalties and statistics of batches",
        normalised,
        lambda library: {
            "optimizer": library.optimizers.AdamW(0.01, clipnorm=1.0),
            "loss": of_logits(library),
            "metrics": ["accuracy"],
        },
        "labels",
        {"batch_size": 10, "validation_split": 0.3},
    ),
    Training(
        "yes or no",
        binary,
        lambda library: {
            "optimizer": "nadam",
            "loss": "binary_crossentropy",
            "metrics": ["accuracy", library.metrics.AUC(name="auc", num_thresholds=20)],
        },
        "binary",
        {"batch_size": 9, "validation_split": 0.2, "validation_freq": 2},
    ),
    Training(
        "constraints, a schedule and averaged weights",
        constrained,
        lambda library: {
            "optimizer": library.optimizers.SGD(
                library.optimizers.schedules.CosineDecay(0.1, 10), use_ema=True, ema_momentum=0.8
            ),
            "loss": library.losses.Huber(),
            "metrics": ["mse"],
        },
        "real",
        {"batch_size": 8},
    ),
    Training(
        "accumulated gradients",
        regression,
        lambda library: {
            "optimizer": library.optimizers.Adam(0.05, gradient_accumulation_steps=2),
            "loss": lambda true, pred: abs(true - pred) ** 3,
            "metrics": ["mae"],
        },
        "real",
        {"batch_size": 8, "initial_epoch": 1, "epochs": 4},
    ),
)


def data(target: str, precision: Precision) -> tuple[Array, Array]:
    rng = np.random.default_rng(6)
    x = precision.floats(rng.normal(size=(EXAMPLES, FEATURES)))
    labels = (x[:, 0] > 0).astype("int32") + (x[:, 1] > 0.3)
    targets = {
        "real": precision.floats(x[:, :1] * 2 - x[:, 1:2] ** 2),
        "labels": labels.astype("int32"),
        "one_hot": precision.floats(np.eye(CLASSES)[labels]),
        "binary": precision.floats((x[:, :1] > 0.2) * 1.0),
    }
    return x, targets[target]


def options(case: Training, x: Array, y: Array, precision: Precision) -> dict[str, Any]:
    """The arguments of ``fit``; what stands there as True is made of the data."""
    weights = precision.floats(np.random.default_rng(7).uniform(0.2, 2.0, EXAMPLES))
    made = {"validation_data": (x[:12], y[:12], weights[:12]), "sample_weight": weights}
    filled = {key: made[key] if value is True else value for key, value in case.fit.items()}
    return {"epochs": 2, "shuffle": False, "verbose": 0, **filled}


@pytest.mark.parametrize("case", TRAININGS, ids=str)
def test_training_is_that_of_keras(case: Training, keras: Any, precision: Precision) -> None:
    x, y = data(case.target, precision)
    ours, theirs = (
        library.Sequential([library.layers.Input((FEATURES,)), *case.layers(library)])
        for library in (glassgrad, keras)
    )
    give_same_weights(ours, theirs)
    ours.compile(**case.compile(glassgrad), executor=EXECUTORS[precision.dtype])
    theirs.compile(**case.compile(keras), jit_compile=False)
    require_same_training(ours, theirs, x, y, options(case, x, y, precision), precision)


def require_same_training(
    ours: Any, theirs: Any, x: Any, y: Any, arguments: dict[str, Any], precision: Precision
) -> None:
    """Fit, evaluate and predict with both, and compare all that they say."""
    history, their_history = (model.fit(x, y, **arguments).history for model in (ours, theirs))
    assert sorted(history) == sorted(their_history)
    for name, values in their_history.items():
        precision.require_same(history[name], values, name)
    results, their_results = (
        model.evaluate(x, y, batch_size=11, verbose=0, return_dict=True) for model in (ours, theirs)
    )
    assert sorted(results) == sorted(their_results)
    for name, value in their_results.items():
        precision.require_same(results[name], value, f"evaluate: {name}")
    predictions = [as_list(model.predict(x, verbose=0)) for model in (ours, theirs)]
    for number, pair in enumerate(zip(*predictions, strict=True)):
        precision.require_same(*pair, f"prediction {number}")
    precision.require_same(all_weights(ours), all_weights(theirs), "weights")


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def all_weights(model: Any) -> Array:
    return np.concatenate([as_array(weight).ravel() for weight in model.weights])


# ---- graphs of layers


def two_in_two_out(library: Any) -> Any:
    """Two inputs, a layer that both share, a skip connection, and two outputs."""
    layers = library.layers
    left = layers.Input((FEATURES,), name="left")
    right = layers.Input((FEATURES,), name="right")
    shared = layers.Dense(4, activation="tanh", name="shared")
    merged = layers.Concatenate(name="merged")([shared(left), shared(right)])
    hidden = layers.Dense(8, activation="relu", name="hidden")(merged)
    joined = layers.Add(name="joined")([merged, hidden])
    size = layers.Dense(1, name="size")(joined)
    kind = layers.Dense(CLASSES, activation="softmax", name="kind")(joined)
    return library.Model([left, right], [size, kind])


LOSSES = {"size": "mse", "kind": "sparse_categorical_crossentropy"}
COMPILATIONS: tuple[dict[str, Any], ...] = (
    {"loss": list(LOSSES.values())},
    {"loss": LOSSES, "loss_weights": {"size": 0.5, "kind": 2.0}},
    {"loss": list(LOSSES.values()), "loss_weights": [0.5, 2.0], "metrics": [["mae"], ["accuracy"]]},
    {"loss": LOSSES, "metrics": {"size": ["mae", "mse"], "kind": "accuracy"}},
)


@pytest.mark.parametrize("precision", ["float64"], indirect=True)
@pytest.mark.parametrize("compilation", COMPILATIONS, ids=str)
def test_training_of_a_graph_of_layers_is_that_of_keras(
    compilation: dict[str, Any], keras: Any, precision: Precision
) -> None:
    left, size = data("real", precision)
    right, kind = data("labels", precision)
    ours, theirs = (two_in_two_out(library) for library in (glassgrad, keras))
    give_same_weights(ours, theirs)
    ours.compile("adam", **compilation, executor="reference")
    theirs.compile("adam", **compilation, jit_compile=False)
    arguments = {"epochs": 2, "shuffle": False, "verbose": 0, "batch_size": 8}
    require_same_training(ours, theirs, [left, right * 0.5], [size, kind], arguments, precision)


@pytest.mark.parametrize("precision", ["float64"], indirect=True)
@pytest.mark.parametrize("frozen", ["shared", "hidden"])
def test_frozen_layers_stay_as_in_keras(frozen: str, keras: Any, precision: Precision) -> None:
    left, size = data("real", precision)
    right, kind = data("labels", precision)
    ours, theirs = (two_in_two_out(library) for library in (glassgrad, keras))
    give_same_weights(ours, theirs)
    for model, options in ((ours, {"executor": "reference"}), (theirs, {"jit_compile": False})):
        model.get_layer(frozen).trainable = False
        model.compile("adam", list(LOSSES.values()), **options)
    arguments = {"epochs": 2, "shuffle": False, "verbose": 0}
    require_same_training(ours, theirs, [left, right], [size, kind], arguments, precision)


# ---- batches and callbacks


def pair_of_regressions(keras: Any) -> tuple[Any, Any]:
    ours, theirs = (
        library.Sequential([library.layers.Input((FEATURES,)), *regression(library)])
        for library in (glassgrad, keras)
    )
    give_same_weights(ours, theirs)
    ours.compile("sgd", "mse", metrics=["mae"], executor="reference")
    theirs.compile("sgd", "mse", metrics=["mae"], jit_compile=False)
    return ours, theirs


@pytest.mark.parametrize("precision", ["float64"], indirect=True)
def test_single_batches_are_those_of_keras(keras: Any, precision: Precision) -> None:
    ours, theirs = pair_of_regressions(keras)
    x, y = data("real", precision)
    for step in ("train_on_batch", "train_on_batch", "test_on_batch"):
        results = [getattr(model, step)(x, y, return_dict=True) for model in (ours, theirs)]
        assert sorted(results[0]) == sorted(results[1])
        for name, value in results[1].items():
            precision.require_same(results[0][name], value, f"{step}: {name}")
    precision.require_same(ours.predict_on_batch(x), theirs.predict_on_batch(x), "predict_on_batch")


CALLBACKS: dict[str, Callable[[Any], Any]] = {
    "EarlyStopping": lambda library: library.callbacks.EarlyStopping(
        "val_loss", min_delta=0.02, patience=1, restore_best_weights=True
    ),
    "ReduceLROnPlateau": lambda library: library.callbacks.ReduceLROnPlateau(
        "loss", factor=0.3, patience=1, min_delta=0.2, cooldown=1, min_lr=1e-4
    ),
    "LearningRateScheduler": lambda library: library.callbacks.LearningRateScheduler(
        lambda epoch, rate: rate * 0.8
    ),
}


@pytest.mark.parametrize("precision", ["float64"], indirect=True)
@pytest.mark.parametrize("make", CALLBACKS.values(), ids=CALLBACKS)
def test_training_with_a_callback_is_that_of_keras(
    make: Callable[[Any], Any], keras: Any, precision: Precision
) -> None:
    ours, theirs = pair_of_regressions(keras)
    x, y = data("real", precision)
    histories = []
    for model, library in ((ours, glassgrad), (theirs, keras)):
        history = model.fit(
            x,
            y,
            epochs=8,
            shuffle=False,
            verbose=0,
            validation_split=0.3,
            callbacks=[make(library)],
        )
        histories.append(history.history)
    assert sorted(histories[0]) == sorted(histories[1])
    for name, values in histories[1].items():
        precision.require_same(histories[0][name], values, name)
    precision.require_same(all_weights(ours), all_weights(theirs), "weights")


def give_same_weights(ours: Any, theirs: Any) -> None:
    """The same random numbers for both, positive where they are variances."""
    rng = np.random.default_rng(8)
    weights = [
        rng.uniform(0.5 if "variance" in weight.name else -0.5, 1.0, weight.shape)
        for weight in ours.weights
    ]
    ours.set_weights(weights)
    theirs.set_weights(weights)
