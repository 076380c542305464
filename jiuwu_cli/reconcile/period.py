"""Parse periods: days and times in Asia/Shanghai unless they have a zone."""

from datetime import date, datetime, time, timedelta

from jiuwu.orders.business_day import SHANGHAI, bounds, yesterday
from jiuwu.statements.comparison import Period
from jiuwu_cli.terminal.errors import UsageError

_HINT = "write a day such as 2026-11-23, or a time such as 2026-11-23T08:30"


def read_period(since: str | None, until: str | None, *, now: float) -> Period:
    """Return the period from `since` (default: yesterday) to `until` (default and maximum: now).

    If `until` is a day, the period includes it; if it is a time, the period ends before it. Raise UsageError.
    """
    begin = int(_parse(since, "--from")) if since else bounds(yesterday(now))[0]
    end = int(_parse(until, "--to", ends=True)) if until else int(now)
    if begin >= min(end, int(now)):
        raise UsageError("the period is empty", "--from must be before --to, and before now")
    return Period(begin, min(end, int(now)))


def _parse(text: str, option: str, *, ends: bool = False) -> float:
    try:
        return _day(text, ends=ends) if len(text) <= 10 else _time(text)
    except (ValueError, OverflowError):
        raise UsageError(f"{option} {text!r} is not a time", _HINT) from None


def _day(text: str, *, ends: bool) -> float:
    day = datetime.combine(date.fromisoformat(text), time(), SHANGHAI)
    return (day + timedelta(days=1) if ends else day).timestamp()


def _time(text: str) -> float:
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=SHANGHAI)).timestamp()
