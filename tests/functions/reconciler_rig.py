"""The reconciler on both sides of some orders."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from jiuwu.trade.events import Event, Paid, Placed
from jiuwu.trade.orders import Line
from jiuwu.trade.placing import new_order
from sandbox.platform import orders as platform
from tests.functions.both_sides import NOW, Sides
from tests.trade.lives import after

EVENT = json.loads((Path(__file__).parents[2] / "events" / "reconciler.json").read_text("utf-8"))
TEA = (Line("tea", "龙井", 2, 617),)
LATER = NOW + 1000


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 300_000


class Clockwork:
    """The reconciler on both sides of some orders; it runs at LATER, when orders made at NOW are due."""

    def __init__(self, app: ModuleType, sides: Sides) -> None:
        self.app, self.sides = app, sides
        sides.now = LATER
        sides.log_in()
        self.reconciler = sides.build(app)

    def run(self, event: object = EVENT, *, left: Callable[[], float] = lambda: 300.0) -> dict[str, Any]:
        answer: dict[str, Any] = self.app.handle(self.reconciler, event, left)
        return answer

    def one(self, order_no: str) -> dict[str, Any]:
        return self.run({"order_no": order_no})

    def order(self, key: str = "key-1", *events: Event, member: str = "lan", there: bool = True) -> str:
        """An order made at NOW, and what happened to it; its number. `there`: the platform has it, as created."""
        open_id, member_id = self.sides.member(member)
        made = new_order(member_id, open_id, key, TEA, now=NOW, check_seconds=180)
        if there:
            items = (platform.Item("tea", "龙井", 2, 617),)
            asked = platform.NewOrder(made.order_no, made.amount_fen, items)
            self.sides.platform.orders[made.order_no] = platform.place(asked, open_id, NOW)
            number = self.sides.platform.orders[made.order_no].platform_order_no
            events = (Placed(NOW, number, "https://pay"), *events)
        self.sides.put(after(made, *events))
        return made.order_no

    def classes(self, answer: dict[str, Any]) -> dict[str, int]:
        return {class_: found["count"] for class_, found in answer["classes"].items()}

    @property
    def reports(self) -> list[dict[str, Any]]:
        table = self.sides.names["RECONCILIATION_TABLE"]
        items = self.sides.dynamodb.scan(TableName=table)["Items"]
        return [item for item in items if item["record"]["S"].startswith("report#")]


def paid(order_no: str, at: int = NOW + 50) -> Paid:
    return Paid(f"evt-{order_no}", at, "t1", 1234, at)
