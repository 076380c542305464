"""`jiuwu points`: a member's points: what there is, what moved it, whether it adds up; and points given or taken."""

import time
from typing import Annotated

import typer

from jiuwu.members.accounts import Accounts, is_member_id
from jiuwu.orders.refund_rules import MOST_REASON
from jiuwu.points.codec import Booking
from jiuwu.points.ledger import MOST_POINTS, InsufficientPoints, LedgerBusy, PointsLedger, RequestReused
from jiuwu_cli.deployment import stack
from jiuwu_cli.terminal import options, texts, times
from jiuwu_cli.terminal.confirm import confirm
from jiuwu_cli.terminal.errors import CommandError, UsageError
from jiuwu_cli.terminal.output import print_line, print_note
from jiuwu_cli.terminal.texts import pluralize

Member = Annotated[str, typer.Argument(help="The member's id, mb_….", metavar="MEMBER", show_default=False)]
Grant = Annotated[int | None, typer.Option(help="Give so many points.", min=1, max=MOST_POINTS)]
Deduct = Annotated[int | None, typer.Option(help="Take so many away.", min=1, max=MOST_POINTS)]
Reason = Annotated[str, typer.Option(help="Why, for your own books; the member does not see it.")]


def points(  # noqa: PLR0913 -- what a change is made of
    member: Member,
    *,
    grant: Grant = None,
    deduct: Deduct = None,
    reason: Reason = "",
    yes: options.Yes = False,
    request_id: options.RequestId = None,
    stack_name: options.StackName = None,
) -> None:
    """Show a member's points and check the books; give or take some first, once per request and never below zero.

    A change asks first; without a terminal it needs --yes.

    Examples:

    `jiuwu points mb_… --grant 500 --reason "生日"`

    `jiuwu points mb_… --stack jiuwu-prod`
    """
    if grant and deduct:
        raise UsageError("--grant and --deduct at once", "give one of them")
    if reason and (wrong := texts.text_error(reason, most=MOST_REASON)):
        raise UsageError(f"--reason: {wrong}", "give another, or leave it out")
    deployed = stack.find(stack_name)
    with stack.report_aws_errors(deployed):
        dynamodb = deployed.client("dynamodb")
        accounts, ledger = Accounts(dynamodb, deployed.output("MembersTable")), _ledger(deployed)
        if not is_member_id(member) or accounts.get(member) is None:
            raise CommandError(f"there is no member {member} in {deployed.name}", "check the id, and --stack")
        if change := (grant or 0) - (deduct or 0):
            request = options.request_id(request_id, member, str(change))
            if not yes:
                _ask(ledger, member, change, deployed.name)
            _change(ledger, member, request, change, reason)
        _show(ledger, member)


def _ledger(deployed: stack.Stack) -> PointsLedger:
    return PointsLedger(deployed.client("dynamodb"), deployed.output("PointsTable"))


def _ask(ledger: PointsLedger, member: str, change: int, stack_name: str) -> None:
    points = pluralize(abs(change), "point")
    what = f"Give {member} {points}" if change > 0 else f"Take {points} from {member}"
    print_note(f"{member} has {ledger.balance(member)} points")
    confirm(f"{what} in {stack_name}?")


def _change(ledger: PointsLedger, member: str, request: str, change: int, reason: str) -> None:
    try:
        is_new = ledger.grant(member, request, change, at=int(time.time()), reason=reason)
    except InsufficientPoints as short:
        raise CommandError(f"{member} has only {pluralize(short.balance, 'point')}", "take fewer") from None
    except RequestReused:
        problem = f"the request {request} was counted before, with another number of points"
        raise CommandError(problem, "for one more give another --request-id") from None
    except LedgerBusy:
        raise CommandError(f"the points of {member} are being written by others", "try again in a moment") from None
    if is_new:
        print_note(f"{change:+} points by request {request}: counted once, however often this is asked for")
    else:
        print_note(
            f"nothing changed: request {request} was counted before; for {change:+} more give another --request-id"
        )


def _show(ledger: PointsLedger, member: str) -> None:
    """Raises CommandError when the entries do not explain the balance."""
    for booking in reversed(ledger.recent(member)):
        print_line(f"  {_when(booking)}  {booking.counts:>+11}  {_what(booking)}")
    audit = ledger.audit(member)
    verdict = "; the books agree" if audit.adds_up else ""
    found = f"{pluralize(audit.balance, 'point')}, {pluralize(audit.entries, 'entry', 'entries')}"
    print_line(f"{member}  {found}{verdict}")
    if not audit.adds_up:
        problem = f"the entries add up to {audit.booked}, the balance is {audit.balance}"
        raise CommandError(problem, "somebody wrote the table by hand: see the runbook, Points")


def _when(booking: Booking) -> str:
    return times.format_time(booking.moved_at or booking.booked_at)


def _what(booking: Booking) -> str:
    if booking.state:
        return f"order {booking.ref}: {booking.points} {booking.state}"
    kind = "granted" if booking.points > 0 else "deducted"
    return f"{kind} by {booking.ref}" + (f": {booking.reason}" if booking.reason else "")
