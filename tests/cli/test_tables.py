"""Tables from the command line: trained on, and the model used on other files of the same kind."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import datasets as samples
from sklearn.linear_model import LinearRegression

from glassgrad.models import load_model
from glassgrad.preprocessing import TableEncoder

Command = Callable[..., Any]
REFERENCE = ("--executor", "reference")


def write(path: str | Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def write_sample(path: str, sample: Any, target: str) -> None:
    """One of scikit-learn's samples as CSV, with names of classes where it has classes."""
    named = hasattr(sample, "target_names")
    told = [sample.target_names[k] for k in sample.target] if named else sample.target.tolist()
    rows = [[*x, y] for x, y in zip(sample.data.tolist(), told, strict=True)]
    write(path, [*sample.feature_names, target], rows)


def mixed_rows(count: int, seed: int) -> list[list[Any]]:
    """A table with a known rule: a score decides, and one label in twenty is wrong."""
    random = np.random.default_rng(seed)
    rows: list[list[Any]] = []
    for number in range(count):
        size, colour = random.normal(50, 10), random.choice(["red", "green", "blue"])
        is_old, month = bool(random.integers(2)), int(random.integers(1, 13))
        score = (size - 50) / 10 + {"red": 1.5, "green": 0.0, "blue": -1.5}[colour]
        label = score + (0.8 if is_old else -0.8) > 0
        kind = ("good", "bad")[int(label) ^ int(random.random() < 0.05)]
        shown = "" if random.random() < 0.05 else f"{size:.3f}"
        rows.append([number, shown, colour, is_old, f"2024-{month:02}-01", "cm", kind])
    return rows


MIXED = ("id", "size", "colour", "old", "since", "unit", "kind")


@pytest.fixture(scope="module")
def trained_on_mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from glassgrad.cli import main

    folder = tmp_path_factory.mktemp("mixed")
    write(folder / "mixed.csv", MIXED, mixed_rows(1_500, seed=1))
    words = ("train", folder / "mixed.csv", "--target", "kind", "--out", folder / "run", "-q")
    assert main([*map(str, words), "--json", "--epochs", "25", *REFERENCE]) == 0
    return folder


# ---- trains well


@pytest.mark.parametrize("load", [samples.load_breast_cancer, samples.load_wine])
def test_a_numeric_table(command: Command, load: Callable[[], Any]) -> None:
    write_sample("table.csv", load(), "kind")
    found = command("train", "table.csv", "--target", "kind", "--epochs", 40, "--json", *REFERENCE)
    assert found.code == 0
    assert json.loads(found.out)["test_accuracy"] >= 0.95


def test_a_mixed_table_is_learned_to_what_can_be_known(
    command: Command, trained_on_mixed: Path
) -> None:
    """The wrong labels, and the missing sizes, leave about 94 % to whoever knows the rule."""
    write("new.csv", MIXED, mixed_rows(2_000, seed=2))
    words = ("evaluate", trained_on_mixed / "run", "new.csv", "--json", *REFERENCE)
    assert json.loads(command(*words).out)["test_accuracy"] > 0.90


def test_a_regression_table_is_told_in_its_unit(command: Command) -> None:
    write_sample("table.csv", samples.load_diabetes(), "progress")
    words = ("train", "table.csv", "--target", "progress", "--out", "run", "--epochs", 60)
    found = command(*words, "--json", *REFERENCE)
    result = json.loads(found.out)
    assert "test_accuracy" not in result
    x, y = samples.load_diabetes(return_X_y=True)
    linear = LinearRegression().fit(x, y).score(x, y)
    assert result["test_r2"] > linear - 0.15  # which saw all of it
    told = [float(line) for line in command("predict", "run", "table.csv").out.split()[1:]]
    assert np.corrcoef(told, y)[0, 1] > 0.6
    assert abs(np.mean(told) - y.mean()) < 20
    assert 35 < result["test_mean_absolute_error"] < 55
    again = json.loads(command("evaluate", "run", "--json").out)
    assert again["test_r2"] == pytest.approx(result["test_r2"])


# ---- what is said


