"""Looking on while a model learns: who calls the probe, the journal and the rules, and when."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from glassgrad.errors import ArgumentError, FileError, GlassgradError
from glassgrad.graph import Variable
from glassgrad.lens.doctor.bad_value import finding_of
from glassgrad.lens.doctor.black_box import BlackBox
from glassgrad.lens.doctor.case import Case, Epoch
from glassgrad.lens.doctor.diagnosis import diagnose
from glassgrad.lens.doctor.facts import facts_of
from glassgrad.lens.doctor.finding import WIDTH, Finding, joined
from glassgrad.lens.doctor.probe import Probe, interval
from glassgrad.lens.doctor.probe_set import probe_set
from glassgrad.lens.doctor.reference import with_reference
from glassgrad.lens.doctor.visits import Visits
from glassgrad.training.callbacks import Callback, Logs
from glassgrad.training.journal import Journal

if TYPE_CHECKING:
    from glassgrad.models import Model
    from glassgrad.training.callbacks.callback import Training

__all__ = ["Attendant"]

BAD_STEP = "bad_step.safetensors"


class Attendant(Callback):
    """Looks on and finds what is wrong; what is to be done about it, others say.

    Args:
        share: which part of the operations of training the visits may take.
        examples: how many examples a visit looks at; by default as many as suit the batches.
        folder: where a file goes that reproduces the first bad value; ``None`` writes none.

    Attributes:
        findings: what was found, causes before their consequences.
        case: everything that was measured.

    Raises:
        ArgumentError: a number is out of its range.
    """

    sees_each_batch = reads_batch_logs = False

    def __init__(
        self,
        share: float = 0.01,
        examples: int | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        if not 0 < share <= 1:
            raise ArgumentError(f"share must lie above 0, and be 1 at most. Got {share!r}.")
        if examples is not None and examples < 1:
            raise ArgumentError(f"examples must be at least 1. Got {examples!r}.")
        self.share, self.examples, self.folder = share, examples, folder
        self.findings: list[Finding] = []
        self.case: Case | None = None
        self._training: Training | None = None
        self._probe: Probe | None = None
        self._journal = Journal(1)  # until training begins
        self._step = 0

    # ---- the beginning

    def set_training(self, training: Training) -> None:
        """Get to know the loop, with its data."""
        self._training = training

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Examine network and data, and visit the network before the first step."""
        self.findings, self.case, self._probe = [], None, None
        if self._training is None:
            return  # a loop of one's own, which does not tell of its data
        if self.model.steps.journal is not None:
            warnings.warn(
                "Somebody else reads what the steps report: one doctor is enough.", stacklevel=2
            )
            return
        self._first = self._step = self._epoch_began = _steps_so_far(self.model)
        try:
            self._admit(self._training)
        except GlassgradError as error:
            self.case = self.model.steps.journal = None
            warnings.warn(f"The doctor cannot look at this training: {error}", stacklevel=2)

    def _admit(self, training: Training) -> None:
        """Take the facts, get journal, probe and black box ready, and look for the first time."""
        model, data, batch_size = self.model, training.data, training.batch_size
        per_epoch = data.count_batches(batch_size)
        steps = None if per_epoch is None else per_epoch * (training.epochs - training.epoch)
        facts = facts_of(model, data, batch_size=batch_size, steps=steps)
        self.case = Case(facts)
        self._probe = Probe(model, *probe_set(data, self.examples))
        operations = self._probe.training_flop(batch_size)
        between = interval(self._probe, operations, self.share)
        self._visits = Visits(between, self._step, steps)
        self._journal = model.steps.journal = Journal()
        self._journal.step = self._step
        self._black_box = BlackBox(training, begin=self._step, operations=operations)
        self._visit()

    # ---- on the way

    def batches_until_due(self) -> int | None:
        """How many batches may go by until the next visit."""
        if self.case is None:
            return None
        return min(self._visits.until_next(self._step), self._journal.room)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note where the epoch begins."""
        self._begin_epoch(0)

    def on_epoch_resume(self, epoch: int, batch: int) -> None:
        """Note where the epoch began."""
        self._begin_epoch(batch)

    def _begin_epoch(self, batch: int) -> None:
        """An epoch begins, or goes on with a batch: perhaps far ahead, where a run is resumed."""
        if self.case is None:
            return
        step = _steps_so_far(self.model)
        if step != self._step:
            self._step = self._journal.step = self._visits.next = step
        self._epoch_began = step - batch
        self._black_box.begin_epoch()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Read the journal, and visit the network if it is time."""
        if self.case is None:
            return
        self._step = self._epoch_began + batch + 1
        is_finite, is_due = self._journal.is_finite, self._visits.is_due(self._step)
        if is_due or not is_finite or not self._journal.room:
            self._read_journal()
        self._black_box.after_batches(is_finite)
        if not is_finite and self.case.bad_value is None:
            self._find_bad_value(self.case)
        if is_due:
            self._visit()
        elif not is_finite and not self._is_known("non_finite"):
            self._examine()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the losses of the epoch."""
        if self.case is None or not logs:
            return
        loss, of_validation = logs.get("loss", math.nan), logs.get("val_loss")
        self.case.course.epochs.append(Epoch(epoch, self._step, loss, of_validation))

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Visit the network a last time, and say what was found."""
        if self.case is None or self._training is None:
            return
        self.case.ended = True
        self._read_journal()
        self.case.facts = with_reference(self.case, self.model, self._training.data)
        self._visit()

    def _read_journal(self) -> None:
        """Take over what the steps have reported."""
        assert self.case is not None
        self.case.course.extend(*self._journal.take())

    def _find_bad_value(self, case: Case) -> None:
        """Make the steps since the last good state once more, one by one."""
        path = None if self.folder is None else Path(self.folder) / BAD_STEP
        try:
            try:
                case.bad_value = self._black_box.find(path)
            except FileError as error:
                warnings.warn(f"The bad step has no file to repeat it: {error}", stacklevel=2)
                case.bad_value = self._black_box.find()
        except GlassgradError as error:
            warnings.warn(f"The first bad value cannot be found: {error}", stacklevel=2)

    def _visit(self) -> None:
        assert self.case is not None
        is_new = all(reading.step != self._step for reading in self.case.readings[-1:])
        if self._probe is not None and is_new:
            self.case.add(self._probe.read(self._step))
        self._examine()

    def _examine(self) -> None:
        """Diagnose, announce what is new, and act on it."""
        assert self.case is not None
        found = diagnose(self.case)
        known = {finding.code for finding in self.findings}
        self.findings = joined(found, self.findings)
        if news := [finding for finding in found if finding.code not in known]:
            self.found(news)

    def found(self, news: Sequence[Finding]) -> None:
        """Called with what was not known before."""

    def _is_known(self, code: str) -> bool:
        return any(code in (finding.code, *finding.symptoms) for finding in self.findings)

    # ---- afterwards

    def report(self, width: int = WIDTH) -> str:
        """What was found, as text of some width; one line where that is nothing."""
        if self.case is None:
            return "doctor: no training was looked at."
        visits, steps = len(self.case.readings), self._step - self._first
        looked = f"{self.model.name}, {_counted(visits, 'visit')} in {_counted(steps, 'step')}"
        if not self.findings:
            return f"doctor: nothing is wrong with {looked}."
        heading = f"doctor: {_counted(len(self.findings), 'finding')} for {looked}"
        parts = [one.text(width, f"{n}. ") for n, one in enumerate(self.findings, 1)]
        if self.case.bad_value is not None and all(f.code != "non_finite" for f in self.findings):
            parts.append(f"The first bad value:\n{finding_of(self.case.bad_value).text(width)}")
        return "\n\n".join([heading, *parts])


def _steps_so_far(model: Model) -> int:
    """How many steps the optimizer has taken before: a network in the middle of its training."""
    iterations = model.optimizer.iterations
    return int(iterations.numpy()) if isinstance(iterations, Variable) else 0


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
