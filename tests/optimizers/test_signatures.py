from __future__ import annotations

import inspect
from typing import Any

import pytest

from glassgrad import optimizers
from glassgrad.optimizers import SGD, Adam, AdamW, LossScaleOptimizer, Optimizer, RMSprop

COMMON = {
    "weight_decay": None,
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
    "name": None,
}


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in vars(optimizers).values()
        if isinstance(kind, type)
        and issubclass(kind, Optimizer)
        and kind not in (Optimizer, LossScaleOptimizer)
    ],
)
def test_every_optimizer_shows_the_arguments_of_all_after_its_own(kind: type) -> None:
    shown = {
        name: parameter.default for name, parameter in inspect.signature(kind).parameters.items()
    }
    own_decay = {"weight_decay"} if kind is AdamW else set()
    assert next(iter(shown)) == "learning_rate"
    common = {name: value for name, value in COMMON.items() if name not in own_decay}
    assert list(shown)[-len(common) :] == list(common)
    assert common.items() <= shown.items()
    assert list(kind().get_config()) == list(shown)


def test_arguments_are_taken_by_their_positions() -> None:
    assert SGD(0.1, 0.5, True, 0.25, None, 2.0).get_config() == {
        "learning_rate": 0.1, "momentum": 0.5, "nesterov": True, **COMMON,
        "weight_decay": 0.25, "clipvalue": 2.0, "name": "sgd",
    }  # fmt: skip
    assert Adam(0.1, 0.8, 0.9, 1e-3, True, 0.25).weight_decay == 0.25
    adamw = AdamW(0.1, 0.25, 0.8, 0.9, 1e-3, True, 2.0)
    assert (adamw.weight_decay, adamw.amsgrad, adamw.clipnorm) == (0.25, True, 2.0)
    assert RMSprop(0.1, 0.8, 0.5, 1e-3, True, 0.25).centered


def test_ones_own_optimizer_shows_what_it_hands_on() -> None:
    class ByName(SGD):
        def __init__(self, rate: float = 0.5, **kwargs: Any) -> None:
            super().__init__(rate, **kwargs)
            self.rate = rate

    class ByPosition(Optimizer):
        def __init__(self, *common: Any, strength: float = 1.0, **kwargs: Any) -> None:
            super().__init__(0.1, *common, **kwargs)

    class Closed(ByName):
        def __init__(self) -> None:
            super().__init__()

    class Silent(ByName):
        pass

    parameters = inspect.signature(ByName).parameters
    assert list(parameters)[:3] == ["rate", "learning_rate", "momentum"]
    assert parameters["momentum"].kind is inspect.Parameter.KEYWORD_ONLY
    assert list(inspect.signature(ByPosition).parameters) == [*COMMON, "strength"]
    assert not inspect.signature(Closed).parameters
    assert inspect.signature(Silent) == inspect.signature(ByName)
    assert ByName(0.25, clipnorm=1.0).clipnorm == 1.0
