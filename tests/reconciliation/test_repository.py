"""How far the platform's list was read, and what runs leave behind."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from jiuwu.aws.dynamodb import unmarshal_fields
from jiuwu.reconciliation.drift import Drift, Finding, Report
from jiuwu.reconciliation.repository import REPORT_SECONDS, Cursor, Records
from tests.orders.lives import NOW


@pytest.fixture
def records(aws: Callable[[str], Any], reconciliation_table: str) -> Records:
    return Records(aws("dynamodb"), reconciliation_table)


def test_the_first_run_looks_a_day_back(records: Records) -> None:
    assert records.cursor(NOW) == Cursor(NOW - 86_400)


def test_a_cursor_is_found_as_it_was_left(records: Records) -> None:
    left = Cursor(NOW, "page-2", began=NOW + 1, seen=NOW + 2, missed=3, received=4, skipped=NOW + 5)
    records.save_cursor(left)

    assert records.cursor(NOW + 99) == left


def test_a_pass_asks_with_an_overlap_of_five_minutes() -> None:
    assert Cursor(NOW).updated_after == NOW - 300


def test_a_pass_that_was_cut_off_goes_on_with_its_page_and_its_beginning() -> None:
    cut_off = Cursor(NOW).begin(NOW + 10).after([NOW + 5], "page-2")

    assert cut_off.begin(NOW + 500) == Cursor(NOW, "page-2", began=NOW + 10, seen=NOW + 5)


def test_a_pass_begun_again_counts_from_nothing() -> None:
    forgotten = Cursor(NOW, "page-2", began=NOW + 1, seen=NOW + 2, missed=3, received=4)

    assert forgotten.restart() == Cursor(NOW, "", began=NOW + 1, seen=NOW + 2)


def test_the_next_pass_counts_from_nothing() -> None:
    done = Cursor(NOW, "page-2", began=NOW + 1, missed=3, received=4).after([NOW], "")

    assert (0, 0) == (done.missed, done.received)


@pytest.mark.parametrize(("missed", "received", "silent"), [(2, 0, False), (3, 0, True), (3, 1, False), (0, 9, False)])
def test_a_channel_is_silent_when_three_are_missed_and_none_is_heard(missed: int, received: int, silent: bool) -> None:
    assert silent is Cursor(NOW, missed=missed, received=received).silent


def test_a_cursor_put_there_by_hand_needs_no_counts(
    records: Records, aws: Callable[[str], Any], reconciliation_table: str
) -> None:
    texts = {"record": {"S": "cursor"}, "page": {"S": ""}}
    numbers = {"since": {"N": str(NOW)}, "began": {"N": "0"}, "seen": {"N": "0"}}
    aws("dynamodb").put_item(TableName=reconciliation_table, Item=texts | numbers)

    assert records.cursor(NOW + 99) == Cursor(NOW)


def test_the_most_shards_there_ever_were_are_remembered(records: Records) -> None:
    assert [8, 64, 64, 65] == [records.max_shards_ever(shards) for shards in (8, 64, 8, 65)]


def test_what_writers_without_the_parameter_wrote_is_read_however_few_shards_there_are(records: Records) -> None:
    assert 8 == records.max_shards_ever(1)


def test_the_last_page_moves_the_next_pass_to_the_latest_change() -> None:
    done = Cursor(NOW).begin(NOW + 10).after([NOW + 5, NOW + 9], "p").after([NOW + 7], "")

    assert (done.since, done.page) == (NOW + 9, "")


def test_an_idle_shop_is_not_read_again_and_again() -> None:
    idle = Cursor(NOW).begin(NOW + 3600).after([], "")

    assert idle.updated_after == NOW + 3600 - 600


def test_a_change_left_to_its_notification_is_met_again_by_the_next_pass() -> None:
    just_changed = NOW + 3595
    done = Cursor(NOW).begin(NOW + 3600).after([just_changed], "")

    assert done.updated_after < just_changed


def test_what_a_pass_left_aside_is_met_by_the_next_one_however_long_it_was_cut_off() -> None:
    just_changed = NOW + 5
    first_page = Cursor(NOW).begin(NOW + 10).skipping([just_changed, NOW + 8]).after([just_changed, NOW + 8], "page-2")

    done = first_page.begin(NOW + 9000).skipping([]).after([NOW + 8999], "")

    assert (just_changed, 0) == (done.updated_after, done.skipped)


def test_a_pass_that_begins_again_leaves_nothing_aside_yet() -> None:
    assert 0 == Cursor(NOW).begin(NOW + 10).skipping([NOW + 5]).after([NOW + 5], "page-2").restart().skipped


def test_a_change_dated_in_the_future_hides_none_that_comes_before_it() -> None:
    misdated = NOW + 10 * 365 * 86_400
    done = Cursor(NOW).begin(NOW + 10).after([misdated], "")
    after_it = done.begin(NOW + 190)

    assert after_it.updated_after <= NOW + 10


def test_a_cursor_that_was_led_into_the_future_comes_back() -> None:
    led_astray = Cursor(NOW + 10 * 365 * 86_400)

    assert led_astray.begin(NOW).after([], "").updated_after <= NOW


def test_a_report_names_two_hundred_orders_and_says_how_many_more() -> None:
    findings = tuple(Finding(Drift.MISSING_THERE, f"JW{n:04}", "created here") for n in range(1000))

    classes = Report(NOW, 1000, findings).as_dict()["classes"]

    assert isinstance(classes, dict)
    assert (1000, 200, 800) == (
        classes["missing_there"]["count"],
        len(classes["missing_there"]["orders"]),
        classes["missing_there"]["more_orders"],
    )
    assert len(json.dumps(classes)) < 20_000


def test_a_difference_seen_twice_in_a_run_counts_once() -> None:
    finding = Finding(Drift.PLATFORM_BEHIND, "JW1", "push:shipped again")

    assert Report(NOW, 1, (finding, finding)).counts == {"platform_behind": 1}


def test_a_report_is_kept_for_ninety_days_with_its_counts(
    records: Records, aws: Callable[[str], Any], reconciliation_table: str
) -> None:
    report = Report(NOW, 7, (Finding(Drift.AMOUNT_DIFFERS, "JW1", "1 fen"),), problems=("3: platform down",))

    record = records.save_report(report, now=NOW + 0.25, part="3#0")

    key = {"record": {"S": record}}
    item = aws("dynamodb").get_item(TableName=reconciliation_table, Key=key)["Item"]
    assert record == "report#2025-11-22T08:26:40.250+00:00#3#0"
    assert (unmarshal_fields(item)["counts"], item["incomplete"]["BOOL"]) == ({"amount_differs": 1}, True)
    assert int(item["expires_at"]["N"]) == NOW + REPORT_SECONDS
    assert json.loads(item["report"]["S"]) == report.as_dict()


def test_a_list_broken_off_is_gone_on_with_at_the_latest_change_and_not_a_moment_later() -> None:
    stuck = Cursor(NOW).begin(NOW + 3600).after([NOW + 7], "A").broken_off([NOW + 9])

    assert Cursor(NOW + 9, seen=NOW + 9) == stuck
    assert NOW == Cursor(NOW, "A", began=NOW + 3600).broken_off([]).since


def test_a_change_with_a_wrong_date_does_not_hide_that_the_list_stands() -> None:
    assert 7200 == Cursor(NOW, seen=NOW + 10 * 365 * 86_400).lag(NOW + 7200)
    assert 100 == Cursor(NOW, "page-2", began=NOW + 7000, seen=NOW + 7100).lag(NOW + 7200)
