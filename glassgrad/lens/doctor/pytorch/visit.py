"""One visit: a training step of the user's, heard function by function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.graph.operation import Array
from glassgrad.lens.doctor.activity import Function
from glassgrad.lens.doctor.case import AttentionReading, LayerReading, RecurrenceReading
from glassgrad.lens.doctor.probe_statistics import entropies, rms, saturated, silent, spread
from glassgrad.lens.doctor.pytorch.attention import (
    rows_of_attention,
    rows_of_multi_head_attention,
)
from glassgrad.lens.doctor.pytorch.recurrence import Recurrence, recurrence_of
from glassgrad.lens.doctor.pytorch.tensors import as_array, is_real, is_tensor
from glassgrad.lens.doctor.pytorch.vocabulary import (
    ATTENTIONS,
    CHANNELS_FIRST,
    LOSSES,
    NORMALIZATIONS,
    PRODUCTS,
    RECURRENCES,
    activation_named,
)

__all__ = ["Heard", "Loss", "Visit"]

SOFTMAXES = frozenset({"softmax"})


@dataclass
class Heard:
    """A function that counts as a layer.

    Args:
        name: of the layer: that of the module that has its weights, or of the one before it with
            the function's own.
        kind: by Keras's name of the layer.
        role: as in ``LayerFacts``.
        function: the activation that it is, if it is one.
        inputs: the names of those whose results enter.
        parameters: names of its weights.
        units: how many.
        positions: how many places share them.
        output: what its result is like.
        sums: what enters an activation, or comes out of a product, is like.
    """

    name: str
    kind: str
    role: str
    function: Function | None
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    units: int
    positions: int
    output: Measured
    sums: Measured | None = None

    def reading(self) -> LayerReading:
        """As the doctor reads it."""
        output, z = self.output, self.sums
        finite = np.isfinite([output.rms, output.gradient_rms]).all()
        return LayerReading(
            self.name,
            output.rms,
            output.gradient_rms,
            pre_activation_rms=None if z is None else z.rms,
            pre_activation_deviation=None if z is None else z.deviation,
            pre_activation_gradient_rms=None if z is None else z.gradient_rms,
            unit_deviation=None if z is None else z.unit_deviation,
            silent=output.silent,
            saturated=output.saturated,
            finite=bool(finite),
        )


@dataclass
class Measured:
    """What a tensor is like; the gradient comes later."""

    rms: float
    deviation: float
    unit_deviation: float
    silent: float | None = None
    saturated: float | None = None
    gradient_rms: float = 0.0

    def take_gradient(self, gradient: Any) -> None:
        """Called on the way back."""
        self.gradient_rms = rms(as_array(gradient))


@dataclass
class Loss:
    """The function that compares predictions with targets."""

    name: str | None
    from_logits: bool
    predictions: Array
    targets: Array | None
    maker: str | None  # the name of the call whose result it reads


@dataclass
class Visit:
    """What was heard in one step, in order.

    Args:
        step: how many came before.
        names: of the parameters, by the identity of their tensors.
    """

    step: int
    names: Mapping[int, str]
    heard: list[Heard] = field(default_factory=list)
    inputs: list[Array] = field(default_factory=list)
    loss: Loss | None = None
    recurrences: list[Recurrence] = field(default_factory=list)
    attentions: list[AttentionReading] = field(default_factory=list)
    _makers: dict[int, str] = field(default_factory=dict)
    _kept: list[Any] = field(default_factory=list)  # tensors, so that identities stay theirs
    _entering: Measured | None = None

    # ---- hearing

    def before(self, name: str, arguments: Sequence[Any], settings: Mapping[str, Any]) -> None:
        """Measure what enters an activation, since some compute in place."""
        if self.loss is None and activation_named(name) is not None and is_real(arguments[0]):
            self._entering = self._measured(arguments[0], name)

    def after(
        self, name: str, arguments: Sequence[Any], settings: Mapping[str, Any], result: Any
    ) -> None:
        """Take note of a layer, an activation, attention, the loss; follow everything else."""
        first = result[0] if isinstance(result, tuple) and result else result
        if name in LOSSES:
            self._note_loss(name, arguments, settings)
        if self.loss is not None or not is_real(first):
            return
        function = activation_named(name)
        weights = _parameters([*arguments, *settings.values()], self.names)
        inputs = self._inputs(arguments)
        if name in RECURRENCES:
            self._note_recurrence(name, arguments, result, weights, inputs)
        elif name in ATTENTIONS:
            self._note_attention(name, arguments, settings, first, weights, inputs)
        elif name in NORMALIZATIONS:
            self._note(name, NORMALIZATIONS[name], "normalization", first, weights, inputs)
        elif name in PRODUCTS and weights:
            role = "embedding" if name == "embedding" else "hidden"
            self._note(name, PRODUCTS[name], role, first, weights, inputs)
        elif function is not None:
            self._note_activation(name, function, first, inputs)
        else:
            self._follow(first, inputs)

    def _note(
        self,
        function: str,
        kind: str,
        role: str,
        result: Any,
        weights: Sequence[str],
        inputs: tuple[str, ...],
    ) -> Heard:
        output = self._measured(result, function)
        layer = weights[0].rpartition(".")[0] if weights else self._named_after(inputs, function)
        found = Heard(
            self._unique(layer or function),
            kind,
            role,
            None,
            inputs,
            tuple(weights),
            *_sizes(result, function),
            output,
            output if role == "hidden" else None,
        )
        self._keep(found, result)
        return found

    def _note_activation(
        self, name: str, function: Function, result: Any, inputs: tuple[str, ...]
    ) -> None:
        z, self._entering = self._entering, None
        if name in SOFTMAXES and result.ndim > 2:
            self._note_weights(result, inputs)
        channels = inputs and self._is_of_channels(inputs[-1])
        output = self._measured(result, "conv2d" if channels else name)
        y = _by_unit(as_array(result), bool(channels))
        output.silent = silent(y) if function.rests else None
        output.saturated = saturated(y, function)
        found = Heard(
            self._unique(self._named_after(inputs, function.name)),
            "Activation",
            "activation",
            function,
            inputs,
            (),
            *_sizes(result, "conv2d" if channels else name),
            output,
            z,
        )
        self._keep(found, result)

    def _note_recurrence(
        self,
        name: str,
        arguments: Sequence[Any],
        result: Any,
        weights: Sequence[str],
        inputs: tuple[str, ...],
    ) -> None:
        found = self._note(name, RECURRENCES[name], "recurrent", result[0], weights, inputs)
        for state in result[1:]:
            self._follow(state, (found.name,))
        recurrence = recurrence_of(found.name, name, arguments, result)
        if recurrence is not None:
            self.recurrences.append(recurrence)

    def _note_attention(
        self,
        name: str,
        arguments: Sequence[Any],
        settings: Mapping[str, Any],
        result: Any,
        weights: Sequence[str],
        inputs: tuple[str, ...],
    ) -> None:
        found = self._note(name, "MultiHeadAttention", "attention", result, weights, inputs)
        rows = (
            rows_of_attention(*arguments[:2], **_mask_of(arguments, settings))
            if name == "scaled_dot_product_attention"
            else rows_of_multi_head_attention(arguments, settings)
        )
        if rows is not None:
            self.attentions.append(_attention(found.name, rows))

    def _note_weights(self, weights: Any, inputs: tuple[str, ...]) -> None:
        """A softmax over the last axis of a product of sequences: rows of attention."""
        array = as_array(weights)
        self.attentions.append(_attention(self._named_after(inputs, "attention"), array))

    def _note_loss(
        self, function: str, arguments: Sequence[Any], settings: Mapping[str, Any]
    ) -> None:
        given = [*arguments, *(settings[k] for k in ("input", "target") if k in settings)]
        name, from_logits = LOSSES[function]
        predictions, targets = given[0], given[1] if len(given) > 1 else None
        is_dense = targets is not None and targets.is_floating_point()
        if function == "cross_entropy" and is_dense:
            name = "categorical_crossentropy"
        maker = self._makers.get(id(predictions))
        if function == "nll_loss" and self._activation_of(maker) == "log_softmax":
            from_logits = True  # the two together are the cross-entropy of logits
        y = None if targets is None else as_array(targets).copy()
        found = Loss(name, from_logits, as_array(predictions).copy(), y, maker)
        self.loss = self.loss or found

    def _activation_of(self, name: str | None) -> str | None:
        found = next((one for one in self.heard if one.name == name), None)
        return None if found is None or found.function is None else found.function.name

    # ---- who made what

    def _inputs(self, arguments: Sequence[Any]) -> tuple[str, ...]:
        makers = [self._makers.get(id(one)) for one in _tensors(arguments)]
        return tuple(dict.fromkeys(one for one in makers if one is not None))

    def _follow(self, tensor: Any, inputs: tuple[str, ...]) -> None:
        """What rearranges or adds has the maker of what enters, the last one to be heard."""
        if inputs:
            self._kept.append(tensor)
            order = {one.name: n for n, one in enumerate(self.heard)}
            self._makers[id(tensor)] = max(inputs, key=lambda name: order.get(name, -1))

    def _keep(self, heard: Heard, result: Any) -> None:
        self.heard.append(heard)
        self._kept.append(result)
        self._makers[id(result)] = heard.name

    def _unique(self, name: str) -> str:
        taken = {one.name for one in self.heard}
        number, found = 1, name
        while found in taken:
            number += 1
            found = f"{name} ({number})"
        return found

    def _named_after(self, inputs: tuple[str, ...], function: str) -> str:
        return f"{inputs[-1]}.{function}" if inputs else function

    def _is_of_channels(self, name: str) -> bool:
        found = next((one for one in self.heard if one.name == name), None)
        return found is not None and found.kind.startswith(("Conv", "Batch", "Group"))

    # ---- measuring

    def _measured(self, tensor: Any, function: str) -> Measured:
        array = as_array(tensor)
        deviations = spread(_by_unit(array, function in CHANNELS_FIRST))
        found = Measured(rms(array), deviations.deviation, deviations.of_units)
        if tensor.requires_grad:
            tensor.register_hook(found.take_gradient)
        return found

    def recurrence_readings(self) -> tuple[RecurrenceReading, ...]:
        """The gradients over time, once the way back has been gone."""
        return tuple(one.reading() for one in self.recurrences)


# ---- tensors


def _tensors(arguments: Sequence[Any]) -> list[Any]:
    found = []
    for one in arguments:
        if isinstance(one, list | tuple):
            found += _tensors(one)
        elif is_tensor(one):
            found.append(one)
    return found


def _parameters(arguments: Sequence[Any], names: Mapping[int, str]) -> list[str]:
    return [names[id(one)] for one in _tensors(arguments) if id(one) in names]


def _by_unit(array: Array, is_channels_first: bool) -> Array:
    """Units along the last axis."""
    return np.moveaxis(array, 1, -1) if is_channels_first and array.ndim > 2 else array


def _sizes(tensor: Any, function: str) -> tuple[int, int]:
    """Units, and positions that share them."""
    axis = 1 if function in CHANNELS_FIRST and tensor.ndim > 2 else tensor.ndim - 1
    units = tensor.shape[axis]
    return units, max(1, tensor.numel() // max(units * tensor.shape[0], 1))


# ---- attention


def _attention(name: str, weights: Array) -> AttentionReading:
    """The entropy of rows; what is masked has the weight 0."""
    rows = weights if weights.ndim > 3 else weights[:, np.newaxis]
    seen = (rows > 0).sum(axis=-1)
    return AttentionReading(name, entropies(rows.astype(np.float64), seen))


def _mask_of(arguments: Sequence[Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    named = dict(zip(("attn_mask", "dropout_p", "is_causal"), arguments[3:6], strict=False))
    named |= {name: settings[name] for name in ("attn_mask", "is_causal") if name in settings}
    return {name: one for name, one in named.items() if name != "dropout_p" and one is not None}
