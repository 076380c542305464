"""OrderProcessor on a table and queues of its own."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import httpx

from jiuwu.aws.settings import load
from jiuwu.bootstrap import Platform
from jiuwu.deadline import Deadline
from jiuwu.orders.order import Order
from jiuwu.orders.repository import OrderStore
from jiuwu.runtime import Runtime
from tests.functions.trade_messages import CapturedTelemetry, batch, drained, failed, number, platform
from tests.orders.lives import NOW


class Rig:
    """What a test does with the function, and what it finds afterwards."""

    def __init__(
        self, app: ModuleType, environment: dict[str, str], aws: Callable[[str], Any], captured: CapturedTelemetry
    ) -> None:
        self.app, self.environment, self.sqs, self.captured = app, environment, aws("sqs"), captured
        self.settings = load(app.Settings, environment)
        runtime = Runtime(clock=lambda: NOW + 0.9)
        self.dependencies = app.build(self.settings, Platform(self.settings), runtime)
        self.store: OrderStore = self.dependencies.store

    def put(self, *orders: Order) -> None:
        for order in orders:
            self.store.create(order)

    def order(self, n: int = 0) -> Order:
        order = self.store.get(number(n))
        assert order is not None
        return order

    def handle(
        self, *records: dict[str, Any], remaining: Callable[[], float] = lambda: 30.0, **changes: Any
    ) -> list[str]:
        return failed(self.app.handle(self.dependencies._replace(**changes), batch(*records), Deadline(remaining)))

    def platform(self, answers: Callable[[httpx.Request], httpx.Response | None]) -> None:
        self.dependencies = self.dependencies._replace(platform=Platform(self.settings, http=platform(answers)))

    @property
    def requested_to_ship(self) -> list[str]:
        messages = drained(self.sqs, self.environment["EFFECT_QUEUE_URL"])
        return sorted(json.loads(message["Body"])["order_no"] for message in messages)

    @property
    def dead_letters(self) -> list[dict[str, Any]]:
        return drained(self.sqs, self.environment["ORDER_DEAD_LETTER_URL"])
