"""What a day's statement says, and that it is made once and whole whatever happens to its tasks."""

import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from jiuwu.orders.business_day import day_of
from jiuwu.orders.codec import DAY_SHARDS, day_shards
from jiuwu.orders.events import Paid
from tests.functions.both_sides import NOW, Sides
from tests.functions.conftest import warm
from tests.functions.platform_stand_in import Serve, down, garbled
from tests.functions.statement_rig import DAY, EVENT, NEXT_NIGHT, SINCE, UNTIL, Context, Night

type Metrics = Callable[[str], list[float]]


@pytest.fixture(scope="module")
def daily_statement(cloud: object) -> Iterator[ModuleType]:
    yield from warm("daily_statement")


@pytest.fixture
def night(
    daily_statement: ModuleType,
    aws: Callable[[str], Any],
    trade_names: dict[str, str],
    orders_table: str,
    reconciliation_table: str,
) -> Night:
    own = {"ORDERS_TABLE": orders_table, "RECONCILIATION_TABLE": reconciliation_table}
    return Night(daily_statement, Sides(aws, trade_names | own), aws("s3"))


@pytest.fixture
def metrics(capsys: pytest.CaptureFixture[str]) -> Metrics:
    """metrics("StatementOrders") are the values counted since the last look, in sequence."""
    seen: list[dict[str, Any]] = []

    def values(name: str) -> list[float]:
        lines = (line for line in capsys.readouterr().out.splitlines() if line.startswith("{") and "_aws" in line)
        seen.extend(json.loads(line) for line in lines)
        return [value for one in seen if name in one for value in one[name]]

    return values


def paid(number: str, at: int = NOW + 50) -> Paid:
    return Paid(f"evt-{number}", at, "t1", 1234, at)


# ── What it says ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_example_event_begins_a_run_as_deployed(
    load_function: Callable[..., ModuleType], trade_names: dict[str, str], make_queue: Callable[[str], str]
) -> None:
    own = {"STATEMENT_QUEUE_URL": make_queue("StatementQueue"), "STATEMENTS_BUCKET": "b"}

    answer = load_function("daily_statement", **trade_names | own).handler(EVENT, Context())

    assert (EVENT["id"], DAY_SHARDS + 1) == (answer["run"], answer["tasks"])


def test_a_day_without_orders_has_a_statement_of_nothing(night: Night) -> None:
    report = night.statement()

    assert (DAY, True, 0, []) == (report["day"], report["complete"], report["orders_differing"], report["differences"])
    assert 0 == report["total"]["here"]["orders"] == report["total"]["there"]["orders"]


def test_both_sides_are_counted_and_summed_by_state(night: Night, metrics: Metrics) -> None:
    night.order("placed")
    number = night.order("paid", paid("x"))
    night.sides.platform.pay(number)

    report = night.statement()

    assert ["2", "2"] == [night.rows[0]["本方笔数"], night.rows[0]["平台笔数"]]
    assert ["24.68", "12.34"] == [report["total"]["here"][f"{name}_yuan"] for name in ("ordered", "paid")]
    assert report["states"]["here"] == report["states"]["there"]
    assert {"created": 1, "paid": 1} == {state: one["orders"] for state, one in report["states"]["here"].items()}
    assert [2, 2] == metrics("StatementOrders")
    assert [2468, 1234, 0, 2468, 1234, 0] == metrics("StatementFen")
    assert ([0], [0]) == (metrics("StatementDifferences"), metrics("StatementIncomplete"))


