"""Recurrent layers beyond what they share with Keras: state, truncation, dropout, refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import Model, Sequential, layers, ops
from glassgrad.errors import ArgumentError, GraphError, ShapeError, UnknownNameError
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Trace, carry_mask, constant, mask_of, tracing, walk
from glassgrad.models import load_model
from glassgrad.ops.scan import Scan
from glassgrad.random_seed import new_random_state, seeded

KINDS = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1}
X = np.random.default_rng(0).normal(size=(3, 6, 2)).astype("float32")
MASK = np.array([[False, True, True, True, False, True]] * 2 + [[False] * 6])


def layer_of(kind: str, units: int = 4, **options: Any) -> Any:
    with seeded(1):
        layer = getattr(layers, kind)(units, **options)
        layer.build((None, None, 2))
    return layer


def numbers(results: Any) -> list[Any]:
    return [y.numpy() for y in (results if isinstance(results, tuple) else (results,))]


# ---- one way to compute it, and another


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_all_steps_at_once_are_the_cell_step_by_step(
    kind: str, masked: bool, backwards: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = layer_of(kind, return_sequences=True, return_state=True, go_backwards=backwards)
    states = [np.full((3, 4), 0.3 * (n + 1)) for n in range(KINDS[kind])]
    options = {"initial_state": states} | ({"mask": MASK} if masked else {})
    at_once = layer(X, **options)
    monkeypatch.setattr(type(layer.cell), "run_whole", lambda *_: None)
    stepwise = layer(X, **options)
    assert [type(n.operation) for n in walk(stepwise[:1])].count(Scan) == 1
    for one, other in zip(numbers(at_once), numbers(stepwise), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_cell_of_ones_own() -> None:
    """The sum so far, beside a count of the steps as a state of its own."""

    class Sums(layers.Layer):
        state_size = (2, 1)

        def call(self, inputs: Tensor, states: Any) -> Any:
            total, count = states
            return total + inputs, [total + inputs, count + 1.0]

    sums, total, count = layers.RNN(Sums(), return_sequences=True, return_state=True)(X)
    np.testing.assert_allclose(sums.numpy(), np.cumsum(X, 1), rtol=1e-5)
    np.testing.assert_allclose(total.numpy(), X.sum(1), rtol=1e-5)
    assert count.numpy().tolist() == [[6.0]] * 3


# ---- state that outlives a call


@pytest.mark.parametrize("kind", KINDS)
def test_a_stateful_layer_goes_on_where_it_was(kind: str) -> None:
    whole = layer_of(kind, return_sequences=True)(X).numpy()
    layer = layer_of(kind, return_sequences=True, stateful=True)
    parts = [layer(X[:, :2]).numpy(), layer(X[:, 2:]).numpy()]
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, rtol=1e-5, atol=1e-6)
    layer.reset_states()
    np.testing.assert_allclose(layer(X[:, :2]).numpy(), parts[0], rtol=1e-6)
    assert len(layer.states) == KINDS[kind]
    assert len(layer.weights) == 3  # the states are none of them


@pytest.mark.parametrize("executor", ["cpu", "reference"])
def test_states_are_kept_by_predict_and_fit(executor: str) -> None:
    model = Sequential([layers.Input((2, 2)), layer_of("LSTM", stateful=True), layers.Dense(1)])
    model.compile("sgd", "mse", executor=executor)
    first, again = (model.predict(X[:, :2], batch_size=3, verbose=0) for _ in range(2))
    assert not np.allclose(first, again)
    lstm = model.layers[0]
    lstm.reset_state()
    np.testing.assert_allclose(model.predict(X[:, :2], verbose=0), first, rtol=1e-5, atol=1e-7)
    before = [state.numpy() for state in lstm.states]
    model.fit(X[:, :2], np.ones((3, 1)), batch_size=3, shuffle=False, verbose=0)
    assert all(not np.allclose(a, b.numpy()) for a, b in zip(before, lstm.states, strict=True))


def test_another_length_of_the_batch_is_refused() -> None:
    layer = layer_of("GRU", stateful=True)
    layer(X)
    with pytest.raises(
        ShapeError, match=r"goes on from the states of 3 examples. Got a batch of 2"
    ):
        layer(X[:2])


def test_finding_shapes_keeps_no_state() -> None:
    layer = layer_of("GRU", stateful=True, return_state=True)
    assert layer.compute_output_shape((None, 6, 2)) == ((None, 4), (None, 4))
    assert layer.states is None


def test_both_directions_are_stateful() -> None:
    layer = layers.Bidirectional(layers.GRU(2, stateful=True))
    first, again = layer(X).numpy(), layer(X).numpy()
    assert not np.allclose(first, again)
    assert len(layer.states) == 2
    layer.reset_state()
    np.testing.assert_allclose(layer(X).numpy(), first, rtol=1e-6)


# ---- backpropagation through time, whole and truncated


def recurrence_gradient(starts: list[int], kind: str) -> Any:
    """The gradient of the sum of all outputs, from windows that begin at these steps."""
    layer = layer_of(kind, return_sequences=True, stateful=True)
    total: Any = 0.0
    for start, stop in zip(starts, [*starts[1:], 6], strict=True):
        with tracing(Trace(runs=True)) as trace:
            loss = layer(X[:, start:stop]).sum()
            (slope,) = gradients(loss, [layer.cell.recurrent_kernel.tensor])
        program = glassgrad.execute.reference.ReferenceExecutor().compile(
            [slope], [], trace.updates
        )
        total = total + program()[0]
    return total


@pytest.mark.parametrize("kind", KINDS)
def test_truncation_cuts_what_lies_before_the_window(kind: str) -> None:
    """Window by window a stateful layer gives the gradient of a network whose state is a constant
    at the beginning of each window: one that is cut by ``stop_gradient`` there."""
    layer = layer_of(kind, return_sequences=True, return_state=True)
    kernel = layer.cell.recurrent_kernel.tensor
    with tracing(Trace(runs=True)):
        first, *states = layer(X[:, :3])
        second, *_ = layer(X[:, 3:], initial_state=[ops.stop_gradient(s) for s in states])
        (cut,) = gradients(first.sum() + second.sum(), [kernel])
        (whole,) = gradients(layer(X)[0].sum(), [kernel])
    np.testing.assert_allclose(recurrence_gradient([0, 3], kind), cut.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(recurrence_gradient([0], kind), whole.numpy(), rtol=1e-4, atol=1e-5)
    assert not np.allclose(cut.numpy(), whole.numpy(), rtol=1e-3)


def test_two_calls_in_one_trace_are_cut_as_well() -> None:
    layer = layer_of("SimpleRNN", stateful=True)
    x = Tensor(X, requires_grad=True)
    with tracing(Trace(runs=True)):
        layer(x)
        (slope,) = gradients(layer(constant(X)).sum(), [x])
    assert slope is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_every_hidden_state_can_be_had(kind: str) -> None:
    """The hidden states are a tensor of the graph: h_t acts on what follows by dL/dh_t.

    A recurrence that is cut into steps makes each of them a leaf; their gradients are those that
    backpropagation through time passes on.
    """
    layer = layer_of(kind, return_sequences=True, return_state=True)
    with tracing(Trace()):
        states: list[Any] = []
        hidden, before = [], None
        for step in range(X.shape[1]):
            _, *before = layer(X[:, step : step + 1], initial_state=before)
            hidden.append(before[0])
            states.append(before)
        slopes = gradients(hidden[-1].sum(), hidden)
        norms = [float(np.linalg.norm(slope.numpy())) for slope in slopes if slope is not None]
    assert len(norms) == X.shape[1]
    assert norms[-1] == pytest.approx(np.sqrt(hidden[-1].size), rel=1e-6)
    assert norms[0] < norms[-1]  # a small recurrent kernel: the gradient vanishes


# ---- dropout


@pytest.mark.parametrize("rates", [(0.5, 0.0), (0.0, 0.5), (0.4, 0.4)])
@pytest.mark.parametrize("kind", KINDS)
def test_dropout_draws_once_for_all_steps(kind: str, rates: tuple[float, float]) -> None:
    """In inference nothing happens; a seed of its own decides, whatever the model's."""
    dropout, recurrent = rates
    layer = layer_of(kind, dropout=dropout, recurrent_dropout=recurrent, seed=5)
    plain = layer_of(kind)(X).numpy()
    np.testing.assert_allclose(layer(X).numpy(), plain, rtol=1e-6)
    with seeded(3):
        one = layer(X, training=True).numpy()
    with seeded(3):
        same = layer(X, training=True).numpy()
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, plain)


