"""Events that invoke functions: a schedule's tick, an HTTP request, a queue's messages."""

from collections.abc import Mapping
from typing import Any

from sandbox.simulation.aws.calls import REGION
from sandbox.simulation.aws.sqs import Queue, QueuedMessage

TICK = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


def http_event(  # noqa: PLR0913, PLR0917 -- what a request has
    method: str, path: str, text: str, query: str, headers: Mapping[str, str], key: str
) -> dict[str, Any]:
    """Return API Gateway's HTTP API event, payload 2.0."""
    lower = {name.lower().replace("_", "-"): value for name, value in headers.items()}
    lower.setdefault("content-type", "application/json")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": lower,
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default", "routeKey": key},
        "body": text,
        "isBase64Encoded": False,
    }
    if "cookie" in lower:
        event["cookies"] = lower.pop("cookie").split("; ")
    return event


def record(queue: Queue, held: QueuedMessage) -> dict[str, Any]:
    """Return an SQS message as Lambda passes it."""
    attributes = {
        name: {
            "stringValue": one["StringValue"],
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": one["DataType"],
        }
        for name, one in held.attributes.items()
    }
    return {
        "messageId": held.message_id,
        "receiptHandle": held.handle,
        "body": held.body,
        "attributes": {
            "ApproximateReceiveCount": str(held.receives),
            "SentTimestamp": str(int(held.sent_at * 1000)),
            "ApproximateFirstReceiveTimestamp": str(int(held.first_received_at * 1000)),
        },
        "messageAttributes": attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": REGION,
    }