def test_differences_are_named_with_both_values(night: Night, metrics: Metrics) -> None:
    unpaid_here, only_here = night.order("a"), night.order("b", there=False)
    night.sides.now = NOW + 60
    night.sides.platform.pay(unpaid_here)
    night.sides.now = NEXT_NIGHT
    night.there("4711", NOW)

    report = night.statement()

    found = {line["order_no"]: line for line in report["differences"]}
    assert {unpaid_here: "missed_notification", only_here: "missing_there", "4711": "state_impossible"} == {
        number: line["class"] for number, line in found.items()
    }
    assert (0, 1234) == tuple(found[unpaid_here][side]["paid_fen"] for side in ("here", "there"))
    assert ("created", "absent") == tuple(found[only_here][side]["state"] for side in ("here", "there"))
    assert ([3], 3) == (metrics("StatementDifferences"), report["orders_differing"])
    assert {"absent": 1, "created": 1, "paid": 1} == {
        state: one["orders"] for state, one in report["states"]["there"].items()
    }
    assert {unpaid_here, only_here, "4711"} == {row["订单号"] for row in night.rows if row["类别"] == "差异"}


def test_what_changed_a_moment_ago_is_in_flight_and_no_alarm(night: Night, metrics: Metrics) -> None:
    number = night.order("a")
    night.sides.now = NEXT_NIGHT - 5
    night.sides.platform.pay(number)
    night.sides.now = NEXT_NIGHT

    report = night.statement()

    assert ([number], []) == ([line["order_no"] for line in report["in_flight"]], report["differences"])
    assert ([0], [1]) == (metrics("StatementDifferences"), metrics("StatementInFlight"))


def test_the_day_is_shanghais_to_the_second(night: Night) -> None:
    orders = {at: night.order(f"at {at}", at=at) for at in (SINCE - 1, SINCE, UNTIL - 1, UNTIL)}
    before, first, last, after = orders.values()
    for number, at in ((before, SINCE - 1), (after, UNTIL)):  # known there, of other days
        night.there(f"{number[:-1]}7", at)

    report = night.statement()

    assert (2, 2, []) == (*(report["total"][side]["orders"] for side in ("here", "there")), report["differences"])
    assert [f"{DAY}T00:00:00+08:00", f"{day_of(UNTIL)}T00:00:00+08:00"] == [report["since"], report["until"]]
    assert {first, last} == set(night.dependencies.store.get_many([first, last]))


def test_a_page_of_the_platforms_list_is_taken_after_the_other(night: Night) -> None:
    night.sides.platform.page_size = 2
    for number in range(5):
        night.there(f"471{number}", NOW)

    assert ({"state_impossible": 5}, 3) == (night.statement()["classes"], night.sides.platform.count("orders.changed"))


def test_an_order_that_cannot_be_read_makes_the_statement_incomplete_and_holds_up_no_other(
    night: Night, metrics: Metrics
) -> None:
    night.order("a")
    night.sides.platform.fail("orders.query", garbled)

    report = night.statement()

    assert (False, 1, 0) == (report["complete"], report["orders_not_compared"], report["total"]["here"]["orders"])
    assert [1] == metrics("StatementIncomplete")
    assert any("未完成" in row["说明"] for row in night.rows)


# ── Once and whole ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_task_delivered_twice_counts_once(night: Night, metrics: Metrics) -> None:
    for number in range(8):
        night.order(f"a{number}", there=False)
    night.ask()
    for _, body in [*night.messages.waiting, *night.messages.waiting]:
        assert night.hand_out(body)

    assert ([8], 8) == (metrics("StatementDifferences"), night.report["total"]["here"]["orders"])


def test_two_copies_of_a_task_at_once_count_once(night: Night, metrics: Metrics) -> None:
    number = night.order("a", there=False)
    night.ask()
    shard = next(name for name in day_shards(DAY) if night.dependencies.store.of_day(name) == (number,))
    copy = night.messages.take(shard)

    def meanwhile(serve: Serve) -> object:
        assert night.hand_out(copy)
        return serve()

    night.sides.platform.fail("orders.query", meanwhile)
    assert night.hand_out(copy)
    night.work()

    assert ([1], 1) == (metrics("StatementDifferences"), night.report["total"]["here"]["orders"])
    assert 2 == night.sides.platform.count("orders.query")


def test_a_schedule_that_fires_twice_makes_one_statement(night: Night, metrics: Metrics) -> None:
    night.order("a")
    night.ask()
    night.ask()
    night.work()

    assert [0] == metrics("StatementDifferences")


