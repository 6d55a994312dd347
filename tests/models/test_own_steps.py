"""Models that write their own steps, losses and metrics; one batch at a time; data that stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import glassgrad
from glassgrad import losses, metrics
from glassgrad.callbacks import LambdaCallback
from glassgrad.errors import ArgumentError, DataError, FileError, ShapeError
from glassgrad.graph import Tensor
from glassgrad.layers import Dense, Dropout, Input, Layer
from glassgrad.models import Model, Sequential
from glassgrad.optimizers import SGD, Adam
from glassgrad.random_seed import seeded
from glassgrad.utils import PyDataset

RNG = np.random.default_rng(5)
X = RNG.normal(size=(10, 4)).astype("float32")
Y = RNG.normal(size=(10, 1)).astype("float32")


class Explicit(Model):
    """The default step, written out as in the guides."""

    def train_step(self, data: Any) -> dict[str, Tensor]:
        x, y = data
        predictions = self(x)
        loss = self.compute_loss(x, y, predictions)
        slopes = glassgrad.gradients(loss, self.trainable_variables)
        self.optimizer.apply(slopes, self.trainable_variables)
        self.tracker.update_state(loss)
        self.error.update_state(y, predictions)
        return {metric.name: metric.result() for metric in (self.tracker, self.error)}

    def __init__(self, *tensors: Any, **options: Any) -> None:
        super().__init__(*tensors, **options)
        self.tracker = metrics.Mean(name="loss")
        self.error = metrics.MeanAbsoluteError(name="mae")


def network(kind: type[Model] = Model, executor: str = "reference", **how: Any) -> Any:
    with seeded(4):
        x = Input((4,))
        model = kind(x, Dense(1)(Dense(5, "tanh")(x)))
    model.compile(Adam(0.05), **{"loss": "mse", "executor": executor, **how})
    return model


@pytest.mark.parametrize("executor", ["reference", "cpu"])
def test_a_step_of_ones_own_trains_as_the_default_one(executor: str) -> None:
    own, plain = network(Explicit, executor), network(executor=executor, metrics=["mae"])
    options: dict[str, Any] = {"batch_size": 5, "epochs": 3, "verbose": 0, "shuffle": False}
    theirs = plain.fit(X, Y, **options).history
    ours = own.fit(X, Y, **options).history
    for name in ("loss", "mae"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5)
    for one, other in zip(own.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_metrics_begin_anew_with_each_epoch_and_are_seen_by_callbacks() -> None:
    seen: list[dict[str, float]] = []
    watch = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(dict(logs)))
    model = network(Explicit)
    history = model.fit(X, Y, batch_size=5, epochs=2, verbose=0, callbacks=[watch])
    assert len(seen) == 4
    assert seen[3]["loss"] == history.history["loss"][1]
    assert all(type(value) is float for value in seen[0].values())


def test_a_run_with_own_steps_and_two_optimizers_resumes_with_the_same_bits(
    tmp_path: Path,
) -> None:
    class Duel(Model):
        """Two networks, each with an optimizer of its own; no call, and no loss of compile."""

        def __init__(self) -> None:
            super().__init__()
            self.maker, self.judge = Dense(4), Dense(1)
            self.second = SGD(0.1, momentum=0.9)
            self.found = metrics.Mean(name="judged")

        def train_step(self, data: Any) -> dict[str, Tensor]:
            made = self.maker(data)
            judged = ((self.judge(made) - self.judge(data)) ** 2).mean()
            maker, judge = self.maker.trainable_variables, self.judge.trainable_variables
            self.optimizer.apply(glassgrad.gradients(judged, maker), maker)
            slopes = glassgrad.gradients(-judged + (made * made).mean(), judge)
            self.second.apply([slope * 0.1 for slope in slopes if slope is not None], judge)
            self.found.update_state(judged)
            return {"judged": self.found.result()}

    def new() -> Duel:
        with seeded(6):
            model = Duel()
            model.maker.build((None, 4))
            model.judge.build((None, 4))
        model.compile("adam", executor="reference")
        return model

    def stop_at(batch: int) -> LambdaCallback:
        def interrupt(number: int, logs: Any) -> None:
            if number == batch:
                raise KeyboardInterrupt

        return LambdaCallback(on_train_batch_end=interrupt)

    whole = new()
    history = whole.fit(X, epochs=3, batch_size=4, verbose=0)
    resumed = new()
    path = tmp_path / "state"
    resumed.fit(X, epochs=1, batch_size=4, verbose=0, checkpoint=path)
    again = new()
    with pytest.raises(KeyboardInterrupt):
        again.fit(X, epochs=3, batch_size=4, verbose=0, checkpoint=path, callbacks=[stop_at(1)])
    last = new()
    found = last.fit(X, epochs=3, batch_size=4, verbose=0, checkpoint=path)
    assert found.history["judged"] == history.history["judged"]
    for one, other in zip(whole.state_variables().values(), last.state_variables().values(),
                          strict=True):  # fmt: skip
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(left.numpy(), right.numpy())


def test_the_metrics_of_compile_are_among_those_of_the_model() -> None:
    class Guide(Model):
        """The step of Keras's guide, which asks every metric by its name."""

        def train_step(self, data: Any) -> dict[str, Any]:
            x, y = data
            predictions = self(x)
            loss = self.compute_loss(y=y, y_pred=predictions)
            variables = self.trainable_variables
            self.optimizer.apply(glassgrad.gradients(loss, variables), variables)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, predictions)
            return {metric.name: metric.result() for metric in self.metrics}

    own, plain = network(Guide, metrics=["mae"]), network(metrics=["mae"])
    ours = own.fit(X, Y, batch_size=5, epochs=2, verbose=0).history
    theirs = plain.fit(X, Y, batch_size=5, epochs=2, verbose=0).history
    assert ours.keys() == theirs.keys()
    np.testing.assert_allclose(ours["mae"], theirs["mae"], rtol=1e-6)


