"""Compare both sides of a period's orders as the daily statement does, in one run and with every line."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws.dynamodb import TableBusy
from jiuwu.orders.business_day import days_between
from jiuwu.orders.codec import day_shards
from jiuwu.platform.errors import PlatformError
from jiuwu.runtime import SYSTEM, Runtime
from jiuwu.statements.comparison import Comparer, Period
from jiuwu.statements.report import Statement, yuan_text
from jiuwu.statements.totals import ABSENT, Discrepancy, SideSnapshot, Sums, Totals, total
from jiuwu_cli.deployment.stack import Stack
from jiuwu_cli.terminal import times
from jiuwu_cli.terminal.output import print_line, print_note

# The expected errors that end a comparison early.
COMPARISON_ERRORS = (PlatformError, TableBusy, ClientError, BotoCoreError)
_PAGE = 1000
_PROGRESS_STEP = 10_000
_MAX_PRINTED = 100  # lines on a terminal; the files contain all


def make_comparer(stack: Stack, period: Period, runtime: Runtime = SYSTEM) -> Comparer:
    """Return the comparer of a stack's orders with the platform's."""
    return Comparer(stack.store, lambda: stack.platform, stack.policy, period, runtime)


def compare(one: Comparer) -> Totals:
    """Return the totals of the whole period. An error that ends the comparison is a problem in them."""
    totals = Totals()
    try:
        for part in chain(_read_ours(one), _read_theirs(one)):
            before, totals = total(totals.here).orders, totals + part
            _print_progress(before, total(totals.here).orders)
    except COMPARISON_ERRORS as error:
        totals += Totals(problems=(f"stopped early: {describe_error(error)}",))
    return totals


def describe_error(error: Exception) -> str:
    """Return one of COMPARISON_ERRORS as a line without secrets."""
    match error:
        case ClientError():
            return f"AWS refused {error.operation_name} ({error.response['Error'].get('Code', '')})"
        case BotoCoreError():
            return f"AWS does not answer ({type(error).__name__})"
    return str(error)


def _print_progress(before: int, now: int) -> None:
    if before // _PROGRESS_STEP != now // _PROGRESS_STEP:
        print_note(f"compared {now} orders")


def _read_ours(one: Comparer) -> Iterator[Totals]:
    for day in days_between(one.period.since, one.period.until):
        for shard in day_shards(day):
            numbers = one.store.of_day(shard, limit=_PAGE)
            while numbers:
                yield one.known_here(numbers)
                numbers = one.store.of_day(shard, after=numbers[-1], limit=_PAGE)


def _read_theirs(one: Comparer) -> Iterator[Totals]:
    changed = one.changed_there()
    yield changed.totals
    missing = _order_numbers(changed.totals)
    while changed.next_page:
        changed = one.changed_there(changed.next_page, changed.trail, counted=missing)
        yield changed.totals
        missing += _order_numbers(changed.totals)


def _order_numbers(totals: Totals) -> list[str]:
    return [line.order_no for line in (*totals.differences, *totals.in_flight)]


def print_statement(statement: Statement) -> None:
    """Print the statement to the terminal."""
    totals = statement.totals
    print_line(f"orders created from {times.format_time(statement.since)} to {times.format_time(statement.until)}")
    print_line(f"{'in yuan':<18}{'orders':>9}{'ordered':>17}{'paid':>17}{'refunded':>17}")
    _print_sums("all", total(totals.here), total(totals.there))
    for state in sorted({*totals.here, *totals.there} - {ABSENT}):
        _print_sums(state, totals.here.get(state, Sums()), totals.there.get(state, Sums()))
    _print_breakdown(totals)
    _print_discrepancies(("differs", "differ"), totals.differing, totals.differences)
    _print_discrepancies(("is in flight", "are in flight"), totals.waiting, totals.in_flight)
    for problem in totals.problems:
        print_line(f"not compared: {problem}", style="yellow", hang=2)


def _print_breakdown(totals: Totals) -> None:
    """Print the sums of the orders that agree, that differ, that are in flight and that were never placed."""
    if not (totals.differing or totals.waiting or totals.never_placed):
        return
    print_line("by result of the comparison:")
    differ, wait = (_sums(lines) for lines in (totals.differences, totals.in_flight))
    equal = total(totals.there) - differ[1] - wait[1]
    _print_sums("equal", equal, equal)
    _print_sums("differ", *differ)
    _print_sums("in flight", *wait)
    # orders that ended here before they were placed at the platform are no difference
    _print_sums("not placed", total(totals.here) - differ[0] - wait[0] - equal, Sums())


def _sums(lines: tuple[Discrepancy, ...]) -> tuple[Sums, Sums]:
    """Return the sums of both sides. An order with two discrepancies counts once."""
    rows = {line.order_no: line for line in lines}.values()
    return sum((row.here.figures for row in rows), Sums()), sum((row.there.figures for row in rows), Sums())


def _print_sums(name: str, here: Sums, there: Sums) -> None:
    """Print one line if both sides are equal, otherwise one for each side."""
    here, there = (replace(figures, points=0) for figures in (here, there))
    sides = [("both", here)] if here == there else [("here", here), ("there", there)]
    if here == there == Sums() and name != "all":
        return
    for label, (side, figures) in zip([name, ""], sides, strict=False):
        sums = "".join(f"{yuan_text(fen):>17}" for fen in (figures.ordered_fen, figures.paid_fen, figures.refunded_fen))
        print_line(f"{label:<12}{side:<6}{figures.orders:>9}{sums}")


def _print_discrepancies(what: tuple[str, str], orders: int, lines: tuple[Discrepancy, ...]) -> None:
    print_line(f"{orders} order {what[0]}" if orders == 1 else f"{orders} orders {what[1]}")
    for line in lines[:_MAX_PRINTED]:
        sides = ", ".join(
            f"{_describe_side(seen)} {side}" for seen, side in ((line.here, "here"), (line.there, "there"))
        )
        print_line(f"  {line.class_:<20} {line.order_no}  {line.evidence}  ({sides})", hang=4)
    if len(lines) > _MAX_PRINTED:
        print_line(f"  and {len(lines) - _MAX_PRINTED} more; --csv FILE and --json list all")


def _describe_side(seen: SideSnapshot) -> str:
    return seen.state if not seen.figures.orders else f"{seen.state} paid {yuan_text(seen.figures.paid_fen)}"
