"""Messages of the order queue as Lambda hands them over, and what the functions log and count."""

import io
import json
import logging
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from jiuwu.aws import telemetry
from jiuwu.orders.ids import order_no_for
from jiuwu.orders.order import Order
from tests.orders.lives import NOW, PLACED

ENVIRONMENT = {
    "JIUWU_PROFILE": "jiuwu",
    "PLATFORM_URL": "http://platform.test",
    "LIMITS_TABLE": "lanes",
    "APP_ID": "app-1",
    "LATE_PAYMENT": "refund",
    "PAYMENT_CHECK_SECONDS": "180",
    "ORDER_EXPIRY_SECONDS": "1800",
    "DUE_SHARDS": "8",
}


def number(n: int) -> str:
    return order_no_for("mb_a", f"key-{n}")


def an_order(n: int = 0, base: Order = PLACED) -> Order:
    """An order of its own at the stage of `base` (tests/orders/lives.py)."""
    fields = {name: getattr(base, name) for name in Order.__slots__}
    return Order(**fields | {"order_no": number(n), "platform_order_no": f"P{n}"})


def notification(kind: str, n: int = 0, *, event: str = "", at: int = NOW, **changes: Any) -> dict[str, Any]:
    """The body of a notification of this kind about order `n`."""
    data: dict[str, Any] = {"out_order_no": number(n), "platform_order_no": f"P{n}"}
    details: dict[str, dict[str, Any]] = {
        "paid": {"open_id": "ou_secret", "transaction_id": f"T{n}", "amount": "12.34", "paid_at": NOW - 9},
        "cancelled": {"cancelled_at": NOW - 9, "reason": "timeout"},
        "completed": {"completed_at": NOW - 9},
        "refunded": {"refund_id": f"R{n}", "transaction_id": f"T{n}", "amount": "12.34", "refunded_at": NOW - 9},
    }
    data |= details[kind]
    envelope = {"event_id": event or f"evt-{kind}-{n}", "event_type": f"order.{kind}", "occurred_at": at, "version": 2}
    return envelope | {"data": data | changes}


def record(body: dict[str, Any] | str, **attributes: str) -> dict[str, Any]:
    """A message as Lambda hands it over."""
    envelope = body if isinstance(body, dict) else {}
    named = {
        "event_id": str(envelope.get("event_id", "evt-x")),
        "event_type": str(envelope.get("event_type", "order.paid")),
        "received_at": f"{NOW}.123",
    } | attributes
    return {
        "messageId": str(uuid4()),
        "body": body if isinstance(body, str) else json.dumps(body, ensure_ascii=False),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": f"{NOW}123"},
        "messageAttributes": {name: {"stringValue": text, "dataType": "String"} for name, text in named.items()},
    }


def batch(*records: dict[str, Any]) -> dict[str, Any]:
    return {"Records": list(records)}


def failed(reply: dict[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in reply["batchItemFailures"]]


def drained(sqs: Any, url: str) -> list[dict[str, Any]]:
    """All messages of a queue, with their attributes."""
    messages: list[dict[str, Any]] = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get(
        "Messages"
    ):
        messages += found
    return messages


def platform(answers: Callable[[httpx.Request], httpx.Response | None]) -> httpx.Client:
    """The gateway: `answers` gives the reply, or None where there is no such order."""

    def handle(request: httpx.Request) -> httpx.Response:
        unknown = {"code": 50001, "msg": "no such order", "request_id": "r", "data": None}
        return answers(request) or httpx.Response(200, json=unknown)

    return httpx.Client(transport=httpx.MockTransport(handle))


def data(found: object) -> httpx.Response:
    return httpx.Response(200, json={"code": 0, "msg": "", "request_id": "r", "data": found})


def shown(n: int = 0, **changes: Any) -> dict[str, Any]:
    """Order `n` as the platform shows it."""
    return {
        "platform_order_no": f"P{n}",
        "out_order_no": number(n),
        "open_id": "ou_secret",
        "status": "paid",
        "amount": "12.34",
        "paid_amount": "12.34",
        "items": [{"product_id": "p1", "title": "茶", "quantity": 2, "price": "6.17"}],
        "pay_url": "",
        "payments": [{"transaction_id": f"T{n}", "amount": "12.34", "paid_at": NOW - 9}],
        "refunds": [],
        "created_at": NOW - 99,
        "updated_at": NOW - 9,
    } | changes


class CapturedTelemetry:
    """What a function logged and counted, once it has run."""

    def __init__(self, logged: io.StringIO, capture: pytest.CaptureFixture[str]) -> None:
        self._logged, self._capture, self._printed = logged, capture, ""

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._logged.getvalue().splitlines()]

    def about(self, message: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["message"] == message]

    @property
    def metrics(self) -> list[dict[str, Any]]:
        self._printed += self._capture.readouterr().out
        return [json.loads(line) for line in self._printed.splitlines() if '"_aws"' in line]

    def counted(self, name: str) -> dict[str, float]:
        """The values of a metric by its own dimension (empty where it has none)."""
        found: dict[str, float] = {}
        for metric in (metric for metric in self.metrics if name in metric):
            labels: Iterable[str] = (str(v) for k, v in metric.items() if k not in ("_aws", "service", name))
            label = ",".join(labels)
            found[label] = found.get(label, 0) + metric[name][0]
        return found

    @property
    def everything(self) -> str:
        return self._logged.getvalue() + json.dumps(self.metrics, ensure_ascii=False)


def capture_telemetry(capture: pytest.CaptureFixture[str]) -> CapturedTelemetry:
    """Capture what the functions log and count from now on."""
    logged = io.StringIO()
    for handler in telemetry.logger.handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(logged)
    return CapturedTelemetry(logged, capture)
