"""What is different after a repair, as text: the lines that went, and those that came."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from glassgrad.errors import GlassgradError
from glassgrad.graph.trees import leaves_of
from glassgrad.layers import InputLayer, Layer
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.ward import Ward
from glassgrad.models import Model
from glassgrad.serialization import serialize

__all__ = ["changes_between", "described"]

LONGEST = 48  # of a value in a line
FEWEST_TOGETHER = 3  # layers of one kind that are told in one line
UNSAID = ("name", "dtype", "trainable", "data_format")


def changes_between(before: Regimen, after: Regimen, ward: Ward) -> str:
    """Lines with "-" that are no more, and lines with "+" that are new; empty without changes.

    What is the same for several layers stands in one line.
    """
    old = [f"data: {len(ward.whole) + ward.left_out} examples"]
    new = [f"data: {len(ward.whole)} examples, those of finite numbers"] if ward.left_out else old
    lines = difflib.ndiff([*old, *described(before)], [*new, *described(after)])
    return "\n".join(_grouped(line.rstrip() for line in lines if line[0] in "+-"))


def _grouped(lines: Iterable[str]) -> Iterator[str]:
    """Many layers of one kind as one line, where the first of them stands."""
    groups: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        name, _, what = line[2:].partition(": ")
        groups.setdefault((line[0], what), []).append(name)
    for (sign, what), names in groups.items():
        if len(names) < FEWEST_TOGETHER:
            yield from (f"{sign} {name}: {what}" for name in names)
        else:
            yield f"{sign} {names[0]} … {names[-1]} ({len(names)} layers): {what}"


def described(regimen: Regimen) -> list[str]:
    """A network and its training, a line for each layer and setting."""
    training = {
        "optimizer": _call(regimen.optimizer_name, regimen.kind, regimen.optimizer),
        "loss": ", ".join(map(_loss, leaves_of(regimen.loss))) or "none",
        "learning rate": _schedule(regimen),
        "loss_weights": regimen.loss_weights,
        "epochs": regimen.epochs,
        "batch_size": regimen.batch_size,
        "early stopping": None if regimen.patience is None else f"patience {regimen.patience}",
    }
    lines = list(_layers(regimen.model, ""))
    return [*lines, *(f"{name}: {value}" for name, value in training.items() if value is not None)]


def _layers(model: Model, prefix: str) -> Iterator[str]:
    for layer in model.layers:
        path = f"{prefix}{layer.name}"
        if isinstance(layer, Model):
            yield from _layers(layer, f"{path}/")
        elif not isinstance(layer, InputLayer):
            frozen = "" if layer.trainable else ", frozen"
            yield f"{path}: {_layer(layer)}{frozen}"


def _schedule(regimen: Regimen) -> str | None:
    begin = ["grows from 0 over the first tenth of the steps"] if regimen.warms_up else []
    end = ["falls to 0 by half a wave of the cosine"] if regimen.decays else []
    return ", then ".join(begin + end) or None


def _loss(loss: Any) -> str:
    return f"{loss.name} of logits" if getattr(loss, "from_logits", False) else str(loss.name)


def _layer(layer: Layer) -> str:
    try:
        config = serialize(layer)["config"]
    except GlassgradError:
        config = {}
    return _call(type(layer).__name__, type(layer), config)


def _call(name: str, kind: type, config: Mapping[str, Any]) -> str:
    """A constructor's call, with the arguments that are not the usual ones."""
    usual = {
        one.name: one.default
        for one in inspect.signature(kind).parameters.values()
        if one.default is not inspect.Parameter.empty
    }
    said = {
        key: value
        for key, value in config.items()
        if key not in UNSAID and value is not None and not _is_usual(value, usual.get(key))
    }
    return f"{name}({', '.join(f'{key}={_short(value)}' for key, value in said.items())})"


def _is_usual(value: Any, usual: Any) -> bool:
    if isinstance(usual, str) and isinstance(value, Mapping):
        plain = {k: v for k, v in value.get("config", {}).items() if v is not None}
        spelt = str(value.get("class_name", "")).lower().replace("_", "")
        return spelt == usual.lower().replace("_", "") and not plain
    if usual is None:
        return value in (False, "linear")
    if isinstance(value, list | tuple):
        return value in (usual, (usual,) * len(value), [usual] * len(value))
    return bool(value == usual)


def _short(value: Any) -> str:
    """A value of a configuration, in a few letters."""
    if isinstance(value, Mapping) and "class_name" in value:
        inner = ", ".join(
            f"{key}={_short(one)}"
            for key, one in value.get("config", {}).items()
            if one is not None and key not in (*UNSAID, "reduction", "seed", "axis")
        )
        return f"{value['class_name']}({inner})"
    text = f"{value:.5g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
