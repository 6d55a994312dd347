"""Watching a module of PyTorch: it measures what is there, and leaves training as it is."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from glassgrad.doctor import watch
from glassgrad.errors import ArgumentError


def data(*shape: int, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(48, *shape, generator=generator)
    return x, torch.randint(classes, (48,), generator=generator)


def seeded(make: Any) -> Any:
    torch.manual_seed(0)
    return make()


def trained(module: Any, x: Any, y: Any, steps: int = 12, watched: bool = True) -> Any:
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    watcher = watch(module, optimizer, steps=steps) if watched else None
    for _ in range(steps):
        loss = functional.cross_entropy(module(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return watcher


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(inplace=True), nn.Linear(8, 3))


class Recurrent(nn.Module):
    def __init__(self, kind: Any, **settings: Any) -> None:
        super().__init__()
        self.memory = kind(4, 5, batch_first=True, **settings)
        self.end = nn.Linear(5, 3)

    def forward(self, x: Any) -> Any:
        sequence, _ = self.memory(x)
        return self.end(sequence[:, -1])


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.end = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        found, self.weights = self.attention(x, x, x, average_attn_weights=False)
        return self.end(found.mean(1))


@pytest.mark.parametrize(
    "make, shape",
    [
        (mlp, (6,)),
        (lambda: Recurrent(nn.LSTM), (7, 4)),
        (Attending, (7, 4)),
        (lambda: nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, 3)), (6,)),
    ],
    ids=["dense", "recurrent", "attention", "dropout"],
)
def test_training_is_the_same_to_the_last_bit(make: Any, shape: tuple[int, ...]) -> None:
    x, y = data(*shape)
    ends = []
    for watched in (True, False):
        module = seeded(make)
        trained(module, x, y, watched=watched)
        ends.append([one.detach().numpy().tobytes() for one in module.parameters()])
    assert ends[0] == ends[1]


def test_layers_parameters_and_steps_are_measured() -> None:
    x, y = data(6)
    module = seeded(mlp)
    start = copy.deepcopy(module)
    case = trained(module, x, y).case
    names = [(one.name, one.role, one.activation) for one in case.facts.layers]
    assert names == [
        ("0", "hidden", None), ("0.relu", "activation", "relu"), ("2", "output", None)
    ]  # fmt: skip
    assert case.facts.loss == "sparse_categorical_crossentropy"
    assert case.facts.from_logits
    assert case.facts.trivial_loss == pytest.approx(
        -sum(p * np.log(p) for p in np.bincount(y.numpy()) / len(y))
    )
    z = start[0](x)
    hidden = torch.relu(z)
    hidden.retain_grad()
    z.retain_grad()
    loss = functional.cross_entropy(start[2](hidden), y)
    loss.backward()
    first = case.readings[0]
    assert first.loss == pytest.approx(float(loss.detach()))
    assert z.grad is not None
    assert first.layers[0].pre_activation_rms == pytest.approx(
        float(z.detach().square().mean().sqrt())
    )
    assert first.layers[0].pre_activation_gradient_rms == pytest.approx(
        float(z.grad.square().mean().sqrt())
    )
    assert first.layers[1].silent == float((hidden.amax(0) == 0).float().mean())
    by_name = {one.parameter: one for one in first.parameters}
    slopes = dict(start.named_parameters())
    for name, one in by_name.items():
        gradient = slopes[name].grad
        assert gradient is not None
        assert one.gradient_rms == pytest.approx(float(gradient.square().mean().sqrt()))
        assert one.update_rms == pytest.approx(0.01, rel=0.05)  # a first step of Adam
    norm = torch.nn.utils.get_total_norm([one.grad for one in start.parameters()])  # type: ignore[misc]
    assert case.course.gradient_norm[0] == pytest.approx(float(norm))


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("layers", [1, 2])
def test_gradients_over_time_are_those_of_the_states(kind: Any, layers: int) -> None:
    x, y = data(6, 4)
    module = seeded(lambda: Recurrent(kind, num_layers=layers))
    start = copy.deepcopy(module)
    (found,) = trained(module, x, y, steps=1).case.readings[0].recurrences
    cut = []  # the sequence cut after each step: what comes later is a function of the state
    state: Any = None
    for t in range(6):
        _, state = start.memory(x[:, t : t + 1], state)
        parts = state if isinstance(state, tuple) else (state,)
        parts[0].retain_grad()
        cut.append(parts[0])
    functional.cross_entropy(start.end(cut[-1][-1]), y).backward()
    wanted = [float(one.grad[-1].square().mean().sqrt()) for one in cut]  # type: ignore[index]
    np.testing.assert_allclose(found.gradient_rms, wanted, rtol=1e-4)


def test_what_cannot_be_followed_in_time_is_left_out() -> None:
    x, y = data(6, 4)
    module = seeded(lambda: Recurrent(nn.LSTM, bidirectional=True))
    module.end = nn.Linear(10, 3)
    assert trained(module, x, y).case.readings[0].recurrences == ()


def test_rows_of_attention_are_those_that_the_module_gives() -> None:
    x, y = data(7, 4)
    module = seeded(Attending)
    start = copy.deepcopy(module)
    (found,) = trained(module, x, y, steps=1).case.readings[0].attentions
    start(x)
    rows = start.weights.detach().double()  # (batch, heads, queries, keys)
    entropies = -(rows * rows.log()).sum(-1).mean((0, 2)) / np.log(7)
    np.testing.assert_allclose(found.entropy, entropies.numpy(), rtol=1e-5)


def test_a_mask_hides_keys() -> None:
    class Causal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.end = nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            heads = x[:, None]
            zero = torch.zeros_like(heads)
            seen = functional.scaled_dot_product_attention(zero, heads, heads, is_causal=True)
            return self.end(seen[:, 0, -1])

    x, y = data(7, 4)
    (found,) = trained(seeded(Causal), x, y, steps=1).case.readings[0].attentions
    assert found.entropy == pytest.approx((1.0,))


def test_a_loss_of_ones_own_is_heard_where_the_way_back_begins() -> None:
    x, _ = data(6)
    module = seeded(lambda: nn.Linear(6, 1))
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    with watch(module, optimizer) as watcher:
        for _ in range(5):
            loss = (module(x) - x[:, :1]).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert watcher.findings == []
    assert watcher.case is not None
    assert np.isfinite(watcher.case.course.loss).all()
    assert watcher.case.facts.loss is None


def test_what_is_done_without_learning_is_not_heard() -> None:
    x, y = data(6)
    module = seeded(mlp)
    watcher = trained(module, x, y, steps=3)
    visits = len(watcher.case.readings)
    module.eval()
    with torch.no_grad():
        module(x)
    assert len(watcher.case.readings) == visits
    assert watcher.case.course.steps[-1] <= 2


def test_closed_it_leaves_nothing_behind() -> None:
    x, y = data(6)
    module = seeded(mlp)
    watcher = trained(module, x, y)
    watcher.close()
    assert not module._forward_hooks
    assert not module._forward_pre_hooks
    assert torch.overrides._get_current_function_mode() is None
    steps = len(watcher.case.course.steps)
    trained(module, x, y, watched=False)
    assert len(watcher.case.course.steps) == steps


def test_several_passes_make_one_step() -> None:
    x, y = data(6)
    module = seeded(mlp)
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    with watch(module, optimizer) as watcher:
        for _ in range(4):
            optimizer.zero_grad()
            for part in (slice(0, 24), slice(24, 48)):
                functional.cross_entropy(module(x[part]), y[part]).backward()
            optimizer.step()
        assert watcher.findings == []
    assert watcher.case is not None
    assert watcher.case.course.steps.tolist() == [0, 1, 2, 3]


def test_validation_is_told_by_the_loop() -> None:
    x, y = data(6)
    module = seeded(mlp)
    watcher = trained(module, x, y)
    for number in range(6):
        watcher.epoch(1.0 / (number + 1), 1.0 + number)
    assert [one.code for one in watcher.findings] == ["overfitting"]


@pytest.mark.parametrize(
    "module, optimizer, settings, message",
    [
        ("net", None, {}, r"What is watched is a torch.nn.Module. Got 'net'."),
        (nn.Linear(1, 1), "adam", {}, r"optimizer must be a torch.optim.Optimizer. Got 'adam'."),
        (nn.Linear(1, 1), 0, {"steps": 0}, r"steps must be at least 1. Got 0."),
    ],
)
def test_wrong_arguments(module: Any, optimizer: Any, settings: Any, message: str) -> None:
    if optimizer == 0:
        optimizer = torch.optim.SGD(module.parameters(), 0.1)
    with pytest.raises(ArgumentError, match=message):
        watch(module, optimizer, **settings)
