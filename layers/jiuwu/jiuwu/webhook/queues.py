"""The queues that keep a notification: each takes the body as signed, with what a person needs to replay it."""

import base64
from dataclasses import dataclass
from typing import Any

import msgspec

from jiuwu.aws.sqs import attributes, for_sqs
from jiuwu.platform.signed_notifications import Notification, NotificationQuarantined


@dataclass(frozen=True, slots=True)
class NotificationQueues:
    """The queues by what they keep: of orders, of the community, and what is not as the profile describes."""

    sqs: Any
    orders: str
    community: str
    quarantine: str

    def enqueue(self, taken: Notification, now: float) -> None:
        """Send a notification to the queue of its kind; raise what SQS raises."""
        url = self.orders if taken.event_type.startswith("order.") else self.community
        self._send(url, for_sqs(taken.body_text), _attributes(taken, now) | {"event_type": taken.event_type})

    def quarantine_body(self, unreadable: NotificationQuarantined, body: bytes, now: float) -> None:
        """Send every byte as received: what is no JSON may hold what SQS refuses in text. Raise what SQS raises."""
        why = {"kind": "quarantined", "reason": str(unreadable), "function": "WebhookIntake", "encoding": "base64"}
        # SQS takes no empty message; "=" means no bytes, because it is no Base64
        self._send(self.quarantine, base64.b64encode(body).decode() or "=", _attributes(unreadable, now) | why)

    def _send(self, url: str, body: str, texts: dict[str, str]) -> None:
        self.sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes(texts))


def _attributes(taken: Notification | NotificationQuarantined, now: float) -> dict[str, str]:
    return {
        "event_id": taken.event_id,
        "received_at": f"{now:.3f}",
        "delivery_id": taken.delivery_id,
        "headers": msgspec.json.encode(taken.headers).decode(),
    }
