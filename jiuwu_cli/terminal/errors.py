"""What a person did or found that ends a command: one line that says what to do, never a traceback."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from jiuwu_cli.terminal.encoding import show_every_character
from jiuwu_cli.terminal.output import complain
from jiuwu_cli.terminal.proxy_bypass import exempt_loopback


class Problem(typer.TyperException):
    """Something is not as the command needs it; exit code 1."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(f"{problem}; {cure}")


class Misuse(Problem):
    """The command line itself cannot be used; exit code 2."""

    exit_code = 2


class OneLine(TyperGroup):
    """Says every refusal on one line; Typer itself draws boxes, which scripts and narrow terminals read badly."""

    def main(  # the signature is Typer's
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002
        **extra: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Runs the command and exits with its code."""
        exempt_loopback(os.environ)
        show_every_character()
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)  # noqa: FBT003
        except typer.Abort:
            complain("stopped")
            code = 130
        except typer.TyperException as error:
            if error.format_message():  # none: no arguments were given, and the help has been shown instead
                complain(_line(error))
            code = error.exit_code
        if not standalone_mode:
            return code
        sys.exit(code)


def _line(error: typer.TyperException) -> str:
    message = " ".join(error.format_message().split())
    if isinstance(error, Problem):
        return message
    context = getattr(error, "ctx", None)
    return f"{message.rstrip('.')}; see `{context.command_path if context else 'jiuwu'} --help`"
