"""`jiuwu dead-letters`: list, show and redrive messages that failed permanently."""

import json
import sys
from typing import Annotated

import typer

from jiuwu.dead_letters.failed_message import Kind
from jiuwu_cli.dead_letters import display
from jiuwu_cli.dead_letters.redrive import Redriver, redrive_all
from jiuwu_cli.dead_letters.selection import get, select
from jiuwu_cli.deployment import stack
from jiuwu_cli.terminal import options
from jiuwu_cli.terminal.confirm import confirm
from jiuwu_cli.terminal.errors import CommandError, UsageError
from jiuwu_cli.terminal.output import print_line, print_note
from jiuwu_cli.terminal.texts import pluralize

_MAX_LISTED = 50

KindOption = Annotated[Kind | None, typer.Option("--kind", help="Only this kind: poison, exhausted or quarantined.")]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", help="Only those that failed since 90m, 12h, 7d (ago) or a date (Asia/Shanghai).", metavar="TIME"
    ),
]
Reason = Annotated[
    str | None,
    typer.Option("--reason", help="Only those whose reason begins with this text.", metavar="malformed: data.amount"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

dead_letters = typer.Typer(
    name="dead-letters", help="List, show and redrive messages that failed permanently.", no_args_is_help=True
)


@dead_letters.command("list")
def list_(  # noqa: PLR0913 -- one option for each filter
    *,
    kind: KindOption = None,
    since: Since = None,
    reason: Reason = None,
    everything: Annotated[bool, typer.Option("--all", help="Include those that were redriven.")] = False,
    as_json: Json = False,
    stack_name: options.StackName = None,
) -> None:
    """List dead letters, the latest first.

    Example:

    `jiuwu dead-letters list --kind quarantined --since 12h`
    """
    deployed = stack.find(stack_name)
    with stack.report_aws_errors(deployed):
        dead_letters = select(deployed.dead_letters, kind, since, reason, everything=everything)
    if as_json:
        print_line(json.dumps([display.summary(dead_letter) for dead_letter in dead_letters], ensure_ascii=False))
        return
    for dead_letter in dead_letters[:_MAX_LISTED]:
        print_line(display.line(dead_letter))
    if len(dead_letters) > _MAX_LISTED:
        print_note(
            f"and {len(dead_letters) - _MAX_LISTED} more; filter with --kind, --since or --reason, or use --json"
        )
    if not dead_letters:
        print_note("no dead letters" + ("" if everything else " are waiting; --all includes those that were redriven"))


@dead_letters.command()
def show(
    dead_letter_id: Annotated[str, typer.Argument(help="Id of the dead letter.", metavar="ID", show_default=False)],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Print only the original bytes.")] = False,
    as_json: Json = False,
    stack_name: options.StackName = None,
) -> None:
    """Show one dead letter with its original bytes.

    The body contains personal data: do not copy it elsewhere.

    Example:

    `jiuwu dead-letters show dl_k3v7q2m4xk3zb5n6`
    """
    deployed = stack.find(stack_name)
    with stack.report_aws_errors(deployed):
        dead_letter = get(deployed.dead_letters, dead_letter_id)
    if raw:
        sys.stdout.buffer.write(dead_letter.body)
    elif as_json:
        content = display.summary(dead_letter) | {"body": display.body_text(dead_letter.body)}
        print_line(json.dumps(content, ensure_ascii=False))
    else:
        display.print_details(dead_letter)


@dead_letters.command()
def redrive(  # noqa: PLR0913 -- one option for each filter, and how to send
    dead_letter_ids: Annotated[
        list[str] | None, typer.Argument(help="Ids of dead letters.", metavar="[ID]...", show_default=False)
    ] = None,
    *,
    kind: KindOption = None,
    since: Since = None,
    reason: Reason = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be sent, and send nothing.")] = False,
    rate: Annotated[float, typer.Option("--rate", help="Maximum number per second.", min=0.01, max=1000)] = 10,
    yes: options.Yes = False,
    stack_name: options.StackName = None,
) -> None:
    """Send dead letters back to their queues, each under a new delivery id.

    An event that was already applied has no effect. An effect that failed permanently gets a new set of attempts.
    The command asks for confirmation; without a terminal it needs --yes.

    Examples:

    `jiuwu dead-letters redrive dl_k3v7q2m4xk3zb5n6`

    `jiuwu dead-letters redrive --kind exhausted --since 2h --rate 5 --yes`
    """
    _check_selection(dead_letter_ids, filtered=bool(kind or since or reason))
    deployed = stack.find(stack_name)
    with stack.report_aws_errors(deployed):
        repository = deployed.dead_letters
        ids = dead_letter_ids or [dead_letter.dead_letter_id for dead_letter in select(repository, kind, since, reason)]
        if ids and not (yes or dry_run):
            confirm(f"Redrive {pluralize(len(ids), 'dead letter')} in {deployed.name}?")
        failed = redrive_all(Redriver(deployed), (get(repository, one) for one in ids), rate=rate, dry_run=dry_run)
    if failed:
        raise CommandError(
            f"{failed} of {pluralize(len(ids), 'dead letter')} cannot be redriven", "see the lines above"
        )
    if not ids:
        print_note("no dead letters are waiting")


def _check_selection(dead_letter_ids: list[str] | None, *, filtered: bool) -> None:
    """Raise UsageError unless either ids or filters select the dead letters."""
    if not dead_letter_ids and not filtered:
        raise UsageError("no dead letters are selected", "give their ids, or --kind, --since or --reason")
    if dead_letter_ids and filtered:
        raise UsageError("both ids and filters are given", "give one or the other")
