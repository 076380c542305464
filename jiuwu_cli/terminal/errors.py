"""Errors that end a command: one line with a hint, never a traceback."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from jiuwu_cli.terminal.encoding import escape_unencodable
from jiuwu_cli.terminal.output import print_error
from jiuwu_cli.terminal.proxy_bypass import bypass_proxy_for_loopback


class CommandError(typer.TyperException):
    """The command cannot do its work; exit code 1."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(f"{problem}; {hint}")


class UsageError(CommandError):
    """The command line is invalid; exit code 2."""

    exit_code = 2


class OneLineErrorGroup(TyperGroup):
    """Print each error on one line. Typer draws boxes, which scripts and narrow terminals handle badly."""

    def main(  # the signature is Typer's
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002
        **extra: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Run the command and exit with its code."""
        bypass_proxy_for_loopback(os.environ)
        escape_unencodable()
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)  # noqa: FBT003
        except typer.Abort:
            print_error("stopped")
            code = 130
        except typer.TyperException as error:
            if error.format_message():  # empty: no arguments were given, and the help was printed
                print_error(_line(error))
            code = error.exit_code
        if not standalone_mode:
            return code
        sys.exit(code)


def _line(error: typer.TyperException) -> str:
    message = " ".join(error.format_message().split())
    if isinstance(error, CommandError):
        return message
    context = getattr(error, "ctx", None)
    return f"{message.rstrip('.')}; see `{context.command_path if context else 'jiuwu'} --help`"
