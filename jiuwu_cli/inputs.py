"""What is given on the command line, read: pairs, headers, bodies, secrets."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import typer

from jiuwu.platform.profile import Profile, ProfileError, load
from jiuwu_cli import running
from jiuwu_cli.problems import Misuse, Problem
from jiuwu_cli.screen import note

SECRET_VARIABLE = "JIUWU_APP_SECRET"  # noqa: S105 -- the name of the variable, not its value
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


def read_secret(variable: str | None, sandbox: running.Sandbox | None, *, stdin_taken: bool = False) -> str:
    """The app secret: from the environment, else the running sandbox's, else asked for. Never from an argument, which
    the shell's history and every process list would keep."""
    found = os.environ.get(variable or SECRET_VARIABLE, "")
    if found:
        return _checked(found, variable or SECRET_VARIABLE)
    if variable:
        raise Misuse(f"the variable {variable} is not set", "export it, or name another with --secret-env")
    if sandbox is not None:
        note("the secret is the running sandbox's")
        return sandbox.app_secret
    if stdin_taken or not sys.stdin.isatty():
        raise Problem("no app secret", f"set {SECRET_VARIABLE}, or {running.START} to use the sandbox's")
    return str(typer.prompt("App secret", hide_input=True, err=True))


def _checked(secret: str, variable: str) -> str:
    try:
        secret.encode()
    except UnicodeEncodeError:
        raise Misuse(f"the variable {variable} does not hold text", "set it to the secret in UTF-8") from None
    if secret != secret.strip():
        note(f"note: the secret in {variable} begins or ends with white space, which is part of what signs")
    return secret
