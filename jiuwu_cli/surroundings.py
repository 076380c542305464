"""The surroundings of a process, prepared once where it begins: proxies and the terminal's characters."""

import codecs
import sys
from collections.abc import MutableMapping
from typing import TextIO, cast

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_AS_JSON = "jiuwu-as-json"


def exempt_loopback(environment: MutableMapping[str, str]) -> None:
    """Use no proxy of the environment for this machine itself; leave it as it is for all others."""
    given = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    listed = [name.strip() for name in given.split(",") if name.strip()]
    if "*" not in listed:  # nothing goes through a proxy then; beside other names it would mean nothing
        listed += [name for name in _LOOPBACK if name not in listed]
    environment["no_proxy"] = environment["NO_PROXY"] = "*" if "*" in listed else ",".join(listed)


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
