"""`jiuwu orders`: list the orders that changed in a period."""

import json
import time
from collections.abc import Iterator
from itertools import islice
from typing import Annotated

import typer

from jiuwu.checkout.views import listed_for_merchant
from jiuwu.members.accounts import is_member_id
from jiuwu.orders.listing import UNSETTLED, Changes, OrderListing
from jiuwu.orders.order import Order, Status
from jiuwu.platform.money import yuan
from jiuwu_cli.deployment import stack
from jiuwu_cli.deployment.stack import Stack
from jiuwu_cli.terminal import options, times
from jiuwu_cli.terminal.errors import UsageError
from jiuwu_cli.terminal.output import print_line, print_note
from jiuwu_cli.terminal.texts import pluralize

_TIME_HELP = "30m, 12h, 7d (ago) or a date and time (Asia/Shanghai)."
Since = Annotated[str, typer.Option(help=f"Only orders changed since {_TIME_HELP}", metavar="TIME")]
Until = Annotated[str | None, typer.Option(help=f"Only orders changed before {_TIME_HELP}", metavar="TIME")]
OfStatus = Annotated[Status | None, typer.Option(help="Only orders in this status.")]
OfMember = Annotated[str | None, typer.Option(help="Only this member's orders.", metavar="MEMBER")]
Most = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="Maximum number of orders to list.")]


def orders(  # noqa: PLR0913 -- one option for each filter
    *,
    since: Since = "24h",
    until: Until = None,
    status: OfStatus = None,
    member: OfMember = None,
    limit: Most = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    stack_name: options.StackName = None,
) -> None:
    """List the orders that changed in a period, the latest change last. A new order is a change.

    Example:

    `jiuwu orders --since 2h --status held`
    """
    if member and not is_member_id(member):
        raise UsageError(f"{member[:64]!r} is not a member id", "copy it from the app; it begins with mb_")
    now = time.time()
    begin, end = times.parse_time(since, now, "--since"), times.parse_time(until, now, "--until") if until else 0
    if until and end <= begin:
        raise UsageError("the period is empty", "--since must be before --until")
    deployed = stack.find(stack_name)
    with stack.report_aws_errors(deployed):
        found = list(islice(_read(deployed, Changes(begin, end, status, member or "")), limit + 1))
    for order in found[:limit]:
        print_line(json.dumps(listed_for_merchant(order), ensure_ascii=False) if as_json else _line(order))
    if len(found) > limit:
        print_note(f"more than {pluralize(limit, 'order')}; narrow the period, or raise --limit")
    if not found:
        print_note(f"no order changed; the period begins at {times.format_time(begin)}")


def _read(deployed: Stack, wanted: Changes) -> Iterator[Order]:
    """Yield the orders up to now: for a person, the latest ones matter more than a list that never changes."""
    dynamodb, table = deployed.client("dynamodb"), deployed.output("OrdersTable")
    listing, start, more = OrderListing(dynamodb, table, deployed.store, settling_seconds=UNSETTLED), None, True
    while more:
        page = listing.changed(wanted, start)
        yield from page.orders
        start, more = page.next, page.more


def _line(order: Order) -> str:
    at, price = (
        times.format_time(order.changed_at),
        f"{order.points} points" if order.points else yuan(order.amount_fen),
    )
    return f"{at}  {order.order_no}  {order.status:<9}  {price:>12}  {order.member_id}"
