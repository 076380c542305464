"""Days as the merchant's books have them: in Asia/Shanghai, whatever zone a machine is in."""

from datetime import date, datetime, time, timedelta, timezone

# China has had one time, without summer time, since 1992; a fixed offset needs no time zone database in the runtime.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


def day_of(at: float) -> str:
    """Return the day of a time (Unix seconds), as "2026-11-23"."""
    return datetime.fromtimestamp(at, SHANGHAI).date().isoformat()


def yesterday(now: float) -> str:
    """Return the day before that of `now`."""
    return (datetime.fromtimestamp(now, SHANGHAI).date() - timedelta(days=1)).isoformat()


def bounds(day: str) -> tuple[int, int]:
    """Return when a day begins and when the next one does, in Unix seconds. Raise ValueError for what is no day."""
    began = datetime.combine(_day(day), time(), SHANGHAI)
    return int(began.timestamp()), int((began + timedelta(days=1)).timestamp())


def days_between(since: int, until: int) -> list[str]:
    """Return the days from `since` to before `until` (Unix seconds), oldest first."""
    first, last = (datetime.fromtimestamp(at, SHANGHAI).date() for at in (since, max(since, until - 1)))
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)] if since < until else []


def _day(text: str) -> date:
    day = date.fromisoformat(text)
    if day.isoformat() != text:  # "20261123" and week dates are dates, too
        raise ValueError("expected a day such as 2026-11-23")
    return day
