"""Parameters whose gradient is exactly zero."""

from __future__ import annotations

from collections.abc import Iterator

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.finding import Evidence, Finding
from glassgrad.lens.doctor.harm import Harm
from glassgrad.lens.doctor.view import View

__all__ = ["frozen_parameters"]


def frozen_parameters(view: View, harm: Harm) -> Iterator[Finding]:
    """A trainable kernel whose gradient is exactly zero in every reading.

    One reading would not do: behind an output layer that begins at zero, every gradient is zero
    in the first step, by design.
    """
    if not harm or not view.first or not view.later:
        return
    kernels = {
        one.name: one
        for one in view.facts.parameters
        if one.kind in ("kernel", "recurrent_kernel") and one.trainable and one.reached
    }
    always = set(kernels)
    for reading in view.case.readings:
        always &= {one.parameter for one in reading.parameters if one.zero}
    if not always:
        return
    telling = next(one for name, one in kernels.items() if name in always)
    yield Finding(
        "frozen_parameters",
        f"The gradient of {telling.name} is exactly 0 for all examples, before training and "
        f"after {view.later[-1].step} steps: the loss does not reach it.",
        (Evidence("kernels with a gradient of exactly 0", len(always), 0, ">", 0),),
        (remedies.connect(telling.layer), remedies.thaw(telling.layer)),
        telling.layer,
        0,
        0.8,
    )
