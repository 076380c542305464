"""Points and refunds through the deployed template: a member's phone, the merchant's server, the simulated platform."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from jiuwu.members.accounts import member_id_for
from sandbox.demo.members import Member
from sandbox.environment import APP_ID, Sandbox

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.xdist_group("sandbox"),
    pytest.mark.timeout(300, func_only=True),
]


class Shop:
    """A member who is logged in, and the merchant's server."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.http = sandbox, httpx.Client(base_url=sandbox.api_url, timeout=30)
        self.open_id = f"ou_{uuid4().hex[:12]}"
        self.member_id = member_id_for(APP_ID, self.open_id)
        with httpx.Client(timeout=30) as browser:
            member = Member(self.open_id, sandbox.api_url, sandbox.shop_url, browser)
            member.log_in()
        self.session = member.session

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """The member's app."""
        headers = {"authorization": f"Bearer {self.session}", "idempotency-key": uuid4().hex}
        return self.http.request(method, path, json=body, headers=headers)

    def office(self, method: str, path: str, body: object = None) -> httpx.Response:
        """The merchant's server."""
        headers = {"authorization": f"Bearer {self.sandbox.merchant_key}", "idempotency-key": uuid4().hex}
        return self.http.request(method, f"/merchant{path}", json=body, headers=headers)

    def order(self, product_id: str, pay_with: str) -> str:
        answer = self.ask(
            "POST", "/orders", {"items": [{"product_id": product_id, "quantity": 1}], "pay_with": pay_with}
        )
        assert 201 == answer.status_code, answer.text
        number: str = answer.json()["order_no"]
        return number

    def until(self, number: str, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The order as the merchant sees it, once it is so."""
        for _ in range(120):
            seen: dict[str, Any] = self.office("GET", f"/orders/{number}").json()
            if done(seen):
                return seen
            time.sleep(0.5)
        raise AssertionError(seen)


@pytest.fixture
def shop(sandbox: Sandbox) -> Iterator[Shop]:
    opened = Shop(sandbox)
    yield opened
    opened.http.close()


def test_points_that_the_merchant_gives_buy_an_order_that_ships(shop: Shop) -> None:
    given = shop.office("POST", f"/members/{shop.member_id}/points", {"points": 500, "reason": "生日"})
    number = shop.order("mug-panda", "points")
    order = shop.until(number, lambda seen: seen["status"] == "shipped" and not _pending(seen))

    there = httpx.get(f"{shop.sandbox.simulator_url}/_sim/orders/{number}").json()
    assert (200, 500) == (given.status_code, given.json()["balance"])
    assert (400, 0, "shipped") == (order["points"], order["amount_fen"], there["status"])
    assert 100 == shop.ask("GET", "/points").json()["balance"]
    again = shop.ask("POST", "/orders", {"items": [{"product_id": "mug-panda", "quantity": 1}], "pay_with": "points"})
    assert (422, "points_short") == (again.status_code, again.json()["reason"])


def test_a_part_and_then_the_rest_of_a_payment_go_back(shop: Shop) -> None:
    number = shop.order("mug-panda", "money")
    httpx.post(f"{shop.sandbox.simulator_url}/_sim/orders/{number}/pay").raise_for_status()
    shop.until(number, lambda seen: seen["status"] == "shipped")

    part = shop.office("POST", f"/orders/{number}/refunds", {"amount": "2.34", "reason": "damaged"})
    rest = shop.office("POST", f"/orders/{number}/refunds", {"reason": "damaged"})
    order = shop.until(number, lambda seen: seen["status"] == "refunded")

    assert [(202, 234), (202, 3756)] == [(one.status_code, one.json()["amount_fen"]) for one in (part, rest)]
    assert {234, 3756} == {refund["amount_fen"] for refund in order["refunds"]}
    nothing_left = shop.office("POST", f"/orders/{number}/refunds", {"amount": "0.01", "reason": "damaged"})
    assert (422, "nothing_left") == (nothing_left.status_code, nothing_left.json()["reason"])


def _pending(order: dict[str, Any]) -> bool:
    return any(effect["state"] == "pending" for effect in order["effects"])
