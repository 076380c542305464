"""Read the app secret of a command; never from an argument."""

import os
import sys

import typer

from jiuwu_cli.deployment import sandbox_state
from jiuwu_cli.terminal.errors import Misuse, Problem
from jiuwu_cli.terminal.output import note

SECRET_VARIABLE = "JIUWU_APP_SECRET"  # noqa: S105 -- the name of the variable, not its value


def read_secret(variable: str | None, sandbox: sandbox_state.Sandbox | None, *, stdin_taken: bool = False) -> str:
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
        raise Problem("no app secret", f"set {SECRET_VARIABLE}, or {sandbox_state.START} to use the sandbox's")
    return str(typer.prompt("App secret", hide_input=True, err=True))


def _checked(secret: str, variable: str) -> str:
    try:
        secret.encode()
    except UnicodeEncodeError:
        raise Misuse(f"the variable {variable} does not hold text", "set it to the secret in UTF-8") from None
    if secret != secret.strip():
        note(f"note: the secret in {variable} begins or ends with white space, which is part of what signs")
    return secret
