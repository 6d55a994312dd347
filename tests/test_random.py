"""Random numbers by Keras's names: their distributions, and what decides them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import ops, random
from glassgrad.errors import ArgumentError, DtypeError, GlassgradError, ShapeError
from glassgrad.graph import Tensor
from glassgrad.layers import Input, Layer
from glassgrad.models import Model, Sequential
from glassgrad.optimizers import SGD
from glassgrad.random_seed import seeded, set_random_seed
from glassgrad.serialization import serialize

COUNT = 20_000
DRAWS: list[tuple[str, Callable[..., Tensor]]] = [
    ("normal", lambda seed: random.normal((6,), seed=seed)),
    ("truncated", lambda seed: random.truncated_normal((6,), seed=seed)),
    ("uniform", lambda seed: random.uniform((6,), seed=seed)),
    ("randint", lambda seed: random.randint((6,), 0, 1000, seed=seed)),
    ("categorical", lambda seed: random.categorical(np.zeros((1, 50)), 12, seed=seed)),
    ("dropout", lambda seed: random.dropout(np.ones(40), 0.5, seed=seed)),
    ("shuffle", lambda seed: random.shuffle(np.arange(12), seed=seed)),
]
each_draw = pytest.mark.parametrize("draw", [row[1] for row in DRAWS], ids=[r[0] for r in DRAWS])


class Noisy(Layer):
    """Adds noise in training and elsewhere."""

    def __init__(self, seed: random.Seed = None, **options: Any) -> None:
        super().__init__(**options)
        self.seed = seed

    def call(self, inputs: Tensor) -> Tensor:
        return inputs + random.normal(inputs.shape, seed=self.seed)


def numbers(draw: Callable[..., Tensor], seed: random.Seed = None) -> list[float]:
    return draw(seed).numpy().ravel().tolist()


# ---- distributions


@pytest.mark.parametrize(
    "drawn, mean, deviation, lowest, highest",
    [
        (random.normal((COUNT,), 3.0, 2.0, seed=1), 3.0, 2.0, -9.0, 15.0),
        (random.truncated_normal((COUNT,), 1.0, 0.5, seed=1), 1.0, 0.44, 0.0, 2.0),
        (random.uniform((COUNT,), -1.0, 3.0, seed=1), 1.0, 4 / 12**0.5, -1.0, 3.0),
        (random.randint((COUNT,), 2, 7, seed=1), 4.0, 2**0.5, 2, 6),
    ],
    ids=["normal", "truncated", "uniform", "randint"],
)
def test_moments_and_bounds(
    drawn: Tensor, mean: float, deviation: float, lowest: float, highest: float
) -> None:
    values = drawn.numpy()
    assert values.mean() == pytest.approx(mean, abs=5 * deviation / COUNT**0.5)
    assert values.std() == pytest.approx(deviation, rel=0.03)
    assert lowest <= values.min() <= values.max() <= highest


def test_every_integer_is_equally_likely() -> None:
    counts = np.bincount(random.randint((COUNT,), 0, 8, seed=3).numpy())
    assert len(counts) == 8
    assert np.abs(counts - COUNT / 8).max() < 5 * (COUNT / 8) ** 0.5


def test_classes_have_the_probabilities_of_a_softmax() -> None:
    probabilities = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]])
    with np.errstate(divide="ignore"):
        drawn = random.categorical(np.log(probabilities), COUNT, seed=4).numpy()
    shares = [np.bincount(row, minlength=3) / COUNT for row in drawn]
    np.testing.assert_allclose(shares, probabilities, atol=0.02)


def test_dropout_keeps_the_mean_and_shares_decisions_along_axes_of_length_1() -> None:
    x = np.full((100, 200), 3.0)
    assert random.dropout(x, 0.25, seed=1).numpy().mean() == pytest.approx(3.0, rel=0.02)
    masked = random.dropout(x, 0.25, (None, 1), seed=1).numpy()
    assert set(masked.ravel().round(4)) == {0.0, 4.0}
    assert (masked == masked[:, :1]).all()


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_shuffling_moves_whole_slices(axis: int) -> None:
    x = np.arange(60).reshape(3, 20)
    shuffled = random.shuffle(x, axis, seed=8).numpy()
    assert (shuffled != x).any()
    before, after = (np.moveaxis(a, axis, 0).tolist() for a in (x, shuffled))
    assert sorted(after) == sorted(before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_have_the_dtype_that_was_asked_for(dtype: str) -> None:
    for draw in (random.normal, random.truncated_normal, random.uniform):
        assert draw((2,), dtype=dtype, seed=1).dtype == dtype
    with glassgrad.float_type(dtype):
        assert random.uniform((2,), seed=1).dtype == dtype
    assert random.randint((2,), 0, 9, "uint8", seed=1).dtype == "uint8"


# ---- what decides


@each_draw
def test_an_integer_draws_the_same_every_time(draw: Callable[..., Tensor]) -> None:
    assert numbers(draw, 5) == numbers(draw, 5) != numbers(draw, 6)


@each_draw
def test_a_generator_draws_other_numbers_every_time(draw: Callable[..., Tensor]) -> None:
    one, other = random.SeedGenerator(5), random.SeedGenerator(5)
    first, second = numbers(draw, one), numbers(draw, one)
    assert first != second
    assert [numbers(draw, other), numbers(draw, other)] == [first, second]


@each_draw
def test_without_a_seed_that_of_the_process_decides(draw: Callable[..., Tensor]) -> None:
    set_random_seed(3)
    first, second = numbers(draw), numbers(draw)
    set_random_seed(3)
    assert [numbers(draw), numbers(draw)] == [first, second]
    assert first != second


def test_a_generator_takes_its_seed_from_the_process_and_can_be_described() -> None:
    with seeded(2):
        one = random.SeedGenerator(name="mine")
    with seeded(2):
        assert random.SeedGenerator().seed == one.seed
    assert random.SeedGenerator.from_config(serialize(one)["config"]).seed == one.seed


@each_draw
def test_a_compiled_function_draws_anew_in_every_call(draw: Callable[..., Tensor]) -> None:
    generator = random.SeedGenerator(4)
    both = glassgrad.function(lambda x: (x * 0 + draw(None), x * 0 + draw(generator)))
    assert len({str(part.numpy()) for _ in range(2) for part in both(np.float32(0))}) == 4


@pytest.mark.parametrize("seed", [None, random.SeedGenerator(4)], ids=["none", "generator"])
def test_a_layer_draws_anew_in_every_batch(seed: random.Seed) -> None:
    with seeded(1):
        model = Sequential([Input((3,)), Noisy(seed)])
    x = np.zeros((4, 3), "float32")
    drawn = model.predict(x, batch_size=2)
    assert len({*drawn.ravel().tolist(), *model.predict(x, batch_size=2).ravel().tolist()}) == 24
    assert (Noisy(seed)(x).numpy() != Noisy(seed)(x).numpy()).all()


@pytest.mark.parametrize("executor", ["cpu", "reference"])
def test_evaluating_does_not_change_what_is_learnt(executor: str) -> None:
    def trained(**options: Any) -> Any:
        with seeded(1):
            model = Sequential([Input((3,)), Noisy(), glassgrad.layers.Dense(1)])
        model.compile(SGD(0.1), "mse", executor=executor)
        x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
        return model.fit(x, y, 4, 2, verbose=0, **options).history["loss"], model.get_weights()

    losses, weights = trained()
    again, as_before = trained(validation_split=0.0, validation_data=(np.ones((2, 3)), np.ones(2)))
    assert losses == again
    for one, other in zip(weights, as_before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_executors_draw_the_same() -> None:
    drawn = []
    for executor in ("cpu", "reference"):
        with seeded(6):
            function = glassgrad.function(lambda x: x + random.normal((5,)), executor=executor)
            drawn.append(function(np.zeros(5, "float32")).numpy())
    np.testing.assert_allclose(*drawn, rtol=1e-5)


def test_gradients_pass_what_was_drawn() -> None:
    x = Tensor(np.ones(30), requires_grad=True)
    dropped = random.dropout(x, 0.4, seed=2)
    dropped.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), dropped.numpy())


def test_dropout_is_recorded_for_symbolic_tensors() -> None:
    x = Input((4,))
    model = Model(x, random.dropout(x, 0.5, seed=1))
    assert set(model.predict(np.ones((50, 4)), verbose=0).ravel()) == {0.0, 2.0}


# ---- refusals


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: random.normal((2,), seed=-1), ArgumentError, "integer from 0"),
        (lambda: random.normal((2,), seed="one"), ArgumentError, "integer from 0"),
        (lambda: random.SeedGenerator(1.5), ArgumentError, "integer from 0"),
        (lambda: random.uniform((2,), dtype="int32", seed=1), DtypeError, "float32 or float64"),
        (lambda: random.randint((2,), 0, 3, "float32"), DtypeError, "integer dtype"),
        (lambda: random.randint((2,), 3, 3), ArgumentError, "below maxval. Got 3 and 3"),
        (lambda: random.categorical(np.zeros(3), 1), ShapeError, r"Got shape \(3,\)"),
        (lambda: random.dropout(np.ones(2), 1.0), ArgumentError, r"\[0, 1\)"),
        (lambda: random.dropout(np.ones((2, 3)), 0.5, (2,)), ShapeError, "entry for each axis"),
        (lambda: random.dropout(np.ones((2, 3)), 0.5, (2, 2)), ShapeError, r"shape \(2, 3\)"),
        (lambda: random.shuffle(np.ones(3), 1), ArgumentError, "no axis 1"),
        (lambda: random.shuffle(1.0), ArgumentError, "no axis 0"),
    ],
)
def test_refusals(call: Callable[[], object], error: type[GlassgradError], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_the_largest_and_smallest_numbers_stay_finite() -> None:
    noise = random.categorical(ops.zeros((1, 2)), 5000, seed=1)
    assert set(noise.numpy().ravel()) == {0, 1}


def test_what_is_silenced_together_is_zero_also_where_it_was_infinite() -> None:
    x = np.array([[np.inf, 1.0]] * 40, "float32")
    found = random.dropout(x, 0.5, noise_shape=(40, 1), seed=1).numpy()
    assert not np.isnan(found).any()
    assert 0 < (found[:, 0] == 0).sum() < 40
