"""The page of differences is the table of differences."""

from __future__ import annotations

import pytest

from tests.keras_parity.differences import PAGE, SECTIONS, Difference, page


def test_the_page_is_made_from_the_table() -> None:
    hint = "Run `python -m tests.keras_parity.differences`, which writes the page anew."
    assert PAGE.read_text("utf-8") == page(), hint


@pytest.mark.parametrize("row", [row for _, table in SECTIONS for row in table], ids=repr)
def test_a_row_says_everything(row: Difference) -> None:
    for text in (row.where, row.ours, row.keras, row.reason):
        assert text.strip() == text
        assert text
        assert "|" not in text
    assert row.reason.endswith(".")
