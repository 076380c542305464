"""How far a statement's tasks came: kept on the version that was read, for the run that counts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jiuwu.orders.order import Status
from jiuwu.platform.money import MAX_FEN
from jiuwu.points.ledger import MAX_POINTS
from jiuwu.reconciliation.drift import Drift
from jiuwu.statements.runs import Progress, Run, StatementRuns
from jiuwu.statements.tasks import tasks_of, wait_seconds
from jiuwu.statements.totals import ABSENT, IN_FLIGHT, LISTED, Discrepancy, SideSnapshot, Sums, Totals, uncompared
from sandbox.simulation.aws.tables import MAX_ITEM_BYTES
from sandbox.simulation.aws.values import item_size

RUN = Run("2026-11-23", "run-1", 1_795_000_000)
LATER = replace(RUN, run="run-2", started_at=RUN.started_at + 60)


@pytest.fixture
def runs(aws: Callable[[str], Any], reconciliation_table: str) -> StatementRuns:
    return StatementRuns(aws("dynamodb"), reconciliation_table)


def one_order(fen: int = 1234) -> Progress:
    return Progress(Totals({"paid": Sums(1, fen, fen)}), "JW1")


def test_a_task_that_has_not_begun_is_at_nothing(runs: StatementRuns) -> None:
    assert Progress() == runs.progress(RUN, "there")


def test_progress_is_read_as_it_was_kept(runs: StatementRuns) -> None:
    kept = runs.save(RUN, "there", one_order())

    assert replace(one_order(), version=1) == kept == runs.progress(RUN, "there")


def longest(number: int, class_: str) -> Discrepancy:
    """A line as long as one can be; the evidence is text that takes six bytes a character as JSON."""
    most = Sums(1, MAX_FEN, MAX_FEN, MAX_FEN, MAX_POINTS)
    seen = SideSnapshot("completed", most)
    return Discrepancy(f"{number:0128}", class_, "\x01" * 300, seen, seen)


@pytest.mark.parametrize("evidence", ["\x01" * 300, "JW1: order.amount"], ids=["escapes", "as usual"])
def test_progress_with_as_many_and_as_long_lines_as_there_can_be_fits_an_item(
    runs: StatementRuns, aws: Callable[[str], Any], reconciliation_table: str, evidence: str
) -> None:
    differences = tuple(replace(longest(n, "missed_notification"), evidence=evidence) for n in range(LISTED))
    waiting = tuple(longest(n, IN_FLIGHT) for n in range(LISTED))
    sums = {str(status): Sums(10**9, *[10**9 * MAX_FEN] * 4) for status in [*Status, ABSENT]}
    problems = tuple(f"{number:0128}: " + "\x01" * 300 for number in range(LISTED))
    classes = {str(drift): 10**9 for drift in Drift}
    much = Totals(sums, sums, classes, 10**9, 10**9, 10**9, differences, waiting, problems)

    kept = runs.save(RUN, "there", Progress(much, "\x01" * 4096))

    (item,) = aws("dynamodb").scan(TableName=reconciliation_table)["Items"]
    assert item_size(item) <= MAX_ITEM_BYTES
    assert kept is not None
    assert kept.totals.differing == 10**9
    # what matters most goes first
    assert kept.totals.differences == differences[: len(kept.totals.differences)] != ()
    assert (evidence.startswith("JW1")) is (len(kept.totals.differences) == LISTED)


def test_of_two_copies_that_read_the_same_the_second_to_write_gives_up(runs: StatementRuns) -> None:
    first = runs.save(RUN, "there", one_order())
    assert first is not None

    assert runs.save(RUN, "there", one_order(fen=1)) is None
    assert runs.save(RUN, "there", replace(first, done=True)) is not None
    assert runs.save(RUN, "there", replace(first, position="JW2")) is None
    assert runs.progress(RUN, "there").done


def test_a_write_whose_reply_was_lost_is_known_as_our_own(runs: StatementRuns) -> None:
    first = runs.save(RUN, "there", one_order())

    assert first == runs.save(RUN, "there", one_order())


def test_a_later_run_counts_and_begins_from_nothing(runs: StatementRuns) -> None:
    runs.begin(RUN)
    runs.save(RUN, "there", one_order())
    runs.begin(LATER)

    assert (LATER, Progress()) == (runs.current(RUN.day), runs.progress(LATER, "there"))
    assert not runs.claim(RUN, "there")
    assert not runs.finish(RUN)


def test_a_run_begun_twice_keeps_what_it_has_done(runs: StatementRuns) -> None:
    runs.begin(RUN)
    runs.finish(RUN)
    runs.begin(replace(RUN, started_at=RUN.started_at + 1))

    assert replace(RUN, finished=True) == runs.current(RUN.day)


def test_the_report_is_the_first_ones_to_write_until_it_is_written(runs: StatementRuns) -> None:
    runs.begin(RUN)

    assert [True, False, True] == [runs.claim(RUN, by) for by in ("there", "2026-11-23#0", "there")]
    runs.finish(RUN)
    assert not runs.claim(RUN, "there")


def test_the_whole_is_the_sum_of_its_tasks_and_names_those_not_done(runs: StatementRuns) -> None:
    runs.save(RUN, "a", replace(one_order(1), done=True))
    runs.save(RUN, "b", replace(one_order(2), done=True, totals=one_order(2).totals + uncompared(["JW9: odd"])))
    assert runs.all_done(RUN, "ab")
    assert not runs.all_done(RUN, "abc")

    whole = runs.totals(RUN, "abc")

    assert Sums(2, 3, 3) == whole.here["paid"]
    assert ("JW9: odd", "c: not finished") == whole.problems


def test_waits_grow_to_what_a_queue_can_delay() -> None:
    assert [0, 60, 120, 240, 480, 900, 900] == [wait_seconds(Progress(failures=failures)) for failures in range(7)]


def test_a_statement_has_a_task_for_each_part_of_the_day_and_one_for_the_platforms_list() -> None:
    assert 33 == len(set(tasks_of("2026-11-23")))
