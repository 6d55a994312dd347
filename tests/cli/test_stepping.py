"""An explanation is gone through by keys, in windows of any size and in a real terminal."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import glassgrad
from glassgrad import Variable
from glassgrad.cli import keys
from glassgrad.cli.keys import BACK, END, HOME, NEXT, QUIT, RESIZED
from glassgrad.cli.scenes import PHASES, Scene, scenes_of
from glassgrad.cli.stepping import Stepper
from glassgrad.graph import Formula
from glassgrad.lens.explanation import Line

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    w1, w2 = (Variable(v, name=n, dtype="float64") for v, n in ((0.8, "w1"), (-0.4, "w2")))
    return scenes_of(glassgrad.explain(((w1 * 0.5).sigmoid() * w2).square(), entry=("w1",)))


def window(width: int = 80, height: int = 20) -> Console:
    return Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None
    )


def shown(scenes: Sequence[Scene], pressed: Sequence[str], console: Console) -> list[str]:
    """What stands in the window before each key."""
    screens = []
    waiting = iter(pressed)

    def key() -> str:
        screens.append(drawn(console))
        return next(waiting)

    Stepper(scenes).run(console, key)
    return screens


def drawn(console: Console) -> str:
    """The text since the window was cleared last."""
    file = console.file
    assert isinstance(file, io.StringIO)
    text = file.getvalue()
    file.seek(0)
    file.truncate()
    return re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", text)


def places(screens: Sequence[str]) -> list[int]:
    return [int(re.search(r"(\d+) of \d+   →", screen)[1]) for screen in screens]  # type: ignore[index]


def test_keys_go_on_and_back_and_to_the_ends(scenes: list[Scene]) -> None:
    pressed = [BACK, NEXT, NEXT, BACK, "", RESIZED, END, NEXT, HOME, QUIT]
    last = len(scenes)
    assert places(shown(scenes, pressed, window(100, 40))) == [
        1, 1, 2, 3, 2, 2, 2, last, last, 1,
    ]  # fmt: skip


def test_the_order_is_that_of_computation(scenes: list[Scene]) -> None:
    phases = [scene.phase for scene in scenes]
    assert phases == sorted(phases, key=PHASES.index)
    assert {"Given", "Loss", "Backward"} <= set(phases)
    titles = [scene.title for scene in scenes]
    assert "dL/dw1 as a product" in titles
    assert "dL/dw1, number by number" in titles


def test_nothing_is_lost_and_everything_fits_in_windows_of_any_size(scenes: list[Scene]) -> None:
    wanted = None
    for width, height in ((110, 50), (60, 12), (46, 9), (30, 8)):
        console = window(width, height)
        screens = shown(scenes, [NEXT] * 60 + [QUIT], console)
        for screen in screens:
            rows = screen.split("\n")
            assert len(rows) <= height
            assert max(map(len, rows)) <= width
        inside = re.findall(r"^│ (.*) │", "\n".join(dict.fromkeys(screens)), re.MULTILINE)
        letters = Counter("".join("".join(inside).split()))
        wanted = wanted or letters
        assert (
            letters == wanted or width < 40
        )  # of columns that are narrow the lines lie between each other


def test_a_tiny_window_is_no_error(scenes: list[Scene]) -> None:
    assert len(shown(scenes, [NEXT, QUIT], window(3, 2))) == 2


def test_the_scene_stays_when_the_window_changes_its_size(scenes: list[Scene]) -> None:
    console = window(100, 40)
    found: list[str] = []
    pressed = iter([NEXT, NEXT, NEXT, RESIZED, QUIT])

    def key() -> str:
        found.append(drawn(console))
        following = next(pressed)
        if following == RESIZED:
            console.size = (50, 9)  # type: ignore[assignment]
        return following

    Stepper(scenes).run(console, key)
    assert places(found)[-2:] == [4, 4]


def test_without_single_keys_enter_goes_on(
    scenes: list[Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n\nb\nx\nq\n"))
    console = window()
    Stepper(scenes).page(console, keys.line_keys)
    found = re.findall(r"^(\d+) of", drawn(console), re.MULTILINE)
    assert found == ["1", "2", "3", "2", "2"]


def test_the_end_of_the_input_ends_it(scenes: list[Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    console = window()
    Stepper(scenes).page(console, keys.line_keys)
    assert re.findall(r"^(\d+) of", drawn(console), re.MULTILINE) == ["1", "2"]


def test_where_there_is_no_terminal_all_steps_are_printed(command: Command) -> None:
    found = command("explain", "--step")
    assert found.code == 0, found.err
    numbers = re.findall(r"^(\d+) of (\d+) ", found.out, re.MULTILINE)
    assert [int(n) for n, _ in numbers] == list(range(1, int(numbers[0][1]) + 1))
    assert "hidden.kernel.new = hidden.kernel - learning_rate * dL/dhidden.kernel" in found.out
    assert "\x1b" not in found.out
    assert all(line == line.rstrip() for line in found.out.splitlines())


@pytest.mark.parametrize(
    "shape, width, rows",
    [
        ((3,), 40, ["[0. 1. 2.]"]),
        ((2, 2), 40, ["[[0. 1.]", " [2. 3.]]"]),
        ((100,), 30, ["[ 0.  1.  2. ... 97. 98. 99.]"]),
        ((1, 2, 2, 1), 40, ["[[[[0.]", "   [1.]]", "", "  [[2.]", "   [3.]]]]"]),
        ((2, 9, 9, 3), 22, ["at [0, :, :, 0]", "[[  0. ...  24.]"]),
    ],
)
def test_arrays_are_cut_to_the_room(shape: tuple[int, ...], width: int, rows: list[str]) -> None:
    value = np.arange(float(np.prod(shape))).reshape(shape)
    line = Line("given", Formula("x", "x"), None, value)
    explained = dataclasses.replace(glassgrad.explain(Variable(1.0) * 2.0), given=(line,))
    (block,) = scenes_of(explained)[0].body(width + 10)
    found = ["".join(text for text, _ in row[1]) for row in block.rows][1:]
    assert found[: len(rows)] == rows
    assert len(found) <= 9
    assert max(map(len, found)) <= width


# ---- a real terminal

termios = pytest.importorskip("termios")


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The two ends of a terminal: the user's and the program's."""
    user, program = os.openpty()
    termios.tcsetwinsize(program, (24, 80)) if hasattr(termios, "tcsetwinsize") else None
    yield user, program
    for one in (user, program):
        os.close(one)


