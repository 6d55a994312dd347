"""Every layer and every loss is explained, and the explanation proved: it is what is computed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import Variable, layers, losses, ops
from glassgrad.graph import Binding, Notation, Primitive, Tensor, constant
from glassgrad.layers import Dense, Input
from glassgrad.lens.derivation import derived
from glassgrad.lens.explaining import written_down
from glassgrad.lens.explanation import Explanation
from glassgrad.lens.subject import subject_of
from glassgrad.losses import Loss
from glassgrad.models import Model, Sequential
from glassgrad.random_seed import seeded
from tests.lens.proof import assert_proved
from tests.losses import test_losses
from tests.models.test_model import LAYERS

# Name, loss, targets and predictions.
LOSSES: list[tuple[str, Any, Any, Any]] = [
    *(row[:4] for row in test_losses.TABLE),
    *(
        (loss.__name__, loss, test_losses.BITS, test_losses.BETWEEN)
        for loss in (losses.BinaryFocalCrossentropy, losses.Dice, losses.Tversky)
    ),
    (
        "balanced focal",
        lambda: losses.BinaryFocalCrossentropy(True, from_logits=True),
        test_losses.BITS,
        test_losses.REAL,
    ),
    (
        "categorical focal",
        losses.CategoricalFocalCrossentropy,
        test_losses.ONE_HOT,
        test_losses.PROBABILITIES,
    ),
    (
        "generalized",
        losses.CategoricalGeneralizedCrossEntropy,
        test_losses.LABELS,
        test_losses.PROBABILITIES,
    ),
]


def proved(target: Any, x: Any = None, y: Any = None, *, fused: bool = True) -> Explanation:
    subject = subject_of(target, x, y)
    explanation = written_down(derived(subject, subject.parameters, fused=fused))
    assert_proved(explanation, subject)
    return explanation


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(name: str) -> None:
    shape, make = LAYERS[name]
    with seeded(2):
        model = Sequential([Input(shape), Dense(shape[-1]), make(), Dense(2)])
    model.compile("sgd", "mse")
    proved(model, normal(4, *shape), normal(*model.compute_output_shape((4, *shape)), seed=1))


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "in two steps"])
@pytest.mark.parametrize("row", LOSSES, ids=lambda row: row[0])
def test_every_loss(row: tuple[Any, ...], fused: bool) -> None:
    _, make, targets, predictions = row
    predicted = Tensor(predictions, requires_grad=True, dtype="float64")
    proved(make()(targets, predicted), fused=fused)


def test_every_loss_of_the_package_is_in_the_table() -> None:
    public = {getattr(losses, name) for name in losses.__all__}
    classes = {one for one in public if inspect.isclass(one) and issubclass(one, Loss)}
    assert classes - {Loss, losses.LossFunctionWrapper} <= {type(row[1]()) for row in LOSSES}


# ---- whole networks


def convolutional() -> Model:
    return Sequential(
        [
            Input((7, 6, 2)),
            layers.Conv2D(4, 3, padding="same", groups=2, activation="tanh", name="first"),
            layers.MaxPooling2D((2, 3), strides=2, padding="same"),
            layers.Conv2D(3, (2, 1), dilation_rate=2, name="second"),
            layers.Conv2DTranspose(2, 3, strides=2, padding="same", name="back"),
            layers.AveragePooling2D(2, strides=1, padding="same"),
            layers.DepthwiseConv2D(2, depth_multiplier=2, name="each"),
            layers.BatchNormalization(),
            layers.Flatten(),
            Dense(3, "softmax", name="classes"),
        ]
    )


def of_strings_of_numbers() -> Model:
    return Sequential(
        [
            Input((4, 3)),
            layers.LSTM(3, return_sequences=True),
            layers.Bidirectional(layers.GRU(2, return_sequences=True)),
            layers.SimpleRNN(3, "relu"),
            Dense(3, "softmax"),
        ]
    )


def attentive() -> Model:
    return Sequential(
        [
            Input((4,), dtype="int32"),
            layers.TokenAndPositionEmbedding(5, 4, 6),
            layers.TransformerBlock(2, causal=True, name="first"),
            layers.TransformerBlock(2, name="second"),
            layers.GlobalAveragePooling1D(),
            Dense(3, "softmax"),
        ]
    )


def masked() -> Model:
    return Sequential(
        [
            Input((4,), dtype="int32"),
            layers.Embedding(5, 3, mask_zero=True),
            layers.GRU(3, return_sequences=True, reset_after=False),
            layers.LSTM(2, go_backwards=True),
            Dense(3, "softmax"),
        ]
    )


def residual_and_shared() -> Model:
    x = Input((3,))
    shared = Dense(3, "tanh", name="shared")
    once = shared(x)
    twice = layers.add([shared(once), x])
    return Model(x, Dense(3, "softmax", name="classes")(twice))


NETWORKS: dict[str, tuple[Callable[[], Model], tuple[int, ...]]] = {
    "dense": (lambda: Sequential([Input((3,)), Dense(4, "relu"), Dense(3, "softmax")]), (5, 3)),
    "convolutional": (convolutional, (5, 7, 6, 2)),
    "recurrent": (of_strings_of_numbers, (5, 4, 3)),
    "attentive": (attentive, (5, 4)),
    "masked": (masked, (5, 4)),
    "residual": (residual_and_shared, (5, 3)),
}


def data_for(model: Model, shape: tuple[int, ...]) -> Any:
    """Numbers, or indices where the model wants them."""
    wants_indices = np.dtype(model.inputs[0].dtype).kind == "i"
    return np.arange(20).reshape(shape) % 5 if wants_indices else normal(*shape)


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "in two steps"])
@pytest.mark.parametrize("name", NETWORKS)
def test_whole_networks(name: str, fused: bool) -> None:
    make, shape = NETWORKS[name]
    with seeded(1):
        model = make()
    model.compile("adam", "sparse_categorical_crossentropy")
    explanation = proved(model, data_for(model, shape), np.arange(shape[0]) % 3, fused=fused)
    assert explanation.fused == fused


def test_several_inputs_and_outputs() -> None:
    a, b = Input((2,), name="a"), Input((3,), name="b")
    joined = Dense(4, "relu", name="joined")(layers.concatenate([a, b]))
    model = Model({"a": a, "b": b}, [Dense(1, name="one")(joined), Dense(2, name="two")(joined)])
    model.compile("sgd", ["mse", "mae"], loss_weights=[1.0, 0.5])
    explanation = proved(
        model, {"a": normal(4, 2), "b": normal(4, 3)}, [normal(4, 1), normal(4, 2)]
    )
    assert {"a", "b"} <= {line.name.plain.removeprefix("x.") for line in explanation.given}


@pytest.mark.parametrize(
    "equation,shapes",
    [
        ("abc,cd->adb", [(2, 3, 4), (4, 2)]),
        ("ij,jk,kl", [(2, 3), (3, 4), (4, 2)]),
        ("ij,ij->", [(2, 3), (2, 3)]),
        ("ab,ac->a", [(2, 3), (2, 4)]),  # axes of one tensor alone
        ("ii->i", [(3, 3)]),
        ("...i,ij->...j", [(2, 4, 3), (3, 2)]),
        ("ab,bc->ac", [(2, 1), (3, 4)]),  # a broadcast axis
    ],
)
def test_sums_over_named_axes(equation: str, shapes: list[tuple[int, ...]]) -> None:
    tensors = [
        Tensor(normal(*shape, seed=seed), requires_grad=True) for seed, shape in enumerate(shapes)
    ]
    proved((ops.einsum(equation, *tensors) ** 3.0).sum())


class Weighed(Primitive):
    """An operation of one's own, whose rule holds numbers."""

    notation = Notation("{x} * array([1.5, -2.0, 0.25])", r"w \odot {x}", Binding.PRODUCT)

    def shape(self, x):
        return x

    def forward(self, xp, x):
        return x * xp.asarray([1.5, -2.0, 0.25])

    def chain_rule(self, gradients, outputs, inputs):
        (g,) = gradients
        return (g * constant([1.5, -2.0, 0.25], "float64"),)


