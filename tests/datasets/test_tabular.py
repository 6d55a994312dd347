from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import datasets
from glassgrad.datasets.tabular import dataset_of
from glassgrad.errors import ArgumentError, DataError, FileError, UnknownNameError
from glassgrad.preprocessing import Table, TableEncoder


def rows(count: int) -> Table:
    x = np.random.default_rng(0).normal(size=count)
    return Table.of(
        {"x": x, "colour": ["red", "blue"] * (count // 2), "kind": np.where(x > 0, "a", "b")}
    )


def test_the_parts_of_a_table() -> None:
    dataset = dataset_of(rows(100), "table", "kind")
    assert dataset.validation is not None
    assert (len(dataset.x_train), len(dataset.validation[0]), len(dataset.x_test)) == (70, 10, 20)
    assert (dataset.classes, dataset.class_names, dataset.scale) == (2, ("a", "b"), 1.0)
    assert dataset.x_train.mean(axis=0)[0] == pytest.approx(0, abs=1e-6)
    assert dataset.x_train.std(axis=0)[0] == pytest.approx(1, abs=1e-5)
    assert abs(dataset.x_test.mean(axis=0)[0]) > 1e-3  # nothing was learned from the test part


def test_a_small_table_keeps_no_rows_for_watching() -> None:
    dataset = dataset_of(rows(20), "table", "kind")
    assert dataset.validation is None
    assert (len(dataset.x_train), len(dataset.x_test)) == (16, 4)


def test_classes_have_their_share_in_every_part() -> None:
    table = Table.of({"x": np.arange(200.0), "kind": ["rare"] * 20 + ["common"] * 180})
    dataset = dataset_of(table, "table", "kind")
    assert dataset.y_validation is not None
    for part in (dataset.y_train, dataset.y_validation, dataset.y_test):
        assert part.mean() == pytest.approx(0.1, abs=0.02)


def test_the_seed_decides_the_parts() -> None:
    first, again, other = (dataset_of(rows(60), "t", "kind", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.x_test, again.x_test)
    assert not np.array_equal(first.x_test, other.x_test)


@pytest.mark.parametrize(
    "table, target, options, error, message",
    [
        (rows(10), None, {}, ArgumentError, "Say which column .* has x, colour, kind"),
        (rows(10), "kid", {}, UnknownNameError, "Did you mean 'kind'"),
        (rows(4), "kind", {}, DataError, "5 rows at least"),
        (rows(10), "kind", {"test_size": 1.5}, ArgumentError, "test_size must lie between 0 and 1"),
        (rows(10), "kind", {"task": "regression"}, DataError, "must hold numbers. Got "),
    ],
)
def test_what_cannot_be_divided(
    table: Table, target: Any, options: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        dataset_of(table, "table", target, **options)


def test_from_a_file_to_predictions_for_another(tmp_path: Path) -> None:
    """Everything by hand, as a program does it that uses no command line."""
    columns = [column.texts() for column in rows(200)]
    lines = [";".join(map(str, row)) for row in zip(*columns, strict=True)]
    (tmp_path / "table.csv").write_text("\n".join(["x;colour;kind", *lines]))
    dataset = datasets.load(tmp_path / "table.csv", target="kind")
    glassgrad.set_random_seed(0)
    model = glassgrad.Sequential([glassgrad.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", executor="reference")
    model.optimizer.learning_rate = 0.1
    model.fit(dataset.x_train, dataset.y_train, epochs=10, verbose=0)
    model.preprocessing = dataset.preprocessing
    model.save(tmp_path / "model.safetensors")

    again = glassgrad.models.load_model(tmp_path / "model.safetensors")
    assert isinstance(again.preprocessing, TableEncoder)
    new = Table.of({"more": [1, 2], "colour": ["green", "red"], "x": [-2.0, 2.0]})
    outputs = again.predict(again.preprocessing.inputs(new))
    assert again.preprocessing.decode(outputs).tolist() == ["b", "a"]


def test_readers_are_chosen_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.TSV").write_text("x\ty\n1\t2\n")
    assert datasets.read_table(tmp_path / "a.TSV").names == ("x", "y")
    (tmp_path / "a.xlsx").touch()
    with pytest.raises(FileError, match=r"Got .*a\.xlsx.*Export it as CSV"):
        datasets.read_table(tmp_path / "a.xlsx")
    with pytest.raises(FileError, match="does not exist either"):
        datasets.read_table(tmp_path / "b.ods")
