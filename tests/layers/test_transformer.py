from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from glassgrad import layers
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, mask_of
from glassgrad.layers import TransformerBlock, TransformerDecoder, TransformerEncoder

rng = np.random.default_rng(0)
WIDTH, HEADS, INNER = 6, 2, 8
X, SOURCE = rng.normal(size=(2, 5, WIDTH)), rng.normal(size=(2, 7, WIDTH))
PADDING = np.array([[True, True, True, False, False], [True] * 5])
OF_SOURCE = np.arange(7) < np.array([[4], [7]])
SEEN = np.tril(np.ones((2, 5, 5), bool))


def set_linear(theirs: Any, dense: Any) -> None:
    theirs.weight.copy_(torch.tensor(dense.kernel.numpy().T))
    theirs.bias.copy_(torch.tensor(dense.bias.numpy()))


def set_norm(theirs: Any, norm: Any) -> None:
    theirs.weight.copy_(torch.tensor(norm.gamma.numpy()))
    theirs.bias.copy_(torch.tensor(norm.beta.numpy()))


def set_attention(theirs: Any, ours: Any) -> None:
    dense = (ours.query_dense, ours.key_dense, ours.value_dense)
    kernels = [one.kernel.numpy().reshape(WIDTH, WIDTH).T for one in dense]
    theirs.in_proj_weight.copy_(torch.tensor(np.concatenate(kernels)))
    biases = [one.bias.numpy().ravel() for one in dense]
    theirs.in_proj_bias.copy_(torch.tensor(np.concatenate(biases)))
    output = ours.output_dense
    theirs.out_proj.weight.copy_(torch.tensor(output.kernel.numpy().reshape(WIDTH, WIDTH).T))
    theirs.out_proj.bias.copy_(torch.tensor(output.bias.numpy()))


def of_torch(layer: Any, is_decoder: bool, norm_first: bool, activation: str) -> Any:
    """PyTorch's layer with other weights than ours began with, and ours with the same."""
    kind = torch.nn.TransformerDecoderLayer if is_decoder else torch.nn.TransformerEncoderLayer
    theirs = kind(
        WIDTH, HEADS, INNER, 0.0, activation, batch_first=True, norm_first=norm_first,
        dtype=torch.float64,
    )  # fmt: skip
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.weights])
    norms = [layer.self_attention_norm, layer.feedforward_norm]
    with torch.no_grad():
        set_attention(theirs.self_attn, layer.self_attention)
        if is_decoder:
            set_attention(theirs.multihead_attn, layer.cross_attention)
            norms.insert(1, layer.cross_attention_norm)
        for number, norm in enumerate(norms, start=1):
            set_norm(getattr(theirs, f"norm{number}"), norm)
        set_linear(theirs.linear1, layer.intermediate_dense)
        set_linear(theirs.linear2, layer.output_dense)
    return theirs


def require_same(ours: Any, theirs: Any, arrays: list[Any], options: Any, of_theirs: Any) -> None:
    """Values, and gradients of the sum of squares by all inputs."""
    inputs = [Tensor(array, dtype="float64") for array in arrays]
    y = ours(*inputs, **options)
    slopes = gradients((y * y).sum(), inputs)
    leaves = [torch.tensor(array, requires_grad=True) for array in arrays]
    expected = theirs(*leaves, **of_theirs)
    np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-9)
    their_slopes = torch.autograd.grad((expected * expected).sum(), leaves)
    for slope, other in zip(slopes, their_slopes, strict=True):
        assert slope is not None
        scale = float(other.abs().max())
        np.testing.assert_allclose(slope.numpy(), other.numpy(), rtol=0, atol=1e-10 * scale)


MASKS = {
    "none": ({}, {}),
    "padding": ({"padding_mask": PADDING}, {"src_key_padding_mask": torch.tensor(~PADDING)}),
    "seen": ({"attention_mask": SEEN}, {"src_mask": torch.tensor(~SEEN[0])}),
    "both": (
        {"padding_mask": PADDING, "attention_mask": SEEN},
        {"src_key_padding_mask": torch.tensor(~PADDING), "src_mask": torch.tensor(~SEEN[0])},
    ),
}


@pytest.mark.parametrize("normalize_first", [False, True])
@pytest.mark.parametrize("masks", MASKS)
def test_an_encoder_is_that_of_pytorch(masks: str, normalize_first: bool) -> None:
    layer = TransformerEncoder(INNER, HEADS, normalize_first=normalize_first, dtype="float64")
    layer(Tensor(X, dtype="float64"))
    theirs = of_torch(layer, False, normalize_first, "relu")
    require_same(layer, theirs, [X], *MASKS[masks])


