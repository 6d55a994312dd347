from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, recall_score

from glassgrad.cli.scores import MOST_CLASSES_OF_A_MATRIX, class_scores, score_rows

Command = Callable[..., Any]
REFERENCE = ("--executor", "reference")


def write(path: str, **columns: Any) -> None:
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


# ---- classes


def test_recall_and_confusion_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    outputs, labels = random.random((200, 4)), random.integers(0, 4, 200)
    found, told = class_scores(outputs, labels), outputs.argmax(axis=1)
    assert found["confusion"] == confusion_matrix(labels, told).tolist()
    assert list(found["recall"]) == ["0", "1", "2", "3"]
    expected = recall_score(labels, told, average=None)
    np.testing.assert_allclose(list(found["recall"].values()), expected)
    assert found["commonest_share"] == np.bincount(labels).max() / 200
    assert class_scores(outputs, labels[:, None]) == found


def test_a_class_without_examples_has_no_recall() -> None:
    found = class_scores(np.eye(3)[[0, 1]], np.array([0, 0]), ["a", "b", "c"])
    assert found["recall"] == {"a": 0.5, "b": None, "c": None}
    assert score_rows({"test_recall": found["recall"]}) == [
        ("recall of each class", "a: 50.0%; no example of b, c")
    ]


def test_of_many_classes_the_lowest_are_shown_and_no_matrix() -> None:
    classes = MOST_CLASSES_OF_A_MATRIX + 1
    outputs = np.eye(classes)[[0, *range(classes)][:classes]]
    found = class_scores(outputs, np.arange(classes))
    assert "confusion" not in found
    ((_, shown),) = score_rows({"test_recall": found["recall"]})
    assert shown.startswith("the lowest: 1: 0.0%, 2: 0.0%")
    assert "no example" not in shown


@pytest.mark.parametrize(
    "outputs, labels",
    [(np.zeros((3, 1)), [0, 1, 1]), (np.zeros((3, 2)), np.eye(2, dtype=int)[[0, 1, 1]])],
)
def test_what_is_no_class_in_each_row_has_no_such_scores(outputs: Any, labels: Any) -> None:
    assert class_scores(outputs, np.asarray(labels)) == {}


def test_accuracy_is_told_with_that_of_always_the_same() -> None:
    rows = dict(
        score_rows(
            {
                "test_accuracy": 0.98,
                "test_loss": 0.1,
                "test_commonest_class": "no",
                "test_commonest_share": 0.95,
                "epochs": 3,
            }
        )
    )
    assert rows == {
        "test accuracy": "98.00% (always 'no' would be right in 95.00%)",
        "test loss": "0.1000",
    }


def test_a_rare_class_is_seen_through(command: Command) -> None:
    random = np.random.default_rng(0)
    write("t.csv", x=random.normal(size=200), y=["no"] * 197 + ["yes"] * 3)
    found = command("train", "t.csv", "--target", "y", "--epochs", 1, "--out", "run", *REFERENCE)
    assert "(always 'no' would be right in 97.50%)" in found.out
    assert "recall of each class │ no: " in found.out
    assert "classes with fewer than 5 examples for training: 'yes' (2)." in found.err
    evaluation = json.loads(command("evaluate", "run", "--json", *REFERENCE).out)
    trained = json.loads(command("train", "--resume", "run", "--json").out)
    assert "fewer than 5" in trained["remarks"][0]
    assert evaluation["test_recall"] == trained["test_recall"]
    assert np.sum(evaluation["test_confusion"]) == evaluation["examples"]


# ---- numbers


def test_an_outlier_and_the_unit_of_the_loss_are_told(command: Command) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=100)
    y = 3 * x + 100
    y[76] *= 1_000
    write("t.csv", x=x, y=y)
    found = command("train", "t.csv", "--target", "y", "--epochs", 1, "--out", "run", *REFERENCE)
    assert "column 'y': the value " in found.err
    assert "in line 78 of 't.csv' lies " in found.err
    assert "test loss (standardised target) │" in found.out
    assert "test loss (standardised target) │" in command("evaluate", "run", *REFERENCE).out
    document = json.loads(command("train", "--resume", "run", "--json").out)
    assert "line 78" in document["remarks"][0]