def test_own_evaluation_and_prediction() -> None:
    class Own(Model):
        def test_step(self, data: Any) -> dict[str, Tensor]:
            x, y = data
            return {"largest": (self(x) - y).abs().max()}

        def predict_step(self, data: Any) -> Tensor:
            return self(data) * 2.0

    model, plain = network(Own), network()
    expected = np.abs(plain.predict(X) - Y).max()
    np.testing.assert_allclose(
        model.evaluate(X, Y, batch_size=10, verbose=0, return_dict=True)["largest"], expected
    )
    np.testing.assert_allclose(model.predict(X), 2 * plain.predict(X), rtol=1e-6)


def test_a_loss_that_is_extended() -> None:
    class Shrinking(Model):
        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *rest: Any,
                         **options: Any) -> Tensor:  # fmt: skip
            return super().compute_loss(x, y, y_pred, *rest, **options) + (y_pred**2).mean()

    model = network(Shrinking)
    expected = ((model.predict(X) - Y) ** 2).mean() + (model.predict(X) ** 2).mean()
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), expected, rtol=1e-6)


def test_the_loss_may_be_what_layers_add() -> None:
    class Endpoint(Layer):
        def call(self, predictions: Tensor, targets: Any = None) -> Tensor:
            if targets is not None:
                self.add_loss(losses.MeanSquaredError()(targets, predictions))
            return predictions

    with seeded(1):
        x, t = Input((4,), name="x"), Input((1,), name="t")
        model = Model({"x": x, "t": t}, Endpoint()(Dense(1)(x), t))
    model.compile(SGD(0.1), executor="reference")
    history = model.fit({"x": X, "t": Y}, epochs=20, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    model = Sequential([Input((4,)), Dense(1)])
    model.compile("sgd", executor="reference")
    with pytest.raises(ArgumentError, match="compile with loss='mse', for example, or let a layer"):
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("result", [3.0, None, {"loss": 1.0}, [1]])
def test_a_step_gives_tensors_by_name(result: Any) -> None:
    class Wrong(Model):
        def train_step(self, data: Any) -> Any:
            return result

    with pytest.raises(ArgumentError, match=r"train_step\(data\) must return a dictionary of ten"):
        network(Wrong).fit(X, Y, verbose=0)


# ---- one batch at a time


def test_one_batch_at_a_time_is_fit() -> None:
    one, other = network(metrics=["mae"]), network(metrics=["mae"])
    one.fit(X, Y, batch_size=5, verbose=0, shuffle=False)
    for rows in (slice(0, 5), slice(5, 10)):
        other.train_on_batch(X[rows], Y[rows])
    for left, right in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    other.test_on_batch(X[:5], Y[:5])  # each call answers for its own batch
    assert other.test_on_batch(X, Y, return_dict=True) == other.evaluate(
        X, Y, verbose=0, return_dict=True
    )
    np.testing.assert_array_equal(other.predict_on_batch(X), other.predict(X))


def test_weights_of_classes_and_examples_in_one_batch() -> None:
    labels = np.array([0, 1] * 5)
    one = network(loss="binary_crossentropy")
    other = network(loss="binary_crossentropy")
    one.train_on_batch(X, labels, class_weight={1: 3.0})
    other.train_on_batch(X, labels, sample_weight=1.0 + 2.0 * labels)
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])


