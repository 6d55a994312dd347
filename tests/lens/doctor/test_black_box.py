"""A training that went wrong: its step is made again, and the training is left as it was."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad import Model, Sequential, Tensor, callbacks, layers, ops, optimizers, set_random_seed
from glassgrad.callbacks import Callback
from glassgrad.errors import FileError
from glassgrad.lens.doctor import black_box
from glassgrad.lens.doctor.bad_value import BadValue
from glassgrad.lens.doctor.black_box import BlackBox
from glassgrad.lens.doctor.reproduction import replay
from glassgrad.saving import register_keras_serializable
from glassgrad.training.callbacks.callback import Training
from glassgrad.training.data import as_data
from glassgrad.training.journal import Journal
from glassgrad.training.storage import load_tree, save_tree

EXAMPLES, BATCH = 64, 8
POISON = 29  # the number of the example that does harm


class Watcher(Callback):
    """What a doctor does with the black box."""

    sees_each_batch = False

    def __init__(self, path: Path | None = None, *, stop: bool = True, journal: bool = False):
        self.path, self.stop, self.wants_journal = path, stop, journal
        self.found: list[BadValue | None] = []

    def set_training(self, training: Training) -> None:
        self.training = training

    def on_train_begin(self, logs: Any = None) -> None:
        self.box = BlackBox(self.training)
        self.journal = Journal() if self.wants_journal else None
        self.model.steps.journal = self.journal

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.box.begin_epoch()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        is_finite = math.isfinite((logs or {})["loss"])
        self.box.after_batches(is_finite)
        if not is_finite and not self.found:
            self.found.append(self.box.find(self.path))
            self.model.stop_training = self.stop


@register_keras_serializable("tests")
class OverItsLength(layers.Layer):
    """0 / 0 for vectors of zeros."""

    def call(self, inputs: Tensor) -> Tensor:
        """Divides by the length."""
        return inputs / ops.sqrt(ops.sum(inputs * inputs, axis=-1, keepdims=True))


def examples() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Of which one is harmful."""
    x = np.random.default_rng(5).normal(size=(EXAMPLES, 3)).astype("float32")
    x[POISON] = 0.0
    return x, x[:, :1] * 2.0


def fragile(optimizer: Any = "adam") -> Sequential:
    """A network that one example poisons."""
    set_random_seed(2)
    model = Sequential(
        [
            layers.Input((3,)),
            layers.Dense(4, use_bias=False, name="hidden"),
            OverItsLength(name="normed"),
            layers.Dropout(0.3),
            layers.Dense(1, name="out"),
        ]
    )
    model.compile(optimizer, "mse", executor="reference")
    return model


def rash(learning_rate: Any = 50.0) -> Sequential:
    """A network that explodes within some steps."""
    set_random_seed(2)
    model = Sequential(
        [
            layers.Input((3,)),
            layers.Dense(8, "relu", name="hidden"),
            layers.Dense(1, name="out"),
        ]
    )
    model.compile(optimizers.SGD(learning_rate), "mse", executor="reference")
    return model


def harmless(model: Sequential) -> list[np.ndarray[Any, Any]]:
    """Weights that are all numbers."""
    return [weight for weight in model.get_weights() if np.isfinite(weight).all()]


def order_of(model: Sequential, epoch: int) -> np.ndarray[Any, Any]:
    """The numbers of the examples as they come in an epoch."""
    stretches = as_data(*examples()).stretches(BATCH, seed=model.seed, epoch=epoch)
    order = next(iter(stretches)).order
    assert order is not None
    return order


def step_of_poison(model: Sequential) -> tuple[int, int]:
    """The step and the row in which the harmful example comes, by the order of the data."""
    return divmod(int(np.flatnonzero(order_of(model, epoch=0) == POISON)[0]), BATCH)


# ---- what is found


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("one_by_one", [True, False])
def test_the_step_the_row_and_the_example(shuffle: bool, one_by_one: bool) -> None:
    model, watcher = fragile(), Watcher()
    watcher.sees_each_batch = one_by_one
    step, row = step_of_poison(model) if shuffle else divmod(POISON, BATCH)
    model.fit(*examples(), BATCH, 3, verbose=0, shuffle=shuffle, callbacks=[watcher])
    (found,) = watcher.found
    assert found is not None
    assert (found.layer, found.operation, found.kind) == ("normed", "Divide", "NaN")
    assert (found.step, found.rows, found.examples) == (step, (row,), (POISON,))
    assert found.code.startswith("return inputs / ops.sqrt(")


