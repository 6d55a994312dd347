"""How training shows itself: on a terminal, elsewhere, and not at all."""

from __future__ import annotations

import re
from io import StringIO
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from glassgrad.callbacks import Callback
from glassgrad.errors import ArgumentError
from glassgrad.training.progress import PlainProgress, ProgressBar, progress_for, written
from tests.training.small import compiled, inputs, labels


class Terminal(StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


class Fail(Callback):
    """Raises in the second epoch."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.model.epochs_seen == 1:
            raise ZeroDivisionError


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
    monkeypatch.setattr("glassgrad.training.progress.sys", SimpleNamespace(stderr=stream))
    monkeypatch.setattr("glassgrad.training.progress.SECONDS_BETWEEN_LOOKS", 0.0)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return stream


def without_control_characters(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n")


@pytest.mark.parametrize(
    "number, text",
    [
        (0.0, "0.0000"), (0.25, "0.2500"), (-0.25, "-0.2500"), (1e-3, "0.0010"),
        (9e-4, "9.000e-04"), (12345.0, "1.234e+04"), (float("nan"), "nan"), (float("inf"), "inf"),
    ],
)  # fmt: skip
def test_numbers(number: float, text: str) -> None:
    assert written({"loss": number}) == f"loss {text}"


def test_arrays() -> None:
    assert written({"recall": np.array([0.5, 0.25])}) == "recall [0.5000 0.2500]"
    assert written({"matrix": np.eye(2)}) == "matrix [[1.0000 0.0000] [0.0000 1.0000]]"
    assert written({"matrix": np.eye(10)}) == "matrix array of shape (10, 10)"


def test_no_logs() -> None:
    assert written(None) == written({}) == ""


@pytest.mark.parametrize(
    "verbose, stream, kind",
    [
        (0, Terminal(), None), (1, StringIO(), ProgressBar), (2, Terminal(), PlainProgress),
        ("auto", Terminal(), ProgressBar), ("auto", StringIO(), PlainProgress),
        (True, Terminal(), ProgressBar), (False, Terminal(), None),
    ],
)  # fmt: skip
def test_what_is_shown_where(verbose: Any, stream: StringIO, kind: Any) -> None:
    found = progress_for(verbose, stream)
    assert found is None if kind is None else type(found) is kind


@pytest.mark.parametrize("verbose", ["loud", 3, None, -1])
def test_an_unknown_verbosity(verbose: Any) -> None:
    model = compiled()
    for method in (model.fit, model.evaluate):
        with pytest.raises(ArgumentError, match=f"verbose must be 'auto', 0 .* Got {verbose!r}"):
            method(inputs(), labels(), verbose=verbose)
    with pytest.raises(ArgumentError, match="verbose must be"):
        model.predict(inputs(), verbose=verbose)


def test_a_line_for_each_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    data = (inputs(), labels())
    compiled().fit(*data, epochs=2, verbose=2, validation_data=data)
    captured = capsys.readouterr()
    assert not captured.out
    line = r"epoch {}/2  \d+\.\d s  loss \d\.\d{{4}}  accuracy \d\.\d{{4}}  val_loss .*\n"
    assert re.fullmatch(line.format(1) + line.format(2), captured.err)


def test_silence(capsys: pytest.CaptureFixture[str], terminal: Terminal) -> None:
    model, data = compiled(), (inputs(), labels())
    model.fit(*data, epochs=2, verbose=0, validation_data=data)
    model.evaluate(*data, verbose=0)
    model.predict(inputs(), verbose=0)
    assert not terminal.getvalue()
    assert not capsys.readouterr().out


def test_evaluation_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    model = compiled()
    model.evaluate(inputs(), labels())
    assert capsys.readouterr().err == ""  # no terminal, and nobody asked
    model.evaluate(inputs(), labels(), verbose=1)
    assert re.fullmatch(r"loss \d.*  accuracy \d.*\n", capsys.readouterr().err)


def test_the_bar(terminal: Terminal) -> None:
    compiled().fit(inputs(), labels(), 4, epochs=2)
    text = without_control_characters(terminal.getvalue())
    assert re.search(r"^epoch 1/2  loss \d", text, re.MULTILINE)
    assert re.search(r"^epoch 2/2  loss \d", text, re.MULTILINE)
    assert "batches/s" in text
    assert "━" in text


def test_on_a_narrow_terminal_the_bar_leaves_metrics_out(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    model = compiled()
    model.fit(inputs(), labels(), 4, epochs=2, validation_data=(inputs(), labels()))
    text = without_control_characters(terminal.getvalue())
    bars = [line for line in text.splitlines() if "━" in line]
    assert any("loss" in line for line in bars)
    assert not any("…" in line for line in bars)


def is_taken_away(terminal: Terminal) -> bool:
    """The cursor is shown again, and what was drawn last is erased."""
    end = terminal.getvalue()[-60:]
    return "\x1b[?25h" in end and end.rindex("\x1b[2K") > end.rindex("━") if "━" in end else True


def test_the_bar_is_taken_away_at_the_end(terminal: Terminal) -> None:
    compiled().fit(inputs(), labels(), 4, epochs=2)
    assert terminal.getvalue().rindex("\x1b[?25h") > terminal.getvalue().rindex("━")
    assert is_taken_away(terminal)


def test_the_bar_is_taken_away_after_an_error(terminal: Terminal) -> None:
    with pytest.raises(ZeroDivisionError):
        compiled().fit(inputs(), labels(), 4, epochs=3, callbacks=[Fail()])
    assert terminal.getvalue().rindex("\x1b[?25h") > terminal.getvalue().rindex("━")
    assert is_taken_away(terminal)


def test_the_bar_of_a_run_that_goes_on_in_the_middle(
    terminal: Terminal, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glassgrad.training.loop.SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    path = tmp_path / "run"

    class Stop(Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                raise ZeroDivisionError

    for verbose in (1, 2):
        path.unlink(missing_ok=True)
        with pytest.raises(ZeroDivisionError):
            compiled().fit(inputs(), labels(), 4, 2, 0, callbacks=[Stop()], checkpoint=path)
        terminal.seek(0)
        terminal.truncate()
        compiled().fit(inputs(), labels(), 4, 2, verbose, checkpoint=path)
        text = without_control_characters(terminal.getvalue())
        assert "epoch 1/2" in text
        assert "epoch 2/2" in text
