"""A member at the storefront."""

import json
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from jiuwu.deadline import Deadline
from tests.functions.both_sides import Sides
from tests.functions.storefront_requests import TEA, request


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 15_000


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def order_no(self) -> str:
        number: str = self.body["order_no"]
        return number


class Customer:
    """A member at the storefront."""

    def __init__(self, app: ModuleType, sides: Sides, name: str = "lan") -> None:
        self.app, self.sides = app, sides
        self.open_id, self.member_id = sides.member(name)
        self.shop, self.session = sides.build(app), sides.log_in(name)

    def send(self, event: object) -> Answer:
        reply = self.app.handle(self.shop, event, Deadline(lambda: 14.0))
        return Answer(reply["statusCode"], json.loads(reply["body"]), reply["headers"])

    def ask(self, method: str = "POST", path: str = "/orders", **more: Any) -> Answer:
        return self.send(request(method, path, **{"session": self.session} | more))

    def buy(self, key: str = "key-1", body: object = TEA) -> Answer:
        return self.ask(key=key, body=body)

    def look(self, order_no: str) -> Answer:
        return self.ask("GET", f"/orders/{order_no}")

    def cancel(self, order_no: str) -> Answer:
        return self.ask("POST", f"/orders/{order_no}/cancel")
