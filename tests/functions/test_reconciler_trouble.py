"""Runs that are cut off, meet a platform that is down, or each other; and what runs tell."""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec import structs

from jiuwu.aws.dynamodb import unmarshal_fields
from jiuwu.aws.settings import SettingsError
from jiuwu.deadline import Deadline
from jiuwu.orders.effect_key import PushStatus, Ship
from jiuwu.orders.events import Cancelled, EffectDone
from jiuwu.orders.order import HistoryEntry, Status
from jiuwu.orders.outcomes import LOOKUP_NEEDED
from jiuwu.reconciliation.shard_tasks import CHANGED, ShardTask, of_tick
from sandbox.cloud.environments import ROOT
from sandbox.simulator import orders as platform
from tests.functions.both_sides import NOW, NOWHERE, Sides
from tests.functions.platform_stand_in import Serve, down, refuses
from tests.functions.reconciler_rig import LATER, Clockwork, batch, paid, ship_there

# ── Cut off, down, at once ────────────────────────────────────────────────────────────────────────────────────────────


def seconds(*left: float) -> Callable[[], float]:
    """A clock that runs down as it is looked at."""
    remaining = iter(left)
    return lambda: next(remaining, 0.0)


def test_a_shard_whose_time_is_over_is_gone_on_with_at_once(clockwork: Clockwork) -> None:
    numbers = clockwork.orders_of("3", 150)

    clockwork.put(ShardTask("3", LATER), remaining=seconds(100, 10))
    (rest,) = clockwork.tasks()
    half = [number for number in numbers if clockwork.sides.order(number).due_at > LATER]
    clockwork.take(rest)

    assert (100, 150) == (len(half), sum(clockwork.sides.order(number).due_at > LATER for number in numbers))
    assert ([], [], 2) == (clockwork.tasks(), clockwork.leases, clockwork.sides.platform.count("orders.query"))


def test_a_page_whose_time_is_over_before_all_are_placed_is_gone_on_with(clockwork: Clockwork) -> None:
    clockwork.orders_of("3", 3, there=False)

    clockwork.put(ShardTask("3", LATER), remaining=seconds(100, 100, 100, 10))
    first = len(clockwork.sides.platform.orders)
    (rest,) = clockwork.tasks()
    clockwork.take(rest)

    assert (1, 3) == (first, len(clockwork.sides.platform.orders))


def test_a_list_of_changes_is_read_on_from_the_page_it_was_cut_off_at(clockwork: Clockwork) -> None:
    for n in range(5):
        clockwork.order(f"key-{n}", Cancelled(f"c{n}", NOW))
    clockwork.sides.platform.page_size = 2

    answer = clockwork.run(remaining=lambda: 10.0)

    assert (5, 3) == (answer["changed"], clockwork.sides.platform.count("orders.changed"))
    assert [2, 2, 1] == [json.loads(report["report"]["S"])["checked"] for report in clockwork.reports_in_order]


def fresh(clockwork: Clockwork, number: str) -> None:
    """The order changes just now: its notification is on its way."""
    clockwork.sides.platform.change(number, platform.complete)


def written_meanwhile(clockwork: Clockwork, number: str) -> None:
    """The order changed a while ago, and someone writes it here while the list is read."""
    clockwork.sides.now = LATER - 200
    clockwork.sides.platform.change(number, platform.complete)
    clockwork.sides.now = LATER

    def write(serve: Serve) -> object:
        order = clockwork.sides.order(number)
        looked = replace(order, history=(*order.history, HistoryEntry(LATER, "", LOOKUP_NEEDED, "by someone")))
        clockwork.sides.store.save_many([(order, looked)])
        return serve()

    clockwork.sides.platform.fail("orders.changed", write)


@pytest.mark.parametrize("happens", [fresh, written_meanwhile])
def test_a_change_left_aside_is_met_again_though_the_rest_of_the_list_had_to_wait(
    clockwork: Clockwork, happens: Callable[[Clockwork, str], None]
) -> None:
    shipped = (paid("x"), EffectDone(NOW + 60, Ship()), EffectDone(NOW + 61, PushStatus("shipped")))
    number, other = clockwork.order("k", *shipped), clockwork.order("other")
    clockwork.sides.platform.pay(number)
    ship_there(clockwork, number)
    happens(clockwork, number)
    clockwork.sides.platform.pay(other)
    clockwork.sides.platform.page_size = 1
    clockwork.put(ShardTask(CHANGED, LATER), remaining=lambda: 10.0)
    clockwork.tasks()  # nobody comes to the next page for a long time

    clockwork.sides.now = LATER + 850
    clockwork.sides.platform.pay(other, transaction="t2")
    for later in (900, 1080):
        clockwork.sides.now = LATER + later
        clockwork.put(ShardTask(CHANGED, LATER + later), f"m-{later}")

    assert Status.COMPLETED is clockwork.sides.order(number).status


