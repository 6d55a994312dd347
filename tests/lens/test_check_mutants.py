"""Every planted mistake is found, with default arguments; what is right passes."""

from __future__ import annotations

import numpy as np
import pytest

from glassgrad import check_gradients, layers, losses, models, ops
from glassgrad.errors import GradientError
from glassgrad.ops.convolution import Convolution
from glassgrad.ops.elementwise import Add, Relu, Square
from glassgrad.ops.linear import MatMul
from glassgrad.random_seed import seeded
from tests.lens.mutants import MUTANTS, Mutant, dropped, only_at, shifted, spoilt, times
from tests.models.test_model import LAYERS
from tests.ops.cases import CASES, Case

DIFFERENTIABLE = [case for case in CASES if case.order]


def test_there_are_enough_mutants_and_each_has_its_name() -> None:
    assert len(MUTANTS) >= 80
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mistake_is_found_and_its_rule_named(mutant: Mutant) -> None:
    result = check_gradients(mutant.wrong, *mutant.arrays)
    assert not result.passed
    assert [culprit.operation for culprit in result.culprits] == [mutant.operation.name]
    assert all(one.worst is not None for one in result.failed)
    with pytest.raises(GradientError, match="chain rule"):
        result.raise_if_failed()


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_right_operations_pass(case: Case) -> None:
    result = check_gradients(
        case.build("float32"), *case.arrays("float32"), entries=12, directions=4
    )
    assert result.passed, str(result)


@pytest.mark.parametrize("name", LAYERS)
def test_right_layers_pass(name: str) -> None:
    shape, make = LAYERS[name]
    with seeded(1):
        layer = make()
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    result = check_gradients(layer, x, training=True, entries=12, directions=4)
    assert result.passed, str(result)


# ---- no luck is needed


@pytest.mark.parametrize("row", [0, 1, 17, 300, 510, 511])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_row_of_a_large_matrix_is_found_whichever_it_is(row: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, kernel = rng.normal(size=(4, 512)), rng.normal(size=(512, 64))
    wrong = spoilt(MatMul(), only_at(row, 0.99, 1))
    result = check_gradients(wrong, x, kernel, seed=seed)
    assert result.failed[0].region == f"[{row}, :]"
    assert [one.name for one in result.failed] == ["b"]


@pytest.mark.parametrize("axis, index", [(1, 0), (1, -1), (2, 0), (2, -1)])
def test_every_border_of_an_image_is_found(axis: int, index: int) -> None:
    place = (slice(None),) * axis + (index,)
    wrong = spoilt(Convolution((1, 1), ((1, 1), (1, 1)), (1, 1)), only_at(place, 0.5))
    rng = np.random.default_rng(2)
    result = check_gradients(wrong, rng.normal(size=(2, 12, 12, 2)), rng.normal(size=(3, 3, 2, 3)))
    number = index % 12
    assert (
        result.failed[0].region
        == f"[{', '.join(str(number) if a == axis else ':' for a in range(4))}]"
    )


def test_a_small_slice_is_not_outweighed_by_a_steep_one() -> None:
    steepness = np.logspace(0, 6, 40)[:, None]
    x = np.random.default_rng(0).normal(size=(3, 40)) * steepness[:, 0]
    wrong = spoilt(MatMul(), only_at(0, 0.5, 1))
    result = check_gradients(wrong, x, np.full((40, 20), 0.1))
    assert result.failed[0].region == "[0, :]"


# ---- inside networks


def network_with(*inner: layers.Layer) -> models.Sequential:
    first_layer, last = layers.Dense(12, "relu", name="one"), layers.Dense(3, name="two")
    model = models.Sequential([layers.Input((6,)), first_layer, *inner, last])
    model.compile("sgd", "mse")
    return model


class Own(layers.Layer):
    """A layer of somebody's own, with a product of their own."""

    def __init__(self, product, units: int) -> None:
        super().__init__(name="own")
        self.product, self.units = product, units

    def build(self, shape) -> None:
        self.kernel = self.add_weight((shape[-1], self.units), name="kernel")

    def call(self, x):
        return self.product(x, self.kernel)


def data(count: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(count, 6)), rng.normal(size=(count, 3))


@pytest.mark.parametrize(
    "fault, wrong_by",
    [
        (times(0.2, 0), {"one/kernel", "one/bias"}),
        (times(0.2, 1), {"own/kernel"}),
        (dropped(0), {"one/kernel", "one/bias"}),
    ],
)
def test_a_mistake_inside_a_network_names_the_layer(fault, wrong_by) -> None:
    with seeded(4):
        model = network_with(Own(spoilt(MatMul(), fault), 12))
    result = check_gradients(model, *data())
    assert {one.name for one in result.failed} == wrong_by
    assert [culprit.operation for culprit in result.culprits] == ["MatMul"]
    assert str(result.culprits[0]).endswith("/own")
    assert "to mend: MatMul in " in result.verdict


def test_a_forgotten_mean_is_told_from_the_number_of_examples() -> None:
    with seeded(4):
        model = network_with(Own(spoilt(MatMul(), times(5.0, 1)), 12))
    (found,) = check_gradients(model, *data(5)).failed
    assert "5 times too large (there are 5 examples)" in found.hint
    assert "mean" in found.hint


def test_a_dropped_shortcut_in_a_network_of_relus() -> None:
    add = spoilt(Add(), dropped(0))
    x = layers.Input((6,))
    hidden = layers.Dense(6, "relu", name="hidden")(x)
    whole = layers.Lambda(lambda pair: add(*pair), name="shortcut")
    again = layers.Dense(6, "relu", name="again")(hidden)
    model = models.Model(x, layers.Dense(3, name="out")(whole([hidden, again])))
    model.compile("sgd", "mse")
    result = check_gradients(model, *data())
    assert {one.name for one in result.failed} == {"hidden/kernel", "hidden/bias"}


def test_a_wrong_operation_of_the_package_is_found_in_a_network(monkeypatch) -> None:
    with seeded(4):
        model = network_with()
    assert check_gradients(model, *data()).passed
    monkeypatch.setattr(Relu, "chain_rule", lambda self, gradients, outputs, inputs: gradients)
    result = check_gradients(model, *data())
    assert {one.name for one in result.failed} == {"one/kernel", "one/bias"}


def test_a_wrong_loss_is_found() -> None:
    wrong = spoilt(Square(), times(0.5))

    class Half(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean(wrong(y_true - y_pred), axis=-1)

    with seeded(4):
        model = network_with()
    model.compile("sgd", Half())
    result = check_gradients(model, *data())
    assert len(result.failed) == 4
    assert "2 times too small" in result.failed[0].hint


def test_padding_off_by_one_inside_a_network() -> None:
    conv = spoilt(Convolution((1,), ((1, 1),), (1,)), shifted(0, number=1))
    kernel = np.random.default_rng(0).normal(size=(3, 2, 2))
    result = check_gradients(
        lambda x, kernel: conv(ops.relu(x), kernel),
        np.random.default_rng(1).normal(size=(2, 7, 2)),
        kernel,
    )
    assert [one.name for one in result.failed] == ["kernel"]
    assert "wrong places" in result.failed[0].hint
