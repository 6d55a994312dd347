"""A network and how it is trained: what remedies change, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from glassgrad.errors import ArgumentError
from glassgrad.execute.executor import Executor
from glassgrad.lens.doctor.repair.surgery import copy_of
from glassgrad.models import Model
from glassgrad.optimizers import Optimizer
from glassgrad.serialization import custom_object_scope, serialize, with_own_functions
from glassgrad.training.callbacks import EarlyStopping

__all__ = ["Regimen"]

SHARE_OF_WARM_UP = 0.1  # of all steps


@dataclass(frozen=True)
class Regimen:
    """A network and how it is trained.

    Args:
        model: with the weights that training begins with; it is not compiled, and never trained.
        optimizer: its configuration.
        kind: the optimizer's class.
        loss: as ``compile`` takes it.
        loss_weights: the same.
        metrics: the configurations of both lists of metrics.
        epochs: how often all examples are seen.
        batch_size: examples a step.
        patience: epochs without improvement after which training stops and goes back to the best
            weights; ``None`` trains to the end.
        executor: what computes.
        warms_up: whether the learning rate grows over the first tenth of the steps.
        decays: whether it falls to 0 towards the end.
        is_widened: whether its layers have got more units.
        seed: decides weights that are drawn anew.
    """

    model: Model
    optimizer: Mapping[str, Any]
    kind: type[Optimizer]
    loss: Any
    loss_weights: Any
    metrics: Mapping[str, Any]
    epochs: int
    batch_size: int
    executor: Executor
    patience: int | None = None
    warms_up: bool = False
    decays: bool = False
    is_widened: bool = False
    seed: int = 0

    @classmethod
    def of(cls, model: Model, epochs: int, batch_size: int, seed: int) -> Regimen:
        """That of a compiled model, which stays as it is.

        Raises:
            NotBuiltError: the model is not compiled.
            ArgumentError: a class or function in it is not registered.
        """
        steps, optimizer = model.steps, model.optimizer
        try:
            metrics = steps.scores.get_config()
        except ArgumentError:  # a function without a name: it is not needed to learn
            metrics = {}
        with custom_object_scope({"0>optimizer": type(optimizer)}):
            config = serialize(optimizer)
        return cls(
            model=copy_of(model, seed),
            optimizer=config["config"],
            kind=type(optimizer),
            loss=steps.objective.loss,
            loss_weights=steps.objective.loss_weights,
            metrics=metrics,
            epochs=epochs,
            batch_size=batch_size,
            executor=steps.executor,
            seed=seed,
        )

    def compiled(self, steps: int, with_metrics: bool = False) -> Model:
        """A copy of the network that is ready to be trained for some steps."""
        model = copy_of(self.model, self.seed)
        metrics = {name: with_own_functions(one) for name, one in self.metrics.items()}
        model.compile(
            self.kind.from_config(self._scheduled(steps)),
            self.loss,
            self.loss_weights,
            **(metrics if with_metrics else {}),
            executor=self.executor,
        )
        return model

    def callbacks(self, is_validated: bool) -> list[Any]:
        """What training needs besides data."""
        if self.patience is None or not is_validated:
            return []
        return [EarlyStopping("val_loss", patience=self.patience, restore_best_weights=True)]

    # ---- the optimizer

    def _scheduled(self, steps: int) -> dict[str, Any]:
        """The optimizer's configuration, with a learning rate for a run of some steps."""
        rate = self.optimizer["learning_rate"]
        first = max(1, round(SHARE_OF_WARM_UP * steps)) if self.warms_up else 0
        if self.decays:
            length = max(1, steps - first)
            rate = _schedule("CosineDecay", initial_learning_rate=rate, decay_steps=length)
        if self.warms_up:
            rate = _schedule("LinearWarmup", schedule=rate, warmup_steps=first)
        return {**self.optimizer, "learning_rate": rate}

    @property
    def optimizer_name(self) -> str:
        """By Keras's name."""
        return self.kind.__name__

    def with_settings(self, settings: Mapping[str, Any]) -> Regimen:
        """Other settings of the same optimizer."""
        return replace(self, optimizer={**self.optimizer, **settings})

    def with_model(self, model: Model) -> Regimen:
        """Another network."""
        return replace(self, model=model)


def _schedule(name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": name, "config": config}
