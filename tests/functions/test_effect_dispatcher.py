"""EffectDispatcher against the local AWS: what is pending leaves, counts once, and is written down."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from jiuwu.aws.settings import SettingsError, load
from jiuwu.bootstrap import Platform
from jiuwu.deadline import Deadline
from jiuwu.orders.effect_key import PushStatus
from jiuwu.orders.order import Order, Status
from jiuwu.orders.repository import OrderStore
from jiuwu.runtime import Runtime
from tests.functions.trade_messages import (
    ENVIRONMENT,
    CapturedTelemetry,
    an_order,
    batch,
    capture_telemetry,
    data,
    drained,
    failed,
    number,
    platform,
    record,
    shown,
)
from tests.orders.lives import CANCELLED, NOW, PAID, PUSHED, REFUNDED, SHIPPED, after, paid, refunded


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class Rig:
    """What a test does with the function; the merchant's rule hands ship requests to a queue."""

    def __init__(
        self, app: ModuleType, environment: dict[str, str], sqs: Any, warehouse: str, captured: CapturedTelemetry
    ) -> None:
        self.app, self.sqs, self.warehouse, self.captured = app, sqs, warehouse, captured
        self.settings = load(app.Settings, environment)
        self.requested: list[httpx.Request] = []
        runtime = Runtime(clock=lambda: NOW + 100.5)
        self.dependencies = app.build(self.settings, Platform(self.settings), runtime)
        self.store: OrderStore = self.dependencies.store
        self.platform(lambda request: data(shown()))

    def platform(self, answers: Callable[[httpx.Request], httpx.Response | None]) -> None:
        def answer(request: httpx.Request) -> httpx.Response | None:
            self.requested.append(request)
            return answers(request)

        self.change(platform=Platform(self.settings, http=platform(answer)))

    def change(self, **dependencies: Any) -> None:
        self.dependencies = self.dependencies._replace(**dependencies)

    def put(self, *orders: Order) -> None:
        for order in orders:
            self.store.create(order)

    def order(self, n: int = 0) -> Order:
        order = self.store.get(number(n))
        assert order is not None
        return order

    def handle(self, *records: dict[str, Any]) -> list[str]:
        return failed(self.app.handle(self.dependencies, batch(*records), Deadline(lambda: 30.0)))

    def requested_again(self) -> list[dict[str, Any]]:
        """The messages in the effect queue, waited for as long as a first failure makes them wait."""
        url = self.settings.effect_queue_url
        messages = self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    @property
    def dead_letters(self) -> list[dict[str, Any]]:
        return drained(self.sqs, self.settings.effect_dead_letter_url)

    @property
    def ship_requests(self) -> list[dict[str, Any]]:
        return [json.loads(message["Body"])["detail"] for message in drained(self.sqs, self.warehouse)]


@pytest.fixture
def warehouse(aws: Callable[[str], Any], event_bus: str, make_queue: Callable[[str], str]) -> str:
    """The URL of the queue that the merchant's rule sends ship requests to."""
    url = make_queue("EffectQueue")
    arn = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("events").put_rule(Name="ship", EventBusName=event_bus, EventPattern='{"detail-type": ["ship.requested"]}')
    aws("events").put_targets(Rule="ship", EventBusName=event_bus, Targets=[{"Id": "1", "Arn": arn}])
    return url


@pytest.fixture
def environment(
    orders_table: str,
    points_table: str,
    event_bus: str,
    app_secret: str,
    effect_queue: str,
    make_queue: Callable[[str], str],
) -> dict[str, str]:
    return ENVIRONMENT | {
        "ORDERS_TABLE": orders_table,
        "POINTS_TABLE": points_table,
        "EVENT_BUS_NAME": event_bus,
        "APP_SECRET_NAME": app_secret,
        "EFFECT_QUEUE_URL": effect_queue,
        "EFFECT_DEAD_LETTER_URL": make_queue("EffectDeadLetters"),
        "CHECK_PAYMENTS_FROM_FEN": "100000",
    }


@pytest.fixture
def rig(
    load_function: Callable[..., ModuleType],
    aws: Callable[[str], Any],
    environment: dict[str, str],
    warehouse: str,
    capsys: pytest.CaptureFixture[str],
) -> Rig:
    app = load_function("effect_dispatcher", **environment)
    return Rig(app, environment, aws("sqs"), warehouse, capture_telemetry(capsys))


def wanted(n: int = 0) -> dict[str, Any]:
    return record({"order_no": number(n)})


