"""What is given on the command line, read: pairs, headers, bodies."""

import sys
from collections.abc import Iterable
from pathlib import Path

from jiuwu.platform.profile import Profile, ProfileError, load
from jiuwu_cli.terminal.errors import Misuse
from jiuwu_cli.terminal.output import note

_MOST_BYTES = 10 * 1024 * 1024


def read_profile(name: str) -> Profile:
    """The profile of that name; raises Misuse with the field at fault."""
    try:
        return load(name)
    except ProfileError as error:
        raise Misuse(f"profile {name}: {error.field}: {error.problem}", error.cure) from None


def read_pairs(given: Iterable[str], option: str = "--param") -> dict[str, str]:
    """{"k": "v"} of "k=v" texts; a name that comes twice has no one meaning and is refused."""
    pairs: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise Misuse(f"{option} {text!r} is not name=value", f"write it as {option} name=value")
        if name in pairs:
            raise Misuse(f"{option} {name} is given twice", "give it once")
        pairs[name] = value
    return pairs


def read_headers(given: Iterable[str]) -> dict[str, str]:
    """{"Name": "value"} of "Name: value" texts."""
    headers: dict[str, str] = {}
    for text in given:
        name, colon, value = text.partition(":")
        if not name.strip() or not colon:
            raise Misuse(f"--header {text!r} is not Name: value", 'write it as --header "Name: value"')
        headers[name.strip()] = value.strip()
    return headers


def read_body(given: str | None) -> str:
    """The body's text, byte for byte: as given, of a file (@NAME) or of standard input (-).

    Bytes that are no UTF-8 survive as surrogates, so that what is signed is what would travel.
    """
    if given is None:
        return ""
    if given == "-":
        return _text(sys.stdin.buffer.read(_MOST_BYTES + 1))
    if not given.startswith("@"):
        return given
    try:
        with Path(given[1:]).open("rb") as file:
            return _text(file.read(_MOST_BYTES + 1))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or "no such name is possible"
        raise Misuse(f"the file {given[1:]!r} cannot be read ({reason})", "check the name after @") from None


def _text(body: bytes) -> str:
    if len(body) > _MOST_BYTES:
        raise Misuse("the body is longer than 10 MB", "no call or notification is that long")
    if body.endswith(b"\n"):
        note("note: the body ends with a newline, which is part of what is signed")
    return body.decode("utf-8", "surrogateescape")


def signed_parameters(contract: Profile, params: dict[str, str], body: str) -> dict[str, str]:
    """The parameters with the body among them, under the name that the profile signs it by."""
    name = contract.signing.body_name
    if name in params:
        raise Misuse(f"--param {name} is how the body is signed", f"give it as --body; nothing else is named {name}")
    return params | {name: body} if name and body else params
