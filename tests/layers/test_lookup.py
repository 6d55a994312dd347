from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad import layers
from glassgrad.errors import ArgumentError, DataError, DtypeError, ExecutionError, NotBuiltError
from glassgrad.execute.executor import executor_named
from glassgrad.graph import Tensor, Trace, placeholder, tracing
from glassgrad.layers import IntegerLookup, StringLookup
from glassgrad.models import Sequential, load_model

NUMBERS = np.array([[5, 5, 5, 7], [7, 2, 9, -1]])
WORDS = np.array([["a", "c", "d"], ["d", "z", "b"]])


# ---- whole numbers


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, [1, 2, 3, 0, 0]),
        ({"mask_token": 0}, [2, 3, 4, 0, 1]),
        ({"num_oov_indices": 3}, [3, 4, 5, 0, 2]),
        ({"num_oov_indices": 2, "mask_token": 7}, [3, 4, 5, 1, 2]),
        ({"mask_token": 3}, None),
    ],
)
@pytest.mark.parametrize("dtype", ["int32", "int64", "float32"])
def test_indices(options: dict[str, Any], expected: Any, dtype: str) -> None:
    if expected is None:
        with pytest.raises(ArgumentError, match="must not hold 3"):
            IntegerLookup(vocabulary=[3, 1, 4], **options)
        return
    lookup = IntegerLookup(vocabulary=[3, 1, 4], **options)
    y = lookup(np.array([3, 1, 4, 0, -1], dtype))
    assert y.dtype == "int32"
    assert y.numpy().tolist() == expected


def test_remainders_of_unknown_numbers_are_those_of_python() -> None:
    numbers = np.arange(-9, 9)
    y = IntegerLookup(vocabulary=[100], num_oov_indices=4)(numbers).numpy()
    assert y.tolist() == [int(n) % 4 for n in numbers]


def test_encodings() -> None:
    def rows(mode: str, **options: Any) -> Any:
        lookup = IntegerLookup(vocabulary=[3, 1], output_mode=mode, **options)
        return lookup([[3, 3], [1, 9]]).numpy().tolist()

    assert rows("multi_hot") == [[0, 1, 0], [1, 0, 1]]
    assert rows("count") == [[0, 2, 0], [1, 0, 1]]
    assert rows("count", max_tokens=4, pad_to_max_tokens=True) == [[0, 2, 0, 0], [1, 0, 1, 0]]
    assert rows("one_hot")[1] == [[0, 0, 1], [1, 0, 0]]


def test_and_back() -> None:
    back = IntegerLookup(vocabulary=[12, 36], mask_token=0, invert=True)
    assert back([0, 1, 2, 3]).numpy().tolist() == [0, -1, 12, 36]


@pytest.mark.parametrize("name", ["cpu", "reference"])
def test_unknown_numbers_are_refused_without_an_index_for_them(name: str) -> None:
    x = placeholder((2,), "int32")
    with tracing(Trace()):
        y = IntegerLookup(vocabulary=[3, 1], num_oov_indices=0)(x)
    program = executor_named(name).compile([y], [x])
    assert program(np.array([1, 3], "int32"))[0].tolist() == [1, 0]
    with pytest.raises(ExecutionError):
        program(np.array([1, 4], "int32"))


def test_the_most_frequent_numbers_come_first() -> None:
    lookup = IntegerLookup()
    lookup.adapt(NUMBERS)
    assert lookup.get_vocabulary() == [-1, 5, 7, 9, 2]
    assert lookup.get_vocabulary(include_special_tokens=False) == [5, 7, 9, 2]
    assert lookup.vocabulary_size() == 5
    few = IntegerLookup(max_tokens=3)
    few.adapt(iter([NUMBERS[:1], NUMBERS[1:]]))
    assert few.get_vocabulary() == [-1, 5, 7]
    few.adapt([NUMBERS[1], NUMBERS[0]], steps=1)
    assert few.get_vocabulary() == [-1, 9, 7]


def test_the_vocabulary_is_saved_in_the_model_file(tmp_path: Path) -> None:
    lookup = IntegerLookup(output_mode="multi_hot")
    lookup.adapt(NUMBERS)
    model = Sequential([layers.Input((4,), dtype="int32"), lookup, layers.Dense(2)])
    model.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(NUMBERS), model.predict(NUMBERS))


# ---- words


