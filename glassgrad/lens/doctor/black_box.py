"""What is kept of a training, so that the step that went wrong can be made once more."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from glassgrad.graph import Variable
from glassgrad.graph.operation import Array
from glassgrad.graph.trees import leaves_of
from glassgrad.lens.doctor.bad_value import BadValue
from glassgrad.lens.doctor.first_bad_value import first_bad_value_of, largest_value_of
from glassgrad.lens.doctor.reproduction import write_bad_step
from glassgrad.lens.state import state_variables
from glassgrad.models import Model
from glassgrad.training.callbacks.callback import Training
from glassgrad.training.data import ArrayData, Batch, Data, Stretch

__all__ = ["BlackBox", "Snapshot"]

#: What the copies may take, as a share of the operations of training.
SHARE = 0.002
#: Copying and checking an element takes as long as so many operations of a matrix product,
#: and turning to another array as long as so many: one reads memory, the other computes.
OPERATIONS_PER_ELEMENT, OPERATIONS_PER_ARRAY = 300, 300_000
LEAST_OPERATIONS_OF_A_STEP = 3_000_000  # what calling its kernels takes
MOST_BYTES = 64 * 2**20  # of batches that come from elsewhere and cannot be had again


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything that decides how training goes on from a step.

    Args:
        step: how many steps came before.
        epochs_seen: how many epochs came before, which decides the order of the examples.
        batch: the next one of the epoch.
        values: of every variable that training reads or writes.
    """

    step: int
    epochs_seen: int
    batch: int
    values: dict[Variable, Array]

    @classmethod
    def of(cls, model: Model, step: int, batch: int) -> Snapshot:
        """The state of a model now."""
        values = {one: one.numpy() for one in state_variables(model)}
        return cls(step, model.epochs_seen, batch, values)

    @property
    def is_finite(self) -> bool:
        """Whether a training may go on from here."""
        return all(_is_finite(array) for array in self.values.values())

    def restore(self, model: Model) -> None:
        """Give the variables these values; slots that came later are as at their beginning."""
        for variable, array in self.values.items():
            variable.assign(array)
        optimizer = model.optimizer
        for parameter in optimizer.built_for:
            for name, slot in optimizer.slots_of(parameter).items():
                if slot not in self.values:
                    is_own = name in optimizer.slots
                    first = optimizer.first_slot(name) if is_own else 0.0
                    begin = parameter.numpy() if name == "average" else first
                    slot.assign(np.broadcast_to(begin, slot.shape))


