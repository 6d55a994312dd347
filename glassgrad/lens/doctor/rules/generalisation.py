"""Networks that learn by heart, and networks that cannot learn what the data hold."""

from __future__ import annotations

import math
from collections.abc import Iterator

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.case import Epoch
from glassgrad.lens.doctor.finding import Evidence, Finding
from glassgrad.lens.doctor.harm import Harm
from glassgrad.lens.doctor.thresholds import (
    FAR,
    LEARNT_POORLY,
    OVERFIT_EPOCHS,
    OVERFIT_GAP,
    OVERFIT_LOSS,
)
from glassgrad.lens.doctor.view import View

__all__ = ["overfitting", "underfitting"]

FEWEST_EPOCHS = 3
"""How often every example has to have been seen before a network is said to fit them badly."""

LONG_ENOUGH = 10
"""After how many epochs a network that is still far behind is not just on its way."""


def overfitting(view: View, harm: Harm) -> Iterator[Finding]:
    """Validation has been past its best for epochs, and has lost a good part of what it gained.

    Only a training that has come to its planned end is judged: one that was ended before has been
    stopped by somebody who looked at the validation loss.
    """
    judged = [one for one in view.course.epochs if is_judged(one)]
    if not view.case.ended or view.share_done < 1 or not judged:
        return
    best, last = min(judged, key=validation_loss), judged[-1]
    since = last.number - best.number
    settled = min(map(validation_loss, judged[-max(int(OVERFIT_EPOCHS), len(judged) // 10) :]))
    gap = (settled - last.loss) / max(abs(last.loss), 1e-12)
    lost = lost_share(view, validation_loss(best), settled)
    if since < OVERFIT_EPOCHS or gap <= OVERFIT_GAP or lost <= OVERFIT_LOSS:
        return
    best_loss, last_loss = validation_loss(best), validation_loss(last)
    yield Finding(
        "overfitting",
        f"The validation loss was at its best after epoch {best.number + 1} ({best_loss:.3g}); "
        f"since then it has risen to {last_loss:.3g}, while the training loss fell to "
        f"{last.loss:.3g}.",
        (
            Evidence(OVERFIT_EPOCHS.measured, since, OVERFIT_EPOCHS, ">", best.step),
            Evidence(OVERFIT_GAP.measured, gap, OVERFIT_GAP, ">", last.step),
            Evidence(OVERFIT_LOSS.measured, lost, OVERFIT_LOSS, ">", last.step),
        ),
        (
            remedies.early_stopping(),
            remedies.regularization(),
            remedies.look_at_data(),
        ),
        None,
        best.step,
        0.9,
    )


def validation_loss(epoch: Epoch) -> float:
    """The loss of the examples that were held back; infinite where there were none."""
    return math.inf if epoch.val_loss is None else epoch.val_loss


def is_judged(epoch: Epoch) -> bool:
    """Whether an epoch has a validation loss that is a number."""
    return epoch.val_loss is not None and math.isfinite(epoch.val_loss)


def lost_share(view: View, best: float, last: float) -> float:
    """How much of what the validation loss had gained over a constant prediction is lost again."""
    gained = (view.baseline or 0.0) - best
    return (last - best) / gained if gained > 0 else math.inf


def underfitting(view: View, harm: Harm) -> Iterator[Finding]:
    """The loss ends high although nothing hinders the gradients.

    A network that has not moved far yet, or that will get there at its pace, only needs more time.
    """
    is_judged = view.case.ended and harm in (Harm.POOR, Harm.NOTHING) and view.is_learnable
    has_begun = not view.course.epochs or len(view.course.epochs) >= FEWEST_EPOCHS
    if not (is_judged and has_begun) or view.travelled < FAR or is_on_its_way(view):
        return
    yield Finding(
        "underfitting",
        f"The training loss ends at {view.remaining:.0%} of that of a constant prediction, far "
        "above what simple methods reach on examples that they have not seen, although gradients "
        "and steps are of a usual size: the network is too small, or held down.",
        (Evidence(LEARNT_POORLY.measured, view.excess or 0.0, LEARNT_POORLY, ">", view.steps),),
        (remedies.more_units(), remedies.longer_training()),
        None,
        view.steps,
        0.5,
    )


def is_on_its_way(view: View) -> bool:
    """Whether further training would bring it to what simple methods reach.

    At its latest pace, in three times as much training again; after many epochs, in as
    much again. A loss of which too little is known counts as on its way.
    """
    if view.now is None or view.reference is None or view.baseline is None or not any(view.falls):
        return True
    thirds = 3 if len(view.course.epochs) >= LONG_ENOUGH else 9
    return thirds * view.pace > view.now - view.penalty - view.reference * view.baseline
