"""``glassgrad evaluate``, ``predict`` and ``summary``: what a trained model can do."""

from __future__ import annotations

import time
import zlib
from pathlib import Path
from tokenize import TokenError
from zipfile import BadZipFile

import numpy as np

from glassgrad import activations, datasets
from glassgrad.cli.runs import Run, is_run, quoted
from glassgrad.cli.screen import Screen
from glassgrad.cli.training import EVALUATION_BATCH
from glassgrad.errors import ArgumentError, FileError
from glassgrad.execute.executor import current_executor, use
from glassgrad.files import open_for_reading
from glassgrad.graph.operation import Array
from glassgrad.models import Model, Sequential, load_model

__all__ = ["evaluate", "predict", "summarize"]

ARRAY_FILES = (".npy", ".npz")
# What NumPy and its zip reader raise when a file is not what its name says.
_NO_ARRAY = (ValueError, TypeError, EOFError, AttributeError, LookupError, SyntaxError, TokenError,
             NotImplementedError, RuntimeError, BadZipFile, zlib.error)  # fmt: skip


def evaluate(source: Path, data: str | None, executor: str | None, screen: Screen) -> None:
    """Show loss and metrics on the test part of a data set.

    Raises:
        ArgumentError: no data are named and the model is no run, or it was saved without a loss.
        FileError: model or data cannot be read.
        ShapeError, DataError: the data do not fit the model.
    """
    with screen.announced_compilation():
        model = _load(source, executor)
        name = _data_of(source) if data is None else data
        dataset = datasets.load(name)
        if not model.is_compiled:
            raise ArgumentError(
                f"{str(source)!r} was saved before compile() gave it a loss, so "
                "there is nothing to evaluate. Try predict."
            )
        began = time.perf_counter()
        found = model.evaluate(
            dataset.x_test, dataset.y_test, EVALUATION_BATCH, verbose=0, return_dict=True
        )
        seconds = time.perf_counter() - began
    results = {f"test_{key}": value for key, value in found.items()}
    rows = [
        (key.replace("_", " "), f"{value:.2%}" if "accuracy" in key else f"{value:.4f}")
        for key, value in sorted(results.items())
    ]
    rows += [("examples", f"{len(dataset.x_test):,}"), ("data", name), ("model", str(source))]
    document = {
        "model": str(source),
        "data": name,
        **results,
        "examples": len(dataset.x_test),
        "seconds": round(seconds, 3),
    }
    screen.show("Evaluation", rows, document)


def predict(source: Path, inputs: str, executor: str | None, screen: Screen) -> None:
    """Write a line for each example: class and probability, or the outputs as they are.

    Raises:
        FileError: model or inputs cannot be read.
        ShapeError, DataError: the inputs do not fit the model.
    """
    with screen.announced_compilation():
        model = _load(source, executor)
        outputs = model.predict(_inputs(inputs, model), EVALUATION_BATCH)
    outputs = outputs.reshape(len(outputs), -1)
    if _gives_probabilities(model):
        classes, probabilities = outputs.argmax(axis=1), outputs.max(axis=1)
        lines = [f"{k}\t{p:.4f}" for k, p in zip(classes, probabilities, strict=True)]
        document = {"predictions": classes.tolist(), "probabilities": outputs.tolist()}
    else:
        lines = ["\t".join(f"{value:.6g}" for value in row) for row in outputs]
        document = {"predictions": outputs.tolist()}
    screen.lines(lines, document)


def summarize(source: Path) -> None:
    """Print the table of layers, shapes and parameters.

    Raises:
        FileError: the model cannot be read.
    """
    _load(source, "reference").summary()


def _load(source: Path, executor: str | None) -> Model:
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


def _data_of(source: Path) -> str:
    if not is_run(source):
        raise ArgumentError(
            "A model file does not say what data it learned from. Name them: "
            f"glassgrad evaluate {quoted(source)} digits"
        )
    return Run.open(source).config.data


def _gives_probabilities(model: Model) -> bool:
    last = model.layers[-1] if isinstance(model, Sequential) else None
    return getattr(last, "activation", None) is activations.softmax


def _inputs(source: str, model: Model) -> Array:
    """The test part of a data set, or the array of a file; one example becomes a batch of one."""
    if not source.endswith(ARRAY_FILES):
        return datasets.load(source).x_test
    array = _read_array(Path(source))
    is_one = isinstance(model, Sequential) and array.shape == model.input_shape[1:]
    return array[np.newaxis] if is_one else array


def _read_array(path: Path) -> Array:
    with open_for_reading(path) as file:
        try:
            found = np.load(file, allow_pickle=False)
            array: Array = found[_chosen(path, found.files)] if path.suffix == ".npz" else found
            array.shape  # noqa: B018 -- a zip archive and the texts in it have none
        except _NO_ARRAY as error:
            raise FileError(
                f"{str(path)!r} is no {path.suffix} file of numbers that NumPy wrote. "
                "Write one with numpy.save or numpy.savez."
            ) from error
    return array


def _chosen(path: Path, names: list[str]) -> str:
    """Which array of a file is meant."""
    for name in names if len(names) == 1 else ("x_test", "x"):
        if name in names:
            return name
    raise FileError(
        f"{str(path)!r} must hold one array, or one named 'x_test' or 'x'. It holds "
        f"{', '.join(names) or 'none'}."
    )
