"""Ask for confirmation before a change that cannot be undone."""

import sys

import typer

from jiuwu_cli.terminal.errors import CommandError


def is_interactive() -> bool:
    """Return whether standard input is a terminal."""
    return sys.stdin.isatty()


def confirm(question: str) -> None:
    """Ask at the terminal. Raise CommandError without one, and typer.Abort if the answer is no."""
    if not is_interactive():
        raise CommandError("nothing was changed: there is no terminal to ask for confirmation", "give --yes to confirm")
    typer.confirm(question, abort=True, err=True)