def test_a_page_that_the_platform_has_forgotten_begins_the_list_again(clockwork: Clockwork) -> None:
    for n in range(4):
        clockwork.order(f"key-{n}", Cancelled(f"c{n}", NOW))
    clockwork.sides.platform.page_size = 2
    clockwork.put(ShardTask(CHANGED, LATER), remaining=lambda: 10.0)
    (rest,) = clockwork.tasks()
    clockwork.sides.platform.fail("orders.changed", refuses(10001))

    clockwork.take(rest)

    assert 4 == json.loads(clockwork.reports_in_order[-1]["report"]["S"])["checked"]


def test_a_list_that_is_read_no_further_lags_and_one_that_is_read_does_not(
    clockwork: Clockwork, capsys: pytest.CaptureFixture[str]
) -> None:
    clockwork.put(ShardTask(CHANGED, LATER))
    clockwork.sides.platform.fail_always("orders.changed", down)
    capsys.readouterr()
    clockwork.sides.now = LATER + 7200

    clockwork.put(ShardTask(CHANGED, LATER + 7200), "m-2")
    standing = lag(capsys)
    clockwork.sides.platform.heal()
    clockwork.put(ShardTask(CHANGED, LATER + 7200), "m-3")

    assert (7200 + 300, 300) == (standing, lag(capsys))


def lag(capsys: pytest.CaptureFixture[str]) -> int:
    """The metric that its alarm looks at."""
    (captured,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "ChangesLag" in line]
    return int(captured["ChangesLag"][0])


def test_a_platform_that_is_down_leaves_everything_for_the_next_run(clockwork: Clockwork) -> None:
    number = clockwork.order(there=False)
    for call in ("orders.query", "orders.changed"):
        clockwork.sides.platform.fail_always(call, down)
    before = clockwork.sides.order(number)

    answer = clockwork.run()

    assert 2 == len(answer["problems"])
    assert all("PlatformUnreachable" in problem for problem in answer["problems"])
    assert clockwork.sides.order(number) == before
    clockwork.sides.platform.heal()
    clockwork.sides.now += 1
    assert clockwork.run()["transitions"] == {"placed": 1}


def test_a_platform_that_takes_no_orders_is_not_requested_each_of_them(clockwork: Clockwork) -> None:
    clockwork.orders_of("3", 6, there=False)
    clockwork.sides.platform.fail_always("orders.create", refuses(90001))

    answer = clockwork.run()

    assert answer["problems"]
    # three orders, three attempts each
    assert clockwork.sides.platform.count("orders.create") == 9


@pytest.mark.parametrize("trouble", [Sides.end_link, Sides.damage_tokens])
def test_one_member_who_must_log_in_again_does_not_hold_up_the_others(
    clockwork: Clockwork, trouble: Callable[[Sides, str], None]
) -> None:
    clockwork.sides.log_in("mei")
    trouble(clockwork.sides, "mei")
    held_up = clockwork.order("key-1", member="mei", there=False)
    placed = clockwork.order("key-2", there=False)

    answer = clockwork.run()

    assert (Status.CREATED, Status.PLACED) == (
        clockwork.sides.order(held_up).status,
        clockwork.sides.order(placed).status,
    )
    assert clockwork.sides.order(held_up).due_at > LATER
    assert answer["problems"] == [f"{held_up}: not placed: login_needed"]


def test_an_order_whose_reply_makes_no_sense_does_not_hold_up_the_others(clockwork: Clockwork) -> None:
    numbers = [clockwork.order(f"key-{n}") for n in range(5)]

    def spoil(serve: Serve) -> object:
        data: Any = serve()
        for order in data["orders"]:
            order["amount"] = "12,34" if order["out_order_no"] == numbers[2] else order["amount"]
        return data

    clockwork.sides.platform.fail_always("orders.query", spoil)
    clockwork.sides.platform.fail_always("orders.changed", down)

    answer = clockwork.run()

    due = {number for number in numbers if clockwork.sides.order(number).due_at <= LATER}
    assert due == {numbers[2]}
    assert any(numbers[2] in problem and "amount" in problem for problem in answer["problems"])


def test_a_changed_order_that_makes_no_sense_does_not_hold_up_the_list(clockwork: Clockwork) -> None:
    numbers = [clockwork.order(f"key-{n}") for n in range(3)]
    for n, number in enumerate(numbers):
        clockwork.sides.platform.pay(number, transaction=f"t{n}")

    def spoil(serve: Serve) -> object:
        data: Any = serve()
        for order in data["orders"]:
            order["amount"] = "12,34" if order["out_order_no"] == numbers[1] else order["amount"]
        return data

    clockwork.sides.platform.fail_always("orders.changed", spoil)
    clockwork.sides.platform.fail_always("orders.query", down)
    clockwork.sides.now = LATER + 100

    answer = clockwork.run()

    assert [Status.PAID, Status.PLACED, Status.PAID] == [clockwork.sides.order(number).status for number in numbers]
    assert any(numbers[1] in problem and "amount" in problem for problem in answer["problems"])


