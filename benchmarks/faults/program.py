"""What a program of the benchmark is: an ordinary training, and the faults it can be given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from glassgrad import set_random_seed
from glassgrad.models import Model

__all__ = ["Array", "Examples", "Fault", "Half", "Program", "Training", "improvement"]

Array: TypeAlias = npt.NDArray[Any]
Task: TypeAlias = Literal["classification", "regression"]
Half: TypeAlias = Literal["development", "test"]

#: What a fault may change beside the arguments of a program's `load` and `build`.
OF_THE_PROGRAM = ("epochs", "batch_size", "fit")


@dataclass(frozen=True)
class Examples:
    """What a network learns from, and what it is judged by."""

    x: Array
    y: Array
    x_test: Array
    y_test: Array


@dataclass(frozen=True)
class Fault:
    """One way in which a program can be wrong.

    Args:
        name: what was done, in a few words with hyphens: "zeros-everywhere".
        code: the fault by the catalogue's code.
        choices: replaces arguments of the program's `load` and `build`, or its `epochs`,
            `batch_size` and `fit` (these are added to those of the program).
        layer: the layer's name, where the fault is in one.
        also: further codes that name it rightly, because the catalogue has two names for it.
        why: what justifies `also`, and whatever else should be known.
        mendable: whether a change of the network or its training can help. Labels that are
            noise stay so: such a fault counts in detection and not in repair.
    """

    name: str
    code: str
    choices: Mapping[str, Any]
    layer: str | None = None
    also: tuple[str, ...] = ()
    why: str = ""
    mendable: bool = True


@dataclass(frozen=True)
class Training:
    """A program made ready: the data are loaded, and the network is built and compiled."""

    examples: Examples
    model: Model
    epochs: int
    batch_size: int
    fit: dict[str, Any]

    def run(self, **more: Any) -> Any:
        """Train it as the program says; `more` goes to `fit` (callbacks)."""
        settings = {"epochs": self.epochs, "batch_size": self.batch_size, "verbose": 0}
        together = {**settings, **self.fit, **more}
        callbacks = [*self.fit.get("callbacks", ()), *more.get("callbacks", ())]
        return self.model.fit(
            self.examples.x, self.examples.y, **{**together, "callbacks": callbacks}
        )


@dataclass(frozen=True)
class Program:
    """A program that trains a network, healthy as it stands.

    Args:
        name: of the program, as its file is called.
        network: "mlp", "cnn", "recurrent" or "transformer".
        task: "classification" or "regression".
        data: "image", "tabular", "sequence" or "text".
        half: the half of the benchmark that it belongs to.
        load: gives the examples for a seed: `load(seed, **choices)`.
        build: gives the compiled network: `build(**choices)`.
        epochs: passes over the data.
        batch_size: examples a step.
        faults: what can be wrong with it.
        fit: further arguments of `fit` (`validation_split`). Callbacks have a state, therefore
            an entry that can be called is called for every training, and gives the argument.
    """

    name: str
    network: str
    task: Task
    data: str
    half: Half
    load: Callable[..., Examples]
    build: Callable[..., Model]
    epochs: int
    batch_size: int
    faults: tuple[Fault, ...]
    fit: Mapping[str, Any] = field(default_factory=dict)

    def fault(self, name: str) -> Fault:
        """The fault of a name."""
        return next(one for one in self.faults if one.name == name)

    def prepare(self, seed: int, fault: Fault | None = None) -> Training:
        """The training for a seed, healthy (``None``) or with a fault, from the same data."""
        choices = dict(fault.choices) if fault else {}
        of_load, of_build = (
            {name: choices.pop(name) for name in named(function) if name in choices}
            for function in (self.load, self.build)
        )
        unknown = choices.keys() - set(OF_THE_PROGRAM)
        if unknown:
            raise ValueError(f"{self.name} has no choice of the name {', '.join(sorted(unknown))}.")
        examples = self.load(seed, **of_load)
        set_random_seed(seed)
        fit = {**self.fit, **choices.get("fit", {})}
        return Training(
            examples,
            self.build(**of_build),
            choices.get("epochs", self.epochs),
            choices.get("batch_size", self.batch_size),
            {name: made() if callable(made) else made for name, made in fit.items()},
        )

    def improvement(self, model: Model, examples: Examples) -> float:
        """How far a trained network is above chance on unseen data."""
        return improvement(model, examples, self.task)


def named(function: Callable[..., Any]) -> list[str]:
    """The names of a function's arguments that a fault may replace: those with a default."""
    arguments = inspect.signature(function).parameters.values()
    return [one.name for one in arguments if one.default is not one.empty]


def improvement(model: Model, examples: Examples, task: Task) -> float:
    """How far a network's predictions are above chance on unseen data, at least 0.

    Classification: accuracy minus the share of the most frequent class. Regression: 1 - MSE /
    Var(y). A network that does not give numbers, or is worse than chance, has not improved.
    """
    predicted = np.asarray(model.predict(examples.x_test, verbose=0), dtype=np.float64)
    if not np.isfinite(predicted).all():
        return 0.0
    if task == "classification":
        loss = model.loss
        return max(0.0, above_chance(predicted, examples.y_test, is_of_logits(loss)))
    target = np.asarray(examples.y_test, dtype=np.float64)
    errors = np.mean((predicted.reshape(target.shape) - target) ** 2)
    return max(0.0, float(1 - errors / np.mean(np.var(target, axis=0))))


def above_chance(predicted: Array, target: Array, from_logits: bool) -> float:
    """Accuracy minus the share of the most frequent class.

    A single unit says the number of the class, as a probability, a logit, or the number itself.
    """
    one_hot = target.ndim == predicted.ndim and target.shape[-1] == predicted.shape[-1] > 1
    labels = target.argmax(-1) if one_hot else target.reshape(predicted.shape[:-1])
    known, counts = np.unique(labels, return_counts=True)
    if predicted.shape[-1] > 1:
        classes = predicted.argmax(-1)
    else:
        said = predicted[..., 0] > 0 if from_logits else predicted[..., 0]
        classes = known[np.abs(said[..., None] - known).argmin(-1)]
    return float(np.mean(classes == labels) - counts.max() / labels.size)


def is_of_logits(loss: Any) -> bool:
    """Whether a network's outputs are logits, by its loss."""
    return bool(getattr(loss, "from_logits", False))
