"""After a step the weights obey their constraints, in every executor."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import constraints
from glassgrad.constraints import MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from glassgrad.errors import ArgumentError, GraphError, UnknownNameError
from glassgrad.graph import Tensor, Variable, as_tensor, float_type
from glassgrad.layers import Dense, Input, Layer
from glassgrad.models import Sequential, load_model
from glassgrad.optimizers import SGD

WEIGHT = np.random.default_rng(0).normal(size=(3, 4, 5))


def norms(weight: Any, axis: Any) -> Any:
    axes = tuple(axis) if isinstance(axis, list) else axis
    return np.sqrt((np.asarray(weight) ** 2).sum(axes, keepdims=True))


def scaled(allowed: Callable[[Any], Any], axis: Any) -> Any:
    norm = norms(WEIGHT, axis)
    return WEIGHT * (allowed(norm) / (1e-7 + norm))


TABLE: list[tuple[Any, Any]] = [
    (NonNeg(), np.maximum(WEIGHT, 0)),
    (MaxNorm(), scaled(lambda n: np.minimum(n, 2), 0)),
    (MaxNorm(1.5, axis=[0, 1]), scaled(lambda n: np.minimum(n, 1.5), (0, 1))),
    (MaxNorm(0.1, axis=None), scaled(lambda n: np.minimum(n, 0.1), None)),
    (MaxNorm(0), 0 * WEIGHT),
    (UnitNorm(), scaled(np.ones_like, 0)),
    (UnitNorm(axis=-1), scaled(np.ones_like, -1)),
    (MinMaxNorm(), scaled(lambda n: np.minimum(n, 1), 0)),
    (MinMaxNorm(1.5, 2.0, axis=1), scaled(lambda n: n.clip(1.5, 2.0), 1)),
    (MinMaxNorm(1.5, 2.0, 0.25), scaled(lambda n: 0.25 * n.clip(1.5, 2) + 0.75 * n, 0)),
    (MinMaxNorm(1.5, 2.0, rate=0.0), scaled(lambda n: n, 0)),
]


@pytest.mark.parametrize("constraint, expected", TABLE, ids=lambda x: str(x)[:50])
@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-6), ("float64", 1e-14)])
def test_values(constraint: Any, expected: Any, dtype: str, tolerance: float) -> None:
    kept = constraint(Tensor(WEIGHT, dtype=dtype))
    assert kept.dtype == dtype
    np.testing.assert_allclose(kept.numpy(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("constraint", [row[0] for row in TABLE if "rate" not in str(row[0])
                                        or row[0].rate == 1], ids=str)  # fmt: skip
def test_what_obeys_stays(constraint: Any) -> None:
    once = constraint(Tensor(WEIGHT, dtype="float64"))
    np.testing.assert_allclose(constraint(once).numpy(), once.numpy(), rtol=1e-6)


@pytest.mark.parametrize("constraint", [MaxNorm(), UnitNorm(), MinMaxNorm(0.5), NonNeg()], ids=str)
def test_zeros_stay_zeros(constraint: Any) -> None:
    assert not constraint(np.zeros((3, 2))).numpy().any()


@pytest.mark.parametrize(
    "name, kind",
    [
        ("max_norm", MaxNorm),
        ("MaxNorm", MaxNorm),
        ("non_neg", NonNeg),
        ("unit_norm", UnitNorm),
        ("min_max_norm", MinMaxNorm),
        ({"class_name": "MaxNorm", "config": {"max_value": 3}}, MaxNorm),
    ],
    ids=str,
)
def test_names(name: Any, kind: type) -> None:
    assert type(constraints.get(name)) is kind
    assert constraints.get(None) is None


def test_keras_lower_case_names() -> None:
    assert constraints.max_norm(3).max_value == 3
    assert constraints.min_max_norm(0.5).min_value == 0.5
    assert isinstance(constraints.non_neg(), NonNeg)
    assert isinstance(constraints.unit_norm(), UnitNorm)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: MaxNorm(-1), ArgumentError, "max_value=-1"),
        (lambda: MaxNorm(float("nan")), ArgumentError, "at least 0"),
        (lambda: MinMaxNorm(2.0, 1.0), ArgumentError, "min_value=2.0, max_value=1.0"),
        (lambda: MinMaxNorm(-0.1), ArgumentError, "begin at 0 or above"),
        (lambda: MinMaxNorm(rate=1.5), ArgumentError, r"rate must lie in \[0, 1\]. Got 1.5"),
        (lambda: UnitNorm(2)(np.ones((2, 2))), ArgumentError, r"Axes must lie in \[-2, 2\)"),
        (lambda: UnitNorm()(1.0), ArgumentError, "Axes must lie"),
        (lambda: constraints.get(3), ArgumentError, "constraint must be"),
        (lambda: constraints.get("max_nrm"), UnknownNameError, "'max_norm'"),
        (lambda: Dense(2, kernel_constraint="max"), UnknownNameError, "constraint 'max'"),
        (lambda: constraints.Constraint()([1.0]), NotImplementedError, "must write __call__"),
    ],
)
def test_bad_arguments_are_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()


# ---- in training


def test_the_optimizer_applies_it_to_the_new_value() -> None:
    free, kept = Variable([1.0, -1.0]), Variable([1.0, -1.0], constraint=NonNeg())
    slopes = [[4.0, -4.0]] * 2
    SGD(0.5).apply(slopes, [free, kept])
    assert free.numpy().tolist() == [-1.0, 1.0]
    assert kept.numpy().tolist() == [0.0, 1.0]


def test_what_is_frozen_is_not_touched() -> None:
    frozen = Variable([-1.0], trainable=False, constraint=NonNeg())
    SGD(0.5).apply([[1.0], [1.0]], [frozen, Variable([1.0])])
    assert frozen.numpy().tolist() == [-1.0]


class Pinned(Layer):
    """A weight that a function of the user's keeps."""

    def __init__(self, constraint: Any) -> None:
        super().__init__()
        self.rule = constraint

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((1,), "ones", constraint=self.rule, name="scale")

    def call(self, inputs: Tensor) -> Tensor:
        return inputs * self.scale


