"""Times as a person writes and reads them; inside they are Unix seconds."""

import re
from datetime import datetime, timedelta

from jiuwu.orders.business_day import SHANGHAI
from jiuwu_cli.terminal.errors import Misuse

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def since(text: str, now: float) -> int:
    """The moment that "90m", "12h", "7d", a date or a date with its time names; without a zone in Asia/Shanghai."""
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text, re.ASCII)
    if ago:
        return int(now - timedelta(**{_UNITS[ago[2]]: int(ago[1])}).total_seconds())
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)).timestamp())
    except (ValueError, OverflowError):
        raise Misuse(f"--since {text!r} is no time", "write it as 90m, 12h, 7d or 2026-11-24T08:00") from None


def shown(at: float) -> str:
    """A time (Unix seconds) for people, in Asia/Shanghai: 2026-11-24 16:00:00 +08:00."""
    return datetime.fromtimestamp(at, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S %:z")


def clock(at: float) -> str:
    """Return the time of day of a moment (Unix seconds) in Asia/Shanghai: 16:00:00."""
    return datetime.fromtimestamp(at, SHANGHAI).strftime("%H:%M:%S")
