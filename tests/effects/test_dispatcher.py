"""Effects leave through one door, count once for their receivers, and are written down once confirmed."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jiuwu.effects.dispatcher import Attempt, Dispatched, Dispatcher
from jiuwu.orders.effect_key import PushStatus, RefundAll, Ship
from jiuwu.orders.events import RefundRequested
from jiuwu.orders.ids import order_no_for
from jiuwu.orders.order import Effect, Line, Order, Status
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Policy
from tests.effects.both_receivers import (
    NUMBER,
    Bus,
    DeadLetterQueue,
    Ledger,
    Platform,
    dispatch,
    now_in,
    stored,
    unfinished,
)
from tests.orders.lives import CANCELLED, NOW, PAID, SHIPPED, after, cancelled, paid, placed, refunded


@pytest.fixture
def store(aws: Callable[[str], Any], orders_table: str) -> OrderStore:
    return OrderStore(aws("dynamodb"), orders_table)


# ---- the way it usually goes -----------------------------------------------------------------------------------------


def test_a_paid_order_is_shipped_and_pushed_to_the_platform_in_one_write(store: OrderStore) -> None:
    stored(store, PAID)
    bus, platform = Bus(), Platform()

    done = dispatch(store, bus, platform)

    assert done == Dispatched((Attempt(NUMBER, Ship()), Attempt(NUMBER, PushStatus("shipped"))), {}, {}, {})
    order = now_in(store)
    assert (order.status, order.pending, order.version) == (Status.SHIPPED, (), 2)
    assert dict(order.effects) == {Ship(): Effect(1, NOW + 100), PushStatus("shipped"): Effect(1, NOW + 100)}
    assert platform.pushed == [(NUMBER, "shipped", f"{NUMBER}:push:shipped")]


def test_a_ship_request_says_what_the_warehouse_needs_and_the_same_each_time(store: OrderStore) -> None:
    stored(store, PAID)
    bus = Bus()

    for _ in range(2):
        dispatch(store, bus, Platform())

    (entry,) = bus.requests[0]
    assert {key: entry[key] for key in ("Source", "DetailType", "EventBusName")} == {
        "Source": "jiuwu-connect",
        "DetailType": "ship.requested",
        "EventBusName": "merchant",
    }
    assert bus.details == [
        {
            "effect_id": f"{NUMBER}:ship",
            "order_no": NUMBER,
            "platform_order_no": "P1",
            "member_id": PAID.member_id,
            "open_id": "ou_1",
            "lines": [{"product_id": "p1", "title": "茶", "quantity": 2, "price_fen": 617}],
            "amount_fen": 1234,
            "requested_at": NOW + 50,
        }
    ]


def test_a_second_request_for_the_same_order_sends_nothing(store: OrderStore) -> None:
    stored(store, PAID)
    bus, platform = Bus(), Platform()
    dispatch(store, bus, platform)

    assert dispatch(store, bus, platform) == Dispatched((), {}, {}, {})
    assert (len(bus.details), len(platform.pushed)) == (1, 1)


def test_a_payment_to_give_back_is_refunded_as_far_as_it_is_left(store: OrderStore) -> None:
    order = stored(store, after(CANCELLED, paid(), refunded(fen=234)))
    platform = Platform()

    assert not unfinished(dispatch(store, Bus(), platform))

    assert platform.refunded == [(NUMBER, f"{NUMBER}:refund:t1", "t1", 1000)]
    assert now_in(store).pending == ()
    assert now_in(store).ledger == order.ledger  # booked when the platform tells that the money moved


def test_a_refund_that_the_merchant_requested_gives_the_platform_the_reason(store: OrderStore) -> None:
    stored(store, after(SHIPPED, RefundRequested("r1", NOW + 80, 234, "商品破损"), paid("t2")))
    platform = Platform()

    dispatch(store, Bus(), platform)

    assert {("t1", "商品破损"), ("t2", "")} == {
        (of, reason) for (_, _, of, _), reason in zip(platform.refunded, platform.reasons, strict=True)
    }


def test_a_payment_that_went_back_meanwhile_is_not_refunded_again(store: OrderStore) -> None:
    order = after(CANCELLED, paid(), refunded())
    stored(store, order.with_effect(RefundAll("t1"), Effect()))
    platform = Platform()

    assert not unfinished(dispatch(store, Bus(), platform))
    assert (platform.refunded, now_in(store).pending) == ([], ())


def test_an_order_cancelled_here_alone_is_cancelled_there(store: OrderStore) -> None:
    fresh = Order(**{**_fields(PAID), "status": Status.CREATED, "ledger": (), "effects": (), "platform_order_no": ""})
    stored(store, after(fresh, cancelled(), placed()))
    platform = Platform()

    dispatch(store, Bus(), platform)

    assert platform.pushed == [(NUMBER, "cancelled", f"{NUMBER}:push:cancelled")]
    assert (now_in(store).pending, now_in(store).due_at) == ((), 0)


def _fields(order: Order) -> dict[str, Any]:
    return {name: getattr(order, name) for name in Order.__slots__} | {"history": ()}


def test_a_ship_request_reaches_the_merchants_rule(
    store: OrderStore, aws: Callable[[str], Any], event_bus: str, effect_queue: str
) -> None:
    stored(store, PAID)
    events, sqs = aws("events"), aws("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=effect_queue, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name="ship", EventBusName=event_bus, EventPattern='{"detail-type": ["ship.requested"]}')
    events.put_targets(Rule="ship", EventBusName=event_bus, Targets=[{"Id": "1", "Arn": attributes["QueueArn"]}])
    client: Any = Platform()

    ledger: Any = Ledger()
    Dispatcher(
        store,
        events=events,
        bus=event_bus,
        platform=lambda: client,
        points=ledger,
        policy=Policy(),
        send_to_dlq=DeadLetterQueue(),
        check_from_fen=100_000,
    ).dispatch([NUMBER])

    (message,) = sqs.receive_message(QueueUrl=effect_queue, WaitTimeSeconds=5)["Messages"]
    received = json.loads(message["Body"])
    assert (received["source"], received["detail-type"]) == ("jiuwu-connect", "ship.requested")
    assert received["detail"]["effect_id"] == f"{NUMBER}:ship"


# ---- many at once ----------------------------------------------------------------------------------------------------


def many(count: int, **changes: Any) -> list[Order]:
    return [replace(PAID, order_no=order_no_for("mb_a", f"key-{n}"), **changes) for n in range(count)]


def test_the_bus_takes_ten_requests_at_once(store: OrderStore) -> None:
    orders = [stored(store, order) for order in many(12)]
    bus, platform = Bus(), Platform()

    dispatch(store, bus, platform, *(order.order_no for order in orders))

    assert sorted(len(request) for request in bus.requests) == [2, 10]
    assert len(platform.pushed) == 12


def test_requests_to_the_bus_stay_below_its_limit_in_bytes(store: OrderStore) -> None:
    lines = tuple(Line(f"p{n}", "茶" * 300, 1, 1) for n in range(100))
    orders = [stored(store, order) for order in many(4, lines=lines)]
    bus = Bus()

    dispatch(store, bus, Platform(), *(order.order_no for order in orders))

    sizes = [sum(len(text.encode()) for entry in request for text in entry.values()) for request in bus.requests]
    assert len(bus.details) == 4
    assert max(sizes) < 256 * 1024


def test_an_entry_that_the_bus_refuses_does_not_hold_up_the_others(store: OrderStore) -> None:
    bad, good = (stored(store, order) for order in many(2))
    bus, platform = Bus(refuses={bad.order_no: "ThrottlingException"}), Platform()

    done = dispatch(store, bus, platform, bad.order_no, good.order_no)

    assert unfinished(done) == {bad.order_no}
    orders = store.get_many([bad.order_no, good.order_no])
    assert orders[good.order_no].status is Status.SHIPPED
    assert (orders[bad.order_no].status, orders[bad.order_no].pending) == (Status.PAID, (Ship(),))
    assert [number for number, *_ in platform.pushed] == [good.order_no]
