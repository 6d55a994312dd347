"""What the doctor says: a fault by its code, the evidence, the cause, and remedies in order."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any

from glassgrad.errors import ArgumentError, shown

__all__ = ["ACTIONS", "FAULTS", "Evidence", "Finding", "Remedy", "findings_as_json", "joined"]

WIDTH = 100  # of a line of text

#: The faults by their codes, with what each of them is, in the order of the catalogue.
FAULTS = {
    "non_finite": "NaN or infinity",
    "vanishing_gradient": "gradients die on the way to the first layers",
    "exploding_gradient": "gradients grow on the way back",
    "dead_units": "units that never fire",
    "saturated_units": "units stuck at the ends of their activation",
    "bad_initialization": "a start that is symmetric, or whose variance grows or dies with depth",
    "unscaled_input": "features whose scale drowns the others or saturates the first layer",
    "learning_rate_too_high": "steps that are too large",
    "learning_rate_too_low": "steps that are too small",
    "divergence": "the loss runs away",
    "oscillating_loss": "large swings without progress",
    "loss_not_decreasing": "nothing is learned",
    "wrong_output_or_loss": "loss and last layer do not fit",
    "overfitting": "training improves and validation worsens",
    "underfitting": "both are poor although the gradients are healthy",
    "recurrent_gradient": "gradients vanish or explode over time steps",
    "attention_collapse": "attention that is all alike, or all on one place",
    "frozen_parameters": "parameters that the loss does not reach",
}

#: What a remedy does, by its name. Those of `repair` are applied by it; the others are advice.
ACTIONS = {
    "initializer": "draw the weights of a layer, or of all, anew",
    "unit_variance": "scale all kernels to unit variance on the data (LSUV)",
    "learning_rate": "multiply the learning rate by a factor",
    "warm_up": "let the learning rate grow over the first steps",
    "decay": "let the learning rate fall to 0 towards the end",
    "clip": "shorten the gradients to a global norm",
    "activation": "another activation",
    "normalization": "normalise before the activations",
    "residual": "add connections around layers of equal width",
    "loss_and_output": "a loss and a last activation that belong together",
    "standardize": "standardise the inputs inside the model",
    "scale_targets": "let predictions begin at the mean and spread of the targets",
    "optimizer": "another optimizer",
    "early_stopping": "stop at the best weights",
    "regularization": "L2 and dropout",
    "recurrent_layer": "another recurrent layer, such as LSTM",
    "more_units": "more units, or more layers",
    "longer_training": "train longer",
    "larger_batch": "more examples a step",
    "thaw": "let the parameters learn",
    "connect": "connect the parameters to the loss, or remove them",
    "guard": "keep the argument of an operation where the operation is finite",
    "roll_back": "go back to the last good weights",
    "labels": "look at the labels",
    "data": "look at the data",
}


@dataclass(frozen=True)
class Evidence:
    """A number that was measured, and the threshold that it has passed.

    Args:
        quantity: what was measured, in words: "RMS of dL/dz, first hidden layer over last".
        value: the number.
        threshold: what makes it an alarm; ``None`` for numbers that are there to be seen.
        relation: on which side of the threshold it is: "<", ">", "=".
        step: when, as number of steps before.
    """

    quantity: str
    value: float
    threshold: float | None = None
    relation: str = ">"
    step: int | None = None

    def __str__(self) -> str:
        limit = "" if self.threshold is None else f" ({self.relation} {self.threshold:.4g})"
        return f"{self.quantity}: {self.value:.4g}{limit}"


@dataclass(frozen=True)
class Remedy:
    """What would mend it.

    Args:
        action: one of ``ACTIONS``.
        sentence: what to do, for a person: "Draw the kernels by He's rule: …".
        layer: where; ``None`` for the whole network.
        value: what the action needs: for "initializer", "activation", "optimizer" and
            "recurrent_layer" a name, ``None`` for the one that fits; for "learning_rate",
            "more_units", "longer_training" and "larger_batch" a factor; for "clip" a norm; for
            "early_stopping" the epochs of patience; for "loss_and_output" a dictionary
            {"loss": name, "activation": name, "units": number}.
    """

    action: str
    sentence: str
    layer: str | None = None
    value: Any = None


@dataclass(frozen=True)
class Finding:
    """A fault of a training.

    Args:
        code: one of ``FAULTS``.
        cause: why, in one sentence.
        evidence: the numbers with their thresholds, the telling one first.
        remedies: in order of preference.
        layer: where; ``None`` where it concerns the whole network.
        began: after how many steps it was there; ``None`` before training.
        confidence: from 0 to 1.
        symptoms: codes of what else was seen and follows from this.
    """

    code: str
    cause: str
    evidence: tuple[Evidence, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    layer: str | None = None
    began: int | None = None
    confidence: float = 1.0
    symptoms: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What the fault is, in a few words."""
        return FAULTS[self.code]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data, for JSON; numbers that are not finite are ``None``."""
        return {
            "code": self.code,
            "title": self.title,
            "layer": self.layer,
            "began": self.began,
            "confidence": self.confidence,
            "cause": self.cause,
            "evidence": [_plain(one) for one in self.evidence],
            "remedies": [_plain(one) for one in self.remedies],
            "symptoms": [*self.symptoms],
        }

    @property
    def headline(self) -> str:
        """Fault, place and time in one line."""
        where = f" in {self.layer}" if self.layer else ""
        when = "before training" if self.began is None else f"from step {self.began} on"
        return f"{self.code}{where}: {self.title} ({when}, confidence {self.confidence:.0%})"

    def __str__(self) -> str:
        return self.text()

    def text(self, width: int = WIDTH, label: str = "") -> str:
        """All of it, behind a label, with lines no wider than ``width``."""
        parts = [
            ("cause: ", self.cause),
            *(("measured: ", str(one)) for one in self.evidence),
            *((f"remedy {n}: ", one.sentence) for n, one in enumerate(self.remedies, 1)),
        ]
        if self.symptoms:
            parts.append(("seen because of it: ", ", ".join(self.symptoms)))
        first = textwrap.fill(label + self.headline, width, subsequent_indent="  ")
        return "\n".join([first, *(_paragraph(*part, width) for part in parts)])


def _paragraph(label: str, text: str, width: int) -> str:
    return textwrap.fill(
        text,
        width,
        initial_indent=f"  {label}",
        subsequent_indent="  " + " " * len(label),
        break_long_words=False,
    )


def _plain(part: Evidence | Remedy) -> dict[str, Any]:
    return {field.name: _plain_value(getattr(part, field.name)) for field in fields(part)}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain_value(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_value(one) for one in value]
    if isinstance(value, float):  # also a threshold, which knows more than its number
        return float(value) if isfinite(value) else None
    return value


def joined(now: Sequence[Finding], before: Sequence[Finding]) -> list[Finding]:
    """What is found now, and behind it what was found before and is not explained by that.

    Example:
        >>> dead, lost = Finding("dead_units", "…"), Finding("divergence", "…")
        >>> rate = Finding("learning_rate_too_high", "…", symptoms=("divergence",))
        >>> [finding.code for finding in joined([rate], [dead, lost])]
        ['learning_rate_too_high', 'dead_units']
    """
    told = {code for one in now for code in (one.code, *one.symptoms)}
    return [*now, *(one for one in before if one.code not in told)]


def findings_as_json(findings: Sequence[Finding]) -> str:
    """All findings as a JSON list, the first one first.

    Raises:
        ArgumentError: these are no findings.

    Example:
        >>> findings_as_json([])
        '[]'
    """
    given: object = findings
    if not isinstance(given, Sequence) or not all(isinstance(one, Finding) for one in given):
        raise ArgumentError(f"findings must be a list of findings. Got {shown(given)}.")
    return json.dumps([one.as_dict() for one in findings], indent=2, default=str)