@pytest.mark.parametrize("normalize_first", [False, True])
def test_a_decoder_is_that_of_pytorch(normalize_first: bool) -> None:
    layer = TransformerDecoder(
        INNER, HEADS, activation="gelu", normalize_first=normalize_first, dtype="float64"
    )
    inputs = [Tensor(array, dtype="float64") for array in (X, SOURCE)]
    layer(*inputs)
    theirs = of_torch(layer, True, normalize_first, "gelu")
    hidden = torch.tensor(~SEEN[0])
    require_same(layer, theirs, [X, SOURCE], {}, {"tgt_mask": hidden})
    require_same(
        layer,
        theirs,
        [X, SOURCE],
        {"encoder_padding_mask": OF_SOURCE},
        {"tgt_mask": hidden, "memory_key_padding_mask": torch.tensor(~OF_SOURCE)},
    )
    require_same(
        layer,
        theirs,
        [X, SOURCE],
        {"use_causal_mask": False, "decoder_padding_mask": PADDING},
        {"tgt_key_padding_mask": torch.tensor(~PADDING)},
    )


@pytest.mark.parametrize("causal", [False, True])
def test_a_block_is_an_encoder_that_normalises_first(causal: bool) -> None:
    block = TransformerBlock(HEADS, INNER, causal=causal, dtype="float64")
    block(Tensor(X, dtype="float64"))
    theirs = of_torch(block, False, True, "gelu")
    options = {"src_mask": torch.tensor(~SEEN[0])} if causal else {}
    require_same(block, theirs, [X], {}, options)


def test_the_network_of_a_block_is_four_times_as_wide() -> None:
    block = TransformerBlock(2, use_bias=False)
    block.build((None, None, 6))
    assert block.intermediate_dense.kernel.shape == (6, 24)
    assert block.get_config()["intermediate_dim"] is None
    shapes = [weight.shape for weight in block.weights if weight.name.endswith("bias")]
    assert not shapes
    assert block.compute_output_shape((None, None, 6)) == (None, None, 6)


def test_weights_are_in_keras_hubs_order() -> None:
    encoder, decoder = TransformerEncoder(8, 2), TransformerDecoder(8, 2)
    encoder(X)
    decoder(X, SOURCE)
    names = ["query", "key", "value", "attention_output"]
    attention = [name for name in names for _ in range(2)]
    norm = ["feedforward_layer_norm"] * 2
    dense = ["feedforward_intermediate_dense"] * 2 + ["feedforward_output_dense"] * 2
    own = [*attention, *["self_attention_layer_norm"] * 2]
    assert [w.name.split("/")[0] for w in encoder.weights] == [*own, *norm, *dense]
    cross = [*attention, *["cross_attention_layer_norm"] * 2]
    assert [w.name.split("/")[0] for w in decoder.weights] == [*own, *cross, *dense, *norm]


def test_the_mask_of_the_input_is_obeyed_and_handed_on() -> None:
    tokens = np.array([[3, 1, 0, 0], [2, 3, 1, 2]], np.int32)
    embedded = layers.Embedding(4, 6, mask_zero=True)(tokens)
    for layer in (TransformerBlock(2), TransformerEncoder(8, 2), TransformerDecoder(8, 2)):
        y = layer(embedded)
        handed_on = mask_of(y)
        assert handed_on is not None
        np.testing.assert_array_equal(handed_on.numpy(), tokens != 0)
        alone = layer(embedded[:1, :2])  # as if the padding were not there
        np.testing.assert_allclose(y.numpy()[0, :2], alone.numpy()[0], rtol=1e-5, atol=1e-6)


def test_an_encoder_gives_its_weights_of_attention() -> None:
    y, weights = TransformerEncoder(8, 2)(X, return_attention_scores=True)
    assert y.shape == X.shape
    assert weights.shape == (2, 2, 5, 5)
    np.testing.assert_allclose(weights.numpy().sum(axis=-1), 1.0, rtol=1e-6)


def test_dropout_is_in_training_alone() -> None:
    block = TransformerBlock(2, dropout=0.5)
    x = X.astype("float32")
    np.testing.assert_array_equal(block(x).numpy(), block(x, training=False).numpy())
    assert not np.allclose(block(x).numpy(), block(x, training=True).numpy())


def test_a_decoder_is_called_as_it_was_built() -> None:
    alone, reading = TransformerDecoder(8, 2), TransformerDecoder(8, 2)
    alone(X)
    reading(X, SOURCE)
    with pytest.raises(ArgumentError, match="without an encoder_sequence, and is called with one"):
        alone(X, SOURCE)
    with pytest.raises(ArgumentError, match="with an encoder_sequence, and is called without one"):
        reading(X)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: TransformerEncoder(0, 2), "intermediate_dim must be a positive integer"),
        (lambda: TransformerEncoder(8, 0), "num_heads must be a positive integer"),
        (lambda: TransformerDecoder(8, 2, dropout=1.5), r"in \[0, 1\)\. Got 1.5"),
        (lambda: TransformerBlock(2, 0), "intermediate_dim must be a positive integer"),
    ],
)
def test_arguments_are_checked(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 3), (2, 3, 4, 5)])
def test_shapes_that_do_not_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="at least one feature for each of 4 heads"):
        TransformerBlock(4)(np.ones(shape))
