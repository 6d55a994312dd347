"""An explanation in the terminal, one screen for each step."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glassgrad.cli.keys import BACK, END, HOME, NEXT, QUIT, Keys, line_keys, raw_keys
from glassgrad.cli.scenes import PHASES, Block, Scene, scenes_of
from glassgrad.lens import Explanation

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.segment import Segment
    from rich.text import Text

__all__ = ["Stepper", "step_through"]

HELP = "→ or Enter: on   ←: back   Home, End   q: quit"
LINE_HELP = "Enter: on   b: back   q: quit"
WIDEST = 110  # columns: longer lines are hard to read
PLAIN_WIDTH = 88  # where there is no terminal
LEAST = 12, 5  # columns and rows of a window in which something can be shown


def step_through(explanation: Explanation) -> None:
    """Show an explanation step by step, as the keys say; all steps where there is no terminal."""
    from rich.console import Console

    stepper = Stepper(scenes_of(explanation))
    console = Console(highlight=False)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        stepper.print_all(Console(width=PLAIN_WIDTH, highlight=False))
    elif console.is_dumb_terminal:
        stepper.page(console, line_keys)
    else:
        with raw_keys(lambda: console.size) as keys:
            if keys is None:
                stepper.page(console, line_keys)
            else:
                stepper.run(console, keys)


@dataclass(frozen=True)
class _Page:
    """As much of a scene as fits into a window."""

    scene: int
    lines: Sequence[list[Segment]]
    part: int
    parts: int


class Stepper:
    """Goes through scenes.

    Args:
        scenes: what is shown, in order.
    """

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self.scenes = scenes
        self._pages: list[_Page] = []
        self._size = (0, 0)
        self._place = 0

    def run(self, console: Console, keys: Keys) -> None:
        """Draw over the whole window, until a key ends it."""
        with console.screen(hide_cursor=True) as window:
            key = ""
            while key != QUIT:
                self._fit(console)
                self._move(key)
                window.update(self._drawn(console))
                key = keys()

    def page(self, console: Console, keys: Keys) -> None:
        """Print a scene after the other, each after a key."""
        place = 0
        while place < len(self.scenes):
            self._print(console, place)
            if place == len(self.scenes) - 1:
                return
            console.print(LINE_HELP, style="dim")
            key = keys()
            if key == QUIT:
                return
            place = max(0, place + {NEXT: 1, BACK: -1}.get(key, 0))

    def print_all(self, console: Console) -> None:
        """Print all scenes, without blanks at the ends of lines."""
        with console.capture() as captured:
            for place in range(len(self.scenes)):
                self._print(console, place)
        lines = captured.get().splitlines()
        console.file.write("".join(f"{line.rstrip()}\n" for line in lines))

    def _print(self, console: Console, place: int) -> None:
        from rich.text import Text

        scene = self.scenes[place]
        console.print(
            Text(f"{place + 1} of {len(self.scenes)}  {scene.phase}: {scene.title}", "bold")
        )
        for block in scene.body(min(console.width, WIDEST)):
            console.print(_rendered(block))

    # ---- the window

    def _fit(self, console: Console) -> None:
        """Divide the scenes into pages, anew where the window has changed its size."""
        if (size := console.size) == self._size:
            return
        scene = self._pages[self._place].scene if self._pages else 0
        width, height = self._inner(console)
        self._size = size
        self._pages = [
            page
            for number, one in enumerate(self.scenes)
            for page in _pages(console, number, one, width, height)
        ]
        self._place = next(n for n, page in enumerate(self._pages) if page.scene == scene)

    def _inner(self, console: Console) -> tuple[int, int]:
        """Columns and rows inside the frame: without its lines, its margins and the heading."""
        columns, rows = (max(a, b) for a, b in zip(console.size, LEAST, strict=True))
        return min(columns, WIDEST) - 4, rows - 3

    def _move(self, key: str) -> None:
        last = len(self._pages) - 1
        places = {NEXT: self._place + 1, BACK: self._place - 1, HOME: 0, END: last}
        self._place = min(max(places.get(key, self._place), 0), last)

    def _drawn(self, console: Console) -> RenderableType:
        from rich.box import ROUNDED
        from rich.console import Group
        from rich.panel import Panel
        from rich.segment import Segment, Segments
        from rich.text import Text

        page = self._pages[self._place]
        scene = self.scenes[page.scene]
        width, height = self._inner(console)
        part = f"  ({page.part} of {page.parts})" if page.parts > 1 else ""
        counted = f"{page.scene + 1} of {len(self.scenes)}"
        body = Segments([s for line in page.lines for s in (*line, Segment.line())])
        return Group(
            _heading(scene.phase),
            Panel(
                body,
                box=ROUNDED,
                title=Text(f" {scene.title}{part} ", "bold"),
                title_align="left",
                subtitle=Text(f" {counted}   {HELP} ", "dim"),
                subtitle_align="left",
                width=width + 4,
                height=height + 2,
                border_style="dim",
            ),
        )


def _pages(console: Console, number: int, scene: Scene, width: int, height: int) -> Iterator[_Page]:
    """Divide a scene; what belongs together stays on one page where it has room."""
    options = console.options.update(width=width, height=None)
    parts: list[list[list[Segment]]] = [[]]
    for block in scene.body(width):
        lines = console.render_lines(_rendered(block), options, pad=False)
        if len(parts[-1]) + len(lines) > height and len(lines) <= height:
            parts.append([])
        for line in lines:
            if len(parts[-1]) == height:
                parts.append([])
            parts[-1].append(line)
    shown = [part for part in parts if part] or [[]]
    for part, some in enumerate(shown, 1):
        yield _Page(number, some, part, len(shown))


def _heading(phase: str) -> Text:
    """Where one is: given, forward, loss, backward, update."""
    from rich.text import Text

    heading = Text(" ", no_wrap=True, overflow="crop")
    for one in PHASES:
        heading.append(f" {one} ", "reverse bold" if one == phase else "dim")
        heading.append(" " if one == PHASES[-1] else " › ", "dim")
    return heading


def _rendered(block: Block) -> RenderableType:
    """A block as rich draws it."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1))
    for column in range(len(block.rows[0])):
        grid.add_column(justify="right" if column in block.right else "left", overflow="fold")
    for row in block.rows:
        grid.add_row(*(Text.assemble(*cell) for cell in row))
    return Group(grid, Text()) if block.is_spaced else grid
