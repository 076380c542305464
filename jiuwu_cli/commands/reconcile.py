"""`jiuwu reconcile`: compare both sides of a period's orders, and repair what the rules allow."""

import sys
import time
from pathlib import Path

import typer

from jiuwu.orders.business_day import day_of, yesterday
from jiuwu.statements.comparison import Comparer
from jiuwu.statements.report import Statement
from jiuwu.statements.totals import Discrepancy, Totals
from jiuwu_cli.deployment import stack
from jiuwu_cli.deployment.read_only import read_only
from jiuwu_cli.reconcile.comparison import COMPARISON_ERRORS, compare, describe_error, make_comparer, print_statement
from jiuwu_cli.reconcile.period import read_period
from jiuwu_cli.reconcile.repairs import Plan, count_remaining_differences, invoke_reconciler, plan_repairs, repair
from jiuwu_cli.terminal import options
from jiuwu_cli.terminal.confirm import is_interactive
from jiuwu_cli.terminal.errors import CommandError, UsageError
from jiuwu_cli.terminal.output import print_line, print_note
from jiuwu_cli.terminal.texts import pluralize

_DIFFERENT, _UNKNOWN = 1, 2  # exit codes


def reconcile(  # noqa: PLR0913 -- one option for each choice
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

    The command only reads, unless you give --repair: it shows the repairs of each order that differs, asks for
    confirmation, and has the deployed Reconciler make them.

    Examples:

    `jiuwu reconcile --verify --stack jiuwu-prod --from 2026-11-23 --to 2026-11-23 --csv 2026-11-23.csv`

    `jiuwu reconcile --repair --limit 5 --from 2026-11-23T08:00`
    """
    if verify and repair:
        raise UsageError("both --verify and --repair are given", "give one of them; --repair also compares first")
    if repair and as_json:
        raise UsageError("--repair and --json exclude each other", "leave out --json")
    now = time.time()
    period = read_period(since, until, now=now)
    deployed = _find(stack_name)
    comparer = make_comparer(read_only(deployed), period)
    statement = Statement(
        _title(since, until, now=now), period.since, period.until, int(time.time()), compare(comparer)
    )
    _write(statement, as_json=as_json, csv_file=csv_file)
    if repair:
        _repair(deployed, comparer, statement.totals, limit=limit, yes=yes)
    elif code := _exit_code(statement.totals):
        raise typer.Exit(code)


def _find(name: str | None) -> stack.Stack:
    try:
        return stack.find(name)
    except CommandError as problem:
        problem.exit_code = _UNKNOWN  # 1 means that the sides differ
        raise


def _title(since: str | None, until: str | None, *, now: float) -> str:
    """Return the period as dates for the statement's title."""
    begin, end = since or yesterday(now), until or day_of(now)
    return begin if begin == end else f"{begin} – {end}"


def _exit_code(totals: Totals) -> int:
    """Return 1 for any difference, even if not everything could be compared."""
    if totals.differing:
        return _DIFFERENT
    return 0 if totals.complete else _UNKNOWN


def _write(statement: Statement, *, as_json: bool, csv_file: Path | None) -> None:
    if csv_file:
        try:
            csv_file.write_bytes(statement.csv())
        except OSError as error:
            raise UsageError(f"{csv_file} cannot be written ({error.strerror})", "give another --csv") from None
    if as_json:
        sys.stdout.write(statement.json().decode())
    else:
        print_statement(statement)


def _repair(deployed: stack.Stack, comparer: Comparer, totals: Totals, *, limit: int, yes: bool) -> None:
    numbers = list(dict.fromkeys(line.order_no for line in totals.differences))
    try:
        planned = plan_repairs(read_only(deployed), numbers, now=int(comparer.runtime.clock()))
    except COMPARISON_ERRORS as error:
        raise CommandError(f"nothing was repaired: {describe_error(error)}", "try again later") from None
    repairable = [plan for plan in planned if plan.steps][:limit]
    _print_plans(planned, repairable)
    if not repairable:
        raise typer.Exit(_exit_code(totals))
    if not yes and not _is_confirmed(len(repairable)):
        print_line("nothing was changed")
        raise typer.Exit(_DIFFERENT)
    repair(invoke_reconciler(deployed), repairable)
    left = _count_remaining(comparer, totals.differences)
    print_line(f"{left} of {len(numbers)} orders still differ")
    raise typer.Exit(_DIFFERENT if left else 0 if totals.complete else _UNKNOWN)


def _print_plans(planned: list[Plan], repairable: list[Plan]) -> None:
    for plan in planned:
        if not plan.steps:
            print_line(f"  {plan.order_no}  no rule repairs it; a person decides, see docs/runbook.md")
    for plan in repairable:
        print_line(f"  {plan.order_no}  would: {', '.join(plan.steps)}")
    if beyond := sum(bool(plan.steps) for plan in planned) - len(repairable):
        print_line(f"  and {beyond} more beyond --limit")


def _is_confirmed(orders: int) -> bool:
    if not is_interactive():
        print_note("dry run: there is no terminal to ask for confirmation; give --yes to confirm")
        return False
    return typer.confirm(f"Have the Reconciler repair {pluralize(orders, 'order')}?", err=True)


def _count_remaining(comparer: Comparer, differences: tuple[Discrepancy, ...]) -> int:
    try:
        return count_remaining_differences(comparer, differences)
    except COMPARISON_ERRORS as error:
        problem = CommandError(
            f"the remaining differences are unknown: {describe_error(error)}",
            "the repairs are made; compare again later",
        )
        problem.exit_code = _UNKNOWN
        raise problem from None