def test_the_example_event_ships_its_order(rig: Rig, project: Path) -> None:
    event = json.loads((project / "events" / "effect_dispatcher.json").read_text())
    order_no = json.loads(event["Records"][0]["body"])["order_no"]
    fields = {name: getattr(PAID, name) for name in Order.__slots__}
    rig.put(Order(**fields | {"order_no": order_no}))
    rig.platform(lambda request: data(shown(out_order_no=order_no, status="shipped")))

    assert rig.app.handle(rig.dependencies, event, Deadline.of(Context())) == {"batchItemFailures": []}
    shipped = rig.store.get(order_no)
    assert shipped is not None
    assert (shipped.status, shipped.pending) == (Status.SHIPPED, ())


def test_a_paid_order_leaves_for_the_warehouse_and_the_platform(rig: Rig) -> None:
    rig.put(an_order(base=PAID))

    assert rig.handle(wanted()) == []

    assert [request["effect_id"] for request in rig.ship_requests] == [f"{number(0)}:ship"]
    (push,) = rig.requested
    assert (push.method, push.url.path) == ("POST", f"/orders/{number(0)}/status")
    assert json.loads(push.content) == {"status": "shipped", "request_no": f"{number(0)}:push:shipped"}
    assert (rig.order().status, rig.order().pending, rig.order().version) == (Status.SHIPPED, (), 2)


def test_messages_sent_twice_late_or_for_nothing_do_nothing(rig: Rig) -> None:
    rig.put(an_order(base=PAID), an_order(1, PUSHED))

    assert rig.handle(wanted(), wanted(), wanted(1)) == []
    assert rig.handle(wanted(), wanted(1)) == []

    assert (len(rig.ship_requests), len(rig.requested)) == (1, 1)
    assert rig.order(1).version == 1


def test_a_late_payment_is_given_back_through_the_platform(rig: Rig) -> None:
    rig.put(an_order(base=after(CANCELLED, paid())))
    reply = {"refund_id": "R1", "out_refund_no": f"{number(0)}:refund:t1", "status": "succeeded", "amount": "12.34"}
    paid_there = {"transaction_id": "t1", "amount": "12.34", "paid_at": NOW - 9}
    found = {"orders": [shown(payments=[paid_there])]}
    rig.platform(lambda request: data(found if request.url.path == "/orders/query" else reply))

    assert rig.handle(wanted()) == []

    looked, refund = rig.requested
    assert ("/orders/query", "/refunds") == (looked.url.path, refund.url.path)
    requested = json.loads(refund.content)
    assert (requested["out_refund_no"], requested["transaction_id"], requested["amount"]) == (
        f"{number(0)}:refund:t1",
        "t1",
        "12.34",
    )
    assert rig.order().pending == ()


def test_each_effect_ends_in_a_line_and_a_count(rig: Rig) -> None:
    rig.put(an_order(base=PAID), an_order(1, SHIPPED))
    busy = {"code": 90001, "msg": "secret words", "request_id": "r9", "data": None}
    rig.platform(lambda request: httpx.Response(200, json=busy) if number(1) in request.url.path else data(shown()))

    assert rig.handle(wanted(0), wanted(1)) == []
    lines = sorted(
        (line["effect_id"], line["outcome"], "r9" in line.get("reason", "")) for line in rig.captured.about("effect")
    )
    assert lines == sorted(
        [
            (f"{number(0)}:ship", "done", False),
            (f"{number(0)}:push:shipped", "done", False),
            (f"{number(1)}:push:shipped", "failed", True),
        ]
    )
    assert rig.captured.counted("Effects") == {"ship,done": 1, "push,done": 1, "push,failed": 1}
    assert "secret words" not in rig.captured.everything
    assert "ou_1" not in rig.captured.everything


