"""JSON of the platform, taken as it can be read: one bad value must not cost what stands beside it.

Light, and msgspec first: the function in front of the platform decodes with this, and nearly all JSON is in order.
"""

import re
from contextlib import suppress
from typing import Any

import msgspec

REPLACEMENT = "\ufffd"
_BYTE_ORDER_MARK = "\ufeff"
# What no JSON text may hold as it is, and no SQS message: raw control characters but tab and line breaks.
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"
_LONE_SURROGATE = r"[\ud800-\udfff]"
# No id and no time has more digits; Python itself refuses 4,300.
_MAX_DIGITS = 128


def decode(body: str | bytes) -> object:
    """Return what a JSON text says; raise ValueError for what is none, or nests beyond all bounds.

    Half an emoji, bytes that are no UTF-8 and raw control characters become U+FFFD, a byte order mark is passed over,
    and a number beyond all bounds becomes an infinite one, which no field takes.
    """
    too_deep = False
    try:
        return msgspec.json.decode(body)
    except ValueError:
        pass  # tried again below and not here: a UnicodeDecodeError holds the body
    except RecursionError:
        too_deep = True
    if too_deep:
        raise ValueError("nests too deeply")
    return _decode_leniently(body)


def readable(body: bytes) -> str:
    """Return the text of a body: as it came where it is UTF-8, else with U+FFFD for what cannot be read."""
    return re.sub(_CONTROL, REPLACEMENT, body.decode("utf-8", "replace").removeprefix(_BYTE_ORDER_MARK))


def as_number(found: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return 3.0 as 3, since some platforms know no other numbers; leave anything else as it is."""
    return int(found) if isinstance(found, float) and found.is_integer() else found


def as_word(found: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return a whole number as its digits, since some platforms write codes and states so; leave anything else."""
    number = as_number(found)
    return str(number) if type(number) is int else found


def as_count(found: object) -> int | None:
    """Return a number from 0 below 2^63 without its fraction; None for anything else."""
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < 2**63:
        return None
    return int(found)


def _decode_leniently(body: str | bytes) -> object:
    import json  # costs a start of the hot path nothing while all is in order

    text = readable(body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body)
    with suppress(ValueError, RecursionError):  # as above
        return _without_surrogates(json.loads(text, strict=False, parse_int=_whole))
    raise ValueError("not JSON")


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _without_surrogates(found: Any) -> Any:  # noqa: ANN401 -- JSON
    match found:
        case str():
            return re.sub(_LONE_SURROGATE, REPLACEMENT, found)
        case list():
            return [_without_surrogates(element) for element in found]
        case dict():
            return {_without_surrogates(name): _without_surrogates(value) for name, value in found.items()}
    return found
