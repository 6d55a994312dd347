"""The loop: the same as a plain one, and the same whether it was interrupted or not."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad import float_type
from glassgrad.callbacks import Callback, EarlyStopping, ModelCheckpoint
from glassgrad.errors import ArgumentError, ExecutionError, FileError
from glassgrad.layers import Dense, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD, Adam
from glassgrad.random_seed import seeded
from glassgrad.training import loop as loop_module
from glassgrad.training.data import as_data
from glassgrad.training.storage import load_tree, save_tree
from tests.training.small import (
    assert_identical,
    compiled,
    everything,
    inputs,
    labels,
    single_threaded,
)

RATE = 0.125


# ---- batch, mini-batch and stochastic descent are one loop


def plain_descent(
    weights: list[np.ndarray], x: np.ndarray, y: np.ndarray, weight: np.ndarray, order: Any
) -> tuple[list[np.ndarray], list[float]]:
    """A network with one hidden layer, its gradient by hand, in NumPy."""
    W, b, V, c = (array.copy() for array in weights)
    losses = []
    for epoch in order:
        total = 0.0
        for rows in epoch:
            a, t, w = x[rows], y[rows], weight[rows, None]
            h = np.tanh(a @ W + b)
            error = h @ V + c - t
            total += (w * error**2).mean(axis=1).sum()
            g = 2 * w * error / error.size
            d = (g @ V.T) * (1 - h**2)
            W, b, V, c = (
                W - RATE * a.T @ d,
                b - RATE * d.sum(0),
                V - RATE * h.T @ g,
                c - RATE * g.sum(0),
            )
        losses.append(total / len(x))
    return [W, b, V, c], losses


def double_network() -> Sequential:
    with float_type("float64"), seeded(3):
        model = Sequential([Input((4,)), Dense(6, "tanh"), Dense(2)])
    model.compile(SGD(RATE), "mse")
    return model


@pytest.mark.parametrize("size", [1, 3, 5, 10, 64])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_descent_is_that_of_a_plain_loop(size: int, shuffle: bool, weighted: bool) -> None:
    rng = np.random.default_rng(1)
    x, y, weight = rng.normal(size=(10, 4)), rng.normal(size=(10, 2)), rng.uniform(0, 2, 10)
    model = double_network()
    rows = as_data(np.arange(10))
    order = [
        [
            batch.arrays[0]
            for batch in rows.batches(size, seed=model.seed if shuffle else None, epoch=epoch)
        ]
        for epoch in range(4)
    ]
    weights, losses = plain_descent(
        model.get_weights(), x, y, weight if weighted else np.ones(10), order
    )
    history = model.fit(
        x, y, size, 4, verbose=0, shuffle=shuffle, sample_weight=weight if weighted else None
    )
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-12)
    for found, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


def test_two_fits_of_one_epoch_are_one_fit_of_two() -> None:
    one, two, resumed = (compiled(dropout=0.4) for _ in range(3))
    one.fit(inputs(), labels(), 4, 2, verbose=0)
    two.fit(inputs(), labels(), 4, 1, verbose=0)
    two.fit(inputs(), labels(), 4, 1, verbose=0)
    resumed.fit(inputs(), labels(), 4, 1, verbose=0)
    resumed.fit(inputs(), labels(), 4, epochs=2, initial_epoch=1, verbose=0)
    assert_identical(one, two)
    assert_identical(one, resumed)
    assert resumed.history.epoch == [1]


@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_seed_decides_everything(name: str) -> None:
    executor = single_threaded(name)
    one, two, other = (compiled(seed, 0.4, executor) for seed in (1, 1, 2))
    for model in (one, two, other):
        model.fit(inputs(), labels(), 4, 2, verbose=0)
    assert_identical(one, two)
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])


def test_executors_agree() -> None:
    models = [compiled(1, 0.4, single_threaded(name)) for name in ("reference", "cpu")]
    for model in models:
        model.fit(inputs(), labels(), 4, 3, verbose=0, validation_split=0.3)
    reference, cpu = map(everything, models)
    for name, value in reference.items():
        np.testing.assert_allclose(cpu[name], value, rtol=2e-4, atol=2e-6, err_msg=name)
    for name, values in models[0].history.history.items():
        np.testing.assert_allclose(models[1].history.history[name], values, rtol=1e-5)


class Watch(Callback):
    """Counts the batches after which it is called."""

    def __init__(self, sees_each_batch: bool) -> None:
        self.sees_each_batch = sees_each_batch
        self.batches: list[int] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches.append(batch)


@pytest.mark.parametrize("name", ["reference", "cpu"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_several_batches_at_once_are_the_same_steps(name: str, shuffle: bool) -> None:
    executor = single_threaded(name)
    one_by_one, at_once = (compiled(1, 0.4, executor) for _ in range(2))
    each, some = Watch(True), Watch(False)
    for model, watch in ((one_by_one, each), (at_once, some)):
        model.fit(
            inputs(50), labels(50), 4, 2, verbose=0, shuffle=shuffle, callbacks=[watch],
            validation_data=(inputs(50), labels(50)),
        )  # fmt: skip
    assert_identical(one_by_one, at_once)
    assert one_by_one.history.history == at_once.history.history
    assert each.batches == [*range(13)] * 2
    assert set(some.batches) <= set(each.batches)
    assert some.batches[-1] == 12  # the last one is always told


def test_many_batches_are_one_call_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "SECONDS_AT_A_TIME", 1e9)
    model, calls = compiled(), []
    step = model.steps.training
    program = step.program(next(as_data(inputs(50), labels(50)).stretches(2, seed=0)))
    run = program.run

    def counted(arrays: Any, times: int = 1) -> Any:
        calls.append(times)
        return run(arrays, times)

    monkeypatch.setattr(program, "run", counted)
    model.fit(inputs(50), labels(50), 2, verbose=0)
    assert calls == [1, 2, 4, 8, 10]


# ---- interrupted and resumed

EPOCHS, SIZE = 3, 4
BATCHES = 3  # of 10 examples, the last one smaller
EVENTS = [
    *((event, epoch, batch) for epoch in range(EPOCHS) for batch in range(BATCHES)
      for event in ("on_train_batch_begin", "on_train_batch_end")),
    *((event, epoch, None) for epoch in range(EPOCHS)
      for event in ("on_epoch_begin", "on_epoch_end")),
]  # fmt: skip


class Interrupted(Exception):  # noqa: N818 -- no error, but what the user did
    """What the test throws into the run."""


class Counter(Callback):
    """Counts what happens, and remembers it over interruptions."""

    def __init__(self) -> None:
        self.counts = {"epochs": 0, "batches": 0, "ends": 0}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.counts["epochs"] += 1
        self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate.numpy()) * 0.9

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.counts["batches"] += 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.counts["ends"] += 1

    def state(self) -> dict[str, Any]:
        return dict(self.counts)

    def restore(self, state: Any) -> None:
        self.counts = dict(state)


class Throw(Callback):
    """Raises at one event."""

    def __init__(self, event: str, epoch: int, batch: int | None) -> None:
        self.event, self.epoch, self.batch = event, epoch, batch
        self.now = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.now = epoch
        self._maybe("on_epoch_begin", None)

    def on_epoch_resume(self, epoch: int, batch: int) -> None:
        self.now = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._maybe("on_epoch_end", None)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._maybe("on_train_batch_begin", batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._maybe("on_train_batch_end", batch)

    def _maybe(self, event: str, batch: int | None) -> None:
        if (event, self.now, batch) == (self.event, self.epoch, self.batch):
            raise Interrupted


Run = Callable[..., tuple[Sequential, Counter, EarlyStopping]]


def start(name: str, path: Path | None, *callbacks: Callback, **options: Any) -> Any:
    """A new model in the same program, as after a crash."""
    model = compiled(1, 0.3, single_threaded(name))
    counter, stopping = Counter(), EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    options = {"batch_size": SIZE, "epochs": EPOCHS, "checkpoint": path, **options}
    history = model.fit(
        inputs(), labels(), verbose=0, validation_data=(inputs(5), labels(5)),
        callbacks=[counter, stopping, *callbacks], **options,
    )  # fmt: skip
    return model, history, counter, stopping


def assert_same_end(one: Any, other: Any) -> None:
    assert_identical(one[0], other[0])
    assert one[1].history == other[1].history
    assert one[1].epoch == other[1].epoch
    assert one[2].counts == other[2].counts
    left, right = one[3].state(), other[3].state()
    for best in zip(left.pop("best_weights"), right.pop("best_weights"), strict=True):
        np.testing.assert_array_equal(*best)
    assert left == right


@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_a_run_that_is_interrupted_anywhere_ends_with_the_same_bits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)  # after every batch
    whole = start(name, None)
    events = EVENTS if name == "reference" else EVENTS[::4]
    for number, event in enumerate(events):
        path = tmp_path / str(number)
        with pytest.raises(Interrupted):
            start(name, path, Throw(*event))
        assert_same_end(whole, start(name, path))


def test_a_run_that_is_interrupted_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    path = tmp_path / "run"
    for epoch in range(EPOCHS):
        for batch in range(BATCHES):
            with pytest.raises(Interrupted):
                start("reference", path, Throw("on_train_batch_begin", epoch, batch))
    assert_same_end(start("reference", None), start("reference", path))


def test_without_time_the_checkpoint_is_that_of_the_last_epoch(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with pytest.raises(Interrupted):
        start("reference", path, Throw("on_train_batch_end", 1, 1))
    state = load_tree(path, "checkpoint")
    assert (state["epoch"], state["batch"]) == (1, 0)
    assert_same_end(start("reference", None), start("reference", path))


def test_a_run_that_has_ended_is_not_run_again(tmp_path: Path) -> None:
    path = tmp_path / "run"
    first = start("reference", path)
    content = path.read_bytes()
    again = start("reference", path)
    assert_same_end(first, again)
    assert path.read_bytes() == content


def test_a_run_can_be_extended(tmp_path: Path) -> None:
    path = tmp_path / "run"
    start("reference", path, epochs=2)
    assert_same_end(start("reference", None), start("reference", path, epochs=3))


def test_a_run_that_was_stopped_early_stays_stopped(tmp_path: Path) -> None:
    class Stop(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 1

    path = tmp_path / "run"
    first = start("reference", path, Stop())
    assert first[1].epoch == [0]
    assert_same_end(first, start("reference", path, Stop()))
    assert start("reference", path, epochs=5)[1].epoch == [0, 1, 2, 3, 4]


def test_frozen_layers_and_their_optimizer_state(tmp_path: Path) -> None:
    """The order in which the optimizer met the weights is kept."""

    def run(path: Path | None, *callbacks: Callback) -> Any:
        model = compiled(dropout=0.3)
        model.layers[0].trainable = False
        model.fit(inputs(), labels(), SIZE, 1, verbose=0)
        model.layers[0].trainable = True
        model.fit(inputs(), labels(), SIZE, 2, verbose=0, checkpoint=path, callbacks=callbacks)
        return model

    path = tmp_path / "run"
    with pytest.raises(Interrupted):
        run(path, Throw("on_epoch_begin", 1, None))
    # The first fit is not repeated by the program that resumes.
    model = compiled(seed=2, dropout=0.3)
    model.fit(inputs(), labels(), SIZE, 2, verbose=0, checkpoint=path)
    assert_identical(run(None), model)


def test_a_layer_thawed_by_a_callback(tmp_path: Path) -> None:
    class Thaw(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.layers[0].trainable = epoch > 0

        def on_epoch_resume(self, epoch: int, batch: int) -> None:
            self.model.layers[0].trainable = epoch > 0

    def run(path: Path | None, *callbacks: Callback) -> Any:
        model = compiled(dropout=0.3)
        model.fit(
            inputs(), labels(), SIZE, 3, verbose=0, checkpoint=path, callbacks=[Thaw(), *callbacks]
        )
        return model

    path = tmp_path / "run"
    with pytest.raises(Interrupted):
        run(path, Throw("on_epoch_begin", 2, None))
    assert_identical(run(None), run(path))


# ---- what is refused


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    compiled().fit(inputs(), labels(), SIZE, 1, verbose=0, checkpoint=path)
    return path


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "batch size": (
        lambda path: compiled().fit(inputs(), labels(), 5, 2, verbose=0, checkpoint=path),
        "batch_size 4. Got 5",
    ),
    "shuffle": (
        lambda path: compiled().fit(inputs(), labels(), 4, 2, 0, shuffle=False, checkpoint=path),
        "shuffle True. Got False",
    ),
    "examples": (
        lambda path: compiled().fit(inputs(8), labels(8), 4, 2, verbose=0, checkpoint=path),
        "examples 10. Got 8",
    ),
    "data": (
        lambda path: compiled().fit(inputs() + 1, labels(), 4, 2, 0, checkpoint=path),
        "the checksum of the data",
    ),
    "optimizer": (
        lambda path: compiled(optimizer="sgd").fit(inputs(), labels(), 4, 2, 0, checkpoint=path),
        "optimizer 'Adam'. Got 'SGD'",
    ),
    "loss": (
        lambda path: compiled(loss="mse", metrics=[]).fit(
            inputs(), inputs()[:, :3], 4, 2, 0, checkpoint=path
        ),
        "loss 'sparse_categorical_crossentropy'. Got 'mean_squared_error'",
    ),
    "metrics": (
        lambda path: compiled(metrics=[]).fit(inputs(), labels(), 4, 2, 0, checkpoint=path),
        r"metrics \['loss', 'accuracy'\]. Got \['loss'\]",
    ),
    "callbacks": (
        lambda path: compiled().fit(
            inputs(), labels(), 4, 2, 0, [ModelCheckpoint("never")], checkpoint=path
        ),
        r"remember something must be \['History'\]. Got \['ModelCheckpoint', 'History'\]",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_checkpoint_of_another_run_is_refused(name: str, path: Path) -> None:
    fit, message = REFUSED[name]
    content = path.read_bytes()
    with pytest.raises(
        FileError, match=f"is of another run: .*{message}.* Name another checkpoint"
    ):
        fit(path)
    assert path.read_bytes() == content


def test_a_checkpoint_of_another_network_changes_nothing(path: Path) -> None:
    with seeded(1):
        model = Sequential([Input((4,)), Dense(6, "tanh"), Dense(3, "softmax")])
    model.compile(Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(inputs(), labels(), 4, 1, verbose=0)
    before = everything(model)
    message = r"it had float32\[4, 5\] as variable model/0, the model .* have float32\[4, 6\]"
    with pytest.raises(FileError, match=message):
        model.fit(inputs(), labels(), 4, 2, verbose=0, checkpoint=path)
    after = everything(model)
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_a_truncated_checkpoint_is_told(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(FileError, match="is damaged or no safetensors file"):
        compiled().fit(inputs(), labels(), 4, 2, verbose=0, checkpoint=path)


@pytest.mark.parametrize("broken", [
    {}, [], None, {"run": {}}, {"run": None}, "text",
])  # fmt: skip
def test_a_checkpoint_with_senseless_content_is_told(path: Path, broken: Any) -> None:
    save_tree(path, "checkpoint", broken)
    with pytest.raises(FileError, match="cannot be read here"):
        compiled().fit(inputs(), labels(), 4, 2, verbose=0, checkpoint=path)


@pytest.mark.parametrize(
    "key", ["epoch", "optimized", "variables", "callbacks", "executor", "finished", "logs", "seed"]
)
@pytest.mark.parametrize("value", [None, "missing", [1e9], {"a": []}])
def test_a_checkpoint_with_a_senseless_part_is_told(path: Path, key: str, value: Any) -> None:
    state = load_tree(path, "checkpoint")
    if value == "missing":
        del state[key]
    else:
        state[key] = value
    save_tree(path, "checkpoint", state)
    model = compiled()
    before = model.get_weights()
    try:
        model.fit(inputs(), labels(), 4, 1, verbose=0, checkpoint=path)
    except FileError:
        np.testing.assert_array_equal(before[0], model.get_weights()[0])


def test_a_model_file_is_no_checkpoint(tmp_path: Path) -> None:
    compiled().save(tmp_path / "model")
    with pytest.raises(FileError, match=r"must be a glassgrad checkpoint. It is a model"):
        compiled().fit(inputs(), labels(), verbose=0, checkpoint=tmp_path / "model")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"Cannot write .*A folder has to exist"):
        compiled().fit(inputs(), labels(), verbose=0, checkpoint=tmp_path / "absent" / "run")


def test_a_callback_that_remembers_no_plain_data(tmp_path: Path) -> None:
    class Odd(Callback):
        def state(self) -> dict[str, Any]:
            return {"seen": {1, 2}}

    with pytest.raises(ArgumentError, match=r"Got \{1, 2\} at 'callbacks/0/state/seen'"):
        compiled().fit(
            inputs(), labels(), verbose=0, callbacks=[Odd()], checkpoint=tmp_path / "run"
        )


def test_the_executor_settings_come_from_the_checkpoint(tmp_path: Path) -> None:
    def run(parts: int, epochs: int) -> Sequential:
        model = compiled(1, 0.3, single_threaded("cpu", parts))
        model.fit(inputs(), labels(), SIZE, epochs, verbose=0, checkpoint=tmp_path / "run")
        return model

    run(2, 1)
    resumed = run(8, 2)
    assert resumed.steps.executor.settings() == {"parts": 2}
    (tmp_path / "run").unlink()
    assert_identical(resumed, run(2, 2))


# ---- Ctrl-C


class PressCtrlC(Callback):
    """A real signal, at one event of the run."""

    def __init__(self, event: str, number: int) -> None:
        self.event, self.number = event, number
        self.events = 0

    def _press(self, event: str) -> None:
        if event != self.event:
            return
        if self.events == self.number:
            os.kill(os.getpid(), signal.SIGINT)
        self.events += 1

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._press("batch begin")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._press("batch end")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._press("epoch begin")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._press("epoch end")


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Ctrl-C means what it means in a terminal, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize(
    "event, number, position",
    [
        ("batch begin", 0, (0, 1)),
        ("batch begin", 4, (1, 2)),
        ("batch end", 4, (1, 2)),
        ("batch end", 2, (0, 3)),
        ("epoch begin", 1, (1, 1)),
        ("epoch end", 0, (1, 0)),
        ("epoch end", 2, (3, 0)),
    ],
)
def test_ctrl_c_waits_for_the_end_of_the_batch(
    tmp_path: Path, event: str, number: int, position: tuple[int, int]
) -> None:
    path = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        start("reference", path, PressCtrlC(event, number))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    state = load_tree(path, "checkpoint")
    assert (state["epoch"], state["batch"]) == position
    assert_same_end(start("reference", None), start("reference", path))


@pytest.mark.usefixtures("_interruptible")
def test_a_second_ctrl_c_is_not_held_back() -> None:
    class Twice(Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            raise AssertionError("the second one was held back")

    with pytest.raises(KeyboardInterrupt):
        compiled().fit(inputs(), labels(), verbose=0, callbacks=[Twice()])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_somebody_elses_handler_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        compiled().fit(inputs(), labels(), verbose=0, callbacks=[PressCtrlC("batch begin", 0)])
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIGINT]


def test_training_in_another_thread() -> None:
    from concurrent.futures import ThreadPoolExecutor

    def work() -> Sequential:
        model = compiled()
        model.fit(inputs(), labels(), verbose=0)
        return model

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(work).result()
    assert_identical(work(), other)


def test_an_error_of_a_step_leaves_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    class Break(Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch == 1:
                self.before = everything(self.model)
                monkeypatch.setattr("glassgrad.execute.reference.evaluate_nodes", fail)

    def fail(*_: Any) -> None:
        raise ExecutionError("planted")

    model, breaking = compiled(), Break()
    with pytest.raises(ExecutionError, match="planted"):
        model.fit(inputs(), labels(), 4, verbose=0, callbacks=[breaking])
    after = everything(model)
    assert all(np.array_equal(after[name], value) for name, value in breaking.before.items())
