"""Reconciler runs, with the local AWS and a platform in this process."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError

from jiuwu.aws.settings import SettingsError
from jiuwu.trade.drift import counts_of
from jiuwu.trade.orders import Cancelled, EffectDone, Event, Line, Paid, Placed, Status
from jiuwu.trade.placing import new_order
from sandbox.cloud.environments import ROOT
from sandbox.platform import orders as platform
from tests.functions.both_sides import COMMON, NOW, NOWHERE, Sides, resources
from tests.functions.platform_stand_in import Serve, down, lost, refuses, unheard
from tests.trade.lives import after

EVENT = json.loads((Path(__file__).parents[2] / "events" / "reconciler.json").read_text("utf-8"))
TEA = (Line("tea", "龙井", 2, 617),)
LATER = NOW + 1000


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 300_000


class Clockwork:
    """The reconciler on both sides of some orders; it runs at LATER, when orders made at NOW are due."""

    def __init__(self, app: ModuleType, sides: Sides) -> None:
        self.app, self.sides = app, sides
        sides.now = LATER
        sides.log_in()
        self.reconciler = sides.build(app)

    def run(self, event: object = EVENT, *, left: Callable[[], float] = lambda: 300.0) -> dict[str, Any]:
        answer: dict[str, Any] = self.app.handle(self.reconciler, event, left)
        return answer

    def one(self, order_no: str) -> dict[str, Any]:
        return self.run({"order_no": order_no})

    def order(self, key: str = "key-1", *events: Event, member: str = "lan", there: bool = True) -> str:
        """An order made at NOW, and what happened to it; its number. `there`: the platform has it, as created."""
        open_id, member_id = self.sides.member(member)
        made = new_order(member_id, open_id, key, TEA, now=NOW, check_seconds=180)
        if there:
            items = (platform.Item("tea", "龙井", 2, 617),)
            asked = platform.NewOrder(made.order_no, made.amount_fen, items)
            self.sides.platform.orders[made.order_no] = platform.place(asked, open_id, NOW)
            number = self.sides.platform.orders[made.order_no].platform_order_no
            events = (Placed(NOW, number, "https://pay"), *events)
        self.sides.put(after(made, *events))
        return made.order_no

    def classes(self, answer: dict[str, Any]) -> dict[str, int]:
        return {class_: found["count"] for class_, found in answer["classes"].items()}

    @property
    def reports(self) -> list[dict[str, Any]]:
        table = self.sides.names["RECONCILIATION_TABLE"]
        items = self.sides.dynamodb.scan(TableName=table)["Items"]
        return [item for item in items if item["record"]["S"].startswith("report#")]


@pytest.fixture(scope="module")
def app(cloud: object) -> Iterator[ModuleType]:
    """The function as one warm process for all tests; each test serves tables of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in NOWHERE.items():
            patch.setenv(name, value)
        sys.modules.pop("functions.reconciler.app", None)
        yield importlib.import_module("functions.reconciler.app")


@pytest.fixture(scope="module")
def common(
    aws: Callable[[str], Any], make_table: Callable[[str], str], make_queue: Callable[[str], str]
) -> dict[str, str]:
    return COMMON | resources(aws, make_table, make_queue)


@pytest.fixture
def names(common: dict[str, str], orders_table: str, reconciliation_table: str) -> dict[str, str]:
    # a run looks at whatever is due, so each test has orders of its own
    return common | {"ORDERS_TABLE": orders_table, "RECONCILIATION_TABLE": reconciliation_table}


@pytest.fixture
def clockwork(app: ModuleType, aws: Callable[[str], Any], names: dict[str, str]) -> Clockwork:
    return Clockwork(app, Sides(aws, names))


def paid(order_no: str, at: int = NOW + 50) -> Paid:
    return Paid(f"evt-{order_no}", at, "t1", 1234, at)


# ── What is due ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_example_event_runs_the_function_as_deployed(
    load_function: Callable[..., ModuleType], names: dict[str, str]
) -> None:
    answer = load_function("reconciler", **names).handler(EVENT, Context())

    # its platform is not there: said so, and nothing worse
    assert (0, True) == (answer["looked_at"], answer["incomplete"])


def test_a_shop_without_orders_reconciles_to_nothing(clockwork: Clockwork) -> None:
    answer = clockwork.run()

    assert (0, False, {}) == (answer["looked_at"], answer["incomplete"], answer["classes"])


def test_an_order_that_never_reached_the_platform_is_placed(clockwork: Clockwork) -> None:
    number = clockwork.order(there=False)

    answer = clockwork.run()

    assert (clockwork.classes(answer), answer["transitions"]) == ({"missing_there": 1}, {"placed": 1})
    assert clockwork.sides.platform.orders[number].open_id == clockwork.sides.member()[0]
    assert clockwork.sides.order(number).status is Status.PLACED


