"""Both sides of a period's orders, compared as the daily statement compares them, in one go and with every line."""

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
from jiuwu_cli.terminal.output import note, say

# What keeps a comparison from its end, and is no bug.
FAULTS = (PlatformError, TableBusy, ClientError, BotoCoreError)
_AT_ONCE = 1000
_PROGRESS_EACH = 10_000
_SHOWN = 100  # lines on a terminal; the files have all


def comparer(stack: Stack, period: Period, runtime: Runtime = SYSTEM) -> Comparer:
    """What compares the orders of a stack with its platform's."""
    return Comparer(stack.store, lambda: stack.platform, stack.policy, period, runtime)


def compared(one: Comparer) -> Totals:
    """The tally of the whole period; what could not be read is a problem in it."""
    found = Totals()
    try:
        for part in chain(_ours(one), _theirs(one)):
            before, found = total(found.here).orders, found + part
            _tell_progress(before, total(found.here).orders)
    except FAULTS as error:
        found += Totals(problems=(f"broken off: {told(error)}",))
    return found


def told(fault: Exception) -> str:
    """One of FAULTS in a line; never a secret."""
    match fault:
        case ClientError():
            return f"AWS refused {fault.operation_name} ({fault.response['Error'].get('Code', '')})"
        case BotoCoreError():
            return f"AWS does not answer ({type(fault).__name__})"
    return str(fault)


def _tell_progress(before: int, now: int) -> None:
    if before // _PROGRESS_EACH != now // _PROGRESS_EACH:
        note(f"compared {now} orders")


def _ours(one: Comparer) -> Iterator[Totals]:
    for day in days_between(one.period.since, one.period.until):
        for shard in day_shards(day):
            numbers = one.store.of_day(shard, limit=_AT_ONCE)
            while numbers:
                yield one.known_here(numbers)
                numbers = one.store.of_day(shard, after=numbers[-1], limit=_AT_ONCE)


def _theirs(one: Comparer) -> Iterator[Totals]:
    there = one.changed_there()
    yield there.tally
    missing = _numbers(there.tally)
    while there.next_page:
        there = one.changed_there(there.next_page, there.trail, counted=missing)
        yield there.tally
        missing += _numbers(there.tally)


def _numbers(tally: Totals) -> list[str]:
    return [line.order_no for line in (*tally.differences, *tally.in_flight)]


def show(statement: Statement) -> None:
    """The statement on the terminal."""
    tally = statement.tally
    say(f"orders made from {times.shown(statement.since)} to {times.shown(statement.until)}")
    say(f"{'in yuan':<18}{'orders':>9}{'ordered':>17}{'paid':>17}{'refunded':>17}")
    _show_sums("all", total(tally.here), total(tally.there))
    for state in sorted({*tally.here, *tally.there} - {ABSENT}):
        _show_sums(state, tally.here.get(state, Sums()), tally.there.get(state, Sums()))
    _show_parts(tally)
    _show_lines(("differs", "differ"), tally.differing, tally.differences)
    _show_lines(("is in flight", "are in flight"), tally.waiting, tally.in_flight)
    for problem in tally.problems:
        say(f"not compared: {problem}", style="yellow", hang=2)


def _show_parts(tally: Totals) -> None:
    """Show what all orders add up from: those that are equal, that differ, that are in flight, that were never
    placed."""
    if not (tally.differing or tally.waiting or tally.never_placed):
        return
    say("all of them by comparison:")
    differ, wait = (_sums(lines) for lines in (tally.differences, tally.in_flight))
    equal = total(tally.there) - differ[1] - wait[1]
    _show_sums("equal", equal, equal)
    _show_sums("differ", *differ)
    _show_sums("in flight", *wait)
    # ended here before the platform had them: absent there, and no difference
    _show_sums("not placed", total(tally.here) - differ[0] - wait[0] - equal, Sums())


def _sums(lines: tuple[Discrepancy, ...]) -> tuple[Sums, Sums]:
    """Return the figures of both sides of these orders; one that differs in two ways has two lines."""
    rows = {line.order_no: line for line in lines}.values()
    return sum((row.here.figures for row in rows), Sums()), sum((row.there.figures for row in rows), Sums())


def _show_sums(name: str, here: Sums, there: Sums) -> None:
    """Show one line where both sides are the same, otherwise one for each side."""
    here, there = (replace(figures, points=0) for figures in (here, there))
    sides = [("both", here)] if here == there else [("here", here), ("there", there)]
    if here == there == Sums() and name != "all":
        return
    for label, (side, figures) in zip([name, ""], sides, strict=False):
        sums = "".join(f"{yuan_text(fen):>17}" for fen in (figures.ordered_fen, figures.paid_fen, figures.refunded_fen))
        say(f"{label:<12}{side:<6}{figures.orders:>9}{sums}")


def _show_lines(what: tuple[str, str], orders: int, lines: tuple[Discrepancy, ...]) -> None:
    say(f"{orders} order {what[0]}" if orders == 1 else f"{orders} orders {what[1]}")
    for line in lines[:_SHOWN]:
        sides = ", ".join(f"{_told(seen)} {side}" for seen, side in ((line.here, "here"), (line.there, "there")))
        say(f"  {line.class_:<20} {line.order_no}  {line.evidence}  ({sides})", hang=4)
    if len(lines) > _SHOWN:
        say(f"  and {len(lines) - _SHOWN} more; --csv FILE or --json has them all")


def _told(seen: SideSnapshot) -> str:
    return seen.state if not seen.figures.orders else f"{seen.state} paid {yuan_text(seen.figures.paid_fen)}"
