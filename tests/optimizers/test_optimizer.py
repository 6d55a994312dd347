from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import optimizers
from glassgrad.errors import ArgumentError, GradientError, ShapeError, UnknownNameError
from glassgrad.execute.cpu.program import CpuExecutor
from glassgrad.execute.executor import executor_named
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.gradients import gradients
from glassgrad.graph import Trace, Variable, tracing, verify, walk
from glassgrad.ops.mapping import ElementwiseMap
from glassgrad.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    LossScaleOptimizer,
    Nadam,
    Optimizer,
    RMSprop,
)
from glassgrad.optimizers.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    PolynomialDecay,
)

# Those whose update is one node and nothing else.
PLAIN: dict[str, Callable[[], Optimizer]] = {
    "sgd": lambda: SGD(0.1),
    "momentum": lambda: SGD(0.1, momentum=0.9),
    "nesterov": lambda: SGD(0.1, momentum=0.9, nesterov=True),
    "decay": lambda: SGD(0.1, weight_decay=0.5, global_clipnorm=1.0),
    "clipnorm": lambda: SGD(0.1, clipnorm=1.0),
    "clipvalue": lambda: SGD(0.1, clipvalue=0.5),
    "adam": lambda: Adam(0.1),
    "amsgrad": lambda: Adam(0.1, amsgrad=True),
    "adagrad": lambda: Adagrad(0.1),
    "adadelta": lambda: Adadelta(1.0),
    "adamax": lambda: Adamax(0.1),
    "nadam": lambda: Nadam(0.1),
    "adamw": lambda: AdamW(0.1),
    "lion": lambda: Lion(0.1),
    "ftrl": lambda: Ftrl(0.1, l1_regularization_strength=0.1, beta=0.1),
    "rmsprop": lambda: RMSprop(0.1, momentum=0.5, centered=True),
    "average": lambda: SGD(0.1, use_ema=True, ema_momentum=0.5),
    "scale": lambda: SGD(0.1, loss_scale_factor=4.0),
    "schedule": lambda: SGD(CosineDecay(0.1, 4, warmup_target=0.5, warmup_steps=2)),
    "restarts": lambda: SGD(CosineDecayRestarts(0.1, 2)),
    "cycles": lambda: SGD(PolynomialDecay(0.1, 2, cycle=True)),
    "stairs": lambda: SGD(ExponentialDecay(0.1, 2, 0.5, staircase=True)),
}
MAKERS = PLAIN | {
    "accumulation": lambda: Adam(0.1, gradient_accumulation_steps=2, weight_decay=0.1),
    "overwriting": lambda: SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
    "lamb": lambda: Lamb(0.1, weight_decay=0.1),
    "loss scale": lambda: LossScaleOptimizer(Adam(0.1), 8.0, 2),
}


def each(makers: dict[str, Callable[[], Optimizer]]) -> Any:
    return pytest.mark.parametrize("make", makers.values(), ids=makers)


def variables() -> list[Variable]:
    return [
        Variable([1.0, 2.0], name="a"),
        Variable([[3.0]], name="b"),
        Variable(4.0, name="c"),
    ]


SLOPES = [np.array([0.5, -1.0]), np.array([[2.0]]), np.array(-0.25)]


@each(MAKERS)
def test_inside_a_trace_and_outside_the_same_happens(make: Callable[[], Optimizer]) -> None:
    eager, traced = variables(), variables()
    optimizer = make()
    for _ in range(3):
        optimizer.apply(SLOPES, eager)

    other = make()
    with tracing(Trace()) as trace:
        loss = sum(((v * v).sum() for v in traced), start=traced[0].sum() * 0.0)
        slopes = gradients(loss, traced)
        assert all(slope is not None for slope in slopes)
        other.apply(SLOPES, traced)
    assert [v.numpy().tolist() for v in traced] == [[1.0, 2.0], [[3.0]], 4.0]
    assert {v.name for v in set(other.variables) - set(trace.updates)} <= {"learning_rate"}
    assert set(trace.updates) <= {*traced, *other.variables}
    verify(list(trace.updates.values()))
    program = executor_named("reference").compile([], [], trace.updates)
    for _ in range(3):
        program()
    for a, b in zip((*eager, *optimizer.variables), (*traced, *other.variables), strict=True):
        assert a.name == b.name
        assert np.array_equal(a.numpy(), b.numpy())
    (steps,) = [v for v in optimizer.variables if v.name == "iterations"]
    assert steps.numpy() == 3


