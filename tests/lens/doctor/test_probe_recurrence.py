"""The whole slope by the state after each step, against other ways to find it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import Sequential
from glassgrad.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Dense,
    Flatten,
    GRUCell,
    Input,
    Layer,
    LSTMCell,
    Masking,
    SimpleRNN,
    SimpleRNNCell,
)
from glassgrad.lens.doctor.probe import Probe

torch = pytest.importorskip("torch")

UNITS, TIME, BATCH, FEATURES = 4, 6, 5, 3


def data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.normal(size=(BATCH, TIME, FEATURES)).astype(np.float32)
    return x, random.normal(size=(BATCH, 2)).astype(np.float32)


def read(layer: Layer, x: np.ndarray, y: np.ndarray, masked: bool = False) -> tuple[Any, Any]:
    masks = [Masking()] if masked else []
    model = Sequential([Input(x.shape[1:]), *masks, layer, Flatten(), Dense(2)])
    model.compile("sgd", "mse", executor="reference")
    reading = Probe(model, x, y).read(0)
    return model, [np.array(one.gradient_rms) for one in reading.recurrences]


# ---- another engine walks along the time, and keeps the slope of every state


def simple(x: Any, states: Any, w: Any, u: Any, b: Any) -> Any:
    return (torch.tanh(x @ w + states[0] @ u + b),)


def long_short(x: Any, states: Any, w: Any, u: Any, b: Any) -> Any:
    h, c = states
    i, f, candidate, o = torch.chunk(x @ w + h @ u + b, 4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(candidate)
    return torch.sigmoid(o) * torch.tanh(c), c


def gated(x: Any, states: Any, w: Any, u: Any, b: Any) -> Any:
    (h,) = states
    z, r, candidate = torch.chunk(x @ w + b[0], 3, dim=1)
    of_z, of_r, of_candidate = torch.chunk(h @ u + b[1], 3, dim=1)
    z, r = torch.sigmoid(z + of_z), torch.sigmoid(r + of_r)
    return (z * h + (1 - z) * torch.tanh(candidate + r * of_candidate),)


LAYERS = {
    "simple": (SimpleRNN, SimpleRNNCell, simple, 1),
    "long short-term memory": (LSTM, LSTMCell, long_short, 2),
    "gated": (GRU, GRUCell, gated, 1),
}


def by_torch(
    model: Any, x: np.ndarray, y: np.ndarray, cell: Any, states: int, *, whole: bool, reverse: bool
) -> np.ndarray:
    w, u, b, v, c = (torch.tensor(weight.astype(np.float64)) for weight in model.get_weights())
    inputs, targets = torch.tensor(x.astype(np.float64)), torch.tensor(y.astype(np.float64))
    now = tuple(torch.zeros(BATCH, UNITS, dtype=torch.float64) for _ in range(states))
    kept = []
    for t in range(TIME)[::-1] if reverse else range(TIME):
        now = cell(inputs[:, t], now, w, u, b)
        now[0].requires_grad_()
        now[0].retain_grad()
        kept.append(now[0])
    shown = torch.cat(kept, dim=1) if whole else kept[-1]
    ((shown @ v + c - targets) ** 2).mean().backward()
    return np.array([float((state.grad**2).mean() ** 0.5) for state in kept])


@pytest.mark.parametrize("whole", [False, True], ids=["last", "all"])
@pytest.mark.parametrize("reverse", [False, True], ids=["ahead", "backwards"])
@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS)
def test_slopes_by_states_are_those_of_another_engine(
    case: Any, reverse: bool, whole: bool
) -> None:
    kind, _, cell, states = case
    x, y = data()
    layer = kind(UNITS, return_sequences=whole, go_backwards=reverse)
    model, (found,) = read(layer, x, y)
    expected = by_torch(model, x, y, cell, states, whole=whole, reverse=reverse)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS)
def test_a_cell_that_is_run_step_by_step_reads_like_the_whole(case: Any) -> None:
    class Other(case[1]):  # type: ignore[misc]
        def run_whole(self, *arguments: object) -> None:
            return None

    x, y = data()
    model, (found,) = read(RNN(Other(UNITS)), x, y)
    expected = by_torch(model, x, y, case[2], case[3], whole=False, reverse=False)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_both_directions_have_their_own_and_each_begins_with_its_first_step() -> None:
    x, y = data()
    _, found = read(Bidirectional(SimpleRNN(UNITS)), x, y)
    assert len(found) == 2
    for slopes in found:
        assert slopes[0] < slopes[-1]  # a plain network forgets, whichever way it goes


@pytest.mark.parametrize("stepwise", [False, True])
def test_steps_that_a_mask_leaves_out_hand_the_slope_on(stepwise: bool) -> None:
    class Other(SimpleRNNCell):
        def run_whole(self, *arguments: object) -> None:
            return None

    x, y = data()
    x[:, 4:] = 0.0  # padding
    layer: Layer = RNN(Other(UNITS)) if stepwise else SimpleRNN(UNITS)
    model, (found,) = read(layer, x, y, masked=True)
    short = Sequential([Input((4, FEATURES)), SimpleRNN(UNITS), Dense(2)])
    short.compile("sgd", "mse", executor="reference")
    short.set_weights(model.get_weights())
    expected = Probe(short, x[:, :4], y).read(0).recurrences[0].gradient_rms
    np.testing.assert_allclose(found[:4], expected, rtol=1e-4)


def test_the_factor_of_a_linear_network_is_that_of_its_kernel() -> None:
    layer = SimpleRNN(1, activation="linear", recurrent_initializer="ones", return_sequences=False)
    x, y = data()
    model = Sequential([Input((TIME, FEATURES)), layer, Dense(2)])
    model.compile("sgd", "mse", executor="reference")
    weights = model.get_weights()
    weights[1][...] = 0.5
    model.set_weights(weights)
    assert Probe(model, x, y).read(0).recurrences[0].factor == pytest.approx(0.5, rel=1e-5)
