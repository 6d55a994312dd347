from __future__ import annotations

import pytest

from glassgrad.naming import forget_names, snake_case, unique_name


@pytest.mark.parametrize(
    "name, expected",
    [
        ("Dense", "dense"),
        ("GlorotUniform", "glorot_uniform"),
        ("L1L2", "l1l2"),
        ("SGD", "sgd"),
        ("Conv2D", "conv2d"),
        ("LSTM", "lstm"),
        ("MaxPooling2D", "max_pooling2d"),
        ("already_small", "already_small"),
    ],
)
def test_snake_case_is_that_of_keras(name: str, expected: str) -> None:
    assert snake_case(name) == expected


def test_a_taken_name_gets_a_number() -> None:
    forget_names()
    assert [unique_name("a"), unique_name("b"), unique_name("a"), unique_name("a")] == [
        "a",
        "b",
        "a_1",
        "a_2",
    ]
    forget_names()
    assert unique_name("a") == "a"
