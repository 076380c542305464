"""DailyStatement over some orders of one day, with a queue whose messages a test hands out as it likes."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

from jiuwu.bootstrap import Platform
from jiuwu.deadline import Deadline
from jiuwu.orders.business_day import bounds, day_of
from jiuwu.orders.events import Event, Placed
from jiuwu.orders.order import Line
from jiuwu.orders.placement import new_order
from jiuwu.runtime import Runtime
from sandbox.simulator import orders as platform
from tests.functions.both_sides import NOW, Sides
from tests.orders.lives import after

EVENT = json.loads((Path(__file__).parents[2] / "events" / "daily_statement.json").read_text("utf-8"))
TEA = (Line("tea", "龙井", 2, 617),)
DAY = day_of(NOW)
SINCE, UNTIL = bounds(DAY)
NEXT_NIGHT = UNTIL + 1800  # half past midnight


class Context:
    aws_request_id = "6f1c2b7e"

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


@dataclass
class Messages:
    """The queue: (seconds of delay, body) of each message not yet handed out."""

    waiting: list[tuple[int, str]] = field(default_factory=list)

    def send_message(self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int = 0) -> None:  # noqa: N803
        self.waiting.append((DelaySeconds, MessageBody))

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.waiting += [(0, entry["MessageBody"]) for entry in Entries]
        return {}

    def take(self, task: str) -> str:
        """The oldest message of a task; "" when there is none."""
        found = next(((delay, body) for delay, body in self.waiting if json.loads(body)["task"] == task), None)
        if found is None:
            return ""
        self.waiting.remove(found)
        return found[1]


class Night:
    """The night after the orders' day: begins statements and hands out their tasks."""

    def __init__(self, app: ModuleType, sides: Sides, s3: Any) -> None:
        self.app, self.sides, self.s3, self.messages = app, sides, s3, Messages()
        sides.now = NEXT_NIGHT
        self.bucket = f"statements-{uuid4().hex[:12]}"
        s3.create_bucket(Bucket=self.bucket)
        settings = self._settings()
        runtime = Runtime(clock=lambda: sides.now)
        self.dependencies = app.build(
            settings, Platform(settings, http=sides.platform.http, runtime=runtime), runtime
        )._replace(sqs=self.messages)

    def _settings(self) -> Any:
        names = self.sides.names | {"STATEMENT_QUEUE_URL": "http://127.0.0.1:9/q", "STATEMENTS_BUCKET": self.bucket}
        kinds = {"payment_check_seconds": int, "order_expiry_seconds": int}
        fields = self.app.Settings.__struct_fields__
        return self.app.Settings(**{field: kinds.get(field, str)(names[field.upper()]) for field in fields})

    def order(self, key: str, *events: Event, at: int = NOW, there: bool = True) -> str:
        """An order made at a time, and what happened to it; its number. `there`: the platform has it, as created."""
        open_id, member_id = self.sides.member()
        made = new_order(member_id, open_id, key, TEA, now=at, check_seconds=180)
        if there:
            placed = self.there(made.order_no, at)
            events = (Placed(at, placed.platform_order_no, "https://pay"), *events)
        self.sides.put(after(made, *events))
        return made.order_no

    def there(self, number: str, at: int) -> platform.Order:
        """The platform's order of this number, with any origin."""
        requested = platform.NewOrder(number, 1234, (platform.Item("tea", "龙井", 2, 617),))
        self.sides.platform.orders[number] = platform.place(requested, self.sides.member()[0], at)
        return self.sides.platform.orders[number]

    def ask(self, event: object = EVENT) -> dict[str, Any]:
        answer: dict[str, Any] = self.app.handle(self.dependencies, event, Deadline(lambda: 120.0), "request-1")
        return answer

    def hand_out(self, body: str, *, remaining: Callable[[], float] = lambda: 120.0) -> bool:
        """One message to the function; whether it was dealt with."""
        event = {"Records": [{"messageId": "m1", "eventSource": "aws:sqs", "body": body}]}
        answer: dict[str, Any] = self.app.handle(self.dependencies, event, Deadline(remaining), "request-2")
        return answer == {"batchItemFailures": []}

    def work(self) -> None:
        """Every message but the watch's, until there are none; time passes with their delays."""
        while bodies := [one for one in self.messages.waiting if json.loads(one[1])["task"] != "watch"]:
            for delay, body in bodies:
                self.messages.waiting.remove((delay, body))
                self.sides.now += delay
                assert self.hand_out(body)

    def statement(self, event: object = EVENT) -> dict[str, Any]:
        """The report of a run from its beginning to its end."""
        self.ask(event)
        self.work()
        return self.report

    @property
    def report(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self._object("json"))
        return read

    @property
    def rows(self) -> list[dict[str, str]]:
        """The CSV as a spreadsheet reads it."""
        return list(csv.DictReader(io.StringIO(self._object("csv").decode("utf-8-sig"))))

    @property
    def written(self) -> bool:
        return bool(self.s3.list_objects_v2(Bucket=self.bucket).get("Contents"))

    def _object(self, kind: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=f"statements/{DAY}.{kind}")["Body"].read()
        return body
