"""`jiuwu reconcile`: compares both sides of a period's orders, and has mended what the rules allow."""

import sys
import time
from pathlib import Path

import typer

from jiuwu.orders.business_day import day_of, yesterday
from jiuwu.statements.comparison import Comparer
from jiuwu.statements.report import Statement
from jiuwu.statements.totals import Discrepancy, Totals
from jiuwu_cli.deployment import stack
from jiuwu_cli.deployment.read_only import reading
from jiuwu_cli.reconcile.comparison import FAULTS, compared, comparer, show, told
from jiuwu_cli.reconcile.period import read_period
from jiuwu_cli.reconcile.repairs import Plan, carry_out, plans, reconciler, remaining
from jiuwu_cli.terminal import options
from jiuwu_cli.terminal.confirm import at_terminal
from jiuwu_cli.terminal.errors import Misuse, Problem
from jiuwu_cli.terminal.output import note, say

_DRIFT, _UNKNOWN = 1, 2


def reconcile(  # noqa: PLR0913 -- which orders, what to do, where to write
    *,
    verify: options.Verify = False,
    repair: options.Repair = False,
    since: options.From = None,
    until: options.To = None,
    limit: options.Limit = 10,
    yes: options.Yes = False,
    as_json: options.AsJson = False,
    csv_file: options.CsvFile = None,
    stack_name: options.StackName = None,
) -> None:
    """Compare our orders with the platform's: counts and sums by state, and each order that differs.

    Exit code 0: both sides agree. 1: they differ. 2: not everything could be compared.

    Reads only, unless --repair: that shows what the rules would do about each order that differs, asks, and then has
    the deployed Reconciler do it.

    Examples:

    `jiuwu reconcile --verify --stack jiuwu-prod --from 2026-11-23 --to 2026-11-23 --csv 2026-11-23.csv`

    `jiuwu reconcile --repair --limit 5 --from 2026-11-23T08:00`
    """
    if verify and repair:
        raise Misuse("--verify and --repair exclude each other", "verify first; --repair verifies again")
    if repair and as_json:
        raise Misuse("--repair tells what it does on the terminal", "leave out --json")
    now = time.time()
    period = read_period(since, until, now=now)
    found = _find(stack_name)
    one = comparer(reading(found), period)
    statement = Statement(_title(since, until, now=now), period.since, period.until, int(time.time()), compared(one))
    _tell(statement, as_json=as_json, csv_file=csv_file)
    if repair:
        _repair(found, one, statement.tally, limit=limit, yes=yes)
    elif code := _exit_code(statement.tally):
        raise typer.Exit(code)


def _find(name: str | None) -> stack.Stack:
    try:
        return stack.find(name)
    except Problem as problem:
        problem.exit_code = _UNKNOWN  # 1 would say that the sides differ
        raise


def _title(since: str | None, until: str | None, *, now: float) -> str:
    """Return the period in dates, which machines, accountants and engineers read alike."""
    begin, end = since or yesterday(now), until or day_of(now)
    return begin if begin == end else f"{begin} – {end}"


def _exit_code(tally: Totals) -> int:
    """Drift that was seen is drift, however much could not be compared."""
    if tally.differing:
        return _DRIFT
    return 0 if tally.complete else _UNKNOWN


def _tell(statement: Statement, *, as_json: bool, csv_file: Path | None) -> None:
    if csv_file:
        try:
            csv_file.write_bytes(statement.csv())
        except OSError as error:
            raise Misuse(f"{csv_file} cannot be written ({error.strerror})", "give another --csv") from None
    if as_json:
        sys.stdout.write(statement.json().decode())
    else:
        show(statement)


def _repair(found: stack.Stack, one: Comparer, tally: Totals, *, limit: int, yes: bool) -> None:
    numbers = list(dict.fromkeys(line.order_no for line in tally.differences))
    try:
        planned = plans(reading(found), numbers, now=int(one.runtime.clock()))
    except FAULTS as error:
        raise Problem(f"nothing is mended: {told(error)}", "try again later") from None
    mendable = [plan for plan in planned if plan.steps][:limit]
    _show_plans(planned, mendable)
    if not mendable:
        raise typer.Exit(_exit_code(tally))
    if not yes and not _agreed(len(mendable)):
        say("nothing was changed")
        raise typer.Exit(_DRIFT)
    carry_out(reconciler(found), mendable)
    left = _recounted(one, tally.differences)
    say(f"{left} of {len(numbers)} orders still differ")
    raise typer.Exit(_DRIFT if left else 0 if tally.complete else _UNKNOWN)


def _show_plans(planned: list[Plan], mendable: list[Plan]) -> None:
    for plan in planned:
        if not plan.steps:
            say(f"  {plan.order_no}  no rule mends it: a person decides, see docs/runbook.md")
    for plan in mendable:
        say(f"  {plan.order_no}  would: {', '.join(plan.steps)}")
    if beyond := sum(bool(plan.steps) for plan in planned) - len(mendable):
        say(f"  and {beyond} more beyond --limit")


def _agreed(orders: int) -> bool:
    if not at_terminal():
        note("a dry run; give --yes to have it done")
        return False
    return typer.confirm(f"Have the Reconciler do this to {orders} order{'s' if orders > 1 else ''}?", err=True)


def _recounted(one: Comparer, differences: tuple[Discrepancy, ...]) -> int:
    try:
        return remaining(one, differences)
    except FAULTS as error:
        problem = Problem(
            f"what still differs is not known: {told(error)}", "what was mended stays mended; verify later"
        )
        problem.exit_code = _UNKNOWN
        raise problem from None