def test_an_order_whose_placing_lost_its_reply_is_found_and_not_placed_again(clockwork: Clockwork) -> None:
    number = clockwork.order(there=False)
    clockwork.sides.platform.fail("orders.create", unheard, unheard, lost)

    clockwork.run()

    assert clockwork.sides.platform.calls.count("orders.create") == 3
    assert clockwork.sides.order(number).status is Status.PLACED


def test_a_payment_nobody_told_us_of_is_taken_and_its_shipping_asked_for(clockwork: Clockwork) -> None:
    number = clockwork.order()
    clockwork.sides.now = NOW + 60
    clockwork.sides.platform.pay(number)
    clockwork.sides.now = LATER

    answer = clockwork.run()

    assert (clockwork.classes(answer), answer["transitions"]) == ({"missed_notification": 1}, {"paid": 1})
    assert (clockwork.sides.order(number).status, clockwork.sides.queued) == (Status.PAID, [number])


def test_an_effect_that_never_left_is_asked_for_again_and_then_left_in_peace(clockwork: Clockwork) -> None:
    number = clockwork.order("key-1", paid("x"))
    clockwork.sides.platform.pay(number)
    clockwork.sides.now = LATER + 100

    clockwork.run()
    first = clockwork.sides.queued
    clockwork.run()

    assert ([number], []) == (first, clockwork.sides.queued)
    assert clockwork.sides.order(number).due_at > LATER + 180


def test_an_unpaid_order_is_looked_at_ever_more_rarely(clockwork: Clockwork) -> None:
    number = clockwork.order()
    waits = []
    for _ in range(3):
        clockwork.sides.now = clockwork.sides.order(number).due_at
        clockwork.run()
        waits.append(clockwork.sides.order(number).due_at - clockwork.sides.now)

    assert waits == [360, 1080, 3240]


def test_what_is_final_is_due_no_more(clockwork: Clockwork) -> None:
    number = clockwork.order()
    clockwork.sides.platform.change(number, platform.cancel)
    clockwork.sides.now = LATER + 100

    clockwork.run()

    assert (Status.CANCELLED, 0) == (
        (order := clockwork.sides.order(number)).status,
        order.due_at,
    )


def test_a_platform_that_forgot_what_we_told_it_is_told_again(clockwork: Clockwork) -> None:
    number = clockwork.order("k", paid("x"), EffectDone(NOW + 60, "ship"), EffectDone(NOW + 61, "push:shipped"))
    clockwork.sides.platform.pay(number)
    clockwork.sides.now = LATER + 100

    answer = clockwork.one(number)

    assert [found["class"] for found in answer["found"]] == ["platform_behind"]
    assert (("push:shipped",), [number]) == (clockwork.sides.order(number).pending, clockwork.sides.queued)


def test_another_amount_over_there_is_never_shipped(clockwork: Clockwork, capsys: pytest.CaptureFixture[str]) -> None:
    number = clockwork.order()
    clockwork.sides.platform.pay(number, amount=1)
    clockwork.sides.now = LATER + 100

    answer = clockwork.run()

    assert clockwork.classes(answer)["amount_differs"] == 1
    assert (clockwork.sides.order(number).status, clockwork.sides.queued) == (Status.HELD, [])
    assert ("amount_differs", 1) in drift_metrics(capsys)


def drift_metrics(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, int]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    return [(line["class_"], int(line["Drift"][0])) for line in lines if "Drift" in line]


def test_a_contradiction_is_reported_with_its_evidence_and_nothing_is_changed(clockwork: Clockwork) -> None:
    number = clockwork.order("k", paid("x"))
    clockwork.sides.platform.change(number, platform.cancel)
    clockwork.sides.now = LATER + 100
    before = clockwork.sides.order(number)

    answer = clockwork.one(number)

    assert "state_impossible" in {found["class"] for found in answer["found"]}
    assert all(found["evidence"] for found in answer["found"])
    assert replace(clockwork.sides.order(number), due_at=0, version=0) == replace(before, due_at=0, version=0)


def test_hundreds_of_due_orders_take_few_calls(clockwork: Clockwork) -> None:
    numbers = [clockwork.order(f"key-{n}") for n in range(230)]

    answer = clockwork.run()

    assert answer["looked_at"] == 230
    assert clockwork.sides.platform.count("orders.query") == 3
    assert all(clockwork.sides.order(number).due_at > LATER for number in numbers)


# ── What has changed over there ───────────────────────────────────────────────────────────────────────────────────────