@pytest.mark.parametrize(
    "typed, wanted",
    [
        ("\x1b[C", NEXT), ("\x1b[B", NEXT), ("\n", NEXT), ("\r", NEXT), (" ", NEXT),
        ("\x1b[D", BACK), ("\x1b[A", BACK), ("\x7f", BACK), ("\x1bOD", BACK),
        ("\x1b[H", HOME), ("\x1b[1~", HOME), ("\x1b[F", END), ("\x1b[4~", END),
        ("q", QUIT), ("\x1b", QUIT), ("x", ""), ("\x1b[Z", ""), ("ü", ""),
    ],
)  # fmt: skip
def test_keys_of_a_terminal(
    typed: str, wanted: str, terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    user, program = terminal
    before = termios.tcgetattr(program)
    with open(program, encoding="utf-8", closefd=False) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with keys.raw_keys(lambda: (80, 24)) as key:
            assert key is not None
            os.write(user, typed.encode())
            assert key() == wanted
            os.write(user, b"\x1b[C\x1b[Dq")  # held down, keys come together
            assert [key() for _ in range(3)] == [NEXT, BACK, QUIT]
    assert termios.tcgetattr(program) == before


def test_a_window_of_another_size_is_told(
    terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "LOOK_AGAIN", 0.001)
    sizes = iter([(80, 24), (80, 24), (60, 24)])
    with open(terminal[1], encoding="utf-8", closefd=False) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with keys.raw_keys(lambda: next(sizes)) as key:
            assert key is not None
            assert key() == RESIZED


def test_no_terminal_gives_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with keys.raw_keys(lambda: None) as key:
        assert key is None


def test_the_command_in_a_terminal(terminal: tuple[int, int]) -> None:
    user, program = terminal
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    process = subprocess.Popen(
        [sys.executable, "-m", "glassgrad", "explain", "--step"],
        stdin=program,
        stdout=program,
        stderr=subprocess.PIPE,
        env=environment,
    )
    try:
        first = read_until(user, "1 of ")
        assert "\x1b[?1049h" in first  # the other screen, so that what stood there comes back
        for typed, wanted in ((b"\x1b[C", "2 of "), (b"\x1b[D", "1 of "), (b"\n", "2 of ")):
            os.write(user, typed)
            assert wanted in read_until(user, wanted)
        os.write(user, b"\x1b[F")
        assert "output.kernel.new" in read_until(user, "output.kernel.new")
        os.write(user, b"q")
        assert "\x1b[?1049l" in read_until(user, "\x1b[?1049l")
        assert process.wait(timeout=20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()


def read_until(terminal: int, wanted: str) -> str:
    text = ""
    while wanted not in text:
        assert select.select([terminal], [], [], 60)[0], f"{wanted!r} did not come; got {text!r}"
        text += os.read(terminal, 65536).decode("utf-8", "replace")
    return text
