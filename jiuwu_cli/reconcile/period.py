"""Periods as a person writes them: days and times in Asia/Shanghai unless they name another zone."""

from datetime import date, datetime, time, timedelta

from jiuwu.orders.business_day import SHANGHAI, bounds, yesterday
from jiuwu.statements.comparison import Period
from jiuwu_cli.terminal.errors import Misuse

_CURE = "write a day such as 2026-11-23, or a time such as 2026-11-23T08:30"


def read_period(since: str | None, until: str | None, *, now: float) -> Period:
    """From the beginning of `since` (by default yesterday) to the end of `until` (by default, and at most, now).

    A day as `until` belongs to the period; a time is where it ends. Raises Misuse.
    """
    begin = int(_moment(since, "--from")) if since else bounds(yesterday(now))[0]
    end = int(_moment(until, "--to", ends=True)) if until else int(now)
    if begin >= min(end, int(now)):
        raise Misuse("the period holds no time yet", "--from must be before --to, and before now")
    return Period(begin, min(end, int(now)))


def _moment(text: str, option: str, *, ends: bool = False) -> float:
    try:
        return _day(text, ends=ends) if len(text) <= 10 else _time(text)
    except (ValueError, OverflowError):
        raise Misuse(f"{option} {text!r} is no time", _CURE) from None


def _day(text: str, *, ends: bool) -> float:
    day = datetime.combine(date.fromisoformat(text), time(), SHANGHAI)
    return (day + timedelta(days=1) if ends else day).timestamp()


def _time(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)).timestamp()
