"""A network as boxes and lines, with the size of the gradient that flows back along each line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from glassgrad.errors import ArgumentError
from glassgrad.files import write_atomically
from glassgrad.lens.picturing.drawing import DIRECTIONS, drawn

__all__ = ["Box", "Flow", "Picture"]


@dataclass(frozen=True)
class Box:
    """What a picture shows as a box.

    Args:
        name: once in a picture: the path of a layer, "block/dense", the name of data, "x", or of a
            tensor, "t3". The second call of a shared layer is "dense (2)".
        kind: "data", "parameter", "layer", "operation" or "loss".
        title: the first line.
        details: the lines below: class, shape of the output, parameters, value.
        parameters: how many numbers its parameters hold.
        gradient: the norm of the gradient of its parameters, ``None`` where none is known.
        group: the path of the layer or model that it stands in: "block/attention"; empty outside.
    """

    name: str
    kind: str
    title: str
    details: tuple[str, ...] = ()
    parameters: int = 0
    gradient: float | None = None
    group: str = ""


@dataclass(frozen=True)
class Flow:
    """A line from one box to another: values forward, a gradient back.

    Args:
        source: the name of the box that gives the values.
        target: the name of the box that takes them.
        elements: how many numbers flow.
        gradient: the norm of what this line carries of the gradient; where the source is used by
            several boxes the shares of all lines are added up there. ``None`` where none flows.
        value: the share itself where it is one number.
    """

    source: str
    target: str
    elements: int = 1
    gradient: float | None = None
    value: float | None = None

    @property
    def per_element(self) -> float | None:
        """The root of the mean square of the elements of the gradient."""
        return None if self.gradient is None else float(self.gradient / np.sqrt(self.elements))


@dataclass(frozen=True, eq=False)
class Picture:
    """A network drawn: what each box is, and how large the gradient on each line is.

    Args:
        title: the name of the model, or "a loss".
        boxes: in the order of the forward pass.
        flows: the lines between them.
        subtitle: a line below the title, such as the value of the loss.
        direction: "down" or "right".
        per_element: whether lines are coloured by the root mean square instead of the norm.
        links: for names of boxes, where a click on the box leads: "#layer-hidden".

    Example:
        >>> boxes = [Box("x", "data", "x"), Box("dense", "layer", "dense", ("Dense",))]
        >>> picture = Picture("line", boxes, [Flow("x", "dense", 4, 0.5)])
        >>> picture.svg.startswith("<svg"), "0.5" in picture.svg
        (True, True)
    """

    title: str
    boxes: Sequence[Box]
    flows: Sequence[Flow]
    subtitle: str = ""
    direction: str = "down"
    per_element: bool = False
    links: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.direction not in DIRECTIONS:
            raise ArgumentError(
                f"A picture goes {' or '.join(DIRECTIONS)}. Got direction={self.direction!r}."
            )

    @cached_property
    def svg(self) -> str:
        """The picture as an SVG element; its colours follow the reader's light or dark mode."""
        return drawn(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture, entirely or not at all.

        Args:
            path: a name that ends in .svg; browsers show it, and turn it into PNG or PDF.

        Raises:
            ArgumentError: the name ends otherwise.
            FileError: it cannot be written.
        """
        wanted = Path(path)
        if wanted.suffix.lower() != ".svg":
            raise ArgumentError(
                "The picture of a network is written as .svg, which browsers open and print. "
                f"Got the name {str(path)!r}."
            )
        with write_atomically(wanted) as file:
            file.write(self.svg.encode("utf-8"))
        return wanted

    def _repr_svg_(self) -> str:
        """What notebooks show."""
        return self.svg

    def __repr__(self) -> str:
        boxes, lines = len(self.boxes), len(self.flows)
        return (
            f"<Picture of {self.title}: {boxes} box{'es' * (boxes != 1)}, "
            f"{lines} line{'s' * (lines != 1)}>"
        )
