"""A product's change in words, whatever stands in its row."""

from typing import Any

import pytest

from jiuwu_cli.products.change import Change


@pytest.mark.parametrize(
    ("before", "written", "expected"),
    [
        ({"price_fen": 6.5}, {"price_fen": 617}, "tea  price 6.5 → 6.17"),
        ({"price_fen": "六"}, {"price_fen": 617}, "tea  price 六 → 6.17"),
        ({"title": None}, {"title": "茶"}, "tea  title (none) → 茶"),
        ({}, {"on_shelf": False}, "tea  on_shelf (none) → false"),
        (None, {"title": "茶"}, "tea  new: title 茶"),
    ],
)
def test_a_change_reads_as_old_and_new(before: Any, written: Any, expected: str) -> None:
    assert expected == str(Change("tea", before, written))
