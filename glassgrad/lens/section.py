"""A loss as a function of a few coordinates: along single weights, or along directions.

All weights move along fixed directions, θ(c) = θ + (c₁ - s₁) d₁ + (c₂ - s₂) d₂ + …, and the loss
is a graph of the coordinates c alone: what does not depend on them is computed once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from glassgrad.errors import ArgumentError, DataError, GradientError, ShapeError, UnknownNameError
from glassgrad.execute.reference import ReferenceExecutor, ReferenceProgram
from glassgrad.gradients import gradients
from glassgrad.graph import Node, Tensor, constant, placeholder, rewrite, walk
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.lens.subject import Subject
from glassgrad.ops import stack

__all__ = [
    "Direction",
    "Section",
    "along_weight",
    "lowest_point",
    "random_directions",
    "strongest_weights",
]

Place: TypeAlias = tuple[int, ...]

PATTERN = re.compile(r"(?P<name>[^\[\]]+?)\s*(?:\[(?P<place>[^\[\]]*)\])?")
MOST_STEPS = 60  # of Newton's method: it needs about six near a minimum
SMALLEST_STEP = 1e-9  # as a part of the scale


@dataclass(frozen=True, eq=False)
class Direction:
    """A direction in the space of all parameters, with a coordinate along it.

    Args:
        label: what the coordinate is called: a weight, or "direction 1".
        start: the coordinate of the parameters as they are.
        scale: a change of the coordinate that is neither small nor large.
        arrays: by the parameter's name how it changes with the coordinate; others stay.
    """

    label: str
    start: float
    scale: float
    arrays: Mapping[str, Array]


class Section:
    """A loss along directions: its value, its gradient and its curvature at any place.

    Args:
        subject: the loss with its parameters.
        directions: one for each coordinate.

    Example:
        >>> from glassgrad import Variable
        >>> from glassgrad.lens.subject import subject_of
        >>> w = Variable([1.0, 2.0], name="w")
        >>> subject = subject_of((w * w * [1.0, 3.0]).sum())
        >>> section = Section(subject, [along_weight(subject, "w[1]")])
        >>> at = section.start
        >>> section.value(at), section.slope(at), section.curvature(at)
        (13.0, array([12.]), array([[6.]]))
    """

    def __init__(self, subject: Subject, directions: Sequence[Direction]) -> None:
        self.directions = tuple(directions)
        self.coordinates = tuple(
            placeholder((), "float64", direction.label) for direction in directions
        )
        moved = {parameter.key: self._moved(subject, parameter) for parameter in subject.parameters}
        (loss,) = rewrite([subject.loss], lambda *_: None, moved)
        self.loss = _specialised(subject, loss, self.coordinates)

    def _moved(self, subject: Subject, parameter: Tensor) -> Tensor:
        name = subject.name_of(parameter)
        for coordinate, direction in zip(self.coordinates, self.directions, strict=True):
            if name in direction.arrays:
                change = constant(direction.arrays[name], "float64")
                parameter = parameter + (coordinate - direction.start) * change
        return parameter

    @property
    def start(self) -> Array:
        """The coordinates of the parameters as they are."""
        return np.array([direction.start for direction in self.directions])

    @property
    def scale(self) -> Array:
        """For each coordinate a change that is neither small nor large."""
        return np.array([direction.scale for direction in self.directions])

    def value(self, at: Array) -> float:
        """The loss."""
        return float(self._value(*at)[0])

    def slope(self, at: Array) -> Array:
        """The gradient by the coordinates, from the chain rule."""
        return self._slope(*at)[0]

    def curvature(self, at: Array) -> Array:
        """The matrix of second derivatives, from the chain rule of the chain rule."""
        return self._curvature(*at)[0]

    @cached_property
    def _value(self) -> ReferenceProgram:
        return self._program(self.loss)

    @cached_property
    def _slopes(self) -> list[Tensor]:
        return _derivatives(self.loss, self.coordinates)

    @cached_property
    def _slope(self) -> ReferenceProgram:
        return self._program(stack(self._slopes))

    @cached_property
    def _curvature(self) -> ReferenceProgram:
        rows = [stack(_derivatives(slope, self.coordinates)) for slope in self._slopes]
        return self._program(stack(rows))

    def _program(self, output: Tensor) -> ReferenceProgram:
        return ReferenceExecutor().compile([output], list(self.coordinates))


def _derivatives(output: Tensor, coordinates: Sequence[Tensor]) -> list[Tensor]:
    found = gradients(output, list(coordinates))
    return [constant(0.0, "float64") if one is None else one for one in found]


def _specialised(subject: Subject, loss: Tensor, free: Sequence[Tensor]) -> Tensor:
    """The loss with everything that does not depend on the free inputs computed already."""
    moving: set[Node] = {tensor.node for tensor in free}
    border: dict[Key, Tensor] = {}
    for node in walk([loss]):
        if any(operand.node in moving for operand in node.inputs):
            moving.add(node)
    for node in moving:
        border |= {one.key: one for one in node.inputs if one.node not in moving}
    if loss.node not in moving:
        border[loss.key] = loss
    still = list(border.values())
    arrays = subject.evaluate(still)
    known = {
        tensor.key: constant(array, str(tensor.dtype))
        for tensor, array in zip(still, arrays, strict=True)
    }
    return rewrite([loss], lambda *_: None, known)[0]


# ---- directions


def along_weight(subject: Subject, weight: str) -> Direction:
    """The direction of one entry of a parameter; its coordinate is the entry's value.

    Args:
        subject: the loss with its parameters.
        weight: such as "dense/kernel[0, 3]"; a parameter with one entry needs no place.

    Raises:
        UnknownNameError: no parameter has this name.
        ArgumentError: the place cannot be read or is none of the parameter's.
    """
    parameter, place = _found(subject, weight)
    values = subject.value_of(parameter)
    one = np.zeros(values.shape)
    one[place] = 1.0
    name = subject.name_of(parameter)
    return Direction(_entry(name, place), float(values[place]), _size(values), {name: one})


def strongest_weights(subject: Subject, count: int) -> list[str]:
    """The entries of parameters with the largest gradients, kernels before biases.

    Raises:
        GradientError: the loss depends on no parameter.
    """
    kernels = [one for one in subject.parameters if len(one.shape) > 1]
    candidates = kernels or list(subject.parameters)
    slopes = gradients(subject.loss, candidates)
    reached = [(p, slope) for p, slope in zip(candidates, slopes, strict=True) if slope is not None]
    if not reached:
        raise GradientError("The loss depends on no weight, so there is nothing to move.")
    arrays = subject.evaluate([slope for _, slope in reached])
    sizes = np.abs(np.concatenate([array.ravel() for array in arrays]))
    names = [subject.name_of(parameter) for parameter, _ in reached]
    ends = np.cumsum([array.size for array in arrays])
    found = []
    for place in np.argsort(-sizes, kind="stable")[:count]:
        which = int(np.searchsorted(ends, place, side="right"))
        inside = int(place) - int(ends[which]) + arrays[which].size
        found.append(_entry(names[which], np.unravel_index(inside, arrays[which].shape)))
    return found


def _entry(name: str, place: Sequence[Any]) -> str:
    return f"{name}[{', '.join(map(str, place))}]" if len(place) else name


def random_directions(subject: Subject, count: int, seed: int) -> list[Direction]:
    """Random directions, each filter as long as the filter of the network that it moves.

    Formula: d <- d / ||d|| * ||θ|| for every column of a kernel (what leads to one unit or
    channel); biases and other vectors stay. So a step of the same length means the same in
    networks whose weights have different sizes.

    Source: Li, Xu, Taylor, Studer, Goldstein, "Visualizing the loss landscape of neural nets",
    2018, section 4.
    """
    numbers = np.random.default_rng(seed)
    kernels = {
        subject.name_of(one): subject.value_of(one)
        for one in subject.parameters
        if len(one.shape) > 1
    }
    if not subject.parameters:
        raise GradientError("The loss depends on no weight, so there is nothing to move.")
    if not kernels:
        raise ShapeError(
            "Random directions are normalised filter by filter, and no parameter has filters: "
            "all are vectors. Name weights instead."
        )
    return [
        Direction(
            f"direction {number}",
            0.0,
            1.0,
            {name: _like_filters(numbers, array) for name, array in kernels.items()},
        )
        for number in range(1, count + 1)
    ]


def _like_filters(numbers: np.random.Generator, kernel: Array) -> Array:
    drawn = numbers.standard_normal(kernel.shape)
    axes = tuple(range(kernel.ndim - 1))
    lengths, drawn_lengths = (
        np.sqrt(np.sum(array**2, axes, keepdims=True)) for array in (kernel, drawn)
    )
    return np.asarray(drawn / drawn_lengths * lengths)


def _found(subject: Subject, weight: str) -> tuple[Tensor, Place]:
    """The parameter and the place that a text such as "dense/kernel[0, 3]" means."""
    match = PATTERN.fullmatch(weight.strip())
    if match is None:
        raise ArgumentError(
            f'A weight is named by its parameter and its place, as "dense/kernel[0, 3]". '
            f"Got {weight!r}."
        )
    known = {subject.name_of(parameter): parameter for parameter in subject.parameters}
    dotted = {name.replace("/", "."): name for name in known}
    name = match["name"]
    name = name if name in known else dotted.get(name, name)
    if name not in known:
        raise UnknownNameError("parameter", name, known)
    parameter = known[name]
    return parameter, _place(name, parameter.shape, match["place"])


def _place(name: str, shape: tuple[int, ...], text: str | None) -> Place:
    numbers = [part.strip() for part in (text or "").split(",") if part.strip()]
    if not numbers and all(length == 1 for length in shape):
        return (0,) * len(shape)
    place = tuple(int(number) if number.isdecimal() else -1 for number in numbers)
    if len(place) != len(shape) or not all(0 <= n < m for n, m in zip(place, shape, strict=True)):
        last = ", ".join(str(length - 1) for length in shape)
        first = ", ".join("0" for _ in shape)
        if not shape:
            raise ArgumentError(f"{name} is a single number: its name is enough. Got [{text}].")
        raise ArgumentError(
            f"{name} has shape {shape}: its places are {name}[{first}] to {name}[{last}]. "
            f"Got {'no place' if text is None else f'[{text}]'}."
        )
    return place


def _size(values: Array) -> float:
    """The root of the mean square of a parameter's entries; 1 for what is zero, as biases are."""
    return float(np.sqrt(np.mean(values**2))) or 1.0


