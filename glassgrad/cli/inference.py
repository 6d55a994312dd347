"""``glassgrad evaluate``, ``predict`` and ``summary``: what a trained model can do."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from glassgrad import activations, datasets
from glassgrad.cli.invocation import command_line, quoted
from glassgrad.cli.runs import Run, is_run
from glassgrad.cli.scores import EVALUATION_BATCH, score_rows, scores_of
from glassgrad.cli.screen import Screen
from glassgrad.cli.training import load_data_of
from glassgrad.datasets.image_folder import image_files, read_images
from glassgrad.datasets.numpy_file import ARRAY_FILES, read_arrays
from glassgrad.datasets.reading import is_table_file
from glassgrad.errors import ArgumentError, FileError
from glassgrad.execute.executor import current_executor, use
from glassgrad.graph.operation import Array
from glassgrad.models import Model, Sequential, load_model
from glassgrad.preprocessing import ImageEncoder, Preprocessing, Table, TableEncoder
from glassgrad.preprocessing.targets import ClassTarget

__all__ = ["evaluate", "load_for", "predict", "summarize", "test_part"]


def evaluate(source: Path, data: str | None, executor: str | None, screen: Screen) -> None:
    """Show loss and metrics on the test part of a data set.

    Raises:
        ArgumentError: no data are named and the model is no run, or it was saved without a loss.
        FileError: model or data cannot be read.
        ShapeError, DataError: the data do not fit the model.
    """
    with screen.announced_compilation():
        model = load_for(source, executor)
        name, x, y = test_part(source, data, model, screen, "evaluate")
        if not model.is_compiled:
            raise ArgumentError(
                f"{str(source)!r} was saved before compile() gave it a loss, so "
                "there is nothing to evaluate. Try predict."
            )
        began = time.perf_counter()
        results = scores_of(model, x, y)
        seconds = time.perf_counter() - began
    rows = score_rows(results)
    rows += [("examples", f"{len(x):,}"), ("data", name), ("model", str(source))]
    document = {
        "model": str(source),
        "data": name,
        **results,
        "examples": len(x),
        "seconds": round(seconds, 3),
    }
    screen.show("Evaluation", rows, document)


def predict(source: Path, inputs: str, executor: str | None, screen: Screen) -> None:
    """Write a line for each example: class and probability, or the outputs as they are.

    What was learned from a table is told as CSV, by the names of its classes or in its own unit.

    Raises:
        FileError: model or inputs cannot be read.
        ShapeError, DataError: the inputs do not fit the model.
    """
    with screen.announced_compilation():
        model = load_for(source, executor)
        outputs = model.predict(_inputs(inputs, model, screen), EVALUATION_BATCH)
    outputs = outputs.reshape(len(outputs), -1)
    encoder = model.preprocessing
    if isinstance(encoder, Preprocessing):
        files = _images_of(inputs) if isinstance(encoder, ImageEncoder) else None
        _show_named(encoder, outputs, files, screen)
        return
    if _gives_probabilities(model):
        classes, probabilities = outputs.argmax(axis=1), outputs.max(axis=1)
        lines = [f"{k}\t{p:.4f}" for k, p in zip(classes, probabilities, strict=True)]
        document = {"predictions": classes.tolist(), "probabilities": outputs.tolist()}
    else:
        lines = ["\t".join(f"{value:.6g}" for value in row) for row in outputs]
        document = {"predictions": outputs.tolist()}
    screen.lines(lines, document)


def _show_named(
    encoder: Preprocessing, outputs: Array, files: list[Path] | None, screen: Screen
) -> None:
    """Predictions by the names of classes or in the target's unit, as a table."""
    target, told = encoder.target, encoder.decode(outputs)
    rows: list[list[str]]
    if isinstance(target, ClassTarget):
        header = [target.name, "probability"]
        rows = [[k, f"{p:.4f}"] for k, p in zip(told, outputs.max(axis=1), strict=True)]
        more = {"classes": target.classes, "probabilities": outputs.tolist()}
    else:
        header, rows, more = [target.name], [[f"{value:.7g}"] for value in told], {}
    document = {"target": target.name, "predictions": told.tolist(), **more}
    if files is not None:
        header = ["file", *header]
        rows = [[str(file), *row] for file, row in zip(files, rows, strict=True)]
        document["files"] = list(map(str, files))
    screen.lines(map(_csv_line, [header, *rows]), document)


