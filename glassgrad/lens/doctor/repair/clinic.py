"""Where networks are trained on trial, examined, graded, and the cost is kept."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassgrad.errors import GlassgradError
from glassgrad.graph.trees import leaves_of
from glassgrad.lens.doctor.attendant import Attendant
from glassgrad.lens.doctor.case import Case
from glassgrad.lens.doctor.diagnosis import diagnose
from glassgrad.lens.doctor.facts import facts_of
from glassgrad.lens.doctor.finding import Finding, Remedy
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.task import WORST, Grade
from glassgrad.lens.doctor.repair.ward import Ward
from glassgrad.models import Model
from glassgrad.training.callbacks import Callback, Logs
from glassgrad.training.data import ArrayData

__all__ = ["Clinic", "Outcome"]

AT_ONCE = 512  # examples that are predicted together
PORTIONS = 4  # in which a short run is trained, so that one that runs away is ended early


@dataclass(frozen=True)
class Outcome:
    """What a run has come to.

    Args:
        regimen: what was trained.
        grade: of its predictions for what was held out.
        share: of a full run.
        findings: what the doctor has found.
        model: the network as it was trained; ``None`` where it cannot be trained.
        error: why not.
        refusal: the error with which the network has refused its data.
        epochs: after how many the weights were the best, where training stops early.
        trial: its number in the record.
    """

    regimen: Regimen
    grade: Grade
    share: float
    findings: tuple[Finding, ...] = ()
    model: Model | None = None
    error: str | None = None
    refusal: GlassgradError | None = None
    epochs: int | None = None
    trial: int | None = None

    @property
    def value(self) -> float:
        """To compare by."""
        return self.grade.value


class Clinic:
    """Trains networks on trial.

    Args:
        ward: the examples.
        full: what a full run of the user's program is: examples seen in all epochs.
        budget: how many full runs may be trained in all.
        repeats: whether the best run is repeated at the end also where it has seen all examples:
            before the eyes of the user's callbacks.
    """

    def __init__(self, ward: Ward, full: int, budget: float, repeats: bool = False) -> None:
        self.ward, self.full, self.budget, self.repeats = ward, full, budget, repeats
        self.seen = 0  # examples, in all runs
        self._base: float | None = None  # the loss of a network that was not trained

    @property
    def cost(self) -> float:
        """What was trained so far, in full runs."""
        return self.seen / self.full

    def affords(self, cost: float) -> bool:
        """Whether so much of a full run may still be trained."""
        return self.cost + cost <= self.budget + 1e-9

    def cost_of(self, regimen: Regimen, share: float = 1.0) -> float:
        """What a run would cost, in full runs of the user's program."""
        return share * regimen.epochs * len(self.ward.learning) / self.full

    def cost_of_last(self, regimen: Regimen) -> float:
        """What the last run would cost; nothing where a full one has seen all examples."""
        is_needed = self.repeats or self.ward.whole is not self.ward.learning
        return regimen.epochs * len(self.ward.whole) / self.full if is_needed else 0.0

    # ---- runs

    def run(self, regimen: Regimen, share: float = 1.0, *, is_examined: bool = True) -> Outcome:
        """Train a copy, and grade it on what was held out.

        Args:
            regimen: the network, and how it is trained.
            share: of all epochs.
            is_examined: whether the doctor looks on.
        """
        doctor = Attendant()
        model = regimen.compiled(self._steps(regimen, share))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                epochs = self._fit(model, regimen, share, [doctor] if is_examined else [])
                grade = self.grade(model, regimen)
        except GlassgradError as error:
            return self._untrainable(regimen, share, error)
        return Outcome(regimen, grade, share, tuple(doctor.findings), model, epochs=epochs)

    def failure(self, regimen: Regimen, share: float, reason: str) -> Outcome:
        """What there is no run of."""
        name = "accuracy" if self.ward.task.is_of_classes else "R²"
        return Outcome(regimen, Grade(WORST, name, math.nan), share, error=reason)

    def _fit(
        self, model: Model, regimen: Regimen, share: float, callbacks: list[Any]
    ) -> int | None:
        """Train; after how many epochs the weights were the best, where training stops early."""
        data, size = self.ward.learning, regimen.batch_size
        counter = _Counter(size, len(data))
        stopping = regimen.callbacks(is_validated=share >= 1)
        if share >= 1:
            length: dict[str, Any] = {
                "epochs": regimen.epochs,
                "validation_data": _given(self.ward.held_out),
                "validation_batch_size": min(len(self.ward.held_out), AT_ONCE),
            }
        else:
            steps = self._steps(regimen, share)
            length = {"epochs": PORTIONS, "steps_per_epoch": steps // PORTIONS}
        try:
            model.fit(
                data.x,
                data.y,
                sample_weight=data.weights,
                batch_size=size,
                callbacks=[*callbacks, *stopping, counter],
                verbose=0,
                **length,
            )
        finally:
            self.seen += counter.examples
        return stopping[0].best_epoch + 1 if stopping else None

    def _steps(self, regimen: Regimen, share: float) -> int:
        """How many steps a run has."""
        steps = self.ward.steps_of(regimen)
        return steps if share >= 1 else PORTIONS * max(1, round(share * steps / PORTIONS))

    def _untrainable(self, regimen: Regimen, share: float, error: GlassgradError) -> Outcome:
        """What static examination says of a network that refuses its data."""
        failed = self.failure(regimen, share, str(error).splitlines()[0])
        try:
            data = self.ward.learning
            facts = facts_of(regimen.compiled(1), (data.x, data.y), batch_size=regimen.batch_size)
            found = tuple(diagnose(Case(facts)))
        except GlassgradError:
            found = ()
        return replace(failed, findings=found or (_misfit(failed.error),), refusal=error)

    def finish(
        self, regimen: Regimen, callbacks: Sequence[Any], verbose: int
    ) -> tuple[Model, float]:
        """The last run, at full length and on all examples, and its grade."""
        ward, data = self.ward, self.ward.whole
        steps = regimen.epochs * -(-len(data) // regimen.batch_size)
        model = regimen.compiled(steps, with_metrics=True)
        is_validated = ward.whole is ward.learning
        counter = _Counter(regimen.batch_size, len(data))
        model.fit(
            data.x,
            data.y,
            sample_weight=data.weights,
            validation_data=_given(ward.held_out) if is_validated else None,
            epochs=regimen.epochs,
            batch_size=regimen.batch_size,
            callbacks=[*callbacks, *regimen.callbacks(is_validated), counter],
            verbose=verbose,
        )
        self.seen += counter.examples
        return model, self.grade(model, regimen).value

    # ---- grades

    def grade(self, model: Model, regimen: Regimen) -> Grade:
        """How well a network answers for what was held out."""
        held_out = self.ward.held_out
        if self.ward.task.kind == "other":
            return self._grade_by_loss(model)
        size = min(len(held_out), AT_ONCE)
        predicted = model.predict(held_out.x, batch_size=size, verbose=0)
        from_logits = any(getattr(one, "from_logits", False) for one in leaves_of(regimen.loss))
        return self.ward.task.grade(predicted, held_out.y, from_logits)

    def _grade_by_loss(self, model: Model) -> Grade:
        """Where nothing else is known: the loss, against that of the first network seen."""
        held_out = self.ward.held_out
        found = model.evaluate(held_out.x, held_out.y, verbose=0, return_dict=True)
        loss = float(np.asarray(found["loss"]))
        if not math.isfinite(loss):
            return Grade(WORST, "loss", loss)
        if self._base is None:
            self._base = max(abs(loss), 1e-12)
        return Grade(max(1 - loss / self._base, WORST), "loss", loss)


def _given(data: ArrayData) -> tuple[Any, ...]:
    """Examples as ``fit`` takes them for validation."""
    return (data.x, data.y) if data.weights is None else (data.x, data.y, data.weights)


def _misfit(error: str | None) -> Finding:
    """What is wrong where a network refuses its data."""
    pair = "Give the network the last activation and the loss that belong to its targets."
    return Finding(
        "wrong_output_or_loss",
        f"Training is refused: {error}",
        remedies=(Remedy("loss_and_output", pair),),
    )


class _Counter(Callback):
    """Counts the examples that are learnt from, and ends what has run away."""

    sees_each_batch = False

    def __init__(self, size: int, examples: int) -> None:
        self.per_round = -(-examples // size)
        self.share = examples / self.per_round  # of a batch, on average
        self.examples = 0
        self._batches = 0

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Note how far the epoch is."""
        self._batches = batch + 1

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Add the epoch, and stop where the loss is not finite."""
        self.examples += round(self._batches * self.share)
        self._batches = 0
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            self.model.stop_training = True