@each(PLAIN)
def test_all_variables_are_changed_by_one_node(make: Callable[[], Optimizer]) -> None:
    given = variables()
    with tracing(Trace()) as trace:
        make().apply(SLOPES, given)
    nodes = walk(trace.updates.values())
    (one,) = [node for node in nodes if isinstance(node.operation, ElementwiseMap)]
    assert one.operation.length == 3
    assert {trace.updates[v].node for v in given} == {one}


@each(MAKERS)
def test_both_executors_take_the_same_steps(make: Callable[[], Optimizer]) -> None:
    results = []
    for executor in (ReferenceExecutor(), CpuExecutor(threads=1)):
        given, optimizer = variables(), make()
        with tracing(Trace()) as trace:
            optimizer.apply([v * v - 2.0 for v in given], given)
        program = executor.compile([], [], trace.updates)
        for _ in range(3):
            program()
        results.append([v.numpy() for v in (*given, *optimizer.variables)])
        if isinstance(executor, CpuExecutor):
            assert "reference" not in program.describe()
    for expected, found in zip(*results, strict=True):
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_powers_are_not_computed_for_each_element() -> None:
    with tracing(Trace()) as trace:
        Adam().apply(SLOPES, variables())
    (one,) = [n for n in walk(trace.updates.values()) if isinstance(n.operation, ElementwiseMap)]
    names = {node.operation.name for node in one.operation.body.nodes}
    assert names <= {"Placeholder", "Constant", "Add", "Subtract", "Multiply", "Divide", "Sqrt",
                     "Square"}  # fmt: skip


def test_dtypes_are_kept_apart() -> None:
    narrow, wide = Variable([1.0]), Variable([1.0], dtype="float64")
    optimizer = Adam(0.1)
    for _ in range(3):
        optimizer.apply([[1.0], [1.0]], [narrow, wide])
    assert (narrow.dtype, wide.dtype) == ("float32", "float64")
    assert wide.numpy() == pytest.approx(1 - 3 * 0.1, rel=1e-5)
    assert narrow.numpy() == pytest.approx(wide.numpy(), rel=1e-5)
    assert {str(v.dtype) for v in optimizer.variables} == {"int64", "float32", "float64"}


def test_frozen_variables_stay() -> None:
    given = variables()
    given[0].trainable = False
    optimizer = SGD(0.1, momentum=0.9)
    optimizer.apply(SLOPES, given)
    assert given[0].numpy().tolist() == [1.0, 2.0]
    assert given[1].numpy().tolist() == [[pytest.approx(2.8)]]
    given[0].trainable = True
    optimizer.apply(SLOPES, given)
    assert given[0].numpy().tolist() == pytest.approx([0.95, 2.1])


def test_with_everything_frozen_only_the_step_counts() -> None:
    given = variables()
    for variable in given:
        variable.trainable = False
    optimizer = Adam()
    optimizer.apply(SLOPES, given)
    assert optimizer.iterations.numpy() == 1


def test_missing_gradients_are_skipped_with_a_warning() -> None:
    given = variables()
    with pytest.warns(UserWarning, match="does not depend on b, c"):
        SGD(0.1).apply([SLOPES[0], None, None], given)
    assert given[0].numpy() == pytest.approx([0.95, 2.1])
    assert given[2].numpy() == 4.0
    with pytest.raises(GradientError, match="No gradients provided for any variable"):
        SGD().apply([None, None, None], given)
    given[1].trainable = given[2].trainable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SGD().apply([SLOPES[0], None, None], given)


def test_the_learning_rate_can_be_changed_between_steps_of_a_program() -> None:
    w = Variable([1.0])
    optimizer = SGD(0.5)
    with tracing(Trace()) as trace:
        optimizer.apply([[1.0]], [w])
    program = executor_named("reference").compile([], [], trace.updates)
    program()
    assert w.numpy() == 0.5
    optimizer.learning_rate = 0.25
    program()
    assert w.numpy() == 0.25
    assert optimizer.learning_rate.numpy() == 0.25
    assert optimizer.get_config()["learning_rate"] == 0.25


def test_what_a_checkpoint_holds() -> None:
    given = variables()
    optimizer = Adam()
    optimizer.build(given)
    optimizer.build(given)
    assert [v.name for v in optimizer.variables] == [
        "iterations",
        "learning_rate",
        "a/momentum",
        "a/velocity",
        "b/momentum",
        "b/velocity",
        "c/momentum",
        "c/velocity",
    ]
    assert not any(v.trainable for v in optimizer.variables)
    optimizer.apply(SLOPES)
    assert given[2].numpy() == pytest.approx(4.001)


def test_two_optimizers_can_share_a_trace() -> None:
    a, b = Variable([1.0], name="a"), Variable([1.0], name="b")
    with tracing(Trace()) as trace:
        SGD(0.5).apply([[1.0]], [a])
        SGD(0.25).apply([[1.0]], [b])
    executor_named("reference").compile([], [], trace.updates)()
    assert (a.numpy(), b.numpy()) == (0.5, 0.75)


