"""Readings against plain loops over NumPy arrays, and what a visit must leave alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import glassgrad
from glassgrad import Model, Sequential, optimizers
from glassgrad.errors import ArgumentError, DataError, NotBuiltError
from glassgrad.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    BatchNormalization,
    CategoryEncoding,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    LeakyReLU,
    SimpleRNN,
)
from glassgrad.lens.doctor.case import LayerReading, ParameterReading, Reading
from glassgrad.lens.doctor.probe import Probe, interval
from glassgrad.training.callbacks import Callback


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def compiled(model: Model, loss: str = "mse", optimizer: object = "sgd") -> Model:
    model.compile(optimizer, loss, executor="reference")
    return model


def of_layer(reading: Reading, name: str) -> LayerReading:
    found = reading.layer(name)
    assert found is not None
    return found


def of_parameter(reading: Reading, name: str) -> ParameterReading:
    return next(one for one in reading.parameters if one.parameter == name)


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.asarray(x, np.float64) ** 2)))


# ---- numbers, by hand


def two_layers() -> tuple[Model, np.ndarray, np.ndarray]:
    model = Sequential(
        [Input((4,)), Dense(5, activation="tanh", name="hidden"), Dense(3, name="out")]
    )
    return (
        compiled(model, optimizer=glassgrad.optimizers.SGD(0.5)),
        drawn(6, 4),
        drawn(6, 3, seed=1),
    )


def test_a_network_of_two_layers_reads_as_computed_by_hand() -> None:
    model, x, y = two_layers()
    w, b, v, c = (weight.astype(np.float64) for weight in model.get_weights())
    reading = Probe(model, x, y).read(7)

    z = x @ w + b
    h = np.tanh(z)
    p = h @ v + c
    to_p = 2 * (p - y) / y.size
    to_h = to_p @ v.T
    to_z = to_h * (1 - h**2)
    assert reading.step == 7
    assert reading.loss == pytest.approx(np.mean((p - y) ** 2), rel=1e-5)
    hidden, out = of_layer(reading, "hidden"), of_layer(reading, "out")
    assert hidden.output_rms == pytest.approx(rms(h), rel=1e-5)
    assert hidden.gradient_rms == pytest.approx(rms(to_h), rel=1e-5)
    assert hidden.pre_activation_rms == pytest.approx(rms(z), rel=1e-5)
    assert hidden.pre_activation_deviation == pytest.approx(z.std(), rel=1e-5)
    assert hidden.pre_activation_gradient_rms == pytest.approx(rms(to_z), rel=1e-5)
    assert hidden.unit_deviation == pytest.approx(z.std(axis=0).mean(), rel=1e-5)
    assert hidden.silent is None
    assert out.output_rms == out.pre_activation_rms == pytest.approx(rms(p), rel=1e-5)
    assert out.pre_activation_gradient_rms == pytest.approx(rms(to_p), rel=1e-5)
    assert reading.output_deviation == pytest.approx(p.std(axis=0).mean(), rel=1e-5)

    kernel, to_w = of_parameter(reading, "hidden/kernel"), x.T @ to_z
    assert kernel.rms == pytest.approx(rms(w), rel=1e-5)
    assert kernel.gradient_rms == pytest.approx(rms(to_w), rel=1e-5)
    assert kernel.update_rms == pytest.approx(0.5 * rms(to_w), rel=1e-3)
    ratios = [np.linalg.norm(to_w[:, n]) / np.linalg.norm(w[:, n]) for n in range(5)]
    assert kernel.unit_ratio == pytest.approx(max(ratios), rel=1e-5)
    bias = of_parameter(reading, "hidden/bias")
    assert bias.unit_ratio == pytest.approx(np.linalg.norm(to_z.sum(axis=0)) / 1e-3, rel=1e-5)
    assert not kernel.zero
    assert kernel.zero_units == 0


def test_units_of_a_layer_that_are_silent_or_saturated_are_counted_and_not_entries() -> None:
    model = Sequential(
        [
            Input((2,)),
            Dense(4, activation="relu", name="rests"),
            Dense(4, activation="tanh", name="bends"),
            Dense(1),
        ]
    )
    compiled(model)
    weights = model.get_weights()
    weights[1] = np.array([0.0, -100.0, 0.0, -100.0], np.float32)  # two units never fire
    weights[3] = np.array([9.0, 0.0, 0.0, -9.0], np.float32)  # two lie at the ends
    model.set_weights([0.1 * w if w.ndim > 1 else w for w in weights])
    reading = Probe(model, drawn(40, 2), drawn(40, 1)).read(0)
    assert of_layer(reading, "rests").silent == 0.5
    assert of_layer(reading, "rests").saturated is None
    assert of_layer(reading, "bends").saturated == 0.5
    assert of_layer(reading, "bends").silent is None
    assert of_parameter(reading, "rests/kernel").zero_units == 0.5
    assert of_parameter(reading, "rests/bias").zero_units == 0.5


def test_units_of_a_convolution_are_its_channels() -> None:
    model = Sequential([Input((5, 5, 2)), Conv2D(3, 2, activation="relu", name="conv"), Flatten()])
    model.add(Dense(1))
    compiled(model)
    weights = model.get_weights()
    weights[1] = np.array([0.0, -100.0, 0.5], np.float32)
    model.set_weights(weights)
    x, y = drawn(4, 5, 5, 2), drawn(4, 1)
    reading = Probe(model, x, y).read(0)
    conv, kernel = of_layer(reading, "conv"), of_parameter(reading, "conv/kernel")
    assert conv.silent == pytest.approx(1 / 3)
    assert kernel.zero_units == pytest.approx(1 / 3)

    w, b = weights[0].astype(np.float64), weights[1]
    z = np.zeros((4, 4, 4, 3))
    for n, i, j, k in np.ndindex(z.shape):
        z[n, i, j, k] = (x[n, i : i + 2, j : j + 2] * w[..., k]).sum() + b[k]
    assert conv.pre_activation_rms == pytest.approx(rms(z), rel=1e-5)
    assert conv.unit_deviation == pytest.approx(z.std(axis=0).mean(), rel=1e-4)
    assert conv.output_rms == pytest.approx(rms(np.maximum(z, 0)), rel=1e-5)


def test_an_activation_behind_a_normalisation_has_its_own_sums() -> None:
    model = Sequential(
        [
            Input((3,)),
            Dense(4, name="d"),
            BatchNormalization(name="n"),
            Activation("relu", name="a"),
        ]
    )
    model.add(Dense(1))
    reading = Probe(compiled(model), drawn(32, 3) * 50 + 9, drawn(32, 1)).read(0)
    dense, normal, relu = (of_layer(reading, name) for name in "dna")
    assert dense.silent is None
    assert dense.pre_activation_rms == dense.output_rms > 10
    assert normal.pre_activation_rms is None
    assert normal.output_rms == pytest.approx(1, rel=1e-2)  # by the statistics of the batch
    assert relu.pre_activation_rms == normal.output_rms
    assert relu.silent == 0


def test_rows_of_a_table_that_the_probe_set_does_not_use_have_no_gradient() -> None:
    model = Sequential([Input((2,)), Embedding(8, 3, name="table"), Flatten(), Dense(1)])
    reading = Probe(compiled(model), [[0, 1], [1, 2]], [[1.0], [0.0]]).read(0)
    table = of_parameter(reading, "table/embeddings")
    assert table.zero_units == 5 / 8
    assert not table.zero


def test_the_slopes_of_a_deep_network_do_not_vanish_from_the_readings() -> None:
    # Squares of such slopes are 0 in float32.
    layers = [Dense(4, activation="sigmoid", name=f"d{n}") for n in range(30)]
    model = Sequential([Input((4,)), *layers, Dense(1)])
    reading = Probe(compiled(model), drawn(8, 4), drawn(8, 1)).read(0)
    first = of_layer(reading, "d0").pre_activation_gradient_rms
    assert first is not None
    assert 0 < first < 1e-15
    assert not of_parameter(reading, "d0/kernel").zero


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_said_to_be_so(value: float) -> None:
    model, x, y = two_layers()
    weights = model.get_weights()
    weights[2][0, 0] = value
    model.set_weights(weights)
    reading = Probe(model, x, y).read(0)
    assert not np.isfinite(reading.loss)
    assert not of_layer(reading, "out").finite
    assert not of_layer(reading, "hidden").finite  # its slope is none


def test_large_numbers_are_finite() -> None:
    model, x, y = two_layers()
    reading = Probe(model, x * 1e25, y).read(0)
    assert of_layer(reading, "hidden").finite
    assert 1e24 < (of_layer(reading, "hidden").pre_activation_rms or 0) < 1e26


# ---- losses


CLASSES = {
    "numbers": ("sparse_categorical_crossentropy", lambda y: y),
    "columns of numbers": ("sparse_categorical_crossentropy", lambda y: y[:, None]),
    "one-hot": ("categorical_crossentropy", lambda y: np.eye(3, dtype=np.float32)[y]),
}


@pytest.mark.parametrize("loss,form", CLASSES.values(), ids=CLASSES)
def test_the_loss_of_each_class(loss: str, form: object) -> None:
    y = np.array([0, 0, 2, 2, 2, 0])
    model = Sequential([Input((4,)), Dense(3, activation="softmax")])
    x = drawn(6, 4)
    reading = Probe(compiled(model, loss), x, form(y)).read(0)  # type: ignore[operator]
    each = -np.log(model.predict(x, verbose=0)[np.arange(6), y])
    assert reading.loss_by_class[::2] == pytest.approx([each[y == 0].mean(), each[y == 2].mean()])
    assert np.isnan(reading.loss_by_class[1])


def test_the_loss_of_yes_and_no() -> None:
    y = np.array([[0], [1], [1], [1]])
    model = Sequential([Input((2,)), Dense(1, activation="sigmoid")])
    x = drawn(4, 2)
    reading = Probe(compiled(model, "binary_crossentropy"), x, y).read(0)
    p = model.predict(x, verbose=0)
    assert reading.loss_by_class == pytest.approx(
        [-np.log(1 - p[0, 0]), -np.log(p[1:]).mean()], rel=1e-5
    )


@pytest.mark.parametrize("loss", ["mse", "binary_crossentropy"])
def test_what_is_no_choice_of_one_class_has_no_loss_of_classes(loss: str) -> None:
    model = Sequential([Input((2,)), Dense(3, activation="sigmoid")])
    y = np.random.default_rng(0).integers(0, 2, (4, 3))
    assert Probe(compiled(model, loss), drawn(4, 2), y).read(0).loss_by_class == ()


# ---- forms of models


def test_nested_models_and_shared_layers_have_a_reading_for_each_call() -> None:
    a, b, inner = Input((4,)), Input((4,)), Input((4,))
    shared = Dense(3, activation="relu", name="shared")
    encoder = Model(inner, shared(inner), name="encoder")
    outputs = [
        Dense(1, name="sum")(Add()([encoder(a), encoder(b)])),
        Dense(2, name="pair")(encoder(a)),
    ]
    model = compiled(Model([a, b], outputs), "mse")
    reading = Probe(model, [drawn(5, 4), drawn(5, 4, seed=1)], [drawn(5, 1), drawn(5, 2)]).read(0)
    names = [one.layer for one in reading.layers]
    assert names[:2] == ["encoder/shared", "encoder/shared (2)"]
    assert {"sum", "pair"} < set(names)
    assert len(reading.parameters) == 6


def test_a_model_of_ones_own_is_read_through_its_layers() -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.bent, self.last = Dense(4), LeakyReLU(), Dense(1)

        def call(self, x: object) -> object:
            return self.last(self.bent(self.first(x)))

    reading = Probe(compiled(Own()), drawn(5, 2), drawn(5, 1)).read(0)
    assert len(reading.layers) == 3
    assert reading.layers[1].silent is None  # it lets something through


class OwnStep(Model):
    def train_step(self, data: object) -> dict[str, object]:
        x, y = data  # type: ignore[misc]
        loss = ((self(x) - y) ** 2).mean() * 3.0
        variables = self.trainable_variables
        self.optimizer.apply(glassgrad.gradients(loss, variables), variables)
        return {"loss": loss}


def own_step(loss: str | None) -> Model:
    x = Input((2,))
    model = OwnStep(x, Dense(1, name="out")(x))
    model.compile("sgd", loss, executor="reference")
    return model


def test_a_step_of_ones_own_is_read_by_compute_loss_where_there_is_one() -> None:
    reading = Probe(own_step("mse"), drawn(5, 2), drawn(5, 1)).read(0)
    assert of_layer(reading, "out").gradient_rms > 0
    assert of_parameter(reading, "out/kernel").update_rms is None


def test_a_step_of_ones_own_without_a_loss_to_compute_gives_the_loss_alone() -> None:
    x, y = drawn(5, 2), drawn(5, 1)
    model = own_step(None)
    reading = Probe(model, x, y).read(0)
    expected = 3 * np.mean((model.predict(x, verbose=0) - y) ** 2)
    assert reading.loss == pytest.approx(expected, rel=1e-5)
    assert reading.layers == reading.parameters == ()


def test_frozen_layers_are_not_among_the_parameters_and_unreached_ones_have_no_gradient() -> None:
    model, x, y = two_layers()
    probe = Probe(model, x, y)
    assert len(probe.read(0).parameters) == 4
    model.get_layer("hidden").trainable = False
    assert [one.parameter for one in probe.read(0).parameters] == ["out/kernel", "out/bias"]

    a, b = Input((2,)), Input((2,))
    dead = Dense(1, name="dead")(b)
    model = compiled(Model([a, b], [Dense(1, name="live")(a), dead]), ["mse", None])  # type: ignore[arg-type]
    kernel = of_parameter(Probe(model, [x[:, :2]] * 2, [y[:, :1]] * 2).read(0), "dead/kernel")
    assert kernel.zero
    assert kernel.zero_units == 1


# ---- a visit changes nothing


class Visits(Callback):
    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        super().__init__()
        self.data, self.readings = (x, y), []

    def on_train_begin(self, logs: object = None) -> None:
        self.probe = Probe(self.model, *self.data)
        self.readings = [self.probe.read(0)]

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.readings.append(self.probe.read(batch + 1))


NETWORKS = {
    "dense": lambda: [Dense(8, activation="relu"), BatchNormalization(), Dropout(0.5), Dense(3)],
    "lstm": lambda: [LSTM(4, dropout=0.2), Dense(3)],
    "gru": lambda: [GRU(4, return_sequences=True), SimpleRNN(3), Dropout(0.3), Dense(3)],
}


@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_training_with_visits_ends_with_the_same_bits(layers: object) -> None:
    shape = (6,) if "dense" in NETWORKS and layers is NETWORKS["dense"] else (5, 6)
    x, y = drawn(20, *shape), drawn(20, 3, seed=1)

    def trained(callbacks: list[Callback]) -> list[np.ndarray]:
        glassgrad.set_random_seed(3)
        model = Sequential([Input(shape), *layers()])  # type: ignore[operator]
        model.compile("adam", "mse", executor="reference")
        model.fit(x, y, batch_size=8, epochs=3, verbose=0, callbacks=callbacks)
        return [*model.get_weights(), *[v.numpy() for v in model.optimizer.variables]]

    visits = Visits(x[:4], y[:4])
    for plain, watched in zip(trained([]), trained([visits]), strict=True):
        assert plain.tobytes() == watched.tobytes()
    assert len(visits.readings) == 10
    assert visits.readings[0].loss != visits.readings[-1].loss


def test_dropout_is_drawn_and_is_the_same_at_every_visit() -> None:
    model = compiled(Sequential([Input((4,)), Dense(50), Dropout(0.5, name="drop"), Dense(1)]))
    probe = Probe(model, drawn(9, 4), drawn(9, 1))
    first = probe.read(0)
    model.random.step.assign(9)  # training goes on, with other draws
    assert probe.read(9).loss == first.loss
    assert of_layer(first, "drop").output_rms > of_layer(first, model.layers[0].name).output_rms


def test_a_stateful_layer_keeps_the_length_and_the_states_of_training() -> None:
    model = Sequential([Input((3, 2), batch_size=4), LSTM(3, stateful=True), Dense(1)])
    compiled(model)
    x, y = drawn(8, 3, 2), drawn(8, 1)
    probe = Probe(model, x[:2], y[:2])
    begin = probe.read(0)
    assert len(begin.recurrences[0].gradient_rms) == 3
    model.fit(x, y, batch_size=4, epochs=1, verbose=0)
    states = [state.numpy() for state in model.layers[0].states]
    probe.read(2)
    assert all((a == b.numpy()).all() for a, b in zip(states, model.layers[0].states, strict=True))


# ---- what the optimizer would do


OPTIMIZERS: dict[str, Callable[[], optimizers.Optimizer]] = {
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9),
    "adam": lambda: optimizers.Adam(0.01),
    "weight decay": lambda: optimizers.AdamW(0.01, weight_decay=0.1),
    "clipping": lambda: optimizers.SGD(0.5, global_clipnorm=1e-3),
    "schedule": lambda: optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)),
    "averages": lambda: optimizers.Adam(0.01, use_ema=True),
    "loss scale": lambda: optimizers.SGD(0.1, loss_scale_factor=256.0),
    "dynamic loss scale": lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.01)),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_updates_are_those_that_a_step_then_makes(
    optimizer: Callable[[], optimizers.Optimizer],
) -> None:
    model, x, y = two_layers()
    compiled(model, optimizer=optimizer())
    model.fit(x, y, epochs=3, verbose=0)
    before = model.get_weights()
    reading = Probe(model, x, y).read(3)
    model.train_on_batch(x, y)
    for one, old, new in zip(reading.parameters, before, model.get_weights(), strict=True):
        assert one.update_rms == pytest.approx(rms(new - old), rel=1e-3)
        assert one.gradient_rms > 0


def test_a_step_that_only_adds_gradients_up_says_nothing_of_updates() -> None:
    model, x, y = two_layers()
    compiled(model, optimizer=optimizers.SGD(0.1, gradient_accumulation_steps=4))
    assert {one.update_rms for one in Probe(model, x, y).read(0).parameters} == {None}


def test_numbers_that_are_no_floats_have_a_size() -> None:
    model = Sequential(
        [Input((2,)), CategoryEncoding(4, "one_hot", name="code"), Flatten(), Dense(1)]
    )
    reading = Probe(compiled(model), [[0, 1], [1, 2]], [[1.0], [0.0]]).read(0)
    assert of_layer(reading, "code").output_rms == 0.5
    assert of_layer(reading, "code").finite


# ---- the interval, and what is refused


def test_the_interval_follows_from_the_share() -> None:
    model, x, y = two_layers()
    probe = Probe(model, x, y)
    step = probe.training_flop(32)
    assert step == pytest.approx(probe.training_flop(64) / 2)
    every = interval(probe, step)
    assert every == pytest.approx(probe.flop / step / 0.01, abs=1)
    assert interval(probe, step, share=0.02) == pytest.approx(every / 2, abs=1)
    with pytest.raises(ArgumentError, match="above 0"):
        interval(probe, step, share=0.0)


def test_what_cannot_be_probed_is_refused() -> None:
    model = Sequential([Input((2,)), Dense(1)])
    with pytest.raises(NotBuiltError, match="compile"):
        Probe(model, [[1.0, 2.0]], [[1.0]])
    with pytest.raises(ArgumentError, match="compiled model"):
        Probe("model", [[1.0]], [[1.0]])  # type: ignore[arg-type]
    with pytest.raises(DataError, match="targets"):
        Probe(compiled(model), [[1.0, 2.0]]).read(0)
