"""What is compared: one thing of a network's setting varied, everything else as it was."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from glassgrad import activations, initializers, optimizers
from glassgrad.errors import ArgumentError, UnknownNameError, shown
from glassgrad.lens.comparing.setting import Setting, optimizer_of

__all__ = ["KINDS", "Contender", "Kind", "contenders_of", "kind_named", "with_rate"]

ACTIVATIONS = (
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus",
    "linear",
)  # fmt: skip
INITIALIZERS: Mapping[str, Mapping[str, Any]] = {
    "zeros": {"class_name": "Zeros", "config": {}},
    "ones": {"class_name": "Ones", "config": {}},
    "normal 0.01": {"class_name": "RandomNormal", "config": {"stddev": 0.01}},
    "normal 1": {"class_name": "RandomNormal", "config": {"stddev": 1.0}},
    "glorot_uniform": {"class_name": "GlorotUniform", "config": {}},
    "he_normal": {"class_name": "HeNormal", "config": {}},
    "lecun_normal": {"class_name": "LecunNormal", "config": {}},
    "orthogonal": {"class_name": "Orthogonal", "config": {}},
}
OPTIMIZERS: Mapping[str, Mapping[str, Any]] = {
    "sgd": {"class_name": "sgd", "config": {}},
    "momentum": {"class_name": "sgd", "config": {"momentum": 0.9}},
    "nesterov": {"class_name": "sgd", "config": {"momentum": 0.9, "nesterov": True}},
    **{
        name: {"class_name": name, "config": {}}
        for name in ("rmsprop", "adagrad", "adam", "adamw", "adamax", "nadam", "lion")
    },
}
BATCH_SIZES = (8, 16, 32, 64, 128, 256, 512)
LEARNING_RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
DEPTHS = (1, 2, 3, 4, 6, 8, 12, 16, 20)
LARGEST_BATCH, LARGEST_DEPTH = 2**20, 1_000


@dataclass(frozen=True)
class Contender:
    """One of those that are compared.

    Args:
        name: what it is called, "relu" or "0.001".
        setting: its network and training.
    """

    name: str
    setting: Setting


@dataclass(frozen=True)
class Kind:
    """A comparison that can be asked for.

    Args:
        name: as it is asked for, "learning-rates".
        subject: what varies, "learning rate".
        names: what is compared where nothing else is said.
        vary: the setting of a contender from the base and the contender's name.
        spelled: the name of a contender as it is shown; refuses what is none.
        option: the option of the base that varies, and so cannot be given: "learning_rate".
        is_ordered: whether contenders are numbers.
        note: what goes along with the change, or does not.
    """

    name: str
    subject: str
    names: tuple[str, ...]
    vary: Callable[[Setting, str], Setting]
    spelled: Callable[[str], str]
    option: str = ""
    is_ordered: bool = False
    note: str = ""


def kind_named(name: Any) -> Kind:
    """The comparison of a name; "batch_sizes" is "batch-sizes".

    Raises:
        UnknownNameError: there is none.

    Example:
        >>> kind_named("depths").subject
        'number of hidden layers'
    """
    wanted = name.replace("_", "-") if isinstance(name, str) else name
    if not isinstance(wanted, str) or wanted not in KINDS:
        raise UnknownNameError("comparison", name, KINDS)
    return KINDS[wanted]


def contenders_of(
    kind: Kind, base: Setting, only: Sequence[str] | None = None
) -> tuple[Contender, ...]:
    """Those that are compared.

    Args:
        kind: what varies.
        base: what stays.
        only: which; the kind's own list by default.

    Raises:
        ArgumentError: there are fewer than two, or one is named twice or is out of its range.
        UnknownNameError: a name is unknown.

    Example:
        >>> base = Setting("8 relu", {"class_name": "adam", "config": {}}, 32, 5)
        >>> [one.setting.layers for one in contenders_of(KINDS["depths"], base, ["1", "3"])]
        ['8 relu', '8 relu, 8 relu, 8 relu']
    """
    names = [kind.spelled(name) for name in (kind.names if only is None else only)]
    doubled = [name for name in names if names.count(name) > 1]
    if len(names) < 2 or doubled:
        got = f"{doubled[0]!r} twice" if doubled else ", ".join(names) or "none"
        raise ArgumentError(
            f"A comparison of {kind.name} needs two different ones at least. Got {got}."
        )
    return tuple(Contender(name, kind.vary(base, name)) for name in names)


def with_rate(setting: Setting, rate: float) -> Setting:
    """The setting with another learning rate.

    Raises:
        ArgumentError: the optimizer takes no such rate.
    """
    optimizer = setting.optimizer
    config = {**(optimizer.get("config") or {}), "learning_rate": rate}
    changed = {"class_name": optimizer["class_name"], "config": config}
    optimizer_of(changed)
    return replace(setting, optimizer=changed)


# ---- how a setting is varied


def _with_optimizer(setting: Setting, name: str) -> Setting:
    return replace(setting, optimizer=OPTIMIZERS.get(name, {"class_name": name, "config": {}}))


def _with_initializer(setting: Setting, name: str) -> Setting:
    known = INITIALIZERS.get(name) or initializers.serialize(initializers.get(name))
    return replace(setting, initializer=known)


def _repeated(setting: Setting, depth: str) -> Setting:
    return replace(setting, layers=", ".join([setting.layers] * int(depth)))


# ---- how a contender is spelled


def _known(listed: Mapping[str, Any] | Sequence[str], family: Any) -> Callable[[str], str]:
    """A name of the list, or any other that the package knows."""

    def spelled(name: str) -> str:
        if name not in listed:
            family.deserialize(name)
        return name

    return spelled


def _whole(what: str, most: int) -> Callable[[str], str]:
    def spelled(text: str) -> str:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise ArgumentError(
                f"A {what} must be a whole number from 1 to {most:,}. Got {shown(text)}."
            )
        return str(int(text))

    return spelled


def _rate(text: str) -> str:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise ArgumentError(f"A learning rate must be a number above 0. Got {shown(text)}.")
    return f"{rate:g}"


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "activations",
            "activation",
            ACTIVATIONS,
            lambda setting, name: replace(setting, activation=name),
            _known(ACTIVATIONS, activations),
            note="It takes the place of every activation that the hidden layers name. The "
            "initializer stays the same for all; some activations, selu above all, are "
            "meant to go with another.",
        ),
        Kind(
            "initializers",
            "initializer",
            tuple(INITIALIZERS),
            _with_initializer,
            _known(INITIALIZERS, initializers),
            note="It fills the kernels of all layers, the output's as well; biases begin at zero. "
            "normal 0.01 and normal 1 are normal distributions of that standard deviation.",
        ),
        Kind(
            "optimizers",
            "optimizer",
            tuple(OPTIMIZERS),
            _with_optimizer,
            _known(OPTIMIZERS, optimizers),
            option="optimizer",
        ),
        Kind(
            "batch-sizes",
            "batch size",
            tuple(map(str, BATCH_SIZES)),
            lambda setting, name: replace(setting, batch_size=int(name)),
            _whole("batch size", LARGEST_BATCH),
            option="batch_size",
            is_ordered=True,
            note="The number of epochs and the learning rate stay the same for all, so that larger "
            "batches mean fewer steps.",
        ),
        Kind(
            "learning-rates",
            "learning rate",
            tuple(f"{rate:g}" for rate in LEARNING_RATES),
            lambda setting, name: with_rate(setting, float(name)),
            _rate,
            option="learning_rate",
            is_ordered=True,
        ),
        Kind(
            "depths",
            "number of hidden layers",
            tuple(map(str, DEPTHS)),
            _repeated,
            _whole("depth", LARGEST_DEPTH),
            is_ordered=True,
            note="The hidden layers are repeated as often as the depth says; deeper networks have "
            "more parameters, and train for the same number of epochs.",
        ),
    )
}
"""The comparisons by their names."""
