"""A case as the rules look at it: quantities that several of them need, each computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from glassgrad.lens.doctor.case import (
    Case,
    Course,
    Facts,
    LayerFacts,
    LayerReading,
    ParameterFacts,
    Reading,
)
from glassgrad.lens.doctor.thresholds import AT_REST, GENERALIZES, HALF_LEARNT, HARDLY_LEARNABLE

__all__ = ["HiddenLayer", "View"]

WINDOWS = 100
"""Into how many checks the course of a loss is cut at most."""


@dataclass(frozen=True)
class HiddenLayer:
    """A hidden layer with weights: its facts, its kernel, and what follows it.

    Args:
        facts: of the layer.
        kernel: of the layer.
        activation: what its results go through, in the layer or in one of their own behind it.
        is_normalized: whether a normalisation stands between it and its activation.
    """

    facts: LayerFacts
    kernel: ParameterFacts
    activation: str
    is_normalized: bool

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.facts.name


@dataclass(frozen=True)
class View:
    """What follows from a case by arithmetic alone, without a judgement.

    Args:
        case: what is looked at.
    """

    case: Case

    @property
    def facts(self) -> Facts:
        """Before the first step."""
        return self.case.facts

    @property
    def course(self) -> Course:
        """What the steps reported."""
        return self.case.course

    # ---- readings

    @cached_property
    def first(self) -> Reading | None:
        """The reading before the first step: what it shows is nothing that training did."""
        return next((one for one in self.case.readings if one.step == 0), None)

    @cached_property
    def later(self) -> tuple[Reading, ...]:
        """The readings after the first step."""
        return tuple(one for one in self.case.readings if one.step > 0)

    def layers_in(self, reading: Reading) -> dict[str, LayerReading]:
        """What a reading saw, by the name of the layer."""
        if reading.step not in self._by_layer:
            self._by_layer[reading.step] = {one.layer: one for one in reading.layers}
        return self._by_layer[reading.step]

    @cached_property
    def _by_layer(self) -> dict[int, dict[str, LayerReading]]:
        return {}

    @cached_property
    def hidden(self) -> tuple[HiddenLayer, ...]:
        """The hidden layers with weights, in the order of the forward pass."""
        return tuple(
            HiddenLayer(facts, kernel, *self.what_follows(facts))
            for facts, kernel in self.kernels
            if facts.role == "hidden"
        )

    @cached_property
    def kernels(self) -> tuple[tuple[LayerFacts, ParameterFacts], ...]:
        """The layers with a kernel, each with it."""
        kernels = {one.name: one for one in self.facts.parameters if one.kind == "kernel"}
        pairs = (
            (layer, next((kernels[name] for name in layer.parameters if name in kernels), None))
            for layer in self.facts.layers
        )
        return tuple((layer, kernel) for layer, kernel in pairs if kernel is not None)

    @cached_property
    def followers(self) -> dict[str, LayerFacts]:
        """By the name of a call, the first one that reads its result."""
        return {name: one for one in reversed(self.facts.layers) for name in one.inputs}

    def what_follows(self, layer: LayerFacts) -> tuple[str, bool]:
        """The activation of a layer, and whether a normalisation stands before it."""
        is_normalized = False
        here: LayerFacts | None = layer
        while here is not None and here.activation in (None, "linear"):
            here = self.followers.get(here.name)
            if here is None or here.role not in ("normalization", "activation", "other"):
                break
            is_normalized = is_normalized or here.role == "normalization"
        activation = here.activation if here is not None else None
        return activation or "linear", is_normalized

    # ---- the course of the loss

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """The loss step by step; that of the probe set where the steps report nothing."""
        if len(self.course.loss):
            return self.course.loss
        return np.array([one.loss for one in self.case.readings])

    @cached_property
    def checks(self) -> NDArray[np.float64]:
        """The finite losses as means over equal windows, at most `WINDOWS` of them."""
        losses = self.losses[np.isfinite(self.losses)]
        size = max(1, -(-len(losses) // WINDOWS))
        whole = len(losses) // size * size
        return np.asarray(losses[len(losses) - whole :].reshape(-1, size).mean(axis=1))

    @cached_property
    def early_checks(self) -> NDArray[np.float64]:
        """The finite losses as means over three steps: what single steps have done."""
        losses = self.losses[np.isfinite(self.losses)]
        if len(losses) < 3:
            return losses
        return np.convolve(losses, np.full(3, 1 / 3), "valid")

    @cached_property
    def begin(self) -> int:
        """The step before which this training began: not 0 where weights had been trained."""
        known = [*self.course.steps[:1], *(one.step for one in self.case.readings[:1])]
        return int(min(known, default=0))

    @cached_property
    def steps(self) -> int:
        """How many steps of this training are known."""
        last = int(self.course.steps[-1]) + 1 if len(self.course.steps) else 0
        return max([last, *(one.step for one in self.case.readings)]) - self.begin

    @cached_property
    def share_done(self) -> float:
        """How much of the planned training is done; 0 where no plan is known."""
        if self.facts.steps:
            return min(1.0, self.steps / self.facts.steps)
        return float(self.case.ended)

    @cached_property
    def start(self) -> float | None:
        """The loss before the first step."""
        reading = next(iter(self.case.readings), None)
        known = reading.loss if reading else next(iter(self.losses), None)
        return float(known) if known is not None and np.isfinite(known) else None

    @cached_property
    def now(self) -> float | None:
        """The loss over the last tenth of the course, at least over five steps."""
        losses = self.losses[np.isfinite(self.losses)]
        return float(losses[-max(5, len(losses) // 10) :].mean()) if len(losses) else None

    @cached_property
    def baseline(self) -> float | None:
        """The loss of a network that has learnt nothing: of the best constant prediction.

        For losses of which this is unknown, the loss before the first step.
        """
        known = self.start if self.facts.trivial_loss is None else self.facts.trivial_loss
        return known if known is not None and known > 0 else None

    @cached_property
    def remaining(self) -> float | None:
        """The loss now, without penalties, over that of a network that has learnt nothing."""
        if self.now is None or self.baseline is None:
            return None
        return max(self.now - self.penalty, 0.0) / self.baseline

    @cached_property
    def penalty(self) -> float:
        """What regularisers add to the loss now, if they are of the squares of kernels."""
        penalty = self.facts.penalty
        return penalty * self.growth * self.growth if penalty else 0.0

    @cached_property
    def growth(self) -> float:
        """RMS of a kernel in the latest reading over that in the first one, as median."""
        if len(self.case.readings) < 2:
            return 1.0
        kernels = {
            one.name
            for one in self.facts.parameters
            if one.kind in ("kernel", "recurrent_kernel", "embedding")
        }
        first, last = (
            {one.parameter: one.rms for one in reading.parameters if one.parameter in kernels}
            for reading in (self.case.readings[0], self.case.readings[-1])
        )
        ratios = [last[name] / rms for name, rms in first.items() if rms > 0 and name in last]
        return float(np.median(ratios)) if ratios else 1.0

    @cached_property
    def reference(self) -> float | None:
        """What simple methods keep of a constant prediction's loss on unseen examples."""
        if self.facts.reference_loss is None or self.baseline is None:
            return None
        return self.facts.reference_loss / self.baseline

    @cached_property
    def is_learnable(self) -> bool:
        """Whether simple methods learn something, so that they are a measure for the network."""
        return self.reference is not None and self.reference < HARDLY_LEARNABLE

    @cached_property
    def generalizes(self) -> bool:
        """Whether examples that were held back have been predicted better than by a constant."""
        known = [one.val_loss for one in self.course.epochs if one.val_loss is not None]
        finite = [loss for loss in known if np.isfinite(loss)]
        return bool(finite and self.baseline and min(finite) < GENERALIZES * self.baseline)

    @cached_property
    def excess(self) -> float | None:
        """The share of what simple methods learn from the data that is not learnt: 0 is as good.

        Where nothing is known of simple methods, or they learn nothing, either, the measure is a
        loss that is half of that of a constant prediction; the same holds at least for sequences.
        """
        if self.remaining is None:
            return None
        best = self.reference if self.reference is not None and self.is_learnable else HALF_LEARNT
        best = min(best, HALF_LEARNT) if self.has_order else best
        return (self.remaining - best) / (1 - best)

    @cached_property
    def has_order(self) -> bool:
        """Whether inputs are sequences or names, of which simple methods understand little."""
        return self.facts.data.input_kind == "indices" or any(
            one.role in ("recurrent", "attention") for one in self.facts.layers
        )

    @cached_property
    def lost(self) -> float:
        """The share of what had been learnt that is lost again, beyond the noise of the batches.

        Tenths of the course are compared: the last with the best.
        """
        losses = self.losses[np.isfinite(self.losses)]
        size = len(losses) // 10
        if size < 3 or self.baseline is None:
            return 0.0
        tenths = losses[len(losses) - 10 * size :].reshape(10, size)
        means, errors = tenths.mean(axis=1), tenths.std(axis=1) / np.sqrt(size)
        best = int(np.argmin(means))
        gained = max(self.baseline, means[0]) - means[best]
        rise = means[-1] - means[best] - 3 * np.hypot(errors[-1], errors[best])
        return float(rise / gained) if gained > 0 else 0.0

    @cached_property
    def falls(self) -> tuple[float, float]:
        """By how much the loss fell from the first to the middle, and to the last third of it."""
        third = len(self.checks) // 3
        if third < 3:
            return 0.0, 0.0
        parts = [self.checks[-3 * third :][n * third : (n + 1) * third].mean() for n in range(3)]
        return float(parts[0] - parts[1]), float(parts[1] - parts[2])

    @cached_property
    def pace(self) -> float:
        """By how much the loss would fall in a third as long a training, going on as at the end."""
        sixth = len(self.checks) // 6
        if sixth < 2:
            return self.falls[1]
        before, after = self.checks[-2 * sixth : -sixth].mean(), self.checks[-sixth:].mean()
        return min(self.falls[1], 2 * float(before - after))

    @cached_property
    def is_flat(self) -> bool:
        """Whether the loss has come to rest in the last third of training."""
        if len(self.checks) < 9:
            return False
        return self.falls[1] < AT_REST * (self.baseline or float(self.checks[0]))

    @cached_property
    def is_finite(self) -> bool:
        """Whether every loss and every gradient norm so far is finite."""
        return bool(
            np.isfinite(self.losses).all()
            and np.isfinite(self.course.gradient_norm).all()
            and all(np.isfinite(one.loss) for one in self.case.readings)
        )

    # ---- the size of steps

    @cached_property
    def travelled(self) -> float:
        """The updates of all steps together, over the weights: how far they may have moved."""
        return float(self.update_ratios.sum()) * self.course.stride

    @cached_property
    def update_ratios(self) -> NDArray[np.float64]:
        """Norm of the update over norm of the weights, step by step, where it is finite."""
        return self.course.update_ratio[np.isfinite(self.course.update_ratio)]
