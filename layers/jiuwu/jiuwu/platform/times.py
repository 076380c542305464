"""The one reader of times in the platform's JSON: of notifications, orders, members and its own clock; and of
lifetimes, which some write as times."""

import re
from contextlib import suppress
from datetime import datetime

from jiuwu.platform import signing
from jiuwu.platform.decoding import as_count
from jiuwu.platform.signing import Scheme

# The year 2242: what is larger counts in thousandths of a second, or thousandths of those.
MAX_UNIX_SECONDS = 2**33
# A token with a longer life, or with none named, is renewed as if it had this one.
MAX_LIFETIME_SECONDS = 365 * 86_400
# So far from now, and no further, a large "lifetime" may be the time at which it ends.
_PLAUSIBLE = 2 * MAX_LIFETIME_SECONDS
_NUMBER = re.compile(r"[0-9]{1,19}(?:\.[0-9]{1,9})?", re.ASCII)
_COMPACT = re.compile(r"(?:19|20|21)[0-9]{12}", re.ASCII)  # no count of a present time has 14 digits
_MAX_CHARACTERS = 64


def read_time(scheme: Scheme, value: object) -> int:
    """Return a time in whole Unix seconds; raise ValueError for what is none.

    It may be written as signing.timestamp_format has it, in Unix seconds, milliseconds, micro- or nanoseconds (by
    its size), as 20251122162640, or in ISO 8601 (also with slashes), each as number or text; what names no
    zone is in the scheme's.
    """
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if scheme.timestamp_format not in ("seconds", "milliseconds") and text:
        with suppress(ValueError, OverflowError):
            return _bounded(signing.parse_timestamp(scheme, text))
    if _COMPACT.fullmatch(text):
        text = f"{text[:8]}T{text[8:]}"
    elif _NUMBER.fullmatch(text):
        return _counted(int(text.partition(".")[0]))
    return _iso(scheme, text) if text else _counted(value)


def lifetime(scheme: Scheme, value: object, default: int, *, now: float) -> int:
    """Return a lifetime in whole seconds, from 1 to a year; `default` for what is none, or is over at `now`.

    What is longer than a year is the time at which it ends, where that is near, else a whole number of years, else
    milliseconds, else cut off.
    """
    try:
        life = _seconds(scheme, value)
    except ValueError:
        return default
    if life > MAX_LIFETIME_SECONDS:
        life = _long_life(scheme, value, life, now)
    return min(life, MAX_LIFETIME_SECONDS) if life > 0 else default


def _long_life(scheme: Scheme, value: object, life: int, now: float) -> int:
    with suppress(ValueError):
        if abs((ends := read_time(scheme, value)) - now) <= _PLAUSIBLE:
            return int(ends - now)
    if life % MAX_LIFETIME_SECONDS == 0:
        return MAX_LIFETIME_SECONDS
    return life // 1000 if life // 1000 <= MAX_LIFETIME_SECONDS else life


def _seconds(scheme: Scheme, value: object) -> int:
    """Return a number of seconds, also as text; a text that is a time is its Unix seconds."""
    if isinstance(value, str):
        value = value.strip()
        return int(value.partition(".")[0]) if _NUMBER.fullmatch(value) else read_time(scheme, value)
    if (seconds := as_count(value)) is None:
        raise ValueError("not a lifetime")
    return seconds


def _counted(value: object) -> int:
    if (seconds := as_count(value)) is None:
        raise ValueError("not a time")
    while seconds >= MAX_UNIX_SECONDS:
        seconds //= 1000
    return seconds


def _iso(scheme: Scheme, text: str) -> int:
    if len(text) > _MAX_CHARACTERS:
        raise ValueError("not a time")
    try:
        found = datetime.fromisoformat(text.replace("/", "-"))
        return _bounded((found if found.tzinfo else found.replace(tzinfo=signing.zone(scheme))).timestamp())
    except (ValueError, OverflowError):
        raise ValueError("not a time") from None


def _bounded(seconds: float) -> int:
    if not 0 <= seconds < MAX_UNIX_SECONDS:
        raise ValueError("not a time")
    return int(seconds)
