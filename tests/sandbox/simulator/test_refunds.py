"""Refunds that the simulated platform does not make at once: under way, then made or failed."""

from typing import Any

import pytest

from tests.sandbox.simulator.order_steps import fits, give_back, paid
from tests.sandbox.simulator.simulated import Merchant, merchant

pytestmark = pytest.mark.anyio


async def slow(one: Merchant) -> dict[str, Any]:
    """A paid order with a refund under way."""
    await one.log_in()
    transaction = (await paid(one))["payments"][0]["transaction_id"]
    await one.control("PUT", "config", refunds_begin_as="processing")
    reply = await give_back(one, transaction)
    assert ("processing", 0) == (reply["data"]["status"], reply["code"])
    fits("RefundDone", reply["data"])
    return dict(reply["data"])


async def shown(one: Merchant) -> tuple[str, list[str]]:
    order = (await one.call("orders.get", out_order_no="JW1"))["data"]
    fits("Order", order)
    return order["status"], [refund["status"] for refund in order["refunds"]]


@pytest.mark.parametrize(("ends", "status"), [("succeeded", "refunded"), ("failed", "paid")])
async def test_a_refund_under_way_gives_back_only_when_it_succeeds(ends: str, status: str) -> None:
    async with merchant() as one:
        refund = await slow(one)
        before = await shown(one)
        await one.control("POST", f"orders/JW1/refunds/{refund['refund_id']}", status=ends)
        after = await shown(one)

    assert ("paid", ["processing"]) == before
    assert (status, [ends]) == after


async def test_what_is_under_way_is_taken_from_its_payment_until_it_fails() -> None:
    async with merchant() as one:
        refund = await slow(one)
        transaction = (await one.call("orders.get", out_order_no="JW1"))["data"]["payments"][0]["transaction_id"]
        more = await give_back(one, transaction, "0.01", "RF2")
        await one.control("POST", f"orders/JW1/refunds/{refund['refund_id']}", status="failed")
        same = await give_back(one, transaction)
        again = await give_back(one, transaction, refund_no="RF3")

    assert 50003 == more["code"]
    assert ("failed", refund["refund_id"]) == (same["data"]["status"], same["data"]["refund_id"])
    assert "processing" == again["data"]["status"]


async def test_each_change_of_a_refund_is_told_as_an_event_of_its_own() -> None:
    async with merchant() as one:
        refund = await slow(one)
        for status in ("failed", "processing", "failed", "succeeded"):
            await one.control("POST", f"orders/JW1/refunds/{refund['refund_id']}", status=status)
        await one.settled()
        bodies = [body for _, body in one.received if body["event_type"] == "order.refunded"]

    states = [body["data"]["status"] for body in bodies]
    assert sorted(["processing", "failed", "processing", "failed", "succeeded"]) == sorted(states)
    assert 5 == len({body["event_id"] for body in bodies})


async def test_what_was_given_back_stays_so() -> None:
    async with merchant() as one:
        refund = await slow(one)
        await one.control("POST", f"orders/JW1/refunds/{refund['refund_id']}", status="succeeded")
        path = f"/_sim/orders/JW1/refunds/{refund['refund_id']}"
        reply = await one.http.request("POST", path, json={"status": "failed"})

    assert reply.status_code != 200 or reply.json()["code"] != 0
    assert "could change" in reply.text
