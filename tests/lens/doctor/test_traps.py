"""Healthy trainings that naive rules condemn: no finding, ever, made by hand and for real."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import layers, optimizers
from glassgrad.layers import BatchNormalization, Dense, Dropout, Embedding, Flatten, Input
from glassgrad.lens.doctor.case import (
    AttentionReading,
    Case,
    Course,
    LayerFacts,
    ParameterFacts,
    ParameterReading,
    Reading,
    RecurrenceReading,
)
from glassgrad.lens.doctor.diagnosis import diagnose
from glassgrad.lens.doctor.doctor import Doctor
from glassgrad.models import Model, Sequential
from glassgrad.optimizers.schedules import CosineDecay
from tests.lens.doctor.synthetic import DATA, STEPS, TRIVIAL, case, falling, resting, seen, stack

# ---- made by hand


def convergence() -> Case:
    """All gradients have shrunk to nothing, those of the first layer most of all."""
    facts = stack(8, "tanh", gain=1.0)
    end = seen(facts, STEPS, 1e-6, gradient=0.3, saturated=0.4)
    small = replace(end, layers=tuple(replace(one, gradient_rms=1e-12) for one in end.layers))
    return case(facts, falling(end=1e-6), seen(facts), small)


def edge_of_stability() -> Case:
    """The loss goes up in every second step, and falls over the long run."""
    losses = falling(end=0.05) * (1 + 0.5 * (-1.0) ** np.arange(STEPS))
    return case(stack(4), losses, ratio=0.03)


def spikes() -> Case:
    """Now and then a batch throws the network back for some steps."""
    losses = falling(end=0.02)
    for at in (80, 81, 200, 201, 202, 330):
        losses[at] *= 20
    ratio = np.full(STEPS, 3e-3)
    ratio[[80, 200]] = 0.3
    return case(stack(4), losses, ratio=ratio)


def unseen_tokens() -> Case:
    """The rows of an embedding whose tokens do not come have no gradient."""
    facts = stack(2)
    table = ParameterFacts("tokens/embeddings", "tokens", "embedding", (1000, 8), rms=0.03)
    facts = replace(facts, parameters=(table, *facts.parameters))
    readings = [with_zero_gradient(seen(facts, n), "tokens/embeddings") for n in (0, STEPS)]
    return case(facts, falling(), *readings)


def frozen_backbone() -> Case:
    """Layers that are not to learn have no gradient."""
    facts = stack(4)
    frozen = {"hidden_0", "hidden_1"}
    facts = replace(
        facts,
        layers=tuple(replace(one, trainable=one.name not in frozen) for one in facts.layers),
        parameters=tuple(
            replace(one, trainable=one.layer not in frozen) for one in facts.parameters
        ),
    )
    return case(facts, falling(end=0.4))


def output_layer_of_zeros() -> Case:
    """Behind an output layer that begins at zero, no gradient arrives in the first step."""
    facts = stack(3)
    nothing = seen(facts, 0)
    for parameter in facts.parameters:
        nothing = with_zero_gradient(nothing, parameter.name)
    nothing = replace(
        nothing,
        layers=tuple(replace(one, pre_activation_gradient_rms=0.0) for one in nothing.layers),
    )
    return case(facts, falling(), nothing, seen(facts, STEPS, 0.1))


def gains_that_begin_at_zero() -> Case:
    """A gradient is any number of times as large as a weight that is still zero."""
    facts = stack(3)
    reading = seen(facts)
    large = tuple(replace(one, unit_ratio=300.0) for one in reading.parameters)
    return case(facts, falling(), replace(reading, parameters=large), seen(facts, STEPS, 0.1))


def warm_up_and_decay() -> Case:
    """Steps of every size, from nothing to large and back to nothing."""
    up, down = np.linspace(0, 0.08, STEPS // 10), np.geomspace(0.08, 1e-7, STEPS * 9 // 10)
    return case(stack(4, has_schedule=True), falling(), ratio=np.concatenate([up, down]))


def steps_that_are_always_small() -> Case:
    """Fine tuning: next to no change of the weights, and the loss falls."""
    return case(stack(4), falling(1.2, 0.2), ratio=5e-5)


def sparse_activations() -> Case:
    """Most units are silent for most examples, and the network learns."""
    facts = stack(4)
    readings = [seen(facts, n, silent=[0.3, 0.7, 0.8, 0.85]) for n in (0, 200, STEPS)]
    return case(facts, falling(), *readings)


def one_epoch_of_worse_validation() -> Case:
    losses = [2.0, 1.2, 0.9, 0.7, 1.3, 0.6, 0.5, 0.48]
    return case(stack(3), falling(), validation=losses)


def validation_that_rests_above_training() -> Case:
    losses = [2.0, 1.2, 0.9, 0.7, 0.6, 0.61, 0.6, 0.62, 0.61, 0.6]
    return case(stack(3), falling(end=0.05), validation=losses)


def stopped_early() -> Case:
    """Validation had been past its best for epochs, and that is why training was ended."""
    losses = [2.0, 1.2, 0.9, 1.1, 1.3, 1.4]
    return case(stack(3, steps=STEPS * 5), falling(end=0.05), validation=losses)


def inputs_up_to_twenty() -> Case:
    facts = stack(3, data=replace(DATA, input_rms=12.0, feature_deviations=(0.1, 9.0)))
    return case(facts, falling(begin=9.0))


def a_plateau_before_it_learns() -> Case:
    """A third of training without progress, as networks that remember and attend have."""
    losses = np.concatenate([resting(steps=STEPS // 3), falling(steps=STEPS - STEPS // 3)])
    return case(stack(2), losses)


def half_of_all_units_in_a_deep_network() -> Case:
    """In a deep ReLU network examples look alike to the last layers, and half the units are off."""
    facts = stack(20)
    readings = [seen(facts, n, silent=[0.1] * 8 + [0.6] * 12) for n in (0, STEPS)]
    return case(facts, falling(), *readings)


def noise_that_nobody_can_learn() -> Case:
    """A regression that explains a fifth of the variance, which is all there is."""
    facts = stack(1, trivial_loss=1.0, loss="mean_squared_error", reference_loss=0.82)
    return case(facts, falling(1.4, 0.8, noise=0.3))


def rare_classes() -> Case:
    facts = stack(2, trivial_loss=0.25, reference_loss=0.2)
    return case(facts, falling(0.7, 0.15, noise=0.4))


def single_examples_a_step() -> Case:
    return case(stack(2), falling(end=0.3, noise=1.0), ratio=0.01)


def gates_that_open_in_training() -> Case:
    """At first an LSTM passes no gradient over many steps, either."""
    memory = LayerFacts("memory", "LSTM", "tanh", "recurrent", 32)
    facts = replace(stack(1), layers=(memory, *stack(1).layers))
    forgets = RecurrenceReading("memory", tuple(0.6 ** np.arange(50.0)[::-1]))
    keeps = RecurrenceReading("memory", tuple(0.98 ** np.arange(50.0)[::-1]))
    first, last = seen(facts, recurrences=(forgets,)), seen(facts, STEPS, recurrences=(keeps,))
    return case(facts, falling(), first, last)


def attention_that_begins_alike() -> Case:
    facts = stack(2)
    alike = AttentionReading("attention", (1.0, 0.999))
    sharp = AttentionReading("attention", (0.3, 0.02))
    readings = [seen(facts, attentions=(alike,)), seen(facts, STEPS, attentions=(sharp,))]
    return case(facts, falling(), *readings)


def attention_that_knows_where_to_look() -> Case:
    """Most heads look at one place, and the loss is not 0, since nobody can foresee it all."""
    attending = LayerFacts("attention", "MultiHeadAttention", role="attention", units=16)
    facts = replace(stack(2), layers=(attending, *stack(2).layers))
    sharp = AttentionReading("attention", (0.01, 0.02))
    readings = [seen(facts), *(seen(facts, n, attentions=(sharp,)) for n in (200, STEPS))]
    return case(facts, falling(end=0.7), *readings)


def a_few_steps_only() -> Case:
    return case(stack(3, steps=10), resting(steps=10))


def penalties() -> Case:
    """What regularisers add to the loss is not what it has to lose."""
    facts = stack(3, penalty=2.0)
    return case(facts, falling(TRIVIAL + 2.0, 2.1))


def with_zero_gradient(reading: Reading, name: str) -> Reading:
    zero = ParameterReading(name, 0.1, 0.0, 0.0, zero=True, zero_units=1.0)
    others = tuple(one for one in reading.parameters if one.parameter != name)
    return replace(reading, parameters=(*others, zero))


def one_epoch_only() -> Case:
    """Steps of a usual size, and few of them: nobody has trained here yet."""
    facts = stack(3, steps=60, reference_loss=0.5)
    return case(facts, np.linspace(TRIVIAL, 2.0, 60), ratio=1.2e-3, validation=[2.0])


def gradients_that_are_collected() -> Case:
    """Only every eighth step changes something."""
    ratio = np.where(np.arange(80) % 8 == 7, 6e-3, 0.0)
    facts = stack(3, steps=80, reference_loss=0.5)
    return case(facts, np.linspace(TRIVIAL, 2.1, 80), ratio=ratio, validation=[2.2, 2.1])


def a_few_examples_only() -> Case:
    """Too few examples for simple methods, and a loss that began high and falls."""
    facts = stack(2, steps=40)
    return case(facts, np.linspace(1.6 * TRIVIAL, 0.9 * TRIVIAL, 40), ratio=4e-3)


def slow_and_steady() -> Case:
    """After many epochs the loss still falls straight, and has far to go."""
    facts = stack(2, reference_loss=0.5)
    losses = np.linspace(TRIVIAL, 1.7, STEPS)
    return case(facts, losses, ratio=1.1e-3, validation=[2.2 - 0.08 * n for n in range(12)])


def batches_of_different_difficulty() -> Case:
    """The loss of the batches swings, that of always the same examples falls."""
    facts = stack(3)
    swings = np.random.default_rng(0).uniform(0.4, 1.6, STEPS // 4).repeat(4)
    losses = np.linspace(0.9, 0.75, STEPS) * TRIVIAL * swings
    steps = np.linspace(0, STEPS, 10).astype(int)
    readings = [seen(facts, int(n), 2.0 - 0.3 * n / STEPS) for n in steps]
    return case(facts, losses, *readings)


BY_HAND: list[Callable[[], Case]] = [
    convergence,
    edge_of_stability,
    spikes,
    unseen_tokens,
    frozen_backbone,
    output_layer_of_zeros,
    gains_that_begin_at_zero,
    warm_up_and_decay,
    steps_that_are_always_small,
    sparse_activations,
    one_epoch_of_worse_validation,
    validation_that_rests_above_training,
    stopped_early,
    inputs_up_to_twenty,
    a_plateau_before_it_learns,
    half_of_all_units_in_a_deep_network,
    noise_that_nobody_can_learn,
    rare_classes,
    single_examples_a_step,
    gates_that_open_in_training,
    attention_that_begins_alike,
    attention_that_knows_where_to_look,
    a_few_steps_only,
    one_epoch_only,
    gradients_that_are_collected,
    a_few_examples_only,
    slow_and_steady,
    batches_of_different_difficulty,
    penalties,
]


def until(whole: Case, step: int) -> Case:
    """What had been known after so many steps."""
    course = whole.course
    known = course.steps < step
    rows = (course.loss, course.gradient_norm, course.update_ratio)
    cut = Course(
        course.steps[known],
        *(row[known] for row in rows),
        [one for one in course.epochs if one.step <= step],
    )
    return Case(whole.facts, cut, [one for one in whole.readings if one.step <= step])


@pytest.mark.parametrize("trap", BY_HAND, ids=lambda made: made.__name__)
def test_no_trap_raises_an_alarm_at_any_moment(trap: Callable[[], Case]) -> None:
    whole = trap()
    for step in range(0, len(whole.course.steps), 20):
        assert diagnose(until(whole, step)) == []
    assert diagnose(whole) == []


# ---- for real

Training = tuple[Model, Any, Any, dict[str, Any]]


def clusters(count: int = 240, features: int = 8, classes: int = 3) -> tuple[Any, Any]:
    """Examples around a centre for each class."""
    rng = np.random.default_rng(0)
    y = rng.integers(classes, size=count)
    centres = rng.normal(size=(classes, features))
    return (centres[y] + rng.normal(0, 0.5, (count, features))).astype("float32"), y


def compiled(model: Model, optimizer: Any = None, loss: str | None = None) -> Model:
    model.compile(
        optimizer or optimizers.Adam(0.01),
        loss or "sparse_categorical_crossentropy",
        executor="reference",
    )
    return model


def mlp(*hidden: Any, features: int = 8, classes: int = 3) -> Sequential:
    return Sequential([Input((features,)), *hidden, Dense(classes, activation="softmax")])


def trained_to_the_end() -> Training:
    x, y = clusters(60)
    return compiled(mlp(Dense(16, "tanh"), Dense(16, "tanh"))), x, y, {"epochs": 60}


def beyond_the_edge_of_stability() -> Training:
    x, y = clusters()
    model = compiled(mlp(Dense(16, "tanh")), optimizers.SGD(1.5))
    return model, x, y, {"epochs": 80, "batch_size": 240}


def tokens_that_never_come() -> Training:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 20, (240, 6))
    model = [Input((6,), dtype="int32"), Embedding(50, 4), Flatten()]
    last = Dense(1, activation="sigmoid")
    return (
        compiled(Sequential([*model, Dense(8, "relu"), last]), loss="binary_crossentropy"),
        x,
        (x[:, 0] > 9).astype("float32"),
        {"epochs": 25},
    )


def layers_that_are_frozen() -> Training:
    x, y = clusters()
    first = Dense(24, "relu", trainable=False)
    return compiled(mlp(first, Dense(16, "relu"))), x, y, {"epochs": 15}


def last_kernel_of_zeros() -> Training:
    x, y = clusters()
    last = Dense(3, activation="softmax", kernel_initializer="zeros")
    model = Sequential([Input((8,)), Dense(16, "relu"), Dense(16, "relu"), last])
    return compiled(model), x, y, {"epochs": 15}


def residual_branches_that_begin_at_zero() -> Training:
    x, y = clusters()
    place = Input((8,))
    h = Dense(12)(place)
    for _ in range(4):
        inner = Dense(12, "relu")(h)
        h = layers.Add()([h, Dense(12, kernel_initializer="zeros")(inner)])
    return compiled(Model(place, Dense(3, activation="softmax")(h))), x, y, {"epochs": 12}


def rate_that_warms_up_and_decays() -> Training:
    x, y = clusters()
    rate = CosineDecay(0.0, 160, warmup_target=0.02, warmup_steps=40)
    return compiled(mlp(Dense(16, "relu")), optimizers.Adam(rate)), x, y, {"epochs": 25}


def wide_and_sparse() -> Training:
    x, y = clusters()
    wide = Dense(256, "relu", bias_initializer=glassgrad.initializers.Constant(-0.3))
    return compiled(mlp(wide)), x, y, {"epochs": 12}


def pixels_up_to_sixteen() -> Training:
    x, y = clusters()
    x = 16 * (x - x.min()) / (x.max() - x.min())
    return compiled(mlp(Dense(24, "relu"))), x, y, {"epochs": 25}


def validation_that_wavers() -> Training:
    x, y = clusters()
    return compiled(mlp(Dense(16, "relu"))), x, y, {"epochs": 20, "validation_split": 0.2}


def whole_numbers_as_targets() -> Training:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(240, 5)).astype("float32")
    y = np.round(3 * x[:, 0] + x[:, 1] ** 2 + 5).astype("float32")
    model = Sequential([Input((5,)), Dense(24, "relu"), Dense(1)])
    return compiled(model, optimizers.Adam(0.03), "mse"), x, y, {"epochs": 40}


def mostly_noise() -> Training:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5)).astype("float32")
    y = (0.5 * x[:, 0] + rng.normal(size=300)).astype("float32")
    model = Sequential([Input((5,)), Dense(6, "tanh"), Dense(1)])
    return compiled(model, optimizers.Adam(0.005), "mse"), x, y, {"epochs": 25}


def rare_events() -> Training:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5)).astype("float32")
    y = (x[:, 0] + x[:, 1] > 2.2).astype("float32")
    model = Sequential([Input((5,)), Dense(8, "relu"), Dense(1, activation="sigmoid")])
    return compiled(model, loss="binary_crossentropy"), x, y, {"epochs": 20}


def one_example_a_step() -> Training:
    x, y = clusters(150)
    model = compiled(mlp(Dense(8, "relu")), optimizers.SGD(0.02))
    return model, x, y, {"epochs": 4, "batch_size": 1}


def dropped_and_normalized() -> Training:
    x, y = clusters()
    hidden = [Dense(32, use_bias=False), BatchNormalization(), layers.ReLU(), Dropout(0.5)]
    return compiled(mlp(*hidden)), x, y, {"epochs": 15}


FOR_REAL: list[Callable[[], Training]] = [
    trained_to_the_end,
    beyond_the_edge_of_stability,
    tokens_that_never_come,
    layers_that_are_frozen,
    last_kernel_of_zeros,
    residual_branches_that_begin_at_zero,
    rate_that_warms_up_and_decays,
    wide_and_sparse,
    pixels_up_to_sixteen,
    validation_that_wavers,
    whole_numbers_as_targets,
    mostly_noise,
    rare_events,
    one_example_a_step,
    dropped_and_normalized,
]


@pytest.mark.parametrize("trap", FOR_REAL, ids=lambda made: made.__name__)
def test_no_real_training_of_a_trap_raises_an_alarm(trap: Callable[[], Training]) -> None:
    glassgrad.set_random_seed(0)
    model, x, y, settings = trap()
    doctor = Doctor(verbose=0)
    model.fit(x, y, verbose=0, callbacks=[doctor], **settings)
    assert doctor.findings == []
    assert doctor.case is not None
    assert doctor.case.ended
    assert len(doctor.case.readings) > 2
