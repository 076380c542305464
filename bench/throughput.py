"""Notifications per second through the whole sandbox: intake → queue → processor → table, and the CPU they take."""

import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from bench import samples
from jiuwu.aws.dynamodb import marshal_fields, unmarshal_fields
from jiuwu.orders.codec import from_item, to_item
from jiuwu.orders.order import Order, Status
from sandbox.environment import APP_ID, Sandbox

_ORDERS = 300
_SENDERS = 8
_TIMEOUT_SECONDS = 120


def run(sandbox: Sandbox) -> dict[str, Any]:
    """Return what was sent, how fast it was acknowledged and applied, and how busy the machine was."""
    orders = [_put(sandbox, number) for number in range(_ORDERS)]
    client = httpx.Client(timeout=20, limits=httpx.Limits(max_connections=_SENDERS))
    busy, started = _busy_seconds(), time.monotonic()
    with ThreadPoolExecutor(_SENDERS) as senders:
        statuses = list(senders.map(lambda order: _notify(sandbox, client, order), orders))
    acknowledged = time.monotonic() - started
    paid = _wait(sandbox, {order.order_no for order in orders})
    seconds, cores = time.monotonic() - started, os.cpu_count() or 1
    return {
        "notifications": len(orders),
        "acknowledged": statuses.count(200),
        "applied": paid,
        "acknowledged per second": round(len(orders) / acknowledged, 1),
        "applied per second": round(paid / seconds, 1),
        "CPU busy": f"{(_busy_seconds() - busy) / seconds / cores:.0%} of {cores} cores",
        "CPU milliseconds per notification": round((_busy_seconds() - busy) / len(orders) * 1000, 1),
    }


def _put(sandbox: Sandbox, number: int) -> Order:
    order = samples.order(f"throughput-{number}")
    sandbox.aws("dynamodb").put_item(
        TableName=sandbox.stack.outputs["OrdersTable"], Item=marshal_fields(to_item(order))
    )
    return order


def _notify(sandbox: Sandbox, client: httpx.Client, order: Order) -> int:
    body = samples.payment(order)
    headers = samples.signed(order, body, app_id=APP_ID, secret=sandbox.app_secret)
    return client.post(f"{sandbox.api_url}/webhooks/jiuwu", content=body, headers=headers).status_code


def _wait(sandbox: Sandbox, numbers: set[str]) -> int:
    """Return how many of these orders are paid, once all are or the timeout ends."""
    dynamodb, table, paid = sandbox.aws("dynamodb"), sandbox.stack.outputs["OrdersTable"], 0
    end = time.monotonic() + _TIMEOUT_SECONDS
    while paid < _ORDERS and time.monotonic() < end:
        time.sleep(0.2)
        pages = dynamodb.get_paginator("scan").paginate(TableName=table)
        items = itertools.chain.from_iterable(page["Items"] for page in pages)
        orders = [order for item in items if (order := from_item(unmarshal_fields(item))).order_no in numbers]
        paid = sum(order.status is not Status.PLACED for order in orders)
    return paid


def _busy_seconds() -> float:
    """Return the CPU seconds that this machine's cores have worked since it started (Linux only)."""
    user, nice, system = (int(ticks) for ticks in Path("/proc/stat").read_text().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")
