"""`jiuwu points`: show and audit a member's points, grant or deduct some."""

import time
from typing import Annotated

import typer

from jiuwu.members.accounts import Accounts, is_member_id
from jiuwu.orders.refund_rules import MAX_REASON_CHARACTERS
from jiuwu.points.codec import Booking
from jiuwu.points.ledger import MAX_POINTS, InsufficientPoints, LedgerBusy, PointsLedger, RequestReused
from jiuwu_cli.deployment import stack
from jiuwu_cli.terminal import options, texts, times
from jiuwu_cli.terminal.confirm import confirm
from jiuwu_cli.terminal.errors import CommandError, UsageError
from jiuwu_cli.terminal.output import print_line, print_note
from jiuwu_cli.terminal.texts import pluralize

Member = Annotated[str, typer.Argument(help="Id of the member, mb_….", metavar="MEMBER", show_default=False)]
Grant = Annotated[int | None, typer.Option(help="Number of points to grant.", min=1, max=MAX_POINTS)]
Deduct = Annotated[int | None, typer.Option(help="Number of points to deduct.", min=1, max=MAX_POINTS)]
Reason = Annotated[str, typer.Option(help="Reason, for your own records; the member does not see it.")]


def points(  # noqa: PLR0913 -- one option for each part of a change
    member: Member,
    *,
    grant: Grant = None,
    deduct: Deduct = None,
    reason: Reason = "",
    yes: options.Yes = False,
    request_id: options.RequestId = None,
    stack_name: options.StackName = None,
) -> None:
    """Show a member's points and audit the ledger. With --grant or --deduct, change the balance first.

    A change is made once per request id, and the balance never falls below zero. The command asks for confirmation;
    without a terminal it needs --yes.

    Examples:

    `jiuwu points mb_… --grant 500 --reason "生日"`

    `jiuwu points mb_… --stack jiuwu-prod`
    """
    if grant and deduct:
        raise UsageError("both --grant and --deduct are given", "give one of them")
    if reason and (wrong := texts.text_error(reason, maximum=MAX_REASON_CHARACTERS)):
        raise UsageError(f"--reason: {wrong}", "give another one, or leave it out")
    deployed = stack.find(stack_name)
    with stack.report_aws_errors(deployed):
        dynamodb = deployed.client("dynamodb")
        accounts, ledger = Accounts(dynamodb, deployed.output("MembersTable")), _ledger(deployed)
        if not is_member_id(member) or accounts.get(member) is None:
            raise CommandError(f"there is no member {member} in {deployed.name}", "check the id, and --stack")
        if change := (grant or 0) - (deduct or 0):
            request = options.request_id(request_id, member, str(change))
            if not yes:
                _confirm_change(ledger, member, change, deployed.name)
            _change(ledger, member, request, change, reason)
        _print_ledger(ledger, member)


def _ledger(deployed: stack.Stack) -> PointsLedger:
    return PointsLedger(deployed.client("dynamodb"), deployed.output("PointsTable"))


def _confirm_change(ledger: PointsLedger, member: str, change: int, stack_name: str) -> None:
    points = pluralize(abs(change), "point")
    what = f"Grant {member} {points}" if change > 0 else f"Deduct {points} from {member}"
    print_note(f"{member} has {ledger.balance(member)} points")
    confirm(f"{what} in {stack_name}?")


def _change(ledger: PointsLedger, member: str, request: str, change: int, reason: str) -> None:
    try:
        is_new = ledger.grant(member, request, change, at=int(time.time()), reason=reason)
    except InsufficientPoints as error:
        raise CommandError(f"{member} has only {pluralize(error.balance, 'point')}", "deduct fewer") from None
    except RequestReused:
        problem = f"the request id {request} was used before, with another number of points"
        raise CommandError(problem, "for another change give another --request-id") from None
    except LedgerBusy:
        raise CommandError(f"other writers keep changing the points of {member}", "try again in a moment") from None
    if is_new:
        print_note(f"{change:+} points by request {request}; repeating the command changes nothing")
    else:
        print_note(
            f"nothing changed: request {request} was made before; for another {change:+} give another --request-id"
        )


def _print_ledger(ledger: PointsLedger, member: str) -> None:
    """Print the ledger. Raise CommandError if the entries do not add up to the balance."""
    for booking in reversed(ledger.recent(member)):
        print_line(f"  {_when(booking)}  {booking.counts:>+11}  {_what(booking)}")
    audit = ledger.audit(member)
    audited = "; the ledger adds up" if audit.adds_up else ""
    found = f"{pluralize(audit.balance, 'point')}, {pluralize(audit.entries, 'entry', 'entries')}"
    print_line(f"{member}  {found}{audited}")
    if not audit.adds_up:
        problem = f"the entries add up to {audit.booked}, the balance is {audit.balance}"
        raise CommandError(problem, "someone changed the table by hand; see docs/runbook.md, Points")


def _when(booking: Booking) -> str:
    return times.format_time(booking.moved_at or booking.booked_at)


def _what(booking: Booking) -> str:
    if booking.state:
        return f"order {booking.ref}: {booking.points} {booking.state}"
    kind = "granted" if booking.points > 0 else "deducted"
    return f"{kind} by {booking.ref}" + (f": {booking.reason}" if booking.reason else "")