def test_a_dropped_input_is_dropped_at_all_steps() -> None:
    """A recurrent layer that adds its inputs up shows which it has seen."""
    layer = layers.SimpleRNN(
        40,
        "linear",
        kernel_initializer="identity",
        recurrent_initializer="identity",
        dropout=0.5,
        seed=1,
    )
    seen = layer(np.ones((2, 5, 40), "float32"), training=True).numpy()
    assert set(np.unique(seen)) == {0.0, 10.0}  # none of five, or all of them, times 2


def test_recurrent_dropout_drops_the_state_at_all_steps() -> None:
    layer = layers.SimpleRNN(
        40,
        "linear",
        kernel_initializer="identity",
        recurrent_initializer="identity",
        recurrent_dropout=0.5,
        seed=1,
    )
    seen = layer(np.ones((2, 3, 40), "float32"), training=True).numpy()
    assert set(np.unique(seen)) == {1.0, 7.0}  # the last input alone, or 1 + 2 (1 + 2)


def test_gates_have_masks_of_their_own_with_recurrent_dropout() -> None:
    cell = layers.LSTMCell(3, dropout=0.5, recurrent_dropout=0.5)
    with tracing(Trace(training=True, random=new_random_state(1))):
        of_inputs, of_state = cell.draw_masks(5, 7)
        alone, none = layers.LSTMCell(3, dropout=0.5).draw_masks(5, 7)
    assert (of_inputs.shape, of_state.shape) == ((4, 5, 7), (4, 5, 3))
    assert (alone.shape, none) == ((5, 7), None)


