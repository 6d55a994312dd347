"""Looking on while a module of PyTorch learns in a training loop of the user's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, ExecutionError
from glassgrad.lens.doctor.case import Case, Epoch, Facts, ParameterReading, Reading
from glassgrad.lens.doctor.diagnosis import diagnose
from glassgrad.lens.doctor.finding import Finding, joined
from glassgrad.lens.doctor.probe_statistics import rms, spread, unit_norms, unit_ratio
from glassgrad.lens.doctor.pytorch.facts import facts_of_module, parameter_facts
from glassgrad.lens.doctor.pytorch.listening import Arguments, listener
from glassgrad.lens.doctor.pytorch.tensors import as_array
from glassgrad.lens.doctor.pytorch.visit import Visit
from glassgrad.lens.doctor.pytorch.vocabulary import LOSSES
from glassgrad.lens.doctor.visits import Visits
from glassgrad.training.callbacks.callback import say

__all__ = ["Watcher", "watch"]

FIRST_STEPS = 100  # which are all heard; afterwards those that are multiples of
EVERY = 25
FIRST_VISITS = 16  # steps between them; later twice as many each time, up to
MOST_STEPS_BETWEEN = 400  # two visits, each of which costs about three steps
FLOOR = 1e-3  # under the RMS of weights that an update is compared with


@checked
def watch(module: Any, optimizer: Any, *, steps: int | None = None, verbose: int = 0) -> Watcher:
    """Look on while a module of PyTorch learns, and find out why it does not.

    The training loop stays as it is: hooks of the module and of the optimizer tell of its steps. Of
    the first hundred steps, and then of every 25th, loss, gradient norm and update ratio are
    measured; now and then a step is heard function by function, with the gradients of layers, the
    silent and saturated units, the gradients over time and attention.

    Args:
        module: the ``torch.nn.Module`` that the loop calls.
        optimizer: the ``torch.optim.Optimizer`` whose ``step`` it calls.
        steps: how many steps are planned, where that is known.
        verbose: 1 says what was found as soon as it is.

    Returns:
        A watcher: ``findings`` has what was found, ``close()`` ends it.

    Raises:
        ExecutionError: PyTorch is not installed.
        ArgumentError: these are no module and optimizer.

    Example:
        >>> import torch
        >>> module = torch.nn.Linear(4, 1)
        >>> optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        >>> x = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
        >>> with watch(module, optimizer) as watcher:
        ...     for _ in range(100):
        ...         loss = torch.nn.functional.mse_loss(module(x), x[:, :1])
        ...         optimizer.zero_grad()
        ...         loss.backward()
        ...         optimizer.step()
        >>> watcher.findings
        []
    """
    try:
        import torch
    except ImportError as error:
        raise ExecutionError(
            "To watch a module, PyTorch is needed: pip install 'glassgrad[torch]'."
        ) from error
    if not isinstance(module, torch.nn.Module):
        raise ArgumentError(f"What is watched is a torch.nn.Module. Got {module!r}.")
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ArgumentError(f"optimizer must be a torch.optim.Optimizer. Got {optimizer!r}.")
    if steps is not None and steps < 1:
        raise ArgumentError(f"steps must be at least 1. Got {steps!r}.")
    return Watcher(module, optimizer, steps, verbose)


class Watcher(AbstractContextManager["Watcher", None]):
    """What ``watch`` gives: it looks on until it is closed.

    Attributes:
        case: everything that was measured; ``None`` before the first step.
    """

    def __init__(self, module: Any, optimizer: Any, steps: int | None, verbose: int) -> None:
        self.case: Case | None = None
        self._module, self._optimizer = module, optimizer
        self._planned, self._verbose = steps, verbose
        self._names = {id(one): name for name, one in module.named_parameters()}
        self._visits = Visits(MOST_STEPS_BETWEEN if steps else FIRST_VISITS, 0, steps)
        self._found: list[Finding] = []
        self._rows: list[tuple[int, float, float, float]] = []  # not yet in the course
        self._step, self._loss = 0, math.nan
        self._visit: Visit | None = None
        self._ear: _Ear | None = None
        self._listener = listener(lambda: self._ear)
        self._is_listening = False
        self._before: list[tuple[Any, Any]] = []
        self._handles = [
            module.register_forward_pre_hook(self._on_forward, with_kwargs=True),
            module.register_forward_hook(self._after_forward),
            optimizer.register_step_pre_hook(self._before_step),
            optimizer.register_step_post_hook(self._after_step),
        ]

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop looking on; what was found stays."""
        self._stop_listening()
        for handle in self._handles:
            handle.remove()
        self._handles = []

    @property
    def findings(self) -> list[Finding]:
        """What was found in the steps until now, causes before their consequences."""
        if self.case is not None:
            self._examine(ended=True)
        return [*self._found]

    def epoch(self, loss: float, val_loss: float | None = None) -> None:
        """Tell of the end of an epoch, so that overfitting can be seen.

        Args:
            loss: the mean loss of training.
            val_loss: that of validation.
        """
        if self.case is not None:
            epochs = self.case.course.epochs
            of_validation = None if val_loss is None else float(val_loss)
            epochs.append(Epoch(len(epochs), self._step, float(loss), of_validation))

    # ---- the way there: which functions are heard

    def _on_forward(self, module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._stop_listening()
        if not _learns(module):
            return
        if self._visit is None and (self.case is None or self._visits.is_due(self._step)):
            self._visit = Visit(self._step, self._names)
            given = [one for one in [*args, *kwargs.values()] if hasattr(one, "detach")]
            self._visit.inputs = [as_array(one) for one in given[:1]]
            self._listen(self._visit)

    def _after_forward(self, module: Any, args: Sequence[Any], output: Any) -> None:
        if self._is_heard and not self._is_listening and _learns(module):
            self._listen(None)

    @property
    def _is_heard(self) -> bool:
        return self._step < FIRST_STEPS or self._step % EVERY == 0

    def _listen(self, visit: Visit | None) -> None:
        self._ear = _Ear(visit, self._hear_loss)
        self._listener.__enter__()
        self._is_listening = True

    def _hear_loss(self, loss: Any, is_certain: bool) -> None:
        """A loss was computed; or, which is certain, the way back begins there."""
        if loss.numel() == 1:
            self._loss = float(loss.detach())
        if is_certain:
            self._ear = None  # whatever is called from now on is of no interest

    def _stop_listening(self) -> None:
        self._ear = None
        if self._is_listening:
            self._listener.__exit__(None, None, None)
            self._is_listening = False

    # ---- the step: what has come back, and what became of the weights

    def _before_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        self._stop_listening()
        if self._visit is not None or self._is_heard:
            learning = (one for one in self._module.parameters() if one.grad is not None)
            self._before = [(one, one.detach().clone()) for one in learning]
        if self._visit is not None and self.case is None:
            self._parameters = parameter_facts(self._module, self._visit.heard)

    def _after_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        visit, before = self._visit, self._before
        self._visit, self._before = None, []
        if before:
            self._rows.append((self._step, self._loss, *_sizes_of(before)))
        if visit is not None:
            self._take(visit, before)
        self._step, self._loss = self._step + 1, math.nan
        if visit is not None:
            self._announce(self._examine(ended=False))

    def _take(self, visit: Visit, before: Sequence[tuple[Any, Any]]) -> None:
        """Add a visit to the case; the first one brings the facts."""
        if self.case is None:
            self.case = Case(self._facts(visit, {id(one) for one, _ in before}))
        reading = Reading(
            visit.step,
            self._loss,
            tuple(one.reading() for one in visit.heard),
            tuple(self._parameter_readings(before)),
            visit.recurrence_readings(),
            tuple(visit.attentions),
            output_deviation=_output_deviation(visit),
        )
        self.case.add(reading)
        if self._planned is None:
            self._visits.interval = min(2 * self._visits.interval, MOST_STEPS_BETWEEN)

    def _facts(self, visit: Visit, reached: set[int]) -> Facts:
        names = {self._names[one] for one in reached if one in self._names}
        parameters = [replace(one, reached=one.name in names) for one in self._parameters]
        return facts_of_module(self._module, visit, parameters, self._optimizer, self._planned)

    def _parameter_readings(self, before: Sequence[tuple[Any, Any]]) -> Iterator[ParameterReading]:
        for parameter, weights in before:
            axes = (0,) if parameter.ndim > 1 else ()
            values, gradient = as_array(weights), as_array(parameter.grad)
            norms = unit_norms(gradient, axes)
            yield ParameterReading(
                self._names.get(id(parameter), "?"),
                rms(values),
                rms(gradient),
                rms(as_array(parameter) - values),
                unit_ratio(norms, unit_norms(values, axes)),
                zero=not norms.any(),
                zero_units=float((norms == 0).mean()) if axes else float((gradient == 0).mean()),
            )

    # ---- what follows from it

    def _examine(self, *, ended: bool) -> list[Finding]:
        """What is new."""
        assert self.case is not None
        if self._rows:
            self.case.course.extend(*map(np.array, zip(*self._rows, strict=True)))
            self._rows = []
        self.case.ended = ended
        known = {one.code for one in self._found}
        with np.errstate(all="ignore"):
            found = diagnose(self.case)
        self._found = joined(found, self._found)
        return [one for one in found if one.code not in known]

    def _announce(self, news: Sequence[Finding]) -> None:
        if self._verbose:
            for finding in news:
                say(f"doctor: {finding.headline}")


@dataclass
class _Ear:
    """Hears a visit, if there is one, and where the way back begins."""

    visit: Visit | None
    hear_loss: Callable[[Any, bool], None]

    def before(self, name: str, arguments: Arguments, settings: Mapping[str, Any]) -> None:
        if name == "backward":
            self.hear_loss(arguments[0], True)
        elif self.visit is not None:
            self.visit.before(name, arguments, settings)

    def after(
        self, name: str, arguments: Arguments, settings: Mapping[str, Any], result: Any
    ) -> None:
        if name in LOSSES and hasattr(result, "detach"):
            self.hear_loss(result, False)
        if self.visit is not None and name != "backward":
            self.visit.after(name, arguments, settings, result)


def _learns(module: Any) -> bool:
    import torch

    return bool(module.training and torch.is_grad_enabled())


def _sizes_of(before: Sequence[tuple[Any, Any]]) -> tuple[float, float]:
    """The norm of all gradients, and that of the update over that of the weights."""
    import torch

    weights = [old for _, old in before]
    updates = [one.detach() - old for one, old in before]
    gradients = [one.grad for one, _ in before]
    gradient, update, size = (
        float(torch.nn.utils.get_total_norm(one)) for one in (gradients, updates, weights)
    )
    floor = FLOOR * math.sqrt(sum(one.numel() for one in weights))
    return gradient, update / max(size, floor)


def _output_deviation(visit: Visit) -> float | None:
    return None if visit.loss is None else spread(visit.loss.predictions).of_units
