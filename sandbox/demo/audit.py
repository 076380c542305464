"""Read what both sides hold: our tables and queues, the platform's own list, the warehouse."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

from jiuwu.aws.dynamodb import unmarshal_fields
from jiuwu.dead_letters.failed_message import Kind
from jiuwu.dead_letters.repository import DeadLetterRepository
from jiuwu.orders.codec import from_item
from jiuwu.orders.order import Order
from jiuwu.platform import money
from sandbox.environment import Sandbox
from sandbox.invariants.facts import RemoteOrder

_DEAD_LETTER_QUEUES = (
    "OrderDeadLetters",
    "EffectDeadLetters",
    "CommunityDeadLetters",
    "QuarantineQueue",
    "ReconcileDeadLetters",
    "RefreshDeadLetters",
    "FailedRuns",
)
_UNDER_WAY = ("OrderQueue", "EffectQueue", "ReconcileQueue")


@dataclass(slots=True)
class SandboxAudit:
    """Read one running sandbox."""

    sandbox: Sandbox
    received: list[str] = field(default_factory=list)  # the effect ids of the ship requests received so far
    _seen: int = 0
    attempts: list[dict[str, Any]] = field(default_factory=list)

    def local(self) -> dict[str, Order]:
        """Return our orders by number."""
        pages = self.sandbox.aws("dynamodb").get_paginator("scan")
        table = self.sandbox.stack.outputs["OrdersTable"]
        items = (item for page in pages.paginate(TableName=table, ConsistentRead=True) for item in page["Items"])
        return {order.order_no: order for order in map(from_item, map(unmarshal_fields, items))}

    def remote(self) -> dict[str, RemoteOrder]:
        """Return the platform's orders by our number."""
        orders = self._control("orders")["orders"]
        return {order["out_order_no"]: _remote(order) for order in orders}

    def ship_requests(self) -> tuple[str, ...]:
        """Return the effect ids of all ship requests that the warehouse received, repeats included."""
        sqs, url = self.sandbox.aws("sqs"), self.sandbox.warehouse_url
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            self.received += [json.loads(message["Body"])["detail"]["effect_id"] for message in messages]
            entries = [{"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]} for message in messages]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        return tuple(self.received)

    def dead_letters(self) -> dict[str, int]:
        """Count dead letters by kind, and messages by dead-letter queue."""
        repository = DeadLetterRepository(self.sandbox.aws("dynamodb"), self.sandbox.stack.outputs["DeadLettersTable"])
        kept = {f"dead letters, {kind}": len(list(repository.of_kind(kind))) for kind in Kind}
        return kept | {name: self._depth(name) for name in _DEAD_LETTER_QUEUES}

    def under_way(self) -> Counter[str]:
        """Count what was sent and has not arrived: messages on our queues, notifications at the platform."""
        stats = self._control("stats")
        moving = {name: self._depth(name) for name in _UNDER_WAY}
        return Counter(moving | {"notifications": int(stats["waiting"]) + int(stats["in_flight"])})

    def notifications(self) -> list[dict[str, Any]]:
        """Return all attempts so far to deliver a notification, dropped ones included."""
        page = self._control(f"notifications?after={self._seen}")
        self._seen = page["next"]
        self.attempts += page["notifications"]
        return self.attempts

    def stats(self) -> dict[str, Any]:
        """Return the platform's counters."""
        return self._control("stats")

    def drift(self) -> Counter[str]:
        """Count what the reconciler found, by class of drift."""
        table = self.sandbox.stack.outputs["ReconciliationTable"]
        pages = self.sandbox.aws("dynamodb").get_paginator("scan").paginate(TableName=table)
        found = Counter[str]()
        for page in pages:
            for record in page["Items"]:
                found.update(unmarshal_fields(record).get("counts", {}))
        return found

    def _depth(self, name: str) -> int:
        sqs, url = self.sandbox.aws("sqs"), self.sandbox.stack.outputs[name]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[key]) for key in names)

    def _control(self, what: str) -> dict[str, Any]:
        reply = httpx.get(f"{self.sandbox.simulator_url}/_sim/{what}", timeout=20).raise_for_status()
        data: dict[str, Any] = reply.json()
        return data


def _remote(order: dict[str, Any]) -> RemoteOrder:
    payments = {payment["transaction_id"]: money.fen(payment["amount"]) for payment in order["payments"]}
    refunds = {
        refund["refund_id"]: money.fen(refund["amount"])
        for refund in order["refunds"]
        if refund["status"] == "succeeded"
    }
    return RemoteOrder(order["status"], payments, refunds)
