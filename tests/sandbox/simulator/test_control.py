"""The control buttons: notifications sent on request, faults ended, what happened read back, and misuse refused."""

from collections import Counter
from typing import Any

import httpx
import pytest

from tests.sandbox.simulator.simulated import merchant

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json"}


async def test_a_notice_is_sent_as_told_whatever_the_state_of_the_order() -> None:
    async with merchant() as one:
        await one.place()
        sent = await one.control("POST", "orders/JW1/notify", event_type="order.refunded", data={"amount": "0.05"})
        await one.settled()
        await one.control("POST", "orders/nobody/notify", event_type="order.completed", event_id="evt-mine")
        await one.settled()
    refunded, completed = [body for _, body in one.received]
    assert (refunded["event_id"], refunded["data"]["amount"]) == (sent["event_ids"][0], "0.05")
    assert (completed["event_id"], completed["data"]["out_order_no"]) == ("evt-mine", "nobody")


@pytest.mark.parametrize(
    ("notice", "outcomes", "event_ids"),
    [
        ({"copies": 32, "simultaneous": True}, {"accepted": 32}, 1),
        ({"copies": 3, "new_event_id": True}, {"accepted": 3}, 3),
        ({"wrong_secret": True}, {"forgery_refused": 1}, 0),
        ({"old_timestamp": True, "copies": 2}, {"forgery_refused": 2}, 0),
        ({"drop": True}, {"dropped": 1}, 0),
    ],
)
async def test_a_notice_goes_wrong_as_told(notice: dict[str, Any], outcomes: dict[str, int], event_ids: int) -> None:
    async with merchant() as one:
        await one.place()
        await one.control("POST", "orders/JW1/notify", event_type="order.paid", **notice)
        log = await one.attempts(sum(outcomes.values()))
    assert Counter(attempt["outcome"] for attempt in log) == outcomes
    assert len({body["event_id"] for _, body in one.received}) == event_ids


async def test_quiet_ends_the_faults_and_sends_what_waits() -> None:
    async with merchant() as one:
        await one.control("PUT", "config", speed=0.001)
        await one.control("PUT", "faults", seed=5, notifications={"delay": 1})
        await one.paid()
        assert (await one.control("GET", "stats"))["waiting"] == 1
        assert await one.control("POST", "quiet", release=True) == {"waiting": 1, "released": 1}
        await one.settled()
        quiet = await one.control("GET", "faults")
    assert (len(one.received), quiet["seed"], quiet["notifications"]["delay"]) == (1, 5, 0)


async def test_the_log_is_read_from_where_one_was() -> None:
    async with merchant() as one:
        await one.paid()
        await one.settled()
        first = await one.control("GET", "log")
        await one.control("POST", "orders/JW1/refund")
        await one.settled()
        news = await one.control("GET", f"log?after={first['next']}")
        attempts = await one.control("GET", "notifications?after=1")
    assert any("JW1 created → paid" in line["text"] for line in first["lines"])
    assert not any("created → paid" in line["text"] for line in news["lines"])
    assert any("order.refunded JW1 → 200 accepted" in line["text"] for line in news["lines"])
    assert [attempt["event_type"] for attempt in attempts["notifications"]] == ["order.refunded"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "orders/none/pay", None, 404),
        ("POST", "orders/none/refund", None, 404),
        ("POST", "orders/JW1/complete", None, 409),
        ("POST", "orders/JW1/refund", None, 409),
        ("POST", "orders/JW1/pay", {"amount": "1.234"}, 422),
        ("POST", "orders/JW1/pay", {"amount": "0"}, 422),
        ("POST", "orders/JW1/pay", {"ammount": "1"}, 422),  # codespell:ignore
        ("POST", "orders/JW1/notify", {}, 422),
        ("POST", "orders/JW1/notify", {"event_type": "order.paid", "event_id": "编号"}, 422),
        ("PUT", "config", {"speed": 0}, 422),
        ("PUT", "faults", {"notifications": {"drop": 2}}, 422),
        ("POST", "tokens/expire", {"fraction": -1}, 422),
        ("GET", "orders/none", None, 404),
        ("PUT", "products/none", {"price": "1.00"}, 404),
        ("PUT", "products/none", {"price": 1}, 422),
    ],
)
async def test_a_wrong_button_says_so(method: str, path: str, body: object, status: int) -> None:
    async with merchant() as one:
        await one.place()
        reply = await one.http.request(method, f"/_sim/{path}", json=body)
    assert (reply.status_code, "detail" in reply.json()) == (status, True)


async def test_a_product_can_be_changed_behind_the_merchants_back() -> None:
    async with merchant() as one:
        await one.call("products.upsert", body={"title": "龙井", "price": "6.17", "on_shelf": True}, product_id="tea")
        await one.control("PUT", "products/tea", price="0.01", on_shelf=False)
        shown = (await one.call("products.get", product_id="tea"))["data"]
        listed = (await one.control("GET", "products"))["products"]
    assert ("龙井", "0.01", False) == (shown["title"], shown["price"], shown["on_shelf"])
    assert [shown] == listed


async def test_the_buttons_answer_to_this_machine_only() -> None:
    async with merchant() as one:
        transport = httpx.ASGITransport(one.simulator.asgi, client=("192.0.2.7", 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://platform") as stranger:
            reply = await stranger.get("/_sim/orders")
    assert reply.status_code == 403