def trained(model: Sequential, executor: str, epochs: int = 3) -> Sequential:
    generator = np.random.default_rng(4)
    x = generator.normal(size=(32, 6))
    y = x @ generator.normal(size=(6, 2)) * 3
    model.compile(SGD(0.1), "mse", executor=executor)
    model.fit(x, y, 8, epochs, verbose=0, shuffle=False)
    return model


def network() -> Sequential:
    return Sequential(
        [
            Input((6,)),
            Dense(8, "tanh", kernel_constraint=MaxNorm(0.5), bias_constraint="non_neg"),
            Dense(2, kernel_constraint=UnitNorm(axis=None)),
        ]
    )


@pytest.mark.parametrize("executor", ["reference", "cpu"])
def test_a_trained_model_obeys(executor: str) -> None:
    kernel, bias, last, _ = trained(network(), executor).get_weights()
    assert norms(kernel, 0).max() == pytest.approx(0.5, rel=1e-5)
    assert bias.min() == 0
    assert bias.max() > 0
    assert norms(last, None).item() == pytest.approx(1.0, rel=1e-5)


def test_executors_agree() -> None:
    with float_type("float64"):
        models = [network(), network()]
        models[1].set_weights(models[0].get_weights())
        reference, cpu = (
            trained(model, name) for model, name in zip(models, ("reference", "cpu"), strict=True)
        )
    for one, other in zip(reference.get_weights(), cpu.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)


def test_a_function_is_a_constraint() -> None:
    model = trained(Sequential([Pinned(lambda w: as_tensor(w).clip(0.99, 1.01)), Dense(2)]), "cpu")
    assert 0.99 <= model.get_weights()[0].item() <= 1.01


def test_a_function_that_gives_another_shape_is_refused() -> None:
    model = Sequential([Pinned(lambda w: as_tensor(w).sum()), Dense(2)])
    with pytest.raises(GraphError, match=r"scale' must be float32\[1\]"):
        trained(model, "reference")


def test_a_loaded_model_keeps_them(tmp_path: Any) -> None:
    model = trained(network(), "reference")
    model.save(tmp_path / "model.glass")
    again = load_model(tmp_path / "model.glass")
    first: Any = again.layers[0]
    assert first.kernel_constraint.max_value == 0.5
    assert isinstance(first.bias.constraint, NonNeg)
    assert json.loads(json.dumps(again.get_config())) == json.loads(json.dumps(model.get_config()))