def test_numbers_within_a_rule() -> None:
    x = Tensor(normal(2, 3), requires_grad=True)
    explanation = proved(Weighed()(x.tanh().cast("float64")).square().sum())
    assert any("array([ 1.5" in line.formula.plain for line in explanation.lines if line.formula)


def test_what_is_computed_from_data_alone_is_written_too() -> None:
    w = Variable(normal(3), name="w")
    x = Tensor(normal(4, 3))
    centred = (x - x.mean(axis=0)) / ops.std(x, axis=0)
    explanation = proved((ops.sigmoid(centred * w).sum(axis=1) * ops.sin(centred)[:, 0]).sum())
    assert {"w"} == {line.of for line in explanation.lines if line.of == "w"}


def test_a_mistake_would_be_found() -> None:
    """The proof can fail: one sign changed in one formula is enough."""
    model = Sequential([Input((2,)), Dense(1, name="out")])
    model.compile("sgd", "mse")
    subject = subject_of(model, normal(3, 2), normal(3, 1))
    explanation = written_down(derived(subject, subject.parameters))
    for line in explanation.layers[-1].steps[-1].lines:
        if line.name.plain == "dL/dout.bias":
            object.__setattr__(line.formula, "plain", "-" + line.formula.plain)  # type: ignore[union-attr]
    with pytest.raises(AssertionError, match=r"dL/dout\.bias"):
        assert_proved(explanation, subject)
