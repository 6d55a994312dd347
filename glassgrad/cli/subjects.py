"""The network that a command looks at, with data: of a file, of a run, or new."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from glassgrad.cli.inference import load_for, test_part
from glassgrad.cli.invocation import command_line
from glassgrad.cli.profile import is_model, usual_loss
from glassgrad.cli.screen import Screen
from glassgrad.cli.training import Options, untrained
from glassgrad.errors import ArgumentError
from glassgrad.graph.operation import Array
from glassgrad.models import Model

__all__ = ["model_and_data"]

EXECUTOR = "reference"  # what is looked at is computed in float64, without compiled kernels


def model_and_data(
    command: str, done: str, source: str | None, options: Options, screen: Screen
) -> tuple[Model, str, Array, Array]:
    """A compiled network, the name of its data, inputs and targets.

    Args:
        command: the name of the command, for its messages: "check".
        done: what it does with a network: "checked".
        source: the file of a model or the folder of a run; or data, for a new network.
        options: ``data`` for a model; layers and target column of a new network.
        screen: where messages go.

    Raises:
        ArgumentError: options of a network are given for a model that has one already.
        FileError: model or data cannot be read.
        UnknownNameError: there is no such data set.
    """
    if source is None or not is_model(Path(source)):
        if source is not None and options.data is not None:
            raise ArgumentError(
                f"{source!r} is no model and no run, and data are named besides. For a new "
                f"network, name data alone: {command_line(command, options.data)}"
            )
        network, dataset, _ = untrained(replace(options, data=source, executor=EXECUTOR))
        return network, dataset.name, dataset.x_train, dataset.y_train
    given = [name for name in ("layers", "target") if getattr(options, name)]
    if given:
        raise ArgumentError(
            f"--{given[0]} describes a new network, and {source!r} holds one. Leave it out."
        )
    path = Path(source)
    model = load_for(path, EXECUTOR)
    name, x, y = test_part(path, options.data, model, screen, command)
    if not model.is_compiled:
        loss = usual_loss(model)
        screen.note(f"{source!r} was saved without a loss, so it is {done} with {loss}.")
        model.compile("sgd", loss)
    return model, name, x, y
