"""Realistic orders and payment notifications, made from a key: the same key gives the same order."""

import json
import time

from jiuwu.orders.ids import order_no_for
from jiuwu.orders.order import Line, Order, Status
from jiuwu.platform import profile
from jiuwu.platform.signed_notifications import sign_notification


def order(key: str) -> Order:
    """Return a placed order that waits for its payment of 88.00 yuan."""
    now = int(time.time())
    return Order(
        order_no=order_no_for("mb_bench", key),
        member_id="mb_aaaaaaaaaaaaaaaaaaaa",
        open_id="ou_bench",
        lines=(Line("tea-longjing", "明前龙井 50 克", 1, 8800),),
        amount_fen=8800,
        fingerprint="0123456789abcdef",
        created_at=now,
        status=Status.PLACED,
        version=1,
        platform_order_no="P" + key[-12:].rjust(12, "0"),
        due_at=now + 170,
        changed_at=now - 10,
    )


def payment(order: Order) -> str:
    """Return the body of the notification that `order` was paid."""
    now = int(time.time())
    data = {
        "out_order_no": order.order_no,
        "platform_order_no": order.platform_order_no,
        "open_id": order.open_id,
        "transaction_id": f"T{order.order_no}",
        "amount": "88.00",
        "paid_at": now,
    }
    content = {"event_id": event_id(order), "event_type": "order.paid", "occurred_at": now, "version": 2, "data": data}
    return json.dumps(content)


def event_id(order: Order) -> str:
    """Return the id of that notification."""
    return f"evt_{order.order_no}"


def signed(order: Order, body: str, *, app_id: str, secret: str) -> dict[str, str]:
    """Return the headers that the platform sends with that notification."""
    headers = sign_notification(
        profile.load("jiuwu"),
        app_id=app_id,
        secret=secret,
        event_id=event_id(order),
        body=body,
        timestamp=int(time.time()),
        nonce="n" * 24,
    )
    return headers | {"content-type": "application/json"}
