"""The programs of a model: which there are, when new ones are made, what they compute."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from glassgrad.callbacks import Callback
from glassgrad.errors import ArgumentError, GradientError
from glassgrad.execute.executor import PROGRAMS
from glassgrad.execute.reference import ReferenceExecutor, ReferenceProgram
from glassgrad.graph import Tensor, Variable
from glassgrad.layers import Dense, Input, Layer
from glassgrad.models import Model, Sequential
from glassgrad.optimizers import SGD
from glassgrad.training.data import as_data
from glassgrad.training.step import FREEZINGS
from tests.training.small import compiled, inputs, labels, network, single_threaded


class CountingExecutor(ReferenceExecutor):
    """Counts the programs that it makes."""

    def __init__(self) -> None:
        self.programs = 0

    def compile(
        self,
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor] = (),
        updates: Mapping[Variable, Tensor] | None = None,
    ) -> ReferenceProgram:
        self.programs += 1
        return super().compile(outputs, inputs, updates)


@pytest.fixture
def executor() -> CountingExecutor:
    return CountingExecutor()


def test_there_is_one_program_for_each_shape_of_a_batch(executor: CountingExecutor) -> None:
    model = compiled(executor=executor)
    model.fit(inputs(), labels(), batch_size=4, epochs=3, verbose=0)
    assert executor.programs == 2  # 4, 4 and 2 examples
    model.fit(inputs(), labels(), batch_size=4, epochs=3, verbose=0)
    assert executor.programs == 2
    model.fit(inputs(), labels(), 4, verbose=0, validation_data=(inputs(), labels()))
    assert executor.programs == 4


def test_predictions_of_a_model_that_is_not_compiled_keep_their_program(
    executor: CountingExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glassgrad.models.trainer.executor_named", lambda name: executor)
    model = network()
    first, second = model.predict(inputs()), model.predict(inputs())
    np.testing.assert_array_equal(first, second)
    assert executor.programs == 1


def test_another_learning_rate_needs_no_new_program(executor: CountingExecutor) -> None:
    class Decay(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.5 / (epoch + 1)

    model = compiled(executor=executor, optimizer=SGD(1.0))
    before = model.get_weights()
    model.fit(inputs(), labels(), epochs=3, verbose=0, callbacks=[Decay()])
    assert executor.programs == 1
    other = compiled(optimizer=SGD(1.0))
    other.fit(inputs(), labels(), epochs=3, verbose=0, callbacks=[Decay()])
    constant = compiled(optimizer=SGD(1.0))
    constant.fit(inputs(), labels(), epochs=3, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])
    assert not np.array_equal(model.get_weights()[0], constant.get_weights()[0])
    assert not np.array_equal(model.get_weights()[0], before[0])


def changed(model: Model, **options: Any) -> list[bool]:
    before = model.get_weights()
    model.fit(inputs(), labels(), verbose=0, **options)
    pairs = zip(before, model.get_weights(), strict=True)
    return [not np.array_equal(one, other) for one, other in pairs]


def test_freezing_between_fits_takes_effect(executor: CountingExecutor) -> None:
    model = compiled(executor=executor)
    assert changed(model) == [True, True, True, True]
    model.layers[0].trainable = False
    assert changed(model) == [False, False, True, True]
    assert executor.programs == 2
    model.layers[0].trainable = True
    assert changed(model) == [True, True, True, True]
    assert executor.programs == 2  # the first one still serves


def test_freezing_in_a_callback_holds_from_the_next_epoch_on() -> None:
    class Freeze(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.layers[0].trainable = epoch < 1
            self.seen = [*getattr(self, "seen", []), self.model.get_weights()[0]]

    freeze = Freeze()
    compiled().fit(inputs(), labels(), epochs=4, verbose=0, callbacks=[freeze])
    same = [np.array_equal(*pair) for pair in zip(freeze.seen, freeze.seen[1:], strict=False)]
    assert same == [False, True, True]


def test_a_frozen_weight_has_no_penalty() -> None:
    model = compiled()
    with_penalty = model.evaluate(inputs(), labels())[0]
    model.layers[0].trainable = False
    other = compiled()
    other.layers[0].trainable = False
    assert other.evaluate(inputs(), labels())[0] < with_penalty


def test_a_model_without_trainable_weights_warns_and_goes_on() -> None:
    model = compiled()
    model.trainable = False
    with pytest.warns(UserWarning, match="does not have any trainable weights"):
        assert changed(model, epochs=2) == [False] * 4
    assert model.history.history["loss"][0] == model.history.history["loss"][1]


def test_a_loss_that_reaches_no_weight_is_an_error() -> None:
    class Deaf(Layer):
        def call(self, inputs: Tensor) -> Tensor:
            return (inputs > 0.0).cast(inputs.dtype)

    model = Sequential([Input((4,)), Dense(3), Deaf()])
    model.compile("sgd", "mse", executor="reference")
    before = model.get_weights()
    with pytest.raises(GradientError, match="No gradients provided for any variable"):
        model.fit(inputs(), inputs()[:, :3], verbose=0)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


def test_the_number_of_programs_is_bounded(executor: CountingExecutor) -> None:
    model = compiled(executor=executor)
    for length in range(1, PROGRAMS + 3):
        model.predict(inputs(length), batch_size=100)
    assert executor.programs == PROGRAMS + 2
    model.predict(inputs(PROGRAMS + 2), batch_size=100)
    assert executor.programs == PROGRAMS + 2
    model.predict(inputs(1))
    assert executor.programs == PROGRAMS + 3
    assert FREEZINGS >= 2


def test_two_optimizers_one_after_the_other() -> None:
    model = compiled(optimizer="adam")
    first = model.optimizer
    assert all(changed(model))
    steps = int(first.iterations.numpy())
    model.compile(SGD(0.1), "sparse_categorical_crossentropy", executor="reference")
    assert all(changed(model, epochs=2))
    assert int(first.iterations.numpy()) == steps == 1
    assert int(model.optimizer.iterations.numpy()) == 2


def test_the_same_optimizer_keeps_its_state_when_compiled_again() -> None:
    model = compiled(optimizer="adam")
    changed(model)
    slots = [variable.numpy() for variable in model.optimizer.variables]
    model.compile(model.optimizer, "sparse_categorical_crossentropy", executor="reference")
    for before, after in zip(slots, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(before, after.numpy())
    assert len(model.optimized()) == 4


def test_a_step_can_be_prepared() -> None:
    model = compiled()
    batch = as_data(inputs(4), labels(4)).take(slice(None))
    program = model.steps.training.program(batch)
    program.prepare()
    assert model.steps.training.program(batch) is program
    results = model.steps.training(batch)
    np.testing.assert_allclose(results["loss"], model.steps.scores.loss.result())


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("executor", ["reference", "cpu"])
def test_a_step_takes_its_batches_out_of_the_data(seed: int | None, executor: str) -> None:
    data = as_data(inputs(12), labels(12))
    (stretch,) = data.stretches(4, seed=seed)
    one, other = (compiled(executor=single_threaded(executor)) for _ in range(2))
    losses = [one.steps.training(batch)["loss"] for batch in stretch]
    assert other.steps.training(stretch)["loss"] == pytest.approx(losses[-1], rel=1e-6)
    for expected, found in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
    # Behind the last batch comes the first one again.
    program = other.steps.training.program(stretch)
    order = [] if stretch.order is None else [stretch.order]
    program.run([*order, *data.contiguous], 7)
    assert int(other.optimizer.iterations.numpy()) == 10


def test_layers_added_later_take_part() -> None:
    model = Sequential([Input((4,)), Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", executor="reference")
    model.fit(inputs(), labels(), verbose=0)
    model.pop()
    model.add(Dense(6, "relu"))
    model.add(Dense(3, "softmax"))
    assert changed(model) == [True] * 4
    assert model.predict(inputs()).shape == (10, 3)


def test_targets_are_given_for_every_output() -> None:
    class Pair(Model):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = Dense(1), Dense(1)

        def call(self, inputs: Tensor) -> Any:
            return self.one(inputs), self.other(inputs)

    model = Pair()
    model.compile("sgd", "mse", executor="reference")
    with pytest.raises(
        ArgumentError, match=r"y must be a list or dictionary with an entry for each"
    ):
        model.fit(inputs(), labels(), verbose=0)


def test_a_softmax_of_one_unit_is_told() -> None:
    model = Sequential([Input((4,)), Dense(1, "softmax")])
    model.compile("sgd", "binary_crossentropy", executor="reference")
    with pytest.warns(UserWarning, match="softmax of one unit, which is 1 whatever comes in"):
        model.fit(inputs(), labels() > 1, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # told once, not with every call
        model.fit(inputs(), labels() > 1, verbose=0)


def test_cross_entropy_of_a_softmax_learns_where_probabilities_round_to_zero() -> None:
    model = Sequential([Input((1,)), Dense(2, "softmax", kernel_initializer="zeros")])
    model.set_weights([np.array([[-500.0, 500.0]]), np.zeros(2)])
    model.compile(SGD(1.0), "sparse_categorical_crossentropy", executor="reference")
    history = model.fit([[1.0]], [0], verbose=0)
    assert history.history["loss"] == [1000.0]
    np.testing.assert_allclose(model.get_weights()[0], [[-499.0, 499.0]])
