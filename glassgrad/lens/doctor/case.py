"""What is known of a training: facts before the first step, its course, readings on the way.

The doctor's rules see nothing else, so that a network of this package and a module of PyTorch are
judged by the same rules. Whatever is not known is ``None``; a rule that needs it keeps silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.lens.doctor.bad_value import BadValue

__all__ = [
    "AttentionReading",
    "Case",
    "Course",
    "DataFacts",
    "Epoch",
    "Facts",
    "LayerFacts",
    "LayerReading",
    "OutputFacts",
    "ParameterFacts",
    "ParameterReading",
    "Reading",
    "RecurrenceReading",
]

MOST_STEPS = 8_192  # of a course
MOST_READINGS, FIRST_READINGS = 128, 16


# ---- before the first step


@dataclass(frozen=True)
class ParameterFacts:
    """A parameter as it is before the first step.

    Args:
        name: its name, "hidden/kernel"; unique within the model.
        layer: the name of its layer.
        kind: "kernel", "recurrent_kernel", "bias", "embedding", "gain", "shift" or "other".
        shape: as it is stored.
        fan_in: inputs of a unit, for kernels.
        fan_out: outputs that an input has, for kernels.
        rms: root of the mean square of its elements.
        trainable: whether it may learn.
        identical_units: whether all units of a kernel begin with equal weights.
        reached: whether the loss depends on it at all, as a graph.
        initializer: the name of what made it, "glorot_uniform"; ``None`` where that is unknown.
        constant: whether all its elements begin equal.
    """

    name: str
    layer: str
    kind: str
    shape: tuple[int, ...]
    fan_in: int | None = None
    fan_out: int | None = None
    rms: float = 0.0
    trainable: bool = True
    identical_units: bool = False
    reached: bool = True
    initializer: str | None = None
    constant: bool = False


@dataclass(frozen=True)
class LayerFacts:
    """One call of a layer that holds no other layers, in the order of the forward pass.

    Args:
        name: the layer's name, with those of the models around it: "encoder/dense_1".
        kind: its class, by Keras's name: "Dense", "Conv2D", "LSTM", "BatchNormalization".
        activation: the element-wise function at its end, by Keras's name; ``None`` without one.
            A layer that does nothing else ("Activation", "ReLU") has it, too.
        role: "hidden", "output" (behind it comes the loss, or a last activation alone),
            "normalization", "activation", "recurrent", "attention", "embedding" or "other".
        units: the size of its last axis, or of its channels.
        inputs: names of the calls whose results enter; empty for the data.
        parameters: names of its parameters.
        trainable: whether the layer may learn.
        positions: how many places share its units: pixels, time steps.
    """

    name: str
    kind: str
    activation: str | None = None
    role: str = "other"
    units: int = 1
    inputs: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    trainable: bool = True
    positions: int = 1


@dataclass(frozen=True)
class DataFacts:
    """What the data are like, from a sample of the training data.

    Args:
        examples: how many there are for training.
        input_shape: of one example; of the first input where there are several.
        input_kind: "real", or "indices" (tokens, categories).
        input_rms: root mean square of all inputs, as they enter the network.
        feature_deviations: smallest and largest standard deviation of a feature (of a channel
            for images) among those that are not constant. Of features that mostly have one
            value, such as pixels at the border, it is taken over the other values.
        target_kind: "classes" (whole numbers), "one_hot", "binary" (0 and 1), "real".
        target_shape: of one example.
        target_range: smallest and largest value.
        class_counts: how often each class comes in the sample, by class, for classes, one-hot
            and binary targets.
        finite: whether inputs and targets are all finite.
        bad_numbers: how many of them are not.
        sees_all_targets: whether range and counts are those of all targets, and not of a sample.
        label_order: how far classes with neighbouring numbers are alike, as correlation of
            |i - j| with the distance of their mean inputs: near 1 for grades and counts, near 0
            where the numbers are but names.
    """

    examples: int
    input_shape: tuple[int, ...]
    input_kind: str = "real"
    input_rms: float | None = None
    feature_deviations: tuple[float, float] | None = None
    target_kind: str | None = None
    target_shape: tuple[int, ...] = ()
    target_range: tuple[float, float] | None = None
    class_counts: tuple[int, ...] | None = None
    finite: bool = True
    bad_numbers: int = 0
    sees_all_targets: bool = True
    label_order: float | None = None


@dataclass(frozen=True)
class OutputFacts:
    """One output of a network, with what it is compared with.

    Args:
        data: what its targets are like; of the inputs it says what ``Facts.data`` says.
        loss, from_logits, output_activation, output_shape: as in ``Facts``.
        layer: the name of the last layer with weights, where there is one.
        out_of_reach: the part of the targets' variance that no output of the last activation can
            give: the mean square of their distance to its range, over their variance.
        refusal: why the loss cannot be computed of this output and its targets, as it says so.
    """

    data: DataFacts
    loss: str | None = None
    from_logits: bool = False
    output_activation: str = "linear"
    output_shape: tuple[int, ...] = ()
    layer: str | None = None
    out_of_reach: float = 0.0
    refusal: str | None = None


@dataclass(frozen=True)
class Facts:
    """Everything that is known before the first step.

    Args:
        model: its name.
        layers: calls of layers, in the order of the forward pass.
        parameters: all of them.
        data: what is known of the data.
        loss: by Keras's name, "sparse_categorical_crossentropy"; ``None`` for one's own.
        from_logits: whether a cross-entropy expects logits.
        output_activation: the last one, by Keras's name; "linear" where a layer with weights ends
            without one; "other" where nothing is known of it.
        output_shape: of one example.
        optimizer: by Keras's name, "adam".
        learning_rate: at the first step; with a schedule, the largest one planned.
        has_schedule: whether the learning rate follows a schedule.
        momentum: of the optimizer.
        clipping: the limit of the global norm, or of norms and values, if there is one.
        batch_size: examples a step.
        steps: how many are planned.
        trivial_loss: the loss of the best constant prediction: ln C for balanced classes, Var(y)
            for the squared error.
        reference_loss: the loss that simple methods reach on examples that they have not seen.
        outputs: every output; what this class says of loss and output is of the only one. Empty
            where that says it all.
        penalty: what regularisers of weights add to the loss at the start.
    """

    model: str
    layers: tuple[LayerFacts, ...]
    parameters: tuple[ParameterFacts, ...]
    data: DataFacts
    loss: str | None = None
    from_logits: bool = False
    output_activation: str = "linear"
    output_shape: tuple[int, ...] = ()
    optimizer: str | None = None
    learning_rate: float | None = None
    has_schedule: bool = False
    momentum: float = 0.0
    clipping: float | None = None
    batch_size: int | None = None
    steps: int | None = None
    trivial_loss: float | None = None
    reference_loss: float | None = None
    outputs: tuple[OutputFacts, ...] = ()
    penalty: float = 0.0

    @property
    def every_output(self) -> tuple[OutputFacts, ...]:
        """All outputs, where there is one alone, too."""
        layer = next((one.name for one in self.layers if one.role == "output"), None)
        only = OutputFacts(
            self.data,
            self.loss,
            self.from_logits,
            self.output_activation,
            self.output_shape,
            layer,
        )
        return self.outputs or (only,)

    def layer(self, name: str) -> LayerFacts | None:
        """The layer of a name."""
        return next((one for one in self.layers if one.name == name), None)


# ---- on the way: the probe


@dataclass(frozen=True)
class LayerReading:
    """What the probe set makes of one call of a layer.

    Every layer has ``output_rms`` and ``gradient_rms``. The rest is there where it makes sense:
    pre-activations z for layers with weights (before their activation; their output where they
    have none) and for activations of their own (their input).

    Args:
        layer: as in ``LayerFacts.name``.
        output_rms: of its result.
        gradient_rms: of dL/d result, over all elements and examples of the probe set.
        pre_activation_rms: of z.
        pre_activation_deviation: standard deviation of z.
        pre_activation_gradient_rms: of dL/dz.
        unit_deviation: the standard deviation of z over examples, as mean over units: 0 where
            every example looks the same to the layer.
        silent: the fraction of units whose output is 0 for the whole probe set (ReLU family).
        saturated: the fraction of units whose derivative is below 5 % of its greatest value on
            more than half of the probe set (sigmoid, tanh; also softsign, hard versions).
        finite: whether results and gradients are all finite.
    """

    layer: str
    output_rms: float
    gradient_rms: float
    pre_activation_rms: float | None = None
    pre_activation_deviation: float | None = None
    pre_activation_gradient_rms: float | None = None
    unit_deviation: float | None = None
    silent: float | None = None
    saturated: float | None = None
    finite: bool = True


@dataclass(frozen=True)
class ParameterReading:
    """A parameter on the way.

    Args:
        parameter: as in ``ParameterFacts.name``.
        rms: of its elements.
        gradient_rms: of the loss of the probe set by them.
        update_rms: of the step that the optimizer would take with this gradient.
        unit_ratio: the greatest norm of a unit's gradient over the norm of its weights, with a
            floor of 1e-3 under the latter (adaptive gradient clipping).
        zero: whether the gradient is exactly 0 over the whole probe set.
        zero_units: the fraction of units whose gradient is exactly 0.
    """

    parameter: str
    rms: float
    gradient_rms: float
    update_rms: float | None = None
    unit_ratio: float | None = None
    zero: bool = False
    zero_units: float | None = None


@dataclass(frozen=True)
class RecurrenceReading:
    """RMS of dL/dh for every time step of a recurrent layer, the first step first."""

    layer: str
    gradient_rms: tuple[float, ...]

    @property
    def factor(self) -> float:
        """By what the gradient is multiplied in one step back in time, as geometric mean."""
        first, last = self.gradient_rms[0], self.gradient_rms[-1]
        steps = len(self.gradient_rms) - 1
        if steps < 1 or not last > 0:
            return 1.0
        return float((first / last) ** (1 / steps))


@dataclass(frozen=True)
class AttentionReading:
    """Entropy of the rows of attention over ln T, mean for each head; 1 means all alike."""

    layer: str
    entropy: tuple[float, ...]


@dataclass(frozen=True)
class Reading:
    """One visit of the probe.

    Args:
        step: how many steps of training came before: 0 before the first.
        loss: of the probe set.
        layers: in the order of ``Facts.layers``.
        parameters: all that are trainable.
        recurrences: of recurrent layers.
        attentions: of attention layers.
        loss_by_class: mean loss of the examples of each class, where there are classes.
        output_deviation: standard deviation of the predictions over the probe set, as mean over
            outputs; 0 where the network predicts the same for every example.
    """

    step: int
    loss: float
    layers: tuple[LayerReading, ...] = ()
    parameters: tuple[ParameterReading, ...] = ()
    recurrences: tuple[RecurrenceReading, ...] = ()
    attentions: tuple[AttentionReading, ...] = ()
    loss_by_class: tuple[float, ...] = ()
    output_deviation: float | None = None

    def layer(self, name: str) -> LayerReading | None:
        """The reading of a layer."""
        return next((one for one in self.layers if one.layer == name), None)


# ---- on the way: the steps themselves


@dataclass(frozen=True)
class Epoch:
    """The end of an epoch: its number, the steps taken until then, and the logs."""

    number: int
    step: int
    loss: float
    val_loss: float | None = None


@dataclass
class Course:
    """What the training steps report: at first of all of them, later of every second, fourth, ….

    Args:
        steps: the numbers of the steps, the first one is 0; evenly spaced, but for the first bad
            value.
        loss: of the batch, before the step.
        gradient_norm: of all parameters together.
        update_ratio: norm of the update over the norm of the weights, all parameters together.
        epochs: those that have ended.
        stride: from one kept step to the next.
    """

    steps: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    loss: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    gradient_norm: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    update_ratio: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    epochs: list[Epoch] = field(default_factory=list)
    stride: int = 1

    def extend(
        self,
        steps: Sequence[int] | NDArray[np.int64],
        loss: Sequence[float] | NDArray[np.float64],
        gradient_norm: Sequence[float] | NDArray[np.float64],
        update_ratio: Sequence[float] | NDArray[np.float64],
    ) -> None:
        """Further steps; where they become too many, every second one is forgotten.

        Example:
            >>> course = Course()
            >>> course.extend(range(3), [3.0, 2.0, 1.0], [1.0] * 3, [0.1] * 3)
            >>> course.steps, course.loss
            (array([0, 1, 2]), array([3., 2., 1.]))
        """
        new = [np.asarray(steps, np.int64)]
        new += [np.asarray(row, np.float64) for row in (loss, gradient_norm, update_ratio)]
        kept = self._kept(*new) if self.is_finite else new[0] % self.stride == 0
        self._rows = [np.append(row, more[kept]) for row, more in zip(self._rows, new, strict=True)]
        while len(self.steps) > MOST_STEPS:
            self.stride *= 2
            kept = self._kept(*self._rows)
            self._rows = [row[kept] for row in self._rows]

    @property
    def _rows(self) -> list[NDArray[Any]]:
        return [self.steps, self.loss, self.gradient_norm, self.update_ratio]

    @_rows.setter
    def _rows(self, rows: Sequence[NDArray[Any]]) -> None:
        self.steps, self.loss, self.gradient_norm, self.update_ratio = rows

    def _kept(self, steps: NDArray[Any], *rows: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of some steps the stride meets; and the first one with a bad value."""
        kept = np.asarray(steps % self.stride == 0)
        bad = ~np.all([np.isfinite(row) for row in rows], axis=0)
        if bad.any():
            kept[np.argmax(bad)] = True
        return kept

    @property
    def is_finite(self) -> bool:
        """Whether all numbers are."""
        rows = (self.loss, self.gradient_norm, self.update_ratio)
        return all(bool(np.isfinite(row).all()) for row in rows)


@dataclass
class Case:
    """Everything that the doctor knows of one training.

    Args:
        facts: before the first step.
        course: what the steps reported.
        readings: of the probe, the one at step 0 first.
        ended: whether training has come to its end, so that slow learning can be judged.
        bad_value: the first value that was not finite, once it has been looked for.
    """

    facts: Facts
    course: Course = field(default_factory=Course)
    readings: list[Reading] = field(default_factory=list)
    ended: bool = False
    bad_value: BadValue | None = None

    def add(self, reading: Reading) -> None:
        """A further visit; where they become too many, every second one after the first few goes.

        Example:
            >>> case = Case(Facts("model", (), (), DataFacts(1, (1,))))
            >>> for step in range(200):
            ...     case.add(Reading(step, loss=1.0))
            >>> len(case.readings) <= MOST_READINGS, case.readings[-1].step
            (True, 199)
        """
        self.readings.append(reading)
        if len(self.readings) > MOST_READINGS:
            self.readings = self.readings[:FIRST_READINGS] + self.readings[FIRST_READINGS::2]
            if self.readings[-1] is not reading:
                self.readings.append(reading)
