"""Write characters that the encoding of the terminal lacks."""

import codecs
import sys
from typing import TextIO, cast

_AS_JSON = "jiuwu-as-json"


def show_every_character(*streams: TextIO) -> None:
    """Write what the terminal's encoding lacks as JSON escapes it, \\u4e2d, instead of failing."""
    codecs.register_error(_AS_JSON, _as_json)
    for stream in streams or (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):  # none: a stand-in that a test reads
            reconfigure(errors=_AS_JSON)


def _as_json(error: UnicodeError) -> tuple[str, int]:
    fault = cast("UnicodeEncodeError", error)
    return "".join(map(_escaped, fault.object[fault.start : fault.end])), fault.end


def _escaped(char: str) -> str:
    """Return a character as JSON escapes it: \\u and four digits, twice for one beyond U+FFFF."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