# ---- batches from elsewhere


class Batches(PyDataset):
    def __init__(self) -> None:
        super().__init__()
        self.epochs = 0

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return X[5 * index : 5 * index + 5], Y[5 * index : 5 * index + 5]

    def on_epoch_end(self) -> None:
        self.epochs += 1


def generated() -> Iterator[Any]:
    while True:
        yield X[:5], Y[:5]
        yield X[5:], Y[5:]


def loader() -> Any:
    pairs = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    return torch.utils.data.DataLoader(pairs, batch_size=5)


@pytest.mark.parametrize(
    "make, steps",
    [
        (Batches, None),
        (generated, 2),
        (loader, None),
        (lambda: [*map(tuple, loader())].__iter__(), None),
    ],
    ids=["PyDataset", "generator", "DataLoader", "iterator"],
)
def test_batches_from_elsewhere_train_as_arrays_do(make: Any, steps: int | None) -> None:
    one, other = network(), network()
    epochs = 1 if make not in (Batches, generated, loader) else 3
    one.fit(X, Y, batch_size=5, epochs=epochs, verbose=0, shuffle=False)
    history = other.fit(make(), epochs=epochs, verbose=0, shuffle=False, steps_per_epoch=steps)
    for left, right in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert history.history["loss"] == one.history.history["loss"]


def test_validation_and_evaluation_by_batches() -> None:
    model = network()
    history = model.fit(X, Y, verbose=0, validation_data=Batches(), validation_steps=1)
    assert history.history["val_loss"][0] == model.evaluate(X[:5], Y[:5], verbose=0)
    assert model.evaluate(generated(), steps=2, verbose=0) == pytest.approx(
        model.evaluate(X, Y, batch_size=5, verbose=0)
    )
    np.testing.assert_array_equal(
        model.predict(batch for batch in (X[:5], X[5:])), model.predict(X, batch_size=5)
    )


def test_the_order_of_a_dataset_is_shuffled_and_its_epochs_are_counted() -> None:
    batches = Batches()
    one, other = network(), network()
    one.fit(batches, epochs=6, verbose=0)
    other.fit(Batches(), epochs=6, verbose=0, shuffle=False)
    assert batches.epochs == 6
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])


def test_an_epoch_may_be_a_part_or_several_times_of_the_data() -> None:
    one, other = network(), network()
    one.fit(X, Y, batch_size=5, epochs=3, steps_per_epoch=1, verbose=0, shuffle=False)
    for rows in (slice(0, 5), slice(5, 10), slice(0, 5)):
        other.train_on_batch(X[rows], Y[rows])
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])
    three = network()
    three.fit(X, Y, batch_size=5, epochs=1, steps_per_epoch=3, verbose=0, shuffle=False)
    np.testing.assert_array_equal(three.get_weights()[0], other.get_weights()[0])


def test_a_source_that_runs_dry_ends_training_with_a_warning() -> None:
    finite = iter([(X, Y)] * 2)
    model = network()
    with pytest.warns(UserWarning, match="gave no batch for epoch 2: training ends here"):
        history = model.fit(finite, epochs=5, verbose=0)
    assert len(history.history["loss"]) >= 1


