"""Visits of a training: what a fixed set of examples makes of the network just now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, NotBuiltError, shown
from glassgrad.execute.executor import Program
from glassgrad.graph import Tensor, placeholder
from glassgrad.graph.trees import leaves_of, rebuild
from glassgrad.lens.doctor.case import Reading
from glassgrad.lens.doctor.probe_graph import Looks, looks_at
from glassgrad.lens.doctor.probe_reading import Parameter, Visit, parameters_of, reading_of
from glassgrad.lens.doctor.probe_set import probe_set
from glassgrad.lens.doctor.probe_work import interval_between, operations, work_of_visit
from glassgrad.models import Model
from glassgrad.training.data import as_data

__all__ = ["Probe", "interval", "probe_set"]


class Probe:
    """A program without updates that looks at a network in training, over a fixed probe set.

    Args:
        model: compiled.
        x: the inputs of the probe set, as ``fit`` takes them.
        y: its targets.
        sample_weight: how much each example counts.

    Raises:
        NotBuiltError: the model is not compiled.
        DataError, ShapeError, DtypeError: the data do not fit the model or its loss.

    Example:
        >>> from glassgrad.layers import Dense, Input
        >>> from glassgrad.models import Sequential
        >>> model = Sequential([Input((1,)), Dense(1, kernel_initializer="ones", name="out")])
        >>> model.compile("sgd", "mse", executor="reference")
        >>> reading = Probe(model, [[1.0], [3.0]], [[0.0], [0.0]]).read(0)
        >>> reading.loss, reading.layers[0].layer, reading.parameters[0].gradient_rms
        (5.0, 'out', 10.0)
    """

    def __init__(self, model: Model, x: Any, y: Any = None, sample_weight: Any = None) -> None:
        if not isinstance(model, Model):
            raise ArgumentError(f"What is probed is a compiled model. Got {shown(model)}.")
        if not model.is_compiled:
            raise NotBuiltError(
                f"Model {model.name!r} has no loss yet. First: model.compile(optimizer, loss)."
            )
        self.model = model
        data = as_data(x, y, sample_weight, model.dtype)
        self._batch = model.steps.checked(data, training=True).first()
        _, y, _ = rebuild(self._batch.structure, self._batch.arrays)
        self._targets = next(iter(leaves_of(y)), None)
        self._made: dict[object, _Made] = {}

    def read(self, step: int) -> Reading:
        """Look at the network as it is now; nothing is changed by it.

        Args:
            step: how many steps of training came before, to be noted.
        """
        made = self._made_now()
        found = made.program.run(self._batch.arrays)
        values = {t.key: a for t, a in zip(made.tensors, found, strict=True)}
        with np.errstate(all="ignore"):
            return reading_of(step, made.parameters, Visit(made.looks, values, self._targets))

    @property
    def flop(self) -> int:
        """What a visit costs, in operations: those of its graph, and what looking takes."""
        return work_of_visit(self._made_now().tensors)

    def training_flop(self, batch_size: int) -> float:
        """What a step of training costs, in operations: as much for each example as here.

        Args:
            batch_size: examples of a step.
        """
        return operations(self._made_now().tensors) * batch_size / len(self._batch)

    def _made_now(self) -> _Made:
        """The program for the layers that are not frozen now."""
        key = self.model.steps.executor, self.model.trainability()
        if key not in self._made:
            self._made = {key: self._make()}
        return self._made[key]

    def _make(self) -> _Made:
        batch = self._batch
        places = [placeholder(array.shape, array.dtype) for array in batch.arrays]
        looks = looks_at(self.model, *rebuild(batch.structure, places))
        tensors = looks.tensors()
        parameters = parameters_of(self.model) if looks.calls else []
        return _Made(looks, parameters, tensors, self.model.steps.executor.compile(tensors, places))


def interval(probe: Probe, training_flop: float, share: float = 0.01) -> int:
    """How many steps of training there are to be from one visit to the next.

    It follows from operations that are counted, so that runs can be repeated, and not from time.

    Args:
        probe: whose visits they are.
        training_flop: what a step of training costs, see ``Probe.training_flop``.
        share: the part of training's operations that visits may cost, above 0.

    Raises:
        ArgumentError: the share is not above 0.
    """
    return interval_between(probe.flop, training_flop, share)


@dataclass(frozen=True, eq=False)
class _Made:
    """What is looked at, and the program that computes it."""

    looks: Looks
    parameters: list[Parameter]
    tensors: list[Tensor]
    program: Program
