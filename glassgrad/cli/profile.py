"""``glassgrad profile``: where the time of a step goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

from glassgrad import activations
from glassgrad.cli.inference import load_for
from glassgrad.cli.invocation import command_line
from glassgrad.cli.runs import is_run
from glassgrad.cli.screen import Screen
from glassgrad.cli.training import Options, untrained
from glassgrad.errors import ArgumentError, UnknownNameError
from glassgrad.execute.cpu.profile import ORDERS
from glassgrad.models import Model, Sequential

__all__ = ["MODEL_FILES", "is_model", "profile", "usual_loss"]

MODEL_FILES = (".safetensors",)
OPTIMIZER = "adam"
LOSSES: dict[Any, str] = {
    activations.softmax: "sparse_categorical_crossentropy",
    activations.sigmoid: "binary_crossentropy",
}
OTHER_LOSS = "mse"


def profile(options: Options, step: str, sort: str, plan: bool, screen: Screen) -> None:
    """Show what each kernel and each layer takes, or the plan that would be measured.

    Args:
        options: ``data`` is the file of a model, the folder of a run, or what ``train`` takes.
        step: "training", "evaluation" or "prediction".
        sort: "order", "time", "flop" or "bytes".
        plan: whether to show the plan instead of times.
        screen: where it goes.

    Raises:
        ArgumentError: options of a network are given for a model that has one already.
        UnknownNameError: there is no such step, order, data set or optimizer.
        FileError: model or data cannot be read.
        ExecutionError: the executor does not divide a step into parts.
    """
    if sort not in ORDERS:
        raise UnknownNameError("order", sort, ORDERS)
    with screen.announced_compilation():
        model, examples = _model_and_examples(options, step, screen)
        if plan:
            text = model.describe_step(*examples, step=step)
            screen.lines([text], {"plan": text})
            return
        found = model.profile(*examples, step=step)
    width = get_terminal_size().columns
    document = {"step": step, "batch_size": examples[-1], **found.as_dict()}
    screen.lines([found.table(width, sort)], document)


def _model_and_examples(options: Options, step: str, screen: Screen) -> tuple[Model, Sequence[Any]]:
    """The model, and what a step of it takes: x, y and the number of examples."""
    source = options.data
    if source is None or not is_model(Path(source)):
        network, dataset, batch_size = untrained(options)
        return network, (dataset.x_train, dataset.y_train, batch_size)
    given = [name for name in ("layers", "optimizer", "target", "task") if getattr(options, name)]
    if given:
        raise ArgumentError(
            f"--{given[0]} describes a new network, and {source!r} holds one. Leave it out, or "
            f"name data: {command_line('profile', 'digits', '--layers', '128')}"
        )
    model = load_for(Path(source), options.executor)
    if not model.is_compiled and step != "prediction":
        loss = usual_loss(model)
        screen.note(
            f"{source!r} was saved without a loss, so it is profiled with {loss} and {OPTIMIZER}."
        )
        model.compile(OPTIMIZER, loss)
    return model, (None, None, options.batch_size or 32)


def is_model(source: Path) -> bool:
    """Whether a path is that of a model file or of a run."""
    return source.name.endswith(MODEL_FILES) or is_run(source)


def usual_loss(model: Model) -> str:
    """What a network with such an end is usually trained by."""
    last = model.layers[-1] if isinstance(model, Sequential) else None
    return LOSSES.get(getattr(last, "activation", None), OTHER_LOSS)
