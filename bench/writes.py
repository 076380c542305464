"""Requests and write units per payment, next to Powertools' batch and idempotency around the same state write."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import boto3

from bench import samples
from jiuwu.trade.items import to_item
from jiuwu.trade.orders import Order

Event = dict[str, Any]


def run(processor: ModuleType, peer: Callable[[Event], object], orders_table: str) -> dict[str, Any]:
    """`processor` is functions/order_processor/app.py and `peer` a Powertools handler, both on the same local AWS."""
    rows = {}
    for name, handle in (("jiuwu-connect", lambda event: processor.handler(event, None)), ("Powertools", peer)):
        batch = _batch(orders_table, name, 10)
        rows[name] = {
            "a new payment": _meter(handle, _batch(orders_table, f"{name}-one", 1)),
            "ten new payments in a batch": _meter(handle, batch),
            "the same ten again": _meter(handle, batch),
        }
    return rows


def _meter(handle: Callable[[Event], object], event: Event) -> dict[str, float]:
    with _metered() as used:
        handle(event)
    return dict(used)


@contextmanager
def _metered() -> Iterator[Counter[str]]:
    """Counts DynamoDB requests and write units of all clients made from boto3's default session."""
    used = Counter[str]({"requests": 0, "write units": 0})
    METERS.append(used)
    try:
        yield used
    finally:
        METERS.remove(used)


METERS: list[Counter[str]] = []


def attach(client: Any) -> Any:  # noqa: ANN401 -- a boto3 client
    """Makes a DynamoDB client report what it uses."""
    client.meta.events.register("provide-client-params.dynamodb.*", _ask)
    client.meta.events.register("after-call.dynamodb.*", _note)
    return client


def _ask(params: dict[str, Any], model: Any, **_: object) -> dict[str, Any]:  # noqa: ANN401 -- botocore's own
    metered = "ReturnConsumedCapacity" in model.input_shape.members
    return params | ({"ReturnConsumedCapacity": "INDEXES"} if metered else {})


def _note(model: Any, parsed: dict[str, Any], **_: object) -> None:  # noqa: ANN401 -- botocore's own
    consumed = parsed.get("ConsumedCapacity", [])
    writes = model.name in {"PutItem", "UpdateItem", "DeleteItem", "BatchExecuteStatement", "TransactWriteItems"}
    for used in METERS:
        used["requests"] += 1
        for capacity in (consumed if isinstance(consumed, list) else [consumed]) if writes else []:
            used["write units"] += capacity["CapacityUnits"]


def _batch(table: str, name: str, size: int) -> Event:
    orders = [samples.order(f"{name}-{number}") for number in range(size)]
    for order in orders:
        boto3.client("dynamodb").put_item(TableName=table, Item=to_item(order))
    return {"Records": [_record(order) for order in orders]}


def _record(order: Order) -> Event:
    event_id = samples.event_id(order)
    attributes = {"event_id": event_id, "event_type": "order.paid", "received_at": f"{order.created_at}.000"}
    return {
        "messageId": event_id,
        "receiptHandle": event_id,
        "body": samples.payment(order),
        "messageAttributes": {k: {"dataType": "String", "stringValue": v} for k, v in attributes.items()},
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:orders",
        "awsRegion": "us-east-1",
    }
