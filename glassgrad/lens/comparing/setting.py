"""What a network of a comparison is, and how it is trained: a base, of which one thing varies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from glassgrad import optimizers
from glassgrad.architecture import network_for
from glassgrad.datasets import Dataset
from glassgrad.models import Sequential
from glassgrad.optimizers import Optimizer
from glassgrad.random_seed import seeded

__all__ = ["Setting", "network_of", "optimizer_of"]

AS_BEFORE = ("linear", "softmax")  # what asks for no activation, or for probabilities


@dataclass(frozen=True)
class Setting:
    """A network and its training, written in plain values.

    Args:
        layers: what stands between input and output, in the grammar of ``--layers``.
        optimizer: its configuration: "class_name" and "config".
        batch_size: examples a step.
        epochs: how often the data are gone through.
        activation: of all hidden layers that have one; ``None`` for those that ``layers`` names.
        initializer: the configuration of what the kernels of all layers begin with; ``None`` for
            the layers' own.
    """

    layers: str
    optimizer: Mapping[str, Any]
    batch_size: int
    epochs: int
    activation: str | None = None
    initializer: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The values by their names."""
        return asdict(self)

    def described(self, varying: str = "") -> str:
        """A base in words.

        Args:
            varying: what is left out: "optimizer", "learning_rate" or "batch_size".
        """
        optimizer = optimizer_of(self.optimizer)
        rate = f"learning rate {optimizer.get_config()['learning_rate']:g}"
        method = {"optimizer": "", "learning_rate": type(optimizer).__name__}.get(
            varying, f"{type(optimizer).__name__}, {rate}"
        )
        parts = [
            f"hidden layers {self.layers or 'none'}",
            method,
            "" if varying == "batch_size" else f"batches of {self.batch_size}",
            f"{self.epochs} epoch{'s' * (self.epochs != 1)}",
        ]
        return "; ".join(part for part in parts if part)


def optimizer_of(configuration: Mapping[str, Any]) -> Optimizer:
    """The optimizer that a configuration describes.

    Raises:
        UnknownNameError, ArgumentError: there is no such optimizer, or no such argument.

    Example:
        >>> optimizer_of({"class_name": "sgd", "config": {"momentum": 0.9}}).momentum
        0.9
    """
    made: Optimizer = optimizers.deserialize(configuration)
    return made


def network_of(
    setting: Setting, dataset: Dataset, seed: int, executor: str | None = None
) -> Sequential:
    """The compiled network at its beginning.

    Args:
        setting: what it is.
        dataset: what it will learn.
        seed: decides first weights, order and masks.
        executor: what computes it; the current one by default.

    Raises:
        ArgumentError: the layers cannot be read, or do not fit the data.
        UnknownNameError: there is no such activation, initializer or optimizer.
    """
    config = network_for(dataset, setting.layers, seed).get_config()
    *hidden, output = config["layers"]
    for layer in hidden:
        _change(layer["config"], "activation", setting.activation, _is_active)
    for layer in (*hidden, output):
        _change(layer["config"], "kernel_initializer", setting.initializer, bool)
    with seeded(seed):
        model = Sequential.from_config(config)
    is_classifier = dataset.classes is not None
    model.compile(
        optimizer_of(setting.optimizer),
        "sparse_categorical_crossentropy" if is_classifier else "mse",
        metrics=["accuracy"] if is_classifier else [],
        executor=executor,
    )
    return model


def _change(config: dict[str, Any], name: str, value: Any, has_one: Callable[[Any], bool]) -> None:
    if value is not None and has_one(config.get(name)):
        config[name] = value


def _is_active(activation: Any) -> bool:
    return activation is not None and activation not in AS_BEFORE