class BlackBox:
    """Keeps the last good state of a training, and finds the first bad value after it.

    A step is a function of the state, so the steps since the last snapshot, made once more by the
    same programs, give the same bits: training pays for nothing but the snapshots. How often they
    are made follows from their cost.

    Args:
        training: the loop; data that cannot be had again are watched as they go by.
        begin: the number that the next step shall have.
        operations: how many floating-point operations a step of training takes; by default an
            estimate from the size of the weights and of a batch.
        share: how much of the operations of training the snapshots may cost.
    """

    def __init__(
        self,
        training: Training,
        *,
        begin: int = 0,
        operations: float | None = None,
        share: float = SHARE,
    ) -> None:
        self.model = training.model
        self._training = training
        self._first_step = self._steps_taken() - begin
        self._operations, self._share = operations, share
        self._kept: Snapshot | None = None
        self._was_searched = False  # without success, since that snapshot
        self._rates: list[tuple[int, float]] = []  # from which step on
        self._noted = 0
        self._passing: PassingData | None = None
        if not isinstance(training.data, ArrayData):
            self._passing = PassingData(training.data)
            training.data = self._passing

    @property
    def step(self) -> int:
        """The number of the next step."""
        return self._steps_taken() - self._first_step

    def begin_epoch(self) -> None:
        """To be called when an epoch begins or is resumed."""
        if self._kept is None:
            self._keep()
        self._noted = self.step

    def after_batches(self, is_finite: bool) -> None:
        """To be called after batches.

        Args:
            is_finite: whether all that the steps have reported is finite; else the last snapshot
                stays.
        """
        self._note_rate()
        if is_finite and self._is_due():
            self._keep()

    def find(self, path: str | os.PathLike[str] | None = None) -> BadValue | None:
        """Make the steps since the last good state once more, and say where the first went wrong.

        The training is left as it was, whatever happens.

        Args:
            path: the file that is written for ``replay``; ``None`` writes none.

        Returns:
            What was found; ``None`` where the steps are finite when they are made again, as they
            may be where a callback has changed something on the way. They are not made a third
            time, then.

        Raises:
            FileError: the file cannot be written.
        """
        self._note_rate()
        now, last = Snapshot.of(self.model, self.step, self._training.batch), self.step
        if self._kept is None or self._was_searched:
            return None
        journal = self.model.steps.journal
        noted = 0 if journal is None else journal.step
        try:
            self._kept.restore(self.model)
            found = self._first_bad_step(self._kept, last, path)
            self._was_searched = found is None
            return found
        finally:
            now.restore(self.model)
            if journal is not None:
                journal.step = noted  # what was made once more is not reported once more

    def roll_back(self) -> int | None:
        """Give the model the last good state back; how many steps it had taken then."""
        if self._kept is None:
            return None
        self._kept.restore(self.model)
        return self._kept.step

    # ---- what is kept

    def _keep(self) -> None:
        found = Snapshot.of(self.model, self.step, self._training.batch)
        if self._kept is not None and not found.is_finite:
            return
        self._kept, self._was_searched = found, False
        self._rates = self._rates[-1:]
        if self._passing is not None:
            self._passing.forget()

    def _note_rate(self) -> None:
        """Learning rates are changed by callbacks, which are not asked again."""
        rate = self.model.optimizer.learning_rate
        if isinstance(rate, Variable):
            value = float(rate.numpy())
            if not self._rates or self._rates[-1][1] != value:
                self._rates.append((self._noted, value))
        self._noted = self.step

    def _is_due(self) -> bool:
        if self._kept is None or (self._passing is not None and self._passing.is_full):
            return True
        return self.step - self._kept.step >= self._interval

    @cached_property
    def _interval(self) -> int:
        arrays = state_variables(self.model)
        cost = sum(OPERATIONS_PER_ARRAY + OPERATIONS_PER_ELEMENT * one.size for one in arrays)
        operations = self._operations
        if operations is None:  # forward, and twice as much backward, two for each weight
            weights = sum(one.size for one in self.model.trainable_variables)
            operations = 6 * weights * self._training.batch_size
        return math.ceil(cost / (self._share * max(operations, LEAST_OPERATIONS_OF_A_STEP)))

    def _steps_taken(self) -> int:
        return int(self.model.random.step.numpy())

    # ---- once more

    def _first_bad_step(
        self, begin: Snapshot, last: int, path: str | os.PathLike[str] | None
    ) -> BadValue | None:
        model, step = self.model, begin.step
        for batch, examples in self._batches(begin):
            if step >= last:
                return None
            self._set_rate(step)
            before = Snapshot.of(model, step, 0)
            results = model.steps.training(batch)
            if not (_are_finite(results) and _learnt_is_finite(model)):
                before.restore(model)
                handed = batch if isinstance(batch, Batch) else next(iter(batch))
                found = first_bad_value_of(model, handed) or self._at_the_limit(handed, results)
                if found is not None:
                    chosen = () if examples is None else tuple(examples[list(found.rows)].tolist())
                    found = found.at_step(step, chosen)
                    return found if path is None else write_bad_step(path, model, handed, found)
                model.steps.training(batch)
            step += 1
        return None

    def _at_the_limit(self, batch: Batch, results: Any) -> BadValue | None:
        """What is said where NumPy finds all finite: nothing, if only a metric is not."""
        is_metric = self.model.steps.has_own("train_step") and not _are_finite(results)
        return None if is_metric else largest_value_of(self.model, batch)

    def _batches(self, begin: Snapshot) -> Iterator[tuple[Batch | Stretch, Array | None]]:
        """The batches from a state on, each with the numbers of its examples, where known."""
        if self._passing is not None:
            yield from ((batch, None) for batch in self._passing.passed)
            return
        training = self._training
        seed = self.model.seed if training.shuffle else None
        epoch, start = begin.epochs_seen, begin.batch
        while True:
            for stretch in training.data.stretches(
                training.batch_size, seed=seed, epoch=epoch, start=start
            ):
                assert isinstance(stretch, Stretch)
                for number in range(stretch.batches):
                    one = stretch.part(number, 1)
                    rows = np.arange(one.begin, one.begin + one.size)
                    yield one, rows if one.order is None else one.order[rows]
            epoch, start = epoch + 1, 0

    def _set_rate(self, step: int) -> None:
        then = [rate for begin, rate in self._rates if begin <= step]
        if then and isinstance(self.model.optimizer.learning_rate, Variable):
            self.model.optimizer.learning_rate = then[-1]


class PassingData(Data):
    """Data whose batches are kept as they go by, since they cannot be had again.

    Args:
        data: a stream.
    """

    def __init__(self, data: Data) -> None:
        self._data = data
        self.examples, self.checksum = data.examples, data.checksum
        self.passed: deque[Batch] = deque()
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether so much is kept that a snapshot should be made."""
        return self._bytes > MOST_BYTES

    def forget(self) -> None:
        """Let go of what came before now."""
        self.passed.clear()
        self._bytes = 0

    def first(self) -> Batch:
        """See ``Data``."""
        return self._data.first()

    def batches(
        self, batch_size: int, *, seed: int | None = None, epoch: int = 0, start: int = 0
    ) -> Iterator[Batch]:
        """See ``Data``."""
        for batch in self._data.batches(batch_size, seed=seed, epoch=epoch, start=start):
            self.passed.append(batch)
            self._bytes += sum(array.nbytes for array in batch.arrays)
            yield batch

    def count_batches(self, batch_size: int) -> int | None:
        """See ``Data``."""
        return self._data.count_batches(batch_size)

    def pass_over(self, epochs: int) -> None:
        """See ``Data``."""
        self._data.pass_over(epochs)

    def checked_by(self, check: Callable[[ArrayData], ArrayData]) -> Data:
        """See ``Data``."""
        return self._data.checked_by(check)


def _learnt_is_finite(model: Model) -> bool:
    groups = model.state_variables()
    return all(_is_finite(one.storage) for one in (*groups["model"], *groups["optimizer"]))


def _are_finite(results: Any) -> bool:
    return all(_is_finite(np.asarray(one)) for one in leaves_of(results))


def _is_finite(array: Array) -> bool:
    """One sum tells for almost all arrays; only what it cannot clear is searched."""
    if array.dtype.kind != "f":
        return True
    with np.errstate(all="ignore"):
        return bool(np.isfinite(array.sum())) or bool(np.isfinite(array).all())
