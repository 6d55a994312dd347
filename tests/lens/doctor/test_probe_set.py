"""The examples of the probe set."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from glassgrad.errors import ArgumentError
from glassgrad.lens.doctor.probe import probe_set
from glassgrad.training.data import as_data
from glassgrad.training.streams import IterableData


def test_few_data_are_taken_whole_and_in_their_order() -> None:
    x, y, w = probe_set(as_data(np.arange(5.0)[:, None], [2, 1, 0, 1, 2], np.ones(5)))
    assert x[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert y.tolist() == [2, 1, 0, 1, 2]
    assert w.shape == (5,)


@pytest.mark.parametrize("one_hot", [False, True])
def test_every_class_has_its_share_and_one_example_at_least(one_hot: bool) -> None:
    labels = np.array([0] * 700 + [1] * 299 + [2])
    y = np.eye(3, dtype=np.float32)[labels] if one_hot else labels
    x, y, w = probe_set(as_data(np.arange(1000.0)[:, None], y), 30)
    chosen = labels[x[:, 0].astype(int)]
    counts = np.bincount(chosen)
    assert len(x) == 30
    assert counts[2] >= 1
    assert counts[0] == pytest.approx(0.7 * 30, abs=2.5)
    assert w is None


def test_numbers_are_spread_over_their_range() -> None:
    y = np.random.default_rng(0).exponential(size=(500, 1)).astype(np.float32)
    _, chosen, _ = probe_set(as_data(y, y), 50)
    assert len(chosen) == 50
    assert chosen.min() == y.min()
    assert chosen.max() == y.max()
    assert chosen.mean() == pytest.approx(y.mean(), rel=0.1)


@pytest.mark.parametrize(
    "shape,expected", [((), 64), ((64,), 16), ((1024,), 8), ((10,), 64)], ids=str
)
def test_fewer_examples_are_enough_where_each_position_has_a_target(
    shape: tuple[int, ...], expected: int
) -> None:
    y = np.random.default_rng(0).integers(0, 7, (200, *shape))
    x, _, _ = probe_set(as_data(np.zeros((200, 3)), y))
    assert len(x) == expected


def test_several_inputs_and_targets_stay_together() -> None:
    a, b = np.arange(300.0)[:, None], np.arange(300.0)[:, None] + 1000
    (first, second), y, _ = probe_set(as_data([a, b], {"p": a * 2, "q": b}), 10)
    assert (second == first + 1000).all()
    assert (y["p"] == first * 2).all()
    assert len(first) == 10


def test_it_is_the_same_every_time() -> None:
    data = as_data(np.arange(300.0)[:, None], np.random.default_rng(0).integers(0, 9, 300))
    assert (probe_set(data)[0] == probe_set(data)[0]).all()


def test_the_first_batch_of_a_stream_is_looked_at_and_not_used_up() -> None:
    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for n in range(3):
            yield np.full((4, 2), n, np.float32), np.zeros((4, 1), np.float32)

    data = IterableData(batches(), steps=3)
    x, y, _ = probe_set(data, 3)
    assert x.shape == (3, 2)
    assert (x == 0).all()
    assert y.shape == (3, 1)
    assert [float(batch.arrays[0][0, 0]) for batch in data.batches(4)] == [0, 1, 2]


@pytest.mark.parametrize("examples", [0, -1, 2.5, "many"])
def test_a_number_of_examples_that_is_none_is_refused(examples: object) -> None:
    with pytest.raises(ArgumentError, match="examples must be a positive integer"):
        probe_set(as_data([[1.0]]), examples)  # type: ignore[arg-type]