# ---- the lowest point


def lowest_point(section: Section) -> Array:
    """The coordinates of a minimum, from those of the parameters as they are.

    Newton's method with the sizes of the curvatures, which descends from maxima and saddles too;
    a step that does not lower the loss is halved. Where the loss falls for ever, the point is
    far away.

    Raises:
        DataError: the loss is not finite where it begins.

    Source: Dauphin et al., "Identifying and attacking the saddle point problem in
    high-dimensional non-convex optimization", 2014.
    """
    at, scale = section.start, section.scale
    value = section.value(at)
    if not np.isfinite(value):
        raise DataError(f"The loss of the weights as they are must be finite. Got {value}.")
    there, new = at, value
    for _ in range(MOST_STEPS):
        # In units of the scales, so that one unit means about the same in all directions.
        slope = section.slope(at) * scale
        curvature = section.curvature(at) * np.outer(scale, scale)
        step = _descending(slope, curvature)
        while np.abs(step).max() > SMALLEST_STEP:
            there = at + step * scale
            new = section.value(there)
            if new < value:
                break
            step = step / 2
        else:
            return at
        at, value = there, new
    return at


def _descending(slope: Array, curvature: Array) -> Array:
    """Newton's step, towards lower losses also where the curvature is negative."""
    if not (np.isfinite(slope).all() and np.isfinite(curvature).all()):
        return np.zeros_like(slope)
    sizes, axes = np.linalg.eigh(curvature)
    sizes = np.maximum(np.abs(sizes), 1e-12)
    step = -axes @ ((axes.T @ slope) / sizes)
    longest = float(np.abs(step).max())
    return np.asarray(step if longest <= 1.0 else step / longest)
