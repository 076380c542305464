"""Days in Asia/Shanghai: where one ends and the next begins."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.orders.business_day import bounds, day_of, days_between, yesterday

# 2026-11-23 00:00:00+08:00
MIDNIGHT = int(datetime(2026, 11, 22, 16, tzinfo=UTC).timestamp())
ANY_TIME = st.integers(0, 2**33 - 1)


def test_a_day_begins_at_sixteen_hours_utc_of_the_day_before() -> None:
    assert ["2026-11-22", "2026-11-23"] == [day_of(MIDNIGHT - 1), day_of(MIDNIGHT)]
    assert ["2026-11-23", "2026-11-24"] == [day_of(MIDNIGHT + 86_399), day_of(MIDNIGHT + 86_400)]


def test_yesterday_changes_at_midnight_in_shanghai_and_not_in_utc() -> None:
    utc_midnight = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp())

    assert ["2026-11-21", "2026-11-22"] == [yesterday(MIDNIGHT - 1), yesterday(MIDNIGHT)]
    assert yesterday(utc_midnight - 1) == yesterday(utc_midnight) == "2026-11-22"


@given(ANY_TIME)
def test_every_time_is_within_the_bounds_of_its_day_alone(at: int) -> None:
    since, until = bounds(day_of(at))

    assert since <= at < until
    assert until - since == 86_400


@given(ANY_TIME, st.integers(1, 400_000))
def test_the_days_between_two_times_are_those_of_its_ends_and_all_within(since: int, seconds: int) -> None:
    days = days_between(since, since + seconds)

    assert (day_of(since), day_of(since + seconds - 1)) == (days[0], days[-1])
    assert [bounds(day)[1] for day in days[:-1]] == [bounds(day)[0] for day in days[1:]]


def test_no_time_touches_no_day() -> None:
    assert days_between(MIDNIGHT, MIDNIGHT) == []
    assert days_between(MIDNIGHT - 1, MIDNIGHT) == ["2026-11-22"]


@pytest.mark.parametrize("text", ["", "20261123", "2026-W48-1", "2026-11-31", "2026-11-23T00:00", "昨天"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- fromisoformat's messages vary
        bounds(text)


def test_a_day_that_is_touched_by_its_last_second_alone_counts() -> None:
    assert days_between(MIDNIGHT - 86_401, MIDNIGHT) == ["2026-11-21", "2026-11-22"]
    assert days_between(MIDNIGHT, MIDNIGHT + 1) == ["2026-11-23"]
    assert days_between(MIDNIGHT, MIDNIGHT + 86_401) == ["2026-11-23", "2026-11-24"]
