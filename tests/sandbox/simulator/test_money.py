"""Payments and refunds of the simulator: whole, in parts, twice, late."""

import pytest

from sandbox.simulator import orders
from sandbox.simulator.refusals import Refused
from tests.sandbox.simulator.order_steps import give_back, paid
from tests.sandbox.simulator.simulated import ITEM, merchant

pytestmark = pytest.mark.anyio


async def test_money_comes_a_second_time_late_or_wrong_as_told() -> None:
    async with merchant() as one:
        await paid(one)
        twice = await one.control("POST", "orders/JW1/pay", transaction_id="tx-2", amount="0.01")
        again = await one.control("POST", "orders/JW1/pay", transaction_id="tx-2", amount="0.01")
        await one.place("JW2")
        await one.control("POST", "orders/JW2/cancel")
        refused = await one.http.post("/_sim/orders/JW2/pay")
        late = await one.control("POST", "orders/JW2/pay", force=True)
    assert (twice["status"], twice["paid_fen"], again["version"]) == ("paid", 1235, twice["version"])
    assert (refused.status_code, refused.json()["reason"]) == (409, "transition_refused")
    assert (late["status"], late["paid_fen"]) == ("paid", 1234)


async def test_a_refund_is_made_once_and_the_last_of_the_money_changes_the_state() -> None:
    async with merchant() as one:
        transaction = (await paid(one))["payments"][0]["transaction_id"]
        part, again = [await give_back(one, transaction, "2.34") for _ in range(2)]
        assert part["data"] == again["data"]
        assert (await one.control("GET", "orders/JW1"))["status"] == "paid"
        assert (await give_back(one, transaction, "2.35"))["code"] == 50002
        assert (await give_back(one, transaction, "10.01", "RF2"))["code"] == 50003
        assert (await give_back(one, "tx-unknown", "1.00", "RF2"))["code"] == 50003
        assert (await give_back(one, transaction, "10.00", "RF2"))["code"] == 0
        seen = await one.control("GET", "orders/JW1")
        await one.attempts(3)
    assert (seen["status"], seen["refunded_fen"]) == ("refunded", 1234)
    numbers = [body["data"]["out_refund_no"] for _, body in one.received if body["event_type"] == "order.refunded"]
    assert sorted(numbers) == ["RF1", "RF2"]


async def test_money_that_strayed_to_an_order_of_nothing_goes_back_and_leaves_the_order_as_it_is() -> None:
    async with merchant() as one:
        token = (await one.log_in())["access_token"]
        await one.place("JW1", token, amount="0.00", items=[ITEM | {"price": "0.00"}])
        strayed = await one.control("POST", "orders/JW1/pay", amount="0.01", transaction_id="strayed")
        assert (await give_back(one, "strayed", "0.01"))["code"] == 0
        after = await one.control("GET", "orders/JW1")
    assert [strayed["status"], after["status"], after["refunded_fen"]] == ["paid", "paid", 1]


def paid_in_part() -> orders.Order:
    order = orders.place(orders.NewOrder("JW1", 3990, ()), "ou_lan", 1000)
    return orders.pay(order, 1000, "gift", 1001)


def test_an_order_paid_in_part_takes_the_rest_and_ships_only_then() -> None:
    short = paid_in_part()
    whole = orders.pay(short, 2990, "wallet", 1002)

    assert (True, 2990, "paid") == (short.payable, short.missing_fen, short.status)
    with pytest.raises(Refused):
        orders.push(short, "shipped", "r1", 1003)
    assert (False, "shipped") == (whole.payable, orders.push(whole, "shipped", "r1", 1003).status)


def test_an_order_paid_in_part_can_be_cancelled_and_one_paid_in_full_cannot() -> None:
    short = paid_in_part()

    assert "cancelled" == orders.cancel(short, 1002, "merchant").status
    with pytest.raises(Refused):
        orders.cancel(orders.pay(short, 2990, "wallet", 1002), 1003, "merchant")


def test_an_order_whose_part_went_back_may_be_paid_anew() -> None:
    back = orders.refund(paid_in_part(), orders.Refund("r", "", "gift", 1000, 1002), 1002, "platform")

    assert ("refunded", "paid") == (back.status, orders.pay(back, 3990, "wallet", 1003).status)
