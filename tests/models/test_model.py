"""fit, evaluate and predict mean what they mean in Keras; files bring everything back."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glassgrad import initializers, layers, losses, metrics, optimizers, regularizers
from glassgrad.callbacks import Callback
from glassgrad.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    ExecutionError,
    FileError,
    GlassgradError,
    NotBuiltError,
    ShapeError,
    UnknownNameError,
)
from glassgrad.graph import Tensor
from glassgrad.layers import Activation, Dense, Dropout, Flatten, Input, Layer
from glassgrad.models import Model, Sequential, load_model
from glassgrad.optimizers import SGD, Adam
from glassgrad.random_seed import seeded
from glassgrad.training.storage import load_tree, save_tree
from tests.training.small import (
    CLASSES,
    assert_identical,
    compiled,
    everything,
    inputs,
    labels,
    network,
)

X, LABELS = inputs(), labels()
ONE_HOT = np.eye(CLASSES, dtype="float32")[LABELS]
WEIGHTS = np.linspace(0, 2, 10).astype("float32")


def values(model: Model) -> list[np.ndarray]:
    """The loss of each example by hand."""
    return [-np.log(row[label]) for row, label in zip(model.predict(X), LABELS, strict=True)]


def penalty(model: Model) -> float:
    return float(0.01 * (model.get_weights()[0] ** 2).sum())


# ---- evaluate and what is reported


def test_the_loss_is_the_mean_over_examples_and_the_penalties() -> None:
    model = compiled()
    expected = np.mean(values(model)) + penalty(model)
    for size in (1, 3, 10, 100):  # a smaller batch counts by its examples
        assert model.evaluate(X, LABELS, batch_size=size)[0] == pytest.approx(expected, rel=1e-6)


def test_weights_of_examples_act_on_the_loss_and_not_on_metrics() -> None:
    model = compiled(metrics=["accuracy"], weighted_metrics=["acc"])
    found = model.evaluate(X, LABELS, 4, sample_weight=WEIGHTS, return_dict=True)
    hits = model.predict(X).argmax(1) == LABELS
    weighted = (WEIGHTS * np.array(values(model))).mean()  # by the examples, not by the weights
    assert found["loss"] == pytest.approx(weighted + penalty(model), rel=1e-6)
    assert found["accuracy"] == pytest.approx(hits.mean())
    assert found["acc"] == pytest.approx((WEIGHTS * hits).sum() / WEIGHTS.sum())


def test_weights_of_classes() -> None:
    one, other = compiled(), compiled()
    factors = {0: 0.5, 2: 3.0}
    weights = np.array([factors.get(int(label), 1.0) for label in LABELS])
    one.fit(X, LABELS, 4, 2, verbose=0, class_weight=factors)
    other.fit(X, LABELS, 4, 2, verbose=0, sample_weight=weights)
    assert_identical(one, other)


def test_results_as_number_list_and_dictionary() -> None:
    alone = compiled(metrics=None)
    assert isinstance(alone.evaluate(X, LABELS), float)
    model = compiled(metrics=["accuracy", metrics.MeanSquaredError(name="distance")], loss="mse")
    found = model.evaluate(X, ONE_HOT, return_dict=True)
    assert list(found) == ["loss", "accuracy", "distance"]
    assert model.evaluate(X, ONE_HOT) == list(found.values())
    assert [metric.name for metric in model.metrics] == list(found)


def test_evaluation_changes_nothing_and_drops_nothing() -> None:
    model = compiled(dropout=0.5)
    before = everything(model)
    first, second = model.evaluate(X, LABELS), model.evaluate(X, LABELS)
    assert first == second
    model.predict(X)
    after = everything(model)
    assert all(np.array_equal(before[name], after[name]) for name in before if "metr" not in name)
    other = compiled(dropout=0.0)
    assert first == pytest.approx(other.evaluate(X, LABELS))


def test_training_goes_on_as_if_nobody_had_evaluated() -> None:
    one, other = compiled(dropout=0.5), compiled(dropout=0.5)
    for model in (one, other):
        model.fit(X, LABELS, 4, 1, verbose=0)
        if model is other:
            model.evaluate(X, LABELS)
            model.predict(X)
        model.fit(X, LABELS, 4, 1, verbose=0)
    assert_identical(one, other)


def test_validation_is_evaluation() -> None:
    class Evaluate(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            found = self.model.evaluate(X[:6], LABELS[:6], 4, sample_weight=WEIGHTS[:6],
                                        return_dict=True)  # fmt: skip
            assert {f"val_{name}": value for name, value in found.items()} == {
                name: value for name, value in logs.items() if name.startswith("val_")
            }

    data = (X[:6], LABELS[:6], WEIGHTS[:6])
    history = compiled(dropout=0.5).fit(
        X, LABELS, 4, 2, 0, Evaluate(), validation_data=data, validation_batch_size=4
    )
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]


def test_training_is_the_same_with_validation_and_without() -> None:
    one, other = compiled(dropout=0.5), compiled(dropout=0.5)
    one.fit(X, LABELS, 4, 2, verbose=0)
    other.fit(X, LABELS, 4, 2, verbose=0, validation_data=[X, LABELS])
    for name in ("loss", "accuracy"):
        assert one.history.history[name] == other.history.history[name]
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])


def test_the_validation_split_is_the_end_before_shuffling() -> None:
    one, other = compiled(), compiled()
    one.fit(X, LABELS, 4, 2, verbose=0, validation_split=0.3, sample_weight=WEIGHTS)
    other.fit(
        X[:7], LABELS[:7], 4, 2, verbose=0, sample_weight=WEIGHTS[:7],
        validation_data=(X[7:], LABELS[7:], WEIGHTS[7:]),
    )  # fmt: skip
    assert_identical(one, other)
    assert one.history.history == other.history.history
    # As in Keras, validation_data has precedence.
    both = compiled()
    both.fit(X, LABELS, 4, 1, verbose=0, validation_split=0.3, validation_data=(X, LABELS))
    assert int(both.optimizer.iterations.numpy()) == 3


def test_validation_now_and_then() -> None:
    history = compiled().fit(
        X, LABELS, epochs=5, verbose=0, validation_data=(X, LABELS), validation_freq=2
    )
    assert len(history.history["loss"]) == 5
    assert len(history.history["val_loss"]) == 2


def test_epochs_are_numbered_from_the_initial_one() -> None:
    model = compiled()
    history = model.fit(X, LABELS, epochs=5, initial_epoch=3, verbose=0)
    assert history.epoch == [3, 4]
    assert model.fit(X, LABELS, epochs=3, initial_epoch=3, verbose=0).epoch == []
    assert model.fit(X, LABELS, epochs=0, verbose=0).history == {}
    assert model.history.epoch == []


def test_a_batch_larger_than_the_data_is_all_of_it() -> None:
    one, other = compiled(), compiled()
    one.fit(X, LABELS, 10, 2, verbose=0)
    other.fit(X, LABELS, 1000, 2, verbose=0)
    assert_identical(one, other)


def test_the_default_batch_has_32_examples() -> None:
    model = compiled()
    model.fit(inputs(70), labels(70), verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 3


def test_float_inputs_of_any_dtype_are_the_same() -> None:
    one, other = compiled(), compiled()
    one.fit(X, LABELS, 4, 1, verbose=0)
    other.fit(X.astype("float64"), LABELS.astype("uint8"), np.int64(4), 1, verbose=0)
    assert_identical(one, other)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float16"])
def test_inputs_of_other_dtypes(dtype: str) -> None:
    values = np.abs(X * 3).astype(dtype)
    model = compiled()
    np.testing.assert_allclose(
        model.predict(values), model.predict(values.astype("float32")), rtol=1e-6
    )
    model.fit(values, LABELS, verbose=0)


def test_predictions_need_no_compilation_and_no_targets() -> None:
    model = network()
    expected = np.tanh(X @ model.get_weights()[0] + model.get_weights()[1])
    logits = expected @ model.get_weights()[2] + model.get_weights()[3]
    found = model.predict(X, batch_size=3)
    np.testing.assert_allclose(
        found, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), rtol=1e-5
    )
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, model(X).numpy(), rtol=1e-6)


def test_predictions_are_copies() -> None:
    model = network()
    first = model.predict(X[:4])
    kept = first.copy()
    model.predict(X[4:8])
    np.testing.assert_array_equal(first, kept)


def test_predictions_follow_the_weights() -> None:
    model = network()
    before = model.predict(X)
    model.set_weights([2 * weight for weight in model.get_weights()])
    assert not np.allclose(model.predict(X), before)


def test_names_and_order_of_keras() -> None:
    expected = {
        "compile": [
            "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly",
            "steps_per_execution", "jit_compile", "auto_scale_loss",
        ],
        "fit": [
            "x", "y", "batch_size", "epochs", "verbose", "callbacks", "validation_split",
            "validation_data", "shuffle", "class_weight", "sample_weight", "initial_epoch",
            "steps_per_epoch", "validation_steps", "validation_batch_size", "validation_freq",
        ],
        "evaluate": [
            "x", "y", "batch_size", "verbose", "sample_weight", "steps", "callbacks",
            "return_dict",
        ],
        "predict": ["x", "batch_size", "verbose", "steps", "callbacks"],
        "train_on_batch": ["x", "y", "sample_weight", "class_weight", "return_dict"],
        "test_on_batch": ["x", "y", "sample_weight", "return_dict"],
        "predict_on_batch": ["x"],
        "compute_loss": ["x", "y", "y_pred", "sample_weight", "training"],
        "compute_metrics": ["x", "y", "y_pred", "sample_weight"],
        "get_layer": ["name", "index"],
    }  # fmt: skip
    ours = {"compile": ["executor"], "fit": ["checkpoint"]}
    for method, names in expected.items():
        parameters = list(inspect.signature(getattr(Model, method)).parameters)[1:]
        assert parameters == names + ours.get(method, [])


# ---- bad input


def fit(x: Any = X, y: Any = LABELS, **options: Any) -> Callable[[Model], object]:
    return lambda model: model.fit(x, y, **{"verbose": 0, **options})


BAD: dict[str, tuple[Callable[[Model], object], type[GlassgradError], str]] = {
    "width": (fit(X[:, :3]), ShapeError, r"expected examples of shape \(4,\), found \(3,\). Full "
                                         r"shape received: \(10, 3\)"),
    "axes": (fit(X[:, None]), ShapeError, r"expected examples of shape \(4,\), found \(1, 4\)"),
    "one example": (lambda m: m.predict(X[0]), ShapeError,
                    r"found \(\). Full shape received: \(4,\). For a single example, pass x\[None"),
    "label too high": (fit(y=LABELS + 1), DataError, r"Labels must lie in \[0, 3\).*Got [3-9]"),
    "label too low": (fit(y=LABELS - 2), DataError, r"Labels must lie in \[0, 3\).*Got -[12]"),
    "labels with a point": (fit(y=LABELS + 0.5), DtypeError, "must be whole numbers"),
    "labels as text": (fit(y=["cat"] * 10), DataError, "number the classes"),
    "vectors as labels": (fit(y=ONE_HOT), ShapeError, "use the categorical form instead"),
    "nan": (fit(np.where(X > 1, np.nan, X)), DataError, "x must be finite. Got nan at index"),
    "infinite targets": (fit(y=np.full(10, np.inf)), DataError, "y must be finite. Got inf"),
    "nan weights": (fit(sample_weight=np.full(10, np.nan)), DataError, "sample_weight must be fi"),
    "lengths": (fit(y=LABELS[:5]), DataError, r"equal lengths. Got x of shape \(10, 4\), y of"),
    "empty": (fit(X[:0], LABELS[:0]), DataError, "x must hold at least one number"),
    "text": (fit("text"), DataError, "x must be made of real numbers. Got text"),
    "ragged": (fit([[1, 2], [3]]), DataError, "rows of different lengths"),
    "number": (fit(1.0), ShapeError, "must have an axis of examples"),
    "complex": (fit(X * 1j), DataError, "Got complex numbers"),
    "objects": (fit(X.astype(object)), DataError, "Got Python objects"),
    "no inputs": (lambda m: m.fit(verbose=0), DataError, "x, the inputs, must be given"),
    "no targets": (fit(y=None), DataError, "pass y. Got x alone"),
    "no targets to evaluate": (lambda m: m.evaluate(X), DataError, "pass y. Got x alone"),
    "weights of another shape": (fit(sample_weight=np.ones((10, 2))), ShapeError,
                                 r"The sample weights must have .* Got \(10, 2\)"),
    "epochs": (fit(epochs=-1), ArgumentError, "epochs must be an integer from 0. Got -1"),
    "part of an epoch": (fit(epochs=0.5), ArgumentError, "epochs must be .* Got 0.5"),
    "initial epoch": (fit(initial_epoch=-1), ArgumentError, "initial_epoch must be .* Got -1"),
    "batch size": (fit(batch_size=0), ArgumentError, "batch_size must be a positive .* Got 0"),
    "batch size as text": (fit(batch_size="8"), ArgumentError, "batch_size .* Got '8'"),
    "batch size is True": (fit(batch_size=True), ArgumentError, "batch_size .* Got True"),
    "size of validation": (fit(validation_batch_size=0), ArgumentError, "validation_batch_size"),
    "frequency": (fit(validation_freq=0), ArgumentError, "validation_freq .* Got 0"),
    "split": (fit(validation_split=1.0), ArgumentError, r"must lie in \[0, 1\). Got 1.0"),
    "negative split": (fit(validation_split=-0.5), ArgumentError, "Got -0.5"),
    "validation data": (fit(validation_data=X), ArgumentError, "gives batches. Got ndarray"),
    "four of them": (fit(validation_data=(X,) * 4), ArgumentError, "Got tuple"),
    "shape of validation": (fit(validation_data=(X[:, :2], LABELS)), ShapeError, r"found \(2,\)"),
    "labels of validation": (fit(validation_data=(X, LABELS + 5)), DataError, "Labels must lie"),
    "class weight": (fit(class_weight=[1, 2]), ArgumentError, "must be a dictionary"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_and_changes_nothing(name: str) -> None:
    call, kind, message = BAD[name]
    model = compiled()
    model.fit(X, LABELS, verbose=0)
    before = everything(model)
    with pytest.raises(kind, match=message):
        call(model)
    after = everything(model)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_the_data_are_looked_at_before_anything_is_called() -> None:
    class Never(Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            raise AssertionError("training began")

    with pytest.raises(ShapeError):
        compiled().fit(X, ONE_HOT, verbose=0, callbacks=[Never()])


@pytest.mark.parametrize(
    "loss, y, message",
    [
        ("mse", ONE_HOT[:, :2], r"one shape. Got y_true of shape \(10, 2\) and y_pred"),
        ("categorical_crossentropy", LABELS, "use sparse_categorical_crossentropy"),
        ("bce", LABELS, "use sparse_categorical_crossentropy"),
        (losses.MeanSquaredError(reduction="none"), ONE_HOT, "another reduction than 'none'"),
    ],
)  # fmt: skip
def test_targets_that_do_not_fit(loss: Any, y: Any, message: str) -> None:
    with pytest.raises(GlassgradError, match=message):
        compiled(loss=loss, metrics=None).fit(X, y, verbose=0)


@pytest.mark.parametrize(
    "arguments, kind, message",
    [
        (("adm", "mse"), UnknownNameError, "Unknown optimizer 'adm'. Did you mean 'adam'"),
        (("adam", "msse"), UnknownNameError, "Unknown loss 'msse'. Did you mean 'mse'"),
        (("adam", "mse", None, ["acuracy"]), UnknownNameError, "'acuracy'. Did you mean 'ac"),
        (("adam", "mse", None, "accuracy"), ArgumentError, r"a list, such as \['accuracy'\]. Got"),
        (("adam", "mse", ["accuracy"]), ArgumentError, "loss_weights must be numbers. Got 'accur"),
        ((None, "mse"), ArgumentError, "pass optimizer='adam'"),
        ((3, "mse"), ArgumentError, "optimizer must be a name, an object .* Got 3"),
        (("adam", 3), ArgumentError, "loss must be a name, an object .* Got 3"),
        (("adam", "mse", None, [3]), ArgumentError, "metric must be a name, an object .* Got 3"),
    ],
)  # fmt: skip
def test_bad_arguments_of_compile_change_nothing(
    arguments: Any, kind: type[GlassgradError], message: str
) -> None:
    model = compiled()
    before = (model.optimizer, model.loss, model.steps)
    with pytest.raises(kind, match=message):
        model.compile(*arguments)
    assert before == (model.optimizer, model.loss, model.steps)


def test_an_unknown_executor() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown executor 'cpus'. Did you mean 'cpu'"):
        network().compile("adam", "mse", executor="cpus")


@pytest.mark.parametrize("twice", [["mse", "mse"], ["loss"], ["acc", metrics.Mean(name="acc")]])
def test_metrics_of_the_same_name(twice: list[Any]) -> None:
    if twice == ["loss"]:
        twice = [metrics.MeanSquaredError(name="loss")]
    with pytest.raises(ArgumentError, match="Metrics must have different names, and none is 'los"):
        compiled(loss="mse", metrics=twice).fit(X, ONE_HOT, verbose=0)


@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_compilation_comes_first(method: str) -> None:
    with pytest.raises(NotBuiltError, match=r"call compile\(optimizer, loss\) first"):
        getattr(network(), method)(X, LABELS)


def test_data_that_change_their_shape_between_fits() -> None:
    with seeded(1):
        model = Sequential([Dense(3)])
    model.compile("sgd", "mse")
    model.fit(X, ONE_HOT, verbose=0)
    before = model.get_weights()
    with pytest.raises(ShapeError, match=r"expected examples of shape \(4,\), found \(3,\)"):
        model.fit(ONE_HOT, ONE_HOT, verbose=0)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    model.fit(X[:7], ONE_HOT[:7], verbose=0)


# ---- models of one's own


@layers.register()
class Residual(Model):
    """y = x + Dense(tanh(Dense(x)))."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.blocks = [Dense(units, "tanh"), Dense(CLASSES)]
        self.dropout = Dropout(0.3)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        outputs = inputs
        for block in self.blocks:
            outputs = block(outputs)
        dropped: Tensor = self.dropout(outputs)
        return dropped + inputs[:, :CLASSES]


