"""The calls that count: their names, roles, activations, and what enters them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from glassgrad import Model, Sequential, activations, ops
from glassgrad.graph import Trace, placeholder, tracing
from glassgrad.layers import (
    GRU,
    LSTM,
    RNN,
    Activation,
    Add,
    BatchNormalization,
    Bidirectional,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Input,
    Layer,
    LayerNormalization,
    LSTMCell,
    MaxPooling2D,
    MultiHeadAttention,
    PReLU,
    ReLU,
    SimpleRNN,
    SimpleRNNCell,
    TimeDistributed,
    TokenAndPositionEmbedding,
)
from glassgrad.lens.doctor.activity import BY_NAME, function_of
from glassgrad.lens.doctor.calls import NamedCall, calls_of


def called(model: Model, *inputs: Any) -> dict[str, NamedCall]:
    with tracing(Trace(training=True, random=model.random)) as trace:
        model(inputs[0] if len(inputs) == 1 else list(inputs))
    found = calls_of(trace, model)
    assert len({call.name for call in found}) == len(found)
    return {call.name: call for call in found}


ROLES: dict[str, tuple[list[Layer], Any, dict[str, tuple[str, str | None]]]] = {
    "dense": (
        [Dense(4, "tanh", name="a"), Dropout(0.1, name="d"), Dense(2, "softmax", name="b")],
        placeholder((5, 3)),
        {"a": ("hidden", "tanh"), "d": ("other", None), "b": ("output", "softmax")},
    ),
    "dropout that does nothing": (
        [Dense(4, name="a"), Dropout(0.0, name="d"), Dense(1, name="b")],
        placeholder((5, 3)),
        {"a": ("hidden", None), "d": ("other", None), "b": ("output", None)},
    ),
    "activations of their own": (
        [
            Dense(4, name="a"),
            BatchNormalization(name="n"),
            ReLU(name="r"),
            Dense(4, name="b"),
            PReLU(name="p"),
            Dense(2, name="c"),
            Activation("softmax", name="s"),
        ],
        placeholder((5, 3)),
        {
            "a": ("hidden", None),
            "n": ("normalization", None),
            "r": ("activation", "relu"),
            "b": ("hidden", None),
            "p": ("activation", "prelu"),
            "c": ("output", None),
            "s": ("activation", "softmax"),
        },
    ),
    "images": (
        [
            Conv2D(4, 3, activation="relu", name="a"),
            MaxPooling2D(name="m"),
            DepthwiseConv2D(2, activation="gelu", name="w"),
            Flatten(name="f"),
            Dense(2, name="b"),
        ],
        placeholder((5, 8, 8, 1)),
        {
            "a": ("hidden", "relu"),
            "m": ("other", None),
            "w": ("hidden", "gelu"),
            "f": ("other", None),
            "b": ("output", None),
        },
    ),
    "sequences": (
        [
            Embedding(9, 4, name="e"),
            Bidirectional(LSTM(3, return_sequences=True, name="l"), name="both"),
            TimeDistributed(Dense(4, "relu", name="each"), name="steps"),
            GRU(3, return_sequences=True, activation="relu", name="g"),
            RNN([SimpleRNNCell(2), LSTMCell(2)], name="cells"),
            Dense(1, "sigmoid", name="b"),
        ],
        placeholder((5, 6), "int32"),
        {
            "e": ("embedding", None),
            "both/forward_l": ("recurrent", "tanh"),
            "both/backward_l": ("recurrent", "tanh"),
            "steps/each": ("hidden", "relu"),
            "g": ("recurrent", "relu"),
            "cells": ("recurrent", None),
            "b": ("output", "sigmoid"),
        },
    ),
}


@pytest.mark.parametrize("layers,x,expected", ROLES.values(), ids=ROLES)
def test_roles_and_activations(
    layers: list[Layer], x: Any, expected: dict[str, tuple[str, str | None]]
) -> None:
    found = called(Sequential(layers), x)
    assert {name: (call.role, call.activation) for name, call in found.items()} == expected


def test_attention_is_one_thing_and_residual_ways_are_walked_through() -> None:
    ids = Input((6,), dtype="int32")
    h = TokenAndPositionEmbedding(9, 6, 8, name="tokens")(ids)
    look = MultiHeadAttention(2, 4, name="look")
    h = Add(name="sum")([h, look(LayerNormalization(name="norm")(h), h)])
    model = Model(ids, Dense(9, name="head")(h))
    found = called(model, placeholder((2, 6), "int32"))
    assert list(found) == [
        "tokens/token_embedding", "tokens/position_embedding", "norm", "look", "sum", "head"
    ]  # fmt: skip
    assert found["look"].role == "attention"
    assert len(found["look"].parameters) == 8
    assert set(found["sum"].inputs) == {
        "look", "tokens/token_embedding", "tokens/position_embedding"
    }  # fmt: skip
    assert found["tokens/position_embedding"].role == "embedding"
    assert found["head"].inputs == ("sum",)
    assert found["head"].role == "output"


def test_every_call_of_a_shared_layer_has_its_name() -> None:
    a, b, inner = Input((4,)), Input((4,)), Input((4,))
    encoder = Model(inner, Dense(3, "relu", name="shared")(inner), name="encoder")
    model = Model([a, b], Dense(1, name="head")(Add(name="sum")([encoder(a), encoder(b)])))
    found = called(model, placeholder((5, 4)), placeholder((5, 4)))
    assert list(found) == ["encoder/shared", "encoder/shared (2)", "sum", "head"]
    assert found["sum"].inputs == ("encoder/shared", "encoder/shared (2)")
    assert found["encoder/shared"].inputs == ()
    assert found["encoder/shared"].parameters == ("shared/kernel", "shared/bias")


def test_several_outputs_each_have_their_layer() -> None:
    x = Input((4,))
    h = Dense(3, "relu", name="h")(x)
    model = Model(x, [Dense(1, name="one")(h), Activation("tanh")(Dense(2, name="two")(h))])
    roles = {name: call.role for name, call in called(model, placeholder((5, 4))).items()}
    assert roles.pop("one") == roles.pop("two") == "output"
    assert roles.pop("h") == "hidden"
    assert [*roles.values()] == ["activation"]


def test_a_model_of_ones_own_and_functions_between_its_layers() -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = Dense(4, name="first"), Dense(2, name="second")

        def call(self, x: Any) -> Any:
            return self.second(ops.relu(self.first(x)) * 2.0)

    found = called(Own(), placeholder((5, 4)))
    assert found["second"].inputs == ("first",)
    assert found["first"].activation is None


def test_a_layer_of_ones_own_is_hidden_where_it_multiplies_by_a_matrix() -> None:
    class Own(Layer):
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight((input_shape[-1], 3), name="w")

        def call(self, inputs: Any) -> Any:
            return ops.softsign(inputs @ self.w)

    found = called(Sequential([Own(name="own"), Dense(1, name="head")]), placeholder((5, 4)))
    assert (found["own"].role, found["own"].activation) == ("hidden", "softsign")
    assert found["own"].units == 3


@pytest.mark.parametrize(
    "layer,saturates",
    [
        (lambda: Dense(3, "tanh"), True),
        (lambda: Dense(3, "relu"), False),
        (lambda: Activation("sigmoid"), True),
        (lambda: SimpleRNN(3), True),
        (lambda: LSTM(3), False),
        (lambda: GRU(3), False),
    ],
    ids=["tanh", "relu", "sigmoid", "simple", "lstm", "gru"],
)
def test_gates_do_not_count_as_stuck(layer: Callable[[], Layer], saturates: bool) -> None:
    middle = layer()
    sequences = isinstance(middle, RNN)
    last = [] if sequences else [GlobalAveragePooling1D()]
    model = Sequential([middle, *last, Dense(1, "sigmoid", name="head")])
    found = called(model, placeholder((5, 4, 3)))
    assert found[middle.name].saturates == saturates
    assert not found["head"].saturates


def test_a_last_activation_does_not_count_as_stuck() -> None:
    model = Sequential([Dense(1, name="head"), Activation("sigmoid", name="last")])
    found = called(model, placeholder((5, 4)))
    assert not found["last"].saturates
    assert found["head"].role == "output"


ELEMENTWISE = [name for name in BY_NAME if "softmax" not in name]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_function_is_known_by_the_name_that_makes_it(name: str) -> None:
    function = function_of(activations.get(name)(placeholder((3,))).node.operation)
    assert function == BY_NAME[name]
