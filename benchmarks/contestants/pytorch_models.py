"""The networks of the cases in PyTorch, as its users write them, with the common weights."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.cases import Case
from benchmarks.networks import NETWORKS, Array
from benchmarks.networks.images import CnnSizes, ResNetSizes
from benchmarks.networks.sequences import GptSizes, RecurrentSizes

__all__ = ["inputs", "model"]

IMAGES = ("cnn", "resnet")


def model(case: Case) -> nn.Module:
    """The network of a case."""
    weights = map(torch.from_numpy, NETWORKS[case.network].weights(case))
    with torch.no_grad():
        built = MODELS[case.network](case, weights)
    return built.to(memory_format=layout(case)) if case.network in IMAGES else built


def inputs(case: Case, x: Array) -> Tensor:
    """What the network of a case takes; images have their channels first."""
    tensor = torch.from_numpy(x)
    if case.network == "resnet":
        # A stride of two begins at the pad before the image here, and ends at the pad behind it
        # in Keras: in mirrored images that is the same.
        tensor = tensor.flip(1, 2)
    if case.network in IMAGES:
        tensor = tensor.permute(0, 3, 1, 2).contiguous(memory_format=layout(case))
    return tensor


def layout(case: Case) -> torch.memory_format:
    """How images lie in memory: as was measured to be the faster."""
    is_gray = case.network == "cnn" and CnnSizes(*case.sizes).channels == 1
    return torch.contiguous_format if is_gray else torch.channels_last


def fill(layer: nn.Module, values: Iterable[Tensor]) -> nn.Module:
    """Give a layer its first weights."""
    for parameter, value in zip(layer.parameters(), values, strict=True):
        parameter.copy_(value)
    return layer


def linear(weights: Iterator[Tensor], bias: bool = True) -> nn.Linear:
    """A fully connected layer; PyTorch keeps kernels transposed."""
    kernel = next(weights)
    layer = nn.Linear(*kernel.shape, bias=bias)
    fill(layer, [kernel.T, next(weights)] if bias else [kernel.T])
    return layer


def mlp(case: Case, weights: Iterator[Tensor]) -> nn.Module:
    """Layers in a row."""
    pairs = len(case.sizes) - 1
    layers = [layer for _ in range(pairs) for layer in (linear(weights), nn.ReLU())][:-1]
    return nn.Sequential(*layers)


# ---- images


def convolution(weights: Iterator[Tensor], mirrored: bool = False, **how: object) -> nn.Conv2d:
    """A convolution; PyTorch keeps kernels as (outputs, inputs, rows, columns)."""
    kernel = next(weights).permute(3, 2, 0, 1)
    values = [kernel.flip(2, 3) if mirrored else kernel]
    outputs, channels, window, _ = kernel.shape
    layer = nn.Conv2d(channels, outputs, window, **how)
    fill(layer, values if layer.bias is None else [*values, next(weights)])
    return layer


def cnn(case: Case, weights: Iterator[Tensor]) -> nn.Module:
    """Layers in a row."""
    sizes = CnnSizes(*case.sizes)
    relu, pool = nn.ReLU(), nn.MaxPool2d(2)
    first, second = convolution(weights), convolution(weights)
    kernel, bias = next(weights), next(weights)
    # Flattened, channels come first here and last in Keras.
    places = kernel.reshape(-1, sizes.second, sizes.units).transpose(0, 1)
    hidden = linear(iter([places.reshape(kernel.shape), bias]))
    layers = [first, relu, second, relu, pool, nn.Flatten(), hidden, relu, linear(weights)]
    return nn.Sequential(*layers)


def normalized(weights: Iterator[Tensor], **how: object) -> nn.Sequential:
    """A convolution with batch statistics behind it."""
    layer = convolution(weights, mirrored=True, bias=False, **how)
    statistics = nn.BatchNorm2d(layer.out_channels)
    fill(statistics, following(2, weights))
    return nn.Sequential(layer, statistics)


class Block(nn.Module):
    """Two convolutions, and what they are added to."""

    def __init__(self, stride: int, weights: Iterator[Tensor]) -> None:
        super().__init__()
        self.first = normalized(weights, stride=stride, padding=1)
        self.second = normalized(weights, padding=1)
        self.around: nn.Module = nn.Identity()
        if stride > 1:
            self.around = nn.Sequential(nn.AvgPool2d(stride), normalized(weights))

    def forward(self, x: Tensor) -> Tensor:
        """What comes in and what comes out are (batch, channels, rows, columns)."""
        y = self.second(functional.relu(self.first(x), inplace=True))
        return functional.relu(y + self.around(x), inplace=True)


def resnet(case: Case, weights: Iterator[Tensor]) -> nn.Module:
    """A convolution, the blocks, the mean over all places, a fully connected layer."""
    sizes = ResNetSizes(*case.sizes)
    first = normalized(weights, padding=1)
    blocks = [Block(stride, weights) for _, _, stride in sizes.stages()]
    end = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear(weights)]
    return nn.Sequential(first, nn.ReLU(inplace=True), *blocks, *end)


# ---- sequences


class Reader(nn.Module):
    """A recurrent layer, and a fully connected one that reads its last state."""

    def __init__(self, layer: nn.Module, output: nn.Module) -> None:
        super().__init__()
        self.layer, self.output = layer, output

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (batch, classes), of sequences, (batch, time, features)."""
        states, _ = self.layer(x)
        return self.output(states[:, -1])


