"""``glassgrad explain``: every step of the chain rule, as text, as files, or step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

from glassgrad import lens
from glassgrad.cli.screen import Screen
from glassgrad.cli.subjects import model_and_data
from glassgrad.cli.training import Options
from glassgrad.errors import ArgumentError
from glassgrad.files import write_atomically
from glassgrad.graph import float_type
from glassgrad.layers import Dense, Input
from glassgrad.lens import Explanation
from glassgrad.models import Model, Sequential
from glassgrad.optimizers import SGD

__all__ = ["Wanted", "explain", "read_entry"]

EXAMPLES = 4
WIDTH = (88, 24)  # where there is no terminal


@dataclass(frozen=True)
class Wanted:
    """What is to be explained, and how it is to be told.

    Args:
        entries: entries to be followed, as they are typed: "hidden/kernel[3, 7]".
        examples: of how many examples the batch is made; 4 by default.
        two_step: whether softmax and cross-entropy are two steps.
        step: whether to go through it step by step in the terminal.
        files: for "html", "latex" and "markdown" the file that is wanted.
    """

    entries: Sequence[str] = ()
    examples: int | None = None
    two_step: bool = False
    step: bool = False
    files: Mapping[str, Path] = field(default_factory=dict)


def explain(source: str | None, options: Options, wanted: Wanted, screen: Screen) -> None:
    """Explain how the gradients of a network come about.

    Args:
        source: the file of a model, the folder of a run, or data for a new network; without it a
            network of one input, one hidden unit and one output is taken.
        options: ``data`` for a model; layers and target column of a new network.
        wanted: what is to be told, and how.
        screen: where it goes.

    Raises:
        ArgumentError: options exclude each other, or an entry cannot be read.
        UnknownNameError: there is no such parameter or data set.
        FileError: model or data cannot be read, or a file cannot be written.
    """
    if wanted.step and screen.as_json:
        raise ArgumentError("--step is for people and --json for programs. Got both.")
    entries = [read_entry(text) for text in wanted.entries]
    model, x, y = _subject(source, options, wanted, screen)
    explanation = lens.explain(model, x, y, entry=entries or None, fused=not wanted.two_step)
    _write(explanation, wanted.files, screen)
    if wanted.step:
        from glassgrad.cli.stepping import step_through

        step_through(explanation)
    elif screen.as_json:
        print(explanation.json())
    elif not wanted.files:
        print(explanation.text(width=get_terminal_size(WIDTH).columns))


def read_entry(text: str) -> tuple[Any, ...]:
    """A name and a place.

    Raises:
        ArgumentError: the place is not made of whole numbers.

    Example:
        >>> read_entry("hidden/kernel[3, 7]"), read_entry("w")
        (('hidden/kernel', 3, 7), ('w',))
    """
    name, bracket, rest = text.strip().rpartition("[")
    if not bracket or "]" in rest[:-1]:  # as in lstm[2].h, a step in time
        return (text.strip(),)
    numbers = rest.removesuffix("]").split(",")
    if not (name and rest.endswith("]") and all(map(_is_whole, numbers))):
        raise ArgumentError(
            f'An entry is a name and a place in it, such as "hidden/kernel[3,7]". Got {text!r}.'
        )
    return (name, *map(int, numbers))


def _is_whole(number: str) -> bool:
    return number.strip().removeprefix("-").isdecimal()


def _subject(
    source: str | None, options: Options, wanted: Wanted, screen: Screen
) -> tuple[Model, Any, Any]:
    """What is explained, and the first examples of its data."""
    if source is None and options == Options():
        return _one_unit_a_layer()
    model, _, x, y = model_and_data("explain", "explained", source, options, screen)
    count = wanted.examples or EXAMPLES
    return model, x[:count], y[:count]


def _one_unit_a_layer() -> tuple[Model, Any, Any]:
    """The network that one can compute by hand: y = w2 sigmoid(w1 x), squared error."""
    with float_type("float64"):
        model = Sequential(
            [
                Input((1,)),
                Dense(1, "sigmoid", use_bias=False, name="hidden"),
                Dense(1, use_bias=False, name="output"),
            ],
            name="one unit a layer",
        )
        model.compile(SGD(0.1), "mse")
        model.set_weights([[[0.8]], [[-0.4]]])
        return model, [[0.5]], [[1.0]]


def _write(explanation: Explanation, files: Mapping[str, Path], screen: Screen) -> None:
    for form, path in files.items():
        content: str = getattr(explanation, form)()
        with write_atomically(path) as file:
            file.write(content.encode("utf-8"))
        screen.note(f"Written: {path}")
