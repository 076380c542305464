"""Periods as a person writes them."""

from datetime import UTC, datetime

import pytest

from jiuwu.statements.comparison import Period
from jiuwu_cli.reconcile.period import read_period
from jiuwu_cli.terminal.errors import UsageError
from jiuwu_cli.terminal.times import format_time, parse_since

# 2026-11-24 10:00 in Shanghai
NOW = datetime(2026, 11, 24, 2, tzinfo=UTC).timestamp()


def at(*moment: int) -> int:
    """A moment in UTC."""
    return int(datetime(*moment, tzinfo=UTC).timestamp())  # type: ignore[misc,arg-type]


def test_by_default_it_is_yesterday_and_today_so_far() -> None:
    assert Period(at(2026, 11, 22, 16), int(NOW)) == read_period(None, None, now=NOW)


def test_a_day_is_shanghais_and_belongs_to_the_period() -> None:
    assert Period(at(2026, 11, 21, 16), at(2026, 11, 22, 16)) == read_period("2026-11-22", "2026-11-22", now=NOW)


def test_a_time_is_where_the_period_ends() -> None:
    found = read_period("2026-11-23T08:30", "2026-11-23T09:00:01", now=NOW)

    assert Period(at(2026, 11, 23, 0, 30), at(2026, 11, 23, 1, 0, 1)) == found


def test_a_zone_that_is_named_counts() -> None:
    assert at(2026, 11, 23, 8, 30) == read_period("2026-11-23T08:30Z", None, now=NOW).since
    assert at(2026, 11, 23, 8, 30) == read_period("2026-11-23T10:30+02:00", None, now=NOW).since


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2h", (2026, 11, 24, 0)),
        ("2026-11-24", (2026, 11, 23, 16)),
        ("2026-11-24T08:30", (2026, 11, 24, 0, 30)),
        ("2026-11-24T08:30Z", (2026, 11, 24, 8, 30)),
    ],
)
def test_since_without_a_zone_is_shanghais_too(text: str, moment: tuple[int, ...]) -> None:
    assert at(*moment) == parse_since(text, NOW)


def test_people_read_times_in_shanghai_with_the_offset_beside() -> None:
    assert "2026-11-24 00:30:00 +08:00" == format_time(at(2026, 11, 23, 16, 30) + 0.9)


def test_it_never_ends_after_now() -> None:
    assert int(NOW) == read_period("2026-11-24", "2026-11-30", now=NOW).until


@pytest.mark.parametrize(
    ("since", "until", "problem"),
    [
        ("yesterday", None, "--from 'yesterday' is not a time; write a day such as"),
        (None, "2026-11-31", "--to '2026-11-31' is not a time"),
        ("", "25:00", "--to"),
        ("2026-11-23", "2026-11-22", "the period is empty"),
        ("2026-11-25", None, "the period is empty"),
        ("9999-12-31", "9999-12-31", "--to '9999-12-31' is not a time|the period is empty"),
    ],
)
def test_an_invalid_period_is_refused_with_a_hint(since: str, until: str | None, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        read_period(since, until, now=NOW)
