"""Networks mended from the outside: what is found, changed, kept as it was, and refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import ops, optimizers
from glassgrad.callbacks import LambdaCallback, ReduceLROnPlateau
from glassgrad.errors import ArgumentError, DataError, NotBuiltError, ShapeError
from glassgrad.layers import Dense, Input, Layer
from glassgrad.lens.doctor.repair import Repair, repair
from glassgrad.lens.doctor.repair.mending import fitting
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.models import Model, Sequential, load_model
from glassgrad.random_seed import seeded

RNG = np.random.default_rng(2)
X = RNG.normal(size=(120, 2)).astype("float32")
YES = (X[:, 0] > X[:, 1]).astype("float32")
LABELS = np.digitize(X[:, 0], [-0.4, 0.4])


def network(units: int = 1, last: str | None = "sigmoid", loss: Any = "binary_crossentropy",
            optimizer: Any = None) -> Sequential:  # fmt: skip
    with seeded(4):
        model = Sequential([Input((2,)), Dense(units, last, name="end")], name="net")
    chosen = glassgrad.optimizers.SGD(0.3) if optimizer is None else optimizer
    model.compile(chosen, loss, metrics=["accuracy"], executor="reference")
    return model


def mended(model: Model, y: Any = YES, x: Any = X, **options: Any) -> Repair:
    return repair(model, (x, y), **{"epochs": 4, "batch_size": 16, "budget": 3.5, **options})


def accuracy(model: Model, y: Any = YES) -> float:
    predicted = model.predict(X, verbose=0)
    answers = predicted.argmax(-1) if predicted.shape[-1] > 1 else predicted[:, 0] > 0.5
    return float((answers == y).mean())


def test_a_healthy_network_is_left_as_it_is() -> None:
    found = mended(network(), epochs=30)
    assert (found.findings, found.changes, found.trials) == ((), "", ())
    assert not found.is_mended
    assert found.cost <= 1
    assert accuracy(found.model) > 0.9
    assert "nothing to mend; accuracy" in str(found)


@pytest.fixture(scope="module")
def pair() -> tuple[Sequential, list[Any], list[int], Repair]:
    """A network with a softmax on one unit, its weights, ends of training, and its repair."""
    model, ends = network(last="softmax"), list[int]()
    before = model.get_weights()
    callback = LambdaCallback(on_train_end=lambda logs: ends.append(1))
    return model, before, ends, mended(model, callbacks=[callback])


Pair = tuple[Sequential, list[Any], list[int], Repair]


def test_a_pair_that_does_not_fit_is_changed(pair: Pair) -> None:
    found = pair[-1]
    assert found.findings[0].code == "wrong_output_or_loss"
    assert found.is_mended
    assert found.after > found.before
    assert accuracy(found.model) > 0.9
    assert found.changes.startswith(
        "- end: Dense(units=1, activation=softmax)\n+ end: Dense(units=1, activation=sigmoid)"
    )
    assert any(trial.is_kept for trial in found.trials)


def test_the_users_own_is_as_it_was(pair: Pair) -> None:
    model, before, _, _ = pair
    assert (model.epochs_seen, model.optimizer.iterations.item()) == (0, 0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert model.layers[0].activation.__name__ == "softmax"


def test_the_budget_and_callbacks(pair: Pair) -> None:
    _, _, ends, found = pair
    assert 1 < found.cost <= 3.5
    assert ends == [1]


def test_the_report(pair: Pair, tmp_path: Path) -> None:
    found = pair[-1]
    text = str(found)
    assert text.startswith("net: mended; accuracy ")
    for part in ("1. wrong_output_or_loss in end", "What was changed:", "What was tried:", "kept"):
        assert part in text
    assert "full runs." in text.splitlines()[-1]
    data = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert data["findings"][0]["code"] == "wrong_output_or_loss"
    assert data["cost"] == found.cost
    found.save(tmp_path / "mended")
    again = load_model(tmp_path / "mended")
    for written, kept in zip(again.get_weights(), found.model.get_weights(), strict=True):
        np.testing.assert_array_equal(written, kept)
    assert json.loads((tmp_path / "mended.json").read_text())["is_mended"] is True


def test_the_same_seed_gives_the_same_network(pair: Pair) -> None:
    again = mended(network(last="softmax"))
    assert again.changes == pair[-1].changes
    for one, other in zip(again.model.get_weights(), pair[-1].model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_labels_from_one_are_refused_by_fit_and_mended() -> None:
    model = network(3, "softmax", "sparse_categorical_crossentropy")
    found = mended(model, LABELS + 1)
    assert found.findings[0].code == "wrong_output_or_loss"
    assert found.model.output_shape == (None, 4)
    assert accuracy(found.model, LABELS + 1) > 0.7
    assert np.isnan(found.before)
    assert found.as_dict()["before"] is None


def test_examples_that_are_not_finite_are_left_out() -> None:
    x = X.copy()
    x[[3, 50]] = np.nan
    found = mended(network(), x=x)
    assert found.findings[0].code == "non_finite"
    assert found.is_mended
    assert "- data: 120 examples\n+ data: 118 examples, those of finite numbers" in found.changes


def test_weights_that_are_not_finite_are_drawn_anew() -> None:
    model = network()
    model.set_weights([np.full((2, 1), np.nan), np.zeros(1)])
    found = mended(model)
    assert accuracy(found.model) > 0.9
    assert np.isnan(model.get_weights()[0]).all()


def test_validation_data_are_what_it_is_judged_by() -> None:
    few = (X[:30], YES[:30])
    found = mended(network(last="softmax"), validation_data=few)
    expected = float(((found.model.predict(few[0], verbose=0)[:, 0] > 0.5) == few[1]).mean())
    assert found.after == pytest.approx(expected)


def batches() -> Any:
    yield X, YES


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"data": (X,)}, ArgumentError, r"must be \(x, y\) or \(x, y, sample_weight\). Got tuple"),
        ({"data": X}, ArgumentError, r"data must be \(x, y\)"),
        ({"data": (X, None)}, ArgumentError, "needs targets"),
        ({"data": batches()}, ArgumentError, "gives batches; put some thousand"),
        ({"data": (X, YES[:50])}, DataError, "equal lengths"),
        ({"data": (X[:8], YES[:8])}, DataError, "needs 10 at least. Got 8"),
        ({"data": (X * np.nan, YES)}, DataError, "120 of 120 examples hold NaN"),
        ({"data": (X[:, :1], YES)}, ShapeError, "expected"),
        ({"validation_data": X}, ArgumentError, "validation_data must be"),
        ({"budget": 0}, ArgumentError, "3 full runs at least. Got 0"),
        ({"budget": float("nan")}, ArgumentError, "3 full runs at least"),
        ({"epochs": 0}, ArgumentError, "epochs must be at least 1"),
        ({"batch_size": 0}, ArgumentError, "batch_size must be at least 1"),
        ({"verbose": 7}, ArgumentError, "verbose"),
        ({"seed": -1}, ArgumentError, "seed"),
    ],
)
def test_what_cannot_be_mended_is_refused(options: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        repair(network(), **{"data": (X, YES), **options})


def test_a_model_that_is_not_compiled() -> None:
    with pytest.raises(NotBuiltError, match="call compile"):
        repair(Sequential([Input((2,)), Dense(1)]), (X, YES))


class Logarithm(Layer):
    """The logarithm of amounts."""

    def call(self, inputs: Any) -> Any:
        return ops.log(inputs)


def test_examples_for_which_the_network_has_no_number_are_left_out() -> None:
    generator = np.random.default_rng(0)
    x = generator.lognormal(size=(120, 4)).astype(np.float32)
    y = (x[:, 0] > 1).astype(np.int32)
    x[:3, 1] = 0
    model = Sequential([Input((4,)), Logarithm(name="amounts"), Dense(2, "softmax")])
    model.compile(optimizers.Adam(0.05), "sparse_categorical_crossentropy", executor="reference")
    found = repair(model, (x, y), epochs=6, batch_size=12)
    assert found.findings[0].code == "non_finite"
    assert found.findings[0].layer == "amounts"
    assert "log(0)" in found.findings[0].cause
    assert "- data: 120 examples" in found.changes
    assert "+ data: 117 examples, those of finite numbers" in found.changes
    assert found.is_mended
    assert (found.model.predict(x[3:], verbose=0).argmax(-1) == y[3:]).mean() > 0.8


def test_two_do_not_set_the_learning_rate() -> None:
    model = Sequential([Input((4,)), Dense(1)])
    model.compile("sgd", "mse", executor="reference")
    plain = Regimen.of(model, 1, 8, 0)
    plateau, other = ReduceLROnPlateau("loss"), LambdaCallback()
    assert fitting([plateau, other], plain) == [plateau, other]
    assert fitting([plateau, other], replace(plain, decays=True)) == [other]
    assert fitting([plateau, other], replace(plain, warms_up=True)) == [other]
