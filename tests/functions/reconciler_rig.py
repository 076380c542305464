"""The reconciler on both sides of some orders."""

import json
from collections import Counter
from collections.abc import Callable
from itertools import count, islice
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from jiuwu.deadline import Deadline
from jiuwu.orders.codec import shard_of
from jiuwu.orders.events import Event, Paid, Placed
from jiuwu.orders.order import Line
from jiuwu.orders.placement import new_order
from jiuwu.reconciliation.shard_tasks import CHANGED, ShardTask
from sandbox.simulator import orders as platform
from tests.functions.both_sides import NOW, Sides
from tests.orders.lives import after

EVENT = json.loads((Path(__file__).parents[2] / "events" / "reconciler.json").read_text("utf-8"))
TEA = (Line("tea", "龙井", 2, 617),)
LATER = NOW + 1000


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 120_000


class Clockwork:
    """The reconciler on both sides of some orders; it runs at LATER, when orders made at NOW are due."""

    def __init__(self, app: ModuleType, sides: Sides) -> None:
        self.app, self.sides = app, sides
        sides.now = LATER
        sides.log_in()
        self.dependencies = sides.build(app)

    def handle(self, event: object, remaining: Callable[[], float] = lambda: 120.0) -> dict[str, Any]:
        answer: dict[str, Any] = self.app.handle(self.dependencies, event, Deadline(remaining))
        return answer

    def run(self, remaining: Callable[[], float] = lambda: 120.0) -> dict[str, Any]:
        """A tick of the schedule and all of its tasks, continuations too; what they reported, in one."""
        before = {item["record"]["S"] for item in self.reports}
        self.handle(EVENT)
        while messages := self.tasks():
            for message in messages:
                assert self.take(message, remaining) == {"batchItemFailures": []}
        return merged([item for item in self.reports if item["record"]["S"] not in before])

    def tasks(self) -> list[dict[str, Any]]:
        """The messages of the reconcile queue, as SQS hands them to the function."""
        url, found = self.sides.names["RECONCILE_QUEUE_URL"], list[dict[str, Any]]()
        while messages := self.sides.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.sides.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(_record(message["MessageId"], message["Body"]))
        return found

    def take(self, message: dict[str, Any], remaining: Callable[[], float] = lambda: 120.0) -> dict[str, Any]:
        """One task's invocation."""
        return self.handle({"Records": [message]}, remaining)

    def put(
        self, part: ShardTask, message_id: str = "m-1", remaining: Callable[[], float] = lambda: 120.0
    ) -> dict[str, Any]:
        """The invocation for this task, however it was queued."""
        return self.handle(batch(part, message_id), remaining)

    def one(self, order_no: str) -> dict[str, Any]:
        return self.handle({"order_no": order_no})

    def order(self, key: str = "key-1", *events: Event, member: str = "lan", there: bool = True) -> str:
        """An order made at NOW, and what happened to it; its number. `there`: the platform has it, as created."""
        open_id, member_id = self.sides.member(member)
        made = new_order(member_id, open_id, key, TEA, now=NOW, check_seconds=180)
        if there:
            items = (platform.Item("tea", "龙井", 2, 617),)
            requested = platform.NewOrder(made.order_no, made.amount_fen, items)
            self.sides.platform.orders[made.order_no] = platform.place(requested, open_id, NOW)
            number = self.sides.platform.orders[made.order_no].platform_order_no
            events = (Placed(NOW, number, "https://pay"), *events)
        self.sides.put(after(made, *events))
        return made.order_no

    def orders_of(self, shard: str, number: int, *, there: bool = True) -> list[str]:
        """So many orders made at NOW that are due in this shard."""
        open_id, member_id = self.sides.member()
        keys = (f"key-{n}" for n in count())
        drawn = ((key, new_order(member_id, open_id, key, TEA, now=NOW, check_seconds=180)) for key in keys)
        here = (key for key, order in drawn if shard_of(order.order_no) == shard)
        return [self.order(key, there=there) for key in islice(here, number)]

    def classes(self, answer: dict[str, Any]) -> dict[str, int]:
        return {class_: found["count"] for class_, found in answer["classes"].items()}

    @property
    def reports(self) -> list[dict[str, Any]]:
        table = self.sides.names["RECONCILIATION_TABLE"]
        items = self.sides.dynamodb.scan(TableName=table)["Items"]
        return [item for item in items if item["record"]["S"].startswith("report#")]

    @property
    def reports_in_order(self) -> list[dict[str, Any]]:
        """The saved reports, the oldest first."""
        return sorted(self.reports, key=lambda item: item["record"]["S"])

    @property
    def leases(self) -> list[str]:
        """The parts that someone has a lease of."""
        items = self.sides.dynamodb.scan(TableName=self.sides.names["RECONCILIATION_TABLE"])["Items"]
        return sorted(
            name.removeprefix("lease#") for item in items if (name := item["record"]["S"]).startswith("lease#")
        )


def _record(message_id: str, body: str) -> dict[str, Any]:
    return {"messageId": message_id, "eventSource": "aws:sqs", "body": body}


def batch(part: ShardTask, message_id: str = "m-1") -> dict[str, Any]:
    """The event with this task."""
    return {"Records": [_record(message_id, msgspec.json.encode(part).decode())]}


def merged(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """What several parts reported: `due` and `changed` are the numbers of orders that each looked at."""
    kept = [(item["record"]["S"].split("#")[2], json.loads(item["report"]["S"])) for item in reports]
    classes: dict[str, dict[str, Any]] = {}
    for _, report in kept:
        for class_, found in report["classes"].items():
            seen = classes.setdefault(class_, {"count": 0, "orders": []})
            seen["count"] += found["count"]
            seen["orders"] += found["orders"]
    return {
        "due": sum(report["checked"] for part, report in kept if part != CHANGED),
        "changed": sum(report["checked"] for part, report in kept if part == CHANGED),
        "problems": [problem for _, report in kept for problem in report["problems"]],
        "classes": classes,
        "transitions": dict(sum((Counter(report["transitions"]) for _, report in kept), Counter[str]())),
    }


def paid(order_no: str, at: int = NOW + 50) -> Paid:
    return Paid(f"evt-{order_no}", at, "t1", 1234, at)


def ship_there(clockwork: Clockwork, number: str) -> None:
    there = clockwork.sides.platform.orders
    there[number] = platform.push(there[number], "shipped", "request-1", NOW + 61)