def lstm(case: Case, weights: Iterator[Tensor]) -> nn.Module:
    """PyTorch has a second bias, whose gradient equals the first's: it stays zero."""
    sizes = RecurrentSizes(*case.sizes)
    layer = nn.LSTM(sizes.features, sizes.units, batch_first=True)
    kernel, recurrent, bias = following(3, weights)
    fill(layer, [kernel.T, recurrent.T, bias, torch.zeros_like(bias)])
    layer.bias_hh_l0.requires_grad_(False)
    return Reader(layer, linear(weights))


def gru(case: Case, weights: Iterator[Tensor]) -> nn.Module:
    """The gates of PyTorch are ordered r, z, h, and those of Keras z, r, h."""
    sizes = RecurrentSizes(*case.sizes)
    layer = nn.GRU(sizes.features, sizes.units, batch_first=True)
    update, reset, candidate = torch.arange(3 * sizes.units).chunk(3)
    order = torch.cat([reset, update, candidate])
    kernel, recurrent, biases = (one[..., order] for one in following(3, weights))
    fill(layer, [kernel.T, recurrent.T, *biases])
    return Reader(layer, linear(weights))


class Attention(nn.Module):
    """Causal attention; one product for query, key and value."""

    def __init__(self, heads: int, weights: Iterator[Tensor]) -> None:
        super().__init__()
        self.heads = heads
        three = following(6, weights)
        self.all_three = linear(iter([torch.cat(three[::2], 1), torch.cat(three[1::2])]))
        self.output = linear(weights)

    def forward(self, x: Tensor) -> Tensor:
        """What comes in and what comes out are (batch, tokens, width)."""
        batch, tokens, width = x.shape
        query, key, value = (
            part.view(batch, tokens, self.heads, width // self.heads).transpose(1, 2)
            for part in self.all_three(x).split(width, 2)
        )
        y = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.output(y.transpose(1, 2).reshape(batch, tokens, width))


class Added(nn.Module):
    """A layer that reads what is normalised before, and is added to what goes around it."""

    def __init__(self, normalization: nn.Module, layer: nn.Module) -> None:
        super().__init__()
        self.normalization, self.layer = normalization, layer

    def forward(self, x: Tensor) -> Tensor:
        """What comes in and what comes out are (batch, tokens, width)."""
        return x + self.layer(self.normalization(x))


class Gpt(nn.Module):
    """Tokens, positions, blocks, and the output."""

    def __init__(self, sizes: GptSizes, weights: Iterator[Tensor]) -> None:
        super().__init__()
        self.tokens = nn.Embedding.from_pretrained(next(weights), freeze=False)
        self.positions = nn.Embedding.from_pretrained(next(weights), freeze=False)

        def normalization() -> nn.Module:
            return fill(nn.LayerNorm(sizes.width), following(2, weights))

        def block() -> Iterator[nn.Module]:
            yield Added(normalization(), Attention(sizes.heads, weights))
            yield Added(normalization(), nn.Sequential(linear(weights), nn.GELU(), linear(weights)))

        blocks = [layer for _ in range(sizes.layers) for layer in block()]
        self.rest = nn.Sequential(*blocks, normalization(), linear(weights, bias=False))

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits, (batch, tokens, vocabulary), of tokens, (batch, tokens)."""
        return self.rest(self.tokens(tokens) + self.positions.weight)


def gpt(case: Case, weights: Iterator[Tensor]) -> nn.Module:
    """Causal attention by the kernel that PyTorch has for it."""
    return Gpt(GptSizes(*case.sizes), weights)


def following(count: int, weights: Iterator[Tensor]) -> list[Tensor]:
    """The next ones."""
    return list(itertools.islice(weights, count))


MODELS: dict[str, Callable[[Case, Iterator[Tensor]], nn.Module]] = {
    "mlp": mlp,
    "cnn": cnn,
    "resnet": resnet,
    "lstm": lstm,
    "gru": gru,
    "gpt": gpt,
}
