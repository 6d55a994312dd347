"""The doctor as a callback: it looks on while a model learns, says what is wrong, and acts."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from glassgrad.errors import ArgumentError
from glassgrad.lens.doctor.attendant import Attendant
from glassgrad.lens.doctor.finding import Finding
from glassgrad.lens.doctor.repair import Repair, repair
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.training.callbacks import Logs
from glassgrad.training.callbacks.callback import say
from glassgrad.training.data import ArrayData

if TYPE_CHECKING:
    from glassgrad.models import Model
    from glassgrad.training.callbacks.callback import Training

__all__ = ["Doctor"]

ACTIONS = ("report", "stop", "repair")


class Doctor(Attendant):
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
        >>> model = glassgrad.Sequential([Dense(1, activation="relu")])
        >>> model.compile("sgd", "mse", executor="reference")
        >>> doctor = Doctor(verbose=0)
        >>> x = np.linspace(-1, 1, 64).reshape(64, 1)
        >>> _ = model.fit(x, x, verbose=0, callbacks=[doctor])  # half of the targets are negative
        >>> [finding.code for finding in doctor.findings]
        ['wrong_output_or_loss']
    """

    def __init__(
        self,
        action: Literal["report", "stop", "repair"] = "report",
        share: float = 0.01,
        examples: int | None = None,
        verbose: int = 1,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        wish: object = action
        if not isinstance(wish, str) or wish not in ACTIONS:
            raise ArgumentError(f"action must be one of {', '.join(ACTIONS)}. Got {action!r}.")
        super().__init__(share, examples, folder)
        self.action, self.verbose = action, verbose
        self.repaired: Repair | None = None
        self._start: Model | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Keep a copy to be mended, and look for the first time."""
        self.repaired = self._start = None
        super().on_train_begin(logs)
        training = self._training
        if self.action == "repair" and self.case is not None and training is not None:
            regimen = Regimen.of(self.model, training.epochs, training.batch_size, 0)
            self._start = regimen.compiled(self.case.facts.steps or 1)

    def found(self, news: Sequence[Finding]) -> None:
        """Announce it, and end training if that is asked for."""
        if self.verbose and self.case is not None and not self.case.ended:
            for finding in news:
                say(f"doctor: {finding.headline}")
        if self.action != "report":
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Look a last time, say what was found, and mend a copy if that is asked for."""
        super().on_train_end(logs)
        if self.case is None:
            return
        if self.verbose:
            say(self.report())
        if self._start is not None and self._training is not None and self.findings:
            self._repair(self._start, self._training)

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
