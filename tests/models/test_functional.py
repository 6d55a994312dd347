"""Models of symbolic tensors: several inputs and outputs, shared layers, skip connections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad import activations, ops
from glassgrad.errors import ArgumentError, DataError, FileError, NotBuiltError, ShapeError
from glassgrad.layers import Dense, Dropout, Flatten, Input, Layer
from glassgrad.models import Model, Sequential, clone_model, load_model
from glassgrad.random_seed import seeded

RNG = np.random.default_rng(3)
A, B = RNG.normal(size=(8, 3)).astype("float32"), RNG.normal(size=(8, 2)).astype("float32")
TARGET, LABELS = RNG.normal(size=(8, 1)).astype("float32"), RNG.integers(0, 2, 8)


def branched(outputs: Any = list, seed: int = 1) -> Model:
    """Two inputs, a layer that is used twice, a skip connection, two outputs."""
    with seeded(seed):
        a, b = Input((3,), name="a"), Input((2,), name="b")
        shared = Dense(4, "tanh", name="shared")
        left, right = shared(a), shared(2.0 * a - 1.0)
        joined = ops.concatenate([left + right, b], axis=-1)
        one = Dense(1, name="one")(joined)
        two = Dense(2, "softmax", name="two")(activations.relu(left) + right)
        ends = [one, two] if outputs is list else {"value": one, "class": two}
        return Model([a, b] if outputs is list else {"a": a, "b": b}, ends, name="branched")


def forward(model: Model, a: Any, b: Any) -> tuple[Any, Any]:
    """The same in plain NumPy."""
    weights = dict(zip([w.name for w in model.weights], model.get_weights(), strict=True))

    def dense(x: Any, name: str) -> Any:
        return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]

    left, right = np.tanh(dense(a, "shared")), np.tanh(dense(2 * a - 1, "shared"))
    scores = dense(np.maximum(left, 0) + right, "two")
    exps = np.exp(scores)
    return dense(np.hstack([left + right, b]), "one"), exps / exps.sum(-1, keepdims=True)


def compiled(outputs: Any = list) -> Model:
    model = branched(outputs)
    keys = ("value", "class")
    losses = ["mse", "sparse_categorical_crossentropy"]
    found = [["mae"], ["accuracy"]]
    weights = [1.0, 0.5]
    model.compile(
        "adam",
        losses if outputs is list else dict(zip(keys, losses, strict=True)),
        weights if outputs is list else dict(zip(keys, weights, strict=True)),
        found if outputs is list else dict(zip(keys, found, strict=True)),
        executor="reference",
    )
    return model


def test_it_computes_what_the_layers_say() -> None:
    model = branched()
    for found, expected in zip(model.predict([A, B]), forward(model, A, B), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert model.output_shape == [(None, 1), (None, 2)]
    assert [weight.name for weight in model.weights][:2] == ["shared/kernel", "shared/bias"]


@pytest.mark.parametrize("given", [[A, B], (A, B), {"b": B, "a": A}])
def test_inputs_come_in_order_or_by_name(given: Any) -> None:
    model = branched()
    expected = forward(model, A, B)
    np.testing.assert_allclose(model.predict(given)[0], expected[0], rtol=1e-5)


def test_dictionaries_stay_dictionaries() -> None:
    model = branched(dict)
    found = model.predict({"a": A, "b": B})
    assert found.keys() == {"value", "class"}
    np.testing.assert_allclose(found["class"], forward(model, A, B)[1], rtol=1e-5)


@pytest.mark.parametrize("outputs", [list, dict])
def test_the_losses_of_all_outputs_are_learnt_and_reported(outputs: Any) -> None:
    model = compiled(outputs)
    x: Any = [A, B] if outputs is list else {"a": A, "b": B}
    y: Any = [TARGET, LABELS] if outputs is list else {"value": TARGET, "class": LABELS}
    names = ("one", "two") if outputs is list else ("value", "class")
    value, probabilities = forward(model, A, B)
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    mse = np.mean((value - TARGET) ** 2)
    entropy = -np.log(probabilities[np.arange(8), LABELS]).mean()
    assert list(found) == ["loss", f"{names[0]}_loss", f"{names[1]}_loss", f"{names[0]}_mae",
                           f"{names[1]}_accuracy"]  # fmt: skip
    np.testing.assert_allclose(found["loss"], mse + 0.5 * entropy, rtol=1e-5)
    np.testing.assert_allclose(found[f"{names[1]}_loss"], entropy, rtol=1e-5)
    history = model.fit(x, y, epochs=30, verbose=0, validation_split=0.25)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert f"val_{names[1]}_accuracy" in history.history


def test_targets_by_the_names_of_outputs() -> None:
    model = compiled()
    by_order = model.evaluate([A, B], [TARGET, LABELS], verbose=0)
    assert model.evaluate([A, B], {"two": LABELS, "one": TARGET}, verbose=0) == by_order


def test_sample_weights_of_each_output() -> None:
    model = compiled()
    kept = np.array([1.0] * 4 + [0.0] * 4)
    found = model.evaluate(
        [A, B], [TARGET, LABELS], verbose=0, sample_weight=[kept, np.ones(8)], return_dict=True
    )
    value, _ = forward(model, A, B)
    np.testing.assert_allclose(found["one_loss"], ((value - TARGET) ** 2)[:4].sum() / 8, rtol=1e-5)


@pytest.mark.parametrize("outputs", [list, dict])
def test_a_functional_model_comes_back_from_its_file(tmp_path: Path, outputs: Any) -> None:
    model = compiled(outputs)
    x: Any = [A, B] if outputs is list else {"a": A, "b": B}
    y: Any = [TARGET, LABELS] if outputs is list else {"value": TARGET, "class": LABELS}
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    loaded.compile(loaded.optimizer, loaded.loss, loss_weights=None, executor="reference")
    expected, found = model.predict(x), loaded.predict(x)
    for key in range(2) if outputs is list else expected:
        np.testing.assert_array_equal(found[key], expected[key])


def test_what_an_operation_was_told_comes_back(tmp_path: Path) -> None:
    x = Input((4, 3), dtype="float32")
    part = x[:, 1:, ..., 0]
    table = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "float32")
    model = Model(x, ops.matmul(part.clip(-0.5, high=0.5), table) / 2.0)
    model.save(tmp_path / "model")
    data = RNG.normal(size=(2, 4, 3)).astype("float32")
    expected = np.clip(data[:, 1:, 0], -0.5, 0.5) @ table / 2
    np.testing.assert_allclose(load_model(tmp_path / "model").predict(data), expected, rtol=1e-6)


def test_a_model_inside_another_one_and_parts_of_a_model() -> None:
    with seeded(2):
        inner = Sequential([Input((3,)), Dense(4, "relu"), Dense(2)], name="inner")
        x = Input((3,))
        outer = Model(x, inner(x) * 2.0)
    np.testing.assert_allclose(outer.predict(A), 2 * inner.predict(A), rtol=1e-6)
    hidden = Model(inner.inputs, inner.layers[0].calls[0].outputs)
    assert hidden.predict(A).shape == (8, 4)
    assert hidden.layers[-1] is inner.layers[0]


def test_from_the_middle_of_another_model() -> None:
    model = branched()
    middle = model.get_layer("one").input
    head = Model(middle, model.get_layer("one").output)
    values = RNG.normal(size=(2, 6)).astype("float32")
    kernel, bias = model.get_layer("one").get_weights()
    np.testing.assert_allclose(head.predict(values), values @ kernel + bias, rtol=1e-5)


def test_open_lengths_are_found() -> None:
    x = Input((None, 3))
    assert Dense(5)(x).shape == (None, None, 5)
    assert x.sum(axis=1).shape == (None, 3)
    assert Flatten()(Input((2, 3))).shape == (None, 6)
    assert Input((3,), batch_size=7).reshape(21).shape == (21,)


def test_training_is_told_to_layers_that_were_called_with_it() -> None:
    x = Input((3,))
    model = Model(x, Dropout(0.5)(x, training=True))
    assert (model.predict(np.ones((20, 3))) == 0).any()
    assert (Model(x, Dropout(0.5)(x)).predict(np.ones((20, 3))) == 1).all()


def test_freezing_a_shared_layer() -> None:
    model = compiled()
    model.get_layer("shared").trainable = False
    before = model.get_weights()
    model.fit([A, B], [TARGET, LABELS], verbose=0)
    changed = [not np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True)]
    assert changed == [False, False, True, True, True, True]


def test_the_summary_names_what_a_layer_takes() -> None:
    text: list[str] = []
    branched().summary(print_fn=text.append)
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text[0].splitlines()
            if line.startswith("│")]  # fmt: skip
    assert rows[0] == ["Layer", "Kind", "Output shape", "Parameters", "Takes"]
    assert ["one", "Dense", "(None, 1)", "7", "concatenate"] in rows
    assert ["shared", "Dense", "(None, 4)", "16", "a, sub"] in rows
    assert max(map(len, text[0].splitlines())) <= 80


# ---- bad input


def test_inputs_and_outputs_must_belong_together() -> None:
    a, b = Input((3,), name="a"), Input((3,), name="b")
    with pytest.raises(ArgumentError, match="depend on the input 'b', which is not among"):
        Model(a, a + b)
    with pytest.raises(ArgumentError, match=r"both or none. Got inputs alone"):
        Model(a)
    with pytest.raises(ArgumentError, match=r"inputs of a model must be symbolic .* Got 3"):
        Model(3, a)
    with pytest.raises(ArgumentError, match=r"A model needs outputs: symbolic tensors. Got \[\]"):
        Model(a, [])
    with pytest.raises(ArgumentError, match=r"different names. Got 'same' twice"):
        Model(a, Dense(2, name="same")(Dense(2, name="same")(a)))


@pytest.mark.parametrize(
    "given, message",
    [
        ([A], "2 inputs, a, b. Got 1"),
        ({"a": A}, "Got 'a' without 'b'"),
        ([A, A], r"Input 'b' expected shape \(None, 2\), found \(8, 3\)"),
        ([A, B[:5]], "equal lengths. Got x of shape .8, 3., x of shape .5, 2."),
    ],
)
def test_inputs_that_do_not_fit(given: Any, message: str) -> None:
    with pytest.raises((ArgumentError, ShapeError, DataError), match=message):
        branched().predict(given)


@pytest.mark.parametrize(
    "loss, message",
    [
        (["mse"], "loss must be as many as the outputs, one, two. Got 1"),
        ({"three": "mse"}, "named as the outputs are, one, two. Got 'three'"),
    ],
)
def test_losses_that_do_not_fit(loss: Any, message: str) -> None:
    model = branched()
    model.compile("sgd", loss, executor="reference")
    with pytest.raises(ArgumentError, match=message):
        model.fit([A, B], [TARGET, TARGET], verbose=0)


def test_metrics_of_several_outputs_are_told_apart() -> None:
    model = branched()
    model.compile("sgd", "mse", metrics=["mae"], executor="reference")
    with pytest.raises(ArgumentError, match="metrics must be as many as the outputs"):
        model.fit([A, B], [TARGET, np.ones((8, 2))], verbose=0)


def test_an_output_without_a_loss() -> None:
    model = branched()
    model.compile("sgd", {"one": "mse"}, executor="reference")
    with pytest.warns(UserWarning, match="does not depend on two/kernel, two/bias"):
        history = model.fit([A, B], {"one": TARGET}, verbose=0)
    assert list(history.history) == ["loss"]


def test_shapes_that_do_not_fit_tell_where() -> None:
    with pytest.raises(ShapeError) as raised:
        ops.matmul(Input((3,), name="left"), np.ones((4, 2)))
    assert "call of 'matmul' on <SymbolicTensor 'left'" in raised.value.__notes__[0]


def test_a_layer_that_was_called_twice_has_no_single_output() -> None:
    layer = Dense(2, name="often")
    with pytest.raises(NotBuiltError, match="has no output yet: call it on a symbolic tensor"):
        _ = layer.output
    layer(layer(Input((2,))))
    with pytest.raises(ArgumentError, match="was called 2 times, so its output is not unique"):
        _ = layer.output


def test_a_layer_may_keep_something_else_under_these_names() -> None:
    class Own(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.output = Dense(2)

        def call(self, inputs: Any) -> Any:
            return self.output(inputs)

    assert len(Own()(np.ones((1, 3))).shape) == 2


def test_a_function_of_ones_own_has_no_name_in_a_file(tmp_path: Path) -> None:
    class Plain(Layer):
        def call(self, inputs: Any) -> Any:
            return inputs

    x = Input((3,))
    model = Model(x, Plain(name="plain")(x))
    model.save(tmp_path / "model")
    with pytest.raises(FileError, match="Unknown layer 'Plain'"):
        load_model(tmp_path / "model")
    assert load_model(tmp_path / "model", {"Plain": Plain}).predict(A).shape == (8, 3)


@pytest.mark.parametrize("what", ["name", "index"])
def test_layers_that_are_not_there(what: str) -> None:
    model = branched()
    with pytest.raises(Exception, match=r"Unknown layer 'shard'. Did you mean 'shared'|5 layers"):
        model.get_layer(**{what: "shard" if what == "name" else 9})
    with pytest.raises(ArgumentError, match="takes a name or an index"):
        model.get_layer()


# ---- inputs as they come, outputs in trees, names


@pytest.mark.parametrize(
    "declared, given",
    [((1,), (8,)), ((), (8, 1)), ((3,), (8, 3, 1)), ((3, 1), (8, 3))],
)
@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_a_last_axis_of_one_is_added_or_dropped(declared: Any, given: Any, kind: str) -> None:
    x, doubling = Input(declared), Doubling()
    model = Model(x, doubling(x)) if kind == "functional" else Sequential([x, doubling])
    values = RNG.normal(size=given).astype("float32")
    np.testing.assert_array_equal(
        model.predict(values, verbose=0), 2 * values.reshape(8, *declared)
    )


class Doubling(Layer):
    """Known to no file."""

    def call(self, inputs: Any) -> Any:
        return inputs * 2.0


def test_a_named_batch_size_binds_nobody() -> None:
    x = Input((3,), batch_size=5)
    model = Model(x, Dense(1)(x))
    model.compile("sgd", "mse", executor="reference")
    model.fit(A, TARGET, batch_size=5, verbose=0)
    assert model.predict(A, batch_size=3, verbose=0).shape == (8, 1)


def test_losses_targets_and_metrics_nested_as_the_outputs_are() -> None:
    x = Input((3,))
    with seeded(1):
        outputs = {"p": [Dense(1, name="u")(x), Dense(2, name="v")(x)], "q": Dense(3, name="w")(x)}
    model = Model(x, outputs)
    losses = {"p": ["mse", "mae"], "q": None}
    model.compile("sgd", losses, metrics={"p": [["mae"], []], "q": ["mse"]}, executor="reference")
    targets = {"p": [TARGET, np.tile(TARGET, 2)], "q": np.tile(TARGET, 3)}
    found = model.evaluate(A, targets, verbose=0, return_dict=True)
    u, v, w = (A @ layer.get_weights()[0] for layer in model.layers[1:])
    expected = {
        "u_loss": ((u - TARGET) ** 2).mean(),
        "v_loss": abs(v - TARGET).mean(),
        "u_mae": abs(u - TARGET).mean(),
        "w_mse": ((w - TARGET) ** 2).mean(),
    }
    assert found == pytest.approx(
        {"loss": expected["u_loss"] + expected["v_loss"], **expected}, rel=1e-5
    )
    with pytest.raises(ArgumentError, match="must be named as the outputs are, u, v, w"):
        model.evaluate(A, {"p": [TARGET], "q": TARGET}, verbose=0)


def test_weights_of_classes_with_named_inputs_and_several_outputs() -> None:
    a = Input((3,), name="a")
    one = Model({"a": a}, Dense(2, "softmax")(a))
    two = Model({"a": a}, [Dense(2, "softmax")(a), Dense(2, "softmax")(a)])
    for model in (one, two):
        model.compile("sgd", "sparse_categorical_crossentropy", executor="reference")
    history = one.fit({"a": A}, LABELS, class_weight={0: 0.0, 1: 0.0}, verbose=0)
    assert history.history["loss"] == [0.0]
    with pytest.raises(ArgumentError, match=r"one output\. Got targets of 2; pass sample_weight"):
        two.fit({"a": A}, [LABELS, LABELS], class_weight={0: 0.0}, verbose=0)


def test_names_that_repeat_say_nothing_about_weights(tmp_path: Path) -> None:
    def part() -> Model:
        x = Input((3,))
        return Model(x, Dense(3, name="same")(x))

    x = Input((3,))
    model = Model(x, part()(part()(x)))
    model.save_weights(tmp_path / "weights")
    model.load_weights(tmp_path / "weights")
    with pytest.raises(FileError, match=r"unique\. Got 'same/kernel' twice in the file"):
        model.load_weights(tmp_path / "weights", by_name=True)
    part().save_weights(tmp_path / "weights")
    with pytest.raises(FileError, match=r"unique\. Got 'same/kernel' twice in the model"):
        model.load_weights(tmp_path / "weights", by_name=True)


@pytest.mark.parametrize("kind", ["functional", "sequential", "nested"])
def test_a_clone_needs_no_registered_classes(kind: str) -> None:
    x = Input((3,))
    inner = Sequential([Input((3,)), Doubling()])
    model = {
        "functional": lambda: Model(x, Doubling()(x)),
        "sequential": lambda: inner,
        "nested": lambda: Model(x, inner(x)),
    }[kind]()
    clone = clone_model(model)
    np.testing.assert_array_equal(clone.predict(A, verbose=0), 2 * A)
    assert clone.layers[-1] is not model.layers[-1]


def test_arguments_by_name_are_recorded() -> None:
    x = Input((3,))
    np.testing.assert_array_equal(Model(x, Doubling()(inputs=x)).predict(A, verbose=0), 2 * A)


def test_a_layer_gives_tensors() -> None:
    class Nothing(Layer):
        def call(self, inputs: Any) -> None:
            return None

    with pytest.raises(ArgumentError, match=r"'mute' must return tensors from call\(\). Got None"):
        Nothing(name="mute")(Input((3,)))
