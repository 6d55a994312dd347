"""Who decides the numbers, and what counts as an initializer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import initializers
from glassgrad.errors import ArgumentError, ShapeError, UnknownNameError
from glassgrad.random_seed import seeded

RANDOM = ("random_normal", "random_uniform", "truncated_normal", "orthogonal", "variance_scaling",
          "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal",
          "lecun_uniform")  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*RANDOM, "zeros", "ones", "identity"])
def test_the_dtype_is_the_one_asked_for(name: str, dtype: str) -> None:
    initializer = initializers.require(name)
    assert initializer((2, 2), dtype).dtype == dtype
    assert initializer((2, 2)).dtype == "float32"


@pytest.mark.parametrize("name", RANDOM)
def test_who_decides_the_numbers(name: str) -> None:
    entry: Any = getattr(initializers, name)
    own, free = entry(seed=3), entry()
    a, b = np.random.default_rng(1), np.random.default_rng(2)
    assert np.array_equal(own((3, 3), generator=a), own((3, 3), generator=b))
    assert not np.array_equal(own((3, 3)), entry(seed=4)((3, 3)))
    assert not np.array_equal(free((3, 3), generator=a), free((3, 3), generator=b))
    with seeded(1):
        first = free((3, 3))
    with seeded(1):
        assert np.array_equal(free((3, 3)), first)
        assert not np.array_equal(free((3, 3)), first)


@pytest.mark.parametrize("name", [*RANDOM, "zeros", "ones"])
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 1, 3, 4), (0, 3)], ids=str)
def test_shapes(name: str, shape: tuple[int, ...]) -> None:
    assert initializers.require(name)(shape).shape == shape


def test_a_function_is_an_initializer() -> None:
    def counting(shape: tuple[int, ...], dtype: Any = None) -> Any:
        return np.arange(np.prod(shape)).reshape(shape).astype(dtype)

    generator = np.random.default_rng(1)
    assert initializers.get(counting) is counting
    made = initializers.initialize(counting, (2, 2), "float32", generator)
    assert made.tolist() == [[0, 1], [2, 3]]
    with pytest.raises(ShapeError, match=r"must give shape \(2,\)"):
        initializers.initialize(lambda shape, dtype: 0.0, (2,), "float32", generator)


@pytest.mark.parametrize(
    "name, kind",
    [
        ("zero", "Zeros"),
        ("one", "Ones"),
        ("normal", "RandomNormal"),
        ("uniform", "RandomUniform"),
        ("identity", "Identity"),
        ("IdentityInitializer", "Identity"),
        ("OrthogonalInitializer", "Orthogonal"),
        ("truncated_normal", "TruncatedNormal"),
        ("lecun_normal", "LecunNormal"),
        ("GlorotUniform", "GlorotUniform"),
        ({"class_name": "Orthogonal", "config": {"gain": 2.0}}, "Orthogonal"),
    ],
    ids=str,
)
def test_names(name: Any, kind: str) -> None:
    assert type(initializers.get(name)).__name__ == kind


def test_bad_identifiers_are_refused() -> None:
    assert initializers.get(None) is None
    with pytest.raises(UnknownNameError, match="'he_normal'"):
        initializers.get("he_norml")
    with pytest.raises(ArgumentError, match="initializer must be"):
        initializers.get(3)
    with pytest.raises(ArgumentError, match="must fit into memory"):
        initializers.Zeros()((64, 10**20))


def test_the_base_says_what_is_to_be_written() -> None:
    with pytest.raises(NotImplementedError, match=r"Initializer must write draw\(shape"):
        initializers.Initializer()((2,))
