"""CPU time of a warm WebhookIntake per notification, over a minimal handler: hmac and one send_message."""

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

from bench import samples
from bench.measure import Ratio, alternate, cpu_milliseconds
from jiuwu.platform import profile
from sandbox.environment import APP_ID

_CALLS = 60


def run(intake: ModuleType, queue_url: str, secret: str) -> list[Ratio]:
    """`intake` is functions/webhook_intake/app.py, loaded with its environment; both send to the local AWS."""
    event, contract = _event(secret), profile.load("jiuwu").notification
    minimal = _minimal(queue_url, secret)

    def ours() -> float:
        return cpu_milliseconds(lambda: _accepted(intake.handler(event, None), contract.success_status), _CALLS)

    def floor() -> float:
        return cpu_milliseconds(lambda: _accepted(minimal(event), 200), _CALLS)

    with silent():
        ours(), floor()
        return [Ratio("WebhookIntake, warm ÷ minimal handler", *alternate(ours, floor, 11), "ms CPU", 1.25)]


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Send what functions print to /dev/null: a reader would share our two cores."""
    sys.stdout.flush()
    stdout, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(null)


def _accepted(reply: dict[str, Any], status: int) -> None:
    if reply["statusCode"] != status:
        raise RuntimeError(f"refused: {reply}")


def _event(secret: str) -> dict[str, Any]:
    order = samples.order("warm")
    body = samples.payment(order)
    return {
        "version": "2.0",
        "headers": {k.lower(): v for k, v in samples.signed(order, body, app_id=APP_ID, secret=secret).items()},
        "requestContext": {"http": {"method": "POST", "path": "/webhooks/jiuwu"}},
        "body": body,
        "isBase64Encoded": False,
    }


def _minimal(queue_url: str, secret: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    sqs: Any = boto3.client("sqs")

    def handler(event: dict[str, Any]) -> dict[str, Any]:
        headers, body = event["headers"], event["body"]
        params = {
            name: headers[f"x-jiuwu-{name.replace('_', '-')}"] for name in ("app_id", "timestamp", "nonce", "event_id")
        }
        text = "&".join(f"{name}={value}" for name, value in sorted((params | {"body": body}).items()))
        expected = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
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
