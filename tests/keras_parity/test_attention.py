"""Attention and what it is made of: outputs, weights, gradients, over masks and shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from glassgrad import layers, ops
from glassgrad.graph import Tensor
from tests.keras_parity.comparison import Array, Case, Precision, evaluate, evaluate_keras
from tests.keras_parity.test_layers import (
    arrays_of,
    other_value,
    require_same_shape,
    require_same_weights,
)

HEADS = {"num_heads": 2, "key_dim": 3}
GROUPS = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
REGULARIZED = {"kernel_regularizer": "l2", "bias_regularizer": "l1", "activity_regularizer": "l2"}
SELF = [(2, 5, 4), (2, 5, 4)]
CROSS = [(2, 3, 4), (2, 5, 4)]
APART = [(2, 3, 4), (2, 5, 6), (2, 5, 7)]
IMAGES = [(2, 3, 2, 4), (2, 2, 5, 4)]
PADDED = np.array([[3, 1, 4, 0, 0], [2, 2, 1, 4, 0], [1, 0, 0, 0, 0]], np.int32)


def mask(*shape: int) -> Array:
    """Booleans of which the first along the last axis are true: no query is blind."""
    drawn = np.random.default_rng(3).integers(0, 2, shape).astype(bool)
    drawn[..., 0] = True
    return drawn


@dataclass(frozen=True)
class Row:
    """A layer, what it is called on, and the other arguments of the call."""

    case: Case
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        options = ",".join(
            f"{name}={value}" if isinstance(value, bool) else name
            for name, value in self.options.items()
        )
        shapes = [getattr(one, "shape", one) for one in self.case.inputs]
        return f"{self.case} on {shapes} {options}".strip()


def of_heads(inputs: Any, options: Mapping[str, Any] | None = None, **arguments: Any) -> Row:
    return Row(Case("MultiHeadAttention", {**HEADS, **arguments}, inputs), options or {})


def of_groups(inputs: Any, options: Mapping[str, Any] | None = None, **arguments: Any) -> Row:
    return Row(Case("GroupQueryAttention", {**GROUPS, **arguments}, inputs), options or {})


CAUSAL = {"use_causal_mask": True}
SCORES = {"return_attention_scores": True}
ROWS = (
    of_heads(SELF),
    of_heads(CROSS, value_dim=5),
    of_heads(APART, use_bias=False),
    of_heads(SELF, num_heads=1, key_dim=1),
    of_heads([(1, 1, 1), (1, 1, 1)]),
    of_heads([(3, 7, 5), (3, 11, 5)], num_heads=3, key_dim=2, **REGULARIZED),
    of_heads(CROSS, output_shape=6),
    of_heads(CROSS, output_shape=(2, 3)),
    of_heads(SELF, use_gate=True, value_dim=2),
    of_heads(SELF, CAUSAL),
    of_heads(CROSS, CAUSAL),
    of_heads(SELF, {"attention_mask": mask(2, 5, 5)}),
    of_heads(SELF, {"attention_mask": mask(5, 5)}),
    of_heads(SELF, {"attention_mask": mask(2, 2, 5, 5)}),
    of_heads(CROSS, {"attention_mask": mask(2, 1, 5), **CAUSAL}),
    of_heads(CROSS, {"value_mask": mask(2, 5)}),
    of_heads(APART, {"value_mask": mask(2, 5), "key_mask": mask(2, 5), **CAUSAL}),
    of_heads(SELF, sliding_window=2),
    of_heads(SELF, CAUSAL, sliding_window=2),
    of_heads(SELF, SCORES),
    of_heads(CROSS, {**SCORES, **CAUSAL, "value_mask": mask(2, 5)}),
    of_heads(CROSS, {**SCORES, "attention_mask": np.zeros((2, 3, 5), bool)}),  # all are blind
    of_heads(IMAGES),
    of_heads(IMAGES, SCORES),
    of_heads([(2, 3, 2, 4), (2, 3, 5, 4)], attention_axes=2),
    of_heads([(2, 3, 2, 4), (2, 5, 2, 4)], SCORES, attention_axes=[1]),
    of_groups(SELF),
    of_groups(CROSS, use_bias=False, num_key_value_heads=1),
    of_groups(CROSS, CAUSAL, use_gate=True),
    of_groups(SELF, {"attention_mask": mask(2, 5, 5)}, sliding_window=3),
    of_groups(CROSS, {**SCORES, "value_mask": mask(2, 5)}),
    Row(Case("Attention", {}, CROSS)),
    Row(Case("Attention", {"use_scale": True}, [(2, 3, 4), (2, 5, 6), (2, 5, 4)])),
    Row(Case("Attention", {"score_mode": "concat"}, CROSS)),
    Row(Case("Attention", {"score_mode": "concat", "use_scale": True}, CROSS)),
    Row(Case("Attention", {}, SELF), CAUSAL),
    Row(Case("Attention", {}, CROSS), {"mask": [None, mask(2, 5)], **SCORES}),
    Row(Case("Attention", {}, CROSS), {"mask": [mask(2, 3), mask(2, 5)], **CAUSAL}),
    Row(Case("AdditiveAttention", {}, CROSS)),
    Row(Case("AdditiveAttention", {"use_scale": False}, CROSS), CAUSAL),
    Row(Case("AdditiveAttention", {}, CROSS), {"mask": [None, mask(2, 5)], **SCORES}),
    *(
        Row(Case("ReversibleEmbedding", {"input_dim": 5, "output_dim": 4, **more}, inputs), options)
        for more in ({}, {"tie_weights": False, "logit_soft_cap": 0.5})
        for inputs, options in (
            ([PADDED], {}),
            ([(2, 3, 4)], {"reverse": True}),
        )
    ),
    *(
        Row(Case("EinsumDense", {"equation": equation, "output_shape": output_shape, **more}, [x]))
        for equation, output_shape, x, more in (
            ("ab,bc->ac", 4, (3, 5), {"bias_axes": "c", **REGULARIZED}),
            ("abc,cd->abd", (None, 4), (2, 3, 5), {"bias_axes": "d", "activation": "tanh"}),
            ("abc,cde->abde", (None, 2, 4), (2, 3, 5), {"bias_axes": "de"}),
            ("abc,cde->abde", (None, 2, 4), (2, 3, 5), {"bias_axes": "d"}),
            ("abc,cde->aebd", (4, None, 2), (2, 3, 5), {"bias_axes": "ed"}),
            ("abde,dec->abc", (None, 6), (2, 3, 4, 5), {}),
            ("...x,xy->...y", 4, (2, 3, 5), {"bias_axes": "y"}),
            ("ab...,bc->ac...", 4, (2, 5, 3), {"bias_axes": "c"}),
        )
    ),
)
CASES = tuple(row.case for row in ROWS)


def applied(layer: Any, row: Row, joined: Any) -> Any:
    """A layer as a function of tensors with one result: the output, with the weights behind it."""

    def result(*tensors: Any) -> Any:
        inputs = [list(tensors)] if row.case.name.endswith("veAttention") else tensors
        inputs = [list(tensors)] if row.case.name == "Attention" else inputs
        found = layer(*inputs, **row.options)
        return joined([part.reshape(-1) for part in found]) if isinstance(found, tuple) else found

    return result


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_attention_is_that_of_keras(row: Row, keras: Any, precision: Precision) -> None:
    import torch

    ours, theirs = row.case.make(layers), row.case.make(keras.layers)
    arrays = arrays_of(row.case, precision)
    our_function = applied(ours, row, ops.concatenate)
    their_function = applied(theirs, row, torch.cat)
    our_function(*map(Tensor, arrays))
    their_function(*map(torch.tensor, arrays))
    require_same_weights(ours, theirs)
    for weight, their_weight in zip(ours.weights, theirs.weights, strict=True):
        weight.assign(other_value(weight, precision) - 0.75)
        their_weight.assign(weight.numpy())
    value, slopes = evaluate(our_function, arrays, ours.trainable_weights)
    their_value, their_slopes = evaluate_keras(
        their_function, arrays, theirs.trainable_weights, lambda: theirs.losses
    )
    precision.require_same(value, their_value)
    assert [slope.shape for slope in slopes] == [slope.shape for slope in their_slopes]
    # Some gradients are 0 but for rounding (a softmax does not see the bias of its keys), so what
    # rounding may do is measured by the largest entry of them all.
    precision.require_same(
        *(np.concatenate([s.ravel() for s in some]) for some in (slopes, their_slopes))
    )


SHAPES = [row for row in ROWS if row.case.name == "Attention" or row.case.name == "EinsumDense"]


@pytest.mark.parametrize("row", SHAPES, ids=str)
def test_the_shape_of_the_output_is_that_of_keras(row: Row, keras: Any) -> None:
    ours, theirs = row.case.make(layers), row.case.make(keras.layers)
    if row.case.name == "EinsumDense" and None in theirs.compute_output_shape(row.case.inputs[0]):
        return  # Keras leaves open what the output takes from the input
    require_same_shape(ours, theirs, row.case.inputs)


# ---- masks that an embedding makes


@pytest.mark.parametrize(
    "name, arguments",
    [("MultiHeadAttention", HEADS), ("GroupQueryAttention", GROUPS), ("Attention", {})],
)
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.filterwarnings(
    "ignore:Layer '.*' .of type EinsumDense. was passed an input with a mask"
)
def test_padding_is_not_attended_to(
    name: str, arguments: Mapping[str, Any], is_causal: bool, keras: Any, precision: Precision
) -> None:
    """What comes out where there is padding is left out: no query there sees anything."""
    present = precision.floats((PADDED != 0)[:, :, None].astype("float64"))

    def function(family: Any, part: Any) -> Any:
        embedding, attention = family.Embedding(5, 4, mask_zero=True), getattr(family, name)

        layer = attention(**arguments)

        def result(tokens: Any) -> Any:
            x = embedding(tokens)
            options = {"use_causal_mask": is_causal}
            y = layer([x, x], **options) if name == "Attention" else layer(x, x, **options)
            return y * part(present)

        return result, embedding, layer

    import torch

    ours, *our_layers = function(layers, Tensor)
    theirs, *their_layers = function(keras.layers, torch.tensor)
    ours(Tensor(PADDED)), theirs(torch.tensor(PADDED))
    weights, their_weights = (
        [weight for layer in some for weight in layer.weights]
        for some in (our_layers, their_layers)
    )
    for weight, their_weight in zip(weights, their_weights, strict=True):
        weight.assign(other_value(weight, precision) - 0.75)
        their_weight.assign(weight.numpy())
    value, slopes = evaluate(ours, [PADDED], weights)
    their_value, their_slopes = evaluate_keras(theirs, [PADDED], their_weights)
    precision.require_same(value, their_value)
    precision.require_same(
        *(np.concatenate([s.ravel() for s in some]) for some in (slopes, their_slopes))
    )