def test_what_was_done_to_each_column_is_said(command: Command) -> None:
    write("mixed.csv", MIXED, mixed_rows(100, seed=1))
    words = ("train", "mixed.csv", "--target", "kind", "--epochs", 1, "--out", "run", *REFERENCE)
    found = command(*words)
    for line in (
        "What was done to the columns of mixed",
        "id     │ left out: it names the rows",
        "size   │ number: standardised by mean",
        "missing: they become the mean, and one more number tells them",
        "colour │ text: one number for each of blue, green, red",
        "old    │ truth: standardised",
        "since  │ date: standardised, and its place in year, week",
        "unit   │ left out: every value is 'cm'",
        "kind   │ target: the classes bad, good",
        "mixed: 70 examples for training, 10 for watching over it, 20 for testing",
        "Try next: glassgrad predict run ",
    ):
        assert line in found.err
    assert "target" not in found.out
    document = json.loads(command("train", "--resume", "run", "--json").out)
    assert document["columns"]["unit"] == "left out: every value is 'cm'"


def test_quiet_says_nothing_of_columns(command: Command) -> None:
    write("mixed.csv", MIXED, mixed_rows(100, seed=1))
    words = ("train", "mixed.csv", "--target", "kind", "--epochs", 1, "-q", *REFERENCE)
    assert command(*words).err == ""


def test_a_wide_table_is_cut_in_the_report(command: Command) -> None:
    rows = np.random.default_rng(0).normal(size=(20, 90)).tolist()
    write("wide.csv", [f"c{number}" for number in range(90)], rows)
    found = command("train", "wide.csv", "--target", "c5", "--epochs", 1, *REFERENCE)
    assert "and 50 more: --json lists them all" in found.err
    assert "target: a number" in found.err


# ---- the model on other files


def test_the_model_takes_other_columns_in_another_order(
    command: Command, trained_on_mixed: Path
) -> None:
    rows = mixed_rows(50, seed=3)
    write("same.csv", MIXED, rows)
    turned = [["a note", *row[::-1][1:]] for row in rows]  # without the target
    write("turned.csv", ["note", *MIXED[::-1][1:]], turned)
    words = ("predict", trained_on_mixed / "run")
    same = command(*words, "same.csv", *REFERENCE)
    other = command(*words, "turned.csv", *REFERENCE)
    assert other.out == same.out
    assert "not used: note" in other.err
    assert "not used" not in same.err
    header, *lines = csv.reader(io.StringIO(same.out))
    assert header == ["kind", "probability"]
    assert len(lines) == 50
    assert {kind for kind, _ in lines} == {"bad", "good"}
    assert all(0.5 <= float(probability) <= 1 for _, probability in lines)
    model = trained_on_mixed / "run" / "model.safetensors"
    assert command("predict", model, "same.csv", *REFERENCE).out == same.out
    document = json.loads(command(*words, "same.csv", "--json", *REFERENCE).out)
    assert document["predictions"] == [kind for kind, _ in lines]
    assert document["classes"] == ["bad", "good"]
    assert np.array(document["probabilities"]).sum(axis=1) == pytest.approx(1.0)


def test_what_is_new_is_said(command: Command, trained_on_mixed: Path) -> None:
    rows = mixed_rows(5, seed=3)
    rows[0][2], rows[1][3] = "violet", ""
    write("new.csv", MIXED, rows)
    found = command("predict", trained_on_mixed / "run", "new.csv", *REFERENCE)
    assert found.code == 0
    assert "column 'colour': 1 row holds what was not seen in training, such as 'violet'" in (
        found.err
    )
    assert "column 'old': 1 value is missing, as none was in training" in found.err


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda row: row[:1] + row[2:], "'new.csv' lacks 'size'; it has id, colour"),
        (lambda row: [row[0], "much", *row[2:]] if row[0] == 1 else row, "Got 'much' in line 3 of"),
        (lambda row: [*row[:1], "1e999", *row[2:]] if row[0] == 1 else row, "in line 3 of"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    command: Command, trained_on_mixed: Path, change: Callable[[Any], Any], message: str
) -> None:
    header, *rows = map(change, [list(MIXED), *mixed_rows(4, seed=3)])
    write("new.csv", header, rows)
    found = command("predict", trained_on_mixed / "run", "new.csv", *REFERENCE)
    assert found.code == 1
    assert found.out == ""
    assert message in found.err


