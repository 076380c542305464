"""Requests and write units per payment, next to Powertools' batch and idempotency around the same state write."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import boto3

from bench import samples
from jiuwu.aws.dynamodb import marshal_fields
from jiuwu.orders.codec import to_item
from jiuwu.orders.order import Order
from sandbox.simulation.aws.capacity_units import write_units

Event = dict[str, Any]


def run(processor: ModuleType, peer: Callable[[Event], object], orders_table: str) -> dict[str, Any]:
    """`processor` is functions/order_processor/app.py and `peer` a Powertools handler, both on the same local AWS."""
    rows = {}
    for name, handle in (("jiuwu-connect", lambda event: processor.handler(event, None)), ("Powertools", peer)):
        batch = _batch(orders_table, name, 10)
        rows[name] = {
            "a new payment": _meter(handle, _batch(orders_table, f"{name}-one", 1), orders_table),
            "ten new payments in a batch": _meter(handle, batch, orders_table),
            "the same ten repeated": _meter(handle, batch, orders_table),
        }
    return rows


def _meter(handle: Callable[[Event], object], event: Event, table: str) -> dict[str, float]:
    """Return requests and write units of handling an event.

    The orders' own writes are counted by DynamoDB's rules, because the local AWS leaves the index out for PartiQL; the
    writes of other tables as the local AWS reports them.
    """
    before = _orders(event, table)
    with _metered(table) as used:
        handle(event)
    after = _orders(event, table)
    used["write units"] += sum(write_units(before[no], after[no]) for no in before if before[no] != after[no])
    return dict(used)


def _orders(event: Event, table: str) -> dict[str, Any]:
    numbers = [json.loads(record["body"])["data"]["out_order_no"] for record in event["Records"]]
    dynamodb: Any = boto3.client("dynamodb")
    return {no: dynamodb.get_item(TableName=table, Key={"order_no": {"S": no}})["Item"] for no in numbers}


@contextmanager
def _metered(orders_table: str) -> Iterator[Counter[str]]:
    """Count the requests of attached clients, and the write units of all tables but the orders'."""
    used = Counter[str]({"requests": 0, "write units": 0})
    METERS.append((orders_table, used))
    try:
        yield used
    finally:
        METERS.pop()


METERS: list[tuple[str, Counter[str]]] = []


def attach(client: Any) -> Any:  # noqa: ANN401 -- a boto3 client
    """Make a DynamoDB client report what it uses, and return it."""
    client.meta.events.register("provide-client-params.dynamodb.*", _request_capacity)
    client.meta.events.register("after-call.dynamodb.*", _count)
    return client


def _request_capacity(params: dict[str, Any], model: Any, **_: object) -> dict[str, Any]:  # noqa: ANN401 -- botocore's own
    metered = "ReturnConsumedCapacity" in model.input_shape.members
    return params | ({"ReturnConsumedCapacity": "INDEXES"} if metered else {})


def _count(model: Any, parsed: dict[str, Any], **_: object) -> None:  # noqa: ANN401 -- botocore's own
    consumed = parsed.get("ConsumedCapacity", [])
    writes = model.name in {"PutItem", "UpdateItem", "DeleteItem", "BatchExecuteStatement", "TransactWriteItems"}
    for orders_table, used in METERS:
        used["requests"] += 1
        for capacity in (consumed if isinstance(consumed, list) else [consumed]) if writes else []:
            used["write units"] += capacity["CapacityUnits"] if capacity["TableName"] != orders_table else 0


def _batch(table: str, name: str, size: int) -> Event:
    orders = [samples.order(f"{name}-{number}") for number in range(size)]
    for order in orders:
        boto3.client("dynamodb").put_item(TableName=table, Item=marshal_fields(to_item(order)))
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
