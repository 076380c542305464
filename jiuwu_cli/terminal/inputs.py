"""Parse what the command line gives: profile, parameters, headers, body."""

import sys
from collections.abc import Iterable
from pathlib import Path

from jiuwu.platform.profile import Profile, ProfileError, load
from jiuwu_cli.terminal.errors import UsageError
from jiuwu_cli.terminal.output import print_note

_MAX_BYTES = 10 * 1024 * 1024


def read_profile(name: str) -> Profile:
    """Load the profile of this name. Raise UsageError with the invalid field."""
    try:
        return load(name)
    except ProfileError as error:
        raise UsageError(f"profile {name}: {error.field}: {error.problem}", error.hint) from None


def read_pairs(given: Iterable[str], option: str = "--param") -> dict[str, str]:
    """Parse "k=v" texts into {"k": "v"}. Raise UsageError for a name that is given twice."""
    pairs: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"{option} {text!r} is not name=value", f"write it as {option} name=value")
        if name in pairs:
            raise UsageError(f"{option} {name} is given twice", "give it once")
        pairs[name] = value
    return pairs


def read_headers(given: Iterable[str]) -> dict[str, str]:
    """Parse "Name: value" texts into {"Name": "value"}. Raise UsageError."""
    headers: dict[str, str] = {}
    for text in given:
        name, colon, value = text.partition(":")
        if not name.strip() or not colon:
            raise UsageError(f"--header {text!r} is not Name: value", 'write it as --header "Name: value"')
        headers[name.strip()] = value.strip()
    return headers


def read_body(given: str | None) -> str:
    """Read the body as given, from a file (@NAME) or from standard input (-).

    Bytes that are not UTF-8 become surrogates, so that the signature covers the exact bytes.
    """
    if given is None:
        return ""
    if given == "-":
        return _text(sys.stdin.buffer.read(_MAX_BYTES + 1))
    if not given.startswith("@"):
        return given
    try:
        with Path(given[1:]).open("rb") as file:
            return _text(file.read(_MAX_BYTES + 1))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or "the name is invalid"
        raise UsageError(f"the file {given[1:]!r} cannot be read ({reason})", "check the name after @") from None


def _text(body: bytes) -> str:
    if len(body) > _MAX_BYTES:
        raise UsageError("the body is longer than 10 MB", "calls and notifications are shorter; check the file")
    if body.endswith(b"\n"):
        print_note("note: the body ends with a newline, and the signature includes it")
    return body.decode("utf-8", "surrogateescape")


def signed_parameters(contract: Profile, params: dict[str, str], body: str) -> dict[str, str]:
    """Return the parameters with the body under the name by which the profile signs it."""
    name = contract.signing.body_name
    if name in params:
        raise UsageError(f"--param {name} is the name of the signed body", "give the body as --body")
    return params | {name: body} if name and body else params