def test_exploding_steps() -> None:
    watcher = Watcher()
    rash().fit(*examples(), BATCH, 5, verbose=0, callbacks=[watcher])
    (found,) = watcher.found
    assert found is not None
    assert found.step is not None
    assert 0 < found.step < 20
    assert "is more than float32 holds" in found.cause or "are more than float32" in found.cause
    assert found.operands


def test_the_first_bad_step_is_the_one_of_a_training_step_by_step() -> None:
    model, watcher = rash(), Watcher()
    model.fit(*examples(), BATCH, 5, verbose=0, callbacks=[watcher])
    again, losses = rash(), []

    class Losses(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            learnt = (weight.numpy() for weight in self.model.weights)
            losses.append(logs["loss"] if all(np.isfinite(w).all() for w in learnt) else math.nan)

    with np.errstate(all="ignore"):
        again.fit(*examples(), BATCH, 1, verbose=0, callbacks=[Losses()])
    (found,) = watcher.found
    assert found is not None
    assert found.step == int(np.argmin(np.isfinite(losses)))


def test_learning_rates_that_a_callback_has_changed() -> None:
    def schedule(epoch: int, rate: float) -> float:
        return 1e-3 if epoch < 2 else 1e6

    model, watcher = rash(1e-3), Watcher()
    every = [callbacks.LearningRateScheduler(schedule), watcher]
    model.fit(*examples(), BATCH, 6, verbose=0, callbacks=every)
    (found,) = watcher.found
    assert found is not None
    steps_an_epoch = EXAMPLES // BATCH
    assert found.step is not None
    assert 2 * steps_an_epoch < found.step < 3 * steps_an_epoch
    place = found.step % steps_an_epoch * BATCH
    batch = order_of(model, epoch=2)[place : place + BATCH]
    assert found.examples == tuple(batch[list(found.rows)])


def test_a_second_training_counts_its_own_steps() -> None:
    model, watcher = fragile(), Watcher()
    x, y = examples()
    clean = np.delete(np.arange(EXAMPLES), POISON)
    model.fit(x[clean], y[clean], BATCH, 2, verbose=0)
    model.fit(x, y, BATCH, 1, verbose=0, shuffle=False, callbacks=[watcher])
    (found,) = watcher.found
    assert found is not None
    assert found.step == POISON // BATCH


@pytest.mark.parametrize("kept", [True, False])
def test_batches_that_come_from_a_stream(kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def batches() -> Iterator[Any]:
        x, y = examples()
        for begin in range(0, EXAMPLES, BATCH):
            yield x[begin : begin + BATCH], y[begin : begin + BATCH]

    if not kept:  # snapshots are made instead
        monkeypatch.setattr(black_box, "MOST_BYTES", 0)
    watcher = Watcher()
    fragile().fit(batches(), steps_per_epoch=EXAMPLES // BATCH, verbose=0, callbacks=[watcher])
    (found,) = watcher.found
    assert found is not None
    assert (found.step, found.rows) == (POISON // BATCH, (POISON % BATCH,))
    assert found.examples == ()


def test_a_step_of_which_nothing_comes_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Spoiler(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            logs["loss"] = math.nan

    x, y = examples()
    watcher = Watcher()
    rash(1e-3).fit(x, y, BATCH, 1, verbose=0, callbacks=[Spoiler(), watcher])
    assert watcher.found == [None]


def test_nothing_is_made_a_third_time(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher()
    rash(1e-3).fit(*examples(), BATCH, 1, verbose=0, callbacks=[watcher])
    assert watcher.box.find() is None

    def refuse(*arguments: Any) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(watcher.box, "_first_bad_step", refuse)
    assert watcher.box.find() is None


def test_steps_are_numbered_from_where_the_caller_says() -> None:
    class Late(Watcher):
        def on_train_begin(self, logs: Any = None) -> None:
            super().on_train_begin(logs)
            self.box = BlackBox(self.training, begin=100)

    watcher = Late()
    fragile().fit(*examples(), BATCH, 1, verbose=0, shuffle=False, callbacks=[watcher])
    (found,) = watcher.found
    assert found is not None
    assert found.step == 100 + POISON // BATCH


def test_numbers_that_are_bad_in_compiled_kernels_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(black_box, "first_bad_value_of", lambda model, batch: None)
    watcher = Watcher()
    rash().fit(*examples(), BATCH, 5, verbose=0, callbacks=[watcher])
    (found,) = watcher.found
    assert found is not None
    assert "at the limit of what float32 holds" in found.cause


# ---- what is left alone


def watched_and_not(watcher: Watcher, build: Callable[[], Sequential]) -> list[Sequential]:
    """The same training with the black box and without it."""
    models = [build(), build()]
    for model, every in zip(models, ([watcher], []), strict=True):
        with np.errstate(all="ignore"):
            model.fit(*examples(), BATCH, 3, verbose=0, callbacks=every)
    return models


@pytest.mark.parametrize("build", [fragile, rash, lambda: rash(1e-3)])
def test_training_is_the_same_to_the_last_bit(build: Callable[[], Sequential]) -> None:
    one, other = watched_and_not(Watcher(stop=False), build)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(a, b, equal_nan=True)
    slots = zip(one.optimizer.variables, other.optimizer.variables, strict=True)
    assert all(np.array_equal(a.numpy(), b.numpy(), equal_nan=True) for a, b in slots)
    assert one.random.step.numpy() == other.random.step.numpy()


def test_what_is_made_again_is_not_reported_again() -> None:
    model, watcher = rash(), Watcher(stop=False, journal=True)
    model.fit(*examples(), BATCH, 2, verbose=0, callbacks=[watcher])
    assert watcher.found[0] is not None
    assert watcher.journal is not None
    assert watcher.journal.step == 2 * EXAMPLES // BATCH


def test_rolling_back() -> None:
    model, watcher = rash(), Watcher()
    before = model.get_weights()
    model.fit(*examples(), BATCH, 1, verbose=0, callbacks=[watcher])
    assert len(harmless(model)) < len(before)
    assert watcher.box.roll_back() == 0
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    slots = [slot.numpy() for slot in model.optimizer.variables[2:]]
    assert all((slot == 0).all() for slot in slots)


def test_slots_that_came_later_are_as_at_their_beginning() -> None:
    model = fragile(optimizers.Adagrad(0.1, initial_accumulator_value=0.25, use_ema=True))
    before, watcher = model.get_weights(), Watcher(stop=False)
    model.fit(*examples(), BATCH, 1, verbose=0, callbacks=[watcher])
    watcher.box.roll_back()
    for weight, begin in zip(model.trainable_variables, before, strict=True):
        slots = model.optimizer.slots_of(weight)
        assert np.array_equal(slots["average"].numpy(), begin)
        others = [slot.numpy() for name, slot in slots.items() if name != "average"]
        assert all((slot == 0.25).all() for slot in others)


def test_snapshots_cost_little_and_come_again() -> None:
    steps = []

    class Steps(Watcher):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            super().on_train_batch_end(batch, logs)
            steps.append(self.box._kept.step if self.box._kept else -1)

    watcher = Steps()
    watcher.sees_each_batch = True
    model = rash(1e-3)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(black_box, "OPERATIONS_PER_ARRAY", 30_000)
        patched.setattr(black_box, "OPERATIONS_PER_ELEMENT", 30)
        model.fit(*examples(), BATCH, 20, verbose=0, callbacks=[watcher])
    kept = sorted(set(steps))
    assert kept[0] == 0
    assert len(kept) > 1
    gaps = set(np.diff(kept))
    assert len(gaps) == 1
    interval = gaps.pop()
    variables = len(black_box.state_variables(model))
    assert variables * 30_000 <= interval * black_box.SHARE * black_box.LEAST_OPERATIONS_OF_A_STEP


# ---- the file


def test_the_file_repeats_the_step(tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    watcher = Watcher(path)
    fragile().fit(*examples(), BATCH, 1, verbose=0, callbacks=[watcher])
    (found,) = watcher.found
    again = replay(path)
    assert again.is_repeated, again.remark
    assert again.bad_value == found
    assert again.bad_value.file == str(path)
    assert str(again).endswith("The step was repeated, with the same result.")
    assert again.as_dict()["is_repeated"] is True


def test_masks_of_dropout_are_the_same_in_the_file(tmp_path: Path) -> None:
    """Rows of zeros come from a mask, so another one would poison other rows."""
    set_random_seed(4)
    model = Sequential([layers.Input((2,)), layers.Dropout(0.6), OverItsLength(), layers.Dense(1)])
    model.compile("sgd", "mse", executor="reference")
    watcher = Watcher(tmp_path / "bad.safetensors")
    x = np.ones((EXAMPLES, 2), "float32")
    model.fit(x, x[:, :1], 16, 1, verbose=0, callbacks=[watcher])
    (found,) = watcher.found
    assert found is not None
    assert 0 < len(found.rows) < 16
    assert replay(tmp_path / "bad.safetensors").is_repeated


def careless(y: Tensor, p: Tensor) -> Tensor:
    """A loss of one's own."""
    return ops.mean(ops.log(ops.relu(p)) * y)


def test_a_loss_that_has_to_be_handed_over(tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    model = rash(1e-3)
    model.compile("sgd", careless, executor="reference")
    model.fit(*examples(), BATCH, 1, verbose=0, callbacks=[Watcher(path)])
    again = replay(path)
    assert again.is_repeated is None
    assert again.bad_value.operation == "Log"
    assert "Unknown loss 'careless'" in again.remark
    assert "custom_objects" in again.remark
    assert replay(path, {"careless": careless}).is_repeated


def test_a_model_that_cannot_be_written_down(tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    set_random_seed(2)
    model = Sequential([layers.Input((3,)), layers.Lambda(lambda x: x / 0.0), layers.Dense(1)])
    model.compile("sgd", "mse", executor="reference")
    model.fit(*examples(), BATCH, 1, verbose=0, callbacks=[Watcher(path)])
    again = replay(path)
    assert again.is_repeated is None
    assert again.bad_value.operation == "Divide"
    assert "The step was not repeated: the model cannot be written to a file." in str(again)


@register_keras_serializable("tests")
class Known(OverItsLength):
    """A layer that is known where the file is written."""


def test_a_layer_that_has_to_be_handed_over(tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    set_random_seed(2)
    model = Sequential([layers.Input((3,)), Known(), layers.Dense(1)])
    model.compile("sgd", "mse", executor="reference")
    model.fit(*examples(), BATCH, 1, verbose=0, callbacks=[Watcher(path)])
    tree = load_tree(path, "bad step")
    tree["model"]["architecture"] = _renamed(tree["model"]["architecture"], "Known", "Unknown")
    save_tree(path, "bad step", tree)
    again = replay(path)
    assert again.is_repeated is None
    assert "Unknown" in again.remark
    assert "custom_objects" in again.remark
    assert replay(path, {"tests>Unknown": Known}).is_repeated


def _renamed(tree: Any, old: str, new: str) -> Any:
    if isinstance(tree, dict):
        return {key: _renamed(value, old, new) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_renamed(value, old, new) for value in tree]
    return tree.replace(old, new) if isinstance(tree, str) else tree


def test_another_result(tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    fragile().fit(*examples(), BATCH, 1, verbose=0, callbacks=[Watcher(path)])
    tree = load_tree(path, "bad step")
    tree["batch"][0] = np.ones_like(tree["batch"][0])
    save_tree(path, "bad step", tree)
    again = replay(path)
    assert again.is_repeated is False
    assert "all values are finite" in again.remark
    tree["batch"][0] = tree["batch"][0] * np.float32(np.nan)
    save_tree(path, "bad step", tree)
    assert "The data themselves hold NaN" in replay(path).remark


@pytest.mark.parametrize("name", ["missing", "model", "text", "senseless"])
def test_files_that_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "model":
        rash().save(path)
    elif name == "text":
        path.write_text("no file of ours")
    elif name == "senseless":
        save_tree(path, "bad step", {"bad_value": 3, "batch": None, "model": None})
    with pytest.raises(FileError, match=name):
        replay(path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    model, path = rash(), tmp_path / "missing" / "bad.safetensors"
    with pytest.raises(FileError):
        model.fit(*examples(), BATCH, 1, verbose=0, callbacks=[Watcher(path)])
    assert isinstance(model, Model)
