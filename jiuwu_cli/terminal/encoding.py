"""Escape characters that the encoding of the terminal cannot represent."""

import codecs
import sys
from typing import TextIO, cast

_AS_JSON = "jiuwu-as-json"


def escape_unencodable(*streams: TextIO) -> None:
    """Write characters that the terminal's encoding lacks as JSON escapes, such as \\u4e2d, instead of failing."""
    codecs.register_error(_AS_JSON, _as_json)
    for stream in streams or (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):  # a test's stand-in has none
            reconfigure(errors=_AS_JSON)


def _as_json(error: UnicodeError) -> tuple[str, int]:
    fault = cast("UnicodeEncodeError", error)
    return "".join(map(_escaped, fault.object[fault.start : fault.end])), fault.end


def _escaped(char: str) -> str:
    """Return the JSON escape of a character: \\u and four digits, twice above U+FFFF."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