def test_a_task_cut_off_goes_on_where_it_was(night: Night) -> None:
    number = night.order("a")
    night.ask()
    shard = next(name for name in day_shards(DAY) if night.dependencies.store.of_day(name) == (number,))
    clock = iter([120.0, 10.0])

    night.hand_out(night.messages.take(shard), remaining=lambda: next(clock))
    night.work()

    assert (1, 1) == (night.report["total"]["here"]["orders"], night.sides.platform.count("orders.query"))


def test_a_platform_that_is_down_for_a_while_only_delays_the_statement(night: Night, metrics: Metrics) -> None:
    night.order("a")
    night.sides.platform.fail("orders.query", *[down] * 6)

    report = night.statement()

    assert (True, 1) == (report["complete"], report["total"]["there"]["orders"])
    assert night.sides.now > NEXT_NIGHT + 60


def test_a_platform_that_stays_down_ends_in_a_statement_that_says_so(night: Night, metrics: Metrics) -> None:
    night.order("a")
    night.sides.platform.fail_always("orders.query", down)

    report = night.statement()

    assert (False, [1]) == (report["complete"], metrics("StatementIncomplete"))
    assert any("abandoned" in problem for problem in report["problems"])


def test_a_task_that_never_comes_back_is_named_by_the_watch(night: Night) -> None:
    night.ask()
    lost = night.messages.take("there")
    night.work()
    assert not night.written

    for _ in range(9):
        night.sides.now += 900
        night.hand_out(night.messages.take("watch"))

    assert (False, ["there: not finished"]) == (night.report["complete"], night.report["problems"])
    assert night.messages.waiting == []
    assert night.hand_out(lost)  # late: the run is over
    assert (False, 0) == (night.report["complete"], night.sides.platform.count("orders.changed"))


def test_the_watch_of_a_finished_run_ends(night: Night) -> None:
    night.statement()

    assert night.hand_out(night.messages.take("watch"))
    assert night.messages.waiting == []


def test_a_crash_before_the_report_is_written_brings_it_back(night: Night, metrics: Metrics) -> None:
    night.ask()
    last = night.messages.take("there")
    night.work()
    bucket, night.dependencies = night.dependencies.s3, night.dependencies._replace(s3=None)
    with pytest.raises(AttributeError):
        night.hand_out(last)

    night.dependencies = night.dependencies._replace(s3=bucket)
    night.hand_out(last)

    assert (True, [0]) == (night.report["complete"], metrics("StatementDifferences"))


def test_made_again_it_replaces_the_first_and_the_firsts_tasks_are_dropped(night: Night) -> None:
    night.ask({"day": DAY})
    old = night.messages.take("there")
    night.work()
    night.order("a", there=False)

    night.statement(EVENT)
    requested = len(night.sides.platform.calls)
    night.hand_out(old)

    assert requested == len(night.sides.platform.calls)
    assert (EVENT["id"], 1) == (night.report["run"], night.report["orders_differing"])


def test_a_message_that_is_no_task_goes_to_the_dead_letters(night: Night) -> None:
    assert not night.hand_out('{"day": "2025-11-22"}')
    assert not night.hand_out("junk")


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ([], "expected {}"),
        ({"date": DAY}, "unknown field 'date'"),
        ({"day": "yesterday"}, "such as 2026-11-23"),
        ({"day": 20261123}, "such as 2026-11-23"),
        ({"day": "9999-12-31"}, "such as|not over"),
        ({"day": day_of(UNTIL)}, "not over yet"),
    ],
)
def test_a_day_that_cannot_be_is_refused_with_what_to_give(night: Night, payload: object, problem: str) -> None:
    with pytest.raises(night.app.WrongPayload, match=problem):
        night.ask(payload)


def test_a_day_is_over_at_midnight_in_shanghai(night: Night) -> None:
    night.sides.now = UNTIL - 1
    with pytest.raises(night.app.WrongPayload):
        night.ask({"day": DAY})

    night.sides.now = UNTIL
    assert DAY == night.ask({"day": DAY})["day"]
