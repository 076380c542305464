"""The id of a request that nobody named: made of what the request means."""

import pytest

from jiuwu_cli.terminal import options


@pytest.mark.parametrize("same", ["2", "2.0", "2.00", "02", "2.000"])
def test_an_amount_counts_by_its_value_and_not_by_its_digits(same: str) -> None:
    assert options.request_id(None, "JW1", "2.00") == options.request_id(None, "JW1", same)


@pytest.mark.parametrize("other", ["20", "2.01", "-2", "200", "all", "0.02"])
def test_another_amount_is_another_request(other: str) -> None:
    assert options.request_id(None, "JW1", "2.00") != options.request_id(None, "JW1", other)


def test_an_id_that_was_given_is_kept() -> None:
    assert "mine-2.00" == options.request_id("mine-2.00", "JW1", "2.00")
