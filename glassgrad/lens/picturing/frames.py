"""Frames around the boxes of one part of a network, where no other box stands among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["HEADING", "INSIDE", "Frame", "ancestors", "framed"]

HEADING = 32.0  # for the name of a frame, above the labels of lines
INSIDE = 9.0  # from boxes to their frame, and from frame to frame


@dataclass(frozen=True)
class Frame:
    """A rectangle with a name.

    Args:
        group: the path of the part of the network.
        left: the left border; the others likewise.
    """

    group: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Frame) -> bool:
        """Whether two rectangles share more than a border."""
        is_beside = self.right <= other.left or other.right <= self.left
        return not (is_beside or self.bottom <= other.top or other.bottom <= self.top)

    def around(self, others: Iterable[Frame], group: str) -> Frame:
        """The smallest rectangle around this one and others, with room for a name."""
        every = (self, *others)
        return Frame(
            group,
            min(one.left for one in every) - INSIDE,
            min(one.top for one in every) - HEADING,
            max(one.right for one in every) + INSIDE,
            max(one.bottom for one in every) + INSIDE,
        )


def ancestors(group: str) -> list[str]:
    """The groups that something stands in, from the innermost to the outermost.

    Example:
        >>> ancestors("block/attention")
        ['block/attention', 'block']
    """
    parts = group.split("/") if group else []
    return ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]


def framed(
    boxes: Sequence[Frame], lines: Sequence[Frame], groups: Iterable[str]
) -> dict[str, Frame]:
    """The frames of those groups that can have one, the outermost first.

    Args:
        boxes: the places of the boxes, each with the group that it stands in.
        lines: what the lines need, each with the group in which it begins and ends.
        groups: those that would have a frame.
    """
    found: dict[str, Frame] = {}
    for group in sorted(groups, key=_depth, reverse=True):  # what is inside comes first
        inner = [one for one in (*boxes, *lines) if group in ancestors(one.group)]
        others = [box for box in boxes if group not in ancestors(box.group)]
        inside = [frame for name, frame in found.items() if name.startswith(f"{group}/")]
        first, *rest = [*inner, *inside]
        frame = first.around(rest, group)
        beside = [one for name, one in found.items() if not name.startswith(f"{group}/")]
        if not any(frame.overlaps(one) for one in (*others, *beside)):
            found[group] = frame
    return {group: found[group] for group in sorted(found, key=_depth)}


def _depth(group: str) -> tuple[int, str]:
    return group.count("/"), group
