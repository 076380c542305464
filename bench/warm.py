"""A warm WebhookIntake's CPU time per notification, over the least that could do its job: hmac and one send_message."""

import contextlib
import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import boto3

from bench.measure import Ratio, cpu_milliseconds, in_turn
from jiuwu.platform import profile
from jiuwu.platform.notifications import sign_notification

_SECRET = "app-secret-current"
_CALLS = 60


def run(intake: ModuleType, queue_url: str) -> list[Ratio]:
    """`intake` is functions/webhook_intake/app.py, loaded with its environment; both send to the local AWS."""
    event, contract = _event(), profile.load("jiuwu").notification
    minimal = _minimal(queue_url)

    def ours() -> float:
        return cpu_milliseconds(lambda: _accepted(intake.handler(event, None), contract.success_status), _CALLS)

    def floor() -> float:
        return cpu_milliseconds(lambda: _accepted(minimal(event), 200), _CALLS)

    with _silent():
        ours(), floor()
        return [Ratio("WebhookIntake, warm ÷ minimal handler", *in_turn(ours, floor, 11), "ms CPU", 1.25)]


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """What functions print is still written, to where nobody reads: a reader would share our two cores."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _accepted(reply: dict[str, Any], status: int) -> None:
    if reply["statusCode"] != status:
        raise RuntimeError(f"refused: {reply}")


def _event() -> dict[str, Any]:
    data = {"out_order_no": "JWBENCH", "transaction_id": "TX1", "amount": "12.34", "paid_at": 1763800000}
    body = json.dumps({"event_id": "evt_1", "event_type": "order.paid", "occurred_at": 1, "version": 1, "data": data})
    headers = sign_notification(
        profile.load("jiuwu"),
        app_id="app",
        secret=_SECRET,
        event_id="evt_1",
        body=body,
        timestamp=int(time.time()),
        nonce="n" * 24,
    )
    return {
        "version": "2.0",
        "headers": {name.lower(): value for name, value in headers.items()} | {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": "/webhooks/jiuwu"}},
        "body": body,
        "isBase64Encoded": False,
    }


def _minimal(queue_url: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    sqs = boto3.client("sqs")

    def handler(event: dict[str, Any]) -> dict[str, Any]:
        headers, body = event["headers"], event["body"]
        params = {
            name: headers[f"x-jiuwu-{name.replace('_', '-')}"] for name in ("app_id", "timestamp", "nonce", "event_id")
        }
        text = "&".join(f"{name}={value}" for name, value in sorted((params | {"body": body}).items()))
        expected = hmac.new(_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, headers["x-jiuwu-signature"]):
            return {"statusCode": 401}
        if abs(time.time() - int(params["timestamp"])) > 300:
            return {"statusCode": 401}
        attributes = {
            "event_id": {"DataType": "String", "StringValue": params["event_id"]},
            "event_type": {"DataType": "String", "StringValue": json.loads(body)["event_type"]},
            "received_at": {"DataType": "String", "StringValue": str(time.time())},
        }
        sqs.send_message(QueueUrl=queue_url, MessageBody=body, MessageAttributes=attributes)
        return {"statusCode": 200, "body": '{"code":0,"msg":"success"}'}

    return handler
