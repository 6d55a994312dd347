"""``glassgrad check``: the gradients of a network held against differences."""

from __future__ import annotations

from collections.abc import Sequence
from shutil import get_terminal_size

from glassgrad.cli.screen import Screen
from glassgrad.cli.subjects import model_and_data
from glassgrad.cli.training import Options
from glassgrad.lens import check_gradients

__all__ = ["check"]

EXAMPLES = 32
WIDTH = (100, 24)  # where there is no terminal


def check(
    source: str | None,
    options: Options,
    examples: int | None,
    parameters: Sequence[str] | None,
    training: bool,
    screen: Screen,
) -> None:
    """Show for each parameter whether its gradient is right.

    Args:
        source: the file of a model or the folder of a run; or data, for a new network.
        options: ``data`` for a model; layers and target column of a new network.
        examples: on how many examples the loss is computed; 32 by default.
        parameters: by which to differentiate, ``None`` for all that are trained.
        training: whether layers behave as in training.
        screen: where it goes.

    Raises:
        GradientError: a gradient is wrong; the table has been shown.
        ArgumentError: options of a network are given for a model that has one already.
        FileError: model or data cannot be read.
        UnknownNameError: there is no such parameter or data set.
    """
    model, name, x, y = model_and_data("check", "checked", source, options, screen)
    x, y = x[: examples or EXAMPLES], y[: examples or EXAMPLES]
    if "x" in (parameters or ()):
        x = x.astype("float32")  # pixels are stored as whole numbers
    result = check_gradients(model, x, y, parameters=parameters, training=training)
    document = {"model": source, "data": name, "examples": len(x), **result.as_dict()}
    screen.lines([result.text(get_terminal_size(WIDTH).columns)], document)
    result.raise_if_failed()
