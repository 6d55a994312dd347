"""1,797 real handwritten digits of 8x8 pixels, inside the package: no network, loaded in no time.

They are the test part of E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits",
UCI Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49, licensed CC BY 4.0.
`digits_data/ATTRIBUTION.md` says what was changed: the order alone.

The split is fixed. A digit's key is the SHA-256 sum of the text "digit 0", "digit 1", … for its
place in the original file. Sorted by label and then by key, every fifth digit is a test digit, so
that each label has its share; both parts then stand in the order of the keys.
"""

from __future__ import annotations

from pathlib import Path

from glassgrad.datasets.idx_folder import Arrays, read_folder

__all__ = ["load_data"]

_FOLDER = Path(__file__).with_name("digits_data")


def load_data() -> Arrays:
    """Load the digits that come with the package.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: 1,437 and 360 images of shape (8, 8) with values
        from 0 to 16, and labels from 0 to 9, all uint8. The arrays belong to the caller.

    Raises:
        FileError: The installed package is damaged.

    Examples:
        >>> (x_train, y_train), (x_test, y_test) = load_data()
        >>> x_train.shape, x_test.shape, int(x_train.max())
        ((1437, 8, 8), (360, 8, 8), 16)
        >>> y_test[:5]
        array([...], dtype=uint8)
    """
    return read_folder(_FOLDER)
