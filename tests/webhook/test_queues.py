"""Each notification goes to the queue of its kind, with what a person needs to replay it."""

import json
from typing import Any

import pytest

from jiuwu.platform.signed_notifications import Notification, NotificationQuarantined
from jiuwu.webhook.queues import NotificationQueues

NOW = 1_763_800_000.25
HEADERS = {"X-Jiuwu-Nonce": "n-1"}


class Queue:
    """SQS that notes what is sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send_message(self, **request: Any) -> None:
        self.sent.append(request)


@pytest.fixture
def sqs() -> Queue:
    return Queue()


@pytest.fixture
def queues(sqs: Queue) -> NotificationQueues:
    return NotificationQueues(sqs, orders="orders", community="community", quarantine="quarantine")


def notification(event_type: str, body: str = "{}") -> Notification:
    return Notification(
        event_id="evt-1",
        event_type=event_type,
        raw_type=event_type,
        occurred_at=0,
        body_text=body,
        secret_index=0,
        delivery_id="n-1",
        headers=HEADERS,
    )


def texts(sent: dict[str, Any]) -> dict[str, str]:
    return {name: one["StringValue"] for name, one in sent["MessageAttributes"].items()}


@pytest.mark.parametrize(
    ("event_type", "queue"),
    [("order.paid", "orders"), ("user.updated", "community"), ("unknown", "community"), ("orders.paid", "community")],
)
def test_an_orders_event_goes_to_the_order_queue_and_any_other_to_the_community_queue(
    queues: NotificationQueues, sqs: Queue, event_type: str, queue: str
) -> None:
    queues.enqueue(notification(event_type), NOW)

    [sent] = sqs.sent
    assert (queue, "{}") == (sent["QueueUrl"], sent["MessageBody"])
    expected = {"event_id": "evt-1", "event_type": event_type, "received_at": "1763800000.250", "delivery_id": "n-1"}
    assert expected | {"headers": json.dumps(HEADERS, separators=(",", ":"))} == texts(sent)


def test_characters_that_sqs_refuses_are_escaped(queues: NotificationQueues, sqs: Queue) -> None:
    queues.enqueue(notification("order.paid", '{"title":"\ufffe\uffff"}'), NOW)

    assert '{"title":"\\ufffe\\uffff"}' == sqs.sent[0]["MessageBody"]


@pytest.mark.parametrize(("body", "sent"), [(b"", "="), (b"\x00\xff", "AP8="), (b"{", "ew==")])
def test_a_quarantined_body_is_kept_byte_by_byte(
    queues: NotificationQueues, sqs: Queue, body: bytes, sent: str
) -> None:
    unreadable = NotificationQuarantined("body_not_json", "the body is not JSON")
    unreadable.event_id, unreadable.delivery_id = "evt-1", "n-1"

    queues.quarantine_body(unreadable, body, NOW)

    [message] = sqs.sent
    assert ("quarantine", sent) == (message["QueueUrl"], message["MessageBody"])
    why = {"kind": "quarantined", "function": "WebhookIntake", "encoding": "base64"}
    assert why | {"reason": "body_not_json: the body is not JSON"} == {
        name: text for name, text in texts(message).items() if name in {*why, "reason"}
    }