def test_two_runs_at_once_do_everything_once(clockwork: Clockwork, make_table: Callable[[str], str]) -> None:
    # each with leases that the other does not see
    elsewhere = structs.replace(clockwork.dependencies.settings, reconciliation_table=make_table("ReconciliationTable"))
    both = (clockwork.dependencies, clockwork.dependencies._replace(settings=elsewhere))
    numbers = [clockwork.order(f"key-{n}") for n in range(20)]
    for n, number in enumerate(numbers):
        clockwork.sides.platform.pay(number, transaction=f"t{n}")
    unplaced = clockwork.order("unplaced", there=False)
    clockwork.sides.now = LATER + 100

    def run(dependencies: Any) -> None:
        for part in of_tick(8, LATER + 100):
            clockwork.app.handle(dependencies, batch(part), Deadline(lambda: 120.0))

    with ThreadPoolExecutor(2) as runs:
        list(runs.map(run, both))

    for number in numbers:
        order = clockwork.sides.order(number)
        assert (order.status, len(order.ledger), order.pending) == (Status.PAID, 1, (Ship(),))
    assert clockwork.sides.order(unplaced).status is Status.PLACED


def test_a_table_out_of_order_fails_the_run_so_that_its_alarm_rings(clockwork: Clockwork) -> None:
    clockwork.sides.dynamodb.delete_table(TableName=clockwork.sides.names["ORDERS_TABLE"])

    with pytest.raises(ClientError):
        clockwork.run()


# ── Reports, and one order by hand ────────────────────────────────────────────────────────────────────────────────────


def test_each_part_with_work_leaves_a_report(clockwork: Clockwork) -> None:
    clockwork.orders_of("3", 1, there=False)

    clockwork.run()

    (item,) = clockwork.reports
    assert item["record"]["S"] == "report#2025-11-22T08:43:20.000+00:00#3#0"
    assert unmarshal_fields(item)["counts"] == {"missing_there": 1}


def test_one_order_by_hand_tells_what_was_found_and_done(clockwork: Clockwork) -> None:
    number = clockwork.order()
    clockwork.sides.platform.pay(number)

    # at once: by hand, nothing is left to a notification on its way
    answer = clockwork.one(number)

    assert answer == {
        "order_no": number,
        "status": "paid",
        "found": [{"class": "missed_notification", "evidence": "paid:t1"}],
        "did": ["paid"],
        "incomplete": False,
        "problems": [],
    }
    assert clockwork.reports == []


def test_an_order_that_neither_side_has_is_said_to_be_unknown(clockwork: Clockwork) -> None:
    assert ("unknown", []) == ((answer := clockwork.one("JW1")).get("status"), answer["found"])


def test_one_order_with_the_platform_down_says_so(clockwork: Clockwork) -> None:
    number = clockwork.order()
    clockwork.sides.platform.fail_always("orders.query", down)

    answer = clockwork.one(number)

    assert answer["incomplete"]
    assert "PlatformUnreachable" in answer["problems"][0]


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "JW1",
        7,
        {"order_no": 7},
        {"order_no": None},
        {"order_no": ""},
        {"order_no": "订单"},
        {"order_no": "a b"},
        {"order_no": "J" * 65},
        {"order_no": ["JW1"]},
        {"order": "JW1"},
        {"order_no": "JW1", "force": True},
        {"source": "aws.s3"},
        {"Records": []},
        {"Records": ["JW1"]},
        {"Records": [{"eventSource": "aws:s3"}]},
    ],
    ids=str,
)
def test_a_wrong_payload_is_a_clear_error(clockwork: Clockwork, payload: object) -> None:
    with pytest.raises(clockwork.app.WrongPayload, match=r"order_no|expected"):
        clockwork.handle(payload)


# ── Starting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("missing", ["ORDERS_TABLE", "RECONCILIATION_TABLE", "EFFECT_QUEUE_URL", "APP_SECRET_NAME"])
def test_a_missing_variable_fails_the_start_by_its_name(
    load_function: Callable[..., ModuleType], trade_names: dict[str, str], missing: str
) -> None:
    with pytest.raises(SettingsError, match=missing):
        load_function("reconciler", **trade_names | {missing: ""})


def test_a_start_loads_neither_httpx_nor_pydantic() -> None:
    probe = "import sys, functions.reconciler.app; print([n for n in ('httpx', 'pydantic') if n in sys.modules])"
    environment = NOWHERE | {"PYTHONPATH": f"{ROOT}:{ROOT}/layers/jiuwu", "AWS_DEFAULT_REGION": "eu-west-1"}
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
