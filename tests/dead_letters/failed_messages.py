"""Messages of the dead-letter queues, as Lambda hands them over."""

from typing import Any

from jiuwu.dead_letters import failed_message
from jiuwu.dead_letters.failed_message import ORDERS, FailedMessage
from jiuwu.platform import profile

NOW = 1_763_800_500
ORDER_NO = "JW7Q2M4XK3ZB5N6P2R4T6VAB"
PAID = '{"event_id":"evt-1","data":{"out_order_no":"JW7Q2M4XK3ZB5N6P2R4T6VAB"}}'


def given_up(
    body: str = PAID, *, message: str = "m-1", queue: str = "orders", received: int = 1, **attributes: str
) -> dict[str, Any]:
    """A record of `queue`'s dead letters; received so often, this time included."""
    named = {"event_id": "evt-1", "event_type": "order.paid", "received_at": "1763800000.25"} | attributes
    return {
        "messageId": message,
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(received), "SentTimestamp": "1763800100999"},
        "messageAttributes": {
            name: {"stringValue": text, "dataType": "String"} for name, text in named.items() if text
        },
        "eventSourceARN": f"arn:aws:sqs:eu-west-1:1:{queue}",
    }


def a_failed_message(body: str = PAID, *, source: str = ORDERS, now: int = NOW, **facts: Any) -> FailedMessage:
    """The failed message in such a record."""
    return failed_message.read(given_up(body, **facts), source=source, profile=profile.load(), now=now)
