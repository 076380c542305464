"""OrderProcessor against the local AWS: each notification counts once, and each message ends with a reason."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from jiuwu.aws import clients
from jiuwu.aws.settings import SettingsError
from jiuwu.deadline import NO_DEADLINE
from jiuwu.orders.effect_key import PushStatus, RefundAll, Ship
from jiuwu.orders.order import Order, Status
from tests.functions.order_processor_rig import Rig
from tests.functions.trade_messages import ENVIRONMENT, an_order, notification, number, record
from tests.orders.lives import CANCELLED, NOW, PAID, SHIPPED


@pytest.fixture
def requests(rig: Rig) -> Iterator[list[str]]:
    """The requests to DynamoDB, by operation, from here on."""
    seen: list[str] = []
    hooks = clients.client("dynamodb").meta.events

    def note(model: Any, **_: Any) -> None:
        seen.append(model.name)

    hooks.register("before-call.dynamodb", note)
    yield seen
    hooks.unregister("before-call.dynamodb", note)


# ---- the way it usually goes -----------------------------------------------------------------------------------------


def test_the_example_event_pays_its_order(rig: Rig, project: Path) -> None:
    event = json.loads((project / "events" / "order_processor.json").read_text())
    body = json.loads(event["Records"][0]["body"])["data"]
    fields = {name: getattr(an_order(), name) for name in Order.__slots__}
    order = Order(**fields | {name: body[there] for name, there in _NUMBERS.items()})
    rig.put(order)

    assert rig.app.handle(rig.dependencies, event, NO_DEADLINE) == {"batchItemFailures": []}
    paid = rig.store.get(order.order_no)
    assert paid is not None
    assert (paid.status, paid.balance_fen, paid.pending) == (Status.PAID, 1234, (Ship(),))


_NUMBERS = {"order_no": "out_order_no", "platform_order_no": "platform_order_no"}


def test_ten_new_payments_are_one_read_and_one_write(rig: Rig, requests: list[str]) -> None:
    rig.put(*(an_order(n) for n in range(10)))
    requests.clear()

    assert rig.handle(*(record(notification("paid", n)) for n in range(10))) == []

    assert requests == ["BatchGetItem", "BatchExecuteStatement"]
    assert {rig.order(n).status for n in range(10)} == {Status.PAID}
    assert rig.requested_to_ship == sorted(number(n) for n in range(10))


def test_a_duplicate_is_one_read_and_no_write(rig: Rig, requests: list[str]) -> None:
    rig.put(an_order(base=PAID))
    requests.clear()

    assert rig.handle(record(notification("paid", event="evt-paid-t1"))) == []

    assert requests == ["BatchGetItem"]
    assert rig.requested_to_ship == []
    assert rig.captured.counted("Duplicates") == {"": 1}


def test_the_same_notification_twice_in_a_batch_counts_once(rig: Rig) -> None:
    rig.put(an_order())

    assert rig.handle(record(notification("paid")), record(notification("paid"))) == []

    assert (rig.order().version, rig.order().balance_fen) == (2, 1234)
    assert [line.get("transition", line.get("reason")) for line in rig.captured.about("order event")] == [
        "paid",
        "duplicate_event",
    ]


def test_thirty_two_deliveries_at_the_same_instant_count_once(rig: Rig) -> None:
    rig.put(an_order())
    together = threading.Barrier(32)

    def deliver(_: int) -> list[str]:
        together.wait(timeout=30)
        return rig.handle(record(notification("paid")))

    with ThreadPoolExecutor(32) as senders:
        failures = [failure for failures in senders.map(deliver, range(32)) for failure in failures]

    assert failures == []
    assert (rig.order().version, len(rig.order().ledger), rig.requested_to_ship) == (2, 1, [number(0)])
    assert rig.captured.counted("OrderTransitions") == {"paid": 1}
    assert rig.captured.counted("Duplicates") == {"": 31}


def test_different_news_of_one_order_at_the_same_instant_all_count(rig: Rig) -> None:
    rig.put(an_order(base=SHIPPED))
    notifications = [
        notification("refunded", refund_id=f"R{n}", amount="0.01", event=f"e{n}", transaction_id="t1") for n in range(6)
    ]

    with ThreadPoolExecutor(6) as senders:
        failures = list(senders.map(lambda body: rig.handle(record(body)), notifications))

    assert failures == [[]] * 6
    assert (len(rig.order().refunds), rig.order().balance_fen) == (6, 1234 - 6)


def test_the_news_of_one_order_is_taken_in_as_the_platform_sent_it_and_in_one_write(rig: Rig) -> None:
    rig.put(an_order())

    rig.handle(record(notification("completed", at=NOW + 2)), record(notification("paid", at=NOW + 1)))

    assert (rig.order().status, rig.order().version) == (Status.COMPLETED, 2)
    assert [happened.kind for happened in rig.order().history[-2:]] == ["paid", "completed"]


def test_every_event_ends_in_one_line_without_anything_personal(rig: Rig) -> None:
    rig.put(an_order(), an_order(1, CANCELLED))

    rig.handle(record(notification("paid")), record(notification("cancelled", 1)), record("{"))

    lines = [
        tuple(line.get(name, "") for name in ("event_id", "order_no", "outcome", "transition", "reason"))
        for line in rig.captured.about("order event")
    ]
    assert lines == [
        ("evt-paid-0", number(0), "applied", "paid", ""),
        ("evt-cancelled-1", number(1), "ignored", "", "already_cancelled"),
        ("evt-x", "", "poison", "", "malformed"),
    ]
    assert "ou_secret" not in rig.captured.everything
    assert rig.captured.counted("OrderTransitions") == {"paid": 1}


def test_a_payment_that_is_short_of_the_amount_is_an_alarm_and_ships_nothing(rig: Rig) -> None:
    rig.put(an_order())

    assert rig.handle(record(notification("paid", amount="0.01"))) == []

    assert (rig.order().status, rig.requested_to_ship) == (Status.HELD, [])
    assert {"underpaid": 1} == rig.captured.counted("OrderAlerts")
    (line,) = rig.captured.about("order event")
    assert ("ERROR", ["underpaid"]) == (line["level"], line["alerts"])


def test_a_second_payment_is_told_and_given_back_without_an_alarm(rig: Rig) -> None:
    rig.put(an_order(base=SHIPPED))

    assert rig.handle(record(notification("paid", transaction_id="T9"))) == []

    assert (rig.order().pending, rig.requested_to_ship) == ((PushStatus("shipped"), RefundAll("T9")), [number(0)])
    assert (rig.captured.counted("OrderAlerts"), rig.captured.counted("Drift")) == ({"second_payment": 1}, {})


# ---- what repeats, and what only seems to ----------------------------------------------------------------------------


def test_a_suppressed_duplicate_names_the_event_it_repeats_and_its_own_delivery(rig: Rig) -> None:
    rig.put(an_order())
    rig.handle(record(notification("paid", event="evt-1"), delivery_id="d-1"))

    rig.handle(record(notification("paid", event="evt-1"), delivery_id="d-2"))
    rig.handle(record(notification("paid", event="evt-2"), delivery_id="d-3"))

    lines = [
        tuple(line.get(name) for name in ("event_id", "delivery_id", "reason", "duplicate_of"))
        for line in rig.captured.about("order event")
    ]
    assert [
        ("evt-1", "d-1", None, None),
        ("evt-1", "d-2", "duplicate_event", "evt-1"),
        ("evt-2", "d-3", "duplicate_payment", "evt-1"),
    ] == lines


def test_within_a_batch_the_delivery_of_the_repeated_event_is_named_too(rig: Rig) -> None:
    rig.put(an_order())

    rig.handle(
        record(notification("paid", event="evt-1"), delivery_id="d-1"), record(notification("paid"), delivery_id="d-2")
    )

    line = rig.captured.about("order event")[-1]
    assert ("d-2", "evt-1", "d-1") == (line["delivery_id"], line["duplicate_of"], line["duplicate_of_delivery_id"])


@pytest.mark.parametrize("kind", ["cancelled", "completed"])
def test_who_repeats_a_state_names_the_event_too(rig: Rig, kind: str) -> None:
    rig.put(an_order(base=SHIPPED if kind == "completed" else an_order()))
    rig.handle(record(notification(kind, event="evt-1")))

    rig.handle(record(notification(kind, event="evt-2")))

    line = rig.captured.about("order event")[-1]
    assert (f"already_{kind}", "evt-1") == (line["reason"], line["duplicate_of"])


@pytest.mark.parametrize("changes", [{"amount": "12.35"}, {"transaction_id": "T8"}, {"paid_at": NOW - 8}])
def test_the_same_event_id_with_another_content_is_an_alarm_and_kept_and_no_duplicate(
    rig: Rig, changes: dict[str, Any]
) -> None:
    rig.put(an_order())
    rig.handle(record(notification("paid", event="evt-1")))
    before = rig.order()

    assert rig.handle(record(notification("paid", event="evt-1", **changes))) == []

    assert before == rig.order()
    (dead_letter,) = rig.dead_letters
    attributes = {name: value["StringValue"] for name, value in dead_letter["MessageAttributes"].items()}
    assert ("poison", "event_id_reused") == (attributes["kind"], attributes["reason"].split(":")[0])
    assert {"event_id_reused": 1} == rig.captured.counted("OrderAlerts")
    assert {} == rig.captured.counted("Duplicates")


def test_the_same_event_sent_again_with_a_new_time_and_version_is_a_duplicate(rig: Rig) -> None:
    rig.put(an_order())
    rig.handle(record(notification("paid", event="evt-1")))

    rig.handle(record(notification("paid", event="evt-1", at=NOW + 60) | {"version": 3}))

    assert ({"": 1}, []) == (rig.captured.counted("Duplicates"), rig.dead_letters)


# ---- the start -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "variable", ["ORDERS_TABLE", "EFFECT_QUEUE_URL", "ORDER_DEAD_LETTER_URL", "LATE_PAYMENT", "PAYMENT_CHECK_SECONDS"]
)
def test_a_missing_variable_is_named_at_start(load_function: Callable[..., ModuleType], variable: str) -> None:
    environment = ENVIRONMENT | {
        "ORDERS_TABLE": "orders",
        "EFFECT_QUEUE_URL": "https://effects",
        "ORDER_DEAD_LETTER_URL": "https://dead",
        "APP_SECRET_NAME": "secret",
    }
    with pytest.raises(SettingsError, match=variable):
        load_function("order_processor", **environment | {variable: ""})


def test_a_policy_that_is_none_is_refused_at_start(load_function: Callable[..., ModuleType]) -> None:
    with pytest.raises(SettingsError, match="LATE_PAYMENT"):
        load_function(
            "order_processor",
            **ENVIRONMENT
            | {
                "ORDERS_TABLE": "o",
                "EFFECT_QUEUE_URL": "e",
                "ORDER_DEAD_LETTER_URL": "d",
                "APP_SECRET_NAME": "s",
                "LATE_PAYMENT": "keep",
            },
        )
