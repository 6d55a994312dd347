"""A model as a table."""

from __future__ import annotations

import re

import pytest

from glassgrad.errors import NotBuiltError
from glassgrad.graph import Tensor
from glassgrad.layers import Dense, Dropout, Flatten, Input
from glassgrad.models import Model, Sequential


def summary(model: Model) -> str:
    texts: list[str] = []
    model.summary(print_fn=texts.append)
    (text,) = texts
    return text


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("│ ").split("│")]
            for line in text.splitlines() if line.startswith("│")]  # fmt: skip


def network() -> Sequential:
    return Sequential(
        [
            Input((2, 3)),
            Flatten(name="flat"),
            Dense(4, "relu", name="hidden"),
            Dropout(0.5, name="drop"),
            Dense(2, name="out"),
        ],
        name="small",
    )


def test_the_table() -> None:
    model = network()
    model.layers[1].trainable = False
    text = summary(model)
    assert rows(text) == [
        ["Layer", "Kind", "Output shape", "Parameters"],
        ["flat", "Flatten", "(None, 6)", "0"],
        ["hidden", "Dense", "(None, 4)", "28 frozen"],
        ["drop", "Dropout", "(None, 4)", "0"],
        ["out", "Dense", "(None, 2)", "10"],
    ]
    assert "Model small" in text
    assert text.endswith("38 parameters (152 bytes), 10 of them trained, 28 not")
    assert max(map(len, text.splitlines())) <= 80


def test_the_summary_goes_to_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    network().summary()
    assert "Model small" in capsys.readouterr().out


def test_large_numbers() -> None:
    text = summary(Sequential([Input((1000,)), Dense(1000)]))
    assert "1,001,000 parameters (4.0 MB)" in text


def test_a_model_without_shapes() -> None:
    with pytest.raises(NotBuiltError, match="has no weights yet: begin it with Input"):
        Sequential([Dense(2)]).summary()


def test_a_model_of_ones_own() -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__(name="own")
            self.first = Dense(3, name="first")

        def call(self, inputs: Tensor) -> Tensor:
            output: Tensor = self.first(inputs)
            return output

    model = Own()
    model.build((None, 2))
    assert rows(summary(model))[1:] == [["first", "Dense", "?", "9"]]


def test_a_model_in_a_model() -> None:
    inner = Sequential([Input((4,)), Dense(3)], name="inner")
    outer = Sequential([Input((4,)), inner, Dense(2, name="out")])
    assert rows(summary(outer))[1:] == [
        ["inner", "Sequential", "(None, 3)", "15"],
        ["out", "Dense", "(None, 2)", "8"],
    ]
    assert re.search(r"23 parameters", summary(outer))
