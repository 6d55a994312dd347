from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from glassgrad.datasets import digits


def test_shapes_types_and_range() -> None:
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert (x_train.shape, y_train.shape) == ((1437, 8, 8), (1437,))
    assert (x_test.shape, y_test.shape) == ((360, 8, 8), (360,))
    assert {array.dtype for array in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert (x_train.min(), x_train.max(), y_train.max()) == (0, 16, 9)


def test_the_split_is_the_documented_one() -> None:
    published = load_digits()
    key = [hashlib.sha256(f"digit {place}".encode()).digest() for place in range(1797)]
    by_label = sorted(range(1797), key=lambda place: (published.target[place], key[place]))
    test = sorted(by_label[::5], key=key.__getitem__)
    train = sorted(set(by_label) - set(test), key=key.__getitem__)
    for (images, labels), places in zip(digits.load_data(), (train, test), strict=True):
        np.testing.assert_array_equal(images, published.images[places])
        np.testing.assert_array_equal(labels, published.target[places])


def test_every_label_has_its_share() -> None:
    (_, y_train), (_, y_test) = digits.load_data()
    share = np.bincount(y_test) / (np.bincount(y_test) + np.bincount(y_train))
    np.testing.assert_allclose(share, 0.2, atol=0.005)


def test_the_arrays_belong_to_the_caller() -> None:
    digits.load_data()[0][0][:] = 0
    assert digits.load_data()[0][0].max() == 16


def test_the_attribution_is_part_of_the_package() -> None:
    attribution = Path(digits.__file__).with_name("digits_data") / "ATTRIBUTION.md"
    text = attribution.read_text(encoding="utf-8")
    assert all(words in text for words in ("E. Alpaydin, C. Kaynak", "C50P49", "CC BY 4.0"))
