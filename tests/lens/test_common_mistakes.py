"""The page of common mistakes: what its table of formulas says is computed, by both libraries."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as torch_nn

from glassgrad import Tensor, Variable, layers, losses, ops, optimizers

PAGE = Path(__file__).resolve().parents[2] / "docs" / "common_mistakes.md"
TEXT = PAGE.read_text("utf-8")
MISTAKES = [part.split("\n")[0] for part in re.split(r"^## (?=\d)", TEXT, flags=re.MULTILINE)[1:]]

W, GRADIENTS = np.array([1.0, -2.0]), [np.array(g) for g in ([1e-3, 0.5], [-2e-3, 0.1], [3.0, 0.2])]
RATES = (0.1, 0.01, 0.5)
X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
P, Q = (np.array(rows, "float32") for rows in ([[0.2, 0.8], [0.5, 0.5]], [[0.6, 0.4], [0.1, 0.9]]))


def ours(optimizer: Any, rates: tuple[float, ...] = RATES[:1] * 3) -> Any:
    w = Variable(W, dtype="float64")
    for rate, gradient in zip(rates, GRADIENTS, strict=True):
        optimizer.learning_rate = rate
        optimizer.apply([Tensor(gradient, dtype="float64")], [w])
    return w.numpy()


def of_torch(kind: Any, rates: tuple[float, ...] = RATES[:1] * 3, **options: Any) -> Any:
    w = torch.tensor(W, requires_grad=True)
    optimizer = kind([w], lr=RATES[0], **options)
    for rate, gradient in zip(rates, GRADIENTS, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        w.grad = torch.tensor(gradient)
        optimizer.step()
    return w.detach().numpy()


def steps(update: Callable[..., Any], *state: Any, rates: tuple[float, ...] = RATES[:1] * 3) -> Any:
    """Run a formula: it takes w, the gradient, the rate, the number of the step and its state."""
    w: Any = W
    for t, (rate, gradient) in enumerate(zip(rates, GRADIENTS, strict=True), start=1):
        w, *state = update(w, gradient, rate, t, *state)
    return w


def same(found: Any, expected: Any, tolerance: float = 1e-6) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, rtol=tolerance, atol=tolerance / 100)


def differ(one: Any, other: Any) -> None:
    assert not np.allclose(np.asarray(one), np.asarray(other), rtol=1e-5, atol=0)


def momentum() -> None:
    a, b = ours(optimizers.SGD(momentum=0.9)), of_torch(torch.optim.SGD, momentum=0.9)
    same(a, b)
    a = ours(optimizers.SGD(momentum=0.9), RATES)
    b = of_torch(torch.optim.SGD, RATES, momentum=0.9)
    same(a, steps(lambda w, g, r, t, v: (w + 0.9 * v - r * g, 0.9 * v - r * g), 0, rates=RATES))
    same(b, steps(lambda w, g, r, t, v: (w - r * (0.9 * v + g), 0.9 * v + g), 0, rates=RATES))
    differ(a, b)


def rmsprop() -> None:
    def update(add: Callable[[Any], Any]) -> Callable[..., Any]:
        def step(w: Any, g: Any, r: float, t: int, v: Any) -> Any:
            v = 0.9 * v + 0.1 * g * g
            return w - r * g / add(v), v

        return step

    a, b = ours(optimizers.RMSprop(rho=0.9)), of_torch(torch.optim.RMSprop, alpha=0.9)
    same(a, steps(update(lambda v: np.sqrt(v + 1e-7)), 0))
    same(b, steps(update(lambda v: np.sqrt(v) + 1e-8), 0))
    differ(a, b)


def adagrad() -> None:
    def update(add: Callable[[Any], Any]) -> Callable[..., Any]:
        return lambda w, g, r, t, v: (w - r * g / add(v + g * g), v + g * g)

    a, b = ours(optimizers.Adagrad()), of_torch(torch.optim.Adagrad)
    same(a, steps(update(lambda v: np.sqrt(v + 1e-7)), 0.1))
    same(b, steps(update(lambda v: np.sqrt(v) + 1e-10), 0.0))
    differ(a, b)


def adam() -> None:
    epsilon = 1e-3

    def update(is_ours: bool) -> Callable[..., Any]:
        def step(w: Any, g: Any, r: float, t: int, m: Any, v: Any) -> Any:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            first, second = 1 - 0.9**t, 1 - 0.999**t
            if is_ours:
                return w - r * np.sqrt(second) / first * m / (np.sqrt(v) + epsilon), m, v
            return w - r * (m / first) / (np.sqrt(v / second) + epsilon), m, v

        return step

    a, b = ours(optimizers.Adam(epsilon=epsilon)), of_torch(torch.optim.Adam, eps=epsilon)
    same(a, steps(update(True), 0, 0))
    same(b, steps(update(False), 0, 0))
    differ(a, b)


def weight_decay() -> None:
    a = ours(optimizers.SGD(momentum=0.9, weight_decay=0.1))
    b = of_torch(torch.optim.SGD, momentum=0.9, weight_decay=0.1)

    def beside(w: Any, g: Any, r: float, t: int, v: Any) -> Any:
        v = 0.9 * v - r * g
        return w - r * 0.1 * w + v, v

    def inside(w: Any, g: Any, r: float, t: int, v: Any) -> Any:
        v = 0.9 * v + g + 0.1 * w
        return w - r * v, v

    same(a, steps(beside, 0))
    same(b, steps(inside, 0))
    differ(a, b)


def batch_normalization() -> tuple[Any, Any]:
    layer, other = layers.BatchNormalization(), torch.nn.BatchNorm1d(6)
    layer(Tensor(X), training=True)
    other(torch.tensor(X))
    return layer, other


def share_of_statistics() -> None:
    layer, other = batch_normalization()
    same(layer.moving_mean.numpy(), 0.01 * X.mean(0))
    same(other.running_mean, 0.1 * X.mean(0))


def moving_variance() -> None:
    layer, other = batch_normalization()
    same(layer.moving_variance.numpy(), 0.99 + 0.01 * X.var(0))
    same(other.running_var, 0.9 + 0.1 * X.var(0, ddof=1))


def layer_normalization() -> None:
    found = layers.LayerNormalization()(Tensor(X)).numpy()
    apart, variance = X - X.mean(1, keepdims=True), X.var(1, keepdims=True)
    same(found, apart / np.sqrt(variance + 1e-3), 1e-5)
    same(torch.nn.LayerNorm(6)(torch.tensor(X)).detach(), apart / np.sqrt(variance + 1e-5), 1e-5)


def leaky_relu() -> None:
    same(layers.LeakyReLU()(Tensor([-1.0])).numpy(), [-0.3])
    same(ops.leaky_relu(-1.0).numpy(), -0.2)
    same(torch_nn.leaky_relu(torch.tensor(-1.0)), -0.01)


def average_pooling() -> None:
    x = np.ones((1, 3, 3, 1), "float32")
    found = layers.AveragePooling2D(3, 1, "same")(Tensor(x)).numpy()
    same(found, x)
    theirs = torch_nn.avg_pool2d(torch.ones(1, 1, 3, 3), 3, 1, 1)
    same(theirs[0, 0, 0, 0], 4 / 9)


def deviation() -> None:
    same(ops.std(X).numpy(), X.std())
    same(ops.var(X).numpy(), X.var())
    same(torch.tensor(X).std(), X.std(ddof=1))


def cosine() -> None:
    cos = (P * Q).sum(1) / np.linalg.norm(P, axis=1) / np.linalg.norm(Q, axis=1)
    same(losses.CosineSimilarity()(P, Q).numpy(), -cos.mean())
    one = torch.ones(2)
    same(torch_nn.cosine_embedding_loss(torch.tensor(P), torch.tensor(Q), one), 1 - cos.mean())


def divergence() -> None:
    terms = P * np.log(P / Q)
    same(losses.KLDivergence()(P, Q).numpy(), terms.sum(1).mean(), 1e-5)
    with pytest.warns(UserWarning, match="KL div math definition"):
        found = torch_nn.kl_div(torch.tensor(Q).log(), torch.tensor(P), reduction="mean")
    same(found, terms.mean(), 1e-5)


def huber() -> None:
    y, t = np.array([[0.0, 3.0]], "float32"), np.zeros((1, 2), "float32")
    expected = 0.5 * (3 - 0.25) / 2
    same(losses.Huber(0.5)(t, y).numpy(), expected)
    same(torch_nn.huber_loss(torch.tensor(y), torch.tensor(t), delta=0.5), expected)
    same(torch_nn.smooth_l1_loss(torch.tensor(y), torch.tensor(t), beta=0.5), expected / 0.5)


def poisson() -> None:
    expected = (Q - P * np.log(Q)).mean()
    same(losses.Poisson()(P, Q).numpy(), expected, 1e-5)
    same(torch_nn.poisson_nll_loss(torch.tensor(Q).log(), torch.tensor(P)), expected, 1e-5)


def cross_entropy() -> None:
    labels = np.array([1, 0])
    expected = -np.log(Q[[0, 1], labels]).mean()
    same(losses.SparseCategoricalCrossentropy()(labels, Q).numpy(), expected, 1e-5)
    same(torch_nn.cross_entropy(torch.tensor(Q).log(), torch.tensor(labels)), expected, 1e-5)


def kernel() -> None:
    layer, other = layers.Dense(3), torch.nn.Linear(6, 3)
    y = layer(Tensor(X)).numpy()
    assert layer.kernel.shape == (6, 3)
    assert other.weight.shape == (3, 6)
    same(y, X @ layer.kernel.numpy(), 1e-5)


def initial_weights() -> None:
    layer, other = layers.Dense(300), torch.nn.Linear(100, 300)
    layer.build((None, 100))
    largest, limit = np.abs(layer.kernel.numpy()).max(), np.sqrt(6 / 400)
    assert 0.99 * limit < largest <= limit
    assert not layer.bias.numpy().any()
    assert 0.099 < np.abs(other.weight.detach().numpy()).max() <= 0.1
    assert 0.09 < np.abs(other.bias.detach().numpy()).max() <= 0.1


def embedding() -> None:
    layer, other = layers.Embedding(100, 50), torch.nn.Embedding(100, 50)
    layer.build((None,))
    assert 0.049 < np.abs(layer.embeddings.numpy()).max() <= 0.05
    assert 0.9 < other.weight.detach().numpy().std() < 1.1


def order_of_gates() -> None:
    """Only the gate z is opened, by the bias: the state stays what it was."""
    other = torch.nn.GRU(1, 1)
    h0 = torch.full((1, 1, 1), 0.7)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
        other.bias_ih_l0[1] = 50.0
    theirs, _ = other(torch.zeros(1, 1, 1), h0)
    bias = np.array([[50.0, 0.0, 0.0], [0.0] * 3])
    zeros = np.zeros((1, 3))
    found = ops.gated_recurrent_unit(np.zeros((1, 1, 1)), [[0.7]], zeros, zeros, bias)
    same(found.numpy().ravel(), [0.7])
    same(theirs.detach().ravel(), [0.7])


def biases() -> None:
    layer, other = layers.LSTM(2), torch.nn.LSTM(3, 2)
    layer.build((None, 4, 3))
    same(layer.cell.bias.numpy(), [0, 0, 1, 1, 0, 0, 0, 0])
    assert other.bias_ih_l0.shape == other.bias_hh_l0.shape == (8,)
    assert np.abs(other.bias_ih_l0.detach().numpy()).min() > 0


def dropout() -> None:
    found = layers.Dropout(0.2)(Tensor(np.ones(1000)), training=True).numpy()
    same(np.unique(found), [0, 1.25])
    same(torch_nn.dropout(torch.ones(1000), 0.2).unique(), [0, 1.25])


def squared_error() -> None:
    same(losses.MeanSquaredError()([[3.0]], [[1.0]]).numpy(), 4.0)
    same(torch_nn.mse_loss(torch.tensor([3.0]), torch.tensor([1.0])), 4.0)


ROWS: dict[str, Callable[[], None]] = {
    "momentum": momentum,
    "RMSprop": rmsprop,
    "Adagrad": adagrad,
    "Adam": adam,
    "`weight_decay` of SGD": weight_decay,
    "`BatchNormalization(momentum)`": share_of_statistics,
    "`BatchNormalization`, moving variance": moving_variance,
    "`LayerNormalization(epsilon)`": layer_normalization,
    "`LeakyReLU`": leaky_relu,
    "average pooling with padding": average_pooling,
    "`ops.std`, `ops.var`": deviation,
    "`CosineSimilarity` as a loss": cosine,
    "`KLDivergence`": divergence,
    "`Huber(delta)`": huber,
    "`Poisson`": poisson,
    "cross-entropy": cross_entropy,
    "`Dense`: kernel": kernel,
    "`Dense`: initial weights": initial_weights,
    "`Embedding`: initial weights": embedding,
    "`GRU`: order of the gates": order_of_gates,
    "`LSTM`: biases": biases,
    "`Dropout`": dropout,
    "mean squared error of one number": squared_error,
}


@pytest.mark.parametrize("name", ROWS)
def test_both_libraries_compute_what_the_table_says(name: str) -> None:
    torch.manual_seed(0)
    ROWS[name]()


def test_every_row_of_the_table_is_computed() -> None:
    table = TEXT.partition("| name | here and in Keras |")[2]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")]
    assert [row[0].removeprefix("| ") for row in rows] == list(ROWS)
    assert {len(row) for row in rows} == {3}


# ---- the mistakes; their numbers are run by tests/test_documentation_examples.py


def test_the_mistakes_are_numbered() -> None:
    assert [title.partition(".")[0] for title in MISTAKES] == [
        str(number) for number in range(1, len(MISTAKES) + 1)
    ]


@pytest.mark.parametrize("title", MISTAKES)
def test_a_mistake_is_corrected_and_demonstrated(title: str) -> None:
    section = TEXT.partition(f"## {title}")[2].partition("\n## ")[0]
    assert "**What is true:**" in section
    assert re.search(r"^```python\n>>> ", section, re.MULTILINE)


def test_links_within_the_page_lead_somewhere() -> None:
    headings = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    targets = set(re.findall(r"\]\(#([^)]+)\)", TEXT))
    assert len(targets) == len(headings)
    assert targets <= anchors
