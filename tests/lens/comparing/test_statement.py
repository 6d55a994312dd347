"""What is said about results that are made up, so that every sentence is known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from glassgrad.lens.comparing.comparison import Comparison, Measure, Spread
from glassgrad.lens.comparing.contenders import KINDS, Contender
from glassgrad.lens.comparing.plan import Plan
from glassgrad.lens.comparing.setting import Setting
from glassgrad.lens.comparing.statement import listed
from glassgrad.lens.comparing.trial import DIVERGED, ENDED, FAILED, Outcome
from glassgrad.lens.comparing.writing import as_markdown, with_spread

BASE = Setting("8 relu", {"class_name": "adam", "config": {"learning_rate": 0.001}}, 32, 2)
ACCURACY = Measure("val_accuracy", "validation accuracy", 100.0, " points", 0.001, 0.1)
R2 = Measure("val_r2", "validation R2", 1.0, "", 0.0, 0.0)


def outcome(name: str, seed: int, score: float | str, measure: Measure) -> Outcome:
    if isinstance(score, str):
        return Outcome(name, seed, score, "ValueError: no" if score == FAILED else "")
    train = measure.name.removeprefix("val_")
    return Outcome(
        name,
        seed,
        ENDED,
        seconds=0.5 + seed,
        scores={measure.name: score, train: score, "loss": 1 - score, "val_loss": 1.5 - score},
        curves={"loss": [1.0, 0.5], "val_loss": [1.1, 0.6]},
        flow_at_first=(0.5, 1.0),
        flow_at_last=(0.0, 0.0) if name == "silu" else (2.0, 0.5, 1.0),
    )


def comparison(
    results: Mapping[str, Sequence[float | str]],
    kind: str = "activations",
    measure: Measure = ACCURACY,
) -> Comparison:
    seeds = len(next(iter(results.values())))
    plan = Plan(kind, "fake", "", "auto", BASE, tuple(results), seeds, False, "reference", "abc")
    outcomes = tuple(
        outcome(name, seed, score, measure)
        for name, scores in results.items()
        for seed, score in enumerate(scores)
    )
    contenders = tuple(Contender(name, KINDS[kind].vary(BASE, name)) for name in results)
    return Comparison(plan, "fake: 10 examples.", measure, contenders, outcomes)


def around(middle: float, *steps: float) -> list[float]:
    return [middle + 0.001 * step for step in steps]


RELU = around(0.950, 0, 1, -1, 2, -2)
GELU = around(0.951, 2, -2, 0, -1, 1)
SIGMOID = around(0.80, 1, -1, 0, 1, -1)


def test_no_winner_is_named_where_none_is() -> None:
    said = comparison({"sigmoid": SIGMOID, "relu": RELU, "gelu": GELU}).statement()
    assert said[0].startswith(
        "No winner: gelu has the highest mean validation accuracy, 95.1%, and with 5 seeds cannot "
        "be told apart from relu (difference 0.1 ± "
    )
    assert said[1] == "sigmoid is worse than gelu and relu (by 15.0 to 15.1 points)."
    assert said[2].startswith("If differences and spreads are what 5 seeds show, which is rough,")
    assert said[2].endswith(" for relu.")
    assert said[3].startswith("2 of 3 pairs differ by more than chance explains: paired t tests")
    assert len(said) == 4


def test_a_winner_is_named_where_one_is() -> None:
    said = comparison({"sigmoid": SIGMOID, "tanh": around(0.7, 1, -1, 0, 0, 1), "relu": RELU})
    assert said.statement()[0] == (
        "relu has the highest mean validation accuracy, 95.0%, and is better than each of the 2 "
        "others."
    )
    assert said.ranked == ("relu", "sigmoid", "tanh")
    assert [one.group for one in said.standings] == ["b", "c", "a"]
    pair = comparison({"sigmoid": SIGMOID, "relu": RELU}).statement()
    assert pair[0].endswith("and is better than the other.")
    assert pair[-1].startswith("The pair differs by more than chance explains")
    assert "Holm" not in pair[-1]


def test_what_diverged_is_counted_and_not_compared() -> None:
    found = comparison({"1": [0.9, DIVERGED, 0.8], "0.1": [0.9, 0.9, 0.8]}, "learning-rates")
    assert found.statement()[0] == "Diverged, and left out of what follows: 1 in 1 of 3 trainings."
    assert "nothing to compare" in found.statement()[1]
    assert found.table[0][1:3] == ("2, 1 diverged", "85.0 ± 7.1")
    assert found.table[0][-1] == "-"
    assert found.is_whole


def test_what_failed_is_told_with_its_reason() -> None:
    found = comparison({"relu": [0.9, FAILED], "elu": [0.9, 0.8], "tanh": [0.8, 0.9]})
    assert found.statement()[0] == (
        "relu failed from seed 1, and is left out of what follows: ValueError: no"
    )
    assert found.table[0][1] == "1, 1 failed"
    assert not found.is_whole


def test_one_seed_says_nothing_about_differences() -> None:
    said = comparison({"relu": [0.9], "elu": [0.8]}).statement()
    assert said == ["One seed shows no spread, so nothing can be said about differences."]


def test_who_learned_nothing_is_told() -> None:
    results = {"zeros": [0.1, 0.1, 0.101], "ones": [0.09, 0.1, 0.1], "he_normal": [0.9, 0.8, 0.9]}
    said = " ".join(comparison(results, "initializers").statement())
    assert "zeros and ones have learned nothing: without a look at the inputs 10.0% is rea" in said
    assert "he_normal have" not in said


def test_regression_is_judged_by_r2() -> None:
    found = comparison({"relu": around(0.95, 0, 1, 3), "elu": around(0.9, 3, 0, 1)}, measure=R2)
    assert found.columns[2] == "validation R2"
    assert found.table[0][2] == "0.951 ± 0.002"
    assert "validation R2, 0.951" in found.statement()[0]
    assert "points" not in found.statement()[0]


def test_all_that_is_worse_in_the_same_way_is_one_sentence() -> None:
    results = {
        "relu": around(0.95, 0, 1, -1, 2, -2),
        "elu": around(0.96, 1, 0, 2, -2, -1),
        "sigmoid": around(0.7, 0, -1, 1, 0, -1),
        "softplus": around(0.7, 1, 0, -1, 1, -1),
    }
    (said,) = [one for one in comparison(results).statement() if "softplus" in one]
    assert said == "softplus and sigmoid are worse than elu and relu (by 25.0 to 26.0 points)."


@pytest.mark.parametrize(
    "mean, deviation, text",
    [
        (0.123456, 0.00234, "0.1235 ± 0.0023"),
        (1234.5, 120.0, "1234 ± 120"),
        (2.3, 0.0, "2.3000 ± 0.0000"),
        (3e9, 4e8, "3e+09 ± 4e+08"),
        (0.5, float("nan"), "0.5"),
        (float("nan"), float("nan"), "-"),
    ],
)
def test_places_are_those_that_the_spread_makes_sense_of(
    mean: float, deviation: float, text: str
) -> None:
    assert with_spread(Spread(mean, deviation)) == text


def test_the_flow_of_gradients_is_a_ratio() -> None:
    first, last = comparison({"silu": [0.9, 0.8], "elu": [0.9, 0.8]}).standings
    assert (first.flow("first"), last.flow("first"), last.flow("last")) == (0.5, 0.5, 2.0)
    assert first.flow("last") != first.flow("last")  # nothing flows, so there is no ratio
    assert first.seconds == 1.0


def test_the_setting_is_told() -> None:
    told = " ".join(comparison({"relu": RELU, "gelu": GELU}).setting())
    for part in ("fake: 10 examples.", "What varies is the activation.", "hidden layers 8 relu",
                 "Adam, learning rate 0.001", "batches of 32", "2 epochs", "5 seeds"):  # fmt: skip
        assert part in told
    told = " ".join(comparison({"sgd": RELU, "adam": GELU}, "optimizers").setting())
    assert "sgd 0.01, adam 0.001. So this compares defaults" in told
    assert "Adam, learning rate" not in told


def test_every_form_holds_table_and_statement(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = comparison({"sigmoid": SIGMOID, "relu": RELU, "tanh": [DIVERGED] * 5})
    folder = tmp_path_factory.mktemp("forms")
    for ending in ("html", "json", "md", "txt", "svg"):
        content = found.save(folder / f"it.{ending}").read_bytes()
        assert content, ending
        if ending in ("html", "md", "txt"):
            text = " ".join(content.decode().replace("&nbsp;", " ").split())
            for part in ("80.0 ± 0.1", "relu has the highest mean", "left out of what follows"):
                assert part in text, ending
    document = json.loads((folder / "it.json").read_text())
    assert document["statement"] == found.statement()
    assert document["contenders"][2]["runs"] == {"ended": 0, "diverged": 5, "failed": 0}
    assert document["contenders"][2]["seconds"] is None
    assert document["differences"][0]["is_told_apart"] is True
    assert "<svg" in (folder / "it.html").read_text()
    assert "5 diverged" in (folder / "it.svg").read_text()
    assert as_markdown(found).count("\n| ") == 5


def test_words_in_a_row() -> None:
    assert [listed(list("abc")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