def _csv_line(fields: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


def summarize(source: Path) -> None:
    """Print the table of layers, shapes and parameters.

    Raises:
        FileError: the model cannot be read.
    """
    load_for(source, "reference").summary()


def load_for(source: Path, executor: str | None) -> Model:
    """The model of a file or of a run, to be run by an executor.

    Raises:
        FileError: it cannot be read, or the run has not come to its end.
        UnknownNameError: there is no such executor.
    """
    if executor is not None:
        use(executor)
    current_executor()  # what is wrong with it is no fault of the model's file
    if not source.is_dir():
        return load_model(source)
    run = Run.open(source)
    if not run.model.exists():
        raise FileError(
            f"The run {str(source)!r} has not come to its end. First: {run.how_to_go_on}"
        )
    return load_model(run.model)


def _data_of(source: Path, command: str) -> str:
    if not is_run(source):
        raise ArgumentError(
            "A model file does not say what data it learned from. Name them: "
            f"{command_line(command, quoted(source), 'digits')}"
        )
    return Run.open(source).config.data


def _gives_probabilities(model: Model) -> bool:
    last = model.layers[-1] if isinstance(model, Sequential) else None
    return getattr(last, "activation", None) is activations.softmax


def test_part(
    source: Path, data: str | None, model: Model, screen: Screen, command: str
) -> tuple[str, Array, Array]:
    """The data's name, inputs and targets: the test part, or of another table every row."""
    name = _data_of(source, command) if data is None else data
    encoder = model.preprocessing
    if not isinstance(encoder, TableEncoder):
        _require_no_table(name)
        dataset = datasets.load(name)
    elif is_run(source) and (config := Run.open(source).config).data == str(Path(name).resolve()):
        if data is not None:
            screen.note("The network has learned from this table, so its test part is used.")
        dataset = load_data_of(config)
    else:
        table, inputs = _table(name, encoder, screen)
        return name, inputs, encoder.targets(table)
    return name, dataset.x_test, dataset.y_test


def _require_no_table(source: str) -> None:
    if is_table_file(source) and not source.lower().endswith(ARRAY_FILES):
        raise ArgumentError(
            f"{source!r} is a table, and the network has not learned from one. Train one: "
            f"{command_line('train', quoted(source), '--target', 'COLUMN')}"
        )


def _images_of(source: str) -> list[Path]:
    return image_files(Path(source))


def _table(source: str, encoder: TableEncoder, screen: Screen) -> tuple[Table, Array]:
    """A table and the inputs that it becomes, with what is unusual about it as messages."""
    table = datasets.read_table(source, encoder.kinds)
    inputs = encoder.inputs(table)
    for remark in (*table.remarks, *encoder.remarks(table)):
        screen.note(remark)
    return table, inputs


def _inputs(source: str, model: Model, screen: Screen) -> Array:
    """The test part of a data set, or the array of a file; one example becomes a batch of one."""
    if isinstance(model.preprocessing, ImageEncoder):
        return read_images(_images_of(source), model.preprocessing)
    if isinstance(model.preprocessing, TableEncoder):
        return _table(source, model.preprocessing, screen)[1]
    if not source.lower().endswith(ARRAY_FILES):
        _require_no_table(source)
        return datasets.load(source).x_test
    array = _read_array(Path(source))
    is_one = isinstance(model, Sequential) and array.shape == model.input_shape[1:]
    return array[np.newaxis] if is_one else array


def _read_array(path: Path) -> Array:
    arrays = read_arrays(path)
    return arrays[_chosen(path, list(arrays))]


def _chosen(path: Path, names: list[str]) -> str:
    """Which array of a file is meant."""
    for name in names if len(names) == 1 else ("x_test", "x"):
        if name in names:
            return name
    raise FileError(
        f"{str(path)!r} must hold one array, or one named 'x_test' or 'x'. It holds "
        f"{', '.join(names) or 'none'}."
    )
