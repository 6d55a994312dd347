"""A scale for the loss that finds itself: as large as gradients allow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

from glassgrad.graph import Tensor, Variable, constant
from glassgrad.ops import equal, minimum, where
from glassgrad.ops.logic import isfinite, logical_and
from glassgrad.optimizers.checks import check_count, check_positive
from glassgrad.optimizers.optimizer import (
    NewValues,
    Optimizer,
    choose,
    register,
    require,
)
from glassgrad.optimizers.pairs import Pairs

__all__ = ["LossScaleOptimizer"]

LARGEST_SCALE = 2.0**127  # half of what float32 can hold; an infinite scale would never come back


@register()
class LossScaleOptimizer(Optimizer):
    """An optimizer whose loss is scaled as far up as its gradients stay finite.

    ``scale_loss`` multiplies the loss by the scale, and ``apply`` divides the gradients by it
    before it hands them to the inner optimizer. Where one of them is not finite, the step is left
    out: no weight, slot or count changes, and the scale is halved. After so many steps in a row
    with finite gradients it is doubled, up to 2^127.

    Args:
        inner_optimizer: what makes the steps; its own ``loss_scale_factor`` is taken away.
        initial_scale: the first scale, above 0; better too large than too small, because it falls
            quickly and rises slowly.
        dynamic_growth_steps: after how many finite steps the scale is doubled, at least 1.
        name: what the optimizer is called; its class in lower case by default.

    Raises:
        ArgumentError: a number is outside its range, or the inner optimizer is unknown.

    Example:
        >>> from glassgrad import Variable
        >>> from glassgrad.optimizers import SGD
        >>> w = Variable([1.0])
        >>> optimizer = LossScaleOptimizer(SGD(0.5), initial_scale=8.0)
        >>> optimizer.apply([[8.0]], [w])
        >>> optimizer.apply([[float("inf")]], [w])
        >>> w.numpy(), float(optimizer.dynamic_scale)
        (array([0.5], dtype=float32), 4.0)

    Source: Micikevicius et al., "Mixed precision training", 2018.
    """

    def __init__(
        self,
        inner_optimizer: Optimizer | Mapping[str, Any] | str,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
    ) -> None:
        super().__init__(0.0, name=name)
        self.inner_optimizer = require(inner_optimizer)
        self.inner_optimizer.loss_scale_factor = None
        self.initial_scale = min(check_positive("initial_scale", initial_scale), LARGEST_SCALE)
        self.dynamic_growth_steps = check_count("dynamic_growth_steps", dynamic_growth_steps, 1)
        self.step_counter = Variable(0, name="step_counter", trainable=False, dtype="int64")
        self.dynamic_scale = Variable(
            self.initial_scale, name="dynamic_scale", trainable=False, dtype="float32"
        )

    # ---- state, which is that of the inner optimizer

    @property
    def learning_rate(self) -> Variable | Tensor:
        """That of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self) -> Variable | Tensor:
        """How many updates the inner optimizer has made."""
        return self.inner_optimizer.iterations

    def build(self, variables: Iterable[Variable]) -> None:
        """Let the inner optimizer get ready for variables."""
        self.inner_optimizer.build(variables)

    def standing_in(self, others: Mapping[Variable, Variable]) -> Optimizer:
        """The inner optimizer for other variables; the scale stays out of what it does."""
        return self.inner_optimizer.standing_in(others)

    def slots_of(self, variable: Variable) -> dict[str, Variable]:
        """What the inner optimizer keeps for a variable."""
        return self.inner_optimizer.slots_of(variable)

    @property
    def built_for(self) -> list[Variable]:
        """The variables that the inner optimizer has met, in this order."""
        return self.inner_optimizer.built_for

    @property
    def variables(self) -> list[Variable]:
        """The scale, and what the inner optimizer keeps."""
        return [self.step_counter, self.dynamic_scale, *self.inner_optimizer.variables]

    def exclude_from_weight_decay(
        self,
        var_list: Iterable[Variable] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        """Let the inner optimizer exclude some weights."""
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Put the inner optimizer's averages in the place of weights, if it keeps some."""
        self.inner_optimizer.finalize_variable_values(var_list)

    # ---- a step

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss whose gradients ``apply`` expects: multiplied by the scale."""
        return loss * self.dynamic_scale.cast(loss.dtype)

    def new_values(self, pairs: Pairs, variables: Sequence[Variable]) -> NewValues:
        """Those of the inner optimizer, unless a gradient is not finite; and those of the scale."""
        scale, steps = self.dynamic_scale.tensor, self.step_counter + 1
        finite = _all_finite([gradient for gradient, _ in pairs])
        unscaled = self._unscaled(pairs)
        new = choose(finite, self.inner_optimizer.new_values(unscaled, variables))
        grows = equal(steps, self.dynamic_growth_steps)
        larger = where(grows, minimum(scale * 2.0, LARGEST_SCALE), scale)
        return new | {
            self.dynamic_scale: where(finite, larger, scale * 0.5),
            self.step_counter: where(finite, where(grows, 0, steps), 0),
        }

    def _unscaled(self, pairs: Pairs) -> Pairs:
        """The pairs, with gradients of the loss as it was before it was scaled."""
        scale = self.dynamic_scale.tensor
        return [(gradient / scale.cast(gradient.dtype), one) for gradient, one in pairs]


def _all_finite(gradients: Sequence[Tensor]) -> Tensor:
    """Whether every element of all gradients is finite."""
    each = [where(isfinite(one), 0.0, constant(1.0, one.dtype)).sum() for one in gradients]
    return reduce(logical_and, [equal(count, 0.0) for count in each], constant(True))
