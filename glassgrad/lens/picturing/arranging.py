"""Where everything in a picture stands: boxes, frames around some of them, lines and heading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from glassgrad.lens.picturing.frames import HEADING, INSIDE, Frame, ancestors, framed
from glassgrad.lens.picturing.layout import Layout, Point, Size, laid_out
from glassgrad.lens.picturing.lettering import short_number, shortened, text_width

if TYPE_CHECKING:
    from glassgrad.lens.picturing.picture import Box, Picture

__all__ = ["HEAD", "LINE", "MARGIN", "PADDING", "SIDE", "Arrangement"]

MARGIN = 20.0
HEAD = 30.0  # of the title
LEGEND = 66.0
LINE = 15.0  # of the small text
PADDING = 11.0
SIDE = 5.0  # from the middle of a pair of lines to each of them
LABELS = 110.0  # beside the lines at the right border
LEAST_WIDTH = 430.0


class Arrangement:
    """The places of a picture.

    Args:
        picture: what is to be drawn.
        has_gradients: whether lines have labels, and the picture a legend.
    """

    def __init__(self, picture: Picture, *, has_gradients: bool) -> None:
        self.picture, self.has_gradients = picture, has_gradients
        self.is_down = picture.direction == "down"
        self._told_by_frames = {group for box in picture.boxes for group in ancestors(box.group)}
        self.layout, self.frames = self._arranged()
        self.boxes = {box.name: self.at_place(self._place(box)) for box in picture.boxes}
        self.routes = [[self.at(point) for point in route] for route in self.layout.routes]

    # ---- boxes, lines and frames, in the coordinates of the layout

    def _arranged(self) -> tuple[Layout, dict[str, Frame]]:
        """Places of the boxes, and frames; a group without a frame is named in its boxes."""
        while True:
            self.layout = self._laid_out()
            places = {box.name: self._place(box) for box in self.picture.boxes}
            lines = [
                self._extent(places[flow.source].group, places[flow.target].group, route)
                for flow, route in zip(self.picture.flows, self.layout.routes, strict=True)
            ]
            frames = framed([*places.values()], lines, self._told_by_frames)
            if frames.keys() == self._told_by_frames:
                return self.layout, frames
            self._told_by_frames &= frames.keys()

    def _laid_out(self) -> Layout:
        flows = self.picture.flows
        crowd = max(Counter(flow.target for flow in flows).values(), default=0)
        is_crowded = self.has_gradients and crowd > 2
        port_gap = (62.0 if is_crowded else 30.0) if self.is_down else 38.0
        ports = Counter(flow.source for flow in flows) | Counter(flow.target for flow in flows)
        sizes = {
            box.name: self._size(box, ports[box.name] * port_gap) for box in self.picture.boxes
        }
        edges = [(flow.source, flow.target) for flow in flows]
        levels = 1 + max((group.count("/") for group in self._told_by_frames), default=-1)
        gap = 38.0 + levels * (INSIDE + (HEADING if self.is_down else INSIDE))
        labels, stub = (16.0, 18.0) if self.is_down else (62.0, 54.0)
        if not self.has_gradients:
            labels = stub = 0.0
        return laid_out(sizes, edges, rank_gap=gap + labels, port_gap=port_gap, stub=stub)

    def _size(self, box: Box, for_ports: float) -> Size:
        """Width and height; the other way round where the picture goes to the right."""
        texts = [text_width(shortened(line), 11) for line in self.details(box)]
        wide = max([text_width(shortened(box.title), 13, bold=True), *texts]) + 2 * PADDING
        high = 2 * PADDING + 9 + LINE * len(texts)
        if self.is_down:
            return max(wide, for_ports), high
        return max(high, for_ports), wide

    def details(self, box: Box) -> list[str]:
        """The small lines of a box."""
        group = [f"in {box.group}"] if box.group and box.group not in self._told_by_frames else []
        size = [] if box.gradient is None else [f"gradient {short_number(box.gradient)}"]
        return [*group, *box.details, *size]

    def _place(self, box: Box) -> Frame:
        (x, y), (width, height) = map(
            self._turned, (self.layout.centres[box.name], self.layout.sizes[box.name])
        )
        return Frame(box.group, x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def _extent(self, source: str, target: str, route: Sequence[Point]) -> Frame:
        """What a line needs, in the innermost group that holds both of its ends."""
        common = [group for group in ancestors(source) if group in ancestors(target)]
        xs, ys = zip(*map(self._turned, route), strict=True)
        return Frame(common[0] if common else "", min(xs) - SIDE, min(ys), max(xs) + SIDE, max(ys))

    def _turned(self, point: Point) -> Point:
        """From the layout, which goes down, into the direction of the picture."""
        return point if self.is_down else (point[1], point[0])

    @cached_property
    def _borders(self) -> Frame:
        """Around all boxes and frames."""
        width, height = self._turned(self.layout.size)
        every = [Frame("", 0.0, 0.0, width, height), *self.frames.values()]
        return Frame(
            "",
            min(one.left for one in every),
            min(one.top for one in every),
            max(one.right for one in every),
            max(one.bottom for one in every),
        )

    # ---- in the coordinates of the picture

    def at(self, point: Point) -> Point:
        """A place of the layout in the picture."""
        x, y = self._turned(point)
        return x + self._shift[0], y + self._shift[1]

    def at_place(self, place: Frame) -> Frame:
        """A rectangle in the picture."""
        right, down = self._shift
        return Frame(
            place.group,
            place.left + right,
            place.top + down,
            place.right + right,
            place.bottom + down,
        )

    @cached_property
    def _shift(self) -> Point:
        borders = self._borders
        free = self.width - 2 * MARGIN - (borders.right - borders.left)
        return MARGIN + free / 2 - borders.left, self.top - borders.top

    @cached_property
    def top(self) -> float:
        """Where the heading ends and the boxes begin."""
        subtitle = LINE + 4 if self.picture.subtitle else 0
        return MARGIN + HEAD + subtitle + (LEGEND if self.has_gradients else 0.0)

    @cached_property
    def width(self) -> float:
        """Of the whole."""
        title = text_width(self.picture.title, 16, bold=True)
        borders = self._borders.right - self._borders.left
        labels = LABELS if self.has_gradients and self.is_down else 0.0
        legend = LEAST_WIDTH if self.has_gradients else 0.0
        words = max(title, text_width(self.picture.subtitle, 12))
        return max(borders + labels, words, legend) + 2 * MARGIN

    @cached_property
    def height(self) -> float:
        """Of the whole."""
        return self.top + self._borders.bottom - self._borders.top + MARGIN