def test_pairs() -> None:
    given = variables()
    SGD(0.1).apply_gradients(zip(SLOPES, given, strict=True))
    assert given[0].numpy() == pytest.approx([0.95, 2.1])
    SGD(0.1).apply_gradients([])


def test_a_training_loop_of_ones_own() -> None:
    w = Variable([3.0, -2.0])
    optimizer = SGD(0.1)
    for _ in range(50):
        (slope,) = gradients((w * w).sum(), [w])
        optimizer.apply([slope], [w])
    assert np.abs(w.numpy()).max() < 1e-4


def test_an_optimizer_of_ones_own_with_a_slot() -> None:
    class Average(Optimizer):
        @property
        def slots(self) -> tuple[str, ...]:
            return ("mean",)

        def first_slot(self, slot: str) -> float:
            return 2.0

        def update(self, parameter: Any, gradient: Any, slots: Any, shared: Any) -> Any:
            mean = (slots[0] + gradient) / 2.0
            return parameter - mean * shared[0], (mean,)

    w = Variable([0.0], name="w")
    optimizer = Average(1.0)
    optimizer.apply([[4.0]], [w])
    assert w.numpy() == [-3.0]
    assert optimizer.variables[2].name == "w/mean"


@pytest.mark.parametrize(
    "name, kind",
    [
        ("sgd", SGD),
        ("SGD", SGD),
        ("adam", Adam),
        (Adam, Adam),
        ("adagrad", Adagrad),
        ("Adagrad", Adagrad),
        ("adadelta", Adadelta),
        ("Adadelta", Adadelta),
        ("adamax", Adamax),
        ("Adamax", Adamax),
        ("nadam", Nadam),
        ("Nadam", Nadam),
        ("adamw", AdamW),
        ("AdamW", AdamW),
        ("lion", Lion),
        ("Lion", Lion),
    ],
)
def test_names(name: Any, kind: type) -> None:
    assert type(optimizers.get(name)) is kind


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: SGD(-0.1), ArgumentError, "learning rate"),
        (lambda: SGD(float("nan")), ArgumentError, "learning rate"),
        (lambda: SGD("fast"), ArgumentError, "Got 'fast'"),  # type: ignore[arg-type]
        (lambda: SGD(None), ArgumentError, "Got None"),  # type: ignore[arg-type]
        (lambda: setattr(SGD(), "learning_rate", -1.0), ArgumentError, "learning rate"),
        (lambda: SGD(momentum=1.0), ArgumentError, r"momentum must lie in \[0, 1\)"),
        (lambda: Adam(beta_1=1.0), ArgumentError, "beta_1"),
        (lambda: Adam(beta_2=-0.5), ArgumentError, "beta_2"),
        (lambda: Adam(epsilon=-1e-7), ArgumentError, "epsilon"),
        (lambda: SGD(lambda: 0.1), ArgumentError, "schedules are known here"),
        (lambda: SGD(use_ema=True, ema_momentum=1.5), ArgumentError, r"\[0, 1\]. Got 1.5"),
        (lambda: SGD(ema_overwrite_frequency=0), ArgumentError, "whole number from 1. Got 0"),
        (lambda: SGD(ema_overwrite_frequency=2.5), ArgumentError, "whole number from 1"),  # type: ignore[arg-type]
        (lambda: SGD(gradient_accumulation_steps=1), ArgumentError, "whole number from 2. Got 1"),
        (lambda: SGD(loss_scale_factor=0.0), ArgumentError, "must be a number above 0. Got 0.0"),
        (lambda: SGD(loss_scale_factor=float("inf")), ArgumentError, "above 0"),
        (lambda: SGD(0.1, decay=0.1), TypeError, "decay"),
        (lambda: SGD({"class_name": "Fast", "config": {}}), UnknownNameError, "Known are"),
        (lambda: optimizers.get("adma"), UnknownNameError, "'adam'"),
        (lambda: SGD().apply(SLOPES[:2], variables()), ArgumentError, "2 gradients and 3"),
        (
            lambda: SGD().apply([np.ones((3,)), *SLOPES[1:]], variables()),
            ShapeError,
            r"'a' must have its shape \(2,\)",
        ),
        (lambda: SGD().apply([1.0, 1.0], [(v := Variable(1.0)), v]), ArgumentError, "once"),
        (
            lambda: Optimizer(0.1).apply([1.0], [Variable(1.0)]),
            NotImplementedError,
            "must write update",
        ),
    ],
)
def test_bad_input_is_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()
