"""Where a number becomes an alarm: every threshold of the doctor, with its source.

Sources: AutoTrainer (Zhang et al., ICSE 2021), TheDeepChecker (Ben Braiek and Khomh, 2022),
SageMaker Debugger's built-in rules, "maths" for what follows from arithmetic, and "ours" for
choices of this project, which benchmarks/faults has to defend.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TABLE", "Threshold"]

#: Every threshold by what it limits.
TABLE: Final[dict[str, Threshold]] = {}


class Threshold(float):
    """A number with what it limits and where it comes from; it calculates as a number.

    Args:
        value: the number.
        quantity: what it limits, in words, and behind a colon what lies beyond it.
        source: who found it, or how it follows.

    Example:
        >>> limit = Threshold(0.1, "update over weights: too large", "TheDeepChecker")
        >>> 0.3 > limit, limit.measured, limit.source
        (True, 'update over weights', 'TheDeepChecker')
    """

    quantity: str
    source: str

    def __new__(cls, value: float, quantity: str, source: str) -> Threshold:
        """A threshold."""
        made = super().__new__(cls, value)
        made.quantity, made.source = quantity, source
        return made

    @property
    def measured(self) -> str:
        """What is measured, without what the number means beyond the threshold."""
        return self.quantity.partition(": ")[0]


def limit(value: float, quantity: str, source: str) -> Threshold:
    """A row of the table."""
    TABLE[quantity] = Threshold(value, quantity, source)
    return TABLE[quantity]


# ---- gradients on the way back

VANISHING = limit(1e-3, "RMS of dL/dz, first hidden layer over last: vanishing", "AutoTrainer")
EXPLODING = limit(70, "RMS of dL/dz, first hidden layer over last: exploding", "AutoTrainer")
RECURRENT_VANISHING = limit(
    5e-3, "RMS of dL/dh, first time step over last: vanishing", "maths: 0.9 ** 50"
)
GATED_VANISHING = limit(
    1e-10, "RMS of dL/dh of gated layers, first time step over last: vanishing", "ours"
)
RECURRENT_EXPLODING = limit(
    117, "RMS of dL/dh, first time step over last: exploding", "maths: 1.1 ** 50"
)

# ---- units

SILENT = limit(0.5, "fraction of a layer's units that never fire", "SageMaker Debugger")
SATURATED = limit(0.5, "fraction of a layer's units at the ends of their activation", "ours")

ALL_STUCK = limit(0.9, "fraction of units that are stuck from the first step on", "ours")

# ---- the start

VARIANCE_RATIO = limit(
    10, "variance of pre-activations, largest over smallest layer", "SageMaker Debugger"
)
BLOWN_UP = limit(5, "loss before the first step over that of a constant prediction", "ours")
KERNEL_GAIN = limit(
    4, "fan-in times mean square of a kernel over what its activation wants, or below", "ours"
)
DEVIATION_RATIO = limit(100, "standard deviation of features, largest over smallest", "ours")
INPUT_RMS = limit(10, "root mean square of the inputs", "ours")
TINY_INPUT_RMS = limit(1e-2, "root mean square of the inputs: next to nothing", "ours")

# ---- the size of steps

UPDATE_TOO_LARGE = limit(0.1, "update over weights: too large", "TheDeepChecker")
UPDATE_LARGE = limit(0.02, "update over weights: large, where it has done damage", "ours")
JUMP = limit(2, "highest loss over that before the first step", "ours")
GROWTH = limit(5, "RMS of a kernel now over that before the first step", "ours")
UPDATE_SLOW = limit(5e-4, "update over weights: small, where the loss falls straight", "ours")
STRAIGHT = limit(0.5, "fall of the loss in the last third over that in the one before", "ours")
RESTS_HIGH = limit(0.4, "loss at rest over that of a constant, after large steps", "ours")
UPDATE_TOO_SMALL = limit(1e-4, "update over weights: too small", "TheDeepChecker")
UPDATE_USUAL = limit(1e-3, "update over weights: of a usual size", "CS231n")

FAR = limit(0.5, "updates of all steps together, over weights: far enough to be judged", "ours")
TRAVELLED = limit(0.1, "updates of all steps together, over weights: hardly moved", "ours")

# ---- the course of the loss

FEWEST_STEPS = limit(20, "steps after which a loss says what it will become", "ours")
PATIENCE = limit(0.5, "share of the planned training after which something is learnt", "ours")
AT_REST = limit(
    0.05, "fall of the loss in a third of its course over that of a constant: at rest", "ours"
)
LEARNT_NOTHING = limit(0.9, "loss over that of the best constant prediction: nothing", "ours")
STILL_NOTHING = limit(
    0.97, "loss over that of the best constant prediction, on the way: nothing", "ours"
)
LEARNT_POORLY = limit(
    0.2, "share of what simple methods learn from the data that is not learnt", "ours"
)
LOST_AGAIN = limit(0.3, "share of what was learnt that is lost again", "ours")
DIVERGED = limit(2, "loss over its best", "TheDeepChecker")
DIRECTION_CHANGES = limit(0.5, "fraction of checks at which the loss turns round", "TheDeepChecker")
NOT_DECREASING = limit(1e-3, "fall of the loss in 10 checks", "SageMaker Debugger")
OVERFIT_GAP = limit(0.1, "(validation - training) / training", "SageMaker Debugger")
OVERFIT_EPOCHS = limit(3, "epochs since the best validation", "ours")
OVERFIT_LOSS = limit(0.1, "share of the validation's gain over a constant that is lost", "ours")

HARDLY_LEARNABLE = limit(
    0.9, "loss of simple methods on unseen examples over that of a constant: no measure", "ours"
)
HALF_LEARNT = limit(
    0.5, "loss over that of a constant that is good, where simple methods are no measure", "ours"
)
GENERALIZES = limit(0.95, "validation loss over that of a constant: learnt, not by heart", "ours")
UNLEARNABLE = limit(
    0.97, "loss of simple methods on unseen examples over that of a constant: none learns", "ours"
)
BY_HEART = limit(
    0.5, "loss over that of a constant, where no simple method learns: by heart", "ours"
)
ORDER_BY_HEART = limit(0.8, "the same for sequences, whose order simple methods miss", "ours")

# ---- attention

ATTENTION_ALIKE = limit(0.99, "entropy of attention over ln T: all alike", "ours")
ATTENTION_ONE_HOT = limit(0.05, "entropy of attention over ln T: all on one place", "ours")

# ---- the learning rate before the first step

STEP_OVER_WEIGHTS = limit(5, "learning rate of an Adam over RMS of the hidden kernels", "ours")
WAY_OVER_WEIGHTS = limit(
    1e-3, "learning rate of an Adam times steps over RMS of the hidden kernels", "ours"
)

# ---- outputs and targets

OUT_OF_REACH = limit(
    0.05, "part of the targets' variance out of the last activation's reach", "ours"
)
LABEL_ORDER = limit(
    0.35, "correlation of the distance of classes with the difference of their numbers", "ours"
)
