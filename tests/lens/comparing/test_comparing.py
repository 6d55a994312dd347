"""Comparisons of small networks on few digits, by the reference."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad import datasets
from glassgrad.datasets import Dataset
from glassgrad.errors import ArgumentError, FileError, UnknownNameError
from glassgrad.lens import compare
from glassgrad.lens.comparing import comparing
from glassgrad.lens.comparing.contenders import KINDS, contenders_of
from glassgrad.lens.comparing.folder import Store
from glassgrad.lens.comparing.gradient_flow import flow_ratio, gradient_flow
from glassgrad.lens.comparing.plan import plan_for, with_validation
from glassgrad.lens.comparing.setting import Setting, network_of
from glassgrad.lens.comparing.trial import DIVERGED, ENDED, FAILED, Outcome, Trial, run_trial

BASE = Setting("6 relu, dropout 0.1, 5 relu", {"class_name": "adam", "config": {}}, 16, 2)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """A few of them."""
    whole = datasets.load("digits")
    return replace(whole, x_train=whole.x_train[:100], y_train=whole.y_train[:100])


@pytest.fixture
def small(digits: Dataset) -> dict[str, Any]:
    return {"data": digits, "layers": "6 relu", "epochs": 2, "seeds": 2, "executor": "reference"}


# ---- contenders


@pytest.mark.parametrize("kind", KINDS)
def test_every_usual_contender_is_a_network(kind: str, digits: Dataset) -> None:
    contenders = contenders_of(KINDS[kind], BASE)
    assert len({json.dumps(one.setting.as_dict()) for one in contenders}) == len(contenders)
    for one in contenders:
        network_of(one.setting, digits, 0, "reference")


def test_one_thing_varies_and_the_rest_stays(digits: Dataset) -> None:
    def network(kind: str, name: str) -> Any:
        (one, _) = contenders_of(KINDS[kind], BASE, [name, KINDS[kind].names[0]])
        return network_of(one.setting, digits, 0, "reference")

    base = network_of(BASE, digits, 0, "reference")
    tanh = network("activations", "tanh")
    names = [getattr(layer, "activation", None) for layer in tanh.layers]
    assert [one.__name__ for one in names if one] == ["tanh", "tanh", "softmax"]
    for a, b in zip(base.get_weights(), tanh.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)  # the same seed, the same first weights
    ones = network("initializers", "ones")
    assert [bool(np.all(weight == 1)) for weight in ones.get_weights()] == [True, False] * 3
    assert network("learning-rates", "0.25").optimizer.learning_rate.numpy() == 0.25
    assert network("optimizers", "nesterov").optimizer.nesterov
    assert len(network("depths", "3").layers) == 2 + 3 * 3 + 1


@pytest.mark.parametrize(
    "kind, only, error, message",
    [
        ("activations", ["relu"], ArgumentError, "two different ones at least. Got relu"),
        ("activations", ["relu", "relu"], ArgumentError, "Got 'relu' twice"),
        ("activations", ["relu", "rely"], UnknownNameError, "Did you mean 'relu'"),
        ("initializers", ["zeros", "he"], UnknownNameError, "Unknown initializer 'he'"),
        ("optimizers", ["sgd", "adm"], UnknownNameError, "Did you mean 'adam'"),
        ("batch-sizes", ["8", "0"], ArgumentError, "a whole number from 1 to 1,048,576. Got '0'"),
        ("depths", ["1", "two"], ArgumentError, "from 1 to 1,000. Got 'two'"),
        ("learning-rates", ["0.1", "-1"], ArgumentError, "a number above 0. Got '-1'"),
        ("learning-rates", ["0.1", "1e-1"], ArgumentError, "Got '0.1' twice"),
    ],
)
def test_what_is_no_contender_is_refused(
    kind: str, only: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        contenders_of(KINDS[kind], BASE, only)


def test_some_beyond_the_usual_ones_may_be_named() -> None:
    names = [one.name for one in contenders_of(KINDS["activations"], BASE, ["softsign", "relu6"])]
    assert names == ["softsign", "relu6"]
    (one, _) = contenders_of(KINDS["optimizers"], BASE, ["adadelta", "sgd"])
    assert one.setting.optimizer["class_name"] == "adadelta"


# ---- data and gradient flow


def test_a_part_is_set_aside_only_where_there_is_none(digits: Dataset) -> None:
    found = with_validation(digits)
    assert found.validation is not None
    assert (len(found.x_train), len(found.validation[0])) == (80, 20)
    assert with_validation(found) is found
    np.testing.assert_array_equal(found.x_test, digits.x_test)


def test_gradient_flow_is_that_of_the_formula(digits: Dataset) -> None:
    model = network_of(replace(BASE, layers="4 linear"), digits, 0, "reference")
    x, y = digits.x_train[:8], digits.y_train[:8]
    w1, b1, w2, b2 = (weight.astype(np.float64) for weight in model.get_weights())
    flat = x.reshape(8, -1) / 16
    hidden = flat @ w1 + b1
    raised = np.exp(hidden @ w2 + b2)
    delta = (raised / raised.sum(1, keepdims=True) - np.eye(10)[y.astype(int)]) / 8
    expected = [flat.T @ (delta @ w2.T), hidden.T @ delta]
    found = gradient_flow(model, x, y)
    assert found == pytest.approx([np.sqrt(np.mean(one**2)) for one in expected], rel=1e-6)
    assert flow_ratio(found) == found[0] / found[1]


@pytest.mark.parametrize("flow", [(), (1.0,), (0.0, 0.0), (float("nan"), 1.0), (1.0, float("inf"))])
def test_where_nothing_flows_there_is_no_ratio(flow: tuple[float, ...]) -> None:
    assert np.isnan(flow_ratio(flow))


# ---- trainings


def test_a_training_is_decided_by_its_seed(digits: Dataset) -> None:
    data = with_validation(digits)
    (one, _) = contenders_of(KINDS["activations"], BASE, ["relu", "tanh"])
    a, b, c = (run_trial(Trial("x", one, seed), data, "reference") for seed in (0, 0, 1))
    assert a.status == ENDED, a.reason
    assert a.scores == b.scores
    assert a.scores != c.scores
    assert set(a.scores) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert [len(values) for values in a.curves.values()] == [2] * 4
    assert len(a.flow_at_first) == len(a.flow_at_last) == 3
    assert Outcome.from_dict(json.loads(json.dumps(a.as_dict()))) == a


def test_what_diverges_is_no_error(digits: Dataset) -> None:
    x = digits.x_train.reshape(100, -1).astype(np.float32)
    numbers = replace(digits, x_train=x, y_train=x[:, 20:22] * 1e6, classes=None)
    setting = Setting("6 relu", {"class_name": "sgd", "config": {"learning_rate": 1e30}}, 16, 2)
    (one, _) = contenders_of(KINDS["activations"], setting, ["linear", "tanh"])
    found = run_trial(Trial("x", one, 0), with_validation(numbers), "reference")
    assert (found.status, found.reason, found.scores) == (DIVERGED, "", {})
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["status"] == DIVERGED


def test_regression_has_r2(digits: Dataset) -> None:
    x = digits.x_train.reshape(100, -1)
    y = np.stack([x[:, 20], x[:, 21] + x[:, 30]], axis=1).astype(np.float32)
    data = with_validation(replace(digits, x_train=x, y_train=y, classes=None))
    (one, _) = contenders_of(KINDS["activations"], BASE, ["relu", "tanh"])
    scores = run_trial(Trial("x", one, 0), data, "reference").scores
    model = network_of(one.setting, data, 0, "reference")
    model.fit(data.x_train, data.y_train, 16, 2, verbose=0)
    predicted = model.predict(data.x_validation, verbose=0)
    spread = data.y_validation - data.y_validation.mean(axis=0)
    expected = 1 - np.square(predicted - data.y_validation).sum() / np.square(spread).sum()
    assert scores["val_r2"] == pytest.approx(expected, rel=1e-4)


# ---- the whole


def test_compare_gives_a_row_for_each(small: dict[str, Any]) -> None:
    heard: list[tuple[str, int, int]] = []
    found = compare(
        "initializers",
        only=["zeros", "he_normal"],
        report=lambda outcome, done, total: heard.append((outcome.contender, done, total)),
        **small,
    )
    assert heard == [
        ("zeros", 1, 4), ("he_normal", 2, 4), ("zeros", 3, 4), ("he_normal", 4, 4),
    ]  # fmt: skip
    assert [row[0] for row in found.table] == ["zeros", "he_normal"]
    assert found.is_whole
    assert found.as_dict()["plan"]["seeds"] == 2
    assert len(found.table[0]) == len(found.columns)


def test_a_folder_keeps_what_is_done(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []

    def counted(trial: Trial, *shared: Any) -> Outcome:
        trained.append(trial.key)
        if len(trained) == 3:
            raise KeyboardInterrupt
        return run_trial(trial, *shared)

    monkeypatch.setattr(comparing, "run_trial", counted)
    words = {"only": ["relu", "tanh"], "folder": tmp_path / "kept", **small}
    ask = partial(compare, "activations", **words)
    with pytest.raises(KeyboardInterrupt):
        ask()
    assert len(list((tmp_path / "kept/trials").iterdir())) == 2
    first = ask()
    assert len(trained) == 5
    assert ask().as_dict() == first.as_dict()
    assert len(trained) == 5
    (damaged, *_) = sorted((tmp_path / "kept/trials").iterdir())
    damaged.write_text("{")
    ask()
    assert len(trained) == 6
    assert len(ask(seeds=3).outcomes) == 6
    assert len(trained) == 8
    with pytest.raises(ArgumentError, match=r"has 3 seeds, and can be given more\. Got 2"):
        ask()
    with pytest.raises(ArgumentError, match="is another one: it has epochs 2 and not 3"):
        ask(seeds=3, epochs=3)
    other = replace(small["data"], y_train=small["data"].y_train[::-1])
    with pytest.raises(ArgumentError, match="is another one: it has other data"):
        ask(seeds=3, data=other)
    (tmp_path / "kept/comparison.json").write_text("[]")
    with pytest.raises(FileError, match="is no plan of a comparison"):
        ask()


def test_a_failing_training_is_told_and_tried_again(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(setting: Setting, *others: Any) -> Any:
        if setting.activation == "tanh":
            raise RuntimeError("out of order")
        return prepared(setting, *others)

    from glassgrad.lens.comparing import trial

    prepared = trial.prepared
    monkeypatch.setattr(trial, "prepared", broken)
    words = {"only": ["relu", "tanh", "elu"], "folder": tmp_path / "kept", **small}
    found = compare("activations", **words)
    assert (found.count(FAILED), found.count(ENDED)) == (2, 4)
    assert "RuntimeError: out of order" in found.statement()[0]
    assert found.table[1][1] == "0, 2 failed"
    monkeypatch.setattr(trial, "prepared", prepared)
    assert compare("activations", **words).is_whole


def test_tuning_finds_a_rate_by_a_seed_that_does_not_count(small: dict[str, Any]) -> None:
    found = compare("optimizers", only=["sgd", "adagrad"], tune=True, **{**small, "epochs": 1})
    assert [one.rates for one in found.tuned] == [
        (0.001, 0.003, 0.01, 0.03, 0.1, 0.3), (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03),
    ]  # fmt: skip
    for one, contender in zip(found.tuned, found.contenders, strict=True):
        best = max(one.results)
        assert one.results[one.rates.index(one.chosen)] == best
        assert contender.setting.optimizer["config"]["learning_rate"] == one.chosen
    assert {one.seed for one in found.outcomes} == {0, 1}
    assert "Learning rates: for each the best of 0.1, 0.3" in " ".join(found.setting())


def test_a_tie_of_rates_is_settled_by_the_loss(digits: Dataset) -> None:
    options = {"only": ["sgd", "lion"], "tune": True, "executor": "reference"}
    plan, data = plan_for("optimizers", digits, **options)
    tuning, _ = plan.tunings()
    assert not {trial.seed for trial in tuning.trials} & set(range(plan.seeds))
    store, losses = Store(), (0.5, 0.4, 0.2, 0.3, 0.1, 0.9)
    for trial, loss, accuracy in zip(tuning.trials, losses, [0.8] * 4 + [0.7, 0.8], strict=True):
        scores = {"val_loss": loss, "val_accuracy": accuracy}
        store.keep(trial, Outcome("sgd", trial.seed, ENDED, scores=scores))
    diverged = tuning.trials[0]
    store.keep(diverged, Outcome("sgd", diverged.seed, DIVERGED))
    found = comparing._tuned(tuning, store, comparing._measure(data))
    assert (found.chosen, found.is_at_the_edge) == (0.01, False)
    assert np.isnan(found.results[0])


@pytest.mark.parametrize(
    "words, error, message",
    [
        ({"kind": "nothing"}, UnknownNameError, "Unknown comparison 'nothing'"),
        ({"kind": 3}, ArgumentError, "kind must be a text. Got 3"),
        ({"seeds": 0}, ArgumentError, "seeds must be a whole number from 1 to 1,000. Got 0"),
        ({"seeds": 2.5}, ArgumentError, "seeds must be a whole number"),
        ({"jobs": 0}, ArgumentError, "jobs must be a whole number from 1. Got 0"),
        ({"only": "relu"}, ArgumentError, "only must be a list or tuple of texts"),
        ({"epochs": -1}, ArgumentError, "epochs must be a whole number from 1. Got -1"),
        ({"data": "digit"}, UnknownNameError, "Did you mean 'digits'"),
        ({"task": "guessing"}, UnknownNameError, "Unknown task 'guessing'"),
        ({"layers": "conv"}, ArgumentError, "Layer 1 of --layers"),
        ({"optimizer": "adm"}, UnknownNameError, "Unknown optimizer 'adm'"),
        ({"learning_rate": -1.0}, ArgumentError, "learning rate must be a number from 0"),
        ({"executor": "gpu"}, UnknownNameError, "Unknown executor 'gpu'"),
        ({"kind": "optimizers", "optimizer": "sgd"}, ArgumentError, "optimizers are what is comp"),
        ({"kind": "optimizers", "learning_rate": 0.1}, ArgumentError, "its own usual learning ra"),
        ({"kind": "batch-sizes", "batch_size": 3}, ArgumentError, "batch_size cannot be given"),
        ({"kind": "learning-rates", "tune": True}, ArgumentError, "tune looks for the learning"),
    ],
)
def test_bad_input_is_refused_before_anything_is_trained(
    words: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        compare(**{"kind": "activations", **words})


def test_a_plan_survives_its_file(digits: Dataset) -> None:
    plan, _ = plan_for("batch_sizes", digits, only=["8", "16"], layers="3", executor="reference")
    assert type(plan).from_dict(json.loads(json.dumps(plan.as_dict()))) == plan
    assert plan.with_seeds(7).trainings == 14
