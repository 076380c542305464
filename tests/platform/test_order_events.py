"""Notifications about orders: read whole, or refused by the field that is wrong."""

import json
from typing import Any

import pytest

from jiuwu.platform import payloads
from jiuwu.platform.errors import MalformedPayload
from jiuwu.platform.models import OrderCancelled, OrderCompleted, OrderPaid, OrderRefunded
from jiuwu.platform.profile import load
from tests.platform.fakes import PAID, REFUND

PROFILE = load()
HEAD = {"event_id": "e", "event_type": "x"}


@pytest.mark.parametrize(
    ("event_type", "data", "expected"),
    [
        (
            "order.paid",
            PAID,
            OrderPaid(
                out_order_no="JW1",
                platform_order_no="P1",
                open_id="o1",
                transaction_id="T1",
                amount_fen=1234,
                paid_at=1_763_800_100,
            ),
        ),
        (
            "order.cancelled",
            {"out_order_no": "JW1", "platform_order_no": "P1", "reason": "r", "cancelled_at": 5},
            OrderCancelled(out_order_no="JW1", platform_order_no="P1", reason="r", cancelled_at=5),
        ),
        (
            "order.completed",
            {"out_order_no": "JW1", "platform_order_no": "P1", "completed_at": 5},
            OrderCompleted(out_order_no="JW1", platform_order_no="P1", completed_at=5),
        ),
        (
            "order.refunded",
            {"out_order_no": "JW1", "platform_order_no": "P1", **REFUND, "out_refund_no": None},
            OrderRefunded(
                out_order_no="JW1",
                platform_order_no="P1",
                refund_id="R1",
                transaction_id="T1",
                amount_fen=1,
                refunded_at=1_763_800_200,
            ),
        ),
    ],
)
def test_each_order_event_is_read(event_type: str, data: dict[str, Any], expected: object) -> None:
    body = {"event_id": "e1", "event_type": "x", "occurred_at": 9, "version": 3, "data": data}
    notification = payloads.parse_notification(PROFILE, event_type, json.dumps(body))
    assert ("e1", 9, 3, expected) == (
        notification.event_id,
        notification.occurred_at,
        notification.version,
        notification.event,
    )


@pytest.mark.parametrize(
    ("shown", "version"),
    [(3, 3), (3.0, 3), ("3", 3), ("0", 0), ("3.0", 0), ("٣", 0), ("9" * 20, 0), (-1, 0), (None, 0), ([], 0)],
)
def test_a_version_is_read_from_digits_and_whole_numbers_and_is_0_otherwise(shown: object, version: int) -> None:
    data = {"out_order_no": "JW1", "platform_order_no": "P1", **REFUND}
    body = {"event_id": "e1", "event_type": "x", "occurred_at": 9, "version": shown, "data": data}

    assert version == payloads.parse_notification(PROFILE, "order.refunded", json.dumps(body)).version


@pytest.mark.parametrize(
    ("event_type", "body", "field"),
    [
        ("order.paid", "{", "body"),
        ("order.paid", "[" * 100_000, "body"),
        ("order.paid", b'"\xff"', "body"),
        ("order.paid", '"\ud800"', "body"),
        ("order.paid", "[]", "body"),
        ("order.paid", "{}", "event_id"),
        ("order.paid", json.dumps(HEAD | {"data": 7}), "data"),
        ("order.paid", json.dumps(HEAD | {"data": {}}), "data.out_order_no"),
        ("order.paid", json.dumps(HEAD | {"data": PAID | {"amount": 1}}), "data.amount"),
        ("order.paid", json.dumps({"data": PAID}), "event_id"),
        ("order.teleported", json.dumps(HEAD | {"data": PAID}), "event_type"),
    ],
)
def test_a_poisonous_notification_is_named_by_its_field(event_type: str, body: str | bytes, field: str) -> None:
    with pytest.raises(MalformedPayload) as caught:
        payloads.parse_notification(PROFILE, event_type, body)
    assert field == caught.value.field
