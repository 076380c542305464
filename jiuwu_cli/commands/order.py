"""`jiuwu order`: print the complete history of one order."""

import json
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from jiuwu.orders.business_day import day_of
from jiuwu.orders.order import Order
from jiuwu_cli.deployment import stack
from jiuwu_cli.deployment.stack import Stack
from jiuwu_cli.orders import log_search, timeline
from jiuwu_cli.orders.timeline import DriftFinding
from jiuwu_cli.terminal import options, times
from jiuwu_cli.terminal.errors import CommandError, UsageError
from jiuwu_cli.terminal.output import print_line, print_note

_BEFORE_SECONDS = 3600  # a notification may arrive before the order is stored
_REPORT = "report#"


def order(
    number: Annotated[str, typer.Argument(help="Order number.", metavar="ORDER_NO", show_default=False)],
    *,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", help="Only entries since 90m, 12h, 7d (ago) or a date (Asia/Shanghai).", metavar="TIME"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    stack_name: options.StackName = None,
) -> None:
    """Print the complete history of one order.

    First its state, ledger and effects; then, in order of time: accepted notifications, suppressed duplicates with
    their originals, transitions, platform calls, dead letters and drift. Entries that only read the order are counted;
    --json lists them. The log is kept for 30 days.

    Example:

    `jiuwu order JW7Q2M4XK3ZB5N6P2R4T6VAB --since 2h`
    """
    if not (number.isascii() and number.isprintable() and 0 < len(number) <= 64 and '"' not in number):
        raise UsageError(
            f"{number[:64]!r} is not an order number", "copy it from the app or from `jiuwu dead-letters list`"
        )
    found = stack.find(stack_name)
    after = times.parse_since(since, time.time()) if since else 0
    with stack.report_aws_errors(found):
        stored = found.store.get(number)
        log = _log(found, number, stored, after)
        dead_letters = list(found.dead_letters.about(number))
        drift = list(_drift(found, number, after or _begin(stored)))
    entries = [one for one in timeline.build_timeline(stored, log.entries, dead_letters, drift) if one.at >= after]
    if stored is None and not entries:
        raise CommandError(f"there is no order {number}", "check the number and --stack")
    if as_json:
        print_line(
            json.dumps(timeline.as_json(stored, entries), ensure_ascii=False, default=str)
        )  # effect keys by their text
    else:
        _print(number, stored, entries)
    if log.cut_off:
        print_note("the log could not be read in a minute; narrow it with --since")


def _print(number: str, stored: Order | None, entries: list[timeline.TimelineEntry]) -> None:
    for line in timeline.head(stored) if stored else [f"{number}  is not in the orders table"]:
        print_line(line, hang=6)
    print_line("history (times in Asia/Shanghai, +08:00):")
    day = ""
    for entry in timeline.fold(entries):
        if day != (day := day_of(entry.at)):
            print_line(f"  {day}")
        print_line(f"  {times.format_clock(entry.at)}  {entry.kind:<12}  {entry.what}", hang=26)


def _begin(stored: Order | None) -> int:
    return stored.created_at - _BEFORE_SECONDS if stored else 0


def _log(found: Stack, number: str, stored: Order | None, after: int) -> log_search.Found:
    causes = [entry.idempotency_key for entry in stored.history if entry.idempotency_key] if stored else []
    since = after or _begin(stored)
    return log_search.read(found.client("logs"), found.output("Logs"), number, since=since, event_ids=causes)


def _drift(found: Stack, number: str, after: int) -> Iterator[DriftFinding]:
    """Yield the drift of the order from the reports of the last 90 days. They have no index by order: read all."""
    pages = (
        found.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=found.output("ReconciliationTable"),
            FilterExpression="begins_with(#record, :report) AND contains(#report, :order)",
            ExpressionAttributeNames={"#record": "record", "#report": "report"},
            ExpressionAttributeValues={":report": {"S": _REPORT}, ":order": {"S": number}},
        )
    )
    for page in pages:
        for item in page["Items"]:
            report = json.loads(item["report"]["S"])
            if report["started_at"] >= after:
                yield from _differences(report, number)


def _differences(report: dict[str, Any], number: str) -> Iterator[DriftFinding]:
    for class_, found in report.get("classes", {}).items():
        if number in found["orders"]:
            evidence = [text.partition(": ")[2] for text in found["evidence"] if text.startswith(f"{number}: ")]
            yield from (
                DriftFinding(report["started_at"], class_, text)
                for text in evidence or ["one of many; the report lists only some"]
            )
