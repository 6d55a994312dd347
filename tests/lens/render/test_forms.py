"""An explanation as text, Markdown, LaTeX and JSON: what must be there, and nothing broken."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glassgrad.errors import ArgumentError, FileError
from glassgrad.graph import Formula
from glassgrad.lens.explanation import Contribution, ExplainedLayer, FollowedEntry, Line
from glassgrad.lens.render.document import finite, values
from glassgrad.lens.render.latex import escaped, number, value_of
from glassgrad.lens.render.numbers import array_text
from glassgrad.lens.render.story import Skipped, change_in_words, flow, shortened, sum_in_words
from glassgrad.lens.render.values import values_of
from tests.lens.render.networks import NETWORKS, explanation

everywhere = pytest.mark.parametrize("name", NETWORKS)


def quantity(name: str, value: object) -> Line:
    return Line("rule", Formula(name, name), None, np.asarray(value))


def layer(time: int | None, before: float = 2.0, after: float = 1.0) -> ExplainedLayer:
    lines = (quantity("dL/dy", [before]),), (quantity("dL/dx", [after]),)
    return ExplainedLayer(f"memory[{time}]", "LSTM", time, (), (), lines[0], (), lines[1], ())


def entry_of(added: int, zeros: int) -> FollowedEntry:
    rule = Formula("x.mT @ g", r"x^\top g")
    one = Contribution("g[0]", (0,), 0.5, "x[0]", 2.0)
    return FollowedEntry("dL/dw[0]", "w[0]", 1.0, rule, (one,) * added, zeros, float(added))


# ---- text


@everywhere
def test_the_text_tells_every_step_that_is_not_skipped(name: str) -> None:
    explained = explanation(name)
    text = " ".join(explained.text().split())
    for told in shortened(explained.layers):
        for line in () if isinstance(told, Skipped) else (*told.forward, *told.rules):
            assert line.formula is not None
            assert f"{line.name.plain} = {' '.join(line.formula.plain.split())}" in text


@everywhere
def test_lines_keep_to_the_width(name: str) -> None:
    for line in explanation(name).text(width=110).splitlines():
        assert len(line) <= 110


def test_a_narrow_terminal_cuts_arrays_and_breaks_sentences() -> None:
    lines = explanation("pictures").text(width=50).splitlines()
    assert max(len(line) for line in lines if line.startswith("      = ")) <= 50
    assert not [line for line in lines if len(line) > 50 and "gradient" in line]


def test_text_of_scalars_has_all_digits() -> None:
    explained = explanation("scalars")
    text = explained.text()
    for weight in explained.weights:
        for factor in weight.products[0].factors:
            assert f"{factor.value:.15g}" in text
        assert f"= {weight.value:.15g}" in text
        assert "central difference" in text


def test_text_says_what_became_of_the_gradient() -> None:
    text = explanation("dense").text()
    assert re.search(r"the gradient (grew|shrank) to [\d.]+ (times|of) its size: norm", text)
    assert "sum of 2 products" in text
    assert "every parameter goes the same way" in text


def test_printing_is_the_text_and_the_short_form_is_short() -> None:
    explained = explanation("dense")
    assert str(explained) == explained.text()
    assert len(repr(explained)) < 120
    assert "dense" in repr(explained)


@pytest.mark.parametrize(
    "value,lines",
    [
        (np.float64(0.4), ["0.4"]),
        (np.array([[1.5]]), ["1.5"]),
        (np.array([True, False]), ["[True, False]"]),
        (np.array([3, -1], np.int32), ["[3, -1]"]),
        (np.array([1e-9, np.nan, -np.inf]), ["[1e-09, nan, -inf]"]),
        (np.full((100, 100), 2.0), ["2, 2, 2, 2, 2, 2 …, norm 200"]),
        (np.zeros((0, 3)), ["[]"]),
    ],
)
def test_arrays_as_text(value: np.ndarray, lines: list[str]) -> None:
    assert array_text(value) == lines


# ---- what all forms tell alike


def test_time_steps_in_the_middle_are_skipped() -> None:
    told = [*shortened([layer(time) for time in range(9, -1, -1)])]
    kinds = [one.time if isinstance(one, ExplainedLayer) else "…" for one in told]
    assert kinds == [9, 8, "…", 0]
    assert isinstance(told[2], Skipped)
    assert told[2].sentence == (
        "7 time steps, 7 to 1, go the same way: norm 2 comes in, 1 goes out"
    )
    assert len([*shortened([layer(time) for time in range(4)])]) == 4
    assert len([*shortened([layer(None)] * 20)]) == 20


@pytest.mark.parametrize(
    "before,after,words",
    [
        (1.0, 0.5, "the gradient shrank to 0.5 of its size: norm 1 comes in, 0.5 goes out"),
        (1.0, 3.0, "the gradient grew to 3 times its size: norm 1 comes in, 3 goes out"),
        (1.0, 1.01, "the gradient kept its size: norm 1 comes in, 1.01 goes out"),
        (0.0, 0.0, ""),
    ],
)
def test_change_in_words(before: float, after: float, words: str) -> None:
    assert change_in_words(layer(None, before, after)) == words


def test_the_flow_has_a_row_for_each_layer() -> None:
    explained = explanation("dense")
    rows = flow(explained)
    assert [row.name for row in rows] == ["loss", "output", "hidden"]
    kernel, bias = (explained.gradients[f"hidden.{one}"] for one in ("kernel", "bias"))
    assert rows[-1].parameters == pytest.approx(math.hypot(*kernel.reshape(-1), *bias))
    assert rows[-1].outgoing is None


@pytest.mark.parametrize(
    "added,zeros,words",
    [
        (1, 0, "the sum of 1 product"),
        (2, 1, "the sum of 2 products, and 1 that is zero"),
        (2, 1500, "the sum of 2 products, and 1,500 that are zero"),
        (0, 32, "all of its 32 products are zero"),
        (0, 1, "its only product is zero"),
        (0, 0, "there is nothing to add"),
    ],
)
def test_the_sum_of_an_entry_in_words(added: int, zeros: int, words: str) -> None:
    assert sum_in_words(entry_of(added, zeros)) == words


@pytest.mark.parametrize("form", ["text", "markdown", "latex", "html"])
def test_an_entry_without_a_gradient_has_no_empty_table(form: str) -> None:
    explained = replace(explanation("scalars"), entries=(entry_of(0, 32),))
    told = getattr(explained, form)()
    assert "ll of its 32 products are zero" in told
    assert "adds" not in told
    added = getattr(replace(explained, entries=(entry_of(2, 32),)), form)()
    assert "adds" in added
    assert "and 32 that are zero" in added


# ---- LaTeX and Markdown


@everywhere
def test_latex_is_balanced(name: str) -> None:
    text = explanation(name).latex()
    bare = text.replace(r"\\", "").replace(r"\{", "").replace(r"\}", "")
    assert bare.count("{") == bare.count("}")
    assert sorted(re.findall(r"\\begin\{(.*?)\}", text)) == sorted(
        re.findall(r"\\end\{(.*?)\}", text)
    )
    assert text.count(r"\left") - text.count(r"\leftarrow") == text.count(r"\right")
    body = explanation(name).latex(document=False)
    assert body.strip() in text
    assert r"\documentclass" not in body


@everywhere
def test_markdown_has_whole_formulas_and_tables(name: str) -> None:
    lines = explanation(name).markdown().splitlines()
    assert lines[0].startswith("# Backpropagation: ")
    fences = [line for line in lines if line.startswith("```")]
    assert fences == ["```math", "```"] * (len(fences) // 2)
    widths = [line.count("|") for line in lines if line.startswith("|")]
    assert not widths or min(widths) > 3


@pytest.mark.parametrize(
    "value,text",
    [
        (2.0, "2"),
        (1.5e-9, r"1.5 \cdot 10^{-9}"),
        (math.inf, r"\infty"),
        (-math.inf, r"-\infty"),
        (math.nan, r"\text{NaN}"),
    ],
)
def test_numbers_of_formulas(value: float, text: str) -> None:
    assert number(value) == text


def test_values_of_formulas() -> None:
    assert value_of(np.array([[1.0, 2.0]])) == r"\begin{pmatrix}1 & 2\end{pmatrix}"
    assert r"9 \times 9" in value_of(np.ones((9, 9)))
    assert r"0 \times 3" in value_of(np.ones((0, 3)))
    assert r"2 \times 1 \times 2" in value_of(np.ones((2, 1, 2)))


def test_text_for_latex() -> None:
    assert escaped("a_b & 5 % {x} \\") == r"a\_b \& 5 \% \{x\} \textbackslash{}"


# ---- JSON


@everywhere
def test_json_is_read_back(name: str) -> None:
    explained = explanation(name)
    document = json.loads(explained.json())
    assert document == explained.as_dict()
    assert document["version"] == 1
    assert [one["name"] for one in document["layers"]] == [one.name for one in explained.layers]
    lines = {
        line["name"]["plain"]: line
        for one in document["layers"]
        for step in one["steps"]
        for line in step["lines"]
        if line["formula"]
    }
    for line in explained.lines:
        if line.label in ("rule", "share", "sum"):
            written = lines[line.name.plain]
            assert written["formula"]["plain"] == line.formula.plain
            np.testing.assert_array_equal(written["values"], line.value)


def test_large_arrays_are_cut_in_json_and_say_so() -> None:
    document = explanation("dense").as_dict(most_values=5)
    kernel = next(one for one in document["given"] if one["name"]["plain"] == "hidden.kernel")
    assert kernel["shape"] == [3, 4]
    assert not kernel["is_whole"]
    assert len(kernel["values"]) == 5


def test_what_json_lacks_is_text() -> None:
    assert values(np.array([[1.0, np.nan], [np.inf, -np.inf]])) == [[1.0, "nan"], ["inf", "-inf"]]
    assert finite(2.0) == 2.0
    explained = explanation("dense")
    broken = replace(explained, loss=replace(explained.loss, value=np.float64("nan")))
    assert json.loads(broken.json())["loss"]["values"] == "nan"


# ---- files


@pytest.mark.parametrize(
    "suffix,beginning",
    [
        (".html", "<!doctype html>"),
        (".tex", r"\documentclass"),
        (".md", "# Backpropagation"),
        (".json", '{"version": 1'),
        (".TXT", "dense   L = "),
    ],
)
def test_a_file_has_the_form_that_its_name_ends_in(
    tmp_path: Path, suffix: str, beginning: str
) -> None:
    path = explanation("dense").save(tmp_path / f"explained{suffix}")
    assert path.read_text("utf-8").startswith(beginning)


def test_an_unknown_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"\.html, \.json, .*Got the name '.*\.pdf'"):
        explanation("dense").save(tmp_path / "explained.pdf")
    assert not [*tmp_path.iterdir()]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="nowhere"):
        explanation("dense").save(tmp_path / "nowhere" / "explained.txt")


@pytest.mark.parametrize(
    "value", [np.zeros((0, 3)), np.array([np.nan, 1.0]), np.zeros((2, 2)), np.array([True, False])]
)
def test_heat_maps_of_odd_arrays(value: np.ndarray) -> None:
    text = values_of(value, "x<y")
    assert "x<y" not in text
    assert bool(text) == bool(value.size)
