"""The one question before something is changed that nobody can take back."""

import sys

import typer

from jiuwu_cli.terminal.errors import Problem


def at_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def confirm(question: str) -> None:
    """Asks the person at the terminal. Raises Problem where there is none, and typer.Abort when the answer is no."""
    if not at_terminal():
        raise Problem("nothing was changed, for there is no terminal to ask at", "give --yes to have it done")
    typer.confirm(question, abort=True, err=True)