@pytest.mark.parametrize(
    "x, y, kind, message",
    [
        (iter([]), None, DataError, "must give at least one batch. Got none"),
        (generated(), Y, ArgumentError, "generator gives batches .* must not be given beside"),
        (iter([(X, Y, Y[:, 0], Y)]), None, ArgumentError, "x, .x, y. or .* Got a tuple of 4"),
        (iter([(X, Y[:3])]), None, DataError, "equal lengths"),
        (iter([("a", "b")]), None, DataError, "real numbers"),
        (iter([X]), None, DataError, "pass y. Got x alone"),
    ],
)
def test_batches_that_do_not_fit(x: Any, y: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        network().fit(x, y, verbose=0)


def test_a_split_needs_arrays() -> None:
    with pytest.raises(ArgumentError, match=r"validation_split divides arrays. Got batches"):
        network().fit(Batches(), validation_split=0.5, verbose=0)


@pytest.mark.parametrize("name", ["steps_per_epoch", "validation_steps"])
def test_numbers_of_steps_are_positive(name: str) -> None:
    with pytest.raises(ArgumentError, match=f"{name} must be a positive integer. Got 0"):
        network().fit(X, Y, verbose=0, **{name: 0})


def test_run_eagerly_is_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassgrad.execute.executor._chosen", ["cpu"])
    assert network(executor=None, run_eagerly=True).steps.executor.name == "reference"
    assert network(executor=None).steps.executor.name == "cpu"


# ---- what streams, and is interrupted, weighted or frozen


class Loader:
    """Batches that can be begun again."""

    def __init__(self, *batches: Any) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches)

    def __len__(self) -> int:
        raise TypeError("a stream has no length")