def test_a_cell_alone_draws_for_its_step() -> None:
    cell = layers.GRUCell(3, dropout=0.5, seed=1)
    state = [np.zeros((2, 3), "float32")]
    y, _ = cell(X[:2, 0], state, training=True)
    z, _ = cell(X[:2, 0], state)
    assert not np.allclose(y.numpy(), z.numpy())


# ---- masks


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(kind: str) -> None:
    layer = layer_of(kind, return_state=True)
    padded = np.concatenate([X, np.full((3, 4, 2), 9.0, "float32")], 1)
    mask = np.arange(10) < 6
    for one, other in zip(
        numbers(layer(padded, mask=np.tile(mask, (3, 1)))), numbers(layer(X)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_mask_comes_with_an_initial_state() -> None:
    """Keras forgets the mask then."""
    layer = layer_of("GRU")
    state = [np.ones((3, 4), "float32")]
    masked = carry_mask(constant(X), constant(MASK))
    np.testing.assert_array_equal(
        layer(masked, initial_state=state).numpy(),
        layer(X, initial_state=state, mask=MASK).numpy(),
    )


def test_the_mask_of_outputs_is_in_their_order() -> None:
    x = layers.Masking()(np.array([[[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]]))
    ahead = layer_of("LSTM", return_sequences=True)(x)
    back = layer_of("LSTM", return_sequences=True, go_backwards=True, return_state=True)(x)
    assert mask_of(ahead).numpy().tolist() == [[True, False, False]]  # type: ignore[union-attr]
    assert mask_of(back[0]).numpy().tolist() == [[False, False, True]]  # type: ignore[union-attr]
    assert mask_of(back[1]) is None
    assert mask_of(layer_of("LSTM")(x)) is None


# ---- in models


def test_weights_are_named_by_their_layer() -> None:
    layer = layers.LSTM(2, name="reads")
    layer.build((None, 3, 1))
    names = [weight.name for weight in layer.weights]
    assert names == ["reads_cell/kernel", "reads_cell/recurrent_kernel", "reads_cell/bias"]
    assert layer.bias_initializer is layer.cell.bias_initializer
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = layer.colour


def test_unfreezing_reaches_the_cell() -> None:
    layer = layers.GRU(2, trainable=False)
    layer.build((None, 3, 1))
    assert not layer.trainable_weights
    layer.trainable = True
    assert len(layer.trainable_weights) == 3


def test_a_model_that_translates_comes_back(tmp_path: Path) -> None:
    """An encoder whose states a decoder begins with."""
    source, target = layers.Input((None, 2), name="source"), layers.Input((5, 3), name="target")
    _, h, c = layers.LSTM(4, return_state=True)(source)
    y = layers.LSTM(4, return_sequences=True)(target, initial_state=[h, c])
    model = Model([source, target], layers.TimeDistributed(layers.Dense(3))(y))
    data = [X, np.ones((3, 5, 3), "float32")]
    expected = model.predict(data, verbose=0)
    assert expected.shape == (3, 5, 3)
    model.save(tmp_path / "model")
    other = load_model(tmp_path / "model")
    np.testing.assert_array_equal(other.predict(data, verbose=0), expected)
    shorter = [X[:, :2], data[1]]
    assert model.predict(shorter, verbose=0).shape == (3, 5, 3)


def test_it_learns_to_count() -> None:
    """Whether there were more ones than zeros in a sequence."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (256, 9, 1)).astype("float32")
    y = (x.sum((1, 2)) > 4.5).astype("float32")
    with seeded(1):
        model = Sequential([layers.Input((9, 1)), layers.GRU(8), layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], executor="reference")
    model.optimizer.learning_rate = 0.02
    history = model.fit(x, y, epochs=12, batch_size=64, shuffle=False, verbose=0)
    assert history.history["accuracy"][-1] > 0.9


def test_the_lens_explains_a_step() -> None:
    with tracing(Trace()):
        layer = layer_of("LSTM")
        loss = layer(X).sum()
        explained = glassgrad.explain(loss, variables=layer.trainable_weights)
    assert {one.time for one in explained.layers} >= set(range(X.shape[1]))
    assert len([line for line in explained.lines if "candidate" in line.of]) == X.shape[1]


# ---- refusals

REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "units": (lambda: layers.LSTM(0), ArgumentError, "units must be a positive integer. Got 0"),
    "dropout": (lambda: layers.GRU(2, dropout=1.0), ArgumentError, r"dropout must lie in \[0, 1\)"),
    "recurrent dropout": (
        lambda: layers.SimpleRNN(2, recurrent_dropout=-0.1),
        ArgumentError,
        "recurrent_dropout must lie",
    ),
    "activation": (lambda: layers.LSTM(2, "tan"), UnknownNameError, "Did you mean"),
    "seed": (lambda: layers.GRU(2, seed=-1), ArgumentError, "seed"),
    "cuDNN": (lambda: layers.GRU(2, use_cudnn="yes"), ArgumentError, "use_cudnn must be 'auto'"),
    "implementation": (lambda: layers.LSTM(2, implementation=3), ArgumentError, "must be 1 or 2"),
    "an unknown keyword": (lambda: layers.LSTM(2, unit=3), TypeError, "unit"),
    "two axes": (
        lambda: layers.LSTM(2)(X[0]),
        ShapeError,
        r"\(batch, time, …, features\), found 2",
    ),
    "two axes of an RNN": (
        lambda: layers.RNN(layers.LSTMCell(2))(X[0]),
        ShapeError,
        r"\(batch, time, …, features\), found 2",
    ),
    "a state too many": (
        lambda: layers.GRU(2)(X, initial_state=[np.zeros((3, 2))] * 2),
        ShapeError,
        r"initial states of shapes \(3, 2\). Got",
    ),
    "a state of another length": (
        lambda: layers.LSTM(2)(X, initial_state=[np.zeros((3, 2)), np.zeros((3, 4))]),
        ShapeError,
        r"\(3, 2\), \(3, 2\). Got \[\(3, 2\), \(3, 4\)\]",
    ),
    "a mask of another shape": (
        lambda: layers.LSTM(2)(X, mask=np.ones((3, 5), bool)),
        ShapeError,
        r"wants a mask of shape \(3, 6\). Got \(3, 5\)",
    ),
    "no cell": (lambda: layers.RNN(layers.Dense(2)), ArgumentError, "says its state_size"),
    "no layer": (lambda: layers.RNN("lstm"), ArgumentError, "a list of them. Got 'lstm'"),
    "no cells": (lambda: layers.StackedRNNCells([]), ArgumentError, "one cell at least"),
    "no cell among cells": (
        lambda: layers.RNN([layers.LSTMCell(2), 3]),
        ArgumentError,
        r"such as LSTMCell\(8\). Got 3",
    ),
    "merge mode": (
        lambda: layers.Bidirectional(layers.LSTM(2), "cat"),
        ArgumentError,
        "'sum' or None. Got 'cat'",
    ),
    "both ahead": (
        lambda: layers.Bidirectional(layers.LSTM(2), backward_layer=layers.LSTM(2)),
        ArgumentError,
        "Got go_backwards=False for both",
    ),
    "no agreement": (
        lambda: layers.Bidirectional(
            layers.LSTM(2), backward_layer=layers.LSTM(2, go_backwards=True, return_state=True)
        ),
        ArgumentError,
        "same return_state. Got False for layer and True",
    ),
    "no recurrent layer": (
        lambda: layers.Bidirectional(layers.Dense(2)),
        ArgumentError,
        "must be a recurrent layer",
    ),
    "an odd number of states": (
        lambda: layers.Bidirectional(layers.GRU(2))(X, initial_state=[np.zeros((3, 2))]),
        ArgumentError,
        "as many initial states for one direction",
    ),
    "no layer to distribute": (
        lambda: layers.TimeDistributed("dense"),
        ArgumentError,
        "layer must be a layer",
    ),
    "no time": (
        lambda: layers.TimeDistributed(layers.Dense(2))(X[0]),
        ShapeError,
        r"expected shape \(batch, time, …\), found 2 axes",
    ),
    "a mask for other steps": (
        lambda: layers.TimeDistributed(layers.Dense(2))(X, mask=np.ones((3, 5), bool)),
        ShapeError,
        r"begins with \(3, 6\). Got \(3, 5\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_misuse_is_explained(name: str) -> None:
    action, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        action()


def test_a_cell_cannot_note_anything_for_once() -> None:
    class Counting(layers.Layer):
        state_size = 2

        def build(self, input_shape: Any) -> None:
            self.count = self.add_weight((), "zeros", trainable=False, name="count")

        def call(self, inputs: Tensor, states: Any) -> Any:
            self.count.assign(self.count + 1.0)
            return inputs, list(states)

    class Costly(layers.Layer):
        state_size = 2

        def call(self, inputs: Tensor, states: Any) -> Any:
            self.add_loss(inputs.sum())
            return inputs, list(states)

    with pytest.raises(GraphError, match="assigns to variables"):
        layers.RNN(Counting())(X)
    with pytest.raises(GraphError, match="adds losses that depend on its input"):
        layers.RNN(Costly())(X)


def test_states_of_another_form_are_refused() -> None:
    class Forgetful(layers.Layer):
        state_size = (2, 2)

        def call(self, inputs: Tensor, states: Any) -> Any:
            return inputs, states[:1]

    with pytest.raises(ArgumentError, match="in the form in which it gets them"):
        layers.RNN(Forgetful())(X)
