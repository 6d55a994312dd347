"""``glassgrad doctor``: find out why a network does not learn, and mend a copy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

import typer

from glassgrad.architecture import pace_for
from glassgrad.cli.destinations import require_folder
from glassgrad.cli.inference import load_for
from glassgrad.cli.invocation import command_line
from glassgrad.cli.profile import is_model, usual_loss
from glassgrad.cli.runs import Run, is_run
from glassgrad.cli.screen import Screen
from glassgrad.cli.training import Options, load_data_of, untrained, untrained_of
from glassgrad.datasets import Dataset, load
from glassgrad.errors import ArgumentError
from glassgrad.lens.doctor import Doctor, repair
from glassgrad.models import Model

__all__ = ["Patient", "examine_network", "patient_of"]

WIDTH = (100, 24)  # where there is no terminal
OPTIMIZER = "adam"  # of a model that was saved without one


@dataclass(frozen=True)
class Patient:
    """A network, the data that it is to learn from, and how long.

    Args:
        model: compiled.
        dataset: its data.
        batch_size: examples a step.
        epochs: how often to go through the data.
    """

    model: Model
    dataset: Dataset
    batch_size: int
    epochs: int


def examine_network(
    source: str | None, options: Options, mend: bool, out: Path | None, screen: Screen
) -> None:
    """Train a network, look on, and say what is wrong; mend a copy if asked to.

    Nothing is written but the mended network: models and runs stay as they are.

    Args:
        source: the file of a model, the folder of a run, or data for a new network.
        options: ``data`` for a model; layers of a new network, and how it learns.
        mend: whether a copy is to be mended.
        out: the file for the mended network.
        screen: where it goes.

    Raises:
        typer.Exit: with code 1 where something is wrong that was not mended.
        ArgumentError: options contradict one another.
        FileError: model or data cannot be read, or the mended network cannot be written.
    """
    if out is not None and not mend:
        raise ArgumentError("--out is the file of the mended network. Add --repair.")
    require_folder(out)
    patient = patient_of("doctor", source, options, screen)
    screen.note(
        f"{patient.model.name}: {patient.model.count_params():,} parameters, "
        f"{len(patient.dataset.x_train):,} examples of {patient.dataset.name}, "
        f"{patient.epochs} epochs in steps of {patient.batch_size}"
    )
    with screen.announced_compilation():
        is_well = _mend(patient, out, screen) if mend else _examine(patient, screen)
    if not is_well:
        raise typer.Exit(1)


def _examine(patient: Patient, screen: Screen) -> bool:
    """Train with the doctor, and show what it found; whether that is nothing."""
    doctor = Doctor(verbose=0)
    history = patient.model.fit(
        patient.dataset.x_train,
        patient.dataset.y_train,
        patient.batch_size,
        patient.epochs,
        verbose=0,
        callbacks=[doctor],
        validation_data=patient.dataset.validation,
    )
    document = {**_document(patient), "findings": [one.as_dict() for one in doctor.findings]}
    screen.lines(
        [doctor.report(get_terminal_size(WIDTH).columns)], {**document, "history": history.history}
    )
    if doctor.findings:
        screen.note("To mend a copy, add --repair.")
    return not doctor.findings


def _mend(patient: Patient, out: Path | None, screen: Screen) -> bool:
    """Mend a copy, show how, and write it; whether it is well now."""
    result = repair(
        patient.model,
        (patient.dataset.x_train, patient.dataset.y_train),
        validation_data=patient.dataset.validation,
        epochs=patient.epochs,
        batch_size=patient.batch_size,
    )
    if out is not None:
        result.model.save(out)
    written = {} if out is None else {"out": str(out)}
    screen.lines([str(result)], {**_document(patient), **result.as_dict(), **written})
    if result.findings and out is None:
        screen.note("To keep the mended network, add --out FILE.safetensors.")
    return result.is_mended or not result.findings


def _document(patient: Patient) -> dict[str, Any]:
    return {
        "model": patient.model.name,
        "data": patient.dataset.name,
        "epochs": patient.epochs,
        "batch_size": patient.batch_size,
    }


# ---- who is examined


def patient_of(command: str, source: str | None, options: Options, screen: Screen) -> Patient:
    """The network that a command is to train, with its data.

    Args:
        command: the name of the command, for its messages.
        source: the file of a model, the folder of a run, or data for a new network.
        options: ``data`` for a model; layers of a new network, and how it learns.
        screen: where messages go.

    Raises:
        ArgumentError: options contradict one another.
        FileError: model or data cannot be read.
    """
    if source is None or not is_model(Path(source)):
        return _new(command, source, options)
    _require_no_network(source, options)
    if is_run(Path(source)):
        return _of_run(source, options)
    return _of_file(command, source, options, screen)


def _new(command: str, source: str | None, options: Options) -> Patient:
    if source is not None and options.data is not None:
        raise ArgumentError(
            f"{source!r} is no model and no run, and data are named besides. For a new network, "
            f"name data alone: {command_line(command, options.data)}"
        )
    model, dataset, batch_size = untrained(replace(options, data=source))
    return Patient(model, dataset, batch_size, _epochs(dataset, options))


def _require_no_network(source: str, options: Options) -> None:
    given = [
        name
        for name in ("layers", "optimizer", "learning_rate", "target")
        if getattr(options, name) is not None
    ]
    if given:
        raise ArgumentError(
            f"--{given[0].replace('_', '-')} describes a new network, and {source!r} holds one. "
            "Leave it out."
        )


def _of_run(source: str, options: Options) -> Patient:
    """The network of a run as it was at its beginning, with its data."""
    if options.data is not None:
        raise ArgumentError(f"The run {source!r} has its data. Leave {options.data!r} out.")
    config = Run.open(Path(source)).config
    dataset = load_data_of(config)
    config = replace(
        config,
        epochs=options.epochs or config.epochs,
        batch_size=options.batch_size or config.batch_size,
    )
    return Patient(untrained_of(config, dataset), dataset, config.batch_size, config.epochs)


def _of_file(command: str, source: str, options: Options, screen: Screen) -> Patient:
    """The network of a file as it is there."""
    if options.data is None:
        raise ArgumentError(
            "A model file does not say what data it learns from. Name them: "
            f"{command_line(command, source, 'DATA')}"
        )
    model = load_for(Path(source), options.executor)
    if not model.is_compiled:
        loss = usual_loss(model)
        screen.note(f"{source!r} was saved without a loss, so it learns by {loss} and {OPTIMIZER}.")
        model.compile(OPTIMIZER, loss)
    dataset = load(options.data)
    batch_size, epochs = pace_for(dataset, options.batch_size, options.epochs)
    return Patient(model, dataset, batch_size, epochs)


def _epochs(dataset: Dataset, options: Options) -> int:
    return pace_for(dataset, options.batch_size, options.epochs)[1]