def test_changes_of_orders_that_nobody_was_to_look_at_are_found(clockwork: Clockwork) -> None:
    number = clockwork.order("k", paid("x"), EffectDone(NOW + 60, "ship"), EffectDone(NOW + 61, "push:shipped"))
    clockwork.sides.platform.pay(number)
    ship_there(clockwork, number)
    clockwork.sides.platform.change(number, platform.complete)
    clockwork.sides.now = LATER + 100

    answer = clockwork.run()

    assert (clockwork.classes(answer), answer["transitions"]) == ({"missed_notification": 1}, {"completed": 1})
    assert clockwork.sides.platform.count("orders.query") == 0


def ship_there(clockwork: Clockwork, number: str) -> None:
    there = clockwork.sides.platform.orders
    there[number] = platform.push(there[number], "shipped", "request-1", NOW + 61)


def test_an_order_of_ours_that_only_the_platform_has_is_adopted(clockwork: Clockwork) -> None:
    number = clockwork.order()
    clockwork.sides.platform.pay(number)
    clockwork.sides.dynamodb.delete_item(
        TableName=clockwork.sides.names["ORDERS_TABLE"], Key={"order_no": {"S": number}}
    )
    clockwork.sides.now = LATER + 100

    answer = clockwork.run()

    order = clockwork.sides.order(number)
    assert clockwork.classes(answer) == {"missing_here": 1, "missed_notification": 1}
    assert (order.status, order.lines, order.member_id) == (Status.PAID, TEA, clockwork.sides.member()[1])
    assert clockwork.sides.queued == [number]


def test_an_order_that_is_not_provably_ours_is_reported_and_not_adopted(clockwork: Clockwork) -> None:
    asked = platform.NewOrder("WEB-4711", 1234, ())
    clockwork.sides.platform.orders["WEB-4711"] = platform.place(asked, "ou_x", LATER - 100)

    answer = clockwork.run()

    assert (clockwork.classes(answer), answer["classes"]["state_impossible"]["orders"]) == (
        {"state_impossible": 1},
        ["WEB-4711"],
    )
    assert clockwork.sides.store.get("WEB-4711") is None


def test_orders_that_changed_and_are_the_same_here_cost_no_write(clockwork: Clockwork) -> None:
    number = clockwork.order("k")
    clockwork.sides.now = NOW + 100

    answer = clockwork.run()

    assert answer["looked_at"] == 1
    assert clockwork.sides.order(number).version == 1


def test_a_change_of_this_moment_is_left_to_its_notification(clockwork: Clockwork) -> None:
    number = clockwork.order()
    clockwork.sides.platform.pay(number)
    clockwork.sides.now = LATER + 29

    fresh = clockwork.run()
    clockwork.sides.now = LATER + 31
    settled = clockwork.run()

    assert ({}, {"missed_notification": 1}) == (clockwork.classes(fresh), clockwork.classes(settled))


def test_a_silent_webhook_channel_is_noticed(clockwork: Clockwork, capsys: pytest.CaptureFixture[str]) -> None:
    for n in range(3):
        clockwork.sides.platform.pay(clockwork.order(f"key-{n}"), transaction=f"t{n}")
    clockwork.sides.now = LATER + 100

    clockwork.run()

    assert "SilentWebhook" in capsys.readouterr().out