def test_words() -> None:
    lookup = StringLookup()
    lookup.adapt(WORDS)
    assert lookup.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    assert lookup([["d", "a"], ["?", "z"]]).tolist() == [[1, 5], [0, 2]]
    assert lookup("c") == 3
    assert lookup(np.array(["b", "d"], object)).tolist() == [4, 1]
    assert lookup([]).tolist() == []


def test_masks_of_words_and_back() -> None:
    lookup = StringLookup(mask_token="", vocabulary=["a", "b"])
    assert lookup(["", "b", "z"]).tolist() == [0, 3, 1]
    back = StringLookup(mask_token="", vocabulary=lookup.get_vocabulary(), invert=True)
    assert back(np.array([[0, 3], [1, 2]])).tolist() == [["", "b"], ["[UNK]", "a"]]


def test_encodings_of_words() -> None:
    lookup = StringLookup(vocabulary=["a", "b"], output_mode="multi_hot")
    assert lookup([["a", "a"], ["b", "z"]]).tolist() == [[0, 1, 0], [1, 0, 1]]


def test_a_vocabulary_survives_json() -> None:
    lookup = StringLookup(name="words")
    lookup.adapt(["b", "b", "ä"])
    written = json.loads(json.dumps(layers.serialize(lookup)))
    again: Any = layers.deserialize(written)
    assert again(["b", "ä", "z"]).tolist() == [1, 2, 0]


def used() -> IntegerLookup:
    lookup = IntegerLookup(vocabulary=[1])
    lookup([1])
    return lookup


@pytest.mark.parametrize(
    "act, error, message",
    [
        (lambda: IntegerLookup(max_tokens=1), ArgumentError, "max_tokens must be"),
        (lambda: IntegerLookup(num_oov_indices=-1), ArgumentError, "num_oov_indices must be"),
        (lambda: IntegerLookup(vocabulary=[]), ArgumentError, "at least one"),
        (lambda: IntegerLookup(vocabulary=[1, 2, 1]), ArgumentError, "3 tokens, 2 of them"),
        (lambda: IntegerLookup(vocabulary=[1, -1]), ArgumentError, "must not hold -1"),
        (lambda: IntegerLookup(2, vocabulary=[1, 2]), ArgumentError, "no more than 1"),
        (lambda: IntegerLookup(vocabulary=["a"]), ArgumentError, "looks up whole numbers"),
        (lambda: IntegerLookup(vocabulary=[0.5]), ArgumentError, "looks up whole numbers"),
        (lambda: IntegerLookup(output_mode="tf_idf"), ArgumentError, "output_mode must be one of"),
        (lambda: IntegerLookup(output_mode="count", invert=True), ArgumentError, "belong to"),
        (lambda: IntegerLookup(output_mode="count", mask_token=0), ArgumentError, "belong to"),
        (lambda: IntegerLookup(pad_to_max_tokens=True), ArgumentError, "needs max_tokens"),
        (lambda: IntegerLookup()([1]), NotBuiltError, "no vocabulary yet"),
        (lambda: IntegerLookup().adapt([]), DataError, "no examples"),
        (lambda: IntegerLookup().adapt([-1]), DataError, "no tokens"),
        (lambda: IntegerLookup().adapt([0.5]), ArgumentError, "looks up whole numbers"),
        (lambda: used().adapt([1]), ArgumentError, "Make a new layer"),
        (lambda: used().set_vocabulary([1]), ArgumentError, "Make a new layer"),
        (lambda: StringLookup(num_oov_indices=2), ArgumentError, "not hashed"),
        (lambda: StringLookup(vocabulary=[1, 2]), ArgumentError, "looks up text"),
        (lambda: StringLookup()(["a"]), NotBuiltError, "no vocabulary yet"),
        (lambda: StringLookup(vocabulary=["a"])([1]), DtypeError, "looks up text"),
        (lambda: StringLookup(vocabulary=["a"])(Tensor([1])), DtypeError, "Apply it to the data"),
        (lambda: StringLookup(vocabulary=["a"])(layers.Input((1,))), DtypeError, "does not enter"),
        (
            lambda: StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "b"]),
            DataError,
            "does not know 'b'",
        ),
        (
            lambda: StringLookup(vocabulary=["a"], invert=True)([2]),
            DataError,
            "indices from 0 to 1",
        ),
        (lambda: StringLookup().adapt([np.nan]), ArgumentError, "looks up text"),
        (lambda: StringLookup().adapt("word"), ArgumentError, "Got str"),
    ],
)
def test_misuse_is_explained(act: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()
