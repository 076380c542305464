"""Parse and format times for people; internally they are Unix seconds."""

import re
from datetime import datetime, timedelta

from jiuwu.orders.business_day import SHANGHAI
from jiuwu_cli.terminal.errors import UsageError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_since(text: str, now: float) -> int:
    """Parse the option --since."""
    return parse_time(text, now, "--since")


def parse_time(text: str, now: float, option: str) -> int:
    """Parse "90m", "12h", "7d" (ago), a date, or a date and time; without a zone it is in Asia/Shanghai.

    Raise UsageError, which names the option.
    """
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text, re.ASCII)
    if ago:
        return int(now - timedelta(**{_UNITS[ago[2]]: int(ago[1])}).total_seconds())
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)).timestamp())
    except (ValueError, OverflowError):
        raise UsageError(f"{option} {text!r} is not a time", "write it as 90m, 12h, 7d or 2026-11-24T08:00") from None


def format_time(at: float) -> str:
    """Return a time (Unix seconds) in Asia/Shanghai: 2026-11-24 16:00:00 +08:00."""
    return datetime.fromtimestamp(at, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S %:z")


def format_clock(at: float) -> str:
    """Return the time of day of a time (Unix seconds) in Asia/Shanghai: 16:00:00."""
    return datetime.fromtimestamp(at, SHANGHAI).strftime("%H:%M:%S")