def test_evaluation_of_the_table_of_training_is_that_of_its_test_part(
    command: Command, trained_on_mixed: Path
) -> None:
    run = trained_on_mixed / "run"
    result = json.loads((run / "result.json").read_text())
    for data in ((), (trained_on_mixed / "mixed.csv",)):
        document = json.loads(command("evaluate", run, *data, "--json", *REFERENCE).out)
        assert document["test_accuracy"] == result["test_accuracy"]
        assert document["examples"] == 300
    write("new.csv", MIXED, [[*row[:-1], "unclear"] for row in mixed_rows(3, seed=3)])
    found = command("evaluate", run, "new.csv", *REFERENCE)
    assert "training knew: bad, good. Got 'unclear' in row 1" in found.err


def test_the_model_file_holds_the_preprocessing(trained_on_mixed: Path) -> None:
    model = load_model(trained_on_mixed / "run" / "model.safetensors")
    assert isinstance(model.preprocessing, TableEncoder)
    assert model.preprocessing.target.name == "kind"
    again = trained_on_mixed / "again.safetensors"
    model.save(again)
    other = load_model(again).preprocessing
    assert other is not None
    assert other.get_config() == model.preprocessing.get_config()


# ---- going on


def test_a_resumed_run_ends_with_the_same_bits(command: Command, tmp_path: Path) -> None:
    write("mixed.csv", MIXED, mixed_rows(200, seed=1))
    words = ("train", "mixed.csv", "--target", "kind", "--seed", 3, "-q", *REFERENCE)
    assert command(*words, "--epochs", 6, "--out", "long").code == 0
    assert command(*words, "--epochs", 2, "--out", "short").code == 0
    assert command("train", "--resume", "short", "--epochs", 6, "-q").code == 0
    long, short = (load_model(f"{name}/model.safetensors") for name in ("long", "short"))
    for one, other in zip(long.get_weights(), short.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()


def test_a_changed_table_is_noticed(command: Command) -> None:
    write("mixed.csv", MIXED, mixed_rows(100, seed=1))
    words = ("train", "mixed.csv", "--target", "kind", "--epochs", 1, "--out", "run", *REFERENCE)
    command(*words)
    write("mixed.csv", MIXED, mixed_rows(100, seed=2))
    found = command("train", "--resume", "run", "--epochs", 2)
    assert found.code == 1
    assert "have changed" in found.err
    found = command("train", "--resume", "run", "--target", "colour")
    assert "--target is kind. Got colour" in found.err


def test_the_configuration_of_an_older_run_is_read(command: Command) -> None:
    command("train", "--layers", "4", "--epochs", 1, "--out", "run", *REFERENCE)
    path = Path("run/config.json")
    config = json.loads(path.read_text())
    del config["target"], config["task"]
    path.write_text(json.dumps(config))
    assert command("train", "--resume", "run").code == 0


# ---- what cannot be trained on


@pytest.mark.parametrize(
    "content, words, code, message",
    [
        ("a,b\n1,2\n", (), 2, "Say which column"),
        ("a,b\n" + "1,2\n" * 5, ("--target", "c"), 2, "Unknown column of 't.csv' 'c'"),
        ("a,b\n" + "1,2\n" * 9, ("--target", "b"), 1, "every row has '2'"),
        ("a,b\n" + "1,2\n2,3\n" * 9, ("--target", "b", "--task", "guessing"), 2, "Got 'guessing'"),
        ("a,b\n1,x\n2,y\n", ("--target", "b"), 1, "5 rows at least"),
        ("a,b\n" + "1,x\n2,\n" * 3, ("--target", "b"), 1, "in 3 of 6"),
        ("", ("--target", "b"), 1, "it is empty"),
        ("a,b\n", ("--target", "b"), 1, "header alone"),
    ],
)
def test_what_cannot_be_learned_from(
    command: Command, content: str, words: tuple[str, ...], code: int, message: str
) -> None:
    Path("t.csv").write_text(content)
    found = command("train", "t.csv", *words)
    assert message in found.err
    assert found.code == code
    assert not Path("runs").exists()


def test_a_target_is_of_tables_alone(command: Command) -> None:
    found = command("train", "digits", "--target", "x")
    assert found.code == 2
    assert "A target is a column of a table" in found.err
    assert "leave it out" in found.err


def test_a_table_in_another_format_is_to_be_saved_as_one_that_can_be_read(
    command: Command,
) -> None:
    Path("t.xlsx").write_bytes(b"PK")
    found = command("train", "t.xlsx", "--target", "x")
    assert found.code == 2
    assert "'t.xlsx'; save it as one of these" in found.err