def test_a_channel_that_brought_anything_is_not_called_silent(
    clockwork: Clockwork, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in range(3):
        clockwork.sides.platform.pay(clockwork.order(f"key-{n}"), transaction=f"t{n}")
    clockwork.sides.platform.pay(clockwork.order("heard", paid("x", at=LATER)))
    clockwork.sides.now = LATER + 100

    clockwork.run()

    assert "SilentWebhook" not in capsys.readouterr().out


def test_what_happened_here_while_the_platform_answered_does_not_make_it_look_behind(clockwork: Clockwork) -> None:
    number = clockwork.order("k", paid("x"), EffectDone(NOW + 60, "ship"))
    clockwork.sides.platform.pay(number)
    clockwork.sides.now = LATER + 100

    def told_meanwhile(serve: Serve) -> object:
        answer = serve()
        order = clockwork.sides.order(number)
        told = after(order, EffectDone(int(clockwork.sides.now), "push:shipped"))
        clockwork.sides.store.save_many([(order, told)])
        return answer

    clockwork.sides.platform.fail("orders.query", told_meanwhile)
    clockwork.sides.platform.fail_always("orders.changed", down)

    answer = clockwork.run()

    assert ({}, ()) == (clockwork.classes(answer), clockwork.sides.order(number).pending)


# ── Cut off, down, at once ────────────────────────────────────────────────────────────────────────────────────────────


def seconds(*left: float) -> Callable[[], float]:
    """A clock that runs down as it is looked at."""
    remaining = iter(left)
    return lambda: next(remaining, 0.0)


def test_a_run_that_is_cut_off_is_finished_by_the_next(clockwork: Clockwork) -> None:
    for n in range(150):
        clockwork.order(f"key-{n}")

    first = clockwork.run(left=seconds(100, 100))
    second = clockwork.run()

    assert (True, 100) == (first["incomplete"], first["looked_at"])
    assert not second["incomplete"]
    # all but the first hundred; and the list of changes, which the first run did not come to, shows all of them
    assert (clockwork.sides.platform.count("orders.query"), second["looked_at"]) == (2, 150)


def test_a_list_of_changes_is_read_on_from_the_page_it_was_cut_off_at(clockwork: Clockwork) -> None:
    for n in range(5):
        clockwork.order(f"key-{n}", Cancelled(f"c{n}", NOW))
    clockwork.sides.platform.page_size = 2
    runs = (seconds(100, 100), seconds(100, 100), lambda: 300.0)

    sizes = [clockwork.run(left=left)["looked_at"] for left in runs]

    assert (sizes, clockwork.sides.platform.count("orders.changed")) == ([2, 2, 1], 3)


def test_a_page_that_the_platform_has_forgotten_begins_the_list_again(clockwork: Clockwork) -> None:
    for n in range(4):
        clockwork.order(f"key-{n}", Cancelled(f"c{n}", NOW))
    clockwork.sides.platform.page_size = 2
    clockwork.run(left=seconds(100, 100))
    clockwork.sides.platform.fail("orders.changed", refuses(10001))

    answer = clockwork.run()

    assert (4, False) == (answer["looked_at"], answer["incomplete"])


def test_a_platform_that_is_down_leaves_everything_for_the_next_run(clockwork: Clockwork) -> None:
    number = clockwork.order(there=False)
    for call in ("orders.query", "orders.changed"):
        clockwork.sides.platform.fail_always(call, down)
    before = clockwork.sides.order(number)

    answer = clockwork.run()

    assert answer["incomplete"]
    assert all("PlatformUnreachable" in problem for problem in answer["problems"])
    assert clockwork.sides.order(number) == before
    clockwork.sides.platform.heal()
    assert clockwork.run()["transitions"] == {"placed": 1}


def test_a_platform_that_takes_no_orders_is_not_asked_for_each_of_them(clockwork: Clockwork) -> None:
    for n in range(6):
        clockwork.order(f"key-{n}", there=False)
    clockwork.sides.platform.fail_always("orders.create", refuses(90001))

    answer = clockwork.run()

    assert answer["incomplete"]
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


def test_two_runs_at_once_do_everything_once(clockwork: Clockwork) -> None:
    numbers = [clockwork.order(f"key-{n}") for n in range(20)]
    for n, number in enumerate(numbers):
        clockwork.sides.platform.pay(number, transaction=f"t{n}")
    unplaced = clockwork.order("unplaced", there=False)
    clockwork.sides.now = LATER + 100

    with ThreadPoolExecutor(2) as runs:
        list(runs.map(lambda _: clockwork.run(), range(2)))

    for number in numbers:
        order = clockwork.sides.order(number)
        assert (order.status, len(order.ledger), order.pending) == (Status.PAID, 1, ("ship",))
    assert clockwork.sides.order(unplaced).status is Status.PLACED


def test_a_table_out_of_order_fails_the_run_so_that_its_alarm_rings(clockwork: Clockwork) -> None:
    clockwork.sides.dynamodb.delete_table(TableName=clockwork.sides.names["ORDERS_TABLE"])

    with pytest.raises(ClientError):
        clockwork.run()


# ── Reports, and one order by hand ────────────────────────────────────────────────────────────────────────────────────


def test_each_run_leaves_a_report(clockwork: Clockwork) -> None:
    clockwork.order(there=False)

    answer = clockwork.run()

    (item,) = clockwork.reports
    assert (item["record"]["S"], counts_of(item)) == (answer["record"], {"missing_there": 1})


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
    ],
    ids=str,
)
def test_a_wrong_payload_is_a_clear_error(clockwork: Clockwork, payload: object) -> None:
    with pytest.raises(clockwork.app.WrongPayload, match=r"order_no|expected"):
        clockwork.run(payload)


@pytest.mark.parametrize("missing", ["ORDERS_TABLE", "RECONCILIATION_TABLE", "EFFECT_QUEUE_URL", "APP_SECRET_NAME"])
def test_a_missing_variable_fails_the_start_by_its_name(
    load_function: Callable[..., ModuleType], names: dict[str, str], missing: str
) -> None:
    with pytest.raises(SettingsError, match=missing):
        load_function("reconciler", **names | {missing: ""})


def test_a_start_loads_neither_httpx_nor_pydantic() -> None:
    probe = "import sys, functions.reconciler.app; print([n for n in ('httpx', 'pydantic') if n in sys.modules])"
    environment = NOWHERE | {"PYTHONPATH": f"{ROOT}:{ROOT}/layers/jiuwu", "AWS_DEFAULT_REGION": "eu-west-1"}
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