def test_a_shipping_that_a_refund_overtook_rings_the_alarm(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    order = an_order(base=PAID)
    rig.put(order)
    put_events = rig.dependencies.events.put_events

    def overtaken(**request: Any) -> Any:
        read = rig.order()
        assert not rig.store.save_many([(read, after(read, refunded()))])
        return put_events(**request)

    monkeypatch.setattr(rig.dependencies.events, "put_events", overtaken)

    assert rig.handle(wanted()) == []
    assert rig.captured.counted("Drift") == {"state_impossible": 1}
    assert rig.captured.counted("OrderAlerts") == {"shipped_while_refunded": 1}
    assert rig.order().status is Status.REFUNDED


def test_a_message_that_comes_again_after_its_order_was_refunded_reports_the_parcel_once(rig: Rig) -> None:
    rig.put(an_order(base=REFUNDED), an_order(1, REFUNDED))
    again = wanted()
    again["attributes"]["ApproximateReceiveCount"] = "2"

    assert [] == rig.handle(again, wanted(1))
    assert [] == rig.handle(again)

    assert {"may_have_shipped": 1} == rig.captured.counted("OrderAlerts")
    assert {"state_impossible": 1} == rig.captured.counted("Drift")
    assert ["may_have_shipped"] == [rig.order().history[-1].kind]
    assert rig.ship_requests == []


def test_what_the_platform_did_not_take_is_requested_again_when_its_time_comes(rig: Rig) -> None:
    rig.put(*(an_order(n, PAID) for n in range(3)))
    busy = {"code": 90001, "msg": "", "request_id": "r", "data": None}
    rig.platform(lambda r: httpx.Response(200, json=busy) if number(1) in r.url.path else data(_answer(r)))

    assert rig.handle(*(wanted(n) for n in range(3))) == []

    assert [rig.order(n).pending for n in range(3)] == [(), (PushStatus("shipped"),), ()]
    assert len(rig.ship_requests) == 3
    assert [{"order_no": number(1)}] == rig.requested_again()
    rig.change(runtime=Runtime(clock=lambda: NOW + 200))
    rig.platform(lambda request: data(_answer(request)))
    assert rig.handle(wanted(1)) == []
    assert rig.ship_requests == []
    assert rig.order(1).pending == ()


def test_effects_of_one_order_that_failed_are_requested_each_at_its_time(rig: Rig) -> None:
    rig.put(an_order(base=after(SHIPPED, paid("t2"))))
    busy = {"code": 90001, "msg": "", "request_id": "r", "data": None}
    rig.platform(lambda _: httpx.Response(200, json=busy))

    assert rig.handle(wanted()) == []

    queue, waiting = rig.settings.effect_queue_url, "ApproximateNumberOfMessagesDelayed"
    assert "2" == rig.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[waiting])["Attributes"][waiting]


def test_an_effect_that_can_never_succeed_is_kept_with_its_reason(rig: Rig) -> None:
    rig.put(an_order(base=SHIPPED))
    refused = {"code": 10001, "msg": "secret words", "request_id": "r9", "data": None}
    rig.platform(lambda _: httpx.Response(200, json=refused))

    assert rig.handle(wanted()) == []

    (dead_letter,) = rig.dead_letters
    texts = {name: one["StringValue"] for name, one in dead_letter["MessageAttributes"].items()}
    assert {"order_no": number(0), "effect": "push:shipped"} == json.loads(dead_letter["Body"])
    assert ("poison", "push:shipped", "1") == (texts["kind"], texts["effect"], texts["attempts"])
    assert texts["reason"].startswith("BadParameters: ")
    assert "secret words" not in texts["reason"]
    assert (rig.order().pending, rig.captured.counted("OrderAlerts")) == ((), {"effect_failed_permanently": 1})


def test_a_table_that_does_not_answer_brings_the_messages_back(rig: Rig) -> None:
    rig.change(store=OrderStore(rig.store._dynamodb, "no-such-table"))
    messages = [wanted(0), wanted(1)]

    assert rig.handle(*messages) == [message["messageId"] for message in messages]


def _answer(request: httpx.Request) -> dict[str, Any]:
    return shown(next(n for n in range(3) if number(n) in request.url.path), status="shipped")


def test_a_push_that_the_platform_has_already_is_done(rig: Rig) -> None:
    rig.put(an_order(base=SHIPPED))
    refused = {"code": 50003, "msg": "", "request_id": "r", "data": None}
    rig.platform(lambda r: httpx.Response(200, json=refused) if r.method == "POST" else data(shown(status="completed")))

    assert rig.handle(wanted()) == []
    assert rig.order().pending == ()


def test_messages_that_name_no_order_go_to_the_dead_letters_as_they_came_and_hold_up_nobody(rig: Rig) -> None:
    rig.put(an_order(base=PAID))
    junk = [record(body) for body in ("{", "[]", "{}", '{"order_no": 7}', '"JW"', '{"order_no": ""}')]

    assert rig.handle(*junk, wanted()) == []
    assert sorted(message["body"] for message in junk) == sorted(one["Body"] for one in rig.dead_letters)
    assert rig.order().status is Status.SHIPPED


def test_an_order_that_is_not_there_is_said_so_and_comes_again(rig: Rig) -> None:
    message = wanted(7)

    assert rig.handle(message) == [message["messageId"]]
    assert rig.captured.about("effect")[0]["reason"] == "order_unknown"


@pytest.mark.parametrize("variable", ["ORDERS_TABLE", "EVENT_BUS_NAME", "APP_SECRET_NAME", "LATE_PAYMENT"])
def test_a_missing_variable_is_named_at_start(load_function: Callable[..., ModuleType], variable: str) -> None:
    nowhere = {"ORDERS_TABLE": "o", "EVENT_BUS_NAME": "b", "APP_SECRET_NAME": "s"}
    environment = ENVIRONMENT | nowhere | {"EFFECT_QUEUE_URL": "q", "EFFECT_DEAD_LETTER_URL": "d"}

    with pytest.raises(SettingsError, match=variable):
        load_function("effect_dispatcher", **environment | {variable: ""})