@pytest.mark.parametrize("make", [lambda x, y: (x, y), lambda x, y: (Loader((x, y)),)])
def test_weights_of_classes_count_in_batches_as_in_arrays(make: Any) -> None:
    labels = (Y > 0).astype("int32")
    with seeded(4):
        model = Sequential([Input((4,)), Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", executor="reference")
    before = model.get_weights()
    history = model.fit(*make(X, labels), class_weight={0: 0.0, 1: 0.0}, verbose=0)
    assert history.history["loss"] == [0.0]
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def drawn(seed: int) -> Iterator[Any]:
    rng = np.random.default_rng(seed)
    while True:
        x = rng.normal(size=(3, 4))
        yield x, x.sum(axis=1, keepdims=True)


class InterruptionError(Exception):
    pass


@pytest.mark.parametrize("last", [3, 6, 8])
@pytest.mark.parametrize("freq", [1, 2])
def test_a_resumed_run_leaves_out_what_a_generator_gave_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int, freq: int
) -> None:
    def run(model: Any, **more: Any) -> Any:
        how: dict[str, Any] = {"epochs": 4, "steps_per_epoch": 3, "validation_steps": 2}
        how |= {"validation_data": drawn(2), "validation_freq": freq, "verbose": 0}
        return model.fit(drawn(1), **how, **more).history

    seen: list[int] = []

    def interrupt(batch: int, logs: Any = None) -> None:
        seen.append(batch)
        if len(seen) == last:
            raise InterruptionError

    path = tmp_path / "checkpoint"
    whole, first, second = (network(metrics=["mae"]) for _ in range(3))
    expected = run(whole)
    monkeypatch.setattr("glassgrad.training.loop.SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    with pytest.raises(InterruptionError):
        run(first, checkpoint=path, callbacks=LambdaCallback(on_train_batch_end=interrupt))
    assert run(second, checkpoint=path) == expected
    for one, other in zip(whole.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_checkpoint_knows_the_number_of_steps(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    network().fit(X, Y, 2, steps_per_epoch=3, verbose=0, checkpoint=path)
    with pytest.raises(FileError, match=r"it had steps_per_epoch 3\. Got 2"):
        network().fit(X, Y, 2, steps_per_epoch=2, verbose=0, checkpoint=path)


def test_validation_that_runs_dry_reports_nothing() -> None:
    with pytest.warns(UserWarning, match="gave no batch for evaluation, so there are no results"):
        history = network().fit(X, Y, epochs=3, validation_data=iter([(X, Y)]), verbose=0)
    assert len(history.history["loss"]) == 3
    assert len(history.history["val_loss"]) == 1


def test_evaluation_leaves_out_the_penalties_of_frozen_layers() -> None:
    with seeded(4):
        model = Sequential([Input((4,)), Dense(1, kernel_regularizer="l2")])
    model.compile("sgd", "mse", executor="reference")
    penalty = 0.01 * (model.get_weights()[0] ** 2).sum()
    before = model.evaluate(X, Y, verbose=0)
    model.trainable = False
    assert before - model.evaluate(X, Y, verbose=0) == pytest.approx(penalty, rel=1e-4)


class Penalized(Model):
    """Adds ``losses`` by itself, as many scripts do."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.inner = Sequential([Dense(3, kernel_regularizer="l2", activity_regularizer="l2")])
        self.last = Dense(1)

    def call(self, inputs: Tensor) -> Tensor:
        output: Tensor = self.last(self.inner(inputs))
        return output

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        error = glassgrad.ops.mean((self(x, training=True) - y) ** 2)
        counts = [len(one.losses) for one in (self, self.inner, self.inner.layers[0], self.last)]
        assert counts == [2, 2, 2, 0]
        return {"loss": error, "penalty": sum(self.losses[1:], start=self.losses[0])}


def test_penalties_are_known_within_a_step_of_ones_own() -> None:
    with seeded(4):
        model = Penalized()
    model.compile("sgd", "mse", executor="reference")
    history = model.fit(X, Y, verbose=0, shuffle=False).history
    kernel, bias, *_ = model.get_weights()
    activity = ((X @ kernel + bias) ** 2).sum() / len(X)
    assert history["penalty"][0] == pytest.approx(0.01 * ((kernel**2).sum() + activity), rel=1e-5)


def test_a_resumed_run_draws_in_evaluation_what_it_would_have_drawn(tmp_path: Path) -> None:
    def run(epochs: int, **how: Any) -> Any:
        with seeded(4):
            x = Input((4,))
            model = Model(x, Dense(1)(Dropout(0.5)(x, training=True)))
        model.compile("sgd", "mse", executor="reference")
        return model.fit(X, Y, 4, epochs, validation_data=(X, Y), verbose=0, **how).history

    path = tmp_path / "checkpoint"
    run(2, checkpoint=path)
    resumed = run(4, checkpoint=path)["val_loss"]
    assert run(4)["val_loss"][-2:] == resumed[-2:]
    assert len(set(resumed)) == len(resumed)


def test_targets_keep_their_structure() -> None:
    seen = []

    class Watching(Model):
        def compute_loss(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Tensor:
            seen.append(sorted(y))
            return super().compute_loss(x, y, *args, **kwargs)

    x = Input((4,))
    model = Watching(x, {"a": Dense(1)(x), "b": Dense(1)(x)})
    model.compile("sgd", {"a": "mse", "b": "mae"}, executor="reference")
    model.fit(X, {"b": Y, "a": Y}, verbose=0)
    assert all(keys == ["a", "b"] for keys in seen)


class Several(Model):
    """Takes more than one argument, and must be told whether it learns."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = Dense(1, kernel_initializer="ones")

    def call(self, x: Any, other: Any, training: bool) -> Tensor:
        output: Tensor = self.dense(x) * (2.0 if training else 1.0) + other
        return output


def test_a_call_of_several_arguments() -> None:
    expected = X.sum(axis=1, keepdims=True) + Y
    np.testing.assert_allclose(Several()(X, Y).numpy(), expected, rtol=1e-5, atol=1e-6)
    by_name = Several()(x=X, other=Y, training=True).numpy()
    np.testing.assert_allclose(by_name, 2 * expected - Y, rtol=1e-5, atol=1e-6)
    with pytest.raises(TypeError, match=r"Several .* must be called on x\."):
        Several()(other=Y)


def test_a_call_that_fails_leaves_a_model_unbuilt() -> None:
    class Picky(Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = Dense(1)

        def call(self, inputs: Tensor, training: bool) -> Tensor:
            if inputs.shape[-1] != 4:
                raise ValueError("four columns")
            output: Tensor = self.dense(inputs)
            return output

    model = Picky()
    model.compile("sgd", "mse", executor="reference")
    with pytest.raises(ValueError, match="four columns"):
        model.fit(X[:, :2], Y, verbose=0)
    assert not model.built
    assert len(model.fit(X, Y, verbose=0).history["loss"]) == 1


def test_an_output_without_examples_is_no_prediction() -> None:
    x = Input((4,))
    model = Model(x, glassgrad.ops.mean(x))
    with pytest.raises(
        ShapeError, match=r"axis of examples\. Got an output that is a single number"
    ):
        model.predict(X, verbose=0)
    assert model.predict_on_batch(X) == pytest.approx(X.mean(), abs=1e-6)
