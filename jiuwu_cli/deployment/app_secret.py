"""Read the app secret for a command."""

import os
import sys

import typer

from jiuwu_cli.deployment import sandbox_state
from jiuwu_cli.terminal.errors import CommandError, UsageError
from jiuwu_cli.terminal.output import print_note

SECRET_VARIABLE = "JIUWU_APP_SECRET"  # noqa: S105 -- the name of the variable, not its value


def read_app_secret(variable: str | None, sandbox: sandbox_state.Sandbox | None, *, stdin_taken: bool = False) -> str:
    """Return the app secret from the environment, else the running sandbox's, else from a prompt.

    It is never an argument: the shell's history and the process list would show it.
    """
    found = os.environ.get(variable or SECRET_VARIABLE, "")
    if found:
        return _checked(found, variable or SECRET_VARIABLE)
    if variable:
        raise UsageError(
            f"the environment variable {variable} is not set", "export it, or name another one with --secret-env"
        )
    if sandbox is not None:
        print_note("using the running sandbox's secret")
        return sandbox.app_secret
    if stdin_taken or not sys.stdin.isatty():
        raise CommandError(
            "no app secret", f"set {SECRET_VARIABLE}, or {sandbox_state.START_HINT} to use the sandbox's"
        )
    return str(typer.prompt("App secret", hide_input=True, err=True))


def _checked(secret: str, variable: str) -> str:
    try:
        secret.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"the environment variable {variable} does not contain text", "set it to the secret in UTF-8"
        ) from None
    if secret != secret.strip():
        print_note(f"note: the secret in {variable} begins or ends with white space, and signatures include it")
    return secret
