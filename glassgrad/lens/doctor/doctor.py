"""The doctor as a callback: it looks on while a model learns, and says what is wrong."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from glassgrad.errors import ArgumentError, GlassgradError
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
from glassgrad.lens.doctor.repair import Repair, repair
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.visits import Visits
from glassgrad.training.callbacks import Callback, Logs
from glassgrad.training.callbacks.callback import say
from glassgrad.training.data import ArrayData
from glassgrad.training.journal import Journal

if TYPE_CHECKING:
    from glassgrad.models import Model
    from glassgrad.training.callbacks.callback import Training

__all__ = ["Doctor"]

ACTIONS = ("report", "stop", "repair")
BAD_STEP = "bad_step.safetensors"


class Doctor(Callback):
    """Look on while a model learns, and find out why it does not.

    Before the first step it examines the network and the data. During training a program of its
    own, without updates, visits the network now and then with a fixed sample of the training data,
    and every step reports its loss, the norm of its gradient and the size of its update. Training
    with the doctor gives the same weights, to the last bit, as training without.

    Args:
        action: "report" says what was found; "stop" ends training as soon as something is;
            "repair" ends it, too, and then mends a copy, which is in ``repaired``.
        share: which part of the operations of training the visits may take.
        examples: how many examples a visit looks at; by default as many as suit the batches.
        verbose: 0 silent, 1 says what was found as soon as it is, and all of it at the end.
        folder: where a file goes that reproduces the first bad value, should there be one;
            ``None`` writes none.

    Attributes:
        findings: what was found, causes before their consequences; empty for healthy networks.
        case: everything that was measured.
        repaired: with ``action="repair"``, what the repair has come to.

    Raises:
        ArgumentError: there is no such action, or a number is out of its range.

    Example:
        >>> import numpy as np
        >>> import glassgrad
        >>> from glassgrad.layers import Dense
        >>> model = glassgrad.Sequential([Dense(1, activation="softmax")])
        >>> model.compile("sgd", "binary_crossentropy", executor="reference")
        >>> doctor = Doctor(verbose=0)
        >>> x = np.linspace(-1, 1, 64).reshape(64, 1)
        >>> _ = model.fit(x, x > 0, verbose=0, callbacks=[doctor])
        >>> [finding.code for finding in doctor.findings]
        ['wrong_output_or_loss']
    """

    sees_each_batch = reads_batch_logs = False

    def __init__(
        self,
        action: Literal["report", "stop", "repair"] = "report",
        share: float = 0.01,
        examples: int | None = None,
        verbose: int = 1,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        if action not in ACTIONS:
            raise ArgumentError(f"action must be one of {', '.join(ACTIONS)}. Got {action!r}.")
        if not 0 < share <= 1:
            raise ArgumentError(f"share must lie above 0, and be 1 at most. Got {share!r}.")
        if examples is not None and examples < 1:
            raise ArgumentError(f"examples must be at least 1. Got {examples!r}.")
        self.action, self.share, self.examples = action, share, examples
        self.verbose, self.folder = verbose, folder
        self.findings: list[Finding] = []
        self.case: Case | None = None
        self.repaired: Repair | None = None
        self._training: Training | None = None
        self._start: Model | None = None
        self._probe: Probe | None = None
        self._step = 0

    # ---- the beginning

    def set_training(self, training: Training) -> None:
        """Get to know the loop, with its data."""
        self._training = training

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Examine network and data, and visit the network before the first step."""
        self.findings, self.case, self.repaired = [], None, None
        self._start, self._probe = None, None
        if self._training is None:
            return  # a loop of one's own, which does not tell of its data
        self._first = self._step = self._epoch_began = _steps_so_far(self.model)
        try:
            self._admit(self._training)
        except GlassgradError as error:
            self.case = None
            self.model.steps.journal = None
            warnings.warn(f"The doctor cannot look at this training: {error}", stacklevel=2)

    def _admit(self, training: Training) -> None:
        """Take the facts, get journal, probe and black box ready, and look for the first time."""
        model, data, batch_size = self.model, training.data, training.batch_size
        per_epoch = data.count_batches(batch_size)
        steps = None if per_epoch is None else per_epoch * (training.epochs - training.epoch)
        facts = facts_of(
            model, data, validation=training.validation, batch_size=batch_size, steps=steps
        )
        self.case = Case(facts)
        if self.action == "repair":
            self._start = Regimen.of(model, training.epochs, batch_size, 0).compiled(steps or 1)
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
        self._begin_epoch(self._step)

    def on_epoch_resume(self, epoch: int, batch: int) -> None:
        """Note where the epoch began."""
        self._begin_epoch(self._step - batch)

    def _begin_epoch(self, step: int) -> None:
        self._epoch_began = step
        if self.case is not None:
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
        self.model.steps.journal = None
        self.case.facts = with_reference(self.case, self.model, self._training.data)
        self._visit()
        if self._start is not None and self.findings:
            self._repair(self._start, self._training)
        if self.verbose:
            say(self.report())

    def _read_journal(self) -> None:
        """Take over what the steps have reported."""
        assert self.case is not None
        self.case.course.extend(*self._journal.take())

    def _find_bad_value(self, case: Case) -> None:
        """Make the steps since the last good state once more, one by one."""
        path = None if self.folder is None else Path(self.folder) / BAD_STEP
        try:
            case.bad_value = self._black_box.find(path)
        except GlassgradError as error:
            warnings.warn(f"The first bad value cannot be found: {error}", stacklevel=2)

    def _visit(self) -> None:
        assert self.case is not None
        if self._probe is not None:
            self.case.add(self._probe.read(self._step))
        self._examine()

    def _examine(self) -> None:
        """Diagnose, announce what is new, and act on it."""
        assert self.case is not None
        found = diagnose(self.case)
        known = {finding.code for finding in self.findings}
        self.findings = joined(found, self.findings)
        news = [finding for finding in found if finding.code not in known]
        if not news:
            return
        if self.verbose and not self.case.ended:
            for finding in news:
                say(f"doctor: {finding.headline}")
        if self.action != "report":
            self.model.stop_training = True

    def _is_known(self, code: str) -> bool:
        return any(code in (finding.code, *finding.symptoms) for finding in self.findings)

    # ---- afterwards

    def report(self, width: int = WIDTH) -> str:
        """What was found, as text of some width; one line where that is nothing."""
        if self.case is None:
            return "doctor: no training was looked at."
        visits = len(self.case.readings)
        looked = f"{self.model.name}, {visits} visits in {self._step - self._first} steps"
        if not self.findings:
            return f"doctor: nothing is wrong with {looked}."
        count = len(self.findings)
        heading = f"doctor: {count} finding{'s' if count > 1 else ''} for {looked}"
        parts = [f"{n}. {one.text(width)}" for n, one in enumerate(self.findings, 1)]
        if self.case.bad_value is not None and all(f.code != "non_finite" for f in self.findings):
            parts.append(f"The first bad value:\n{finding_of(self.case.bad_value).text(width)}")
        return "\n\n".join([heading, *parts])

    def _repair(self, start: Model, training: Training) -> None:
        """Mend a copy that begins where this training began."""
        if not isinstance(training.data, ArrayData):
            warnings.warn("Only what learns from data in memory can be mended.", stacklevel=2)
            return
        validation = training.validation if isinstance(training.validation, ArrayData) else None
        self.repaired = repair(
            start,
            training.data,
            validation_data=validation,
            epochs=training.epochs,
            batch_size=training.batch_size,
        )
        if self.verbose:
            say(str(self.repaired))


def _steps_so_far(model: Model) -> int:
    """How many steps the optimizer has taken before: a network in the middle of its training."""
    iterations = model.optimizer.iterations
    return int(iterations.numpy()) if isinstance(iterations, Variable) else 0
