from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import layers
from glassgrad.constraints import NonNeg
from glassgrad.errors import ArgumentError, NotBuiltError, ShapeError, UnknownNameError
from glassgrad.execute.executor import executor_named
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Trace, Variable, float_type, placeholder, tracing, walk
from glassgrad.naming import forget_names
from glassgrad.random_seed import seeded
from glassgrad.regularizers import L2


@layers.register()
class Scale(layers.Layer):
    """A layer as a user writes it, with a weight, a statistic and a training mode."""

    def __init__(self, start: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape: Any) -> None:
        self.seen = self.add_weight((), "zeros", name="seen", trainable=False)
        self.factor = self.add_weight(input_shape[-1:], "ones", regularizer=L2(0.5), name="factor")

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if training:
            self.seen.assign(self.seen + 1.0)
        return inputs * self.factor * self.start


class Twice(layers.Layer):
    """A layer made of layers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first = Scale(2.0, name="first")
        self.rest = [layers.Dense(3, name="last"), {"inner": Scale(name="inner")}]

    def call(self, inputs: Tensor) -> Tensor:
        last, inner = self.rest
        return last(inner["inner"](self.first(inputs)))


def names(weights: list[Variable]) -> list[str]:
    return [weight.name for weight in weights]


X = np.array([[1.0, 2.0]])


def test_names_are_numbered_by_class() -> None:
    forget_names()
    made = [layers.Dense(1), layers.Dense(1), Scale(), layers.Dense(1, name="out"), layers.Dense(1)]
    assert [layer.name for layer in made] == ["dense", "dense_1", "scale", "out", "dense_2"]


def test_a_layer_is_built_by_its_first_call() -> None:
    layer = Scale(3.0, name="s")
    assert not layer.built
    assert layer.weights == []
    assert layer(X).numpy().tolist() == [[3.0, 6.0]]
    assert layer.built
    assert names(layer.weights) == ["s/factor", "s/seen"]
    assert names(layer.trainable_weights) == ["s/factor"]
    assert names(layer.non_trainable_weights) == ["s/seen"]
    assert layer.count_params() == 3
    factor = layer.factor
    layer(X)
    assert layer.factor is factor


def test_build_alone_is_enough() -> None:
    layer = Scale(name="s")
    layer.build((None, 2))
    assert layer.built
    weights = layer.weights
    layer(X)
    assert layer.weights == weights


def test_a_build_that_needs_no_shape_is_called_without() -> None:
    class Shift(layers.Layer):
        def build(self) -> None:  # type: ignore[override]  # as Keras allows
            self.offset = self.add_weight((), "ones", name="offset")

        def call(self, inputs: Tensor) -> Tensor:
            return inputs + self.offset

    layer = Shift()
    assert layer(X).numpy().tolist() == [[2.0, 3.0]]
    assert layer.built


def test_layers_inside_belong_to_the_layer() -> None:
    outer = Twice(name="outer")
    outer(X)
    assert names(outer.trainable_weights) == [
        "first/factor",
        "last/kernel",
        "last/bias",
        "inner/factor",
    ]
    assert len(outer.weights) == 6
    outer.trainable = False
    assert outer.trainable_weights == []
    assert len(outer.non_trainable_weights) == 6
    assert not outer.first.factor.trainable
    outer.trainable = True
    assert len(outer.trainable_weights) == 4
    assert not outer.first.seen.trainable
    outer.first.trainable = False
    assert len(outer.trainable_weights) == 3


def test_a_frozen_layer_stays_frozen_when_it_is_built() -> None:
    layer = Scale(trainable=False)
    layer(X)
    assert layer.trainable_weights == []
    assert not layer.factor.trainable
    layer.trainable = True
    assert layer.trainable_weights == [layer.factor]


def test_a_variable_in_an_attribute_is_a_weight() -> None:
    class Shift(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.by = Variable([1.0, 1.0], name="by")

        def call(self, inputs: Tensor) -> Tensor:
            return inputs + self.by

    shift = Shift()
    assert shift(X).numpy().tolist() == [[2.0, 3.0]]
    assert shift.trainable_weights == [shift.by]


def test_weights_go_out_and_in_as_copies() -> None:
    layer = Scale()
    layer(X)
    copies = layer.get_weights()
    copies[0][:] = 7
    assert layer(X).numpy().tolist() == [[1.0, 2.0]]
    layer.set_weights(copies)
    assert layer(X).numpy().tolist() == [[7.0, 14.0]]
    copies[0][:] = 1
    assert layer(X).numpy().tolist() == [[7.0, 14.0]]


def test_set_weights_changes_all_or_none() -> None:
    layer = Scale()
    layer(X)
    with pytest.raises(ShapeError, match=r"\[\(2,\), \(\)\].*Got shapes \[\(2,\), \(1,\)\]"):
        layer.set_weights([[5.0, 5.0], [1.0]])
    with pytest.raises(ShapeError):
        layer.set_weights([[5.0, 5.0]])
    assert layer.factor.numpy().tolist() == [1.0, 1.0]


def test_one_seed_decides_all_weights() -> None:
    def weights(seed: int, name: str) -> list[Any]:
        with seeded(seed):
            stack = [layers.Dense(4, name=name), layers.Dense(4, name=name + "2")]
            x = Tensor(X)
            for layer in stack:
                x = layer(x)
        return [w.numpy() for layer in stack for w in layer.weights if w.shape != (4,)]

    a, b, c = weights(1, "a"), weights(1, "other"), weights(2, "a")
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert not any(np.array_equal(x, y) for x, y in zip(a, c, strict=True))


def test_nodes_know_their_layer() -> None:
    outer = Twice(name="outer")
    scopes = {node.scope for node in walk([outer(X)]) if node.inputs}
    assert scopes == {"outer/first", "outer/inner", "outer/last"}


# ---- training, updates, losses


def test_training_comes_from_the_trace_unless_it_is_given() -> None:
    layer = Scale()
    layer(X)
    assert layer.seen.numpy() == 0
    layer(X, training=True)
    assert layer.seen.numpy() == 1
    for training, given, expected in (
        (True, None, True),
        (True, False, False),
        (False, True, True),
    ):
        with tracing(Trace(training=training)) as trace:
            layer(X, training=given)
        assert (layer.seen in trace.updates) == expected
        assert trace.training == training
    assert layer.seen.numpy() == 1


def test_layers_inside_are_told_as_well() -> None:
    outer = Twice()
    outer(X, training=True)
    assert outer.first.seen.numpy() == 1


def test_updates_of_a_trace_apply_when_the_program_runs() -> None:
    layer = Scale()
    layer.build((None, 2))
    x = placeholder((1, 2))
    with tracing(Trace(training=True)) as trace:
        y = layer(layer(x))
    program = executor_named("reference").compile([y], [x], trace.updates)
    program(X)
    program(X)
    assert layer.seen.numpy() == 4


def test_a_weight_is_penalized_once_for_each_trace() -> None:
    layer = Scale()
    layer.build((None, 2))
    for _ in range(2):
        with tracing(Trace()) as trace:
            layer(layer(X))
        assert [loss.item() for loss in trace.losses] == [pytest.approx(1.0)]
        (slope,) = gradients(trace.losses[0], [layer.factor])
        assert slope is not None
        assert slope.numpy().tolist() == [1.0, 1.0]
    layer(X)
    assert [loss.item() for loss in layer.losses] == [pytest.approx(1.0)]


def test_a_frozen_weight_is_not_penalized() -> None:
    layer = Scale()
    layer(X)
    layer.trainable = False
    layer(X)
    assert layer.losses == []


def test_a_penalty_of_a_layer_inside_reaches_the_outer_one() -> None:
    outer = Twice()
    outer(X)
    assert len(outer.losses) == 2


class Several(layers.Layer):
    """Outputs in a tree: a matrix of 4 examples, and numbers without a batch."""

    def call(self, inputs: Tensor) -> Any:
        return {"doubled": inputs * 2.0, "rest": [inputs.sum(), None]}


def test_an_activity_penalty_counts_by_example_and_output() -> None:
    layer = Several(activity_regularizer="l2")
    with tracing(Trace()) as trace:
        layer(np.ones((4, 3)))
    assert [loss.item() for loss in trace.losses] == pytest.approx([0.01 * 48 / 4, 0.01 * 144])
    layer(np.ones((0, 3)))
    assert [loss.item() for loss in layer.losses] == [0.0, 0.0]
    again = Several.from_config(json.loads(json.dumps(layer.get_config())))
    assert isinstance(again.activity_regularizer, L2)
    with pytest.raises(UnknownNameError, match="regularizer 'l4'"):
        Several(activity_regularizer="l4")


def test_a_function_is_an_activity_penalty() -> None:
    layer = layers.Activation("relu", activity_regularizer=lambda y: y.max())
    layer([[-1.0, 3.0], [5.0, 2.0]])
    assert [loss.item() for loss in layer.losses] == [2.5]


def test_a_weight_knows_its_constraint() -> None:
    layer = layers.Layer()
    free, kept = layer.add_weight((2,)), layer.add_weight((2,), constraint="non_neg")
    assert free.constraint is None
    assert isinstance(kept.constraint, NonNeg)
    with pytest.raises(UnknownNameError, match="constraint 'nonneg'"):
        layer.add_weight((2,), constraint="nonneg")


def test_add_loss() -> None:
    class Watched(layers.Layer):
        def call(self, inputs: Tensor) -> Tensor:
            self.add_loss(inputs.sum())
            return inputs

    layer = Watched()
    layer(X)
    layer(X)
    assert [loss.item() for loss in layer.losses] == [3.0]
    with pytest.raises(NotBuiltError, match="call"):
        layer.add_loss(1.0)
    with tracing(Trace()), pytest.raises(ShapeError, match="scalar"):
        layer.add_loss([1.0])


# ---- dtypes, shapes, several inputs


def test_floats_are_cast_to_the_dtype_of_the_layer() -> None:
    wide = Tensor(X, dtype="float64")
    assert Scale()(wide).dtype == "float32"
    assert Scale(dtype="float64")(X).dtype == "float64"
    with float_type("float64"):
        layer = Scale()
    assert layer(wide).dtype == "float64"
    assert layer.factor.dtype == "float64"


def test_the_shape_of_the_output_is_found_by_following_the_layer() -> None:
    assert Twice().compute_output_shape((None, 2)) == (None, 3)
    assert Scale().compute_output_shape((5, 2)) == (5, 2)


def test_several_inputs() -> None:
    class Sum(layers.Layer):
        def build(self, input_shape: Any) -> None:
            assert input_shape == [(1, 2), (1, 2)]

        def call(self, inputs: list[Tensor], factor: float = 1.0) -> Tensor:
            a, b = inputs
            return a + b * factor

    assert Sum()([X, Tensor(X)], factor=2.0).numpy().tolist() == [[3.0, 6.0]]
    assert Sum().compute_output_shape([(1, 2), (1, 2)]) == (1, 2)


def test_a_layer_of_ones_own_has_a_configuration() -> None:
    layer = Scale(4.0, name="s", trainable=False)
    again = layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))
    assert isinstance(again, Scale)
    assert (again.start, again.name, again.trainable) == (4.0, "s", False)
    assert repr(again) == "<Scale 's', not built>"


class Careless(layers.Layer):
    def __init__(self) -> None:
        self.width = 3


class CarelessWithWeight(layers.Layer):
    def __init__(self) -> None:
        self.w = Variable(1.0)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: Careless()(X), NotBuiltError, r"super\(\).__init__\(\)"),
        (lambda: CarelessWithWeight(), NotBuiltError, r"super\(\).__init__\(\)"),
        (lambda: layers.Layer()(X), NotImplementedError, "must write call"),
        (lambda: layers.Layer().add_weight((None, 2)), ArgumentError, "open lengths"),  # type: ignore[arg-type]
        (lambda: layers.Layer().add_weight((2,), "oness"), UnknownNameError, "'ones'"),
        (lambda: layers.Layer().count_params(), NotBuiltError, "not built"),
        (lambda: Scale().set_weights([1.0]), NotBuiltError, "no weights yet"),
        (lambda: layers.get("Danse"), UnknownNameError, "'Dense'"),
        (lambda: layers.get(len), ArgumentError, "layer must be"),
    ],
)
def test_misuse_is_explained(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
