"""``glassgrad warmup``: kernels of common networks, compiled before they are needed."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import typer

from glassgrad import optimizers
from glassgrad.cli.screen import Screen
from glassgrad.execute.cpu.cache import kernel_cache_folder
from glassgrad.execute.cpu.compiler import compilations
from glassgrad.execute.cpu.describe import counted, in_bytes
from glassgrad.execute.cpu.driver import compiled_driver
from glassgrad.execute.cpu.listing import KernelList
from glassgrad.execute.cpu.program import compiled
from glassgrad.layers import (
    GRU,
    LSTM,
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    Layer,
    MaxPooling2D,
    Rescaling,
    Reshape,
    TransformerBlock,
)
from glassgrad.lens.doctor.attendant import Attendant
from glassgrad.models import Sequential
from glassgrad.random_seed import seeded

__all__ = ["FAMILIES", "Training", "warm_up"]

EXAMPLES, BATCH = 11, 4  # two whole batches and a smaller one
FEATURES, UNITS, CLASSES = 6, 5, 3
SIDE, CHANNELS = 12, 16

ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "elu", "selu", "silu", "leaky_relu", "softplus")
OPTIMIZERS = {
    "sgd": "sgd",
    "sgd with momentum": optimizers.SGD(momentum=0.9),
    "sgd with Nesterov's momentum": optimizers.SGD(momentum=0.9, nesterov=True),
    "rmsprop": "rmsprop",
    "adagrad": "adagrad",
    "adamw": "adamw",
    "nadam": "nadam",
    "adamax": "adamax",
    "adam with clipped gradients": optimizers.Adam(clipnorm=1.0),
}


Layers: TypeAlias = Callable[[], list[Layer]]


@dataclass(frozen=True)
class Head:
    """How a network ends, and what it is compared by."""

    units: int
    activation: str | None
    loss: str
    metrics: Sequence[str] = ()

    def targets(self, label_dtype: str) -> np.ndarray[Any, Any]:
        """Targets of the right form for a few examples."""
        if self.loss == "sparse_categorical_crossentropy":
            return (np.arange(EXAMPLES) % self.units).astype(label_dtype)
        targets = np.zeros((EXAMPLES, self.units), np.float32)
        targets[:, 0] = 1.0
        return targets


CLASSES_BY_NUMBER = Head(CLASSES, "softmax", "sparse_categorical_crossentropy", ("accuracy",))
HEADS = {
    "classes by number": CLASSES_BY_NUMBER,
    "classes as vectors": Head(CLASSES, "softmax", "categorical_crossentropy", ("accuracy",)),
    "yes or no": Head(1, "sigmoid", "binary_crossentropy", ("accuracy",)),
    "a number": Head(1, None, "mse", ("mae",)),
    "a number, the loss alone": Head(1, None, "mse"),
    "numbers": Head(CLASSES, None, "mse", ("mae",)),
    "a number, absolute error": Head(1, None, "mae", ("mse",)),
    "a number, Huber's loss": Head(1, None, "huber", ("mae",)),
}


@dataclass(frozen=True)
class Training:
    """A small network that needs the kernels of large ones: they do not depend on sizes.

    Args:
        hidden: makes what stands between input and output.
        head: how it ends.
        optimizer: what it learns by.
        x_dtype: of the inputs; images are "uint8", and so are their labels.
        side: the length of the sides of images, for windows to have room; ``None`` for others.
    """

    hidden: Layers
    head: Head = CLASSES_BY_NUMBER
    optimizer: Any = "adam"
    x_dtype: str = "float32"
    side: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        if self.side is not None:
            return self.side, self.side
        return (FEATURES,) if self.x_dtype == "float32" else (2, FEATURES)

    def run(self, kernels: KernelList) -> None:
        """Train, evaluate and predict, so that every kernel of it is met."""
        head, shape = self.head, self.shape
        with seeded(0):
            output = Dense(head.units, head.activation)
            model = Sequential([Input(shape), *self.hidden(), output])
        metrics = list(head.metrics)
        chosen = optimizers.get(optimizers.serialize(optimizers.get(self.optimizer)))
        model.compile(chosen, head.loss, metrics=metrics, executor=kernels)
        x = np.ones((EXAMPLES, *shape), self.x_dtype)
        data = (x, head.targets("int32" if self.x_dtype == "float32" else self.x_dtype))
        for size in (BATCH, EXAMPLES):  # batches taken out of the data, and all of them at once
            for callbacks in ([], [Attendant()]):  # without a doctor, and with one
                model.fit(*data, size, 1, verbose=0, callbacks=callbacks, validation_data=data)
            model.predict(x, size, verbose=0)


def _dense(activation: str | None, *after: Callable[[], Layer], before: Layers = list) -> Layers:
    """Makes two layers of an activation, with others after each of them."""

    def layers() -> list[Layer]:
        hidden = [
            layer
            for _ in range(2)
            for layer in (Dense(UNITS, activation), *(make() for make in after))
        ]
        return [*before(), *hidden]

    return layers


def _image_layers() -> list[Layer]:
    return [Rescaling(1 / 255), Flatten()]


def _sequence_layers(layer: Callable[..., Layer]) -> list[Layer]:
    return [Rescaling(1 / 255), layer(UNITS, return_sequences=True), layer(UNITS)]


def _convolutions() -> list[Layer]:
    """As many channels as convolutions by tiles need, and one channel at the beginning."""
    return [
        *(Rescaling(1 / 255), Reshape((SIDE, SIDE, 1))),
        *(Conv2D(CHANNELS, 3, activation="relu") for _ in range(2)),
        *(MaxPooling2D(), Flatten(), Dense(UNITS, "relu")),
    ]


def _normalized_convolutions() -> list[Layer]:
    """Convolutions of residual networks, without what goes around them."""
    layers: list[Layer] = [Rescaling(1 / 255), Reshape((SIDE, SIDE, 1))]
    for strides in (1, 2, 1):
        convolution = Conv2D(CHANNELS, 3, strides, padding="same", use_bias=False)
        layers += [convolution, BatchNormalization(), Activation("relu")]
    return [*layers, GlobalAveragePooling2D()]


def _attention() -> list[Layer]:
    return [Rescaling(1 / 255), TransformerBlock(2, UNITS), Flatten()]


_dropout = partial(Dropout, 0.5)


FAMILIES: Mapping[str, Mapping[str, Training]] = {
    "hidden layers": {name: Training(_dense(name)) for name in ACTIVATIONS},
    "outputs and losses": {
        name: Training(_dense("relu"), head=head) for name, head in HEADS.items()
    },
    "optimizers": {
        name: Training(_dense("relu"), optimizer=one) for name, one in OPTIMIZERS.items()
    },
    "between layers": {
        "dropout": Training(_dense("relu", _dropout)),
        "batch normalisation": Training(_dense("relu", BatchNormalization)),
        "batch normalisation before relu": Training(
            _dense(None, BatchNormalization, partial(Activation, "relu"))
        ),
        "both": Training(_dense("relu", BatchNormalization, _dropout)),
    },
    "images": {
        "dense layers": Training(_dense("relu", before=_image_layers), x_dtype="uint8"),
        "dropout": Training(_dense("relu", _dropout, before=_image_layers), x_dtype="uint8"),
        "convolutions": Training(_convolutions, x_dtype="uint8", side=SIDE),
        "normalised convolutions": Training(_normalized_convolutions, x_dtype="uint8", side=SIDE),
    },
    "sequences": {
        layer.__name__: Training(partial(_sequence_layers, layer), x_dtype="uint8")
        for layer in (LSTM, GRU)
    }
    | {"attention": Training(_attention, x_dtype="uint8")},
}
"""The common networks, by what they show."""


@dataclass
class _Found:
    """The kernels of all families, each counted where it is met first."""

    kernels: KernelList = field(default_factory=KernelList)
    counts: dict[str, int] = field(default_factory=dict)


def warm_up(list_only: bool, screen: Screen) -> None:
    """Compile what is missing of the kernels of common networks, and say what was done.

    Args:
        list_only: whether to compile nothing, and show what there is to compile.
        screen: where it goes.
    """
    found = _kernels_of(FAMILIES)
    if list_only:
        _show_list(found, screen)
        return
    began, before = time.perf_counter(), compilations()
    compiled_driver()
    made = 0
    try:
        with _progress(screen, len(found.kernels.sources)) as advance:
            for source in found.kernels.sources:
                count = compilations()
                compiled(source)
                made += compilations() > count
                advance()
    except KeyboardInterrupt:
        screen.note("Interrupted. What is compiled is kept; the same command goes on.")
        raise typer.Exit(130) from None
    _show_result(len(found.kernels.sources), made, compilations() - before, began, screen)


def _kernels_of(families: Mapping[str, Mapping[str, Training]]) -> _Found:
    found = _Found()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a few ones are no data to learn from
        for family, trainings in families.items():
            before = len(found.kernels.sources)
            for training in trainings.values():
                training.run(found.kernels)
            found.counts[family] = len(found.kernels.sources) - before
    return found


def _show_list(found: _Found, screen: Screen) -> None:
    rows = [
        [family, str(found.counts[family]), ", ".join(trainings)]
        for family, trainings in FAMILIES.items()
    ]
    document = {
        "kernels": len(found.kernels.sources),
        "families": [
            {"family": family, "kernels": found.counts[family], "networks": list(trainings)}
            for family, trainings in FAMILIES.items()
        ],
    }
    screen.table(
        "What warmup compiles", ["what", "new kernels", "of networks with"], rows, document
    )


def _show_result(kernels: int, made: int, functions: int, began: float, screen: Screen) -> None:
    folder, seconds = kernel_cache_folder(), time.perf_counter() - began
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    rows = [
        ("compiled", f"{counted(made, 'kernel')} in {seconds:.1f} s"),
        ("there already", counted(kernels - made, "kernel")),
        ("folder", str(folder)),
        ("its size", in_bytes(size)),
    ]
    document = {
        "kernels": kernels,
        "compiled": made,
        "compiled_functions": functions,
        "there_already": kernels - made,
        "seconds": round(seconds, 3),
        "folder": str(folder),
        "bytes": size,
    }
    screen.show("Kernels of common networks", rows, document)


@contextmanager
def _progress(screen: Screen, total: int) -> Iterator[Any]:
    """A bar on a terminal; a line elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    if screen.quiet or not sys.stderr.isatty():
        screen.note(f"{total} kernels are compiled, or found compiled.")
        yield lambda: None
        return
    columns = (TextColumn("kernels"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)
