"""A picture of a network as SVG: values flow one way in grey, gradients the other way in colour."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from glassgrad.lens.picturing.arranging import HEAD, LINE, MARGIN, SIDE, Arrangement
from glassgrad.lens.picturing.frames import Frame
from glassgrad.lens.picturing.layout import Point
from glassgrad.lens.picturing.lettering import short_number, shortened
from glassgrad.lens.picturing.scale import Scale, kind_of_gradient, width_of_step
from glassgrad.lens.picturing.style import STEPS, STYLE

if TYPE_CHECKING:
    from glassgrad.lens.picturing.picture import Box, Flow, Picture

__all__ = ["DIRECTIONS", "drawn"]

DIRECTIONS = ("down", "right")
ARROW = 7.0
LEGEND_WIDTH = 9 * 30.0


def drawn(picture: Picture) -> str:
    """The SVG of a picture, complete in itself."""
    return _Drawing(picture).text()


class _Drawing:
    """One picture on its way to SVG."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.sizes = [
            flow.per_element if picture.per_element else flow.gradient for flow in picture.flows
        ]
        self.known = [size for size in self.sizes if size is not None]
        known = [*self.known, *(one.gradient for one in picture.boxes if one.gradient is not None)]
        self.has_gradients = bool(known)
        self.scale = Scale.of(known)
        self.is_down = picture.direction == "down"
        self.places = Arrangement(picture, has_gradients=self.has_gradients)

    def text(self) -> str:
        """The SVG."""
        width, height = _n(self.places.width), _n(self.places.height)
        role = "group" if self.picture.links else "img"
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" class="glassgrad-network" role="{role}" '
                f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
                f'aria-label="{escape(self._description())}">',
                f"<style>{STYLE}</style>",
                f'<rect class="ground" width="{width}" height="{height}" rx="10"/>',
                *self._heading(),
                *(self._legend() if self.has_gradients else ()),
                *(self._frame(self.places.at_place(one)) for one in self.places.frames.values()),
                *self._lines(),
                *map(self._box, self.picture.boxes),
                "</svg>",
            ]
        )

    def _description(self) -> str:
        kinds = Counter(box.kind for box in self.picture.boxes)
        parts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        if not self.known:
            return f"Graph of {self.picture.title}: {parts}"
        low, high = short_number(min(self.known)), short_number(max(self.known))
        return f"Graph of {self.picture.title}: {parts}; gradients from {low} to {high}"

    def _heading(self) -> list[str]:
        title = _text(self.picture.title, MARGIN, MARGIN + 16, "title")
        if not self.picture.subtitle:
            return [title]
        return [title, _text(self.picture.subtitle, MARGIN, MARGIN + HEAD + 4, "small")]

    # ---- the legend

    def _legend(self) -> list[str]:
        y = self.places.top - 58
        measure = "root mean square" if self.picture.per_element else "norm"
        direction = "up" if self.is_down else "to the left"
        words = f"Colour and width, {direction}: {measure} of the gradient on its way back"
        parts = [_text(words, MARGIN, y + 10, "small")]
        step = LEGEND_WIDTH / STEPS
        for number in range(STEPS):
            x = MARGIN + number * step
            parts.append(
                f'<path class="g{number}" d="M{_n(x)} {_n(y + 21)}h{_n(step - 2)}" '
                f'stroke-width="{_n(width_of_step(number))}"/>'
            )
        low, high = self.scale.lowest, self.scale.highest
        every = max(1, math.ceil((high - low) / 6))
        for decade in range(low, high + 1, every):
            x = MARGIN + (decade - low) / (high - low) * LEGEND_WIDTH
            parts.append(_text(_power_of_ten(decade), x, y + 39, "small middle"))
        x = MARGIN + LEGEND_WIDTH + 26
        parts.append(f'<path class="forward" d="M{_n(x)} {_n(y + 21)}h30"/>')
        parts.append(_text("values, forward", x + 38, y + 25, "small"))
        return parts

    # ---- lines

    def _lines(self) -> list[str]:
        """Every line; the first of several at a target has its label on the left."""
        routes = self.places.routes
        leftmost: dict[str, float] = {}
        for flow, route in zip(self.picture.flows, routes, strict=True):
            leftmost[flow.target] = min(route[-1][0], leftmost.get(flow.target, math.inf))
        crowd = Counter(flow.target for flow in self.picture.flows)
        return [
            self._line(
                flow,
                size,
                route,
                to_left=crowd[flow.target] > 1 and route[-1][0] == leftmost[flow.target],
            )
            for flow, size, route in zip(self.picture.flows, self.sizes, routes, strict=True)
        ]

    def _line(
        self, flow: Flow, size: float | None, route: Sequence[Point], *, to_left: bool
    ) -> str:
        parts = [f"<g><title>{escape(self._words(flow))}</title>"]
        if size is None:
            parts.append(self._path(route, "forward", 1.4, 0.0, forward=True))
        else:
            name, width = kind_of_gradient(size, self.scale)
            parts.append(self._path(route, "forward", 1.4, -SIDE, forward=True))
            parts.append(self._path(route, name, width, SIDE, forward=False))
            parts.append(self._label(flow, size, route[-1], to_left=to_left))
        return "".join([*parts, "</g>"])

    def _words(self, flow: Flow) -> str:
        forward = f"{flow.source} → {flow.target}: {flow.elements:,} numbers forward"
        if flow.gradient is None or flow.per_element is None:
            return f"{forward}, no gradient back"
        return (
            f"{forward}; back a gradient of norm {short_number(flow.gradient)}, "
            f"{short_number(flow.per_element)} per element"
        )

    def _path(
        self, points: Sequence[Point], name: str, width: float, side: float, *, forward: bool
    ) -> str:
        """A line through the points, shifted to one side, with an arrow at its end."""
        aside = (side, 0.0) if self.is_down else (0.0, side)
        shifted = [(x + aside[0], y + aside[1]) for x, y in points]
        head = ARROW if name == "forward" else ARROW + width / 2
        along = (0.0, 1.0) if self.is_down else (1.0, 0.0)
        if not forward:
            shifted, along = shifted[::-1], (-along[0], -along[1])
        tip = shifted[-1]
        end = (tip[0] - along[0] * head, tip[1] - along[1] * head)
        steps = "".join(self._step(a, b) for a, b in pairwise([*shifted[:-1], end]))
        half = head * 0.55
        arrow = (
            f"M{_p(tip)}L{_p((end[0] - along[1] * half, end[1] + along[0] * half))}"
            f"L{_p((end[0] + along[1] * half, end[1] - along[0] * half))}Z"
        )
        return (
            f'<path class="{name}" stroke-width="{_n(width)}" d="M{_p(shifted[0])}{steps}"/>'
            f'<path class="{name} head" d="{arrow}"/>'
        )

    def _step(self, a: Point, b: Point) -> str:
        """Straight on, or a bend that begins and ends in the direction of the picture."""
        across = a[0] - b[0] if self.is_down else a[1] - b[1]
        if abs(across) < 0.5:
            return f"L{_p(b)}"
        if self.is_down:
            middle = (a[1] + b[1]) / 2
            return f"C{_p((a[0], middle))} {_p((b[0], middle))} {_p(b)}"
        middle = (a[0] + b[0]) / 2
        return f"C{_p((middle, a[1]))} {_p((middle, b[1]))} {_p(b)}"

    def _label(self, flow: Flow, size: float, end: Point, *, to_left: bool) -> str:
        """The number, beside the line where it leaves its target."""
        is_share = flow.value is not None and not self.picture.per_element
        text = short_number(flow.value if is_share and flow.value is not None else size)
        x, y = end
        if not self.is_down:
            return _text(text, x - 31, y + SIDE + 14, "number middle")
        if to_left:
            return _text(text, x - SIDE - 7, y - 8, "number end")
        return _text(text, x + SIDE + 8, y - 8, "number")

    # ---- boxes

    def _frame(self, frame: Frame) -> str:
        name = shortened(frame.group.rpartition("/")[2])
        return _rectangle(frame, "frame", 8) + _text(name, frame.left + 9, frame.top + 15, "small")

    def _box(self, box: Box) -> str:
        place = self.places.boxes[box.name]
        x, y = (place.left + place.right) / 2, (place.top + place.bottom) / 2
        lines = self.places.details(box)
        parts = [_rectangle(place, f"box {box.kind}", 20 if box.kind == "data" else 6)]
        if box.gradient is not None:
            name, _ = kind_of_gradient(box.gradient, self.scale)
            parts.append(
                f'<path class="{name}" stroke-width="4" '
                f'd="M{_n(place.left + 5)} {_n(place.top + 7)}V{_n(place.bottom - 7)}"/>'
            )
        first = y - (LINE * len(lines) + 9) / 2 + 9
        parts.append(_text(shortened(box.title), x, first, "name middle"))
        for number, line in enumerate(lines, 1):
            parts.append(_text(shortened(line), x, first + LINE * number + 1, "small middle"))
        words = "\n".join([box.name, *lines])
        parts.append(f"<title>{escape(words)}</title>")
        group = f"<g>{''.join(parts)}</g>"
        link = self.picture.links.get(box.name)
        return group if link is None else f'<a href="{escape(link)}">{group}</a>'


# ---- pieces of text


def _rectangle(place: Frame, kind: str, radius: float) -> str:
    width, height = place.right - place.left, place.bottom - place.top
    return (
        f'<rect class="{kind}" x="{_n(place.left)}" y="{_n(place.top)}" width="{_n(width)}" '
        f'height="{_n(height)}" rx="{_n(min(radius, height / 2))}"/>'
    )


def _text(text: str, x: float, y: float, kind: str) -> str:
    return f'<text class="{kind}" x="{_n(x)}" y="{_n(y)}">{escape(text, quote=False)}</text>'


def _power_of_ten(exponent: int) -> str:
    digits = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return {0: "1", 1: "10"}.get(exponent, f"10{digits}")


def _n(value: float) -> str:
    """A number of pixels."""
    return f"{value:.1f}".removesuffix(".0")


def _p(point: Point) -> str:
    return f"{_n(point[0])} {_n(point[1])}"
