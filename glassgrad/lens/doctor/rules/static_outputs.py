"""The last layer, the loss and the targets: do they belong together?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.case import Facts, OutputFacts
from glassgrad.lens.doctor.finding import Evidence, Finding, Remedy
from glassgrad.lens.doctor.ranges import range_of
from glassgrad.lens.doctor.thresholds import LABEL_ORDER, OUT_OF_REACH

__all__ = ["misfits_of", "right_pair", "wrong_output_or_loss"]

#: Losses of one class of several.
OF_CLASSES: Final = frozenset(
    {
        "sparse_categorical_crossentropy",
        "categorical_crossentropy",
        "categorical_focal_crossentropy",
        "categorical_generalized_cross_entropy",
    }
)
#: Losses of yes or no.
OF_BITS: Final = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})
#: Losses of numbers.
OF_NUMBERS: Final = frozenset(
    {
        "mean_squared_error",
        "mean_absolute_error",
        "mean_absolute_percentage_error",
        "mean_squared_logarithmic_error",
        "huber",
        "log_cosh",
    }
)

#: Losses of one side or the other.
OF_MARGINS: Final = frozenset({"hinge", "squared_hinge"})

#: Activations whose results are no logits: they keep one side or both from growing.
NO_LOGITS: Final = frozenset(
    {"softmax", "sigmoid", "hard_sigmoid", "tanh", "softsign", "relu", "relu6", "softplus"}
)
#: Activations whose results are probabilities of yes.
BITS: Final = frozenset({"sigmoid", "hard_sigmoid"})
#: Activations whose results cannot be probabilities, or need not be.
NO_PROBABILITIES: Final = frozenset(
    {
        *("linear", "tanh", "softsign", "relu", "relu6", "leaky_relu", "prelu"),
        *("elu", "selu", "gelu", "silu", "mish", "log_softmax"),
    }
)

SURE = 0.97
LIKELY = 0.85

BALANCE = 0.3
"""How often the rarest class comes at least, for once of the most frequent one: counts and grades
have rare values at their ends, classes that somebody has collected do not."""


@dataclass(frozen=True)
class Misfit:
    """Why an output and its loss do not belong together."""

    cause: str
    evidence: Evidence
    confidence: float = SURE


#: Looks at one output, and says nothing where all is well or not enough is known.
Check: TypeAlias = Callable[[OutputFacts], Misfit | None]


def wrong_output_or_loss(facts: Facts) -> Iterator[Finding]:
    """For every output the first reason why it cannot learn what it is asked for."""
    for output in facts.every_output:
        for misfit in misfits_of(output):
            yield Finding(
                "wrong_output_or_loss",
                misfit.cause,
                (misfit.evidence,),
                (right_pair(output),),
                output.layer,
                confidence=misfit.confidence,
            )


def misfits_of(output: OutputFacts) -> Iterator[Misfit]:
    """The first thing that does not fit, if there is one."""
    found = (check(output) for check in CHECKS)
    first = next((misfit for misfit in found if misfit is not None), None)
    if first is not None:
        yield first


# ---- the checks, in the order in which they explain each other


def refused(output: OutputFacts) -> Misfit | None:
    """The loss cannot even be computed."""
    data = output.data
    if output.refusal is None:
        return None
    return Misfit(
        f"{_named(output.loss)} cannot be computed of an output of shape "
        f"{_shape(output.output_shape)} and targets of shape {_shape(data.target_shape)}.",
        _compared(
            "numbers of an output", math.prod(output.output_shape), math.prod(data.target_shape)
        ),
        1.0,
    )


def single_class(output: OutputFacts) -> Misfit | None:
    """A softmax of one unit is 1, and a cross-entropy over one class is 0 or constant."""
    if not output.output_shape or _units(output) != 1:
        return None
    if output.output_activation == "softmax":
        why = "A softmax of one unit is 1 whatever comes in"
    elif output.loss in OF_CLASSES:
        why = f"{_named(output.loss)} over one class is the same whatever comes out"
    else:
        return None
    return Misfit(f"{why}: its gradient is 0.", Evidence("units of the output", 1, 2, "<"), 1.0)


def labels_out_of_range(output: OutputFacts) -> Misfit | None:
    """Labels that are numbers of no unit."""
    if output.loss != "sparse_categorical_crossentropy" or output.data.target_range is None:
        return None
    lowest, highest = output.data.target_range
    units = _units(output)
    if lowest >= 0 and highest < units:
        return None
    wrong = lowest if lowest < 0 else highest
    return Misfit(
        f"There are labels from {lowest:g} to {highest:g}, and {units} units, which stand for the "
        f"classes 0 to {units - 1}.",
        Evidence("label", wrong, 0 if lowest < 0 else units - 1, "<" if lowest < 0 else ">"),
        1.0,
    )


def targets_of_no_probability(output: OutputFacts) -> Misfit | None:
    """Targets that a cross-entropy takes for probabilities, and that are none."""
    is_asked = output.loss in OF_BITS | (OF_CLASSES - {"sparse_categorical_crossentropy"})
    if not is_asked or output.data.target_range is None:
        return None
    lowest, highest = output.data.target_range
    if lowest >= 0 and highest <= 1:
        return None
    return Misfit(
        f"{_named(output.loss)} takes targets from 0 to 1. They go from {lowest:g} to {highest:g}.",
        _compared("largest target", highest, 1.0)
        if highest > 1
        else _compared("smallest target", lowest, 0.0),
    )


def no_logits(output: OutputFacts) -> Misfit | None:
    """Probabilities, or something else that is bounded, where a loss wants logits."""
    if not output.from_logits or output.output_activation not in NO_LOGITS:
        return None
    is_mild = output.loss in OF_CLASSES and output.output_activation in ("relu", "softplus")
    return Misfit(
        f"The loss takes what comes out for logits (from_logits=True), and puts its own "
        f"{'softmax' if output.loss in OF_CLASSES else 'sigmoid'} behind the "
        f"{output.output_activation} of the last layer.",
        _seen_through(output),
        LIKELY if is_mild else SURE,
    )


def no_probabilities(output: OutputFacts) -> Misfit | None:
    """Logits, or something else that is no probability, where a loss wants probabilities."""
    if output.from_logits or output.loss not in OF_CLASSES | OF_BITS:
        return None
    if output.output_activation not in NO_PROBABILITIES:
        return None
    return Misfit(
        f"{_named(output.loss)} takes probabilities, and the last layer, whose activation is "
        f"{output.output_activation}, gives numbers of any size: what is not between 0 and 1 is "
        "cut off, and its gradient is lost.",
        _excess(output.output_activation),
    )


def bits_for_classes(output: OutputFacts) -> Misfit | None:
    """Sigmoids, each for itself, under a loss of one class of several."""
    if output.from_logits or output.loss not in OF_CLASSES:
        return None
    if output.output_activation not in BITS:
        return None
    return Misfit(
        f"{_named(output.loss)} asks which of {_units(output)} classes it is, and the sigmoids of "
        "the last layer answer each for itself: they all may say yes.",
        _compared("largest sum of the outputs of an example", _units(output), 1.0),
        0.95,
    )


def classes_for_bits(output: OutputFacts) -> Misfit | None:
    """A softmax, whose outputs compete, under a loss of several questions of yes or no."""
    is_softmax = output.output_activation == "softmax" and _units(output) > 1
    if not is_softmax or output.from_logits:
        return None
    if output.loss in OF_BITS and (output.data.target_kind != "one_hot" or _units(output) > 2):
        several = output.data.target_kind != "one_hot"
        return Misfit(
            f"{_named(output.loss)} asks {_units(output)} questions of yes or no, and the softmax "
            "of the last layer lets only one of them be answered with yes.",
            _compared("largest sum of the outputs of an example", 1.0, _units(output)),
            SURE if several else LIKELY,
        )
    is_of_vectors = output.loss in OF_CLASSES - {"sparse_categorical_crossentropy"}
    if is_of_vectors and output.data.target_kind == "binary" and _has_several(output):
        return Misfit(
            "Several outputs may be 1 for one example, and the softmax of the last layer lets "
            "them only share what is 1 together.",
            Evidence("ones in the targets of an example, as mean", _ones(output), 1, ">"),
        )
    return None


def no_signs(output: OutputFacts) -> Misfit | None:
    """Numbers of one sign under a loss that asks for both."""
    lowest, _ = range_of(output.output_activation)
    if output.loss not in OF_MARGINS or lowest < 0:
        return None
    return Misfit(
        f"{_named(output.loss)} wants negative numbers for no and positive ones for yes, and "
        f"{output.output_activation}, the activation of the last layer, gives no negative ones.",
        Evidence(f"smallest value of {output.output_activation}", lowest, -1.0, ">"),
        0.95,
    )


def no_rates(output: OutputFacts) -> Misfit | None:
    """Numbers that may be negative under a loss that takes their logarithm."""
    lowest, _ = range_of(output.output_activation)
    if output.loss != "poisson" or output.output_activation == "other" or lowest >= 0:
        return None
    return Misfit(
        "poisson takes the logarithm of what comes out, and the last layer, whose activation is "
        f"{output.output_activation}, gives negative numbers as well.",
        _compared(f"sides on which {output.output_activation} is bounded", 0, 1)
        if lowest == -math.inf
        else _compared(f"smallest value of {output.output_activation}", lowest, 0.0),
        0.95,
    )


def out_of_reach(output: OutputFacts) -> Misfit | None:
    """Targets that the last activation can never give."""
    if output.out_of_reach <= OUT_OF_REACH or output.data.target_range is None:
        return None
    lowest, highest = output.data.target_range
    return Misfit(
        f"Targets go from {lowest:g} to {highest:g}, and much of that is outside of what "
        f"{output.output_activation}, the activation of the last layer, can give.",
        Evidence(OUT_OF_REACH.measured, output.out_of_reach, OUT_OF_REACH, ">"),
    )


def numbers_for_names(output: OutputFacts) -> Misfit | None:
    """Class indices that are learnt as if the class 2 were half of the class 4."""
    data = output.data
    if output.loss not in OF_NUMBERS or data.target_kind != "classes" or _units(output) != 1:
        return None
    if data.label_order is None or data.class_counts is None:
        return None
    counts = [count for count in data.class_counts if count]
    if min(counts) < BALANCE * max(counts) or data.label_order >= LABEL_ORDER:
        return None
    return Misfit(
        f"The targets are the numbers of {len(counts)} classes, about equally frequent and in no "
        f"order, and {_named(output.loss)} learns them as quantities.",
        Evidence(LABEL_ORDER.measured, data.label_order, LABEL_ORDER, "<"),
        LIKELY,
    )


CHECKS: Final[tuple[Check, ...]] = (
    refused,
    single_class,
    labels_out_of_range,
    targets_of_no_probability,
    no_logits,
    no_probabilities,
    bits_for_classes,
    classes_for_bits,
    no_signs,
    no_rates,
    out_of_reach,
    numbers_for_names,
)


# ---- the remedy


def right_pair(output: OutputFacts) -> Remedy:
    """The loss and the last activation that belong to what the targets are."""
    data, units = output.data, _units(output)
    columns = data.target_shape[-1] if data.target_shape else 1
    if output.loss == "poisson":
        return remedies.loss_and_output("poisson", "exponential", columns)
    if data.target_kind == "one_hot":
        return remedies.loss_and_output("categorical_crossentropy", "softmax", columns)
    if data.target_kind == "classes":
        classes = max(units, int(data.target_range[1]) + 1 if data.target_range else 2)
        return remedies.loss_and_output("sparse_categorical_crossentropy", "softmax", classes)
    if data.target_kind == "binary":
        if units == 2 and columns == 1:
            return remedies.loss_and_output("sparse_categorical_crossentropy", "softmax", 2)
        return remedies.loss_and_output("binary_crossentropy", "sigmoid", columns)
    loss = output.loss if output.loss in OF_NUMBERS else "mean_squared_error"
    return remedies.loss_and_output(str(loss), "linear", columns)


# ---- words


def _units(output: OutputFacts) -> int:
    return output.output_shape[-1] if output.output_shape else 1


def _named(loss: str | None) -> str:
    return loss or "The loss"


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) if shape else "one number"


def _compared(what: str, value: float, limit: float) -> Evidence:
    """A number, and on which side of a limit it is."""
    if value == limit:
        return Evidence(what, value)
    return Evidence(what, value, limit, ">" if value > limit else "<")


def _excess(activation: str) -> Evidence:
    """How what an activation gives is more than a probability."""
    lowest, highest = range_of(activation)
    if lowest < 0 and lowest > -math.inf:
        return _compared(f"smallest value of {activation}", lowest, 0.0)
    if 1 < highest < math.inf:
        return _compared(f"greatest value of {activation}", highest, 1.0)
    bounds = math.isfinite(lowest) + math.isfinite(highest)
    return _compared(f"sides on which {activation} is bounded", bounds, 2)


def _seen_through(output: OutputFacts) -> Evidence:
    """How sure a loss can be made by numbers that are no logits."""
    lowest, highest = range_of(output.output_activation)
    if output.loss in OF_BITS:
        if highest == math.inf:
            return _compared("smallest probability that the loss can see", _sigmoid(lowest), 0.0)
        return _compared("greatest probability that the loss can see", _sigmoid(highest), 1.0)
    others = max(_units(output) - 1, 1)
    greatest = 1 / (1 + others * math.exp(lowest - highest))
    if greatest == 1:
        return Evidence("smallest logit that the last layer can give", lowest)
    return _compared("greatest probability that the loss can see", greatest, 1.0)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _ones(output: OutputFacts) -> float:
    """How many ones the targets of an example have on average."""
    low_high = output.data.class_counts
    if low_high is None or len(low_high) != 2 or not sum(low_high):
        return 0.0
    return _units(output) * low_high[1] / sum(low_high)


def _has_several(output: OutputFacts) -> bool:
    return _ones(output) > 1.02