def residual() -> Residual:
    with seeded(3):
        model = Residual(5)
    model.compile(Adam(0.01), "mse", metrics=["mae"])
    return model


def test_a_model_of_ones_own_learns() -> None:
    model = residual()
    history = model.fit(X, ONE_HOT, 4, 5, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert [type(layer) for layer in model.layers] == [Dense, Dense, Dropout]
    assert len(model.weights) == 4


@pytest.mark.parametrize("build", [
    lambda model: model.build((None, 4)),
    lambda model: model(X),
    lambda model: model.predict(X),
    lambda model: model.fit(X, ONE_HOT, verbose=0),
    lambda model: model(X.tolist()),
])  # fmt: skip
def test_a_model_of_ones_own_comes_back_from_its_file(
    tmp_path: Path, build: Callable[[Model], object]
) -> None:
    model = residual()
    build(model)
    assert len(model.weights) == 4
    model.save(tmp_path / "model")
    other = load_model(tmp_path / "model")
    assert isinstance(other, Residual)
    np.testing.assert_array_equal(model.predict(X), other.predict(X))
    for one in (model, other):
        one.fit(X, ONE_HOT, 4, 2, verbose=0)
    assert_identical(model, other)


def test_a_model_that_is_not_registered_says_so(tmp_path: Path) -> None:
    class Private(Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = Dense(2)

        def call(self, inputs: Tensor) -> Tensor:
            output: Tensor = self.dense(inputs)
            return output

    model = Private()
    model.build((None, 4))
    model.save(tmp_path / "model")
    with pytest.raises(FileError, match="can be made here: Unknown layer 'Private'"):
        load_model(tmp_path / "model")


# ---- files


def in_between(model: Model) -> None:
    model.fit(X, LABELS, 4, 2, verbose=0)


def test_a_saved_model_predicts_the_same_and_learns_on_to_the_last_bit(tmp_path: Path) -> None:
    model = compiled(dropout=0.4, weighted_metrics=["acc"])
    in_between(model)
    model.optimizer.learning_rate = 0.03
    model.save(tmp_path / "model")
    other = load_model(tmp_path / "model")
    np.testing.assert_array_equal(model.predict(X), other.predict(X))
    assert model.evaluate(X, LABELS) == other.evaluate(X, LABELS)
    assert_identical(model, other)
    for one in (model, other):
        in_between(one)
    assert_identical(model, other)
    assert model.history.history == other.history.history


def test_before_the_first_fit(tmp_path: Path) -> None:
    model = compiled(dropout=0.4)
    model.save(tmp_path / "model")
    other = load_model(tmp_path / "model")
    for one in (model, other):
        in_between(one)
    assert_identical(model, other)


def test_a_model_that_is_not_compiled(tmp_path: Path) -> None:
    model = network(dropout=0.4)
    model.save(tmp_path / "model")
    other = load_model(tmp_path / "model")
    assert not other.is_compiled
    for one in (model, other):
        one.compile("adam", "sparse_categorical_crossentropy")
        in_between(one)
    assert_identical(model, other)


def test_a_model_can_be_loaded_without_what_training_needs(tmp_path: Path) -> None:
    compiled().save(tmp_path / "model")
    assert not load_model(tmp_path / "model", compile=False).is_compiled


def test_an_optimizer_shared_by_two_models(tmp_path: Path) -> None:
    shared = Adam(0.01)
    for units in (2, 3):
        model = Sequential([Input((4,)), Dense(units)])
        model.compile(shared, "mse")
        model.fit(X, X[:, :units], verbose=0)
    model.save(tmp_path / "model")
    with pytest.raises(FileError, match="did two models share the optimizer"):
        load_model(tmp_path / "model")
    other = load_model(tmp_path / "model", compile=False)
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


def test_loading_uses_up_no_random_number(tmp_path: Path) -> None:
    compiled().save(tmp_path / "model")
    with seeded(5):
        expected = Dense(2)
        expected.build((None, 3))
    with seeded(5):
        load_model(tmp_path / "model")
        found = Dense(2)
        found.build((None, 3))
    np.testing.assert_array_equal(expected.kernel.numpy(), found.kernel.numpy())


def test_frozen_layers_stay_frozen_and_the_optimizer_finds_its_state(tmp_path: Path) -> None:
    model = compiled()
    model.layers[0].trainable = False
    in_between(model)
    model.layers[0].trainable = True
    in_between(model)
    model.layers[2].trainable = False
    model.save(tmp_path / "model")
    other = load_model(tmp_path / "model")
    assert [layer.trainable for layer in other.layers] == [True, True, False]
    assert len(other.trainable_weights) == 2
    in_between(model)
    in_between(other)
    other.layers[2].trainable = model.layers[2].trainable = True
    in_between(model)
    in_between(other)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


OPTIMIZERS = {
    "sgd": lambda: SGD(0.1),
    "momentum": lambda: SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: Adam(0.01, beta_1=0.8, epsilon=1e-5),
    "rmsprop": lambda: optimizers.get("rmsprop"),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_comes_back(name: str, tmp_path: Path) -> None:
    model = compiled(optimizer=OPTIMIZERS[name]())
    in_between(model)
    model.save(tmp_path / "model")
    other = load_model(tmp_path / "model")
    assert other.optimizer.get_config() == model.optimizer.get_config()
    for one in (model, other):
        in_between(one)
    assert_identical(model, other)


@pytest.mark.parametrize("loss", [
    "mse", "mae", "categorical_crossentropy", losses.CategoricalCrossentropy(label_smoothing=0.1),
    losses.mean_squared_error,
])  # fmt: skip
def test_losses_come_back(loss: Any, tmp_path: Path) -> None:
    model = compiled(
        loss=loss, metrics=["mse", metrics.CategoricalAccuracy(name="hits"), "accuracy"]
    )
    model.fit(X, ONE_HOT, verbose=0)
    model.save(tmp_path / "model")
    other = load_model(tmp_path / "model")
    assert model.evaluate(X, ONE_HOT, return_dict=True) == other.evaluate(
        X, ONE_HOT, return_dict=True
    )


def test_an_unregistered_loss_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    model = compiled(loss=lambda y, p: (p * p).sum(axis=-1), metrics=None)
    model.fit(X, LABELS, verbose=0)
    with pytest.raises(ArgumentError, match="register a function or class"):
        model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


# Every layer of the package has a row here; a new one without a row fails a test below.
def both(merge: Layer) -> Layer:
    """A layer of one input for one that merges two."""
    return OnItself(merge)


def of_two(layer: Layer) -> Layer:
    """A layer of one input for one that is called on two."""
    return OnItself(layer, is_apart=True)


def of_numbers(layer: Layer) -> Layer:
    """A layer for floats instead of numbers of things, which are 0 and 1 here."""
    return Sequential([layers.ReLU(max_value=1.0), layer])


@layers.register()
class OnItself(Layer):
    """Merges the input and its square, or is called on the input and its half."""

    def __init__(self, merge: Any, is_apart: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.merge, self.is_apart = layers.get(merge), is_apart

    def call(self, inputs: Tensor) -> Any:
        if self.is_apart:
            return self.merge(inputs, inputs * 0.5)
        return self.merge([inputs, inputs * inputs])


LAYERS: dict[str, tuple[tuple[int, ...], Callable[[], Layer]]] = {
    "Activation": ((3,), lambda: Activation("sigmoid")),
    "ActivityRegularization": ((3,), lambda: layers.ActivityRegularization(0.1, 0.2)),
    "Add": ((3,), lambda: both(layers.Add())),
    "AdditiveAttention": ((2, 3), lambda: both(layers.AdditiveAttention(dropout=0.25, seed=3))),
    "AlphaDropout": ((3,), lambda: layers.AlphaDropout(0.25, (None, 1), seed=3)),
    "Attention": ((2, 3), lambda: both(layers.Attention(True, "concat"))),
    "Average": ((3,), lambda: both(layers.Average())),
    "BatchNormalization": ((3,), lambda: layers.BatchNormalization(momentum=0.5, scale=False)),
    "CategoryEncoding": ((3,), lambda: of_numbers(layers.CategoryEncoding(2, "count"))),
    "Concatenate": ((3,), lambda: both(layers.Concatenate())),
    "Dense": ((3,), lambda: Dense(2, "relu", name="mine", trainable=False)),
    "Discretization": ((3,), lambda: layers.Discretization([-0.5, 0.5], output_mode="count")),
    "Dot": ((3,), lambda: both(layers.Dot(axes=1, normalize=True))),
    "Dropout": ((3,), lambda: Dropout(0.25, (None, 3), seed=3)),
    "ELU": ((3,), lambda: layers.ELU(0.5)),
    "EinsumDense": ((2, 3), lambda: layers.EinsumDense("abc,cd->adb", (4, None), bias_axes="d")),
    "Embedding": ((3,), lambda: of_numbers(layers.Embedding(2, 4, "uniform", "l2"))),
    "Flatten": ((2, 3), Flatten),
    "GaussianDropout": ((3,), lambda: layers.GaussianDropout(0.25, seed=3)),
    "GaussianNoise": ((3,), lambda: layers.GaussianNoise(0.25, seed=3)),
    "GroupQueryAttention": (
        (3, 4),
        lambda: of_two(layers.GroupQueryAttention(2, 4, 2, sliding_window=2)),
    ),
    "Identity": ((3,), layers.Identity),
    "IntegerLookup": (
        (3,),
        lambda: of_numbers(layers.IntegerLookup(vocabulary=[1, 7], output_mode="count")),
    ),
    "Lambda": ((3,), lambda: layers.Lambda("ops.leaky_relu", arguments={"negative_slope": 0.5})),
    "LayerNormalization": ((2, 3), lambda: layers.LayerNormalization([1, 2], center=False)),
    "LeakyReLU": ((3,), lambda: layers.LeakyReLU(0.1)),
    "Maximum": ((3,), lambda: both(layers.Maximum())),
    "Minimum": ((3,), lambda: both(layers.Minimum())),
    "MultiHeadAttention": (
        (3, 4),
        lambda: of_two(layers.MultiHeadAttention(2, 3, 2, dropout=0.25, use_gate=True, seed=3)),
    ),
    "Multiply": ((3,), lambda: both(layers.Multiply())),
    "Normalization": ((3,), lambda: layers.Normalization(-1, [1.0, 2.0, 3.0], [1.0, 4.0, 9.0])),
    "PReLU": ((2, 3), lambda: layers.PReLU("ones", "l2", "non_neg", shared_axes=1)),
    "Permute": ((2, 3), lambda: layers.Permute((2, 1))),
    "PositionEmbedding": ((3, 4), lambda: layers.PositionEmbedding(5)),
    "RMSNormalization": ((3,), lambda: layers.RMSNormalization(epsilon=0.1)),
    "RandomFlip": ((2, 2, 3), lambda: layers.RandomFlip("vertical", seed=3)),
    "RandomRotation": ((2, 2, 3), lambda: layers.RandomRotation((0.1, 0.2), seed=3)),
    "RandomTranslation": ((2, 2, 3), lambda: layers.RandomTranslation(0.1, 0.2, "wrap")),
    "RandomZoom": ((2, 2, 3), lambda: layers.RandomZoom(0.1, (-0.1, 0.2), "constant")),
    "ReLU": ((3,), lambda: layers.ReLU(max_value=6.0, negative_slope=0.1, threshold=0.5)),
    "RepeatVector": ((3,), lambda: layers.RepeatVector(2)),
    "Rescaling": ((3,), lambda: layers.Rescaling(1 / 255, offset=0.5)),
    "Reshape": ((2, 3), lambda: layers.Reshape((-1, 2))),
    "ReversibleEmbedding": (
        (3,),
        lambda: of_numbers(layers.ReversibleEmbedding(2, 4, tie_weights=False)),
    ),
    "RotaryEmbedding": ((3, 4), lambda: layers.RotaryEmbedding(100, 2.0)),
    "SinePositionEncoding": ((3, 4), lambda: layers.SinePositionEncoding(100)),
    "Softmax": ((3,), layers.Softmax),
    "SpatialDropout1D": ((2, 3), lambda: layers.SpatialDropout1D(0.25, seed=3)),
    "SpatialDropout2D": ((2, 2, 3), lambda: layers.SpatialDropout2D(0.25, seed=3)),
    "Subtract": ((3,), lambda: both(layers.Subtract())),
    "TokenAndPositionEmbedding": (
        (3,),
        lambda: of_numbers(layers.TokenAndPositionEmbedding(2, 3, 4)),
    ),
    "TransformerBlock": ((3, 4), lambda: layers.TransformerBlock(2, causal=True)),
    "TransformerDecoder": ((3, 4), lambda: of_two(layers.TransformerDecoder(5, 2))),
    "TransformerEncoder": ((3, 4), lambda: layers.TransformerEncoder(5, 2, 0.25)),
    "UnitNormalization": ((3,), layers.UnitNormalization),
    "Sequential": ((3,), lambda: Sequential([Input((3,)), Dense(2, name="inner")])),
    "Bidirectional": (
        (3, 2),
        lambda: layers.Bidirectional(layers.LSTM(3, return_sequences=True), "ave"),
    ),
    "GRU": ((3, 2), lambda: layers.GRU(2, dropout=0.25, seed=3, go_backwards=True)),
    "GRUCell": (
        (3, 2),
        lambda: layers.RNN(layers.GRUCell(2, recurrent_dropout=0.25, reset_after=False), True),
    ),
    "LSTM": ((3, 2), lambda: layers.LSTM(2, recurrent_regularizer="l2", stateful=True)),
    "LSTMCell": ((3, 2), lambda: layers.RNN(layers.LSTMCell(2, dropout=0.25, seed=3))),
    "Masking": ((3, 2), lambda: layers.Masking(0.5)),
    "RNN": ((3, 2), lambda: layers.RNN(layers.SimpleRNNCell(2, "gelu"), go_backwards=True)),
    "SimpleRNN": ((3, 2), lambda: layers.SimpleRNN(2, "relu", name="elman")),
    "SimpleRNNCell": (
        (3, 2),
        lambda: layers.RNN(layers.SimpleRNNCell(2, recurrent_dropout=0.25), stateful=True),
    ),
    "StackedRNNCells": (
        (3, 2),
        lambda: layers.RNN([layers.LSTMCell(2), layers.GRUCell(3, recurrent_dropout=0.25)]),
    ),
    "TimeDistributed": ((3, 2), lambda: layers.TimeDistributed(Dense(2, name="at_once"))),
    "AveragePooling1D": ((5, 2), lambda: layers.AveragePooling1D(3, 2, "same")),
    "AveragePooling2D": ((4, 5, 2), lambda: layers.AveragePooling2D((2, 3), 1)),
    "AveragePooling3D": ((2, 4, 3, 1), lambda: layers.AveragePooling3D(2, padding="same")),
    "Conv1D": ((5, 2), lambda: layers.Conv1D(4, 3, 1, "causal", None, 2, 2, "relu")),
    "Conv1DTranspose": ((3, 2), lambda: layers.Conv1DTranspose(2, 3, 2, "same")),
    "Conv2D": ((5, 4, 2), lambda: layers.Conv2D(3, (3, 2), (2, 1), "same", name="seen")),
    "Conv2DTranspose": ((2, 3, 2), lambda: layers.Conv2DTranspose(2, 3, 2, output_padding=1)),
    "Conv3D": ((2, 3, 4, 1), lambda: layers.Conv3D(2, (1, 2, 3), kernel_regularizer="l2")),
    "Conv3DTranspose": ((2, 1, 2, 1), lambda: layers.Conv3DTranspose(2, 2, (2, 1, 1))),
    "Cropping1D": ((5, 2), lambda: layers.Cropping1D((2, 1))),
    "Cropping2D": ((3, 4, 2), lambda: layers.Cropping2D(((1, 0), (0, 2)))),
    "Cropping3D": ((3, 4, 5, 1), layers.Cropping3D),
    "DepthwiseConv1D": ((5, 2), lambda: layers.DepthwiseConv1D(3, 2, "same", 2)),
    "DepthwiseConv2D": ((4, 3, 2), lambda: layers.DepthwiseConv2D(2, activation="tanh")),
    "GlobalAveragePooling1D": ((3, 2), layers.GlobalAveragePooling1D),
    "GlobalAveragePooling2D": ((3, 2, 2), lambda: layers.GlobalAveragePooling2D(keepdims=True)),
    "GlobalAveragePooling3D": ((2, 3, 2, 2), layers.GlobalAveragePooling3D),
    "GlobalMaxPooling1D": ((3, 2), lambda: layers.GlobalMaxPooling1D("channels_first")),
    "GlobalMaxPooling2D": ((3, 2, 2), layers.GlobalMaxPooling2D),
    "GlobalMaxPooling3D": ((2, 3, 2, 2), layers.GlobalMaxPooling3D),
    "GroupNormalization": ((3, 4), lambda: layers.GroupNormalization(2, center=False)),
    "MaxPooling1D": ((5, 2), lambda: layers.MaxPooling1D(3, 2, "same")),
    "MaxPooling2D": ((4, 5, 2), layers.MaxPooling2D),
    "MaxPooling3D": ((2, 4, 3, 1), lambda: layers.MaxPooling3D((1, 2, 3), 1)),
    "Resizing": ((3, 4, 2), lambda: layers.Resizing(5, 2)),
    "SeparableConv1D": ((5, 2), lambda: layers.SeparableConv1D(3, 2, depth_multiplier=2)),
    "SeparableConv2D": ((4, 3, 2), lambda: layers.SeparableConv2D(3, 2, (1, 2), "same")),
    "SpatialDropout3D": ((2, 2, 1, 3), lambda: layers.SpatialDropout3D(0.25, seed=3)),
    "UpSampling1D": ((3, 2), lambda: layers.UpSampling1D(3)),
    "UpSampling2D": ((2, 3, 2), lambda: layers.UpSampling2D((2, 1), None, "bilinear")),
    "UpSampling3D": ((1, 2, 3, 1), layers.UpSampling3D),
    "ZeroPadding1D": ((3, 2), lambda: layers.ZeroPadding1D((2, 0))),
    "ZeroPadding2D": ((2, 3, 2), lambda: layers.ZeroPadding2D((1, 2))),
    "ZeroPadding3D": ((1, 2, 3, 1), layers.ZeroPadding3D),
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_comes_back(name: str, tmp_path: Path) -> None:
    shape, make = LAYERS[name]
    with seeded(2):
        model = Sequential([Input(shape, name="image"), make(), Dense(2)])
    x = np.random.default_rng(0).normal(size=(4, *shape)).astype("float32")
    model.save(tmp_path / "model")
    other = load_model(tmp_path / "model")
    assert isinstance(other, Sequential)
    assert other.get_config() == model.get_config()
    np.testing.assert_array_equal(model.predict(x), other.predict(x))
    assert [one.trainable for one in other.layers] == [one.trainable for one in model.layers]


def test_every_layer_of_the_package_is_in_the_table() -> None:
    public = [getattr(layers, name) for name in layers.__all__]
    shown = {kind.__name__ for kind in public if inspect.isclass(kind) and issubclass(kind, Layer)}
    shown -= {"Layer", "Wrapper"}  # bases of others
    assert shown - {"InputLayer"} <= LAYERS.keys()  # that one is in every model


def test_initializers_and_regularizers_come_back(tmp_path: Path) -> None:
    model = Sequential(
        [
            Input((3,), dtype="float32"),
            Dense(
                4,
                kernel_initializer=initializers.get("he_normal"),
                bias_initializer=initializers.Constant(0.5),
                kernel_regularizer=regularizers.L1L2(0.1, 0.2),
                activity_regularizer="l2",
            ),
        ]
    )
    model.save(tmp_path / "model")
    assert load_model(tmp_path / "model").get_config() == model.get_config()


@layers.register()
class Scaled(Layer):
    """A registered layer."""

    def __init__(self, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs: Tensor) -> Tensor:
        return inputs * self.factor


class Unregistered(Scaled):
    """Another one, which is not."""


def test_layers_of_ones_own(tmp_path: Path) -> None:
    Sequential([Input((3,)), Scaled(2.0)]).save(tmp_path / "model")
    assert load_model(tmp_path / "model").predict([[1.0, 2.0, 3.0]]).tolist() == [[2.0, 4.0, 6.0]]
    Sequential([Input((3,)), Unregistered(2.0)]).save(tmp_path / "model")
    with pytest.raises(FileError, match="can be made here: Unknown layer 'Unregistered'"):
        load_model(tmp_path / "model")


def test_a_model_without_weights_cannot_be_saved(tmp_path: Path) -> None:
    for method in ("save", "save_weights", "load_weights"):
        with pytest.raises(NotBuiltError, match="The model has no weights yet"):
            getattr(Sequential([Dense(2)]), method)(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_saving_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model"
    model = compiled()
    model.save(path)
    before = model.predict(X)
    in_between(model)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(FileError, match="No space left"):
            model.save(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
    np.testing.assert_array_equal(load_model(path).predict(X), before)


@pytest.mark.parametrize("save", ["save", "save_weights"])
def test_weights_alone(tmp_path: Path, save: str) -> None:
    model, other = compiled(seed=1), compiled(seed=2)
    getattr(model, save)(tmp_path / "weights")
    other.load_weights(tmp_path / "weights")
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("save", ["save", "save_weights"])
def test_weights_that_do_not_fit_change_nothing(tmp_path: Path, save: str) -> None:
    getattr(Sequential([Input((4,)), Dense(5), Dense(2)]), save)(tmp_path / "weights")
    model = compiled()
    before = model.get_weights()
    with pytest.raises(
        FileError, match=r"belong to another architecture.*has shape \(5, 3\), in the file"
    ):
        model.load_weights(tmp_path / "weights")
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


# ---- damaged files


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("models") / "model"
    model = compiled(dropout=0.4, executor="reference")
    model.fit(X, LABELS, verbose=0)
    model.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("bad", [b"", b"garbage", b"\xff" * 32, b"\x80\x04K\x01."])
def test_files_that_are_no_models(tmp_path: Path, bad: bytes) -> None:
    path = tmp_path / "model"
    path.write_bytes(bad)
    for load in (load_model, compiled().load_weights):
        with pytest.raises(FileError, match="is damaged or no safetensors file"):
            load(path)  # type: ignore[operator]
        with pytest.raises(FileError, match="No such file"):
            load(tmp_path / "absent")  # type: ignore[operator]


@settings(max_examples=60)
@given(data=st.data())
def test_damage_gives_a_file_error(
    content: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damaged = bytearray(content)
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        damaged[position] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(len(content) // 2, len(content))) :]
    path = tmp_path_factory.getbasetemp() / "damaged model"
    path.write_bytes(damaged)
    try:
        model = load_model(path)
    except FileError:
        return
    assert model.predict(X).shape == (10, CLASSES)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**12) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every container in a tree with every key of it."""
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    own = [(tree, key) for key in keys]
    inner = [tree[key] for key in keys if isinstance(tree[key], dict | list)]
    return own + [place for one in inner for place in places(one)]


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_forged_file_gives_a_file_error_or_a_model(
    content: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """With the right checksum, as somebody's program would write it."""
    folder = tmp_path_factory.getbasetemp()
    (folder / "whole").write_bytes(content)
    tree = load_tree(folder / "whole", "model")
    found = places(tree)
    container, key = found[data.draw(st.integers(0, len(found) - 1))]
    value = data.draw(PLAIN)
    if key == "units" and isinstance(value, int | float) and value > 10**6:
        return  # that is a large model, and not a wrong one
    container[key] = value
    save_tree(folder / "forged", "model", tree)
    try:
        model = load_model(folder / "forged")
    except FileError:
        return
    assert isinstance(model, Model)


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    """Only registered names become objects."""
    compiled().save(tmp_path / "model")
    tree = load_tree(tmp_path / "model", "model")
    for name in ("os.system", "builtins.eval", "__import__", "Layer", "lambda x: x"):
        tree["architecture"]["config"]["layers"][0]["class_name"] = name
        save_tree(tmp_path / "forged", "model", tree)
        with pytest.raises(FileError, match=f"Unknown layer '{name}'"):
            load_model(tmp_path / "forged")


@pytest.mark.parametrize("make_copy", [pickle.dumps, copy.deepcopy])
def test_a_model_is_saved_instead_of_pickled(make_copy: Callable[[Model], object]) -> None:
    with pytest.raises(ArgumentError, match=r"save\(path\)"):
        make_copy(Sequential([Input((2,)), Dense(1)]))


# ---- a step, looked at


def profiled_model(executor: str = "cpu") -> Model:
    x = Input((3,))
    model = Model(x, Dense(2, "softmax", name="dense")(x))
    model.compile("sgd", "sparse_categorical_crossentropy", executor=executor)
    return model


@pytest.mark.parametrize("step", ["training", "evaluation", "prediction"])
def test_every_step_can_be_described(step: str) -> None:
    text = profiled_model("reference").describe_step(batch_size=7, step=step)
    assert "float32[7, 2]" in text
    assert ("optimizer/sgd" in text) == (step == "training")


def test_a_step_on_data_of_ones_own() -> None:
    x, y = np.ones((9, 3), "float32"), np.zeros(9, "int32")
    model = profiled_model("reference")
    assert "float32[9, 2]" in model.describe_step(x, y)
    assert "float32[4, 2]" in model.describe_step(x, y, 4)


def test_targets_are_made_up_for_each_output() -> None:
    x = Input((3,))
    outputs = {"p": Dense(1, "sigmoid")(x), "q": Dense(4, "softmax")(x)}
    model = Model(x, outputs)
    losses = {"p": "binary_crossentropy", "q": "sparse_categorical_crossentropy"}
    model.compile("sgd", losses, executor="reference")
    assert "float32[6, 4]" in model.describe_step(batch_size=6)


def test_profiling_changes_nothing() -> None:
    model = profiled_model()
    before = model.get_weights()
    profile = model.profile(batch_size=4)
    assert "model/dense" in str(list(profile.layers)).replace(model.name, "model")
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_what_cannot_be_profiled() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'training'"):
        profiled_model().profile(step="train")
    with pytest.raises(ExecutionError, match="Only programs of the cpu executor"):
        profiled_model("reference").profile(step="prediction")
    x = Input((3,))
    with pytest.raises(NotBuiltError, match="call compile"):
        Model(x, Dense(2)(x)).profile()
    with pytest.raises(NotBuiltError, match="does not know its input yet"):
        Sequential([Dense(2)]).profile(step="prediction")
    with pytest.raises(ArgumentError, match="batch_size"):
        profiled_model().profile(batch_size=0)
